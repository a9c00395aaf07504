"""Prefect flows, one file each, and the settings as a whole."""

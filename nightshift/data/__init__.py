"""Readers of files, row keys, size limits and quarantine."""

"""Prefect artifacts, run names and states, and the reconciliation of runs without a process."""

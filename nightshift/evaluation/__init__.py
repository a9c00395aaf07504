"""Metrics by kind of objective, paired tests and limits, slices, prediction changes and drift."""

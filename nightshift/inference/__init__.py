"""Predictors, measurement of latency and memory, and the two MLflow pyfuncs."""

"""Plain torch and transformers: loading, training, compressing, exporting; knows neither Prefect nor MLflow."""

from models import threads

threads.limit()

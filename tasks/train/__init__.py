"""The stage train: settings, and the fine-tuning of the base model."""

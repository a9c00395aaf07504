"""Pretrained and freshly initialised models, their heads, and what is known of architectures."""

"""Pretrained and freshly initialized models, their heads, and maps of architectures."""

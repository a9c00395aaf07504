"""The trainer: tokenization, batching, losses, distillation, callbacks, checkpoints and throughput."""

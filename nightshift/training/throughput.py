"""Speed of a training: tokens a second, share of padding, and model FLOPs utilization."""

import time
from functools import cache
from typing import Any

import torch
from torch import nn


@cache
def peak_flops(device: str, precision: str) -> float:
    """Return the floating-point operations a second of a large square matrix product on a device, the best of six."""
    size = 8192 if device == "cuda" else 1024
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision, torch.float32)
    a, b = (torch.ones(size, size, device=device, dtype=dtype) for _ in range(2))
    best = float("inf")
    for _ in range(6):
        start = time.perf_counter()
        a @ b
        if device == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    return 2.0 * size**3 / best


class ThroughputMeter:
    """Counter of the rows, tokens and operations of a training; its clock stops for evaluations and checkpoints.

    Forward and backward of one token in a sequence of n cost 6 operations for each weight that is multiplied, and
    12 · layers · size · n for attention. Kaplan et al. 2020, arXiv 2001.08361, section 2.1; Chowdhery et al. 2022 (PaLM),
    arXiv 2204.02311, appendix B.
    """

    def __init__(self, model: nn.Module, device: str, precision: str) -> None:
        config: Any = model.config
        self.device, self.precision = device, precision
        self.weights = _count_multiplied_weights(model)
        self.attention_size = config.num_hidden_layers * config.hidden_size
        self.rows = self.tokens = self.padded_tokens = 0
        self.flops = self.seconds = 0.0
        self.running: tuple[float, int, int, int] | None = None

    def start_batch(self, rows: int, tokens: int, padded_tokens: int) -> None:
        """Start the clock for a micro-batch of `rows` rows with `tokens` tokens, `padded_tokens` with padding."""
        self.pause()
        self.running = (time.perf_counter(), rows, tokens, padded_tokens)

    def pause(self) -> None:
        """Stop the clock at the end of a micro-batch."""
        if self.running is None:
            return
        (start, rows, tokens, padded_tokens), self.running = self.running, None
        self.seconds += time.perf_counter() - start
        self.rows += rows
        self.tokens += tokens
        self.padded_tokens += padded_tokens
        self.flops += tokens * (6.0 * self.weights + 12.0 * self.attention_size * padded_tokens / rows)

    def metrics(self) -> dict[str, float]:
        """Return `rows_per_second`, `tokens_per_second`, `padding_share` and `model_flops_utilization` so far."""
        if not self.seconds:
            return {}
        return {
            "rows_per_second": self.rows / self.seconds,
            "tokens_per_second": self.tokens / self.seconds,
            "padding_share": 1 - self.tokens / self.padded_tokens,
            "model_flops_utilization": self.flops / self.seconds / peak_flops(self.device, self.precision),
        }


def _count_multiplied_weights(model: nn.Module) -> int:
    """Return the number of weights that a token is multiplied with: all but the embeddings, which are looked up."""
    tables = [m.weight for m in model.modules() if isinstance(m, nn.Embedding)]
    outputs = [m.weight for m in model.modules() if isinstance(m, nn.Linear)]
    tied = sum(table.numel() for table in tables if any(table is weight for weight in outputs))
    return sum(p.numel() for p in model.parameters()) - sum(table.numel() for table in tables) + tied

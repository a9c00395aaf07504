"""How fast a training is: tokens a second, the share of padding, the share of the device's arithmetic that is used."""

import time
from functools import cache
from typing import Any

import torch
from torch import nn


@cache
def peak_flops(device: str, kind: str) -> float:
    """Floating-point operations a second of a large square matrix product on this device, in that precision, the best of five."""
    size = 8192 if device == "cuda" else 1024
    number = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(kind, torch.float32)
    left, right = (torch.ones(size, size, device=device, dtype=number) for _ in range(2))
    best = float("inf")
    for _ in range(6):
        begun = time.perf_counter()
        left @ right
        if device == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - begun)
    return 2.0 * size**3 / best


class ThroughputMeter:
    """Counts what a training works through; the clock stops for evaluations and checkpoints.

    Forward and backward of one token in a sequence of n: 6 operations a weight that is multiplied, and 12 · layers ·
    size · n for attention. Kaplan et al. 2020, arXiv 2001.08361, section 2.1; Chowdhery et al. 2022 (PaLM), arXiv
    2204.02311, appendix B.
    """

    def __init__(self, model: nn.Module, device: str, kind: str) -> None:
        config: Any = model.config
        self.device, self.kind = device, kind
        self.weights, self.attention = _multiplied(model), config.num_hidden_layers * config.hidden_size
        self.rows = self.tokens = self.padded = 0
        self.flops = self.seconds = 0.0
        self.running: tuple[float, int, int, int] | None = None

    def note(self, rows: int, tokens: int, padded: int) -> None:
        """A micro-batch begins: `rows` with `tokens` real ones among `padded`."""
        self.pause()
        self.running = (time.perf_counter(), rows, tokens, padded)

    def pause(self) -> None:
        """The micro-batch is over, and what follows is no training."""
        if self.running is None:
            return
        (begun, rows, tokens, padded), self.running = self.running, None
        self.seconds += time.perf_counter() - begun
        self.rows += rows
        self.tokens += tokens
        self.padded += padded
        self.flops += tokens * (6.0 * self.weights + 12.0 * self.attention * padded / rows)

    def metrics(self) -> dict[str, float]:
        """`rows_per_second`, `tokens_per_second`, `padding_share`, `model_flops_utilization` so far."""
        if not self.seconds:
            return {}
        return {
            "rows_per_second": self.rows / self.seconds,
            "tokens_per_second": self.tokens / self.seconds,
            "padding_share": 1 - self.tokens / self.padded,
            "model_flops_utilization": self.flops / self.seconds / peak_flops(self.device, self.kind),
        }


def _multiplied(model: nn.Module) -> int:
    """Weights that a token is multiplied with: all but the embeddings, which are only looked up."""
    tables = [m.weight for m in model.modules() if isinstance(m, nn.Embedding)]
    outputs = [m.weight for m in model.modules() if isinstance(m, nn.Linear)]
    tied = sum(table.numel() for table in tables if any(table is weight for weight in outputs))
    return sum(p.numel() for p in model.parameters()) - sum(table.numel() for table in tables) + tied

"""What a classifier costs to serve, and the PyTorch one to compare with."""

import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

Score = Callable[[Sequence[str], Sequence[str] | None], np.ndarray]
BATCH = 32


class TorchTextClassifier:
    """A PyTorch classifier in float32 with the interface of `models.serving.OnnxTextClassifier`."""

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, max_length: int) -> None:
        self.model, self.tokenizer, self.max_length = model.eval(), tokenizer, max_length

    @torch.inference_mode()
    def scores(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> np.ndarray:
        """Probabilities, shape (rows, classes), in the order of the texts."""
        lengths = [len(a) + (len(pairs[i]) if pairs is not None else 0) for i, a in enumerate(texts)]
        order = np.argsort(lengths, kind="stable")
        scores = np.zeros((len(texts), self.model.config.num_labels))
        for start in range(0, len(texts), BATCH):
            part = order[start : start + BATCH]
            batch = self.tokenizer(
                [texts[i] for i in part],
                [pairs[i] for i in part] if pairs is not None else None,
                truncation=True, max_length=self.max_length, padding=True, return_tensors="pt",
            )  # fmt: skip
            scores[part] = self.model(**batch).logits.float().softmax(dim=-1).numpy()
        return scores


def one_by_one(scores: Sequence[Score], texts: Sequence[str], pairs: Sequence[str] | None) -> list[list[float]]:
    """Milliseconds a text of each classifier at batch 1, asked in turns so that noise hits all alike.

    Who is asked first changes from text to text.
    """
    times: list[list[float]] = [[] for _ in scores]
    count = len(texts)
    for turn in range(-10, min(100, count)):
        text = [texts[turn % count]]
        pair = [pairs[turn % count]] if pairs is not None else None
        for place in sorted(range(len(scores)), reverse=bool(turn % 2)):
            score = scores[place]
            begun = time.perf_counter()
            score(text, pair)
            if turn >= 0:
                times[place].append((time.perf_counter() - begun) * 1000)
    return times


def measure_cost(score: Score, texts: Sequence[str], pairs: Sequence[str] | None, size_bytes: int) -> dict[str, float]:
    """`size_mb`, `latency_ms_p50` and `latency_ms_p95` (batch 1, 100 texts), `throughput` (batches of 32, 256 texts)."""
    times = one_by_one([score], texts, pairs)[0]
    few, few_pairs = texts[:256], pairs[:256] if pairs is not None else None
    begun = time.perf_counter()
    score(few, few_pairs)
    return {
        "size_mb": size_bytes / 1e6,
        "latency_ms_p50": float(np.percentile(times, 50)),
        "latency_ms_p95": float(np.percentile(times, 95)),
        "throughput": len(few) / (time.perf_counter() - begun),
    }

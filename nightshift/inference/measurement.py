"""Predictor of a PyTorch model in memory, and measurement of latency and throughput."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import PreTrainedTokenizerBase

from nightshift.inference import text_generation
from nightshift.models.heads import Heads, Model, compute_logits
from nightshift.training import losses, tokenization
from nightshift.training.batching import batches_by_length

Call = Callable[[Sequence[str], Sequence[str] | None], Any]
BATCH = 32
TURNS = 3
"""Number of times that throughput is measured."""


def device() -> str:
    """Return the device for PyTorch: `cuda` if there is a GPU, else `cpu`."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def mixed_precision(precision: str) -> AbstractContextManager[Any]:
    """Return a context in which PyTorch multiplies in `bf16` or `fp16`; one without effect for `float32`."""
    dtype = torch.float16 if precision == "fp16" else torch.bfloat16
    return torch.autocast(device(), dtype, enabled=precision != "float32")


class TorchPredictor:
    """Predictor of a PyTorch model in memory, with the methods of `OnnxPredictor` and those of generation."""

    def __init__(self, model: Model, tokenizer: PreTrainedTokenizerBase, heads: Heads, max_length: int) -> None:
        self.model, self.tokenizer, self.heads, self.max_length = model.eval(), tokenizer, heads, max_length
        self.main = next(iter(heads))
        self.encoder_decoder = bool(model.config.is_encoder_decoder)

    def scores(self, texts: Sequence[str], pairs: Sequence[str] | None = None, objective: str = "main") -> np.ndarray:
        """Return probabilities (rows, classes), or values of a regression (rows, 1), in the order of the texts."""
        head, logits = self.heads[objective], torch.from_numpy(self.logits(texts, pairs, objective))
        if head.kind == "regression":
            scores = logits * head.std + head.mean
        else:
            scores = (logits / head.temperature).softmax(dim=-1) if head.separator is None else logits.sigmoid()
        array: np.ndarray = scores.numpy()
        return array

    @torch.inference_mode()
    def logits(self, texts: Sequence[str], pairs: Sequence[str] | None = None, objective: str = "main") -> np.ndarray:
        """Return the logits of a head that is not generative, (rows, outputs)."""
        lengths = [len(a) + (len(pairs[i]) if pairs is not None else 0) for i, a in enumerate(texts)]
        logits = np.zeros((len(texts), self.heads[objective].outputs))
        for part in _batches(lengths):
            batch = self.tokenizer(
                [texts[i] for i in part],
                [pairs[i] for i in part] if pairs is not None else None,
                truncation=True, max_length=self.max_length, padding=True, return_tensors="pt",
            )  # fmt: skip
            logits[part] = self._compute_logits(objective, dict(batch)).numpy()
        return logits

    @torch.inference_mode()
    def losses(
        self, texts: Sequence[str], targets: Sequence[str] | None = None, objective: str = "main"
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the loss (nats) and the number of tokens of each row: of the text, or of the target after it."""
        head = self.heads[objective]
        nats, tokens = np.zeros(len(texts)), np.zeros(len(texts), dtype=np.int64)
        if not texts:
            return nats, tokens
        ids, labels, rows = tokenization.encode_generation(
            self.tokenizer, head, texts, targets, self.max_length, self.encoder_decoder
        )
        for part in batches_by_length([len(line) for line in ids], BATCH, head, self.model.config.vocab_size):
            inputs = [torch.tensor(ids[i]) for i in part]
            batch_labels = _padded([torch.tensor(labels[i]) for i in part], tokenization.IGNORED)
            batch = {
                "input_ids": _padded(inputs, self.tokenizer.pad_token_id),
                "attention_mask": _padded([torch.ones_like(line) for line in inputs], 0),
            }
            if self.encoder_decoder:
                batch["labels"] = batch_labels
            logits = self._compute_logits(objective, batch)
            logits, batch_labels = losses.align(logits, batch_labels, head, self.encoder_decoder)
            token_losses = cross_entropy(
                logits.transpose(1, 2), batch_labels, ignore_index=tokenization.IGNORED, reduction="none"
            )
            row_indices = np.array(rows)[part]
            np.add.at(nats, row_indices, token_losses.sum(dim=1).double().numpy())
            np.add.at(tokens, row_indices, (batch_labels != tokenization.IGNORED).sum(dim=1).numpy())
        return nats, tokens

    @torch.inference_mode()
    def continuations(
        self,
        texts: Sequence[str],
        objective: str = "main",
        max_new_tokens: int | None = None,
        temperature: float | None = None,
        seed: int = 0,
        **params: Any,
    ) -> list[str]:
        """Return the continuation of each text, or the answer to it.

        Args:
            texts: Prompts or sources.
            objective: The objective that generates.
            max_new_tokens: Maximum number of new tokens.
            temperature: 0 takes the likeliest token each time.
            seed: Seed of the sampling; a text always has the same answer with it, whatever other texts there are.
            params: More fields of `nightshift.generation_config.Generation`; the objective has the defaults.
        """
        head = self.heads[objective]
        generation = head.generation.changed(max_new_tokens=max_new_tokens, temperature=temperature, **params)
        longest, new = text_generation.fit_lengths(self.model.config, self.max_length, generation.max_new_tokens)
        if not texts:
            return []
        generation = replace(generation, max_new_tokens=new)
        ids = text_generation.encode_prompts(self.tokenizer, head, texts, longest, self.encoder_decoder)
        written = [""] * len(texts)
        for part in _batches([len(line) for line in ids]):
            seeds = [text_generation.row_seed(seed, texts[i]) for i in part]
            batch = [ids[i] for i in part]
            answers = text_generation.generate(self.model, self.tokenizer, objective, batch, generation, seeds)
            for index, text in zip(part, answers, strict=True):
                written[index] = text
        return written

    def _compute_logits(self, objective: str, batch: dict[str, Tensor]) -> Tensor:
        device = next(self.model.parameters()).device
        inputs = {name: value.to(device) for name, value in batch.items()}
        return compute_logits(self.model, objective, inputs).float().cpu()


def _batches(lengths: Sequence[int]) -> Iterator[np.ndarray]:
    order = np.argsort(lengths, kind="stable")
    for start in range(0, len(order), BATCH):
        yield order[start : start + BATCH]


def _padded(lines: list[Tensor], fill: int) -> Tensor:
    return torch.nn.utils.rnn.pad_sequence(lines, batch_first=True, padding_value=fill)


def measure_latencies(
    calls: Sequence[Call], texts: Sequence[str], pairs: Sequence[str] | None, rows: int = 100
) -> list[list[float]]:
    """Measure milliseconds per text of each model at batch size 1, in turns, so that noise affects all alike.

    The order changes from text to text. Each model is called twice and timed the second time: warm, as on a server that
    answers one text after another; the models before it have emptied the processor's caches, which costs a small model
    most.

    Args:
        calls: Each predicts some texts with one model.
        texts: The texts.
        pairs: Second texts; None if the models read one.
        rows: Maximum number of texts.

    Returns:
        The times of each model.
    """
    times: list[list[float]] = [[] for _ in calls]
    for turn in range(min(rows, len(texts))):
        batch = [texts[turn]], None if pairs is None else [pairs[turn]]
        for index in sorted(range(len(calls)), reverse=bool(turn % 2)):
            calls[index](*batch)
            start_time = time.perf_counter()
            calls[index](*batch)
            times[index].append((time.perf_counter() - start_time) * 1000)
    return times


def measure_costs(
    calls: Sequence[Call], texts: Sequence[str], pairs: Sequence[str] | None, rows: int = 100
) -> list[dict[str, float]]:
    """Measure latency and throughput of each model, in turns.

    Args:
        calls: Each predicts some texts with one model, in batches of 32.
        texts: The texts.
        pairs: Second texts; None if the models read one.
        rows: Maximum number of texts by which latency is measured.

    Returns:
        For each model `latency_ms_p50` and `latency_ms_p95`, at batch size 1, and `throughput` in texts per second, the
        median of three turns with at most 256 texts.
    """
    batch, batch_pairs = texts[:256], pairs[:256] if pairs is not None else None
    latencies = measure_latencies(calls, texts, pairs, rows)
    durations: list[list[float]] = [[] for _ in calls]
    for _ in range(TURNS):
        for call, seconds in zip(calls, durations, strict=True):
            start_time = time.perf_counter()
            call(batch, batch_pairs)
            seconds.append(time.perf_counter() - start_time)
    return [
        {
            "latency_ms_p50": float(np.percentile(milliseconds, 50)),
            "latency_ms_p95": float(np.percentile(milliseconds, 95)),
            "throughput": len(batch) / float(np.median(seconds)),
        }
        for milliseconds, seconds in zip(latencies, durations, strict=True)
    ]

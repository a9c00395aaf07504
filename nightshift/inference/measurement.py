"""The PyTorch model that others are compared with, and what a model costs to serve."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import PreTrainedTokenizerBase

from nightshift.inference import text_generation
from nightshift.models.heads import Heads, Model
from nightshift.models.heads import compute_logits as answer
from nightshift.training import losses, tokenization
from nightshift.training.batching import batches_by_length

Call = Callable[[Sequence[str], Sequence[str] | None], Any]
BATCH = 32
TURNS = 3


def device() -> str:
    """Where PyTorch answers: `cuda` where there is a GPU, else `cpu`."""
    return "cuda" if torch.cuda.is_available() else "cpu"


class TorchPredictor:
    """A PyTorch model where it lies in memory; what it judges has the interface of `nightshift.inference.predictor.OnnxPredictor`."""

    def __init__(self, model: Model, tokenizer: PreTrainedTokenizerBase, heads: Heads, max_length: int) -> None:
        self.model, self.tokenizer, self.heads, self.max_length = model.eval(), tokenizer, heads, max_length
        self.main = next(iter(heads))
        self.encoder_decoder = bool(model.config.is_encoder_decoder)

    def scores(self, texts: Sequence[str], pairs: Sequence[str] | None = None, objective: str = "main") -> np.ndarray:
        """In the order of the texts: probabilities, shape (rows, classes), or values of a regression, shape (rows, 1)."""
        head, logits = self.heads[objective], torch.from_numpy(self.logits(texts, pairs, objective))
        if head.kind == "regression":
            scores = logits * head.std + head.mean
        else:
            scores = logits.softmax(dim=-1) if head.separator is None else logits.sigmoid()
        found: np.ndarray = scores.numpy()
        return found

    @torch.inference_mode()
    def logits(self, texts: Sequence[str], pairs: Sequence[str] | None = None, objective: str = "main") -> np.ndarray:
        """What a judging head says before it is read as probabilities or numbers, shape (rows, outputs)."""
        lengths = [len(a) + (len(pairs[i]) if pairs is not None else 0) for i, a in enumerate(texts)]
        logits = np.zeros((len(texts), self.heads[objective].outputs))
        for part in _batches(lengths):
            batch = self.tokenizer(
                [texts[i] for i in part],
                [pairs[i] for i in part] if pairs is not None else None,
                truncation=True, max_length=self.max_length, padding=True, return_tensors="pt",
            )  # fmt: skip
            logits[part] = self._answer(objective, dict(batch)).numpy()
        return logits

    @torch.inference_mode()
    def losses(
        self, texts: Sequence[str], targets: Sequence[str] | None = None, objective: str = "main"
    ) -> tuple[np.ndarray, np.ndarray]:
        """Nats and tokens of each row: of the text, or of the target after it."""
        head = self.heads[objective]
        nats, tokens = np.zeros(len(texts)), np.zeros(len(texts), dtype=np.int64)
        if not texts:
            return nats, tokens
        ids, labels, rows = tokenization.encode_generation(
            self.tokenizer, head, texts, targets, self.max_length, self.encoder_decoder
        )
        for part in batches_by_length([len(line) for line in ids], BATCH, head, self.model.config.vocab_size):
            inputs = [torch.tensor(ids[i]) for i in part]
            wanted = _padded([torch.tensor(labels[i]) for i in part], tokenization.IGNORED)
            batch = {
                "input_ids": _padded(inputs, self.tokenizer.pad_token_id),
                "attention_mask": _padded([torch.ones_like(line) for line in inputs], 0),
            }
            if self.encoder_decoder:
                batch["labels"] = wanted
            said, wanted = losses.align(self._answer(objective, batch), wanted, head, self.encoder_decoder)
            found = cross_entropy(said.transpose(1, 2), wanted, ignore_index=tokenization.IGNORED, reduction="none")
            places = np.array(rows)[part]
            np.add.at(nats, places, found.sum(dim=1).double().numpy())
            np.add.at(tokens, places, (wanted != tokenization.IGNORED).sum(dim=1).numpy())
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
        """Return what it writes after each text, or in answer to it.

        Args:
            texts: Prompts or sources.
            objective: Which of several writes.
            max_new_tokens: The most tokens that are written.
            temperature: 0 writes the likeliest token each time.
            seed: Of the draws; with it and its text a row is always answered alike, whatever else is asked.
            params: More fields of `nightshift.generation_config.Generation`; what is not given is the objective's own.
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
            for place, text in zip(part, answers, strict=True):
                written[place] = text
        return written

    def _answer(self, objective: str, batch: dict[str, Tensor]) -> Tensor:
        device = next(self.model.parameters()).device
        moved = {name: value.to(device) for name, value in batch.items()}
        return answer(self.model, objective, moved).float().cpu()


def _batches(lengths: Sequence[int]) -> Iterator[np.ndarray]:
    order = np.argsort(lengths, kind="stable")
    for start in range(0, len(order), BATCH):
        yield order[start : start + BATCH]


def _padded(lines: list[Tensor], fill: int) -> Tensor:
    return torch.nn.utils.rnn.pad_sequence(lines, batch_first=True, padding_value=fill)


def measure_latencies(
    calls: Sequence[Call], texts: Sequence[str], pairs: Sequence[str] | None, rows: int = 100
) -> list[list[float]]:
    """Milliseconds a text of each model at batch 1, asked in turns so that noise hits all alike.

    Who is asked first changes from text to text. Each is asked twice and timed the second time: warm, as on a server
    that answers one text after another; the models before it have emptied the processor's caches, which costs a small
    model most.
    """
    times: list[list[float]] = [[] for _ in calls]
    for turn in range(min(rows, len(texts))):
        asked = [texts[turn]], None if pairs is None else [pairs[turn]]
        for place in sorted(range(len(calls)), reverse=bool(turn % 2)):
            calls[place](*asked)
            begun = time.perf_counter()
            calls[place](*asked)
            times[place].append((time.perf_counter() - begun) * 1000)
    return times


def measure_costs(
    calls: Sequence[Call], texts: Sequence[str], pairs: Sequence[str] | None, rows: int = 100
) -> list[dict[str, float]]:
    """Of each model `latency_ms_p50` and `latency_ms_p95` (batch 1, `rows` texts) and `throughput`, texts a second.

    Throughput is that of at most 256 texts at once, of which a model makes batches of 32; the median of three turns.
    """
    few, few_pairs = texts[:256], pairs[:256] if pairs is not None else None
    latencies = measure_latencies(calls, texts, pairs, rows)
    seconds: list[list[float]] = [[] for _ in calls]
    for _ in range(TURNS):
        for call, found in zip(calls, seconds, strict=True):
            begun = time.perf_counter()
            call(few, few_pairs)
            found.append(time.perf_counter() - begun)
    return [
        {
            "latency_ms_p50": float(np.percentile(single, 50)),
            "latency_ms_p95": float(np.percentile(single, 95)),
            "throughput": len(few) / float(np.median(many)),
        }
        for single, many in zip(latencies, seconds, strict=True)
    ]

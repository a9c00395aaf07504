"""Batches of one objective and of similar length, in an order that is a pure function of seed and epoch.

A batch here is an effective batch, the rows between two updates of the weights. It is split into micro-batches, which
are divided among the processes in turn, so that more processes or smaller micro-batches see the same batches.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from typing import Any, Literal

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from nightshift.models.heads import Head, Heads
from nightshift.training.tokenization import IGNORED, Examples

Sampling = Literal["proportional", "equal", "temperature"]
SORTING_WINDOW = 200
"""Batches whose rows are sorted by length together."""
MAX_LOGITS = 30_000_000
"""Logits of a language model that an evaluation holds at once."""
NOT_MODEL_INPUTS = {"objective", "teacher_logits", "rows", "tokens"}
"""Items of a collated batch that are neither inputs of the model nor labels."""
PADDING = {"token_type_ids": 0, "position_ids": 0}


def sampling_shares(sizes: Mapping[str, int], sampling: Sampling, temperature: float) -> dict[str, float]:
    """Return the share of batches of each objective: by its number of rows n, equal, or by n^(1/temperature).

    Raffel et al. 2020 (T5), arXiv 1910.10683, section 3.5.2, without their limit on n.
    """
    power = {"proportional": 1.0, "equal": 0.0, "temperature": 1 / temperature}[sampling]
    rates = {name: size**power for name, size in sizes.items()}
    return {name: rate / sum(rates.values()) for name, rate in rates.items()}


class ObjectiveBatchSampler(Sampler[list[tuple[str, int]]]):
    """Micro-batches of this process in an epoch, as (objective, row); every batch is full.

    The last batch of an objective in an epoch is filled up with rows of another permutation. An objective with more
    batches than its rows fill is read again in another permutation. The longest batch of all comes first, so that a
    batch that does not fit into memory fails at once.

    Args:
        examples: Examples of each objective.
        batch_size: Rows of an effective batch, over all processes and micro-batches.
        seed: Seed of the order.
        micro_batches: Micro-batches into which a process splits its part of a batch.
        process: Index of this process.
        processes: Number of processes.
        sampling: Way to share the batches among objectives (`sampling_shares`).
        temperature: Temperature of that sampling.
    """

    def __init__(
        self,
        examples: Mapping[str, Examples],
        batch_size: int,
        seed: int,
        micro_batches: int = 1,
        process: int = 0,
        processes: int = 1,
        sampling: Sampling = "proportional",
        temperature: float = 2.0,
    ) -> None:
        self.lengths = {name: rows.lengths for name, rows in examples.items()}
        self.batch_size, self.seed, self.epoch = batch_size, seed, 0
        self.micro_batches, self.process, self.processes = micro_batches, process, processes
        self.num_batches = {name: ceil(len(lengths) / batch_size) for name, lengths in self.lengths.items()}
        if sampling != "proportional":
            total = sum(self.num_batches.values())
            rows = {name: len(lengths) for name, lengths in self.lengths.items()}
            shares = sampling_shares(rows, sampling, temperature)
            self.num_batches = {name: max(1, round(total * share)) for name, share in shares.items()}

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch; the Trainer calls it at the start of each one, also after a resume."""
        self.epoch = epoch

    def __len__(self) -> int:
        return sum(self.num_batches.values()) * self.micro_batches

    def __iter__(self) -> Iterator[list[tuple[str, int]]]:
        for name, rows in self.batches():
            parts = np.split(rows, self.micro_batches * self.processes)
            for micro_batch in parts[self.process :: self.processes]:
                yield [(name, int(row)) for row in micro_batch]

    def batches(self) -> Iterator[tuple[str, np.ndarray]]:
        """Yield the epoch's effective batches, over all processes, as objective and rows."""
        random = np.random.default_rng([self.seed, self.epoch])
        batches = [
            (name, batch) for name, number in self.num_batches.items() for batch in self._group(name, number, random)
        ]
        order = random.permutation(len(batches)).tolist()

        def longest_row(index: int) -> int:
            name, rows = batches[index]
            return int(self.lengths[name][rows].max())

        longest = max(order, key=longest_row)
        order.remove(longest)
        for index in [longest, *order]:
            yield batches[index]

    def _group(self, name: str, number: int, random: np.random.Generator) -> list[np.ndarray]:
        """Draw `number` batches of an objective, each of rows of similar length."""
        lengths, num_rows = self.lengths[name], number * self.batch_size
        permutations = [random.permutation(len(lengths)) for _ in range(ceil(num_rows / len(lengths)))]
        order = np.concatenate(permutations)[:num_rows]
        batches = []
        for start in range(0, num_rows, self.batch_size * SORTING_WINDOW):
            window = order[start : start + self.batch_size * SORTING_WINDOW]
            window = window[np.argsort(-lengths[window], kind="stable")]
            batches += np.split(window, len(window) // self.batch_size)
        return batches


def batches_by_length(
    lengths: Sequence[int] | np.ndarray, max_rows: int, head: Head, vocabulary: int
) -> Iterator[np.ndarray]:
    """Yield the indices of all rows in batches, the longest first.

    Args:
        lengths: Number of tokens of each row.
        max_rows: Rows of a batch.
        head: For a generative head a batch has fewer rows, so that its logits (rows, tokens, vocabulary) are at most
            `MAX_LOGITS` numbers.
        vocabulary: Size of the vocabulary.
    """
    sizes = np.asarray(lengths)
    order, start = np.argsort(-sizes, kind="stable"), 0
    while start < len(order):
        rows = max_rows
        if head.generative:
            rows = min(max_rows, max(1, MAX_LOGITS // (int(sizes[order[start]]) * vocabulary)))
        yield order[start : start + rows]
        start += rows


class Collator:
    """Collator of rows of one objective, padded to the longest among them."""

    def __init__(self, examples: Mapping[str, Examples], heads: Heads, pad_token_id: int) -> None:
        self.examples, self.heads, self.pad_token_id = examples, heads, pad_token_id

    def __call__(self, rows: list[tuple[str, int]]) -> dict[str, Any]:
        """Return the model's inputs, `labels`, and `teacher_logits` if the examples have them.

        Beside them there are `objective`, `rows` (the indices of the examples) and `tokens` (the number without
        padding).
        """
        name = rows[0][0]
        columns, indices = self.examples[name].columns, [index for _, index in rows]
        lengths = self.examples[name].lengths[indices]
        batch: dict[str, Any] = {"objective": name, "rows": indices, "tokens": int(lengths.sum())}
        for column in columns.keys() - {"source"}:
            values = [columns[column][index] for index in indices]
            fill_value = self._fill_value(name, column)
            batch[column] = torch.from_numpy(np.stack(values) if fill_value is None else _pad(values, fill_value))
        batch["labels"] = self._reshape_labels(name, batch["labels"])
        if "position_ids" not in columns:
            batch["attention_mask"] = torch.from_numpy((np.arange(lengths.max()) < lengths[:, None]).astype(np.int64))
        return batch

    def _fill_value(self, name: str, column: str) -> int | None:
        if column == "input_ids":
            return self.pad_token_id
        if column == "labels":
            return IGNORED if self.heads[name].generative else None
        return PADDING.get(column)

    def _reshape_labels(self, name: str, labels: torch.Tensor) -> torch.Tensor:
        head = self.heads[name]
        one_class = head.kind == "classification" and head.separator is None
        return labels[:, 0] if one_class else labels


def _pad(values: list[np.ndarray], fill_value: int) -> np.ndarray:
    padded = np.full((len(values), max(map(len, values))), fill_value, dtype=np.int64)
    for index, row in enumerate(values):
        padded[index, : len(row)] = row
    return padded


def model_inputs(batch: dict[str, Any], labels: bool = False) -> dict[str, Any]:
    """Return the model's inputs of a collated batch, with `labels` if an encoder-decoder reads them."""
    excluded = NOT_MODEL_INPUTS if labels else {*NOT_MODEL_INPUTS, "labels"}
    return {name: value for name, value in batch.items() if name not in excluded}


class BatchLoader(DataLoader[Any]):
    """DataLoader of micro-batches that passes the epoch on to its sampler."""

    def __init__(self, sampler: ObjectiveBatchSampler, collator: Collator, pin_memory: bool) -> None:
        super().__init__(
            _RowIndices(sampler),
            batch_sampler=sampler,
            collate_fn=collator,
            generator=torch.Generator().manual_seed(sampler.seed),  # starting a loader draws from a generator
            pin_memory=pin_memory,
        )

    def set_epoch(self, epoch: int) -> None:
        """Set the sampler's epoch."""
        self.batch_sampler.set_epoch(epoch)  # type: ignore[union-attr]


class _RowIndices(Dataset[tuple[str, int]]):
    """Dataset that returns the indices drawn by the sampler; the collator looks the rows up."""

    def __init__(self, sampler: ObjectiveBatchSampler) -> None:
        self.size = sum(sampler.num_batches.values()) * sampler.batch_size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: Any) -> tuple[str, int]:
        return index  # type: ignore[no-any-return]

"""Which rows a step sees: one objective a batch, rows of similar length, an order that seed and epoch decide alone.

A batch here is an effective one: what lies between two moves of the weights. It is cut into micro-batches, dealt to
the processes in turn, so that more processes or smaller micro-batches see the same batches.
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
WINDOW = 50
"""Batches among whose rows those of similar length are brought together."""
LOGITS = 30_000_000
"""Numbers of a language model's logits that an evaluation holds at once."""
NOT_MODEL_INPUTS = {"objective", "teacher_logits", "rows", "tokens"}
"""What the collator puts beside a model's inputs and labels."""
PADDING = {"token_type_ids": 0, "position_ids": 0}


def sampling_shares(sizes: Mapping[str, int], sampling: Sampling, temperature: float) -> dict[str, float]:
    """How often each objective's turn comes: by its rows n, equally, or by n^(1/temperature).

    Raffel et al. 2020 (T5), arXiv 1910.10683, section 3.5.2, without their limit on n.
    """
    power = {"proportional": 1.0, "equal": 0.0, "temperature": 1 / temperature}[sampling]
    raw = {name: size**power for name, size in sizes.items()}
    return {name: value / sum(raw.values()) for name, value in raw.items()}


class ObjectiveBatchSampler(Sampler[list[tuple[str, int]]]):
    """This process's micro-batches of an epoch, as (objective, row); every batch is full.

    An objective's last batch of an epoch is filled up with rows of another order. Where an objective's turn
    comes oftener than its rows last, it goes through them again in another order. The longest batch of all comes
    first, so that what does not fit into memory fails at once.
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
        sizes = {name: ceil(len(lengths) / batch_size) for name, lengths in self.lengths.items()}
        total = sum(sizes.values())
        wanted = sampling_shares({name: len(lengths) for name, lengths in self.lengths.items()}, sampling, temperature)
        self.turns = sizes if sampling == "proportional" else {n: max(1, round(total * s)) for n, s in wanted.items()}

    def set_epoch(self, epoch: int) -> None:
        """Called by the Trainer at the start of each epoch, also after a resume."""
        self.epoch = epoch

    def __len__(self) -> int:
        return sum(self.turns.values()) * self.micro_batches

    def __iter__(self) -> Iterator[list[tuple[str, int]]]:
        for name, rows in self.batches():
            for micro in np.split(rows, self.micro_batches * self.processes)[self.process :: self.processes]:
                yield [(name, int(row)) for row in micro]

    def batches(self) -> Iterator[tuple[str, np.ndarray]]:
        """The epoch's effective batches, over all processes."""
        random = np.random.default_rng([self.seed, self.epoch])
        made = [(name, batch) for name, turns in self.turns.items() for batch in self._grouped(name, turns, random)]
        order = random.permutation(len(made)).tolist()
        longest = max(order, key=lambda place: int(self.lengths[made[place][0]][made[place][1]].max()))
        order.remove(longest)
        for place in [longest, *order]:
            yield made[place]

    def _grouped(self, name: str, turns: int, random: np.random.Generator) -> list[np.ndarray]:
        lengths, wanted = self.lengths[name], turns * self.batch_size
        drawn = [random.permutation(len(lengths)) for _ in range(ceil(wanted / len(lengths)))]
        order = np.concatenate(drawn)[:wanted]
        batches = []
        for start in range(0, wanted, self.batch_size * WINDOW):
            chunk = order[start : start + self.batch_size * WINDOW]
            chunk = chunk[np.argsort(-lengths[chunk], kind="stable")]
            batches += np.split(chunk, len(chunk) // self.batch_size)
        return batches


def batches_by_length(
    lengths: Sequence[int] | np.ndarray, rows: int, head: Head, vocabulary: int
) -> Iterator[np.ndarray]:
    """All places, the longest first, at most `rows` of them at once; of a head that writes, as few as keep their
    logits (rows, tokens, vocabulary) below `LOGITS` numbers.
    """
    sizes = np.asarray(lengths)
    order, at = np.argsort(-sizes, kind="stable"), 0
    while at < len(order):
        fit = max(1, LOGITS // (int(sizes[order[at]]) * vocabulary)) if head.generative else rows
        yield order[at : at + min(rows, fit)]
        at += min(rows, fit)


class Collator:
    """Pads rows of one objective to the longest among them: tensors, and the objective's name."""

    def __init__(self, examples: Mapping[str, Examples], heads: Heads, pad_token_id: int) -> None:
        self.examples, self.heads, self.pad_token_id = examples, heads, pad_token_id

    def __call__(self, rows: list[tuple[str, int]]) -> dict[str, Any]:
        """The model's inputs, `labels`, and `teacher_logits` where a teacher spoke; beside them `objective`, `places`
        (the examples' numbers) and `tokens` (how many are no padding).
        """
        name = rows[0][0]
        columns, places = self.examples[name].columns, [row for _, row in rows]
        lengths = self.examples[name].lengths[places]
        batch: dict[str, Any] = {"objective": name, "rows": places, "tokens": int(lengths.sum())}
        for column in columns.keys() - {"source"}:
            values = [columns[column][place] for place in places]
            fill = self._fill(name, column)
            batch[column] = torch.from_numpy(np.stack(values) if fill is None else _padded(values, fill))
        batch["labels"] = self._shaped(name, batch["labels"])
        if "position_ids" not in columns:
            batch["attention_mask"] = torch.from_numpy((np.arange(lengths.max()) < lengths[:, None]).astype(np.int64))
        return batch

    def _fill(self, name: str, column: str) -> int | None:
        if column == "input_ids":
            return self.pad_token_id
        if column == "labels":
            return IGNORED if self.heads[name].generative else None
        return PADDING.get(column)

    def _shaped(self, name: str, labels: torch.Tensor) -> torch.Tensor:
        head = self.heads[name]
        one_class = head.kind == "classification" and head.separator is None
        return labels[:, 0] if one_class else labels


def _padded(values: list[np.ndarray], fill: int) -> np.ndarray:
    padded = np.full((len(values), max(map(len, values))), fill, dtype=np.int64)
    for place, row in enumerate(values):
        padded[place, : len(row)] = row
    return padded


def model_inputs(batch: dict[str, Any], labels: bool = False) -> dict[str, Any]:
    """What a model reads of a collated batch, with its `labels` where they are wanted (an encoder-decoder reads them)."""
    unread = NOT_MODEL_INPUTS if labels else {*NOT_MODEL_INPUTS, "labels"}
    return {name: value for name, value in batch.items() if name not in unread}


class BatchLoader(DataLoader[Any]):
    """Micro-batches for the Trainer, which tells it the epoch."""

    def __init__(self, batches: ObjectiveBatchSampler, collator: Collator, pin_memory: bool) -> None:
        seeded = torch.Generator().manual_seed(batches.seed)  # starting a loader draws from a generator
        super().__init__(_Places(batches), batch_sampler=batches, collate_fn=collator, generator=seeded,
                         pin_memory=pin_memory)  # fmt: skip

    def set_epoch(self, epoch: int) -> None:
        """Passed on to the sampler."""
        self.batch_sampler.set_epoch(epoch)  # type: ignore[union-attr]


class _Places(Dataset[tuple[str, int]]):
    """Gives back what the sampler drew; the collator looks the rows up."""

    def __init__(self, batches: ObjectiveBatchSampler) -> None:
        self.size = sum(batches.turns.values()) * batches.batch_size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, place: Any) -> tuple[str, int]:
        return place  # type: ignore[no-any-return]

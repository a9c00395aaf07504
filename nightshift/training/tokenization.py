"""From texts to token ids: what a row of each kind becomes, kept in Arrow files that are mapped, not read.

The fast tokenizers split a call's texts over all cores.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerBase

from nightshift.models.heads import Head

IGNORED = -100
"""The label of a token that is not predicted."""
CHUNK = 10_000
"""Rows that are tokenised at once: as lists of numbers a token takes 230 bytes, as an array 4."""
UNLABELLED = -1
"""The class of a row that has no label; of several labels and of a number NaN says so."""


@dataclass(frozen=True)
class Column:
    """Values of all rows, one behind the other; row i has `values[offsets[i]:offsets[i + 1]]`."""

    values: np.ndarray
    offsets: np.ndarray

    def __getitem__(self, row: int) -> np.ndarray:
        return self.values[self.offsets[row] : self.offsets[row + 1]]


class Examples:
    """Tokenised rows, unpadded: `input_ids`, `labels`, `source` (the rows of the data that it holds), and where they
    are needed `token_type_ids`, `position_ids`, `teacher_logits`.
    """

    def __init__(self, columns: dict[str, Column]) -> None:
        self.columns = columns
        self.lengths = np.diff(columns["input_ids"].offsets)

    def __len__(self) -> int:
        return len(self.lengths)

    @staticmethod
    def from_rows(rows: Mapping[str, Sequence[Sequence[float]]]) -> "Examples":
        """From a list a row in each column; whole numbers are kept in 32 bits, others in float32."""
        return Examples({name: _column(values) for name, values in rows.items()})

    def write(self, path: Path) -> None:
        """Keep them as an Arrow file."""
        import pyarrow

        arrays = {name: pyarrow.ListArray.from_arrays(c.offsets, c.values) for name, c in self.columns.items()}
        table = pyarrow.table(arrays)
        with pyarrow.OSFile(str(path), "wb") as file, pyarrow.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)

    @staticmethod
    def open(path: Path) -> "Examples":
        """Map a file that `write` made: what is not looked at is not in memory."""
        import pyarrow

        with pyarrow.memory_map(str(path)) as file:
            table = pyarrow.ipc.open_file(file).read_all().combine_chunks()
        arrays = {name: table[name].chunk(0) for name in table.column_names}
        return Examples(
            {name: Column(array.values.to_numpy(), array.offsets.to_numpy()) for name, array in arrays.items()}
        )


def _column(rows: Sequence[Sequence[float]]) -> Column:
    values = np.array([value for row in rows for value in row])
    return Column(_narrow(values), _offsets([len(row) for row in rows]))


def _table(values: np.ndarray) -> Column:
    """A column whose rows have the same number of values, shape (rows, values)."""
    return Column(_narrow(values.ravel()), _offsets([values.shape[1]] * len(values)))


def _joined(parts: Sequence[Column]) -> Column:
    lengths = np.concatenate([np.diff(part.offsets) for part in parts])
    return Column(np.concatenate([part.values for part in parts]), _offsets(lengths))


def _narrow(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32 if values.dtype.kind == "f" else np.int32)


def _offsets(lengths: Sequence[int] | np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)


def load_or_create(path: Path, make: Callable[[], Examples]) -> Examples:
    """The examples at `path`; made, written beside and renamed in, where they are not there yet."""
    if not path.exists():
        beside = path.with_name(path.name + ".partial")
        make().write(beside)
        beside.replace(path)
    return Examples.open(path)


def encode(
    tokenizer: PreTrainedTokenizerBase,
    head: Head,
    texts: Sequence[str],
    pairs: Sequence[str] | None,
    labels: Sequence[Any] | None,
    max_length: int,
    teacher_logits: np.ndarray | None = None,
    encoder_decoder: bool = False,
    packed: bool = False,
) -> Examples:
    """Tokenise rows as `head` learns them, cut to `max_length` tokens.

    `labels` as in the data: names, numbers, or target texts. Where a head judges, None is a row without a label, or in
    place of all of them no row with one: it learns from its `teacher_logits`, (rows, outputs), or a teacher at hand.
    `packed` puts several sequences into a row of at most `max_length` tokens, which see only themselves (see `pack`).
    """
    if head.generative:
        ids, targets, rows = encode_generation(tokenizer, head, texts, labels, max_length, encoder_decoder)
        columns: dict[str, Any] = {"input_ids": ids, "labels": targets, "source": [[row] for row in rows]}
        if packed and not encoder_decoder:
            columns = pack_sequences(ids, targets, rows, max_length)
        return Examples.from_rows(columns)
    starts = range(0, max(len(texts), 1), CHUNK)
    parts = [_tokens(tokenizer, texts[at : at + CHUNK], pairs and pairs[at : at + CHUNK], max_length) for at in starts]
    found = {name: _joined([part[name] for part in parts]) for name in parts[0]}
    known = [None] * len(texts) if labels is None else labels
    found["labels"], found["source"] = _column(encode_labels(head, known)), _table(np.arange(len(texts))[:, None])
    if teacher_logits is not None:
        found["teacher_logits"] = _table(teacher_logits)
    return Examples(found)


def _tokens(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], pairs: Sequence[str] | None, max_length: int
) -> dict[str, Column]:
    encoded = tokenizer(list(texts), list(pairs) if pairs is not None else None, truncation=True,
                        max_length=max_length, padding=False, return_attention_mask=False)  # fmt: skip
    return {name: _column(values) for name, values in encoded.items() if name in ("input_ids", "token_type_ids")}


def encode_labels(head: Head, labels: Sequence[Any]) -> list[list[float]] | list[list[int]]:
    """Class ids, several-hot rows, or standardised numbers: a list a row.

    None is no label, and so is a label that the head does not have (one that no training row has).
    """
    if head.kind == "regression":
        return [[nan if label is None else (float(label) - head.mean) / head.std] for label in labels]
    if head.separator is None:
        places = {label: place for place, label in enumerate(head.labels)}
        return [[places.get(label, UNLABELLED)] for label in labels]
    sets = [None if label is None else set(filter(None, str(label).split(head.separator))) for label in labels]
    return [[nan if found is None else float(label in found) for label in head.labels] for found in sets]


def encode_generation(
    tokenizer: PreTrainedTokenizerBase,
    head: Head,
    texts: Sequence[str],
    targets: Sequence[str] | None,
    max_length: int,
    encoder_decoder: bool = False,
) -> tuple[list[list[int]], list[list[int]], list[int]]:
    """What a generative head reads and predicts: token ids, labels, and the row that each sequence comes from.

    A decoder's labels stand at the place of their own token, -100 where nothing is predicted (the prompt, the first
    token); an encoder-decoder's are the target's ids. A text longer than `max_length` is cut into pieces; a prompt
    loses its beginning, a completion its end.
    """
    end = tokenizer.eos_token_id
    plain = {"add_special_tokens": False, "return_attention_mask": False}
    first: list[list[int]] = tokenizer(list(texts), **plain)["input_ids"]
    start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else end
    if targets is None:
        whole = [[start, *ids, end] for ids in first]
        pieces = [(ids[at : at + max_length], row) for row, ids in enumerate(whole)
                  for at in range(0, len(ids) - 1, max_length - 1)]  # fmt: skip
        return [ids for ids, _ in pieces], [[IGNORED, *ids[1:]] for ids, _ in pieces], [row for _, row in pieces]
    second: list[list[int]] = [[*ids[: max_length - 1], end] for ids in tokenizer(list(targets), **plain)["input_ids"]]
    rows = list(range(len(first)))
    if encoder_decoder:
        return [[*ids[: max_length - 1], end] for ids in first], second, rows
    joint = [end] if head.kind == "text2text" else []
    front = [start] if head.kind == "generation" and not head.pairs else []
    prompts = [
        truncate_prompt([*front, *ids], joint, max(1, max_length - len(found)))
        for ids, found in zip(first, second, strict=True)
    ]
    both = [(before + after)[:max_length] for before, after in zip(prompts, second, strict=True)]
    counted = [([IGNORED] * len(before) + after)[:max_length] for before, after in zip(prompts, second, strict=True)]
    return both, counted, rows


def truncate_prompt(ids: list[int], joint: list[int], room: int) -> list[int]:
    """The last `room` tokens of a prompt and what joins it to its answer; never empty."""
    return ([*ids, *joint] or joint)[-room:]


def pack_sequences(
    ids: list[list[int]], labels: list[list[int]], rows: list[int], max_length: int
) -> dict[str, list[list[int]]]:
    """Fill rows of `max_length` tokens with whole sequences, the longest first, each into the fullest row with room.

    `position_ids` begin at 0 with each sequence, by which transformers' attention masks tell them apart: no token
    sees another sequence's. Best-fit decreasing, as in Krell et al. 2021, arXiv 2107.02027.
    """
    room: dict[int, list[list[int]]] = {}
    group: list[int]
    filled: list[list[int]] = []
    for place in sorted(range(len(ids)), key=lambda place: -len(ids[place])):
        size = len(ids[place])
        left = next((free for free in range(size, max_length) if room.get(free)), None)
        if left is None:
            left = max_length
            filled.append([])
            group = filled[-1]
        else:
            group = room[left].pop()
        group.append(place)
        room.setdefault(left - size, []).append(group)
    return {
        "input_ids": [[token for place in group for token in ids[place]] for group in filled],
        "labels": [[token for place in group for token in labels[place]] for group in filled],
        "position_ids": [[at for place in group for at in range(len(ids[place]))] for group in filled],
        "source": [[rows[place] for place in group] for group in filled],
    }

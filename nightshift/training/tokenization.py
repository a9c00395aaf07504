"""Tokenization of the rows of each kind of objective, stored in Arrow files that are memory-mapped.

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
"""Label of a token that is not predicted."""
CHUNK = 10_000
"""Rows tokenized at once: a token takes 230 bytes in a list of numbers, 4 in an array."""
UNLABELLED = -1
"""Class of a row without a label; with several labels a row and for regression it is NaN."""


@dataclass(frozen=True)
class Column:
    """Values of all rows, one after the other; row i has `values[offsets[i]:offsets[i + 1]]`."""

    values: np.ndarray
    offsets: np.ndarray

    def __getitem__(self, row: int) -> np.ndarray:
        return self.values[self.offsets[row] : self.offsets[row + 1]]


class Examples:
    """Tokenized rows, unpadded.

    The columns are `input_ids`, `labels`, `source` (indices of the data's rows in each example), and if they are needed
    `token_type_ids`, `position_ids` and `teacher_logits`.
    """

    def __init__(self, columns: dict[str, Column]) -> None:
        self.columns = columns
        self.lengths = np.diff(columns["input_ids"].offsets)

    def __len__(self) -> int:
        return len(self.lengths)

    @staticmethod
    def from_rows(rows: Mapping[str, Sequence[Sequence[float]]]) -> "Examples":
        """Return examples from columns of one list a row; integers are stored in 32 bits, others as float32."""
        return Examples({name: _column(values) for name, values in rows.items()})

    def write(self, path: Path) -> None:
        """Write the examples to an Arrow file."""
        import pyarrow

        arrays = {name: pyarrow.ListArray.from_arrays(c.offsets, c.values) for name, c in self.columns.items()}
        table = pyarrow.table(arrays)
        with pyarrow.OSFile(str(path), "wb") as file, pyarrow.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)

    @staticmethod
    def open(path: Path) -> "Examples":
        """Memory-map a file that `write` wrote; columns that are not read take no memory."""
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
    """Return a column whose rows have the same number of values, from an array of shape (rows, values)."""
    return Column(_narrow(values.ravel()), _offsets([values.shape[1]] * len(values)))


def _concatenate(parts: Sequence[Column]) -> Column:
    lengths = np.concatenate([np.diff(part.offsets) for part in parts])
    return Column(np.concatenate([part.values for part in parts]), _offsets(lengths))


def _narrow(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32 if values.dtype.kind == "f" else np.int32)


def _offsets(lengths: Sequence[int] | np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)


def load_or_create(path: Path, create: Callable[[], Examples]) -> Examples:
    """Open the examples at `path`; create them, write them to a temporary name and rename it if they do not exist."""
    if not path.exists():
        partial = path.with_name(path.name + ".partial")
        create().write(partial)
        partial.replace(path)
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
    """Tokenize rows for training `head`, truncated to `max_length` tokens.

    Args:
        tokenizer: The model's tokenizer.
        head: The objective's head.
        texts: The texts, of pairs the first ones.
        pairs: The second texts.
        labels: The labels as in the data: names, numbers, or target texts. Unless the head is generative, None is a row
            without a label; None in place of all labels means that no row has one, and the head learns from a teacher.
        max_length: Tokens of an example at most.
        teacher_logits: The teacher's logits, (rows, outputs).
        encoder_decoder: True if the model is an encoder-decoder.
        packed: Put several generated sequences into a row of at most `max_length` tokens (`pack_sequences`).
    """
    if head.generative:
        ids, targets, rows = encode_generation(tokenizer, head, texts, labels, max_length, encoder_decoder)
        if packed and not encoder_decoder:
            return Examples.from_rows(pack_sequences(ids, targets, rows, max_length))
        return Examples.from_rows({"input_ids": ids, "labels": targets, "source": [[row] for row in rows]})
    starts = range(0, max(len(texts), 1), CHUNK)
    chunks = [
        _tokenize(tokenizer, texts[start : start + CHUNK], pairs and pairs[start : start + CHUNK], max_length)
        for start in starts
    ]
    columns = {name: _concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}
    columns["labels"] = _column(encode_labels(head, [None] * len(texts) if labels is None else labels))
    columns["source"] = _table(np.arange(len(texts))[:, None])
    if teacher_logits is not None:
        columns["teacher_logits"] = _table(teacher_logits)
    return Examples(columns)


def _tokenize(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], pairs: Sequence[str] | None, max_length: int
) -> dict[str, Column]:
    encoded = tokenizer(
        list(texts),
        list(pairs) if pairs is not None else None,
        truncation=True,
        max_length=max_length,
        padding=False,
        return_attention_mask=False,
    )
    return {name: _column(values) for name, values in encoded.items() if name in ("input_ids", "token_type_ids")}


def encode_labels(head: Head, labels: Sequence[Any]) -> list[list[float]] | list[list[int]]:
    """Return class ids, multi-hot rows, or standardized numbers: a list a row.

    None is a missing label, and so is a label that the head does not have (one that no training row has).
    """
    if head.kind == "regression":
        return [[nan if label is None else (float(label) - head.mean) / head.std] for label in labels]
    if head.separator is None:
        class_ids = {label: index for index, label in enumerate(head.labels)}
        return [[class_ids.get(label, UNLABELLED)] for label in labels]
    sets = [None if label is None else set(filter(None, str(label).split(head.separator))) for label in labels]
    return [[nan if present is None else float(label in present) for label in head.labels] for present in sets]


def encode_generation(
    tokenizer: PreTrainedTokenizerBase,
    head: Head,
    texts: Sequence[str],
    targets: Sequence[str] | None,
    max_length: int,
    encoder_decoder: bool = False,
) -> tuple[list[list[int]], list[list[int]], list[int]]:
    """Tokenize rows for a generative head.

    A decoder's labels have the positions of their own tokens, with -100 for tokens that are not predicted (the prompt,
    the first token); an encoder-decoder's labels are the target's ids. A text longer than `max_length` is split into
    several sequences; prompts are truncated on the left, completions on the right.

    Args:
        tokenizer: The model's tokenizer.
        head: The objective's head.
        texts: The texts, or the prompts.
        targets: The texts to be generated; None for language modelling of the texts.
        max_length: Tokens of a sequence at most.
        encoder_decoder: True if the model is an encoder-decoder.

    Returns:
        Token ids and labels of each sequence, and the index of the row that it comes from.
    """
    end = tokenizer.eos_token_id
    plain = {"add_special_tokens": False, "return_attention_mask": False}
    first: list[list[int]] = tokenizer(list(texts), **plain)["input_ids"]
    start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else end
    if targets is None:
        chunks = [
            (ids[offset : offset + max_length], row)
            for row, ids in enumerate([start, *ids, end] for ids in first)
            for offset in range(0, len(ids) - 1, max_length - 1)
        ]
        return [ids for ids, _ in chunks], [[IGNORED, *ids[1:]] for ids, _ in chunks], [row for _, row in chunks]
    second: list[list[int]] = [[*ids[: max_length - 1], end] for ids in tokenizer(list(targets), **plain)["input_ids"]]
    rows = list(range(len(first)))
    if encoder_decoder:
        return [[*ids[: max_length - 1], end] for ids in first], second, rows
    separator = [end] if head.kind == "text2text" else []
    prefix = [start] if head.kind == "generation" and not head.pairs else []
    prompts = [
        truncate_prompt([*prefix, *ids], separator, max(1, max_length - len(completion)))
        for ids, completion in zip(first, second, strict=True)
    ]
    pairs = list(zip(prompts, second, strict=True))
    sequences = [(prompt + completion)[:max_length] for prompt, completion in pairs]
    labels = [([IGNORED] * len(prompt) + completion)[:max_length] for prompt, completion in pairs]
    return sequences, labels, rows


def truncate_prompt(ids: list[int], separator: list[int], max_length: int) -> list[int]:
    """Return the last `max_length` tokens of a prompt and the separator after it; never empty."""
    return ([*ids, *separator] or separator)[-max_length:]


def pack_sequences(
    ids: list[list[int]], labels: list[list[int]], rows: list[int], max_length: int
) -> dict[str, list[list[int]]]:
    """Pack whole sequences into rows of `max_length` tokens, the longest first, each into the fullest row with room.

    `position_ids` start at 0 for each sequence, by which transformers' attention masks separate them: no token attends
    to another sequence's. Best-fit decreasing, as in Krell et al. 2021, arXiv 2107.02027.

    Args:
        ids: Token ids of each sequence.
        labels: Labels of each sequence.
        rows: Index of the data's row that each sequence comes from.
        max_length: Tokens of a packed row at most.

    Returns:
        The columns of the packed examples.
    """
    groups: list[list[int]] = []
    groups_by_room: dict[int, list[list[int]]] = {}
    for index in sorted(range(len(ids)), key=lambda index: -len(ids[index])):
        size = len(ids[index])
        room = next((tokens for tokens in range(size, max_length) if groups_by_room.get(tokens)), max_length)
        if room == max_length:
            groups.append([])
            group = groups[-1]
        else:
            group = groups_by_room[room].pop()
        group.append(index)
        groups_by_room.setdefault(room - size, []).append(group)
    return {
        "input_ids": [[token for index in group for token in ids[index]] for group in groups],
        "labels": [[token for index in group for token in labels[index]] for group in groups],
        "position_ids": [[position for index in group for position in range(len(ids[index]))] for group in groups],
        "source": [[rows[index] for index in group] for group in groups],
    }

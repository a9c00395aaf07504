"""Histogram of the lengths of kept texts, in tokens where the model's tokenizer is known, else in characters."""

from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import BaseModel

from nightshift.data.batches import iter_row_batches
from nightshift.data.check_settings import TokenLimit
from nightshift.data.token_counts import count_tokens

FILE = "lengths.json"
TOKENIZED_ROWS = 10_000
"""Rows whose tokens are counted, evenly spaced."""
TOKENIZED_CHARACTERS = 50_000
"""Characters of a text whose tokens are counted."""
NUM_BINS = 40
DRAWN = 0.995
"""Quantile of the lengths at which the histogram ends; its last bin holds the longer texts too."""


class TextLengths(BaseModel):
    """Histogram of the lengths of rows; the texts of a pair count together."""

    unit: Literal["characters", "tokens"]
    num_rows: int
    """Number of rows that were measured."""
    edges: list[int]
    """Beginnings of the bins, and the end of the last."""
    counts: list[int]
    """Number of rows in each bin; the last has the longer rows too."""
    median: int
    quantile_95: int
    longest: int
    limit: int | None = None
    """Tokens that the model reads (`train.max_length`)."""
    num_cut: int = 0
    """Number of the measured rows that are longer than the limit."""


def write_lengths(rows: Path, limit: TokenLimit | None, path: Path) -> None:
    """Write the histogram of the rows in a Parquet file as JSON; nothing if there are no rows.

    Args:
        rows: Parquet file of rows.
        limit: Tokens that the model reads, if its tokenizer is on this machine.
        path: JSON file to write.
    """
    columns = [name for name in ("text", "text_pair") if name in pq.read_schema(rows).names]
    lengths = _characters(rows, columns) if limit is None else _tokens(rows, columns, limit)
    if len(lengths):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(histogram(lengths, limit.max_tokens if limit else None).model_dump_json(), encoding="utf-8")


def read_lengths(path: Path) -> TextLengths | None:
    """Return what `write_lengths` wrote; None if there is no such file."""
    return TextLengths.model_validate_json(path.read_text("utf-8")) if path.exists() else None


def histogram(lengths: npt.NDArray[np.int64], limit: int | None) -> TextLengths:
    """Return the histogram of lengths, in tokens if there is a limit, else in characters."""
    end = max(int(np.quantile(lengths, DRAWN, method="higher")), 1) + 1
    width = max(1, -(-end // NUM_BINS))
    edges = np.arange(0, end + width, width)
    counts, _ = np.histogram(np.minimum(lengths, edges[-1] - 1), edges)
    return TextLengths(
        unit="characters" if limit is None else "tokens",
        num_rows=len(lengths),
        edges=edges.tolist(),
        counts=counts.tolist(),
        median=int(np.median(lengths)),
        quantile_95=int(np.quantile(lengths, 0.95, method="inverted_cdf")),
        longest=int(lengths.max()),
        limit=limit,
        num_cut=0 if limit is None else int((lengths > limit).sum()),
    )


def _characters(rows: Path, columns: list[str]) -> npt.NDArray[np.int64]:
    parts = [np.zeros(0, np.int64)]
    for _, batch in iter_row_batches(rows, columns):
        lengths = [pc.fill_null(pc.utf8_length(batch[name]), 0).to_numpy() for name in columns]
        parts.append(np.sum(lengths, axis=0, dtype=np.int64))
    return np.concatenate(parts)


def _tokens(rows: Path, columns: list[str], limit: TokenLimit) -> npt.NDArray[np.int64]:
    num_rows = pq.read_metadata(rows).num_rows
    if not num_rows:
        return np.zeros(0, np.int64)
    is_picked = np.zeros(num_rows, bool)
    is_picked[np.linspace(0, num_rows - 1, min(TOKENIZED_ROWS, num_rows)).astype(int)] = True
    parts = []
    for start, batch in iter_row_batches(rows, columns):
        table = batch.filter(pa.array(is_picked[start : start + len(batch)]))
        starts = [pc.utf8_slice_codeunits(table[name], 0, TOKENIZED_CHARACTERS) for name in columns]
        texts = [pc.fill_null(column, "").to_pylist() for column in starts]
        parts.append(count_tokens(list(zip(*texts, strict=True)), limit.tokenizer))
    return np.concatenate(parts)

"""Samples of rows, for people: where each row comes from, and the beginning of its text."""

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from nightshift.records import RowSample

LONGEST_TEXT = 120
"""Characters of a text that a sample shows."""
COLUMNS = ("source", "row", "text", "text_pair", "label", "original")


def write_samples(rows: Path, positions: Sequence[Sequence[int]], path: Path) -> None:
    """Write a JSON list with the samples of each list of positions.

    Args:
        rows: Parquet file of rows.
        positions: Positions in that file, such as the first rows that fail each expectation.
        path: JSON file to write.
    """
    by_position = _read_samples(rows, sorted({position for group in positions for position in group}))
    samples = [[by_position[position].model_dump() for position in group] for group in positions]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(samples, ensure_ascii=False), encoding="utf-8")


def read_samples(path: Path) -> list[list[RowSample]]:
    """Return what `write_samples` wrote; empty if there is no such file."""
    if not path.exists():
        return []
    return [[RowSample.model_validate(sample) for sample in group] for group in json.loads(path.read_text("utf-8"))]


def _read_samples(rows: Path, positions: list[int]) -> dict[int, RowSample]:
    """Return the rows at some positions; only the row groups that hold them are read."""
    file, start = pq.ParquetFile(rows), 0
    samples: dict[int, RowSample] = {}
    columns = [name for name in COLUMNS if name in file.schema_arrow.names]
    for index in range(file.num_row_groups):
        size = file.metadata.row_group(index).num_rows
        wanted = [position for position in positions if start <= position < start + size]
        if wanted:
            table = file.read_row_group(index, columns).take(pa.array([position - start for position in wanted]))
            samples |= dict(zip(wanted, map(_sample, table.to_pylist()), strict=True))
        start += size
    return samples


def _sample(row: dict[str, str | int | None]) -> RowSample:
    """Return a sample of a row; of a row without a text the record as it was read."""
    texts = [str(row[name]) for name in ("text", "text_pair") if row.get(name)]
    text = " ".join((" | ".join(texts) or str(row["original"])).split())
    text = text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"
    label = row.get("label")
    return RowSample(source=str(row["source"]), row=int(row["row"] or 0), text=text, label=label and str(label))

"""Records of files, one by one, as tests look at them."""

import json
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa

from nightshift.data.batches import ReadOptions
from nightshift.data.canonical_rows import originals
from nightshift.data.readers import read_batches
from nightshift.data.settings import DataSettings
from tasks.ingest import locate, read_rows


@dataclass(frozen=True)
class Record:
    """Record of a file: its number and first line, its values by column, and why it cannot be read."""

    row: int
    line: int | None
    values: dict[str, Any]
    problem: str | None


def read_records(path, **options) -> list[Record]:
    """Return all records of a file."""
    records = []
    for batch in read_batches(str(path), ReadOptions(**options)):
        for index, text in enumerate(originals(batch).to_pylist()):
            line = batch.lines[index] if batch.lines else None
            records.append(Record(batch.first_row + index, line, json.loads(text), batch.problems.get(index)))
    return records


def table_of(data: DataSettings, folder, slices=()):
    """Return all rows that the settings name, in canonical columns; what is missing is None."""
    return as_frame(read_rows(locate(data, None, folder), data, slices))


def as_frame(batches):
    """Return batches of rows as one table of Python objects."""
    table = pa.concat_tables(batches)
    return pd.DataFrame({name: pd.Series(table[name].to_pylist(), dtype="object") for name in table.column_names})

"""Batches of records: what every reader returns, whatever it reads."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pyarrow as pa

Quoting = Literal["auto", "quoted", "none"]
BATCH_ROWS = 50_000
"""Most records of a batch."""


@dataclass(frozen=True)
class ReadOptions:
    """Options of the readers, which a person sets where a file can be read in several ways; see `DataSettings`."""

    header: bool = True
    encoding: str | None = None
    delimiter: str | None = None
    quoting: Quoting = "auto"
    paragraphs: bool = False
    escape: str | None = None
    skip_rows: int = 0
    columns: frozenset[str] = frozenset()
    """Names of columns that the settings name; a header must have each once."""


@dataclass(frozen=True)
class Batch:
    """Consecutive records of a source."""

    table: pa.Table
    """The records' columns, with the types of the source; columns of text files are strings."""
    first_row: int = 1
    """Number of the first record in its source, from 1."""
    lines: Sequence[int] | None = None
    """Line of the file on which each record begins, from 1; None if the source has no lines."""
    problems: Mapping[int, str] = field(default_factory=dict)
    """Reason for which a record cannot be read, by its position in the batch."""
    originals: pa.Array | None = None
    """Each record as a JSON text, where the source holds it; None to make it of the columns."""

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def position(self, index: int) -> str:
        """Return where a record of this batch stands in its source, such as `line 7`."""
        return f"row {self.first_row + index}" if self.lines is None else f"line {self.lines[index]}"


def split_batches(
    columns: Mapping[str, Sequence[Any]], lines: Sequence[int], problems: Mapping[int, str]
) -> Iterator[Batch]:
    """Yield the records of whole columns of texts in batches.

    Args:
        columns: The values by column.
        lines: First line of each record.
        problems: Reason for which a record cannot be read, by its index.
    """
    for start in range(0, len(lines), BATCH_ROWS):
        part = slice(start, start + BATCH_ROWS)
        arrays = {name: pa.array(values[part], pa.string()) for name, values in columns.items()}
        in_batch = {index - start: reason for index, reason in problems.items() if start <= index < start + BATCH_ROWS}
        yield Batch(pa.table(arrays), start + 1, lines[part], in_batch)

"""Batches of records: what every reader returns, whatever it reads."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

Quoting = Literal["auto", "quoted", "none"]
Item = TypeVar("Item")
Result = TypeVar("Result")
BATCH_ROWS = 50_000
"""Most records of a batch."""
BATCH_SIZE = 2**25
"""Characters after which a batch ends."""
NUM_THREADS = 4
"""Threads that compute batches side by side; with more of them more batches would be in memory."""


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
    sheet: str | int | None = None


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


def batches_by_size(records: Iterable[Item], size: Callable[[Item], int]) -> Iterator[list[Item]]:
    """Yield records in lists of at most `BATCH_ROWS` that end when their sizes reach `BATCH_SIZE`."""
    batch: list[Item] = []
    total = 0
    for record in records:
        batch.append(record)
        total += size(record)
        if len(batch) == BATCH_ROWS or total >= BATCH_SIZE:
            yield batch
            batch, total = [], 0
    if batch:
        yield batch


def iter_row_batches(path: Path, columns: list[str]) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield batches of a file of rows that nightshift has written, each after the position of its first row."""
    start, file = 0, pq.ParquetFile(path)
    for row_group in range(file.num_row_groups):  # which bounds a batch of long texts too
        for batch in file.iter_batches(BATCH_ROWS, row_groups=[row_group], columns=columns):
            yield start, batch
            start += batch.num_rows


def in_threads(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield the results of a function of each item, in order, computed by threads that hold few items at a time."""
    with ThreadPoolExecutor(NUM_THREADS) as pool:
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > NUM_THREADS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

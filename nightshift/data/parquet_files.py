"""Parquet files, read in batches."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from nightshift.data import size_limits
from nightshift.data.batches import BATCH_ROWS, Batch
from nightshift.errors import EmptyInputError, InputError, first_line


def read_parquet(path: Path) -> Iterator[Batch]:
    """Yield the rows of a Parquet file.

    Raises:
        InputError: The file cannot be read, holds no rows, or far more than its size suggests.
    """
    first_row = 1
    try:
        size_limits.ensure_parquet(path)
        for batch in pyarrow.parquet.ParquetFile(path).iter_batches(BATCH_ROWS):
            yield Batch(pa.Table.from_batches([batch]), first_row)
            first_row += batch.num_rows
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable Parquet file: {first_line(error)}") from error
    if first_row == 1:
        raise EmptyInputError(f"{path}: the file holds no rows")

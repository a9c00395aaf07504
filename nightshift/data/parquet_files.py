"""Parquet files, read in batches."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from nightshift.data import size_limits
from nightshift.data.batches import BATCH_ROWS, Batch
from nightshift.data.class_names import named_batch, stored_features
from nightshift.data.compressed import uncompressed_content
from nightshift.errors import EmptyInputError, InputError, first_line

BATCH_BYTES = 2**26
"""Bytes of a batch, about, if its rows are large."""


def read_parquet(path: Path) -> Iterator[Batch]:
    """Yield the rows of a Parquet file.

    Raises:
        InputError: The file cannot be read, holds no rows, or far more than its size suggests.
    """
    first_row = 1
    try:
        content = uncompressed_content(path)
        size_limits.ensure_parquet(path, None if content is None else pa.py_buffer(content))
        file = pyarrow.parquet.ParquetFile(path if content is None else pa.BufferReader(content))
        features = stored_features(file.schema_arrow)
        for batch in file.iter_batches(_batch_rows(file.metadata)):
            yield named_batch(pa.Table.from_batches([batch]), first_row, features)
            first_row += batch.num_rows
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable Parquet file: {first_line(error)}") from error
    if first_row == 1:
        raise EmptyInputError(f"{path}: the file holds no rows")


def _batch_rows(metadata: pyarrow.parquet.FileMetaData) -> int:
    """Return the number of rows of a batch, fewer if rows are large."""
    size: int = sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups))
    return min(BATCH_ROWS, max(1, BATCH_BYTES * int(metadata.num_rows) // max(size, 1)))


def read_parts(folder: Path) -> Iterator[Batch]:
    """Yield the rows of a source that nightshift has copied into a folder of Parquet files, each with types of its own.

    Raises:
        EmptyInputError: The folder is empty.
    """
    first_row = 1
    for path in sorted(folder.iterdir()):
        table = pyarrow.parquet.ParquetFile(path).read()
        yield Batch(table, first_row)
        first_row += len(table)
    if first_row == 1:
        raise EmptyInputError(f"{folder}: no rows")

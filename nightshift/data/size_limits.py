"""Size limits of inputs: an input that unpacks to far more than its file, or needs more memory than there is, is refused."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pyarrow
import pyarrow.compute
import pyarrow.parquet

from nightshift.errors import InputError

MAX_COMPRESSION_RATIO = 200
"""Largest size of a compressed file's content, in sizes of the file; texts reach 3 to 20."""
ALWAYS_ALLOWED_BYTES = 2**25
"""Bytes that a compressed file may hold, however small the file is."""
PER_BYTE, PER_ROW = 3, 1000
"""Least bytes of memory that reading takes, for each byte of a text file and for each of its rows."""
BATCH = 10_000
"""Rows of a Parquet file that are checked together."""


def available_memory() -> int:
    """Return the bytes of memory that this process may still take, by the machine, its cgroup and its own limit."""
    free = [psutil.virtual_memory().available]
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        free.append(soft - psutil.Process().memory_info().vms)
    root = Path("/sys/fs/cgroup")
    with suppress(OSError, ValueError, IndexError):
        cgroup = root / Path("/proc/self/cgroup").read_text().splitlines()[-1].split(":", 2)[2].lstrip("/")
        for folder in (cgroup, *cgroup.parents):
            if folder.is_relative_to(root) and (folder / "memory.max").exists():
                free += _free_memory(folder, "memory.max", "memory.current", "inactive_file")
    with suppress(OSError, ValueError):
        free += _free_memory(root / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    return max(0, min(free))


def _free_memory(folder: Path, limit: str, usage: str, reclaimable: str) -> list[int]:
    """Return the bytes that a cgroup's limit leaves, in a list that is empty if it has no limit."""
    maximum = (folder / limit).read_text().strip()
    if maximum == "max":
        return []
    lines = (line.split() for line in (folder / "memory.stat").read_text().splitlines())
    cache = next((int(value) for name, value in lines if name == reclaimable), 0)
    return [int(maximum) - int((folder / usage).read_text()) + cache]


def max_unpacked_size(path: Path) -> int:
    """Return the largest number of bytes that a compressed file may unpack to."""
    return max(ALWAYS_ALLOWED_BYTES, MAX_COMPRESSION_RATIO * path.stat().st_size)


def ensure_unpacked_size(path: Path, size: int) -> None:
    """Raise InputError if the content of a compressed file is too large for its file."""
    if size > max_unpacked_size(path):
        raise InputError(
            f"{path}: its {_bytes(path.stat().st_size)} unfold to more than {_bytes(max_unpacked_size(path))}, as no file of texts does; "
            "unpack it by hand if it is meant"
        )


def ensure_memory(name: Path | str, size: int, rows: int) -> None:
    """Raise InputError if reading so many bytes and rows takes more memory than there is."""
    required, free = PER_BYTE * size + PER_ROW * rows, available_memory()
    if required > free:
        raise InputError(
            f"{name}: reading its {rows:,} rows takes at least {_bytes(required)} of memory, and {_bytes(free)} are free; "
            "read fewer rows, or give the machine or container more memory"
        )


@contextmanager
def memory_errors_as_input(name: Path | str) -> Iterator[None]:
    """Turn a MemoryError into an InputError."""
    try:
        yield
    except MemoryError as error:
        raise InputError(
            f"{name}: reading it takes more memory than there is; read fewer rows, or give the machine or container more memory"
        ) from error


def ensure_parquet(path: Path, content: pyarrow.Buffer | None = None) -> None:
    """Raise InputError if a Parquet file's content is too large for its file, or for memory.

    `content` is that of a compressed file.

    A Parquet file stores repeated values once, so its metadata say little: the texts are read as dictionaries,
    which take little memory, and the lengths of their values are added up.
    """
    metadata = pyarrow.parquet.ParquetFile(_opened(path, content)).metadata
    ensure_memory(path, 0, metadata.num_rows)
    ensure_unpacked_size(path, sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups)))
    columns = [metadata.schema.column(i) for i in range(metadata.num_columns)]
    texts = [column.path for column in columns if column.physical_type == "BYTE_ARRAY"]
    size = 0
    for batch in pyarrow.parquet.ParquetFile(_opened(path, content), read_dictionary=texts).iter_batches(BATCH):
        size += sum(_unpacked_size(column) for column in batch.columns)
        ensure_unpacked_size(path, size)
        ensure_memory(path, size, metadata.num_rows)


def _opened(path: Path, content: pyarrow.Buffer | None) -> Path | pyarrow.BufferReader:
    return path if content is None else pyarrow.BufferReader(content)


def _unpacked_size(array: Any) -> int:
    """Return the bytes of an array's values; a repeated value counts every time."""
    kind = array.type
    if pyarrow.types.is_dictionary(kind) and (
        pyarrow.types.is_string(kind.value_type) or pyarrow.types.is_binary(kind.value_type)
    ):
        lengths = pyarrow.compute.binary_length(array.dictionary).cast("int64").take(array.indices)
        return int(pyarrow.compute.sum(lengths).as_py() or 0)
    if pyarrow.types.is_struct(kind):
        return sum(_unpacked_size(part) for part in array.flatten())
    if pyarrow.types.is_list(kind) or pyarrow.types.is_large_list(kind):
        return _unpacked_size(array.flatten()) + 8 * len(array)
    return int(array.nbytes)


def _bytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"

"""Readers of files: each yields batches of records; nothing is ever silently shortened."""

from collections.abc import Iterator
from pathlib import Path

from nightshift.data import workbooks
from nightshift.data.batches import Batch, ReadOptions
from nightshift.data.compressed import uncompressed_name
from nightshift.data.delimited import read_delimited
from nightshift.data.hub_datasets import read_dataset
from nightshift.data.json_records import read_json
from nightshift.data.paragraphs import read_paragraphs
from nightshift.data.parquet_files import read_parquet, read_parts
from nightshift.errors import InputError

DELIMITED = (".csv", ".tsv", ".txt")
JSON = (".jsonl", ".ndjson", ".json")
SUFFIXES = (*DELIMITED, *JSON, ".parquet", *workbooks.SUFFIXES)
"""Suffixes of the files that can be read, each also with `.gz` behind it, or in a `.zip`."""


DEFAULTS = ReadOptions()


def read_batches(address: str, options: ReadOptions = DEFAULTS) -> Iterator[Batch]:
    """Yield all records of a file or data set in batches, in their order.

    Args:
        address: Path of a file, of a type that its suffix tells; it may be compressed (.gz, or .zip with one file). Or a data set, `hf:…`.
        options: What a person says of the file.

    Raises:
        InputError: The file is empty, binary, cut off, or of an unknown type.
    """
    if address.startswith("hf:"):
        return read_dataset(address)
    path = Path(address)
    if path.is_dir():
        return read_parts(path)
    suffix = Path(uncompressed_name(path)).suffix.lower()
    if suffix == ".parquet":
        return read_parquet(path)
    if suffix in workbooks.SUFFIXES:
        return workbooks.read_workbook(path, options)
    if suffix in JSON:
        return read_json(path, options.encoding)
    if suffix == ".txt" and options.paragraphs:
        return read_paragraphs(path, options.encoding)
    if suffix in DELIMITED:
        return read_delimited(path, suffix, options)
    raise InputError(
        f"{path}: unknown kind {suffix or 'of file'}; expected .csv, .tsv, .txt, .jsonl, .xlsx or .parquet"
    )


def is_readable(name: str) -> bool:
    """Return True for the name of a file that can be read; a `.zip` may hold another kind, which shows on reading."""
    return name.lower().removesuffix(".gz").endswith((*SUFFIXES, ".zip"))

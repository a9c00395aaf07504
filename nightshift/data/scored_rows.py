"""Rows to score: as their sources hold them, beside the texts that a night reads from them."""

import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nightshift.data import size_limits
from nightshift.data.batches import Batch
from nightshift.data.canonical_rows import TEXTS, CellOptions, blank_as_null, cell_texts, ensure_texts
from nightshift.data.compressed import uncompressed_content, uncompressed_name
from nightshift.data.nested_cells import column_name, select_cells
from nightshift.data.partitions import with_partitions
from nightshift.data.readers import JSON, read_batches
from nightshift.data.row_files import RowFile
from nightshift.data.settings import DataSettings
from nightshift.data.sources import named_errors
from nightshift.errors import EmptyInputError, InputError, first_line
from nightshift.records import Source

log = logging.getLogger("nightshift.ingest")


READ_BY_SCORING = (
    "header", "query", "table", "password_env", "text", "text_pair", "join", "missing_values", "sheet", "encoding",
    "delimiter", "quoting", "escape", "skip_rows", "paragraphs",
)  # fmt: skip
"""Settings of rows that say how texts are read; the model itself cleans them."""


@dataclass(frozen=True)
class ScoredRows:
    """Rows, and their texts by field, `text` and perhaps `text_pair`."""

    rows: RowFile
    texts: dict[str, list[str | None]]


@dataclass(frozen=True)
class _Part:
    """The rows of one source: a table, or objects where the source is JSON."""

    table: pa.Table | None
    objects: list[dict[str, Any]]


def read_scored_rows(name: str, sources: Iterable[tuple[Source, str]], data: DataSettings) -> ScoredRows:
    """Return the rows of all sources, in their order.

    Cells of delimited files stay texts. A second text is read from `text_pair` if a source has it, also where the
    settings name none.

    Args:
        name: What the user calls the sources, for errors.
        sources: Each source, and the file or folder to read for it.
        data: What the columns are; those of the texts are required.

    Raises:
        InputError: A source or one of its records cannot be read, lacks a column, or has no text in a row.
    """
    parts: list[_Part] = []
    reader = _TextReader(data)
    empty: list[EmptyInputError] = []
    for source, location in sources:
        try:
            with size_limits.memory_errors_as_input(source.path), named_errors(source.path, location):
                parts.append(_read_part(source, location, data, reader))
        except EmptyInputError as error:
            empty.append(error)
    if not parts:
        raise empty[0]
    for reason in empty:
        log.warning("%s; it is left out", reason)
    return ScoredRows(_joined(name, parts), reader.texts())


class _TextReader:
    """Texts of batches, by field, read as a night reads them."""

    def __init__(self, data: DataSettings) -> None:
        self._columns = {"text": data.text, "text_pair": "text_pair" if data.text_pair is None else data.text_pair}
        self._required = {"text"} if data.text_pair is None else set(TEXTS)
        self._options = CellOptions(join=data.join)
        self._changes = data.cell_changes
        self._texts: dict[str, list[str | None]] = {"text": [], "text_pair": []}
        self._has_pairs = False

    def add(self, batch: Batch, path: str) -> None:
        """Take a batch of a source.

        Raises:
            InputError: It lacks a column, or a row has no text.
        """
        for index, problem in batch.problems.items():
            raise InputError(f"{path}, {batch.position(index)}: {problem}; every row is answered or none")
        for field in TEXTS:
            name = self._column_name(batch, field, path)
            cells = cell_texts(batch, field, name, self._options)
            ensure_texts(batch, path, field, name, cells)
            for index, problem in cells.problems.items():
                raise InputError(f"{path}, row {batch.first_row + index}: {field} is {problem}; take the row out")
            values = self._changes.apply(field, blank_as_null(cells.values))
            if field == "text" and values.null_count:
                _refuse_missing(batch, path, cells.values, values)
            self._texts[field] += values.to_pylist()
            self._has_pairs |= field == "text_pair" and name is not None

    def _column_name(self, batch: Batch, field: str, path: str) -> str | None:
        names = batch.table.column_names
        name = column_name(self._columns[field], names)
        if select_cells(batch.table, name) is not None:
            return name
        if field not in self._required:
            return None
        raise InputError(
            f"{path}: no column {self._columns[field]!r}; it has {', '.join(names)}; "
            f"name the column to read with --{field.replace('_', '-')}"
        )

    def texts(self) -> dict[str, list[str | None]]:
        """Return the texts of all batches; second ones only if there are any."""
        return {field: self._texts[field] for field in TEXTS if field == "text" or self._has_pairs}


def _refuse_missing(batch: Batch, path: str, read: pa.Array, values: pa.Array) -> None:
    """Raise InputError for the first text that is missing, or a word that counts as missing."""
    index = values.is_null().index(True).as_py()
    word = blank_as_null(read)[index].as_py()
    reason = "missing" if word is None else f"{word!r}, a word that counts as missing by data.missing_values"
    raise InputError(f"{path}, row {batch.first_row + index}: text is {reason}; take the row out")


def _read_part(source: Source, location: str, data: DataSettings, reader: _TextReader) -> _Part:
    """Return the rows of one source, and give their texts to `reader`."""
    tables: list[pa.Table] = []
    objects: list[dict[str, Any]] = []
    is_json = _suffix(location) in JSON
    for records in _batches(location, data):
        batch = with_partitions(records, source.partitions)
        reader.add(batch, source.path)
        if is_json and batch.originals is not None:
            objects += map(json.loads, batch.originals.to_pylist())
        else:
            tables.append(batch.table)
    return _Part(None, objects) if is_json else _joined_tables(source.path, tables)


def _suffix(location: str) -> str:
    """Return the suffix of a file without compression; empty for folders and data sets."""
    if location.startswith("hf:") or Path(location).is_dir():
        return ""
    return Path(uncompressed_name(Path(location))).suffix.lower()


def _batches(location: str, data: DataSettings) -> Iterator[Batch]:
    """Yield the records of a source; a Parquet file's with the types that it has."""
    if _suffix(location) != ".parquet":
        yield from read_batches(location, data.read_options)
        return
    path = Path(location)
    try:
        content = uncompressed_content(path)
        buffer = None if content is None else pa.py_buffer(content)
        size_limits.ensure_parquet(path, buffer)
        table = pq.ParquetFile(path if buffer is None else pa.BufferReader(buffer)).read()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {first_line(error)}") from error
    if not len(table):
        raise EmptyInputError(f"{path}: the file holds no rows")
    yield Batch(table)


def _joined_tables(name: str, tables: list[pa.Table]) -> _Part:
    """Return the rows of all tables as one, or as objects if a column has types that no table can hold together."""
    try:
        return _Part(pa.concat_tables(tables, promote_options="permissive"), [])
    except pa.ArrowException:
        return _Part(None, [record for table in tables for record in RowFile(name, table).records()])


def _joined(name: str, parts: list[_Part]) -> RowFile:
    """Return the rows of all parts; as objects if one part has objects."""
    tables = [part.table for part in parts if part.table is not None]
    part = _joined_tables(name, tables) if len(tables) == len(parts) else _Part(None, [])
    if part.table is not None:
        return RowFile(name, part.table)
    records = (RowFile(name, part.table, part.objects).records() for part in parts)
    return RowFile(name, objects=[record for part_records in records for record in part_records])

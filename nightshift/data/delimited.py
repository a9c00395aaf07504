"""Delimited files: CSV, TSV and what people call so."""

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pyarrow as pa

from nightshift.data.batches import BATCH_ROWS, BATCH_SIZE, Batch, ReadOptions
from nightshift.data.delimited_headers import Header, read_header
from nightshift.data.dialects import SAMPLE_CHARS, BrokenFields, Dialect, Fit, Record, choose_dialect, detect_delimiter
from nightshift.data.standard_csv import read_standard
from nightshift.data.text_files import UNDECODED, TextFile, decodable, inspect_text
from nightshift.errors import EmptyInputError

log = logging.getLogger("nightshift.ingest")
CHUNK_RECORDS = 500
"""Records that are taken at once."""
SEPARATOR_LINE = re.compile(r'"?sep=(?P<sign>[^\r\n"])"?\s*', re.IGNORECASE)
"""First line by which Excel learns the delimiter."""
REPEATED_HEADER = "the header again"
MISMATCH = "quotes that do not match"


def read_delimited(path: Path, suffix: str, options: ReadOptions) -> Iterator[Batch]:
    """Yield the records of a delimited file; those with a wrong number of fields are problems.

    Args:
        path: The file.
        suffix: Its suffix without that of the compression; it decides the usual delimiter.
        options: What a person says of the file.

    Raises:
        EmptyInputError: The file has no rows.
        InputError: The file cannot be read, its header cannot be told from the lines above, or its quotes can be read in several ways.
    """
    file = inspect_text(path, options.encoding)
    if file.is_empty:
        raise EmptyInputError(f"{path}: the file is empty; rows were expected")
    notes: list[str] = []
    separator = SEPARATOR_LINE.fullmatch(file.head(1)[0])
    skip = max(options.skip_rows, 1 if separator else 0)
    delimiter = options.delimiter or (
        separator["sign"] if separator else _delimiter(file, suffix, skip, options.header)
    )
    if separator:
        notes.append("its first line as the delimiter")
    fit = choose_dialect(file, skip, delimiter, options)
    if fit.size <= options.header:
        raise EmptyInputError(f"{path}: the file holds {'a header and no rows' if fit.size else 'no rows'}")
    header = read_header(file, fit, options)
    if notes := [*notes, *_dialect_notes(fit.dialect, options), *header.notes]:
        log.info("%s is read with %s", path, ", ".join(notes))
    if fit.standard:
        batches = read_standard(file, fit.standard, header.names, header.lines + 1)
    else:
        batches = _batches(file, fit, header)
    for records in batches:
        repeated = dict.fromkeys(header.repetitions(records.table), REPEATED_HEADER)
        batch = replace(records, problems={**records.problems, **repeated})
        if batch.first_row == 1 and not options.columns:
            header.warn_of_row(path, batch)
        yield batch


def _delimiter(file: TextFile, suffix: str, skip: int, has_header: bool) -> str | None:
    """Return the delimiter; None for a `.txt` without a header unless it has tabs: punctuation is part of texts."""
    delimiter = detect_delimiter(file.head(SAMPLE_CHARS, skip), suffix)
    return None if suffix == ".txt" and not has_header and delimiter != "\t" else delimiter


def _dialect_notes(dialect: Dialect, options: ReadOptions) -> Iterator[str]:
    if dialect.quote == "'":
        yield "single quotes around its fields"
    if dialect.escape and not options.escape:
        yield f"{dialect.escape} as the sign that escapes quotes (data.escape)"
    if dialect.skips_space:
        yield "no spaces after its delimiters"


def _batches(file: TextFile, fit: Fit, header: Header) -> Iterator[Batch]:
    """Yield the rows below the header."""
    records = fit.dialect.records(file, fit.skip, keeps_lines=fit.broken > 0)
    if header.fields is not None:
        next(records)
    first_row = 1
    rows = _Rows(header, fit.broken > 0)
    while chunk := list(islice(records, CHUNK_RECORDS)):
        rows.add(chunk)
        if len(rows.lines) >= BATCH_ROWS or rows.size >= BATCH_SIZE:
            yield rows.batch(first_row, file.encoding_name)
            first_row += len(rows.lines)
            rows = _Rows(header, fit.broken > 0)
    if rows.lines:
        yield rows.batch(first_row, file.encoding_name)


class _Rows:
    """Rows of a batch, by column; texts in few lists, as Python's garbage collector takes long over many of them."""

    def __init__(self, header: Header, may_be_broken: bool) -> None:
        self.lines: list[int] = []
        self.size = 0
        self._header = header
        self._may_be_broken = may_be_broken
        self._columns: list[list[str | None]] = [[] for _ in header.names]
        self._problems: dict[int, str] = {}

    def add(self, records: list[Record]) -> None:
        """Append records, at least one."""
        rows: list[list[str]] = [fields for _, fields in records]
        if self._may_be_broken:
            broken = (index for index, fields in enumerate(rows, len(self.lines)) if isinstance(fields, BrokenFields))
            self._problems |= dict.fromkeys(broken, MISMATCH)
        if self._header.rearranges:
            rows = [self._header.arrange(fields) for fields in rows]
        if set(map(len, rows)) == {len(self._columns)} == {len(self._header.names)}:
            for column, values in zip(self._columns, zip(*rows, strict=True), strict=True):
                column.extend(values)
        else:
            self._add_misfits(rows)
        self.lines += [line for line, _ in records]
        self.size += sum(sum(map(len, fields)) for fields in rows)

    def _add_misfits(self, rows: list[list[str]]) -> None:
        """Append rows of which some have another number of fields than the header; there are columns for further fields."""
        width = len(self._header.names)
        for index, row in enumerate(rows, len(self.lines)):
            if len(row) != width:
                problem = f"{len(row)} fields where {width} were expected"
                self._problems.setdefault(index, REPEATED_HEADER if row == self._header.fields else problem)
        while len(self._columns) < max(map(len, rows)):
            self._columns.append([None] * len(self.lines))
        for position, column in enumerate(self._columns):
            column.extend(row[position] if position < len(row) else None for row in rows)

    def batch(self, first_row: int, encoding: str) -> Batch:
        """Return the rows as a batch."""
        arrays, undecoded = _arrays(self._columns)
        names = list(self._header.names)
        for index in range(len(names), len(arrays)):
            names.append(f"column {index}" if f"column {index}" not in names else f"further column {index}")
        table = pa.table(dict(zip(names, arrays, strict=True)))
        problems = dict.fromkeys(undecoded, f"broken encoding: not valid {encoding}") | self._problems
        return Batch(table, first_row, self.lines, problems)


def _arrays(columns: Sequence[Sequence[str | None]]) -> tuple[list[pa.Array], set[int]]:
    """Return the columns as arrays of texts, and the positions of rows with bytes that did not decode."""
    arrays, undecoded = [], set[int]()
    for values in columns:
        try:
            arrays.append(pa.array(values, pa.string()))
        except UnicodeEncodeError:
            undecoded.update(index for index, text in enumerate(values) if text and UNDECODED.search(text))
            arrays.append(pa.array([text and decodable(text) for text in values], pa.string()))
    return arrays, undecoded

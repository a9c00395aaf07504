"""Delimited files: CSV, TSV and what people call so."""

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from nightshift.data.batches import Batch, ReadOptions, batches_by_size
from nightshift.data.delimited_headers import Header, read_header
from nightshift.data.dialects import SAMPLE_CHARS, BrokenFields, Dialect, Fit, Record, choose_dialect, detect_delimiter
from nightshift.data.standard_csv import StandardFile, read_standard
from nightshift.data.text_files import UNDECODED, TextFile, decodable, inspect_text
from nightshift.errors import EmptyInputError

log = logging.getLogger("nightshift.ingest")
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
    batches = _standard_batches(file, fit.standard, header) if fit.standard else _batches(file, fit, header)
    for batch in batches:
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


def _standard_batches(file: TextFile, shape: StandardFile, header: Header) -> Iterator[Batch]:
    """Yield the rows of a regular file below its header."""
    lines_above = 0 if header.fields is None else 1 + sum(name.count("\n") for name in header.fields)
    for batch in read_standard(file, shape, header.names, lines_above + 1):
        yield replace(batch, problems=dict.fromkeys(header.repetitions(batch.table), REPEATED_HEADER))


def _batches(file: TextFile, fit: Fit, header: Header) -> Iterator[Batch]:
    """Yield the rows below the header."""
    records = fit.dialect.records(file, fit.skip)
    if header.fields is not None:
        next(records)
    first_row = 1
    for batch_records in batches_by_size(records, lambda record: sum(map(len, record[1]))):
        yield _batch(batch_records, first_row, header, file.encoding_name)
        first_row += len(batch_records)


def _batch(records: list[Record], first_row: int, header: Header, encoding: str) -> Batch:
    """Return records as a batch."""
    lines, rows = map(list, zip(*records, strict=True))
    problems = {index: MISMATCH for index, fields in enumerate(rows) if isinstance(fields, BrokenFields)}
    if header.rearranges:
        rows = [header.arrange(fields) for fields in rows]
    names = header.names
    columns: Sequence[Sequence[str | None]]
    if set(map(len, rows)) == {len(names)}:
        columns = list(zip(*rows, strict=True))
    else:
        problems = _misfits(rows, header) | problems
        names, columns = _padded_columns(names, rows)
    arrays, undecoded = _arrays(columns)
    problems = dict.fromkeys(undecoded, f"broken encoding: not valid {encoding}") | problems
    table = pa.table(dict(zip(names, arrays, strict=True)))
    problems |= dict.fromkeys(header.repetitions(table), REPEATED_HEADER)
    return Batch(table, first_row, lines, problems)


def _misfits(rows: list[list[str]], header: Header) -> dict[int, str]:
    """Return the problems of rows with another number of fields than the header."""
    width = len(header.names)
    return {
        index: REPEATED_HEADER if row == header.fields else f"{len(row)} fields where {width} were expected"
        for index, row in enumerate(rows)
        if len(row) != width
    }


def _padded_columns(names: list[str], rows: list[list[str]]) -> tuple[list[str], list[Sequence[str | None]]]:
    """Return names and columns for all fields; those beyond the header's are columns with a number."""
    width = max(len(names), *map(len, rows))
    names = names + [f"column {index}" for index in range(len(names), width)]
    return names, [[row[index] if index < len(row) else None for row in rows] for index in range(width)]


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

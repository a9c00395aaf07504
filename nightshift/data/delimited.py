"""Delimited files: CSV, TSV and what people call so.

They are read twice, with quoting and without, and the reading that fits the file is taken: pandas' default quoting lets an
unbalanced quote swallow line ends, and rows with them.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nightshift.data.batches import Batch, Quoting, ReadOptions, split_batches
from nightshift.data.text_files import UNDECODED, decodable, read_text
from nightshift.errors import EmptyInputError, InputError

DELIMITERS = ",\t;|"
SAMPLE = 100_000
"""Number of characters of a file by which its delimiter is detected."""
NUMBER = re.compile(r"[-+]?\d+([.,]\d+)?")


@dataclass(frozen=True)
class Reading:
    """Reading of a delimited file with or without quoting: the first line of each record, and its fields."""

    lines: list[int]
    fields: list[list[str]]

    @property
    def width(self) -> int:
        """Return the number of fields of most records."""
        return Counter(map(len, self.fields)).most_common(1)[0][0]

    @property
    def misfits(self) -> int:
        """Return the number of records with another number of fields than most."""
        width = self.width
        return sum(1 for fields in self.fields if len(fields) != width)

    @property
    def consistent(self) -> bool:
        """Return True if all records have the same number of fields, more than one."""
        return self.width > 1 and not self.misfits


def read_delimited(path: Path, suffix: str, options: ReadOptions) -> Iterator[Batch]:
    """Yield the records of a delimited file; those with a wrong number of fields are problems.

    Args:
        path: The file.
        suffix: Its suffix without that of the compression; it decides the usual delimiter.
        options: What a person says of the file.

    Raises:
        InputError: The file is empty, or its quotes can be read in several ways.
    """
    text, encoding = read_text(path, options.encoding)
    delimiter = options.delimiter or _delimiter(text, suffix)
    reading = _reading(path, text, delimiter, options.quoting)
    start = 1 if options.header else 0
    if len(reading.fields) == start:
        raise EmptyInputError(f"{path}: the file holds a header and no rows")
    names = _names(reading.fields[0]) if options.header else [str(index) for index in range(reading.width)]
    records = reading.fields[start:]
    problems = {
        index: f"{len(fields)} fields where {len(names)} were expected"
        for index, fields in enumerate(records)
        if len(fields) != len(names)
    }
    if UNDECODED.search(text):
        for index, fields in enumerate(records):
            if any(UNDECODED.search(field) for field in fields if not field.isascii()):
                problems.setdefault(index, f"broken encoding: not valid {encoding}")
                records[index] = [decodable(field) for field in fields]
    yield from split_batches(_columns(names, records), reading.lines[start:], problems)


def _columns(names: list[str], records: list[list[str]]) -> dict[str, list[str | None]]:
    """Return the fields by column; fields beyond the header's are columns with a number."""
    width = max(map(len, records))
    names = names + [f"column {index}" for index in range(len(names), width)]
    return {
        name: [fields[index] if index < len(fields) else None for fields in records] for index, name in enumerate(names)
    }


def _names(fields: list[str]) -> list[str]:
    """Return the header's names, none empty and none twice: values are stored by name."""
    names: list[str] = []
    unique_names: set[str] = set()
    for index, field in enumerate(fields):
        name = decodable(field).strip()
        names.append(name if name and name not in unique_names else f"{name} column {index}".strip())
        unique_names.add(names[-1])
    return names


def _delimiter(text: str, kind: str) -> str:
    """Return the delimiter that splits most records into as many fields as the first, more than one; a tie goes to the suffix's own."""
    usual = "\t" if kind == ".tsv" else ","
    lines = text[:SAMPLE].splitlines(keepends=True)
    head = "".join(lines[:-1] if len(text) > SAMPLE and len(lines) > 1 else lines)
    return max(usual + DELIMITERS.replace(usual, ""), key=lambda sign: _regularity(head, sign))


def _regularity(text: str, delimiter: str) -> float:
    """Return the share of records with as many fields as the first, by the better reading; 0 for a single field."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    shares = []
    for fields in (_plain(text, delimiter).fields, [row for row in rows if row]):
        width = len(fields[0]) if fields else 0
        shares.append(sum(len(row) == width for row in fields) / len(fields) if width > 1 else 0.0)
    return max(shares)


def _reading(path: Path, text: str, delimiter: str, quoting: Quoting) -> Reading:
    if quoting == "quoted":
        return _quoted(path, text, delimiter)
    plain = _plain(text, delimiter)
    if quoting == "none" or '"' not in text:
        return plain
    try:
        quoted = _quoted(path, text, delimiter)
    except InputError:
        if plain.consistent:
            return plain
        raise
    if delimiter != "\t" and plain.consistent and quoted.consistent and len(plain.fields) > len(quoted.fields):
        _ensure_one_reading(path, quoted, plain)
    return plain if _swallows(quoted, plain, delimiter) else quoted


def _ensure_one_reading(path: Path, quoted: Reading, plain: Reading) -> None:
    """Raise InputError if quotes join lines that look like records of their own, judged by the values of a column.

    Lines of a quoted text may happen to have as many delimiters as a record, though hardly ten of them.
    """
    starts = set(quoted.lines)
    joined: list[tuple[int, list[list[str]]]] = []
    for line, fields in zip(plain.lines, plain.fields, strict=True):
        if line in starts:
            joined.append((line, []))
        joined[-1][1].append(fields)
    unjoined = [rows[0] for _, rows in joined if len(rows) == 1]
    column_values = [{_normalize(field) for field in column} - {""} for column in zip(*unjoined, strict=True)]
    for line, rows in joined:
        columns = zip(*rows, strict=True)
        alike = any(
            values >= {_normalize(field) for field in column}
            for values, column in zip(column_values, columns, strict=False)
        )
        if len(rows) > 1 and (alike or len(rows) >= 10):
            raise InputError(
                f"{path}, line {line}: a quote opened here makes one row of {len(rows)} lines that could be rows of their own; "
                "set data.quoting: quoted if they are one text, none if quotes mean nothing in this file"
            )


def _normalize(field: str) -> str:
    """Return the field without white space around it; all numbers as the same text."""
    return "number" if NUMBER.fullmatch(field.strip()) else field.strip()


def _swallows(quoted: Reading, plain: Reading, delimiter: str) -> bool:
    """Return True if the quotes only join lines that are records of their own.

    Commas and semicolons are part of texts, so a line of a quoted text may look like a record; tabs are not.
    """
    if len(quoted.fields) == len(plain.fields):
        return False
    if delimiter == "\t":
        return plain.width > 1 and plain.misfits <= quoted.misfits
    return plain.consistent and not quoted.consistent


def _plain(text: str, delimiter: str) -> Reading:
    lines = [(number, line.rstrip("\r\n")) for number, line in enumerate(io.StringIO(text, newline=""), 1)]
    records = [(number, line) for number, line in lines if line.strip() or delimiter in line]
    return Reading([number for number, _ in records], [line.split(delimiter) for _, line in records])


def _quoted(path: Path, text: str, delimiter: str) -> Reading:
    lines: list[int] = []
    fields: list[list[str]] = []
    csv.field_size_limit(2**31 - 1)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    start = 1
    try:
        for record in reader:
            if len(record) > 1 or any(field.strip() for field in record):
                lines.append(start)
                fields.append(record)
            start = reader.line_num + 1
    except csv.Error as error:
        unclosed = "a quote opened here is never closed and would swallow the rest of the file"
        problem = unclosed if "unexpected end" in str(error) else f"quotes that do not match ({error})"
        raise InputError(
            f"{path}, line {start}: {problem}; mend the line, or set data.quoting: none if quotes mean nothing in this file"
        ) from error
    return Reading(lines, fields)

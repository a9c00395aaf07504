"""From files to records: CSV, TSV, Parquet, JSON lines; nothing is ever silently shortened.

Delimited text is read twice, with quoting and without, and the reading that fits the file is taken: pandas'
default quoting lets an unbalanced quote swallow line ends, and rows with them.
"""

import codecs
import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import charset_normalizer
import pyarrow
import pyarrow.parquet

from tasks.errors import InputError

Quoting = Literal["auto", "quoted", "none"]
DELIMITERS = ",\t;|"
BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
        codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}  # fmt: skip
ENCODINGS = ["cp1252", "mac_roman", "cp1251", "koi8_r", "gb18030", "big5", "shift_jis", "euc_jp", "euc_kr"]
"""What a file that is not UTF-8 may be; others are to be stated."""
csv.field_size_limit(2**31 - 1)


@dataclass(frozen=True)
class Record:
    """One record of a file: its number from 1, its values by column name, or why it cannot be read."""

    row: int
    values: dict[str, Any]
    problem: str | None = None


@dataclass(frozen=True)
class Reading:
    """One way to read a delimited file: the line each record starts on, and its fields."""

    lines: list[int]
    fields: list[list[str]]

    @property
    def width(self) -> int:
        """Fields of most records."""
        return Counter(map(len, self.fields)).most_common(1)[0][0]

    @property
    def consistent(self) -> bool:
        """Whether all records have the same number of fields, more than one."""
        return self.width > 1 and all(len(fields) == self.width for fields in self.fields)


def read_records(
    path: Path,
    header: bool = True,
    encoding: str | None = None,
    delimiter: str | None = None,
    quoting: Quoting = "auto",
) -> list[Record]:
    """All records of a file; columns of a file without header are named by position, `0` the first.

    Raises InputError for a file that is empty, binary, cut off, or of an unknown kind.
    """
    if path.suffix == ".parquet":
        return _parquet(path)
    text = _text(path, encoding)
    if not text.strip():
        raise InputError(f"{path}: the file is empty; rows were expected")
    if path.suffix in (".jsonl", ".ndjson", ".json"):
        return _json_lines(path, text)
    if path.suffix in (".csv", ".tsv", ".txt"):
        return _delimited(path, text, header, delimiter, quoting)
    raise InputError(f"{path}: unknown kind {path.suffix or 'of file'}; expected .csv, .tsv, .txt, .jsonl or .parquet")


def _text(path: Path, encoding: str | None) -> str:
    data = path.read_bytes()
    for mark, name in BOMS.items():
        if data.startswith(mark):
            encoding = encoding or name
            break
    if encoding is None and b"\0" in data:
        raise InputError(f"{path}, line {data[: data.index(0)].count(10) + 1}: binary data; a text file was expected")
    try:
        if encoding:
            return data.decode(encoding, "strict" if encoding.startswith("utf-16") else "surrogateescape")
    except (UnicodeDecodeError, LookupError) as error:
        raise InputError(f"{path}: cannot be read as {encoding}: {error}; set data.encoding") from error
    return data.decode(_detected(data), "surrogateescape")


def _detected(data: bytes) -> str:
    """UTF-8 where nearly every line with other than ASCII is UTF-8, else what charset-normalizer finds."""
    foreign = [line for line in data.splitlines() if not line.isascii()]
    broken = sum(1 for line in foreign if not _is_utf8(line))
    if broken == 0 or broken * 2 < len(foreign) or broken <= 5:
        return "utf-8"
    matches = charset_normalizer.from_bytes(b"\n".join(foreign[:2000]), cp_isolation=ENCODINGS)
    best = max(matches, key=lambda match: match.coherence - match.chaos, default=None)
    return best.encoding if best else "cp1252"


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _delimited(path: Path, text: str, header: bool, delimiter: str | None, quoting: Quoting) -> list[Record]:
    delimiter = delimiter or _delimiter(path, text)
    reading = _reading(path, text, delimiter, quoting)
    names = reading.fields[0] if header else [str(place) for place in range(reading.width)]
    start = 1 if header else 0
    if len(reading.fields) == start:
        raise InputError(f"{path}: the file holds a header and no rows")
    width = len(names)
    names = [name.strip() or f"column {place}" for place, name in enumerate(names)]
    return [
        _record(
            number, names, fields, f"{len(fields)} fields where {width} were expected" if len(fields) != width else None
        )
        for number, fields in enumerate(reading.fields[start:], 1)
    ]


def _record(number: int, names: list[str], fields: list[str], problem: str | None) -> Record:
    if any(not field.isascii() and any("\udc80" <= sign <= "\udcff" for sign in field) for field in fields):
        problem = problem or "broken encoding: not valid UTF-8"
        fields = [field.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for field in fields]
    values: dict[str, Any] = dict(zip(names, fields, strict=False))
    for place, field in enumerate(fields[len(names) :], len(names)):
        values[f"column {place}"] = field
    return Record(number, values, problem)


def _delimiter(path: Path, text: str) -> str:
    if path.suffix == ".tsv":
        return "\t"
    lines = text.splitlines()[:200]
    return max(
        DELIMITERS,
        key=lambda sign: (min(line.count(sign) for line in lines) > 0, sum(line.count(sign) for line in lines)),
    )


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
    swallowed = delimiter == "\t" and plain.consistent and len(plain.fields) != len(quoted.fields)
    return plain if swallowed else quoted


def _plain(text: str, delimiter: str) -> Reading:
    lines = [(number, line.rstrip("\r\n")) for number, line in enumerate(io.StringIO(text, newline=""), 1)]
    kept = [(number, line) for number, line in lines if line.strip()]
    return Reading([number for number, _ in kept], [line.split(delimiter) for _, line in kept])


def _quoted(path: Path, text: str, delimiter: str) -> Reading:
    lines: list[int] = []
    fields: list[list[str]] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    start = 1
    try:
        for record in reader:
            if record and any(field.strip() for field in record):
                lines.append(start)
                fields.append(record)
            start = reader.line_num + 1
    except csv.Error as error:
        what = "a quote opened here is never closed" if "unexpected end" in str(error) else str(error)
        raise InputError(
            f"{path}, line {start}: {what}; mend the line, or set data.quoting: none if quotes mean nothing in this file"
        ) from error
    return Reading(lines, fields)


def _json_lines(path: Path, text: str) -> list[Record]:
    lines = text.split("\n")
    records: list[Record] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except ValueError as error:
            if number == len(lines):
                raise InputError(f"{path}, line {number}: the file is cut off in the middle of a record") from error
            values = None
        if isinstance(values, dict):
            records.append(Record(len(records) + 1, values))
        else:
            clean = line.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            records.append(Record(len(records) + 1, {"line": clean}, "no JSON object"))
    return records


def _parquet(path: Path) -> list[Record]:
    try:
        rows = pyarrow.parquet.read_table(path).to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(f"{path}: not a readable Parquet file: {str(error).splitlines()[0]}") from error
    if not rows:
        raise InputError(f"{path}: the file holds no rows")
    return [Record(number, values) for number, values in enumerate(rows, 1)]


def read_dataset(address: str) -> Iterator[Record]:
    """The rows of `hf:ID[@REVISION][#SPLIT]` through `datasets`; a folder is an ID too."""
    import datasets

    name, _, part = address.removeprefix("hf:").partition("#")
    name, _, revision = name.partition("@")
    try:
        rows = datasets.load_dataset(name, revision=revision or None, split=part or "train")
    except Exception as error:
        raise InputError(f"data.path: the data set {address} cannot be loaded: {str(error).splitlines()[0]}") from error
    for number, values in enumerate(rows, 1):
        yield Record(number, values)

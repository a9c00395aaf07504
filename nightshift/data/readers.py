"""Readers of files: CSV, TSV, Parquet, JSON lines, paragraphs; nothing is ever silently shortened.

Delimited text is read twice, with quoting and without, and the reading that fits the file is taken: pandas'
default quoting lets an unbalanced quote swallow line ends, and rows with them.
"""

import codecs
import csv
import gzip
import io
import json
import logging
import re
import zlib
from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import charset_normalizer
import pyarrow
import pyarrow.parquet

from nightshift.data import size_limits
from nightshift.errors import InputError

log = logging.getLogger("nightshift.ingest")
Quoting = Literal["auto", "quoted", "none"]
DELIMITERS = ",\t;|"
SAMPLE = 100_000
"""Number of characters of a file by which its delimiter is detected."""
BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
        codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}  # fmt: skip
ENCODINGS = ["cp1252", "cp1251", "koi8_r", "gb18030", "big5", "shift_jis", "euc_jp", "euc_kr"]
"""Encodings that are detected in files that are not UTF-8; others must be set."""
UNDECODED = re.compile(r"[\ud800-\udfff]")
"""Characters that undecodable bytes become on reading; UTF-8 cannot hold them."""
NUMBER = re.compile(r"[-+]?\d+([.,]\d+)?")
CHUNK = 2**20
"""Bytes of a compressed file's content that are unpacked at once."""
CONTROLS = bytes(sorted({*range(32), 127} - {*b"\t\n\v\f\r"}))


@dataclass(frozen=True)
class Record:
    """Record of a file: its number and first line from 1, its values by column, and the reason if it cannot be read."""

    row: int
    line: int
    values: dict[str, Any]
    problem: str | None = None


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


def read_records(
    path: Path,
    header: bool = True,
    encoding: str | None = None,
    delimiter: str | None = None,
    quoting: Quoting = "auto",
    paragraphs: bool = False,
) -> list[Record]:
    """Return all records of a file.

    Args:
        path: File, of a type that its suffix tells; it may be compressed (.gz).
        header: False for a delimited file whose first record is a row; its columns are then named by position, `0` the first.
        encoding: Encoding of a text file; None to detect it.
        delimiter: Delimiter of a delimited file; None to detect it.
        quoting: Role of quotes in a delimited file; auto to detect it.
        paragraphs: True if the records of a .txt file are its paragraphs, in a column `text`.

    Raises:
        InputError: For a file that is empty, binary, cut off, or of an unknown type.
    """
    kind = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    if kind not in (".parquet", ".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt"):
        raise InputError(f"{path}: unknown kind {kind or 'of file'}; expected .csv, .tsv, .txt, .jsonl or .parquet")
    if kind == ".parquet":
        return _parquet(path)
    text, encoding = _text(path, encoding)
    if not text.strip():
        raise InputError(f"{path}: the file is empty; rows were expected")
    if paragraphs and kind == ".txt":
        return _paragraphs(text, encoding)
    if kind in (".csv", ".tsv", ".txt"):
        return _delimited(path, text, encoding, header, delimiter or _delimiter(text, kind), quoting)
    return _json_lines(path, text, encoding)


def _text(path: Path, encoding: str | None) -> tuple[str, str]:
    """Return the file's text without a byte order mark, and the encoding it was read in."""
    data = _bytes(path)
    size_limits.ensure_memory(path, len(data), max(data.count(b"\n"), data.count(b"\r")))
    marked = next((name for mark, name in BOMS.items() if data.startswith(mark)), None)
    encoding = encoding or marked
    if encoding is None:
        _ensure_text(path, data)
        encoding = _detected(data)
        if encoding != "utf-8":
            log.warning("%s is not UTF-8 and is read as %s; where that is wrong, set data.encoding", path, encoding)
    try:
        text = data.decode(encoding, "strict" if re.match("utf.?(16|32)", encoding.lower()) else "surrogateescape")
    except (UnicodeError, LookupError) as error:
        raise InputError(f"{path}: cannot be read as {encoding}: {error}; set data.encoding") from error
    if "\0" in text:
        raise InputError(_binary(path, text[: text.index("\0")].count("\n") + 1))
    return text.removeprefix("\ufeff"), encoding.upper().removesuffix("-SIG")


def _bytes(path: Path) -> bytes:
    try:
        if path.suffix != ".gz":
            size_limits.ensure_memory(path, path.stat().st_size, 0)
            return path.read_bytes()
        parts, size = [], 0
        with gzip.open(path) as file:
            while part := file.read(CHUNK):
                parts.append(part)
                size += len(part)
                size_limits.ensure_unpacked_size(path, size)
                size_limits.ensure_memory(path, size, 0)
        return b"".join(parts)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error


def _ensure_text(path: Path, data: bytes) -> None:
    zero = data.find(b"\0")
    if zero >= 0:
        raise InputError(_binary(path, data[:zero].count(b"\n") + 1))
    head = data[:SAMPLE]
    if (len(head) - len(head.translate(None, CONTROLS))) * 20 > len(head):
        raise InputError(_binary(path, 1))


def _binary(path: Path, line: int) -> str:
    return f"{path}, line {line}: binary data; a text file was expected (UTF-16 without a mark: set data.encoding)"


def _detected(data: bytes) -> str:
    """Return UTF-8 if most lines with other than ASCII are UTF-8, else the encoding that charset-normalizer detects."""
    foreign = [line for line in data.splitlines() if not line.isascii()]
    broken = sum(1 for line in foreign if not _decodes(line, "utf-8"))
    if broken * 2 <= len(foreign):
        return "utf-8"
    matches = charset_normalizer.from_bytes(b"\n".join(foreign[:2000]), cp_isolation=ENCODINGS)
    best = max(matches, key=lambda match: match.coherence - match.chaos, default=None)
    return best.encoding if best else "cp1252" if _decodes(data, "cp1252") else "latin-1"


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _delimited(path: Path, text: str, encoding: str, header: bool, delimiter: str, quoting: Quoting) -> list[Record]:
    reading = _reading(path, text, delimiter, quoting)
    start = 1 if header else 0
    if len(reading.fields) == start:
        raise InputError(f"{path}: the file holds a header and no rows")
    names = _names(reading.fields[0]) if header else [str(index) for index in range(reading.width)]
    records = [
        _record(number, line, names, fields, encoding)
        for number, (line, fields) in enumerate(zip(reading.lines[start:], reading.fields[start:], strict=True), 1)
    ]
    assert len(records) == len(reading.fields) - start
    return records


def _names(fields: list[str]) -> list[str]:
    """Return the header's names, none empty and none twice: values are stored by name."""
    names: list[str] = []
    unique_names: set[str] = set()
    for index, field in enumerate(fields):
        name = UNDECODED.sub("\ufffd", field).strip()
        names.append(name if name and name not in unique_names else f"{name} column {index}".strip())
        unique_names.add(names[-1])
    return names


def _record(number: int, line: int, names: list[str], fields: list[str], encoding: str) -> Record:
    problem = None if len(fields) == len(names) else f"{len(fields)} fields where {len(names)} were expected"
    if any(UNDECODED.search(field) for field in fields if not field.isascii()):
        problem = problem or f"broken encoding: not valid {encoding}"
        fields = [UNDECODED.sub("\ufffd", field) for field in fields]
    values: dict[str, Any] = dict(zip(names, fields, strict=False))
    for index, field in enumerate(fields[len(names) :], len(names)):
        values[f"column {index}"] = field
    return Record(number, line, values, problem)


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


def _paragraphs(text: str, encoding: str) -> list[Record]:
    """Return the blocks between blank lines, with their inner line breaks."""
    lines = enumerate(io.StringIO(text, newline=None), 1)
    blocks = [list(block) for has_text, block in groupby(lines, lambda line: bool(line[1].strip())) if has_text]
    return [
        _record(number, block[0][0], ["text"], ["".join(line for _, line in block).rstrip("\n")], encoding)
        for number, block in enumerate(blocks, 1)
    ]


def _json_lines(path: Path, text: str, encoding: str) -> list[Record]:
    lines = text.split("\n")
    records: list[Record] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:
            if number == len(lines):
                raise InputError(f"{path}, line {number}: the file is cut off in the middle of a record") from error
            values = None
        records.append(_object(len(records) + 1, number, values, line, encoding))
    return records


def _object(number: int, line: int, values: Any, written: str, encoding: str) -> Record:
    if not isinstance(values, dict):
        return Record(number, line, {"line": UNDECODED.sub("\ufffd", written)}, "no JSON object")
    plain = json.dumps(values, ensure_ascii=False)
    if not UNDECODED.search(plain):
        return Record(number, line, values)
    return Record(number, line, json.loads(UNDECODED.sub("\ufffd", plain)), f"broken encoding: not valid {encoding}")


def _parquet(path: Path) -> list[Record]:
    try:
        size_limits.ensure_parquet(path)
        rows = pyarrow.parquet.read_table(path, partitioning=None).to_pylist()
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable Parquet file: {_first_line(error)}") from error
    if not rows:
        raise InputError(f"{path}: the file holds no rows")
    return [Record(number, number, values) for number, values in enumerate(rows, 1)]


def read_lines(path: Path) -> list[str]:
    """Return the lines of a plain text file, but for blank ones; raise InputError if it is empty or cannot be read."""
    text, encoding = _text(path, None)
    if UNDECODED.search(text):
        raise InputError(f"{path}: not valid {encoding}; save it as UTF-8")
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if not lines:
        raise InputError(f"{path}: the file is empty; a line or more was expected")
    return lines


def read_dataset(address: str) -> list[Record]:
    """Return the rows of `hf:ID[@REVISION][#SPLIT]` through `datasets`; a folder is an ID too.

    Raises:
        InputError: With the reason, if it cannot be loaded.
    """
    import datasets

    name, _, part = address.removeprefix("hf:").partition("#")
    name, _, revision = name.partition("@")
    try:
        dataset = datasets.load_dataset(name, revision=revision or None, split=part or "train")
        size_limits.ensure_memory(address, dataset.data.nbytes, len(dataset))
        rows = list(dataset)
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"data.path: the data set {address} cannot be loaded: {_first_line(error)}") from error
    if not rows:
        raise InputError(f"data.path: the data set {address} holds no rows")
    return [Record(number, number, values) for number, values in enumerate(rows, 1)]


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]

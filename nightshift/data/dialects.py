"""Dialects of delimited files: which there are, how well each fits a file, and which one is meant.

A file that contains quotes is read with quoting and, where the result is doubtful, without: an unbalanced quote swallows
line ends, and rows with them. Every reading is a pass over the file that counts; nothing is held.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

from nightshift.data.batches import ReadOptions
from nightshift.data.standard_csv import StandardFile, scan_standard
from nightshift.data.text_files import TextFile
from nightshift.errors import InputError

if TYPE_CHECKING:
    import _csv

DELIMITERS = ",\t;|"
SAMPLE_CHARS = 100_000
"""Number of characters of a file by which its delimiter is detected."""
MAX_FIELD = 2**26
"""Most characters of a field; a quote that encloses more is an unbalanced one."""
HEAD_RECORDS = 200
"""Records at the beginning of a file by which its header is judged."""
MAX_JOINED = 1000
"""Records of several lines whose lines are compared with the other records."""
NUMBER = re.compile(r"[-+]?\d+([.,]\d+)?")

Record = tuple[int, list[str]]
"""First line of a record, from 1, and its fields."""


class BrokenFields(list[str]):
    """Fields of a record whose quotes do not match, split at every delimiter."""


@dataclass(frozen=True)
class Dialect:
    """Signs that separate and enclose the fields of a file."""

    delimiter: str | None
    """None if a line is a field."""
    quote: str | None = None
    """Sign that encloses fields; None if quotes are ordinary characters."""
    escape: str | None = None
    """Sign that makes a quote, a delimiter or itself an ordinary character; before others it is one itself."""
    skips_space: bool = False
    """True if spaces after a delimiter are no part of the field."""

    def records(self, file: TextFile, skip: int = 0, keeps_lines: bool = True) -> Iterator[Record]:
        """Yield the records of a file after its first `skip` lines, without blank lines.

        Fields are `BrokenFields` if their quotes do not match and the record is a single line.

        Args:
            file: The file.
            skip: Lines above the first record.
            keeps_lines: False if the content of broken records is not needed, which takes less time.

        Raises:
            InputError: The quotes of several lines do not match.
        """
        if self.delimiter is None:
            for line, text in enumerate(file.lines(skip), skip + 1):
                if text.strip():
                    yield line, [text.rstrip("\r\n")]
            return
        lines = _CurrentLine(self, file.lines(skip))
        reader = self._reader(lines if keeps_lines or self.escape else file.lines(skip))
        line = skip + 1
        while True:
            try:
                for fields in reader:
                    if len(fields) > 1 or (fields and fields[0].strip()):
                        yield line, fields
                    line = skip + reader.line_num + 1
                return
            except csv.Error as error:
                if skip + reader.line_num != line or "unexpected end" in str(error):
                    raise _mismatch(file, line, error) from error
                yield line, BrokenFields(lines.text.rstrip("\r\n").split(self.delimiter))
                line += 1

    def _reader(self, lines: Iterable[str]) -> "_csv.Reader":
        csv.field_size_limit(MAX_FIELD)
        return csv.reader(
            lines,
            delimiter=self.delimiter or ",",
            quoting=csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            quotechar=self.quote or '"',
            escapechar=self.escape,
            skipinitialspace=self.skips_space,
            strict=True,
        )


class _CurrentLine:
    """Lines as the `csv` module needs them, and the last one as it is in the file."""

    def __init__(self, dialect: Dialect, lines: Iterator[str]) -> None:
        self.text = ""
        self._lines = lines
        self._escape = dialect.escape
        self._special = f"{dialect.escape}{dialect.quote or ''}{dialect.delimiter}"

    def __iter__(self) -> Iterator[str]:
        for text in self._lines:
            self.text = text
            yield _double_ordinary_signs(text, self._escape, self._special) if self._escape else text


def _double_ordinary_signs(line: str, escape: str, special: str) -> str:
    """Return a line with its escape signs doubled where none of the special characters follows; `csv` would drop them."""
    if escape not in line:
        return line
    sign = re.escape(escape)
    return re.sub(f"({sign}[{re.escape(special)}])|{sign}", lambda match: str(match[1] or escape * 2), line)


def _mismatch(file: TextFile, line: int, error: csv.Error) -> InputError:
    reasons = {
        "unexpected end": "a quote opened here is never closed and would swallow the rest of the file",
        "field larger": f"a field of more than {MAX_FIELD:,} characters begins here",
    }
    default = f"quotes that do not match ({error})"
    problem = next((text for part, text in reasons.items() if part in str(error)), default)
    return InputError(
        f"{file.path}, line {line}: {problem}; mend the line, or set data.quoting: none if quotes mean nothing in this file"
    )


@dataclass
class Fit:
    """Counts of a whole reading, which tell how well a dialect fits a file."""

    dialect: Dialect
    skip: int
    """Lines above the first record."""
    widths: Counter[int] = field(default_factory=Counter)
    """Number of records by number of fields."""
    broken: int = 0
    """Records whose quotes do not match."""
    head: list[Record] = field(default_factory=list)
    """The first records."""
    has_gaps: bool = False
    """False if each record is the line after the last one."""
    standard: StandardFile | None = None
    """Shape of the file if it is so regular that Arrow can read it."""
    error: InputError | None = None
    """Reason for which the reading ended before the file."""

    @property
    def size(self) -> int:
        """Return the number of records."""
        return self.widths.total() + self.broken

    @property
    def width(self) -> int:
        """Return the number of fields of most records."""
        return self.widths.most_common(1)[0][0] if self.widths else 0

    @property
    def misfits(self) -> int:
        """Return the number of records that are broken or have another number of fields than most."""
        return self.size - self.widths[self.width]

    @property
    def is_consistent(self) -> bool:
        """Return True if all records have the same number of fields, more than one."""
        return self.error is None and self.width > 1 and not self.misfits


def measure(dialect: Dialect, file: TextFile, skip: int) -> Fit:
    """Return how well a dialect fits a file after its first `skip` lines."""
    fit = Fit(dialect, skip)
    records = dialect.records(file, skip, keeps_lines=False)
    expected_line = skip + 1
    try:
        for line, fields in records:
            if isinstance(fields, BrokenFields):
                fit.broken += 1
            else:
                fit.widths[len(fields)] += 1
            if line != expected_line:
                fit.has_gaps = True
            expected_line = line + 1
            if len(fit.head) < HEAD_RECORDS:
                fit.head.append((line, fields))
    except InputError as error:
        fit.error = error
    return fit


def detect_delimiter(sample: Sequence[str], suffix: str) -> str:
    """Return the delimiter that splits most records into the same number of fields, more than one; a tie goes to the suffix's own."""
    usual = "\t" if suffix == ".tsv" else ","
    return max(usual + DELIMITERS.replace(usual, ""), key=lambda sign: _regularity(sample, sign))


def _regularity(sample: Sequence[str], delimiter: str) -> float:
    """Return the share of records with as many fields as most, by the better reading; 0 for a single field."""
    csv.field_size_limit(MAX_FIELD)
    quoted = [row for row in csv.reader(sample, delimiter=delimiter) if row]
    plain = [line.split(delimiter) for line in sample if line.strip()]
    shares = []
    for records in (plain, quoted):
        width, count = Counter(map(len, records)).most_common(1)[0] if records else (0, 0)
        shares.append(count / len(records) if width > 1 else 0.0)
    return max(shares)


def choose_dialect(file: TextFile, skip: int, delimiter: str | None, options: ReadOptions) -> Fit:
    """Return the dialect that fits a file, with its counts.

    Args:
        file: The file.
        skip: Lines above the first record.
        delimiter: The delimiter; None if a line is a field.
        options: Quoting and escape, where a person has set them.

    Raises:
        InputError: Quotes do not match, or they can be read in several ways.
    """
    plain = Dialect(delimiter, escape=options.escape)
    sample = file.head(SAMPLE_CHARS, skip)
    quote = "'" if options.quoting == "auto" and delimiter and _has_single_quotes(sample, delimiter) else '"'
    has_quotes = options.quoting != "none" and delimiter is not None and (file.has_quotes or quote == "'")
    if delimiter and quote == '"' and not skip and not options.escape:
        standard = scan_standard(file, delimiter, has_quotes)
        if standard:
            return _standard_fit(standard, file)
    if not has_quotes:
        return measure(plain, file, skip)
    quoted = _quoted_fit(replace(plain, quote=quote), file, skip, sample)
    if options.quoting == "quoted":
        return _ensure_read(quoted)
    if quoted.is_consistent and not quoted.has_gaps:
        return quoted
    unquoted = measure(plain, file, skip)
    if (quoted.error or quoted.broken) and _encloses(unquoted, quoted, file):
        return _ensure_read(quoted)
    if quoted.error:
        return unquoted if unquoted.is_consistent else _ensure_read(quoted)
    if delimiter != "\t" and unquoted.is_consistent and quoted.is_consistent and unquoted.size > quoted.size:
        _ensure_one_reading(file, quoted, unquoted)
    return unquoted if _swallows(quoted, unquoted) else quoted


def _standard_fit(standard: StandardFile, file: TextFile) -> Fit:
    """Return the counts of a regular file."""
    dialect = Dialect(standard.delimiter, '"' if standard.has_quotes else None)
    head = list(islice(dialect.records(file), HEAD_RECORDS))
    widths = Counter({standard.width: standard.size})
    return Fit(dialect, skip=0, widths=widths, head=head, has_gaps=standard.joins_lines, standard=standard)


def _ensure_read(fit: Fit) -> Fit:
    if fit.error:
        raise fit.error
    return fit


def _has_single_quotes(sample: Sequence[str], delimiter: str) -> bool:
    """Return True if single quotes enclose every name of the header and the first field of most lines, or every field of most lines."""
    lines = [line.strip() for line in sample[:HEAD_RECORDS] if line.strip()]
    if not lines:
        return False
    names = [name.strip() for name in lines[0].split(delimiter)]
    names_enclosed = all(len(name) > 1 and name[0] == "'" == name[-1] for name in names)
    rows = lines[1:] or lines
    closing = f"'{delimiter}" if names_enclosed else f"'{delimiter}'"
    enclosed = [line[0] == "'" and closing in line and (names_enclosed or line[-1] == "'") for line in rows]
    return (names_enclosed or "'" not in lines[0]) and sum(enclosed) >= 0.9 * len(rows)


def _quoted_fit(dialect: Dialect, file: TextFile, skip: int, sample: Sequence[str]) -> Fit:
    """Return the best reading with quotes: with spaces before them, or a backslash that escapes them, if that mends records."""
    fit = measure(dialect, file, skip)
    spaced = f"{dialect.delimiter} {dialect.quote}"
    if any(spaced in line for line in sample):
        skipping = measure(replace(dialect, skips_space=True), file, skip)
        if _errors(skipping) <= _errors(fit):
            fit = skipping
    if dialect.escape is None and _errors(fit) > 0:
        escaping = measure(replace(fit.dialect, escape="\\"), file, skip)
        if _errors(escaping) < _errors(fit):
            fit = escaping
    return fit


def _errors(fit: Fit) -> float:
    return float("inf") if fit.error else fit.misfits


def _encloses(unquoted: Fit, quoted: Fit, file: TextFile) -> bool:
    """Return True if quotes enclose more fields than there are records in which they do not match."""
    quote = quoted.dialect.quote or '"'
    limit = quoted.broken + (1 if quoted.error else 0)
    enclosed = 0
    for _, fields in unquoted.dialect.records(file, unquoted.skip, keeps_lines=False):
        enclosed += sum(1 for field in fields if len(field) > 1 and field[0] == quote == field[-1])
        if enclosed > limit:
            return True
    return False


def _swallows(quoted: Fit, unquoted: Fit) -> bool:
    """Return True if the quotes only join lines that are records of their own, or match in fewer records than they do not.

    Commas and semicolons are part of texts, so a line of a quoted text may look like a record; tabs are not.
    """
    if quoted.broken:
        return unquoted.width > 1 and unquoted.misfits <= quoted.misfits
    if quoted.size == unquoted.size:
        return False
    if quoted.dialect.delimiter == "\t":
        return unquoted.width > 1 and unquoted.misfits <= quoted.misfits
    return unquoted.is_consistent and not quoted.is_consistent


def _ensure_one_reading(file: TextFile, quoted: Fit, unquoted: Fit) -> None:
    """Raise InputError if quotes join lines that look like records of their own, judged by the values of a column.

    Lines of a quoted text may happen to have as many delimiters as a record, though hardly ten of them.
    """
    joined = list(islice((rows for rows in _rows_by_record(file, quoted, unquoted) if len(rows) > 1), MAX_JOINED))
    column_values = _repeated_values(file, quoted, unquoted, joined) if joined else []
    for rows in joined:
        columns = zip(*(fields for _, fields in rows), strict=True)
        alike = any(
            values >= {_normalize(value) for value in column}
            for values, column in zip(column_values, columns, strict=True)
        )
        if alike or len(rows) >= 10:
            raise InputError(
                f"{file.path}, line {rows[0][0]}: a quote opened here makes one row of {len(rows)} lines that could be rows of "
                "their own; set data.quoting: quoted if they are one text, none if quotes mean nothing in this file"
            )


def _repeated_values(file: TextFile, quoted: Fit, unquoted: Fit, joined: list[list[Record]]) -> list[set[str]]:
    """Return by column the values of joined lines that records of one line have too."""
    candidates = [set[str]() for _ in range(unquoted.width)]
    for values, column in zip(
        candidates, zip(*(fields for rows in joined for _, fields in rows), strict=True), strict=True
    ):
        values.update(_normalize(value) for value in column if value.strip())
    repeated = [set[str]() for _ in candidates]
    for rows in _rows_by_record(file, quoted, unquoted):
        if len(rows) == 1:
            for values, allowed, value in zip(repeated, candidates, rows[0][1], strict=True):
                if (text := _normalize(value)) in allowed:
                    values.add(text)
    return repeated


def _normalize(value: str) -> str:
    """Return the value without white space around it; all numbers as the same text."""
    return "number" if NUMBER.fullmatch(value.strip()) else value.strip()


def _rows_by_record(file: TextFile, quoted: Fit, unquoted: Fit) -> Iterator[list[Record]]:
    """Yield the lines of each record, read without quotes."""
    starts = (line for line, _ in quoted.dialect.records(file, quoted.skip))
    rows: list[Record] = []
    next(starts, None)
    following = next(starts, None)
    for line, fields in unquoted.dialect.records(file, unquoted.skip):
        if line == following:
            yield rows
            rows = []
            following = next(starts, None)
        rows.append((line, fields))
    yield rows

"""Headers of delimited files: column names, and how the rows below fit them."""

import logging
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from nightshift.data.batches import Batch, ReadOptions
from nightshift.data.dialects import NUMBER, SAMPLE_CHARS, BrokenFields, Fit
from nightshift.data.text_files import TextFile, decodable
from nightshift.errors import InputError

log = logging.getLogger("nightshift.ingest")
ROW_NAME = "row name"
"""Column of row names, to which the header gives no name."""
MAX_SHOWN = 80
"""Most characters of a line that a message repeats."""


@dataclass(frozen=True)
class Header:
    """Names of a file's columns, and what is done to its rows to fit them."""

    names: list[str]
    fields: list[str] | None = None
    """Fields of the header's record; None if the file has no header."""
    line: int = 1
    """Line of the header."""
    drops_last: bool = False
    """True if rows end with a delimiter and the header does not."""
    has_row_names: bool = False
    """True if rows begin with a name and the header does not; the names become the last column."""

    @property
    def lines(self) -> int:
        """Return the number of lines of the header's record; 0 if there is no header."""
        return 0 if self.fields is None else 1 + sum(name.count("\n") for name in self.fields)

    @property
    def rearranges(self) -> bool:
        """Return True if `arrange` changes rows."""
        return self.drops_last or self.has_row_names

    @property
    def notes(self) -> list[str]:
        """Return in words what is done to the rows."""
        dropped = ["no last column, which is empty and has no name"] if self.drops_last else []
        return dropped + (
            [f"its first column, which has no name, as the column {ROW_NAME!r}"] if self.has_row_names else []
        )

    def arrange(self, row: list[str]) -> list[str]:
        """Return the fields of a row in the order of the names."""
        if self.drops_last and len(row) == len(self.names) + 1 and not row[-1].strip():
            return row[:-1]
        return row[1:] + row[:1] if self.has_row_names and len(row) == len(self.names) else row

    def repetitions(self, table: pa.Table) -> list[int]:
        """Return the positions of the rows that repeat the header, as in files joined end to end."""
        if self.fields is None:
            return []
        repeats = None
        for column, name in zip(table.columns, self.fields, strict=False):
            value = decodable(name)
            with_mark = [f"\ufeff{value}", f'\ufeff"{value}"'] if repeats is None else []
            equal = pc.is_in(column, pa.array([value, *with_mark], pa.string()))
            repeats = equal if repeats is None else pc.and_(repeats, equal)
            if not pc.any(repeats).as_py():
                return []
        return [] if repeats is None else [int(index) for index in pc.indices_nonzero(repeats).to_pylist()]

    def warn_of_row(self, path: object, batch: Batch) -> None:
        """Warn if the header looks like a row: it has a number, or a value that a row has in the same column."""
        readable = batch.table.filter(
            pa.array([index not in batch.problems for index in range(len(batch))], pa.bool_())
        )
        for column, name in zip(readable.columns, self.fields or [], strict=False):
            value = decodable(name)
            if value.strip() and (NUMBER.fullmatch(value.strip()) or pc.any(pc.equal(column, value)).as_py()):
                log.warning(
                    "%s, line %d: read as the header, though %r looks like a value; where the file has no header, set "
                    "data.header: false", path, self.line, value[:MAX_SHOWN],
                )  # fmt: skip
                return


def read_header(file: TextFile, fit: Fit, options: ReadOptions) -> Header:
    """Return the header of a file with at least one row.

    Args:
        file: The file.
        fit: Its dialect, with the counts and the first records.
        options: Whether there is a header, and the names of columns that are needed.

    Raises:
        InputError: The header stands below other lines, or a needed name is there twice.
    """
    if not options.header:
        return Header([str(index) for index in range(fit.width)])
    line, fields = fit.head[0]
    if isinstance(fields, BrokenFields):
        raise InputError(f"{file.path}, line {line}: the header has quotes that do not match; mend the line")
    rows = fit.widths - Counter([len(fields)])
    row_width = rows.most_common(1)[0][0] if rows else len(fields)
    samples = [row for _, row in fit.head[1:] if len(row) == row_width]
    drops_last = row_width == len(fields) + 1 and sum(not row[-1].strip() for row in samples) >= 0.9 * len(samples)
    has_row_names = row_width == len(fields) + 1 and not drops_last and _are_row_names(file, fit, row_width)
    if not drops_last and not has_row_names:
        _ensure_first(file, fit, row_width, options.columns)
    ensure_unique(file.path, line, fields, options.columns)
    names = unique_names(fields) + [ROW_NAME] * has_row_names
    return Header(names, fields, line, drops_last, has_row_names)


def _are_row_names(file: TextFile, fit: Fit, width: int) -> bool:
    """Return True if the first fields of rows are all different, and either whole numbers or in quotes, as R writes them."""
    rows = [(line, fields[0].strip()) for line, fields in fit.head[1:] if len(fields) == width]
    if len({name for _, name in rows}) < len(rows):
        return False
    lines = file.head(SAMPLE_CHARS, fit.skip)
    quote = fit.dialect.quote or '"'
    starts = [lines[line - fit.skip - 1].lstrip() for line, _ in rows if line - fit.skip <= len(lines)]
    return all(name.isdecimal() for _, name in rows) or all(start.startswith(quote) for start in starts)


def _ensure_first(file: TextFile, fit: Fit, row_width: int, columns: Set[str]) -> None:
    """Raise InputError if the first record is no header and a later one looks like it."""
    line, fields = fit.head[0]
    if columns and columns <= _stripped(fields):
        return
    later = [(number, row) for number, row in fit.head[1:] if len(row) == row_width]
    if columns:
        headers = [(number, row) for number, row in later if columns <= _stripped(row)]
    else:
        headers = [(number, row) for number, row in later if all(map(_is_name, row))] or later
    is_narrow = len(fields) < row_width and fit.widths[row_width] * 2 >= fit.size
    if headers and (is_narrow or columns):
        number, row = headers[0]
        text = ", ".join(map(decodable, row))[:MAX_SHOWN]
        raise InputError(
            f"{file.path}, line {line}: read as the header, but line {number} looks like it ({text}); set data.skip_rows: {number - 1}"
        )


def _stripped(fields: Sequence[str]) -> set[str]:
    return {name.strip() for name in fields}


def _is_name(value: str) -> bool:
    return bool(value.strip()) and not NUMBER.fullmatch(value.strip())


def ensure_unique(path: Path, line: int, fields: Sequence[str], columns: Set[str]) -> None:
    """Raise InputError if several columns have a name that is needed.

    Args:
        path: The file.
        line: Line of the header.
        fields: The header's fields.
        columns: Names that are needed.
    """
    counts = Counter(name.strip() for name in fields)
    for name in sorted(columns):
        if counts[name] > 1:
            positions = " and ".join(str(index) for index, value in enumerate(fields) if value.strip() == name)
            raise InputError(
                f"{path}, line {line}: the columns {positions} are all called {name!r}; rename them, or give the position"
                " instead of the name"
            )


def unique_names(fields: Sequence[str]) -> list[str]:
    """Return the header's names, none empty and none twice: values are stored by name."""
    names: list[str] = []
    earlier: set[str] = set()
    for index, value in enumerate(fields):
        name = decodable(value).strip()
        names.append(name if name and name not in earlier else f"{name} column {index}".strip())
        earlier.add(names[-1])
    return names

"""Workbooks of Excel and LibreOffice: the rows of a sheet, with the values that people see."""

import datetime as dt
import io
import zipfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import pyarrow as pa
import python_calamine

from nightshift.data import size_limits
from nightshift.data.batches import BATCH_ROWS, Batch, ReadOptions
from nightshift.data.compressed import uncompressed_content
from nightshift.data.delimited_headers import ensure_unique, unique_names
from nightshift.errors import EmptyInputError, InputError, first_line

SUFFIXES = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
Row = tuple[int, Sequence[object]]
"""Number of a sheet's row, from 1, and its values; an empty cell is an empty text."""
DIGITS = 15
"""Significant digits of a number in Excel."""


def read_workbook(path: Path, options: ReadOptions) -> Iterator[Batch]:
    """Yield the rows of a sheet: `options.sheet`, or the only one with cells; rows without a value are left out.

    Raises:
        EmptyInputError: The sheet has no rows.
        InputError: The file cannot be read, or it is not clear which sheet is meant.
    """
    content = uncompressed_content(path)
    if content is None:
        size_limits.ensure_memory(path, path.stat().st_size, 0)
        content = path.read_bytes()
    _ensure_size(path, content)
    try:
        workbook = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheet = _select_sheet(path, workbook, options.sheet)
        yield from _batches(path, enumerate(sheet.iter_rows(), 1), options)
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable workbook: {first_line(error)}") from error


def _ensure_size(path: Path, content: bytes) -> None:
    """Raise InputError if the content of a workbook, which is a zip archive in most formats, is too large for its file."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, ValueError):
        return
    size_limits.ensure_unpacked_size(path, size)
    size_limits.ensure_memory(path, size, 0)


def _select_sheet(
    path: Path, workbook: python_calamine.CalamineWorkbook, sheet: str | int | None
) -> python_calamine.CalamineSheet:
    names = workbook.sheet_names
    listed = ", ".join(map(repr, names))
    if isinstance(sheet, int) and 0 <= sheet < len(names):
        return workbook.get_sheet_by_index(sheet)
    if sheet is not None and sheet not in names:
        raise InputError(f"data.sheet: no sheet {sheet!r} in {path}; it has {listed}")
    if isinstance(sheet, str):
        return workbook.get_sheet_by_name(sheet)
    sheets = [workbook.get_sheet_by_name(name) for name in names]
    filled = [sheet for sheet in sheets if sheet.start is not None]
    if len(filled) > 1:
        raise InputError(f"{path}: several sheets have cells ({listed}); set data.sheet to the name of one")
    if not filled:
        raise EmptyInputError(f"{path}: no sheet has a cell; rows were expected")
    return filled[0]


def _batches(path: Path, rows: Iterator[Row], options: ReadOptions) -> Iterator[Batch]:
    filled = ((number, values) for number, values in rows if any(value != "" for value in values))
    names: list[str] = []
    if options.header and (header := next(filled, None)):
        fields = [cell_text(value) or "" for value in header[1]]
        ensure_unique(path, header[0], fields, options.columns)
        names = unique_names(fields)
    first_row = 1
    while batch := list(islice(filled, BATCH_ROWS)):
        names = names or [str(index) for index in range(len(batch[0][1]))]
        yield Batch(_table(names, batch), first_row, [number for number, _ in batch])
        first_row += len(batch)
    if first_row == 1:
        raise EmptyInputError(f"{path}: the sheet holds {'a header and no rows' if names else 'no rows'}")


def _table(names: Sequence[str], rows: Sequence[Row]) -> pa.Table:
    columns = zip(*(values for _, values in rows), strict=True)
    return pa.table(
        {name: pa.array(map(cell_text, column), pa.string()) for name, column in zip(names, columns, strict=True)}
    )


def cell_text(value: object) -> str | None:
    """Return the value of a cell as Excel shows it: whole numbers without .0, TRUE and FALSE, dates as 2021-07-02; None if it is empty."""
    if value == "":
        return None
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**63 else format(value, f".{DIGITS}g")
    if isinstance(value, dt.datetime):
        return value.isoformat(" ", "milliseconds" if value.microsecond else "seconds")
    return str(value)

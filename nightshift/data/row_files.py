"""Files of rows that come back with further columns, their own values unchanged."""

import base64
import csv
import datetime as dt
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from nightshift.errors import InputError, first_line

OUTPUT_SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")
DELIMITERS = {".csv": ",", ".tsv": "\t"}


@dataclass(frozen=True)
class RowFile:
    """All rows of a source: objects, whose values need not be of one type in a column, or else a table."""

    name: str
    """Path or address by which the user knows the source, for errors."""
    table: pa.Table | None = None
    objects: Sequence[dict[str, Any]] = ()

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        if self.table is not None:
            return list(self.table.column_names)
        return list(dict.fromkeys(name for values in self.objects for name in values))

    def values(self, name: str) -> list[Any]:
        """Return the values of a column as Python objects; what is missing is None."""
        if self.table is not None:
            return list(self.table[name].to_pylist())
        return [values.get(name) for values in self.objects]

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield each row as a dictionary.

        Raises:
            InputError: Python has no value for one of Arrow's.
        """
        return iter(self.objects) if self.table is None else _table_records(self.name, self.table)


def write_row_file(rows: RowFile, added: Mapping[str, Sequence[Any]], output: Path) -> None:
    """Write the rows with further columns; the suffix of `output`, one of `OUTPUT_SUFFIXES`, is the format.

    Args:
        rows: The rows as they were read.
        added: Values of the further columns, one a row.
        output: File to write; nothing of it stays if that fails.

    Raises:
        InputError: The format cannot hold the values.
    """
    partial = output.with_name(output.name + ".partial")
    try:
        if output.suffix == ".parquet":
            pq.write_table(_with_columns(rows, added), partial)
        else:
            with partial.open("w", encoding="utf-8", newline="") as file:
                if output.suffix == ".jsonl":
                    _write_json_lines(rows, added, file)
                else:
                    _write_delimited(rows, added, file, DELIMITERS[output.suffix], csv.QUOTE_NONNUMERIC)
        partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)


def as_csv(rows: RowFile, added: Mapping[str, Sequence[Any]]) -> str:
    """Return the rows with further columns as CSV."""
    file = io.StringIO(newline="")
    _write_delimited(rows, added, file, ",", csv.QUOTE_MINIMAL)
    return file.getvalue()


def _records(rows: RowFile, added: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    """Yield each row as a dictionary, with the further columns behind its own."""
    for values, answers in zip(rows.records(), zip(*added.values(), strict=True), strict=True):
        yield {**values, **dict(zip(added, answers, strict=True))}


def _table_records(name: str, table: pa.Table) -> Iterator[dict[str, Any]]:
    for batch in table.to_batches(max_chunksize=10_000):
        try:
            records = batch.to_pylist()
        except (ValueError, OverflowError, pa.ArrowException, LookupError) as error:
            raise InputError(
                f"{name}: a value cannot be written as text: {first_line(error)}; write to .parquet instead"
            ) from error
        yield from records


def _with_columns(rows: RowFile, added: Mapping[str, Sequence[Any]]) -> pa.Table:
    table = _objects_table(rows) if rows.table is None else rows.table
    for name, values in added.items():
        table = table.append_column(name, pa.array(values))
    return table


def _objects_table(rows: RowFile) -> pa.Table:
    columns = {}
    for name in rows.names:
        try:
            columns[name] = pa.array(rows.values(name))
        except (pa.ArrowException, OverflowError) as error:
            raise InputError(
                f"{rows.name}: the values of {name!r} are not of one type, as Parquet requires: {first_line(error)}; write to .jsonl instead"
            ) from error
    return pa.table(columns)


def _write_json_lines(rows: RowFile, added: Mapping[str, Sequence[Any]], file: TextIO) -> None:
    for record in _records(rows, added):
        file.write(json.dumps(_json_value(record), ensure_ascii=False, allow_nan=False) + "\n")


def _json_value(value: Any) -> Any:
    """Return a value as JSON holds it: times in ISO 8601, decimals as texts, bytes in base 64, NaN as null."""
    if isinstance(value, dict):
        return {str(name): _json_value(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(part) for part in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | bool | int) else _as_text(value)


def _write_delimited(
    rows: RowFile, added: Mapping[str, Sequence[Any]], file: TextIO, delimiter: str, quoting: int
) -> None:
    """Write a delimited file with a header.

    Args:
        rows: The rows as they were read.
        added: Values of the further columns.
        file: File to write to.
        delimiter: Delimiter between fields.
        quoting: Quoting of the module `csv`. With QUOTE_NONNUMERIC all texts are quoted, since readers take a bare carriage
            return for the end of a row.
    """
    names = [*rows.names, *added]
    writer = csv.writer(file, delimiter=delimiter, quoting=quoting, lineterminator="\n")  # type: ignore[arg-type]
    writer.writerow(names)
    for record in _records(rows, added):
        writer.writerow([_cell(record.get(name)) for name in names])


def _cell(value: Any) -> str | int | float:
    """Return a value as a field: lists and objects as JSON, what is missing as an empty text."""
    if value is None or value != value:
        return ""
    if isinstance(value, dict | list):
        return json.dumps(_json_value(value), ensure_ascii=False)
    return value if isinstance(value, str | int | float) and not isinstance(value, bool) else _as_text(value)


def _as_text(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, dt.timedelta):
        return str(pd.Timedelta(value).isoformat())
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    return str(value) if not isinstance(value, Decimal) else format(value, "f")

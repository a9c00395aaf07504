"""Rows of Arrow tables as JSON objects."""

import duckdb
import pyarrow as pa

from nightshift.data.cell_texts import from_json_values, is_list, plain


def as_json(table: pa.Table) -> pa.Array:
    """Return each row as a JSON object; a column that JSON cannot hold is written as Arrow writes its values."""
    try:
        table.validate(full=True)
        return _as_json(table)
    except (duckdb.Error, pa.ArrowException, UnicodeDecodeError):
        columns = {name: _writable(column) for name, column in zip(table.column_names, table.columns, strict=True)}
        return _as_json(pa.table(columns))


def _as_json(table: pa.Table) -> pa.Array:
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1; SET timezone = 'UTC'")
        connection.register("records", table)
        result = connection.sql("SELECT to_json(records)::VARCHAR AS original FROM records").to_arrow_table()
    return pa.concat_arrays(result["original"].chunks) if result.num_rows else pa.array([], pa.string())


def _writable(column: pa.ChunkedArray) -> pa.Array:
    cells = plain(column)
    try:
        cells.validate(full=True)
        _as_json(pa.table({"cells": cells}))
    except (duckdb.Error, pa.ArrowException, UnicodeDecodeError):
        return from_json_values([_value(cell) for cell in cells])
    return cells


def _value(cell: pa.Scalar) -> object:
    """Return a scalar of any type as a text; a list or an object with its values as texts."""
    if not cell.is_valid:
        return None
    kind = cell.type
    if pa.types.is_struct(kind):
        return {kind.field(index).name: _value(cell[index]) for index in range(kind.num_fields)}
    if is_list(kind):
        return [_value(item) for item in cell]
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return bytes(cell.as_buffer()).decode(errors="replace")
    try:
        return str(cell.as_py())
    except (ValueError, OverflowError, pa.ArrowException, LookupError):
        return str(cell.cast(pa.int64())) if pa.types.is_temporal(kind) else f"a value of the type {kind}"

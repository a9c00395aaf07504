"""Measures of a pandas column: computed of its texts as Arrow strings, a part at a time, or read from a column of measures.

A column of measures is a column of Arrow structs with a field for each measure, null where the text is null.
"""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from expectations.column_inputs import Measure

ROWS = 100_000
"""Rows that are converted at once."""


def apply(measure: Measure, *columns: pd.Series) -> np.ndarray:
    """Return a measure of all cells of a column, or of several columns; a cell that is no text is written as one."""
    if is_measured(columns[0]):
        return np.asarray(field(columns[0], measure.name).to_numpy(zero_copy_only=False))
    parts = [
        measure.function(*(as_strings(column.iloc[start : start + ROWS]) for column in columns))
        for start in range(0, max(len(columns[0]), 1), ROWS)
    ]
    return np.concatenate(parts)


def is_measured(column: pd.Series) -> bool:
    """Return True for a column of measures."""
    return isinstance(column.dtype, pd.ArrowDtype) and pa.types.is_struct(column.dtype.pyarrow_dtype)


def field(column: pd.Series, name: str) -> pa.Array:
    """Return the values of a measure in a column of measures."""
    values = pc.struct_field(pa.chunked_array(column.array.__arrow_array__()), name)
    return values.combine_chunks()


def as_strings(column: pd.Series) -> pa.Array:
    """Return a column as one array of Arrow strings."""
    try:
        strings = pa.array(column, pa.large_string(), from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
        texts = [None if pd.isna(cell) else str(cell).encode("utf-8", "replace").decode() for cell in column]
        strings = pa.array(texts, pa.large_string())
    return strings.combine_chunks() if isinstance(strings, pa.ChunkedArray) else strings


def passing(measure: Measure, *columns: pd.Series) -> pd.Series:
    """Return True for each row for which a measure is false."""
    return pd.Series(~apply(measure, *columns), index=columns[0].index)

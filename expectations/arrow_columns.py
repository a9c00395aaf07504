"""Conditions that look at a pandas column as Arrow strings, a part at a time."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa

ROWS = 100_000
"""Rows that are converted at once."""


def apply(column: pd.Series, function: Callable[[pa.Array], np.ndarray]) -> np.ndarray:
    """Return the results of a function of Arrow strings for all cells of a column; a cell that is no text is written as one."""
    parts = [function(as_strings(column.iloc[start : start + ROWS])) for start in range(0, len(column), ROWS)]
    return np.concatenate(parts) if parts else function(as_strings(column))


def as_strings(column: pd.Series) -> pa.Array:
    """Return a column as one array of Arrow strings."""
    try:
        strings = pa.array(column, pa.large_string(), from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
        texts = [None if pd.isna(cell) else str(cell).encode("utf-8", "replace").decode() for cell in column]
        strings = pa.array(texts, pa.large_string())
    return strings.combine_chunks() if isinstance(strings, pa.ChunkedArray) else strings


def passing(column: pd.Series, is_damaged: Callable[[pa.Array], np.ndarray]) -> pd.Series:
    """Return True for each cell that a function of Arrow strings does not find damaged."""
    return pd.Series(~apply(column, is_damaged), index=column.index)

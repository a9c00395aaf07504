"""Cells as numbers that are equal where the cells are: 128-bit hashes, computed batch by batch."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

Hashes = npt.NDArray[np.uint64]
"""Hashes of cells, each two numbers."""
HASH_KEYS = ("nightshift-first", "nightshift-other")
"""Keys of SipHash, of 16 bytes each."""
ROW_KEY, NO_KEY = "row_key", "0" * 32
"""Column of keys that are hashes themselves, in hexadecimal digits; `nightshift.data.row_keys` makes them."""


def hash_cells(name: str, cells: pa.Array) -> Hashes:
    """Return the hashes of a column's cells; a null has a hash of its own, which nobody reads."""
    if name == ROW_KEY:
        digits = "".join(cells.fill_null(NO_KEY).to_pylist())
        return np.frombuffer(bytes.fromhex(digits), np.uint64).reshape(-1, 2)
    distinct = cells.fill_null("").dictionary_encode()
    values = distinct.dictionary.to_numpy(zero_copy_only=False).astype(object)
    hashes = [pd.util.hash_array(values, hash_key=key, categorize=False) for key in HASH_KEYS]
    hashes_of_rows: Hashes = np.column_stack(hashes)[distinct.indices.to_numpy()]
    return hashes_of_rows


def as_codes(parts: Sequence[Hashes]) -> npt.NDArray[np.int64]:
    """Return a number for each cell of all batches, by its hashes: the first half, if no other hash shares it."""
    hashes = np.concatenate([np.zeros((0, 2), np.uint64), *parts])
    order = np.argsort(hashes[:, 0])
    first, second = (hashes[order, half] for half in (0, 1))
    if ((first[1:] == first[:-1]) & (second[1:] != second[:-1])).any():
        codes: npt.NDArray[np.int64] = np.unique(hashes, axis=0, return_inverse=True)[1].reshape(-1)
        return codes
    return hashes[:, 0].astype(np.int64)

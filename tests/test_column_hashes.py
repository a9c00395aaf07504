"""Hashes of cells: equal cells have equal numbers, others have not."""

import numpy as np
import pyarrow as pa

from nightshift.data.column_hashes import as_codes, hash_cells
from nightshift.data.row_keys import text_key


def test_cells_have_the_same_number_in_all_batches_if_and_only_if_they_are_equal():
    cells = ["a", "b", "a", "", "ä", "b"]
    codes = as_codes([hash_cells("label", pa.array(cells[:2])), hash_cells("label", pa.array(cells[2:]))])
    assert [codes.tolist().index(code) for code in codes] == [cells.index(cell) for cell in cells]


def test_keys_are_their_own_hashes():
    keys = [text_key("a"), None, text_key("b"), text_key("a")]
    codes = as_codes([hash_cells("row_key", pa.array(keys))])
    assert codes[0] == codes[3] and len({codes[0], codes[1], codes[2]}) == 3


def test_cells_of_which_half_the_hash_is_equal_are_told_apart():
    hashes = np.array([[1, 2], [1, 3], [4, 2], [1, 2]], np.uint64)
    codes = as_codes([hashes[:2], hashes[2:]])
    assert codes[0] == codes[3] and len(set(codes.tolist())) == 3

"""Histograms of the lengths of kept texts."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from word_tokenizer import word_tokenizer

from nightshift.data.check_settings import TokenLimit
from nightshift.data.text_lengths import TOKENIZED_ROWS, histogram, read_lengths, write_lengths


def lengths_of(tmp_path, rows, limit=None):
    pq.write_table(
        pa.table({name: pa.array(values, pa.string()) for name, values in rows.items()}), tmp_path / "r.parquet"
    )
    write_lengths(tmp_path / "r.parquet", limit, tmp_path / "measured" / "lengths.json")
    return read_lengths(tmp_path / "measured" / "lengths.json")


def test_characters_of_both_texts_count_where_no_tokenizer_is_known(tmp_path):
    lengths = lengths_of(tmp_path, {"text": ["ab", "好吃", "abcd"], "text_pair": ["c", None, "de"]})
    assert (lengths.unit, lengths.num_rows, lengths.limit) == ("characters", 3, None)
    assert (lengths.median, lengths.longest) == (3, 6)
    assert dict(zip(lengths.edges[:-1], lengths.counts, strict=True)) == {0: 0, 1: 0, 2: 1, 3: 1, 4: 0, 5: 0, 6: 1}


def test_tokens_count_where_the_tokenizer_is_known(tmp_path):
    limit = TokenLimit(tokenizer=word_tokenizer(tmp_path), max_tokens=3)
    lengths = lengths_of(tmp_path, {"text": ["a b", "a b c", "a b c d e"]}, limit)
    assert (lengths.unit, lengths.longest, lengths.limit, lengths.num_cut) == ("tokens", 5, 3, 1)


def test_of_many_rows_evenly_spaced_ones_are_tokenized(tmp_path):
    limit = TokenLimit(tokenizer=word_tokenizer(tmp_path), max_tokens=3)
    rows = 3 * TOKENIZED_ROWS
    lengths = lengths_of(tmp_path, {"text": ["a"] * (rows // 2) + ["a b"] * (rows // 2)}, limit)
    assert lengths.num_rows == TOKENIZED_ROWS and lengths.counts[1:] == [TOKENIZED_ROWS // 2] * 2


def test_the_last_bar_holds_the_longest_rows():
    lengths = histogram(np.array([*range(1000), 10**6]), None)
    assert sum(lengths.counts) == 1001 and lengths.longest == 10**6
    assert len(lengths.counts) <= 41 and lengths.edges[-1] < 1100


def test_no_rows_have_no_histogram(tmp_path):
    assert lengths_of(tmp_path, {"text": []}) is None
    assert lengths_of(tmp_path, {"text": []}, TokenLimit(tokenizer="none", max_tokens=3)) is None

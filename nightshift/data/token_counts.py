"""Rows that have more tokens than a model reads."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tokenizers import Tokenizer

ROWS = 10_000
"""Rows that are tokenized at once."""
CHARACTERS_PER_TOKEN = 10
"""The first so many characters for each token that is allowed are tokenized first: they nearly always suffice."""
WORD_MARKS = 2
"""Tokens that a tokenizer may add to a text for the beginning of a word."""


def exceeds_tokens(texts: pa.Array, pairs: pa.Array | None = None, *, tokenizer: str, max_tokens: int) -> np.ndarray:
    """Return True for each row with more than `max_tokens` tokens, special tokens included.

    A text with fewer bytes is not tokenized: a token is at least a byte.

    Args:
        texts: The texts, of pairs the first ones; null is an empty text.
        pairs: The second texts, if there are any.
        tokenizer: A `tokenizer.json`.
        max_tokens: Tokens that are allowed.
    """
    loaded = _load(tokenizer)
    columns = [column.fill_null("") for column in (texts, pairs) if column is not None]
    added = loaded.num_special_tokens_to_add(len(columns) == 2) + WORD_MARKS * len(columns)
    num_bytes = sum(pc.binary_length(column).to_numpy(zero_copy_only=False).astype(int) for column in columns)
    result = np.zeros(len(texts), bool)
    suspects = np.flatnonzero(num_bytes + added > max_tokens)
    limit = CHARACTERS_PER_TOKEN * max_tokens
    for start in range(0, len(suspects), ROWS):
        indices = suspects[start : start + ROWS]
        rows = list(zip(*(column.take(pa.array(indices)).to_pylist() for column in columns), strict=True))
        counts = _counts(loaded, [tuple(text[:limit] for text in row) for row in rows])
        result[indices] = counts > max_tokens
        is_cut = num_bytes[indices] > limit
        undecided = np.flatnonzero(is_cut & (counts <= max_tokens + 1))  # a word cut in two may count as one token more
        result[indices[undecided]] = _counts(loaded, [rows[index] for index in undecided]) > max_tokens
    return result


def count_tokens(rows: Sequence[tuple[str, ...]], tokenizer: str) -> np.ndarray:
    """Return the number of tokens of each row, a text or a pair of texts, special tokens included."""
    return _counts(_load(tokenizer), rows)


@lru_cache(maxsize=2)
def _load(tokenizer: str) -> Tokenizer:
    loaded = Tokenizer.from_file(tokenizer)
    loaded.no_truncation()
    loaded.no_padding()
    return loaded


def _counts(tokenizer: Tokenizer, rows: Sequence[tuple[str, ...]]) -> np.ndarray:
    inputs = [row[0] if len(row) == 1 else row for row in rows]
    return np.array([len(encoding) for encoding in tokenizer.encode_batch_fast(inputs)], int)

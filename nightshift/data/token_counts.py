"""Rows that have more tokens than a model reads."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from tokenizers import Tokenizer

ROWS = 10_000
"""Rows that are tokenized at once."""
CHARACTERS_PER_TOKEN = 10
"""The first so many characters for each token that is allowed are tokenized first: they nearly always suffice."""
WORD_MARKS = 2
"""Tokens that a tokenizer may add to a text for the beginning of a word."""


def exceeds_tokens(texts: Sequence[str], pairs: Sequence[str] | None, tokenizer: str, max_tokens: int) -> np.ndarray:
    """Return True for each row with more than `max_tokens` tokens, special tokens included.

    A text with fewer bytes is not tokenized: a token is at least a byte.

    Args:
        texts: The texts, of pairs the first ones.
        pairs: The second texts.
        tokenizer: A `tokenizer.json`.
        max_tokens: Tokens that are allowed.
    """
    loaded = _load(tokenizer)
    rows = [(text,) for text in texts] if pairs is None else list(zip(texts, pairs, strict=True))
    added = loaded.num_special_tokens_to_add(pairs is not None) + WORD_MARKS * (1 if pairs is None else 2)
    num_bytes = np.array([sum(len(text.encode("utf-8", "replace")) for text in row) for row in rows], int)
    result = np.zeros(len(rows), bool)
    suspects = np.flatnonzero(num_bytes + added > max_tokens)
    limit = CHARACTERS_PER_TOKEN * max_tokens
    begins = _counts(loaded, [tuple(text[:limit] for text in rows[index]) for index in suspects])
    result[suspects] = begins > max_tokens + 1  # a word that is cut may count as one token more
    undecided = suspects[begins <= max_tokens + 1]
    result[undecided] = _counts(loaded, [rows[index] for index in undecided]) > max_tokens
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
    counts: list[int] = []
    for start in range(0, len(rows), ROWS):
        inputs = [row[0] if len(row) == 1 else row for row in rows[start : start + ROWS]]
        counts += [len(encoding) for encoding in tokenizer.encode_batch_fast(inputs)]
    return np.array(counts, int)

"""Words that say nothing, such as NA and null: cells that hold only such a word count as missing."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from statistics import median_low

import pyarrow as pa
import pyarrow.compute as pc

MISSING_VALUES = ("NA", "N/A", "#N/A", "null", "None", "nan", "-", "–", "—", "?")
"""Words that say nothing, in any case, unless `data.missing_values` lists others."""
MIN_CLASS_ROWS = 10
"""Number of rows below which a word is not taken for a class."""
CLASS_SHARE = 0.1
"""Share of the rows of a typical class from which a word is as frequent as a class."""


def normalized(word: str) -> str:
    """Return the form in which words are compared: without white space around it, in lower case."""
    return word.strip().lower()


def as_missing(texts: pa.Array, words: Collection[str]) -> tuple[pa.Array, dict[str, int]]:
    """Return the texts with null in place of those that are one of `words`, and the number of each of these."""
    if not words:
        return texts, {}
    pattern = rf"\A[\s\pZ]*(?i:{'|'.join(map(re.escape, sorted(words)))})[\s\pZ]*\z"
    is_word = pc.match_substring_regex(texts, pattern).fill_null(False)
    if not pc.any(is_word).as_py():
        return texts, {}
    counts = pc.value_counts(pc.utf8_trim_whitespace(texts.filter(is_word))).to_pylist()
    texts = pc.if_else(is_word, pa.scalar(None, pa.string()), texts)
    return texts, {count["values"]: count["counts"] for count in counts}


def words_among(labels: Mapping[str, int], words: Collection[str], known: Iterable[str] = ()) -> dict[str, int]:
    """Return the labels that are one of `words` and not `known`, with their counts."""
    normal_words = {normalized(word) for word in words}
    known_labels = set(known)
    return {
        label: rows for label, rows in labels.items() if normalized(label) in normal_words and label not in known_labels
    }


def class_sized(words: Mapping[str, int], others: Sequence[int]) -> set[str]:
    """Return the words that occur as often as a class should, so that nobody but a person can tell what they are.

    A word, all its cases together, does if it has at least `MIN_CLASS_ROWS` rows and at least `CLASS_SHARE` of the rows of
    a typical class: the lower median of the other labels that have `MIN_CLASS_ROWS` rows themselves, so that misspelt labels
    do not count. Without any other label all words are missing.

    Args:
        words: Labels that are words which say nothing, with their numbers of rows.
        others: Numbers of rows of the other labels.
    """
    if not others:
        return set()
    classes = [rows for rows in others if rows >= MIN_CLASS_ROWS] or [MIN_CLASS_ROWS]
    required = max(MIN_CLASS_ROWS, CLASS_SHARE * median_low(classes))
    totals: dict[str, int] = {}
    for word, rows in words.items():
        totals[normalized(word)] = totals.get(normalized(word), 0) + rows
    return {word for word in words if totals[normalized(word)] >= required}

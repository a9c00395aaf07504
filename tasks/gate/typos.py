"""Typing errors, as a person makes them, for a copy of the holdout; the same errors in the same row in every run."""

from random import Random

import pandas as pd

from nightshift.data.cleaning import without_raw_texts

TYPOS_PER_CHARACTER = 0.03
"""Rate of errors; in English an error in one of five or six words."""
TYPOS = (lambda first, second: second + first, lambda _, second: second, lambda first, second: first + first + second)
"""Functions of two neighbouring characters: they are exchanged, the first is left out, the first is doubled."""


def add_typos(text: str, random: Random) -> str:
    """Return the text with an error at a share of its characters; never empty."""
    characters, position = [], 0
    while position < len(text):
        is_typo = random.random() < TYPOS_PER_CHARACTER
        first, second = text[position], text[position + 1 : position + 2] if is_typo else ""
        characters.append(random.choice(TYPOS)(first, second) if is_typo else first)
        position += 1 + len(second)
    return "".join(characters) or text


def with_typos(holdout: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with errors in their texts; labels and expected texts stay."""
    columns = [name for name in ("text", "text_pair") if name in holdout]
    texts = {
        name: [add_typos(text, Random(key + name)) for text, key in zip(holdout[name], holdout["row_key"], strict=True)]
        for name in columns
    }
    return without_raw_texts(holdout).assign(**texts)

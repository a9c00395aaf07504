"""Typing errors, as a person makes them, for a copy of the holdout; the same errors in the same row every night."""

from random import Random

import pandas as pd

RATE = 0.03
"""Errors a character: in English one in five or six words."""
ERRORS = (lambda first, second: second + first, lambda _, second: second, lambda first, second: first + first + second)
"""Of two neighbouring characters: exchanged, the first left out, the first doubled."""


def misspelt(text: str, random: Random) -> str:
    """The text with an error at a share of its characters; never empty."""
    found, place = [], 0
    while place < len(text):
        wrong = random.random() < RATE
        first, second = text[place], text[place + 1 : place + 2] if wrong else ""
        found.append(random.choice(ERRORS)(first, second) if wrong else first)
        place += 1 + len(second)
    return "".join(found) or text


def noised(holdout: pd.DataFrame) -> pd.DataFrame:
    """The rows with errors in their texts; labels and expected texts stay."""
    columns = [name for name in ("text", "text_pair") if name in holdout]
    changed = {
        name: [misspelt(text, Random(key + name)) for text, key in zip(holdout[name], holdout["row_key"], strict=True)]
        for name in columns
    }
    return holdout.assign(**changed)

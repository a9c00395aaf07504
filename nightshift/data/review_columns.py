"""Columns and words of `review.csv`, the list of rows that a person is asked about."""

from typing import Literal

Reason = Literal["label error", "near conflict", "lost", "informative"]
REASONS: tuple[Reason, ...] = ("label error", "near conflict", "lost", "informative")
"""Reasons for which a row stands in the list: probably mislabelled; nearly the text of a row with another label; right by the
champion and wrong by the challenger; a row of `data.unlabelled` that the model is least sure of.
"""
Decision = Literal["keep", "relabel", "drop"]
DECISIONS: tuple[Decision, ...] = ("keep", "relabel", "drop")
"""Words for the column `decision`."""

ROW = ("row_key", "reason", "source", "row", "text", "text_pair", "label", "suggested_label", "confidence", "detail")
"""Columns that nightshift fills in; `text_pair` only for pairs."""
ANSWER = ("decision", "new_label", "who", "when")
"""Columns that the person fills in."""
FILE = "review.csv"


def review_columns(pairs: bool) -> list[str]:
    """Return the columns of the list, in their order."""
    return [name for name in (*ROW, *ANSWER) if pairs or name != "text_pair"]

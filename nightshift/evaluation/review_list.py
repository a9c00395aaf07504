"""The list of rows that a person is asked about: candidates by reason, and the rows of the list."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from nightshift.data.review_columns import ANSWER, REASONS, Reason, review_columns

ENTRY = "entry"
"""Column of candidates: rows with the same number belong together, as the two of a contradiction do."""


def empty_candidates() -> pd.DataFrame:
    """Return candidates without any row."""
    return pd.DataFrame({"row_key": [], ENTRY: []}, dtype=object)


@dataclass(frozen=True)
class Candidates:
    """Rows that a person may be asked about for a reason, the best first."""

    rows: pd.DataFrame = field(default_factory=empty_candidates)
    """The rows with the columns of the list that nightshift fills in, but for `reason`, and `entry`."""
    holdout: int = 0
    """Number of holdout rows of this kind."""


def round_robin(candidates: Mapping[Reason, Candidates], max_rows: int) -> dict[Reason, pd.DataFrame]:
    """Return the rows of the list by reason: in turn each reason gives its best entry that is not in the list yet.

    So each reason has the same share, and what one reason cannot fill goes to the others. A row is listed once, for the first
    reason that names it; an entry of several rows is listed whole or not at all.

    Args:
        candidates: Rows by reason, the best first.
        max_rows: Most rows of the list.
    """
    max_entries = len(REASONS) * max_rows
    entries = {reason: _first_entries(of_reason.rows, max_entries) for reason, of_reason in candidates.items()}
    chosen: dict[Reason, list[pd.DataFrame]] = {reason: [] for reason in entries}
    listed: set[str] = set()
    num_rows = 0
    while any(entries.values()):
        for reason, remaining in entries.items():
            while remaining:
                entry = remaining.pop(0)
                keys = set(entry["row_key"])
                if not keys & listed and num_rows + len(entry) <= max_rows:
                    listed |= keys
                    num_rows += len(entry)
                    chosen[reason].append(entry)
                    break
        if num_rows >= max_rows:
            break
    return {reason: pd.concat(parts, ignore_index=True) for reason, parts in chosen.items() if parts}


def _first_entries(rows: pd.DataFrame, number: int) -> list[pd.DataFrame]:
    is_first = pd.factorize(rows[ENTRY])[0] < number
    return [entry for _, entry in rows[is_first].groupby(ENTRY, sort=False)]


def review_table(chosen: Mapping[Reason, pd.DataFrame], pairs: bool, with_texts: bool) -> pd.DataFrame:
    """Return the list as it is written, by reason and the best first, with empty columns for the person's answers.

    Args:
        chosen: Rows by reason.
        pairs: True if a row has two texts.
        with_texts: False to leave the columns of the texts empty.
    """
    parts = [chosen[reason].assign(reason=reason) for reason in REASONS if reason in chosen]
    columns = review_columns(pairs)
    if not parts:
        return pd.DataFrame(columns=columns)
    table = pd.concat(parts, ignore_index=True).reindex(columns=columns)
    table["row"] = table["row"].astype("Int64")
    table[list(ANSWER)] = ""
    if not with_texts:
        table[[name for name in ("text", "text_pair") if name in columns]] = ""
    return table.fillna({"suggested_label": "", "detail": "", "label": "", "source": ""})

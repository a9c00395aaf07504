"""The review list: whose turn it is, and what is written."""

import pandas as pd

from nightshift.data.review_columns import review_columns
from nightshift.evaluation.review_list import Candidates, review_table, round_robin


def candidates(*entries: str) -> Candidates:
    """Return candidates of entries such as `a` or `b,c`, rows that belong together."""
    keys = [entry.split(",") for entry in entries]
    rows = [{"row_key": key, "entry": number} for number, entry in enumerate(keys) for key in entry]
    return Candidates(pd.DataFrame(rows)) if rows else Candidates()


def keys_by_reason(max_rows: int, **reasons: Candidates) -> dict[str, list[str]]:
    return {reason: rows["row_key"].tolist() for reason, rows in round_robin(reasons, max_rows).items()}


def test_each_reason_has_the_same_share_its_best_rows_first():
    chosen = keys_by_reason(4, lost=candidates("a", "b", "c"), informative=candidates("x", "y", "z"))
    assert chosen == {"lost": ["a", "b"], "informative": ["x", "y"]}


def test_what_one_reason_cannot_fill_goes_to_the_others():
    chosen = keys_by_reason(5, lost=candidates("a", "b", "c", "d", "e"), informative=candidates("x"))
    assert chosen == {"lost": ["a", "b", "c", "d"], "informative": ["x"]}


def test_a_listed_row_does_not_take_a_turn_again():
    chosen = keys_by_reason(3, lost=candidates("a", "b"), informative=candidates("a", "y"))
    assert chosen == {"lost": ["a", "b"], "informative": ["y"]}


def test_rows_that_belong_together_are_listed_whole_or_not_at_all():
    chosen = keys_by_reason(3, lost=candidates("a", "b"), informative=candidates("x,y", "z"))
    assert chosen == {"lost": ["a"], "informative": ["x", "y"]}
    assert keys_by_reason(2, lost=candidates("a"), informative=candidates("x,y", "z")) == {
        "lost": ["a"],
        "informative": ["z"],
    }


def test_without_candidates_the_file_has_its_header_only():
    table = review_table(round_robin({"lost": candidates()}, 50), pairs=True, with_texts=True)
    assert table.empty and list(table) == review_columns(pairs=True)

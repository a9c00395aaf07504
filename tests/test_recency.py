"""Quality by the time of the rows."""

import factories
import pandas as pd
import pytest

from nightshift.evaluation import recency

OBJECTIVE = factories.objective("classification", "accuracy", labels=["a", "b"])


def holdout(days):
    """Return a holdout with a row at noon of each of these days of 2026."""
    times = [f"{day} 12:00" for day in days]
    return pd.DataFrame({"row_key": [f"k{i}" for i in range(len(times))], "timestamp": times})


def table(keys, right):
    """Return predictions on rows, right or wrong."""
    return pd.DataFrame({"row_key": keys, "label": "a", "predicted": ["a" if hit else "b" for hit in right]})


def test_rows_keep_their_times_where_the_gate_left_rows_out():
    times = recency.row_times(table(["k2", "k0"], [True, True]), holdout(["2026-01-01", "2026-01-02", "2026-01-03"]))
    assert times.dt.day.tolist() == [3, 1]


def test_without_a_column_of_times_or_with_a_text_that_is_none_there_are_no_times():
    rows = table(["k0", "k1"], [True, True])
    assert recency.row_times(rows, holdout(["2026-01-01", "2026-01-02"]).drop(columns="timestamp")) is None
    assert recency.row_times(rows, holdout(["2026-01-01", "soon"])) is None


def test_the_newest_rows_are_those_of_the_last_days_before_the_newest():
    days = ["2026-01-01", "2026-01-20", "2026-01-25", "2026-01-26"]
    rows = table(["k0", "k1", "k2", "k3"], [True, False, True, True])
    times = {"main": recency.row_times(rows, holdout(days))}
    newest = recency.newest_rows({"challenger": {"main": rows}}, times, 7)
    assert newest["challenger"]["main"]["row_key"].tolist() == ["k1", "k2", "k3"]


@pytest.mark.parametrize(("days", "periods"), [(20, 20), (200, 29), (700, 24)])
def test_periods_grow_with_the_time_that_the_rows_span(days, periods):
    dates = pd.date_range("2026-01-05", periods=days).strftime("%Y-%m-%d").tolist()
    rows = table([f"k{i}" for i in range(days)], [True] * days)
    scores = recency.scores_over_time({"challenger": rows}, recency.row_times(rows, holdout(dates)), OBJECTIVE)
    assert len(scores) == periods and scores["rows"].sum() == days


def test_a_model_that_loses_the_newest_rows_falls_in_the_curve():
    days = ["2026-01-01"] * 4 + ["2026-01-02"] * 4
    keys = [f"k{i}" for i in range(8)]
    champion, challenger = table(keys, [True] * 4 + [False] * 4), table(keys, [True, False] * 4)
    times = recency.row_times(champion, holdout(days))
    scores = recency.scores_over_time({"challenger": challenger, "champion": champion}, times, OBJECTIVE)
    assert scores["champion"].tolist() == [1, 0] and scores["challenger"].tolist() == [0.5, 0.5]
    assert scores["rows"].tolist() == [4, 4]


def test_the_newest_of_several_objectives_are_those_before_the_newest_row_of_all():
    times = {
        name: recency.row_times(table(["k0", "k1"], [True, True]), holdout(days))
        for name, days in {"new": ["2026-01-01", "2026-01-26"], "old": ["2026-01-02", "2026-01-03"]}.items()
    }
    positions = recency.newest_positions(times, 7)
    assert {name: rows.tolist() for name, rows in positions.items()} == {"new": [1], "old": []}

"""Decisions of a replay's versions, computed anew: with the gate before, and in a registry that is new on a later night."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from factories import CLASSES, LABELS, WRONG_LABEL, objective, table

from benchmarks import replays
from benchmarks.replay_decisions import Answers, EqualShares, TrainedRun, champions
from flows.settings import NightSettings
from nightshift.records import BudgetState
from nightshift.reporting.replay_page import ReplayedRun
from tasks.gate.first_version import References
from tasks.gate.settings import GateSettings

KEYS = np.array([f"{row:032x}" for row in range(len(LABELS))])
ROWS = pd.DataFrame({"row_key": KEYS, "side_key": KEYS, "text": KEYS, "label": LABELS})
SIDES = {"validation": ROWS[:400], "holdout": ROWS[400:1400].reset_index(drop=True)}
DUMMY = {"main": table([CLASSES[0]] * 1000, SIDES["holdout"]["label"])}
SETTINGS = NightSettings.model_validate(
    {
        "model": "m",
        "data": {"path": "rows.csv"},
        "train": {"base_model": "scratch:bert"},
        "gate": {"metric": "accuracy", "first": "dummy"},
    }
)


class Scripted(Answers):
    """Versions that are wrong on every row whose draw, the same for all versions, is below their error rate."""

    errors = {"1": 0.2, "2": 0.18, "3": 0.1, "4": 0.1}

    def table(self, version, rows, objective):
        draws = pd.Series(np.random.default_rng(1).random(len(KEYS)), KEYS)[rows["row_key"]].to_numpy()
        wrong = rows["label"].map(WRONG_LABEL)
        return rows[["row_key", "side_key", "label"]].assign(
            predicted=rows["label"].where(draws > self.errors[version], wrong)
        )


def night(day: int, new_rows: int = 0) -> TrainedRun:
    run = ReplayedRun(date=f"2026-01-{day:02d}", status="held", reason="", version=str(day), champion=None, newest=None,
                      production=None, oracle=None, always_promote=None, never_retrain=None, scores={}, following=1,
                      labels=1, seconds=1)  # fmt: skip
    new = ROWS.iloc[1400 : 1400 + new_rows]
    return TrainedRun(run, objective(metric="accuracy"), References(DUMMY), SIDES, new, SIDES["validation"])


def test_a_registry_that_is_new_on_a_later_night_takes_that_night_s_version_first():
    entries = champions([night(2), night(3)], SETTINGS, Scripted("m"), has_new_rows=False)
    assert [(e.action, e.old, e.new, e.claim) for e in entries] == [
        ("promoted", "", "2", "first"),
        ("promoted", "2", "3", "better"),
    ]


def test_a_version_that_is_worse_on_the_newest_rows_is_held_by_our_gate_alone():
    class WorseOnNewest(Scripted):
        def table(self, version, rows, objective):
            predictions = super().table(version, rows, objective)
            is_new = rows["timestamp"] > "2026-01-10" if version == "3" else np.zeros(len(rows), bool)
            return predictions.assign(predicted=predictions["predicted"].mask(is_new, rows["label"].map(WRONG_LABEL)))

    days = np.where(np.arange(1000) < 940, "2025-12-01", "2026-01-20")
    dated = {
        "validation": SIDES["validation"].assign(timestamp="2025-12-01"),
        "holdout": SIDES["holdout"].assign(timestamp=days),
    }
    nights = [replace(night(day), rows=dated) for day in (1, 3)]
    decisions = [champions(nights, SETTINGS, WorseOnNewest("m"), has_new_rows)[1] for has_new_rows in (False, True)]
    assert [entry.action for entry in decisions] == ["promoted", "held"]
    assert "newest rows" in decisions[1].why


def test_new_rows_promote_with_our_gate_alone():
    slightly_better = Scripted("m")
    slightly_better.errors = {"1": 0.2, "2": 0.199, "3": 0.199}
    slightly_better_on_new_rows = slightly_better.table

    def better_on_new_rows(version, rows, objective):
        is_new = rows["row_key"].isin(KEYS[1400:])
        return slightly_better_on_new_rows(version, rows, objective).assign(
            predicted=lambda t: t["label"].where(is_new & (version != "1"), t["predicted"])
        )

    slightly_better.table = better_on_new_rows
    nights = [night(1), night(2), night(3, new_rows=200)]
    new = {is_ours: [e.new for e in champions(nights, SETTINGS, slightly_better, is_ours)] for is_ours in (True, False)}
    assert new == {True: ["1", "1", "3"], False: ["1", "1", "1"]}


@pytest.mark.parametrize(("tests", "alpha"), [(0, 0.05 / 40), (39, 0.05 / 40), (40, 0.0)])
def test_the_gate_before_spends_40_equal_shares(tests, alpha):
    evidence = EqualShares({}, {}, [objective()], None, References({}), BudgetState(num_tests=tests))
    assert evidence.alpha(["better"], GateSettings()) == pytest.approx(alpha)


def test_a_version_answers_each_row_once_and_in_the_order_asked_for(monkeypatch):
    asked = []

    class Registered:
        def __init__(self, *_):
            pass

        def table(self, rows, _objective):
            asked.extend(rows["row_key"])
            return rows[["row_key", "side_key", "label"]].assign(predicted=rows["text"].str.upper())

    monkeypatch.setattr("benchmarks.replay_decisions.VersionPredictor", Registered)
    answers, rows = (
        Answers("m"),
        pd.DataFrame({"row_key": ["1", "2"], "side_key": ["1", "2"], "text": ["a", "b"], "label": "x"}),
    )
    answers.table("1", rows.head(1), objective())
    again = answers.table("1", rows.iloc[::-1].assign(label="y"), objective())
    assert asked == ["1", "2"]
    assert again.to_dict("list") == {
        "row_key": ["2", "1"],
        "side_key": ["2", "1"],
        "label": ["y", "y"],
        "predicted": ["B", "A"],
    }


def test_the_tables_set_production_beside_the_gate_before_and_name_nights_that_differ():
    scores = [{"1": 0.7}, {"1": 0.6, "2": 0.8}, {"1": 0.5, "2": 0.7, "3": 0.9}]
    nights = [
        {"date": f"2026-01-0{day}", "version": str(day), "champion": champion, "following": following, "scores": score,
         "production": score[champion], "oracle": max(score.values()), "always_promote": score[str(day)],
         "never_retrain": score["1"]}
        for day, champion, following, score in zip((1, 2, 3), ("1", "2", "2"), (10, 10, 30), scores, strict=True)
    ]  # fmt: skip
    replay = {"nights": nights, "promotions": [{"wrong": False}], "undated": 3, "metric": "accuracy"}
    own = [{"new": "1"}, {"new": "2"}, {"new": "3"}]
    never = [{"new": "1"}] * 3
    ledgers = {
        f"2026-01-0{day}": {"ours": own[day - 1 :], "equal shares": [{"new": str(day)}] * (4 - day)}
        for day in (1, 2, 3)
    }
    ledgers["2026-01-01"]["equal shares"] = never
    measured = replays.results("airline", replay, ledgers)
    assert [(row["production"], row["equal shares"]) for row in measured["table"]] == [
        ("0.7000", "0.7000"),
        ("0.8000", "0.6000"),
        ("0.7000", "0.5000"),
        ("0.7200", "0.5600"),
    ]
    assert any(note.endswith("NO, not on 2026-01-03") for note in measured["notes"])
    (restarts,) = measured["more_tables"].values()
    assert restarts[1] == {
        "first night": "01-02",
        "01-01": None,
        "01-02": "0.8000 / 0.8000 / 0.8000",
        "01-03": "0.9000 / 0.7000 / 0.9000",
    }

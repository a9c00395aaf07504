"""Challengers whose verdict is known beforehand, against the real gate: registered, loaded and compared as in a night."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from linear_models import register_again, register_linear, reviews, with_wrong_labels, write_references, write_split
from nights import Model

from nightshift.errors import InputError
from nightshift.evaluation.fresh_rows import FreshRows
from nightshift.records import Registered, RegistryState, Verdict
from nightshift.registry import model_registry
from nightshift.registry.fresh_evidence import EarlierEvidence
from tasks.fresh_rows import count_fresh_rows
from tasks.gate.settings import GateSettings
from tasks.gate.stage import gate

ROWS = reviews(3600, seed=1)
TRAIN, VALIDATION, HOLDOUT = (ROWS[start::3].reset_index(drop=True) for start in range(3))
FEW = TRAIN[::30]
"""Training rows of a champion that is easily beaten."""


class Night:
    """A night with a champion, up to the gate and without a training of its own."""

    def __init__(self, model: Model, champion: pd.DataFrame, holdout: pd.DataFrame = HOLDOUT) -> None:
        self.model = model
        self.objective = write_split("night", train=TRAIN, validation=VALIDATION, holdout=holdout)
        self.evaluated = write_references(self.objective)
        self.champion = register_linear(model, champion)

    def decide(self, version: str, fresh: FreshRows | None = None, champion: bool = True, **settings) -> Verdict:
        """Return the gate's verdict on a version."""
        number = self.champion if champion else None
        registered = Registered(name="x", version=version, run_id="")
        state = RegistryState(champion=number, anchor=number)
        return gate.fn(registered, state, [self.objective], self.evaluated, GateSettings(**settings), None, fresh)

    def count(self, challenger: str, new: pd.DataFrame) -> FreshRows:
        """Return the evidence of a night's new rows, after a night that has seen all others."""
        runs = [self.model.pipeline_run(1) for _ in range(2)]
        state = RegistryState(champion=self.champion, anchor=self.champion, challenger=challenger)
        more = pd.concat([TRAIN, new], ignore_index=True)
        later = write_split("tomorrow", train=more, validation=VALIDATION, holdout=HOLDOUT)
        first = count_fresh_rows.fn("x", runs[0], [self.objective], state, EarlierEvidence(), 0.4, 0.05)
        return count_fresh_rows.fn("x", runs[1], [later], state, EarlierEvidence(first.state, runs[0]), 0.4, 0.05)


@pytest.fixture
def night(home) -> Callable[..., Night]:
    return lambda *arguments: Night(Model(home, "x"), *arguments)


NEW = reviews(400, seed=2, first=10_000)


def test_an_honest_challenger_is_promoted_and_wins_on_new_rows(night):
    tonight = night(FEW)
    challenger = register_linear(tonight.model, TRAIN)
    fresh = tonight.count(challenger, NEW)
    assert fresh.new_rows == 400 and fresh.state.wealth.value > 50
    verdict = tonight.decide(challenger)
    assert (verdict.decision, verdict.claim, verdict.seen) == ("promote", "better", 0)
    assert not any("may know" in reason for reason in verdict.reasons)


def test_trained_on_permuted_labels(night):
    tonight = night(FEW)
    permuted = TRAIN.assign(label=np.random.default_rng(3).permutation(TRAIN["label"]))
    challenger = register_linear(tonight.model, permuted)
    verdict = tonight.decide(challenger)
    assert (verdict.decision, verdict.tested) == ("hold", None)
    assert any("no test on the holdout is spent on it" in reason for reason in verdict.reasons)
    alone = tonight.decide(challenger, champion=False)
    assert alone.decision == "hold" and "the first version is" in alone.reasons[0]
    assert tonight.count(challenger, NEW).state.wealth.value < 1


def test_trained_on_the_holdout(night):
    tonight = night(TRAIN)
    known = HOLDOUT[::2]
    challenger = register_linear(tonight.model, pd.concat([TRAIN, known]), by_heart=True)
    verdict = tonight.decide(challenger)
    assert (verdict.decision, verdict.seen) == ("hold", len(known))
    assert any(f"{len(known):,} of {len(HOLDOUT):,} holdout rows do not count" in reason for reason in verdict.reasons)
    whole = register_linear(tonight.model, pd.concat([TRAIN, HOLDOUT]), by_heart=True)
    with pytest.raises(InputError, match="was trained on every row that could judge"):
        tonight.decide(whole)


def test_trained_on_the_holdout_without_a_trace(night):
    tonight = night(FEW)
    challenger = register_linear(tonight.model, pd.concat([TRAIN, HOLDOUT]), by_heart=True, logs_keys=False)
    verdict = tonight.decide(challenger)
    assert (verdict.decision, verdict.tested) == ("hold", None)
    assert "keeps no digests of its training rows: it may know the holdout" in verdict.reasons[0]
    assert verdict.metrics["accuracy"] == 1.0 and verdict.champion_metrics["accuracy"] < 0.8


def test_trained_on_tomorrow_s_rows(night):
    tonight = night(TRAIN)
    challenger = register_linear(tonight.model, pd.concat([TRAIN, NEW[:300]]), by_heart=True)
    assert tonight.count(challenger, NEW).new_rows == 100, "those that it knows are no evidence"
    assert not tonight.decide(challenger).claim


def test_trained_on_tomorrow_s_rows_without_a_trace(night):
    tonight = night(TRAIN)
    challenger = register_linear(tonight.model, pd.concat([TRAIN, NEW]), by_heart=True, logs_keys=False)
    fresh = tonight.count(challenger, NEW)
    assert fresh.new_rows == 0 and "it may know the new ones" in fresh.note
    assert fresh.state.wealth.value == pytest.approx(1.0)


def test_the_same_as_the_champion(night):
    tonight = night(TRAIN)
    run = model_registry.version("x", tonight.champion).run_id
    again = tonight.model.pipeline_run(1)
    tonight.model.client.log_artifacts(again, tonight.model.client.download_artifacts(run, "full"), "full")
    challenger = register_again(tonight.model, "version-1", tonight.objective, again)
    assert challenger != tonight.champion
    verdict = tonight.decide(challenger)
    assert (verdict.decision, verdict.tested, verdict.gained, verdict.lost) == ("hold", None, 0, 0)
    assert "at most 1.00 of it" in " ".join(verdict.reasons), "the same artifact is not cheaper, whatever was measured"
    assert tonight.count(challenger, NEW).state.wealth.value == pytest.approx(1.0)


def test_better_but_worse_in_one_slice(night):
    south_right = pd.concat([FEW, TRAIN[TRAIN["dialect"] == "south"]])
    tonight = night(south_right)
    challenger = register_linear(tonight.model, with_wrong_labels(TRAIN, TRAIN["dialect"] == "south"))
    verdict = tonight.decide(challenger, slices=["shop"])
    assert verdict.decision == "hold" and verdict.difference > 0 and verdict.interval[0] > 0
    assert "worse by more than gate.slice_margin" in verdict.reasons[0] and "shop south" in verdict.reasons[0]


def test_better_on_old_rows_alone(night):
    late_right = pd.concat([FEW, TRAIN[TRAIN["dialect"] == "late"]])
    tonight = night(late_right)
    challenger = register_linear(tonight.model, with_wrong_labels(TRAIN, TRAIN["dialect"] == "late"))
    verdict = tonight.decide(challenger)
    assert verdict.decision == "hold" and verdict.interval[0] > 0, "it is better on the whole holdout"
    assert verdict.reasons[0].startswith("worse on the newest rows: time last 7 days, 0.")
    assert tonight.count(challenger, NEW[NEW["dialect"] == "late"]).state.wealth.value < 1


def test_better_on_old_rows_alone_where_rows_weigh_by_their_age(night):
    tonight = night(pd.concat([FEW, TRAIN[TRAIN["dialect"] == "late"]]))
    challenger = register_linear(tonight.model, with_wrong_labels(TRAIN, TRAIN["dialect"] == "late"))
    few_days = {"recent_days": 1}
    assert tonight.decide(challenger, **few_days).claim == "better", "too few rows of a day to be tested"
    verdict = tonight.decide(challenger, **few_days, weight="recent", half_life_days=3)
    assert verdict.decision == "hold" and verdict.validation.difference < 0
    assert 50 < verdict.effective_rows < 150
    assert any("the 1,200 rows of the holdout tell as much as" in reason for reason in verdict.reasons)


def test_without_times_old_rows_cannot_be_told_from_new_ones(night):
    tonight = night(pd.concat([FEW, TRAIN[TRAIN["dialect"] == "late"]]), HOLDOUT.drop(columns="timestamp"))
    challenger = register_linear(tonight.model, with_wrong_labels(TRAIN, TRAIN["dialect"] == "late"))
    assert tonight.decide(challenger).claim == "better"

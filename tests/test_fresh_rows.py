"""Evidence from new rows: what is counted, once, what it promotes, and what is left to the holdout."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from factories import LABELS, WRONG_LABEL, answers, objective, table
from nights import Model

from nightshift import clock
from nightshift.evaluation import fresh_rows
from nightshift.evaluation.claims import LatencyComparison
from nightshift.evaluation.fresh_rows import EvidenceState, F1Scores, next_state
from nightshift.evaluation.metrics import label_metrics
from nightshift.evaluation.sequential import Wealth
from nightshift.records import FreshEvidence, RegistryState
from nightshift.registry import fresh_evidence, ledger, model_registry, retention
from nightshift.registry.fresh_evidence import EarlierEvidence
from nightshift.registry.ledger import Entry
from nightshift.store import artifact_store
from tasks.fresh_rows import count_fresh_rows, read_earlier_validation, read_rows
from tasks.gate.decision import Evidence, decide
from tasks.gate.first_version import References
from tasks.gate.guardrails import GuardrailResult
from tasks.gate.settings import GateSettings

NOW = datetime(2026, 11, 28, tzinfo=UTC)
BUDGET = 0.05


def state(champion="1", start=0.0, differences=(), **fields) -> EvidenceState:
    wealth = Wealth(start=start).after(np.array(differences))
    return EvidenceState(champion=champion, wealth=wealth, alpha=0.02, since=NOW.isoformat(), **fields)


def continued(earlier, champion="1", days=1, spent=0.0) -> EvidenceState:
    return next_state(earlier, champion, NOW + timedelta(days=days), 0.4, BUDGET, spent)


def test_a_champion_s_evidence_goes_on():
    earlier = state(differences=[1.0] * 20, rows=20, runs=2)
    assert continued(earlier) == earlier


def test_the_next_champion_s_evidence_starts_with_no_more_than_before():
    won = continued(state(start=-0.5, differences=[1.0] * 30), champion="2")
    assert (won.wealth, won.rows, won.champion) == (Wealth(start=-0.5), 0, "2")
    lost = state(differences=[-1.0] * 30)
    assert continued(lost, champion="2").wealth == Wealth(start=lost.wealth.log_value)
    assert continued(lost, champion="2").alpha == lost.alpha


def test_a_year_begins_anew_with_no_more_than_the_holdout_has_left():
    begun = continued(state(differences=[-1.0] * 30), days=366)
    assert begun.wealth == Wealth() and begun.alpha == pytest.approx(0.02)
    assert continued(None, spent=0.04).alpha == pytest.approx(0.01)
    assert continued(None, spent=0.06).alpha < 1e-6


EARLIER = table(["a"] * 80 + ["b"] * 20, ["a"] * 90 + ["b"] * 10)
"""A champion's predictions: F1 of a 160 / 170, of b 20 / 30."""


def test_macro_f1_scores_predictions_by_the_champion_s_f1_of_their_label():
    scores = F1Scores.of_champion(EARLIER)
    assert scores.f1 == pytest.approx({"a": 160 / 170, "b": 20 / 30})
    assert scores.weight == pytest.approx({"a": 100 / 170, "b": 100 / 30})
    first, second = table(["a", "b", "b"], ["a", "b", "a"]), table(["b", "a", "a"], ["a", "b", "a"])
    right, wrong = (
        {label: (2 - scores.f1[label]) * scores.weight[label] for label in "ab"},
        {label: -scores.f1[label] * scores.weight[label] for label in "ab"},
    )
    expected = np.array([right["a"] - wrong["b"], right["b"] - wrong["a"], wrong["b"] - right["a"]])
    assert scores.differences(first, second) == pytest.approx(expected / (right["b"] - wrong["b"]))


def test_a_rare_label_s_weight_is_bounded_and_a_new_label_counts_as_the_rarest():
    scores = F1Scores.of_champion(table(["a"] * 999 + ["b"], ["a"] * 1000))
    assert scores.weight["b"] == fresh_rows.MAX_WEIGHT
    first, second = table(["new", "a"], ["new", "a"]), table(["a", "new"], ["new", "a"])
    assert np.abs(scores.differences(first, second)).max() <= 1


def test_new_rows_show_macro_f1_and_not_the_mean_recall_alone():
    random, count = np.random.default_rng(4), 20_000
    labels = np.where(random.random(count) < 0.1, "rare", "usual")

    def predicted(recall, false_alarms):
        is_rare = random.random(count) < np.where(labels == "rare", recall, false_alarms)
        return table(np.where(is_rare, "rare", "usual"), labels)

    champion, challenger = predicted(0.8, 0.10), predicted(0.75, 0.05)
    of_earlier_rows = F1Scores.of_champion(champion.iloc[:5000])
    new = [part.iloc[5000:].assign(row_key=range(15_000)) for part in (challenger, champion)]
    by_scores = fresh_rows.differences(*new, objective(metric="macro_f1"), of_earlier_rows)
    recall, macro_f1 = (
        [f(part) for part in new] for f in (mean_recall, lambda part: label_metrics(part, objective())["macro_f1"])
    )
    assert recall[0] == pytest.approx(recall[1], abs=0.01) and macro_f1[0] > macro_f1[1] + 0.05
    assert Wealth().after(by_scores).value > 1000


def mean_recall(predictions):
    return (predictions["label"] == predictions["predicted"]).groupby(predictions["label"]).mean().mean()


def test_the_scores_of_other_metrics_are_those_of_the_metric():
    first, second = table(["a", "b"], ["a", "b"]), table(["b", "a"], ["a", "b"])
    first["row_key"] = second["row_key"] = ["1", "2"]
    assert fresh_rows.differences(first, second, objective(metric="accuracy"), None).tolist() == [1.0, 1.0]


def test_rows_of_a_group_are_one_difference():
    first, second = table(["a", "a", "b"], ["a", "a", "a"]), table(["b", "a", "a"], ["a", "a", "a"])
    for predictions in (first, second):
        predictions["row_key"], predictions["side_key"] = ["1", "2", "3"], ["g", "g", None]
    assert fresh_rows.differences(first, second, objective(metric="accuracy"), None).tolist() == [0.5, -1.0]


@pytest.mark.parametrize(
    ("kind", "metric", "is_evidence"),
    [("classification", "macro_f1", True), ("text2text", "chrf", True), ("regression", "rmse", False),
     ("generation", "loss", False)],
)  # fmt: skip
def test_only_means_of_row_scores_are_tested(kind, metric, is_evidence):
    assert (fresh_rows.reason_against([objective(kind, metric)]) == "") == is_evidence
    assert "several objectives" in fresh_rows.reason_against([objective(), objective(name="other")])


def decision(fresh, challenger, champion, validation=None, guardrails=None, **settings):
    tables, screened = (
        {role: {"main": table(predicted)} for role, predicted in zip(("challenger", "champion"), pair, strict=True)}
        for pair in ((challenger, champion), validation or (challenger, champion))
    )
    costs = LatencyComparison(1.0, 1.0, 1.0, 0.95)
    evidence = Evidence(tables, screened, [objective()], costs, References({}), fresh=fresh)
    return decide(evidence, GateSettings(**settings), *([guardrails] if guardrails else []))


def evidence(shown: bool, alpha=0.02) -> FreshEvidence:
    return FreshEvidence(wealth=99 if shown else 3, required=50, shown=shown, alpha=alpha, rows=70, runs=4, new_rows=9)


SLIGHTLY_BETTER, CHAMPION = answers(0.098, seed=3), answers(0.1, seed=3)


def test_new_rows_promote_what_no_test_could_show():
    verdict = decision(evidence(True), SLIGHTLY_BETTER, CHAMPION)
    assert (verdict.claim, verdict.evidence, verdict.tested, verdict.alpha) == ("better", "fresh", None, None)
    assert any("evidence 1 : 99 that retraining is better, 1 : 50 is needed; 70 rows" in r for r in verdict.reasons)
    assert decision(evidence(False), SLIGHTLY_BETTER, CHAMPION).decision == "hold"
    assert decision(None, SLIGHTLY_BETTER, CHAMPION).decision == "hold"


def test_new_rows_do_not_promote_a_challenger_that_a_side_says_is_worse():
    for sides in ({"validation": (CHAMPION, SLIGHTLY_BETTER)}, {}):
        pair = (SLIGHTLY_BETTER, CHAMPION) if sides else (CHAMPION, SLIGHTLY_BETTER)
        assert decision(evidence(True), *pair, **sides).decision == "hold"


def test_guardrails_hold_what_new_rows_would_promote():
    blocked = GuardrailResult(blocking=["worse in a slice"])
    verdict = decision(evidence(True), SLIGHTLY_BETTER, CHAMPION, guardrails=blocked)
    assert (verdict.decision, verdict.claim, verdict.evidence) == ("hold", None, None)


def test_the_holdout_cannot_spend_what_belongs_to_new_rows():
    good, bad = answers(0.05, seed=1), answers(0.15, seed=2)
    verdict = decision(evidence(False), good, bad)
    assert (verdict.claim, verdict.evidence) == ("better", "holdout")
    assert decision(evidence(False, alpha=0.05), good, bad).decision == "hold"
    verdict = decision(evidence(False), good, bad, evidence="fresh")
    assert verdict.decision == "hold" and verdict.tested is None and "gate.evidence: fresh" in verdict.reasons[0]


KEYS = [f"{row:016x}" * 2 for row in range(1, len(LABELS) + 1)]


def write_rows(count: int, **columns):
    """Write a split of the first rows into the store, and return its objective."""
    frame = pd.DataFrame({"text": KEYS[:count], "label": LABELS[:count], "row_key": KEYS[:count]} | columns)
    made = objective(metric="accuracy", path=f"split/{count}", digest=f"{count}")
    folder = artifact_store.folder(made.sides)
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in zip(("train", "validation", "holdout"), np.array_split(np.arange(count), 3), strict=True):
        frame.iloc[part].to_parquet(folder / f"{name}.parquet")
    return made


class Answers:
    """Versions that are right (2), and wrong (1)."""

    def __init__(self, name, number, multi_task):
        self.number = number

    def table(self, frame, _objective):
        predicted = frame["label"] if self.number == "2" else frame["label"].map(WRONG_LABEL)
        return frame[["row_key", "label"]].assign(predicted=predicted)


@pytest.fixture
def model(home, monkeypatch) -> Model:
    monkeypatch.setattr("tasks.fresh_rows.VersionPredictor", Answers)
    monkeypatch.setattr(model_registry, "has_trained_keys", lambda *_: True)
    return Model(home, "x")


def count(model: Model, run: str, rows: int, earlier=None, challenger="2"):
    registry_state = RegistryState(champion="1", anchor="1", challenger=challenger)
    earlier = earlier or EarlierEvidence()
    return count_fresh_rows.fn("x", run, [write_rows(rows)], registry_state, earlier, 0.4, BUDGET)


def test_a_row_is_counted_in_the_first_night_that_sees_it(model):
    runs = [model.pipeline_run(1) for _ in range(4)]
    first = count(model, runs[0], 30)
    assert (first.new_rows, first.state.wealth) == (0, Wealth()) and "not known" in first.note
    second = count(model, runs[1], 50, EarlierEvidence(first.state, runs[0]))
    assert (second.new_rows, second.state.rows, second.state.runs) == (20, 20, 1)
    assert second.state.wealth == Wealth().after(np.ones(20))
    again = count(model, runs[2], 50, EarlierEvidence(second.state, runs[1]))
    assert again.state == second.state and again.note == "there are no new rows"
    fewer_then_more = count(model, runs[3], 60, EarlierEvidence(again.state, runs[2]))
    assert (fewer_then_more.new_rows, fewer_then_more.state.rows) == (10, 30)


def test_the_year_of_new_rows_goes_by_the_replayed_day(model):
    runs, first_day = [model.pipeline_run(1) for _ in range(3)], datetime(2015, 2, 17, tzinfo=UTC)
    with clock.replayed_at(first_day):
        first = count(model, runs[0], 30)
    assert first.state.since == first_day.isoformat()
    with clock.replayed_at(first_day + timedelta(days=364)):
        second = count(model, runs[1], 50, EarlierEvidence(first.state, runs[0]))
    assert (second.state.since, second.state.rows) == (first.state.since, 20)
    next_year = first_day + timedelta(days=365)
    with clock.replayed_at(next_year):
        third = count(model, runs[2], 60, EarlierEvidence(second.state, runs[1]))
    assert (third.state.since, third.state.rows) == (next_year.isoformat(), 10)


def test_a_resumed_run_counts_nothing_twice(model):
    runs = [model.pipeline_run(1) for _ in range(2)]
    earlier = EarlierEvidence(count(model, runs[0], 30).state, runs[0])
    counted = count(model, runs[1], 50, earlier)
    assert count(model, runs[1], 50, earlier) == counted
    assert count(model, runs[1], 50, earlier, challenger="7") == counted, "its own version is the challenger by now"


def test_rows_that_a_version_was_trained_on_do_not_count(model, monkeypatch):
    runs = [model.pipeline_run(1) for _ in range(2)]
    earlier = EarlierEvidence(count(model, runs[0], 30).state, runs[0])
    monkeypatch.setattr(model_registry, "trained_keys", lambda _name, number: {KEYS[44]} if number == "2" else set())
    assert count(model, runs[1], 50, earlier).new_rows == 19


def test_without_a_challenger_rows_are_seen_and_not_counted(model):
    runs = [model.pipeline_run(1) for _ in range(3)]
    earlier = EarlierEvidence(count(model, runs[0], 30).state, runs[0])
    seen = count(model, runs[1], 50, earlier, challenger=None)
    assert seen.new_rows == 0 and "no challenger" in seen.note
    assert count(model, runs[2], 50, EarlierEvidence(seen.state, runs[1])).note == "there are no new rows"


def test_a_version_that_cannot_answer_leaves_the_evidence_as_it_was(model, monkeypatch):
    runs = [model.pipeline_run(1) for _ in range(2)]
    earlier = EarlierEvidence(count(model, runs[0], 30).state, runs[0])
    monkeypatch.setattr(Answers, "table", lambda *_: 1 / 0)
    counted = count(model, runs[1], 50, earlier)
    assert counted.state == earlier.state and "division by zero" in counted.note


def test_for_macro_f1_the_champion_answers_earlier_validation_rows_alone(home):
    split = write_rows(30)
    validation = pd.read_parquet(artifact_store.folder(split.sides) / "validation.parquet")["row_key"].tolist()
    seen = np.sort(np.array([int(key[:16], 16) for key in validation[:4]], np.uint64))
    assert read_earlier_validation(split, seen)["row_key"].tolist() == validation[:4]


def test_new_rows_count_by_macro_f1_where_the_gate_compares_it(model, monkeypatch):
    monkeypatch.setattr("tasks.fresh_rows.fresh_rows.needs_f1_scores", lambda _objective: True)
    runs = [model.pipeline_run(1) for _ in range(2)]
    first = count(model, runs[0], 30)
    second = count(model, runs[1], 50, EarlierEvidence(first.state, runs[0]))
    assert second.new_rows == 20 and Wealth() != second.state.wealth != Wealth().after(np.ones(20))


def test_a_row_with_another_cleaning_is_not_new(home):
    split = write_rows(9, raw_key=[None, "ab" * 16, *[None] * 7])
    rows, keys = read_rows(split, np.array([3, int("ab" * 8, 16)], np.uint64))
    assert sorted(rows["row_key"]) == [KEYS[0], *KEYS[3:9]], "the second was seen as it was read, the third by its key"
    assert len(keys) == 10


def test_the_ledger_names_the_challenger_and_the_evidence_of_the_last_night():
    held = Entry(action="held", version="3", why="", evidence="run 3", fresh="{}")
    skipped = Entry(action="skipped", why="")
    promoted = Entry(action="promoted", new="4", version="4", why="", evidence="run 4", fresh="{}")
    assert ledger.standing_challenger([held, skipped]) == "3"
    assert ledger.standing_challenger([held, promoted, skipped]) is None
    assert ledger.last_fresh([held, promoted, skipped]) == promoted and ledger.last_fresh([skipped]) is None


def test_what_was_rolled_back_must_be_beaten_after_a_promotion_by_new_rows():
    first = Entry(action="rolled back", old="2", new="1", why="")
    by_rows = Entry(action="promoted", old="1", new="3", claim="better", why="", fresh="{}")
    assert ledger.rolled_back([first, by_rows]) == "2"
    assert ledger.rolled_back([first, by_rows.model_copy(update={"tested": "better"})]) is None


def test_the_ledger_gives_back_the_evidence(home):
    model, kept = Model(home, "x"), state(differences=[1.0, 0.0, -1.0], rows=3, runs=1)
    run = model.pipeline_run(1)
    model_registry.note("x", "held", "no reason", run, model.version(run), fresh=kept.model_dump_json())
    assert fresh_evidence.earlier_evidence(ledger.history("x")) == EarlierEvidence(kept, run)
    broken = [Entry(action="held", why="", evidence="r", fresh="{")]
    assert fresh_evidence.earlier_evidence(broken) == EarlierEvidence(None, "r")


def test_retention_keeps_the_run_that_the_next_night_continues(home):
    model = Model(home, "x")
    runs = [model.pipeline_run(100) for _ in range(2)]
    for run in runs:
        model_registry.note("x", "held", "no reason", run, fresh=state().model_dump_json())
    removable = {item.name for item in retention.plan(0, 1)}
    assert runs[0] in removable and runs[1] not in removable

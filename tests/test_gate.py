"""The gate's decision, from labels, predictions on the same rows, costs, settings and the ledger's account."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from factories import LABELS, WRONG_LABEL, answers, compared, objective, table
from nights import Model

from flows.pipeline_run import best_of_seeds
from nightshift.errors import SettingsError
from nightshift.evaluation import kinds
from nightshift.evaluation.claims import LatencyComparison
from nightshift.evaluation.significance import tango_interval
from nightshift.records import Registered, RegistryState
from nightshift.registry import tracking
from nightshift.registry.version_predictions import drop_rows, trained_keys
from nightshift.store import artifact_store
from tasks.gate.first_version import References
from tasks.gate.stage import Evidence, GateSettings, decide


def settle(challenger, champion, anchor=None, cost=1.0, unable=None, validation=None, num_tests=0, labels=LABELS,
           spread=None, alpha=None, **settings):  # fmt: skip
    """Return the gate's verdict.

    Args:
        challenger: Predictions on the holdout.
        champion: Predictions of the champion, or None without one.
        anchor: Predictions of the anchor, or None without one.
        cost: Challenger's latency as a share of the champion's.
        unable: Reasons by the role that cannot answer.
        validation: Predictions on validation in the same order of roles; those on the holdout by default.
        num_tests: Number of tests in the last year.
        labels: True labels.
        spread: Standard deviation of the metric over seeds.
        alpha: Error budget that is spent; 0.05 / 40 per test by default.
        **settings: Settings of the gate.
    """
    roles = ("challenger", "champion", "anchor")
    tables, screened = (
        {
            role: {"main": table(predicted, labels)}
            for role, predicted in zip(roles, predictions, strict=False)
            if predicted is not None
        }
        for predictions in ((challenger, champion, anchor), validation or (challenger, champion, anchor))
    )
    costs = LatencyComparison(cost, 1.0, cost, 0.95) if champion is not None else None
    dummy = {"main": table(["a"] * len(labels), labels)}
    references = References(dummy, dummy)
    alpha = num_tests * 0.05 / 40 if alpha is None else alpha
    evidence = Evidence(tables, screened, [objective()], costs, references, num_tests, alpha, unable or {}, spread)
    return decide(evidence, GateSettings(**settings))


def test_clearly_better_is_promoted_and_clearly_worse_held():
    good, bad = answers(0.05, seed=1), answers(0.15, seed=2)
    assert settle(good, bad).claim == "better"
    assert settle(bad, good, cost=0.1).decision == "hold"


def test_ties_and_permuted_labels_are_held():
    good = answers(0.05)
    assert settle(good, good).decision == "hold"
    assert settle(good, good, cost=0.91).decision == "hold"
    assert settle([WRONG_LABEL[label] for label in LABELS], good, cost=0.1).decision == "hold"


def test_what_was_trained_on_the_holdout_is_judged_by_the_other_rows(home):
    model, keys = Model(home, "x"), [f"row {row}" for row in range(len(LABELS))]
    trained = {"champion": ["elsewhere"], "challenger": keys[:1500]}
    for texts in trained.values():
        run = model.pipeline_run(1)
        pd.DataFrame({"row_key": texts, "part": False}).to_parquet(model.files / artifact_store.TRAINED_KEYS)
        model.client.log_artifact(run, str(model.files / artifact_store.TRAINED_KEYS), tracking.FULL)
        model.version(run)
    by_heart = [*LABELS[:1500], *(WRONG_LABEL[label] for label in LABELS[1500:])]
    champion = answers(0.3)
    assert settle(by_heart, champion).claim == "better", "so it looks where all rows count"
    predictions = {"challenger": {"main": table(by_heart)}, "champion": {"main": table(champion)}}
    for tables in predictions.values():
        tables["main"]["row_key"] = keys
    keys_by_role = trained_keys(Registered(name="x", version="2", run_id=run), RegistryState(champion="1", anchor="1"))
    assert drop_rows(predictions, keys_by_role) == 1500
    remaining = [predictions[role]["main"]["predicted"] for role in ("challenger", "champion")]
    assert settle(*remaining, labels=LABELS[1500:]).decision == "hold"


def test_cheaper_needs_champion_and_anchor():
    good = answers(0.05)
    assert settle(good, good, good, cost=0.5).claim == "cheaper"
    anchor = answers(0.0)
    verdict = settle(good, good, anchor, cost=0.5)
    assert verdict.decision == "hold" and any("anchor" in reason for reason in verdict.reasons)


def test_the_first_must_beat_the_majority_and_every_minimum():
    assert settle(answers(0.1), None).claim == "first"
    assert settle(["a"] * len(LABELS), None).decision == "hold"
    verdict = settle(answers(0.1), None, minimum={"accuracy": 0.95})
    assert verdict.decision == "hold" and "minimum" in verdict.reasons[0]
    with pytest.raises(ValueError, match="no metric"):
        GateSettings(minimum={"acuracy": 0.9})
    with pytest.raises(SettingsError, match="tonight has no rmse; there are: accuracy"):
        settle(answers(0.1), None, minimum={"rmse": 0.9})


def test_a_test_is_spent_only_on_what_validation_makes_likely():
    good, bad = answers(0.05, seed=1), answers(0.15, seed=2)
    verdict = settle(good, bad, num_tests=3)
    assert (verdict.tested, verdict.spent, verdict.claim) == ("better", 4, "better")
    assert verdict.confidence == pytest.approx(1 - 0.05 / 40) and verdict.interval[0] > 0
    saved = settle(good, bad, validation=(bad, bad), num_tests=3)
    assert (saved.tested, saved.spent, saved.decision) == (None, 3, "hold") and saved.difference is None
    assert (
        "no test on the holdout is spent on it (3 tests have spent 7.5 % of the year's error budget" in saved.reasons[0]
    )
    short = settle(good, bad, minimum={"accuracy": 0.99})
    assert (short.tested, short.decision) == (None, "hold") and "on validation accuracy 0.9" in short.reasons[1]
    unlucky = settle(good, bad, validation=(answers(0.0), bad), minimum={"accuracy": 0.99})
    assert (unlucky.tested, unlucky.decision) == ("better", "hold"), "what the holdout says saves no test"


def test_what_another_seed_alone_would_change_is_not_called_better():
    good, bad = answers(0.05, seed=1), answers(0.1, seed=2)
    sure, unsure = settle(good, bad), settle(good, bad, spread=0.02)
    assert (sure.claim, sure.decision) == ("better", "promote") and unsure.decision == "hold"
    assert settle(good, bad, spread=0.005).claim == "better"
    trials = [
        (f"seed {seed}", SimpleNamespace(validation={"macro_f1": score})) for seed, score in enumerate((0.8, 0.9))
    ]
    best, _, spread = best_of_seeds(trials, [objective()])
    assert best == "seed 1" and spread == pytest.approx(0.1 / np.sqrt(2))
    assert best_of_seeds(trials[:1], [objective()])[2] is None


def test_a_spent_year_holds():
    good, bad = answers(0.05, seed=1), answers(0.15, seed=2)
    verdict = settle(good, bad, num_tests=40)
    assert verdict.decision == "hold" and verdict.tested is None and "nightshift holdout rotate" in verdict.reasons[0]


def test_the_budget_is_spent_by_alpha_and_not_by_the_number_of_tests():
    good, bad = answers(0.05, seed=1), answers(0.15, seed=2)
    nine = 9 * 0.05 / 10
    last = settle(good, bad, num_tests=12, alpha=nine + 3 * 0.05 / 40)
    assert (last.claim, last.alpha, last.spent) == ("better", pytest.approx(0.05 / 40), 13)
    verdict = settle(good, bad, num_tests=13, alpha=nine + 4 * 0.05 / 40)
    assert (verdict.decision, verdict.tested, verdict.alpha) == ("hold", None, None), "31 more tests would spend 0.084"
    assert "13 tests have spent 100 % of the year's error budget" in verdict.reasons[0]
    assert settle(good, bad, num_tests=40, tests_per_year=52, confidence=0.9).claim == "better", (
        "the budget is larger now"
    )
    assert settle(good, bad, num_tests=40, tests_per_year=400).tested is None


def test_fewer_tests_a_year_tell_smaller_differences():
    champion = answers(0.10, seed=1)
    wrong = np.flatnonzero(np.array(champion) != LABELS)
    challenger = np.array(champion)
    challenger[wrong[:8]] = LABELS[wrong[:8]]  # 8 gained, none lost: mid-p 0.002, more than a fortieth of 5 %
    assert settle(challenger, champion).decision == "hold"
    assert settle(challenger, champion, tests_per_year=12).claim == "better"


def test_what_is_cheaper_and_better_is_promoted_as_better():
    good, bad = answers(0.05, seed=1), answers(0.15, seed=2)
    assert settle(good, bad, bad, cost=0.5).claim == "better"


def test_being_cheaper_bars_nothing_that_is_better():
    good, bad, best = answers(0.05, seed=1), answers(0.15, seed=2), answers(0.02, seed=3)
    for cost in (1.0, 0.5):
        assert settle(good, bad, best, cost=cost).claim == "better", "the anchor speaks against cheaper alone"
        assert settle(good, bad, cost=cost, unable={"anchor": "fails"}).claim == "better"
    short = settle(good, bad, best, cost=0.5, validation=(good, bad, bad))
    assert short.claim == "better" and short.tested == "cheaper", "likely on validation, and not shown on the holdout"
    assert short.alpha == pytest.approx(0.05 / 40) and short.confidence == pytest.approx(1 - 0.05 / 80)
    assert settle(good, bad, cost=0.5).confidence == pytest.approx(1 - 0.05 / 40), "one limit takes all of it"
    assert settle(good, good, good, cost=0.5).confidence == pytest.approx(1 - 0.05 / 40), "one claim is likely"


@pytest.mark.parametrize("metric", ["macro_f1", "weighted_f1", "accuracy"])
@pytest.mark.parametrize("rows", [20, 200])
def test_the_same_answers_on_few_rows_show_nothing(metric, rows):
    labels, predictions = LABELS[:rows], answers(0.1, LABELS[:rows])
    assert settle(predictions, predictions, labels=labels, cost=0.5).decision == "hold"
    limit = compared(labels, predictions, predictions, metric)
    assert limit.lower <= -tango_interval(0, 0, rows, 0.95).upper < 0 < limit.upper
    assert settle(answers(0.1), answers(0.1), cost=0.5).claim == "cheaper", "2,000 are enough"


def test_a_champion_that_cannot_answer_stays():
    verdict = settle(answers(0.0), None, unable={"champion": "knows no objectives"})
    assert verdict.decision == "hold" and "the champion knows no objectives" in verdict.reasons[0]
    good = answers(0.05)
    assert settle(good, good, cost=0.5, unable={"anchor": "fails"}).decision == "hold"
    assert settle(good, answers(0.15, seed=2), unable={"anchor": "fails"}).claim == "better"


def losses(share, tokens=10):
    return pd.DataFrame({"loss": tokens * share * np.random.default_rng(4).random(500), "tokens": [tokens] * 500})


def settle_losses(challenger, champion, dummy=2.0, **settings):
    """Return the gate's verdict on losses of a generating model.

    Args:
        challenger: Table of losses and tokens.
        champion: Table of the champion, or None without one.
        dummy: Factor of the dummy's losses, see `losses`.
        **settings: Settings of the gate.
    """
    tables = {role: {"main": t} for role, t in (("challenger", challenger), ("champion", champion)) if t is not None}
    costs = LatencyComparison(1.0, 1.0, 1.0, 0.95) if champion is not None else None
    objectives = [objective("generation", "loss")]
    references = References({"main": losses(dummy)}, {"main": losses(dummy)})
    return decide(Evidence(tables, tables, objectives, costs, references), GateSettings(**settings))


def test_less_loss_is_better():
    verdict = settle_losses(losses(1.0), losses(1.1))
    assert verdict.claim == "better" and verdict.difference > 0 and "less is better" in verdict.reasons[0]
    assert settle_losses(losses(1.1), losses(1.0)).decision == "hold"
    assert settle_losses(losses(1.0), None).claim == "first"
    assert settle_losses(losses(1.0), None, dummy=0.8).decision == "hold"
    assert settle_losses(losses(1.0), None, minimum={"loss": 0.4}).decision == "hold"
    assert settle_losses(losses(1.0), None, minimum={"loss": 0.6}).claim == "first"


def test_losses_over_other_tokens_are_not_compared():
    verdict = settle_losses(losses(0.5), losses(1.0, tokens=9))
    assert verdict.decision == "hold" and "other tokens" in verdict.reasons[0]


def test_objectives_are_weighed_and_each_may_have_a_minimum():
    objectives = [objective(name="tone", weight=3.0), objective("regression", "rmse", "stars")]
    stars = np.random.default_rng(6).normal(size=2000)
    good, bad = table(answers(0.05, seed=1)), table(answers(0.15, seed=2))
    close, far = table(stars + 0.1, stars), table(stars + 0.2, stars)

    def decide_pairs(challenger, champion, **settings):
        tables = {"challenger": challenger, "champion": champion}
        tables = {role: dict(zip(("tone", "stars"), pair, strict=True)) for role, pair in tables.items()}
        costs = LatencyComparison(1.0, 1.0, 1.0, 0.95)
        return decide(Evidence(tables, tables, objectives, costs, References({})), GateSettings(**settings))

    assert decide_pairs((good, far), (bad, close)).claim == "better"
    assert decide_pairs((bad, close), (good, far)).decision == "hold"
    verdict = decide_pairs((good, close), (bad, close), minimum={"stars/rmse": 0.05, "tone/macro_f1": 0.9})
    assert verdict.decision == "hold" and verdict.reasons[0].startswith("stars/rmse 0.1000 is above")
    expected = 0.75 * (kinds.metrics({"tone": good}, objectives[:1])["macro_f1"]) - 0.25 * 0.1
    assert verdict.metrics["weighted"] == pytest.approx(expected)

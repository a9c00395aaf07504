"""The gate's decision, from labels, predictions on the same rows, costs, settings and the ledger's account."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from factories import LABELS, WRONG_LABEL, answers, compared, objective, table
from nights import Model

from flows.pipeline_run import best_of_seeds
from nightshift.errors import SettingsError
from nightshift.evaluation import kinds, scoring, significance
from nightshift.evaluation.claims import LatencyComparison
from nightshift.evaluation.significance import tango_interval
from nightshift.records import BudgetState, Registered, RegistryState
from nightshift.registry import tracking
from nightshift.registry.version_predictions import drop_rows, trained_keys
from nightshift.store import artifact_store
from tasks.gate.decision import Evidence, decide
from tasks.gate.first_version import References
from tasks.gate.settings import GateSettings


def settle(challenger, champion, anchor=None, cost=1.0, unable=None, validation=None, num_tests=0, labels=LABELS,
           alpha=0.0, rolled_back=None, **settings):  # fmt: skip
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
        alpha: Error budget that is spent.
        rolled_back: Predictions of the version that was rolled back, or None without one.
        **settings: Settings of the gate.
    """
    roles = ("challenger", "champion", "anchor", "rolled_back")
    tables, screened = (
        {
            role: {"main": table(predicted, labels)}
            for role, predicted in zip(roles, predictions, strict=False)
            if predicted is not None
        }
        for predictions in (
            (challenger, champion, anchor, rolled_back),
            validation or (challenger, champion, anchor, rolled_back),
        )
    )
    costs = LatencyComparison(cost, 1.0, cost, 0.95) if champion is not None else None
    dummy = {"main": table(["a"] * len(labels), labels)}
    references = References(dummy, dummy)
    budget = BudgetState(num_tests=num_tests, alpha_spent=alpha)
    evidence = Evidence(tables, screened, [objective()], costs, references, budget, unable or {})
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
    verdict = settle(good, bad, num_tests=3, alpha=0.00375)
    assert (verdict.tested, verdict.spent, verdict.claim) == ("better", 4, "better")
    assert verdict.confidence == pytest.approx(1 - verdict.alpha) and verdict.interval[0] > 0
    saved = settle(good, bad, validation=(bad, bad), num_tests=3, alpha=0.00375)
    assert (saved.tested, saved.spent, saved.decision) == (None, 3, "hold") and saved.difference is None
    assert (
        "no test on the holdout is spent on it (3 tests have spent 7.5 % of the year's error budget" in saved.reasons[0]
    )
    short = settle(good, bad, minimum={"accuracy": 0.99})
    assert (short.tested, short.decision) == (None, "hold") and "on validation accuracy 0.9" in short.reasons[1]
    unlucky = settle(good, bad, validation=(answers(0.0), bad), minimum={"accuracy": 0.99})
    assert (unlucky.tested, unlucky.decision) == ("better", "hold"), "what the holdout says saves no test"


def test_seeds_that_differ_by_the_luck_of_the_rows_have_no_spread():
    lucky = [{"main": table(answers(0.1, seed=seed))} for seed in range(10, 20)]
    scores = [kinds.metrics(tables, [objective()])["macro_f1"] for tables in lucky]
    noise = significance.standard_error(lucky[0], lucky[1], [objective()])
    assert noise == pytest.approx(np.sqrt(2 * 0.1 * 0.9 / len(LABELS)), rel=0.1)
    assert significance.seed_spread(lucky, scores, [objective()]) < 0.5 * np.std(scores, ddof=1)
    unequal = [{"main": table(answers(share, seed=seed))} for seed, share in enumerate((0.1, 0.2, 0.3))]
    assert significance.seed_spread(unequal, [0.9, 0.8, 0.7], [objective()]) == pytest.approx(0.1, abs=0.005)


def test_the_best_seed_on_validation_goes_on(monkeypatch):
    tables = iter([{"main": table(answers(share, seed=1))} for share in (0.2, 0.1)])
    monkeypatch.setattr(artifact_store, "folder", lambda evaluated: Path("x"))
    monkeypatch.setattr(scoring, "read", lambda folder, objectives: next(tables))
    trials = [
        (f"seed {seed}", SimpleNamespace(validation={"macro_f1": score})) for seed, score in enumerate((0.8, 0.9))
    ]
    best, _, spread = best_of_seeds(trials, [objective()])
    assert best == "seed 1" and 0.06 < spread < 0.1 / np.sqrt(2)
    assert best_of_seeds(trials[:1], [objective()])[2] is None


def test_a_budget_that_older_tests_have_spent_holds():
    good, bad = answers(0.05, seed=1), answers(0.15, seed=2)
    verdict = settle(good, bad, num_tests=40, alpha=0.05)
    assert verdict.decision == "hold" and verdict.tested is None and "nightshift holdout rotate" in verdict.reasons[0]
    assert "40 tests have spent 100 % of the year's error budget" in verdict.reasons[0]
    assert settle(good, bad, num_tests=40, alpha=0.05, confidence=0.9).claim == "better", "the budget is larger now"


def test_a_test_takes_the_more_the_more_is_left_and_the_more_validation_promises():
    champion, far = np.array(answers(0.15, seed=2)), answers(0.05, seed=1)
    wrong, close = np.flatnonzero(champion != LABELS), champion.copy()
    close[wrong[:3]] = LABELS[wrong[:3]]
    alphas = [settle(far, champion, validation=(shown, champion)).alpha for shown in (close, far)]
    assert 0.05 / 400 < alphas[0] < alphas[1] <= 0.05 / 5 + 1e-9
    assert settle(far, champion, alpha=0.02).alpha == pytest.approx(0.6 * alphas[1])


def test_fewer_tests_a_year_tell_smaller_differences():
    champion = answers(0.10, seed=1)
    wrong = np.flatnonzero(np.array(champion) != LABELS)
    challenger, shown = np.array(champion), np.array(champion)
    challenger[wrong[:8]] = LABELS[wrong[:8]]  # 8 gained, none lost: mid-p 0.002
    shown[wrong[:5]] = LABELS[wrong[:5]]
    validation = (shown, champion)
    assert settle(challenger, champion, validation=validation, tests_per_year=400).decision == "hold"
    assert settle(challenger, champion, validation=validation, tests_per_year=12).claim == "better"


def test_after_a_rollback_the_version_that_was_rolled_back_must_be_beaten_too():
    champion, rolled_back, challenger = answers(0.15, seed=2), answers(0.05, seed=3), answers(0.05, seed=1)
    assert settle(challenger, champion).claim == "better"
    verdict = settle(challenger, champion, rolled_back=rolled_back)
    assert verdict.decision == "hold" and "rolled-back version's" in verdict.reasons[0]
    assert settle(answers(0.0), champion, rolled_back=rolled_back).claim == "better"
    unable = {"rolled_back": "cannot answer"}
    assert (
        "not compared with the version that was rolled back" in settle(challenger, champion, unable=unable).reasons[-1]
    )


def test_a_difference_that_only_one_side_shows_is_said():
    champion, right = np.array(answers(0.2, seed=1)), np.array(LABELS)
    say = "does better on the holdout than on validation, by more than chance explains"
    for known, favoured in ((right, "the challenger"), (np.array(answers(0.5, seed=3)), "the champion")):
        verdict = settle(known, champion, validation=(champion, champion))
        assert verdict.decision == "hold" and verdict.reasons[-1].startswith(f"{favoured} {say}")
    assert say not in " ".join(settle(right, champion).reasons)


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
    assert short.confidence == pytest.approx(1 - short.alpha / 2)
    for alone in (settle(good, bad, cost=0.5), settle(good, good, good, cost=0.5)):
        assert alone.confidence == pytest.approx(1 - alone.alpha), "one limit takes all of it"


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

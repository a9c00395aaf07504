"""The claim *first*: what a version without a predecessor must show."""

from functools import partial

import factories
import numpy as np
import pandas as pd
import pytest
from factories import numbers

from flows.pipeline_run import labels_tag
from nightshift.registry.tags import LABELS
from tasks.gate.first_version import References, decide_first, number_of_shuffles
from tasks.gate.settings import GateSettings

NAMES = np.array(["a", "b", "c", "d"])
objective = partial(factories.objective, labels=[*NAMES])


def decide(challenger, dummy, baseline, main=None, first="baseline", confidence=0.95):
    """Return the decision on a first version with one objective.

    Args:
        challenger: Table of labels and predictions.
        dummy: Table of the dummy.
        baseline: Table of the baseline.
        main: The objective; a classification by default.
        first: The setting `gate.first`.
        confidence: Confidence of the tests.
    """
    references = References({"main": dummy}, {"main": baseline}, {"main": "the simple one"})
    return decide_first({"main": challenger}, references, [main or objective()], first, confidence)


def labels(wrong, rows=300, seed=1):
    random = np.random.default_rng(seed)
    truth = np.random.default_rng(0).integers(4, size=rows)
    predicted = np.where(random.random(rows) < wrong, (truth + 1) % 4, truth)
    return pd.DataFrame({"label": NAMES[truth], "predicted": NAMES[predicted]})


def sets(wrong):
    table = labels(wrong)
    return table.assign(**{name: [",".join(sorted({text, "b"})) for text in table[name]] for name in table})


def writes(wrong):
    table = labels(wrong)
    return pd.DataFrame({name: [f"an answer: {ord(text) ** 4}" for text in table[name]] for name in table})


def losses(factor):
    return pd.DataFrame({"loss": factor * np.random.default_rng(3).random(300) * 20, "tokens": 20})


def constant(table):
    return table.assign(predicted=table["label"].mode()[0] if table["label"].dtype != float else table["label"].mean())


KINDS = [
    *((objective(metric=metric), labels) for metric in ("macro_f1", "accuracy", "weighted_f1")),
    *((objective(metric=metric, separator=","), sets) for metric in ("macro_f1", "accuracy")),
    *((objective("regression", metric), numbers) for metric in ("pearson", "spearman", "rmse")),
    *((objective("text2text", metric), writes) for metric in ("chrf", "exact_match")),
    (objective("generation", "loss"), losses),
]


@pytest.mark.parametrize(("main", "table"), KINDS, ids=lambda part: getattr(part, "metric", ""))
def test_a_first_version_must_not_be_below_the_baseline(main, table):
    good, poor = table(0.1), table(0.3)
    dummy = table(1.0) if main.kind == "generation" else constant(good)
    assert decide(good, dummy, poor, main).claim == "first"
    assert decide(good, dummy, good, main).claim == "first", "equal is not below"
    verdict = decide(poor, dummy, good, main)
    assert verdict.decision == "hold" and verdict.claim is None
    assert "below the baseline" in verdict.reasons[0] and "the simple one" in verdict.reasons[0]
    assert verdict.reasons[0].endswith("gate.first: dummy would promote it")
    allowed = decide(poor, dummy, good, main, "dummy")
    assert allowed.claim == "first" and "below the baseline" in allowed.reasons[0]
    assert decide(good, dummy, poor, main, "manual").reasons == [
        "the first version waits for a person (gate.first: manual)"
    ]


@pytest.mark.parametrize("main", [objective(), objective("regression", "pearson")])
def test_guessers_are_not_promoted(main):
    random, promoted, times = np.random.default_rng(2), 0, 150
    truth = numbers(0, 60)["label"] if main.kind == "regression" else pd.Series(NAMES[random.integers(4, size=60)])
    for _ in range(times):
        guess = pd.DataFrame({"label": truth, "predicted": random.permutation(truth)})
        promoted += decide(guess, constant(guess), constant(guess), main, "dummy").decision == "promote"
    assert promoted / times < 0.05 + 3 * np.sqrt(0.05 * 0.95 / times)


def test_a_trifle_above_the_dummy_is_not_enough():
    random = np.random.default_rng(4)
    names = np.array([f"label {number}" for number in range(400)])
    truth = pd.Series(names[np.arange(800) % 400])
    guess = pd.DataFrame({"label": truth, "predicted": names[random.integers(400, size=800)]})
    verdict = decide(guess, constant(guess), constant(guess), objective())
    assert verdict.decision == "hold" and "not shown to be better than guessing" in verdict.reasons[0]


def test_a_version_worse_than_the_commonest_label_is_held_though_it_has_learned_something():
    label = ["a"] * 280 + ["b"] * 20
    table = pd.DataFrame({"label": label, "predicted": ["a"] * 220 + ["b"] * 80})
    verdict = decide(table, constant(table), constant(table), objective(metric="accuracy"), "dummy")
    assert verdict.decision == "hold" and "not shown to beat the dummy" in verdict.reasons[0]


def test_of_several_objectives_the_main_one_must_show_it_by_itself():
    objectives = [objective(name="tone"), objective("regression", "pearson", "stars")]
    random = np.random.default_rng(5)
    good = {"tone": labels(0.1), "stars": numbers(0.1)}
    guess = good | {"tone": good["tone"].assign(predicted=random.permutation(good["tone"]["label"]))}
    dummy = {name: constant(table) for name, table in good.items()}
    references = References(dummy, dummy)
    assert decide_first(good, references, objectives, "baseline", 0.95).claim == "first"
    verdict = decide_first(guess, references, objectives, "baseline", 0.95)
    assert verdict.decision == "hold" and "tone/macro_f1" in verdict.reasons[0]


def test_a_guesser_is_above_all_shuffles_once_in_the_cases_that_the_confidence_allows():
    assert (number_of_shuffles(0.95), number_of_shuffles(GateSettings().test_confidence)) == (19, 799)


def test_without_a_baseline_the_dummy_counts_and_the_reasons_say_so():
    good = labels(0.1)
    references = References({"main": constant(good)}, left_out={"main": "too large"})
    verdict = decide_first({"main": good}, references, [objective()], "baseline", 0.95)
    assert verdict.claim == "first"
    assert verdict.reasons[-1] == "no baseline to compare with (too large): gate.first: dummy applies"


def test_labels_that_fill_more_than_a_tag_are_no_reason_to_lose_a_training():
    assert labels_tag({"main": ["a", "b"]}) == {LABELS: '{"main": ["a", "b"]}'}
    assert labels_tag({"main": [f"a label with a long name {number}" for number in range(5000)]}) == {}

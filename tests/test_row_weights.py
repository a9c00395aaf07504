"""Comparisons of rows that weigh the less the older they are."""

import numpy as np
import pandas as pd
import pytest
from factories import LABELS, WRONG_LABEL, answers, losses, numbers, objective, table

from nightshift.evaluation import row_weights
from nightshift.evaluation.significance import compare, is_better

ROWS = 400
WEIGHTS = np.random.default_rng(1).integers(1, 4, ROWS)


def pair(kind):
    """Return the tables of two models of a kind."""
    if kind == "classification":
        first, second = (
            table(answers(share, LABELS[:ROWS], seed), LABELS[:ROWS]) for share, seed in ((0.1, 1), (0.2, 2))
        )
    elif kind == "regression":
        first, second = numbers(0.4, ROWS), numbers(0.5, ROWS)
    else:
        first, second = losses(0.9, ROWS), losses(1.0, ROWS)
    return {"main": first}, {"main": second}


def weighted(tables, weights):
    return {name: predictions.assign(weight=weights) for name, predictions in tables.items()}


CASES = [("classification", metric) for metric in ("accuracy", "macro_f1", "weighted_f1")]
CASES += [("regression", metric) for metric in ("pearson", "spearman", "rmse")] + [("generation", "loss")]


@pytest.mark.parametrize(("kind", "metric"), CASES)
def test_a_weight_counts_as_so_many_rows_and_its_unit_does_not_matter(kind, metric):
    tables, main = pair(kind), [objective(kind, metric)]
    repeated = [
        {"main": part["main"].loc[np.repeat(np.arange(ROWS), WEIGHTS)].reset_index(drop=True)} for part in tables
    ]
    differences = [compare(*(weighted(part, scale * WEIGHTS) for part in tables), main, 0.95) for scale in (1.0, 0.01)]
    assert differences[0].difference == pytest.approx(compare(*repeated, main, 0.95).difference)
    assert (differences[1].lower, differences[1].upper) == pytest.approx((differences[0].lower, differences[0].upper))


@pytest.mark.parametrize(("kind", "metric"), CASES)
def test_equal_weights_are_no_weights(kind, metric):
    tables, main = pair(kind), [objective(kind, metric)]
    plain, equal = compare(*tables, main, 0.95), compare(*(weighted(part, 0.5) for part in tables), main, 0.95)
    assert (equal.difference, equal.lower) == pytest.approx((plain.difference, plain.lower), abs=2e-4)


def test_weights_halve_with_age_and_say_how_many_rows_they_are_worth():
    times = pd.Series(pd.to_datetime(["2026-03-01", "2026-03-31", "2026-03-16"]))
    weights = row_weights.age_weights(times, 30)
    assert weights.tolist() == pytest.approx([0.5, 1.0, 2**-0.5])
    assert row_weights.effective_size(np.ones(7)) == pytest.approx(7)
    assert row_weights.effective_rows(pd.DataFrame({"weight": [1.0, 1.0, 0.0, 0.0]})) == pytest.approx(2)
    assert row_weights.effective_rows(pd.DataFrame({"label": ["a", "b"]})) == 2


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
def test_what_is_better_on_old_rows_alone_is_worse_where_new_ones_count(metric):
    labels, is_new = LABELS, np.arange(len(LABELS)) >= 1500
    wrong = np.array([WRONG_LABEL[label] for label in labels])
    random = np.random.default_rng(2).random((2, len(labels)))
    challenger = np.where(random[0] < np.where(is_new, 0.3, 0.05), wrong, labels)
    champion = np.where(random[1] < 0.15, wrong, labels)
    tables, main = [{"main": table(predicted)} for predicted in (challenger, champion)], [objective(metric=metric)]
    assert is_better(*tables, main, compare(*tables, main, 0.95), 0.95)
    aged = [weighted(part, np.where(is_new, 1.0, 0.05)) for part in tables]
    assert compare(*aged, main, 0.95).upper < 0


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
def test_weighted_limits_err_no_more_often_than_they_say(metric):
    """Two models, the first better on old rows and worse on new ones, the same where each weighs as it does."""
    random, count, times, main = np.random.default_rng(3), 300, 400, [objective(metric=metric)]
    age = np.linspace(0, 4, count)
    weights, is_old = np.exp2(-age), np.cumsum(np.exp2(-age)) > np.exp2(-age).sum() / 2
    labels = LABELS[:count]
    wrong, errors = np.array([WRONG_LABEL[label] for label in labels]), []
    for _ in range(times):
        right = random.random((2, count)) < 0.85 + 0.06 * np.where(is_old, 1, -1) * np.array([[1], [-1]])
        tables = [weighted({"main": table(np.where(hit, labels, wrong), labels)}, weights) for hit in right]
        errors.append(compare(*tables, main, 0.95).lower > 0)
    assert np.mean(errors) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / times)

"""Thresholds of labels, and the bound below which a model abstains."""

from dataclasses import replace
from functools import partial

import factories
import numpy as np
import pandas as pd
import pytest
from factories import COLOURS

from nightshift.evaluation import decision_thresholds, kinds
from nightshift.inference.predictor import decode
from nightshift.models.heads import Head

objective = partial(factories.objective, labels=COLOURS)


MULTI_LABEL = objective("classification", "macro_f1", separator=",")


RARE = Head("classification", tuple(COLOURS), ",")


def scored(head, truth, scores):
    """Return a table of predictions as it is stored: labels of a row joined, and all scores."""
    names = np.array(head.labels)
    labels = [head.separator.join(names[row]) for row in truth]
    answers = [decode(head, row)[0] for row in scores]
    table = pd.DataFrame(scores, columns=[f"score:{name}" for name in names])
    return table.assign(label=labels, predicted=answers)


def test_the_best_threshold_of_rare_labels_is_far_below_a_half():
    random = np.random.default_rng(0)
    truth = random.random((400, 3)) < 0.08
    table = scored(RARE, truth, np.clip(0.1 + 0.25 * truth + random.normal(0, 0.04, truth.shape), 0, 1))
    best = decision_thresholds.best_threshold(table, RARE, MULTI_LABEL)
    decided = table.assign(predicted=[decode(replace(RARE, threshold=best), row)[0]
                                      for row in table.filter(like="score:").to_numpy()])  # fmt: skip
    untuned, tuned = (kinds.metrics({"main": answers}, [MULTI_LABEL])["macro_f1"] for answers in (table, decided))
    assert untuned < 0.1 < 0.9 < tuned and 0.15 < best < 0.3
    sure = scored(RARE, truth, truth.astype(float))
    assert decision_thresholds.best_threshold(sure, RARE, MULTI_LABEL) == 0.5, (
        "of equally good ones the nearest to a half"
    )
    assert decision_thresholds.describe({"main": RARE}, "auto") == "; labels are answered from a score of 0.5"
    assert decision_thresholds.describe({"main": RARE}) == ""


def test_the_abstention_bound_is_the_smallest_that_reaches_the_accuracy():
    scores, right = np.array([0.9, 0.5, 0.8, 0.6, 0.8]), np.array([True, False, True, False, True])
    assert decision_thresholds.abstention_bound(scores, right, 0.75) == pytest.approx(0.55)
    assert decision_thresholds.abstention_bound(scores, right, 0.95) == pytest.approx(0.7)
    assert decision_thresholds.abstention_bound(scores, right, 0.6) == 0
    assert decision_thresholds.abstention_bound(scores[1:2], right[1:2], 0.9) == decision_thresholds.NEVER_ANSWERS
    tied, one_wrong = np.array([0.7, 0.7, 0.7]), np.array([True, True, False])
    assert decision_thresholds.abstention_bound(tied, one_wrong, 0.9) == decision_thresholds.NEVER_ANSWERS, (
        "no bound parts equal scores"
    )


def test_answers_that_abstain_keep_their_label_and_are_counted():
    main = objective("classification", "accuracy")
    table = pd.DataFrame({"label": ["red", "red", "blue"], "predicted": ["red", "blue", "red"]})
    plain = kinds.metrics({"main": table}, [main])
    metrics = kinds.metrics({"main": table.assign(abstain=[False, True, False])}, [main])
    assert metrics == plain | {"coverage": pytest.approx(2 / 3), "answered_accuracy": 0.5}
    none = kinds.metrics({"main": table.assign(abstain=True)}, [main])
    assert none == plain | {"coverage": 0}

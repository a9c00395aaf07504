"""Confident learning from out-of-fold probabilities."""

import numpy as np

from nightshift.evaluation.label_errors import (
    UNCERTAIN,
    class_thresholds,
    confident_classes,
    is_confident_error,
    normalized_margins,
    rank_rows,
)

LABELS = np.array([0, 0, 0, 1, 1, 2])
PROBABILITIES = np.array(
    [
        [0.9, 0.1, 0.0],
        [0.8, 0.2, 0.0],
        [0.1, 0.9, 0.0],
        [0.2, 0.8, 0.0],
        [0.4, 0.3, 0.3],
        [0.35, 0.25, 0.4],
    ]
)


def test_the_threshold_of_a_class_is_the_mean_probability_of_its_rows():
    assert class_thresholds(LABELS, PROBABILITIES).round(3).tolist() == [0.6, 0.55, 0.4]


def test_a_class_without_rows_is_nobodys_confident_class():
    labels, probabilities = np.array([0, 0]), np.array([[0.4, 0.6], [0.6, 0.4]])
    assert class_thresholds(labels, probabilities)[1] == np.inf
    assert confident_classes(labels, probabilities).tolist() == [UNCERTAIN, 0]


def test_a_row_is_confidently_in_a_class_whose_threshold_it_reaches_or_in_none():
    assert confident_classes(LABELS, PROBABILITIES).tolist() == [0, 0, 1, 1, UNCERTAIN, 2]


def test_of_several_classes_above_their_thresholds_the_likeliest_counts():
    labels = np.array([0, 1, 0])
    probabilities = np.array([[0.3, 0.7], [0.6, 0.4], [0.55, 0.45]])
    assert class_thresholds(labels, probabilities).round(3).tolist() == [0.425, 0.4]
    assert confident_classes(labels, probabilities).tolist() == [1, 0, 0], "rows 2 and 3 reach both thresholds"


def test_an_error_is_a_row_that_is_confidently_in_another_class():
    assert is_confident_error(LABELS, PROBABILITIES).tolist() == [False, False, True, False, False, False]


def test_rows_are_ranked_by_the_probability_of_their_label_above_that_of_the_best_other_class():
    assert normalized_margins(LABELS, PROBABILITIES).round(2).tolist() == [0.8, 0.6, -0.8, 0.6, -0.1, 0.05]
    assert rank_rows(LABELS, PROBABILITIES).tolist() == [2, 4, 5, 1, 3, 0]

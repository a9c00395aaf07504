"""Accuracy without labels: close to the truth where the confidences shift, and honest about chance."""

import numpy as np
import pytest

from nightshift.evaluation.performance_estimation import MAX_BINS, confidence_bins, estimate_accuracy


def answers(random, rows, hardness):
    """Return confidences that are too high, and whether the answers are right; `hardness` lowers both."""
    chance = 1 - random.beta(hardness, 4, rows) / 2
    return (1 + chance) / 2, random.random(rows) < chance


@pytest.mark.parametrize("hardness", [0.5, 1.0, 4.0])
def test_the_interval_holds_the_true_accuracy_of_easier_and_harder_rows(hardness):
    random = np.random.default_rng(0)
    inside = 0
    for _ in range(200):
        bins = confidence_bins(*answers(random, 3000, 1.5))
        confidence, is_right = answers(random, 1000, hardness)
        estimate = estimate_accuracy(bins, confidence, 1000)
        inside += estimate.lower <= is_right.mean() <= estimate.upper
    assert inside >= 180


def test_confidences_that_are_too_high_are_corrected_by_the_holdout():
    random = np.random.default_rng(1)
    bins = confidence_bins(*answers(random, 5000, 2.0))
    confidence, is_right = answers(random, 5000, 2.0)
    assert confidence.mean() - is_right.mean() > 0.05
    assert estimate_accuracy(bins, confidence, 5000).accuracy == pytest.approx(is_right.mean(), abs=0.02)


def test_fewer_independent_rows_give_a_wider_interval():
    random = np.random.default_rng(2)
    bins = confidence_bins(*answers(random, 5000, 2.0))
    confidence, _ = answers(random, 1000, 2.0)
    many, few = (estimate_accuracy(bins, confidence, rows) for rows in (1000, 50))
    assert few.upper - few.lower > 2 * (many.upper - many.lower)


def test_equal_confidences_share_a_bin_and_unseen_ones_take_the_nearest():
    bins = confidence_bins(np.full(100, 0.9), np.arange(100) < 80)
    assert [(item.rows, item.right) for item in bins] == [(100, 80)]
    assert estimate_accuracy(bins, np.array([0.1, 1.0]), 2).accuracy == pytest.approx(0.8)
    assert len(confidence_bins(np.linspace(0.5, 1, 1000), np.ones(1000, bool))) == MAX_BINS


def test_a_holdout_of_few_independent_rows_gives_a_wider_interval():
    random = np.random.default_rng(3)
    bins = confidence_bins(*answers(random, 2000, 2.0))
    confidence, _ = answers(random, 5000, 2.0)
    many, few = (estimate_accuracy(bins, confidence, 5000, holdout_rows) for holdout_rows in (None, 100))
    assert few.upper - few.lower > 2 * (many.upper - many.lower)

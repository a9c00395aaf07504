"""The benchmark of `watch` plants the shifts that its table names."""

import numpy as np
import pytest

from benchmarks import watch
from benchmarks.watch import Predictions, RealSet, uniform


def predictions(highest, rows=2000, seed=5):
    """Return calibrated predictions of two labels; those of the label b are right less often."""
    random = np.random.default_rng(seed)
    confidence = random.uniform(0.55, highest, rows)
    labels = np.where(random.random(rows) < 0.5, "a", "b").astype(object)
    is_right = random.random(rows) < confidence + np.where(labels == "b", -0.05, 0.05)
    predicted = np.where(is_right, labels, np.where(labels == "a", "b", "a")).astype(object)
    return Predictions(labels, predicted, confidence, random.poisson(40, rows))


@pytest.fixture(scope="module")
def real_set():
    return RealSet("set", predictions(1.0), {"changed": predictions(0.75, seed=6)}, {})


def test_the_labels_that_are_predicted_worst_become_more_frequent(real_set):
    rows = real_set.clean
    shifted = watch.with_label_shift(rows, 10)
    is_harder = np.isin(rows.labels, list(watch.harder_labels(rows)))
    assert watch.harder_labels(rows) == {"b"} and shifted.accuracy < uniform(rows).accuracy
    assert shifted.weights[is_harder].sum() == pytest.approx(is_harder.mean() + 0.1)
    assert shifted.weights.sum() == pytest.approx(1)


def test_the_mixture_loses_eight_points(real_set):
    loss = uniform(real_set.clean).accuracy - watch.with_loss(real_set, "changed").accuracy
    assert loss == pytest.approx(watch.LOST_ACCURACY)


def test_estimates_follow_the_confidences_and_not_the_meaning_of_labels(real_set):
    table = {row["shift"]: row for row in watch.estimate_table(real_set, 20)}
    assert float(table["none"]["error"]) < 2 and int(table["none"]["inside"].split()[0]) >= 80
    assert float(table["changed"]["error"]) < 3 < 8 < float(table["changed"]["error of the holdout's accuracy"])
    assert float(table["10% of the labels change"]["error"]) > 5


def test_the_bound_grows_with_the_rows_and_the_shift(real_set):
    clean, shifted = uniform(real_set.clean), watch.with_label_shift(real_set.clean, 10)
    bounds = [watch.detection_bound(clean, shifted, rows) for rows in (100, 1000, 10_000)]
    assert bounds == sorted(bounds) and bounds[-1] > 0.99
    assert watch.detection_bound(clean, watch.with_label_shift(real_set.clean, 5), 1000) < bounds[1]


def test_alarms_are_rates_by_check(real_set, monkeypatch):
    monkeypatch.setattr(watch, "WATCHED_ROWS", (500,))
    table = {row["change"]: row for row in watch.alarm_table(real_set, 20)}
    assert float(table["none"]["without labels"].rstrip("%")) <= 10
    lost = table["accuracy lost: changed"]
    assert lost["without labels"] == "100.0%" and "confidence 100.0%" in lost["by check"] and lost["accuracy"] == "-8.0"

"""Objectives of simulated predictions, which no night has split."""

from collections.abc import Sequence

from nightshift.records import Augmented, Metric, Objective, Sides


def classification(metric: Metric, labels: Sequence[str] = ()) -> Objective:
    """Return a classification with one label a row, compared by a metric."""
    sides = Sides(train=1, validation=1, holdout=1, spare=0, leaks=0, labels=list(labels), pairs=False)
    return Objective(name="main", kind="classification", metric=metric, sides=sides, augmented=Augmented(augmented=0))

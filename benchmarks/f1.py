"""Macro-F1 of two labels from counts, for many samples at once: as `nightshift.evaluation.significance` has it from rows."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm

from nightshift.evaluation.confidence_limits import Units
from nightshift.evaluation.significance import F1Counts, average_f1, f1_losses

GRID = np.linspace(0.3, 1, 7001)
FIRST, SECOND = np.array([False, False, True, True]), np.array([False, True, False, True])
"""Whether each model is right, in the order of `benchmarks.gate.Side.changed`."""


@dataclass(frozen=True)
class Metric:
    """What a simulated gate goes by, with the shares of the labels; a wrong answer is the other label."""

    name: str
    labels: tuple[float, ...] = (0.5, 0.5)

    def value(self, accuracy: Any) -> Any:
        """Return the metric of a model that is right on this share of each label's rows."""
        if self.name == "accuracy":
            return accuracy
        shares = np.array(self.labels)
        right = np.asarray(accuracy)[..., None]
        return (2 * shares * right / (shares + shares * right + (1 - shares) * (1 - right))).mean(axis=-1)

    def accuracy(self, value: Any) -> Any:
        """Return the inverse of `value`."""
        return value if self.name == "accuracy" else np.interp(value, self.value(GRID), GRID)

    def __str__(self) -> str:
        balanced = self.name == "accuracy" or len(set(self.labels)) == 1
        return self.name if balanced else f"{self.name}, {':'.join(f'{100 * share:g}' for share in self.labels)}"


def influences(counts: np.ndarray, level: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the difference, what rows of each kind contribute to it, and the most that one row could.

    Args:
        counts: Rows; shape (samples, two labels, who is right).
        level: The confidence of the limits, by sample.
    """
    values, rows, worst = [], [], []
    total = counts.sum(axis=(1, 2))[:, None]
    squared = np.square(norm.ppf(np.broadcast_to(level, total.shape[:1])))[:, None]
    for right in (FIRST, SECOND):
        hit = counts[:, :, right].sum(axis=2)
        missed = counts.sum(axis=2) - hit
        tally = F1Counts(hit, hit + missed[:, ::-1], hit + missed, total)  # type: ignore[arg-type]
        value, f1, weights, per_row = average_f1(tally, macro=True)
        share = weights * f1 * per_row
        own = 2 * (weights * per_row - share)
        rows.append(np.where(right, own[:, :, None], -(share + share[:, ::-1])[:, :, None]))
        lost, wrong = f1_losses(tally, weights, f1, per_row, squared)  # type: ignore[arg-type]
        worst.append(np.where(tally.support > 0, lost + wrong[:, ::-1], 0).max(axis=1))
        values.append(value)
    difference = values[0] - values[1]
    return difference, rows[0] - rows[1], np.maximum(*worst)


def units(counts: np.ndarray, level: Any) -> Units:
    """Return the units of a comparison of macro-F1; arguments as of `influences`."""
    difference, rows, worst = influences(counts, level)
    values = (rows + difference[:, None, None]).reshape(len(counts), -1)
    found = np.where(counts.reshape(len(counts), -1) > 0, np.abs(values), 0).max(axis=1)
    return Units(values, np.maximum(worst, found), counts.reshape(len(counts), -1))

"""Macro-F1 of two labels from counts, for many samples at once; `nightshift.evaluation.significance` computes it from rows."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm

from nightshift.evaluation.confidence_limits import Units
from nightshift.evaluation.influence import F1Counts, average_f1, f1_losses

GRID = np.linspace(0.3, 1, 7001)
FIRST_CORRECT, SECOND_CORRECT = np.array([False, False, True, True]), np.array([False, True, False, True])
"""True where the model is correct, in the order of `benchmarks.gate_simulation.Side.changed`."""


@dataclass(frozen=True)
class Metric:
    """Metric of a simulated gate, with the shares of the two labels."""

    name: str
    labels: tuple[float, ...] = (0.5, 0.5)

    def value(self, accuracy: Any) -> Any:
        """Return the metric of a model with this accuracy on the rows of each label."""
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
    """Return the difference, the contribution of each kind of row to it, and the largest possible one of a single row.

    Args:
        counts: Numbers of rows; shape (samples, 2 labels, 4 as in `benchmarks.gate_simulation.Side.changed`).
        level: Confidence of the limits, by sample.
    """
    values, rows, worst = [], [], []
    total = counts.sum(axis=(1, 2))[:, None]
    squared = np.square(norm.ppf(np.broadcast_to(level, total.shape[:1])))[:, None]
    for correct in (FIRST_CORRECT, SECOND_CORRECT):
        hits = counts[:, :, correct].sum(axis=2)
        errors = counts.sum(axis=2) - hits
        tally = F1Counts(hits, hits + errors[:, ::-1], hits + errors, total)  # type: ignore[arg-type]
        value, f1, weights, per_row = average_f1(tally, macro=True)
        share = weights * f1 * per_row
        gain = 2 * (weights * per_row - share)
        rows.append(np.where(correct, gain[:, :, None], -(share + share[:, ::-1])[:, :, None]))
        hit_losses, error_losses = f1_losses(tally, weights, f1, per_row, squared)  # type: ignore[arg-type]
        worst.append(np.where(tally.support > 0, hit_losses + error_losses[:, ::-1], 0).max(axis=1))
        values.append(value)
    difference = values[0] - values[1]
    return difference, rows[0] - rows[1], np.maximum(*worst)


def units(counts: np.ndarray, level: Any) -> Units:
    """Return the units of a comparison of macro-F1; the arguments are those of `influences`."""
    difference, rows, worst = influences(counts, level)
    values = (rows + difference[:, None, None]).reshape(len(counts), -1)
    observed = np.where(counts.reshape(len(counts), -1) > 0, np.abs(values), 0).max(axis=1)
    return Units(values, np.maximum(worst, observed), counts.reshape(len(counts), -1))

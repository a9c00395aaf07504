"""Metrics as means over rows: the value of each, and the contribution of every row (its influence function).

Rows may have weights (`nightshift.evaluation.row_weights`). In every metric more is better: loss and RMSE enter negatively.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import norm

from nightshift.evaluation import kinds
from nightshift.evaluation.metrics import label_sets, number_columns, standardized
from nightshift.evaluation.row_weights import WEIGHT, effective_rows, effective_size, row_weights
from nightshift.records import Metric, Objective

TINY = 1e-12


@dataclass(frozen=True)
class Influence:
    """A metric of one model as a mean over rows, to first order."""

    value: float
    """More is better."""
    rows: np.ndarray
    """Contribution of each row besides; the mean is 0."""
    worst: float
    """Largest loss of value by a single row, times the number of rows."""
    bounded: bool = True
    """True if no row can take more than `worst`; else `worst` is only known from the rows that were seen."""


def influence(table: pd.DataFrame, objective: Objective, confidence: float) -> Influence:
    """Return an objective's metric with the contribution of each row: its influence function (Hampel 1974,
    Journal of the American Statistical Association 69:383-393)."""
    metric = kinds.metric_of(objective)
    if metric.aggregate != "other":
        return _mean(metric.row_scores(table).astype(float), row_weights(table))
    return INFLUENCES[objective.metric](table, objective, float(norm.ppf(confidence)) ** 2)


class F1Counts(NamedTuple):
    """Number of rows by label, last axis; where rows have weights the sum of these, in units of the effective number."""

    right: np.ndarray
    """Rows of the label that are predicted with it."""
    predicted: np.ndarray
    """Rows predicted with the label."""
    support: np.ndarray
    """Rows of the label."""
    rows: float
    """All rows."""


def _f1(table: pd.DataFrame, objective: Objective, squared: float) -> Influence:
    """Macro or weighted F1."""
    macro, separator = objective.metric == "macro_f1", objective.sides.separator
    counted = row_weights(table)
    if WEIGHT in table:
        counted = counted * effective_size(counted) / len(table)
    if separator is None:
        return _single_label_f1(table["label"].to_numpy(), table["predicted"].to_numpy(), counted, macro, squared)
    _, (truth, predicted) = label_sets([table["label"], table["predicted"]], separator)
    return _multi_label_f1(truth, predicted, counted, macro, squared)


def _single_label_f1(
    label: np.ndarray, predicted: np.ndarray, counted: np.ndarray, macro: bool, squared: float
) -> Influence:
    """Macro or weighted F1 of one label a row.

    Args:
        label: True labels.
        predicted: Predicted labels.
        counted: The number of rows that each row counts for.
        macro: False for weighted F1.
        squared: Square of the limits' normal quantile.
    """
    names, codes = np.unique(np.concatenate([label, predicted]), return_inverse=True)
    label_codes, predicted_codes = np.split(codes, 2)
    right = label_codes == predicted_codes
    right_rows, predictions, support = (
        np.bincount(part, part_counted, len(names))
        for part, part_counted in (
            (label_codes[right], counted[right]),
            (predicted_codes, counted),
            (label_codes, counted),
        )
    )
    counts = F1Counts(right_rows, predictions, support, float(counted.sum()))
    value, f1, weights, per_row = average_f1(counts, macro)
    rows = -(weights * f1 * per_row)[label_codes] - (weights * f1 * per_row)[predicted_codes]
    rows[right] += 2 * (weights * per_row)[label_codes[right]]
    if not macro:
        rows += f1[label_codes] - value
    lost_row, wrong_row = f1_losses(counts, weights, f1, per_row, squared)
    order = np.argsort(wrong_row)
    worst_other = np.full(len(names), wrong_row[order[-1]])
    worst_other[order[-1]] = wrong_row[order[-2]] if len(names) > 1 else 0.0
    return Influence(float(value), rows, float((lost_row + worst_other)[counts.support > 0].max()))


def _multi_label_f1(
    truth: np.ndarray, predicted: np.ndarray, counted: np.ndarray, macro: bool, squared: float
) -> Influence:
    """Macro or weighted F1 of several labels a row.

    Args:
        truth: 1 for true labels, shape (rows, labels).
        predicted: 1 for predicted labels.
        counted: The number of rows that each row counts for.
        macro: False for weighted F1.
        squared: Square of the limits' normal quantile.
    """
    counts = F1Counts(counted @ (truth * predicted), counted @ predicted, counted @ truth, float(counted.sum()))
    value, f1, weights, per_row = average_f1(counts, macro)
    rows = (2 * truth * predicted - f1 * (predicted + truth)) @ (weights * per_row)
    if not macro:
        rows = rows + truth @ (f1 - value) * (counts.rows / max(counts.support.sum(), TINY))
    lost_row, wrong_row = f1_losses(counts, weights, f1, per_row, squared)
    return Influence(float(value), rows, float((truth @ lost_row).max() + wrong_row.max(initial=0.0)))


def average_f1(counts: F1Counts, macro: bool) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray]:
    """Return the average, each label's F1 and weight, and 1 over the label's share of predictions and truths.

    Counts of several samples, shape (samples, labels), give the average of each.
    """
    totals = counts.predicted + counts.support
    f1 = 2 * counts.right / np.maximum(totals, TINY)
    weights = (totals > 0).astype(float) if macro else counts.support.astype(float)
    weights /= np.maximum(weights.sum(axis=-1, keepdims=True), TINY)
    return (weights * f1).sum(axis=-1), f1, weights, counts.rows / np.maximum(totals, TINY)


def f1_losses(
    counts: F1Counts, weights: np.ndarray, f1: np.ndarray, per_row: np.ndarray, squared: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return, by label, the loss of the average by a lost row of the label, and by a wrong prediction of it.

    F1 falls the faster the more rows are lost, and of few rows a large share may be: so the loss a row is the one on the
    way to the largest share that goes unseen.

    Args:
        counts: Rows by label.
        weights: Weight of each label in the average.
        f1: F1 of each label.
        per_row: 1 over each label's share of predictions and truths.
        squared: Square of the limits' normal quantile.
    """
    right, totals = counts.right, counts.predicted + counts.support
    share = squared / (squared + counts.support)
    reduced_f1 = 2 * right * (1 - share) / np.maximum(totals - share * right, TINY)
    lost_row = np.where(right > 0, (f1 - reduced_f1) * counts.rows / np.maximum(share * right, TINY), 2 * per_row)
    return weights * lost_row, weights * f1 * per_row


def _mean(scores: np.ndarray, weights: np.ndarray) -> Influence:
    """Mean of scores between 0 and 1."""
    value = float(np.average(scores, weights=weights))
    return Influence(value, scores - value, 1.0)


def _loss(table: pd.DataFrame, _objective: Objective, _squared: float) -> Influence:
    loss, tokens = (table[name].to_numpy(float) for name in ("loss", "tokens"))
    mean_loss, mean_tokens = np.average([loss, tokens], axis=1, weights=row_weights(table))
    value = float(mean_loss / mean_tokens)
    return Influence(-value, (value * tokens - loss) / mean_tokens, float(loss.max() / mean_tokens), False)


def _rmse(table: pd.DataFrame, _objective: Objective, squared: float) -> Influence:
    """Root of a mean: the loss a row is the one where the largest share of rows that goes unseen is as bad as the worst can be."""
    share = squared / (squared + effective_rows(table))
    label, predicted = number_columns(table)
    squares = (label - predicted) ** 2
    value = float(np.sqrt(np.average(squares, weights=row_weights(table))))
    largest = max(float(squares.max()), float(np.ptp(label)) ** 2)
    worst = (float(np.sqrt((1 - share) * value**2 + share * largest)) - value) / share
    rows = (value**2 - squares) / (2 * value) if value > 0 else np.zeros(len(squares))
    return Influence(-value, rows, worst, False)


def _pearson(table: pd.DataFrame, _objective: Objective, _squared: float) -> Influence:
    return _correlation(*number_columns(table), row_weights(table))


def _spearman(table: pd.DataFrame, _objective: Objective, _squared: float) -> Influence:
    """Spearman's correlation: Pearson's of the ranks among all rows."""
    weights = row_weights(table)
    label, predicted = (_ranks(column, weights) for column in number_columns(table))
    return _correlation(label, predicted, weights)


def _ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weight below each value, and half of that of equal values: the rank, but for a constant."""
    _, codes = np.unique(values, return_inverse=True)
    total = np.bincount(codes, weights)
    ranks: np.ndarray = (np.cumsum(total) - total / 2)[codes]
    return ranks


def _correlation(label: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> Influence:
    """Pearson's correlation (Devlin, Gnanadesikan and Kettenring 1975, Biometrika 62:531-545)."""
    a, b = standardized(label, weights), standardized(predicted, weights)
    value = float(np.average(a * b, weights=weights))
    rows = a * b - value * (a * a + b * b) / 2
    largest = max(float(np.ptp(rows)), float((a * a).max()) * (1 + abs(value)))
    return Influence(value, rows, largest, False)


INFLUENCES: dict[Metric, Callable[[pd.DataFrame, Objective, float], Influence]] = {
    "macro_f1": _f1,
    "weighted_f1": _f1,
    "loss": _loss,
    "rmse": _rmse,
    "pearson": _pearson,
    "spearman": _spearman,
}
"""Influence functions of the metrics that are no mean of row scores, from a table, its objective and the square of the
limits' normal quantile."""

"""Paired comparisons of two models' answers on the same rows, shared by compress and gate."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any, cast

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import binom, norm
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

Labels = Sequence[str] | pd.Series
RESAMPLES = 4000
SEED = 20_000


@dataclass(frozen=True)
class Difference:
    """A metric of one model minus another's, with one-sided confidence limits below and above."""

    difference: float
    lower: float
    upper: float


def metrics(labels: Labels, predicted: Labels) -> dict[str, float]:
    """Accuracy, and macro and weighted precision, recall and F1; a class never predicted has precision 0."""
    found = {"accuracy": float(accuracy_score(labels, predicted))}
    for average in ("macro", "weighted"):
        values = precision_recall_fscore_support(labels, predicted, average=average, zero_division=0)
        for name, value in zip(("precision", "recall", "f1"), values, strict=False):
            found[f"{average}_{name}"] = float(value)
    return found


def compare(labels: Labels, first: Labels, second: Labels, metric: str, confidence: float) -> Difference:
    """`metric` of `first` minus that of `second` (rows are paired), with one-sided limits at `confidence`."""
    names = np.unique(np.concatenate([labels, first, second]))
    truth, ours, theirs = (np.searchsorted(names, np.asarray(values)) for values in (labels, first, second))
    if metric == "accuracy":
        return tango(*_discordant(truth, ours, theirs), confidence)
    return paired_bootstrap(truth, ours, theirs, metric, confidence)


def _discordant(labels: np.ndarray, first: np.ndarray, second: np.ndarray) -> tuple[int, int, int]:
    right, other = first == labels, second == labels
    return int((right & ~other).sum()), int((~right & other).sum()), len(labels)


def tango(gained: int, lost: int, rows: int, confidence: float) -> Difference:
    """Score interval for a paired difference of proportions, (gained - lost) / rows.

    Tango 1998, Statistics in Medicine 17:891-908: the limits are where the score statistic equals ∓z.
    """
    z = float(norm.ppf(confidence))
    observed = (gained - lost) / rows

    def score(delta: float) -> float:
        a = 2.0 * rows
        b = -gained - lost + (2 * rows - gained + lost) * delta
        c = -lost * delta * (1 - delta)
        p = (sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a)
        variance = rows * (2 * p + delta * (1 - delta))
        return float((gained - lost - rows * delta) / sqrt(variance)) if variance > 0 else 0.0

    edge = 1 - 1e-9
    lower = brentq(lambda d: score(d) - z, -edge, observed - 1e-12) if observed > -edge else -1.0
    upper = brentq(lambda d: score(d) + z, observed + 1e-12, edge) if observed < edge else 1.0
    return Difference(observed, float(lower), float(upper))


def paired_bootstrap(
    labels: np.ndarray, first: np.ndarray, second: np.ndarray, metric: str, confidence: float
) -> Difference:
    """Percentile bootstrap within classes, rows paired, on integer codes; `metric` is macro_f1 or weighted_f1.

    Efron and Tibshirani 1993, chapter 13. Within a class only the counts of (first, second) answers matter, so
    each resample is one multinomial draw a class.
    """
    classes = int(max(labels.max(), first.max(), second.max())) + 1
    average = METRICS[metric]
    random = np.random.default_rng(SEED)
    hits = np.zeros((2, RESAMPLES + 1, classes), dtype=np.int64)
    said = np.zeros((2, RESAMPLES + 1, classes), dtype=np.int64)
    support = np.bincount(labels, minlength=classes)
    for label in np.flatnonzero(support):
        rows = labels == label
        cells, counts = np.unique(first[rows] * classes + second[rows], return_counts=True)
        drawn = random.multinomial(support[label], counts / support[label], size=RESAMPLES)
        drawn = np.vstack([counts, drawn])
        for side, answers in enumerate((cells // classes, cells % classes)):
            for answer in np.unique(answers):
                total = drawn[:, answers == answer].sum(axis=1)
                said[side, :, answer] += total
                if answer == label:
                    hits[side, :, label] += total
    values = [average(_f1(hits[side], said[side], support), support, said[side]) for side in (0, 1)]
    differences = values[0] - values[1]
    lower, upper = np.quantile(differences[1:], [1 - confidence, confidence])
    return Difference(float(differences[0]), float(lower), float(upper))


def _f1(hits: np.ndarray, said: np.ndarray, support: np.ndarray) -> np.ndarray:
    return cast(np.ndarray, 2 * hits / np.maximum(said + support, 1))


def _macro(f1: np.ndarray, support: np.ndarray, said: np.ndarray) -> Any:
    seen = (support + said) > 0
    return (f1 * seen).sum(axis=1) / seen.sum(axis=1)


def _weighted(f1: np.ndarray, support: np.ndarray, _said: np.ndarray) -> Any:
    return f1 @ support / support.sum()


METRICS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], Any]] = {"macro_f1": _macro, "weighted_f1": _weighted}


def rows_needed(disagreement: float, margin: float, confidence: float = 0.95, power: float = 0.8) -> int:
    """Rows at which a true difference of zero rules out `margin` with `power`, where the models differ in
    correctness on a share `disagreement` of rows: (z_confidence + z_power)² · disagreement / margin².
    """
    z = float(norm.ppf(confidence) + norm.ppf(power))
    return ceil(z**2 * disagreement / margin**2)


def ratio_limit(first: Sequence[float], second: Sequence[float], confidence: float) -> float:
    """Upper one-sided limit of the median of `first / second`, pair by pair.

    Distribution-free: an order statistic whose rank the binomial distribution gives (Conover, Practical Nonparametric
    Statistics, 3rd ed., section 3.2).
    """
    ratios = np.sort(np.asarray(first) / np.asarray(second))
    rank = int(binom.ppf(confidence, len(ratios), 0.5))
    return float(ratios[min(rank, len(ratios) - 1)])

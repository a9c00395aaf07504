"""Paired comparisons of two models' answers on the same rows, shared by compress and gate.

A proportion alone (accuracy, exact match) is compared by Tango's score interval, all else by a paired bootstrap. In
every difference more is better: loss and RMSE enter negatively.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil, hypot, inf
from typing import Any

import numpy as np
import pandas as pd
from sacrebleu.metrics.chrf import CHRF
from scipy.optimize import brentq
from scipy.stats import binom, norm, rankdata
from sklearn.metrics import accuracy_score, precision_recall_fscore_support
from sklearn.preprocessing import MultiLabelBinarizer

from tasks.records import Objective

Labels = Sequence[str] | pd.Series
Tables = dict[str, pd.DataFrame]
"""Answers by objective, see `tasks.kinds`."""
Average = Callable[[np.ndarray, np.ndarray, np.ndarray], Any]
"""From F1, support and answers of each class to one number a resample."""
RESAMPLES = 4000
TAIL = 10
"""Resamples, at least, beyond a limit."""
SEED = 20_000
CELLS = 2_000_000
"""Weights (resamples times rows) held in memory at once."""


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


def hits(table: pd.DataFrame) -> np.ndarray:
    """Which rows are right; of several labels, all of them."""
    return np.asarray(table["label"] == table["predicted"])


def exact_match(table: pd.DataFrame) -> np.ndarray:
    """Which answers are the expected text, but for white space around them."""
    return np.asarray(table["label"].str.strip() == table["predicted"].str.strip())


def chrf(table: pd.DataFrame) -> np.ndarray:
    """Each answer's chrF, 0 to 1: Popović 2015, ACL W15-3049; its mean over the rows is the metric."""
    scorer = CHRF()
    pairs = zip(table["label"], table["predicted"], strict=True)
    return np.array([scorer.sentence_score(said, [expected]).score / 100 for expected, said in pairs])


def label_sets(columns: Sequence[pd.Series], separator: str) -> tuple[list[str], list[np.ndarray]]:
    """The labels that occur in any of the columns of joined labels, and each column as 0 and 1 by row and label."""
    sets = [[set(text.split(separator)) - {""} for text in column] for column in columns]
    names = sorted(set().union(*(labels for column in sets for labels in column)))
    return names, [MultiLabelBinarizer(classes=names).fit_transform(column) for column in sets]


def shares(objectives: list[Objective]) -> dict[str, float]:
    """Each objective's share of the weighted sum."""
    total = sum(o.weight for o in objectives)
    return {o.name: o.weight / total for o in objectives}


def compare(first: Tables, second: Tables, objectives: list[Objective], confidence: float) -> Difference:
    """What the gate goes by, of `first` minus that of `second` on the same rows, with one-sided limits.

    The rows of several objectives are resampled independently, and their weighted differences add up. A bootstrap's
    limits are the outer ones of its quantiles and of a normal distribution with its standard deviation: far out, where
    few rows differ, quantiles alone miss too often.
    """
    name, metric = objectives[0].name, objectives[0].metric
    if len(objectives) == 1 and metric in PROPORTIONS:
        ours, theirs = PROPORTIONS[metric](first[name]), PROPORTIONS[metric](second[name])
        return tango(int((ours & ~theirs).sum()), int((theirs & ~ours).sum()), len(ours), confidence)
    random, weight = np.random.default_rng(SEED), shares(objectives)
    count = max(RESAMPLES, ceil(TAIL / (1 - confidence)))
    differences = sum(weight[o.name] * resampled(first[o.name], second[o.name], o, random, count) for o in objectives)
    lower, upper = np.quantile(differences[1:], [1 - confidence, confidence])
    observed, reach = float(differences[0]), float(norm.ppf(confidence) * differences[1:].std())
    return Difference(observed, float(min(lower, observed - reach)), float(max(upper, observed + reach)))


def tango(gained: int, lost: int, rows: int, confidence: float) -> Difference:
    """Score interval for a paired difference of proportions, (gained - lost) / rows.

    Tango 1998, Statistics in Medicine 17:891-908: the limits are where the score statistic equals ∓z.
    """
    z = float(norm.ppf(confidence))
    observed = (gained - lost) / rows
    edge = 1 - 1e-9
    lower = brentq(lambda d: score(gained, lost, rows, d) - z, -edge, observed - 1e-12) if observed > -edge else -1.0
    upper = brentq(lambda d: score(gained, lost, rows, d) + z, observed + 1e-12, edge) if observed < edge else 1.0
    return Difference(observed, float(lower), float(upper))


def score(gained: Any, lost: Any, rows: int, delta: float) -> Any:
    """Tango's score statistic, near standard normal where the true difference is `delta`; 0 where it has no variance.

    Of counts or of arrays of them. The lower limit lies above `delta` where the statistic exceeds z.
    """
    a = 2.0 * rows
    b = -gained - lost + (2 * rows - gained + lost) * delta
    c = -lost * delta * (1 - delta)
    p = (np.sqrt(np.maximum(b * b - 4 * a * c, 0.0)) - b) / (2 * a)
    variance = rows * (2 * p + delta * (1 - delta))
    return np.where(variance > 0, (gained - lost - rows * delta) / np.sqrt(np.maximum(variance, 1e-12)), 0.0)


def mid_p(gained: Any, lost: Any) -> Any:
    """One-sided mid-p value of McNemar's exact test that the first model is not better; of counts or arrays of them.

    Fagerland, Lydersen, Laake 2013, BMC Medical Research Methodology 13:91, eq. 4 (theirs is two-sided).
    """
    changed = gained + lost
    return binom.sf(gained, changed, 0.5) + 0.5 * binom.pmf(gained, changed, 0.5)


def widened(difference: Difference, spread: float, confidence: float) -> Difference:
    """The difference with an independent noise of this standard deviation in its limits: distances add up in squares."""
    noise = float(norm.ppf(confidence)) * spread
    below, above = (hypot(limit - difference.difference, noise) for limit in (difference.lower, difference.upper))
    return Difference(difference.difference, difference.difference - below, difference.difference + above)


def better(
    first: Tables, second: Tables, objectives: list[Objective], difference: Difference, confidence: float
) -> bool:
    """Whether `first` is shown to be better: by the lower limit, and of a proportion alone by McNemar's test too."""
    name, metric = objectives[0].name, objectives[0].metric
    if difference.lower > 0 and len(objectives) == 1 and metric in PROPORTIONS:
        ours, theirs = PROPORTIONS[metric](first[name]), PROPORTIONS[metric](second[name])
        return bool(mid_p((ours & ~theirs).sum(), (theirs & ~ours).sum()) <= 1 - confidence)
    return difference.lower > 0


def resampled(
    first: pd.DataFrame, second: pd.DataFrame, objective: Objective, random: np.random.Generator, count: int
) -> Any:
    """The difference in an objective's metric: as observed, then once a resample; shape (count + 1,)."""
    if objective.metric in MEANS:
        columns, value = MEANS[objective.metric]
        return _by_rows(columns(first), columns(second), value, random, count)
    average, separator = AVERAGES[objective.metric], objective.sides.separator
    answers = [first["label"], first["predicted"], second["predicted"]]
    if separator is None:
        names = np.unique(np.concatenate(answers))
        labels, ours, theirs = (np.searchsorted(names, values.to_numpy()) for values in answers)
        return _within_classes(labels, ours, theirs, average, random, count)
    _, (truth, ours, theirs) = label_sets(answers, separator)
    return _by_rows(_set_columns(truth, ours), _set_columns(truth, theirs), partial(_of_sets, average), random, count)


def _set_columns(truth: np.ndarray, said: np.ndarray) -> np.ndarray:
    return np.hstack([truth * said, said, truth])


def _of_sets(average: Average, means: np.ndarray) -> Any:
    right, said, support = np.split(means, 3, axis=1)
    return average(_f1(right, said, support), support, said)


def _by_rows(
    first: np.ndarray, second: np.ndarray, value: Callable[[np.ndarray], Any], random: np.random.Generator, times: int
) -> Any:
    """Bootstrap over rows, paired: Efron and Tibshirani 1993, chapter 13.

    `value` makes a metric of the means of a model's columns, shape (resamples, columns).
    """
    rows, width = first.shape
    both = np.hstack([first, second]).astype(float)
    means = [both.mean(axis=0, keepdims=True)]
    step = max(1, CELLS // rows)
    for start in range(0, times, step):
        count = min(step, times - start)
        picked = random.integers(rows, size=(count, rows))
        picked += np.arange(count)[:, None] * rows
        weights = np.bincount(picked.ravel(), minlength=count * rows).reshape(count, rows)
        means.append(weights.astype(float) @ both / rows)
    values = np.vstack(means)
    return value(values[:, :width]) - value(values[:, width:])


def _within_classes(
    labels: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    average: Average,
    random: np.random.Generator,
    times: int,
) -> Any:
    """Bootstrap within classes, rows paired, on integer codes: Efron and Tibshirani 1993, chapter 13.

    Within a class only the counts of (first, second) answers matter, so each resample is one multinomial draw a class.
    """
    classes = int(max(labels.max(), first.max(), second.max())) + 1
    right = np.zeros((2, times + 1, classes), dtype=np.int64)
    said = np.zeros((2, times + 1, classes), dtype=np.int64)
    support = np.bincount(labels, minlength=classes)
    for label in np.flatnonzero(support):
        rows = labels == label
        cells, counts = np.unique(first[rows] * classes + second[rows], return_counts=True)
        drawn = random.multinomial(support[label], counts / support[label], size=times)
        drawn = np.vstack([counts, drawn])
        for side, answers in enumerate((cells // classes, cells % classes)):
            for answer in np.unique(answers):
                total = drawn[:, answers == answer].sum(axis=1)
                said[side, :, answer] += total
                if answer == label:
                    right[side, :, label] += total
    ours, theirs = (average(_f1(right[side], said[side], support), support, said[side]) for side in (0, 1))
    return ours - theirs


def _f1(right: np.ndarray, said: np.ndarray, support: np.ndarray) -> np.ndarray:
    both = said + support
    return np.asarray(2 * right / np.where(both > 0, both, 1))


def _macro(f1: np.ndarray, support: np.ndarray, said: np.ndarray) -> Any:
    seen = (support + said) > 0
    return (f1 * seen).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)


def _weighted(f1: np.ndarray, support: np.ndarray, _said: np.ndarray) -> Any:
    total = support.sum(axis=-1)
    return (f1 * support).sum(axis=1) / np.where(total > 0, total, 1)


def _standard(values: np.ndarray) -> np.ndarray:
    """Mean 0 and variance 1; of a constant, 0."""
    return (values - values.mean()) / values.std() if np.ptp(values) else np.zeros(len(values))


def _moments(label: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    a, b = _standard(label), _standard(predicted)
    return np.column_stack([a, b, a * a, b * b, a * b])


def _correlation(means: np.ndarray) -> Any:
    a, b, aa, bb, ab = means.T
    spread = (aa - a * a) * (bb - b * b)
    return np.where(spread > 1e-12, (ab - a * b) / np.sqrt(np.maximum(spread, 1e-12)), 0.0)


def _numbers(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    return table["label"].to_numpy(float), table["predicted"].to_numpy(float)


def _ranks(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Ranks among all rows: a resample's Spearman is Pearson's of these, not of ranks taken anew."""
    label, predicted = _numbers(table)
    return rankdata(label), rankdata(predicted)


def _mean(means: np.ndarray) -> Any:
    return means[:, 0]


AVERAGES: dict[str, Average] = {"macro_f1": _macro, "weighted_f1": _weighted}
PROPORTIONS: dict[str, Callable[[pd.DataFrame], np.ndarray]] = {"accuracy": hits, "exact_match": exact_match}
MEANS: dict[str, tuple[Callable[[pd.DataFrame], np.ndarray], Callable[[np.ndarray], Any]]] = {
    "accuracy": (lambda table: hits(table)[:, None], _mean),
    "exact_match": (lambda table: exact_match(table)[:, None], _mean),
    "chrf": (lambda table: chrf(table)[:, None], _mean),
    "loss": (lambda table: table[["loss", "tokens"]].to_numpy(float), lambda means: -means[:, 0] / means[:, 1]),
    "rmse": (lambda table: np.subtract(*_numbers(table))[:, None] ** 2, lambda means: -np.sqrt(means[:, 0])),
    "pearson": (lambda table: _moments(*_numbers(table)), _correlation),
    "spearman": (lambda table: _moments(*_ranks(table)), _correlation),
}
"""By metric: columns of a table, and the metric from the means of these columns."""


def rows_needed(disagreement: float, margin: float, confidence: float = 0.95, power: float = 0.8) -> int:
    """Rows at which a true difference of zero rules out `margin` with `power`, where the models differ in
    correctness on a share `disagreement` of rows: (z_confidence + z_power)² · disagreement / margin².
    """
    z = float(norm.ppf(confidence) + norm.ppf(power))
    return ceil(z**2 * disagreement / margin**2)


def rows_to_tell(
    first: Tables,
    second: Tables,
    objectives: list[Objective],
    difference: Difference,
    margin: float,
    confidence: float,
    power: float = 0.8,
) -> int | None:
    """Rows at which a true difference of zero would rule out `margin` with `power`; None for several objectives.

    From the share of rows on which the two disagree, or, where that says nothing, from the width of the limit, which
    shrinks with the root of the rows.
    """
    if len(objectives) > 1:
        return None
    objective = objectives[0]
    ours, theirs, rows = first[objective.name], second[objective.name], len(first[objective.name])
    disagree: Any = None
    if objective.metric in PROPORTIONS:
        disagree = PROPORTIONS[objective.metric](ours) != PROPORTIONS[objective.metric](theirs)
    elif objective.metric in AVERAGES and objective.sides.separator is None:
        disagree = ours["predicted"] != theirs["predicted"]
    if disagree is not None:
        return rows_needed(max(disagree.mean(), 1 / rows), margin, confidence, power)
    z = float(norm.ppf(confidence))
    error = (difference.difference - difference.lower) / z
    return ceil(rows * ((z + float(norm.ppf(power))) * error / margin) ** 2)


def ratio_limit(first: Sequence[float], second: Sequence[float], confidence: float) -> float:
    """Upper one-sided limit of the median of `first / second`, pair by pair; infinite where the pairs are too few for one.

    Distribution-free: an order statistic whose rank the binomial distribution gives (Conover, Practical Nonparametric
    Statistics, 3rd ed., section 3.2).
    """
    ratios = np.sort(np.asarray(first) / np.asarray(second))
    rank = int(binom.ppf(confidence, len(ratios), 0.5))
    return float(ratios[rank]) if rank < len(ratios) else inf

"""Paired comparisons of two models' answers on the same rows, shared by compress and gate.

A proportion alone (accuracy, exact match) is compared by Tango's score interval. Every other metric is a smooth function
of means over the rows, so its difference is the mean of what each row contributes, and has the same kind of limit
(`nightshift.evaluation.confidence_limits`). Rows that share a `side_key` belong together (`data.group`): then groups are the units. In every
difference more is better: loss and RMSE enter negatively.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, hypot, inf
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import binom, norm, rankdata, t

from nightshift.evaluation import confidence_limits, kinds
from nightshift.evaluation.confidence_limits import Difference, Units
from nightshift.records import Objective

Tables = dict[str, pd.DataFrame]
"""Answers by objective, see `nightshift.evaluation.kinds`."""
ENOUGH = 20
"""Units that differ, from which on the largest difference among them tells how large one can be."""
GROUP = "side_key"
"""The column that names what rows belong to; of a row that belongs to no group it is the row's own key."""


@dataclass(frozen=True)
class Influence:
    """A metric of one model as a mean over rows, to first order."""

    value: float
    """More is better."""
    rows: np.ndarray
    """What each row contributes besides; the mean is 0."""
    worst: float
    """How much a single row can take from the value, times the number of rows."""
    bounded: bool = True
    """Whether no row can take more than `worst`; else it is only known from the rows that were seen."""


def compare(first: Tables, second: Tables, objectives: list[Objective], confidence: float) -> Difference:
    """Return the gate's metric of `first` minus that of `second`, with one-sided limits.

    Args:
        first: The answers of one model, by objective.
        second: Those of the other on the same rows.
        objectives: What is compared; the weighted differences of several add up.
        confidence: Of each limit.
    """
    if (pair := _right_or_wrong(first, second, objectives)) is not None:
        return tango(*counted(*pair), confidence)
    units, free = paired(first, second, objectives, confidence)
    return confidence_limits.limits(units, float(t.ppf(confidence, free)))


def _right_or_wrong(first: Tables, second: Tables, objectives: list[Objective]) -> tuple[np.ndarray, np.ndarray] | None:
    """Return which rows each model has right, where that is all that is compared and no rows belong together."""
    name, metric = objectives[0].name, objectives[0].metric
    if len(objectives) > 1 or metric not in PROPORTIONS or grouped(first[name]):
        return None
    return PROPORTIONS[metric](first[name]), PROPORTIONS[metric](second[name])


def counted(first: np.ndarray, second: np.ndarray) -> tuple[int, int, int]:
    """Return the rows that the first model alone has right, those that the second alone has right, and all rows."""
    return int((first & ~second).sum()), int((second & ~first).sum()), len(first)


def grouped(table: pd.DataFrame) -> bool:
    """Return whether some rows of a table belong together."""
    return GROUP in table and not table[GROUP].is_unique


def by_group(scores: np.ndarray, groups: Sequence[str] | pd.Series, worst: float, bounded: bool = True) -> Units:
    """Return the units of differences of row scores, a group each.

    Args:
        scores: The difference of each row.
        groups: What each row belongs to.
        worst: The most that one row could differ by.
        bounded: Whether that is so by definition; else it is what was seen.
    """
    codes, names = pd.factorize(pd.Series(groups))
    scale = len(names) / len(scores)
    values, sizes = (scale * np.bincount(codes, weights) for weights in (scores, np.ones(len(scores))))
    reach, size = _unseen(codes, scores != 0, worst, bounded)
    return Units(values, max(scale * reach, float(np.abs(values).max())), 1.0, sizes, scale * size)


def _unseen(codes: np.ndarray, changed: np.ndarray, worst: float, bounded: bool) -> tuple[float, float]:
    """Return what a unit that was not seen may add, and how many rows it has.

    Where few units differ, all rows of a group of typical size (that of the group which a row is in, on average) may be
    lost at once.

    Args:
        codes: The unit of each row.
        changed: Which rows differ.
        worst: The most that one row could differ by.
        bounded: Whether that is so by definition; else, where many differ, it is what was seen.
    """
    if len(np.unique(codes[changed])) >= ENOUGH:
        return worst * bounded, 1.0
    rows = np.bincount(codes)
    typical = float((rows**2).sum() / rows.sum())
    return worst * typical, typical


def paired(first: Tables, second: Tables, objectives: list[Objective], confidence: float) -> tuple[Units, float]:
    """Return the units that a comparison rests on, and their degrees of freedom.

    A unit is a row or, where rows share a group (also across objectives), a group.

    Args:
        first: The answers of one model, by objective.
        second: Those of the other on the same rows.
        objectives: What is compared.
        confidence: Of the limits that are asked for.
    """
    weight, keys, differ = kinds.weight_shares(objectives), list[pd.Series](), list[np.ndarray]()
    parts, difference = [], 0.0
    for o in objectives:
        ours, theirs = first[o.name], second[o.name]
        a, b = (influence(table, o, confidence) for table in (ours, theirs))
        difference += weight[o.name] * (a.value - b.value)
        parts.append((a, b, weight[o.name] / len(ours)))
        own = pd.Series([f"{o.name} {place}" for place in range(len(ours))])
        keys.append(ours[GROUP].reset_index(drop=True).fillna(own) if GROUP in ours else own)
        told = "loss" if "loss" in ours else "predicted"
        differ.append(ours[told].to_numpy() != theirs[told].to_numpy())
    codes, names = pd.factorize(pd.concat(keys, ignore_index=True))
    count = len(names)
    rows = np.concatenate([share * (a.rows - b.rows) for a, b, share in parts])
    shared = np.concatenate([np.full(len(a.rows), share) for a, _, share in parts])
    sizes = count * np.bincount(codes, shared, count)
    values = count * np.bincount(codes, rows, count) + sizes * difference
    worst, size = 0.0, 1.0
    for (a, b, share), place, changed in zip(
        parts, np.split(codes, np.cumsum([len(a.rows) for a, _, _ in parts])[:-1]), differ, strict=True
    ):
        reach, rows_of = _unseen(place, changed, max(a.worst, b.worst), a.bounded)
        if count * share * reach > worst:
            worst, size = count * share * reach, count * share * rows_of
    return Units(values, max(worst, float(np.abs(values).max())), 1.0, sizes, size), max(count - 1.0, 1e-3)


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
    """Return whether `first` is shown to be better: by the lower limit, and of a proportion alone by McNemar's test too.

    Of groups the lower limit is above 0 where the clustered form of McNemar's test says so.

    Args:
        first: The answers of one model, by objective.
        second: Those of the other on the same rows.
        objectives: What is compared.
        difference: What `compare` returned for them.
        confidence: Of that.
    """
    if difference.lower > 0 and (pair := _right_or_wrong(first, second, objectives)) is not None:
        gained, lost, _ = counted(*pair)
        return bool(mid_p(gained, lost) <= 1 - confidence)
    return difference.lower > 0


def influence(table: pd.DataFrame, objective: Objective, confidence: float) -> Influence:
    """Return an objective's metric with what each row contributes to it: its influence function (Hampel 1974,
    Journal of the American Statistical Association 69:383-393)."""
    name, separator = objective.metric, objective.sides.separator
    squared = float(norm.ppf(confidence)) ** 2
    if name in MEANS:
        return MEANS[name](table, squared / (squared + len(table)))
    if separator is None:
        return _f1_of_one(table["label"].to_numpy(), table["predicted"].to_numpy(), name == "macro_f1", squared)
    _, (truth, said) = kinds.label_sets([table["label"], table["predicted"]], separator)
    return _f1_of_several(truth, said, name == "macro_f1", squared)


class F1Counts(NamedTuple):
    """Rows by label, last axis: rightly answered with it, answered with it, and of it; and how many rows there are."""

    right: np.ndarray
    said: np.ndarray
    support: np.ndarray
    rows: int


def _f1_of_one(label: np.ndarray, predicted: np.ndarray, macro: bool, squared: float) -> Influence:
    """Macro or weighted F1 of one label a row."""
    names, codes = np.unique(np.concatenate([label, predicted]), return_inverse=True)
    true, said = np.split(codes, 2)
    right = true == said
    right_of, said_of, support = (np.bincount(part, minlength=len(names)) for part in (true[right], said, true))
    counts = F1Counts(right_of, said_of, support, len(true))
    value, f1, weights, per_row = average_f1(counts, macro)
    rows = -(weights * f1 * per_row)[true] - (weights * f1 * per_row)[said]
    rows[right] += 2 * (weights * per_row)[true[right]]
    if not macro:
        rows += f1[true] - value
    lost, wrong = f1_at_stake(counts, weights, f1, per_row, squared)
    order = np.argsort(wrong)
    other = np.full(len(names), wrong[order[-1]])
    other[order[-1]] = wrong[order[-2]] if len(names) > 1 else 0.0
    return Influence(float(value), rows, float((lost + other)[counts.support > 0].max()))


def _f1_of_several(truth: np.ndarray, said: np.ndarray, macro: bool, squared: float) -> Influence:
    """The same of several labels a row, from 0 and 1 by row and label."""
    counts = F1Counts((truth * said).sum(axis=0), said.sum(axis=0), truth.sum(axis=0), len(truth))
    value, f1, weights, per_row = average_f1(counts, macro)
    rows = (2 * truth * said - f1 * (said + truth)) @ (weights * per_row)
    if not macro:
        rows = rows + truth @ (f1 - value) * (len(truth) / max(counts.support.sum(), 1))
    lost, wrong = f1_at_stake(counts, weights, f1, per_row, squared)
    return Influence(float(value), rows, float((truth @ lost).max() + wrong.max(initial=0.0)))


def average_f1(counts: F1Counts, macro: bool) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray]:
    """Return the average, each label's F1 and weight, and 1 over the label's share of answers and truths.

    Counts of several samples, shape (samples, labels), give the average of each.
    """
    both = counts.said + counts.support
    f1 = 2 * counts.right / np.maximum(both, 1)
    weights = (both > 0).astype(float) if macro else counts.support.astype(float)
    weights /= np.maximum(weights.sum(axis=-1, keepdims=True), 1)
    return (weights * f1).sum(axis=-1), f1, weights, counts.rows / np.maximum(both, 1)


def f1_at_stake(
    counts: F1Counts, weights: np.ndarray, f1: np.ndarray, per_row: np.ndarray, squared: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return, by label, what a lost row of it takes from the average, and what a wrong answer with it does.

    F1 falls the faster the more is lost, and of few rows a large share may be: so the loss a row is that on the way to
    the largest share that goes unseen.

    Args:
        counts: The answers, by label.
        weights: Of each label in the average.
        f1: Each label's F1.
        per_row: 1 over each label's share of answers and truths.
        squared: The square of the limits' normal quantile.
    """
    right, both = counts.right, counts.said + counts.support
    share = squared / (squared + counts.support)
    left = 2 * right * (1 - share) / np.maximum(both - share * right, 1)
    lost = np.where(right > 0, (f1 - left) * counts.rows / np.maximum(share * right, 1e-12), 2 * per_row)
    return weights * lost, weights * f1 * per_row


def _scores(scores: np.ndarray) -> Influence:
    """The mean of scores between 0 and 1."""
    value = float(scores.mean())
    return Influence(value, scores - value, 1.0)


def _loss(table: pd.DataFrame, _share: float) -> Influence:
    loss, tokens = (table[name].to_numpy(float) for name in ("loss", "tokens"))
    value = float(loss.sum() / tokens.sum())
    return Influence(-value, (value * tokens - loss) / tokens.mean(), float(loss.max() / tokens.mean()), False)


def _rmse(table: pd.DataFrame, share: float) -> Influence:
    """Of the root, the loss a row is that where a `share` of the rows become as bad as the worst can be."""
    label, predicted = _numbers(table)
    squares = (label - predicted) ** 2
    value = float(np.sqrt(squares.mean()))
    most = max(float(squares.max()), float(np.ptp(label)) ** 2)
    worst = (float(np.sqrt((1 - share) * value**2 + share * most)) - value) / share
    rows = (value**2 - squares) / (2 * value) if value > 0 else np.zeros(len(squares))
    return Influence(-value, rows, worst, False)


def _correlation(label: np.ndarray, predicted: np.ndarray) -> Influence:
    """Devlin, Gnanadesikan and Kettenring 1975, Biometrika 62:531-545."""
    a, b = _standard(label), _standard(predicted)
    value = float((a * b).mean())
    rows = a * b - value * (a * a + b * b) / 2
    most = max(float(np.ptp(rows)), float((a * a).max()) * (1 + abs(value)))
    return Influence(value, rows, most, False)


def _standard(values: np.ndarray) -> np.ndarray:
    """Mean 0 and variance 1; of a constant, 0."""
    return (values - values.mean()) / values.std() if np.ptp(values) else np.zeros(len(values))


def _numbers(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    return table["label"].to_numpy(float), table["predicted"].to_numpy(float)


def _ranks(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the ranks among all rows: Spearman's correlation is Pearson's of these."""
    label, predicted = _numbers(table)
    return rankdata(label), rankdata(predicted)


PROPORTIONS: dict[str, Callable[[pd.DataFrame], np.ndarray]] = {
    "accuracy": kinds.hits,
    "exact_match": kinds.exact_match,
}
MEANS: dict[str, Callable[[pd.DataFrame, float], Influence]] = {
    "accuracy": lambda table, _share: _scores(kinds.hits(table).astype(float)),
    "exact_match": lambda table, _share: _scores(kinds.exact_match(table).astype(float)),
    "chrf": lambda table, _share: _scores(kinds.chrf(table)),
    "loss": _loss,
    "rmse": _rmse,
    "pearson": lambda table, _share: _correlation(*_numbers(table)),
    "spearman": lambda table, _share: _correlation(*_ranks(table)),
}
"""By metric: its influence function, from a table and the share of rows that may go unseen."""


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

    From the share of rows on which the two disagree where that says it all, else from the width of the limit, which
    shrinks with the root of the rows.
    """
    if len(objectives) > 1:
        return None
    rows = len(first[objectives[0].name])
    if (pair := _right_or_wrong(first, second, objectives)) is not None:
        return rows_needed(max((pair[0] != pair[1]).mean(), 1 / rows), margin, confidence, power)
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

"""Paired comparisons of two models on the same rows, shared by compress and gate.

A proportion alone (accuracy, exact match) is compared by Tango's score interval. Every other metric is a smooth function
of means over the rows, so its difference is the mean of the rows' contributions, and has the same kind of limit
(`nightshift.evaluation.confidence_limits`). Rows that share a `side_key` belong together (`data.group`): then groups are
the units. Rows may have weights (`nightshift.evaluation.row_weights`): then every mean over rows is a weighted one. In every
difference more is better: loss and RMSE enter negatively.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import ceil, inf, sqrt
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import binom, norm, t

from nightshift.evaluation import confidence_limits, kinds
from nightshift.evaluation.confidence_limits import Difference, Units
from nightshift.evaluation.metrics import label_sets, number_columns, standardized
from nightshift.evaluation.prediction_tables import GROUP, Tables
from nightshift.evaluation.row_weights import WEIGHT, effective_rows, effective_size, row_weights
from nightshift.records import Metric, Objective

MIN_CHANGED_UNITS = 20
"""Number of units that differ from which on the largest difference among them tells how large one can be."""
TINY = 1e-12
MAX_Z = 40.0
"""Largest score statistic that is told apart from a larger one."""


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


def compare(first: Tables, second: Tables, objectives: list[Objective], confidence: float) -> Difference:
    """Return the gate's metric of `first` minus that of `second`, with one-sided limits.

    Args:
        first: Tables of one model.
        second: Tables of the other on the same rows.
        objectives: Objectives that are compared; the weighted differences of several add up.
        confidence: Confidence of each limit.
    """
    if (right := _right_rows(first, second, objectives)) is not None:
        return tango_interval(*discordant_counts(*right), confidence)
    units, degrees_of_freedom = paired_units(first, second, objectives, confidence)
    return confidence_limits.limits(units, float(t.ppf(confidence, degrees_of_freedom)))


def _right_rows(first: Tables, second: Tables, objectives: list[Objective]) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the rows that each model has right; None unless a proportion of rows that are alike alone is compared.

    Rows are not alike if some belong together, or if they have weights.
    """
    name, metric = objectives[0].name, kinds.metric_of(objectives[0])
    if len(objectives) > 1 or metric.aggregate != "proportion" or has_groups(first[name]) or WEIGHT in first[name]:
        return None
    return metric.row_scores(first[name]), metric.row_scores(second[name])


def discordant_counts(first: np.ndarray, second: np.ndarray) -> tuple[int, int, int]:
    """Return the number of rows that only the first model has right, that only the second has right, and of all rows."""
    return int((first & ~second).sum()), int((second & ~first).sum()), len(first)


def has_groups(table: pd.DataFrame) -> bool:
    """Return True if some rows of a table belong together."""
    return GROUP in table and not table[GROUP].is_unique


def group_units(scores: np.ndarray, groups: Sequence[str] | pd.Series, worst: float, bounded: bool = True) -> Units:
    """Return a unit a group for differences of row scores.

    Args:
        scores: Difference of each row.
        groups: Group of each row.
        worst: Largest difference of one row.
        bounded: True if `worst` holds by definition, False if it is the largest that was seen.
    """
    codes, names = pd.factorize(pd.Series(groups))
    scale = len(names) / len(scores)
    values, sizes = (scale * np.bincount(codes, weights) for weights in (scores, np.ones(len(scores))))
    reach, size = _unseen_unit(codes, scores != 0, worst, bounded)
    return Units(values, max(scale * reach, float(np.abs(values).max())), 1.0, sizes, scale * size)


def _unseen_unit(codes: np.ndarray, changed: np.ndarray, worst: float, bounded: bool) -> tuple[float, float]:
    """Return the largest contribution of a unit that was not seen, and its number of rows.

    Where few units differ, all rows of a group of typical size (the size of a row's group, averaged over the rows) may be
    lost at once.

    Args:
        codes: Unit of each row.
        changed: True for rows that differ.
        worst: Largest difference of one row.
        bounded: True if `worst` holds by definition; else, where many units differ, the largest that was seen counts.
    """
    if len(np.unique(codes[changed])) >= MIN_CHANGED_UNITS:
        return worst * bounded, 1.0
    rows = np.bincount(codes)
    typical = float((rows**2).sum() / rows.sum())
    return worst * typical, typical


def paired_units(first: Tables, second: Tables, objectives: list[Objective], confidence: float) -> tuple[Units, float]:
    """Return the units of a comparison, and their degrees of freedom.

    A unit is a row or, where rows share a group (also across objectives), a group. Where rows have weights, an unseen unit is as
    heavy as the heaviest row, and the degrees of freedom are those of the effective number of units.

    Args:
        first: Tables of one model.
        second: Tables of the other on the same rows.
        objectives: Objectives that are compared.
        confidence: Confidence of the limits that the units are for.
    """
    weight, keys, differ = kinds.weight_shares(objectives), list[pd.Series](), list[np.ndarray]()
    parts, difference, is_weighted = [], 0.0, False
    for o in objectives:
        table_1, table_2 = first[o.name], second[o.name]
        a, b = (influence(table, o, confidence) for table in (table_1, table_2))
        difference += weight[o.name] * (a.value - b.value)
        parts.append((a, b, weight[o.name] / len(table_1) * row_weights(table_1)))
        is_weighted |= WEIGHT in table_1
        own_keys = pd.Series([f"{o.name} {row}" for row in range(len(table_1))])
        keys.append(table_1[GROUP].reset_index(drop=True).fillna(own_keys) if GROUP in table_1 else own_keys)
        column = "loss" if "loss" in table_1 else "predicted"
        differ.append(table_1[column].to_numpy() != table_2[column].to_numpy())
    codes, names = pd.factorize(pd.concat(keys, ignore_index=True))
    count = len(names)
    rows = np.concatenate([share * (a.rows - b.rows) for a, b, share in parts])
    sizes = count * np.bincount(codes, np.concatenate([share for *_, share in parts]), count)
    values = count * np.bincount(codes, rows, count) + sizes * difference
    worst, size = 0.0, 1.0
    for (a, b, share), part_codes, changed in zip(
        parts, np.split(codes, np.cumsum([len(a.rows) for a, _, _ in parts])[:-1]), differ, strict=True
    ):
        reach, num_rows = _unseen_unit(part_codes, changed, max(a.worst, b.worst), a.bounded)
        heaviest = count * float(share.max())
        if heaviest * reach > worst:
            worst, size = heaviest * reach, heaviest * num_rows
    num_units = effective_size(sizes) if is_weighted else count
    return Units(values, max(worst, float(np.abs(values).max())), 1.0, sizes, size), max(num_units - 1.0, 1e-3)


def tango_interval(first_only: int, second_only: int, rows: int, confidence: float) -> Difference:
    """Return the score interval of a paired difference of proportions, (first_only - second_only) / rows.

    Tango 1998, Statistics in Medicine 17:891-908: the limits are where the score statistic equals ∓z.

    Args:
        first_only: Number of rows that only the first model has right.
        second_only: Number of rows that only the second model has right.
        rows: Number of all rows.
        confidence: Confidence of each limit.
    """
    z = float(norm.ppf(confidence))
    difference = (first_only - second_only) / rows
    edge = 1 - 1e-9
    lower, upper = -1.0, 1.0

    def statistic(delta: float) -> float:
        return float(tango_statistic(first_only, second_only, rows, delta))

    if difference > -edge:
        lower = float(brentq(lambda delta: statistic(delta) - z, -edge, difference - 1e-12))
    if difference < edge:
        upper = float(brentq(lambda delta: statistic(delta) + z, difference + 1e-12, edge))
    return Difference(difference, lower, upper)


def tango_statistic(first_only: Any, second_only: Any, rows: int, delta: float) -> Any:
    """Return Tango's score statistic, near standard normal if the true difference is `delta`; 0 if it has no variance.

    The lower limit lies above `delta` where the statistic exceeds z.

    Args:
        first_only: Number of rows that only the first model has right, or an array of such numbers.
        second_only: The same of the second model.
        rows: Number of all rows.
        delta: Hypothesis: the true difference of the proportions.
    """
    a = 2.0 * rows
    b = -first_only - second_only + (2 * rows - first_only + second_only) * delta
    c = -second_only * delta * (1 - delta)
    p = (np.sqrt(np.maximum(b * b - 4 * a * c, 0.0)) - b) / (2 * a)
    variance = rows * (2 * p + delta * (1 - delta))
    distance = first_only - second_only - rows * delta
    return np.where(variance > 0, distance / np.sqrt(np.maximum(variance, 1e-12)), 0.0)


def mid_p(first_only: Any, second_only: Any) -> Any:
    """Return the one-sided mid-p value of McNemar's exact test that the first model is not better; for counts or arrays of them.

    Fagerland, Lydersen, Laake 2013, BMC Medical Research Methodology 13:91, eq. 4 (theirs is two-sided).
    """
    changed = first_only + second_only
    return binom.sf(first_only, changed, 0.5) + 0.5 * binom.pmf(first_only, changed, 0.5)


def z_score(first: Tables, second: Tables, objectives: list[Objective], bound: float, confidence: float) -> float:
    """Return the score statistic of the hypothesis that `first` minus `second` is `bound`, as a standard normal quantile.

    Args:
        first: Tables of one model.
        second: Tables of the other on the same rows.
        objectives: Objectives that are compared.
        bound: Hypothesis: the true difference.
        confidence: Confidence of the limits that the result is compared with.
    """
    if (right := _right_rows(first, second, objectives)) is not None:
        return float(proportion_z(*discordant_counts(*right), bound))
    units, degrees_of_freedom = paired_units(first, second, objectives, confidence)
    p = float(t.sf(confidence_limits.statistic(units, bound), degrees_of_freedom))
    return float(np.clip(norm.isf(p), -MAX_Z, MAX_Z))


def proportion_z(first_only: Any, second_only: Any, rows: Any, bound: float) -> Any:
    """Return `z_score` for proportions: Tango's statistic, above 0 no more than McNemar's mid-p allows; for counts or arrays.

    Args:
        first_only: Number of rows that only the first model has right.
        second_only: Number of rows that only the second model has right.
        rows: Number of all rows.
        bound: Hypothesis: the true difference.
    """
    z = tango_statistic(first_only, second_only, rows, bound)
    return np.minimum(z, norm.isf(mid_p(first_only, second_only))) if bound >= 0 else z


def standard_error(first: Tables, second: Tables, objectives: list[Objective]) -> float:
    """Return the standard error over the rows of the gate's metric of `first` minus that of `second`."""
    units, _ = paired_units(first, second, objectives, 0.95)
    mean = float(units.values.mean())
    return float(np.sqrt(np.square(units.values - units.sizes * mean).sum())) / len(units.values)


def seed_spread(tables: Sequence[Tables], scores: Sequence[float], objectives: list[Objective]) -> float:
    """Return the standard deviation of the true metric among models, without the noise of the rows; 0 if that explains all.

    The variance of the scores is half the mean squared difference of pairs, so half their mean row variance is subtracted.

    Args:
        tables: Tables of each model, on the same rows.
        scores: The gate's metric of each model on these rows.
        objectives: Objectives that are compared.
    """
    noise = [standard_error(first, second, objectives) ** 2 / 2 for first, second in combinations(tables, 2)]
    return sqrt(max(statistics.variance(scores) - statistics.mean(noise), 0.0))


def is_better(
    first: Tables, second: Tables, objectives: list[Objective], difference: Difference, confidence: float
) -> bool:
    """Return True if `first` is shown to be better: by the lower limit, and for a proportion alone by McNemar's test too.

    With groups the lower limit is above 0 where the clustered form of McNemar's test says so.

    Args:
        first: Tables of one model.
        second: Tables of the other on the same rows.
        objectives: Objectives that are compared.
        difference: Return value of `compare` for them.
        confidence: Confidence of that difference.
    """
    if difference.lower > 0 and (right := _right_rows(first, second, objectives)) is not None:
        first_only, second_only, _ = discordant_counts(*right)
        return bool(mid_p(first_only, second_only) <= 1 - confidence)
    return difference.lower > 0


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


def required_rows_of_proportion(
    disagreement: float, margin: float, confidence: float = 0.95, power: float = 0.8
) -> int:
    """Return the number of rows at which a true difference of zero rules out `margin`:
    (z_confidence + z_power)² · disagreement / margin².

    Args:
        disagreement: Share of rows that only one of the models has right.
        margin: Difference that is to be ruled out.
        confidence: Confidence of the one-sided limit.
        power: Chance of ruling it out.
    """
    z = float(norm.ppf(confidence) + norm.ppf(power))
    return ceil(z**2 * disagreement / margin**2)


def required_rows(
    first: Tables,
    second: Tables,
    objectives: list[Objective],
    difference: Difference,
    margin: float,
    confidence: float,
    power: float = 0.8,
) -> int | None:
    """Return the number of rows at which a true difference of zero would rule out `margin`; None for several objectives.

    From the share of rows on which the two disagree where a proportion is compared, else from the width of the limit, which
    shrinks with the root of the rows.

    Args:
        first: Tables of one model.
        second: Tables of the other on the same rows.
        objectives: Objectives that are compared.
        difference: Return value of `compare` for them.
        margin: Difference that is to be ruled out.
        confidence: Confidence of the one-sided limit.
        power: Chance of ruling it out.
    """
    if len(objectives) > 1:
        return None
    rows = len(first[objectives[0].name])
    if (right := _right_rows(first, second, objectives)) is not None:
        disagreement = max((right[0] != right[1]).mean(), 1 / rows)
        return required_rows_of_proportion(disagreement, margin, confidence, power)
    z = float(norm.ppf(confidence))
    error = (difference.difference - difference.lower) / z
    return ceil(rows * ((z + float(norm.ppf(power))) * error / margin) ** 2)


def ratio_limit(first: Sequence[float], second: Sequence[float], confidence: float) -> float:
    """Return the upper one-sided limit of the median of `first / second`, pair by pair; infinite for too few pairs.

    Distribution-free: an order statistic whose rank the binomial distribution gives (Conover, Practical Nonparametric
    Statistics, 3rd ed., section 3.2).
    """
    ratios = np.sort(np.asarray(first) / np.asarray(second))
    rank = int(binom.ppf(confidence, len(ratios), 0.5))
    return float(ratios[rank]) if rank < len(ratios) else inf

"""Paired comparisons of two models on the same rows, shared by compress and gate.

A proportion alone (accuracy, exact match) is compared by Tango's score interval. Every other metric is a smooth function
of means over the rows, so its difference is the mean of the rows' contributions, and has the same kind of limit
(`nightshift.evaluation.confidence_limits`). Rows that share a `side_key` belong together (`data.group`): then groups are
the units. Rows may have weights (`nightshift.evaluation.row_weights`): then every mean over rows is a weighted one. In every
difference more is better: loss and RMSE enter negatively.
"""

import statistics
from collections.abc import Sequence
from itertools import combinations
from math import ceil, inf, sqrt
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import binom, norm, t

from nightshift.evaluation import confidence_limits, kinds
from nightshift.evaluation.confidence_limits import Difference, Units
from nightshift.evaluation.influence import influence
from nightshift.evaluation.prediction_tables import GROUP, Tables
from nightshift.evaluation.row_weights import WEIGHT, effective_size, row_weights
from nightshift.records import Objective

MIN_CHANGED_UNITS = 20
"""Number of units that differ from which on the largest difference among them tells how large one can be."""
MAX_Z = 40.0
"""Largest score statistic that is told apart from a larger one."""


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

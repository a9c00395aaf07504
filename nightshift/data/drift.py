"""Tests of drift between two sets of rows, with one false-alarm rate for all tests together.

Each test returns the size of the shift and a p-value. Rows have drifted in a property if its p-value is significant after
Holm's correction over all tests and the shift is at least as large as a bound: with many rows any difference is significant.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import kolmogorov
from scipy.stats import chi2, norm, t

ALPHA = 0.05
"""Probability that any of the tests of a comparison raises an alarm without drift."""
MIN_EXPECTED = 5.0
"""Expected count below which the chi-square distribution is no good approximation, and counts are drawn instead."""
DRAWS = 1999
"""Draws of counts without drift, for an exact p-value."""
MAX_DRAWN_BINS = 20
"""Number of bins up to which the Kolmogorov-Smirnov distance of bins is compared with that of drawn counts."""
MAX_CATEGORIES = 1000
"""Categories that are compared one by one; the rarer ones count as one."""
OTHER = "(other)"
MAX_NAMED = 2
"""Categories that a description names for each kind of change."""
Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.float64] | npt.NDArray[np.int64]
Sizes = tuple[float, float]
"""Effective numbers of rows, reference and current."""


@dataclass(frozen=True)
class Shift:
    """Difference of one property between two sets of rows."""

    effect: float
    """Total variation distance, Kolmogorov-Smirnov distance, difference of shares, or area under the ROC curve."""
    p_value: float
    """Probability of such a difference without drift; after `adjusted`, corrected for the number of tests."""
    description: str
    """The shift in words, without the p-value."""

    def has_drifted(self, min_effect: float, alpha: float = ALPHA) -> bool:
        """Return True if the shift is significant and large enough to matter."""
        return self.p_value <= alpha and abs(self.effect) >= min_effect

    def __str__(self) -> str:
        """Return the shift and its p-value in words."""
        p_value = "p < 0.001" if self.p_value < 0.001 else f"p = {self.p_value:.3f}"
        return f"{self.description}; {p_value}"


def adjusted(shifts: Mapping[str, Shift]) -> dict[str, Shift]:
    """Return shifts with p-values that are corrected for their number (Holm 1979, Scandinavian Journal of Statistics 6:65)."""
    p_values = holm([shift.p_value for shift in shifts.values()])
    return {name: replace(shift, p_value=p) for (name, shift), p in zip(shifts.items(), p_values, strict=True)}


def holm(p_values: Sequence[float]) -> list[float]:
    """Return adjusted p-values: those up to alpha reject any true hypothesis with a probability of at most alpha (Holm 1979)."""
    adjusted_p_values, largest = [1.0] * len(p_values), 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min(1.0, p_values[index] * (len(p_values) - rank)))
        adjusted_p_values[index] = largest
    return adjusted_p_values


def effective_rows(group_sizes: npt.ArrayLike) -> float:
    """Return the number of independent rows that groups count as, if the rows of each are all alike (Kish 1965, Survey Sampling)."""
    sizes = np.asarray(group_sizes, float)
    return float(sizes.sum() ** 2 / (sizes**2).sum()) if sizes.any() else 0.0


def category_shift(reference: Mapping[str, int], current: Mapping[str, int], sizes: Sizes | None = None) -> Shift:
    """Return the shift of the shares of categories: their total variation distance, and the p-value of a chi-square test.

    Args:
        reference: Number of reference rows by category.
        current: Number of current rows by category.
        sizes: Effective numbers of rows; those of the counts by default.
    """
    names, counts = _aligned(reference, current)
    shares = counts / counts.sum(axis=1, keepdims=True)
    effect = float(np.abs(shares[0] - shares[1]).sum() / 2)
    return Shift(effect, count_p_value(_scaled(counts, sizes), "unordered"), _describe_categories(names, counts))


def distribution_shift(
    reference: Mapping[float, int], current: Mapping[float, int], unit: str = "", sizes: Sizes | None = None
) -> Shift:
    """Return the shift of a number: the Kolmogorov-Smirnov distance, and its p-value, which ties make larger.

    Args:
        reference: Number of reference rows by value.
        current: Number of current rows by value.
        unit: Unit of the values, for the description.
        sizes: Effective numbers of rows; those of the counts by default.
    """
    values = sorted({*reference, *current})
    counts = np.array([[part.get(value, 0) for value in values] for part in (reference, current)], float)
    first, second = (values[int(np.searchsorted(part.cumsum(), part.sum() / 2))] for part in counts)
    distance = float(_ks_distance(counts[0], counts[1]))
    description = (
        f"median {first:,.4g} -> {second:,.4g}{unit and ' ' + unit}, Kolmogorov-Smirnov distance {distance:.2f}"
    )
    return Shift(distance, count_p_value(_scaled(counts, sizes), "ordered"), description)


def ratio_shift(reference: tuple[Floats, Floats], current: tuple[Floats, Floats], noun: str) -> Shift:
    """Return the shift of a ratio of sums over independent units, such as rows: unknown words in all words.

    The difference is compared with its linearized standard error (Cochran 1977, Sampling Techniques, section 6.3).

    Args:
        reference: Numerators and denominators of the reference rows, one each a unit.
        current: Those of the current rows.
        noun: Name of what is counted, for the description.
    """
    ratios, variances = zip(*(_ratio(*part) for part in (reference, current)), strict=True)
    effect, error = ratios[1] - ratios[0], sqrt(sum(variances))
    freedom = max(min(len(reference[0]), len(current[0])) - 1, 1)
    p_value = float(2 * t.sf(abs(effect) / error, freedom)) if error else float(effect == 0)
    first, second = (f"{100 * ratio:.1f} %" for ratio in ratios)
    return Shift(effect, p_value, f"{noun} {first} -> {second}, {100 * effect:+.1f} points")


def auc_shift(auc: float, sizes: Sizes) -> Shift:
    """Return the shift that a classifier finds between reference and current rows, by its area under the ROC curve on other rows.

    The p-value is that of the Mann-Whitney test, one-sided; the interval in the description has 95 % confidence (Hanley and
    McNeil 1982, Radiology 143:29-36).
    """
    first, second = (max(size, 1.0) for size in sizes)
    null_error = sqrt((first + second + 1) / (12 * first * second))
    margin = float(norm.ppf(0.975)) * auc_error(auc, sizes)
    interval = f"{max(auc - margin, 0):.2f} to {min(auc + margin, 1):.2f}"
    description = f"a classifier tells new rows from old ones with AUC {auc:.2f} ({interval})"
    return Shift(auc, float(norm.sf((auc - 0.5) / null_error)), description)


def auc_error(auc: float, sizes: Sizes) -> float:
    """Return the standard error of an area under the ROC curve (Hanley and McNeil 1982)."""
    first, second = (max(size, 1.0) for size in sizes)
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (second - 1) * (q1 - auc**2) + (first - 1) * (q2 - auc**2)
    return sqrt(max(variance, 0.0) / (first * second))


def count_p_value(counts: Floats, kind: Literal["ordered", "unordered"]) -> float:
    """Return the p-value of equal shares in two rows of counts.

    That of Pearson's chi-square test or, for ordered bins, of the Kolmogorov-Smirnov test; where these approximations do not
    hold, the share of draws with the same margins whose statistic is as large.
    """
    counts = counts[:, counts.sum(axis=0) > 0]
    totals = counts.sum(axis=1)
    if counts.shape[1] < 2 or not totals.all():
        return 1.0
    if kind == "ordered" and counts.shape[1] > MAX_DRAWN_BINS:
        size = sqrt(totals.prod() / totals.sum())
        return float(kolmogorov((size + 0.12 + 0.11 / size) * _ks_distance(counts[0], counts[1])))
    if kind == "unordered" and np.outer(totals, counts.sum(axis=0)).min() / totals.sum() >= MIN_EXPECTED:
        return float(chi2.sf(_chi_square(counts[0], counts[1]), counts.shape[1] - 1))
    return _drawn_p_value(counts, _ks_distance if kind == "ordered" else _chi_square)


def _drawn_p_value(counts: Floats, statistic: Callable[[Counts, Counts], Floats]) -> float:
    """Return the exact p-value of a statistic by draws with the same margins, always of the same seed."""
    whole = np.rint(counts).astype(np.int64)
    totals, current = whole.sum(axis=0), int(whole[1].sum())
    drawn = np.random.default_rng(0).multivariate_hypergeometric(totals, current, DRAWS, method="marginals")
    observed = float(statistic(whole[0], whole[1]))
    as_large = statistic(totals - drawn, drawn) >= observed * (1 - 1e-9) - 1e-12
    return float((1 + as_large.sum()) / (1 + DRAWS))


def _ks_distance(reference: Counts, current: Counts) -> Floats:
    """Return the largest distance of the cumulative shares along the last axis."""
    sums = [part.cumsum(axis=-1) / np.maximum(part.sum(axis=-1, keepdims=True), 1) for part in (reference, current)]
    distances: Floats = np.abs(sums[0] - sums[1]).max(axis=-1)
    return distances


def _chi_square(reference: Counts, current: Counts) -> Floats:
    """Return Pearson's statistic of counts along the last axis, all of whose sums are positive."""
    totals = reference + current
    share = current.sum(axis=-1, keepdims=True) / totals.sum(axis=-1, keepdims=True)
    difference = (current - totals * share) ** 2
    valid = np.where(totals > 0, totals, 1)
    statistics: Floats = (difference / (valid * share * (1 - share))).sum(axis=-1)
    return statistics


def _scaled(counts: Floats, sizes: Sizes | None) -> Floats:
    """Return counts that sum up to the effective numbers of rows."""
    return counts if sizes is None else counts * (np.array(sizes) / counts.sum(axis=1))[:, None]


def _ratio(numerators: Floats, denominators: Floats) -> tuple[float, float]:
    """Return the ratio of two sums, and its variance."""
    total, units = float(denominators.sum()), len(denominators)
    if not total:
        return 0.0, 0.0
    ratio = float(numerators.sum()) / total
    residuals = numerators - ratio * denominators
    return ratio, float((residuals**2).sum()) / total**2 * units / max(units - 1, 1)


def _aligned(reference: Mapping[str, int], current: Mapping[str, int]) -> tuple[list[str], Floats]:
    """Return categories, the most frequent first, and two rows with their counts."""
    totals = {name: reference.get(name, 0) + current.get(name, 0) for name in (*reference, *current)}
    names = sorted(totals, key=lambda name: (-totals[name], name))
    counts = np.array([[part.get(name, 0) for name in names] for part in (reference, current)], float)
    if len(names) > MAX_CATEGORIES:
        rarer = counts[:, MAX_CATEGORIES:].sum(axis=1, keepdims=True)
        names, counts = [*names[:MAX_CATEGORIES], OTHER], np.hstack([counts[:, :MAX_CATEGORIES], rarer])
    return names, counts


def _describe_categories(names: Sequence[str], counts: Floats) -> str:
    """Return a phrase with the largest changes of shares, and with the categories that came or went."""
    shares = counts / counts.sum(axis=1, keepdims=True)
    change = shares[1] - shares[0]
    largest = sorted(range(len(names)), key=lambda index: -abs(change[index]))[:MAX_NAMED]
    parts = [
        f"{names[index]} {100 * shares[0, index]:.0f} % -> {100 * shares[1, index]:.0f} %, {100 * change[index]:+.0f} points"
        for index in largest
    ]
    expected = shares[0] * counts[1].sum()
    for words, is_changed in (("came", counts[0] == 0), ("went", (counts[1] == 0) & (expected >= MIN_EXPECTED))):
        if listed := [name for name, flag in zip(names, is_changed, strict=True) if flag]:
            more = f" and {len(listed) - MAX_NAMED} more" if len(listed) > MAX_NAMED else ""
            parts.append(f"{words}: {', '.join(listed[:MAX_NAMED])}{more}")
    return "; ".join(parts)

"""Slices of the holdout: labels, lengths of text, and values of the columns named in the settings.

Within a slice the rows' own scores are compared, in pairs: right or wrong where the metric counts, else a value in
which more is better. A slice is worse where the champion is shown to be ahead by more than the margin; Holm's
correction keeps the chance that any is called so by mistake at 1 - confidence.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm, t

from nightshift.data.drift import holm
from nightshift.data.nested_cells import nested_value
from nightshift.evaluation import confidence_limits, significance
from nightshift.evaluation.confidence_limits import Difference
from nightshift.evaluation.kinds import form_of, metric_of
from nightshift.evaluation.prediction_tables import GROUP, Tables
from nightshift.records import Objective, Slice

MIN_ROWS = 50
"""Rows from which on a slice is tested: in a smaller one a single row weighs more than a margin of 0.02."""
MIN_GROUPS = 10
"""Groups from which on a slice is tested, where its rows belong together."""
MAX_NAMED = 3
"""Slices that a reason names."""
NO_VALUE = "(none)"
"""Value of rows that have none."""
TINY = 1e-12
"""Standard error of differences that are all the same."""


@dataclass(frozen=True)
class RowSubset:
    """Rows of one objective's holdout that have something in common."""

    by: str
    """label, length, or the name of a column."""
    value: str
    rows: np.ndarray
    """Positions of the rows."""


def split_slices(holdout: pd.DataFrame, objective: Objective, columns: Sequence[str]) -> list[RowSubset]:
    """Return the slices of a holdout: by label (a row of several labels is in each one's), by length, by the columns' values."""
    series = {"length": _lengths(holdout)}
    if form_of(objective) == "labels":
        labels, separator = holdout["label"], objective.sides.separator
        exploded = labels if separator is None else labels.str.split(separator, regex=False).explode()
        series = {"label": exploded} | series
    records = [json.loads(text) for text in holdout["original"]] if columns else []
    by_name = [
        *series.items(),
        *((name, pd.Series([nested_value(record, name) for record in records], dtype=object)) for name in columns),
    ]
    return [
        RowSubset(name, value, np.asarray(rows)) for name, values in by_name for value, rows in _groups(values).items()
    ]


def _groups(series: pd.Series) -> dict[str, Any]:
    texts = series.map(lambda value: NO_VALUE if value is None or value != value or value == "" else str(value))
    return {str(text): rows for text, rows in texts.groupby(texts).groups.items()}


def _lengths(holdout: pd.DataFrame) -> pd.Series:
    """Return the band of each row's length, out of three with about a third of the rows each; both texts of a pair count."""
    length = holdout[[name for name in ("text", "text_pair") if name in holdout]].map(len).sum(axis=1)
    short, middle = (int(length.quantile(share)) for share in (1 / 3, 2 / 3))
    bands = [f"short (up to {short} characters)", f"middle ({short + 1} to {middle})", f"long (over {middle})"]
    return pd.Series(np.select([length <= short, length <= middle], bands[:2], bands[2]))


def compare_slices(
    challenger: Tables,
    champion: Tables,
    subsets: Mapping[str, Sequence[RowSubset]],
    objectives: list[Objective],
    margin: float,
    confidence: float,
) -> list[Slice]:
    """Return every slice of every objective, with both models' mean score, the worst first; those of enough rows are tested.

    Args:
        challenger: Tables of the challenger.
        champion: Tables of the champion on the same rows.
        subsets: Slices by objective.
        objectives: Objectives of the run.
        margin: Largest drop of a slice's mean score that is allowed.
        confidence: 1 - the chance that any slice is called worse by mistake.
    """
    results: list[Slice] = []
    for objective in objectives:
        row_scores = metric_of(objective).row_scores
        first, second = row_scores(challenger[objective.name]), row_scores(champion[objective.name])
        groups = challenger[objective.name].get(GROUP)
        for subset in subsets.get(objective.name, ()):
            rows = subset.rows
            result = _untested(objective.name, subset, first[rows], second[rows])
            keys = None if groups is None else groups.iloc[rows]
            if test := _test(first[rows], second[rows], keys, margin, confidence):
                result.p, limits = test
                result.interval = limits.lower, limits.upper
            results.append(result)
    with_p = [result for result in results if result.p is not None]
    p_values = holm([result.p for result in with_p if result.p is not None])
    for result, p_value in zip(with_p, p_values, strict=True):
        result.worse = p_value <= 1 - confidence
    return sorted(results, key=lambda result: (result.p is None, not result.worse, result.difference))


def _untested(objective: str, subset: RowSubset, first: np.ndarray, second: np.ndarray) -> Slice:
    challenger, champion = float(first.mean()), float(second.mean())
    return Slice(
        objective=objective,
        by=subset.by,
        value=subset.value,
        rows=len(first),
        challenger=challenger,
        champion=champion,
        difference=challenger - champion,
    )


def _test(
    first: np.ndarray, second: np.ndarray, groups: pd.Series | None, margin: float, confidence: float
) -> tuple[float, Difference] | None:
    """Return the one-sided p-value of "not worse by more than the margin", and the difference with its limits.

    By groups where rows belong together; None for too few rows or groups.
    """
    if len(first) < MIN_ROWS:
        return None
    if groups is None or groups.is_unique:
        test = _test_proportions if first.dtype == bool else _test_means
        return test(first, second, margin, confidence)
    return _test_groups(first, second, groups, margin, confidence) if groups.nunique() >= MIN_GROUPS else None


def _test_proportions(
    first: np.ndarray, second: np.ndarray, margin: float, confidence: float
) -> tuple[float, Difference]:
    """Compare right and wrong rows by Tango's score statistic."""
    counts = significance.discordant_counts(first, second)
    p = float(norm.cdf(significance.tango_statistic(*counts, -margin)))
    return p, significance.tango_interval(*counts, confidence)


def _test_means(first: np.ndarray, second: np.ndarray, margin: float, confidence: float) -> tuple[float, Difference]:
    """Compare scores by Student's paired t."""
    differences, degrees_of_freedom = first - second, len(first) - 1
    mean, error = float(differences.mean()), max(float(differences.std(ddof=1)) / sqrt(len(first)), TINY)
    half = float(t.ppf(confidence, degrees_of_freedom)) * error
    return float(t.cdf((mean + margin) / error, degrees_of_freedom)), Difference(mean, mean - half, mean + half)


def _test_groups(
    first: np.ndarray, second: np.ndarray, groups: pd.Series, margin: float, confidence: float
) -> tuple[float, Difference]:
    """Compare scores whose rows belong together: the score statistic of group sums, against Student's t."""
    differences, degrees_of_freedom = first.astype(float) - second, groups.nunique() - 1
    is_bounded = first.dtype == bool
    worst = 1.0 if is_bounded else max(float(np.ptp(np.concatenate([first, second]))), TINY)
    units = significance.group_units(differences, groups, worst, is_bounded)
    p = float(t.cdf(confidence_limits.statistic(units, -margin), degrees_of_freedom))
    return p, confidence_limits.limits(units, float(t.ppf(confidence, degrees_of_freedom)))


def describe_worse(slices: Sequence[Slice], problem: str) -> list[str]:
    """Return one sentence about the slices that are worse, in their order; none if no slice is.

    Args:
        slices: Slices that were compared together.
        problem: What is said of those that are worse, such as worse by more than a margin.
    """
    worse, num_tested = [part for part in slices if part.worse], sum(part.p is not None for part in slices)
    has_several = len({part.objective for part in slices}) > 1
    texts = [
        f"{part.objective + ', ' if has_several else ''}{part.by} {part.value}, {part.challenger:.4f} against the "
        f"champion's {part.champion:.4f} on {part.rows:,} rows (p {part.p:.2g})"
        for part in worse[:MAX_NAMED]
    ]
    texts += [f"and {len(worse) - MAX_NAMED} more"] if len(worse) > MAX_NAMED else []
    start = f"{problem} in {len(worse)} of {num_tested} slices: " if num_tested > 1 else f"{problem}: "
    return [start + "; ".join(texts)] if worse else []

"""Parts of the holdout that must not pay for the whole: labels, lengths of text, values of the columns one names.

Within a slice the rows' own scores are compared, in pairs: right or wrong where the metric counts, else a value in
which more is better. A slice is worse where the champion is shown to be ahead by more than the margin; Holm's
correction keeps the chance that any is called so by mistake at 1 - confidence.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm, t

from nightshift.evaluation import confidence_limits, kinds, significance
from nightshift.evaluation.confidence_limits import Difference
from nightshift.evaluation.significance import Tables
from nightshift.records import Metric, Objective, Slice

TESTED_FROM = 50
"""Rows from which on a slice is tested: in a smaller one a single row weighs more than a margin of 0.02."""
GROUPS_FROM = 10
"""Groups from which on a slice is tested, where its rows belong together."""
TOLD = 3
"""Slices that a reason names."""
NONE = "(none)"
"""The value of rows that have none."""
TINY = 1e-12
"""The standard error of differences that are all the same."""

Paired = Callable[[np.ndarray, np.ndarray, float, float], tuple[float, Difference]]
"""From both models' scores, margin and confidence to the one-sided p-value of "not worse by more than the margin", and
the difference with its limits."""


@dataclass(frozen=True)
class Part:
    """Rows of one objective's holdout that have something in common."""

    by: str
    value: str
    rows: np.ndarray
    """Their places."""


def parts(holdout: pd.DataFrame, objective: Objective, columns: Sequence[str]) -> list[Part]:
    """The slices of a holdout: by label (rows of several labels are in each one's), by length, by the columns' values."""
    values = {"length": _lengths(holdout)}
    if objective.kind == "classification":
        labels, separator = holdout["label"], objective.sides.separator
        values = {"label": labels if separator is None else labels.str.split(separator, regex=False).explode()} | values
    records = [json.loads(text) for text in holdout["original"]] if columns else []
    found = [
        *values.items(),
        *((name, pd.Series([line.get(name) for line in records], dtype=object)) for name in columns),
    ]
    return [Part(by, value, np.asarray(rows)) for by, series in found for value, rows in _groups(series).items()]


def _groups(series: pd.Series) -> dict[str, Any]:
    words = series.map(lambda value: NONE if value is None or value != value or value == "" else str(value))
    return {str(word): rows for word, rows in words.groupby(words).groups.items()}


def _lengths(holdout: pd.DataFrame) -> pd.Series:
    """Three bands with about a third of the rows each; of pairs both texts count."""
    length = holdout[[name for name in ("text", "text_pair") if name in holdout]].map(len).sum(axis=1)
    short, middle = (int(length.quantile(share)) for share in (1 / 3, 2 / 3))
    words = [f"short (up to {short} characters)", f"middle ({short + 1} to {middle})", f"long (over {middle})"]
    return pd.Series(np.select([length <= short, length <= middle], words[:2], words[2]))


def compare(
    challenger: Tables,
    champion: Tables,
    parts: Mapping[str, Sequence[Part]],
    objectives: list[Objective],
    margin: float,
    confidence: float,
) -> list[Slice]:
    """Every slice of every objective, with both models' mean score, the worst first; those of enough rows are tested."""
    found: list[Slice] = []
    for objective in objectives:
        scores, paired = SCORES[objective.metric]
        ours, theirs = scores(challenger[objective.name]), scores(champion[objective.name])
        groups = challenger[objective.name].get(significance.GROUP)
        for part in parts[objective.name]:
            one = _slice(objective.name, part, ours[part.rows], theirs[part.rows])
            keys = None if groups is None else groups.iloc[part.rows]
            if outcome := _tested(ours[part.rows], theirs[part.rows], keys, paired, margin, confidence):
                one.p, one.interval = outcome[0], (outcome[1].lower, outcome[1].upper)
            found.append(one)
    tested = {place: one.p for place, one in enumerate(found) if one.p is not None}
    for place, worse in zip(tested, holm(list(tested.values()), 1 - confidence), strict=True):
        found[place].worse = worse
    return sorted(found, key=lambda one: (one.p is None, not one.worse, one.difference))


def _tested(
    ours: np.ndarray, theirs: np.ndarray, groups: pd.Series | None, paired: Paired, margin: float, confidence: float
) -> tuple[float, Difference] | None:
    """Return p-value and limits, by groups where rows belong together; None of too few rows or groups."""
    if len(ours) < TESTED_FROM:
        return None
    if groups is None or groups.is_unique:
        return paired(ours, theirs, margin, confidence)
    return _by_groups(ours, theirs, groups, margin, confidence) if groups.nunique() >= GROUPS_FROM else None


def _slice(objective: str, part: Part, ours: np.ndarray, theirs: np.ndarray) -> Slice:
    challenger, champion = float(ours.mean()), float(theirs.mean())
    return Slice(objective=objective, by=part.by, value=part.value, rows=len(ours), challenger=challenger,
                 champion=champion, difference=challenger - champion)  # fmt: skip


def holm(p_values: Sequence[float], alpha: float) -> list[bool]:
    """Which hypotheses fall, so that any true one does with a chance of at most `alpha`.

    Holm 1979, Scandinavian Journal of Statistics 6:65-70: from the smallest p-value on, each against alpha over the
    number of hypotheses that still stand, until the first that holds.
    """
    fallen = [False] * len(p_values)
    for step, place in enumerate(np.argsort(p_values, kind="stable")):
        if p_values[place] > alpha / (len(p_values) - step):
            break
        fallen[place] = True
    return fallen


def _counted(ours: np.ndarray, theirs: np.ndarray, margin: float, confidence: float) -> tuple[float, Difference]:
    """Right against wrong, by Tango's score statistic."""
    pair = int((ours & ~theirs).sum()), int((theirs & ~ours).sum()), len(ours)
    return float(norm.cdf(significance.score(*pair, -margin))), significance.tango(*pair, confidence)


def _measured(ours: np.ndarray, theirs: np.ndarray, margin: float, confidence: float) -> tuple[float, Difference]:
    """Student's paired t."""
    differences, free = ours - theirs, len(ours) - 1
    mean, error = float(differences.mean()), max(float(differences.std(ddof=1)) / sqrt(len(ours)), TINY)
    half = float(t.ppf(confidence, free)) * error
    return float(t.cdf((mean + margin) / error, free)), Difference(mean, mean - half, mean + half)


def _by_groups(
    ours: np.ndarray, theirs: np.ndarray, groups: pd.Series, margin: float, confidence: float
) -> tuple[float, Difference]:
    """Compare scores whose rows belong together: the score statistic of group sums, against Student's t."""
    differences, free = ours.astype(float) - theirs, groups.nunique() - 1
    worst = 1.0 if ours.dtype == bool else max(float(np.ptp(np.concatenate([ours, theirs]))), TINY)
    units = significance.by_group(differences, groups, worst, ours.dtype == bool)
    p = float(t.cdf(confidence_limits.statistic(units, -margin), free))
    return p, confidence_limits.limits(units, float(t.ppf(confidence, free)))


def _closeness(table: pd.DataFrame) -> np.ndarray:
    """The squared error, negative, in units of the labels' variance: 0 is perfect, -1 what their mean would get."""
    label, predicted = (table[name].to_numpy(float) for name in ("label", "predicted"))
    return np.asarray(-((label - predicted) ** 2) / (label.var() or 1.0))


def _likelihood(table: pd.DataFrame) -> np.ndarray:
    return (-table["loss"] / table["tokens"]).to_numpy()


SCORES: dict[Metric, tuple[Callable[[pd.DataFrame], np.ndarray], Paired]] = {
    "accuracy": (kinds.hits, _counted),
    "macro_f1": (kinds.hits, _counted),
    "weighted_f1": (kinds.hits, _counted),
    "exact_match": (kinds.exact_match, _counted),
    "chrf": (kinds.chrf, _measured),
    "pearson": (_closeness, _measured),
    "spearman": (_closeness, _measured),
    "rmse": (_closeness, _measured),
    "loss": (_likelihood, _measured),
}
"""By the gate's metric: a row's score, in which more is better, and how two models' are compared."""


def told(slices: Sequence[Slice], margin: float) -> list[str]:
    """One sentence on the slices that are worse, in their order; none where none is."""
    worse, tested = [one for one in slices if one.worse], sum(one.p is not None for one in slices)
    several = len({one.objective for one in slices}) > 1
    words = [
        f"{one.objective + ', ' if several else ''}{one.by} {one.value}, {one.challenger:.4f} against the champion's "
        f"{one.champion:.4f} on {one.rows:,} rows (p {one.p:.2g})"
        for one in worse[:TOLD]
    ]
    words += [f"and {len(worse) - TOLD} more"] if len(worse) > TOLD else []
    beyond = f"worse by more than gate.slice_margin {margin} in {len(worse)} of {tested} slices: "
    return [beyond + "; ".join(words)] if worse else []

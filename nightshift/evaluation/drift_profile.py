"""Profile of a version's predictions on its holdout, and the drift of fresh rows from it.

A profile holds shares of rows by bin: predictions, their scores, lengths of text. Fresh rows have drifted where one of these
features has shifted significantly, after Holm's correction over all features, and far enough to matter.
"""

from itertools import pairwise
from math import sqrt

import numpy as np
import pandas as pd
from pydantic import BaseModel
from scipy.stats import chi2, norm, t

from nightshift.data import drift as tests_of_drift
from nightshift.data.drift import Shift, adjusted, count_p_value
from nightshift.evaluation.kinds import form_of, metric_of
from nightshift.evaluation.metrics import hits
from nightshift.evaluation.performance_estimation import ConfidenceBin, confidence_bins
from nightshift.evaluation.prediction_tables import GROUP, score_columns
from nightshift.evaluation.significance import has_groups
from nightshift.records import Objective

FILE = "profile.json"
"""Artifact of a run."""
BINS = 10
MAX_CATEGORIES, MAX_SHOWN = 1000, 50
"""Predictions that have a bin of their own, and those that are shown; the others share one. Picking bins by their rows on the holdout
makes these shares too high, so that new rows would seem to have shifted."""
OTHER_BIN = "(other)"
MIN_SHIFT = 0.02
"""Shift from which a feature counts as drifted: the total variation distance of predictions, the Kolmogorov-Smirnov distance of numbers."""
DRIFT_ALPHA, WORSE_ALPHA = 0.03, 0.02
"""Probability of a false alarm of all features together in one comparison, and of a false drop of quality in all `WATCHES`."""
WATCHES = 90
"""Comparisons with one champion that the false alarms of quality are counted over: they share the luck of its holdout."""
NODES = 4000
"""Quantiles that stand for the distribution of the holdout's luck."""
NOISE_QUANTILE = 0.999
"""Share of samples without drift whose index is below its noise."""


class Feature(BaseModel):
    """Shares of the rows by bin: values by name, or numbers between edges."""

    edges: list[float] | None = None
    shares: dict[str, float]


class Profile(BaseModel):
    """Summary of a version's holdout."""

    rows: int
    effective: float | None = None
    """Number of independent rows that these count as; all of them where no rows belong together."""
    features: dict[str, Feature]
    score: float
    """Mean of the rows' scores by the gate's metric; more is better."""
    spread: float
    """Standard deviation of these scores; with groups that of so many independent rows that the mean is as uncertain."""
    variance: float = 1.0
    """Variance of the labels, if they are numbers: the unit of score and spread."""
    bins: list[ConfidenceBin] = []
    """Rows and right ones by confidence, for a classification with one label a row; versions registered earlier have none."""


class Drift(BaseModel):
    """Distance of one feature of fresh rows from the profile."""

    feature: str
    index: float
    """Population stability index, the sum over the bins of (q - p) · ln(q / p)."""
    noise: float
    """99.9 % quantile of the index without drift, for samples of these sizes."""
    drifted: bool
    shift: float = 0.0
    """Total variation distance of predictions, Kolmogorov-Smirnov distance of numbers."""
    p_value: float = 1.0
    """Probability of such a shift without drift, corrected for the number of features."""
    description: str = ""
    """The share that has changed most, in words."""
    shares: dict[str, tuple[float, float]]
    """Shares by bin: in the profile, now."""


def feature_values(table: pd.DataFrame, frame: pd.DataFrame, objective: Objective) -> dict[str, pd.Series]:
    """Return the features that a profile has, a value a row each."""
    texts = frame[[name for name in ("text", "text_pair") if name in frame]]
    columns = {"length of the text": texts.map(len).sum(axis=1).astype(float)}
    form = form_of(objective)
    if form in ("labels", "numbers"):
        columns["answer"] = table["predicted"].astype(float if form == "numbers" else str)
    if scores := score_columns(table):
        columns["confidence"] = table[scores].max(axis=1).astype(float)
    if form == "losses":
        columns["loss a token"] = table["loss"] / table["tokens"]
    return {name: column.reset_index(drop=True) for name, column in columns.items()}


def build_profile(table: pd.DataFrame, frame: pd.DataFrame, objective: Objective) -> Profile:
    """Return the profile of a model's predictions on rows with known labels."""
    scores = metric_of(objective).row_scores(table).astype(float)
    return Profile(
        rows=len(table),
        effective=effective_rows(table),
        features={name: _feature(column) for name, column in feature_values(table, frame, objective).items()},
        score=float(scores.mean()),
        spread=_standard_error(scores, table) * sqrt(len(table)),
        variance=_variance(table) if form_of(objective) == "numbers" else 1.0,
        bins=confidence_bins(confidences(table), hits(table)) if has_confidences(table, objective) else [],
    )


def has_confidences(table: pd.DataFrame, objective: Objective) -> bool:
    """Return True if a row's confidence estimates its chance to be right: for a classification with one label a row."""
    return bool(score_columns(table)) and objective.kind == "classification" and objective.sides.separator is None


def confidences(table: pd.DataFrame) -> np.ndarray:
    """Return the score of each row's answer, shape (rows,)."""
    return table[score_columns(table)].max(axis=1).to_numpy(float)


def effective_rows(table: pd.DataFrame) -> float:
    """Return the number of independent rows that a table's count as, if those of a group are all alike (Kish 1965, Survey Sampling)."""
    sizes = table[GROUP].value_counts().to_numpy(float) if has_groups(table) else np.ones(len(table))
    return tests_of_drift.effective_rows(sizes)


def _standard_error(scores: np.ndarray, table: pd.DataFrame) -> float:
    """Return the standard error of the mean, by sums of groups for rows that belong together (Liang and Zeger 1986,
    Biometrika 73:13-22)."""
    if not has_groups(table):
        return float(scores.std() / sqrt(len(scores)))
    codes, names = pd.factorize(table[GROUP])
    sums = np.bincount(codes, scores - scores.mean())
    return float(np.sqrt((sums**2).sum() * len(names) / max(len(names) - 1, 1))) / len(scores)


def _variance(table: pd.DataFrame) -> float:
    return float(table["label"].to_numpy(float).var()) or 1.0


def _feature(column: pd.Series) -> Feature:
    if column.dtype == float:
        edges = np.unique(np.quantile(column, np.arange(1, BINS) / BINS)).tolist()
        return Feature(edges=edges, shares=_shares(column, edges, []))
    return Feature(shares=_shares(column, None, column.value_counts().index[:MAX_CATEGORIES].tolist()))


def _shares(column: pd.Series, edges: list[float] | None, categories: list[str]) -> dict[str, float]:
    if edges is not None:
        formatted = ([f"{edge:.{digits}g}" for edge in edges] for digits in range(4, 18))
        bounds = next(bounds for bounds in formatted if len(set(bounds)) == len(edges))
        names = [
            f"up to {bounds[0]}",
            *(f"{a} to {b}" for a, b in pairwise(bounds)),
            f"over {bounds[-1]}",
        ]
        counts = np.bincount(np.searchsorted(edges, column), minlength=len(names))
        return dict(zip(names, (counts / len(column)).tolist(), strict=True))
    categorized = column.where(column.isin(categories), OTHER_BIN)
    shares = categorized.value_counts(normalize=True)
    return {name: float(shares.get(name, 0.0)) for name in [*categories, OTHER_BIN]}


def measure_drift(
    profile: Profile,
    table: pd.DataFrame,
    frame: pd.DataFrame,
    objective: Objective,
    min_shift: float = MIN_SHIFT,
    max_index: float | None = None,
) -> list[Drift]:
    """Return the drift of each feature of fresh rows, the furthest first.

    Args:
        profile: Profile of the version that predicted.
        table: Predictions on the fresh rows.
        frame: The fresh rows.
        objective: Objective of the predictions.
        min_shift: Shift from which a feature counts as drifted, if it is significant.
        max_index: Stability index that a feature must exceed besides; None for no such bound.
    """
    columns = feature_values(table, frame, objective)
    sizes = (profile.effective or profile.rows, effective_rows(table))
    comparisons = {name: _Comparison(feature, columns[name], sizes) for name, feature in profile.features.items()}
    shifts = adjusted({name: comparison.shift() for name, comparison in comparisons.items()})
    drifts = []
    for name, comparison in comparisons.items():
        index, noise = comparison.index()
        is_above = max_index is None or index > max(max_index, noise)
        drifts.append(
            Drift(
                feature=name,
                index=index,
                noise=noise,
                drifted=is_above and shifts[name].has_drifted(min_shift, DRIFT_ALPHA),
                shift=shifts[name].effect,
                p_value=shifts[name].p_value,
                description=str(shifts[name]),
                shares=comparison.shares_by_bin(),
            )
        )
    return sorted(drifts, key=lambda drift: -drift.shift)


class _Comparison:
    """A feature of fresh rows beside its profile."""

    def __init__(self, feature: Feature, column: pd.Series, sizes: tuple[float, float]) -> None:
        """Count the fresh rows by bin; `sizes` are the effective numbers of rows of the profile and of the fresh ones."""
        now = _shares(column, feature.edges, [value for value in feature.shares if value != OTHER_BIN])
        self.bins, self.is_ordered, self.sizes = list(feature.shares), feature.edges is not None, sizes
        self.shares = np.array([[part[name] for name in self.bins] for part in (feature.shares, now)])

    def shift(self) -> Shift:
        """Return the distance of the shares, and its p-value before any correction."""
        change = self.shares[1] - self.shares[0]
        distance = np.abs(change.cumsum()).max() if self.is_ordered else np.abs(change).sum() / 2
        counts = self.shares * np.array(self.sizes)[:, None]
        largest = int(np.abs(change).argmax())
        before, now = 100 * self.shares[:, largest]
        words = f"{self.bins[largest]} {before:.0f} % -> {now:.0f} %, {now - before:+.0f} points; shift {distance:.2f}"
        return Shift(float(distance), count_p_value(counts, "ordered" if self.is_ordered else "unordered"), words)

    def index(self) -> tuple[float, float]:
        """Return the population stability index, and its noise."""
        num_bins = len(self.bins)
        p, q = (
            (part * size + 0.5) / (size + 0.5 * num_bins) for part, size in zip(self.shares, self.sizes, strict=True)
        )
        noise = chi2.ppf(NOISE_QUANTILE, max(num_bins - 1, 1)) * (1 / self.sizes[0] + 1 / self.sizes[1])
        return float(((q - p) * np.log(q / p)).sum()), float(noise)

    def shares_by_bin(self) -> dict[str, tuple[float, float]]:
        """Return the shares in the profile and now; the rarest predictions of many share a bin."""
        shares = {name: (float(before), float(now)) for name, before, now in zip(self.bins, *self.shares, strict=True)}
        if len(shares) > MAX_SHOWN + 1:
            rest = shares.pop(OTHER_BIN)
            by_rows = sorted(shares, key=lambda name: -sum(shares[name]))
            rare = [rest, *(shares.pop(name) for name in by_rows[MAX_SHOWN:])]
            shares[OTHER_BIN] = sum(before for before, _ in rare), sum(now for _, now in rare)
        return shares


def quality_drop(
    profile: Profile,
    table: pd.DataFrame,
    objective: Objective,
    max_drop: float,
    watches: int = WATCHES,
) -> tuple[float, float]:
    """Return the mean score of fresh rows with known labels, and the p-value of a drop by no more than `max_drop`.

    It is the probability that any of so many watches of unchanged rows shows such a drop: they share the error of the
    holdout's score, and each has an error of its own. With one watch it is the p-value of Welch 1947, Biometrika 34:28, in
    its normal limit; where rows belong together, errors have Student's t with the fewer groups' degrees of freedom.

    Args:
        profile: Profile of the version that predicted.
        table: Predictions on the fresh rows, with their labels.
        objective: Objective of the predictions.
        max_drop: Largest drop of the mean score that is allowed.
        watches: Number of watches that the p-value is for.
    """
    scores = metric_of(objective).row_scores(table).astype(float)
    if form_of(objective) == "numbers":
        scores *= _variance(table) / profile.variance
    holdout_error = profile.spread / sqrt(profile.rows)
    fresh_error = max(_standard_error(scores, table), 1e-9)
    sizes = [effective_rows(table), profile.effective or profile.rows]
    is_grouped = has_groups(table) or sizes[1] < profile.rows
    error = t(max(min(sizes) - 1, 1)) if is_grouped else norm
    luck = holdout_error * error.ppf((np.arange(NODES) + 0.5) / NODES)
    excess = profile.score - float(scores.mean()) - max_drop
    within = error.cdf((excess - luck) / fresh_error) ** watches
    return float(scores.mean()), float(1 - within.mean())

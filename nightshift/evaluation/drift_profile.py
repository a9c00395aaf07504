"""Profile of a version's predictions on its holdout, and the drift of fresh rows from it.

A profile holds shares of rows by bin: predictions, their scores, lengths of text. Fresh rows have drifted where the
population stability index of one of these features is above a bound and above its own noise.
"""

from itertools import pairwise
from math import sqrt

import numpy as np
import pandas as pd
from pydantic import BaseModel
from scipy.stats import chi2, norm, t

from nightshift.evaluation.kinds import form_of, metric_of
from nightshift.evaluation.prediction_tables import GROUP, score_columns
from nightshift.evaluation.significance import has_groups
from nightshift.records import Objective

FILE = "profile.json"
"""Artifact of a run."""
BINS = 10
MAX_CATEGORIES = 50
"""Predictions that have a bin of their own; the others share one."""
OTHER_BIN = "(other)"
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


class Drift(BaseModel):
    """Distance of one feature of fresh rows from the profile."""

    feature: str
    index: float
    """Population stability index, the sum over the bins of (q - p) · ln(q / p)."""
    noise: float
    """99.9 % quantile of the index without drift, for samples of these sizes."""
    drifted: bool
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
        columns["confidence"] = table[scores].max(axis=1)
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
    )


def effective_rows(table: pd.DataFrame) -> float:
    """Return the number of independent rows that a table's count as, if those of a group are all alike (Kish 1965, Survey Sampling)."""
    sizes = table[GROUP].value_counts().to_numpy(float) if has_groups(table) else np.ones(len(table))
    return float(sizes.sum() ** 2 / (sizes**2).sum())


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
    profile: Profile, table: pd.DataFrame, frame: pd.DataFrame, objective: Objective, bound: float
) -> list[Drift]:
    """Return the drift of each feature of fresh rows, the furthest first.

    Args:
        profile: Profile of the version that predicted.
        table: Predictions on the fresh rows.
        frame: The fresh rows.
        objective: Objective of the predictions.
        bound: Index above which a feature counts as drifted.
    """
    columns = feature_values(table, frame, objective)
    sizes = (profile.effective or profile.rows, effective_rows(table))
    drifts = [_drift(name, feature, sizes, columns[name], bound) for name, feature in profile.features.items()]
    return sorted(drifts, key=lambda drift: -drift.index)


def _drift(name: str, feature: Feature, sizes: tuple[float, float], column: pd.Series, bound: float) -> Drift:
    """Compare a feature with its profile; `sizes` are the effective numbers of rows of the profile and of the fresh ones."""
    shares = _shares(column, feature.edges, [value for value in feature.shares if value != OTHER_BIN])
    first, second = (np.array([part[name] for name in feature.shares]) for part in (feature.shares, shares))
    p, q = ((part * size + 0.5) / (size + 0.5 * len(part)) for part, size in zip((first, second), sizes, strict=True))
    index = float(((q - p) * np.log(q / p)).sum())
    noise = float(chi2.ppf(NOISE_QUANTILE, max(len(p) - 1, 1)) * (1 / sizes[0] + 1 / sizes[1]))
    pairs = {bin_name: (feature.shares[bin_name], shares[bin_name]) for bin_name in feature.shares}
    return Drift(feature=name, index=index, noise=noise, drifted=index > max(bound, noise), shares=pairs)


def quality_drop(
    profile: Profile, table: pd.DataFrame, objective: Objective, max_drop: float, confidence: float
) -> tuple[float, bool]:
    """Return the mean score of fresh rows with known labels, and True if it is shown to have dropped by more than `max_drop`.

    Welch 1947, Biometrika 34:28, in its normal limit; where rows belong together, in that of Student's t with the fewer
    groups' degrees of freedom.

    Args:
        profile: Profile of the version that predicted.
        table: Predictions on the fresh rows, with their labels.
        objective: Objective of the predictions.
        max_drop: Largest drop of the mean score that is allowed.
        confidence: Confidence of the one-sided test.
    """
    scores = metric_of(objective).row_scores(table).astype(float)
    if form_of(objective) == "numbers":
        scores *= _variance(table) / profile.variance
    error = np.hypot(profile.spread / sqrt(profile.rows), _standard_error(scores, table))
    sizes = [effective_rows(table), profile.effective or profile.rows]
    is_grouped = has_groups(table) or sizes[1] < profile.rows
    critical = float(t.ppf(confidence, max(min(sizes) - 1, 1)) if is_grouped else norm.ppf(confidence))
    drop = profile.score - float(scores.mean())
    return float(scores.mean()), bool(drop - critical * error > max_drop)

"""What a version's answers looked like on its holdout, and whether fresh rows look otherwise.

A profile holds shares of rows by bin: what was answered, how sure, how long the texts are. Fresh rows have drifted where
the population stability index of one of them is above a bound and above its own noise.
"""

from collections.abc import Callable
from itertools import pairwise
from math import sqrt

import numpy as np
import pandas as pd
from pydantic import BaseModel
from scipy.stats import chi2, norm, t

from nightshift.evaluation import kinds
from nightshift.evaluation.significance import GROUP, grouped
from nightshift.evaluation.slices import SCORES
from nightshift.records import Objective

FILE = "profile.json"
"""Artifact of a night's run."""
BINS = 10
COMMON = 50
"""Answers that have a bin of their own; the others share one."""
OTHER = "(other)"
NOISE = 0.999
"""Share of samples without drift whose index is below its noise."""


class Feature(BaseModel):
    """Shares of the rows by bin: values by name, or numbers between edges."""

    edges: list[float] | None = None
    shares: dict[str, float]


class Profile(BaseModel):
    """A version's holdout, in short."""

    rows: int
    effective: float | None = None
    """As how many independent rows these count; all of them where no rows belong together."""
    features: dict[str, Feature]
    score: float
    """Mean over the rows of what the gate counts a row by; more is better."""
    spread: float
    """Its standard deviation; of groups that of so many independent rows that the mean is as uncertain."""
    variance: float = 1.0
    """Of its labels, where they are numbers: the unit of both."""


class Drift(BaseModel):
    """How far one feature of fresh rows is from the profile."""

    feature: str
    index: float
    """Population stability index, the sum over the bins of (q - p) · ln(q / p)."""
    noise: float
    """What the index stays below without drift, in 99.9 % of samples of these sizes."""
    drifted: bool
    shares: dict[str, tuple[float, float]]
    """By bin: in the profile, now."""


def values(table: pd.DataFrame, frame: pd.DataFrame, objective: Objective) -> dict[str, pd.Series]:
    """What a profile is made of, a value a row."""
    texts = frame[[name for name in ("text", "text_pair") if name in frame]]
    found = {"length of the text": texts.map(len).sum(axis=1).astype(float).reset_index(drop=True)}
    for name, made in MADE.items():
        if (made_of := made(table, objective)) is not None:
            found[name] = made_of.reset_index(drop=True)
    return found


def _answers(table: pd.DataFrame, objective: Objective) -> pd.Series | None:
    if objective.kind not in ("classification", "regression"):
        return None
    return table["predicted"].astype(float if objective.kind == "regression" else str)


def _confidence(table: pd.DataFrame, _objective: Objective) -> pd.Series | None:
    scores = [name for name in table if str(name).startswith(kinds.SCORE)]
    return table[scores].max(axis=1) if scores else None


def _surprise(table: pd.DataFrame, objective: Objective) -> pd.Series | None:
    return table["loss"] / table["tokens"] if objective.kind == "generation" else None


MADE: dict[str, Callable[[pd.DataFrame, Objective], pd.Series | None]] = {
    "answer": _answers,
    "confidence": _confidence,
    "loss a token": _surprise,
}


def profile(table: pd.DataFrame, frame: pd.DataFrame, objective: Objective) -> Profile:
    """Of a model's answers to rows with known labels."""
    score, _ = SCORES[objective.metric]
    rows = score(table).astype(float)
    variance = _variance(table) if objective.kind == "regression" else 1.0
    features = {name: _feature(column) for name, column in values(table, frame, objective).items()}
    return Profile(
        rows=len(table), effective=effective(table), features=features, score=float(rows.mean()),
        spread=_error(rows, table) * sqrt(len(table)), variance=variance,
    )  # fmt: skip


def effective(table: pd.DataFrame) -> float:
    """Return as how many independent rows a table's count, if those of a group are all alike (Kish 1965, Survey Sampling)."""
    sizes = table[GROUP].value_counts().to_numpy(float) if grouped(table) else np.ones(len(table))
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def _error(scores: np.ndarray, table: pd.DataFrame) -> float:
    """Return the standard error of the mean; of rows that belong together by their groups' sums (Liang and Zeger 1986,
    Biometrika 73:13-22)."""
    if not grouped(table):
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
    return Feature(shares=_shares(column, None, column.value_counts().index[:COMMON].tolist()))


def _shares(column: pd.Series, edges: list[float] | None, known: list[str]) -> dict[str, float]:
    if edges is not None:
        written = ([f"{edge:.{digits}g}" for edge in edges] for digits in range(4, 18))
        bounds = next(bounds for bounds in written if len(set(bounds)) == len(edges))
        names = [
            f"up to {bounds[0]}",
            *(f"{a} to {b}" for a, b in pairwise(bounds)),
            f"over {bounds[-1]}",
        ]
        counts = np.bincount(np.searchsorted(edges, column), minlength=len(names))
        return dict(zip(names, (counts / len(column)).tolist(), strict=True))
    named = column.where(column.isin(known), OTHER)
    shares = named.value_counts(normalize=True)
    return {name: float(shares.get(name, 0.0)) for name in [*known, OTHER]}


def drifts(
    before: Profile, table: pd.DataFrame, frame: pd.DataFrame, objective: Objective, bound: float
) -> list[Drift]:
    """Each feature of fresh rows against the profile, the furthest first."""
    now = values(table, frame, objective)
    found = [
        _drift(name, feature, (before.effective or before.rows, effective(table)), now[name], bound)
        for name, feature in before.features.items()
    ]
    return sorted(found, key=lambda drift: -drift.index)


def _drift(name: str, feature: Feature, rows: tuple[float, float], column: pd.Series, bound: float) -> Drift:
    """Compare a feature with its profile; `rows` are as many as the profile's and the fresh ones count."""
    shares = _shares(column, feature.edges, [value for value in feature.shares if value != OTHER])
    first, second = (np.array([part[bin_] for bin_ in feature.shares]) for part in (feature.shares, shares))
    p, q = ((part * size + 0.5) / (size + 0.5 * len(part)) for part, size in zip((first, second), rows, strict=True))
    index = float(((q - p) * np.log(q / p)).sum())
    noise = float(chi2.ppf(NOISE, max(len(p) - 1, 1)) * (1 / rows[0] + 1 / rows[1]))
    pairs = {bin_: (feature.shares[bin_], shares[bin_]) for bin_ in feature.shares}
    return Drift(feature=name, index=index, noise=noise, drifted=index > max(bound, noise), shares=pairs)


def worse(
    before: Profile, table: pd.DataFrame, objective: Objective, max_drop: float, confidence: float
) -> tuple[float, bool]:
    """The mean score of fresh rows whose labels are known, and whether it is shown to have dropped by more than `max_drop`.

    Welch 1947, Biometrika 34:28, in its normal limit; where rows belong together, in that of Student's t with the fewer
    groups' degrees of freedom.
    """
    score, _ = SCORES[objective.metric]
    rows = score(table).astype(float)
    if objective.kind == "regression":
        rows *= _variance(table) / before.variance
    error = np.hypot(before.spread / sqrt(before.rows), _error(rows, table))
    counted = [effective(table), before.effective or before.rows]
    together = grouped(table) or counted[1] < before.rows
    critical = float(t.ppf(confidence, max(min(counted) - 1, 1)) if together else norm.ppf(confidence))
    drop = before.score - float(rows.mean())
    return float(rows.mean()), bool(drop - critical * error > max_drop)

"""Years of nights whose rows belong together, for `nightshift bench gate`: every row is drawn."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy.stats import norm, t

from benchmarks import gate
from benchmarks.f1 import Metric, influences
from nightshift.evaluation import confidence_limits
from nightshift.evaluation.significance import MIN_CHANGED_UNITS

NAMES = ("10 rows a group", "groups of Zipf sizes", "near duplicates")


@dataclass(frozen=True)
class Rows:
    """One side's rows, sorted by group; labels by turns."""

    starts: np.ndarray
    sizes: np.ndarray
    share: float
    """Of a row's luck, what its difficulty explains, the same for all models."""
    icc: float
    """Of the rest, what the group explains; near 1 of near duplicates, which share their difficulty too."""
    random: np.random.Generator

    @property
    def group(self) -> np.ndarray:
        """The group of each row."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    def luck(self, years: int) -> np.ndarray:
        """Return standard normal numbers that are correlated in groups; shape (years, rows)."""
        common = self.random.normal(size=(years, len(self.sizes)))[:, self.group]
        return np.sqrt(self.icc) * common + np.sqrt(1 - self.icc) * self.random.normal(size=common.shape)

    def difficulty(self, years: int) -> np.ndarray:
        """Return each row's difficulty, times the root of its share."""
        alike = self.icc > 0.9
        own = self.luck(years) if alike else self.random.normal(size=(years, self.sizes.sum()))
        return np.sqrt(self.share) * own

    def answer(self, difficulty: np.ndarray, accuracy: np.ndarray) -> np.ndarray:
        """Return which rows a model has right."""
        luck = np.sqrt(1 - self.share) * self.luck(len(difficulty))
        return np.asarray(difficulty + luck < norm.ppf(accuracy)[:, None])


def side(name: str, rows: int, share: float, random: np.random.Generator) -> Rows:
    """Return a side with groups of a kind."""
    sizes = np.full(rows // 10, 10)
    if name == NAMES[1]:
        ranks = 1 / np.arange(1, rows // 10 + 1)
        sizes = np.maximum((rows * ranks / ranks.sum()).astype(int), 1)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    return Rows(starts, sizes, share, 0.98 if name == NAMES[2] else 0.5, random)


def shown(
    sides: dict[str, Rows],
    answers: dict[str, dict[str, np.ndarray]],
    metric: Metric,
    name: str,
    role: str,
    years: np.ndarray,
    bound: float,
    confidence: Any,
) -> np.ndarray:
    """Return in which years a difference above a bound is shown, by groups, as `nightshift.evaluation.significance` does it.

    Args:
        sides: The rows of each side.
        answers: Which rows are right, by side and role.
        metric: What is compared.
        name: The side that is looked at.
        role: Who the challenger is compared with.
        years: Those that are asked for.
        bound: Of the difference.
        confidence: Of the limit.
    """
    passed = np.zeros(len(years), dtype=bool)
    if not years.any():
        return passed
    rows, level = sides[name], np.broadcast_to(confidence, years.shape)[years]
    first, second = (answers[name][who][years] for who in ("challenger", role))
    label = np.arange(first.shape[1]) % 2
    worst = np.ones(len(first))
    if metric.name == "accuracy":
        values = first.astype(float) - second
    else:
        code = 4 * label + 2 * first + second
        offset = 8 * np.arange(len(first))[:, None]
        counts = np.bincount((code + offset).ravel(), minlength=8 * len(first)).reshape(-1, 2, 4)
        difference, contributions, worst = influences(counts, level)
        values = np.take_along_axis(contributions.reshape(len(first), 8), code, axis=1) + difference[:, None]
    groups, scale = len(rows.sizes), len(rows.sizes) / rows.sizes.sum()
    sums = np.add.reduceat(values, rows.starts, axis=1) * scale
    differ = (np.add.reduceat((first != second).astype(int), rows.starts, axis=1) > 0).sum(axis=1)
    typical = np.where(differ < MIN_CHANGED_UNITS, float((rows.sizes**2).sum() / rows.sizes.sum()), 1.0)
    reach = np.maximum(worst * typical * scale, np.abs(sums).max(axis=1))
    found = confidence_limits.Units(sums, reach, 1.0, scale * rows.sizes, scale * typical)
    passed[years] = confidence_limits.statistic(found, np.full(len(first), bound)) > t.ppf(level, groups - 1)
    return passed


def simulate(name: str, metric: Metric, rows: int, years: int, gap: float, cheaper: bool) -> dict[str, np.ndarray]:
    """Simulate years; see `benchmarks.gate.simulate`.

    Args:
        name: The kind of groups.
        metric: What the gate goes by.
        rows: Of the holdout.
        years: How many.
        gap: True metric of a challenger minus the champion's.
        cheaper: Whether every challenger is.
    """
    random, share = np.random.default_rng(rows), gate._spread(0.075)
    champion = np.full(years, gate.START)
    anchor = champion.copy()
    sides = {
        which: side(name, size, share, random)
        for which, size in (("holdout", rows), ("validation", int(gate.VALIDATION * rows)))
    }
    hard = {which: found.difficulty(years) for which, found in sides.items()}
    answers = {
        which: dict.fromkeys(("champion", "anchor"), found.answer(hard[which], champion))
        for which, found in sides.items()
    }
    total = {"wrong": np.zeros(years), "promotions": np.zeros(years), "tests": np.zeros(years)}
    for _ in range(gate.NIGHTS):
        fresh = champion + gap
        for which, found in sides.items():
            answers[which]["challenger"] = found.answer(hard[which], fresh)
        ask = partial(shown, sides, answers, metric)
        better, near, tested = gate.decide(ask, cheaper, total["tests"], champion != anchor, gate.SETTINGS)
        margin = gate.SETTINGS.margin + 1e-12
        total["wrong"] += (better & (gap <= 0)) | (near & ((fresh <= champion - margin) | (fresh <= anchor - margin)))
        moved = better | near
        total["promotions"] += moved
        total["tests"] += tested
        for found in answers.values():
            for role, years_of in (("champion", moved), ("anchor", better)):
                found[role] = np.where(years_of[:, None], found["challenger"], found[role])
        champion, anchor = np.where(moved, fresh, champion), np.where(better, fresh, anchor)
    return total | {"change": champion - gate.START}


LINES = [
    *((name, metric, rows, 0.0, False) for name in NAMES for metric in (gate.MACRO_F1, gate.ACCURACY) for rows in (200, 1000)),
    *((name, gate.MACRO_F1, 1000, -0.006, True) for name in NAMES),
]  # fmt: skip
"""Groups, metric, rows, gap, cheaper."""


def rows(years: int) -> list[dict[str, Any]]:
    """Return the lines of the table."""
    return [
        gate.line(f"{'cheaper, 0.6 points worse' if cheaper else 'equal'}, {name}", "nightshift", str(metric), size, 7.5,
                  simulate(name, metric, size, years, gap, cheaper))
        for name, metric, size, gap, cheaper in LINES
    ]  # fmt: skip

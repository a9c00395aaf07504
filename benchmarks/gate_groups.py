"""Simulated years with groups of rows, for `nightshift bench gate`; here every row is drawn."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy.stats import norm, t

from benchmarks import gate_policies
from benchmarks import gate_simulation as gate
from benchmarks.f1 import Metric, influences
from nightshift.evaluation import confidence_limits
from nightshift.evaluation.significance import MIN_CHANGED_UNITS

NAMES = ("10 rows a group", "groups of Zipf sizes", "near duplicates")


@dataclass(frozen=True)
class Rows:
    """Rows of a side of the split, sorted by group, with alternating labels."""

    starts: np.ndarray
    sizes: np.ndarray
    share: float
    """Share of a row's variance that its difficulty explains, which is the same for all models."""
    icc: float
    """Share of the remaining variance that the group explains; near 1 for near duplicates, which share their difficulty."""
    random: np.random.Generator

    @property
    def group(self) -> np.ndarray:
        """Group of each row."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    def luck(self, years: int) -> np.ndarray:
        """Draw standard normal numbers that are correlated within groups; shape (years, rows)."""
        common = self.random.normal(size=(years, len(self.sizes)))[:, self.group]
        return np.sqrt(self.icc) * common + np.sqrt(1 - self.icc) * self.random.normal(size=common.shape)

    def difficulty(self, years: int) -> np.ndarray:
        """Draw the difficulty of each row, times the square root of its share."""
        alike = self.icc > 0.9
        luck = self.luck(years) if alike else self.random.normal(size=(years, self.sizes.sum()))
        return np.sqrt(self.share) * luck

    def answer(self, difficulty: np.ndarray, accuracy: np.ndarray) -> np.ndarray:
        """Return True for rows that a model predicts correctly; shape (years, rows)."""
        luck = np.sqrt(1 - self.share) * self.luck(len(difficulty))
        return np.asarray(difficulty + luck < norm.ppf(accuracy)[:, None])


def side(name: str, rows: int, share: float, random: np.random.Generator) -> Rows:
    """Return a side of the split with groups of one kind.

    Args:
        name: Kind of groups, one of `NAMES`.
        rows: Number of rows.
        share: Share of a row's variance that its difficulty explains.
        random: Generator of the random numbers.
    """
    sizes = np.full(rows // 10, 10)
    if name == NAMES[1]:
        ranks = 1 / np.arange(1, rows // 10 + 1)
        sizes = np.maximum((rows * ranks / ranks.sum()).astype(int), 1)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    return Rows(starts, sizes, share, 0.98 if name == NAMES[2] else 0.5, random)


def z_score(
    sides: dict[str, Rows],
    answers: dict[str, dict[str, np.ndarray]],
    metric: Metric,
    name: str,
    role: str,
    years: np.ndarray,
    bound: float,
    confidence: Any,
) -> np.ndarray:
    """Return the z of the difference being above a bound, -inf elsewhere, by groups as in `nightshift.evaluation.significance`.

    Args:
        sides: Rows of each side.
        answers: Correct rows, by side and role.
        metric: Metric that is compared.
        name: Side that is tested on.
        role: Model that the challenger is compared with.
        years: True for years to test.
        bound: Bound of the difference.
        confidence: Confidence of the limit.
    """
    z = np.full(len(years), -np.inf)
    if not years.any():
        return z
    rows, level = sides[name], np.broadcast_to(confidence, years.shape)[years]
    first, second = (answers[name][model][years] for model in ("challenger", role))
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
    units = confidence_limits.Units(sums, reach, 1.0, scale * rows.sizes, scale * typical)
    z[years] = norm.isf(t.sf(confidence_limits.statistic(units, np.full(len(first), bound)), groups - 1))
    return z


def simulate(name: str, metric: Metric, rows: int, years: int, gap: float, cheaper: bool) -> dict[str, np.ndarray]:
    """Simulate years; see `benchmarks.gate.simulate`.

    Args:
        name: Kind of groups, one of `NAMES`.
        metric: Metric that the gate compares.
        rows: Number of rows of the holdout.
        years: Number of years.
        gap: True metric of a challenger minus that of the champion.
        cheaper: True if every challenger is cheaper.
    """
    random, share = np.random.default_rng(rows), gate.difficulty_share(0.075)
    champion = np.full(years, gate.START)
    anchor = champion.copy()
    sides = {
        side_name: side(name, size, share, random)
        for side_name, size in (("holdout", rows), ("validation", int(gate_policies.VALIDATION * rows)))
    }
    difficulties = {side_name: side_rows.difficulty(years) for side_name, side_rows in sides.items()}
    answers = {
        side_name: dict.fromkeys(("champion", "anchor"), side_rows.answer(difficulties[side_name], champion))
        for side_name, side_rows in sides.items()
    }
    total = {"wrong": np.zeros(years), "promotions": np.zeros(years), "tests": np.zeros(years)}
    unspent, num_compared, num_likely = np.full(years, gate_policies.SETTINGS.budget), np.zeros(years), np.zeros(years)
    for _ in range(gate.RUNS_PER_YEAR):
        fresh = champion + gap
        for side_name, side_rows in sides.items():
            answers[side_name]["challenger"] = side_rows.answer(difficulties[side_name], fresh)
        test = partial(z_score, sides, answers, metric)
        better, is_cheaper, alpha = gate_policies.nightshift_gate(
            gate_policies.PolicyInput(test, cheaper, champion != anchor, unspent, num_compared, num_likely)
        )
        unspent = unspent - alpha
        margin = gate_policies.SETTINGS.margin + 1e-12
        total["wrong"] += (better & (gap <= 0)) | (
            is_cheaper & ((fresh <= champion - margin) | (fresh <= anchor - margin))
        )
        is_promoted = better | is_cheaper
        total["promotions"] += is_promoted
        total["tests"] += alpha > 0
        num_compared, num_likely = (
            np.where(is_promoted, 0, count + more) for count, more in ((num_compared, 1), (num_likely, alpha > 0))
        )
        for side_answers in answers.values():
            for role, promoted_years in (("champion", is_promoted), ("anchor", better)):
                side_answers[role] = np.where(promoted_years[:, None], side_answers["challenger"], side_answers[role])
        champion, anchor = np.where(is_promoted, fresh, champion), np.where(better, fresh, anchor)
    return total | {"change": champion - gate.START, "behind": np.zeros(years)}


LINES = [
    *((name, metric, rows, 0.0, False) for name in NAMES for metric in (gate.MACRO_F1, gate.ACCURACY) for rows in (200, 1000)
      if rows > 200 or metric is gate.ACCURACY),
    *((name, gate.MACRO_F1, 1000, -0.006, True) for name in NAMES),
]  # fmt: skip
"""Groups, metric, rows, gap, cheaper."""


def row(
    name: str, metric: Metric, size: int, gap: float, cheaper: bool, years: int, line: Callable[..., dict[str, Any]]
) -> dict[str, Any]:
    """Return a line of the table.

    Args:
        name: Kind of groups, one of `NAMES`.
        metric: Metric that the gate compares.
        size: Number of rows of the holdout.
        gap: True metric of a challenger minus that of the champion.
        cheaper: True if every challenger is cheaper.
        years: Number of years.
        line: `benchmarks.gate.line`.
    """
    scenario = f"{'cheaper, 0.6 points worse' if cheaper else 'equal'}, {name}"
    return line(scenario, "nightshift", str(metric), size, 7.5, simulate(name, metric, size, years, gap, cheaper))

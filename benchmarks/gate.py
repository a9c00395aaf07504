"""`nightshift bench gate`: simulated years of nights, for our gate, "better wins" and a fixed test a night.

Rows have a difficulty, and models answer a row right independently, given it: accuracy and the share of rows on which
two equal models disagree fix the distribution. Within a label and a difficulty only counts matter, so a night is a few
binomial draws and rows are never listed. Champion and anchor keep their answers on the holdout for as long as they stay.
Rows that belong together are another simulation (`benchmarks.gate_groups`).
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm, t

from benchmarks.f1 import Metric, units
from benchmarks.train import say
from nightshift.evaluation import confidence_limits, significance
from nightshift.evaluation.claims import SCREENING_CONFIDENCE
from tasks.gate.stage import GateSettings

START = 0.9
"""Accuracy of the first champion."""
DIFFICULTIES = norm.ppf((np.arange(20) + 0.5) / 20)
VALIDATION = 0.4
"""Rows of validation for each of the holdout, as the split has it by default."""
NIGHTS = 365
QUIET = 100
"""Nights with nothing to gain before a gain appears."""
PATIENCE = 60
"""Nights after it that are looked at."""
SETTINGS = GateSettings()
AIMS = ((0.01, 0.05, 2, None), (0.01, 0.075, 5, None), (0.02, 0.1, 1, 3))
"""Gain, disagreement, the most nights to a promotion: the median, and the 90th percentile."""
ACCURACY = Metric("accuracy", (1.0,))
MACRO_F1, SKEWED = Metric("macro_f1"), Metric("macro_f1", (0.9, 0.1))
FEW = 0.012
"""Share of rows that differ where few do."""


@dataclass(frozen=True)
class Scenario:
    """What the nights of a year bring."""

    name: str
    gap: float = 0.0
    """True metric of a challenger minus the champion's tonight."""
    noise: float = 0.0
    """Standard deviation, over the nights, of a challenger's true metric around that of the first champion."""
    decay: float = 0.0
    """What the champion loses on new rows a night, and the challengers do not."""
    cheaper: bool = False
    growing: bool = False
    """The holdout grows from half of its rows to all."""


SCENARIOS = [
    Scenario("equal"),
    Scenario("equal, on a growing holdout", growing=True),
    Scenario("each 0.2 points worse than the champion", gap=-0.002),
    Scenario("each 0.2 points better", gap=0.002),
    Scenario("cheaper, equal", cheaper=True),
    Scenario("cheaper, 0.2 points worse", gap=-0.002, cheaper=True),
    Scenario("cheaper, 0.6 points worse", gap=-0.006, cheaper=True),
    Scenario("seeds: 0.3 points up or down", noise=0.003),
    Scenario("seeds, cheaper", noise=0.003, cheaper=True),
    Scenario("drifting, growing", noise=0.003, decay=0.0001, growing=True),
]
BEYOND = Scenario("cheaper, 0.55 points worse", gap=-0.0055, cheaper=True)
F1_LINES = [
    *((scenario, MACRO_F1, rows, 0.075) for scenario in (SCENARIOS[0], SCENARIOS[4], SCENARIOS[6]) for rows in (200, 1000, 5000)),
    *((BEYOND, metric, rows, FEW) for metric in (ACCURACY, MACRO_F1, SKEWED) for rows in (100, 204, 500, 1000)),
    *((SCENARIOS[0], MACRO_F1, rows, FEW) for rows in (204, 1000)),
    *((SCENARIOS[0], SKEWED, rows, 0.075) for rows in (200, 1000)),
]  # fmt: skip
"""Scenario, metric, rows, disagreement."""
NAIVE = (SCENARIOS[0], SCENARIOS[5])
"""Scenarios that the naive gates are shown at."""


@cache
def _spread(disagreement: float) -> float:
    """The share of variance that a row's difficulty explains, at which two models of accuracy START disagree so often."""

    def surplus(share: float) -> float:
        right = _right(np.array([START]), share)[0]
        return float((2 * right * (1 - right)).mean()) - disagreement

    return float(brentq(surplus, 1e-6, 1 - 1e-6))


def _right(accuracy: np.ndarray, share: float) -> np.ndarray:
    """Chance that models of these true accuracies are right, by difficulty; shape (models, difficulties)."""
    levels = np.linspace(-1, 6, 2001)
    chances = norm.cdf((levels[:, None] + np.sqrt(share) * DIFFICULTIES) / np.sqrt(1 - share))
    level = np.interp(accuracy, chances.mean(axis=1), levels)
    return norm.cdf((level[:, None] + np.sqrt(share) * DIFFICULTIES) / np.sqrt(1 - share))


class Side:
    """One side's rows in many years at once, by label and difficulty."""

    def __init__(self, rows: int, right: np.ndarray, random: np.random.Generator, metric: Metric = ACCURACY) -> None:
        self.random, self.labels = random, np.array(metric.labels)
        self.kinds = np.repeat(self.labels, right.shape[1]) / right.shape[1]
        self.cells = np.zeros((len(right), len(self.kinds), 4), dtype=np.int64)
        self.grow(rows, right, right, np.ones(len(right), dtype=bool))

    def grow(self, rows: int, champion: np.ndarray, anchor: np.ndarray, same: np.ndarray) -> None:
        """New rows, as champion and anchor answer them; in years where they are the same model, alike."""
        champion, anchor = (np.tile(right, len(self.labels)) for right in (champion, anchor))
        count = self.random.multinomial(rows, self.kinds, size=len(self.cells))
        ours = self.random.binomial(count, champion)
        both = np.where(same[:, None], ours, self.random.binomial(ours, anchor))
        theirs = np.where(same[:, None], 0, self.random.binomial(count - ours, anchor))
        self.cells += np.stack([count - ours - theirs, theirs, ours - both, both], axis=2)

    def answer(self, right: np.ndarray) -> np.ndarray:
        """How many rows of each cell a challenger has right."""
        return self.random.binomial(self.cells, np.tile(right, len(self.labels))[:, :, None])

    def changed(self, hits: np.ndarray) -> dict[str, np.ndarray]:
        """Rows by role, year, label and, last, by who is right: neither, the role alone, the challenger alone, both."""
        missed = self.cells - hits
        years, labels = len(hits), len(self.labels)
        found = {}
        for role, wrong, good in (("champion", [0, 1], [2, 3]), ("anchor", [0, 2], [1, 3])):
            parts = [missed[:, :, wrong], missed[:, :, good], hits[:, :, wrong], hits[:, :, good]]
            by_kind = np.stack([part.sum(axis=2) for part in parts], axis=2)
            found[role] = by_kind.reshape(years, labels, -1, 4).sum(axis=2)
        return found

    def move(self, years: np.ndarray, as_anchor: np.ndarray, hits: np.ndarray) -> None:
        """The challenger is the champion now, in some of these years the anchor too."""
        wins, total = hits, self.cells
        anchor_right = [1, 3]
        right_both, right_all = wins[:, :, anchor_right].sum(axis=2), wins.sum(axis=2)
        anchor_all, all_rows = total[:, :, anchor_right].sum(axis=2), total.sum(axis=2)
        cheaper = np.stack(
            [
                all_rows - right_all - anchor_all + right_both,
                anchor_all - right_both,
                right_all - right_both,
                right_both,
            ],
            axis=2,
        )
        zero = np.zeros_like(right_all)
        better = np.stack([all_rows - right_all, zero, zero, right_all], axis=2)
        self.cells[years] = np.where(as_anchor[:, None, None], better, cheaper)[years]

    @property
    def rows(self) -> int:
        return int(self.cells[0].sum())


@dataclass
class Seen:
    """What a policy may look at tonight."""

    changed: dict[str, dict[str, np.ndarray]]
    """Rows by side and role: year, label, who is right (see `Side.changed`)."""
    cheaper: bool
    spent: np.ndarray
    """Tests so far."""
    anchored: np.ndarray
    """Whether the anchor is another version than the champion."""
    metric: Metric = ACCURACY


Claims = tuple[np.ndarray, np.ndarray, np.ndarray]
"""By year: promoted as better, promoted as cheaper, a test was spent."""
Shown = Callable[[str, str, np.ndarray, float, Any], np.ndarray]
"""Whether, on a side, against a role and in these years, a difference above a bound is shown at a confidence."""


def ours(seen: Seen, settings: GateSettings = SETTINGS) -> Claims:
    """The gate's decision on one objective, for many years at once."""
    return decide(partial(_shown, seen), seen.cheaper, seen.spent, seen.anchored, settings)


def decide(shown: Shown, cheaper: bool, spent: np.ndarray, anchored: np.ndarray, settings: GateSettings) -> Claims:
    """Decide as `tasks.gate.stage` does, by year.

    Args:
        shown: What the rows show.
        cheaper: Whether a lower cost is shown.
        spent: The tests of the year.
        anchored: Whether the anchor is another version than the champion.
        settings: The gate's.
    """
    every = np.ones(len(spent), dtype=bool)

    def near(side: str, years: np.ndarray, confidence: Any) -> np.ndarray:
        close = shown(side, "champion", years, -settings.margin, confidence)
        apart = close & anchored
        return close & (~apart | shown(side, "anchor", apart, -settings.margin, confidence))

    likely_better = shown("validation", "champion", every, 0.0, SCREENING_CONFIDENCE)
    likely_near = near("validation", every, SCREENING_CONFIDENCE) if cheaper else ~every
    tested = (likely_better | likely_near) & (spent < settings.tests_per_year)
    confidence = 1 - settings.alpha / np.where(likely_better & likely_near & anchored, 2, 1)
    close = near("holdout", tested & likely_near, confidence)
    better = shown("holdout", "champion", tested, 0.0, confidence) & (likely_better | close)
    return better, close & ~better, tested


def _shown(seen: Seen, side: str, role: str, years: np.ndarray, bound: float, confidence: Any) -> np.ndarray:
    found = np.zeros(len(years), dtype=bool)
    if not years.any():
        return found
    counts = seen.changed[side][role][years]
    level = np.broadcast_to(confidence, years.shape)[years]
    if seen.metric.name != "accuracy":
        rows = counts.sum(axis=(1, 2))
        found[years] = confidence_limits.statistic(units(counts, level), np.full(len(counts), bound)) > t.ppf(
            level, rows - 1
        )
        return found
    lost, gained = counts.sum(axis=1)[:, 1], counts.sum(axis=1)[:, 2]
    passed = significance.tango_statistic(gained, lost, counts.sum(axis=(1, 2)), bound) > norm.ppf(level)
    found[years] = passed & ((bound < 0) | (significance.mid_p(gained, lost) <= 1 - level))
    return found


def _counted(seen: Seen, role: str = "champion") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    counts = seen.changed["holdout"][role].sum(axis=1)
    return counts[:, 2], counts[:, 1], counts.sum(axis=1)


def better_wins(seen: Seen) -> Claims:
    """Promotes what has more rows right, and what is cheaper and no more than the margin below."""
    gained, lost, rows = _counted(seen)
    better = gained > lost
    near = gained - lost > -SETTINGS.margin * rows
    return better, ~better & near & seen.cheaper, np.ones_like(better)


def fixed_test(seen: Seen) -> Claims:
    """A test at 5 % on the holdout every night, against the champion alone."""
    every = np.ones(len(seen.spent), dtype=bool)
    better = _shown(seen, "holdout", "champion", every, 0.0, 0.95)
    near = _shown(seen, "holdout", "champion", every, -SETTINGS.margin, 0.95)
    return better, ~better & near & seen.cheaper, every


POLICIES: dict[str, Callable[[Seen], Claims]] = {
    "nightshift": ours,
    "better wins": better_wins,
    "5 % a night": fixed_test,
}


def simulate(
    scenario: Scenario,
    policy: Callable[[Seen], Claims],
    rows: int,
    disagreement: float,
    years: int,
    seed: int,
    nights: int = NIGHTS,
    gain: float = 0.0,
    metric: Metric = ACCURACY,
) -> dict[str, np.ndarray]:
    """Simulate years; with `gain` challengers are so much better than the first champion from night QUIET on.

    By year: `wrong` (claims that are false), `promotions`, `tests`, `change` (the last champion's true metric minus
    the first one's at the start) and `wait` (nights from QUIET to the first promotion, `nights` where there is none).
    """
    random, share = np.random.default_rng(seed), _spread(disagreement)
    start = float(metric.value(START))
    champion = np.full(years, start)
    anchor, begun = champion.copy(), rows // 2 if scenario.growing else rows

    def right(value: np.ndarray) -> np.ndarray:
        return _right(metric.accuracy(value), share)

    sides = {"holdout": Side(begun, right(champion), random, metric),
             "validation": Side(int(VALIDATION * begun), right(champion), random, metric)}  # fmt: skip
    total = {"wrong": np.zeros(years), "promotions": np.zeros(years), "tests": np.zeros(years)}
    wait = np.full(years, nights)
    for night in range(nights):
        if scenario.growing:
            champion, anchor = champion - scenario.decay, anchor - scenario.decay
            for name, size in (("holdout", rows), ("validation", int(VALIDATION * rows))):
                more = int(size / 2 * (night + 1) / nights) - int(size / 2 * night / nights)
                sides[name].grow(more, right(champion), right(anchor), champion == anchor)
        fresh = start + random.normal(0, scenario.noise, years) if scenario.noise else champion + scenario.gap
        if gain and night >= QUIET:
            fresh = np.full(years, start + gain)
        hits = {name: side.answer(right(fresh)) for name, side in sides.items()}
        changed = {name: side.changed(hits[name]) for name, side in sides.items()}
        seen = Seen(changed, scenario.cheaper, total["tests"], champion != anchor, metric)
        better, cheaper, tested = policy(seen)
        margin = SETTINGS.margin + 1e-12
        false_better = better & (fresh <= champion + 1e-12)
        false_cheaper = cheaper & ((fresh <= champion - margin) | (fresh <= anchor - margin))
        moved = better | cheaper
        total["wrong"] += false_better | false_cheaper
        total["promotions"] += moved
        total["tests"] += tested
        wait = np.where(moved & (night >= QUIET), np.minimum(wait, night - QUIET + 1), wait)
        for name, side in sides.items():
            side.move(moved, better, hits[name])
        champion = np.where(moved, fresh, champion)
        anchor = np.where(better, fresh, anchor)
    return total | {"change": champion - start, "wait": wait}


def main(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark."""
    from benchmarks import gate_groups

    parser = argparse.ArgumentParser(prog="nightshift bench gate", allow_abbrev=False)
    parser.add_argument("--years", type=int, default=500, help="of each line of the table")
    parser.add_argument("--rows", default="1000,5000", help="of the holdout, with accuracy")
    parser.add_argument(
        "--disagreement", default="0.075", help="share of rows where two equal models differ, with accuracy"
    )
    parser.add_argument("--tests-per-year", default=str(SETTINGS.tests_per_year), help="of how soon a gain is found")
    told = parser.parse_args(arguments)
    sizes, shares = [int(n) for n in told.rows.split(",")], [float(n) for n in told.disagreement.split(",")]
    lines = [
        (scenario, ACCURACY, rows, share, "nightshift") for scenario in SCENARIOS for rows in sizes for share in shares
    ]
    lines += [
        (scenario, ACCURACY, sizes[-1], shares[0], policy)
        for scenario in NAIVE
        for policy in POLICIES
        if policy != "nightshift"
    ]
    lines += [(*line, "nightshift") for line in F1_LINES]
    rows = [_row(*line, told.years) for line in lines] + gate_groups.rows(told.years)
    worst = max(row[WRONG] for row in rows if row["gate"] == "nightshift")
    notes = [f"wrong claims of ours in at most {worst:g} % of years; aim 5: {_met(worst <= 5)}",
             *(_wait(*aim, told.years, int(tests)) for tests in told.tests_per_year.split(",") for aim in AIMS),
             f"{told.years:,} years of {NIGHTS} nights a line, the first champion's accuracy {START}, margin "
             f"{SETTINGS.margin}, confidence {SETTINGS.confidence}, {SETTINGS.tests_per_year} tests a year; validation has "
             f"{VALIDATION} of the holdout's rows; a year's holdout is the same throughout or grows from a half; standard "
             f"errors: {error(0.05, told.years):.1f} points at 5 %, {error(0.01, told.years):.1f} at 1 %",
             "macro_f1 has two labels, of equally many rows or 90:10",
             "groups: models go wrong on the rows of a group together. 10 rows each: the intraclass correlation of what a "
             "model has besides the rows' difficulty is 0.5; Zipf: the same, sizes fall as 1 / rank; near duplicates: all "
             "rows of a group are answered alike but for 2 %",
             "change: the last champion's true metric minus the first one's at the start, in points, mean; drifting, "
             "a champion that stays loses 3.65"]  # fmt: skip
    return {"table": rows, "notes": notes}


def error(rate: float, years: int) -> float:
    """Return the standard error of a share of years, in points."""
    return float(100 * np.sqrt(rate * (1 - rate) / years))


WRONG = "years with a wrong claim, %"


def _row(scenario: Scenario, metric: Metric, rows: int, share: float, policy: str, years: int) -> dict[str, Any]:
    return line(scenario.name, policy, str(metric), rows, 100 * share,
                simulate(scenario, POLICIES[policy], rows, share, years, seed=1, metric=metric))  # fmt: skip


def line(bring: str, policy: str, metric: str, rows: int, disagreement: float, years: dict[str, Any]) -> dict[str, Any]:
    """Return a line of the table.

    Args:
        bring: What the nights bring.
        policy: The gate.
        metric: What it goes by.
        rows: Of the holdout.
        disagreement: In percent.
        years: What `simulate` returned.
    """
    row = {
        "nights bring": bring,
        "gate": policy,
        "metric": metric,
        "rows": rows,
        "disagreement, %": disagreement,
        WRONG: round(100 * float((years["wrong"] > 0).mean()), 1),
        "promotions a year": round(float(years["promotions"].mean()), 2),
        "tests a year": round(float(years["tests"].mean()), 1),
        "change, points": round(100 * float(years["change"].mean()), 2),
    }
    say(" | ".join(map(str, row.values())))
    return row


def _wait(gain: float, share: float, middle: int, late: int | None, years: int, tests: int) -> str:
    policy = partial(ours, settings=GateSettings(tests_per_year=tests))
    wait = simulate(SCENARIOS[0], policy, 5000, share, years, seed=2, nights=QUIET + PATIENCE, gain=gain)["wait"]
    half, most = (int(np.quantile(wait, q, method="higher")) for q in (0.5, 0.9))
    met = half <= middle and (late is None or most <= late)
    within = f"90 % within {most}" if most <= PATIENCE else f"more than a tenth not within {PATIENCE}"
    aim = f"median {middle}" + (f", 90 % within {late}" if late else "")
    return (f"a gain of {100 * gain:g} points at {100 * share:g} % disagreement, 5,000 rows, {tests} tests a year, after {QUIET} nights "
            f"with nothing to gain: promoted in a median of {half} nights, {within}; aim {aim}: {_met(met)}")  # fmt: skip


def _met(so: bool) -> str:
    return "met" if so else "missed"

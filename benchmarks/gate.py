"""`nightshift bench gate`: thousands of simulated years of nights, for our gate, "better wins" and a fixed test a night.

Rows have a difficulty, and models answer a row right independently, given it: accuracy and the share of rows on which
two equal models disagree fix the distribution. Within a difficulty only counts matter, so a night is a few binomial draws
and rows are never listed. Champion and anchor keep their answers on the holdout for as long as they stay.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from benchmarks.train import say
from tasks import evidence
from tasks.gate import GateSettings
from tasks.judging.claims import SCREEN

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

Counts = np.ndarray
"""Rows by year, difficulty and, last, by champion and anchor right: neither, anchor, champion, both."""


@dataclass(frozen=True)
class Scenario:
    """What the nights of a year bring."""

    name: str
    gap: float = 0.0
    """True accuracy of a challenger minus the champion's tonight."""
    noise: float = 0.0
    """Standard deviation, over the nights, of a challenger's true accuracy around that of the first champion."""
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
    """One side's rows in many years at once."""

    def __init__(self, rows: int, right: np.ndarray, random: np.random.Generator) -> None:
        years, kinds = right.shape
        self.random = random
        self.cells = np.zeros((years, kinds, 4), dtype=np.int64)
        self.grow(rows, right, right, np.ones(years, dtype=bool))

    def grow(self, rows: int, champion: np.ndarray, anchor: np.ndarray, same: np.ndarray) -> None:
        """New rows, as champion and anchor answer them; in years where they are the same model, alike."""
        years, kinds, _ = self.cells.shape
        count = self.random.multinomial(rows, np.full(kinds, 1 / kinds), size=years)
        ours = self.random.binomial(count, champion)
        both = np.where(same[:, None], ours, self.random.binomial(ours, anchor))
        theirs = np.where(same[:, None], 0, self.random.binomial(count - ours, anchor))
        self.cells += np.stack([count - ours - theirs, theirs, ours - both, both], axis=2)

    def answer(self, right: np.ndarray) -> np.ndarray:
        """How many rows of each cell a challenger has right."""
        return self.random.binomial(self.cells, right[:, :, None])

    def changed(self, hits: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Rows gained and lost against champion and anchor."""
        missed = self.cells - hits
        return {role: (hits[:, :, wrong].sum(axis=(1, 2)), missed[:, :, good].sum(axis=(1, 2)))
                for role, wrong, good in (("champion", [0, 1], [2, 3]), ("anchor", [0, 2], [1, 3]))}  # fmt: skip

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
    """What a policy may look at tonight: rows gained and lost by side and role, rows by side, cost, tests spent."""

    changed: dict[str, dict[str, tuple[np.ndarray, np.ndarray]]]
    rows: dict[str, int]
    cheaper: bool
    spent: np.ndarray
    anchored: np.ndarray
    """Whether the anchor is another version than the champion."""


Claims = tuple[np.ndarray, np.ndarray, np.ndarray]
"""By year: promoted as better, promoted as cheaper, a test was spent."""


def ours(seen: Seen, settings: GateSettings = SETTINGS) -> Claims:
    """The gate's decision on one objective's accuracy, for many years at once."""
    nothing = np.zeros(seen.spent.shape, dtype=bool)
    better = _better(seen, "validation", SCREEN)
    cheaper = _not_worse(seen, "validation", SCREEN) if seen.cheaper else nothing
    tested = (better | cheaper) & (seen.spent < settings.tests_per_year)
    shared = better & cheaper & seen.anchored
    confidence = 1 - settings.alpha / np.where(shared, 2, 1)
    near = _not_worse(seen, "holdout", confidence)
    promoted = tested & _better(seen, "holdout", confidence) & (better | near)
    return promoted, tested & ~promoted & cheaper & near, tested


def _better(seen: Seen, side: str, confidence: Any) -> np.ndarray:
    gained, lost = seen.changed[side]["champion"]
    exact = evidence.mid_p(gained, lost) <= 1 - confidence
    return np.asarray(exact & (evidence.score(gained, lost, seen.rows[side], 0.0) > norm.ppf(confidence)))


def _not_worse(seen: Seen, side: str, confidence: Any, roles: tuple[str, ...] = ("champion", "anchor")) -> np.ndarray:
    z, rows, margin = norm.ppf(confidence), seen.rows[side], SETTINGS.margin
    scores = [evidence.score(*seen.changed[side][role], rows, -margin) for role in roles]
    return np.asarray(np.min(scores, axis=0) > z)


def better_wins(seen: Seen) -> Claims:
    """Promotes what has more rows right, and what is cheaper and no more than the margin below."""
    gained, lost = seen.changed["holdout"]["champion"]
    better = gained > lost
    near = gained - lost > -SETTINGS.margin * seen.rows["holdout"]
    return better, ~better & near & seen.cheaper, np.ones_like(better)


def fixed_test(seen: Seen) -> Claims:
    """A test at 5 % on the holdout every night, against the champion alone."""
    better = _better(seen, "holdout", 0.95)
    cheaper = ~better & seen.cheaper & _not_worse(seen, "holdout", 0.95, ("champion",))
    return better, cheaper, np.ones_like(better)


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
) -> dict[str, np.ndarray]:
    """Simulate years; with `gain` challengers are so much better than the first champion from night QUIET on.

    By year: `wrong` (claims that are false), `promotions`, `tests`, `change` (the last champion's true accuracy minus
    the first one's at the start) and `wait` (nights from QUIET to the first promotion, `nights` where there is none).
    """
    random, share = np.random.default_rng(seed), _spread(disagreement)
    champion = np.full(years, START)
    anchor, begun = champion.copy(), rows // 2 if scenario.growing else rows
    sides = {"holdout": Side(begun, _right(champion, share), random),
             "validation": Side(int(VALIDATION * begun), _right(champion, share), random)}  # fmt: skip
    total = {"wrong": np.zeros(years), "promotions": np.zeros(years), "tests": np.zeros(years)}
    wait = np.full(years, nights)
    for night in range(nights):
        if scenario.growing:
            champion, anchor = champion - scenario.decay, anchor - scenario.decay
            for name, size in (("holdout", rows), ("validation", int(VALIDATION * rows))):
                more = int(size / 2 * (night + 1) / nights) - int(size / 2 * night / nights)
                sides[name].grow(more, _right(champion, share), _right(anchor, share), champion == anchor)
        fresh = START + random.normal(0, scenario.noise, years) if scenario.noise else champion + scenario.gap
        if gain and night >= QUIET:
            fresh = np.full(years, START + gain)
        right = _right(fresh, share)
        hits = {name: side.answer(right) for name, side in sides.items()}
        seen = Seen({name: side.changed(hits[name]) for name, side in sides.items()},
                    {name: side.rows for name, side in sides.items()}, scenario.cheaper, total["tests"],
                    champion != anchor)  # fmt: skip
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
    return total | {"change": champion - START, "wait": wait}


def main(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="nightshift bench gate", allow_abbrev=False)
    parser.add_argument("--years", type=int, default=2000, help="of each line of the table")
    parser.add_argument("--rows", default="1000,5000", help="of the holdout")
    parser.add_argument("--disagreement", default="0.05,0.075,0.1", help="share of rows where two equal models differ")
    parser.add_argument("--tests-per-year", default=str(SETTINGS.tests_per_year), help="of how soon a gain is found")
    told = parser.parse_args(arguments)
    sizes, shares = [int(n) for n in told.rows.split(",")], [float(n) for n in told.disagreement.split(",")]
    lines = [(scenario, policy, rows, share) for scenario in SCENARIOS for policy in POLICIES for rows in sizes
             for share in shares if policy == "nightshift" or (rows == sizes[-1] and share == shares[len(shares) // 2])]  # fmt: skip
    rows = [_row(*line, told.years) for line in lines]
    worst = max(row["years with a wrong claim, %"] for row in rows if row["gate"] == "nightshift")
    notes = [f"wrong claims of ours in at most {worst:g} % of years; aim 5: {_met(worst <= 5)}",
             *(_wait(*aim, told.years, int(tests)) for tests in told.tests_per_year.split(",") for aim in AIMS),
             f"{told.years:,} years of {NIGHTS} nights a line, the first champion's accuracy {START}, margin "
             f"{SETTINGS.margin}, confidence {SETTINGS.confidence}, {SETTINGS.tests_per_year} tests a year; validation has "
             f"{VALIDATION} of the holdout's rows; a year's holdout is the same throughout or grows from a half; its "
             "standard error at 5 % is " f"{100 * np.sqrt(0.05 * 0.95 / told.years):.1f} points",
             "change: the last champion's true accuracy minus the first one's at the start, in points, mean; drifting, "
             "a champion that stays loses 3.65"]  # fmt: skip
    return {"table": rows, "notes": notes}


def _row(scenario: Scenario, policy: str, rows: int, share: float, years: int) -> dict[str, Any]:
    found = simulate(scenario, POLICIES[policy], rows, share, years, seed=1)
    row = {
        "nights bring": scenario.name,
        "gate": policy,
        "rows": rows,
        "disagreement, %": 100 * share,
        "years with a wrong claim, %": round(100 * float((found["wrong"] > 0).mean()), 1),
        "promotions a year": round(float(found["promotions"].mean()), 2),
        "tests a year": round(float(found["tests"].mean()), 1),
        "change, points": round(100 * float(found["change"].mean()), 2),
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

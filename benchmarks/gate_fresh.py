"""`nightshift bench gate_fresh`: simulated years of a gate that also counts the new rows of each night before they are trained on.

Each night brings new rows. Yesterday's challenger and the champion answer them, and their differences bet on "retraining is
better than keeping the champion" (`nightshift.evaluation.sequential`). A fifth of the rows joins the holdout, eight in
a hundred validation. The tests on the holdout spend a share of what the year has left, more where validation promises more.
The models are those of `benchmarks.gate_simulation`.
"""

import argparse
from dataclasses import dataclass, field
from functools import partial
from math import inf, log
from typing import Any

import numpy as np
from scipy.special import logsumexp

from benchmarks.gate import WRONG, error
from benchmarks.gate_policies import SETTINGS, VALIDATION, PolicyInput, nightshift_gate, z_of_counts
from benchmarks.gate_simulation import ACCURACY, RUNS_PER_YEAR, START, Side, difficulty_share, right_by_difficulty
from benchmarks.train import say
from nightshift.evaluation import sequential
from tasks.gate.settings import GateSettings

BUDGET = SETTINGS.budget
HOLDOUT_SHARE = 0.2
"""Share of new rows that join the holdout."""
POLICIES = {"holdout": (0.0, 0.0), "both": (0.4, 0.0), "both, trials": (0.3, 0.1), "fresh": (1.0, 0.0)}
"""Shares of the year's budget that belong to the bets on retraining, and to those on versions on trial."""
LOG_BETS = np.log1p(sequential.BETS), np.log1p(-sequential.BETS)
MAX_TRIAL = 60
"""Nights after which a trial ends."""
TRIAL_LOSS = log(4)
"""Loss of the logarithm of a trial's wealth that ends it."""


@dataclass(frozen=True)
class World:
    """Challengers of a simulated year, and how the world moves."""

    name: str
    gap: float = 0.0
    """True accuracy of a challenger minus that of the current champion."""
    gain: float = 0.0
    """True accuracy of the challengers minus that of the first champion, from night `since` on."""
    since: int = 0
    noise: float = 0.0
    """Standard deviation over the nights of a challenger's true accuracy."""
    decay: float = 0.0
    """Loss of true accuracy a night on new rows; tonight's challenger has not lost it."""
    shock: float = 0.0
    """Loss of true accuracy on new rows, once, in night `since`."""
    growth: float = 0.0
    """True accuracy of a challenger minus that of the night before's, on all rows."""
    num_runs: int = RUNS_PER_YEAR


WORLDS = [
    World("equal"),
    World("each 0.2 points worse than the champion", gap=-0.002),
    World("seeds: 0.3 points up or down", noise=0.003),
    World("each 0.2 points better than the champion", gap=0.002),
    World("each 0.2 points better than the night before", growth=0.002, num_runs=40),
    World("drift: 0.01 points a night", decay=0.0001, noise=0.003),
    World("3 points lost at once, after 250 nights", shock=0.03, since=250),
    World("1 point better", gain=0.01, num_runs=100),
    World("1 point better, after 100 nights", gain=0.01, since=100),
    World("2 points better, after 250 nights", gain=0.02, since=250),
]


@dataclass
class Bets:
    """Wealth of one test in many years at once, as `sequential.Wealth` has it for one."""

    start: np.ndarray
    on_bets: np.ndarray = field(init=False)
    units: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        first = log(sequential.FIRST_SHARE / len(sequential.BETS))
        self.on_bets = np.full((len(self.start), len(sequential.BETS)), first)
        self.units = np.zeros(len(self.start), dtype=int)

    @property
    def log_value(self) -> np.ndarray:
        """Return the logarithm of the wealth by year."""
        placed: np.ndarray = logsumexp(self.on_bets, axis=1)
        log_value: np.ndarray = self.start + np.logaddexp(placed, sequential.log_unplaced(self.units))
        return log_value

    def count(self, years: np.ndarray, rows: int, gains: np.ndarray, losses: np.ndarray) -> None:
        """Count a night's rows in some years; what is placed during the night is placed at its start.

        Args:
            years: True in years in which they count.
            rows: Number of rows.
            gains: Number of rows that only the first model has right, by year.
            losses: Number of rows that only the second has right.
        """
        placed = sequential.log_placed(self.units, self.units + rows) - log(len(sequential.BETS))
        on_bets = np.logaddexp(self.on_bets, placed[:, None])
        on_bets += gains[:, None] * LOG_BETS[0] + losses[:, None] * LOG_BETS[1]
        self.on_bets = np.where(years[:, None], on_bets, self.on_bets)
        self.units = np.where(years, self.units + rows, self.units)

    def restart(self, years: np.ndarray) -> None:
        """Begin anew in some years: with the start of before, or with what is left if that is less."""
        self.start = np.where(years, np.minimum(self.start, self.log_value), self.start)
        self.on_bets[years], self.units[years] = Bets(np.zeros(1)).on_bets, 0


@dataclass
class HoldoutBudget:
    """Account of the tests on the holdout in many years at once, as `records.BudgetState` has it for one."""

    budget: float
    """Error probability that they may spend in a year."""
    spent: np.ndarray
    num_compared: np.ndarray
    """Number of challengers that were compared with this champion."""
    num_likely: np.ndarray
    """Number of those that were tested."""

    def record(self, alpha: np.ndarray, is_moved: np.ndarray) -> None:
        """Count a night's challenger, and what its test has spent; begin anew where the champion was replaced."""
        self.spent = self.spent + alpha
        self.num_compared = np.where(is_moved, 0, self.num_compared + 1)
        self.num_likely = np.where(is_moved, 0, self.num_likely + (alpha > 0))


def decide(
    changed: dict[str, dict[str, np.ndarray]], is_shown: np.ndarray, tests: HoldoutBudget
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Decide as `tasks.gate.decision` does with evidence from new rows, for many years at once.

    Args:
        changed: Counts by side and role, as `Side.changed` returns them.
        is_shown: True in years in which new rows show that retraining is better.
        tests: Account of the tests on the holdout.

    Returns:
        Arrays by year: promoted by new rows, promoted by a test on the holdout, error probability of that test.
    """
    counts = {name: by_role["champion"].sum(axis=1) for name, by_role in changed.items()}
    is_in_favour = np.all([count[:, 2] >= count[:, 1] for count in counts.values()], axis=0)
    by_rows: np.ndarray = is_shown & is_in_favour
    none = np.zeros(len(by_rows))
    if not tests.budget:
        return by_rows, none > 0, none
    ratio = counts["validation"][0].sum() / counts["holdout"][0].sum()
    policy_input = PolicyInput(
        partial(z_of_counts, changed, ACCURACY), False, none > 0, tests.budget - tests.spent, tests.num_compared,
        tests.num_likely, ratio,
    )  # fmt: skip
    by_test, _, alpha = nightshift_gate(policy_input, GateSettings(confidence=1 - tests.budget))
    return by_rows, by_test & ~by_rows, np.where(by_rows, 0.0, alpha)


def new_rows(
    rng: np.random.Generator, rows: int, first: np.ndarray, second: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the numbers of new rows that only the first, and only the second model has right.

    Args:
        rng: Random numbers.
        rows: Number of rows.
        first: Probability that the first model is correct, by year and difficulty.
        second: The same of the second.
    """
    gain, loss = ((a * (1 - b)).mean(axis=1) for a, b in ((first, second), (second, first)))
    gains = rng.binomial(rows, gain)
    return gains, rng.binomial(rows - gains, loss / (1 - gain))


@dataclass
class Models:
    """A model a year: its accuracy on the rows of the start, and what new rows take off."""

    accuracy: np.ndarray
    drift: np.ndarray

    @property
    def now(self) -> np.ndarray:
        """Return the true accuracy on new rows."""
        now: np.ndarray = self.accuracy - self.drift
        return now

    def replaced(self, years: np.ndarray, by: "Models") -> "Models":
        """Return these models, in some years the others."""
        return Models(np.where(years, by.accuracy, self.accuracy), np.where(years, by.drift, self.drift))


class Simulation:
    """Many years at once, night by night.

    Args:
        world: Challengers, and how the world moves.
        policy: A name of `POLICIES`.
        rows: Number of rows of the holdout at the start.
        fresh: Number of new rows a night.
        disagreement: Share of rows on which two equal models disagree.
        years: Number of years.
        seed: Seed of the random numbers.
    """

    def __init__(
        self, world: World, policy: str, rows: int, fresh: int, disagreement: float, years: int, seed: int
    ) -> None:
        self.world, self.fresh, self.rng, self.share = (
            world,
            fresh,
            np.random.default_rng(seed),
            difficulty_share(disagreement),
        )
        self.all, self.none = np.ones(years, dtype=bool), np.zeros(years)
        shares = POLICIES[policy]
        self.tests = HoldoutBudget(BUDGET * (1 - sum(shares)), *np.zeros((3, years)))
        self.thresholds = [-log(BUDGET * share) if share else inf for share in shares]
        self.champion = Models(np.full(years, START), self.none)
        self.yesterday: Models | None = None
        self.is_standing = np.zeros(years, dtype=bool)
        """True in years in which last night's challenger was held."""
        self.candidate, self.age = Models(np.full(years, START), self.none), np.full(years, -1)
        sizes = {"holdout": rows, "validation": int(VALIDATION * rows)}
        self.sides = {name: Side(size, self.right(self.champion.now), self.rng) for name, size in sizes.items()}
        self.retraining, self.trial = Bets(self.none), Bets(self.none)
        self.total = {name: np.zeros(years) for name in ("wrong", "promotions", "by_rows", "by_trial", "lag", "last")}
        self.total["wait"] = np.full(years, float(world.num_runs))

    def right(self, accuracy: np.ndarray) -> np.ndarray:
        """Return the probability that a model is correct, by year and difficulty."""
        return right_by_difficulty(accuracy, self.share)

    def simulate(self) -> dict[str, np.ndarray]:
        """Simulate all nights.

        Returns:
            Arrays by year: `wrong` (number of wrong promotions), `promotions`, `by_rows` (those by the bets on retraining),
            `by_trial`, `lag` (true accuracy of tonight's challenger minus the champion's, mean over the nights), `last` (the
            same in the last night), `wait` (nights from `since` on to the first promotion).
        """
        for run in range(self.world.num_runs):
            self.run(run)
        return self.total

    def run(self, run: int) -> None:
        """Simulate a night: the new rows, tonight's challenger, the tests, the move."""
        self._move_world(self.world.decay + (self.world.shock if run == self.world.since else 0.0))
        self._count_new_rows()
        self._grow_sides(run)
        challenger = self._challenger(run)
        hits = {name: side.answer(self.right(challenger.accuracy)) for name, side in self.sides.items()}
        changed = {name: side.changed(hits[name]) for name, side in self.sides.items()}
        by_rows, by_test, alpha = decide(changed, self.retraining.log_value >= self.thresholds[0], self.tests)
        is_promoted = by_rows | by_test
        by_trial = (self.trial.log_value >= self.thresholds[1]) & (self.age >= 0) & ~is_promoted
        self._record(run, challenger, is_promoted, by_trial)
        self.total["by_rows"] += by_rows
        self._move_champion(challenger, hits, is_promoted, by_trial)
        self._restart_bets(challenger, alpha > 0, is_promoted | by_trial, by_trial)
        self.tests.record(alpha, is_promoted | by_trial)
        self.yesterday, self.is_standing = challenger, ~(is_promoted | by_trial)

    def _move_world(self, step: float) -> None:
        for model in filter(None, (self.champion, self.candidate, self.yesterday)):
            model.drift = model.drift + step

    def _count_new_rows(self) -> None:
        if not self.fresh or self.yesterday is None:
            return
        champion = self.right(self.champion.now)
        if self.thresholds[0] < inf:
            counts = new_rows(self.rng, self.fresh, self.right(self.yesterday.now), champion)
            self.retraining.count(self.is_standing, self.fresh, *counts)
        if self.thresholds[1] < inf:
            counts = new_rows(self.rng, self.fresh, self.right(self.candidate.now), champion)
            self.trial.count(self.age >= 0, self.fresh, *counts)
            self.age = np.where(self.age >= 0, self.age + 1, self.age)

    def _grow_sides(self, run: int) -> None:
        right = self.right(self.champion.now)
        for name, part in (("holdout", HOLDOUT_SHARE), ("validation", HOLDOUT_SHARE * VALIDATION)):
            more = int(part * self.fresh * (run + 1)) - int(part * self.fresh * run)
            self.sides[name].grow(more, right, right, self.all)

    def _challenger(self, run: int) -> Models:
        world = self.world
        if world.growth:
            return Models(np.full(len(self.all), START + world.growth * (run + 1)), self.none)
        if world.gap:
            return Models(self.champion.accuracy + world.gap, self.none)
        noise = self.rng.normal(0, world.noise, len(self.all))
        return Models(START + noise + (world.gain if run >= world.since else 0.0), self.none)

    def _record(self, run: int, challenger: Models, is_promoted: np.ndarray, by_trial: np.ndarray) -> None:
        truth, candidate = challenger.now - self.champion.now, self.candidate.now - self.champion.now
        lag = np.where(is_promoted, 0.0, np.where(by_trial, truth - candidate, truth))
        moved = is_promoted | by_trial
        self.total["wrong"] += (is_promoted & (truth <= 1e-12)) | (by_trial & (candidate <= 1e-12))
        self.total["promotions"] += moved
        self.total["by_trial"] += by_trial
        self.total["lag"] += lag / self.world.num_runs
        self.total["last"] = lag
        if run >= self.world.since:
            wait = run - self.world.since + 1
            self.total["wait"] = np.where(moved, np.minimum(self.total["wait"], wait), self.total["wait"])

    def _move_champion(
        self, challenger: Models, hits: dict[str, np.ndarray], is_promoted: np.ndarray, by_trial: np.ndarray
    ) -> None:
        for name, side in self.sides.items():
            side.move(is_promoted, self.all, hits[name])
            if by_trial.any():
                side.move(by_trial, self.all, side.answer(self.right(self.candidate.accuracy)))
        self.champion = self.champion.replaced(is_promoted, challenger).replaced(by_trial, self.candidate)

    def _restart_bets(
        self, challenger: Models, is_likely: np.ndarray, is_moved: np.ndarray, by_trial: np.ndarray
    ) -> None:
        self.retraining.restart(is_moved)
        is_lost = self.trial.log_value < self.trial.start - TRIAL_LOSS
        is_over = (self.age >= 0) & ((self.age >= MAX_TRIAL) | is_lost | is_moved)
        self.trial.restart(is_over)
        begins = is_likely & ~is_moved & ((self.age < 0) | is_over)
        self.age = np.where(begins, 0, np.where(is_over, -1, self.age))
        self.candidate = self.candidate.replaced(begins, challenger)


def main(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="nightshift bench gate_fresh", allow_abbrev=False)
    parser.add_argument("--years", type=int, default=200, help="years per line of the table")
    parser.add_argument("--rows", type=int, default=5000, help="number of rows of the holdout at the start")
    parser.add_argument("--fresh", default="20,200,2000", help="numbers of new rows a night")
    parser.add_argument(
        "--disagreement", type=float, default=0.075, help="share of rows on which equal models disagree"
    )
    parser.add_argument("--policies", default="holdout;both;both, trials", help="names of policies, between semicolons")
    options = parser.parse_args(arguments)
    lines = [
        (world, policy, fresh)
        for world in WORLDS
        for fresh in map(int, options.fresh.split(","))
        for policy in options.policies.split(";")
    ]
    table = [_line(*line, options.rows, options.disagreement, options.years) for line in lines]
    worst = max(row[WRONG] for row in table)
    notes = [
        f"a wrong promotion in at most {worst:g} % of years; aim 5",
        f"{options.years} years a line; standard error {error(0.05, options.years):.1f} points at 5 %",
        f"{options.rows:,} rows of the holdout at the start, {100 * options.disagreement:g} % disagreement; a fifth of the new "
        "rows joins the holdout, 8 % validation",
        "lag: true accuracy of tonight's challenger minus the champion's on new rows, in points: mean over nights and years, "
        "and in the last night",
        "wait: nights from the change on to the first promotion, median and 90th percentile; as many as there are without one",
    ]
    return {"table": table, "notes": notes}


def _line(world: World, policy: str, fresh: int, rows: int, disagreement: float, years: int) -> dict[str, Any]:
    total = Simulation(world, policy, rows, fresh, disagreement, years, seed=1).simulate()
    wait = [int(np.quantile(total["wait"], q, method="higher")) for q in (0.5, 0.9)]
    row = {
        "nights bring": world.name,
        "new rows": fresh,
        "evidence": policy,
        WRONG: round(100 * float((total["wrong"] > 0).mean()), 1),
        "promotions a year": round(float(total["promotions"].mean()), 2),
        "by new rows": round(float((total["by_rows"] + total["by_trial"]).mean()), 2),
        "lag": round(100 * float(total["lag"].mean()), 2),
        "last night": round(100 * float(total["last"].mean()), 2),
        "wait": f"{wait[0]}, {wait[1]}",
    }
    say(" | ".join(map(str, row.values())))
    return row

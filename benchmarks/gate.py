"""`nightshift bench gate`: simulated years of nightly runs, with the gate, with "better wins" and with a fixed test every night.

Each row has a difficulty; given it, the models are correct independently of each other. The accuracy and the share of rows
on which two equal models disagree determine the distribution. Only counts by label and difficulty matter, so that a run is a
few binomial draws and no rows are listed. Champion and anchor keep their answers on the holdout as long as they stay.
`benchmarks.gate_groups` simulates rows that form groups.
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
"""Ratio of validation rows to holdout rows, by the default split."""
RUNS_PER_YEAR = 365
RUNS_BEFORE_GAIN = 100
"""Runs without a better challenger before the first with a gain."""
RUNS_AFTER_GAIN = 60
"""Runs with a gain that are simulated."""
SETTINGS = GateSettings()
AIMS = ((0.01, 0.05, 2, None), (0.01, 0.075, 5, None), (0.02, 0.1, 1, 3))
"""Gain, disagreement, and the number of runs to a promotion that is aimed at: median and 90th percentile."""
ACCURACY = Metric("accuracy", (1.0,))
MACRO_F1, SKEWED = Metric("macro_f1"), Metric("macro_f1", (0.9, 0.1))
LOW_DISAGREEMENT = 0.012
"""Disagreement of two models that differ on few rows."""


@dataclass(frozen=True)
class Scenario:
    """Challengers and holdout of a simulated year."""

    name: str
    gap: float = 0.0
    """True metric of a challenger minus that of the current champion."""
    noise: float = 0.0
    """Standard deviation over the runs of a challenger's true metric around that of the first champion."""
    decay: float = 0.0
    """Loss of the champion's true metric per run, on new rows; challengers do not lose it."""
    cheaper: bool = False
    growing: bool = False
    """True if the holdout grows from half of its rows to all."""


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
BEYOND_MARGIN = Scenario("cheaper, 0.55 points worse", gap=-0.0055, cheaper=True)
F1_LINES = [
    *((scenario, MACRO_F1, rows, 0.075) for scenario in (SCENARIOS[0], SCENARIOS[4], SCENARIOS[6]) for rows in (200, 1000, 5000)),
    *((BEYOND_MARGIN, metric, rows, LOW_DISAGREEMENT) for metric in (ACCURACY, MACRO_F1, SKEWED) for rows in (100, 204, 500, 1000)),
    *((SCENARIOS[0], MACRO_F1, rows, LOW_DISAGREEMENT) for rows in (204, 1000)),
    *((SCENARIOS[0], SKEWED, rows, 0.075) for rows in (200, 1000)),
]  # fmt: skip
"""Scenario, metric, rows, disagreement."""
NAIVE_SCENARIOS = (SCENARIOS[0], SCENARIOS[5])
"""Scenarios of the two naive gates."""


@cache
def _spread(disagreement: float) -> float:
    """Return the share of variance that difficulty explains, at which two models of accuracy START disagree so often."""

    def surplus(share: float) -> float:
        right = _right(np.array([START]), share)[0]
        return float((2 * right * (1 - right)).mean()) - disagreement

    return float(brentq(surplus, 1e-6, 1 - 1e-6))


def _right(accuracy: np.ndarray, share: float) -> np.ndarray:
    """Return the probability that models of these true accuracies are correct; shape (models, difficulties)."""
    levels = np.linspace(-1, 6, 2001)
    chances = norm.cdf((levels[:, None] + np.sqrt(share) * DIFFICULTIES) / np.sqrt(1 - share))
    level = np.interp(accuracy, chances.mean(axis=1), levels)
    return norm.cdf((level[:, None] + np.sqrt(share) * DIFFICULTIES) / np.sqrt(1 - share))


class Side:
    """Rows of a side of the split in many years at once, as counts by label and difficulty."""

    def __init__(self, rows: int, right: np.ndarray, random: np.random.Generator, metric: Metric = ACCURACY) -> None:
        self.random, self.labels = random, np.array(metric.labels)
        self.kinds = np.repeat(self.labels, right.shape[1]) / right.shape[1]
        self.cells = np.zeros((len(right), len(self.kinds), 4), dtype=np.int64)
        self.grow(rows, right, right, np.ones(len(right), dtype=bool))

    def grow(self, rows: int, champion: np.ndarray, anchor: np.ndarray, is_same_model: np.ndarray) -> None:
        """Add new rows.

        Args:
            rows: Number of rows.
            champion: Probability that the champion is correct, by year and difficulty.
            anchor: Probability that the anchor is correct, by year and difficulty.
            is_same_model: True in years in which champion and anchor are the same model, with the same answers.
        """
        champion, anchor = (np.tile(right, len(self.labels)) for right in (champion, anchor))
        count = self.random.multinomial(rows, self.kinds, size=len(self.cells))
        champion_hits = self.random.binomial(count, champion)
        common_hits = np.where(is_same_model[:, None], champion_hits, self.random.binomial(champion_hits, anchor))
        anchor_only_hits = np.where(is_same_model[:, None], 0, self.random.binomial(count - champion_hits, anchor))
        self.cells += np.stack(
            [count - champion_hits - anchor_only_hits, anchor_only_hits, champion_hits - common_hits, common_hits],
            axis=2,
        )

    def answer(self, right: np.ndarray) -> np.ndarray:
        """Draw the number of rows in each cell that a challenger predicts correctly."""
        return self.random.binomial(self.cells, np.tile(right, len(self.labels))[:, :, None])

    def changed(self, hits: np.ndarray) -> dict[str, np.ndarray]:
        """Return counts by role, year, label and correct models: neither, only the role's, only the challenger, both."""
        errors = self.cells - hits
        years, labels = len(hits), len(self.labels)
        counts_by_role = {}
        for role, wrong, correct in (("champion", [0, 1], [2, 3]), ("anchor", [0, 2], [1, 3])):
            parts = [errors[:, :, wrong], errors[:, :, correct], hits[:, :, wrong], hits[:, :, correct]]
            by_kind = np.stack([part.sum(axis=2) for part in parts], axis=2)
            counts_by_role[role] = by_kind.reshape(years, labels, -1, 4).sum(axis=2)
        return counts_by_role

    def move(self, years: np.ndarray, as_anchor: np.ndarray, hits: np.ndarray) -> None:
        """Make the challenger the champion in some years, and the anchor too in those of `as_anchor`."""
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
class PolicyInput:
    """Data of a run that a policy decides on."""

    changed: dict[str, dict[str, np.ndarray]]
    """Counts by side and role, as `Side.changed` returns them."""
    cheaper: bool
    tests_spent: np.ndarray
    """Number of tests of the year so far."""
    anchored: np.ndarray
    """True in years in which the anchor is not the champion."""
    metric: Metric = ACCURACY


Claims = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Arrays by year: promoted as better, promoted as cheaper, tested."""
SignificanceTest = Callable[[str, str, np.ndarray, float, Any], np.ndarray]
"""Function of side, role, years, bound and confidence; True in years in which the difference is above the bound."""


def nightshift_gate(policy_input: PolicyInput, settings: GateSettings = SETTINGS) -> Claims:
    """Decide on one objective as the gate does, for many years at once."""
    return decide(
        partial(_is_significant, policy_input),
        policy_input.cheaper,
        policy_input.tests_spent,
        policy_input.anchored,
        settings,
    )


def decide(
    is_significant: SignificanceTest,
    cheaper: bool,
    tests_spent: np.ndarray,
    anchored: np.ndarray,
    settings: GateSettings,
) -> Claims:
    """Decide as `tasks.gate.stage` does, by year.

    Args:
        is_significant: Test of a difference.
        cheaper: True if the challenger is significantly cheaper.
        tests_spent: Number of tests of the year so far.
        anchored: True in years in which the anchor is not the champion.
        settings: Settings of the gate.
    """
    all_years = np.ones(len(tests_spent), dtype=bool)

    def not_worse(side: str, years: np.ndarray, confidence: Any) -> np.ndarray:
        is_close = is_significant(side, "champion", years, -settings.margin, confidence)
        has_other_anchor = is_close & anchored
        return is_close & (
            ~has_other_anchor | is_significant(side, "anchor", has_other_anchor, -settings.margin, confidence)
        )

    likely_better = is_significant("validation", "champion", all_years, 0.0, SCREENING_CONFIDENCE)
    likely_not_worse = not_worse("validation", all_years, SCREENING_CONFIDENCE) if cheaper else ~all_years
    is_tested = (likely_better | likely_not_worse) & (tests_spent < settings.tests_per_year)
    confidence = 1 - settings.alpha / np.where(likely_better & likely_not_worse & anchored, 2, 1)
    is_close = not_worse("holdout", is_tested & likely_not_worse, confidence)
    better = is_significant("holdout", "champion", is_tested, 0.0, confidence) & (likely_better | is_close)
    return better, is_close & ~better, is_tested


def _is_significant(
    policy_input: PolicyInput, side: str, role: str, years: np.ndarray, bound: float, confidence: Any
) -> np.ndarray:
    result = np.zeros(len(years), dtype=bool)
    if not years.any():
        return result
    counts = policy_input.changed[side][role][years]
    level = np.broadcast_to(confidence, years.shape)[years]
    if policy_input.metric.name != "accuracy":
        rows = counts.sum(axis=(1, 2))
        result[years] = confidence_limits.statistic(units(counts, level), np.full(len(counts), bound)) > t.ppf(
            level, rows - 1
        )
        return result
    losses, gains = counts.sum(axis=1)[:, 1], counts.sum(axis=1)[:, 2]
    passed = significance.tango_statistic(gains, losses, counts.sum(axis=(1, 2)), bound) > norm.ppf(level)
    result[years] = passed & ((bound < 0) | (significance.mid_p(gains, losses) <= 1 - level))
    return result


def _changed_rows(policy_input: PolicyInput, role: str = "champion") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    counts = policy_input.changed["holdout"][role].sum(axis=1)
    return counts[:, 2], counts[:, 1], counts.sum(axis=1)


def better_wins(policy_input: PolicyInput) -> Claims:
    """Promote a challenger with more correct rows, or a cheaper one that is worse by no more than the margin."""
    gains, losses, rows = _changed_rows(policy_input)
    better = gains > losses
    is_near = gains - losses > -SETTINGS.margin * rows
    return better, ~better & is_near & policy_input.cheaper, np.ones_like(better)


def fixed_test(policy_input: PolicyInput) -> Claims:
    """Test at 5 % on the holdout in every run, against the champion only."""
    all_years = np.ones(len(policy_input.tests_spent), dtype=bool)
    better = _is_significant(policy_input, "holdout", "champion", all_years, 0.0, 0.95)
    is_near = _is_significant(policy_input, "holdout", "champion", all_years, -SETTINGS.margin, 0.95)
    return better, ~better & is_near & policy_input.cheaper, all_years


POLICIES: dict[str, Callable[[PolicyInput], Claims]] = {
    "nightshift": nightshift_gate,
    "better wins": better_wins,
    "5 % a night": fixed_test,
}


def simulate(
    scenario: Scenario,
    policy: Callable[[PolicyInput], Claims],
    rows: int,
    disagreement: float,
    years: int,
    seed: int,
    num_runs: int = RUNS_PER_YEAR,
    gain: float = 0.0,
    metric: Metric = ACCURACY,
) -> dict[str, np.ndarray]:
    """Simulate many years at once.

    Args:
        scenario: Challengers and holdout.
        policy: Gate.
        rows: Number of rows of the holdout.
        disagreement: Share of rows on which two equal models disagree.
        years: Number of years.
        seed: Seed of the random numbers.
        num_runs: Number of runs of a year.
        gain: True metric of the challengers minus that of the first champion, from run RUNS_BEFORE_GAIN on; 0 for that of
            the scenario.
        metric: Metric that the gate compares.

    Returns:
        Arrays by year: `wrong` (number of false claims), `promotions`, `tests`, `change` (true metric of the last champion
        minus that of the first one at the start) and `wait` (runs from RUNS_BEFORE_GAIN to the first promotion, `num_runs`
        without one).
    """
    random, share = np.random.default_rng(seed), _spread(disagreement)
    start = float(metric.value(START))
    champion = np.full(years, start)
    anchor, initial_rows = champion.copy(), rows // 2 if scenario.growing else rows

    def right(value: np.ndarray) -> np.ndarray:
        return _right(metric.accuracy(value), share)

    sides = {"holdout": Side(initial_rows, right(champion), random, metric),
             "validation": Side(int(VALIDATION * initial_rows), right(champion), random, metric)}  # fmt: skip
    total = {"wrong": np.zeros(years), "promotions": np.zeros(years), "tests": np.zeros(years)}
    wait = np.full(years, num_runs)
    for run in range(num_runs):
        if scenario.growing:
            champion, anchor = champion - scenario.decay, anchor - scenario.decay
            for name, size in (("holdout", rows), ("validation", int(VALIDATION * rows))):
                more = int(size / 2 * (run + 1) / num_runs) - int(size / 2 * run / num_runs)
                sides[name].grow(more, right(champion), right(anchor), champion == anchor)
        fresh = start + random.normal(0, scenario.noise, years) if scenario.noise else champion + scenario.gap
        if gain and run >= RUNS_BEFORE_GAIN:
            fresh = np.full(years, start + gain)
        hits = {name: side.answer(right(fresh)) for name, side in sides.items()}
        changed = {name: side.changed(hits[name]) for name, side in sides.items()}
        policy_input = PolicyInput(changed, scenario.cheaper, total["tests"], champion != anchor, metric)
        better, cheaper, is_tested = policy(policy_input)
        margin = SETTINGS.margin + 1e-12
        false_better = better & (fresh <= champion + 1e-12)
        false_cheaper = cheaper & ((fresh <= champion - margin) | (fresh <= anchor - margin))
        is_promoted = better | cheaper
        total["wrong"] += false_better | false_cheaper
        total["promotions"] += is_promoted
        total["tests"] += is_tested
        wait = np.where(is_promoted & (run >= RUNS_BEFORE_GAIN), np.minimum(wait, run - RUNS_BEFORE_GAIN + 1), wait)
        for name, side in sides.items():
            side.move(is_promoted, better, hits[name])
        champion = np.where(is_promoted, fresh, champion)
        anchor = np.where(better, fresh, anchor)
    return total | {"change": champion - start, "wait": wait}


def main(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark."""
    from benchmarks import gate_groups

    parser = argparse.ArgumentParser(prog="nightshift bench gate", allow_abbrev=False)
    parser.add_argument("--years", type=int, default=500, help="years per line of the table")
    parser.add_argument("--rows", default="1000,5000", help="numbers of holdout rows of the lines with accuracy")
    parser.add_argument(
        "--disagreement",
        default="0.075",
        help="shares of rows on which two equal models disagree, of the lines with accuracy",
    )
    parser.add_argument(
        "--tests-per-year",
        default=str(SETTINGS.tests_per_year),
        help="tests per year, of the notes on the time to a promotion",
    )
    options = parser.parse_args(arguments)
    sizes, shares = [int(n) for n in options.rows.split(",")], [float(n) for n in options.disagreement.split(",")]
    lines = [
        (scenario, ACCURACY, rows, share, "nightshift") for scenario in SCENARIOS for rows in sizes for share in shares
    ]
    lines += [
        (scenario, ACCURACY, sizes[-1], shares[0], policy)
        for scenario in NAIVE_SCENARIOS
        for policy in POLICIES
        if policy != "nightshift"
    ]
    lines += [(*line, "nightshift") for line in F1_LINES]
    rows = [_row(*line, options.years) for line in lines] + gate_groups.rows(options.years)
    worst = max(row[WRONG] for row in rows if row["gate"] == "nightshift")
    notes = [f"wrong claims of ours in at most {worst:g} % of years; aim 5: {_met(worst <= 5)}",
             *(_wait(*aim, options.years, int(tests)) for tests in options.tests_per_year.split(",") for aim in AIMS),
             f"{options.years:,} years of {RUNS_PER_YEAR} nights a line, the first champion's accuracy {START}, margin "
             f"{SETTINGS.margin}, confidence {SETTINGS.confidence}, {SETTINGS.tests_per_year} tests a year; validation has "
             f"{VALIDATION} of the holdout's rows; a year's holdout is the same throughout or grows from a half; standard "
             f"errors: {error(0.05, options.years):.1f} points at 5 %, {error(0.01, options.years):.1f} at 1 %",
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


def line(
    scenario: str, policy: str, metric: str, rows: int, disagreement: float, years: dict[str, Any]
) -> dict[str, Any]:
    """Return a line of the table.

    Args:
        scenario: Name of the scenario.
        policy: Name of the gate.
        metric: Name of the metric that it compares.
        rows: Number of rows of the holdout.
        disagreement: Percentage of rows on which two equal models disagree.
        years: Result of `simulate`.
    """
    row = {
        "nights bring": scenario,
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


def _wait(gain: float, share: float, aim_median: int, aim_percentile_90: int | None, years: int, tests: int) -> str:
    policy = partial(nightshift_gate, settings=GateSettings(tests_per_year=tests))
    wait = simulate(
        SCENARIOS[0], policy, 5000, share, years, seed=2, num_runs=RUNS_BEFORE_GAIN + RUNS_AFTER_GAIN, gain=gain
    )["wait"]
    median, percentile_90 = (int(np.quantile(wait, q, method="higher")) for q in (0.5, 0.9))
    is_met = median <= aim_median and (aim_percentile_90 is None or percentile_90 <= aim_percentile_90)
    percentile_text = (
        f"90 % within {percentile_90}"
        if percentile_90 <= RUNS_AFTER_GAIN
        else f"more than a tenth not within {RUNS_AFTER_GAIN}"
    )
    aim = f"median {aim_median}" + (f", 90 % within {aim_percentile_90}" if aim_percentile_90 else "")
    return (f"a gain of {100 * gain:g} points at {100 * share:g} % disagreement, 5,000 rows, {tests} tests a year, after {RUNS_BEFORE_GAIN} nights "
            f"with nothing to gain: promoted in a median of {median} nights, {percentile_text}; aim {aim}: {_met(is_met)}")  # fmt: skip


def _met(is_met: bool) -> str:
    return "met" if is_met else "missed"

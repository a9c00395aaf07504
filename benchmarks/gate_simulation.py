"""Simulated years of nightly runs for `nightshift bench gate`: models and rows; the gates are `benchmarks.gate_policies`.

Each row has a difficulty; given it, the models are correct independently of each other. The accuracy and the share of rows
on which two equal models disagree determine the distribution. Only counts by label and difficulty matter, so that a run is a
few binomial draws and no rows are listed. Champion and anchor keep their answers on the holdout as long as they stay.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr
from scipy.stats import norm

from benchmarks.f1 import Metric
from benchmarks.gate_policies import SETTINGS, VALIDATION, Claims, PolicyInput, z_of_counts

START = 0.9
"""Accuracy of the first champion."""
DIFFICULTIES = norm.ppf((np.arange(20) + 0.5) / 20)
RUNS_PER_YEAR = 365
ACCURACY = Metric("accuracy", (1.0,))
MACRO_F1, SKEWED = Metric("macro_f1"), Metric("macro_f1", (0.9, 0.1))
TINY = 1e-12


@dataclass(frozen=True)
class Scenario:
    """Challengers and holdout of a simulated year."""

    name: str
    gap: float = 0.0
    """True metric of a challenger minus that of the current champion."""
    noise: float = 0.0
    """Standard deviation over the runs of a challenger's true metric around that of the first champion."""
    quality: Callable[[int], float] | None = None
    """True metric of a run's challenger minus that of the first champion; instead of `gap`."""
    decay: float = 0.0
    """Loss of the champion's true metric per run, on new rows; challengers do not lose it."""
    drop: float = 0.0
    """Loss of the champion's true metric on new rows at the run CHANGE, from which challengers recover within RECOVERY runs."""
    season: float = 0.0
    """Loss of models of one season on the rows of the other; there is another season from run SEASON[0] to SEASON[1]."""
    new_labels: tuple[float, ...] = ()
    """Shares of the labels among new rows from run CHANGE on."""
    wrong_labels: float = 0.0
    """Share of rows with a wrong label: there a model counts as correct where it is wrong."""
    cheaper: bool = False
    growing: bool = False
    """True if the holdout grows from half of its rows to all."""
    best_of: int = 1
    """Number of candidates in a run of which the best on validation is the challenger."""
    shared: float = 0.0
    """Share of rows for which a challenger takes over the champion's answer, as a model does that is trained on from it."""


CHAMPION_CORRECT = np.array([0.0, 0.0, 1.0, 1.0])
"""1 for the last axis of `Side.cells` where the champion is correct."""
CHANGE, RECOVERY, SEASON = 120, 20, (120, 240)
"""Run of a sudden change; number of runs until new models have recovered; runs in which a season begins and ends."""


@cache
def difficulty_share(disagreement: float) -> float:
    """Return the share of variance that difficulty explains, at which two models of accuracy START disagree so often."""

    def surplus(share: float) -> float:
        right = right_by_difficulty(np.array([START]), share)[0]
        return float((2 * right * (1 - right)).mean()) - disagreement

    return float(brentq(surplus, 1e-6, 1 - 1e-6))


LEVELS = np.linspace(-1, 6, 2001)
"""Levels of skill between which that of a model is interpolated."""


@cache
def _accuracies(share: float) -> np.ndarray:
    """Return the accuracy of models of each level of skill."""
    return np.asarray(ndtr((LEVELS[:, None] + np.sqrt(share) * DIFFICULTIES) / np.sqrt(1 - share)).mean(axis=1))


def right_by_difficulty(accuracy: np.ndarray, share: float) -> np.ndarray:
    """Return the probability that models of these true accuracies are correct; shape (models, difficulties)."""
    level = np.interp(accuracy, _accuracies(share), LEVELS)
    return np.asarray(ndtr((level[:, None] + np.sqrt(share) * DIFFICULTIES) / np.sqrt(1 - share)))


class Side:
    """Rows of a side of the split in many years at once, as counts by label and difficulty."""

    def __init__(
        self,
        rows: int,
        right: np.ndarray,
        random: np.random.Generator,
        metric: Metric = ACCURACY,
        wrong_labels: float = 0.0,
    ) -> None:
        self.random, self.wrong_labels = random, wrong_labels
        self.set_labels(metric.labels, right.shape[1])
        self.cells = np.zeros((len(right), len(self.kinds), 4), dtype=np.int64)
        self.grow(rows, right, right, np.ones(len(right), dtype=bool))

    def set_labels(self, labels: tuple[float, ...], difficulties: int) -> None:
        """Set the shares of the labels among new rows."""
        self.labels = np.array(labels)
        kinds = np.repeat(self.labels, difficulties) / difficulties
        if self.wrong_labels:
            is_wrong = np.tile(np.arange(difficulties) >= difficulties // 2, len(self.labels))
            kinds *= 2 * np.where(is_wrong, self.wrong_labels, 1 - self.wrong_labels)
        self.kinds = kinds

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

    def answer(self, right: np.ndarray, shared: float = 0.0, best_of: int = 1) -> np.ndarray:
        """Draw the number of rows in each cell that a challenger predicts correctly.

        Args:
            right: Probability that the challenger is correct, by year and difficulty.
            shared: Share of rows for which it takes over the champion's answer.
            best_of: Number of candidates, of which the one with the most correct rows is the challenger.
        """
        chance = (1 - shared) * np.tile(right, len(self.labels))[:, :, None] + shared * CHAMPION_CORRECT
        hits = self.random.binomial(self.cells, chance)
        for _ in range(best_of - 1):
            candidate = self.random.binomial(self.cells, chance)
            is_best = candidate.sum(axis=(1, 2)) > hits.sum(axis=(1, 2))
            hits[is_best] = candidate[is_best]
        return hits

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


class Years:
    """Many simulated years, run by run.

    Args:
        scenario: Challengers and holdout.
        policy: Gate.
        rows: Number of rows of the holdout.
        disagreement: Share of rows on which two equal models disagree, if they share no answers.
        years: Number of years.
        seed: Seed of the random numbers.
        metric: Metric that the gate compares.
        row_ratio: Number of validation rows divided by that of holdout rows.
    """

    def __init__(
        self,
        scenario: Scenario,
        policy: Callable[[PolicyInput], Claims],
        rows: int,
        disagreement: float,
        years: int,
        seed: int,
        metric: Metric = ACCURACY,
        row_ratio: float = VALIDATION,
    ) -> None:
        self.scenario, self.policy, self.metric, self.row_ratio = scenario, policy, metric, row_ratio
        self.random, self.share = np.random.default_rng(seed), difficulty_share(disagreement)
        self.start = float(metric.value(START))
        self.champion = np.full(years, self.start)
        self.anchor = self.champion.copy()
        self.is_of_season = np.zeros(years, dtype=bool)
        self.rows = {"holdout": rows, "validation": int(row_ratio * rows)}
        right, scale = self.right(self.champion), 2 if scenario.growing else 1
        self.sides = {
            side: Side(size // scale, right, self.random, metric, scenario.wrong_labels)
            for side, size in self.rows.items()
        }
        self.alphas: list[np.ndarray] = []
        self.wrong: list[np.ndarray] = []
        self.behind: list[np.ndarray] = []
        self.num_compared, self.num_likely, self.promotions, self.total_alpha = np.zeros((4, years))

    def right(self, value: np.ndarray) -> np.ndarray:
        """Return the probability that models with this true metric count as correct; shape (models, difficulties)."""
        right = right_by_difficulty(self.metric.accuracy(value), self.share)
        return np.concatenate([right, 1 - right], axis=1) if self.scenario.wrong_labels else right

    def step(self, run: int, num_runs: int = RUNS_PER_YEAR, gain: float = 0.0) -> np.ndarray:
        """Simulate a run; return the years with a promotion.

        Args:
            run: Number of the run.
            num_runs: Number of runs in which a growing holdout reaches all of its rows.
            gain: True metric of the challenger minus that of the first champion; 0 for that of the scenario.
        """
        scenario = self.scenario
        self._change_world(run)
        if scenario.growing:
            self._grow(run, num_runs)
        fresh = np.full(len(self.champion), self.start + gain) if gain else self._fresh(run)
        right = self.right(fresh)
        hits = {
            name: side.answer(right, scenario.shared, scenario.best_of if name == "validation" else 1)
            for name, side in self.sides.items()
        }
        changed = {name: side.changed(hits[name]) for name, side in self.sides.items()}
        if len(self.alphas) >= RUNS_PER_YEAR:
            self.total_alpha = self.total_alpha - self.alphas[-RUNS_PER_YEAR]
        unspent = SETTINGS.budget - self.total_alpha
        z_score = partial(z_of_counts, changed, self.metric)
        better, cheaper, alpha = self.policy(
            PolicyInput(
                z_score, scenario.cheaper, self.champion != self.anchor, unspent, self.num_compared,
                self.num_likely, self.row_ratio, changed["holdout"]["champion"],
            )
        )  # fmt: skip
        margin = SETTINGS.margin + TINY
        false_cheaper = cheaper & ((fresh <= self.champion - margin) | (fresh <= self.anchor - margin))
        self.wrong.append((better & (fresh <= self.champion + TINY)) | false_cheaper)
        self.alphas.append(alpha)
        self.total_alpha = self.total_alpha + alpha
        self._promote(better, better | cheaper, fresh, hits, run)
        self.behind.append(np.maximum(fresh - self.champion, 0.0))
        self.num_compared, self.num_likely = self.num_compared + 1, self.num_likely + (alpha > 0)
        self.num_compared[better | cheaper] = self.num_likely[better | cheaper] = 0
        return np.asarray(better | cheaper)

    def _promote(
        self, better: np.ndarray, promoted: np.ndarray, fresh: np.ndarray, hits: dict[str, np.ndarray], run: int
    ) -> None:
        self.promotions += promoted
        for name, side in self.sides.items():
            side.move(promoted, better, hits[name])
        self.champion = np.where(promoted, fresh, self.champion)
        self.anchor = np.where(better, fresh, self.anchor)
        self.is_of_season = np.where(promoted, SEASON[0] <= run < SEASON[1], self.is_of_season)

    def _change_world(self, run: int) -> None:
        """Change what champion and anchor are worth on new rows; their answers on earlier rows stay."""
        scenario = self.scenario
        loss = scenario.decay + (scenario.drop if run == CHANGE else 0.0)
        if run in SEASON and scenario.season:
            loss += np.where(self.is_of_season == (run == SEASON[0]), -scenario.season, scenario.season)
        self.champion, self.anchor = self.champion - loss, self.anchor - loss
        if run == CHANGE and scenario.new_labels:
            for side in self.sides.values():
                side.set_labels(scenario.new_labels, len(side.kinds) // len(side.labels))

    def _grow(self, run: int, num_runs: int) -> None:
        is_same = self.champion == self.anchor
        for name, size in self.rows.items():
            more = int(size / 2 * (run + 1) / num_runs) - int(size / 2 * run / num_runs)
            self.sides[name].grow(more, self.right(self.champion), self.right(self.anchor), is_same)

    def _fresh(self, run: int) -> np.ndarray:
        """Return the true metric of the run's challengers."""
        scenario, years = self.scenario, len(self.champion)
        luck = self.random.normal(0, scenario.noise, years) if scenario.noise else np.zeros(years)
        if scenario.quality:
            return self.start + scenario.quality(run) + luck
        if scenario.drop or scenario.season:
            changes = SEASON if scenario.season else (CHANGE,)
            since = min((run - change for change in changes if change <= run), default=RECOVERY)
            loss = (scenario.drop or scenario.season) * max(1 - since / RECOVERY, 0.0)
            return self.start - loss + luck
        return self.start + luck if scenario.noise else self.champion + scenario.gap

    def simulate(self, num_runs: int = RUNS_PER_YEAR) -> dict[str, np.ndarray]:
        """Simulate a number of runs; return `result`."""
        for run in range(num_runs):
            self.step(run, num_runs)
        return self.result()

    def result(self) -> dict[str, np.ndarray]:
        """Return arrays by year: `wrong` (number of false claims), `promotions`, `tests`, `change` (true metric of the last
        champion minus that of the first one at the start), `behind` (that of the run's challenger minus the champion's, where
        the champion is worse, mean over the runs)."""
        return {
            "wrong": np.sum(self.wrong, axis=0),
            "promotions": self.promotions,
            "tests": np.sum([alpha > 0 for alpha in self.alphas], axis=0),
            "change": self.champion - self.start,
            "behind": np.mean(self.behind, axis=0),
        }

    def wait(self, run: int, gain: float, limit: int) -> np.ndarray:
        """Return by year how many runs it takes to promote a challenger with a gain, from here; limit + 1 if longer.

        Args:
            run: Number of the next run.
            gain: True metric of the challengers minus that of the first champion.
            limit: Largest number of runs to simulate. These years themselves stay as they are.
        """
        branch, wait = deepcopy(self), np.full(len(self.champion), limit + 1)
        for further in range(limit):
            is_promoted = branch.step(run + further, gain=gain)
            wait = np.where(is_promoted, np.minimum(wait, further + 1), wait)
        return wait

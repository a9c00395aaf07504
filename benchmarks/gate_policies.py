"""The gates of the simulated years of `nightshift bench gate`: ours, the one before, and simpler ones, for many years at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri
from scipy.stats import norm, t

from benchmarks.f1 import Metric, units
from nightshift.evaluation import confidence_limits, error_budget, significance
from nightshift.evaluation.claims import SCREENING_CONFIDENCE
from tasks.gate.settings import GateSettings

VALIDATION = 0.4
"""Ratio of validation rows to holdout rows, by the default split."""
SETTINGS = GateSettings()
ZScore = Callable[[str, str, np.ndarray, float, Any], np.ndarray]
"""Function of side, role, years (mask), bound and confidence: z of the difference being above the bound; -inf elsewhere."""
Claims = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Arrays by year: promoted as better, promoted as cheaper, error probability spent by the test (0 without one)."""


@dataclass
class PolicyInput:
    """Data of a run that a policy decides on."""

    z_score: ZScore
    cheaper: bool
    anchored: np.ndarray
    """True in years in which the anchor is not the champion."""
    unspent: np.ndarray
    """Error budget that the tests of the last 365 days have left."""
    num_compared: np.ndarray
    """Number of challengers that were compared with this champion."""
    num_likely: np.ndarray
    """Number of those that were tested."""
    row_ratio: float = VALIDATION
    changed: np.ndarray | None = None
    """Counts on the holdout, as `Side.changed` returns them for the champion."""


def nightshift_gate(policy_input: PolicyInput, settings: GateSettings = SETTINGS) -> Claims:
    """Decide as `tasks.gate.decision` does, for many years at once."""

    def alpha(z: np.ndarray) -> np.ndarray:
        p = policy_input
        luck = error_budget.validation_luck(p.num_compared, p.num_likely, 1 - SCREENING_CONFIDENCE)
        expected = error_budget.expected_z(z - luck, p.row_ratio)
        return np.asarray(error_budget.bid(p.unspent, expected, settings.budget, settings.tests_per_year))

    return decide(policy_input, alpha, settings)


def equal_shares(policy_input: PolicyInput, settings: GateSettings = SETTINGS) -> Claims:
    """Decide as the gate before: every test takes 1 / tests_per_year of the year's budget until it is spent."""
    share = np.where(policy_input.unspent >= settings.alpha * (1 - 1e-9), settings.alpha, 0.0)
    return decide(policy_input, lambda z: share, settings)


def decide(policy_input: PolicyInput, alpha_of: Callable[[np.ndarray], np.ndarray], settings: GateSettings) -> Claims:
    """Screen on validation, and test the likely claims on the holdout.

    Args:
        policy_input: Data of the run.
        alpha_of: Function of the likeliest claim's z on validation: error probability that a test may spend.
        settings: Settings of the gate.
    """
    z_score, anchored = policy_input.z_score, policy_input.anchored
    all_years = np.ones(len(anchored), dtype=bool)
    screen = float(ndtri(SCREENING_CONFIDENCE))

    def close(side: str, years: np.ndarray, confidence: Any) -> np.ndarray:
        z = z_score(side, "champion", years, -settings.margin, confidence)
        second = years & anchored
        return np.minimum(z, np.where(second, z_score(side, "anchor", second, -settings.margin, confidence), np.inf))

    z_better = z_score("validation", "champion", all_years, 0.0, SCREENING_CONFIDENCE)
    z_close = np.full(len(anchored), -np.inf)
    if policy_input.cheaper:
        z_close = close("validation", all_years, SCREENING_CONFIDENCE)
    likely_better, likely_close = z_better > screen, z_close > screen
    alpha = np.where(likely_better | likely_close, alpha_of(np.maximum(z_better, z_close)), 0.0)
    is_tested = alpha > 0
    confidence = 1 - alpha / np.where(likely_better & likely_close & anchored, 2, 1)
    critical = ndtri(confidence)
    is_close = close("holdout", is_tested & likely_close, confidence) > critical
    better = (z_score("holdout", "champion", is_tested, 0.0, confidence) > critical) & (likely_better | is_close)
    return better, is_close & ~better, alpha


def z_of_counts(
    changed: dict[str, dict[str, np.ndarray]],
    metric: Metric,
    side: str,
    role: str,
    years: np.ndarray,
    bound: float,
    confidence: Any,
) -> np.ndarray:
    """Return the z statistics of differences, a `ZScore` after the first two arguments.

    Args:
        changed: Counts by side and role, as `Side.changed` returns them.
        metric: Metric that is compared.
        side: Side that is tested on.
        role: Model that the challenger is compared with.
        years: True for years to test.
        bound: Bound of the difference.
        confidence: Confidence that the result is compared with.
    """
    z = np.full(len(years), -np.inf)
    if not years.any():
        return z
    counts = changed[side][role][years]
    if metric.name == "accuracy":
        losses, gains = counts.sum(axis=1)[:, 1], counts.sum(axis=1)[:, 2]
        z[years] = significance.proportion_z(gains, losses, counts.sum(axis=(1, 2)), bound)
        return z
    level = np.broadcast_to(confidence, years.shape)[years]
    statistic = confidence_limits.statistic(units(counts, level), np.full(len(counts), bound))
    z[years] = norm.isf(t.sf(statistic, counts.sum(axis=(1, 2)) - 1))
    return z


def better_wins(policy_input: PolicyInput) -> Claims:
    """Promote a challenger with more correct rows, or a cheaper one that is worse by no more than the margin."""
    assert policy_input.changed is not None
    counts = policy_input.changed.sum(axis=1)
    gains, losses, rows = counts[:, 2], counts[:, 1], counts.sum(axis=1)
    better = gains > losses
    is_near = gains - losses > -SETTINGS.margin * rows
    return better, ~better & is_near & policy_input.cheaper, np.ones(len(better))


def fixed_test(policy_input: PolicyInput) -> Claims:
    """Test at 5 % on the holdout in every run, against the champion only."""
    years = np.ones(len(policy_input.unspent), dtype=bool)
    critical = norm.ppf(0.95)
    better = policy_input.z_score("holdout", "champion", years, 0.0, 0.95) > critical
    is_near = policy_input.z_score("holdout", "champion", years, -SETTINGS.margin, 0.95) > critical
    return better, ~better & is_near & policy_input.cheaper, np.full(len(years), 0.05)


def always_promote(policy_input: PolicyInput) -> Claims:
    """Promote every challenger."""
    years = np.ones(len(policy_input.unspent), dtype=bool)
    return years, ~years, np.ones(len(years))


POLICIES: dict[str, Callable[[PolicyInput], Claims]] = {
    "nightshift": nightshift_gate,
    "equal shares": equal_shares,
    "better wins": better_wins,
    "5 % a night": fixed_test,
    "always promote": always_promote,
}

"""The share of a year's error budget that a test on the holdout takes.

A test takes a part of what the tests of the last 365 days have left, so the budget is never exceeded in any 365 days and
never runs dry. How large the part is depends on validation alone: the better the chances of the test, the larger.
Reasons and simulations: docs/decisions/the-years-error-budget.md.
"""

from math import sqrt
from typing import Any

import numpy as np
from scipy.stats import norm

from nightshift.records import BudgetState

MAX_SHARE = 0.2
"""Largest share of what is left that one test takes."""
MIN_SHARE = 1 / 400
"""Smallest share of what is left that one test takes."""
RESERVE = 1 / 50
"""Share of the year's budget of which a test takes no more than `MIN_SHARE`: 365 tests in a row leave 40 % of it."""
PRIOR_VARIANCE = 3.0
"""Variance of the true differences of challengers, in squared standard errors of the holdout."""
TYPICAL_Z = 1.18
"""Expected z on the holdout at which a test takes 1 / tests_per_year of what is left."""
PRIOR_NIGHTS = 30.0
"""Number of nights whose weight the usual rate of likely challengers has beside the observed one."""
MAX_RATE = 0.95
"""Largest rate of likely challengers that is believed."""


def next_alpha(
    state: BudgetState, z_validation: float, row_ratio: float, budget: float, tests_per_year: int, screening_rate: float
) -> float:
    """Return the error probability that the next test on the holdout may spend; 0 if nothing is left.

    Args:
        state: The tests so far.
        z_validation: Score statistic of the likeliest claim on validation.
        row_ratio: Number of validation rows divided by that of holdout rows.
        budget: Error probability of any 365 days.
        tests_per_year: Number of typical tests that a year's budget is for.
        screening_rate: Rate at which a challenger that equals the champion passes the screening on validation.
    """
    luck = validation_luck(state.num_compared, state.num_likely, screening_rate)
    return float(bid(budget - state.alpha_spent, expected_z(z_validation - luck, row_ratio), budget, tests_per_year))


def bid(left: Any, expected: Any, budget: float, tests_per_year: int) -> Any:
    """Return the error probability of a test; numbers or arrays.

    Args:
        left: What the tests of the last 365 days have left of the budget.
        expected: The z statistic that is expected on the holdout.
        budget: Error probability of any 365 days.
        tests_per_year: Number of typical tests that a year's budget is for.
    """
    left = np.maximum(left, 0.0)
    typical = norm.isf(budget / tests_per_year)
    share = np.clip(norm.sf(typical + TYPICAL_Z - expected) / budget, MIN_SHARE, MAX_SHARE)
    return np.minimum(left * share, np.maximum(left - RESERVE * budget, left * MIN_SHARE))


def expected_z(z_validation: Any, row_ratio: float) -> Any:
    """Return the z statistic that is to be expected on the holdout: the posterior mean under a normal prior."""
    return sqrt(row_ratio) * PRIOR_VARIANCE / (1 + row_ratio * PRIOR_VARIANCE) * z_validation


def validation_luck(num_compared: Any, num_likely: Any, screening_rate: float) -> Any:
    """Return by how much challengers' z on validation is usually too high with this champion; numbers or arrays.

    A champion that is unlucky on the validation rows, or challengers that are the best of many there, look better every
    night. The rate at which earlier ones were likely tells by how much.

    Args:
        num_compared: Number of challengers that were compared with the champion.
        num_likely: Number of those that validation made likely.
        screening_rate: Rate at which a challenger that equals the champion passes the screening on validation.
    """
    rate = (num_likely + PRIOR_NIGHTS * screening_rate) / (num_compared + PRIOR_NIGHTS)
    return norm.ppf(np.clip(rate, screening_rate, MAX_RATE)) - norm.ppf(screening_rate)

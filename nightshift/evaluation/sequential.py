"""Tests that may be looked at after every row: betting on the mean of differences between two models.

A bet of `b` on a difference d, between -1 and 1, multiplies its wealth by 1 + b (d - m). Under the null hypothesis that
every difference has a mean of at most m, given all that came before it, wealth does not grow on average, whatever the
differences depend on otherwise. So it ever reaches K times its start with a probability of at most 1 / K (Ville's
inequality; Waudby-Smith and Ramdas 2023, arXiv 2010.09686). Which bet is best depends on the true mean and on when it
moved, so the wealth is divided: over bets of several sizes, and over the times at which they are placed.
"""

from collections.abc import Sequence
from math import exp, log

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict
from scipy.special import logsumexp

BETS = 0.02 * 2.5 ** np.arange(5)
"""Sizes of the bets, up to 0.8; the best one is the true mean divided by the share of rows on which two models disagree."""
FIRST_SHARE = 0.6
"""Share of the wealth that is placed on bets at the start."""
HALF_LIFE = 5000
"""Number of units after which the part that is not yet placed is a share of 1 / sqrt(2) of what it was at the start."""
CHUNK = 4096
"""Number of units that are computed at once."""


class Wealth(BaseModel):
    """Wealth of a test of "the mean difference is at most `mean`", after some units.

    It is all that has to be kept of the rows that were counted.
    """

    model_config = ConfigDict(frozen=True)

    mean: float = 0.0
    """Largest mean of the null hypothesis: 0 for *better*, minus the margin for *not worse by the margin*."""
    start: float = 0.0
    """Logarithm of the wealth at the start."""
    bets: tuple[float, ...] = tuple(float(log(FIRST_SHARE / len(BETS))) for _ in BETS)
    """Logarithm of the wealth on each of `BETS`, as a share of the start."""
    units: int = 0
    """Number of differences so far: rows, or groups of rows."""

    @property
    def log_value(self) -> float:
        """Return the logarithm of the wealth."""
        return self.start + float(logsumexp([*self.bets, log_unplaced(self.units)]))

    @property
    def value(self) -> float:
        """Return the wealth: under the null hypothesis it ever exceeds K with a probability of at most 1 / K."""
        return exp(min(self.log_value, 700.0))

    def after(self, differences: np.ndarray) -> "Wealth":
        """Return the wealth after more differences, in their order.

        Args:
            differences: A difference a unit, each between -1 and 1, more is better.

        Raises:
            ValueError: A difference is not between -1 and 1.
        """
        if not (np.abs(differences) <= 1).all():
            raise ValueError("differences must be between -1 and 1")
        bets, units = np.array(self.bets), self.units
        for begin in range(0, len(differences), CHUNK):
            part = differences[begin : begin + CHUNK]
            bets = _after(bets, units, part.astype(float) - self.mean)
            units += len(part)
        return self.model_copy(update={"bets": tuple(map(float, bets)), "units": units})


def log_unplaced(units: np.ndarray | int) -> np.ndarray:
    """Return the logarithm of the share of the start that is not placed on bets before a unit with this number.

    It falls with the root of the number of units: a gain that begins after n units is found nearly as soon as one that
    was there from the start, at a cost that grows with the logarithm of n only.
    """
    unplaced: np.ndarray = log(1 - FIRST_SHARE) - 0.5 * np.log1p(np.asarray(units) / HALF_LIFE)
    return unplaced


def log_placed(first: np.ndarray | int, last: np.ndarray | int) -> np.ndarray:
    """Return the logarithm of the share of the start that is placed on bets from one number of units to a larger one."""
    before, after = log_unplaced(first), log_unplaced(last)
    placed: np.ndarray = before + np.log(-np.expm1(after - before))
    return placed


def _after(bets: np.ndarray, units: int, differences: np.ndarray) -> np.ndarray:
    """Return the logarithm of each bet's wealth after some units; before each, a part of the rest is placed on all bets."""
    growth = np.cumsum(np.log1p(np.outer(differences, BETS)), axis=0)
    before = np.vstack([np.zeros(len(BETS)), growth[:-1]])
    number = units + np.arange(len(differences))
    placed = log_placed(number, number + 1) - log(len(BETS))
    total: np.ndarray = growth[-1] + logsumexp(np.vstack([bets, placed[:, None] - before]), axis=0)
    return total


def unit_differences(differences: np.ndarray, groups: Sequence[str] | pd.Series) -> np.ndarray:
    """Return the mean difference of each group of rows, in the order in which the groups begin.

    Args:
        differences: A difference a row.
        groups: The group of each row; rows without one have a name of their own.
    """
    codes, names = pd.factorize(pd.Series(groups))
    mean: np.ndarray = np.bincount(codes, differences, len(names)) / np.bincount(codes, minlength=len(names))
    return mean


def growth_rate(difference: float, disagreement: float) -> float:
    """Return by how much a unit raises the logarithm of the wealth on the best bet, on average, to second order.

    Args:
        difference: Mean difference.
        disagreement: Mean squared difference: the share of rows on which one model alone is right.
    """
    return difference**2 / (2 * disagreement) if difference > 0 else 0.0

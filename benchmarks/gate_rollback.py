"""Simulated tests after a rollback, for `nightshift bench gate`: the champion may be unlucky on the holdout.

A version that equals the champion was promoted as better by luck, and rolled back. What beat the champion once is followed by
others, unless challengers must beat the version that was rolled back, too.
"""

import numpy as np
from scipy.stats import norm

from benchmarks.gate_policies import SETTINGS
from benchmarks.gate_simulation import START, Side, difficulty_share, right_by_difficulty
from nightshift.evaluation import significance

NUM_TESTS = 36
BATCH = 40_000
"""Number of pairs of champion and version that are drawn at a time."""


def unlucky_champions(count: int, rows: int, disagreement: float, seed: int) -> Side:
    """Return holdouts on which a version that equals the champion, in the anchor's place, was called better.

    Args:
        count: Number of holdouts.
        rows: Number of rows of each.
        disagreement: Share of rows on which two equal models disagree.
        seed: Seed of the random numbers.
    """
    random = np.random.default_rng(seed)
    right = np.repeat(right_by_difficulty(np.array([START]), difficulty_share(disagreement)), BATCH, axis=0)
    side, cells = Side(0, right, random), list[np.ndarray]()
    while sum(map(len, cells)) < count:
        side.cells = np.zeros_like(side.cells)
        side.grow(rows, right, right, np.zeros(BATCH, dtype=bool))
        _, gains, losses, _ = side.cells.sum(axis=1).T
        cells.append(side.cells[significance.proportion_z(gains, losses, rows, 0.0) > norm.isf(SETTINGS.alpha)])
    side.cells = np.concatenate(cells)[:count]
    return side


def promoted(side: Side, gain: float, disagreement: float, beats_both: bool) -> np.ndarray:
    """Return the holdouts on which one of `NUM_TESTS` challengers is promoted as better.

    Args:
        side: Return value of `unlucky_champions`.
        gain: True accuracy of the challengers minus that of the champion.
        disagreement: Share of rows on which two equal models disagree.
        beats_both: True if the version that was rolled back must be beaten as well.
    """
    right = right_by_difficulty(np.full(len(side.cells), START + gain), difficulty_share(disagreement))
    passed = np.zeros(len(side.cells), dtype=bool)
    for _ in range(NUM_TESTS):
        changed = side.changed(side.answer(right))
        z = [
            significance.proportion_z(counts[:, 2], counts[:, 1], counts.sum(axis=1), 0.0)
            for counts in (changed[role].sum(axis=1) for role in ("champion", "anchor")[: 1 + beats_both])
        ]
        passed |= np.min(z, axis=0) > norm.isf(SETTINGS.alpha)
    return passed


def note(count: int, rows: int = 5000, disagreement: float = 0.075) -> str:
    """Return a note about the tests after a rollback.

    Args:
        count: Number of holdouts.
        rows: Number of rows of each.
        disagreement: Share of rows on which two equal models disagree.
    """
    side = unlucky_champions(count, rows, disagreement, seed=1)
    shares = {
        (gain, both): 100 * promoted(side, gain, disagreement, both).mean()
        for gain in (0.0, 0.01, 0.02, 0.03)
        for both in (False, True)
    }
    gains = ", ".join(f"{100 * gain:g} points: {shares[gain, True]:.0f} %" for gain in (0.01, 0.02, 0.03))
    return (
        f"after the rollback of a version that was promoted by luck, {NUM_TESTS} tests of equal challengers promote another in "
        f"{shares[0.0, True]:.1f} % of {count} holdouts of {rows:,} rows; {shares[0.0, False]:.1f} % if only the champion must "
        f"be beaten; a true gain is found by these tests: {gains}"
    )

"""Confidence limits of a mean difference between two models, from paired units: rows, or groups of rows.

They are score limits: a difference is ruled out if the observed one lies too many of its *null* standard errors away. The
null variance is that of the most likely distribution of the units under that difference. The distribution may also give
weight to a unit that was not seen: the worst that could still come. So if the models predict alike on all units, the
limits are those of the unseen unit and not 0. For differences of -1, 0 and 1 this is Tango's interval.

Tango 1998, Statistics in Medicine 17:891-908; the constrained distribution is that of the empirical likelihood, Owen
2001, Empirical Likelihood, section 2.9. With groups of rows as units the statistic is the cluster-robust one of Durkalski
et al. 2003, Statistics in Medicine 22:2417-2428.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq

STEPS = 40
"""Bisections of the tilt."""
EDGE = 1 - 1e-9
"""Largest tilt, and largest share of the worst difference, that are searched."""


@dataclass(frozen=True)
class Difference:
    """A metric of one model minus another's, with one-sided confidence limits below and above."""

    difference: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Units:
    """Paired differences of independent units. Arrays of shape (..., units); leading axes are samples of their own."""

    values: np.ndarray
    """Contribution of each unit to the difference, which is their mean."""
    worst: Any
    """Largest contribution, up or down, of one unseen unit."""
    counts: Any = 1.0
    """Number of units like each one."""
    sizes: Any = 1.0
    """Weight of each unit; 1 on average."""
    size: Any = 1.0
    """Weight of the unseen unit."""


def statistic(units: Units, delta: Any) -> Any:
    """Return the score statistic of the hypothesis that the true difference is `delta`, near standard normal under it.

    Positive where the observed difference lies above `delta`; its shape is that of the leading axes.
    """
    counts = np.broadcast_to(np.asarray(units.counts, float), units.values.shape)
    residuals = units.values - units.sizes * np.asarray(delta)[..., None]
    total = counts.sum(axis=-1)
    mean = (counts * residuals).sum(axis=-1) / total
    sign = np.where(mean < 0, -1.0, 1.0)
    residuals = residuals * sign[..., None]
    lowest = np.where(counts > 0, residuals, np.inf).min(axis=-1)
    unseen = np.maximum(np.maximum(units.worst + sign * units.size * delta, -lowest), 1e-12)
    scaled = residuals / unseen[..., None]
    low, high = np.zeros(mean.shape), np.full(mean.shape, EDGE)
    for _ in range(STEPS):
        tilt = (low + high) / 2
        is_positive = (counts * scaled / (1 + tilt[..., None] * scaled)).sum(axis=-1) > 0
        low, high = np.where(is_positive, tilt, low), np.where(is_positive, high, tilt)
    chances = counts / (total[..., None] * (1 + high[..., None] * scaled))
    unseen_chance = np.maximum(1 - chances.sum(axis=-1), 0.0)
    variance = (chances * residuals**2).sum(axis=-1) + unseen_chance * unseen**2
    return mean * np.sqrt(total / np.maximum(variance, 1e-300))


def limits(units: Units, critical: float) -> Difference:
    """Return the difference, and as limits the values at which the score statistic equals plus and minus `critical`."""
    values, sizes = (np.broadcast_to(part, units.values.shape).ravel() for part in (units.values, units.sizes))
    (values, sizes), counts = np.unique(np.stack([values, sizes]), axis=1, return_counts=True)
    distinct = Units(values, units.worst, counts, sizes, units.size)
    difference = float((counts * values).sum() / counts.sum())
    bound = EDGE * units.worst / units.size

    def surplus(delta: float, sign: int) -> float:
        return float(sign * statistic(distinct, delta)) - critical

    ends = []
    for sign in (1, -1):
        far, close = -sign * bound, difference - sign * 1e-12
        has_root = sign * (close - far) > 0 and surplus(far, sign) > 0 > surplus(close, sign)
        ends.append(float(brentq(surplus, far, close, args=(sign,), xtol=1e-9)) if has_root else far)
    return Difference(difference, *ends)

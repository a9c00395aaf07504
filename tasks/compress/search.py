"""The search behind `recipes: auto`: depth, width, vocabulary and number format, under a time budget.

Successive halving (Jamieson and Talwalkar 2016, arXiv 1502.07943): every shape learns shortly, half of the shapes go on
with twice the epochs, and again. What goes on is the cheap end of those that come near to what full reaches on
validation; the holdout is not looked at.
"""

import logging
import time
from contextlib import suppress
from dataclasses import dataclass

from nightshift.evaluation import kinds
from tasks.compress import candidates
from tasks.compress.candidate_builder import Workshop
from tasks.compress.recipes import CONVERSIONS, FULL, NotPossibleError, usable

log = logging.getLogger("nightshift.compress")
DEPTHS = (1.0, 0.5, 0.34, 0.17)
"""Shares of the layers."""
HALVINGS = (0, 1, 2)
"""How often the time is halved by pruning."""
RUNGS = ((0.25, 0.06), (0.5, 0.03), (1.0, 0.0))
"""Of each rung the share of the epochs, and how far below what is wanted a shape may be, as a share of full's metric."""


@dataclass(frozen=True)
class Point:
    """A recipe, as far as it has learned."""

    recipe: str
    quality: float
    """Its gate metric on validation; more is better."""
    latency: float
    """Median of a text, as a share of full's."""


def explore(shop: Workshop, validation: dict[str, float], keep: float, search_minutes: float) -> list[str]:
    """The recipes that are worth a full training, and those without training; `validation` are full's metrics."""
    metric = kinds.primary(shop.objectives)
    sign = kinds.better(metric)
    reference = sign * validation[metric]
    end = time.time() + 60 * search_minutes
    known = usable([o.kind for o in shop.objectives])
    conversions = [step for step in CONVERSIONS if step in known]
    plain = ["+".join(conversions[at:]) for at in range(len(conversions))]
    living = _space([step for step in conversions if step != "vocabulary"])
    for number, (share, slack) in enumerate(RUNGS, 1):
        points: list[Point] = []
        with shop.for_a_share(share):
            for recipe in living:
                if shop.too_late(recipe) or (points and time.time() > end):
                    log.info("search: no time for %s", recipe)
                    continue
                log.info("search, rung %d of %d: %s", number, len(RUNGS), recipe)
                with suppress(NotPossibleError):
                    points.append(_learned(shop, recipe, metric))
        if not points:
            return plain
        living = survivors(points, reference - (1 - keep + slack) * abs(reference), max(1, len(living) // 2))
    return [*plain, *living]


def _space(conversions: list[str]) -> list[str]:
    """Every depth with every width, the most cautious first, all converted."""
    shapes = []
    for depth in DEPTHS:
        for halvings in HALVINGS:
            steps = [f"distil:{depth}"] * (depth < 1) + ["prune:0.5"] * halvings
            if steps:
                shapes.append("+".join([*steps, *conversions]))
    return shapes


def _learned(shop: Workshop, recipe: str, metric: str) -> Point:
    served = shop.served(recipe)
    tables = shop.answers(served, "validation")
    cost = candidates.costs(shop.trained, {recipe: served}, shop.objectives, shop.max_length).costs
    latency = cost[recipe].latency_ms_p50 / cost[FULL].latency_ms_p50
    return Point(recipe, kinds.better(metric) * kinds.metrics(tables, shop.objectives)[metric], latency)


def survivors(points: list[Point], bound: float, count: int) -> list[str]:
    """The cheapest `count` of those that reach `bound`; where none does, the best one.

    Also where a cheaper one is better by now: after a short training that is noise, and another may not be possible later.
    """
    near = [point for point in points if point.quality >= bound]
    best = max(points, key=lambda p: (p.quality, p.recipe))
    cheapest = sorted(near or [best], key=lambda p: (p.latency, -p.quality, p.recipe))
    return [point.recipe for point in cheapest[:count]]

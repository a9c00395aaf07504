"""The search of `recipes: auto`: over depth, width, vocabulary and number format, with a time budget.

Successive halving (Jamieson and Talwalkar 2016, arXiv 1502.07943): every shape is trained shortly, half of the shapes
go on with twice the epochs, and again. The cheapest of those go on whose metric on validation comes near to full's; the
holdout is not looked at.
"""

import logging
import time
from dataclasses import dataclass
from typing import NamedTuple

from nightshift.evaluation import kinds
from tasks.compress import candidates
from tasks.compress.candidate_builder import CandidateBuilder
from tasks.compress.recipes import CONVERSIONS, Recipe, Step, usable_steps
from tasks.compress.records import ExportedModel

log = logging.getLogger("nightshift.compress")
DEPTHS = (1.0, 0.5, 0.34, 0.17)
"""Shares of the layers."""
HALVINGS = (0, 1, 2)
"""Numbers of pruning steps, each of which halves the latency."""


class Rung(NamedTuple):
    """One round of the search."""

    epoch_share: float
    """Share of the epochs that each shape is trained for."""
    slack: float
    """Distance below its bound at which a shape still goes on, as a share of full's metric."""


RUNGS = (Rung(0.25, 0.06), Rung(0.5, 0.03), Rung(1.0, 0.0))


@dataclass(frozen=True)
class Point:
    """A recipe, as good and as fast as it is after a rung."""

    recipe: Recipe
    quality: float
    """Its gate metric on validation; more is better."""
    latency: float
    """Its median latency, as a share of full's."""


def search(builder: CandidateBuilder, full_metrics: dict[str, float]) -> list[Recipe]:
    """Return the recipes that are worth a full training, after those without training.

    Args:
        builder: Builds the candidates; its settings have the bound `keep` and the budget `search_minutes`.
        full_metrics: Full's metrics on validation.
    """
    metric = kinds.primary(builder.objectives)
    reference = kinds.better(metric) * full_metrics[metric]
    search_end = time.time() + 60 * builder.settings.search_minutes
    usable = usable_steps([o.kind for o in builder.objectives])
    conversions = [Step(name) for name in CONVERSIONS if name in usable]
    untrained = [Recipe(tuple(conversions[start:])) for start in range(len(conversions))]
    recipes = _search_space([step for step in conversions if step.name != "vocabulary"])
    for number, rung in enumerate(RUNGS, 1):
        log.info("search, rung %d of %d", number, len(RUNGS))
        with builder.shortened_training(rung.epoch_share):
            exported, left_out = builder.export_all(recipes, search_end)
            points = [_evaluate(builder, recipe, model, metric) for recipe, model in exported.items()]
        if left_out:
            log.info("search, left out: %s", ", ".join(left_out))
        if not points:
            return untrained
        bound = reference - (1 - builder.settings.keep + rung.slack) * abs(reference)
        recipes = survivors(points, bound, max(1, len(recipes) // 2))
    return [*untrained, *recipes]


def _search_space(conversions: list[Step]) -> list[Recipe]:
    """Return every depth with every width, the most cautious first, all converted."""
    recipes = []
    for depth in DEPTHS:
        for halvings in HALVINGS:
            steps = [Step("distil", str(depth))] * (depth < 1) + [Step("prune", "0.5")] * halvings
            if steps:
                recipes.append(Recipe((*steps, *conversions)))
    return recipes


def _evaluate(builder: CandidateBuilder, recipe: Recipe, exported: ExportedModel, metric: str) -> Point:
    predictions = builder.predictions(exported, "validation")
    latency = candidates.measure_latency(builder.trained, exported, builder.objectives, builder.max_length)
    return Point(recipe, kinds.better(metric) * kinds.metrics(predictions, builder.objectives)[metric], latency.share)


def survivors(points: list[Point], bound: float, count: int) -> list[Recipe]:
    """Return the cheapest `count` recipes that reach `bound`; if none does, the best one.

    A dearer recipe goes on even if a cheaper one is better by now: after a short training such a difference is noise,
    and the cheaper one may turn out not to be possible.
    """
    sufficient = [point for point in points if point.quality >= bound]
    best = max(points, key=lambda point: (point.quality, str(point.recipe)))
    cheapest = sorted(sufficient or [best], key=lambda point: (point.latency, -point.quality, str(point.recipe)))
    return [point.recipe for point in cheapest[:count]]

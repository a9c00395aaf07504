"""Which layer keeps how many heads and neurons: the least importance lost for a share of the time, as it was measured."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

import numpy as np

from nightshift.compression.importance import Importance, uniform_importance
from nightshift.compression.pruning import prune
from nightshift.models.architectures import get_architecture
from nightshift.models.heads import Model

STEPS = 16
"""Widths that are looked at, as parts of the whole."""
MEASURED = (0.0, 0.0625, 0.25, 0.5)
"""Shares of the heads, or of the feed-forward neurons, with which a model is measured."""
UNITS = 1000
"""Parts into which the time that must be saved is cut."""


class Shape(NamedTuple):
    """What each layer keeps."""

    widths: list[int]
    heads: list[int]


@dataclass(frozen=True)
class LatencyTable:
    """Milliseconds of a text; what one layer saves is by how much the time of all fell, divided by their number."""

    full: float
    """Of the model as it is."""
    heads: dict[int, float]
    """Saved by a layer that keeps so many heads."""
    widths: dict[int, float]
    """Saved by a layer that keeps so many feed-forward neurons."""


def measure_latency_table(model: Model, measure: Callable[[Sequence[Model]], Sequence[float]]) -> LatencyTable:
    """The table of a model, from a few that `measure` times side by side, in milliseconds.

    Whole models are measured, made into what is served, rather than layers alone: Kurtic et al. 2023 (ZipLM), arXiv
    2302.04089, section 3.2, measure layers. What lies between two that were measured is interpolated.
    """
    equal = uniform_importance(model)
    every = len(equal.neurons)
    neurons, heads = len(equal.neurons[0]), len(equal.heads[0])
    some_heads, some_widths = (sorted({ceil(total * share) for share in MEASURED}) for total in (heads, neurons))
    if not get_architecture(model).can_prune_heads:
        some_heads = []
    shapes = [([neurons] * every, [count] * every) for count in some_heads]
    shapes += [([count] * every, [heads] * every) for count in some_widths]
    full, *times = measure([model, *(prune(model, equal, *shape) for shape in shapes)])
    saved = [(full - time) / every for time in times]
    grid = sorted({neurons * part // STEPS for part in range(STEPS + 1)})
    return LatencyTable(
        full,
        _between(range(heads + 1) if some_heads else [heads], [*some_heads, heads], [*saved[: len(some_heads)], 0.0]),
        _between(grid, [*some_widths, neurons], [*saved[len(some_heads) :], 0.0]),
    )


def _between(wanted: Sequence[int], places: list[int], values: list[float]) -> dict[int, float]:
    return {place: float(np.interp(place, places, values)) for place in wanted}


def allocate(importance: Importance, costs: LatencyTable, share: float) -> Shape:
    """The shape that takes at most `share` of the time and loses the least importance.

    The model's layers may be smaller already than those of which `costs` tells. The layer whose heads matter most keeps
    one at least: a token that sees no other one knows nothing of the text. Raises ValueError where no shape is
    that fast. Dynamic programming over the time saved, as in ZipLM (arXiv 2302.04089, section 3.2) after Frantar and
    Alistarh 2022 (SPDY), arXiv 2201.13096.
    """
    heads = [_options(scores.numpy(), costs.heads) for scores in importance.heads]
    neurons = [_options(scores.numpy(), costs.widths) for scores in importance.neurons]
    seeing = max(range(len(heads)), key=lambda layer: importance.heads[layer].sum())
    heads[seeing] = [option for option in heads[seeing] if option.keep]
    groups = [*heads, *neurons]
    time = costs.full - sum(group[-1].saved for group in groups)
    picked = _cheapest(groups, costs.full - share * time)
    if picked is None:
        least = (costs.full - sum(max(option.saved for option in group) for group in groups)) / time
        raise ValueError(f"no shape takes {share:.0%} of the time; the smallest takes {least:.0%}")
    return Shape(picked[len(heads) :], picked[: len(heads)])


class _Option(NamedTuple):
    keep: int
    lost: float
    saved: float


def _options(scores: np.ndarray, saved: dict[int, float]) -> list[_Option]:
    """As many as there are, and fewer; of an emptied block none."""
    lost = np.concatenate([[0.0], np.sort(scores.astype(float)).cumsum()])
    most = len(scores) if scores.any() else 0
    counts = sorted({keep for keep in saved if keep < most} | {most})
    times = _between(counts, sorted(saved), [saved[keep] for keep in sorted(saved)])
    return [_Option(keep, float(lost[len(scores) - keep]), ms) for keep, ms in times.items()]


def _cheapest(groups: list[list[_Option]], goal: float) -> list[int] | None:
    """What to keep of each group: the least lost among choices that save `goal` together; None where none does."""
    unit = max(goal, 1e-9) / UNITS
    best = np.full(UNITS + 1, np.inf)
    best[0] = 0.0
    chosen: list[np.ndarray] = []
    ways: list[np.ndarray] = []
    for group in groups:
        after, pick, way = np.full(UNITS + 1, np.inf), np.zeros(UNITS + 1, int), np.zeros(UNITS + 1, int)
        for number, option in enumerate(group):
            target = np.clip(np.arange(UNITS + 1) + int(np.floor(option.saved / unit)), 0, UNITS)
            for source in np.flatnonzero(np.isfinite(best)):
                total = best[source] + option.lost
                if total < after[target[source]]:
                    place = target[source]
                    after[place], pick[place], way[place] = total, number, source
        best = after
        chosen.append(pick)
        ways.append(way)
    if not np.isfinite(best[UNITS]):
        return None
    place, kept = UNITS, []
    for group, pick, way in zip(reversed(groups), reversed(chosen), reversed(ways), strict=True):
        kept.append(group[pick[place]].keep)
        place = way[place]
    return kept[::-1]

"""Allocation of heads and neurons to layers: the least importance lost for a share of the measured latency."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import NamedTuple

import numpy as np

from nightshift.compression.importance import Importance, uniform_importance
from nightshift.compression.layer_dropping import drop_layers
from nightshift.compression.pruning import prune
from nightshift.models.architectures import get_architecture
from nightshift.models.heads import Model

STEPS = 16
"""Number of widths that are considered for a layer, evenly spaced up to the whole."""
MEASURED = (0.0, 0.0625, 0.25, 0.5)
"""Shares of the heads, or of the feed-forward neurons, at which the latency is measured."""
UNITS = 1000
"""Number of steps into which the latency to be saved is divided."""


class Shape(NamedTuple):
    """Feed-forward neurons and attention heads that each layer keeps."""

    widths: list[int]
    heads: list[int]


@dataclass(frozen=True)
class LatencyTable:
    """Latencies in milliseconds a text.

    The saving of one layer is the saving of a model whose layers are all like it, divided by their number.
    """

    full: float
    """Latency of the whole model."""
    heads: dict[int, float]
    """Saving of a layer by the number of attention heads that it keeps."""
    widths: dict[int, float]
    """Saving of a layer by the number of feed-forward neurons that it keeps."""
    layer: float
    """Saving of a layer that is dropped as a whole."""

    def without_layers(self, count: int) -> "LatencyTable":
        """Return the table of a model with `count` layers fewer, each as wide as this one's."""
        return replace(self, full=self.full - count * self.layer)


def measure_latency_table(model: Model, measure: Callable[[Sequence[Model]], Sequence[float]]) -> LatencyTable:
    """Measure how much latency smaller and fewer layers save; what lies between two measured sizes is interpolated.

    Whole models are measured, in the form in which they are served, rather than layers alone: Kurtic et al. 2023
    (ZipLM), arXiv 2302.04089, section 3.2, measure layers.

    Args:
        model: The model whose layers become smaller.
        measure: Returns the latency of each of some models, in milliseconds, measured in turns.
    """
    uniform = uniform_importance(model)
    num_layers = len(uniform.neurons)
    neurons, heads = len(uniform.neurons[0]), len(uniform.heads[0])
    measured_heads, measured_widths = (
        sorted({ceil(total * share) for share in MEASURED}) for total in (heads, neurons)
    )
    if not get_architecture(model).can_prune_heads:
        measured_heads = []
    shapes = [([neurons] * num_layers, [count] * num_layers) for count in measured_heads]
    shapes += [([count] * num_layers, [heads] * num_layers) for count in measured_widths]
    pruned = [prune(model, uniform, *shape) for shape in shapes]
    full, one_layer, *latencies = measure([model, drop_layers(model, 1), *pruned])
    saved = [(full - latency) / num_layers for latency in latencies]
    saved_by_heads, saved_by_widths = saved[: len(measured_heads)], saved[len(measured_heads) :]
    head_counts = range(heads + 1) if measured_heads else [heads]
    widths = sorted({neurons * part // STEPS for part in range(STEPS + 1)})
    return LatencyTable(
        full,
        _interpolate(head_counts, [*measured_heads, heads], [*saved_by_heads, 0.0]),
        _interpolate(widths, [*measured_widths, neurons], [*saved_by_widths, 0.0]),
        (full - one_layer) / max(1, num_layers - 1),
    )


def _interpolate(counts: Sequence[int], known_counts: list[int], values: list[float]) -> dict[int, float]:
    return {count: float(np.interp(count, known_counts, values)) for count in counts}


def allocate(importance: Importance, table: LatencyTable, share: float) -> Shape:
    """Return the shape with the least importance lost among those that take at most `share` of the latency.

    Dynamic programming over the latency saved, as in ZipLM (arXiv 2302.04089, section 3.2) after Frantar and Alistarh
    2022 (SPDY), arXiv 2201.13096. The layer with the most important heads keeps at least one: a token that attends to
    no other token knows nothing of the text.

    Args:
        importance: Importance of the neurons and heads that the model has.
        table: Latencies of a model whose layers may be larger than this one's.
        share: Share of this model's latency.

    Raises:
        ValueError: No shape is that fast.
    """
    heads = [_options(scores.numpy(), table.heads) for scores in importance.heads]
    neurons = [_options(scores.numpy(), table.widths) for scores in importance.neurons]
    most_important = max(range(len(heads)), key=lambda layer: importance.heads[layer].sum())
    heads[most_important] = [option for option in heads[most_important] if option.size]
    blocks = [*heads, *neurons]
    latency = table.full - sum(options[-1].saved for options in blocks)
    counts = _least_loss(blocks, table.full - share * latency)
    if counts is None:
        smallest = (table.full - sum(max(option.saved for option in options) for options in blocks)) / latency
        raise ValueError(f"no shape takes {share:.0%} of the time; the smallest takes {smallest:.0%}")
    return Shape(widths=counts[len(heads) :], heads=counts[: len(heads)])


class _Option(NamedTuple):
    """A size of one block."""

    size: int
    """Number of heads or neurons."""
    loss: float
    """Importance of those that it loses."""
    saved: float
    """Latency saved, in milliseconds."""


def _options(scores: np.ndarray, saved: dict[int, float]) -> list[_Option]:
    """Return the sizes of a block up to its own; an emptied block has only the size 0."""
    losses = np.concatenate([[0.0], np.sort(scores.astype(float)).cumsum()])
    size = len(scores) if scores.any() else 0
    counts = sorted({count for count in saved if count < size} | {size})
    savings = _interpolate(counts, sorted(saved), [saved[count] for count in sorted(saved)])
    return [_Option(count, float(losses[len(scores) - count]), saving) for count, saving in savings.items()]


def _least_loss(blocks: list[list[_Option]], goal: float) -> list[int] | None:
    """Return the size of each block with the least loss in total that saves `goal` milliseconds; None if none does."""
    unit = max(goal, 1e-9) / UNITS
    losses = np.full(UNITS + 1, np.inf)
    losses[0] = 0.0
    choices: list[tuple[np.ndarray, np.ndarray]] = []
    for options in blocks:
        next_losses = np.full(UNITS + 1, np.inf)
        choice, origin = np.zeros(UNITS + 1, int), np.zeros(UNITS + 1, int)
        for number, option in enumerate(options):
            targets = np.clip(np.arange(UNITS + 1) + int(np.floor(option.saved / unit)), 0, UNITS)
            for source in np.flatnonzero(np.isfinite(losses)):
                loss, target = losses[source] + option.loss, targets[source]
                if loss < next_losses[target]:
                    next_losses[target], choice[target], origin[target] = loss, number, source
        losses = next_losses
        choices.append((choice, origin))
    if not np.isfinite(losses[UNITS]):
        return None
    units, counts = UNITS, []
    for options, (choice, origin) in zip(reversed(blocks), reversed(choices), strict=True):
        counts.append(options[choice[units]].size)
        units = origin[units]
    return counts[::-1]

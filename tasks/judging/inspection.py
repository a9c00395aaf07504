"""What bars a promotion, whatever speaks for it: a slice that pays for the whole, a budget, a change of labels.

A bar can only hold a challenger, never promote one. Pure, but for what was measured before.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd
from pydantic import Field

from tasks import evidence, kinds
from tasks.evidence import Tables
from tasks.judging import flips, labels, slices
from tasks.records import Objective, Settings


class Bars(Settings):
    """What a challenger must not do."""

    slices: list[str] = []
    """Columns whose values are slices too; labels and three lengths of text always are."""
    slice_margin: float = Field(0.02, gt=0, lt=1)
    """How much worse than the champion a slice may be; a challenger shown to be worse by more in one is held."""
    label_changes: Literal["hold", "allow"] = "hold"
    """hold: a challenger that knows other labels than the champion is held until a person promotes it."""
    max_latency_ms: float | None = Field(None, gt=0)
    """Most that 95 in 100 texts may take, one at a time, as registered."""
    max_size_mb: float | None = Field(None, gt=0)
    """Most that the registered model's file may hold, 10^6 bytes."""
    max_noise_drop: float | None = Field(None, ge=0)
    """Most that the metric may be worse on the holdout with typing errors; measured only where it is set."""


@dataclass(frozen=True)
class Measured:
    """What the challenger costs as registered, and what it answers to misspelt texts, where it was asked."""

    latency_ms: float
    """Of 95 in 100 texts, one at a time."""
    size_mb: float
    noised: Tables = field(default_factory=dict)


@dataclass(frozen=True)
class Inspection:
    """What was found."""

    figures: dict[str, Any]
    """Fields of the verdict."""
    lost: pd.DataFrame
    """See `tasks.judging.flips`."""
    bars: list[str] = field(default_factory=list)
    """Why the challenger is held."""
    notes: list[str] = field(default_factory=list)
    """What a person should know beside."""


def inspect(
    challenger: Tables,
    champion: Tables | None,
    holdouts: Mapping[str, pd.DataFrame],
    objectives: list[Objective],
    measured: Measured,
    settings: Bars,
    confidence: float,
) -> Inspection:
    """Slices, flips and labels against a champion that can be compared, and the budgets of every challenger."""
    noised = kinds.metrics(measured.noised, objectives) if measured.noised else {}
    bars = over_budget(measured, kinds.metrics(challenger, objectives), noised, kinds.primary(objectives), settings)
    if champion is None:
        return Inspection({"noised": noised}, pd.DataFrame(), bars)
    parts = {o.name: slices.parts(holdouts[o.name], o, settings.slices) for o in objectives}
    found = slices.compare(challenger, champion, parts, objectives, settings.slice_margin, confidence)
    figures = {"noised": noised, "slices": found} | flips.counts(challenger, champion, objectives)
    changed = _changed_labels(challenger, champion, objectives, confidence)
    held = [f"{words}; held for a person (gate.label_changes: hold)" for words in changed]
    hold = settings.label_changes == "hold"
    return Inspection(
        figures,
        flips.lost(challenger, champion, holdouts, objectives),
        [*bars, *slices.told(found, settings.slice_margin), *(held if hold else [])],
        [] if hold else changed,
    )


def over_budget(
    measured: Measured, clean: dict[str, float], noised: dict[str, float], metric: str, settings: Bars
) -> list[str]:
    """The budgets that are exceeded, in words."""
    drop = kinds.better(metric) * (clean[metric] - noised[metric]) if noised else 0.0
    found = (
        (measured.latency_ms, settings.max_latency_ms, "{:.2f} ms for 95 in 100 texts", "max_latency_ms"),
        (measured.size_mb, settings.max_size_mb, "{:.1f} MB", "max_size_mb"),
        (drop, settings.max_noise_drop, f"{metric} worse by {{:.4f}} with typing errors", "max_noise_drop"),
    )
    return [
        f"over budget: {words.format(value)}, more than gate.{name} {most}"
        for value, most, words, name in found
        if most is not None and value > most
    ]


def _changed_labels(challenger: Tables, champion: Tables, objectives: list[Objective], confidence: float) -> list[str]:
    """One sentence where the two know different labels."""
    changes = labels.changes(challenger, champion, objectives)
    if not changes:
        return []
    metric = kinds.primary(objectives)
    whole = evidence.compare(challenger, champion, objectives, confidence)
    shared, rows = labels.compare_shared(challenger, champion, objectives, confidence)
    words = f"on all rows {metric} differs by {whole.difference:+.4f} (at {confidence:.0%} at least {whole.lower:+.4f})"
    if shared:
        words += f", on the {rows:,} of shared labels by {shared.difference:+.4f} (at least {shared.lower:+.4f})"
    return [f"other labels than the champion's, {'; '.join(changes)}: {words}"]

"""What bars a promotion, whatever speaks for it: a slice that pays for the whole, a budget, a change of labels.

A bar can only hold a challenger, never promote one. Pure, but for what was measured before.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd
from pydantic import Field

from nightshift.evaluation import kinds, label_changes, prediction_changes, significance, slices
from nightshift.evaluation.claims import told
from nightshift.evaluation.significance import Tables
from nightshift.records import Objective, Settings


class Bars(Settings):
    """Conditions that block a promotion."""

    slices: list[str] = []
    """Columns whose values define slices, in addition to the labels and three ranges of text length."""
    slice_margin: float = Field(0.02, gt=0, lt=1)
    """Drop of a slice's score against the champion that is tolerated; a challenger shown to be worse by more in any slice is held."""
    label_changes: Literal["hold", "allow"] = "hold"
    """hold: a challenger with other labels than the champion's is held until a person promotes it; allow: it is compared as usual."""
    max_latency_ms: float | None = Field(None, gt=0)
    """Maximum 95th percentile of the latency of a single text, as registered, in milliseconds; if not set, no limit."""
    max_size_mb: float | None = Field(None, gt=0)
    """Maximum size of the registered model file, in MB (10^6 bytes); if not set, no limit."""
    max_typo_drop: float | None = Field(None, ge=0)
    """Maximum drop of the metric, in its unit, on the holdout with typing errors; if not set, it is not measured."""


@dataclass(frozen=True)
class Measured:
    """What the challenger costs as registered, and what it answers to misspelt texts, where it was asked."""

    costs: dict[str, float]
    """By the name of the setting that bounds each."""
    noised: Tables = field(default_factory=dict)


@dataclass(frozen=True)
class Inspection:
    """What was found."""

    unfit: list[str] = field(default_factory=list)
    """Why the challenger is held, told without asking who is right: no test on the holdout need be spent on it."""
    bars: list[str] = field(default_factory=list)
    """Why it is held, told from the holdout itself; a test that it was put to is spent all the same."""
    notes: list[str] = field(default_factory=list)
    """What a person should know beside."""
    figures: dict[str, Any] = field(default_factory=dict)
    """Fields of the verdict."""
    lost: pd.DataFrame = field(default_factory=pd.DataFrame)
    """See `nightshift.evaluation.prediction_changes`."""


NOTHING = Inspection()
"""Of a challenger that nothing was looked at."""


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
    drop = _drop(kinds.metrics(challenger, objectives), noised, kinds.primary(objectives))
    unfit, frail = over_budget(measured.costs, settings), over_budget({"max_typo_drop": drop}, settings)
    if champion is None:
        return Inspection(unfit, frail, figures={"noised": noised})
    parts = {o.name: slices.parts(holdouts[o.name], o, settings.slices) for o in objectives}
    found = slices.compare(challenger, champion, parts, objectives, settings.slice_margin, confidence)
    changed = _changed_labels(challenger, champion, objectives, confidence)
    hold = settings.label_changes == "hold"
    held = [f"{words}; held for a person (gate.label_changes: hold)" for words in changed if hold]
    return Inspection(
        [*unfit, *held],
        [*frail, *slices.told(found, settings.slice_margin)],
        [] if hold else changed,
        {"noised": noised, "slices": found} | prediction_changes.counts(challenger, champion, objectives),
        prediction_changes.lost(challenger, champion, holdouts, objectives),
    )


def _drop(clean: dict[str, float], noised: dict[str, float], metric: str) -> float:
    return kinds.better(metric) * (clean[metric] - noised[metric]) if noised else 0.0


WORDS = {
    "max_latency_ms": "{:.2f} ms for 95 in 100 texts",
    "max_size_mb": "{:.1f} MB",
    "max_typo_drop": "the metric worse by {:.4f} with typing errors",
}


def over_budget(values: Mapping[str, float], settings: Bars) -> list[str]:
    """In words, the values that are above the setting of their name."""
    most = {name: getattr(settings, name) for name in values}
    return [
        f"over budget: {WORDS[name].format(value)}, more than gate.{name} {most[name]}"
        for name, value in values.items()
        if most[name] is not None and value > most[name]
    ]


def _changed_labels(challenger: Tables, champion: Tables, objectives: list[Objective], confidence: float) -> list[str]:
    """One sentence where the two know different labels."""
    changes = label_changes.changes(challenger, champion, objectives)
    if not changes:
        return []
    whole = significance.compare(challenger, champion, objectives, confidence)
    shared, rows = label_changes.compare_shared(challenger, champion, objectives, confidence)
    words = f"on all rows {told(whole, objectives, confidence)}"
    if shared:
        words += f"; on the {rows:,} of shared labels {told(shared, objectives, confidence)}"
    return [f"other labels than the champion's, {'; '.join(changes)}: {words}"]

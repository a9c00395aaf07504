"""Guardrails: conditions that block a promotion whatever claim is shown, such as a worse slice, a budget, changed labels.

A guardrail can only hold a challenger, never promote one. Pure functions; costs and predictions are measured before.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd
from pydantic import Field

from nightshift.evaluation import claims, kinds, label_changes, prediction_changes, significance, slices
from nightshift.evaluation.prediction_tables import Tables
from nightshift.evaluation.slices import RowSubset
from nightshift.records import Objective, Settings, Slice


class GuardrailSettings(Settings):
    """Conditions that a challenger must meet."""

    slices: list[str] = []
    """Columns whose values define slices, in addition to the labels and three ranges of text length."""
    slice_margin: float = Field(0.02, gt=0, lt=1)
    """Drop of a slice's score against the champion that is tolerated; a challenger shown to be worse by more in any
    slice is held.
    """
    recent_days: int = Field(7, ge=1)
    """Days before the newest holdout row, where `data.timestamp` is named: a challenger shown to be worse on their rows is
    held, and the report shows their metrics beside those of the whole holdout.
    """
    label_changes: Literal["hold", "allow"] = "hold"
    """hold: a challenger with other labels than the champion's is held until a person promotes it; allow: it is
    compared as usual.
    """
    max_latency_ms: float | None = Field(None, gt=0)
    """Maximum 95th percentile of the latency of a single text, as registered, in milliseconds; if not set, no limit."""
    max_size_mb: float | None = Field(None, gt=0)
    """Maximum size of the registered model file, in MB (10^6 bytes); if not set, no limit."""
    max_typo_drop: float | None = Field(None, ge=0)
    """Maximum drop of the metric, in its unit, on the holdout with typing errors; if not set, it is not measured."""


@dataclass(frozen=True)
class GuardrailMeasurements:
    """Costs of the challenger as registered, and its predictions on texts with typos, if they are limited."""

    costs: dict[str, float]
    """Values by the name of the setting that limits each."""
    typo_tables: Tables = field(default_factory=dict)
    newest: Mapping[str, RowSubset] = field(default_factory=dict)
    """Holdout rows of the last `recent_days`, by objective; empty if rows have no times, or all are as new."""


@dataclass(frozen=True)
class GuardrailResult:
    """Results of all guardrails."""

    unfit: list[str] = field(default_factory=list)
    """Reasons to hold that use no labels of the holdout: no test on it needs to be spent on the challenger."""
    blocking: list[str] = field(default_factory=list)
    """Reasons to hold that are seen on the holdout itself; a test of the claims is spent all the same."""
    notes: list[str] = field(default_factory=list)
    """Reasons that do not hold the challenger, for people to know."""
    slices: list[Slice] = field(default_factory=list)
    """Slices of the holdout, against the champion."""
    improved_rows: int | None = None
    """Number of rows that only the challenger has right; None if rows are neither right nor wrong."""
    regressed_rows: int | None = None
    """Number of rows that only the champion has right."""
    regressions: pd.DataFrame = field(default_factory=pd.DataFrame)
    """These rows, see `nightshift.evaluation.prediction_changes`."""
    typo_metrics: dict[str, float] = field(default_factory=dict)
    """Metrics on the holdout with typos."""


NO_GUARDRAILS = GuardrailResult()
"""Result for a challenger that no guardrail was checked of."""


def check_guardrails(
    challenger: Tables,
    champion: Tables | None,
    holdouts: Mapping[str, pd.DataFrame],
    objectives: list[Objective],
    measured: GuardrailMeasurements,
    settings: GuardrailSettings,
    confidence: float,
) -> GuardrailResult:
    """Check the budgets of a challenger and, against a champion that can be compared, slices, prediction changes and labels.

    Args:
        challenger: Tables of the challenger on the holdout.
        champion: Tables of the champion on the same rows; None if there is none to compare with.
        holdouts: Rows of the holdout by objective, in the order of the tables.
        objectives: Objectives of the run.
        measured: Costs of the challenger, and its predictions on texts with typos.
        settings: Conditions to check.
        confidence: 1 - the chance that any slice is called worse by mistake.
    """
    typo_metrics = kinds.metrics(measured.typo_tables, objectives) if measured.typo_tables else {}
    drop = _drop(kinds.metrics(challenger, objectives), typo_metrics, kinds.primary(objectives))
    unfit = over_budget(measured.costs, settings)
    blocking = over_budget({"max_typo_drop": drop}, settings)
    if champion is None:
        return GuardrailResult(unfit, blocking, typo_metrics=typo_metrics)
    subsets = {o.name: slices.split_slices(holdouts[o.name], o, settings.slices) for o in objectives}
    compared = slices.compare_slices(challenger, champion, subsets, objectives, settings.slice_margin, confidence)
    newest_subsets = {o.name: [measured.newest[o.name]] for o in objectives if o.name in measured.newest}
    newest = slices.compare_slices(challenger, champion, newest_subsets, objectives, 0.0, confidence)
    changes = _describe_label_changes(challenger, champion, objectives, confidence)
    holds_changes = settings.label_changes == "hold"
    label_reasons = [f"{text}; held for a person (gate.label_changes: hold)" for text in changes if holds_changes]
    improved, regressed = prediction_changes.count_changes(challenger, champion, objectives) or (None, None)
    return GuardrailResult(
        unfit=[*unfit, *label_reasons],
        blocking=[
            *blocking,
            *slices.describe_worse(newest, "worse on the newest rows"),
            *slices.describe_worse(compared, f"worse by more than gate.slice_margin {settings.slice_margin}"),
        ],
        notes=[] if holds_changes else changes,
        slices=[*newest, *compared],
        improved_rows=improved,
        regressed_rows=regressed,
        regressions=prediction_changes.regressions(challenger, champion, holdouts, objectives),
        typo_metrics=typo_metrics,
    )


def _drop(clean: dict[str, float], typo_metrics: dict[str, float], metric: str) -> float:
    return kinds.better(metric) * (clean[metric] - typo_metrics[metric]) if typo_metrics else 0.0


BUDGET_TEXTS = {
    "max_latency_ms": "{:.2f} ms for 95 in 100 texts",
    "max_size_mb": "{:.1f} MB",
    "max_typo_drop": "the metric worse by {:.4f} with typing errors",
}


def over_budget(values: Mapping[str, float], settings: GuardrailSettings) -> list[str]:
    """Return a text for each value that is above the setting of its name."""
    limits = {name: getattr(settings, name) for name in values}
    return [
        f"over budget: {BUDGET_TEXTS[name].format(value)}, more than gate.{name} {limits[name]}"
        for name, value in values.items()
        if limits[name] is not None and value > limits[name]
    ]


def _describe_label_changes(
    challenger: Tables, champion: Tables, objectives: list[Objective], confidence: float
) -> list[str]:
    """Return one sentence if the two models know different labels."""
    changes = label_changes.describe_changes(challenger, champion, objectives)
    if not changes:
        return []
    difference = significance.compare(challenger, champion, objectives, confidence)
    shared, rows = label_changes.compare_shared(challenger, champion, objectives, confidence)
    text = f"on all rows {claims.describe(difference, objectives, confidence)}"
    if shared:
        text += f"; on the {rows:,} of shared labels {claims.describe(shared, objectives, confidence)}"
    return [f"other labels than the champion's, {'; '.join(changes)}: {text}"]

"""The stage gate: registered versions answer the holdout and validation, costs are measured, and the decision is written."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from nightshift import escaping
from nightshift.errors import InputError
from nightshift.evaluation import (
    prediction_changes,
    scoring,
    significance,
)
from nightshift.evaluation.claims import (
    LatencyComparison,
)
from nightshift.evaluation.fresh_rows import FreshRows
from nightshift.evaluation.prediction_tables import Tables
from nightshift.inference.measurement import measure_latencies
from nightshift.records import (
    Evaluated,
    Objective,
    Registered,
    RegistryState,
    Verdict,
)
from nightshift.registry import model_registry, tags, tracking
from nightshift.registry.version_predictions import (
    VersionPredictor,
    drop_rows,
    keys_known_by_raw_text,
    predict_versions,
    trained_keys,
)
from nightshift.store import artifact_store
from nightshift.store.stages import stage
from tasks.gate.decision import Evidence, decide, other_tokens
from tasks.gate.first_version import References
from tasks.gate.guardrails import (
    GuardrailMeasurements,
    GuardrailResult,
    check_guardrails,
)
from tasks.gate.row_ages import newest_rows, weighted_tables
from tasks.gate.settings import GateSettings
from tasks.gate.typos import with_typos

ROLES: tuple[str, ...] = ("challenger", "champion")
"""Roles whose latency is measured."""


def _artifact(name: str, number: str) -> tuple[str | None, str | None]:
    """Return the digest of the candidates that a version was chosen from, and the name of the chosen one."""
    version_tags = model_registry.version(name, number).tags
    return version_tags.get(tags.COMPRESSED), version_tags.get(tags.RECIPE)


@stage
def gate(
    folder: Path,
    registered: Registered,
    registry_state: RegistryState,
    objectives: list[Objective],
    evaluated: Evaluated,
    gate: GateSettings,
    spread: float | None = None,
    fresh: FreshRows | None = None,
    timestamp_formats: Mapping[str, Sequence[str]] | None = None,
) -> Verdict:
    """Run challenger, champion, anchor and a rolled-back version, as registered, on this run's holdout, and decide.

    Args:
        folder: New folder of the store for the tables.
        registered: The challenger.
        registry_state: Champion, anchor, rolled-back version, and the year's tests so far.
        objectives: Objectives of the run.
        evaluated: Holds the tables of the dummy and the baseline.
        gate: Settings of the gate.
        spread: Standard deviation of the metric over seeds, which is reported; None for one seed.
        fresh: Evidence from new rows; None if they are not used.
        timestamp_formats: Formats of the times by objective (`data.timestamp_format`); without one they are recognised.
    """
    tracking.connect()
    served, tables, not_comparable = predict_versions(registered, registry_state, objectives)
    references = _references(evaluated, objectives)
    num_removed = _drop_trained_rows(tables, references, objectives, registered, registry_state)
    holdout = tables["holdout"]
    for role, by_objective in holdout.items():
        scoring.write(by_objective, folder / role)
    (folder / "validation").mkdir()
    for role, by_objective in tables["validation"].items():
        scoring.write(by_objective, folder / "validation" / role)
    (folder / "measured").mkdir()
    answering = {role: served[role] for role in ROLES if role in holdout}
    costs, times = _measure_latency(registered, registry_state, answering, objectives, gate)
    guardrails = _check_guardrails(served["challenger"], times, holdout, objectives, gate, timestamp_formats or {})
    if not model_registry.has_trained_keys(registered.name, registered.version):
        reason = f"version {registered.version} keeps no digests of its training rows: it may know the holdout"
        guardrails = replace(guardrails, unfit=[reason, *guardrails.unfit])
    if len(guardrails.regressions):
        path = folder / "measured" / prediction_changes.FILE
        artifact_store.write_csv(escaping.spreadsheet(guardrails.regressions), path)
    compared = tables
    if gate.weight == "recent" and "champion" in holdout:
        compared = {
            side: weighted_tables(by_role, side, objectives, gate.half_life_days, timestamp_formats or {})
            for side, by_role in tables.items()
        }
    evidence = Evidence(
        compared["holdout"],
        compared["validation"],
        objectives,
        costs,
        references,
        registry_state.budget,
        not_comparable,
        fresh.evidence(gate.budget) if fresh else None,
    )
    verdict = decide(evidence, gate, guardrails)
    return verdict.model_copy(
        update={
            "reasons": [*verdict.reasons, *_removal_notes(num_removed, objectives)],
            "champion_version": registry_state.champion,
            "seen": num_removed,
            "spread": spread,
        }
    )


def _drop_trained_rows(
    tables: Mapping[str, dict[str, Tables]],
    references: References,
    objectives: list[Objective],
    registered: Registered,
    registry_state: RegistryState,
) -> int:
    """Remove the rows that a compared version was trained on from all tables, in place.

    Returns:
        How many rows of the holdout were removed.

    Raises:
        InputError: No row is left.
    """
    keys = trained_keys(registered, registry_state)
    keys |= {key for objective in objectives for key in keys_known_by_raw_text(objective, keys)}
    num_removed = {side: drop_rows(by_role, keys) for side, by_role in tables.items()}
    if any(table.empty for by_role in tables.values() for table in by_role["challenger"].values()):
        raise InputError(
            f"gate: version {registered.version}, the champion or the anchor was trained on every row that "
            "could judge; give other rows as holdout"
        )
    for reference in (references.dummy, references.baseline):
        drop_rows({"challenger": reference}, keys)
    return num_removed["holdout"]


def _removal_notes(num_removed: int, objectives: list[Objective]) -> list[str]:
    """Return a note on the rows of the holdout that were removed; none if there are none."""
    if not num_removed:
        return []
    rows = sum(o.sides.holdout for o in objectives)
    return [
        f"{num_removed:,} of {rows:,} holdout rows do not count: the challenger, the champion or the anchor was trained "
        "on them"
    ]


def _references(evaluated: Evaluated, objectives: list[Objective]) -> References:
    folder = artifact_store.folder(evaluated)
    with_baseline = [o for o in objectives if o.name in evaluated.baselines]
    return References(
        scoring.read(folder / "dummy", objectives),
        scoring.read(folder / "baseline", with_baseline),
        evaluated.baselines,
        evaluated.left_out,
    )


def _measure_latency(
    registered: Registered,
    registry_state: RegistryState,
    answering: Mapping[str, VersionPredictor],
    objectives: list[Objective],
    gate: GateSettings,
) -> tuple[LatencyComparison | None, list[float]]:
    """Return the comparison with a champion that answers, and the challenger's times, ms a text."""
    objective = scoring.timed_objective(objectives)
    calls = [version.prediction_function(objective) for version in answering.values()]
    times = measure_latencies(calls, *scoring.timed_texts(objective))
    if registry_state.champion is None or "champion" not in answering:
        return None, times[0]
    is_same = _artifact(registered.name, registered.version) == _artifact(registered.name, registry_state.champion)
    ratio = 1.0 if is_same else significance.ratio_limit(times[0], times[1], gate.cost_confidence)
    medians = float(np.median(times[0])), float(np.median(times[1]))
    return LatencyComparison(*medians, ratio, gate.cost_confidence), times[0]


def _check_guardrails(
    challenger: VersionPredictor,
    times: list[float],
    tables: Mapping[str, Tables],
    objectives: list[Objective],
    gate: GateSettings,
    timestamp_formats: Mapping[str, Sequence[str]],
) -> GuardrailResult:
    """Check the guardrails; slices and prediction changes only against a champion that can be compared.

    Args:
        challenger: The challenger, as registered.
        times: Its latency, ms a text.
        tables: Predictions on the holdout by role.
        objectives: Objectives of the run.
        gate: Settings of the gate.
        timestamp_formats: Formats of the rows' times by objective.
    """
    keys = {o.name: tables["challenger"][o.name]["row_key"] for o in objectives}
    sides = {o.name: scoring.side_of(o, "holdout") for o in objectives}
    holdouts = {name: side[side["row_key"].isin(keys[name])].reset_index(drop=True) for name, side in sides.items()}
    typo_tables: Tables = {}
    if gate.max_typo_drop is not None:
        typo_tables = {o.name: challenger.table(with_typos(holdouts[o.name]), o) for o in objectives}
    costs = {"max_latency_ms": float(np.percentile(times, 95)), "max_size_mb": challenger.size_mb()}
    champion = None if "champion" in other_tokens(tables, objectives) else tables.get("champion")
    newest = newest_rows(tables["challenger"], holdouts, gate.recent_days, timestamp_formats)
    measured = GuardrailMeasurements(costs, typo_tables, newest)
    return check_guardrails(tables["challenger"], champion, holdouts, objectives, measured, gate, gate.confidence)

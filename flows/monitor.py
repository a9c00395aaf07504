"""After promotion: do fresh rows still look like those the champion was judged on, and does it still do as well?"""

from pathlib import Path
from typing import Any

import pandas as pd
from prefect import flow
from prefect.events import emit_event
from prefect.runtime import flow_run

from expectations import own
from flows.settings import NightSettings, ObjectiveSettings, load
from nightshift import escaping, redaction
from nightshift.errors import InputError, UserError
from nightshift.evaluation import drift_profile
from nightshift.evaluation.drift_profile import Drift, Profile
from nightshift.prefect_ui import artifacts
from nightshift.records import Augmented, Kind, Objective, Sides
from nightshift.redaction import Parameter
from nightshift.registry import model_registry, tracking
from nightshift.registry.version_predictions import VersionPredictor
from nightshift.reporting import plots
from nightshift.store import artifact_store
from tasks.ingest import DataSettings, locate, read_rows
from tasks.validate import unlabelled

CONFIDENCE = 0.95
LEAST = 30
"""Rows, with labels, from which on quality is told."""
EVENTS = {"drifted": "nightshift.drift", "worse": "nightshift.worse"}


def _run_name() -> str:
    return f"watch-{redaction.redact(flow_run.parameters['settings_file'])}"


@flow(name="watch", flow_run_name=_run_name, validate_parameters=True)
def watch(
    settings_file: Parameter, source: Parameter, max_index: float = 0.2, max_drop: float = 0.02
) -> dict[str, Any]:
    """Compare fresh rows with those that the champion was judged on; emits an event where they differ.

    Args:
        settings_file: The night's settings file, which says what the columns are.
        source: A file of fresh rows, or a pattern, relative to the settings file; labels may be missing.
        max_index: The population stability index from which on a difference counts.
        max_drop: The loss of quality that counts, in shares of rows that are right (or the metric's own score of a row).
    """
    with redaction.redacted_errors():
        redaction.refuse_parameters(settings_file=settings_file, source=source)
        found = look(load(Path(settings_file)), source, max_index, max_drop)
    if event := EVENTS.get(found["status"]):
        resource = {
            "prefect.resource.id": f"nightshift.model.{found['model']}",
            "prefect.resource.name": found["model"],
        }
        emit_event(event, resource, payload={"settings_file": settings_file, "reason": found["reason"]})
    with artifact_store.temporary_directory() as folder:
        plots.drift([Drift(**drift) for drift in found["drift"]], folder / "drift.png")
        artifacts.show_monitoring(
            found["model"], f"{markdown(found)}\n![Drift]({plots.data_uri(folder / 'drift.png')})"
        )
    return found


def look(settings: NightSettings, source: str, max_index: float = 0.2, max_drop: float = 0.02) -> dict[str, Any]:
    """What `watch` finds: `status` (steady, drifted, worse), `reason`, and the figures of the main objective."""
    with tracking.explained():
        champion = model_registry.version_of(settings.model, model_registry.CHAMPION)
        if champion is None:
            raise UserError(f"{settings.model} has no champion to watch")
        before = _profile(settings.model, champion)
        name, told = next(iter(settings.resolved_objectives.items()))
        read = _fresh(told.data, told.kind, source, Path(settings.base_dir))
        frame = read[read["row_key"].notna()].reset_index(drop=True)
        if frame.empty:
            raise InputError(f"{source}: none of {len(read)} rows can be read")
        objective = _objective(name, told)
        served = VersionPredictor(settings.model, champion, len(settings.resolved_objectives) > 1)
        table = served.table(frame, objective)
        found: dict[str, Any] = {"model": settings.model, "version": champion, "rows": len(frame),
                                 "unreadable": len(read) - len(frame), "score": None, "holdout_score": before.score}  # fmt: skip
        drifts = drift_profile.drifts(before, table, frame, objective, max_index)
        found["drift"] = [drift.model_dump() for drift in drifts]
        reasons = [
            f"{drift.feature}: index {drift.index:.3f}, noise below {drift.noise:.3f}"
            for drift in drifts
            if drift.drifted
        ]
        status = "drifted" if reasons else "steady"
        known = table[table["label"].notna()] if "label" in table else table[:0]
        if objective.kind == "generation":
            known = table
        found["labelled"] = len(known)
        if len(known) >= LEAST:
            found["score"], dropped = drift_profile.worse(before, known, objective, max_drop, CONFIDENCE)
            if dropped:
                status, reasons = "worse", [f"score {found['score']:.4f}, on the holdout {before.score:.4f}", *reasons]
        words = {"steady": "as on the holdout", "drifted": "the rows have drifted", "worse": "the champion does worse"}
        return found | {"status": status, "reason": "; ".join([words[status], *reasons])}


def _profile(name: str, champion: str) -> Profile:
    text = model_registry.text_artifact(name, champion, drift_profile.FILE)
    if text is None:
        raise UserError(
            f"version {champion} of {name} has no profile: nights keep one since it could be watched; promote a newer one"
        )
    return Profile.model_validate_json(text)


def _fresh(data: DataSettings, kind: Kind, source: str, base_dir: Path) -> pd.DataFrame:
    """The rows, but for those that must go; a label that says nothing is null, and the column is missing where the file has none."""
    sources = locate(data.model_copy(update={"path": source, "unlabelled": None}), None, base_dir)
    try:
        rows = read_rows(sources, data)
    except InputError:
        if data.label is None:
            raise
        rows = read_rows(sources, data.model_copy(update={"label": None}))
    if "label" in rows:
        says_nothing = unlabelled(rows["label"], data.label_separator)
        if kind == "regression":
            says_nothing |= ~own.is_number(rows["label"])
        rows["label"] = rows["label"].mask(says_nothing, None)
    return rows[~rows["excluded"]]


def _objective(name: str, told: ObjectiveSettings) -> Objective:
    sides = Sides(train=0, validation=0, holdout=0, spare=0, leaks=0, labels=[], separator=told.data.label_separator,
                  pairs=told.data.text_pair is not None)  # fmt: skip
    return told.objective(name, sides, Augmented(augmented=0))


def markdown(found: dict[str, Any]) -> str:
    """What was found, as a page."""
    lines = [
        f"# {found['model']}, version {found['version']}: {found['status']}",
        "",
        escaping.markdown(found["reason"]),
        "",
    ]
    lines += [
        f"{found['rows']:,} rows, {found['labelled']:,} of them with labels; {found['unreadable']:,} could not be read.",
        "",
    ]
    for drift in found["drift"]:
        verdict = "drifted" if drift["drifted"] else "steady"
        lines += [f"**{escaping.markdown(drift['feature'])}**: {verdict}, index {drift['index']:.3f} (noise below {drift['noise']:.3f})", "",
                  "| | holdout | now |", "|---|---|---|"]  # fmt: skip
        lines += [
            f"| {escaping.markdown(bin_, 300)} | {100 * then:.1f} % | {100 * now:.1f} % |"
            for bin_, (then, now) in drift["shares"].items()
        ]
        lines.append("")
    return "\n".join(lines)

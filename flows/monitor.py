"""Monitoring of the champion: drift of new rows against its holdout, and its quality on them."""

import logging
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from prefect import flow
from prefect.runtime import flow_run

from expectations.custom import is_number
from flows.settings import NightSettings
from flows.settings_file import load
from nightshift import escaping, redaction
from nightshift.data.cleaning import CleaningSettings
from nightshift.data.label_review import missing_labels
from nightshift.data.missing_words import MISSING_VALUES
from nightshift.data.settings import DataSettings
from nightshift.errors import InputError, UserError
from nightshift.evaluation import drift_profile, watch_records
from nightshift.evaluation.drift_profile import MIN_SHIFT, WORSE_ALPHA, Drift, Profile
from nightshift.evaluation.performance_estimation import AccuracyEstimate
from nightshift.evaluation.watch_records import PastWatch, WatchMetadata
from nightshift.prefect_ui import artifacts, events, reconciliation
from nightshift.prefect_ui.events import ModelEvent
from nightshift.records import Kind
from nightshift.redaction import Parameter
from nightshift.registry import locks, model_registry, tracking
from nightshift.registry.version_predictions import VersionPredictor
from nightshift.reporting import plots
from nightshift.store import artifact_store
from tasks.ingest import locate, read_rows

log = logging.getLogger("nightshift.watch")
MIN_LABELLED = 30
"""Minimum number of rows with labels for a statement on quality."""
NO_ESTIMATE = "no estimate of the accuracy: version {version} was registered before nights kept what it takes; the next champion has it"
ESTIMATE_NOTE = "It rests on the confidences: a changed meaning of the labels stays unseen until a file with labels of these rows is watched."
EVENTS = {"drifted": events.DRIFTED, "worse": events.WORSE}


def _run_name() -> str:
    return f"watch-{redaction.redact(flow_run.parameters['settings_file'])}"


@flow(name="watch", flow_run_name=_run_name, validate_parameters=True)
def watch(
    settings_file: Parameter,
    source: Parameter,
    max_index: float | None = None,
    max_drop: float = 0.02,
    min_shift: float = MIN_SHIFT,
) -> dict[str, Any]:
    """Compare new rows with the champion's holdout, and emit an event if they differ.

    Args:
        settings_file: Settings file, which defines the columns.
        source: File with new rows, a folder, a pattern or an address, as data.path; labels are optional.
        max_index: Population stability index that a feature must exceed besides, as in former versions.
        max_drop: Drop of quality that counts as worse, in the fraction of correct rows (or the mean score of a row).
        min_shift: Shift of a feature that counts as drift if it is significant, a distance from 0 to 1.
    """
    with redaction.redacted_errors():
        reconciliation.claim_flow_run()
        redaction.refuse_parameters(settings_file=settings_file, source=source)
        report = monitor_rows(load(Path(settings_file)), source, max_index, max_drop, min_shift)
    if event := EVENTS.get(report["status"]):
        about = ModelEvent(
            model=report["model"],
            outcome=report["status"],
            reason=report["reason"],
            run_url=tracking.flow_run_address(flow_run.id),
            version_url=tracking.version_address(report["model"], report["version"]),
        )
        events.emit(event, about, settings_file=settings_file)
    with artifact_store.temporary_directory() as folder:
        picture = plots.drift([Drift(**drift) for drift in report["drift"]], folder / "drift.png")
        page = f"{markdown(report)}\n![Drift]({plots.data_uri(picture)})"
        if report["earlier"]:
            earlier = [PastWatch.model_validate(past) for past in report["earlier"]]
            picture = plots.watched_accuracy(earlier, folder / "accuracy.png")
            page += f"\n\n![Accuracy]({plots.data_uri(picture)})"
        artifacts.show_monitoring(report["model"], page)
    return report


def monitor_rows(
    settings: NightSettings,
    source: str,
    max_index: float | None = None,
    max_drop: float = 0.02,
    min_shift: float = MIN_SHIFT,
) -> dict[str, Any]:
    """Compare new rows with the champion's holdout, on the main objective.

    Args:
        settings: Settings, which define the columns.
        source: File with new rows, a folder, a pattern or an address, as data.path.
        max_index: Population stability index that a feature must exceed besides.
        max_drop: Drop of quality that counts as worse.
        min_shift: Shift of a feature that counts as drift if it is significant.

    Returns:
        `status` (steady, drifted or worse), `reason` and the measurements.

    Raises:
        UserError: There is no champion, or it has no profile.
        InputError: No row can be read.
    """
    if max_index is not None:
        log.warning("max_index is going away: significance and min_shift decide; until then both must hold")
    with tracking.explained():
        champion = model_registry.version_of(settings.model, model_registry.CHAMPION)
        if champion is None:
            raise UserError(f"{settings.model} has no champion to watch")
        profile = _profile(settings.model, champion)
        name, objective_settings = next(iter(settings.resolved_objectives.items()))
        predictor = VersionPredictor(settings.model, champion, len(settings.resolved_objectives) > 1)
        head = predictor.model.heads.get(name)
        data = _cleaned_as(head, objective_settings.data)
        classes = () if head is None else head.labels
        rows = _read_new_rows(data, objective_settings.kind, source, Path(settings.base_dir), classes)
        frame = rows[rows["row_key"].notna()].reset_index(drop=True)
        if frame.empty:
            raise InputError(f"{source}: none of {len(rows)} rows can be read")
        objective = objective_settings.without_rows(name)
        table = predictor.table(frame, objective)
        report: dict[str, Any] = {"model": settings.model, "version": champion, "rows": len(frame),
                                 "unreadable": len(rows) - len(frame), "score": None, "score_p_value": None, "holdout_score": profile.score}  # fmt: skip
        drifts = drift_profile.measure_drift(profile, table, frame, objective, min_shift, max_index)
        report["drift"] = [drift.model_dump() for drift in drifts]
        report |= {"estimate": None, "no_estimate": None, "newly_labelled": 0, "earlier": []}
        if drift_profile.has_confidences(table, objective):
            metadata = WatchMetadata(
                version=champion,
                watched_at=datetime.now(UTC),
                source=redaction.redact(source).rstrip("/").rpartition("/")[2],
                holdout_accuracy=profile.score,
                holdout_rows=profile.effective or profile.rows,
                bins=profile.bins,
            )
            report |= _quality_without_labels(settings.model, metadata, table, frame)
        reasons = [f"{drift.feature}: {drift.description}" for drift in drifts if drift.drifted]
        status = "drifted" if reasons else "steady"
        labelled = table[table["label"].notna()] if "label" in table else table[:0]
        if objective.kind == "generation":
            labelled = table
        report["labelled"] = len(labelled)
        if len(labelled) >= MIN_LABELLED:
            score, p_value = drift_profile.quality_drop(profile, labelled, objective, max_drop)
            report |= {"score": score, "score_p_value": p_value}
            if p_value <= WORSE_ALPHA:
                status, reasons = (
                    "worse",
                    [f"score {report['score']:.4f}, on the holdout {profile.score:.4f}", *reasons],
                )
        words = {"steady": "as on the holdout", "drifted": "the rows have drifted", "worse": "the champion does worse"}
        return report | {"status": status, "reason": "; ".join([words[status], *reasons])}


def _quality_without_labels(
    model: str, metadata: WatchMetadata, table: pd.DataFrame, frame: pd.DataFrame
) -> dict[str, Any]:
    """Return the estimated accuracy and the earlier watches, with what the labels of these rows say about them.

    Args:
        model: The registered model.
        metadata: The champion and what its estimates rest on.
        table: Its predictions of the rows.
        frame: The rows.
    """
    rows, newly_labelled = watch_records.watched_rows(table, frame), 0
    with locks.locked(model, "watch"):
        if "label" in rows:
            newly_labelled = watch_records.add_labels(model, rows[["row_key", "label"]])
        if metadata.bins:
            watch_records.keep_record(model, metadata, rows)
        earlier = [past.model_dump(mode="json") for past in watch_records.past_watches(model)]
    estimate = watch_records.estimate(metadata, rows).model_dump() if metadata.bins else None
    no_estimate = None if metadata.bins else NO_ESTIMATE.format(version=metadata.version)
    return {"estimate": estimate, "no_estimate": no_estimate, "newly_labelled": newly_labelled, "earlier": earlier}


def _profile(name: str, champion: str) -> Profile:
    text = model_registry.text_artifact(name, champion, drift_profile.FILE)
    if text is None:
        raise UserError(
            f"version {champion} of {name} has no profile: nights keep one since it could be watched; promote a newer one"
        )
    return Profile.model_validate_json(text)


def _cleaned_as(head: Any, data: DataSettings) -> DataSettings:
    """Return the settings with the cleaning of the champion's rows, whatever is set since."""
    cleaning = CleaningSettings() if head is None else CleaningSettings.from_cleaning(head.cleaning)
    return data.model_copy(update={"cleaning": cleaning})


def _read_new_rows(
    data: DataSettings, kind: Kind, source: str, base_dir: Path, classes: Collection[str] = ()
) -> pd.DataFrame:
    """Read new rows without excluded ones; empty labels are null, and the column is absent if the file has none.

    Args:
        data: How rows are read.
        kind: The objective's kind.
        source: File, pattern or address.
        base_dir: Folder that relative paths start from.
        classes: Labels that the champion knows, which are labels even if they are words such as `None`.
    """
    data = data.model_copy(update={"path": source, "unlabelled": None, "corrections": None, "timestamp": None})
    sources = locate(data, None, base_dir)
    try:
        table = pa.concat_tables(read_rows(sources, data))
    except InputError:
        if data.label is None:
            raise
        table = pa.concat_tables(read_rows(sources, data.model_copy(update={"label": None})))
    rows: pd.DataFrame = table.to_pandas().astype("object")
    rows = rows.where(rows.notna(), None)
    if "label" in rows and kind == "regression":
        rows["label"] = rows["label"].where(is_number(rows["label"]), None)
    elif "label" in rows:
        words = MISSING_VALUES if data.missing_values is None else data.missing_values
        cells = pa.array(rows["label"], pa.string())
        labels = missing_labels([cells], kind, words, classes, data.label_separator).apply(cells).to_pylist()
        rows["label"] = pd.Series(labels, rows.index, dtype="object")
    return rows[~rows["excluded"].astype("bool")]


def markdown(report: dict[str, Any]) -> str:
    """Return the report of `monitor_rows` as a Markdown page."""
    lines = [
        f"# {report['model']}, version {report['version']}: {report['status']}",
        "",
        escaping.markdown(report["reason"]),
        "",
    ]
    lines += [
        f"{report['rows']:,} rows, {report['labelled']:,} of them with labels; {report['unreadable']:,} could not be read.",
        "",
    ]
    lines += _quality_lines(report)
    for drift in report["drift"]:
        verdict = "drifted" if drift["drifted"] else "steady"
        lines += [f"**{escaping.markdown(drift['feature'])}**: {verdict}; {escaping.markdown(drift['description'])}", "",
                  "| | holdout | now |", "|---|---|---|"]  # fmt: skip
        lines += [
            f"| {escaping.markdown(bin_, 300)} | {100 * then:.1f} % | {100 * now:.1f} % |"
            for bin_, (then, now) in drift["shares"].items()
        ]
        lines.append("")
    return "\n".join(lines)


def _quality_lines(report: dict[str, Any]) -> list[str]:
    """Return the lines on the quality of the rows, with or without labels, and on earlier watches."""
    lines = []
    if report["estimate"]:
        estimate = AccuracyEstimate.model_validate(report["estimate"])
        lines += [f"Estimated accuracy {estimate}, on the holdout {100 * report['holdout_score']:.1f} %. {ESTIMATE_NOTE}", ""]  # fmt: skip
    elif report["no_estimate"]:
        lines += [report["no_estimate"], ""]
    if report["score"] is not None:
        lines += [f"Mean score of the rows with labels {report['score']:.4f}, on the holdout {report['holdout_score']:.4f}.", ""]  # fmt: skip
    earlier = [PastWatch.model_validate(past) for past in report["earlier"]]
    if any(past.labelled for past in earlier):
        lines += [f"**Earlier watches**; {report['newly_labelled']:,} of their rows have got a label now:", "",
                  "| watched | version | rows | estimate | labels since | their accuracy | estimate for them | all rows |",
                  "|---|---|---|---|---|---|---|---|"]  # fmt: skip
        lines += [_past_line(past) for past in earlier]
        lines.append("")
    return lines


def _past_line(past: PastWatch) -> str:
    """Return an earlier watch as a line of a Markdown table."""
    cells = [
        f"{past.watched_at:%Y-%m-%d %H:%M} {escaping.markdown(past.source, 60)}",
        past.version,
        f"{past.rows:,}",
        str(past.estimate),
        f"{past.labelled:,}",
        str(past.accuracy or ""),
        "" if past.estimate_of_labelled is None else f"{100 * past.estimate_of_labelled:.1f} %",
        f"{100 * past.restated:.1f} %",
    ]
    return f"| {' | '.join(cells)} |"

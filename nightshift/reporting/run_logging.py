"""Logging of a finished run to MLflow: metrics, tables, plots, and the profile for drift monitoring."""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from nightshift import escaping
from nightshift.data import review_columns
from nightshift.evaluation import drift_profile, scoring
from nightshift.records import Objective, Registered, Verdict
from nightshift.registry import model_registry, row_profiles, tracking
from nightshift.reporting import plots, report_data
from nightshift.reporting.report_data import ReportData
from nightshift.store import artifact_store


def log(run_id: str, data: ReportData, registered: Registered, files: Sequence[Path]) -> None:
    """Log metrics, tables and plots to the MLflow run; some metrics also to the logged model of the challenger.

    Args:
        run_id: The MLflow run.
        data: The records of the run.
        registered: The challenger.
        files: The plots.
    """
    assert data.trained and data.evaluated and data.compressed and data.verdict
    client, trained, evaluated = tracking.connect(), data.trained, data.evaluated
    tracking.log_history(run_id, json.loads((artifact_store.folder(trained) / "measured/history.json").read_text()))
    model_id = model_registry.version(registered.name, registered.version).source.removeprefix("models:/")
    cost = data.compressed.chosen_candidate.model_dump(include=set(report_data.COSTS))
    for group, values, shown_with in (
        ("holdout", data.verdict.metrics, model_id),
        ("cost", cost, model_id),
        ("full", evaluated.holdout, None),
        ("baseline", evaluated.baseline, None),
        ("speed", trained.figures, None),
        ("noised", data.verdict.noised, model_id),
        *((f"alone/{name}", single_task.holdout, None) for name, single_task in data.single_task.items()),
    ):
        tracking.log_metrics(run_id, group, values, shown_with)
    client.log_table(run_id, pd.DataFrame(trained.layers), "layers.json")
    client.log_dict(run_id, evaluated.per_class, "per_class.json")
    if evaluated.samples:
        client.log_dict(run_id, evaluated.samples, "samples.json")
    _log_profile(run_id, data.verdict, data.objectives[0])
    row_profiles.log_profiles(run_id, data.checked)
    for file, table in (("slices.csv", report_data.slice_table(data)), ("lost.csv", report_data.lost_rows(data))):
        if len(table):
            client.log_text(run_id, escaping.spreadsheet(table).to_csv(index=False), file)
    for name, reviewed in data.reviewed.items():
        client.log_artifact(
            run_id,
            str(artifact_store.folder(reviewed) / review_columns.FILE),
            f"review/{name}" if len(data.reviewed) > 1 else None,
        )
    tracking.log_candidates(run_id, data.compressed.candidates)
    for picture in files:
        client.log_artifact(run_id, str(picture), "pictures")
    with artifact_store.temporary_directory() as folder:
        for objective in data.objectives:
            if objective.kind == "classification":
                picture = folder / f"{report_data.metric_prefix(objective.name, data.objectives, '_')}label_shares.png"
                picture = plots.label_shares(_shares(objective), picture)
                client.log_artifact(run_id, str(picture), "pictures")


def _log_profile(run_id: str, verdict: Verdict, main: Objective) -> None:
    table = scoring.read(artifact_store.folder(verdict) / "challenger", [main])[main.name]
    holdout = scoring.side_of(main, "holdout")
    frame = holdout[holdout["row_key"].isin(table["row_key"])]
    text = drift_profile.build_profile(table, frame, main).model_dump_json()
    tracking.connect().log_text(run_id, text, drift_profile.FILE)


def _shares(objective: Objective) -> dict[str, pd.Series]:
    """Return the share of each label on each side; each label of a row with several labels counts."""
    shares = {}
    for side in ("train", "validation", "holdout"):
        labels = pd.read_parquet(artifact_store.folder(objective.sides) / f"{side}.parquet")["label"]
        if objective.sides.separator is not None:
            labels = labels.str.split(objective.sides.separator, regex=False).explode()
        shares[side] = labels.value_counts(normalize=True)
    return shares

"""The report of a run: a self-contained HTML file, and the same content as a Prefect markdown artifact."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, select_autoescape

from expectations.data_docs import POLICY
from nightshift import clock, escaping
from nightshift.data import text_lengths
from nightshift.data.label_variants import quoted
from nightshift.data.row_samples import read_samples
from nightshift.evaluation import kinds, prediction_changes, recency
from nightshift.prefect_ui import artifacts
from nightshift.records import Artifact, NightResult, Objective, RowSample, Verdict
from nightshift.registry import erasure, ledger, tracking
from nightshift.reporting import plots, report_data, review_lists
from nightshift.reporting.report_data import ReportData
from nightshift.reporting.row_drift import draw_row_drift
from nightshift.store import artifact_store

LEDGER_LINES = 40
"""Number of the newest ledger entries that a report shows."""
MAX_SLICES, MAX_LOST_ROWS = 30, 20
"""Maximum numbers of slices and lost rows on the page."""


def draw_rows(data: ReportData, folder: Path) -> list[Path]:
    """Draw the labels of each objective as the data gate counted them, and the lengths of its kept texts; return the files."""
    files = []
    for name, checked in data.checked.items():
        prefix = f"{name}_" if len(data.checked) > 1 else ""
        if checked.labels:
            kept = {count.label: count.kept for count in checked.labels}
            quarantined = {count.label: count.read - count.kept for count in checked.labels}
            num_unlisted = checked.num_labels - len(kept)
            files.append(plots.label_counts(kept, quarantined, num_unlisted, folder / f"{prefix}labels.png"))
        if lengths := text_lengths.read_lengths(artifact_store.folder(checked) / "measured" / text_lengths.FILE):
            files.append(plots.text_lengths(lengths, folder / f"{prefix}lengths.png"))
        if picture := draw_row_drift(checked, folder / f"{prefix}new_rows.png"):
            files.append(picture)
    return files


def draw_pictures(data: ReportData, slice_margin: float, folder: Path) -> list[Path]:
    """Draw learning curve, predictions of challenger and full, slices, and latency against quality; return the files.

    Args:
        data: The inputs of the report, with a verdict.
        slice_margin: The setting `gate.slice_margin`, drawn with the slices.
        folder: The folder for the files.
    """
    assert data.trained and data.evaluated and data.compressed and data.verdict
    trained, objectives = data.trained, data.objectives
    history = json.loads((artifact_store.folder(trained) / "measured/history.json").read_text())
    files = [plots.learning_curve(history, folder / "learning_curve.png", trained.selected_by, trained.best_step)]
    predictions = data.holdout_tables["challenger"]
    files += plots.predictions(predictions, objectives, "the challenger, as registered", folder)
    if data.verdict.slices:
        files.append(plots.slices(data.verdict.slices, slice_margin, folder / "slices.png"))
    files += _draw_scores_over_time(data, folder)
    predictions = _predictions(artifact_store.folder(data.evaluated) / "holdout", objectives)
    files += plots.predictions(predictions, objectives, "full", folder, "_full")
    files.append(plots.pareto(data.compressed.candidates, kinds.primary(objectives), folder / "pareto.png"))
    return files


def _draw_scores_over_time(data: ReportData, folder: Path) -> list[Path]:
    """Draw the scores of challenger and champion by the time of the holdout rows, a plot an objective; return the files."""
    by_role = data.holdout_tables
    files = []
    for name, times in data.holdout_times.items():
        objective = next(objective for objective in data.objectives if objective.name == name)
        scores = recency.scores_over_time({role: tables[name] for role, tables in by_role.items()}, times, objective)
        if len(scores) > 1:
            prefix = report_data.metric_prefix(name, data.objectives, "_")
            files.append(plots.scores_over_time(scores, folder / f"{prefix}scores_over_time.png"))
    return files


def _recent_metrics(data: ReportData) -> dict[str, dict[str, float]]:
    """Return the metrics of challenger and champion on the newest holdout rows; none if these are none or all."""
    by_role = data.holdout_tables
    times = data.holdout_times
    if len(times) < len(data.objectives):
        return {}
    newest = recency.newest_rows(by_role, times, data.recent_days)
    sizes = {name: (len(table), len(by_role["challenger"][name])) for name, table in newest["challenger"].items()}
    if any(not rows for rows, _ in sizes.values()) or all(rows == whole for rows, whole in sizes.values()):
        return {}
    days = "day" if data.recent_days == 1 else f"{data.recent_days} days"
    return {
        f"{role} on the {sum(rows for rows, _ in sizes.values()):,} rows of the last {days}": kinds.metrics(
            tables, data.objectives
        )
        for role, tables in newest.items()
    }


def _predictions(folder: Path, objectives: list[Objective]) -> dict[str, pd.DataFrame]:
    return {objective.name: pd.read_parquet(folder / f"{objective.name}.parquet") for objective in objectives}


def _quarantined_rows(data: ReportData) -> pd.DataFrame:
    """Return the rows that validate and split have quarantined."""
    records: list[Artifact] = [*data.checked.values(), *(o.sides for o in data.objectives)]
    files = [artifact_store.folder(record) / "quarantine.csv" for record in records]
    tables = [pd.read_csv(file, dtype=str, keep_default_na=False) for file in files if file.exists()]
    return pd.concat(tables) if tables else pd.DataFrame()


def _quarantine_counts(data: ReportData) -> dict[str, int]:
    """Return the numbers of quarantined rows by reason."""
    counts: Counter[str] = Counter()
    for checked in data.checked.values():
        counts.update(checked.quarantined)
    for objective in data.objectives:
        sides = objective.sides
        counts.update({"leak": sides.leaks, "near leak": sides.near_leaks, "window": sides.windowed})
    return {reason: count for reason, count in counts.items() if count}


def _samples(data: ReportData) -> dict[str, list[list[RowSample]]]:
    """Return by objective the rows that fail each expectation."""
    return {
        name: read_samples(artifact_store.folder(checked) / "measured" / "samples.json")
        for name, checked in data.checked.items()
    }


def _links(result: NightResult, data: ReportData) -> dict[str, str]:
    """Return the addresses of the run's pages by the text of their links; an address without a server is empty."""
    assert result.mlflow_run_id
    docs = {
        name: artifact_store.folder(checked) / "measured/data_docs/index.html" for name, checked in data.checked.items()
    }
    links = {
        "MLflow run": tracking.run_address(result.mlflow_run_id),
        "flow run": tracking.flow_run_address(result.flow_run_id),
        "this report in MLflow": tracking.run_address(result.mlflow_run_id, f"{tracking.REPORT}/{page_name(result)}"),
    }
    for name, page in docs.items():
        suffix, folder = (f" of {name}", f"data_docs/{name}") if len(docs) > 1 else ("", "data_docs")
        links[f"Data Docs{suffix} in MLflow"] = tracking.run_address(result.mlflow_run_id, f"{folder}/index.html")
        links[f"Data Docs{suffix} on this machine"] = page.as_uri()
    return links


def page_name(result: NightResult) -> str:
    """Return the name of a run's report page."""
    return f"{clock.today()}-{(result.mlflow_run_id or '')[:8]}.html"


def _metrics_by_model(data: ReportData) -> dict[str, dict[str, float]]:
    """Return the metrics on the holdout of each model in the table."""
    assert data.verdict and data.evaluated
    return {
        "challenger, as registered": data.verdict.metrics,
        "champion, scored tonight": data.verdict.champion_metrics,
        "full": data.evaluated.holdout,
        report_data.baseline_name(data.evaluated): data.evaluated.baseline,
        "dummy, which reads no text": data.evaluated.dummy,
    }


def _training_speed(data: ReportData) -> dict[str, str]:
    """Return the throughput of the training in words, by its title."""
    assert data.trained
    throughput = data.trained.figures
    formats = {
        "rows a second": ("rows_per_second", "{:.0f}"),
        "tokens a second": ("tokens_per_second", "{:.0f}"),
        "padding": ("padding_share", "{:.1%}"),
        "model FLOPs utilization": ("model_flops_utilization", "{:.1%}"),
    }
    speed = {
        title: template.format(throughput[name]) for title, (name, template) in formats.items() if name in throughput
    }
    halvings = int(throughput.get("halvings", 0))
    return speed | ({"micro-batches halved for lack of memory": f"{halvings} times"} if halvings else {})


def _comparison_values(verdict: Verdict, lost_rows: pd.DataFrame, run_id: str) -> dict[str, object]:
    """Return the variables of the templates that compare challenger and champion."""
    file = artifact_store.folder(verdict) / "measured" / prediction_changes.FILE
    return {
        "slices": verdict.slices[:MAX_SLICES],
        "more_slices": len(verdict.slices[MAX_SLICES:]),
        "lost": lost_rows.head(MAX_LOST_ROWS).to_dict("records"),
        "lost_file": tracking.run_address(run_id, prediction_changes.FILE) or file.as_uri(),
    }


def _template_values(result: NightResult, data: ReportData, files: Sequence[Path]) -> dict[str, object]:
    """Return the variables of the templates."""
    values: dict[str, object] = {}
    if data.verdict:
        values["metrics"] = _metrics_by_model(data) | _recent_metrics(data)
        values["single_task"] = report_data.single_task_comparison(data)
        values["speed"] = _training_speed(data)
        values["remarks"] = [*report_data.calibrations(data), *report_data.abstentions(data)]
        values |= _comparison_values(data.verdict, report_data.lost_rows(data), str(result.mlflow_run_id))
    quarantine = _quarantine_counts(data)
    return values | {
        "result": result,
        "headline": report_data.headline(result, data),
        "data": data,
        "columns": report_data.metric_columns(data.objectives),
        "title": report_data.metric_title,
        "quarantine": quarantine,
        "samples": _samples(data),
        "corrections": {name: checked.corrections for name, checked in data.checked.items() if checked.corrections},
        "reviews": {
            name: review_lists.review_list(reviewed, data.review_files.get(name))
            for name, reviewed in data.reviewed.items()
        },
        "cleaning": {name: checked.cleaning for name, checked in data.checked.items() if checked.cleaning},
        "near_leaks_kept": sum(objective.sides.near_leaks_kept for objective in data.objectives),
        "versions_with_erased_rows": erasure.describe_versions(result),
        "examples": _quarantined_rows(data).head(20)[["reason", "source", "row"]].to_dict("records")
        if quarantine
        else [],
        "plots": {file.stem.replace("_", " "): plots.data_uri(file) for file in files},
        "links": _links(result, data),
        "ledger": ledger.history(result.model)[: -LEDGER_LINES - 1 : -1],
    }


def template_environment() -> Environment:
    """Return the environment of the report's two templates."""
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["markdown"] = escaping.markdown
    templates.filters["quoted"] = quoted
    templates.globals["markdown_link"] = escaping.markdown_link
    templates.globals["policy"] = POLICY
    return templates


def write(result: NightResult, data: ReportData, files: Sequence[Path] = ()) -> Path:
    """Write the page to NIGHTSHIFT_HOME/reports, create the Prefect artifact, and return the page's path.

    Args:
        result: The result of the run.
        data: The other inputs of the report.
        files: The plots to show.
    """
    templates = template_environment()
    values = _template_values(result, data, files)
    folder = artifact_store.home() / "reports" / result.model
    page = folder / page_name(result)
    artifact_store.write_text(page, templates.get_template("report.html").render(values))
    artifacts.show_report(result.model, templates.get_template("report.md").render(values))
    return page

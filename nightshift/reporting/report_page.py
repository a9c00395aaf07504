"""The report of a run: a self-contained HTML file, and the same content as a Prefect markdown artifact."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, select_autoescape

from expectations.checkpoint import POLICY
from nightshift import escaping
from nightshift.evaluation import kinds, prediction_changes
from nightshift.prefect_ui import artifacts
from nightshift.records import Artifact, Checked, Compressed, Evaluated, Kind, NightResult, Objective, Trained, Verdict
from nightshift.registry import ledger, tracking
from nightshift.reporting import plots
from nightshift.store import artifact_store

LEDGER_LINES = 40
"""Number of the newest ledger entries that a report shows."""
MAX_SLICES, MAX_LOST_ROWS = 30, 20
"""Maximum numbers of slices and lost rows on the page."""
MAX_LABELS = 10
"""Maximum number of labels in a sentence."""
COSTS = ("size_mb", "latency_ms_p50", "latency_ms_p95", "throughput")

SHOWN_METRICS: dict[Kind, tuple[str, ...]] = {
    "classification": ("accuracy", "macro_f1", "weighted_f1"),
    "regression": ("pearson", "spearman", "rmse"),
    "generation": ("loss", "perplexity"),
    "text2text": ("chrf", "exact_match", "bleu", "rouge_l"),
}
"""Metrics in the report's tables."""
TITLES = {
    "macro_f1": "macro F1",
    "weighted_f1": "weighted F1",
    "chrf": "chrF",
    "bleu": "BLEU",
    "rouge_l": "ROUGE-L",
    "rmse": "RMSE",
    "exact_match": "exact match",
}


@dataclass
class ReportData:
    """The inputs of the report; a run that the data gate stopped has only `checked`."""

    checked: dict[str, Checked]
    objectives: list[Objective] = field(default_factory=list)
    trained: Trained | None = None
    evaluated: Evaluated | None = None
    compressed: Compressed | None = None
    verdict: Verdict | None = None
    single_task: dict[str, Evaluated] = field(default_factory=dict)
    """Evaluations of single-task trainings by objective, if there are several objectives."""
    label_changes: str = ""
    """New and removed labels since the champion, in words; empty if there are none."""
    seeds: str = ""
    """Spread between trainings that differ in their seed only, in words."""


def metric_prefix(name: str, objectives: list[Objective], sign: str = "/") -> str:
    """Return the prefix of the names of an objective's metrics and files; empty if there is only one objective."""
    return name + sign if len(objectives) > 1 else ""


def metric_columns(objectives: list[Objective]) -> list[str]:
    """Return the names of the metrics in tables, the weighted sum last."""
    names = [metric_prefix(o.name, objectives) + metric for o in objectives for metric in SHOWN_METRICS[o.kind]]
    return [*names, kinds.WEIGHTED] if len(objectives) > 1 else names


def is_shown(name: str) -> bool:
    """Return True if tables show this metric."""
    return name.rpartition("/")[2] in {
        kinds.WEIGHTED,
        *(metric for metrics in SHOWN_METRICS.values() for metric in metrics),
    }


def metric_title(name: str) -> str:
    """Return the title of a metric."""
    start, slash, metric = name.rpartition("/")
    return start + (slash and " ") + TITLES.get(metric, metric)


def headline(result: NightResult, data: ReportData) -> str:
    """Return the first line of the report: the outcome, or that the model does not beat the baseline.

    For a first version the gate compares with the baseline, and its reason says so.
    """
    lines = []
    if data.verdict and data.verdict.champion_version:
        lines = list(filter(None, (_baseline_warning(result, data, objective) for objective in data.objectives)))
    if not lines:
        return f"{result.model}: {result.status}. {result.reason}"
    return " ".join([*lines, *notices(data)])


def notices(data: ReportData) -> list[str]:
    """Return sentences on the limits of this training, for the first line of result, report and version description."""
    lines = [f"The training was {data.trained.stopped}."] if data.trained and data.trained.stopped else []
    for objective in data.objectives:
        if untrained := objective.sides.untrained:
            objective_words = f" of {objective.name}" if len(data.objectives) > 1 else ""
            names = [f"{label} ({rows:,})" for label, rows in untrained.items()]
            labels = ", ".join(names[:MAX_LABELS])
            labels += f" and {len(names) - MAX_LABELS:,} more" if len(names) > MAX_LABELS else ""
            lines.append(
                f"No training row{objective_words} has these labels, so the model never answers with them, and the validation "
                f"and holdout rows that carry them count as wrong: {labels}."
            )
    return lines


def abstentions(data: ReportData) -> list[str]:
    """Return sentences on the coverage of the registered version on the holdout, and its accuracy there."""
    assert data.verdict
    lines = []
    for objective in data.objectives:
        start = metric_prefix(objective.name, data.objectives)
        coverage = data.verdict.metrics.get(f"{start}coverage")
        if coverage is not None:
            objective_words = f" of {objective.name}" if start else ""
            accuracy = data.verdict.metrics.get(f"{start}answered_accuracy")
            correct = "" if accuracy is None else f"; {accuracy:.1%} of these answers are right"
            lines.append(
                f"{coverage:.1%} of the holdout rows{objective_words} are answered without abstaining{correct}."
            )
    return lines


def _baseline_warning(result: NightResult, data: ReportData, objective: Objective) -> str:
    """Return a sentence if the model does not beat the baseline on an objective; else empty."""
    if not (result.metrics and result.baseline and data.evaluated):
        return ""
    name = metric_prefix(objective.name, data.objectives) + objective.metric
    value, baseline, sign = result.metrics[name], result.baseline[name], kinds.better(objective.metric)
    if sign * value > sign * baseline:
        return ""
    return (
        f"The transformer does not beat {data.evaluated.baselines[objective.name]} tonight: {metric_title(name)} {value:.3f} against "
        f"{baseline:.3f} on the same rows."
    )


def baseline_name(evaluated: Evaluated) -> str:
    """Return the names of the baselines, each once."""
    return " / ".join(dict.fromkeys(evaluated.baselines.values())) or "baseline"


def single_task_comparison(data: ReportData) -> list[dict[str, Any]]:
    """Return the metrics of multi-task and single-task training, without compression, for each objective with both."""
    assert data.evaluated
    lines = []
    for objective in data.objectives:
        if objective.name in data.single_task:
            metric, shared, single = _compared(data.evaluated, data.single_task[objective.name], objective)
            gain = kinds.better(objective.metric) * (shared - single)
            verdict = "helped" if gain > 0 else "did not help"
            values = {"objective": objective.name, "metric": metric, "shared": shared, "alone": single}
            lines.append(values | {"verdict": verdict})
    return lines


def _compared(shared: Evaluated, single_task: Evaluated, objective: Objective) -> tuple[str, float, float]:
    """Return title, multi-task and single-task value of the metric; a loss is per text, since tokens may differ."""
    metric, name = objective.metric, objective.name
    if metric != "loss":
        return metric_title(metric), shared.holdout[f"{name}/{metric}"], single_task.holdout[metric]
    nats = [
        pd.read_parquet(artifact_store.folder(evaluated) / f"holdout/{name}.parquet")["loss"].mean()
        for evaluated in (shared, single_task)
    ]
    return "loss a text", float(nats[0]), float(nats[1])


def lost_rows(data: ReportData) -> pd.DataFrame:
    """Return the rows that the champion predicts right and the challenger wrong, without their texts."""
    assert data.verdict
    if not data.verdict.lost:
        return pd.DataFrame()
    table = pd.read_csv(
        artifact_store.folder(data.verdict) / "measured" / prediction_changes.FILE, dtype=str, keep_default_na=False
    )
    return prediction_changes.without_texts(table, data.objectives)


def slice_table(data: ReportData) -> pd.DataFrame:
    """Return a table with one row per slice."""
    assert data.verdict
    rows = []
    for tested_slice in data.verdict.slices:
        limits = dict(zip(("lower", "upper"), tested_slice.interval or (), strict=False))
        rows.append(tested_slice.model_dump(exclude={"interval"}) | limits)
    return pd.DataFrame(rows)


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
    curve = folder / "learning_curve.png"
    plots.learning_curve(history, curve, trained.selected_by, trained.best_step)
    files = [curve]
    predictions = _predictions(artifact_store.folder(data.verdict) / "challenger", objectives)
    files += plots.predictions(predictions, objectives, "the challenger, as registered", folder)
    if data.verdict.slices:
        files.append(folder / "slices.png")
        plots.slices(data.verdict.slices, slice_margin, files[-1])
    predictions = _predictions(artifact_store.folder(data.evaluated) / "holdout", objectives)
    files += plots.predictions(predictions, objectives, "full", folder, "_full")
    files.append(folder / "pareto.png")
    plots.pareto(data.compressed.candidates, kinds.primary(objectives), files[-1])
    return files


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
        counts.update({"leak": objective.sides.leaks, "window": objective.sides.windowed})
    return {reason: count for reason, count in counts.items() if count}


def _links(result: NightResult, data: ReportData) -> dict[str, str]:
    """Return the addresses of the run's pages by the text of their links; an address without a server is empty."""
    assert result.mlflow_run_id
    docs = {
        name: artifact_store.folder(checked) / "measured/data_docs/index.html" for name, checked in data.checked.items()
    }
    links = {
        "MLflow run": tracking.run_address(result.mlflow_run_id),
        "flow run": tracking.flow_run_address(result.flow_run_id),
    }
    for name, page in docs.items():
        suffix, folder = (f" of {name}", f"data_docs/{name}") if len(docs) > 1 else ("", "data_docs")
        links[f"Data Docs{suffix} in MLflow"] = tracking.run_address(result.mlflow_run_id, f"{folder}/index.html")
        links[f"Data Docs{suffix} on this machine"] = page.as_uri()
    return links


def _metrics_by_model(data: ReportData) -> dict[str, dict[str, float]]:
    """Return the metrics on the holdout of each model in the table."""
    assert data.verdict and data.evaluated
    return {
        "challenger, as registered": data.verdict.metrics,
        "champion, scored tonight": data.verdict.champion_metrics,
        "full": data.evaluated.holdout,
        baseline_name(data.evaluated): data.evaluated.baseline,
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


def _comparison_values(verdict: Verdict, lost_rows: pd.DataFrame) -> dict[str, object]:
    """Return the variables of the templates that compare challenger and champion."""
    return {
        "slices": verdict.slices[:MAX_SLICES],
        "more_slices": len(verdict.slices[MAX_SLICES:]),
        "lost": lost_rows.head(MAX_LOST_ROWS).to_dict("records"),
        "lost_file": (artifact_store.folder(verdict) / "measured" / prediction_changes.FILE).as_uri(),
    }


def _template_values(result: NightResult, data: ReportData, files: Sequence[Path]) -> dict[str, object]:
    """Return the variables of the templates."""
    values: dict[str, object] = {}
    if data.verdict:
        values["metrics"] = _metrics_by_model(data)
        values["single_task"] = single_task_comparison(data)
        values["speed"] = _training_speed(data)
        values["abstentions"] = abstentions(data)
        values |= _comparison_values(data.verdict, lost_rows(data))
    quarantine = _quarantine_counts(data)
    return values | {
        "result": result,
        "headline": headline(result, data),
        "data": data,
        "columns": metric_columns(data.objectives),
        "title": metric_title,
        "quarantine": quarantine,
        "versions_with_erased_rows": describe_versions(result),
        "examples": _quarantined_rows(data).head(20)[["reason", "source", "row"]].to_dict("records")
        if quarantine
        else [],
        "plots": {file.stem.replace("_", " "): plots.data_uri(file) for file in files},
        "links": _links(result, data),
        "ledger": ledger.history(result.model)[: -LEDGER_LINES - 1 : -1],
    }


def describe_versions(result: NightResult) -> str:
    """Return the versions that were trained on rows which must be forgotten, in words."""
    return ", ".join(
        f"version {number}" + (" (the champion)" if number == result.champion_version else "")
        for number in result.carried_by
    )


def template_environment() -> Environment:
    """Return the environment of the report's two templates."""
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["markdown"] = escaping.markdown
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
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / f"{pd.Timestamp.now():%Y-%m-%d}-{(result.mlflow_run_id or '')[:8]}.html"
    partial = artifact_store.partial_path(page)
    partial.write_text(templates.get_template("report.html").render(values), encoding="utf-8")
    partial.replace(page)
    artifacts.show_report(result.model, templates.get_template("report.md").render(values))
    return page

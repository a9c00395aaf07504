"""The inputs of the report, and the sentences and tables that report, MLflow and command line have in common."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from nightshift.evaluation import calibration, kinds, prediction_changes, recency, scoring
from nightshift.evaluation.metrics import calibration_error, hits
from nightshift.evaluation.prediction_tables import Tables, score_columns
from nightshift.models.heads import read_heads
from nightshift.records import Checked, Compressed, Evaluated, Kind, NightResult, Objective, Reviewed, Trained, Verdict
from nightshift.store import artifact_store

ROLES = ("challenger", "champion")
MAX_LABELS = 10
"""Maximum number of labels in a sentence."""
COSTS = ("size_mb", "latency_ms_p50", "latency_ms_p95", "throughput")
NOT_SHOWN = {"ece", *(f"{average}_{name}" for average in ("macro", "weighted") for name in ("precision", "recall"))}
"""Metrics that the report's tables have no room for."""
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
    reviewed: dict[str, Reviewed] = field(default_factory=dict)
    """Lists of rows that a person is asked about, by objective."""
    review_files: dict[str, Path] = field(default_factory=dict)
    """Files of these lists to fill in, of those that have rows."""
    seeds: str = ""
    """Spread between trainings that differ in their seed only, in words."""
    recent_days: int = 7
    """The setting `gate.recent_days`."""
    timestamp_formats: dict[str, list[str]] = field(default_factory=dict)
    """Formats of the rows' times by objective, where the settings name them."""

    @cached_property
    def holdout_tables(self) -> dict[str, Tables]:
        """The predictions of challenger and champion, by role, that the gate compared; without a champion that could not be."""
        assert self.verdict
        folder = artifact_store.folder(self.verdict)
        return {role: scoring.read(folder / role, self.objectives) for role in ROLES if (folder / role).exists()}

    @cached_property
    def holdout_times(self) -> dict[str, pd.Series]:
        """The times of the rows that the challenger predicted, by objective, of those whose rows have times."""
        holdouts = {objective.name: scoring.side_of(objective, "holdout") for objective in self.objectives}
        return recency.times_by_objective(self.holdout_tables["challenger"], holdouts, self.timestamp_formats)


def metric_prefix(name: str, objectives: list[Objective], sign: str = "/") -> str:
    """Return the prefix of the names of an objective's metrics and files; empty if there is only one objective."""
    return name + sign if len(objectives) > 1 else ""


def metric_columns(objectives: list[Objective]) -> list[str]:
    """Return the names of the metrics in tables, the weighted sum last."""
    names = [metric_prefix(o.name, objectives) + metric for o in objectives for metric in _shown_metrics(o.kind)]
    return [*names, kinds.WEIGHTED] if len(objectives) > 1 else names


def is_shown(name: str) -> bool:
    """Return True if tables show this metric."""
    metrics = {kinds.WEIGHTED}.union(*(_shown_metrics(kind) for kind in kinds.KINDS))
    return name.rpartition("/")[2] in metrics


def _shown_metrics(kind: Kind) -> list[str]:
    return [metric for metric in kinds.KINDS[kind].metric_names if metric not in NOT_SHOWN]


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


def calibrations(data: ReportData) -> list[str]:
    """Return sentences on the calibration error of the registered version's scores on the holdout, without and with its temperature."""
    assert data.verdict and data.compressed
    candidate = artifact_store.folder(data.compressed) / data.compressed.chosen_candidate.name
    heads, tables = read_heads(candidate / "checkpoint"), data.holdout_tables["challenger"]
    lines = []
    for objective in data.objectives:
        head = heads[objective.name]
        if head.kind == "classification" and head.separator is None:
            table = tables[objective.name]
            scores, is_right = table[score_columns(table)].to_numpy(float), hits(table)
            raw = calibration.rescaled(scores, 1 / head.temperature)
            errors = [calibration_error(values.max(axis=1), is_right) for values in (raw, scores)]
            objective_words = f" of {objective.name}" if len(data.objectives) > 1 else ""
            lines.append(
                f"Scores{objective_words} differ from the share of right answers by {errors[1]:.3f} on the holdout (expected "
                f"calibration error), and would by {errors[0]:.3f} without their temperature of {head.temperature:.2f}."
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

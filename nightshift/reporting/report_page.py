"""The morning's one page: a self-contained HTML file, and the same as a Prefect markdown artifact."""

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
"""The newest entries that a report shows."""
SHOWN_SLICES, SHOWN_LOST = 30, 20
"""What the page has room for."""
MOST_NAMES = 10
"""Labels that a sentence names."""
COSTS = ("size_mb", "latency_ms_p50", "latency_ms_p95", "throughput")

SHOWN_METRICS: dict[Kind, tuple[str, ...]] = {
    "classification": ("accuracy", "macro_f1", "weighted_f1"),
    "regression": ("pearson", "spearman", "rmse"),
    "generation": ("loss", "perplexity"),
    "text2text": ("chrf", "exact_match", "bleu", "rouge_l"),
}
"""The metrics that the report's tables have room for."""
TITLES = {"macro_f1": "macro F1", "weighted_f1": "weighted F1", "chrf": "chrF", "bleu": "BLEU", "rouge_l": "ROUGE-L",
          "rmse": "RMSE", "exact_match": "exact match"}  # fmt: skip


@dataclass
class Story:
    """The records the report is told from; a stopped night has only the first."""

    checked: dict[str, Checked]
    objectives: list[Objective] = field(default_factory=list)
    trained: Trained | None = None
    evaluated: Evaluated | None = None
    compressed: Compressed | None = None
    verdict: Verdict | None = None
    alone: dict[str, Evaluated] = field(default_factory=dict)
    """Of several objectives, each trained by itself."""
    label_changes: str = ""
    """Labels that the champion does not know, or that are no more; empty where there are none."""
    seeds: str = ""
    """What the seed alone changes, as far as it was ever measured."""


def metric_prefix(name: str, objectives: list[Objective], sign: str = "/") -> str:
    """What a metric's (a file's) name begins with: nothing where there is one objective."""
    return name + sign if len(objectives) > 1 else ""


def metric_columns(objectives: list[Objective]) -> list[str]:
    """Names of the metrics that tables show, the weighted sum last."""
    names = [metric_prefix(o.name, objectives) + metric for o in objectives for metric in SHOWN_METRICS[o.kind]]
    return [*names, kinds.WEIGHTED] if len(objectives) > 1 else names


def is_shown(name: str) -> bool:
    """Whether tables have room for this metric."""
    return name.rpartition("/")[2] in {
        kinds.WEIGHTED,
        *(metric for metrics in SHOWN_METRICS.values() for metric in metrics),
    }


def metric_title(name: str) -> str:
    """A metric's name for people."""
    start, slash, metric = name.rpartition("/")
    return start + (slash and " ") + TITLES.get(metric, metric)


def headline(result: NightResult, story: Story) -> str:
    """The report's first line: where the transformer does not beat the baseline, this says so; of a first version the gate does."""
    later = story.verdict and story.verdict.champion_version
    words = [_beaten(result, story, objective) for objective in story.objectives] if later else []
    lines = [line for line in words if line]
    if not lines:
        return f"{result.model}: {result.status}. {result.reason}"
    return " ".join([*lines, *notices(story)])


def notices(story: Story) -> list[str]:
    """Return sentences that belong into the first line of result, report and version page: what limits this training."""
    lines = [f"The training was {story.trained.stopped}."] if story.trained and story.trained.stopped else []
    for objective in story.objectives:
        if untrained := objective.sides.untrained:
            about = f" of {objective.name}" if len(story.objectives) > 1 else ""
            names = [f"{label} ({rows:,})" for label, rows in untrained.items()]
            labels = ", ".join(names[:MOST_NAMES])
            labels += f" and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else ""
            lines.append(f"No training row{about} has these labels, so the model never answers with them, and the validation "
                         f"and holdout rows that carry them count as wrong: {labels}.")  # fmt: skip
    return lines


def abstentions(story: Story) -> list[str]:
    """Return sentences on how much of the holdout the registered version answers without abstaining, and how accurately."""
    assert story.verdict
    lines = []
    for objective in story.objectives:
        start = metric_prefix(objective.name, story.objectives)
        coverage = story.verdict.metrics.get(f"{start}coverage")
        if coverage is not None:
            about = f" of {objective.name}" if start else ""
            accuracy = story.verdict.metrics.get(f"{start}answered_accuracy")
            correct = "" if accuracy is None else f"; {accuracy:.1%} of these answers are right"
            lines.append(f"{coverage:.1%} of the holdout rows{about} are answered without abstaining{correct}.")
    return lines


def _beaten(result: NightResult, story: Story, objective: Objective) -> str:
    if not (result.metrics and result.baseline and story.evaluated):
        return ""
    name = metric_prefix(objective.name, story.objectives) + objective.metric
    ours, simple, sign = result.metrics[name], result.baseline[name], kinds.better(objective.metric)
    if sign * ours > sign * simple:
        return ""
    return (
        f"The transformer does not beat {story.evaluated.baselines[objective.name]} tonight: {metric_title(name)} {ours:.3f} against "
        f"{simple:.3f} on the same rows."
    )


def baseline_name(evaluated: Evaluated) -> str:
    """Return what the baseline is; of several objectives each kind once."""
    return " / ".join(dict.fromkeys(evaluated.baselines.values())) or "baseline"


def single_task_comparison(story: Story) -> list[dict[str, Any]]:
    """For each objective that was also trained alone: its metric shared and alone, of full on the holdout."""
    assert story.evaluated
    lines = []
    for objective in story.objectives:
        if objective.name in story.alone:
            metric, shared, single = _compared(story.evaluated, story.alone[objective.name], objective)
            gain = kinds.better(objective.metric) * (shared - single)
            lines.append({"objective": objective.name, "metric": metric, "shared": shared, "alone": single,
                          "verdict": "helped" if gain > 0 else "did not help"})  # fmt: skip
    return lines


def _compared(shared: Evaluated, alone: Evaluated, objective: Objective) -> tuple[str, float, float]:
    """The metric's name, shared and alone; a loss is that of a whole text, since the tokens may be others."""
    metric, name = objective.metric, objective.name
    if metric != "loss":
        return metric_title(metric), shared.holdout[f"{name}/{metric}"], alone.holdout[metric]
    nats = [
        pd.read_parquet(artifact_store.folder(found) / f"holdout/{name}.parquet")["loss"].mean()
        for found in (shared, alone)
    ]
    return "loss a text", float(nats[0]), float(nats[1])


def lost_rows(story: Story) -> pd.DataFrame:
    """The rows that the champion has right and the challenger wrong, without their texts."""
    assert story.verdict
    if not story.verdict.lost:
        return pd.DataFrame()
    table = pd.read_csv(
        artifact_store.folder(story.verdict) / "measured" / prediction_changes.FILE, dtype=str, keep_default_na=False
    )
    return prediction_changes.without_texts(table, story.objectives)


def slice_table(story: Story) -> pd.DataFrame:
    """A line a slice."""
    assert story.verdict
    lines = [one.model_dump(exclude={"interval"}) | dict(zip(("lower", "upper"), one.interval or (), strict=False))
             for one in story.verdict.slices]  # fmt: skip
    return pd.DataFrame(lines)


def draw_pictures(story: Story, slice_margin: float, folder: Path) -> list[Path]:
    """Draw learning curve, answers of challenger and full, slices, size and latency against quality; return the files.

    Args:
        story: The records of a night that has judged.
        slice_margin: `gate.slice_margin`, drawn beside the slices.
        folder: Where the pictures go.
    """
    assert story.trained and story.evaluated and story.compressed and story.verdict
    trained, objectives = story.trained, story.objectives
    history = json.loads((artifact_store.folder(trained) / "measured/history.json").read_text())
    curve = folder / "learning_curve.png"
    plots.learning_curve(history, curve, trained.selected_by, trained.best_step)
    files = [curve]
    answers = _answers(artifact_store.folder(story.verdict) / "challenger", objectives)
    files += plots.predictions(answers, objectives, "the challenger, as registered", folder)
    if story.verdict.slices:
        files.append(folder / "slices.png")
        plots.slices(story.verdict.slices, slice_margin, files[-1])
    answers = _answers(artifact_store.folder(story.evaluated) / "holdout", objectives)
    files += plots.predictions(answers, objectives, "full", folder, "_full")
    files.append(folder / "pareto.png")
    plots.pareto(story.compressed.candidates, kinds.primary(objectives), files[-1])
    return files


def _answers(folder: Path, objectives: list[Objective]) -> dict[str, pd.DataFrame]:
    return {objective.name: pd.read_parquet(folder / f"{objective.name}.parquet") for objective in objectives}


def _quarantine(story: Story) -> pd.DataFrame:
    records: list[Artifact] = [*story.checked.values(), *(o.sides for o in story.objectives)]
    files = [artifact_store.folder(record) / "quarantine.csv" for record in records]
    tables = [pd.read_csv(file, dtype=str, keep_default_na=False) for file in files if file.exists()]
    return pd.concat(tables) if tables else pd.DataFrame()


def _quarantined(story: Story) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for found in story.checked.values():
        counts.update(found.quarantined)
    for objective in story.objectives:
        counts.update({"leak": objective.sides.leaks, "window": objective.sides.windowed})
    return {reason: count for reason, count in counts.items() if count}


def _links(result: NightResult, story: Story) -> dict[str, str]:
    assert result.mlflow_run_id
    docs = {
        name: artifact_store.folder(found) / "measured/data_docs/index.html" for name, found in story.checked.items()
    }
    several = len(docs) > 1
    links = {
        "MLflow run": tracking.run_address(result.mlflow_run_id),
        "flow run": tracking.flow_run_address(result.flow_run_id),
    }
    for name, page in docs.items():
        of, place = (f" of {name}", f"data_docs/{name}") if several else ("", "data_docs")
        links[f"Data Docs{of} in MLflow"] = tracking.run_address(result.mlflow_run_id, f"{place}/index.html")
        links[f"Data Docs{of} on this machine"] = page.as_uri()
    return links


def _rows_of_metrics(story: Story) -> dict[str, dict[str, float]]:
    assert story.verdict and story.evaluated
    return {
        "challenger, as registered": story.verdict.metrics,
        "champion, scored tonight": story.verdict.champion_metrics,
        "full": story.evaluated.holdout,
        baseline_name(story.evaluated): story.evaluated.baseline,
        "dummy, which reads no text": story.evaluated.dummy,
    }


def _speed(story: Story) -> dict[str, str]:
    assert story.trained
    found = story.trained.figures
    words = {
        "rows a second": ("rows_per_second", "{:.0f}"),
        "tokens a second": ("tokens_per_second", "{:.0f}"),
        "padding": ("padding_share", "{:.1%}"),
        "model FLOPs utilization": ("model_flops_utilization", "{:.1%}"),
    }
    told = {words: form.format(found[name]) for words, (name, form) in words.items() if name in found}
    halvings = int(found.get("halvings", 0))
    return told | ({"micro-batches halved for lack of memory": f"{halvings} times"} if halvings else {})


def _compared_rows(verdict: Verdict, lost: pd.DataFrame) -> dict[str, object]:
    return {
        "slices": verdict.slices[:SHOWN_SLICES],
        "more_slices": len(verdict.slices[SHOWN_SLICES:]),
        "lost": lost.head(SHOWN_LOST).to_dict("records"),
        "lost_file": (artifact_store.folder(verdict) / "measured" / prediction_changes.FILE).as_uri(),
    }


def _values(result: NightResult, story: Story, files: Sequence[Path]) -> dict[str, object]:
    figures: dict[str, object] = {}
    if story.verdict:
        figures = {"metrics": _rows_of_metrics(story), "sharing": single_task_comparison(story), "speed": _speed(story)}
        figures["abstentions"] = abstentions(story)
        figures |= _compared_rows(story.verdict, lost_rows(story))
    quarantine = _quarantined(story)
    return figures | {
        "night": result,
        "headline": headline(result, story),
        "story": story,
        "columns": metric_columns(story.objectives),
        "title": metric_title,
        "quarantine": quarantine,
        "carriers": versions(result),
        "examples": _quarantine(story).head(20)[["reason", "source", "row"]].to_dict("records") if quarantine else [],
        "pictures": {file.stem.replace("_", " "): plots.data_uri(file) for file in files},
        "links": _links(result, story),
        "ledger": ledger.history(result.model)[: -LEDGER_LINES - 1 : -1],
    }


def versions(result: NightResult) -> str:
    """The versions that still carry rows which must be forgotten, in words."""
    return ", ".join(f"version {number}" + (" (the champion)" if number == result.champion_version else "")
                     for number in result.carried_by)  # fmt: skip


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


def write(result: NightResult, story: Story, files: Sequence[Path] = ()) -> Path:
    """Render the page under NIGHTSHIFT_HOME/reports and the Prefect artifact; return the page's path.

    `files` are the pictures that it shows.
    """
    templates = template_environment()
    values = _values(result, story, files)
    folder = artifact_store.home() / "reports" / result.model
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / f"{pd.Timestamp.now():%Y-%m-%d}-{(result.mlflow_run_id or '')[:8]}.html"
    beside = artifact_store.partial_path(page)
    beside.write_text(templates.get_template("report.html").render(values), encoding="utf-8")
    beside.replace(page)
    artifacts.show_report(result.model, templates.get_template("report.md").render(values))
    return page

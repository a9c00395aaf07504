"""The morning's one page: a self-contained HTML file, and the same as a Prefect markdown artifact."""

import base64
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, select_autoescape

from tasks import registry, shown, store, tracking
from tasks.records import Checked, Compressed, Evaluated, NightResult, Sides, Trained, Verdict

COSTS = ("size_mb", "latency_ms_p50", "latency_ms_p95", "throughput")


@dataclass
class Story:
    """The records the report is told from; a stopped night has only the first."""

    checked: Checked
    sides: Sides | None = None
    trained: Trained | None = None
    evaluated: Evaluated | None = None
    compressed: Compressed | None = None
    verdict: Verdict | None = None


def headline(result: NightResult) -> str:
    """The report's first line: where the transformer does not beat TF-IDF, this says so."""
    if result.metrics and result.baseline and result.metrics["macro_f1"] <= result.baseline["macro_f1"]:
        return (
            f"The transformer does not beat TF-IDF with logistic regression tonight: macro F1 "
            f"{result.metrics['macro_f1']:.3f} against {result.baseline['macro_f1']:.3f} on the same rows."
        )
    return f"{result.model}: {result.status}. {result.reason}"


def picture_files(trained: Trained, evaluated: Evaluated, compressed: Compressed, verdict: Verdict) -> list[Path]:
    """Learning curve, confusion matrices of challenger and full, size and latency against quality."""
    return [
        store.folder(trained) / "measured/learning_curve.png",
        store.folder(verdict) / "measured/confusion_matrix.png",
        store.folder(evaluated) / "measured/confusion_matrix_full.png",
        store.folder(compressed) / "measured/pareto.png",
    ]


def _inline(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()


def _quarantine(story: Story) -> pd.DataFrame:
    files = [store.folder(record) / "quarantine.csv" for record in (story.checked, story.sides) if record]
    tables = [pd.read_csv(file, dtype=str, keep_default_na=False) for file in files if file.exists()]
    return pd.concat(tables) if tables else pd.DataFrame()


def _links(result: NightResult, story: Story) -> dict[str, str]:
    assert result.mlflow_run_id
    docs = store.folder(story.checked) / "measured/data_docs/index.html"
    return {
        "MLflow run": tracking.run_address(result.mlflow_run_id),
        "flow run": tracking.flow_run_address(result.flow_run_id),
        "Data Docs in MLflow": tracking.run_address(result.mlflow_run_id, "data_docs/index.html"),
        "Data Docs on this machine": docs.as_uri(),
    }


def _values(result: NightResult, story: Story) -> dict[str, object]:
    pictures: dict[str, str] = {}
    if story.trained and story.evaluated and story.compressed and story.verdict:
        files = picture_files(story.trained, story.evaluated, story.compressed, story.verdict)
        pictures = {file.stem.replace("_", " "): _inline(file) for file in files}
    quarantine = dict(story.checked.quarantined) | ({"leak": story.sides.leaks} if story.sides else {})
    return {
        "night": result,
        "headline": headline(result),
        "story": story,
        "quarantine": {reason: count for reason, count in quarantine.items() if count},
        "examples": _quarantine(story).head(20)[["reason", "source", "row"]].to_dict("records")
        if sum(quarantine.values())
        else [],
        "pictures": pictures,
        "links": _links(result, story),
        "ledger": registry.history(result.model)[::-1],
    }


def write(result: NightResult, story: Story) -> Path:
    """Render the page under NIGHTSHIFT_HOME/reports and the Prefect artifact; returns the page's path."""
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    values = _values(result, story)
    folder = store.home() / "reports" / result.model
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / f"{pd.Timestamp.now():%Y-%m-%d}-{(result.mlflow_run_id or '')[:8]}.html"
    beside = store.beside(page)
    beside.write_text(templates.get_template("report.html").render(values), encoding="utf-8")
    beside.replace(page)
    shown.report(result.model, templates.get_template("report.md").render(values))
    return page

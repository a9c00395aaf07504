"""The pictures of a night, drawn with matplotlib into PNG files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.figure import Figure
from sklearn.metrics import ConfusionMatrixDisplay

from tasks.records import Candidate

matplotlib.use("Agg")


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, dpi=110, metadata={"Software": None})


def learning_curve(history: list[dict[str, Any]], path: Path) -> None:
    """Training loss by step, validation loss and accuracy by epoch."""
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.subplots()
    for key, label, style in (("loss", "training loss", "-"), ("eval_loss", "validation loss", "o--")):
        points = [(line["step"], line[key]) for line in history if key in line]
        if points:
            axes.plot(*zip(*points, strict=True), style, label=label)
    points = [(line["step"], line["eval_accuracy"]) for line in history if "eval_accuracy" in line]
    if points:
        right = axes.twinx()
        right.plot(*zip(*points, strict=True), "s:", color="tab:green", label="validation accuracy")
        right.set_ylabel("accuracy", color="tab:green")
    axes.set(xlabel="step", ylabel="loss", title="Learning curve")
    figure.legend(loc="outside lower center", ncols=3)
    _save(figure, path)


def confusion_matrix(labels: Sequence[str], predicted: Sequence[str], model: str, path: Path) -> None:
    """Rows: what is true; columns: what `model` said; shares of each row."""
    classes = sorted(set(labels) | set(predicted))
    side = max(4.0, min(16.0, 1.2 + 0.45 * len(classes)))
    figure = Figure(figsize=(side + 1, side), layout="constrained")
    few = len(classes) <= 12
    ConfusionMatrixDisplay.from_predictions(
        list(labels), list(predicted), labels=classes, normalize="true", include_values=few, cmap="Blues",
        values_format=".2f", xticks_rotation="vertical", ax=figure.subplots(),
    ).ax_.set_title(f"{model}, on the holdout")  # fmt: skip
    _save(figure, path)


def pareto(candidates: Sequence[Candidate], path: Path) -> None:
    """Every candidate's latency against its macro F1 on the holdout; the dot's area is its size."""
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    for candidate in candidates:
        color = "tab:green" if candidate.chosen else "tab:blue" if candidate.qualifies else "tab:gray"
        axes.scatter(candidate.latency_ms_p50, candidate.macro_f1, s=20 + 6 * candidate.size_mb, color=color, alpha=0.6)
        size = f"{candidate.size_mb:.0f}" if candidate.size_mb >= 10 else f"{candidate.size_mb:.2g}"
        axes.annotate(f"{candidate.name} ({size} MB)", (candidate.latency_ms_p50, candidate.macro_f1),
                      xytext=(6, 5), textcoords="offset points", fontsize=8)  # fmt: skip
    axes.set_xscale("log")
    for ticks in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
        ticks("{x:g}")
    axes.set_xlim(right=axes.get_xlim()[1] * 1.6)
    axes.margins(y=0.15)
    axes.set(xlabel="ms a text, batch 1, median (log scale)", ylabel="macro F1 on the holdout",
             title="Candidates: green is put forward, grey does not qualify")  # fmt: skip
    axes.grid(alpha=0.3, which="both")
    _save(figure, path)


def label_shares(shares: dict[str, pd.Series], path: Path) -> None:
    """Share of each label on each side: `{side: shares by label}`."""
    labels = sorted({label for side in shares.values() for label in side.index})
    figure = Figure(figsize=(7, max(2.5, 0.3 * len(labels) * len(shares) ** 0.5 + 1)), layout="constrained")
    axes = figure.subplots()
    height = 0.8 / len(shares)
    for place, (side, values) in enumerate(shares.items()):
        axes.barh(
            [y + place * height for y in range(len(labels))], [values.get(k, 0.0) for k in labels], height, label=side
        )
    axes.set_yticks([y + 0.4 - height / 2 for y in range(len(labels))], labels)
    axes.invert_yaxis()
    axes.set(xlabel="share of rows", title="Labels on each side")
    axes.legend()
    _save(figure, path)

"""Plots of a run, drawn with matplotlib.

Each function takes the PNG file to write and returns the file that it wrote: an SVG of the same name, if the figure has
characters that no font of this machine has.
"""

import base64
import unicodedata
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import LogLocator, PercentFormatter
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.metrics import confusion_matrix as count_pairs

from nightshift.data.label_variants import quoted
from nightshift.data.text_lengths import TextLengths
from nightshift.evaluation.drift_profile import Drift
from nightshift.evaluation.watch_records import PastWatch
from nightshift.records import Candidate, Objective, Slice

matplotlib.use("Agg")
matplotlib.rcParams["text.parse_math"] = False  # a label such as $$ is no formula
NONE = "(none)"
SLICES, LABELS = 40, 80
"""Maximum numbers of slices and labels in a plot."""
PANEL_LABELS = 30
"""Labels from which they are drawn in two panels."""
MAX_LIMIT = 1.5
"""A limit of lengths beyond so many times the longest that is drawn is only named."""
MAX_DAYS = 12
"""Maximum number of days that are named on the axis of a replay."""
NAME_LENGTH = 40
"""Maximum number of characters of a label in a plot."""


FONTS = ["DejaVu Sans", "Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "Noto Sans SC", "WenQuanYi Micro Hei",
         "WenQuanYi Zen Hei", "AR PL UMing CN", "Droid Sans Fallback", "Microsoft YaHei", "SimHei", "PingFang SC", "Hiragino Sans GB",
         "Yu Gothic", "IPAexGothic", "Malgun Gothic", "NanumGothic", "Arial Unicode MS", "Noto Sans", "Noto Color Emoji"]  # fmt: skip
"""Fonts in which a character is looked for, in this order, as far as they are installed."""
matplotlib.rcParams["font.family"] = [name for name in FONTS if name in font_manager.get_font_names()]


def _save(figure: Figure, path: Path) -> Path:
    """Write a figure and return its file: a PNG or, if no font of this machine has all characters, an SVG of the same name.

    In an SVG the texts stay texts, in the fonts of whoever looks at it.
    """
    if not _can_draw(_texts(figure)):
        path = path.with_suffix(".svg")
        with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": path.name}), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing from font")
            figure.savefig(path, metadata={"Date": None, "Creator": None})
    else:
        figure.savefig(path, dpi=110, metadata={"Software": None})
    return path


def _texts(figure: Figure) -> list[str]:
    """Return the texts in a figure, those of its ticks included."""
    ticks = [tick for axes in figure.axes for tick in (*axes.get_xticklabels(), *axes.get_yticklabels())]
    return [text.get_text() for text in (*figure.findobj(Text), *ticks) if isinstance(text, Text)]


def _can_draw(texts: Iterable[str]) -> bool:
    """Return True if the fonts of this machine have all characters of some texts."""
    families = [font_manager.FontProperties(family=[name]) for name in matplotlib.rcParams["font.family"]]
    fonts = [font_manager.get_font(font_manager.findfont(family)) for family in families]
    characters = {character for text in texts for character in text if not character.isspace()}
    return all(any(font.get_char_index(ord(character)) for font in fonts) for character in characters)


def learning_curve(
    history: list[dict[str, Any]], path: Path, metric: str = "loss", best_step: int | None = None
) -> Path:
    """Draw training loss by step and validation loss (of each objective) by epoch.

    Args:
        history: The Trainer's log history.
        path: The file to write.
        metric: The metric by which the best checkpoint was chosen, which is drawn too; for loss accuracy, if the history has it.
        best_step: The step of the chosen checkpoint, which is marked.
    """
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.subplots()
    names = sorted({key for line in history for key in line if key.startswith("eval_") and key.endswith("loss")})
    curves = [("loss", "training loss", "-")]
    curves += [(name, f"validation {name.removeprefix('eval_').replace('_', ' ')}", "o--") for name in names]
    for key, label, style in curves:
        points = _points(history, key)
        if points:
            axes.plot(*zip(*points, strict=True), style, label=label)
    name = "accuracy" if metric == "loss" else metric
    points = _points(history, f"eval_{name}")
    if points:
        right = axes.twinx()
        right.plot(*zip(*points, strict=True), "s:", color="tab:green", label=f"validation {name}")
        right.set_ylabel(name, color="tab:green")
    if best_step is not None:
        axes.axvline(best_step, color="tab:gray", linestyle="-.", label="chosen checkpoint")
    axes.set(xlabel="step", ylabel="loss", title="Learning curve")
    figure.legend(loc="outside lower center", ncols=3)
    return _save(figure, path)


def _points(history: list[dict[str, Any]], key: str) -> list[tuple[float, float]]:
    return [(line["step"], line[key]) for line in history if key in line]


def predictions(
    tables: dict[str, pd.DataFrame], objectives: list[Objective], model: str, folder: Path, suffix: str = ""
) -> list[Path]:
    """Draw predictions against labels, one plot per objective of classification or regression; return the files.

    The files are `confusion_matrix{suffix}.png` (or `.svg`) for classification and `predicted{suffix}.png` for regression,
    with the prefix `OBJECTIVE_` if there are several objectives.

    Args:
        tables: The predictions by objective, see `nightshift.evaluation.prediction_tables`.
        objectives: The objectives to draw.
        model: The model's name in the title.
        folder: The folder for the files.
        suffix: The end of the files' names.
    """
    files = []
    for objective in objectives:
        start = f"{objective.name}_" if len(objectives) > 1 else ""
        table = tables[objective.name]
        title = f"{objective.name + ': ' if start else ''}{model}, on the holdout"
        if objective.kind == "regression":
            files.append(scatter(table, title, folder / f"{start}predicted{suffix}.png"))
        elif objective.kind == "classification":
            draw = confusion_matrix if objective.sides.separator is None else label_matrix
            files.append(draw(table, objective, title, folder / f"{start}confusion_matrix{suffix}.png"))
    return files


def confusion_matrix(table: pd.DataFrame, _objective: Objective, title: str, path: Path) -> Path:
    """Draw the confusion matrix of a classification with one label per row, normalized over the true labels.

    Args:
        table: Predictions, see `nightshift.evaluation.prediction_tables`.
        _objective: Not used; the signature is that of `label_matrix`.
        title: The title.
        path: The file to write.
    """
    truth, predicted = table["label"], table["predicted"]
    classes = sorted(set(truth) | set(predicted))
    counts = count_pairs(truth, predicted, labels=classes)
    right = counts.diagonal()
    wrong = counts.sum(axis=0) + counts.sum(axis=1) - 2 * right
    return _square(counts / counts.sum(axis=1, keepdims=True).clip(min=1), wrong, classes, title, path)


def label_matrix(table: pd.DataFrame, objective: Objective, title: str, path: Path) -> Path:
    """Draw, for each true label, the share of its rows that each label was predicted for.

    A row without any label counts as `(none)`.

    Args:
        table: Predictions, see `nightshift.evaluation.prediction_tables`.
        objective: A classification with several labels per row.
        title: The title.
        path: The file to write.
    """
    separator = str(objective.sides.separator)
    truth, predicted = (table[name].replace("", NONE).str.get_dummies(separator) for name in ("label", "predicted"))
    classes = sorted({*map(str, truth), *map(str, predicted)})
    truth, predicted = (dummies.reindex(columns=classes, fill_value=0) for dummies in (truth, predicted))
    shares = truth.to_numpy().T @ predicted.to_numpy() / truth.sum().clip(lower=1).to_numpy()[:, None]
    return _square(shares, (truth != predicted).sum().to_numpy(), classes, title, path)


def _square(shares: np.ndarray, wrong: np.ndarray, classes: list[str], title: str, path: Path) -> Path:
    """Draw a square matrix of shares; if there are too many classes, those with the most wrong predictions."""
    if len(classes) > LABELS:
        title += f"; the {LABELS} of {len(classes):,} labels with the most wrong answers"
        worst = np.sort(np.argsort(-wrong, kind="stable")[:LABELS])
        shares, classes = shares[np.ix_(worst, worst)], [classes[index] for index in worst]
    side = max(4.0, min(16.0, 1.2 + 0.45 * len(classes)))
    extra = 0.08 * max(0, max(len(_short(name)) for name in classes) - 10)  # inches for long names
    figure = Figure(figsize=(side + extra + 1, side + extra), layout="constrained")
    figure.suptitle(title, fontsize="medium", wrap=True)
    display = ConfusionMatrixDisplay(shares, display_labels=[_short(name) for name in classes])
    display.plot(
        include_values=len(classes) <= 12,
        cmap="Blues",
        values_format=".2f",
        xticks_rotation="vertical",
        im_kw={"vmin": 0, "vmax": 1},
        ax=figure.subplots(),
    )
    for tick in display.ax_.get_xticklabels():  # anchored, so that the text of an SVG begins at the axis
        tick.set(rotation_mode="anchor", horizontalalignment="right", verticalalignment="center")
    if display.text_ is not None:
        for text, share in zip(display.text_.flat, shares.flat, strict=True):
            text.set_color("white" if share > 0.5 else "black")
    return _save(figure, path)


def _short(name: str) -> str:
    """Return a label as one line of at most `NAME_LENGTH` characters."""
    line = " ".join(name.split())
    return line if len(line) <= NAME_LENGTH else line[: NAME_LENGTH - 1] + "…"


def _columns(text: str) -> int:
    """Return the width of a text in halves of a Chinese character."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def scatter(table: pd.DataFrame, title: str, path: Path) -> Path:
    """Draw predicted values against labels, with the diagonal."""
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    axes.scatter(table["label"], table["predicted"], s=8, alpha=0.4)
    ends = [table["label"].min(), table["label"].max()]
    axes.plot(ends, ends, color="tab:gray", linestyle=":")
    axes.set(xlabel="label", ylabel="predicted", title=title)
    return _save(figure, path)


def pareto(candidates: Sequence[Candidate], metric: str, path: Path) -> Path:
    """Draw each candidate's latency against `metric` on the holdout; the area of a dot shows the size of its model."""
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    for candidate in candidates:
        color = "tab:green" if candidate.chosen else "tab:blue" if candidate.qualifies else "tab:gray"
        axes.scatter(
            candidate.latency_ms_p50, candidate.holdout[metric], s=20 + 6 * candidate.size_mb, color=color, alpha=0.6
        )
        size = f"{candidate.size_mb:.0f}" if candidate.size_mb >= 10 else f"{candidate.size_mb:.2g}"
        axes.annotate(
            f"{candidate.name} ({size} MB)",
            (candidate.latency_ms_p50, candidate.holdout[metric]),
            xytext=(6, 5),
            textcoords="offset points",
            fontsize=8,
        )
    axes.set_xscale("log")
    axes.xaxis.set_minor_locator(LogLocator(subs=(2, 3, 5)))  # 8, 9 and 10 would stand on each other
    for ticks in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
        ticks("{x:g}")
    axes.set_xlim(right=axes.get_xlim()[1] * 1.6)
    axes.margins(y=0.15)
    axes.set(
        xlabel="ms a text, batch 1, median (log scale)",
        ylabel=f"{metric.replace('_', ' ')} on the holdout",
        title="Candidates: green is put forward, grey does not qualify",
    )
    axes.grid(alpha=0.3, which="both")
    return _save(figure, path)


def slices(all_slices: Sequence[Slice], margin: float, path: Path) -> Path:
    """Draw challenger minus champion, with confidence limits, for each slice that was tested; red if it is worse."""
    drawn = [tested_slice for tested_slice in all_slices if tested_slice.interval][:SLICES]
    multi_task = len({tested_slice.objective for tested_slice in all_slices}) > 1
    figure = Figure(figsize=(7, 1.3 + 0.24 * len(drawn)), layout="constrained")
    axes = figure.subplots()
    names = []
    for y, drawn_slice in enumerate(drawn):
        assert drawn_slice.interval
        color = "tab:red" if drawn_slice.worse else "tab:blue"
        axes.plot(drawn_slice.interval, (y, y), color=color, linewidth=1.5, alpha=0.6)
        axes.plot(drawn_slice.difference, y, "o", color=color, markersize=4 + min(drawn_slice.rows, 2000) ** 0.5 / 8)
        objective = f"{drawn_slice.objective}: " if multi_task else ""
        names.append(f"{objective}{drawn_slice.by} {_short(drawn_slice.value)} ({drawn_slice.rows:,})")
    axes.axvline(0, color="tab:gray", linewidth=0.8)
    axes.axvline(-margin, color="tab:red", linewidth=0.8, linestyle=":")
    axes.set_yticks(range(len(drawn)), names, fontsize=8)
    axes.set_ylim(len(drawn) - 0.5, -0.5)
    axes.set(
        xlabel="challenger minus champion (dotted: the margin)",
        title="Slices (rows); red: worse by more than the margin",
    )
    axes.grid(alpha=0.3, axis="x")
    return _save(figure, path)


def scores_over_time(scores: pd.DataFrame, path: Path) -> Path:
    """Draw the mean score of each model by the time of the rows, above the number of rows.

    Args:
        scores: See `nightshift.evaluation.recency.scores_over_time`.
        path: The file to write.
    """
    figure = Figure(figsize=(7, 4), layout="constrained")
    upper, lower = figure.subplots(2, sharex=True, height_ratios=(3, 1))
    for role, color in (("champion", "tab:gray"), ("challenger", "tab:blue")):
        if role in scores:
            upper.plot(scores.index, scores[role], "o-", color=color, markersize=3, label=role)
    upper.set(ylabel="mean score of a row", title="Holdout rows by their time")
    upper.grid(alpha=0.3)
    upper.legend()
    lower.bar(scores.index, scores["rows"], width=0.8 * np.diff(scores.index).min(), color="tab:gray")
    lower.set_ylabel("rows")
    lower.tick_params(axis="x", rotation=30)
    return _save(figure, path)


def replay(curves: pd.DataFrame, metric: str, promotions: Sequence[str], path: Path) -> Path:
    """Draw the metric of each policy of a replay by date, with a line at each promotion.

    Args:
        curves: Column a policy, by date.
        metric: Name of the metric.
        promotions: Dates of the promotions.
        path: The file to write.
    """
    styles = {"oracle": ("tab:green", "-", 6), "always_promote": ("tab:orange", "--", 1.5),
              "never_retrain": ("tab:gray", "-.", 1.5), "production": ("tab:blue", "-", 1.5)}  # fmt: skip
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    for name, (color, style, width) in styles.items():
        axes.plot(
            curves.index, curves[name], style, color=color, linewidth=width, alpha=0.4 if width > 2 else 1.0,
            marker="o", markersize=3, label=name.replace("_", " "),
        )  # fmt: skip
    for number, day in enumerate(promotions):
        label = None if number else "promotion"
        axes.axvline(pd.Timestamp(day), color="tab:blue", linewidth=0.7, alpha=0.5, label=label)  # type: ignore[arg-type]
    axes.set(ylabel=metric, title="On the rows after each night")
    days = curves.index[:: ceil(len(curves) / MAX_DAYS)]
    axes.set_xticks(days, [f"{day:%Y-%m-%d}" for day in days], rotation=30, ha="right")
    axes.grid(alpha=0.3)
    axes.legend()
    return _save(figure, path)


@dataclass(frozen=True)
class SharesPanel:
    """Shares of rows by bin, then and now."""

    title: str
    shares: dict[str, tuple[float, float]]
    is_marked: bool = False
    """True for what has drifted."""


def drift(features: Sequence[Drift], path: Path) -> Path:
    """Draw for each feature the share of rows per bin, on the holdout and now; red if the feature has drifted."""
    panels = []
    for feature in features:
        state = "drifted" if feature.drifted else "steady"
        title = f"{feature.feature}: {state}, shift {feature.shift:.2f}"
        panels.append(SharesPanel(title, feature.shares, feature.drifted))
    return shares_side_by_side(panels, ("holdout", "now"), path)


def watched_accuracy(watches: Sequence[PastWatch], path: Path) -> Path:
    """Draw the estimated accuracy of earlier watches, the newest first in `watches`, and the true one of the rows labelled since."""
    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.subplots()
    positions = np.arange(len(watches))
    oldest_first = list(reversed(watches))
    for offset, color, name, accuracies in (
        (-0.1, "tab:gray", "estimated", [watch.estimate for watch in oldest_first]),
        (0.1, "tab:blue", "true, of the rows labelled since", [watch.accuracy for watch in oldest_first]),
    ):
        points = [(x + offset, item) for x, item in zip(positions, accuracies, strict=True) if item]
        values = np.array([[item.accuracy, item.lower, item.upper] for _, item in points]).reshape(-1, 3).T
        margins = np.maximum([values[0] - values[1], values[2] - values[0]], 0)
        axes.errorbar([x for x, _ in points], values[0], margins, fmt="o", color=color, label=name, markersize=4)
    axes.plot(positions, [watch.holdout_accuracy for watch in oldest_first], "_", color="black", label="on the holdout")
    step = -(-len(watches) // 10)
    axes.set_xticks(positions[::step], [f"{watch.watched_at:%d %b}" for watch in oldest_first[::step]], fontsize=8)
    axes.set_ylabel("accuracy")
    figure.legend(loc="outside upper center", ncols=3, fontsize=8)
    return _save(figure, path)


def shares_side_by_side(panels: Sequence[SharesPanel], names: tuple[str, str], path: Path) -> Path:
    """Draw the share of rows per bin, then and now, with a panel for each property; red if it is marked."""
    sizes = [len(panel.shares) for panel in panels]
    figure = Figure(figsize=(7, 0.8 * len(panels) + 0.32 * sum(sizes)), layout="constrained")
    subplots = figure.subplots(len(panels), squeeze=False, height_ratios=sizes)[:, 0]
    for axes, panel in zip(subplots, panels, strict=True):
        ticks = range(len(panel.shares))
        for offset, color, name, shares in (
            (-0.2, "tab:gray", names[0], [reference for reference, _ in panel.shares.values()]),
            (0.2, "tab:red" if panel.is_marked else "tab:blue", names[1], [now for _, now in panel.shares.values()]),
        ):
            axes.barh([y + offset for y in ticks], shares, 0.4, color=color, label=name)
        axes.set_yticks(ticks, [_short(name) for name in panel.shares], fontsize=8)
        axes.invert_yaxis()
        axes.set_title(panel.title, fontsize="medium")
        axes.legend(fontsize=8)
    subplots[-1].set_xlabel("share of rows")
    return _save(figure, path)


def data_uri(path: Path) -> str:
    """Return a PNG or SVG file as a data URI."""
    kind = "svg+xml" if path.suffix == ".svg" else "png"
    return f"data:image/{kind};base64," + base64.b64encode(path.read_bytes()).decode()


def label_counts(kept: dict[str, int], quarantined: dict[str, int], others: int, path: Path) -> Path:
    """Draw the share of the rows of each label, those that were kept beside those that were quarantined.

    Args:
        kept: Number of rows by label, in the order to draw.
        quarantined: Number of quarantined rows by label.
        others: Number of labels that are not among these.
        path: The file to write.
    """
    labels = list(kept)[:LABELS]
    total = max(1, sum(kept.values()) + sum(quarantined.values()))
    num_panels = 1 if len(labels) <= PANEL_LABELS else 2
    size = -(-len(labels) // num_panels)
    names = [_short(quoted(label)) for label in labels]
    width = 5.5 * num_panels + 0.075 * num_panels * max(map(_columns, names), default=0)
    figure = Figure(figsize=(width, 1.6 + 0.24 * size), layout="constrained")
    for number, axes in enumerate(figure.subplots(1, num_panels, squeeze=False, sharex=True)[0]):
        panel = labels[number * size : (number + 1) * size]
        start = np.zeros(len(panel))
        for counts, color, name in ((kept, "tab:blue", "kept"), (quarantined, "tab:orange", "quarantined")):
            shares = np.array([counts.get(label, 0) / total for label in panel])
            axes.barh(range(len(panel)), shares, 0.75, left=start, color=color, label=name if number == 0 else None)
            start += shares
        for y, (label, share) in enumerate(zip(panel, start, strict=True)):
            count = kept[label] + quarantined.get(label, 0)
            axes.annotate(f"{count:,}", (share, y), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8)
        axes.set_yticks(range(len(panel)), names[number * size : (number + 1) * size], fontsize=8)
        axes.set_ylim(size - 0.4, -0.6)
        axes.margins(x=0.15)
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=None))
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_xlabel("share of the labels drawn" if others else "share of labels")
    more = f"; {others:,} rarer labels are not drawn" if others else ""
    figure.suptitle(f"Labels as read{more}", fontsize="large")
    figure.legend(loc="outside lower center", ncols=2)
    return _save(figure, path)


def text_lengths(lengths: TextLengths, path: Path) -> Path:
    """Draw the histogram of the lengths of rows, with the number of tokens that the model reads."""
    figure = Figure(figsize=(7, 3.4), layout="constrained")
    axes = figure.subplots()
    edges = np.array(lengths.edges)
    shares = np.array(lengths.counts) / lengths.num_rows
    axes.bar(edges[:-1], shares, np.diff(edges), align="edge", color="tab:blue", edgecolor="white", linewidth=0.5)
    axes.axvline(lengths.median, color="tab:gray", linestyle="--", label=f"median {lengths.median:,}")
    axes.axvline(
        lengths.quantile_95, color="tab:gray", linestyle=":", label=f"95 % have at most {lengths.quantile_95:,}"
    )
    if lengths.limit is not None:
        cut = lengths.num_cut / lengths.num_rows
        label = f"max_length {lengths.limit:,}; {cut:.2%} are longer"
        is_near = lengths.limit <= MAX_LIMIT * edges[-1]
        axes.axvline(lengths.limit if is_near else np.nan, color="tab:red", label=label)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    axes.spines[["top", "right"]].set_visible(False)
    longer = "; the last bar has all longer ones" if lengths.longest >= edges[-1] else ""
    axes.set(
        xlabel=f"{lengths.unit} (longest: {lengths.longest:,}{longer})",
        ylabel="share of rows",
        title=f"Lengths of {lengths.num_rows:,} kept rows",
    )
    figure.legend(loc="outside lower center", ncols=3, fontsize=8)
    return _save(figure, path)


def label_shares(shares: dict[str, pd.Series], path: Path) -> Path:
    """Draw the share of each label on each side, `{side: shares by label}`; if there are too many, the most frequent labels."""
    table = pd.DataFrame(shares).fillna(0.0).sort_index()
    title = "Labels on each side"
    if len(table) > LABELS:
        title = f"The {LABELS} commonest of {len(table):,} labels on each side"
        table = table.loc[table.sum(axis=1).sort_values(ascending=False, kind="stable").index[:LABELS]]
    ticks = range(len(table))
    figure = Figure(figsize=(7, max(2.5, 0.3 * len(table) * len(shares) ** 0.5 + 1)), layout="constrained")
    axes = figure.subplots()
    height = 0.8 / len(shares)
    for number, (side, values) in enumerate(table.items()):
        axes.barh([y + number * height for y in ticks], values, height, label=str(side))
    axes.set_yticks([y + 0.4 - height / 2 for y in ticks], [_short(str(label)) for label in table.index])
    axes.invert_yaxis()
    axes.set(xlabel="share of rows", title=title)
    figure.legend(loc="outside lower center", ncols=3)
    return _save(figure, path)

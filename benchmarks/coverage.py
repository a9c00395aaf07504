"""`nightshift bench coverage`: error rate of the gate's confidence limits, on simulated holdouts.

Two models with a known true difference predict thousands of holdouts. A one-sided limit at 95 % may be above the true
difference in at most 5 % of them; the limit of the gate, at the confidence of one test of a year, in 0.125 %. With two
labels three alternative limits are measured too.
"""

import argparse
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import beta, norm, t

from benchmarks import gate_groups, gate_policies
from benchmarks import gate_simulation as gate
from benchmarks.f1 import Metric, influences
from benchmarks.objectives import classification
from benchmarks.train import say
from nightshift.evaluation import confidence_limits, influence, significance
from tasks.gate.settings import GateSettings

LEVELS = (0.95, GateSettings().test_confidence)
RIGHT = 0.9
"""Accuracy of the second model."""
SIZES = (50, 100, 204, 500, 1000, 5000)
MANY = 10
"""Holdouts with two labels for each holdout with more labels; those with two are drawn as counts, which is fast."""
ROWS = (10, 30, 100)
"""Rows per label, of holdouts with many labels."""
POPULATION = 200_000
SCORE_LIMIT, NORMAL, PSEUDO, WIDENED = (
    "ours, %",
    "bootstrap's normal limit, %",
    "pseudo-rows, %",
    "widened by discordance, %",
)


def main(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="nightshift bench coverage", allow_abbrev=False)
    parser.add_argument(
        "--holdouts", type=int, default=1000, help="holdouts per line with many labels; ten times as many with two"
    )
    parser.add_argument("--classes", default="2,5,20,77", help="numbers of labels of the lines with many labels")
    options = parser.parse_args(arguments)
    strict, times = LEVELS[1], MANY * options.holdouts
    f1, metrics = gate.MACRO_F1, (gate.ACCURACY, gate.MACRO_F1, gate.SKEWED)
    table = [_drop(metric, rows, (0.00325, 0.00875), 0.5 / 0.55, strict, times) for metric in metrics for rows in SIZES]
    table += [_drop(metric, rows, (0.01, 0.031), 2 / 2.1, 0.95, times) for metric in metrics for rows in SIZES]
    table += [
        _drop(f1, rows, (share / 2, share / 2), 1, level, times)
        for share in (0.01, 0.1)
        for level in LEVELS
        for rows in SIZES
    ]
    table += [
        _drop(metric, rows, (0.005, 0.005), None, strict, times) for metric in metrics[:2] for rows in (1000, 5000)
    ]
    table += [_groups(name, metric, rows, level, times) for name in gate_groups.NAMES for metric in metrics[:2]
              for rows in (200, 1000) for level in LEVELS]  # fmt: skip
    table += [_many_labels(int(labels), rows, differ, options.holdouts) for labels in options.classes.split(",") for rows in ROWS
              for differ in (0.01, 0.1)]  # fmt: skip
    bounds = ", ".join(f"{_bound_for_equal_answers(rows):.2f} of {rows:,}" for rows in (20, *SIZES))
    return {"table": table, "notes": [
        "errors: holdouts on which the difference is shown to be above the bound though it is not; in the lines of power, "
        "where it is, the more the better",
        f"{times:,} holdouts a line, {options.holdouts:,} where labels are many; standard errors: "
        f"{_error(0.05, times):.2f} and {_error(0.05, options.holdouts):.2f} points at 5 %, {_error(0.00125, times):.3f} and "
        f"{_error(0.00125, options.holdouts):.3f} at 0.125 %",
        f"two models that answer alike may differ, at {100 * strict:.5g} % and with two labels, by points of macro-F1: {bounds} rows",
        "ours: the score limit of nightshift.evaluation.confidence_limits, of accuracy Tango's and mid-p McNemar; pseudo-rows: a row gained and one lost "
        "a label (Bonett and Price 2012), the outer limit; widened by discordance: the bootstrap's variance with the "
        "Clopper-Pearson limit of the share of rows that differ in place of that share",
        "the second model has 9 of 10 rows right; two labels of equally many rows, or 90:10",
    ]}  # fmt: skip


def _error(rate: float, times: int) -> float:
    return float(100 * np.sqrt(rate * (1 - rate) / times))


def _row(
    metric: str, holdout: str, differ: float, question: str, level: float, shares: dict[str, Any]
) -> dict[str, Any]:
    row: dict[str, Any] = {"metric": metric, "holdout": holdout, "rows that differ, %": round(100 * differ, 2), "shown": question,
                           "confidence, %": round(100 * level, 4)}  # fmt: skip
    row |= {name: None if shares.get(name) is None else round(100 * float(np.mean(shares[name])), 3)
            for name in (SCORE_LIMIT, NORMAL, PSEUDO, WIDENED)}  # fmt: skip
    say(" | ".join(map(str, row.values())))
    return row


def _drop(
    metric: Metric, rows: int, changed: tuple[float, float], bound: float | None, level: float, times: int
) -> dict[str, Any]:
    """Return a line of the table: how often the limit is above a bound.

    Args:
        metric: Metric that is compared.
        rows: Number of rows of a holdout.
        changed: Share of rows that only the first model predicts correctly, and share that only the second does.
        bound: Bound, as a share of the true difference; None for the power to show that equal models are not worse by the
            margin.
        level: Confidence of the limit.
        times: Number of holdouts.
    """
    first_only, second_only = changed
    chances = np.array([1 - RIGHT - first_only, second_only, first_only, RIGHT - second_only])
    cells = (np.array(metric.labels)[:, None] * chances).ravel()
    random = np.random.default_rng(rows)
    counts = random.multinomial(rows, cells, size=times).reshape(times, -1, 4)
    truth = float(_difference(np.round(cells * 1e9).reshape(1, -1, 4), metric)[0])
    threshold = -GateSettings().margin if bound is None else truth * bound
    changed = {"holdout": {"champion": counts}}
    z = gate_policies.z_of_counts(changed, metric, "holdout", "champion", np.ones(times, dtype=bool), threshold, level)
    significant = {SCORE_LIMIT: z > norm.ppf(level)}
    if metric.name != "accuracy":
        significant |= {name: lower > threshold for name, lower in _alternative_limits(counts, level).items()}
    question = (
        "power: equal, not worse by 0.5 points"
        if bound is None
        else f"above {_points(threshold)}, truly {_points(truth)}"
    )
    return _row(str(metric), f"{rows:,} rows", first_only + second_only, question, level, significant)


def _points(value: float) -> str:
    return f"{100 * value:.2f}" if abs(value) > 1e-9 else "0"


def _difference(counts: np.ndarray, metric: Metric) -> np.ndarray:
    if metric.name == "accuracy":
        return np.asarray((counts[..., 2] - counts[..., 1]).sum(axis=1) / counts.sum(axis=(1, 2)))
    return influences(counts, 0.95)[0]


def _alternative_limits(counts: np.ndarray, level: float) -> dict[str, np.ndarray]:
    """Return the lower limits of the methods that the gate does not use."""
    z, rows = float(norm.ppf(level)), counts.sum(axis=(1, 2))

    def spread(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        difference, contributions, worst = influences(cells, level)
        size = cells.sum(axis=(1, 2))
        return difference, (cells * contributions**2).sum(axis=(1, 2)) / size**2, worst

    difference, variance, worst = spread(counts)
    normal = difference - z * np.sqrt(variance)
    more, wider, _ = spread(counts + np.array([0, 1, 1, 0]))
    differ = counts[:, :, 1:3].sum(axis=(1, 2))
    max_share = beta.ppf(level, differ + 1, np.maximum(rows - differ, 0.5))
    widened = difference - z * np.sqrt(variance + (max_share - differ / rows) * worst**2 / rows)
    return {NORMAL: normal, PSEUDO: np.minimum(normal, more - z * np.sqrt(wider)), WIDENED: widened}


def _bound_for_equal_answers(rows: int) -> float:
    """Return by how many points macro-F1 may differ, according to the limit, if two models give the same answers."""
    labels = np.arange(rows) % 2
    tables = [{"main": _table(labels, labels)}] * 2
    return -100 * significance.compare(*tables, [classification("macro_f1")], LEVELS[1]).lower


def _groups(name: str, metric: Metric, rows: int, level: float, times: int) -> dict[str, Any]:
    """Return a line of the table: how often one of two equal models is shown to be better, with groups of rows."""
    side = gate_groups.side(name, rows, gate.difficulty_share(0.075), np.random.default_rng(rows))
    difficulty, accuracies = side.difficulty(times), np.full(times, RIGHT)
    answers = {"holdout": {role: side.answer(difficulty, accuracies) for role in ("challenger", "champion")}}
    years = np.ones(times, dtype=bool)
    z = gate_groups.z_score({"holdout": side}, answers, metric, "holdout", "champion", years, 0.0, level)
    significant = z > norm.ppf(level)
    return _row(str(metric), f"{rows:,} rows, {name}", 0.075, "above 0, truly 0", level, {SCORE_LIMIT: significant})


def _many_labels(labels: int, rows: int, differ: float, times: int) -> dict[str, Any]:
    """Return a line of the table: how often the limit of macro-F1 with many labels is above the true difference, at 95 %."""
    random, objective = np.random.default_rng(labels * 1000 + rows), classification("macro_f1")
    draw = partial(_answers, labels=labels, differ=differ, random=random)
    population = np.repeat(np.arange(labels), POPULATION // labels)
    truth = float(np.subtract(*(_f1(population, predicted) for predicted in draw(population))))
    true, misses = np.repeat(np.arange(labels), rows), []
    for _ in range(times):
        tables = [{"main": _table(true, predicted)} for predicted in draw(true)]
        units, free = significance.paired_units(*tables, [objective], LEVELS[0])
        misses.append(confidence_limits.statistic(units, truth) > t.ppf(LEVELS[0], free))
    return _row(
        "macro_f1",
        f"{labels} labels of {rows} rows",
        differ,
        f"above {_points(truth)}, the truth",
        LEVELS[0],
        {SCORE_LIMIT: misses},
    )


def _answers(true: np.ndarray, labels: int, differ: float, random: np.random.Generator) -> list[np.ndarray]:
    """Draw the answers of two models; the first loses two thirds of the rows that differ, all of them with even labels."""
    wrong_label = (true + random.integers(1, labels, size=len(true))) % labels
    right, changes = random.random(len(true)) < RIGHT, random.random(len(true)) < differ
    loss_rate = np.where(true % 2 == 0, 1.0, 1 / 3)
    first = np.where(changes, random.random(len(true)) >= loss_rate, right)
    second = np.where(changes, ~first, right)
    return [np.where(hit, true, wrong_label) for hit in (first, second)]


def _f1(labels: np.ndarray, predicted: np.ndarray) -> float:
    return influence.influence(_table(labels, predicted), classification("macro_f1"), LEVELS[0]).value


def _table(labels: np.ndarray, predicted: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"label": labels, "predicted": predicted})

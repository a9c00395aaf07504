"""`nightshift bench coverage`: how often the gate's limits miss the true difference, on simulated holdouts.

Two models whose true difference is known answer thousands of holdouts. A one-sided limit at 95 % should show in at most
5 % of them that the difference is above what it is; the gate's own, at which one test of a year is made, in 0.125 %.
Three other limits stand beside ours where there are two labels.
"""

import argparse
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import beta, norm, t

from benchmarks import gate, gate_groups
from benchmarks.f1 import Metric, influences
from benchmarks.train import say
from nightshift.evaluation import confidence_limits, significance
from nightshift.records import Augmented, Objective, Sides
from nightshift.records import Metric as Name
from tasks.gate.stage import GateSettings

LEVELS = (0.95, GateSettings().test_confidence)
RIGHT = 0.9
"""Share of rows that the second model has right."""
SIZES = (50, 100, 204, 500, 1000, 5000)
MANY = 10
"""Holdouts of two labels for each of more labels: they are drawn by counts."""
ROWS = (10, 30, 100)
"""Of each of many labels."""
POPULATION = 200_000
OURS, NORMAL, PSEUDO, WIDENED = "ours, %", "bootstrap's normal limit, %", "pseudo-rows, %", "widened by discordance, %"


def main(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="nightshift bench coverage", allow_abbrev=False)
    parser.add_argument(
        "--holdouts", type=int, default=1000, help="of each line with many labels; ten times as many of two"
    )
    parser.add_argument("--classes", default="2,5,20,77", help="of macro-F1, whose rows are listed")
    told = parser.parse_args(arguments)
    strict, times = LEVELS[1], MANY * told.holdouts
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
    table += [_many(int(labels), rows, differ, told.holdouts) for labels in told.classes.split(",") for rows in ROWS
              for differ in (0.01, 0.1)]  # fmt: skip
    same = ", ".join(f"{_same(rows):.2f} of {rows:,}" for rows in (20, *SIZES))
    return {"table": table, "notes": [
        "errors: holdouts on which the difference is shown to be above the bound though it is not; in the lines of power, "
        "where it is, the more the better",
        f"{times:,} holdouts a line, {told.holdouts:,} where labels are many; standard errors: "
        f"{_error(0.05, times):.2f} and {_error(0.05, told.holdouts):.2f} points at 5 %, {_error(0.00125, times):.3f} and "
        f"{_error(0.00125, told.holdouts):.3f} at 0.125 %",
        f"two models that answer alike may differ, at {100 * strict:.5g} % and with two labels, by points of macro-F1: {same} rows",
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
            for name in (OURS, NORMAL, PSEUDO, WIDENED)}  # fmt: skip
    say(" | ".join(map(str, row.values())))
    return row


def _drop(
    metric: Metric, rows: int, changed: tuple[float, float], bound: float | None, level: float, times: int
) -> dict[str, Any]:
    """Return how often a difference is shown to be above a bound.

    Args:
        metric: What is compared.
        rows: Of a holdout.
        changed: The shares of rows that the first model alone has right, and the second alone.
        bound: As a share of the true difference; None for the power of showing equal models not worse by the margin.
        level: The confidence of the limit.
        times: Holdouts.
    """
    gained, lost = changed
    chances = np.array([1 - RIGHT - gained, lost, gained, RIGHT - lost])
    cells = (np.array(metric.labels)[:, None] * chances).ravel()
    random = np.random.default_rng(rows)
    counts = random.multinomial(rows, cells, size=times).reshape(times, -1, 4)
    truth = float(_difference(np.round(cells * 1e9).reshape(1, -1, 4), metric)[0])
    at = -GateSettings().margin if bound is None else truth * bound
    seen = gate.Seen({"holdout": {"champion": counts}}, False, np.zeros(times), np.zeros(times, dtype=bool), metric)
    shown = {OURS: gate._shown(seen, "holdout", "champion", np.ones(times, dtype=bool), at, level)}
    if metric.name != "accuracy":
        shown |= {name: lower > at for name, lower in _others(counts, level).items()}
    question = (
        "power: equal, not worse by 0.5 points" if bound is None else f"above {_points(at)}, truly {_points(truth)}"
    )
    return _row(str(metric), f"{rows:,} rows", gained + lost, question, level, shown)


def _points(value: float) -> str:
    return f"{100 * value:.2f}" if abs(value) > 1e-9 else "0"


def _difference(counts: np.ndarray, metric: Metric) -> np.ndarray:
    if metric.name == "accuracy":
        return np.asarray((counts[..., 2] - counts[..., 1]).sum(axis=1) / counts.sum(axis=(1, 2)))
    return influences(counts, 0.95)[0]


def _others(counts: np.ndarray, level: float) -> dict[str, np.ndarray]:
    """Return the lower limits by the ways that were not chosen."""
    z, rows = float(norm.ppf(level)), counts.sum(axis=(1, 2))

    def spread(of: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        difference, contributions, worst = influences(of, level)
        size = of.sum(axis=(1, 2))
        return difference, (of * contributions**2).sum(axis=(1, 2)) / size**2, worst

    difference, variance, worst = spread(counts)
    normal = difference - z * np.sqrt(variance)
    more, wider, _ = spread(counts + np.array([0, 1, 1, 0]))
    differ = counts[:, :, 1:3].sum(axis=(1, 2))
    most = beta.ppf(level, differ + 1, np.maximum(rows - differ, 0.5))
    widened = difference - z * np.sqrt(variance + (most - differ / rows) * worst**2 / rows)
    return {NORMAL: normal, PSEUDO: np.minimum(normal, more - z * np.sqrt(wider)), WIDENED: widened}


def _same(rows: int) -> float:
    """Return the points that two models' macro-F1 may differ by, which answer alike."""
    labels = np.arange(rows) % 2
    tables = [{"main": _table(labels, labels)}] * 2
    return -100 * significance.compare(*tables, [_objective("macro_f1")], LEVELS[1]).lower


def _groups(name: str, metric: Metric, rows: int, level: float, times: int) -> dict[str, Any]:
    """Return how often one of two equal models is shown to be better where rows belong together."""
    side = gate_groups.side(name, rows, gate._spread(0.075), np.random.default_rng(rows))
    hard, same = side.difficulty(times), np.full(times, RIGHT)
    answers = {"holdout": {role: side.answer(hard, same) for role in ("challenger", "champion")}}
    shown = gate_groups.shown(
        {"holdout": side}, answers, metric, "holdout", "champion", np.ones(times, dtype=bool), 0.0, level
    )
    return _row(str(metric), f"{rows:,} rows, {name}", 0.075, "above 0, truly 0", level, {OURS: shown})


def _many(labels: int, rows: int, differ: float, times: int) -> dict[str, Any]:
    """Return how often macro-F1 of many labels is shown to be above the true difference, at 95 %."""
    random, objective = np.random.default_rng(labels * 1000 + rows), _objective("macro_f1")
    draw = partial(_answers, labels=labels, differ=differ, random=random)
    population = np.repeat(np.arange(labels), POPULATION // labels)
    truth = float(np.subtract(*(_f1(population, said) for said in draw(population))))
    true, missed = np.repeat(np.arange(labels), rows), []
    for _ in range(times):
        tables = [{"main": _table(true, said)} for said in draw(true)]
        units, free = significance.paired_units(*tables, [objective], LEVELS[0])
        missed.append(confidence_limits.statistic(units, truth) > t.ppf(LEVELS[0], free))
    return _row(
        "macro_f1",
        f"{labels} labels of {rows} rows",
        differ,
        f"above {_points(truth)}, the truth",
        LEVELS[0],
        {OURS: missed},
    )


def _answers(true: np.ndarray, labels: int, differ: float, random: np.random.Generator) -> list[np.ndarray]:
    """Two models' answers; the first loses two thirds of the rows that differ, those of every other label alone."""
    other = (true + random.integers(1, labels, size=len(true))) % labels
    right, changes = random.random(len(true)) < RIGHT, random.random(len(true)) < differ
    lost = np.where(true % 2 == 0, 1.0, 1 / 3)
    first = np.where(changes, random.random(len(true)) >= lost, right)
    second = np.where(changes, ~first, right)
    return [np.where(hit, true, other) for hit in (first, second)]


def _f1(labels: np.ndarray, said: np.ndarray) -> float:
    return significance.influence(_table(labels, said), _objective("macro_f1"), LEVELS[0]).value


def _table(labels: np.ndarray, said: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"label": labels, "predicted": said})


def _objective(metric: Name) -> Objective:
    sides = Sides(train=1, validation=1, holdout=1, spare=0, leaks=0, labels=[], pairs=False)
    return Objective(name="main", kind="classification", metric=metric, sides=sides, augmented=Augmented(augmented=0))

"""`nightshift bench coverage`: how often the gate's limits miss the true difference, on simulated holdouts.

Two models whose true difference is known answer thousands of holdouts. A one-sided limit at 95 % should miss in 5 % of
them; the gate's own, at which one test of a year is made, in 0.125 %.
"""

import argparse
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.train import say
from tasks import evidence
from tasks.gate import GateSettings
from tasks.records import Augmented, Metric, Objective, Sides

LEVELS = (0.95, GateSettings().test_confidence)
ACCURACY = [(rows, share) for rows in (200, 1000, 5000) for share in (0.03, 0.1)]
"""Rows; share of rows that one of the models alone has right."""
ROWS = (10, 30, 100, 300)
"""Of each class."""


def main(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="nightshift bench coverage", allow_abbrev=False)
    parser.add_argument("--holdouts", type=int, default=2000, help="of each line of the table")
    parser.add_argument("--classes", default="2,5,20", help="of macro-F1; the more, the longer it takes")
    told = parser.parse_args(arguments)
    table = [_accuracy(*case, told.holdouts) for case in ACCURACY]
    table += [_macro_f1(int(classes), rows, told.holdouts) for classes in told.classes.split(",") for rows in ROWS]
    errors = [100 * np.sqrt(rate * (1 - rate) / told.holdouts) for rate in (1 - level for level in LEVELS)]
    return {"table": table, "notes": [
        f"{told.holdouts:,} holdouts a line; standard errors: {errors[0]:.2f} and {errors[1]:.3f} points",
        "lower limit too high: the model is called better than it is; this is what a wrong promotion needs",
        "accuracy: Tango's score interval, and mid-p McNemar for equal models; macro-F1: bootstrap within classes, models "
        "with 85 % of each class right, the second one less in every other class, correlated by their rows",
    ]}  # fmt: skip


def _row(metric: str, case: str, missed: dict[str, list[bool]]) -> dict[str, Any]:
    row: dict[str, Any] = {"metric": metric, "holdout": case}
    row |= {name: round(100 * float(np.mean(found)), 3) for name, found in missed.items()}
    say(" | ".join(map(str, row.values())))
    return row


def _names() -> list[str]:
    low, strict = (f"{100 * level:.5g} %" for level in LEVELS)
    return [f"lower limit too high at {low}, %", f"upper too low at {low}, %", f"lower too high at {strict}, %",
            f"called better though equal at {low}, %"]  # fmt: skip


def _accuracy(rows: int, share: float, times: int) -> dict[str, Any]:
    random, names = np.random.default_rng(rows), _names()
    missed: dict[str, list[bool]] = {name: [] for name in names}
    truth = 0.2 * share
    for gained, lost, _ in random.multinomial(rows, [0.6 * share, 0.4 * share, 1 - share], size=times):
        found = [evidence.tango(int(gained), int(lost), rows, level) for level in LEVELS]
        for name, miss in zip(
            names, (found[0].lower > truth, found[0].upper < truth, found[1].lower > truth), strict=False
        ):
            missed[name].append(miss)
    equal = random.multinomial(rows, [share / 2, share / 2, 1 - share], size=times)
    missed[names[3]] = list(evidence.mid_p(equal[:, 0], equal[:, 1]) <= 1 - LEVELS[0])
    return _row("accuracy", f"{rows:,} rows, {share:.0%} differ", missed)


def _macro_f1(classes: int, rows: int, times: int) -> dict[str, Any]:
    random, names = np.random.default_rng(classes * 1000 + rows), _names()
    objective = _objective("macro_f1")
    labels = np.repeat(np.arange(classes), rows)
    large = [_answers(np.repeat(np.arange(classes), 400_000 // classes), classes, random) for _ in range(5)]
    population = np.repeat(np.arange(classes), 400_000 // classes)
    truth = float(np.mean([_f1(population, ours) - _f1(population, theirs) for ours, theirs in large]))
    missed: dict[str, list[bool]] = {name: [] for name in names[:3]}
    for _ in range(times):
        tables = [{"main": _table(labels, said)} for said in _answers(labels, classes, random)]
        found = [evidence.compare(*tables, [objective], level) for level in LEVELS]
        for name, miss in zip(
            names, (found[0].lower > truth, found[0].upper < truth, found[1].lower > truth), strict=False
        ):
            missed[name].append(miss)
    return _row("macro-F1", f"{classes} classes of {rows} rows", missed) | {names[3]: None}


def _answers(labels: np.ndarray, classes: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two models' answers: right by a latent of the row that they share in part, else any other class."""
    shared = random.normal(size=len(labels))
    answers = []
    for lost in (0.0, 0.1):
        latent = np.sqrt(0.7) * shared + np.sqrt(0.3) * random.normal(size=len(labels))
        right = latent > np.where(labels % 2 == 0, -1.036 + 3 * lost, -1.036)
        other = (labels + random.integers(1, classes, size=len(labels))) % classes
        answers.append(np.where(right, labels, other))
    return answers[0], answers[1]


def _f1(labels: np.ndarray, said: np.ndarray) -> float:
    return evidence.metrics(labels.astype(str).tolist(), said.astype(str).tolist())["macro_f1"]


def _table(labels: np.ndarray, said: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"label": labels.astype(str), "predicted": said.astype(str)})


def _objective(metric: Metric) -> Objective:
    sides = Sides(train=1, validation=1, holdout=1, spare=0, leaks=0, labels=[], pairs=False)
    return Objective(name="main", kind="classification", metric=metric, sides=sides, augmented=Augmented(augmented=0))

"""`nightshift bench first`: how often models that guess are promoted as the first version, and models that have learned are held.

Guessers predict without the text: a random label (uniform), the true labels in random order, or the most frequent label
with a few random ones. Learners know a share of the rows and guess the others. Each trial draws new rows.
"""

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.objectives import classification
from benchmarks.train import say
from nightshift.records import Metric, Objective
from tasks.gate.first_version import SHUFFLED_METRICS, FirstPolicy, References, decide_first
from tasks.gate.settings import GateSettings

CLASSES = (2, 20, 77)
ROWS = (20, 200, 2000)
LEARNERS = ((0.5, 2), (0.2, 2), (0.2, 20))
"""Share of rows that a learner knows, and number of labels."""
Predictor = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]
"""Function of the true labels, the number of classes and a generator that returns predictions."""


def _random(label: np.ndarray, classes: int, random: np.random.Generator) -> np.ndarray:
    return random.integers(classes, size=len(label))


def _shuffled(label: np.ndarray, _classes: int, random: np.random.Generator) -> np.ndarray:
    return random.permutation(label)


def _strewn(label: np.ndarray, classes: int, random: np.random.Generator) -> np.ndarray:
    return np.where(random.random(len(label)) < 0.1, random.integers(classes, size=len(label)), 0)


GUESSERS: dict[str, Predictor] = {
    "random labels": _random,
    "shuffled labels": _shuffled,
    "mostly the commonest label": _strewn,
}


def _learner(share: float) -> Predictor:
    def predict(label: np.ndarray, classes: int, random: np.random.Generator) -> np.ndarray:
        return np.where(random.random(len(label)) < share, label, random.integers(classes, size=len(label)))

    return predict


def main(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="nightshift bench first", allow_abbrev=False)
    parser.add_argument("--trials", type=int, default=1000, help="trials per line of the table")
    parser.add_argument("--classes", default=",".join(map(str, CLASSES)))
    parser.add_argument("--rows", default=",".join(map(str, ROWS)), help="numbers of holdout rows")
    parser.add_argument("--metric", choices=["macro_f1", "accuracy"], default="macro_f1")
    options = parser.parse_args(arguments)
    sizes = [int(rows) for rows in options.rows.split(",")]
    lines = [(name, predictor, int(classes), rows, members) for name, predictor in GUESSERS.items()
             for classes in options.classes.split(",") for rows in sizes for members in (1, 10)
             if members == 1 or rows >= 100]  # fmt: skip
    lines += [(f"knows {share:.0%} of the rows", _learner(share), classes, rows, 1)
              for share, classes in LEARNERS for rows in sizes]  # fmt: skip
    rows = [_row(*line, options.metric, options.trials) for line in lines]
    worst = max(row["promoted at 95 %, %"] for row in rows if not row["answers"].startswith("knows"))
    return {"table": rows, "notes": [
        f"{options.trials:,} trials a line, {options.metric}, gate.first: dummy; a guesser is promoted in at most {worst:g} % of the "
        f"trials at 95 % (standard error at 5 %: {100 * np.sqrt(0.05 * 0.95 / options.trials):.1f} points); the gate's own "
        f"confidence for one test is {100 * GateSettings().test_confidence:.5g} %",
        "rule before: promoted where the metric is above that of the commonest label",
        "labels are as frequent as 1, 1/2, 1/3, ... (Zipf); rows of a group have one label and one answer, the mean size of a "
        "group is 10, the largest have many times that",
    ]}  # fmt: skip


def _row(
    name: str, predictor: Predictor, classes: int, rows: int, members: int, metric: Metric, trials: int
) -> dict[str, Any]:
    random = np.random.default_rng([classes, rows, members])
    objective = classification(metric)
    promoted = {"before": 0, "95": 0, "gate": 0}
    for _ in range(trials):
        challenger, dummy = _trial(predictor, classes, rows, members, random)
        challenger_metric, dummy_metric = (
            SHUFFLED_METRICS[metric](table, objective)(np.arange(rows)) for table in (challenger, dummy)
        )
        promoted["before"] += challenger_metric > dummy_metric
        if _promoted(challenger, dummy, objective, 0.95):
            promoted["95"] += 1
            promoted["gate"] += _promoted(challenger, dummy, objective, GateSettings().test_confidence)
    shares = {key: round(100 * count / trials, 2) for key, count in promoted.items()}
    row = {
        "answers": name,
        "labels": classes,
        "rows": rows,
        "rows a group": members,
        "promoted by the rule before, %": shares["before"],
        "promoted at 95 %, %": shares["95"],
        "promoted by the gate, %": shares["gate"],
    }
    say(" | ".join(map(str, row.values())))
    return row


def _promoted(challenger: pd.DataFrame, dummy: pd.DataFrame, objective: Objective, confidence: float) -> bool:
    policy: FirstPolicy = "dummy"
    references = References({"main": dummy})
    return decide_first({"main": challenger}, references, [objective], policy, confidence).decision == "promote"


def _trial(
    predictor: Predictor, classes: int, rows: int, members: int, random: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return rows with the predictions of a model, and the same rows with the most frequent label as prediction."""
    weights = 1 / np.arange(1, classes + 1)
    groups = rows // members
    label = random.choice(classes, groups, p=weights / weights.sum())
    predicted = predictor(label, classes, random)
    sizes = 1 / np.arange(1, groups + 1)
    row = np.arange(rows) if members == 1 else np.sort(random.choice(groups, rows, p=sizes / sizes.sum()))
    table = pd.DataFrame({
        "row_key": [f"row {index}" for index in range(rows)], "side_key": [f"group {index}" for index in row],
        "label": label[row].astype(str), "predicted": predicted[row].astype(str),
    })  # fmt: skip
    return table, table.assign(predicted=table["label"].mode()[0])

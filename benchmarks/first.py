"""`nightshift bench first`: how often a guesser is promoted as the first version, and how often a model that has learned is held.

Guessers answer without the text: a label at random (each as likely), the true labels in another order, or the commonest
label with a few others strewn in. Learners know a share of the rows and guess the others. Each trial draws new rows.
"""

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.train import say
from nightshift.records import Augmented, Metric, Objective, Sides
from tasks.gate.first_version import SHUFFLED_METRICS, FirstPolicy, References, decide_first
from tasks.gate.stage import GateSettings

CLASSES = (2, 20, 77)
ROWS = (20, 200, 2000)
LEARNED = ((0.5, 2), (0.2, 2), (0.2, 20))
"""Share of rows that a learner knows; labels."""
Answers = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]
"""From the true labels and their number to a model's answers."""


def _random(label: np.ndarray, classes: int, random: np.random.Generator) -> np.ndarray:
    return random.integers(classes, size=len(label))


def _shuffled(label: np.ndarray, _classes: int, random: np.random.Generator) -> np.ndarray:
    return random.permutation(label)


def _strewn(label: np.ndarray, classes: int, random: np.random.Generator) -> np.ndarray:
    return np.where(random.random(len(label)) < 0.1, random.integers(classes, size=len(label)), 0)


GUESSERS: dict[str, Answers] = {
    "random labels": _random,
    "shuffled labels": _shuffled,
    "mostly the commonest label": _strewn,
}


def _learner(share: float) -> Answers:
    def answers(label: np.ndarray, classes: int, random: np.random.Generator) -> np.ndarray:
        return np.where(random.random(len(label)) < share, label, random.integers(classes, size=len(label)))

    return answers


def main(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="nightshift bench first", allow_abbrev=False)
    parser.add_argument("--trials", type=int, default=1000, help="of each line of the table")
    parser.add_argument("--classes", default=",".join(map(str, CLASSES)))
    parser.add_argument("--rows", default=",".join(map(str, ROWS)), help="of the holdout")
    parser.add_argument("--metric", choices=["macro_f1", "accuracy"], default="macro_f1")
    told = parser.parse_args(arguments)
    sizes = [int(rows) for rows in told.rows.split(",")]
    lines = [(name, answers, int(classes), rows, members) for name, answers in GUESSERS.items()
             for classes in told.classes.split(",") for rows in sizes for members in (1, 10)
             if members == 1 or rows >= 100]  # fmt: skip
    lines += [(f"knows {share:.0%} of the rows", _learner(share), classes, rows, 1)
              for share, classes in LEARNED for rows in sizes]  # fmt: skip
    rows = [_row(*line, told.metric, told.trials) for line in lines]
    worst = max(row["promoted at 95 %, %"] for row in rows if not row["answers"].startswith("knows"))
    return {"table": rows, "notes": [
        f"{told.trials:,} trials a line, {told.metric}, gate.first: dummy; a guesser is promoted in at most {worst:g} % of the "
        f"trials at 95 % (standard error at 5 %: {100 * np.sqrt(0.05 * 0.95 / told.trials):.1f} points); the gate's own "
        f"confidence for one test is {100 * GateSettings().test_confidence:.5g} %",
        "rule before: promoted where the metric is above that of the commonest label",
        "labels are as frequent as 1, 1/2, 1/3, ... (Zipf); rows of a group have one label and one answer, the mean size of a "
        "group is 10, the largest have many times that",
    ]}  # fmt: skip


def _row(
    name: str, answers: Answers, classes: int, rows: int, members: int, metric: Metric, trials: int
) -> dict[str, Any]:
    random = np.random.default_rng([classes, rows, members])
    sides = Sides(train=1, validation=1, holdout=rows, spare=0, leaks=0, labels=[], pairs=False)
    what = Objective(name="main", kind="classification", metric=metric, sides=sides, augmented=Augmented(augmented=0))
    promoted = {"before": 0, "95": 0, "gate": 0}
    for _ in range(trials):
        challenger, dummy = _trial(answers, classes, rows, members, random)
        ours, naive = (SHUFFLED_METRICS[metric](table, what)(np.arange(rows)) for table in (challenger, dummy))
        promoted["before"] += ours > naive
        if _promoted(challenger, dummy, what, 0.95):
            promoted["95"] += 1
            promoted["gate"] += _promoted(challenger, dummy, what, GateSettings().test_confidence)
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


def _promoted(challenger: pd.DataFrame, dummy: pd.DataFrame, what: Objective, confidence: float) -> bool:
    first: FirstPolicy = "dummy"
    references = References({"main": dummy})
    return decide_first({"main": challenger}, references, [what], first, confidence).decision == "promote"


def _trial(
    answers: Answers, classes: int, rows: int, members: int, random: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows with a model's answers, and with the commonest label as every answer."""
    weights = 1 / np.arange(1, classes + 1)
    groups = rows // members
    label = random.choice(classes, groups, p=weights / weights.sum())
    said = answers(label, classes, random)
    sizes = 1 / np.arange(1, groups + 1)
    row = np.arange(rows) if members == 1 else np.sort(random.choice(groups, rows, p=sizes / sizes.sum()))
    table = pd.DataFrame({
        "row_key": [f"row {place}" for place in range(rows)], "side_key": [f"group {place}" for place in row],
        "label": label[row].astype(str), "predicted": said[row].astype(str),
    })  # fmt: skip
    return table, table.assign(predicted=table["label"].mode()[0])

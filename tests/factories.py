"""Objectives and answers for tests of what compares models. No model is trained for them."""

import numpy as np
import pandas as pd

from nightshift.evaluation.significance import compare
from nightshift.models.heads import Head
from nightshift.records import Augmented, Objective, Sides
from tasks.compress.settings import InheritedSettings

CLASSES = ["a", "b", "c"]
LABELS = np.random.default_rng(5).choice(CLASSES, 2000)
COLOURS = ["blue", "green", "red"]
WRONG_LABEL = {"a": "b", "b": "c", "c": "a"}


def sides(**fields) -> Sides:
    """Return the counts of a split, by default one row a side."""
    defaults = {"train": 1, "validation": 1, "holdout": 1, "spare": 0, "leaks": 0, "labels": CLASSES, "pairs": False}
    return Sides(**defaults | fields)


def objective(
    kind: str = "classification", metric: str = "macro_f1", name: str = "main", weight: float = 1.0, **side_fields
) -> Objective:
    """Return an objective.

    Args:
        kind: A kind of `kinds.KINDS`.
        metric: The metric of the gate.
        name: Name of the objective.
        weight: Weight beside other objectives.
        **side_fields: Fields of its sides, see `sides`.
    """
    return Objective(
        name=name,
        kind=kind,
        metric=metric,
        weight=weight,
        sides=sides(**side_fields),
        augmented=Augmented(augmented=0),
    )


def objective_of_head(head, name: str = "main") -> Objective:
    """Return the objective that a head answers for."""
    sides = {"labels": list(head.labels), "pairs": head.pairs, "separator": head.separator}
    return objective(head.kind, "accuracy", name, **sides).model_copy(update={"cleaning": head.cleaning})


def answers(error_rate: float, labels=LABELS, seed: int = 0) -> list[str]:
    """Return predictions that are wrong on a random share of the rows."""
    errors = np.random.default_rng(seed).random(len(labels)) < error_rate
    return [WRONG_LABEL[label] if error else label for label, error in zip(labels, errors, strict=True)]


def table(predicted, labels=LABELS) -> pd.DataFrame:
    """Return a table of labels and predictions, as scoring writes it."""
    return pd.DataFrame({"label": list(labels), "predicted": list(predicted)})


def numbers(noise: float, rows: int = 600, seed: int = 1) -> pd.DataFrame:
    """Return numbers of standard deviation 1, predicted with an error of standard deviation `noise`."""
    random = np.random.default_rng(seed)
    label = random.normal(2, 1, rows)
    return pd.DataFrame({"label": label, "predicted": label + random.normal(0, noise, rows)})


def losses(factor: float, rows: int = 400) -> pd.DataFrame:
    """Return losses of texts of different lengths, as a generating model has them."""
    tokens = np.random.default_rng(2).integers(5, 40, rows)
    return pd.DataFrame({"loss": factor * tokens * np.random.default_rng(3).random(rows), "tokens": tokens})


def written_answers(error_rate: float, rows: int = 300) -> pd.DataFrame:
    """Return answers of a sentence each; wrong ones lack their number."""
    label = [f"the answer is number {row}" for row in range(rows)]
    errors = np.random.default_rng(1).random(rows) < error_rate
    predicted = [text[:-6] if error else text + " " for text, error in zip(label, errors, strict=True)]
    return table(predicted, label)


class ScriptedPredictor:
    """Predictor that answers by rule, with any objective."""

    def __init__(self, objective=None):
        separator = objective and objective.sides.separator
        self.heads = {"main": Head("classification", tuple(COLOURS), separator)}

    def scores(self, texts, pairs=None, objective="main"):
        return np.array([[float(label in text) for label in COLOURS] for text in texts])

    def losses(self, texts, targets=None, objective="main"):
        return np.array([float(len(text)) for text in targets or texts]), np.full(len(texts), 2)

    def continuations(self, texts, objective="main", max_new_tokens=None, temperature=None, seed=0):
        """Return each text with the temperature behind it.

        Args:
            texts: Prompts.
            objective: Not used.
            max_new_tokens: Not used.
            temperature: Temperature to write.
            seed: Not used.
        """
        return [f"{text} {temperature}" for text in texts]


def rows_of(texts, labels=None):
    """Return rows of texts with keys, as a side of a split has them."""
    rows = pd.DataFrame(
        {"row_key": [f"k{row}" for row in range(len(texts))], "text": texts}, index=range(5, 5 + len(texts))
    )
    return rows if labels is None else rows.assign(label=labels)


def compared(labels, first, second, metric="macro_f1"):
    """Return the confidence limits of the difference between two lists of answers.

    Args:
        labels: True labels.
        first: Predictions of the challenger.
        second: Predictions of the champion.
        metric: The metric to compare.
    """
    tables = ({"main": table(predicted, labels)} for predicted in (first, second))
    return compare(*tables, [objective(metric=metric)], 0.95)


def inherited_settings(max_length: int) -> InheritedSettings:
    """Return the settings that compression takes from the training."""
    return InheritedSettings(max_length=max_length, per_device_train_batch_size=8, seed=1)

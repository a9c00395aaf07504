"""Tables of predictions: their columns, and the predictors that fill them.

A table has a line a row, in the side's order, always with `row_key` and `side_key` (the key of the group that the row
belongs to, else its own), and the columns of its form:

- labels: `label`, `predicted`, `abstain` (of a model with a bound for it: True if the score is below it) and, where
  known, a column `score:LABEL` a label; where a row may have several labels (`Sides.separator`), `label` and `predicted`
  are sorted labels joined by it, and empty for none;
- numbers: `label` and `predicted`, numbers;
- losses: `loss` (nats over the row's tokens) and `tokens` (their number);
- texts: `label` and `predicted`, texts.
"""

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd

from nightshift.inference.predictor import decode
from nightshift.records import MAIN, Objective

Form = Literal["labels", "numbers", "losses", "texts"]
Tables = dict[str, pd.DataFrame]
"""Tables of predictions by objective."""
SCORE = "score:"
"""Prefix of the columns with the labels' scores."""
ABSTAIN = "abstain"
"""Column of a model with a bound for it: True for predictions that abstain."""
GROUP = "side_key"
"""Column with the key of the group that a row belongs to; a row without a group has its own key there."""


class Predictor(Protocol):
    """A model that predicts for a run's objectives: PyTorch in memory, or an exported folder."""

    heads: Any
    """`nightshift.models.heads.Head` by objective."""

    def scores(self, texts: Sequence[str], pairs: Sequence[str] | None = None, objective: str = MAIN) -> np.ndarray:
        """Return probabilities, shape (rows, classes); for regression the value in the labels' units, shape (rows, 1)."""
        ...

    def losses(
        self, texts: Sequence[str], targets: Sequence[str] | None = None, objective: str = MAIN
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return nats and number of tokens of each row."""
        ...

    def continuations(
        self,
        texts: Sequence[str],
        objective: str = MAIN,
        max_new_tokens: int | None = None,
        temperature: float | None = None,
        seed: int = 0,
        **params: Any,
    ) -> list[str]:
        """Return the text that the model writes after each text, or in answer to it.

        Args:
            texts: Prompts.
            objective: The objective that writes.
            max_new_tokens: Largest number of tokens written for a prompt; None for the objective's own setting.
            temperature: None for the objective's own setting.
            seed: Seed of the tokens that are drawn.
            params: Other fields of `nightshift.generation_config.Generation`.
        """
        ...


def score_columns(table: pd.DataFrame) -> list[str]:
    """Return the names of the columns with the labels' scores."""
    return [str(name) for name in table if str(name).startswith(SCORE)]


def label_scores(table: pd.DataFrame, labels: Sequence[str]) -> np.ndarray:
    """Return a table's scores in the order of labels, shape (rows, labels)."""
    return table[[f"{SCORE}{label}" for label in labels]].to_numpy(float)


def texts_of(frame: pd.DataFrame) -> tuple[list[str], list[str] | None]:
    """Return the frame's texts and, for pairs, its second texts."""
    return frame["text"].tolist(), frame["text_pair"].tolist() if "text_pair" in frame else None


def labels_of(frame: pd.DataFrame) -> list[Any] | None:
    """Return labels or targets as the frame holds them; None for a frame of texts alone."""
    return frame["label"].tolist() if "label" in frame else None


def predict_labels(predictor: Predictor, frame: pd.DataFrame, objective: Objective) -> pd.DataFrame:
    """Return labels, scores and, with a bound for it, abstentions."""
    head = predictor.heads[objective.name]
    scores = predictor.scores(*texts_of(frame), objective.name)
    columns = pd.DataFrame(scores, columns=[f"{SCORE}{label}" for label in head.labels])
    decisions = [decode(head, row) for row in scores]
    columns.insert(0, "predicted", [label for label, _, _ in decisions])
    if head.abstain_below is not None:
        columns.insert(1, ABSTAIN, [abstains for _, _, abstains in decisions])
    return columns


def predict_numbers(predictor: Predictor, frame: pd.DataFrame, objective: Objective) -> pd.DataFrame:
    """Return a number for each row."""
    return pd.DataFrame({"predicted": predictor.scores(*texts_of(frame), objective.name)[:, 0]})


def predict_losses(predictor: Predictor, frame: pd.DataFrame, objective: Objective) -> pd.DataFrame:
    """Return the loss of each row and its number of tokens."""
    loss, tokens = predictor.losses(texts_of(frame)[0], labels_of(frame), objective.name)
    return pd.DataFrame({"loss": loss, "tokens": tokens})


def predict_texts(predictor: Predictor, frame: pd.DataFrame, objective: Objective) -> pd.DataFrame:
    """Return the text that is written for each row."""
    return pd.DataFrame({"predicted": predictor.continuations(texts_of(frame)[0], objective.name)})

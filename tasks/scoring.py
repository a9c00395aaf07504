"""Scoring a side's rows with any classifier: what evaluate, compress and the gate have in common."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
from transformers import PreTrainedTokenizerBase

from models import training
from models.measure import measure_cost
from tasks.records import Cost


class Classifier(Protocol):
    """Anything that gives a score a class: torch in memory, ONNX from a folder."""

    def scores(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> np.ndarray:
        """Probabilities, shape (rows, classes)."""
        ...


def texts_of(frame: pd.DataFrame) -> tuple[list[str], list[str] | None]:
    """The frame's texts and, for pairs, its second texts."""
    return frame["text"].tolist(), frame["text_pair"].tolist() if "text_pair" in frame else None


def examples(
    frame: pd.DataFrame,
    tokenizer: PreTrainedTokenizerBase,
    labels: list[str],
    max_length: int,
    teacher_logits: np.ndarray | None = None,
) -> training.Examples:
    """The frame's rows as a training takes them; a label's place in `labels` is its id."""
    ids = frame["label"].map({label: index for index, label in enumerate(labels)}).tolist()
    return training.encode(tokenizer, *texts_of(frame), ids, max_length, teacher_logits)


def predictions(classifier: Classifier, frame: pd.DataFrame, labels: list[str]) -> pd.DataFrame:
    """`row_key`, `label`, `predicted` and one score a label, row by row."""
    scores = classifier.scores(*texts_of(frame))
    table = frame[["row_key", "label"]].reset_index(drop=True)
    table["predicted"] = np.array(labels)[scores.argmax(axis=1)]
    return pd.concat([table, pd.DataFrame(scores, columns=[f"score:{label}" for label in labels])], axis=1)


def cost(classifier: Classifier, frame: pd.DataFrame, file: Path) -> Cost:
    """Latency and throughput on the frame's rows, size of the model's file."""
    return Cost(**measure_cost(classifier.scores, *texts_of(frame), file.stat().st_size))

"""Predictions on the rows of a side, and their cost; shared by train, evaluate, compress and gate."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from transformers import PreTrainedTokenizerBase

from nightshift.evaluation.kinds import KINDS, form_of
from nightshift.evaluation.prediction_tables import GROUP, Predictor, Tables, labels_of, texts_of
from nightshift.inference.measurement import measure_costs, measure_latencies
from nightshift.models.heads import Head
from nightshift.records import GENERATIVE, Objective
from nightshift.store import artifact_store
from nightshift.training import tokenization

TIMED_PROMPTS = 24
"""Number of prompts by which the cost of writing text is measured."""
TIMED_TOKENS = 16
"""Number of tokens written for each of these prompts."""


def side_of(objective: Objective, side: str) -> pd.DataFrame:
    """Return the rows of one side."""
    return pd.read_parquet(artifact_store.folder(objective.sides) / f"{side}.parquet")


def examples(
    frame: pd.DataFrame,
    tokenizer: PreTrainedTokenizerBase,
    head: Head,
    max_length: int,
    teacher_logits: np.ndarray | None = None,
    **options: Any,
) -> tokenization.Examples:
    """Return the frame's rows as training examples.

    Args:
        frame: Rows with texts and, but for generation, labels.
        tokenizer: Tokenizer of the model that is trained.
        head: Head of the objective that the rows are for.
        max_length: Largest number of tokens of an example.
        teacher_logits: Logits to distil from, shape (rows, classes).
        options: Other arguments of `nightshift.training.tokenization.encode`.
    """
    texts, pairs = texts_of(frame)
    return tokenization.encode(tokenizer, head, texts, pairs, labels_of(frame), max_length, teacher_logits, **options)


def predictions(predictor: Predictor, frame: pd.DataFrame, objective: Objective) -> pd.DataFrame:
    """Return a predictor's table for a frame, row by row (see `nightshift.evaluation.prediction_tables`)."""
    return table(frame, objective, KINDS[objective.kind].predict(predictor, frame, objective))


def tables(predictor: Predictor, side: str, objectives: list[Objective]) -> Tables:
    """Return each objective's table on one side."""
    return {o.name: predictions(predictor, side_of(o, side), o) for o in objectives}


def table(frame: pd.DataFrame, objective: Objective, predicted: pd.DataFrame) -> pd.DataFrame:
    """Return predicted columns beside the frame's `row_key`, `side_key` and, unless they are losses, `label`."""
    names = ["row_key", GROUP] if form_of(objective) == "losses" else ["row_key", GROUP, "label"]
    keys = frame[[name for name in names if name in frame]]
    joined = pd.concat([keys.reset_index(drop=True), predicted.reset_index(drop=True)], axis=1)
    separator = objective.sides.separator
    if separator is not None:
        for name in joined.columns.intersection(["label", "predicted"]):
            texts = joined[name].where(joined[name].notna(), None)
            joined[name] = [text and separator.join(sorted(set(text.split(separator)) - {""})) for text in texts]
    return joined


def write(tables: Tables, folder: Path) -> None:
    """Write each table as `OBJECTIVE.parquet` into a new folder."""
    folder.mkdir()
    for name, columns in tables.items():
        columns.to_parquet(folder / f"{name}.parquet")


def read(folder: Path, objectives: list[Objective]) -> Tables:
    """Return the tables that `write` wrote."""
    return {o.name: pd.read_parquet(folder / f"{o.name}.parquet") for o in objectives}


def timed_objective(objectives: list[Objective]) -> Objective:
    """Return the objective whose texts cost is measured on: the first main one."""
    return next((o for o in objectives if o.role == "main"), objectives[0])


def timed_texts(objective: Objective, side: str = "holdout") -> tuple[list[str], list[str] | None]:
    """Return the texts, and second texts, of a side that are timed; fewer if each is answered with text."""
    texts, pairs = texts_of(side_of(objective, side))
    return (texts[:TIMED_PROMPTS], None) if objective.kind in GENERATIVE else (texts, pairs)


def times(predictors: Sequence[Predictor], objectives: list[Objective]) -> list[dict[str, float]]:
    """Return latency and throughput of each predictor on the main objective's holdout, measured in turns."""
    objective = timed_objective(objectives)
    return measure_costs(_timed_calls(predictors, objective), *timed_texts(objective))


def latencies(predictors: Sequence[Predictor], objectives: list[Objective], rows: int) -> list[float]:
    """Return the median latency of each predictor on the first `rows` rows of validation, in milliseconds, in turns."""
    objective = timed_objective(objectives)
    texts = timed_texts(objective, "validation")
    milliseconds = measure_latencies(_timed_calls(predictors, objective), *texts, rows)
    return [float(np.median(values)) for values in milliseconds]


def _timed_calls(predictors: Sequence[Predictor], objective: Objective) -> list[Any]:
    """Return a function for each predictor that predicts some texts, or continues some prompts by a few tokens."""

    def call(predictor: Predictor) -> Any:
        if objective.kind in GENERATIVE:
            return lambda texts, _pairs: predictor.continuations(texts, objective.name, max_new_tokens=TIMED_TOKENS)
        return lambda texts, pairs: predictor.scores(texts, pairs, objective.name)

    return [call(predictor) for predictor in predictors]

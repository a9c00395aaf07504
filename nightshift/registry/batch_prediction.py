"""Predictions of a registered version for many rows: part by part, each a call that any process may carry out."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd
from mlflow.entities.model_registry import ModelVersion

from nightshift.errors import UserError, first_line
from nightshift.execution.calls import Call, run_calls
from nightshift.registry import tracking
from nightshift.registry.registered_model import RegisteredModel
from nightshift.training.progress import PART_ROWS, RowProgress

OUTPUT_COLUMNS: list[dict[str, str]] = [
    {"predicted": "label", "score": "score"},
    {"predicted": "score"},
    {"predicted": "text"},
]
"""Columns added to a file and the model's columns that they hold, for classification, regression and generated text.

`abstain` is added too if the model has it.
"""


@dataclass(frozen=True)
class BatchRequest:
    """Request to a model, the same for each row."""

    objective: str
    """Objective to predict, of a model with several; the main one if empty."""
    params: dict[str, Any]
    """Parameters of generation."""
    requires_pairs: bool = False
    """True if a column of second texts is set, so that the model must read pairs."""


def predict_batch(version: ModelVersion, model_uri: str, texts: pd.DataFrame, request: BatchRequest) -> pd.DataFrame:
    """Return a version's predictions, with a new index, in the columns of `OUTPUT_COLUMNS`.

    Args:
        version: The version, which is the same for all parts wherever an alias moves meanwhile.
        model_uri: The URI by which the user knows it.
        texts: The columns `text` and, if there are second texts, `text_pair`; the index counts rows from 1.
        request: What is asked.

    Raises:
        UserError: The version cannot be loaded, or refuses the request or a row.
    """
    progress = RowProgress(model_uri, len(texts))
    calls = (
        Call(
            f"{model_uri}, rows from {start + 1:,}",
            predict_part,
            (version, texts[start : start + PART_ROWS], request),
            when_done=partial(progress.advance, PART_ROWS),
        )
        for start in range(0, len(texts), PART_ROWS)
    )
    try:
        parts: list[pd.DataFrame] = run_calls(calls)
        return pd.concat(parts, ignore_index=True)
    except ValueError as error:
        raise UserError(f"{model_uri}: {first_line(error)}") from error


def predict_part(version: ModelVersion, texts: pd.DataFrame, request: BatchRequest) -> pd.DataFrame:
    """Return a version's predictions for some rows, in the columns of `OUTPUT_COLUMNS`.

    Args:
        version: The version; this process keeps it loaded for the next part.
        texts: See `predict_batch`.
        request: What is asked.

    Raises:
        ValueError: The version refuses the request or a row.
    """
    model = _last_model.load(version)
    name = model.predictor.resolve_objective(request.objective)
    if request.requires_pairs and not model.heads[name].pairs:
        raise ValueError(f"{name} reads one text a row; leave --text-pair out")
    answers = model.answers(texts, request.objective, **request.params)
    columns = next(columns for columns in OUTPUT_COLUMNS if set(columns.values()) <= set(answers))
    output = answers[list(columns.values())].set_axis(list(columns), axis=1)
    return output.assign(abstain=answers["abstain"]) if "abstain" in answers else output


class LastModel:
    """The version that this process has loaded last, for the parts that follow."""

    def __init__(self) -> None:
        self.model: RegisteredModel | None = None
        self.key: tuple[str, ...] = ()

    def load(self, version: ModelVersion) -> RegisteredModel:
        """Return a version; the one that was loaded before it is given up first."""
        key = (version.name, str(version.version), str(version.source), str(version.run_id))
        if self.model is None or self.key != key:
            self.model = None
            tracking.connect()
            self.model, self.key = RegisteredModel(version), key
        return self.model


_last_model = LastModel()

"""Registered model for classification and regression, as MLflow calls it: a frame in, a frame out.

MLflow copies this file into the model and loads it from there (models from code), so it imports nothing of this
project. The predictor, `nightshift.inference.predictor`, is an artifact of the model.
"""

import runpy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import mlflow
import pandas as pd
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE


class InvalidRequest(mlflow.exceptions.MlflowException, ValueError):  # type: ignore[misc]
    """A request that a model refuses: status 400 and one line over `mlflow models serve`, a ValueError in Python."""

    def __init__(self, message: str) -> None:
        super().__init__(message, error_code=INVALID_PARAMETER_VALUE)  # type: ignore[call-arg]


@contextmanager
def as_invalid_requests() -> Iterator[None]:
    """Turn a ValueError into InvalidRequest: for any other exception MLflow's server answers with a stack trace."""
    try:
        yield
    except mlflow.exceptions.MlflowException:
        raise
    except ValueError as error:
        raise InvalidRequest(str(error)) from error


def columns_of(predictor: Any, rows: Any, columns: Sequence[str]) -> list[list[str]]:
    """Return the values of each column, for a frame, texts, or one text.

    Raises ValueError for a column that is not there, and for a value that is no text; it names the row by its index.
    """
    texts = [rows] if isinstance(rows, str) else rows
    frame = texts if isinstance(texts, pd.DataFrame) else pd.DataFrame({"text": list(texts)})
    for column in columns:
        if column not in frame:
            raise ValueError(f"no column {column!r}: this model takes {', '.join(columns)}")
        for row, value in zip(frame.index, frame[column], strict=True):
            if problem := predictor.problem_of(value):
                raise ValueError(f"row {row}: {column} is {problem}")
    return [frame[column].tolist() for column in columns]


def index_of(rows: Any) -> pd.Index | None:
    """Return the index of a frame; None for texts."""
    return rows.index if isinstance(rows, pd.DataFrame) else None


def answer_frame(predictor: Any, rows: Any, objective: str = "") -> pd.DataFrame:
    """Return the answers of a predictor, see `nightshift.inference.predictor.PredictorBase.answers`.

    Args:
        predictor: The model.
        rows: A frame with `text` (and `text_pair`), texts, or one text.
        objective: One of several objectives; empty for the main one.

    Returns:
        A frame with the same index: `label`, `score` and `scores` for classification, `score` for regression, and
        `abstain` if the head has a bound for it.
    """
    head = predictor.heads[predictor.resolve_objective(objective)]
    values = columns_of(predictor, rows, ["text", "text_pair"] if head.pairs else ["text"])
    columns = ["score"] if head.kind == "regression" else ["label", "score", "scores"]
    columns += [] if head.abstain_below is None else ["abstain"]
    return pd.DataFrame(predictor.answers(*values, objective=objective), columns=columns, index=index_of(rows))


class ServedModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Model that `mlflow.pyfunc.load_model` and `mlflow models serve` load."""

    def load_context(self, context: Any) -> None:
        """Open the artifact `model` with the code that lies beside it, the artifact `predictor`."""
        code = runpy.run_path(context.artifacts["predictor"])
        self.predictor = code["OnnxPredictor"](context.artifacts["model"])

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Return the answer to each row; `params` may name the `objective`."""
        with as_invalid_requests():
            return answer_frame(self.predictor, model_input, **params or {})


mlflow.models.set_model(ServedModel())

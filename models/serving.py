"""The registered model that judges, as MLflow sees it: a frame in, a frame out.

MLflow copies this file into the model and loads it from there (models from code), so it stands by itself. What answers is
`models.predictor`, which goes into the model as an artifact.
"""

import runpy
from collections.abc import Sequence
from typing import Any

import mlflow
import pandas as pd


def columns_of(rows: Any, columns: Sequence[str]) -> list[list[str]]:
    """The values of each column, for a frame, texts, or one text.

    Raises ValueError for a column that is not there, and for a value that is missing or a list; it names the row by its index.
    """
    texts = [rows] if isinstance(rows, str) else rows
    frame = texts if isinstance(texts, pd.DataFrame) else pd.DataFrame({"text": list(texts)})
    for column in columns:
        if column not in frame:
            raise ValueError(f"no column {column!r}: this model takes {', '.join(columns)}")
        for word, found in (("missing", frame[column].isna()), ("no text", frame[column].map(_is_no_text))):
            if found.any():
                raise ValueError(f"row {frame.index[int(found.to_numpy().argmax())]}: {column} is {word}")
    return [frame[column].astype(str).tolist() for column in columns]


def _is_no_text(value: Any) -> bool:
    return isinstance(value, bytes) or pd.api.types.is_list_like(value)


def index_of(rows: Any) -> pd.Index | None:
    """What the answers to `rows` are told apart by: the index of a frame."""
    return rows.index if isinstance(rows, pd.DataFrame) else None


def answers(predictor: Any, rows: Any, objective: str = "") -> pd.DataFrame:
    """What `predictor` says to a frame with `text` (and `text_pair`), texts, or one text: see `models.predictor.Judge`.

    Columns are `label`, `score` and `scores` of classification, `score` of regression; the index is that of the frame.
    """
    head = predictor.heads[predictor.named(objective)]
    values = columns_of(rows, ["text", "text_pair"] if head.pairs else ["text"])
    columns = ["score"] if head.kind == "regression" else ["label", "score", "scores"]
    return pd.DataFrame(predictor.answers(*values, objective=objective), columns=columns, index=index_of(rows))


class ServedModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """What `mlflow.pyfunc.load_model` and `mlflow models serve` call."""

    def load_context(self, context: Any) -> None:
        """Open the artifact `model` with the code that lies beside it, the artifact `predictor`."""
        code = runpy.run_path(context.artifacts["predictor"])
        self.predictor = code["OnnxPredictor"](context.artifacts["model"])

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """The answers to each row; `params` may name the `objective`."""
        return answers(self.predictor, model_input, **params or {})


mlflow.models.set_model(ServedModel())

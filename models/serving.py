"""The registered model that judges: text in, labels, scores or numbers out, with onnxruntime and tokenizers alone.

MLflow copies this file into the model and loads it from there (models from code), so it stands by itself.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from tokenizers import Tokenizer

BATCH = 32
CHOSEN = 0.5
"""The score from which on a row has a label, where it may have several."""


class OnnxPredictor:
    """A folder of `model.onnx`, `tokenizer.json` and `config.json`, ready to answer for one objective or several."""

    def __init__(self, folder: str | Path) -> None:
        import onnxruntime  # here, because the registered model that writes text shares this file and not this library

        folder = Path(folder)
        self.config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.heads = {name: SimpleNamespace(**head) for name, head in self.config["heads"].items()}
        self.main: str = self.config["main"]
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.enable_truncation(self.config["max_length"], direction=self.config["truncation_side"])
        self.tokenizer.enable_padding(
            direction=self.config["padding_side"],
            pad_id=self.config["pad_token_id"],
            pad_token=self.config["pad_token"],
        )
        self.session = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
        self.inputs = [item.name for item in self.session.get_inputs()]

    def scores(self, texts: Sequence[str], pairs: Sequence[str] | None = None, objective: str = "main") -> np.ndarray:
        """In the order of the texts: probabilities, shape (rows, classes), or values of a regression, shape (rows, 1)."""
        head = self.heads[objective]
        rows: list[Any] = list(texts) if pairs is None else list(zip(texts, pairs, strict=True))
        lengths = [len(text) + (len(pairs[place]) if pairs is not None else 0) for place, text in enumerate(texts)]
        order = np.argsort(lengths, kind="stable")
        logits = np.zeros((len(rows), len(head.labels) or 1))
        for start in range(0, len(rows), BATCH):
            part = order[start : start + BATCH]
            encoded = self.tokenizer.encode_batch([rows[index] for index in part])
            values = {
                "input_ids": [item.ids for item in encoded],
                "attention_mask": [item.attention_mask for item in encoded],
                "token_type_ids": [item.type_ids for item in encoded],
            }
            feed = {name: np.array(values[name], dtype=np.int64) for name in self.inputs}
            logits[part] = self.session.run([self.config["outputs"][objective]], feed)[0]
        return _scores(head, logits)


def _scores(head: Any, logits: np.ndarray) -> np.ndarray:
    if head.kind == "regression":
        scores: np.ndarray = logits * head.std + head.mean
    elif head.separator is not None:
        scores = 1 / (1 + np.exp(-logits))
    else:
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        scores = powers / powers.sum(axis=1, keepdims=True)
    return scores


def named(predictor: Any, objective: str) -> str:
    """The objective's name, the main one's where it is empty; raises ValueError for one the model does not know."""
    name = objective or predictor.main
    if name not in predictor.heads:
        raise ValueError(f"no objective {name!r}: this model knows {', '.join(predictor.heads)}")
    return str(name)


def columns_of(rows: Any, columns: Sequence[str]) -> list[list[str]]:
    """The values of each column, for a frame, texts, or one text; raises ValueError for a missing column or value."""
    texts = [rows] if isinstance(rows, str) else rows
    frame = texts if isinstance(texts, pd.DataFrame) else pd.DataFrame({"text": list(texts)})
    for column in columns:
        if column not in frame:
            raise ValueError(f"no column {column!r}: this model takes {', '.join(columns)}")
        if frame[column].isna().any():
            raise ValueError(f"row {int(frame[column].isna().to_numpy().argmax())}: {column} is missing")
    return [frame[column].astype(str).tolist() for column in columns]


def answers(predictor: Any, rows: Any, objective: str = "") -> pd.DataFrame:
    """What `predictor` says to a frame with `text` (and `text_pair`), texts, or one text.

    Of classification `label`, its `score`, and all `scores` by label; where a row may have several labels they are
    joined in `label`, and `score` is the lowest among them (the highest of all where there is none).
    Of regression `score`, in the units of the training labels.
    An empty text is read as one space, since some tokenizers (GPT-2's) make no token at all of it.
    """
    name = named(predictor, objective)
    head = predictor.heads[name]
    values = columns_of(rows, ["text", "text_pair"] if head.pairs else ["text"])
    scores = predictor.scores(*([text or " " for text in column] for column in values), objective=name)
    if head.kind == "regression":
        return pd.DataFrame({"score": scores[:, 0]})
    say = _one_label if head.separator is None else _several_labels
    said = [say(head, row) for row in scores]
    return pd.DataFrame(
        {
            "label": [label for label, _ in said],
            "score": [score for _, score in said],
            "scores": [dict(zip(head.labels, map(float, row), strict=True)) for row in scores],
        }
    )


def _one_label(head: Any, row: np.ndarray) -> tuple[str, float]:
    best = int(row.argmax())
    return head.labels[best], float(row[best])


def _several_labels(head: Any, row: np.ndarray) -> tuple[str, float]:
    chosen = row >= CHOSEN
    labels = sorted(label for label, yes in zip(head.labels, chosen, strict=True) if yes)
    return head.separator.join(labels), float(row[chosen].min() if labels else row.max())


class ServedModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """What `mlflow.pyfunc.load_model` and `mlflow models serve` call."""

    def load_context(self, context: Any) -> None:
        """Open the folder that was logged as the artifact `model`."""
        self.predictor = OnnxPredictor(context.artifacts["model"])

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """The answers to each row; `params` may name the `objective`."""
        return answers(self.predictor, model_input, **params or {})


mlflow.models.set_model(ServedModel())

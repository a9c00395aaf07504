"""The registered model: text in, label and scores out, with onnxruntime and tokenizers alone.

MLflow copies this file into the model and loads it from there (models from code), so it stands by itself.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import onnxruntime
import pandas as pd
from tokenizers import Tokenizer

BATCH = 32


class OnnxTextClassifier:
    """A folder of `model.onnx`, `tokenizer.json` and `config.json`, ready to answer."""

    def __init__(self, folder: str | Path) -> None:
        folder = Path(folder)
        self.config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.labels: list[str] = self.config["labels"]
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.enable_truncation(self.config["max_length"], direction=self.config["truncation_side"])
        self.tokenizer.enable_padding(
            direction=self.config["padding_side"],
            pad_id=self.config["pad_token_id"],
            pad_token=self.config["pad_token"],
        )
        self.session = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
        self.inputs = [item.name for item in self.session.get_inputs()]

    def scores(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> np.ndarray:
        """Probabilities, shape (rows, classes), in the order of the texts."""
        rows: list[Any] = list(texts) if pairs is None else list(zip(texts, pairs, strict=True))
        lengths = [len(text) + (len(pairs[place]) if pairs is not None else 0) for place, text in enumerate(texts)]
        order = np.argsort(lengths, kind="stable")
        scores = np.zeros((len(rows), len(self.labels)))
        for start in range(0, len(rows), BATCH):
            part = order[start : start + BATCH]
            encoded = self.tokenizer.encode_batch([rows[index] for index in part])
            values = {
                "input_ids": [item.ids for item in encoded],
                "attention_mask": [item.attention_mask for item in encoded],
                "token_type_ids": [item.type_ids for item in encoded],
            }
            feed = {name: np.array(values[name], dtype=np.int64) for name in self.inputs}
            logits = self.session.run(["logits"], feed)[0].astype(np.float64)
            powers = np.exp(logits - logits.max(axis=1, keepdims=True))
            scores[part] = powers / powers.sum(axis=1, keepdims=True)
        return scores


def answers(classifier: OnnxTextClassifier, rows: Any) -> pd.DataFrame:
    """`label`, its `score`, and all `scores` by label, for a frame with `text` (and `text_pair`), texts, or one text.

    An empty text is read as one space, since some tokenizers (GPT-2's) make no token at all of it.
    Raises ValueError for a missing column or value.
    """
    texts = [rows] if isinstance(rows, str) else rows
    frame = texts if isinstance(texts, pd.DataFrame) else pd.DataFrame({"text": list(texts)})
    columns = ["text", "text_pair"] if classifier.config["pairs"] else ["text"]
    for column in columns:
        if column not in frame:
            raise ValueError(f"no column {column!r}: this model takes {', '.join(columns)}")
        if frame[column].isna().any():
            raise ValueError(f"row {int(frame[column].isna().to_numpy().argmax())}: {column} is missing")
    values = [frame[column].astype(str).replace("", " ").tolist() for column in columns]
    scores = classifier.scores(*values)
    best = scores.argmax(axis=1)
    return pd.DataFrame(
        {
            "label": [classifier.labels[index] for index in best],
            "score": scores[np.arange(len(best)), best],
            "scores": [dict(zip(classifier.labels, map(float, row), strict=True)) for row in scores],
        }
    )


class TextClassifier(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """What `mlflow.pyfunc.load_model` and `mlflow models serve` call."""

    def load_context(self, context: Any) -> None:
        """Open the folder that was logged as the artifact `model`."""
        self.classifier = OnnxTextClassifier(context.artifacts["model"])

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Label and scores of each row."""
        return answers(self.classifier, model_input)


mlflow.models.set_model(TextClassifier())

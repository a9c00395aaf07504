"""Registered generative model: a safetensors checkpoint with torch and transformers.

MLflow copies this file and the `models` package into the model and loads both from there (models from code), so it
needs nothing else of this project.
"""

from typing import Any

import mlflow
import pandas as pd

from nightshift.inference import serving
from nightshift.inference.writer import SETTINGS, GenerativePredictor

__all__ = ["SETTINGS", "GenerativePredictor", "answer_frame"]


def answer_frame(
    predictor: GenerativePredictor,
    rows: Any,
    objective: str = "",
    max_new_tokens: int | None = None,
    temperature: float | None = None,
    seed: int = 0,
    score: bool = False,
    **params: Any,
) -> pd.DataFrame:
    """Return the column `text`, the continuation of each row's `text` or the answer to it.

    Args:
        predictor: The model.
        rows: A frame, texts, or one text.
        objective: One of several objectives; empty for the main one. An objective that is not generative is answered as
            in `nightshift.inference.serving.answer_frame`.
        max_new_tokens: Maximum number of new tokens.
        temperature: 0 takes the likeliest token each time.
        seed: Seed of the sampling.
        score: True to score existing text instead: `loss` (nats) over `tokens`, of the column `target` after the text,
            or of the text itself without such a column.
        params: More fields of `nightshift.generation_config.Generation`; the registered version has the defaults.
    """
    params |= {"max_new_tokens": max_new_tokens, "temperature": temperature}
    name, head = predictor.check_request(objective, seed, params)
    if not head.generative:
        return serving.answer_frame(predictor, rows, name)
    if not score:
        texts = predictor.cleaned(serving.columns_of(predictor, rows, ["text"])[0], name)
        continuations = predictor.continuations(texts, name, seed=seed, **params)
        return pd.DataFrame({"text": continuations}, index=serving.index_of(rows))
    has_targets = head.kind == "text2text" or (isinstance(rows, pd.DataFrame) and "target" in rows)
    texts, *targets = serving.columns_of(predictor, rows, ["text", "target"] if has_targets else ["text"])
    loss, tokens = predictor.losses(predictor.cleaned(texts, name), targets[0] if has_targets else None, name)
    return pd.DataFrame({"loss": loss, "tokens": tokens}, index=serving.index_of(rows))


class GenerativeModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Model that `mlflow.pyfunc.load_model` and `mlflow models serve` load."""

    def load_context(self, context: Any) -> None:
        """Open the folder that was logged as the artifact `model`."""
        self.predictor = GenerativePredictor(context.artifacts["model"])

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Return the answer to each row; `params` are those of `answer_frame`."""
        with serving.as_invalid_requests():
            return answer_frame(self.predictor, model_input, **params or {})


mlflow.models.set_model(GenerativeModel())

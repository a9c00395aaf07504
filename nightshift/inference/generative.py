"""The registered model that writes text: a safetensors checkpoint with torch and transformers.

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
    """Return `text`, what is written after each row's `text`, or in answer to it.

    `max_new_tokens`, `temperature` and `params` are fields of `nightshift.generation_config.Generation`; what is not given is as the
    version was registered.
    With `score` how likely the model finds what is there already: `loss` (nats) over `tokens`, of the column `target`
    after the text, or of the text itself where there is no such column. An objective that does not write answers as
    `nightshift.inference.serving.answer_frame` says.
    """
    params |= {"max_new_tokens": max_new_tokens, "temperature": temperature}
    name, head = predictor.checked(objective, seed, params)
    if not head.generative:
        return serving.answer_frame(predictor, rows, name)
    if not score:
        (texts,) = serving.columns_of(predictor, rows, ["text"])
        written = predictor.continuations(texts, name, seed=seed, **params)
        return pd.DataFrame({"text": written}, index=serving.index_of(rows))
    targeted = head.kind == "text2text" or (isinstance(rows, pd.DataFrame) and "target" in rows)
    texts, *targets = serving.columns_of(predictor, rows, ["text", "target"] if targeted else ["text"])
    loss, tokens = predictor.losses(texts, targets[0] if targeted else None, name)
    return pd.DataFrame({"loss": loss, "tokens": tokens}, index=serving.index_of(rows))


class GenerativeModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """What `mlflow.pyfunc.load_model` and `mlflow models serve` call."""

    def load_context(self, context: Any) -> None:
        """Open the folder that was logged as the artifact `model`."""
        self.predictor = GenerativePredictor(context.artifacts["model"])

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """The answers to each row; `params` are those of `answers`."""
        with serving.as_invalid_requests():
            return answer_frame(self.predictor, model_input, **params or {})


mlflow.models.set_model(GenerativeModel())

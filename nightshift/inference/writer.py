"""The predictor of a model that writes text, as it is served: torch and transformers, nothing of MLflow or pandas."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nightshift.inference.measurement import TorchPredictor, device
from nightshift.inference.predictor import PredictorBase
from nightshift.models import pretrained
from nightshift.models.heads import Head

SETTINGS = "serving.json"
"""Beside the checkpoint: what the checkpoint does not say."""


class GenerativePredictor(TorchPredictor, PredictorBase):
    """A folder of a checkpoint and `serving.json`, ready to answer; on the GPU where there is one."""

    def __init__(self, folder: str | Path) -> None:
        model, tokenizer, heads = pretrained.load_checkpoint(Path(folder))
        model.to(device())
        settings = json.loads((Path(folder) / SETTINGS).read_text(encoding="utf-8"))
        super().__init__(model, tokenizer, heads, settings["max_length"])

    def checked(self, objective: str, seed: int, params: dict[str, Any]) -> tuple[str, Head]:
        """Return name and head of the objective that is asked for; raises ValueError for a parameter that means nothing."""
        name = self.resolve_objective(objective)
        if not isinstance(seed, int):
            raise ValueError(f"seed: expected a whole number, found {seed!r}")
        self.heads[name].generation.changed(**params)
        return name, self.heads[name]

    def responses(
        self,
        columns: Mapping[str, Sequence[Any]],
        /,
        objective: str = "",
        seed: int = 0,
        score: bool = False,
        **params: Any,
    ) -> list[dict[str, Any]]:
        """Return an answer a row, with the columns that `nightshift.inference.generative.answer_frame` gives of a frame.

        Args:
            columns: The texts by column: `text`, and what else the objective reads; rows are counted from 0.
            objective: Which of several answers; the main one if it is empty.
            seed: Of the draws.
            score: Answer `loss` and `tokens` of what is there, and write nothing.
            params: Fields of `nightshift.generation_config.Generation`; what is not given, or None, is as the version was registered.

        Raises:
            ValueError: for an objective, a column or a parameter that the model does not have, and a value that is no text.
        """
        name, head = self.checked(objective, seed, params)
        if not isinstance(score, bool):
            raise ValueError(f"score: expected true or false, found {score!r}")
        if not head.generative:
            texts, *pairs = self._texts(columns, "text", *["text_pair"] * head.pairs)
            return self.answers(texts, pairs[0] if pairs else None, name)
        if not score:
            (texts,) = self._texts(columns, "text")
            return [{"text": text} for text in self.continuations(texts, name, seed=seed, **params)]
        targeted = head.kind == "text2text" or "target" in columns
        texts, *targets = self._texts(columns, "text", *["target"] * targeted)
        losses, tokens = self.losses(texts, targets[0] if targeted else None, name)
        return [{"loss": float(loss), "tokens": int(count)} for loss, count in zip(losses, tokens, strict=True)]

    def _texts(self, columns: Mapping[str, Sequence[Any]], *names: str) -> list[Sequence[str]]:
        """Return the values of each column."""
        for name in names:
            if name not in columns:
                raise ValueError(f"no column {name!r}: this model takes {', '.join(names)}")
            for row, value in enumerate(columns[name]):
                if problem := self.problem_of(value):
                    raise ValueError(f"row {row}: {name} is {problem}")
        return [columns[name] for name in names]

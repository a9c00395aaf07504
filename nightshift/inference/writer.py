"""Predictor of an exported generative model: torch and transformers, without MLflow and pandas."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nightshift.inference.measurement import TorchPredictor, device
from nightshift.inference.predictor import PredictorBase
from nightshift.models import pretrained
from nightshift.models.heads import Head

SETTINGS = "serving.json"
"""File beside the checkpoint with `max_length`."""


class GenerativePredictor(TorchPredictor, PredictorBase):
    """Predictor of a folder with a checkpoint and `serving.json`, on the GPU if there is one."""

    def __init__(self, folder: str | Path) -> None:
        model, tokenizer, heads = pretrained.load_checkpoint(Path(folder))
        model.to(device())
        settings = json.loads((Path(folder) / SETTINGS).read_text(encoding="utf-8"))
        super().__init__(model, tokenizer, heads, settings["max_length"])

    def check_request(self, objective: str, seed: int, params: dict[str, Any]) -> tuple[str, Head]:
        """Return name and head of the requested objective; raise ValueError for an invalid parameter."""
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
        """Return an answer for each row, with the columns of `nightshift.inference.generative.answer_frame`.

        Args:
            columns: The texts by column: `text`, and others that the objective reads; rows are counted from 0.
            objective: One of several objectives; empty for the main one.
            seed: Seed of the sampling.
            score: True to return `loss` and `tokens` of existing text instead of new text.
            params: Fields of `nightshift.generation_config.Generation`; for None the registered version has the
                default.

        Raises:
            ValueError: The model does not have the objective, a column or a parameter, or a value is no text.
        """
        name, head = self.check_request(objective, seed, params)
        if not isinstance(score, bool):
            raise ValueError(f"score: expected true or false, found {score!r}")
        if not head.generative:
            texts, *pairs = self._texts(columns, "text", *["text_pair"] * head.pairs)
            return self.answers(texts, pairs[0] if pairs else None, name)
        if not score:
            texts = self.cleaned(self._texts(columns, "text")[0], name)
            return [{"text": text} for text in self.continuations(texts, name, seed=seed, **params)]
        has_targets = head.kind == "text2text" or "target" in columns
        texts, *targets = self._texts(columns, "text", *["target"] * has_targets)
        losses, tokens = self.losses(self.cleaned(texts, name), targets[0] if has_targets else None, name)
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

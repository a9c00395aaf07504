"""Scoring a side's rows with any predictor: what evaluate, compress and the gate have in common."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from transformers import PreTrainedTokenizerBase

from nightshift.evaluation import kinds
from nightshift.inference.measurement import measure_costs
from nightshift.inference.predictor import decode
from nightshift.models.heads import Head
from nightshift.records import GENERATIVE, MAIN, Kind, Objective
from nightshift.store import artifact_store
from nightshift.training import tokenization

FEW, SHORT = 24, 16
"""Texts, and tokens each, by which the cost of writing text is measured."""


class Predictor(Protocol):
    """Anything that answers for a night's objectives: torch in memory, a served folder."""

    heads: Any
    """What is known of each objective, by its name, see `nightshift.models.heads.Head`."""

    def scores(self, texts: Sequence[str], pairs: Sequence[str] | None = None, objective: str = MAIN) -> np.ndarray:
        """Probabilities, shape (rows, classes); of regression the value in the labels' units, shape (rows, 1)."""
        ...

    def losses(
        self, texts: Sequence[str], targets: Sequence[str] | None = None, objective: str = MAIN
    ) -> tuple[np.ndarray, np.ndarray]:
        """Nats and tokens of each row."""
        ...

    def continuations(
        self,
        texts: Sequence[str],
        objective: str = MAIN,
        max_new_tokens: int | None = None,
        temperature: float | None = None,
        seed: int = 0,
        **params: Any,
    ) -> list[str]:
        """Return what it writes after each text, or in answer to it; `params`: see `nightshift.generation_config.Generation`."""
        ...


def texts_of(frame: pd.DataFrame) -> tuple[list[str], list[str] | None]:
    """The frame's texts and, for pairs, its second texts."""
    return frame["text"].tolist(), frame["text_pair"].tolist() if "text_pair" in frame else None


def side_of(objective: Objective, side: str) -> pd.DataFrame:
    """The rows of one side."""
    return pd.read_parquet(artifact_store.folder(objective.sides) / f"{side}.parquet")


def labels_of(frame: pd.DataFrame) -> list[Any] | None:
    """Labels or targets as they stand in the frame; None of texts alone."""
    return frame["label"].tolist() if "label" in frame else None


def examples(
    frame: pd.DataFrame,
    tokenizer: PreTrainedTokenizerBase,
    head: Head,
    max_length: int,
    teacher_logits: np.ndarray | None = None,
    **options: Any,
) -> tokenization.Examples:
    """The frame's rows as a training takes them; `options` are those of `nightshift.training.tokenization.encode`."""
    texts, pairs = texts_of(frame)
    return tokenization.encode(tokenizer, head, texts, pairs, labels_of(frame), max_length, teacher_logits, **options)


def predictions(predictor: Predictor, frame: pd.DataFrame, objective: Objective) -> pd.DataFrame:
    """The frame's table (see `nightshift.evaluation.kinds`), row by row."""
    return table(frame, objective, ANSWERS[objective.kind](predictor, frame, objective))


def tables(predictor: Predictor, side: str, objectives: list[Objective]) -> dict[str, pd.DataFrame]:
    """Each objective's table on one side."""
    return {o.name: predictions(predictor, side_of(o, side), o) for o in objectives}


def table(frame: pd.DataFrame, objective: Objective, answers: pd.DataFrame) -> pd.DataFrame:
    """Return a frame's answers in its order, beside `row_key`, `side_key` and, where answers are compared with it, `label`."""
    wanted = ["row_key", "side_key"] if objective.kind == "generation" else ["row_key", "side_key", "label"]
    columns = [name for name in wanted if name in frame]
    beside = pd.concat([frame[columns].reset_index(drop=True), answers.reset_index(drop=True)], axis=1)
    separator = objective.sides.separator
    if separator is not None:
        for name in beside.columns.intersection(["label", "predicted"]):
            told = beside[name].where(beside[name].notna(), None)
            beside[name] = [text and separator.join(sorted(set(text.split(separator)) - {""})) for text in told]
    return beside


def write(tables: dict[str, pd.DataFrame], folder: Path) -> None:
    """`OBJECTIVE.parquet` each, into a new folder."""
    folder.mkdir()
    for name, answers in tables.items():
        answers.to_parquet(folder / f"{name}.parquet")


def read(folder: Path, objectives: list[Objective]) -> dict[str, pd.DataFrame]:
    """What `write` wrote."""
    return {o.name: pd.read_parquet(folder / f"{o.name}.parquet") for o in objectives}


def _classes(predictor: Predictor, frame: pd.DataFrame, objective: Objective) -> pd.DataFrame:
    head = predictor.heads[objective.name]
    scores = predictor.scores(*texts_of(frame), objective.name)
    columns = pd.DataFrame(scores, columns=[f"{kinds.SCORE}{label}" for label in head.labels])
    answers = [decode(head, row) for row in scores]
    columns.insert(0, "predicted", [label for label, _ in answers])
    if head.abstain_below is not None:
        columns.insert(1, kinds.ABSTAIN, [score < head.abstain_below for _, score in answers])
    return columns


def _number(predictor: Predictor, frame: pd.DataFrame, objective: Objective) -> pd.DataFrame:
    return pd.DataFrame({"predicted": predictor.scores(*texts_of(frame), objective.name)[:, 0]})


def _losses(predictor: Predictor, frame: pd.DataFrame, objective: Objective) -> pd.DataFrame:
    loss, tokens = predictor.losses(texts_of(frame)[0], labels_of(frame), objective.name)
    return pd.DataFrame({"loss": loss, "tokens": tokens})


def _texts(predictor: Predictor, frame: pd.DataFrame, objective: Objective) -> pd.DataFrame:
    return pd.DataFrame({"predicted": predictor.continuations(texts_of(frame)[0], objective.name)})


ANSWERS: dict[Kind, Callable[[Predictor, pd.DataFrame, Objective], pd.DataFrame]] = {
    "classification": _classes,
    "regression": _number,
    "generation": _losses,
    "text2text": _texts,
}


def timed(objectives: list[Objective]) -> Objective:
    """The one whose texts cost is measured on: the first main one."""
    return next((o for o in objectives if o.role == "main"), objectives[0])


def timed_texts(objective: Objective) -> tuple[list[str], list[str] | None]:
    """The texts of its holdout that are timed; few where each is answered with text."""
    texts, pairs = texts_of(side_of(objective, "holdout"))
    return (texts[:FEW], None) if objective.kind in GENERATIVE else (texts, pairs)


def times(predictors: Sequence[Predictor], objectives: list[Objective]) -> list[dict[str, float]]:
    """Latency and throughput of each on the main objective's holdout, asked in turns."""
    objective = timed(objectives)

    def asking(predictor: Predictor) -> Any:
        if objective.kind in GENERATIVE:
            return lambda texts, _pairs: predictor.continuations(texts, objective.name, max_new_tokens=SHORT)
        return lambda texts, pairs: predictor.scores(texts, pairs, objective.name)

    return measure_costs([asking(predictor) for predictor in predictors], *timed_texts(objective))

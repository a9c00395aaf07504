"""Alternatives to the candidates of a run: full in other runtimes, and classifiers that are trained by other methods.

SetFit and Model2Vec are among them if they are installed (`benchmarks/others.txt`). Neither has a classifier of pairs:
SetFit and TF-IDF read the two texts of a pair as one, and Model2Vec's vectors of both, their product and their absolute
difference are the features of a logistic regression.
"""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from datasets import Dataset
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from transformers import pipeline

from nightshift.evaluation.prediction_tables import texts_of
from nightshift.models import base_address
from nightshift.models.heads import Heads
from nightshift.onnx import export
from tasks import evaluate

Predict = Callable[[Sequence[str], Sequence[str] | None], Any]
"""Function that returns the labels of texts or pairs of texts."""
RUNTIMES = ("full in ONNX Runtime", "Hugging Face pipeline")
"""Names of the alternatives that are full itself."""
SETFIT_STEPS = 200
"""Steps of 32 pairs: two thirds of the texts that full reads in three epochs of SST-2."""


def full_in_other_runtimes(model: Any, tokenizer: Any, heads: Heads, max_length: int) -> dict[str, Predict]:
    """Return full in ONNX Runtime and in Hugging Face's `pipeline`.

    Args:
        model: Full.
        tokenizer: Its tokenizer.
        heads: Its only head, by objective.
        max_length: Maximum number of tokens of a text.
    """
    (head,) = heads.values()
    with TemporaryDirectory() as served:
        export.export_model(model, tokenizer, heads, Path(served), max_length)
        onnx = export.open_predictor(Path(served))
    piped = pipeline("text-classification", model=model, tokenizer=tokenizer, truncation=True, max_length=max_length)

    def predict_onnx(texts: Sequence[str], pairs: Sequence[str] | None) -> list[str]:
        return [head.labels[index] for index in onnx.scores(texts, pairs).argmax(axis=1)]

    def predict_piped(texts: Sequence[str], pairs: Sequence[str] | None) -> list[str]:
        rows: list[Any] = list(texts)
        if pairs is not None:
            rows = [{"text": text, "text_pair": pair} for text, pair in zip(texts, pairs, strict=True)]
        return [result["label"] for result in piped(rows, batch_size=32)]

    return dict(zip(RUNTIMES, (predict_onnx, predict_piped), strict=True))


def join(texts: Sequence[str], pairs: Sequence[str] | None) -> list[str]:
    """Return each text, followed by the second text of its pair if there are pairs."""
    return list(texts) if pairs is None else [f"{text} ⇔ {pair}" for text, pair in zip(texts, pairs, strict=True)]


def train_alternatives(rows: pd.DataFrame, base: str | None) -> dict[str, Predict]:
    """Train classifiers on the same rows; those that start from a base model only if one is named."""
    texts, pairs = texts_of(rows)
    labels = rows["label"].tolist()
    tfidf = make_pipeline(evaluate.tfidf(), LogisticRegression(max_iter=1000, C=10.0)).fit(join(texts, pairs), labels)
    predictors: dict[str, Predict] = {
        "TF-IDF, logistic regression": lambda texts, pairs: tfidf.predict(join(texts, pairs))
    }
    if base and find_spec("model2vec") and find_spec("skeletoken"):
        address = base_address.locate(base)[0]
        predictors["Model2Vec"] = (
            _model2vec(texts, labels, address) if pairs is None else _model2vec_pairs(texts, pairs, labels, address)
        )
    if base and find_spec("setfit"):
        predictors["SetFit"] = _setfit(join(texts, pairs), labels, base_address.locate(base)[0])
    return predictors


def _model2vec(texts: list[str], labels: list[str], base: str) -> Predict:
    """Distil a static model from the base and fine-tune it, both with the defaults of Model2Vec."""
    from model2vec.distill import distill
    from model2vec.train import StaticModelForClassification

    classifier = StaticModelForClassification.from_static_model(model=distill(base))
    classifier.fit(texts, labels)
    served = classifier.to_pipeline()
    return lambda texts, _pairs: served.predict(list(texts))


def _model2vec_pairs(texts: list[str], pairs: list[str], labels: list[str], base: str) -> Predict:
    """Distil a static model from the base, and fit a logistic regression on its vectors of both texts.

    Args:
        texts: First texts.
        pairs: Second texts.
        labels: Label of each pair.
        base: Folder or name of the base model.
    """
    from model2vec.distill import distill

    model = distill(base)

    def features(texts: Sequence[str], pairs: Sequence[str]) -> np.ndarray:
        first, second = model.encode(list(texts)), model.encode(list(pairs))
        return np.concatenate([first, second, first * second, np.abs(first - second)], axis=1)

    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, C=0.1))
    classifier.fit(features(texts, pairs), labels)
    return lambda texts, pairs: classifier.predict(features(texts, pairs or []))


def _setfit(texts: list[str], labels: list[str], base: str) -> Predict:
    from setfit import SetFitModel, Trainer, TrainingArguments

    model = SetFitModel.from_pretrained(base)
    rows = Dataset.from_dict({"text": texts, "label": labels})
    with TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder, batch_size=32, max_steps=SETFIT_STEPS, save_strategy="no", report_to="none"
        )
        Trainer(model=model, args=arguments, train_dataset=rows).train()
    return lambda texts, pairs: model.predict(join(texts, pairs), show_progress_bar=False)

"""Alternatives to the candidates of a run: full in other runtimes, and classifiers that are trained by other methods.

SetFit and Model2Vec are among them if they are installed (`benchmarks/others.txt`).
"""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
from datasets import Dataset
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from transformers import pipeline

from nightshift.models import base_address
from nightshift.models.heads import Heads
from nightshift.onnx import export
from tasks import evaluate

Predict = Callable[[Sequence[str]], Any]
"""Function that returns the labels of texts."""
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
    return {
        "full in ONNX Runtime": lambda texts: [head.labels[index] for index in onnx.scores(texts).argmax(axis=1)],
        "Hugging Face pipeline": lambda texts: [result["label"] for result in piped(list(texts), batch_size=32)],
    }


def train_alternatives(texts: pd.Series, labels: pd.Series, base: str | None) -> dict[str, Predict]:
    """Train classifiers on the same rows; those that start from a base model only if one is named."""
    classifier = make_pipeline(evaluate.tfidf(), LogisticRegression(max_iter=1000, C=10.0)).fit(texts, labels)
    predictors: dict[str, Predict] = {"TF-IDF, logistic regression": lambda texts: classifier.predict(texts)}
    if base and find_spec("model2vec") and find_spec("skeletoken"):
        predictors["Model2Vec"] = _model2vec(texts.tolist(), labels.tolist(), base_address.locate(base)[0])
    if base and find_spec("setfit"):
        predictors["SetFit"] = _setfit(texts.tolist(), labels.tolist(), base_address.locate(base)[0])
    return predictors


def _model2vec(texts: list[str], labels: list[str], base: str) -> Predict:
    """Distil a static model from the base and fine-tune it, both with the defaults of Model2Vec."""
    from model2vec.distill import distill
    from model2vec.train import StaticModelForClassification

    classifier = StaticModelForClassification.from_static_model(model=distill(base))
    classifier.fit(texts, labels)
    served = classifier.to_pipeline()
    return lambda texts: served.predict(list(texts))


def _setfit(texts: list[str], labels: list[str], base: str) -> Predict:
    from setfit import SetFitModel, Trainer, TrainingArguments

    model = SetFitModel.from_pretrained(base)
    rows = Dataset.from_dict({"text": texts, "label": labels})
    with TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder, batch_size=32, max_steps=SETFIT_STEPS, save_strategy="no", report_to="none"
        )
        Trainer(model=model, args=arguments, train_dataset=rows).train()
    return lambda texts: model.predict(list(texts), show_progress_bar=False)

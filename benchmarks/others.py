"""What answers texts with labels besides a night's candidates: full in other hands, and other ways to train.

SetFit and Model2Vec stand among them where they are installed (`benchmarks/others.txt`).
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

from nightshift.models import pretrained
from nightshift.models.heads import Heads
from nightshift.onnx import export
from tasks import evaluate

Ask = Callable[[Sequence[str]], Any]
"""Labels of texts."""
SETFIT_STEPS = 200
"""Of 32 pairs each: two thirds of the texts that full reads in three epochs of SST-2."""


def of_full(model: Any, tokenizer: Any, heads: Heads, max_length: int) -> dict[str, Ask]:
    """Full in ONNX Runtime and in Hugging Face's `pipeline`."""
    (head,) = heads.values()
    with TemporaryDirectory() as served:
        export.export_model(model, tokenizer, heads, Path(served), max_length)
        onnx = export.open_predictor(Path(served))
    piped = pipeline("text-classification", model=model, tokenizer=tokenizer, truncation=True, max_length=max_length)
    return {
        "full in ONNX Runtime": lambda texts: [head.labels[place] for place in onnx.scores(texts).argmax(axis=1)],
        "Hugging Face pipeline": lambda texts: [answer["label"] for answer in piped(list(texts), batch_size=32)],
    }


def trained(texts: pd.Series, labels: pd.Series, base: str | None) -> dict[str, Ask]:
    """Trained here on the same rows; those that begin with a base model only where one is named."""
    simple = make_pipeline(evaluate.tfidf(), LogisticRegression(max_iter=1000, C=10.0)).fit(texts, labels)
    found: dict[str, Ask] = {"TF-IDF, logistic regression": lambda texts: simple.predict(texts)}
    if base and find_spec("model2vec") and find_spec("skeletoken"):
        found["Model2Vec"] = _model2vec(texts.tolist(), labels.tolist(), pretrained.locate(base)[0])
    if base and find_spec("setfit"):
        found["SetFit"] = _setfit(texts.tolist(), labels.tolist(), pretrained.locate(base)[0])
    return found


def _model2vec(texts: list[str], labels: list[str], base: str) -> Ask:
    """Distilled from the base and fine-tuned, both as it does where nothing is said."""
    from model2vec.distill import distill
    from model2vec.train import StaticModelForClassification

    classifier = StaticModelForClassification.from_static_model(model=distill(base))
    classifier.fit(texts, labels)
    served = classifier.to_pipeline()
    return lambda texts: served.predict(list(texts))


def _setfit(texts: list[str], labels: list[str], base: str) -> Ask:
    from setfit import SetFitModel, Trainer, TrainingArguments

    model = SetFitModel.from_pretrained(base)
    rows = Dataset.from_dict({"text": texts, "label": labels})
    with TemporaryDirectory() as folder:
        told = TrainingArguments(folder, batch_size=32, max_steps=SETFIT_STEPS, save_strategy="no", report_to="none")
        Trainer(model=model, args=told, train_dataset=rows).train()
    return lambda texts: model.predict(list(texts), show_progress_bar=False)

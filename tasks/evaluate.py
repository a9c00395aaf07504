"""Evaluates full on the holdout, beside TF-IDF with logistic regression and the majority class on the same rows."""

from pathlib import Path

import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import classification_report
from sklearn.pipeline import make_pipeline

from models import bases
from models.measure import TorchTextClassifier
from tasks import evidence, pictures, scoring, store
from tasks.records import Evaluated, Sides, Trained
from tasks.stage import stage


def baseline(train: pd.DataFrame, holdout: pd.DataFrame) -> dict[str, float]:
    """TF-IDF over words and word pairs with logistic regression: metrics on the holdout."""
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\b\w+\b|[^\w\s]"),
        LogisticRegression(max_iter=1000, C=10.0),
    )
    model.fit(_joined(train), train["label"])
    return evidence.metrics(holdout["label"], model.predict(_joined(holdout)))


def _joined(frame: pd.DataFrame) -> list[str]:
    texts, pairs = scoring.texts_of(frame)
    return texts if pairs is None else [f"{a} ⇔ {b}" for a, b in zip(texts, pairs, strict=True)]


def majority(train: pd.DataFrame, holdout: pd.DataFrame) -> dict[str, float]:
    """Metrics of always saying the commonest training label."""
    return evidence.metrics(holdout["label"], [train["label"].mode()[0]] * len(holdout))


@stage
def evaluate(folder: Path, trained: Trained, sides: Sides, max_length: int) -> Evaluated:
    """Score full on validation and holdout, measure its cost in PyTorch float32, draw its confusion matrix."""
    model, tokenizer = bases.load_checkpoint(store.folder(trained) / "model")
    full = TorchTextClassifier(model, tokenizer, max_length)
    frames = {
        side: pd.read_parquet(store.folder(sides) / f"{side}.parquet") for side in ("train", "validation", "holdout")
    }
    tables = {side: scoring.predictions(full, frames[side], sides.labels) for side in ("validation", "holdout")}
    for side, table in tables.items():
        table.to_parquet(folder / f"{side}.parquet")
    holdout = tables["holdout"]
    (folder / "measured").mkdir()
    pictures.confusion_matrix(
        holdout["label"].tolist(), holdout["predicted"].tolist(), "full", folder / "measured/confusion_matrix_full.png"
    )
    report = classification_report(holdout["label"], holdout["predicted"], output_dict=True, zero_division=0)
    return Evaluated(
        validation=evidence.metrics(tables["validation"]["label"], tables["validation"]["predicted"]),
        holdout=evidence.metrics(holdout["label"], holdout["predicted"]),
        per_class={label: report[label] for label in sorted(set(holdout["label"]))},
        baseline=baseline(frames["train"], frames["holdout"]),
        majority=majority(frames["train"], frames["holdout"]),
        cost=scoring.cost(full, frames["holdout"], store.folder(trained) / "model/model.safetensors"),
    )

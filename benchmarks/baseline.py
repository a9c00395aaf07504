"""`nightshift bench baseline`: the baseline of classification, compared with the previous one, multinomial logistic regression."""

import argparse
import multiprocessing
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from benchmarks.objectives import classification
from benchmarks.train import say, write
from nightshift.evaluation.metrics import single_label_metrics
from tasks import evaluate

PREVIOUS, CURRENT, CENTROID = "multinomial, L-BFGS (before)", "the baseline", "nearest mean of a label"
SYNTHETIC = {"1,000 labels": 1000, "5,000 labels": 5000}
"""Synthetic data sets: random words and one that stands for the label; eight rows per label, so that many are missing in training."""


def main(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="nightshift bench baseline", allow_abbrev=False)
    parser.add_argument("--data", default="sst2,banking77", help="public data sets, separated by commas")
    parser.add_argument("--models", default=",".join((PREVIOUS.split(",")[0], "baseline", "mean")))
    options = parser.parse_args(arguments)
    patterns = options.models.split(",")
    models = [name for name in (PREVIOUS, CURRENT, CENTROID) if any(pattern in name for pattern in patterns)]
    cases = [(name, model) for name in (*options.data.split(","), *SYNTHETIC) for model in models
             if not (name in SYNTHETIC and model == PREVIOUS)]  # fmt: skip
    with TemporaryDirectory() as folder:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=context, max_tasks_per_child=1) as pool:
            rows = [pool.submit(_row, name, model, Path(folder)).result() for name, model in cases]
    return {"table": rows, "notes": [
        "memory: what the process's peak grew by while the model learned and answered, TF-IDF included",
        "made-up labels: texts of eight words, one of which is the label's own; the baseline chooses by labels times entries of "
        "the TF-IDF matrix which of its two models it is",
    ]}  # fmt: skip


def _row(name: str, model: str, folder: Path) -> dict[str, Any]:
    train, test = _synthetic(SYNTHETIC[name]) if name in SYNTHETIC else _public(name, folder)
    labels = sorted({*train["label"], *test["label"]})
    objective = classification("macro_f1", labels)
    peak, start = _peak(), time.process_time()
    if model == PREVIOUS:
        learner = make_pipeline(evaluate.tfidf(), LogisticRegression(max_iter=1000, C=10.0))
        description, predicted = model, learner.fit(train["text"], train["label"]).predict(test["text"])
    else:
        evaluate.MAX_WORK = evaluate.MAX_WORK if model == CURRENT else 0
        description, table = evaluate.baseline(train, test, objective, None)
        predicted = table["predicted"]
    metrics = single_label_metrics(test["label"], predicted)
    row = {
        "data": name,
        "model": model,
        "it is": description,
        "rows": len(train),
        "accuracy": round(metrics["accuracy"], 4),
        "macro F1": round(metrics["macro_f1"], 4),
        "CPU seconds": round(time.process_time() - start, 1),
        "MB": round(_peak() - peak),
    }
    say(" | ".join(map(str, row.values())))
    return row


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def _public(name: str, folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    train, test = (pd.read_csv(file, dtype=str, keep_default_na=False) for file in write(name, folder))
    return train.assign(row_key=train.index.astype(str)), test.assign(row_key=test.index.astype(str))


def _synthetic(labels: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    random = np.random.default_rng(labels)
    label = np.arange(8 * labels) % labels
    words = random.integers(20_000, size=(len(label), 7))
    texts = [" ".join(f"w{word}" for word in line) + f" k{index}" for line, index in zip(words, label, strict=True)]
    frame = pd.DataFrame({"text": texts, "label": [f"label {index}" for index in label]})
    frame["row_key"] = frame.index.astype(str)
    return frame[labels:], frame[:labels]

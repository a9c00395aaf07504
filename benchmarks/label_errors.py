"""Labels flipped in clean data, and where the review list's search ranks them: `nightshift bench planted --label-errors`."""

import time
from collections.abc import Sequence

import numpy as np
import pandas as pd

from nightshift.evaluation.label_errors import Classes, Floats, is_confident_error, rank_rows
from nightshift.evaluation.out_of_fold import fold_numbers, make_features, out_of_fold_probabilities
from nightshift.inference.embeddings import Embedder, Embeddings

FEATURES = {"words": ("tfidf", "counts"), "embeddings": ("embeddings",), "both": ("tfidf", "counts", "embeddings")}
"""Classifiers that are pooled, by the name of a line."""
LIST = 50
"""Rows of a review list."""
Line = dict[str, str | int | float]


def embed(texts: Sequence[str], base: str, max_length: int) -> tuple[Embeddings, float]:
    """Return the embeddings of texts, and the processor seconds that they took."""
    begin = time.process_time()
    return Embedder(base, max_length).embed(texts), time.process_time() - begin


def flip(labels: Classes, rate: float, seed: int) -> tuple[Classes, np.ndarray]:
    """Return labels of two classes of which a share is the other one, and True for each of these rows."""
    is_flipped = np.zeros(len(labels), bool)
    chosen = np.random.default_rng(seed).choice(len(labels), round(rate * len(labels)), replace=False)
    is_flipped[chosen] = True
    return np.where(is_flipped, 1 - labels, labels), is_flipped


def lines(name: str, rows: pd.DataFrame, embeddings: Embeddings, rates: Sequence[float], seed: int) -> list[Line]:
    """Return the lines of the table for a data set.

    Args:
        name: Name of the data set.
        rows: Its rows, with labels of two classes.
        embeddings: Embeddings of their texts.
        rates: Shares of the labels to flip.
        seed: Seed of the rows that are flipped.
    """
    labels = pd.factorize(rows["label"], sort=True)[0].astype(np.int64)
    features = dict(zip(FEATURES["both"], make_features(rows["text"].tolist(), embeddings), strict=True))
    folds = fold_numbers(rows["row_key"].tolist())
    table: list[Line] = []
    for rate in rates:
        given, is_flipped = flip(labels, rate, seed)
        for line_name, names in FEATURES.items():
            begin = time.process_time()
            probabilities = out_of_fold_probabilities([features[item] for item in names], given, 2, folds)
            seconds = time.process_time() - begin
            measured = measure(given, is_flipped, probabilities)
            right = float((probabilities.argmax(axis=1) == labels).mean())
            head: Line = {"data": name, "flipped, %": 100 * rate, "rows": len(rows), "features": line_name}
            accuracy = {"accuracy on the labels before, %": round(100 * right, 1)}
            table.append(head | measured | accuracy | {"seconds": round(seconds, 1)})
    return table


def measure(labels: Classes, is_flipped: np.ndarray, probabilities: Floats) -> Line:
    """Return how well flipped labels are found.

    Args:
        labels: The labels as given.
        is_flipped: True for each flipped one.
        probabilities: Out-of-fold probabilities.
    """
    order = rank_rows(labels, probabilities)
    is_reported = is_confident_error(labels, probabilities)
    figures = {
        "in the first tenth, %": is_flipped[order[: len(labels) // 10]].sum() / is_flipped.sum(),
        f"of the first {LIST} flipped, %": is_flipped[order[:LIST]].mean(),
        "precision of reported, %": is_flipped[is_reported].mean(),
        "recall of reported, %": is_reported[is_flipped].mean(),
    }
    return {"reported": int(is_reported.sum())} | {
        words: round(100 * float(share), 1) for words, share in figures.items()
    }

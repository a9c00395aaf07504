"""Out-of-fold probabilities of labels: five-fold cross-validation of quick classifiers on features that need no training.

Three classifiers predict each row: logistic regression on embeddings, logistic regression on TF-IDF, and naive Bayes on the
words. Their probabilities are pooled with the weights that fit the given labels best, so that features which say little about
these labels count little.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import minimize
from scipy.special import softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.preprocessing import normalize

from nightshift.evaluation.label_errors import Classes, Floats

NUM_FOLDS = 5
TOKEN = r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+|[^\w\s]"
"""A word, a sign, or a character of Chinese or Japanese, which have no spaces between words."""
MIN_PROBABILITY = 1e-6
"""Least probability that a classifier may give in the pool."""


@dataclass(frozen=True)
class Features:
    """A matrix of features, one row a text, and the classifier that reads it."""

    matrix: Any
    classifier: Any


def make_features(texts: Sequence[str], embeddings: npt.NDArray[np.float32] | None) -> list[Features]:
    """Return the features of texts.

    Args:
        texts: The texts, of a pair both in one.
        embeddings: Their embeddings, if there are any.
    """
    words = {"ngram_range": (1, 2), "token_pattern": TOKEN}
    tfidf = TfidfVectorizer(sublinear_tf=True, **words).fit_transform(texts)
    counts = CountVectorizer(binary=True, **words).fit_transform(texts)
    features = [
        Features(tfidf, OneVsRestClassifier(LogisticRegression(C=3.0, solver="liblinear"))),
        Features(counts, MultinomialNB(alpha=0.5)),
    ]
    if embeddings is not None:
        features.append(Features(normalize(embeddings), LogisticRegression(C=3.0, max_iter=200)))
    return features


def fold_numbers(side_keys: Sequence[str]) -> npt.NDArray[np.uint64]:
    """Return the fold of each row; rows with the same key, such as those of a group, are in the same fold."""
    folds: npt.NDArray[np.uint64] = pd.util.hash_array(np.asarray(side_keys, object)) % np.uint64(NUM_FOLDS)
    return folds


def out_of_fold_probabilities(
    features: Sequence[Features], labels: Classes, num_classes: int, folds: npt.NDArray[np.uint64]
) -> Floats:
    """Return the pooled probabilities of all rows, (rows, classes), each by classifiers that were trained on the other folds.

    Args:
        features: Features of the rows.
        labels: Class ids.
        num_classes: Number of classes.
        folds: Fold of each row.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        parts = [_cross_validate(item, labels, num_classes, folds) for item in features]
    return pool(parts, labels)


def _cross_validate(features: Features, labels: Classes, num_classes: int, folds: npt.NDArray[np.uint64]) -> Floats:
    """Return the probabilities of one classifier; a class without rows in the other folds has probability 0."""
    probabilities = np.zeros((len(labels), num_classes))
    for number in np.unique(folds):
        inside, outside = np.flatnonzero(folds == number), np.flatnonzero(folds != number)
        classes = np.unique(labels[outside])
        if len(classes) < 2:
            probabilities[np.ix_(inside, classes)] = 1
            continue
        classifier = features.classifier.fit(features.matrix[outside], labels[outside])
        probabilities[np.ix_(inside, classes)] = classifier.predict_proba(features.matrix[inside])
    return probabilities


def pool(parts: Sequence[Floats], labels: Classes) -> Floats:
    """Return the product of probabilities raised to weights, of each row with the sum 1 (a logarithmic opinion pool).

    The weights are the non-negative ones with the least cross-entropy (stacking, Wolpert 1992): a handful of numbers for all rows.

    Args:
        parts: Probabilities by each classifier, (rows, classes).
        labels: Class ids.
    """
    logs = np.stack([np.log(np.clip(part, MIN_PROBABILITY, 1)) for part in parts])
    rows = np.arange(len(labels))
    of_labels = logs[:, rows, labels]

    def cross_entropy(weights: Floats) -> tuple[float, Floats]:
        pooled = softmax(np.tensordot(weights, logs, 1), axis=1)
        loss = -np.log(np.clip(pooled[rows, labels], MIN_PROBABILITY, 1)).mean()
        return float(loss), ((pooled * logs).sum(axis=2) - of_labels).mean(axis=1)

    start = np.full(len(parts), 1 / len(parts))
    fitted = minimize(cross_entropy, start, jac=True, bounds=[(0, None)] * len(parts), method="L-BFGS-B")
    pooled: Floats = softmax(np.tensordot(fitted.x, logs, 1), axis=1)
    return pooled

"""Calibration of scores by temperature scaling: the logits of a classification are divided by one number, fitted on validation.

The predicted labels stay the same; a score then is closer to the share of such predictions that are right.
Guo et al. 2017, arXiv 1706.04599, section 4.2.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from nightshift.evaluation import kinds, scoring
from nightshift.evaluation.prediction_tables import Predictor, label_scores
from nightshift.models.heads import Head, Heads
from nightshift.records import Objective

MAX_ROWS = 5000
"""Maximum number of validation rows that a temperature is fitted on."""
TEMPERATURES = 0.05, 20.0
"""Smallest and largest temperature."""
SMALLEST_SCORE = 1e-12


def calibrate(predictor: Predictor, heads: Heads, objectives: Sequence[Objective]) -> dict[str, Head]:
    """Return the heads with the temperatures that fit the scores of `predictor` on validation.

    Args:
        predictor: The model as it predicts, with the temperatures of `heads`.
        heads: All heads of the model, by objective.
        objectives: Objectives of the run; classifications with one label a row get a temperature.
    """
    new_heads = dict(heads)
    for objective in objectives:
        head = heads[objective.name]
        if kinds.form_of(objective) == "labels" and head.separator is None:
            rows = scoring.side_of(objective, "validation")
            sample = rows.sample(min(len(rows), MAX_ROWS), random_state=0).reset_index(drop=True)
            table = scoring.predictions(predictor, sample, objective)
            temperature = head.temperature * fit_temperature(*scores_and_labels(table, head.labels))
            new_heads[objective.name] = replace(head, temperature=temperature)
    return new_heads


def scores_and_labels(table: pd.DataFrame, labels: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the scores (rows, labels) and the index of the true label, of the rows whose label is among `labels`."""
    codes = pd.Index(labels).get_indexer(pd.Index(table["label"]))
    scores = label_scores(table, labels)
    return scores[codes >= 0], codes[codes >= 0]


def fit_temperature(scores: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature with the lowest cross-entropy; 1 without rows.

    The true label counts as 1 - 1 / (rows + 2) and all labels share the rest (Platt 1999), so that a few rows which
    are all right do not make the model certain.

    Args:
        scores: Probabilities at temperature 1, shape (rows, labels).
        labels: Index of each row's true label, shape (rows,).
    """
    if not len(scores):
        return 1.0
    logits = np.log(np.maximum(scores, SMALLEST_SCORE))
    smoothing = 1 / (len(scores) + 2)

    def cross_entropy(log_temperature: float) -> float:
        log_scores = np.log(np.maximum(softmax(logits / np.exp(log_temperature), axis=1), SMALLEST_SCORE))
        of_label = log_scores[np.arange(len(labels)), labels].mean()
        return float(-(1 - smoothing) * of_label - smoothing * log_scores.mean())

    bounds = tuple(np.log(TEMPERATURES))
    return float(np.exp(minimize_scalar(cross_entropy, bounds=bounds, method="bounded").x))


def rescaled(scores: np.ndarray, temperature: float) -> np.ndarray:
    """Return the probabilities of logits that are divided by `temperature` instead of 1, shape (rows, labels)."""
    return np.asarray(softmax(np.log(np.maximum(scores, SMALLEST_SCORE)) / temperature, axis=1))

"""Decision thresholds, chosen on validation: the score from which a label is predicted, and below which a prediction abstains."""

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from nightshift.evaluation import kinds, scoring
from nightshift.evaluation.metrics import hits
from nightshift.evaluation.prediction_tables import Predictor, label_scores
from nightshift.inference.predictor import decode
from nightshift.models.heads import Head, Heads
from nightshift.records import Objective

log = logging.getLogger("nightshift.decisions")
THRESHOLDS = sorted((number / 50 for number in range(1, 50)), key=lambda value: abs(value - 0.5))
"""Candidates of `decision_threshold: auto`, from 0.02 to 0.98; of equally good ones the first, nearest to 0.5, is taken."""
NEVER_ANSWERS = 2.0
"""Bound above every score, for a model whose surest predictions do not reach the accuracy that is asked for."""


def needs_scores(threshold: float | str, accuracy: float | None) -> bool:
    """Return True if these settings choose something from the scores of a model."""
    return threshold == "auto" or accuracy is not None


def choose_bounds(
    predictor: Predictor,
    heads: Heads,
    objectives: Sequence[Objective],
    threshold: float | str,
    accuracy: float | None,
) -> dict[str, Head]:
    """Return the heads with the bounds that `predictor` decides by.

    Args:
        predictor: The model as it predicts: the bounds are chosen by its scores on validation.
        heads: All heads of the model, by objective.
        objectives: Objectives of the run; those that predict labels get bounds.
        threshold: `train.decision_threshold`, for objectives whose rows may have several labels.
        accuracy: `train.abstain_accuracy`, for objectives whose rows have one label.
    """
    new_heads = dict(heads)
    for objective in objectives:
        head = heads[objective.name]
        if kinds.form_of(objective) != "labels":
            continue
        if head.separator is None and accuracy is not None:
            table = scoring.predictions(predictor, scoring.side_of(objective, "validation"), objective)
            bound = abstention_bound(label_scores(table, head.labels).max(axis=1), hits(table), accuracy)
            new_heads[objective.name] = replace(head, abstain_below=bound)
        elif head.separator is not None and threshold == "auto":
            table = scoring.predictions(predictor, scoring.side_of(objective, "validation"), objective)
            new_heads[objective.name] = replace(head, threshold=best_threshold(table, head, objective))
        elif head.separator is not None:
            new_heads[objective.name] = replace(head, threshold=float(threshold))
    return new_heads


def best_threshold(table: pd.DataFrame, head: Head, objective: Objective) -> float:
    """Return the threshold with the best gate metric on a table with scores, the nearest to 0.5 of equally good ones."""
    scores, sign = label_scores(table, head.labels), kinds.better(objective.metric)

    def value(threshold: float) -> float:
        decided = replace(head, threshold=threshold)
        predicted = table.assign(predicted=[decode(decided, row)[0] for row in scores])
        return sign * kinds.KINDS[objective.kind].measure(predicted, objective)[objective.metric]

    return max(THRESHOLDS, key=value)


def abstention_bound(scores: np.ndarray, right: np.ndarray, accuracy: float) -> float:
    """Return the smallest bound at which the rows that do not abstain reach the accuracy.

    Args:
        scores: Score of each row's prediction, shape (rows,).
        right: True for right predictions, shape (rows,).
        accuracy: Share of the rows that do not abstain which must be right.

    Returns:
        0 if no row needs to abstain, a number halfway between two scores, or `NEVER_ANSWERS`.
    """
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    shares = np.cumsum(right[order]) / np.arange(1, len(ordered) + 1)
    is_last_of_score = np.append(ordered[1:] < ordered[:-1], True)
    reaching = np.flatnonzero((shares >= accuracy) & is_last_of_score)
    if not len(reaching):
        log.warning("no bound reaches an accuracy of %g on validation: every answer abstains", accuracy)
        return NEVER_ANSWERS
    last = int(reaching[-1])
    return 0.0 if last == len(ordered) - 1 else float(ordered[last] + ordered[last + 1]) / 2


def describe(heads: Heads, threshold: float | str = Head.threshold) -> str:
    """Return a text about the bounds of a model that are chosen or not the default; empty if there are none.

    Args:
        heads: All heads of the model, by objective.
        threshold: `train.decision_threshold`; a bound that `auto` has chosen is always named.
    """
    texts = []
    for name, head in heads.items():
        suffix = f" of {name}" if len(heads) > 1 else ""
        is_auto = threshold == "auto" and head.kind == "classification" and head.separator is not None
        if is_auto or head.threshold != Head.threshold:
            texts.append(f"labels{suffix} are answered from a score of {head.threshold:g}")
        if head.abstain_below is not None:
            never = head.abstain_below >= NEVER_ANSWERS
            texts.append(
                f"every answer{suffix} abstains" if never else f"answers{suffix} below {head.abstain_below:.4f} abstain"
            )
    return "".join(f"; {text}" for text in texts)

"""Choosing, on validation, from which score a label is answered and below which score an answer abstains."""

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from nightshift.evaluation import kinds, scoring
from nightshift.evaluation.scoring import Predictor
from nightshift.inference.predictor import decode
from nightshift.models.heads import Head, Heads
from nightshift.records import Objective

log = logging.getLogger("nightshift.decisions")
THRESHOLDS = sorted((number / 50 for number in range(1, 50)), key=lambda value: abs(value - 0.5))
"""What `decision_threshold: auto` tries, from 0.02 to 0.98; of equally good ones the first, nearest to 0.5, is taken."""
NEVER_ANSWERS = 2.0
"""A bound above every score, for a model whose surest answers do not reach the accuracy that is asked for."""


def is_chosen(threshold: float | str, accuracy: float | None) -> bool:
    """Return whether these settings take something from the scores of a model."""
    return threshold == "auto" or accuracy is not None


def choose(
    predictor: Predictor,
    heads: Heads,
    objectives: Sequence[Objective],
    threshold: float | str,
    accuracy: float | None,
) -> dict[str, Head]:
    """Return the heads with the bounds that `predictor` decides by.

    Args:
        predictor: The model as it answers: its scores on validation are what is chosen by.
        heads: All that it has learned, by objective.
        objectives: Of the run; those that classify get bounds.
        threshold: `train.decision_threshold`, for objectives whose rows may have several labels.
        accuracy: `train.abstain_accuracy`, for objectives whose rows have one label.
    """
    chosen = dict(heads)
    for objective in objectives:
        head = heads[objective.name]
        if objective.kind != "classification":
            continue
        if head.separator is None and accuracy is not None:
            table = scoring.predictions(predictor, scoring.side_of(objective, "validation"), objective)
            right = (table["label"] == table["predicted"]).to_numpy()
            bound = abstention_bound(_scores(table, head).max(axis=1), right, accuracy)
            chosen[objective.name] = replace(head, abstain_below=bound)
        elif head.separator is not None and threshold == "auto":
            table = scoring.predictions(predictor, scoring.side_of(objective, "validation"), objective)
            best = best_threshold(table, head, objective)
            chosen[objective.name] = replace(head, threshold=best)
        elif head.separator is not None:
            chosen[objective.name] = replace(head, threshold=float(threshold))
    return chosen


def best_threshold(table: pd.DataFrame, head: Head, objective: Objective) -> float:
    """Return the threshold with the best gate metric on a table with scores, the nearest to 0.5 of equally good ones."""
    scores, sign = _scores(table, head), kinds.better(objective.metric)

    def value(threshold: float) -> float:
        decided = replace(head, threshold=threshold)
        answers = table.assign(predicted=[decode(decided, row)[0] for row in scores])
        return sign * kinds.KINDS[objective.kind].measure(answers, objective)[objective.metric]

    return max(THRESHOLDS, key=value)


def abstention_bound(scores: np.ndarray, right: np.ndarray, accuracy: float) -> float:
    """Return the smallest bound at which the answered rows are as accurate as asked.

    Args:
        scores: Of each row's answer, shape (rows,).
        right: Whether it is right, shape (rows,).
        accuracy: The share of answered rows that must be right.

    Returns:
        0 where all rows may be answered, a number halfway between two scores, or `NEVER_ANSWERS`.
    """
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    shares = np.cumsum(right[order]) / np.arange(1, len(ordered) + 1)
    is_last_of_score = np.append(ordered[1:] < ordered[:-1], True)
    answered = np.flatnonzero((shares >= accuracy) & is_last_of_score)
    if not len(answered):
        log.warning("no bound reaches an accuracy of %g on validation: every answer abstains", accuracy)
        return NEVER_ANSWERS
    last = int(answered[-1])
    return 0.0 if last == len(ordered) - 1 else float(ordered[last] + ordered[last + 1]) / 2


def in_words(heads: Heads, threshold: float | str = Head.threshold) -> str:
    """Return the bounds of a model that are chosen or not the default, for the reasons of a candidate; empty if there are none.

    Args:
        heads: All that the model has learned, by objective.
        threshold: `train.decision_threshold`; what `auto` has chosen is always said.
    """
    words = []
    for name, head in heads.items():
        about = f" of {name}" if len(heads) > 1 else ""
        is_auto = threshold == "auto" and head.kind == "classification" and head.separator is not None
        if is_auto or head.threshold != Head.threshold:
            words.append(f"labels{about} are answered from a score of {head.threshold:g}")
        if head.abstain_below is not None:
            never = head.abstain_below >= NEVER_ANSWERS
            words.append(
                f"every answer{about} abstains" if never else f"answers{about} below {head.abstain_below:.4f} abstain"
            )
    return "".join(f"; {line}" for line in words)


def _scores(table: pd.DataFrame, head: Head) -> np.ndarray:
    """Return a table's scores in the order of the head's labels, shape (rows, labels)."""
    return table[[f"{kinds.SCORE}{label}" for label in head.labels]].to_numpy(float)

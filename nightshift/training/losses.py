"""Losses of each kind of objective, as a sum and a count, so that micro-batches of any size add up to the same mean."""

from collections.abc import Callable
from math import log

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss

from nightshift.models.heads import Head
from nightshift.training.distillation import distillation_loss
from nightshift.training.tokenization import IGNORED, UNLABELLED


def _single_label_loss(logits: Tensor, labels: Tensor, class_weights: Tensor | None, smoothing: float) -> Tensor:
    if class_weights is None:
        return cross_entropy(logits, labels.long(), ignore_index=UNLABELLED, reduction="sum", label_smoothing=smoothing)
    rows = cross_entropy(logits, labels.long(), ignore_index=UNLABELLED, reduction="none", label_smoothing=smoothing)
    return (rows * _row_weights(labels, class_weights)).sum()


def _multi_label_loss(logits: Tensor, labels: Tensor, pos_weight: Tensor | None, smoothing: float) -> Tensor:
    mask = has_label(labels)[:, None].expand_as(labels).to(logits)
    targets = labels.nan_to_num() * (1 - smoothing) + smoothing / 2
    return binary_cross_entropy_with_logits(logits, targets, mask, reduction="sum", pos_weight=pos_weight)


def _regression_loss(logits: Tensor, labels: Tensor, _weights: Tensor | None, _smoothing: float) -> Tensor:
    return mse_loss(logits, torch.where(labels.isnan(), logits, labels), reduction="sum")


def _token_loss(logits: Tensor, labels: Tensor, _weights: Tensor | None, smoothing: float) -> Tensor:
    tokens, targets = logits.flatten(0, -2), labels.flatten().long()
    return cross_entropy(tokens, targets, ignore_index=IGNORED, reduction="sum", label_smoothing=smoothing)


def _loss_function(head: Head) -> Callable[[Tensor, Tensor, Tensor | None, float], Tensor]:
    if head.generative:
        return _token_loss
    if head.kind == "regression":
        return _regression_loss
    return _single_label_loss if head.separator is None else _multi_label_loss


def _row_weights(labels: Tensor, class_weights: Tensor) -> Tensor:
    """Return each row's weight, (rows,); 1 for a row without a label, which only has a teacher's targets."""
    return torch.where(has_label(labels), class_weights[labels.long().clamp(min=0)], 1.0)


def balanced_weights(head: Head, labels: np.ndarray) -> Tensor | None:
    """Return weights that give all classes the same weight in a loss, (labels,); None unless `head` classifies.

    With one label a row these are scikit-learn's `compute_class_weight("balanced")`: n / (classes * n_class), 1 on
    average over the rows. With several labels they are torch's `pos_weight`: the rows without the label over those with
    it.

    Args:
        head: The objective's head.
        labels: Targets of all training rows, one after the other, as in the examples' column `labels`.
    """
    if head.kind != "classification":
        return None
    if head.separator is None:
        counts = np.bincount(labels[labels != UNLABELLED], minlength=len(head.labels))
        return torch.tensor(counts.sum() / (len(counts) * counts.clip(min=1)), dtype=torch.float32)
    rows = labels.reshape(-1, len(head.labels))
    rows = rows[~np.isnan(rows).any(axis=1)]
    positive = rows.sum(axis=0)
    return torch.tensor((len(rows) - positive).clip(min=1) / positive.clip(min=1), dtype=torch.float32)


def total_weight(labels: Tensor, class_weights: Tensor | None) -> Tensor:
    """Return the sum of the weights of a batch's rows or labels; without weights `count_targets`."""
    if class_weights is None:
        return count_targets(labels)
    if labels.dim() == 1:
        return _row_weights(labels, class_weights).sum()
    return torch.where(labels == 1, class_weights, 1.0).sum()


def align(logits: Tensor, labels: Tensor, head: Head, encoder_decoder: bool) -> tuple[Tensor, Tensor]:
    """Align logits with the labels they predict: a decoder's token predicts the next one.

    Args:
        logits: Logits of each token, (rows, tokens, vocabulary), or of each row, (rows, outputs).
        labels: Labels of each token or row.
        head: The objective's head.
        encoder_decoder: True if logits and labels are aligned already.
    """
    if head.generative and not encoder_decoder:
        return logits[:, :-1], labels[:, 1:]
    return logits, labels


def summed_loss(
    head: Head,
    logits: Tensor,
    labels: Tensor,
    teacher_logits: Tensor | None,
    temperature: float,
    alpha: float,
    encoder_decoder: bool = False,
    class_weights: Tensor | None = None,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Return the loss in float32, summed over rows (over labels or predicted tokens); `count_targets` is their number.

    Args:
        head: The objective's head.
        logits: Logits of shape (rows, outputs), or (rows, tokens, vocabulary).
        labels: The targets; for a row without a label only the teacher's part is added.
        teacher_logits: Teacher's logits in the shape of `logits`: `alpha` of the loss is the `distillation_loss`, the
            rest the labels' loss; for a row without a label it is the `distillation_loss` alone.
        temperature: Temperature of the teacher's soft targets.
        alpha: Weight of the teacher's part.
        encoder_decoder: True if logits and labels are aligned already.
        class_weights: Weights from `balanced_weights`, for the labels' part.
        label_smoothing: Share of the labels' part that is spread over all classes (tokens); with several labels a row
            each target moves by half of it towards the other.
    """
    logits, targets = align(logits, labels, head, encoder_decoder)
    if teacher_logits is None:
        return _loss_function(head)(logits.float(), targets, class_weights, label_smoothing)
    teacher_logits, _ = align(teacher_logits, labels, head, encoder_decoder)
    if head.generative:
        predicted = targets != IGNORED
        logits, teacher_logits, targets = logits[predicted], teacher_logits[predicted], targets[predicted]
    soft_loss = distillation_loss(head, logits.float(), teacher_logits.float(), temperature)
    weights = torch.where(has_label(targets), alpha, 1.0)
    hard_loss = _loss_function(head)(logits.float(), targets, class_weights, label_smoothing)
    return (weights * soft_loss).sum() + (1 - alpha) * hard_loss


def has_label(labels: Tensor) -> Tensor:
    """Return a mask of the rows that have a label, (rows,)."""
    return ~labels.isnan().any(dim=-1) if labels.is_floating_point() else labels != UNLABELLED


def count_targets(labels: Tensor) -> Tensor:
    """Return the number of rows (with or without a label), labels or tokens that a loss is summed over."""
    return (labels != IGNORED).sum() if not torch.is_floating_point(labels) else torch.tensor(labels.numel())


def chance_loss(head: Head, vocabulary: int) -> float:
    """Return the mean loss of a uniform prediction, for regression of the mean."""
    if head.kind == "regression":
        return 1.0
    choices = vocabulary if head.generative else len(head.labels) if head.separator is None else 2
    return log(choices)

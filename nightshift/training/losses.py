"""The loss of each kind, as a sum and a count: batches of any cut add up to the same mean."""

from collections.abc import Callable
from math import log

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss

from nightshift.models.heads import Head
from nightshift.training.distillation import distillation_loss
from nightshift.training.tokenization import IGNORED, UNLABELLED


def _one_class(logits: Tensor, labels: Tensor, class_weights: Tensor | None, smoothing: float) -> Tensor:
    if class_weights is None:
        return cross_entropy(logits, labels.long(), ignore_index=UNLABELLED, reduction="sum", label_smoothing=smoothing)
    rows = cross_entropy(logits, labels.long(), ignore_index=UNLABELLED, reduction="none", label_smoothing=smoothing)
    return (rows * _row_weights(labels, class_weights)).sum()


def _several_classes(logits: Tensor, labels: Tensor, pos_weight: Tensor | None, smoothing: float) -> Tensor:
    known = has_label(labels)[:, None].expand_as(labels).to(logits)
    targets = labels.nan_to_num() * (1 - smoothing) + smoothing / 2
    return binary_cross_entropy_with_logits(logits, targets, known, reduction="sum", pos_weight=pos_weight)


def _number(logits: Tensor, labels: Tensor, _weights: Tensor | None, _smoothing: float) -> Tensor:
    return mse_loss(logits, torch.where(labels.isnan(), logits, labels), reduction="sum")


def _tokens(logits: Tensor, labels: Tensor, _weights: Tensor | None, smoothing: float) -> Tensor:
    return cross_entropy(logits.flatten(0, -2), labels.flatten().long(), ignore_index=IGNORED, reduction="sum",
                         label_smoothing=smoothing)  # fmt: skip


def _loss_of(head: Head) -> Callable[[Tensor, Tensor, Tensor | None, float], Tensor]:
    if head.generative:
        return _tokens
    if head.kind == "regression":
        return _number
    return _one_class if head.separator is None else _several_classes


def _row_weights(labels: Tensor, class_weights: Tensor) -> Tensor:
    """Return each row's weight, (rows,), 1 for a row without a label, from which only a teacher is learned."""
    return torch.where(has_label(labels), class_weights[labels.long().clamp(min=0)], 1.0)


def balanced_weights(head: Head, labels: np.ndarray) -> Tensor | None:
    """Return weights by which each class counts alike in a loss, (labels,); None unless `head` classifies.

    Of one label a row scikit-learn's `compute_class_weight("balanced")`: n / (classes * n_class), 1 on average over the
    rows. Of several labels torch's `pos_weight`: the rows without the label over those with it.

    Args:
        head: The objective's head.
        labels: Targets of all training rows, one behind the other, as in the examples' column `labels`.
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
    """Return the sum of the weights of a batch's rows or labels: what `count` counts, where there are no weights."""
    if class_weights is None:
        return count_targets(labels)
    if labels.dim() == 1:
        return _row_weights(labels, class_weights).sum()
    return torch.where(labels == 1, class_weights, 1.0).sum()


def align(logits: Tensor, labels: Tensor, head: Head, encoder_decoder: bool) -> tuple[Tensor, Tensor]:
    """Logits and labels at the same places: a decoder's token predicts the next one."""
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
    """Return the sum over rows (over labels or predicted tokens), in float32; `count` says over how many.

    Args:
        head: The objective's head.
        logits: Of shape (rows, outputs), or (rows, tokens, vocabulary).
        labels: The targets; a row without a label adds nothing but the teacher's part.
        teacher_logits: In the shape of `logits`: `alpha` of the loss is what `nightshift.training.distillation` says, the rest the
            labels'; of a row without a label the teacher counts alone.
        temperature: Of the teacher's soft targets.
        alpha: Weight of the teacher's part.
        encoder_decoder: True if logits and labels stand at the same places.
        class_weights: As `balanced_weights` gives them, for the labels' part.
        label_smoothing: Share of the labels' part that goes to all classes (tokens) alike; of several labels each
            target moves by half of it towards the other.
    """
    said, labels = align(logits, labels, head, encoder_decoder)
    if teacher_logits is None:
        return _loss_of(head)(said.float(), labels, class_weights, label_smoothing)
    taught, _ = align(teacher_logits, labels, head, encoder_decoder)
    if head.generative:
        counted = labels != IGNORED
        said, taught, labels = said[counted], taught[counted], labels[counted]
    soft = distillation_loss(head, said.float(), taught.float(), temperature)
    weights = torch.where(has_label(labels), alpha, 1.0)
    hard = _loss_of(head)(said.float(), labels, class_weights, label_smoothing)
    return (weights * soft).sum() + (1 - alpha) * hard


def has_label(labels: Tensor) -> Tensor:
    """Which rows have a label, (rows,)."""
    return ~labels.isnan().any(dim=-1) if labels.is_floating_point() else labels != UNLABELLED


def count_targets(labels: Tensor) -> Tensor:
    """Rows (those without a label too), labels or tokens that a loss sums over."""
    return (labels != IGNORED).sum() if not torch.is_floating_point(labels) else torch.tensor(labels.numel())


def chance_loss(head: Head, vocabulary: int) -> float:
    """The mean loss of one who knows nothing: even odds, or always the mean."""
    if head.kind == "regression":
        return 1.0
    choices = vocabulary if head.generative else len(head.labels) if head.separator is None else 2
    return log(choices)

"""The loss of each kind, as a sum and a count: batches of any cut add up to the same mean."""

from collections.abc import Callable
from math import log

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss

from models.distillation import distilled
from models.encoding import IGNORED, UNLABELLED
from models.heads import Head


def _one_class(logits: Tensor, labels: Tensor) -> Tensor:
    return cross_entropy(logits, labels.long(), ignore_index=UNLABELLED, reduction="sum")


def _several_classes(logits: Tensor, labels: Tensor) -> Tensor:
    known = labelled(labels)[:, None].expand_as(labels).to(logits)
    return binary_cross_entropy_with_logits(logits, labels.nan_to_num(), known, reduction="sum")


def _number(logits: Tensor, labels: Tensor) -> Tensor:
    return mse_loss(logits, torch.where(labels.isnan(), logits, labels), reduction="sum")


def _tokens(logits: Tensor, labels: Tensor) -> Tensor:
    return cross_entropy(logits.flatten(0, -2), labels.flatten().long(), ignore_index=IGNORED, reduction="sum")


def _loss_of(head: Head) -> Callable[[Tensor, Tensor], Tensor]:
    if head.generative:
        return _tokens
    if head.kind == "regression":
        return _number
    return _one_class if head.separator is None else _several_classes


def aligned(logits: Tensor, labels: Tensor, head: Head, encoder_decoder: bool) -> tuple[Tensor, Tensor]:
    """Logits and labels at the same places: a decoder's token predicts the next one."""
    if head.generative and not encoder_decoder:
        return logits[:, :-1], labels[:, 1:]
    return logits, labels


def loss(
    head: Head,
    logits: Tensor,
    labels: Tensor,
    teacher_logits: Tensor | None,
    temperature: float,
    alpha: float,
    encoder_decoder: bool = False,
) -> Tensor:
    """The sum over rows (over labels or predicted tokens), in float32; `count` says over how many.

    With a teacher: `alpha` times what `models.distillation` says, the rest the labels'; of a row without a label the
    teacher alone. Without one such a row adds nothing.
    """
    said, labels = aligned(logits, labels, head, encoder_decoder)
    if teacher_logits is None:
        return _loss_of(head)(said.float(), labels)
    taught, _ = aligned(teacher_logits, labels, head, encoder_decoder)
    if head.generative:
        counted = labels != IGNORED
        said, taught, labels = said[counted], taught[counted], labels[counted]
    soft = distilled(head, said.float(), taught.float(), temperature)
    weights = torch.where(labelled(labels), alpha, 1.0)
    return (weights * soft).sum() + (1 - alpha) * _loss_of(head)(said.float(), labels)


def labelled(labels: Tensor) -> Tensor:
    """Which rows have a label, (rows,)."""
    return ~labels.isnan().any(dim=-1) if labels.is_floating_point() else labels != UNLABELLED


def count(labels: Tensor) -> Tensor:
    """Rows (those without a label too), labels or tokens that a loss sums over."""
    return (labels != IGNORED).sum() if not torch.is_floating_point(labels) else torch.tensor(labels.numel())


def chance(head: Head, vocabulary: int) -> float:
    """The mean loss of one who knows nothing: even odds, or always the mean."""
    if head.kind == "regression":
        return 1.0
    choices = vocabulary if head.generative else len(head.labels) if head.separator is None else 2
    return log(choices)

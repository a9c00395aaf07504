"""Feature distillation: losses between the attention relations and hidden states of a student and its teacher.

The features are recorded by hooks on layers and on the projections to queries, keys and values, so they do not depend
on the implementation of attention.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, kl_div, log_softmax, pad, softmax

from nightshift.models.architectures import ARCHITECTURES, get_architecture, layers
from nightshift.models.heads import Head, Model
from nightshift.training.tokenization import IGNORED

RELATION_HEADS = 12
"""Largest number of parts into which queries, keys and values are split."""
MASKED_SCORE = -1e9
"""Score of a masked token; minus infinity would give NaN for a row without tokens."""


@dataclass
class Features:
    """Features recorded in one forward pass, in the order of the layers."""

    hidden_states: list[Tensor] = field(default_factory=list)
    """Output of each layer, (rows, tokens, size)."""
    projections: list[Tensor] = field(default_factory=list)
    """Queries, keys and values of the last layer, (rows, tokens, size): three tensors, or one with all side by side."""


@contextmanager
def record_features(model: Model, loss_weights: Mapping[str, float]) -> Iterator[Features]:
    """Record in every forward pass of `model` within the block the features that these losses need."""
    features, hooks = Features(), []
    if {"hidden", "cosine"} & loss_weights.keys():
        recorded_layers = layers(model) if "hidden" in loss_weights else layers(model)[-1:]
        hooks += [layer.register_forward_hook(_appending_hook(features.hidden_states)) for layer in recorded_layers]
    if "attention" in loss_weights:
        last_layer, names = layers(model)[-1], get_architecture(model).attention.input_projections
        modules = [last_layer.get_submodule(name) for name in names]
        hooks += [module.register_forward_hook(_appending_hook(features.projections)) for module in modules]
    try:
        yield features
    finally:
        for hook in hooks:
            hook.remove()


def _appending_hook(outputs: list[Tensor]) -> Any:
    def hook(_module: Any, _inputs: Any, output: Tensor | tuple[Tensor, ...]) -> None:
        outputs.append(output if isinstance(output, Tensor) else output[0])

    return hook


def ensure_compatible(student: Model, teacher: Model, loss_weights: Mapping[str, float]) -> None:
    """Raise ValueError if these losses cannot be computed between `student` and `teacher`."""
    for model in (student, teacher):
        model_type = model.config.model_type
        if model_type not in ARCHITECTURES:
            raise ValueError(f"the inside of {model_type} models is not known: learn the answers alone")
        if "attention" in loss_weights and not ARCHITECTURES[model_type].supports_attention_relations:
            raise ValueError(f"attention relations of {model_type} models are not known: leave them out")
    student_size, teacher_size = student.config.hidden_size, teacher.config.hidden_size
    if student_size != teacher_size and {"hidden", "cosine"} & loss_weights.keys():
        raise ValueError(
            f"hidden states of {student_size} and {teacher_size} numbers cannot be compared: take relations alone"
        )


def token_weights(head: Head, inputs: Mapping[str, Tensor]) -> Tensor:
    """Return the weight of each token of a batch, (rows, tokens); their sum is `losses.count_targets` of the labels.

    For generation 1 for each token that predicts one; otherwise the number of a row's labels, spread evenly over its
    tokens.
    """
    labels = inputs["labels"]
    if head.generative:
        return pad(labels[:, 1:] != IGNORED, (0, 1)).float()
    mask = inputs["attention_mask"].float()
    return mask / mask.sum(dim=1, keepdim=True) * (labels.numel() / len(labels))


def attention_relation_loss(student: Features, teacher: Features, weights: Tensor) -> Tensor:
    """Return KL(teacher ‖ student) of the scaled products of queries, of keys and of values in the last layers.

    They are split into as many heads as divide both widths, `RELATION_HEADS` at most; summed over the three, the mean
    over heads. Wang et al. 2020 (MiniLMv2), arXiv 2012.15828, section 3.1.
    """
    student_qkv, teacher_qkv = (
        torch.cat(features.projections, dim=-1).chunk(3, dim=-1) for features in (student, teacher)
    )
    widths = student_qkv[0].shape[-1], teacher_qkv[0].shape[-1]
    num_heads = next(n for n in range(RELATION_HEADS, 0, -1) if not any(width % n for width in widths))
    mask = torch.where(weights > 0, 0.0, MASKED_SCORE)[:, None, None, :]
    total = torch.zeros((), device=weights.device)
    for student_vectors, teacher_vectors in zip(student_qkv, teacher_qkv, strict=True):
        targets = softmax(_scaled_products(teacher_vectors, num_heads) + mask, dim=-1)
        log_probabilities = log_softmax(_scaled_products(student_vectors, num_heads) + mask, dim=-1)
        divergence = kl_div(log_probabilities, targets, reduction="none")
        total = total + (divergence.sum(dim=-1).mean(dim=1) * weights).sum()
    return total


def _scaled_products(vectors: Tensor, num_heads: int) -> Tensor:
    split = vectors.reshape(*vectors.shape[:-1], num_heads, -1).transpose(1, 2)
    products: Tensor = torch.matmul(split, split.transpose(-1, -2)).float()
    return products / math.sqrt(split.shape[-1])


def hidden_state_loss(student: Features, teacher: Features, weights: Tensor) -> Tensor:
    """Return the squared difference of hidden states: the mean over their numbers and over the student's layers.

    The m-th of M layers learns from the teacher's m·N/M-th of N: Jiao et al. 2019 (TinyBERT), arXiv 1909.10351,
    section 3.2, equation 8, without a projection.
    """
    num_layers = len(student.hidden_states)
    step = len(teacher.hidden_states) / num_layers
    targets = [teacher.hidden_states[round(number * step) - 1] for number in range(1, num_layers + 1)]
    pairs = zip(student.hidden_states, targets, strict=True)
    errors = [(state.float() - target.float()).square().mean(dim=-1) for state, target in pairs]
    return (torch.stack(errors).mean(dim=0) * weights).sum()


def cosine_loss(student: Features, teacher: Features, weights: Tensor) -> Tensor:
    """Return 1 - cosine of the last hidden states: Sanh et al. 2019 (DistilBERT), arXiv 1910.01108, section 2."""
    similarity = cosine_similarity(student.hidden_states[-1].float(), teacher.hidden_states[-1].float(), dim=-1)
    return ((1 - similarity) * weights).sum()


FEATURE_LOSSES: dict[str, Callable[[Features, Features, Tensor], Tensor]] = {
    "attention": attention_relation_loss,
    "hidden": hidden_state_loss,
    "cosine": cosine_loss,
}
"""Losses of a batch, from the features of student and teacher and the tokens' weights; each is a sum over rows."""


def feature_loss(loss_weights: Mapping[str, float], student: Features, teacher: Features, weights: Tensor) -> Tensor:
    """Return the weighted sum of the losses named in `loss_weights`, summed over rows.

    Args:
        loss_weights: Weights by the names in `FEATURE_LOSSES`.
        student: Features of the student on the batch.
        teacher: Features of the teacher on the same batch.
        weights: The tokens' weights, (rows, tokens), from `token_weights`.
    """
    total = torch.zeros((), device=weights.device)
    for name, loss_weight in loss_weights.items():
        total = total + loss_weight * FEATURE_LOSSES[name](student, teacher, weights)
    return total

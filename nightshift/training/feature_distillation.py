"""What a student copies of its teacher's inside: attention relations, hidden states, their direction.

All are seen by hooks on layers and on the projections to queries, keys and values, whatever attention is computed by.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, kl_div, log_softmax, pad, softmax

from nightshift.models.architectures import ANATOMIES, anatomy, layers
from nightshift.models.heads import Head, Model
from nightshift.training.tokenization import IGNORED

RELATION_HEADS = 12
"""Parts, at most, into which queries, keys and values are split."""
UNSEEN = -1e9
"""Instead of minus infinity, which would make no number of a row without tokens."""


@dataclass
class Inside:
    """What was to be seen in one forward pass, in the order of the layers."""

    hidden: list[Tensor] = field(default_factory=list)
    """What each layer hands on, (rows, tokens, size)."""
    projected: list[Tensor] = field(default_factory=list)
    """Of the last layer queries, keys and values, (rows, tokens, size): one by one, or side by side."""


@contextmanager
def watched(model: Model, ways: Mapping[str, float]) -> Iterator[Inside]:
    """Within it, a forward pass of `model` leaves what `ways` need."""
    inside, hooks = Inside(), []
    if {"hidden", "cosine"} & ways.keys():
        looked_at = layers(model) if "hidden" in ways else layers(model)[-1:]
        hooks += [layer.register_forward_hook(_keeper(inside.hidden)) for layer in looked_at]
    if "relations" in ways:
        last, names = layers(model)[-1], anatomy(model).attention.readers
        hooks += [last.get_submodule(name).register_forward_hook(_keeper(inside.projected)) for name in names]
    try:
        yield inside
    finally:
        for hook in hooks:
            hook.remove()


def _keeper(found: list[Tensor]) -> Any:
    def hook(_module: Any, _inputs: Any, output: Tensor | tuple[Tensor, ...]) -> None:
        found.append(output if isinstance(output, Tensor) else output[0])

    return hook


def demand(student: Model, teacher: Model, ways: Mapping[str, float]) -> None:
    """Raises ValueError where `student` cannot imitate `teacher` in these ways."""
    for model in (student, teacher):
        if model.config.model_type not in ANATOMIES:
            raise ValueError(f"the inside of {model.config.model_type} models is not known: learn the answers alone")
        if "relations" in ways and not ANATOMIES[model.config.model_type].has_relations:
            raise ValueError(f"attention relations of {model.config.model_type} models are not known: leave them out")
    ours, theirs = student.config.hidden_size, teacher.config.hidden_size
    if ours != theirs and {"hidden", "cosine"} & ways.keys():
        raise ValueError(f"hidden states of {ours} and {theirs} numbers cannot be compared: take relations alone")


def shares(head: Head, inputs: Mapping[str, Tensor]) -> Tensor:
    """What each token of a batch counts, (rows, tokens); all together what the losses divide by (`losses.count`).

    Of text that is written, 1 for each token that predicts one; else a row's labels, spread evenly over its tokens.
    """
    labels = inputs["labels"]
    if head.generative:
        return pad(labels[:, 1:] != IGNORED, (0, 1)).float()
    mask = inputs["attention_mask"].float()
    return mask / mask.sum(dim=1, keepdim=True) * (labels.numel() / len(labels))


def relations(ours: Inside, theirs: Inside, shares: Tensor) -> Tensor:
    """KL(teacher ‖ student) of the last layers' scaled products of queries, of keys, and of values with each other.

    Split into as many heads as divide both widths, `RELATION_HEADS` at most; summed over the three, the mean over heads.
    Wang et al. 2020 (MiniLMv2), arXiv 2012.15828, section 3.1.
    """
    one, other = (torch.cat(inside.projected, dim=-1).chunk(3, dim=-1) for inside in (ours, theirs))
    widths = one[0].shape[-1], other[0].shape[-1]
    count = next(n for n in range(RELATION_HEADS, 0, -1) if not any(width % n for width in widths))
    unseen = torch.where(shares > 0, 0.0, UNSEEN)[:, None, None, :]
    total = torch.zeros((), device=shares.device)
    for mine, taught in zip(one, other, strict=True):
        wanted = softmax(_related(taught, count) + unseen, dim=-1)
        each = kl_div(log_softmax(_related(mine, count) + unseen, dim=-1), wanted, reduction="none")
        total = total + (each.sum(dim=-1).mean(dim=1) * shares).sum()
    return total


def _related(vectors: Tensor, count: int) -> Tensor:
    split = vectors.reshape(*vectors.shape[:-1], count, -1).transpose(1, 2)
    products: Tensor = torch.matmul(split, split.transpose(-1, -2)).float()
    return products / math.sqrt(split.shape[-1])


def hidden(ours: Inside, theirs: Inside, shares: Tensor) -> Tensor:
    """The squared difference of hidden states: the mean over their numbers and over the student's layers.

    The m-th of M layers learns from the teacher's m·N/M-th of N: Jiao et al. 2019 (TinyBERT), arXiv 1909.10351,
    section 3.2, equation 8, without a projection.
    """
    step = len(theirs.hidden) / len(ours.hidden)
    mapped = [theirs.hidden[round(place * step) - 1] for place in range(1, len(ours.hidden) + 1)]
    each = [(a.float() - b.float()).square().mean(dim=-1) for a, b in zip(ours.hidden, mapped, strict=True)]
    return (torch.stack(each).mean(dim=0) * shares).sum()


def cosine(ours: Inside, theirs: Inside, shares: Tensor) -> Tensor:
    """One minus the cosine of the last layers' hidden states: Sanh et al. 2019 (DistilBERT), arXiv 1910.01108, section 2."""
    close = cosine_similarity(ours.hidden[-1].float(), theirs.hidden[-1].float(), dim=-1)
    return ((1 - close) * shares).sum()


WAYS: dict[str, Callable[[Inside, Inside, Tensor], Tensor]] = {
    "relations": relations,
    "hidden": hidden,
    "cosine": cosine,
}
"""Each a sum over rows, of a batch of any cut."""


def imitated(ways: Mapping[str, float], ours: Inside, theirs: Inside, shares: Tensor) -> Tensor:
    """The sum over rows, each way by its weight."""
    total = torch.zeros((), device=shares.device)
    for name, weight in ways.items():
        total = total + weight * WAYS[name](ours, theirs, shares)
    return total

"""Structured pruning: neurons and attention heads are removed, so that file and latency shrink."""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nightshift.compression.importance import Importance
from nightshift.models.architectures import (
    Block,
    attention_width,
    get_architecture,
    head_size,
    inner_width,
    layers,
    pad_block,
    prune_block,
    weight_matrix,
)
from nightshift.models.heads import Model


def prune(model: Model, importance: Importance, widths: Sequence[int], heads: Sequence[int] | None = None) -> Model:
    """Return a copy whose layers keep their most important feed-forward neurons and attention heads.

    A block that keeps nothing is left with one part of zeros, which learns nothing and is not in the graph that is
    served. With the same width in every layer and all heads, stock `from_pretrained` loads the copy; of others, what
    `pad_with_zeros` returns.

    Args:
        model: The model to copy.
        importance: Importance of its neurons and heads.
        widths: Number of neurons that each layer keeps.
        heads: Number of attention heads that each layer keeps; None: all.

    Raises:
        ValueError: Heads of this architecture cannot be pruned.
    """
    pruned = copy.deepcopy(model)
    architecture, size = get_architecture(pruned), head_size(pruned)
    if heads is not None and not architecture.can_prune_heads:
        if any(count < len(scores) for count, scores in zip(heads, importance.heads, strict=True)):
            raise ValueError(f"attention heads of {model.config.model_type} models cannot be cut, only neurons")
        heads = None
    for index, layer in enumerate(layers(pruned)):
        _keep_parts(layer, architecture.feed_forward, _most_important(importance.neurons[index], widths[index]), 1)
        if heads is not None:
            _keep_parts(layer, architecture.attention, _most_important(importance.heads[index], heads[index]), size)
    width = max(inner_width(layer, architecture.feed_forward) for layer in layers(pruned))
    setattr(pruned.config, architecture.intermediate_size_key, width)
    return pruned


def _most_important(scores: Tensor, count: int) -> Tensor:
    return scores.topk(min(count, len(scores))).indices.sort().values


def _keep_parts(layer: nn.Module, block: Block, parts: Tensor, size: int) -> None:
    """Keep the parts of a block with these indices, each of `size` neurons."""
    indices = parts.cpu() if len(parts) else torch.zeros(1, dtype=torch.long)
    prune_block(layer, block, (indices[:, None] * size + torch.arange(size)).flatten())
    if not len(parts):
        _zero_block(layer, block)


@torch.no_grad()
def _zero_block(layer: nn.Module, block: Block) -> None:
    """Set a block to zero but for the bias of its output projection."""
    weight_matrix(layer.get_submodule(block.output_projection)).zero_()
    for name in block.input_projections:
        for parameter in layer.get_submodule(name).parameters():
            parameter.zero_()


def pad_with_zeros(model: Model, neurons: int | None = None) -> Model:
    """Return a copy with the same outputs and zeros where parts were cut; stock `from_pretrained` loads it.

    Zeros in q, k, v and in the output projection have no gradient: they stay zeros in training.

    Args:
        model: A pruned model.
        neurons: Feed-forward neurons of each layer; None: as many as its configuration says.
    """
    padded = copy.deepcopy(model)
    architecture = get_architecture(padded)
    size_key = architecture.intermediate_size_key
    setattr(padded.config, size_key, neurons or getattr(padded.config, size_key))
    for layer in layers(padded):
        pad_block(layer, architecture.attention, attention_width(padded))
        pad_block(layer, architecture.feed_forward, getattr(padded.config, size_key) or 4 * padded.config.hidden_size)
    return padded


def remove_zeros(model: Model) -> Model:
    """Remove what `pad_with_zeros` has added, in place: heads and neurons whose output weights are zeros."""
    architecture, size = get_architecture(model), head_size(model)
    for layer in layers(model):
        for block, part_size in ((architecture.attention, size), (architecture.feed_forward, 1)):
            weights = weight_matrix(layer.get_submodule(block.output_projection))
            nonzero = weights.any(dim=0).reshape(-1, part_size).any(dim=1)
            if not nonzero.all():
                indices = nonzero.nonzero() if nonzero.any() else torch.zeros(1, 1, dtype=torch.long)
                prune_block(layer, block, (indices * part_size + torch.arange(part_size)).flatten())
    return model

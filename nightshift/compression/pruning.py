"""Structured pruning: neurons and attention heads are cut out, so file and latency shrink."""

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
    """A copy whose layers keep their most important feed-forward neurons and attention heads, so many in each layer.

    Of a block that keeps none one part is left, all zeros: it learns nothing and is not in the graph that is served.
    With the same width in every layer and all heads, stock `from_pretrained` loads it; of others, what `dense` makes.
    """
    pruned = copy.deepcopy(model)
    names, size = get_architecture(pruned), head_size(pruned)
    if heads is not None and not names.can_prune_heads:
        if any(few < len(scores) for few, scores in zip(heads, importance.heads, strict=True)):
            raise ValueError(f"attention heads of {model.config.model_type} models cannot be cut, only neurons")
        heads = None
    for place, layer in enumerate(layers(pruned)):
        _keep(layer, names.feed_forward, _most(importance.neurons[place], widths[place]), 1)
        if heads is not None:
            _keep(layer, names.attention, _most(importance.heads[place], heads[place]), size)
    return _with_width(pruned)


def _most(scores: Tensor, count: int) -> Tensor:
    return scores.topk(min(count, len(scores))).indices.sort().values


def _keep(layer: nn.Module, block: Block, parts: Tensor, size: int) -> None:
    kept = parts.cpu() if len(parts) else torch.zeros(1, dtype=torch.long)
    prune_block(layer, block, (kept[:, None] * size + torch.arange(size)).flatten())
    if not len(parts):
        _empty(layer, block)


@torch.no_grad()
def _empty(layer: nn.Module, block: Block) -> None:
    """All that it writes is the writer's bias."""
    weight_matrix(layer.get_submodule(block.output_projection)).zero_()
    for name in block.input_projections:
        for parameter in layer.get_submodule(name).parameters():
            parameter.zero_()


def _with_width(model: Model) -> Model:
    names = get_architecture(model)
    setattr(
        model.config,
        names.intermediate_size_key,
        max(inner_width(layer, names.feed_forward) for layer in layers(model)),
    )
    return model


def dense(model: Model, neurons: int | None = None) -> Model:
    """A copy that answers the same, with what its configuration says, or with so many neurons: zeros where parts were cut.

    Stock `from_pretrained` loads it. Zeros in q, k, v and in the output projection have no gradient: they stay.
    """
    full = copy.deepcopy(model)
    names = get_architecture(full)
    setattr(full.config, names.intermediate_size_key, neurons or getattr(full.config, names.intermediate_size_key))
    for layer in layers(full):
        pad_block(layer, names.attention, attention_width(full))
        pad_block(
            layer, names.feed_forward, getattr(full.config, names.intermediate_size_key) or 4 * full.config.hidden_size
        )
    return full


def slim(model: Model) -> Model:
    """The model itself without what `dense` has put back: heads and neurons whose outputs are written with zeros."""
    names, size = get_architecture(model), head_size(model)
    for layer in layers(model):
        for block, part in ((names.attention, size), (names.feed_forward, 1)):
            used = weight_matrix(layer.get_submodule(block.output_projection)).any(dim=0).reshape(-1, part).any(dim=1)
            if not used.all():
                kept = used.nonzero() if used.any() else torch.zeros(1, 1, dtype=torch.long)
                prune_block(layer, block, (kept * part + torch.arange(part)).flatten())
    return model

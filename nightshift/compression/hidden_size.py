"""Students with a smaller hidden size: the dimensions of the hidden states that vary most are kept."""

import copy
from collections.abc import Iterable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from nightshift.models.architectures import get_architecture, head_size, inner_width, layers, trunk
from nightshift.models.heads import Model, compute_logits
from nightshift.training import feature_distillation
from nightshift.training.batching import model_inputs

SUPPORTED = ("bert", "roberta", "xlm-roberta", "camembert", "electra", "distilbert")
"""Architectures that can be narrowed."""
FULL_WIDTH = ("dense", "pre_classifier", "embeddings_project")
"""Layers outside the blocks whose outputs have the hidden size, by the ends of their names."""
M = TypeVar("M", bound=Model)


@torch.no_grad()
def highest_variance_dims(model: Model, batches: Iterable[dict[str, Any]], size: int) -> Tensor:
    """Return the hidden dimensions with the highest variance over tokens and layers, (size,), in ascending order.

    Args:
        model: The model whose hidden states are measured.
        batches: Batches as `nightshift.training.batching.Collator` makes them.
        size: Number of dimensions.
    """
    tokens = 0
    sums = squares = torch.zeros(())
    for batch in batches:
        with feature_distillation.record_features(model.eval(), {"hidden": 1.0}) as features:
            compute_logits(model, batch["objective"], model_inputs(batch))
        mask = batch["attention_mask"].bool()
        states = torch.stack([states[mask] for states in features.hidden_states]).double()
        tokens += states.shape[1]
        sums, squares = sums + states.sum(dim=1), squares + states.square().sum(dim=1)
    variances = squares / tokens - (sums / tokens).square()
    return variances.mean(dim=0).topk(size).indices.sort().values


def narrow(model: M, dims: Tensor) -> M:
    """Return a copy whose hidden states have only some dimensions; it has to be trained before it is of use.

    Stock `from_pretrained` loads it.

    Args:
        model: A model whose attention heads were pruned to `len(dims)` outputs in every layer
            (`nightshift.compression.pruning`).
        dims: Indices of the dimensions to keep, (dims,).

    Raises:
        ValueError: The architecture is not in `SUPPORTED`, or the heads do not fit.
    """
    if model.config.model_type not in SUPPORTED:
        raise ValueError(
            f"{model.config.model_type} models cannot be made narrower; those that can: {', '.join(SUPPORTED)}"
        )
    architecture, size = get_architecture(model), head_size(model)
    if any(inner_width(layer, architecture.attention) != len(dims) for layer in layers(model)):
        raise ValueError(f"{len(dims)} numbers take {len(dims) / size:g} attention heads of {size} in every layer")
    small = copy.deepcopy(model)
    input_projections, output_projections = _projections(small)
    config = small.config
    own_size = ()  # ELECTRA's embeddings have a size of their own and are projected
    if getattr(config, "embedding_size", config.hidden_size) != config.hidden_size:
        own_size = tuple(trunk(small).embeddings.modules())
    elif hasattr(config, "embedding_size"):
        config.embedding_size = len(dims)
    module: Any
    for name, module in small.named_modules():
        if module in own_size:
            continue
        if isinstance(module, nn.LayerNorm):
            module.normalized_shape = (len(dims),)
            _keep(module, 0, dims)
        if isinstance(module, nn.Embedding):
            module.embedding_dim = len(dims)
            _keep(module, 1, dims)
        if not isinstance(module, nn.Linear):
            continue
        if module not in output_projections and not name.endswith("embeddings_project"):
            module.in_features = len(dims)
            _keep(module, 1, dims)
        if module not in input_projections and (module in output_projections or name.endswith(FULL_WIDTH)):
            module.out_features = len(dims)
            _keep(module, 0, dims)
    config.hidden_size, config.num_attention_heads = len(dims), len(dims) // size
    return small


def _projections(model: Model) -> tuple[set[nn.Module], set[nn.Module]]:
    """Return the input and the output projections of all blocks."""
    pairs = [(layer, block) for layer in layers(model) for block in get_architecture(model).blocks]
    inputs = {layer.get_submodule(name) for layer, block in pairs for name in block.input_projections}
    return inputs, {layer.get_submodule(block.output_projection) for layer, block in pairs}


def _keep(module: Any, dim: int, indices: Tensor) -> None:
    module.weight = nn.Parameter(module.weight.detach().index_select(dim, indices))
    if dim == 0 and module.bias is not None:
        module.bias = nn.Parameter(module.bias.detach()[indices])

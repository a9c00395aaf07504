"""A student with a smaller hidden size: of the numbers that its layers hand on, those that vary most are kept."""

import copy
from collections.abc import Iterable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from nightshift.models.architectures import get_architecture, head_size, inner_width, layers, trunk
from nightshift.models.heads import Model, compute_logits
from nightshift.training import feature_distillation
from nightshift.training.batching import model_inputs

NARROWED = ("bert", "roberta", "xlm-roberta", "camembert", "electra", "distilbert")
FULL_WIDTH = ("dense", "pre_classifier", "embeddings_project")
"""Layers outside the blocks that write hidden numbers, by the ends of their names."""
M = TypeVar("M", bound=Model)


@torch.no_grad()
def highest_variance_dims(model: Model, batches: Iterable[dict[str, Any]], size: int) -> Tensor:
    """Places, (size,) in their order, of the hidden numbers with the greatest variance over tokens and layers.

    `batches` as `nightshift.training.batching.Collator` makes them.
    """
    tokens = 0
    sums = squares = torch.zeros(())
    for batch in batches:
        with feature_distillation.record_features(model.eval(), {"hidden": 1.0}) as inside:
            compute_logits(model, batch["objective"], model_inputs(batch))
        counted = batch["attention_mask"].bool()
        states = torch.stack([states[counted] for states in inside.hidden_states]).double()
        tokens += states.shape[1]
        sums, squares = sums + states.sum(dim=1), squares + states.square().sum(dim=1)
    variances = squares / tokens - (sums / tokens).square()
    return variances.mean(dim=0).topk(size).indices.sort().values


def narrow(model: M, kept: Tensor) -> M:
    """A copy whose hidden states are the given places of `model`'s; it has to be trained, stock `from_pretrained` loads it.

    `model` has so many attention heads left that they write `len(kept)` numbers (`nightshift.compression.pruning`).
    Raises ValueError for other architectures than `NARROWED`, and where the heads do not fit.
    """
    if model.config.model_type not in NARROWED:
        raise ValueError(
            f"{model.config.model_type} models cannot be made narrower; those that can: {', '.join(NARROWED)}"
        )
    names, size = get_architecture(model), head_size(model)
    if any(inner_width(layer, names.attention) != len(kept) for layer in layers(model)):
        raise ValueError(f"{len(kept)} numbers take {len(kept) / size:g} attention heads of {size} in every layer")
    small = copy.deepcopy(model)
    blocks = names.blocks
    readers = {
        layer.get_submodule(name) for layer in layers(small) for block in blocks for name in block.input_projections
    }
    writers = {layer.get_submodule(block.output_projection) for layer in layers(small) for block in blocks}
    config = small.config
    apart = ()  # embeddings of another size, which ELECTRA projects
    if getattr(config, "embedding_size", config.hidden_size) != config.hidden_size:
        apart = tuple(trunk(small).embeddings.modules())
    elif hasattr(config, "embedding_size"):
        config.embedding_size = len(kept)
    module: Any
    for name, module in small.named_modules():
        if module in apart:
            continue
        if isinstance(module, nn.LayerNorm):
            module.normalized_shape = (len(kept),)
            _keep(module, 0, kept)
        if isinstance(module, nn.Embedding):
            module.embedding_dim = len(kept)
            _keep(module, 1, kept)
        if isinstance(module, nn.Linear) and module not in writers and not name.endswith("embeddings_project"):
            module.in_features = len(kept)
            _keep(module, 1, kept)
        if isinstance(module, nn.Linear) and module not in readers and (module in writers or name.endswith(FULL_WIDTH)):
            module.out_features = len(kept)
            _keep(module, 0, kept)
    config.hidden_size, config.num_attention_heads = len(kept), len(kept) // size
    return small


def _keep(module: Any, dim: int, kept: Tensor) -> None:
    module.weight = nn.Parameter(module.weight.detach().index_select(dim, kept))
    if dim == 0 and module.bias is not None:
        module.bias = nn.Parameter(module.bias.detach()[kept])

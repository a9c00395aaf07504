"""Maps of the layers of known architectures, and functions that make a layer's blocks narrower or wider."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from nightshift.models.heads import Model, SharedTrunk

LAYER_PATHS = {
    "bert": "encoder.layer",
    "roberta": "encoder.layer",
    "xlm-roberta": "encoder.layer",
    "camembert": "encoder.layer",
    "electra": "encoder.layer",
    "mpnet": "encoder.layer",
    "deberta-v2": "encoder.layer",
    "modernbert": "layers",
    "distilbert": "transformer.layer",
    "gpt2": "h",
    "llama": "layers",
    "qwen2": "layers",
    "qwen3": "layers",
}
"""Module that holds the layers of each architecture, below `base_model`."""
ENCODER_DECODER_LAYER_PATHS = {
    "t5": {"num_layers": "encoder.block", "num_decoder_layers": "decoder.block"},
    "bart": {"encoder_layers": "encoder.layers", "decoder_layers": "decoder.layers"},
}
"""Modules that hold the layers of encoder-decoders, by the configuration's field for their number."""


def layers_path(model: PreTrainedModel) -> str:
    """Return the path of the module that holds the layers; raise ValueError unless it is in `LAYER_PATHS`."""
    model_type = model.config.model_type
    if model_type not in LAYER_PATHS:
        raise ValueError(f"{model_type} models cannot be cut yet; those that can: {', '.join(LAYER_PATHS)}")
    return LAYER_PATHS[model_type]


@dataclass(frozen=True)
class Block:
    """Names of the modules of an attention or feed-forward block, relative to the layer.

    The numbers between the input projections and the output projection are the inner units of the block: feed-forward
    neurons, or the outputs of all attention heads.
    """

    input_projections: tuple[str, ...]
    output_projection: str
    after_residual: str
    """Module whose input is the sum of the block's output and its residual; empty if the layer returns that sum."""


@dataclass(frozen=True)
class Architecture:
    """Blocks of an architecture's layers, and the configuration's field for the feed-forward width."""

    attention: Block
    feed_forward: Block
    intermediate_size_key: str
    can_prune_heads: bool = True
    """False if all layers share parameters with a part for each attention head."""
    supports_attention_relations: bool = True
    """True if queries, keys and values have the same width and are computed once a forward pass."""

    @property
    def blocks(self) -> tuple[Block, Block]:
        """The blocks in the order in which a layer runs them."""
        return self.attention, self.feed_forward


_SELF = "attention.self."
BERT = Architecture(
    Block((f"{_SELF}query", f"{_SELF}key", f"{_SELF}value"), "attention.output.dense", "attention.output.LayerNorm"),
    Block(("intermediate.dense",), "output.dense", "output.LayerNorm"),
    "intermediate_size",
)
DISTILBERT = Architecture(
    Block(("attention.q_lin", "attention.k_lin", "attention.v_lin"), "attention.out_lin", "sa_layer_norm"),
    Block(("ffn.lin1",), "ffn.lin2", "output_layer_norm"),
    "hidden_dim",
)
GPT2 = Architecture(
    Block(("attn.c_attn",), "attn.c_proj", "ln_2"),
    Block(("mlp.c_fc",), "mlp.c_proj", ""),
    "n_inner",
)
MPNET = Architecture(
    Block(("attention.attn.q", "attention.attn.k", "attention.attn.v"), "attention.attn.o", "attention.LayerNorm"),
    BERT.feed_forward,
    "intermediate_size",
    can_prune_heads=False,  # the encoder has a bias for each head and distance
)
DEBERTA = Architecture(
    Block(
        tuple(f"{_SELF}{name}_proj" for name in ("query", "key", "value", "pos_key", "pos_query")),
        "attention.output.dense",
        "attention.output.LayerNorm",
    ),
    BERT.feed_forward,
    "intermediate_size",
    supports_attention_relations=False,
)
MODERNBERT = Architecture(
    Block(("attn.Wqkv",), "attn.Wo", "mlp_norm"), Block(("mlp.Wi",), "mlp.Wo", ""), "intermediate_size"
)
LLAMA = Architecture(
    Block(("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"), "self_attn.o_proj", "post_attention_layernorm"),
    Block(("mlp.gate_proj", "mlp.up_proj"), "mlp.down_proj", ""),
    "intermediate_size",
    supports_attention_relations=False,
)
ARCHITECTURES = {
    "bert": BERT,
    "roberta": BERT,
    "xlm-roberta": BERT,
    "camembert": BERT,
    "electra": BERT,
    "mpnet": MPNET,
    "deberta-v2": DEBERTA,
    "modernbert": MODERNBERT,
    "distilbert": DISTILBERT,
    "gpt2": GPT2,
    "llama": LLAMA,
    "qwen2": LLAMA,
    "qwen3": LLAMA,
}


def trunk(model: Model) -> PreTrainedModel:
    """Return the model without its heads."""
    return (model.trunk if isinstance(model, SharedTrunk) else model).base_model


def layers(model: Model) -> list[nn.Module]:
    """Return the layers in their order; raise ValueError for an unknown architecture."""
    trunk_model = trunk(model)
    return list(trunk_model.get_submodule(layers_path(trunk_model)).children())


def max_positions(model: Model) -> int | None:
    """Return the number of tokens that a model can read, None for no limit.

    XLNet's configuration says -1 for no limit; RoBERTa's positions start after the padding token's.
    """
    maximum = getattr(model.config, "max_position_embeddings", None)
    tables = [module for name, module in model.named_modules() if name.endswith("position_embeddings")]
    offsets = [table.padding_idx + 1 for table in tables if getattr(table, "padding_idx", None) is not None]
    return maximum - max(offsets, default=0) if maximum and maximum > 0 else None


def get_architecture(model: Model) -> Architecture:
    """Return the architecture of a model; raise ValueError for an unknown one."""
    model_type = model.config.model_type
    if model_type not in ARCHITECTURES:
        raise ValueError(f"{model_type} models cannot be pruned yet; those that can: {', '.join(ARCHITECTURES)}")
    if getattr(trunk(model).get_submodule(layers_path(trunk(model)).rpartition(".")[0]), "conv", None):
        raise ValueError(f"{model_type} models with a convolution between their layers cannot be pruned yet")
    architecture = ARCHITECTURES[model_type]
    attention = architecture.attention
    modules = {name for name, _ in layers(model)[0].named_modules()}  # DeBERTa's projections of positions may be shared
    projections = tuple(name for name in attention.input_projections if name in modules)
    return replace(architecture, attention=replace(attention, input_projections=projections))


def head_size(model: Model) -> int:
    """Return the inner units of an attention head; if heads share keys, of all heads of such a group together."""
    num_heads = model.config.num_attention_heads
    return attention_width(model) // int(getattr(model.config, "num_key_value_heads", None) or num_heads)


def attention_width(model: Model) -> int:
    """Return the inner units of all attention heads in the configuration."""
    config = model.config
    size: int = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return size * int(config.num_attention_heads)


def inner_width(layer: nn.Module, block: Block) -> int:
    """Return the inner units of a block: feed-forward neurons, or attention heads times their size."""
    return weight_matrix(layer.get_submodule(block.output_projection)).shape[1]


def weight_matrix(module: nn.Module) -> Tensor:
    """Return a view of the weight as (outputs, inputs), also of GPT-2's Conv1D, which is stored transposed."""
    weight: Tensor = module.weight  # type: ignore[assignment]
    return weight.T if isinstance(module, Conv1D) else weight


def prune_block(layer: nn.Module, block: Block, keep: Tensor) -> None:
    """Remove the inner units of a block whose indices are not in `keep`."""
    _resize(layer, block, len(keep), keep, torch.arange(len(keep)))


def pad_block(layer: nn.Module, block: Block, size: int) -> None:
    """Pad a block with zeros to `size` inner units; the layer's output stays the same."""
    indices = torch.arange(inner_width(layer, block))
    _resize(layer, block, size, indices, indices)


def _resize(layer: nn.Module, block: Block, size: int, source: Tensor, target: Tensor) -> None:
    """Move inner unit `source[i]` of a block to index `target[i]` of `size`."""
    old_size = inner_width(layer, block)
    for name in block.input_projections:
        projection = layer.get_submodule(name)
        owner: Any = layer.get_submodule(name.rpartition(".")[0])
        rows = len(weight_matrix(projection))
        if rows < old_size:  # keys and values that several heads share
            group = owner.head_dim * old_size // rows
            first = source % group < owner.head_dim
            indices = [units[first] // group * owner.head_dim + units[first] % group for units in (source, target)]
            _move(projection, 0, size * rows // old_size, *indices)
            continue
        parts = range(rows // old_size)  # queries, keys and values in one matrix
        indices = [
            torch.cat([units + part * step for part in parts]) for units, step in ((source, old_size), (target, size))
        ]
        _move(projection, 0, size * len(parts), *indices)
        if hasattr(owner, "split_size"):
            owner.split_size = size
        if hasattr(owner, "num_attention_heads"):
            owner.num_attention_heads = size // owner.attention_head_size
    _move(layer.get_submodule(block.output_projection), 1, size, source, target)


def _move(module: Any, dim: int, size: int, source: Tensor, target: Tensor) -> None:
    """Move rows (dim 0) or columns (dim 1) `source` of a weight to `target` of `size`; the others become 0."""
    weight = weight_matrix(module).detach()
    shape = [size if axis == dim else length for axis, length in enumerate(weight.shape)]
    source, target = source.to(weight.device), target.to(weight.device)
    resized = weight.new_zeros(shape).index_copy(dim, target, weight.index_select(dim, source))
    module.weight = nn.Parameter((resized.T if isinstance(module, Conv1D) else resized).contiguous())
    if dim == 0 and module.bias is not None:
        bias = module.bias.detach()
        module.bias = nn.Parameter(bias.new_zeros(size).index_copy(0, target, bias[source]))
    attributes = ("nf", "nx") if isinstance(module, Conv1D) else ("out_features", "in_features")
    setattr(module, attributes[dim], size)

"""What a layer consists of, and how its parts are made narrower or wider, for the architectures in `LAYER_PATHS`."""

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
"""The module that holds the layers of each architecture, below `base_model`."""
ENCODER_DECODER_LAYER_PATHS = {
    "t5": {"num_layers": "encoder.block", "num_decoder_layers": "decoder.block"},
    "bart": {"encoder_layers": "encoder.layers", "decoder_layers": "decoder.layers"},
}
"""The modules that hold the layers of encoder-decoders, by the configuration's word for their number."""


def layers_path(model: PreTrainedModel) -> str:
    """Return where a model keeps its layers; raise ValueError for an architecture that is not in `LAYER_PATHS`."""
    kind = model.config.model_type
    if kind not in LAYER_PATHS:
        raise ValueError(f"{kind} models cannot be cut yet; those that can: {', '.join(LAYER_PATHS)}")
    return LAYER_PATHS[kind]


@dataclass(frozen=True)
class Block:
    """Names inside a layer: who reads its input, who writes to its output, and where that is added to what came in."""

    input_projections: tuple[str, ...]
    output_projection: str
    after_residual: str
    """A module that gets the sum as its input; empty where the sum is what the layer returns."""


@dataclass(frozen=True)
class Architecture:
    """One architecture: both blocks of its layers, and its configuration's word for the feed-forward width."""

    attention: Block
    feed_forward: Block
    intermediate_size_key: str
    can_prune_heads: bool = True
    """False where all layers share something that has a part for each attention head."""
    supports_attention_relations: bool = True
    """True if queries, keys and values are equally wide and computed once a forward pass."""

    @property
    def blocks(self) -> tuple[Block, Block]:
        """In the order in which a layer runs them."""
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
    """The model without its heads."""
    return (model.trunk if isinstance(model, SharedTrunk) else model).base_model


def layers(model: Model) -> list[nn.Module]:
    """In their order. Raises ValueError for an architecture we do not know."""
    inner = trunk(model)
    return list(inner.get_submodule(layers_path(inner)).children())


def max_positions(model: Model) -> int | None:
    """Return how many tokens it can read, None where there is no limit (XLNet says -1); RoBERTa's begin after the padding token's."""
    longest = getattr(model.config, "max_position_embeddings", None)
    tables = [module for name, module in model.named_modules() if name.endswith("position_embeddings")]
    before = [table.padding_idx + 1 for table in tables if getattr(table, "padding_idx", None) is not None]
    return longest - max(before, default=0) if longest and longest > 0 else None


def get_architecture(model: Model) -> Architecture:
    """Return that of the model's architecture. Raises ValueError for one we do not know."""
    kind = model.config.model_type
    if kind not in ARCHITECTURES:
        raise ValueError(f"{kind} models cannot be pruned yet; those that can: {', '.join(ARCHITECTURES)}")
    if getattr(trunk(model).get_submodule(layers_path(trunk(model)).rpartition(".")[0]), "conv", None):
        raise ValueError(f"{kind} models with a convolution between their layers cannot be pruned yet")
    names = ARCHITECTURES[kind]
    modules = {name for name, _ in layers(model)[0].named_modules()}  # DeBERTa's projections of positions may be shared
    readers = tuple(name for name in names.attention.input_projections if name in modules)
    return replace(names, attention=replace(names.attention, input_projections=readers))


def head_size(model: Model) -> int:
    """Return how many numbers a token one attention head writes; where heads share keys, all heads of such a group."""
    heads = model.config.num_attention_heads
    return attention_width(model) // int(getattr(model.config, "num_key_value_heads", None) or heads)


def attention_width(model: Model) -> int:
    """Return how many numbers a token all attention heads write that the configuration speaks of."""
    config = model.config
    size: int = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return size * int(config.num_attention_heads)


def inner_width(layer: nn.Module, block: Block) -> int:
    """Numbers a token that enter the block's writer: feed-forward neurons, or attention heads times their size."""
    writer = layer.get_submodule(block.output_projection)
    return weight_matrix(writer).shape[1]


def weight_matrix(module: nn.Module) -> Tensor:
    """The weight as (outputs, inputs), also GPT-2's, which lies the other way round; a view."""
    found: Tensor = module.weight  # type: ignore[assignment]
    return found.T if isinstance(module, Conv1D) else found


def prune_block(layer: nn.Module, block: Block, keep: Tensor) -> None:
    """Keep only the given ones of the numbers that enter the block's writer."""
    _resize(layer, block, len(keep), keep, torch.arange(len(keep)))


def pad_block(layer: nn.Module, block: Block, size: int) -> None:
    """Append zeros up to `size` numbers that enter the block's writer; what the layer answers stays the same."""
    old = torch.arange(inner_width(layer, block))
    _resize(layer, block, size, old, old)


def _resize(layer: nn.Module, block: Block, size: int, source: Tensor, target: Tensor) -> None:
    """Row `source[i]` of the readers, and that column of the writer, goes to place `target[i]` of `size`."""
    before = inner_width(layer, block)
    for name in block.input_projections:
        reader = layer.get_submodule(name)
        owner: Any = layer.get_submodule(name.rpartition(".")[0])
        rows = len(weight_matrix(reader))
        if rows < before:  # keys and values that several heads share
            group = owner.head_dim * before // rows
            first = source % group < owner.head_dim
            spots = [places[first] // group * owner.head_dim + places[first] % group for places in (source, target)]
            _move(reader, 0, size * rows // before, *spots)
            continue
        parts = range(rows // before)
        spots = [
            torch.cat([places + part * step for part in parts]) for places, step in ((source, before), (target, size))
        ]
        _move(reader, 0, size * len(parts), *spots)
        if hasattr(owner, "split_size"):
            owner.split_size = size
        if hasattr(owner, "num_attention_heads"):
            owner.num_attention_heads = size // owner.attention_head_size
    _move(layer.get_submodule(block.output_projection), 1, size, source, target)


def _move(module: Any, dim: int, size: int, source: Tensor, target: Tensor) -> None:
    old = weight_matrix(module).detach()
    shape = [size if place == dim else length for place, length in enumerate(old.shape)]
    source, target = source.to(old.device), target.to(old.device)
    new = old.new_zeros(shape).index_copy(dim, target, old.index_select(dim, source))
    module.weight = nn.Parameter((new.T if isinstance(module, Conv1D) else new).contiguous())
    if dim == 0 and module.bias is not None:
        bias = module.bias.detach()
        module.bias = nn.Parameter(bias.new_zeros(size).index_copy(0, target, bias[source]))
    words = ("nf", "nx") if isinstance(module, Conv1D) else ("out_features", "in_features")
    setattr(module, words[dim], size)

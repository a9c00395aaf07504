"""Students with fewer layers than their teacher, initialised from its layers."""

import copy
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from transformers import PreTrainedModel

from nightshift.models.architectures import ENCODER_DECODER_LAYER_PATHS, layers_path
from nightshift.models.heads import Model


def spread(total: int, count: int) -> list[int]:
    """Return evenly spaced layers, the first and the last among them; of one layer the first."""
    if count == 1:
        return [0]
    return [round(i * (total - 1) / (count - 1)) for i in range(count)]


def first(_total: int, count: int) -> list[int]:
    """Return the layers next to the input: the best to keep in most of Sajjad et al. 2020, arXiv 2004.03844."""
    return list(range(count))


def last(total: int, count: int) -> list[int]:
    """Return the layers next to the output."""
    return list(range(total - count, total))


def every_kth(total: int, count: int) -> list[int]:
    """Return every k-th layer from the bottom, k = total // count.

    Sanh et al. 2019 (DistilBERT), arXiv 1910.01108, section 3.
    """
    return [index * (total // count) for index in range(count)]


def alternating(total: int, count: int) -> list[int]:
    """Return the layers that remain after every other one is dropped, from the last but one downwards, again and again.

    Odd alternate dropping of Sajjad et al. 2020, arXiv 2004.03844.
    """
    indices = list(range(total))
    while len(indices) > count:
        drop = indices[-2::-2][: len(indices) - count]
        indices = [index for index in indices if index not in drop]
    return indices


M = TypeVar("M", bound=Model)
STRATEGIES: dict[str, Callable[[int, int], list[int]]] = {
    "spread": spread,
    "first": first,
    "last": last,
    "every": every_kth,
    "alternating": alternating,
}
"""Functions by the name of the setting: from the number of layers and the number to keep to their indices, in order."""


def drop_layers(teacher: M, layers: int, strategy: str = "spread") -> M:
    """Return a copy of the teacher with fewer layers; its heads stay, and stock `from_pretrained` loads it.

    Args:
        teacher: The model to copy.
        layers: Number of layers to keep; of an encoder-decoder that of the encoder, and the decoder keeps the same
            share.
        strategy: One of `STRATEGIES`.

    Raises:
        ValueError: The teacher has fewer layers, the number is 0, or the architecture is unknown.
    """
    total = teacher.config.num_hidden_layers
    if not 1 <= layers <= total:
        raise ValueError(f"a student of a teacher with {total} layers has 1 to {total}, not {layers}")
    student = copy.deepcopy(teacher)
    inner: PreTrainedModel = getattr(student, "trunk", student).base_model
    kind = inner.config.model_type
    if kind in ENCODER_DECODER_LAYER_PATHS:
        paths = ENCODER_DECODER_LAYER_PATHS[kind]
    else:
        paths = {"num_hidden_layers": layers_path(inner)}
    for config_key, path in paths.items():
        size = getattr(inner.config, config_key)
        count = max(1, round(size * layers / total))
        _keep_layers(inner, path, STRATEGIES[strategy](size, count))
        setattr(inner.config, config_key, count)
    return student


def _keep_layers(model: PreTrainedModel, path: str, indices: list[int]) -> None:
    parent_path, _, name = path.rpartition(".")
    parent = model.get_submodule(parent_path)
    old = list(parent.get_submodule(name).children())
    new = [old[index] for index in indices]
    if indices[0] and model.config.model_type == "t5":
        _move_position_bias(old[0], new[0])
    if indices[0] and hasattr(new[0], "attn_norm"):
        # the embeddings' normalisation comes right before a ModernBERT's first layer
        new[0].attn_norm = torch.nn.Identity()
    if getattr(model.config, "layer_types", None):
        model.config.layer_types = [model.config.layer_types[index] for index in indices]
    setattr(parent, name, torch.nn.ModuleList(new))
    module: Any
    for index, layer in enumerate(new):
        for module in layer.modules():
            if hasattr(module, "layer_idx"):
                module.layer_idx = index


def _move_position_bias(source: Any, target: Any) -> None:
    source_attention, target_attention = (block.layer[0].SelfAttention for block in (source, target))
    target_attention.relative_attention_bias = source_attention.relative_attention_bias
    target_attention.has_relative_attention_bias = True

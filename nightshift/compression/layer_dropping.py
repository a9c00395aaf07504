"""A student with fewer layers, initialised from its teacher's."""

import copy
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from transformers import PreTrainedModel

from nightshift.models.architectures import ENCODER_DECODER_LAYER_PATHS, layers_path
from nightshift.models.heads import Model


def spread(total: int, kept: int) -> list[int]:
    """Evenly spaced, the first and the last among them (of one: the first)."""
    if kept == 1:
        return [0]
    return [round(i * (total - 1) / (kept - 1)) for i in range(kept)]


def first(_total: int, kept: int) -> list[int]:
    """Those next to the input: the best to keep in most of Sajjad et al. 2020, arXiv 2004.03844."""
    return list(range(kept))


def last(total: int, kept: int) -> list[int]:
    """Those next to the output."""
    return list(range(total - kept, total))


def every(total: int, kept: int) -> list[int]:
    """Every k-th from the bottom, k = total // kept: Sanh et al. 2019 (DistilBERT), arXiv 1910.01108, section 3."""
    return [place * (total // kept) for place in range(kept)]


def alternating(total: int, kept: int) -> list[int]:
    """Every other one is dropped, from the last but one downwards and then again from there, until enough are gone.

    Odd alternate dropping of Sajjad et al. 2020, arXiv 2004.03844.
    """
    left = list(range(total))
    while len(left) > kept:
        dropped = left[-2::-2][: len(left) - kept]
        left = [place for place in left if place not in dropped]
    return left


M = TypeVar("M", bound=Model)
STRATEGIES: dict[str, Callable[[int, int], list[int]]] = {
    "spread": spread,
    "first": first,
    "last": last,
    "every": every,
    "alternating": alternating,
}
"""Which of a teacher's `total` layers the `kept` ones of a student are taken from, in their order."""


def drop_layers(teacher: M, layers: int, strategy: str = "spread") -> M:
    """A copy of the teacher with `layers` of its layers, chosen by one of `STRATEGIES`; heads stay.

    Of an encoder-decoder so many of the encoder's, and the same share of the decoder's. Stock `from_pretrained` loads
    it. Raises ValueError for more layers than the teacher has, or none, and for an architecture we do not know.
    """
    total = teacher.config.num_hidden_layers
    if not 1 <= layers <= total:
        raise ValueError(f"a student of a teacher with {total} layers has 1 to {total}, not {layers}")
    student = copy.deepcopy(teacher)
    inner: PreTrainedModel = getattr(student, "trunk", student).base_model
    kind = inner.config.model_type
    stacks = (
        ENCODER_DECODER_LAYER_PATHS[kind]
        if kind in ENCODER_DECODER_LAYER_PATHS
        else {"num_hidden_layers": layers_path(inner)}
    )
    for word, path in stacks.items():
        size = getattr(inner.config, word)
        kept = max(1, round(size * layers / total))
        _thin(inner, path, STRATEGIES[strategy](size, kept))
        setattr(inner.config, word, kept)
    return student


def _thin(model: PreTrainedModel, path: str, picked: list[int]) -> None:
    parent, _, name = path.rpartition(".")
    owner = model.get_submodule(parent)
    old = list(owner.get_submodule(name).children())
    new = [old[place] for place in picked]
    if picked[0] and model.config.model_type == "t5":
        _give_positions(old[0], new[0])
    if picked[0] and hasattr(
        new[0], "attn_norm"
    ):  # the embeddings' normalisation comes right before a ModernBERT's first layer
        new[0].attn_norm = torch.nn.Identity()
    if getattr(model.config, "layer_types", None):
        model.config.layer_types = [model.config.layer_types[place] for place in picked]
    setattr(owner, name, torch.nn.ModuleList(new))
    numbered: Any
    for place, layer in enumerate(new):
        for numbered in layer.modules():
            if hasattr(numbered, "layer_idx"):
                numbered.layer_idx = place


def _give_positions(source: Any, target: Any) -> None:
    before, after = (block.layer[0].SelfAttention for block in (source, target))
    after.relative_attention_bias, after.has_relative_attention_bias = before.relative_attention_bias, True

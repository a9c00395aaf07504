"""Structured pruning of feed-forward neurons: rows and columns are cut out, so file and latency shrink."""

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from models import losses
from models.heads import Head
from models.student import layers_path


@dataclass(frozen=True)
class FeedForward:
    """Names inside a layer, and the configuration's word for the width."""

    inner: str
    outer: str
    width: str
    inner_dim: int = 0
    """Dimension of the inner weight that counts neurons: 0 for Linear (out, in), 1 for GPT-2's Conv1D (in, out)."""


BERT = FeedForward("intermediate.dense", "output.dense", "intermediate_size")
FEED_FORWARD = {
    "bert": BERT,
    "roberta": BERT,
    "xlm-roberta": BERT,
    "electra": BERT,
    "distilbert": FeedForward("ffn.lin1", "ffn.lin2", "hidden_dim"),
    "gpt2": FeedForward("mlp.c_fc", "mlp.c_proj", "n_inner", inner_dim=1),
}


def _layers(model: PreTrainedModel) -> tuple[FeedForward, list[nn.Module]]:
    layers = model.base_model.get_submodule(layers_path(model))
    return FEED_FORWARD[model.config.model_type], list(layers.children())


def ffn_importance(model: PreTrainedModel, batches: list[dict[str, Tensor]], head: Head) -> list[Tensor]:
    """First-order Taylor importance of each feed-forward neuron: Σ |activation · gradient| over rows and tokens.

    One tensor of shape (neurons,) a layer. `batches` carry `labels`. Molchanov et al. 2019, arXiv 1906.10771, eq. 8,
    on the activation that enters the outer projection.
    """
    names, layers = _layers(model)
    totals = [torch.zeros(()) for _ in layers]

    def watch(place: int) -> Any:
        def hook(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            activation = inputs[0]

            def collect(gradient: Tensor) -> None:
                found = (activation * gradient).abs().flatten(0, -2).sum(0)
                totals[place] = totals[place] + found.detach().cpu()

            activation.register_hook(collect)  # type: ignore[no-untyped-call]

        return hook

    hooks = [layer.get_submodule(names.outer).register_forward_pre_hook(watch(i)) for i, layer in enumerate(layers)]
    model.eval()
    for batch in batches:
        logits = model(**{name: value for name, value in batch.items() if name != "labels"}).logits
        losses.loss(head, logits, batch["labels"], None, 1.0, 0.0).backward()  # type: ignore[no-untyped-call]
        model.zero_grad()
    for hook in hooks:
        hook.remove()
    return totals


def prune_ffn(model: PreTrainedModel, importance: list[Tensor], width: int) -> PreTrainedModel:
    """A copy whose layers keep their `width` most important feed-forward neurons, the same number in each,
    so that stock `from_pretrained` loads it.
    """
    pruned = copy.deepcopy(model)
    names, layers = _layers(pruned)
    for layer, scores in zip(layers, importance, strict=True):
        keep = scores.topk(min(width, len(scores))).indices.sort().values
        inner, outer = layer.get_submodule(names.inner), layer.get_submodule(names.outer)
        _cut(inner, "weight", names.inner_dim, keep)
        _cut(inner, "bias", 0, keep)
        _cut(outer, "weight", 1 - names.inner_dim, keep)
        for module, size in ((inner, "out_features"), (outer, "in_features")):
            if hasattr(module, size):
                setattr(module, size, len(keep))
        if hasattr(inner, "nf"):
            setattr(inner, "nf", len(keep))  # noqa: B010
    setattr(pruned.config, names.width, min(width, len(importance[0])))
    return pruned


def _cut(module: nn.Module, name: str, dim: int, keep: Tensor) -> None:
    old = getattr(module, name)
    setattr(module, name, nn.Parameter(old.detach().index_select(dim, keep.to(old.device)).contiguous()))

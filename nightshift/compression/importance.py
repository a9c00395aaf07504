"""Importance of feed-forward neurons and attention heads for a model's loss, estimated by gradients in one pass."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import softmax

from nightshift.compression.activation_hooks import BlockHooks, hooked_blocks
from nightshift.models.architectures import get_architecture, head_size, inner_width, layers
from nightshift.models.heads import Head, Heads, Model, compute_logits
from nightshift.training import losses
from nightshift.training.batching import model_inputs
from nightshift.training.tokenization import IGNORED


@dataclass(frozen=True)
class Importance:
    """Importance in the unit of the loss: comparable between layers, and between neurons and heads."""

    neurons: list[Tensor]
    """(neurons,) of each layer."""
    heads: list[Tensor]
    """(heads,) of each layer."""


def uniform_importance(model: Model) -> Importance:
    """Return the same importance for all neurons and heads, for pruned models of which only the shape matters."""
    architecture, size = get_architecture(model), head_size(model)
    return Importance(
        neurons=[torch.ones(inner_width(layer, architecture.feed_forward)) for layer in layers(model)],
        heads=[torch.ones(inner_width(layer, architecture.attention) // size) for layer in layers(model)],
    )


def compute_importance(model: Model, batches: Iterable[dict[str, Any]], heads: Heads) -> Importance:
    """Estimate by how much the mean loss would rise without each neuron or head, up to a common factor.

    The losses of several objectives are added with their weights. The estimate is the diagonal of the Fisher
    information of masks over neurons and heads, E[(∂loss/∂mask)²]: Kwon et al. 2022, arXiv 2204.09656, section 4.1;
    masks over heads are those of Michel et al. 2019, arXiv 1905.10650, section 4.1. The labels are sampled from the
    model's own predictions, as the Fisher information requires: with the labels of rows that it was trained on it has
    hardly any gradient (Kunstner et al. 2019, arXiv 1905.12558, section 3).

    Args:
        model: The model that is to be pruned.
        batches: Batches as `nightshift.training.batching.Collator` makes them.
        heads: The model's objectives by name.
    """
    all_layers = layers(model)
    sizes = [head_size(model), 1] * len(all_layers)
    device = next(model.parameters()).device
    generators = {name: torch.Generator().manual_seed(0) for name in heads}
    totals = {name: [torch.zeros(()) for _ in sizes] for name in heads}
    rows = dict.fromkeys(heads, 0)
    model.eval()
    with torch.enable_grad(), hooked_blocks(all_layers, get_architecture(model).blocks) as hooks:
        for batch in batches:
            name = batch["objective"]
            inputs = {key: value.to(device) for key, value in model_inputs(batch).items()}
            logits = compute_logits(model, name, inputs)
            labels = sample_labels(heads[name], logits, batch["labels"].to(device), generators[name])
            loss = losses.summed_loss(heads[name], logits, labels, None, 1.0, 0.0)
            squares = _squared_mask_gradients(loss, hooks, sizes)
            totals[name] = [total + square for total, square in zip(totals[name], squares, strict=True)]
            rows[name] += len(batch["labels"])
    weights = {name: head.weight / rows[name] for name, head in heads.items() if rows[name]}
    by_block = [
        sum((weight * totals[name][block] for name, weight in weights.items()), torch.zeros(()))
        for block in range(len(sizes))
    ]
    return Importance(neurons=by_block[1::2], heads=by_block[::2])


def _squared_mask_gradients(loss: Tensor, hooks: list[BlockHooks], sizes: list[int]) -> list[Tensor]:
    """Return the squared gradients of each block's masks, summed over rows, (parts of the block,)."""
    gradients = torch.autograd.grad(loss, [hook.projection_input for hook in hooks])
    squares = []
    for hook, gradient, size in zip(hooks, gradients, sizes, strict=True):
        by_row = (hook.projection_input.detach() * gradient).sum(dim=1)
        squares.append(by_row.reshape(len(by_row), -1, size).sum(dim=-1).square().sum(dim=0).cpu())
    return squares


@torch.no_grad()
def sample_labels(head: Head, logits: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
    """Sample labels from a model's own predictions.

    Args:
        head: The objective. For regression the sample is the prediction plus standard normal noise, in units of the
            scaled labels.
        logits: The model's predictions.
        labels: Labels of the rows; a decoder's are sampled only where it has some.
        generator: Random numbers, on the CPU.

    Returns:
        Labels of the shape and on the device of `labels`.
    """
    logits = logits.float().cpu()
    if head.kind == "regression":
        return (logits + torch.randn(logits.shape, generator=generator)).to(labels)
    if head.separator is not None:
        return torch.bernoulli(torch.sigmoid(logits), generator=generator).to(labels)
    classes = torch.multinomial(softmax(logits.flatten(0, -2), dim=-1), 1, generator=generator)
    classes = classes.reshape(logits.shape[:-1]).to(labels)
    if not head.generative:
        return classes
    return torch.where(labels == IGNORED, labels, classes.roll(1, dims=1))

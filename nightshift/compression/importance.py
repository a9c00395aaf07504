"""What a model would lose without a feed-forward neuron or an attention head, told by gradients in one pass."""

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
    """In the unit of the loss: comparable between layers, and between neurons and heads."""

    neurons: list[Tensor]
    """(neurons,) a layer."""
    heads: list[Tensor]
    """(heads,) a layer."""


def uniform_importance(model: Model) -> Importance:
    """All neurons and heads of a model equally important: to cut a model of which only the shape matters."""
    names, every, size = get_architecture(model), layers(model), head_size(model)
    return Importance(
        [torch.ones(inner_width(layer, names.feed_forward)) for layer in every],
        [torch.ones(inner_width(layer, names.attention) // size) for layer in every],
    )


def compute_importance(model: Model, batches: Iterable[dict[str, Any]], heads: Heads) -> Importance:
    """How much the mean loss would rise without each neuron or head, up to a common factor.

    Of several objectives the sum by their weights. `batches` as `nightshift.training.batching.Collator` makes them. The diagonal of
    the Fisher information of masks over neurons and heads, E[(∂loss/∂mask)²]: Kwon et al. 2022, arXiv 2204.09656,
    section 4.1; masks over heads are those of Michel et al. 2019, arXiv 1905.10650, section 4.1. The labels are drawn
    from what the model answers, as the Fisher information wants it: by those of rows that it was trained on it has
    hardly any gradient (Kunstner et al. 2019, arXiv 1905.12558, section 3).
    """
    names, every = get_architecture(model), layers(model)
    sizes = [head_size(model), 1] * len(every)
    device = next(model.parameters()).device
    random = {name: torch.Generator().manual_seed(0) for name in heads}
    totals = {name: [torch.zeros(()) for _ in sizes] for name in heads}
    seen = dict.fromkeys(heads, 0)
    model.eval()
    with torch.enable_grad(), hooked_blocks(every, names.blocks) as watches:
        for batch in batches:
            name = batch["objective"]
            told = {key: value.to(device) for key, value in model_inputs(batch).items()}
            answer = compute_logits(model, name, told)
            labels = sample_labels(heads[name], answer, batch["labels"].to(device), random[name])
            loss = losses.summed_loss(heads[name], answer, labels, None, 1.0, 0.0)
            found = _mask_gradients(loss, watches, sizes)
            totals[name] = [old + new for old, new in zip(totals[name], found, strict=True)]
            seen[name] += len(batch["labels"])
    weights = {name: head.weight / seen[name] for name, head in heads.items() if seen[name]}
    summed = [sum((weights[n] * totals[n][at] for n in weights), torch.zeros(())) for at in range(len(sizes))]
    return Importance(neurons=summed[1::2], heads=summed[::2])


def _mask_gradients(loss: Tensor, watches: list[BlockHooks], sizes: list[int]) -> list[Tensor]:
    """Squared and summed over rows, for each block (size of what enters // size of a part,)."""
    gradients = torch.autograd.grad(loss, [watch.entering for watch in watches])
    found = []
    for watch, gradient, size in zip(watches, gradients, sizes, strict=True):
        rows = (watch.entering.detach() * gradient).sum(dim=1)
        found.append(rows.reshape(len(rows), -1, size).sum(dim=-1).square().sum(dim=0).cpu())
    return found


@torch.no_grad()
def sample_labels(head: Head, logits: Tensor, labels: Tensor, random: torch.Generator) -> Tensor:
    """Labels of the shape and on the device of `labels`, drawn from what a model itself answers; a decoder's where it predicts one.

    Of a number the answer and a standard normal, in units of the scaled labels.
    """
    said = logits.float().cpu()
    if head.kind == "regression":
        return (said + torch.randn(said.shape, generator=random)).to(labels)
    if head.separator is not None:
        return torch.bernoulli(torch.sigmoid(said), generator=random).to(labels)
    classes = torch.multinomial(softmax(said.flatten(0, -2), dim=-1), 1, generator=random)
    classes = classes.reshape(said.shape[:-1]).to(labels)
    if not head.generative:
        return classes
    return torch.where(labels == IGNORED, labels, classes.roll(1, dims=1))

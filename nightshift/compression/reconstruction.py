"""A pruned model mended without training: what is left of each layer learns by least squares to answer for what was cut."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from nightshift.compression.activation_hooks import hooked_blocks
from nightshift.models.architectures import Block, get_architecture, layers, trunk, weight_matrix
from nightshift.models.heads import Model, compute_logits, is_decoder
from nightshift.training.batching import model_inputs

RIDGE = 1.0
"""Pull towards the weights as they are, in shares of the mean square of what enters."""


@torch.no_grad()
def reconstruct(pruned: Model, parent: Model, batches: Iterable[dict[str, Any]], ridge: float = RIDGE) -> None:
    """Solve each output projection of `pruned` anew, so that every layer's sums come nearest to `parent`'s on `batches`.

    Layer after layer, attention before feed-forward, each with what the mended layers before it hand on, so that it
    makes up for their errors too. A token counts as much as its sum moves the parent's answer (the gradient's square).
    `batches` as `nightshift.training.batching.Collator` makes them; their hidden states are held in memory about five times.

    Kwon et al. 2022, arXiv 2204.09656, section 4.3, solve so for masks; a projection's weights are solved for as in
    Frantar and Alistarh 2023, arXiv 2301.00774, section 3.1. The weights of tokens are ours: without them mending made
    the answers on SST-2 worse.
    """
    rows = list(batches)
    ours, theirs = ([_entering(model, batch) for batch in rows] for model in (pruned, parent))
    blocks = get_architecture(parent).blocks
    for batch, told in zip(theirs, rows, strict=True):
        batch.felt = _felt(parent, told)
    for number, (layer, original) in enumerate(zip(layers(pruned), layers(parent), strict=True)):
        wanted = []
        for batch in theirs:
            with hooked_blocks([original], blocks) as watches:
                batch.run(original, number)
            wanted.append([watch.total for watch in watches])
        _fit(layer, number, ours, wanted, [batch.felt[2 * number :] for batch in theirs], blocks, ridge)
        for batch in theirs:
            batch.hidden = batch.output


def _fit(
    layer: nn.Module,
    number: int,
    rows: list["_Batch"],
    wanted: list[list[Tensor]],
    felt: list[list[Tensor]],
    blocks: Sequence[Block],
    ridge: float,
) -> None:
    """Change a layer, the `number`-th, and take the rows through it."""
    for place, block in enumerate(blocks):
        normal = _Normal(layer.get_submodule(block.output_projection))
        with hooked_blocks([layer], [block]) as (watch,):
            for batch, totals, weights in zip(rows, wanted, felt, strict=True):
                batch.run(layer, number)
                missing = (totals[place] - watch.total)[batch.counted]
                normal.add(watch.entering[batch.counted], missing, weights[place][batch.counted])
        normal.solve(ridge)
    for batch in rows:
        batch.run(layer, number)
        batch.hidden = batch.output


@dataclass
class _Batch:
    """Rows on their way through a model."""

    counted: Tensor
    """(rows, tokens), true where there is no padding."""
    hidden: Tensor
    """What the next layer reads, (rows, tokens, size)."""
    beside: list[tuple[tuple[Any, ...], dict[str, Any]]]
    """What each layer is told besides, by its place and by name."""
    output: Tensor = field(default_factory=lambda: torch.empty(0))
    """What the layer that was run last answered."""
    felt: list[Tensor] = field(default_factory=list)
    """How much each token of each block's sum counts, (rows, tokens)."""

    def run(self, layer: nn.Module, number: int) -> None:
        more, named = self.beside[number]
        output = layer(self.hidden, *more, **named)
        self.output = output if isinstance(output, Tensor) else output[0]


def _inputs(model: Model, batch: dict[str, Any]) -> dict[str, Any]:
    device = next(model.parameters()).device
    return {name: value.to(device) for name, value in model_inputs(batch).items()}


def _entering(model: Model, batch: dict[str, Any]) -> _Batch:
    """Return what the layers are given."""
    given: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def note(_module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
        given.append((inputs, named))

    inputs = _inputs(model, batch)
    handles = [layer.register_forward_pre_hook(note, with_kwargs=True) for layer in layers(model.eval())]
    try:
        trunk(model)(**inputs, **({"use_cache": False} if is_decoder(model.config) else {}))
    finally:
        for handle in handles:
            handle.remove()
    mask = inputs.get("attention_mask", torch.ones_like(inputs["input_ids"])).bool()
    return _Batch(mask, given[0][0][0], [(more[1:], named) for more, named in given])


def _felt(model: Model, batch: dict[str, Any]) -> list[Tensor]:
    """Squared gradients of the margin between the two likeliest answers, or of the one number, by each block's sums."""
    with torch.enable_grad(), hooked_blocks(layers(model), get_architecture(model).blocks) as watches:
        answer = compute_logits(model, batch["objective"], _inputs(model, batch))
        best = answer.topk(min(2, answer.shape[-1])).values
        margin = best[..., 0].sum() - best[..., 1:].sum()
        gradients = torch.autograd.grad(margin, [watch.total for watch in watches])
    return [gradient.square().sum(dim=-1) for gradient in gradients]


class _Normal:
    """The normal equations of a change to a projection, and to its bias where it has one."""

    def __init__(self, projection: Any) -> None:
        self.projection = projection
        self.biased = int(projection.bias is not None)
        size = weight_matrix(projection).shape[1] + self.biased
        self.squares = torch.zeros(size, size, dtype=torch.float64)
        self.products = torch.zeros(size, len(weight_matrix(projection)), dtype=torch.float64)

    def add(self, entering: Tensor, missing: Tensor, felt: Tensor) -> None:
        """Tokens' inputs, what the outputs lack, and how much each counts."""
        known = nn.functional.pad(entering, (0, self.biased), value=1.0)
        weighted = (known * felt[:, None]).T
        self.squares += (weighted @ known).cpu()
        self.products += (weighted @ missing).cpu()

    def solve(self, ridge: float) -> None:
        """Change the projection; the bias is not pulled."""
        inner = self.squares.diagonal()[: weight_matrix(self.projection).shape[1]]
        inner.add_(ridge * inner.mean()).clamp_(min=torch.finfo(inner.dtype).tiny)
        change = torch.linalg.solve(self.squares, self.products).to(self.projection.weight)
        weight_matrix(self.projection).add_(change[: len(inner)].T)
        if self.biased:
            self.projection.bias.add_(change[-1])

"""Reconstruction of a pruned model by least squares, without training: the rest of each layer replaces what was cut."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from nightshift.compression.activation_hooks import hooked_blocks
from nightshift.models.architectures import Block, get_architecture, layers, trunk, weight_matrix
from nightshift.models.heads import Model, compute_logits, is_decoder
from nightshift.training.batching import model_inputs

RIDGE = 1.0
"""Penalty on changes of the weights, as a share of the mean square of the inputs."""


@torch.no_grad()
def reconstruct(pruned: Model, parent: Model, batches: Iterable[dict[str, Any]], ridge: float = RIDGE) -> None:
    """Solve each output projection of `pruned` anew, so that every layer's sums come nearest to `parent`'s.

    Layers are solved one after another, attention before feed-forward, each on the outputs of the solved layers before
    it, so that it makes up for their errors too. A token's weight is the squared gradient of the parent's prediction by
    its sum.

    Kwon et al. 2022, arXiv 2204.09656, section 4.3, solve so for masks; a projection's weights are solved for as in
    Frantar and Alistarh 2023, arXiv 2301.00774, section 3.1. The weights of tokens are ours: without them
    reconstruction made the predictions on SST-2 worse.

    Args:
        pruned: The pruned model; its projections are changed in place.
        parent: The model that it was pruned from.
        batches: Batches as `nightshift.training.batching.Collator` makes them; their hidden states are held in memory
            about five times.
        ridge: Penalty on changes, see `RIDGE`.
    """
    collated = list(batches)
    pruned_batches, parent_batches = (
        [_first_layer_inputs(model, batch) for batch in collated] for model in (pruned, parent)
    )
    blocks = get_architecture(parent).blocks
    token_weights = [_token_weights(parent, batch) for batch in collated]
    for index, (layer, parent_layer) in enumerate(zip(layers(pruned), layers(parent), strict=True)):
        targets = []
        for batch, weights in zip(parent_batches, token_weights, strict=True):
            with hooked_blocks([parent_layer], blocks) as hooks:
                batch.run(parent_layer, index)
            batch.hidden = batch.output
            first = len(blocks) * index
            targets.append([_Target(hook.residual_sum, weights[first + number]) for number, hook in enumerate(hooks)])
        _solve_layer(layer, index, blocks, pruned_batches, targets, ridge)


class _Target(NamedTuple):
    """The sums of one block of the parent for one batch, and how much each token counts."""

    sums: Tensor
    """(rows, tokens, hidden size)."""
    token_weights: Tensor
    """(rows, tokens)."""


def _solve_layer(
    layer: nn.Module,
    index: int,
    blocks: Sequence[Block],
    batches: list["_Batch"],
    targets: list[list[_Target]],
    ridge: float,
) -> None:
    """Solve the projections of a layer and pass the batches through it.

    Args:
        layer: A layer of the pruned model.
        index: Its index.
        blocks: Its blocks, in the order in which it runs them.
        batches: The batches before this layer.
        targets: For each batch the target of each block.
        ridge: Penalty on changes.
    """
    for number, block in enumerate(blocks):
        equations = _NormalEquations(layer.get_submodule(block.output_projection))
        with hooked_blocks([layer], [block]) as (hook,):
            for batch, block_targets in zip(batches, targets, strict=True):
                batch.run(layer, index)
                target, mask = block_targets[number], batch.mask
                residuals = (target.sums - hook.residual_sum)[mask]
                equations.add(hook.projection_input[mask], residuals, target.token_weights[mask])
        equations.solve(ridge)
    for batch in batches:
        batch.run(layer, index)
        batch.hidden = batch.output


@dataclass
class _Batch:
    """A batch on its way through the layers of a model."""

    mask: Tensor
    """(rows, tokens), False for padding."""
    hidden: Tensor
    """Input of the next layer, (rows, tokens, size)."""
    layer_arguments: list[tuple[tuple[Any, ...], dict[str, Any]]]
    """Other arguments of each layer, positional and by name."""
    output: Tensor = field(default_factory=lambda: torch.empty(0))
    """Output of the layer that was run last."""

    def run(self, layer: nn.Module, index: int) -> None:
        args, kwargs = self.layer_arguments[index]
        output = layer(self.hidden, *args, **kwargs)
        self.output = output if isinstance(output, Tensor) else output[0]


def _inputs(model: Model, batch: dict[str, Any]) -> dict[str, Any]:
    device = next(model.parameters()).device
    return {name: value.to(device) for name, value in model_inputs(batch).items()}


def _first_layer_inputs(model: Model, batch: dict[str, Any]) -> _Batch:
    """Return a batch before the first layer, with the arguments that the model calls its layers with."""
    calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def record(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        calls.append((args, kwargs))

    inputs = _inputs(model, batch)
    handles = [layer.register_forward_pre_hook(record, with_kwargs=True) for layer in layers(model.eval())]
    try:
        trunk(model)(**inputs, **({"use_cache": False} if is_decoder(model.config) else {}))
    finally:
        for handle in handles:
            handle.remove()
    mask = inputs.get("attention_mask", torch.ones_like(inputs["input_ids"])).bool()
    return _Batch(mask, calls[0][0][0], [(args[1:], kwargs) for args, kwargs in calls])


def _token_weights(model: Model, batch: dict[str, Any]) -> list[Tensor]:
    """Return squared gradients of the margin between the two best logits, or of the only one, by each block's sums."""
    with torch.enable_grad(), hooked_blocks(layers(model), get_architecture(model).blocks) as hooks:
        logits = compute_logits(model, batch["objective"], _inputs(model, batch))
        best = logits.topk(min(2, logits.shape[-1])).values
        margin = best[..., 0].sum() - best[..., 1:].sum()
        gradients = torch.autograd.grad(margin, [hook.residual_sum for hook in hooks])
    return [gradient.square().sum(dim=-1) for gradient in gradients]


class _NormalEquations:
    """Normal equations of a change to a projection, and to its bias if it has one."""

    def __init__(self, projection: Any) -> None:
        self.projection = projection
        self.biased = int(projection.bias is not None)
        size = weight_matrix(projection).shape[1] + self.biased
        self.squares = torch.zeros(size, size, dtype=torch.float64)
        self.products = torch.zeros(size, len(weight_matrix(projection)), dtype=torch.float64)

    def add(self, inputs: Tensor, residuals: Tensor, token_weights: Tensor) -> None:
        """Add tokens: inputs (tokens, inputs), residuals of the outputs (tokens, outputs), and weights (tokens,)."""
        extended = nn.functional.pad(inputs, (0, self.biased), value=1.0)
        weighted = (extended * token_weights[:, None]).T
        self.squares += (weighted @ extended).cpu()
        self.products += (weighted @ residuals).cpu()

    def solve(self, ridge: float) -> None:
        """Change the projection; the penalty does not apply to the bias."""
        diagonal = self.squares.diagonal()[: weight_matrix(self.projection).shape[1]]
        diagonal.add_(ridge * diagonal.mean()).clamp_(min=torch.finfo(diagonal.dtype).tiny)
        change = torch.linalg.solve(self.squares, self.products).to(self.projection.weight)
        weight_matrix(self.projection).add_(change[: len(diagonal)].T)
        if self.biased:
            self.projection.bias.add_(change[-1])

"""Hooks that keep the inputs and outputs of a model's blocks during a forward pass."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from nightshift.models.architectures import Block


class BlockHooks:
    """Hooks on one block; they keep the activations of the last forward pass."""

    projection_input: Tensor
    """Input of the block's output projection, (rows, tokens, size)."""
    residual_sum: Tensor
    """Output of the block plus its input, (rows, tokens, hidden size)."""

    def __init__(self, layer: nn.Module, block: Block) -> None:
        self.handles = [layer.get_submodule(block.output_projection).register_forward_pre_hook(self._keep_input)]
        if block.after_residual:
            self.handles.append(layer.get_submodule(block.after_residual).register_forward_pre_hook(self._keep_sum))
        else:
            self.handles.append(layer.register_forward_hook(self._keep_output))

    def _keep_input(self, _module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self.projection_input = inputs[0]

    def _keep_sum(self, _module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self.residual_sum = inputs[0]

    def _keep_output(self, _module: nn.Module, _inputs: Any, output: Tensor) -> None:
        self.residual_sum = output


@contextmanager
def hooked_blocks(layers: Iterable[nn.Module], blocks: Iterable[Block]) -> Iterator[list[BlockHooks]]:
    """Hook these blocks of every layer within the block; yields the hooks layer by layer, in the order of `blocks`."""
    order = list(blocks)
    hooks = [BlockHooks(layer, block) for layer in layers for block in order]
    try:
        yield hooks
    finally:
        for handle in (handle for hook in hooks for handle in hook.handles):
            handle.remove()

"""Looks into a forward pass: what the blocks of a model's layers read and write."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from nightshift.models.architectures import Block


class BlockHooks:
    """One block in the last forward pass."""

    entering: Tensor
    """What entered the block's writer, (rows, tokens, size)."""
    total: Tensor
    """The block's output added to what came in."""

    def __init__(self, layer: nn.Module, block: Block) -> None:
        self.handles = [layer.get_submodule(block.output_projection).register_forward_pre_hook(self._enter)]
        if block.after_residual:
            self.handles.append(layer.get_submodule(block.after_residual).register_forward_pre_hook(self._sum))
        else:
            self.handles.append(layer.register_forward_hook(self._return))

    def _enter(self, _module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self.entering = inputs[0]

    def _sum(self, _module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self.total = inputs[0]

    def _return(self, _module: nn.Module, _inputs: Any, output: Tensor) -> None:
        self.total = output


@contextmanager
def hooked_blocks(layers: Iterable[nn.Module], blocks: Iterable[Block]) -> Iterator[list[BlockHooks]]:
    """Watches on these blocks of every layer, layer by layer, in their order."""
    order = list(blocks)
    watches = [BlockHooks(layer, block) for layer in layers for block in order]
    try:
        yield watches
    finally:
        for handle in (handle for watch in watches for handle in watch.handles):
            handle.remove()

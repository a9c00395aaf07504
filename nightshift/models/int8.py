"""Int8 for what PyTorch serves: the products' weights, with a scale an output, and the input embeddings, with one a token.

On a CPU the products are computed in int8 too, what enters them scaled as it comes, each token by itself, so that a row's
answer does not depend on the others in its batch; on other devices the weights are widened for each product.
"""

from pathlib import Path

import torch
from safetensors.torch import load_model, save_model
from torch import Tensor, nn
from torch.nn.functional import embedding, linear
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

WEIGHTS = "int8.safetensors"
"""In place of `model.safetensors`, so that nothing takes the one for the other."""
_Shared = dict[int, tuple[Tensor, Tensor]]
"""Weights that several modules share, by the address of the float one."""


class _Int8(nn.Module):
    """A matrix (rows, columns) as int8 `weight` and float `scales` (rows)."""

    weight: Tensor
    scales: Tensor

    def __init__(self, weight: Tensor, scales: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("scales", scales)

    def product(self, entering: Tensor) -> Tensor:
        """(…, columns) to (…, rows). Of what enters each token has a scale of its own: its largest number becomes 127."""
        if entering.device.type != "cpu":
            return linear(entering, self.weight * self.scales[:, None])
        tokens = entering.reshape(-1, entering.shape[-1])
        steps = tokens.abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / 127
        sums = torch._int_mm((tokens / steps).round().to(torch.int8), self.weight.T)
        return (sums * steps * self.scales).reshape(*entering.shape[:-1], len(self.scales))


class Int8Embedding(_Int8):
    """Looks up rows: ids (…) to (…, columns)."""

    def forward(self, ids: Tensor) -> Tensor:
        """The tokens' vectors."""
        return embedding(ids, self.weight) * self.scales[ids].unsqueeze(-1)


class Int8Linear(_Int8):
    """A product with a bias, where the float one had one."""

    def __init__(self, weight: Tensor, scales: Tensor, bias: Tensor | None) -> None:
        super().__init__(weight, scales)
        self.bias = None if bias is None else nn.Parameter(bias)

    def forward(self, entering: Tensor) -> Tensor:
        """The product, and the bias."""
        found = self.product(entering)
        return found if self.bias is None else found + self.bias


def convert(model: PreTrainedModel) -> None:
    """Change `model` in place: every `Linear`, every `Conv1D` (GPT-2's, whose weight lies the other way), the input embeddings."""
    shared: _Shared = {}
    tokens = model.get_input_embeddings().weight
    for name, module in list(model.named_modules(remove_duplicate=False)):
        if type(module) is nn.Embedding and module.weight is tokens:
            model.set_submodule(name, Int8Embedding(*_narrowed(module.weight, shared)))
        elif isinstance(module, nn.Linear):
            model.set_submodule(name, Int8Linear(*_narrowed(module.weight, shared), module.bias))
        elif isinstance(module, Conv1D):
            model.set_submodule(name, Int8Linear(*_narrowed(module.weight.T, shared), module.bias))


def _narrowed(weight: Tensor, shared: _Shared) -> tuple[Tensor, Tensor]:
    if weight.data_ptr() not in shared:
        scales = weight.detach().abs().amax(dim=1) / 127
        scales = torch.where(scales == 0, 1.0, scales)
        shared[weight.data_ptr()] = (weight.detach() / scales[:, None]).round().to(torch.int8), scales
    return shared[weight.data_ptr()]


def save(model: PreTrainedModel, folder: Path) -> None:
    """Write a converted model's weights beside its configuration; what is shared is written once."""
    save_model(model, str(folder / WEIGHTS))


def load(fresh: PreTrainedModel, folder: Path) -> PreTrainedModel:
    """What `save` wrote, in place of the weights of a float model of the same configuration."""
    convert(fresh)
    load_model(fresh, str(folder / WEIGHTS))
    return fresh

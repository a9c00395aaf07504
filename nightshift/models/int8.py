"""Int8 quantization of PyTorch models: linear weights with a scale an output, input embeddings with a scale a token.

On a CPU the matrix products are computed in int8 too. Their inputs are quantized dynamically, each token with its own
scale, so that a row's result does not depend on the others in its batch. On other devices the weights are dequantized
for each product.
"""

from pathlib import Path

import torch
from safetensors.torch import load_model, save_model
from torch import Tensor, nn
from torch.nn.functional import embedding, linear
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

WEIGHTS = "int8.safetensors"
"""Name of the weights' file; not `model.safetensors`, so that no loader confuses the two."""
_Cache = dict[int, tuple[Tensor, Tensor]]
"""Quantized weights by the address of the float one, since several modules may share one."""


class _Int8(nn.Module):
    """Matrix (rows, columns) as int8 `weight` and float `scales` (rows)."""

    weight: Tensor
    scales: Tensor

    def __init__(self, weight: Tensor, scales: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("scales", scales)

    def product(self, inputs: Tensor) -> Tensor:
        """Return the product (…, rows) with inputs (…, columns); each token's largest number becomes ±127."""
        if inputs.device.type != "cpu":
            return linear(inputs, self.weight * self.scales[:, None])
        tokens = inputs.reshape(-1, inputs.shape[-1])
        token_scales = tokens.abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / 127
        sums = torch._int_mm((tokens / token_scales).round().to(torch.int8), self.weight.T)
        return (sums * token_scales * self.scales).reshape(*inputs.shape[:-1], len(self.scales))


class Int8Embedding(_Int8):
    """Int8 embedding."""

    def forward(self, ids: Tensor) -> Tensor:
        """Return the vectors (…, columns) of ids (…)."""
        return embedding(ids, self.weight) * self.scales[ids].unsqueeze(-1)


class Int8Linear(_Int8):
    """Int8 linear layer, with a bias if the float layer had one."""

    def __init__(self, weight: Tensor, scales: Tensor, bias: Tensor | None) -> None:
        super().__init__(weight, scales)
        self.bias = None if bias is None else nn.Parameter(bias)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return outputs (…, rows) of inputs (…, columns)."""
        outputs = self.product(inputs)
        return outputs if self.bias is None else outputs + self.bias


def convert(model: PreTrainedModel) -> None:
    """Quantize every `Linear`, every `Conv1D` (GPT-2's, stored transposed) and the input embeddings in place."""
    cache: _Cache = {}
    tokens = model.get_input_embeddings().weight
    for name, module in list(model.named_modules(remove_duplicate=False)):
        if type(module) is nn.Embedding and module.weight is tokens:
            model.set_submodule(name, Int8Embedding(*_quantize(module.weight, cache)))
        elif isinstance(module, nn.Linear):
            model.set_submodule(name, Int8Linear(*_quantize(module.weight, cache), module.bias))
        elif isinstance(module, Conv1D):
            model.set_submodule(name, Int8Linear(*_quantize(module.weight.T, cache), module.bias))


def _quantize(weight: Tensor, cache: _Cache) -> tuple[Tensor, Tensor]:
    if weight.data_ptr() not in cache:
        scales = weight.detach().abs().amax(dim=1) / 127
        scales = torch.where(scales == 0, 1.0, scales)
        cache[weight.data_ptr()] = (weight.detach() / scales[:, None]).round().to(torch.int8), scales
    return cache[weight.data_ptr()]


def save(model: PreTrainedModel, folder: Path) -> None:
    """Write a converted model's weights beside its configuration; shared weights are written once."""
    save_model(model, str(folder / WEIGHTS))


def load(model: PreTrainedModel, folder: Path) -> PreTrainedModel:
    """Load weights that `save` wrote into a float model of the same configuration, which is converted in place."""
    convert(model)
    load_model(model, str(folder / WEIGHTS))
    return model

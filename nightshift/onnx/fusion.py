"""Fusion of exported graphs: one node for attention, one product for q, k and v, and no unused computation.

`traceable` prepares the PyTorch model, `fuse` rewrites the graph that `torch.onnx.export` returns. Embeddings, sums and
normalisations are not fused: on a CPU ONNX Runtime's SkipLayerNormalization takes four times as long as its parts.
"""

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from onnxscript import ir
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.activations import NewGELUActivation
from transformers.pytorch_utils import Conv1D

from nightshift.models.heads import Model, SharedTrunk
from nightshift.onnx.graphs import MICROSOFT, Writer, constant, is_constant, replace, tidy

ATTENTION = "nightshift"
"""Name under which our attention is registered in transformers."""
FUSED = ("bert", "roberta", "xlm-roberta", "camembert", "electra", "distilbert", "gpt2")
"""Architectures whose attention can be one operator.

Others have position biases, rotations or windows inside it and are exported unchanged.
"""
POINTWISE = {"Add", "Gelu", "Tanh", "Relu", "LayerNormalization"}
"""Operators that act on each token alone, as `MatMul` with constant weights does."""


def traceable(model: Model, typed: bool) -> Model:
    """Return a copy with the same outputs whose graph can be fused; the model itself for an unknown architecture.

    Args:
        model: A stock model or a shared trunk.
        typed: False if all tokens have type 0: the embedding of that type is then added to those of the positions.
    """
    if model.config.model_type not in FUSED:
        return model
    AttentionInterface.register(ATTENTION, _attend)
    AttentionMaskInterface.register(ATTENTION, _mask)
    model = copy.deepcopy(model)
    trunk = model.trunk if isinstance(model, SharedTrunk) else model
    trunk.set_attn_implementation(ATTENTION)
    trunk.config.use_cache = False
    for parent in list(trunk.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, Conv1D):
                setattr(parent, name, _linear(child))
            if isinstance(child, NewGELUActivation):
                setattr(parent, name, nn.GELU(approximate="tanh"))
        if not typed and hasattr(parent, "token_type_embeddings"):
            _fold_type(parent)
    return model


def _linear(conv: Any) -> nn.Linear:
    linear = nn.Linear(conv.nx, conv.nf)
    linear.weight, linear.bias = nn.Parameter(conv.weight.T.contiguous()), conv.bias
    return linear


class _Nothing(nn.Module):
    """Replaces an embedding that was added to another one."""

    def forward(self, ids: Tensor) -> float:
        return 0.0


def _fold_type(embeddings: Any) -> None:
    with torch.no_grad():
        embeddings.position_embeddings.weight += embeddings.token_type_embeddings.weight[0]
    embeddings.token_type_embeddings = _Nothing()


def _attend(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor, scaling: float, **_: Any
) -> tuple[Tensor, None]:
    """Replace transformers' attention by ONNX Runtime's operator; shapes (rows, heads, tokens, size)."""
    rows, heads, tokens, size = query.shape
    flat = [part.transpose(1, 2).reshape(rows, tokens, heads * size) for part in (query, key, value)]
    attributes: dict[str, Any] = {"num_heads": heads, "scale": float(scaling), "unidirectional": bool(module.is_causal)}
    attended = torch.onnx.ops.symbolic(
        f"{MICROSOFT}::MultiHeadAttention", [*flat, None, attention_mask], attributes,
        dtype=query.dtype, shape=flat[0].shape, version=1,
    )  # fmt: skip
    return attended.reshape(rows, tokens, heads, size), None


def _mask(attention_mask: Tensor, **_: Any) -> Tensor:
    return attention_mask.to(torch.int32)


def fuse(model: ir.Model) -> None:
    """Rewrite the graph in place; parts that match no pattern stay unchanged."""
    eliminate = ir.passes.common.CommonSubexpressionEliminationPass()
    for rewrite in (eliminate, _normalise, _remove_zero_products, _keep_one_token, _merge_projections, _use_sums):
        rewrite(model)
        tidy(model)


def _attentions(model: ir.Model) -> list[ir.Node]:
    return [node for node in model.graph if node.op_type == "MultiHeadAttention"]


def _linear_parts(value: ir.Value) -> tuple[ir.Value, np.ndarray, np.ndarray, str] | None:
    """Return x, weight, bias and layer name of `x @ weight + bias`, else None; the graph omits a bias of zeros."""
    add, bias = value.producer(), None
    if add is not None and add.op_type == "Add" and is_constant(add.inputs[1]):
        value, bias = add.inputs
    product = value.producer()
    if product is None or product.op_type != "MatMul" or not is_constant(product.inputs[1]):
        return None
    source, weight = product.inputs
    array = constant(weight)
    if bias is None:
        return source, array, np.zeros(array.shape[-1], array.dtype), weight.name
    return source, array, constant(bias), bias.name.removesuffix(".bias")


def _normalise(model: ir.Model) -> None:
    """Replace `Gemm` by `MatMul` and `Add`, and give q, k and v a product each, without reshapes.

    Weights are named by their layer.
    """
    writer = Writer(model)
    for node in list(model.graph):
        if node.op_type == "Gemm":
            source, weight, *bias = node.inputs
            array = constant(weight).T.copy() if node.attributes.get_int("transB", 0) else constant(weight)
            name = weight.name.removesuffix(".weight")
            replace(node.outputs[0], writer.product(source, array, constant(bias[0]) if bias else None, name))
    for node in list(model.graph):
        parts = _linear_parts(node.outputs[0])
        if node.op_type == "Add" and parts and parts[3] not in model.graph.initializers:
            node.inputs[0].producer().inputs[1].name = parts[3]
    for mask in {node.inputs[4].producer() for node in _attentions(model)}:
        mask.replace_input_with(0, mask.inputs[0].producer().inputs[0])
    for node in _attentions(model):
        for index in range(3):
            node.replace_input_with(index, _separate_product(writer, _without_reshapes(node.inputs[index])))
        shaped = node.outputs[0]
        while len(shaped.uses()) == 1 and shaped.uses()[0].node.op_type == "Reshape":
            shaped = shaped.uses()[0].node.outputs[0]
        if shaped is not node.outputs[0]:
            shaped.replace_all_uses_with(node.outputs[0])


def _remove_zero_products(model: ir.Model) -> None:
    """Replace a product with zeros (a block that pruning has emptied) by its bias."""
    for node in list(model.graph):
        parts = _linear_parts(node.outputs[0])
        if node.op_type == "Add" and parts and not parts[1].any():
            node.outputs[0].replace_all_uses_with(node.inputs[1])


def _without_reshapes(value: ir.Value) -> ir.Value:
    while value.producer().op_type in ("Reshape", "Transpose"):
        value = value.producer().inputs[0]
    return value


def _separate_product(writer: Writer, value: ir.Value) -> ir.Value:
    """Return the product of one third of GPT-2's joint projection; other values are returned unchanged."""
    split = value.producer()
    parts = _linear_parts(split.inputs[0]) if split.op_type == "Split" else None
    if parts is None:
        return value
    source, weight, bias, name = parts
    third = value.index()
    size = weight.shape[1] // 3
    span = slice(third * size, (third + 1) * size)
    return writer.product(source, weight[:, span].copy(), bias[span].copy(), f"{name}.{'qkv'[third]}")


def _upstream(values: list[ir.Value]) -> set[ir.Value]:
    """Return these values and all that they are computed from."""
    upstream: set[ir.Value] = set()
    stack = list(values)
    while stack:
        value = stack.pop()
        if value not in upstream:
            upstream.add(value)
            producer = value.producer()
            stack += [source for source in (producer.inputs if producer else ()) if source is not None]
    return upstream


def _token_selections(model: ir.Model) -> Iterator[ir.Node]:
    """Yield the nodes that select one token of each row: its first, or the one at an index (row, token)."""
    for node in list(model.graph):
        first = node.op_type == "Gather" and node.attributes.get_int("axis", 0) == 1
        if first and is_constant(node.inputs[1]) and not node.inputs[1].const_value.shape:
            yield node
        if node.op_type == "GatherND" and node.inputs[0].shape is not None and len(node.inputs[0].shape) == 3:
            yield node


def _rank_and_size(value: ir.Value) -> tuple[int, Any] | None:
    """Return the number of axes and the size of the last one; None for an unknown shape."""
    return None if value.shape is None else (len(value.shape), value.shape[-1])


def _keep_one_token(model: ir.Model) -> None:
    """Restrict the last layer to one token, except for its keys and values, if the heads read only one token."""
    writer = Writer(model)
    for selection in _token_selections(model):
        upstream = _upstream([selection.inputs[0]])
        attentions = [node for node in _attentions(model) if node.outputs[0] in upstream]
        if attentions:
            token = _SelectedToken(writer, selection, attentions[-1])
            last = writer.node("Squeeze", [token.select(selection.inputs[0]), writer.weight(np.array([1]), "axis.1")])
            replace(selection.outputs[0], last)


class _SelectedToken:
    """The selected token of values (rows, tokens, size), as (rows, 1, size), selected as early as possible."""

    def __init__(self, writer: Writer, selection: ir.Node, attention: ir.Node) -> None:
        self.writer, self.selection, self.attention = writer, selection, attention
        self.needs_all_tokens = _upstream(list(attention.inputs[1:3]))
        self.values: dict[ir.Value, ir.Value] = {}

    def select(self, value: ir.Value) -> ir.Value:
        """Return the selected token of a value."""
        if value not in self.values:
            self.values[value] = self._compute(value)
        return self.values[value]

    def _compute(self, value: ir.Value) -> ir.Value:
        node = value.producer()
        if value in self.needs_all_tokens or node is None:
            return self._select_here(value)
        if node is self.attention:
            return self._attend()
        if node.op_type == "Reshape" and _rank_and_size(node.inputs[0]) == _rank_and_size(value):
            return self.select(node.inputs[0])
        is_projection = node.op_type == "MatMul" and is_constant(node.inputs[1])
        if not is_projection and node.op_type not in POINTWISE:
            return self._select_here(value)
        inputs = [source if is_constant(source) else self.select(source) for source in node.inputs]
        return self.writer.tape.op(node.op_type, inputs, node.attributes, domain=node.domain)

    def _select_here(self, value: ir.Value) -> ir.Value:
        attributes = self.selection.attributes
        flat = self.writer.tape.op(self.selection.op_type, [value, self.selection.inputs[1]], attributes)
        return self.writer.node("Unsqueeze", [flat, self.writer.weight(np.array([1]), "axis.1")])

    def _attend(self) -> ir.Value:
        query, key, value, bias, mask = self.attention.inputs
        attributes = dict(self.attention.attributes)
        if attributes["unidirectional"].as_int():
            attributes["unidirectional"] = ir.AttrInt64("unidirectional", 0)
            mask = self._visible_tokens()
        return self.writer.tape.op(
            "MultiHeadAttention", [self.select(query), key, value, bias, mask], attributes, domain=MICROSOFT, version=1
        )

    def _visible_tokens(self) -> ir.Value:
        """Return the number of tokens up to the selected one, which it attends to; rows are padded on the right."""
        unit = self.writer.weight(np.array(1), "one")
        index = self.writer.node("Gather", [self.selection.inputs[1], unit], axis=1)
        return self.writer.node("Cast", [self.writer.node("Add", [index, unit])], to=ir.DataType.INT32)


def _merge_projections(model: ir.Model) -> None:
    """Compute q, k and v by one product if they have the same input; k and v if only these have."""
    writer = Writer(model)
    for node in _attentions(model):
        parts = [linear for value in node.inputs[:3] if (linear := _linear_parts(value))]
        if len(parts) < 3:
            continue
        sources, weights, biases, names = zip(*parts, strict=True)
        merged = [index for index in range(3) if sources[index] is sources[2]]
        name = f"{names[2].rpartition('.')[0]}.{'qkv' if len(merged) == 3 else 'kv'}"
        weight = np.concatenate([weights[index] for index in merged], axis=-1)
        bias = np.concatenate([biases[index] for index in merged], axis=-1)
        sizes = writer.weight(np.array([weights[index].shape[1] for index in merged]), f"{name}.sizes")
        product = writer.product(sources[2], weight, bias, name)
        split = writer.tape.op_multi_out("Split", [product, sizes], {"axis": -1}, num_outputs=len(merged))
        for index, value in zip(merged, split, strict=True):
            node.replace_input_with(index, value)


def _use_sums(model: ir.Model) -> None:
    """Replace the `Add` before a normalisation by `Sum`, which is not fused into the slower SkipLayerNormalization."""
    writer = Writer(model)
    for node in list(model.graph):
        add = node.inputs[0].producer() if node.op_type == "LayerNormalization" else None
        if add is not None and add.op_type == "Add":
            replace(add.outputs[0], writer.node("Sum", list(add.inputs)))

"""Makes an exported graph cheap to run: one node for attention, one product for q, k and v, and nothing computed that no head reads.

`traceable` readies the PyTorch model, `fuse` rewrites what `torch.onnx.export` made of it. Embeddings, sums and
normalisations stay apart: on a CPU ONNX Runtime's SkipLayerNormalization takes four times as long as its parts.
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
"""Our attention's name among those of transformers."""
FUSED = ("bert", "roberta", "xlm-roberta", "camembert", "electra", "distilbert", "gpt2")
"""Architectures whose attention is that one operator. Others have position biases, rotations or windows inside it: they are
exported as they are."""
POINTWISE = {"Add", "Gelu", "Tanh", "Relu", "LayerNormalization"}
"""Operators that treat every token alike, as `MatMul` with constant weights does."""


def traceable(model: Model, typed: bool) -> Model:
    """A copy that answers the same, written so that its graph can be fused; the model itself for an unknown architecture.

    Without `typed`, where all tokens are of type 0, that type's vector is added to the positions beforehand.
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
    """In an embedding's place: what it adds is in another already."""

    def forward(self, ids: Tensor) -> float:
        return 0.0


def _fold_type(embeddings: Any) -> None:
    with torch.no_grad():
        embeddings.position_embeddings.weight += embeddings.token_type_embeddings.weight[0]
    embeddings.token_type_embeddings = _Nothing()


def _attend(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor, scaling: float, **_: Any
) -> tuple[Tensor, None]:
    """ONNX Runtime's operator in the place of transformers' attention; shapes (rows, heads, tokens, size)."""
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
    """Rewrite the graph in place; what matches nothing stays as it is."""
    for apply in (ir.passes.common.CommonSubexpressionEliminationPass(), _plain, _empty, _thin, _merge, _sums):
        apply(model)
        tidy(model)


def _attentions(model: ir.Model) -> list[ir.Node]:
    return [node for node in model.graph if node.op_type == "MultiHeadAttention"]


def _linear_parts(value: ir.Value) -> tuple[ir.Value, np.ndarray, np.ndarray, str] | None:
    """Of `x @ weight + bias`: x, the two constants, the layer's name; a bias of zeros is not in the graph."""
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


def _plain(model: ir.Model) -> None:
    """`Gemm` becomes `MatMul` and `Add`; q, k and v come to their attention each by a product of its own, in no other shape.

    A weight gets the name of its layer.
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
        for place in range(3):
            node.replace_input_with(place, _own_product(writer, _unshaped(node.inputs[place])))
        shaped = node.outputs[0]
        while len(shaped.uses()) == 1 and shaped.uses()[0].node.op_type == "Reshape":
            shaped = shaped.uses()[0].node.outputs[0]
        if shaped is not node.outputs[0]:
            shaped.replace_all_uses_with(node.outputs[0])


def _empty(model: ir.Model) -> None:
    """Of a product with zeros (a block that pruning has emptied) the bias is left."""
    for node in list(model.graph):
        parts = _linear_parts(node.outputs[0])
        if node.op_type == "Add" and parts and not parts[1].any():
            node.outputs[0].replace_all_uses_with(node.inputs[1])


def _unshaped(value: ir.Value) -> ir.Value:
    while value.producer().op_type in ("Reshape", "Transpose"):
        value = value.producer().inputs[0]
    return value


def _own_product(writer: Writer, value: ir.Value) -> ir.Value:
    """Of a third of GPT-2's joint projection: that third's product alone."""
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
    """These values and all that they are computed from."""
    found: set[ir.Value] = set()
    waiting = list(values)
    while waiting:
        value = waiting.pop()
        if value not in found:
            found.add(value)
            producer = value.producer()
            waiting += [each for each in (producer.inputs if producer else ()) if each is not None]
    return found


def _picks(model: ir.Model) -> Iterator[ir.Node]:
    """Nodes that take one token of each row: its first, or the one that an index (row, token) names."""
    for node in list(model.graph):
        first = node.op_type == "Gather" and node.attributes.get_int("axis", 0) == 1
        if first and is_constant(node.inputs[1]) and not node.inputs[1].const_value.shape:
            yield node
        if node.op_type == "GatherND" and node.inputs[0].shape is not None and len(node.inputs[0].shape) == 3:
            yield node


def _sizes(value: ir.Value) -> tuple[int, Any] | None:
    """How many axes, and how long the last one is."""
    return None if value.shape is None else (len(value.shape), value.shape[-1])


def _thin(model: ir.Model) -> None:
    """Where the heads read one token only, the last layer works on that token only, but for its keys and values."""
    writer = Writer(model)
    for pick in _picks(model):
        above = _upstream([pick.inputs[0]])
        attentions = [node for node in _attentions(model) if node.outputs[0] in above]
        if attentions:
            token = _Token(writer, pick, attentions[-1])
            last = writer.node("Squeeze", [token.of(pick.inputs[0]), writer.weight(np.array([1]), "axis.1")])
            replace(pick.outputs[0], last)


class _Token:
    """The picked token of values (rows, tokens, size), as (rows, 1, size), computed from as late as can be."""

    def __init__(self, writer: Writer, pick: ir.Node, attention: ir.Node) -> None:
        self.writer, self.pick, self.attention = writer, pick, attention
        self.whole = _upstream(list(attention.inputs[1:3]))
        self.found: dict[ir.Value, ir.Value] = {}

    def of(self, value: ir.Value) -> ir.Value:
        if value not in self.found:
            self.found[value] = self._made(value)
        return self.found[value]

    def _made(self, value: ir.Value) -> ir.Value:
        node = value.producer()
        if value in self.whole or node is None:
            return self._picked(value)
        if node is self.attention:
            return self._attended()
        if node.op_type == "Reshape" and _sizes(node.inputs[0]) == _sizes(value):
            return self.of(node.inputs[0])
        by_weight = node.op_type == "MatMul" and is_constant(node.inputs[1])
        if not by_weight and node.op_type not in POINTWISE:
            return self._picked(value)
        inputs = [each if is_constant(each) else self.of(each) for each in node.inputs]
        return self.writer.tape.op(node.op_type, inputs, node.attributes, domain=node.domain)

    def _picked(self, value: ir.Value) -> ir.Value:
        attributes = self.pick.attributes
        flat = self.writer.tape.op(self.pick.op_type, [value, self.pick.inputs[1]], attributes)
        return self.writer.node("Unsqueeze", [flat, self.writer.weight(np.array([1]), "axis.1")])

    def _attended(self) -> ir.Value:
        query, key, value, bias, mask = self.attention.inputs
        attributes = dict(self.attention.attributes)
        if attributes["unidirectional"].as_int():
            attributes["unidirectional"] = ir.AttrInt64("unidirectional", 0)
            mask = self._seen()
        return self.writer.tape.op(
            "MultiHeadAttention", [self.of(query), key, value, bias, mask], attributes, domain=MICROSOFT, version=1
        )

    def _seen(self) -> ir.Value:
        """How many tokens of a row, padded on the right, the picked one sees: those up to itself."""
        one = self.writer.weight(np.array(1), "one")
        place = self.writer.node("Gather", [self.pick.inputs[1], one], axis=1)
        return self.writer.node("Cast", [self.writer.node("Add", [place, one])], to=ir.DataType.INT32)


def _merge(model: ir.Model) -> None:
    """q, k and v that are computed from the same values come from one product."""
    writer = Writer(model)
    for node in _attentions(model):
        parts = [found for value in node.inputs[:3] if (found := _linear_parts(value))]
        if len(parts) < 3:
            continue
        sources, weights, biases, names = zip(*parts, strict=True)
        same = [place for place in range(3) if sources[place] is sources[2]]
        name = f"{names[2].rpartition('.')[0]}.{'qkv' if len(same) == 3 else 'kv'}"
        weight, bias = (np.concatenate([each[place] for place in same], axis=-1) for each in (weights, biases))
        sizes = writer.weight(np.array([weights[place].shape[1] for place in same]), f"{name}.sizes")
        product = writer.product(sources[2], weight, bias, name)
        split = writer.tape.op_multi_out("Split", [product, sizes], {"axis": -1}, num_outputs=len(same))
        for place, value in zip(same, split, strict=True):
            node.replace_input_with(place, value)


def _sums(model: ir.Model) -> None:
    """`Sum` for the `Add` before a normalisation, which ONNX Runtime would fuse into the slower SkipLayerNormalization."""
    writer = Writer(model)
    for node in list(model.graph):
        before = node.inputs[0].producer() if node.op_type == "LayerNormalization" else None
        if before is not None and before.op_type == "Add":
            replace(before.outputs[0], writer.node("Sum", list(before.inputs)))

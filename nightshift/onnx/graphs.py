"""Helpers for rewriting ONNX graphs."""

from pathlib import Path
from typing import Any

import numpy as np
from onnxscript import ir

MICROSOFT = "com.microsoft"
"""Domain of ONNX Runtime's own operators."""
PROTOBUF_LIMIT = 2_000_000_000
"""Bytes of weights that fit into one file: a protobuf message ends at 2 GiB, structure included."""


class Writer:
    """Adds nodes and weights to a graph; `tidy` puts the nodes in order afterwards."""

    def __init__(self, model: ir.Model) -> None:
        self.graph = model.graph
        self.tape = ir.tape.Tape(model.graph)

    def node(self, kind: str, inputs: list[ir.Value | None], domain: str = "", **attributes: Any) -> ir.Value:
        """Add a node with one output and return the output.

        Args:
            kind: Name of the operator.
            inputs: Its inputs; None for one that is left out.
            domain: Domain of the operator; empty for ONNX's own.
            attributes: Its attributes.
        """
        output: ir.Value = self.tape.op(kind, inputs, attributes, domain=domain, version=1 if domain else None)
        return output

    def weight(self, array: np.ndarray | np.generic, name: str) -> ir.Value:
        """Return a constant: the one with this name if it is equal, else a new one with a name like it."""
        existing = self.graph.initializers.get(name)
        if existing is not None and np.array_equal(constant(existing), array):
            return existing
        name = name if existing is None else f"{name}.{len(self.graph.initializers)}"
        weight: ir.Value = self.tape.initializer(ir.tensor(np.asarray(array), name=name), name)
        return weight

    def product(self, source: ir.Value, weight: np.ndarray, bias: np.ndarray | None, name: str) -> ir.Value:
        """Add `source @ weight + bias` and return it.

        Args:
            source: The value that is multiplied.
            weight: (inputs, outputs).
            bias: (outputs,), or None.
            name: Name of the weight.
        """
        product = self.node("MatMul", [source, self.weight(weight, name)])
        return product if bias is None else self.node("Add", [product, self.weight(bias, f"{name}.bias")])


def is_constant(value: ir.Value | None) -> bool:
    """Return True for a weight, False for a computed value."""
    return value is not None and value.const_value is not None


def constant(value: ir.Value) -> np.ndarray:
    """Return the array of a weight."""
    array: np.ndarray = value.const_value.numpy()
    return array


def replace(old: ir.Value, new: ir.Value) -> None:
    """Replace `old` by `new` everywhere, under the name of `old`."""
    name, old.name = old.name, f"{old.name}.before"
    new.name, new.type, new.shape = name, old.type, old.shape
    old.replace_all_uses_with(new, replace_graph_outputs=True)


def tidy(model: ir.Model) -> None:
    """Remove unused nodes and inputs, and sort the other nodes."""
    ir.passes.common.RemoveUnusedNodesPass()(model)
    ir.passes.common.TopologicalSortPass()(model)
    for value in list(model.graph.inputs):
        if not value.uses() and not value.is_graph_output():
            model.graph.inputs.remove(value)


def is_too_large(model: ir.Model) -> bool:
    """Return True if a graph does not fit into one file together with its weights."""
    weights = [value.const_value for value in model.graph.initializers.values()]
    return bool(sum(weight.nbytes for weight in weights if weight is not None) > PROTOBUF_LIMIT)


def save(model: ir.Model, path: Path) -> None:
    """Write a graph to `path`; weights too large for one file go into `NAME.data` beside it."""
    ir.external_data.load_to_model(model)
    external = path.with_name(f"{path.name}.data")
    if is_too_large(model):
        ir.save(model, path, external_data=external.name)
    else:
        ir.save(model, path)
        external.unlink(missing_ok=True)

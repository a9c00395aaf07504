"""Small tools for rewriting ONNX graphs."""

from pathlib import Path
from typing import Any

import numpy as np
from onnxscript import ir

MICROSOFT = "com.microsoft"
"""ONNX Runtime's own operators."""
PROTOBUF_LIMIT = 2_000_000_000
"""Bytes of weights that fit into one file: a protobuf message ends at 2 GiB, structure included."""


class Writer:
    """Appends nodes and weights to a graph; `tidy` puts them in order afterwards."""

    def __init__(self, model: ir.Model) -> None:
        self.graph = model.graph
        self.tape = ir.tape.Tape(model.graph)

    def node(self, kind: str, inputs: list[ir.Value | None], domain: str = "", **attributes: Any) -> ir.Value:
        """A new node with one output, which is returned."""
        found: ir.Value = self.tape.op(kind, inputs, attributes, domain=domain, version=1 if domain else None)
        return found

    def weight(self, array: np.ndarray | np.generic, name: str) -> ir.Value:
        """A constant; the one of that name if it is equal, else one of a name like it."""
        known = self.graph.initializers.get(name)
        if known is not None and np.array_equal(constant(known), array):
            return known
        name = name if known is None else f"{name}.{len(self.graph.initializers)}"
        found: ir.Value = self.tape.initializer(ir.tensor(np.asarray(array), name=name), name)
        return found

    def product(self, source: ir.Value, weight: np.ndarray, bias: np.ndarray | None, name: str) -> ir.Value:
        """`source` times a weight (inputs, outputs), plus a bias; the weight is called `name`."""
        found = self.node("MatMul", [source, self.weight(weight, name)])
        return found if bias is None else self.node("Add", [found, self.weight(bias, f"{name}.bias")])


def is_constant(value: ir.Value | None) -> bool:
    """Whether it is a weight, and not computed."""
    return value is not None and value.const_value is not None


def constant(value: ir.Value) -> np.ndarray:
    """What a weight holds."""
    array: np.ndarray = value.const_value.numpy()
    return array


def replace(old: ir.Value, new: ir.Value) -> None:
    """Let `new` stand for `old` everywhere, under its name."""
    name, old.name = old.name, f"{old.name}.before"
    new.name, new.type, new.shape = name, old.type, old.shape
    old.replace_all_uses_with(new, replace_graph_outputs=True)


def tidy(model: ir.Model) -> None:
    """Drop what nothing reads and put the nodes in order."""
    ir.passes.common.RemoveUnusedNodesPass()(model)
    ir.passes.common.TopologicalSortPass()(model)


def is_too_large(model: ir.Model) -> bool:
    """Return True if a graph does not fit into one file together with its weights."""
    weights = [value.const_value for value in model.graph.initializers.values()]
    return bool(sum(weight.nbytes for weight in weights if weight is not None) > PROTOBUF_LIMIT)


def save(model: ir.Model, path: Path) -> None:
    """Write a graph to `path`; weights too large for one file go into `NAME.data` beside it, else none is left there."""
    ir.external_data.load_to_model(model)
    external = path.with_name(f"{path.name}.data")
    if is_too_large(model):
        ir.save(model, path, external_data=external.name)
    else:
        ir.save(model, path)
        external.unlink(missing_ok=True)

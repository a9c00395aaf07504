"""Int8 weights and activations, embeddings included: of ONNX graphs, and of the checkpoints that write text.

In a graph a weight has one scale a column, an embedding one a row; those of tokens may also have 4 bits. Weights are named as in the graph:
`names` lists those of a file, and `keep_float` leaves some of them as they are.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from onnxscript import ir

from nightshift.inference import predictor
from nightshift.models import int8, pretrained
from nightshift.models.heads import SharedTrunk
from nightshift.onnx.graphs import MICROSOFT, Writer, constant, is_constant, is_too_large, replace, save, tidy

TOKENS = "input_ids"
"""The input of a graph that picks token embeddings."""
SHARES = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7)
"""Of the scale that reaches a row's farthest number: those that are tried, for 4 bits."""
Feeds = Sequence[Mapping[str, np.ndarray]]
"""Batches of inputs, each by its name."""


def weight_names(source: Path) -> list[str]:
    """The weights that are multiplied with, in the graph's order."""
    return [str(node.inputs[1].name) for node in _products(ir.load(source))]


def quantize_int8(source: Path, target: Path, keep_float: Sequence[str] = (), embedding_bits: int = 8) -> None:
    """Dynamic int8: weights and embeddings are stored in 8 bits, activations are scaled as they come.

    All that enter at once have one scale, so the graph says that it is to be asked a row at a time.
    """
    _quantize(source, target, keep_float, embedding_bits, _dynamic, {predictor.MAX_ROWS_KEY: "1"})


def quantize_static(
    source: Path, target: Path, feeds: Feeds, keep_float: Sequence[str] = (), embedding_bits: int = 8
) -> None:
    """Static int8: activations too have fixed scales, from the extremes that they reach on `feeds`.

    What a row is answered does not depend on the others in its batch then.
    """
    _quantize(source, target, keep_float, embedding_bits, _static(_extremes(source, feeds)))


def _static(extremes: Mapping[str, tuple[float, float]]) -> "Conversion":
    def static(writer: Writer, source: ir.Value, weight: ir.Value, scales: ir.Value, bias: ir.Value | None) -> ir.Value:
        low, high = extremes[str(source.name)]
        step = np.float32((high - low) / 255)
        wide = writer.weight(step, f"{source.name}.scale")
        zero = writer.weight(np.uint8(round(-low / step)), f"{source.name}.zero")
        eight = writer.node("QuantizeLinear", [source, wide, zero])
        return writer.node("MatMulIntegerToFloat", [eight, weight, wide, scales, zero, None, bias], domain=MICROSOFT)

    return static


def quantize_checkpoint(folder: Path) -> None:
    """Make a served checkpoint int8, where it lies: see `nightshift.models.int8`; heads beside a shared trunk stay in float."""
    model, _, _ = pretrained.load_checkpoint(folder)
    trunk = model.trunk if isinstance(model, SharedTrunk) else model
    int8.convert(trunk)
    int8.save(trunk, folder)
    for file in folder.glob("model*.safetensors*"):
        file.unlink()


def most_sensitive_weights(source: Path, feeds: Feeds, worst: int) -> list[str]:
    """The names of the weights that hurt most: whose static int8 form alone moves the outputs farthest on `feeds`, worst first."""
    every, convert = weight_names(source), _static(_extremes(source, feeds))
    expected = _outputs(ir.load(source), feeds)
    moved = {}
    for name in every:
        model = ir.load(source)
        _convert(model, set(every) - {name}, convert)
        moved[name] = float(np.abs(_outputs(model, feeds) - expected).mean())
    return sorted(every, key=lambda name: -moved[name])[:worst]


Conversion = Callable[[Writer, ir.Value, ir.Value, ir.Value, ir.Value | None], ir.Value]
"""Makes a product in int8, of what enters it, its weight, the weight's scales and its bias."""


def _quantize(
    source: Path,
    target: Path,
    keep_float: Sequence[str],
    embedding_bits: int,
    convert: Conversion,
    told: Mapping[str, str] | None = None,
) -> None:
    model = ir.load(source)
    model.metadata_props.update(told or {})
    _convert(model, set(keep_float), convert)
    _tables(model, embedding_bits)
    tidy(model)
    save(model, target)


def _products(model: ir.Model) -> Iterator[ir.Node]:
    """Products with constant weights (inputs, outputs)."""
    for node in list(model.graph):
        if node.op_type == "MatMul" and is_constant(node.inputs[1]) and len(node.inputs[1].shape) == 2:
            yield node


def _convert(model: ir.Model, keep_float: set[str], convert: Conversion) -> None:
    writer = Writer(model)
    for node in _products(model):
        name = str(node.inputs[1].name)
        if name in keep_float:
            continue
        array, (result, bias) = constant(node.inputs[1]), _with_bias(node)
        scales = _scales(array, axis=0)
        weight = writer.weight(np.round(array / scales).astype(np.int8), f"{name}.int8")
        replace(result, convert(writer, node.inputs[0], weight, writer.weight(scales, f"{name}.scales"), bias))
    tidy(model)


def _with_bias(node: ir.Node) -> tuple[ir.Value, ir.Value | None]:
    """What a product and the bias that is added to it give, and that bias."""
    product = node.outputs[0]
    users = [use.node for use in product.uses()]
    if len(users) == 1 and users[0].op_type == "Add" and is_constant(users[0].inputs[1]):
        return users[0].outputs[0], users[0].inputs[1]
    return product, None


def _scales(array: np.ndarray, axis: int) -> np.ndarray:
    scales: np.ndarray = np.abs(array).max(axis=axis) / np.float32(127)
    return np.where(scales == 0, np.float32(1), scales)


def _dynamic(writer: Writer, source: ir.Value, weight: ir.Value, scales: ir.Value, bias: ir.Value | None) -> ir.Value:
    return writer.node("DynamicQuantizeMatMul", [source, weight, scales, None, bias], domain=MICROSOFT)


def _tables(model: ir.Model, bits: int) -> None:
    """Embeddings in int8, those of tokens in so many bits, with a scale a row."""
    writer = Writer(model)
    for node in list(model.graph):
        if node.op_type != "Gather" or not is_constant(node.inputs[0]) or len(node.inputs[0].shape) != 2:
            continue
        array, name = constant(node.inputs[0]), str(node.inputs[0].name)
        width = bits if _are_tokens(node.inputs[1]) else 8
        numbers, scales = _four_bits(array) if width == 4 else _eight_bits(array)
        table, beside = writer.weight(numbers, f"{name}.uint{width}"), writer.weight(scales, f"{name}.scales")
        found = writer.node(
            "GatherBlockQuantized", [table, node.inputs[1], beside], domain=MICROSOFT, bits=width,
            block_size=max(16, 1 << (array.shape[1] - 1).bit_length()), gather_axis=0, quantize_axis=1,
        )  # fmt: skip
        replace(node.outputs[0], found)


def _are_tokens(ids: ir.Value) -> bool:
    while (node := ids.producer()) is not None and node.op_type == "Reshape":
        ids = node.inputs[0]
    return bool(ids.name == TOKENS)


def _eight_bits(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scales = _scales(array, axis=1)[:, None]
    return np.round(array / scales + 128).astype(np.uint8), scales


def _four_bits(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two numbers a byte, the first in its lower half. Of some scales a row has the one with the least squared error."""
    widest = _scales(array, axis=1)[:, None] * np.float32(127 / 7.5)
    tried = [widest * np.float32(share) for share in SHARES]
    rounded = [np.clip(np.round(array / scales), -8, 7) for scales in tried]
    errors = [np.square(found * scales - array).sum(axis=1) for found, scales in zip(rounded, tried, strict=True)]
    best = np.argmin(errors, axis=0), np.arange(len(array))
    numbers = (np.stack(rounded)[best] + 8).astype(np.uint8)
    return numbers[:, ::2] | numbers[:, 1::2] << 4, np.stack(tried)[best]


def _session(model: ir.Model) -> onnxruntime.InferenceSession:
    providers = ["CPUExecutionProvider"]
    if not is_too_large(model):
        return onnxruntime.InferenceSession(ir.to_proto(model).SerializeToString(), providers=providers)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        save(model, path)
        return onnxruntime.InferenceSession(str(path), providers=providers)


def _outputs(model: ir.Model, feeds: Feeds) -> np.ndarray:
    session = _session(model)
    return np.concatenate([np.concatenate([part.ravel() for part in session.run(None, dict(feed))]) for feed in feeds])


def _extremes(source: Path, feeds: Feeds) -> dict[str, tuple[float, float]]:
    """The least and the greatest number that enters each product, or 0 where all are on one side of it."""
    model = ir.load(source)
    entering = list({node.inputs[0] for node in _products(model)})
    model.graph.outputs.extend(entering)
    session = _session(model)
    wanted = [str(value.name) for value in entering]
    found = dict.fromkeys(wanted, (0.0, 0.0))
    for feed in feeds:
        for name, values in zip(wanted, session.run(wanted, dict(feed)), strict=True):
            low, high = found[name]
            found[name] = min(low, float(values.min())), max(high, float(values.max()))
    return found

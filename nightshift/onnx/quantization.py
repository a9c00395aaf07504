"""Int8 weights, activations and embeddings of ONNX graphs, and of checkpoints of generative models.

In a graph a weight has one scale per column, an embedding one per row; token embeddings may also have 4 bits. Weights
are named as in the graph: `weight_names` returns those of a file, and those in `keep_float` stay in float32.
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
"""Input of a graph by which token embeddings are looked up."""
SHARES = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7)
"""Candidates for the scale of a row with 4 bits, as shares of the scale that covers the row's largest number."""
Feeds = Sequence[Mapping[str, np.ndarray]]
"""Batches of inputs by name."""


def weight_names(source: Path) -> list[str]:
    """Return the names of the weights of products, in the graph's order."""
    return [str(node.inputs[1].name) for node in _products(ir.load(source))]


def quantize_int8(source: Path, target: Path, keep_float: Sequence[str] = (), embedding_bits: int = 8) -> None:
    """Write a graph with dynamic int8: weights and embeddings have 8 bits, activations are quantized at inference.

    All rows of a batch would share one scale, so the graph's metadata ask for batches of one row.

    Args:
        source: The graph to quantize.
        target: The file to write; may be the same.
        keep_float: Names of weights that stay in float32.
        embedding_bits: Bits of token embeddings, 8 or 4.
    """
    _quantize(source, target, keep_float, embedding_bits, _dynamic, {predictor.MAX_ROWS_KEY: "1"})


def quantize_static(
    source: Path, target: Path, feeds: Feeds, keep_float: Sequence[str] = (), embedding_bits: int = 8
) -> None:
    """Write a graph with static int8: activations have fixed scales, so rows of a batch do not influence each other.

    Args:
        source: The graph to quantize.
        target: The file to write; may be the same.
        feeds: Calibration batches; the scales cover the range of the activations on them.
        keep_float: Names of weights that stay in float32.
        embedding_bits: Bits of token embeddings, 8 or 4.
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
    """Quantize an exported checkpoint in place; heads beside a shared trunk stay in float32."""
    model, _, _ = pretrained.load_checkpoint(folder)
    trunk = model.trunk if isinstance(model, SharedTrunk) else model
    int8.convert(trunk)
    int8.save(trunk, folder)
    for file in folder.glob("model*.safetensors*"):
        file.unlink()


def most_sensitive_weights(source: Path, feeds: Feeds, count: int) -> list[str]:
    """Return the names of the weights whose static int8 form alone changes the outputs on `feeds` most, worst first."""
    names, convert = weight_names(source), _static(_extremes(source, feeds))
    expected = _outputs(ir.load(source), feeds)
    changes = {}
    for name in names:
        model = ir.load(source)
        _convert(model, set(names) - {name}, convert)
        changes[name] = float(np.abs(_outputs(model, feeds) - expected).mean())
    return sorted(names, key=lambda name: -changes[name])[:count]


Conversion = Callable[[Writer, ir.Value, ir.Value, ir.Value, ir.Value | None], ir.Value]
"""Returns an int8 product from its input, its weight, the weight's scales and its bias."""


def _quantize(
    source: Path,
    target: Path,
    keep_float: Sequence[str],
    embedding_bits: int,
    convert: Conversion,
    metadata: Mapping[str, str] | None = None,
) -> None:
    model = ir.load(source)
    model.metadata_props.update(metadata or {})
    _convert(model, set(keep_float), convert)
    _quantize_embeddings(model, embedding_bits)
    tidy(model)
    save(model, target)


def _products(model: ir.Model) -> Iterator[ir.Node]:
    """Yield the products with constant weights (inputs, outputs)."""
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
    """Return the sum of a product and its bias, and the bias; without a bias the product and None."""
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


def _quantize_embeddings(model: ir.Model, bits: int) -> None:
    """Quantize embeddings with a scale per row: those of tokens to `bits` bits, others to 8."""
    writer = Writer(model)
    for node in list(model.graph):
        if node.op_type != "Gather" or not is_constant(node.inputs[0]) or len(node.inputs[0].shape) != 2:
            continue
        array, name = constant(node.inputs[0]), str(node.inputs[0].name)
        width = bits if _are_tokens(node.inputs[1]) else 8
        numbers, scales = _four_bits(array) if width == 4 else _eight_bits(array)
        table, row_scales = writer.weight(numbers, f"{name}.uint{width}"), writer.weight(scales, f"{name}.scales")
        embeddings = writer.node(
            "GatherBlockQuantized", [table, node.inputs[1], row_scales], domain=MICROSOFT, bits=width,
            block_size=max(16, 1 << (array.shape[1] - 1).bit_length()), gather_axis=0, quantize_axis=1,
        )  # fmt: skip
        replace(node.outputs[0], embeddings)


def _are_tokens(ids: ir.Value) -> bool:
    while (node := ids.producer()) is not None and node.op_type == "Reshape":
        ids = node.inputs[0]
    return bool(ids.name == TOKENS)


def _eight_bits(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scales = _scales(array, axis=1)[:, None]
    return np.round(array / scales + 128).astype(np.uint8), scales


def _four_bits(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return two numbers per byte, the first in its lower half, and each row's scale with the least squared error."""
    widest = _scales(array, axis=1)[:, None] * np.float32(127 / 7.5)
    trials = [widest * np.float32(share) for share in SHARES]
    rounded = [np.clip(np.round(array / scales), -8, 7) for scales in trials]
    errors = [np.square(values * scales - array).sum(axis=1) for values, scales in zip(rounded, trials, strict=True)]
    best = np.argmin(errors, axis=0), np.arange(len(array))
    numbers = (np.stack(rounded)[best] + 8).astype(np.uint8)
    return numbers[:, ::2] | numbers[:, 1::2] << 4, np.stack(trials)[best]


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
    """Return the range of the inputs of each product, extended to include 0."""
    model = ir.load(source)
    inputs = list({node.inputs[0] for node in _products(model)})
    model.graph.outputs.extend(inputs)
    session = _session(model)
    names = [str(value.name) for value in inputs]
    extremes = dict.fromkeys(names, (0.0, 0.0))
    for feed in feeds:
        for name, values in zip(names, session.run(names, dict(feed)), strict=True):
            low, high = extremes[name]
            extremes[name] = min(low, float(values.min())), max(high, float(values.max()))
    return extremes

"""Int8 weights and activations with ONNX Runtime, embeddings included."""

import logging
from pathlib import Path

from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.shape_inference import quant_pre_process


def quantize_int8(source: Path, target: Path) -> None:
    """Dynamic int8: weights and embeddings are stored in 8 bits, activations are scaled as they come."""
    logging.getLogger("root").setLevel(logging.ERROR)
    prepared = target.with_suffix(".prepared.onnx")
    quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
    quantize_dynamic(
        str(prepared), str(target), weight_type=QuantType.QInt8, per_channel=True,
        op_types_to_quantize=["MatMul", "Gemm", "Gather"], extra_options={"MatMulConstBOnly": True},
    )  # fmt: skip
    prepared.unlink()

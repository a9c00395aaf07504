"""Export to ONNX, graph fusion and quantization."""

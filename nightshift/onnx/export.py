"""Export of a PyTorch model to the folder that is served: ONNX, or safetensors for a generative model."""

import contextlib
import io
import json
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch.export import Dim
from transformers import PreTrainedTokenizerBase

from nightshift.inference import generative
from nightshift.inference.predictor import OnnxPredictor
from nightshift.models import pretrained
from nightshift.models.heads import Heads, Model, SharedTrunk, compute_logits, write_heads
from nightshift.models.logging_utils import errors_only
from nightshift.onnx import graphs
from nightshift.onnx.fusion import fuse, traceable

TOLERANCE = 1e-4
"""Largest difference between a logit of PyTorch and of ONNX Runtime."""
ONNX, CONFIG = "model.onnx", "config.json"
HEAD_FIELDS = (
    "kind",
    "labels",
    "separator",
    "pairs",
    "mean",
    "std",
    "threshold",
    "abstain_below",
    "temperature",
    "cleaning",
)
"""Fields of each head in the configuration of the exported folder."""


def export_model(model: Model, tokenizer: PreTrainedTokenizerBase, heads: Heads, folder: Path, max_length: int) -> None:
    """Write the folder that `open_predictor` opens.

    Args:
        model: A stock model or a shared trunk.
        tokenizer: Its tokenizer.
        heads: Its objectives by name; the first is the predictor's default.
        folder: An empty folder.
        max_length: Tokens that the predictor reads of a text.

    Raises:
        ValueError: The model cannot be exported, or ONNX Runtime's logits differ from PyTorch's by more than
            `TOLERANCE`.
    """
    if any(head.generative for head in heads.values()):
        pretrained.save_checkpoint(model, tokenizer, heads, folder)
        settings = json.dumps({"max_length": max_length})
        (folder / generative.SETTINGS).write_text(settings, encoding="utf-8")
    else:
        export_onnx(model, tokenizer, heads, folder / ONNX)
        _write_config(tokenizer, heads, folder, max_length)


def rewrite_heads(heads: Heads, folder: Path) -> None:
    """Replace the heads in an exported folder."""
    if not (folder / ONNX).exists():
        write_heads(heads, folder)
        return
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8")) | {"heads": _head_fields(heads)}
    (folder / CONFIG).write_text(json.dumps(config, ensure_ascii=False, indent=1), encoding="utf-8")


def _head_fields(heads: Heads) -> dict[str, dict[str, Any]]:
    return {name: {field: asdict(head)[field] for field in HEAD_FIELDS} for name, head in heads.items()}


def open_predictor(folder: Path) -> OnnxPredictor | generative.GenerativePredictor:
    """Return the predictor of an exported folder."""
    return OnnxPredictor(folder) if (folder / ONNX).exists() else generative.GenerativePredictor(folder)


class _Logits(torch.nn.Module):
    """All heads' logits from one pass through the trunk.

    The last tokens of a decoder are selected here, where the batch axis stays free.
    """

    def __init__(self, model: Model, objectives: list[str], names: list[str]) -> None:
        super().__init__()
        self.model, self.objectives, self.names = model, objectives, names

    def forward(self, *tensors: torch.Tensor) -> Any:
        inputs = dict(zip(self.names, tensors, strict=True))
        if not isinstance(self.model, SharedTrunk):
            return self.model(**inputs).logits
        hidden, mask = self.model.trunk(**inputs).last_hidden_state, inputs["attention_mask"]
        if self.model.is_decoder:
            hidden = hidden[torch.arange(hidden.shape[0]), mask.sum(dim=1) - 1].unsqueeze(1)
        return tuple(self.model.objective_logits(name, hidden, None) for name in self.objectives)


def _output(objective: str) -> str:
    """Return the name of an objective's output; the slash sets it apart from the names inside the graph."""
    return f"{objective}/logits"


def _inputs(tokenizer: PreTrainedTokenizerBase, pairs: bool, texts: list[str]) -> dict[str, torch.Tensor]:
    second = texts[::-1] if pairs else None
    return dict(tokenizer(texts, second, padding=True, return_tensors="pt"))


def export_onnx(model: Model, tokenizer: PreTrainedTokenizerBase, heads: Heads, path: Path) -> None:
    """Write a model as ONNX with free batch and sequence axes and logits (rows, outputs) for each objective.

    Args:
        model: A stock model or a shared trunk.
        tokenizer: Its tokenizer.
        heads: Its objectives by name.
        path: The file to write.

    Raises:
        ValueError: The model cannot be exported, or ONNX Runtime's logits differ from PyTorch's by more than
            `TOLERANCE`.
    """
    model = model.eval().float().cpu()
    pairs = any(head.pairs for head in heads.values())
    sample = _inputs(tokenizer, pairs, ["a first, rather longer sample text", "a second one"])
    if not pairs:
        sample.pop("token_type_ids", None)
    axes = {0: Dim.DYNAMIC, 1: Dim.DYNAMIC}
    silence = errors_only("torch.onnx", "onnxscript")
    try:
        with silence, warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                _Logits(traceable(model, pairs), list(heads), list(sample)).eval(),
                tuple(sample.values()),
                dynamo=True,
                input_names=list(sample),
                output_names=[_output(name) for name in heads],
                dynamic_shapes={"tensors": tuple(axes for _ in sample)},
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        kind = model.config.model_type
        raise ValueError(f"{kind} models cannot be exported to ONNX: {str(error).splitlines()[0]}") from error
    assert program is not None
    fuse(program.model)
    graphs.save(program.model, path)
    _ensure_same_logits(model, tokenizer, heads, path, pairs)


def _ensure_same_logits(
    model: Model, tokenizer: PreTrainedTokenizerBase, heads: Heads, path: Path, pairs: bool
) -> None:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for texts in (["one"], ["a few", "texts of another length, to see the axes move", "x"]):
        batch = _inputs(tokenizer, pairs, texts)
        feed = {item.name: batch[item.name].numpy() for item in session.get_inputs()}
        for name in heads:
            with torch.no_grad():
                expected = compute_logits(model, name, batch).numpy()
            difference = float(np.abs(session.run([_output(name)], feed)[0] - expected).max())
            if difference > TOLERANCE:
                raise ValueError(
                    f"the ONNX export answers otherwise than PyTorch, by up to {difference:.2g} in a logit of {name}"
                )


def _write_config(tokenizer: PreTrainedTokenizerBase, heads: Heads, folder: Path, max_length: int) -> None:
    """Write `tokenizer.json` and `config.json`, which `nightshift.inference.predictor` needs beside the graph."""
    rust = tokenizer.backend_tokenizer
    truncation, padding = rust.truncation, rust.padding
    rust.no_truncation()
    rust.no_padding()
    rust.save(str(folder / "tokenizer.json"))
    if truncation:
        rust.enable_truncation(**truncation)
    if padding:
        rust.enable_padding(**padding)
    config = {
        "heads": _head_fields(heads),
        "main": next(iter(heads)),
        "outputs": {name: _output(name) for name in heads},
        "max_length": max_length,
        "pad_token_id": tokenizer.pad_token_id,
        "pad_token": tokenizer.pad_token,
        "padding_side": tokenizer.padding_side,
        "truncation_side": tokenizer.truncation_side,
    }
    (folder / CONFIG).write_text(json.dumps(config, ensure_ascii=False, indent=1), encoding="utf-8")

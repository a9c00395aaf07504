"""From a PyTorch classifier to the folder that is served: ONNX, a tokenizer, the labels."""

import contextlib
import io
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch.export import Dim
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from models.quiet import errors_only

TOLERANCE = 1e-4


class _Logits(torch.nn.Module):
    def __init__(self, model: PreTrainedModel, names: list[str]) -> None:
        super().__init__()
        self.model, self.names = model, names

    def forward(self, *tensors: torch.Tensor) -> Any:
        return self.model(**dict(zip(self.names, tensors, strict=True))).logits


def _inputs(tokenizer: PreTrainedTokenizerBase, pairs: bool, texts: list[str]) -> dict[str, torch.Tensor]:
    second = texts[::-1] if pairs else None
    return dict(tokenizer(texts, second, padding=True, return_tensors="pt"))


def export_onnx(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, path: Path, pairs: bool) -> None:
    """Write `model` as ONNX with free batch and sequence axes and the output `logits` (rows, classes).

    Raises ValueError where ONNX Runtime's answers differ from PyTorch's by more than 1e-4.
    """
    model = model.eval().float()
    sample = _inputs(tokenizer, pairs, ["a first, rather longer sample text", "a second one"])
    axes = {0: Dim.DYNAMIC, 1: Dim.DYNAMIC}
    silence = errors_only("torch.onnx", "onnxscript")
    with silence, warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Logits(model, list(sample)),
            tuple(sample.values()),
            str(path),
            dynamo=True,
            input_names=list(sample),
            output_names=["logits"],
            dynamic_shapes={"tensors": tuple(axes for _ in sample)},
            external_data=False,
            verbose=False,
        )
    _same_answers(model, tokenizer, path, pairs)


def _same_answers(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, path: Path, pairs: bool) -> None:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for texts in (["one"], ["a few", "texts of another length, to see the axes move", "x"]):
        batch = _inputs(tokenizer, pairs, texts)
        with torch.no_grad():
            expected = model(**batch).logits.numpy()
        found = session.run(["logits"], {name: value.numpy() for name, value in batch.items()})[0]
        difference = float(np.abs(found - expected).max())
        if difference > TOLERANCE:
            raise ValueError(f"the ONNX export answers otherwise than PyTorch, by up to {difference:.2g} in a logit")


def save_serving_folder(
    folder: Path, tokenizer: PreTrainedTokenizerBase, labels: list[str], max_length: int, pairs: bool
) -> None:
    """Write `tokenizer.json` and `config.json` beside `model.onnx`: all that `models.serving` needs."""
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
        "labels": labels,
        "max_length": max_length,
        "pad_token_id": tokenizer.pad_token_id,
        "pad_token": tokenizer.pad_token,
        "padding_side": tokenizer.padding_side,
        "truncation_side": tokenizer.truncation_side,
        "pairs": pairs,
    }
    (folder / "config.json").write_text(json.dumps(config, ensure_ascii=False, indent=1), encoding="utf-8")

"""Checkpoints that write, in int8: GPT-2 with its Conv1D layers, T5, and a shared trunk."""

import json

import numpy as np
import pytest
import torch
from safetensors import safe_open
from samples import PLAIN, messages
from torch import nn
from transformers.pytorch_utils import Conv1D

from nightshift.inference.measurement import TorchPredictor
from nightshift.models import int8, pretrained
from nightshift.models.heads import Head, SharedTrunk
from nightshift.onnx import export, quantization

TEXTS = [text for text, _ in messages(200)]
SIZES = {
    "scratch:gpt2": {"n_embd": 64, "n_layer": 2, "n_head": 2, "n_positions": 64, "vocab_size": 400},
    "scratch:t5": {"d_model": 64, "d_ff": 128, "d_kv": 16, "num_layers": 1, "num_heads": 4, "vocab_size": 400},
}
WRITES = {"scratch:gpt2": Head("generation"), "scratch:t5": Head("text2text")}


def build(base, heads):
    sizes = dict(SIZES[base])
    tokenizer = pretrained.load_tokenizer(base, sizes, TEXTS)
    return pretrained.load(base, heads, tokenizer, 1, sizes).eval(), tokenizer


@pytest.fixture(params=WRITES)
def served(request, tmp_path):
    """The float predictor, the folder in int8, and the size of the float weights in bytes."""
    heads = {"main": WRITES[request.param]}
    model, tokenizer = build(request.param, heads)
    export.export_model(model, tokenizer, heads, tmp_path, 48)
    size = (tmp_path / "model.safetensors").stat().st_size
    quantization.quantize_checkpoint(tmp_path)
    return TorchPredictor(model, tokenizer, heads, 48), tmp_path, size


def losses_of(predictor):
    targets = TEXTS[20:40] if predictor.heads["main"].kind == "text2text" else None
    return predictor.losses(TEXTS[:20], targets)


def test_it_is_small_and_answers_like_the_float_one(served):
    full, folder, size = served
    assert (folder / int8.WEIGHTS).stat().st_size < 0.4 * size and not (folder / "model.safetensors").exists()
    narrow = export.open_predictor(folder)
    float_layers = [m for m in narrow.model.modules() if isinstance(m, nn.Linear | Conv1D)]
    assert not float_layers, "a product was left in float"
    (loss, tokens), (expected, expected_tokens) = losses_of(narrow), losses_of(full)
    assert tokens.tolist() == expected_tokens.tolist()
    assert loss / tokens == pytest.approx(expected / tokens, rel=0.01) and (loss != expected).all()
    assert len(narrow.continuations(TEXTS[:3], max_new_tokens=4)) == 3


def test_a_rows_answer_does_not_depend_on_the_others(served):
    narrow = export.open_predictor(served[1])
    ids = torch.tensor([[5, 6, 7, 8], [9, 10, 11, 12], [300, 301, 302, 303]])
    more = {"decoder_input_ids": ids} if narrow.encoder_decoder else {}
    with torch.no_grad():
        together = narrow.model(input_ids=ids, **more).logits
        single = narrow.model(input_ids=ids[1:2], **{name: value[1:2] for name, value in more.items()}).logits
    assert torch.allclose(together[1:2], single, atol=1e-5)


def test_one_corrupted_scale_is_seen_in_the_losses(served):
    full, folder, _ = served
    narrow = export.open_predictor(folder)
    linear = next(m for m in narrow.model.modules() if isinstance(m, int8.Int8Linear) and m is not narrow.model.lm_head)
    linear.scales *= 300
    (loss, tokens), (expected, _) = losses_of(narrow), losses_of(full)
    assert np.abs(loss / tokens - expected / tokens).mean() > 0.02


def test_tied_weights_are_written_once_and_shared_again(tmp_path):
    heads = {"main": Head("generation")}
    model, tokenizer = build("scratch:gpt2", heads)
    assert model.lm_head.weight is model.transformer.wte.weight
    export.export_model(model, tokenizer, heads, tmp_path, 48)
    quantization.quantize_checkpoint(tmp_path)
    with safe_open(tmp_path / int8.WEIGHTS, "pt") as file:
        names = [name for name in file.keys() if "lm_head" in name or "wte" in name]  # noqa: SIM118
    assert len(names) == 2, names
    again = export.open_predictor(tmp_path).model
    assert again.lm_head.weight.data_ptr() == again.transformer.wte.weight.data_ptr()


def test_a_shared_trunk_writes_and_judges(tmp_path):
    heads = {"words": Head("generation"), "mood": Head("classification", ("bad", "good"))}
    model, tokenizer = build("scratch:gpt2", heads)
    export.export_model(model, tokenizer, heads, tmp_path, 48)
    quantization.quantize_checkpoint(tmp_path)
    full, narrow = TorchPredictor(model, tokenizer, heads, 48), export.open_predictor(tmp_path)
    assert isinstance(narrow.model, SharedTrunk)
    assert narrow.scores(PLAIN, None, "mood") == pytest.approx(full.scores(PLAIN, None, "mood"), abs=0.02)
    loss, tokens = narrow.losses(TEXTS[:20], None, "words")
    assert loss / tokens == pytest.approx(full.losses(TEXTS[:20], None, "words")[0] / tokens, rel=0.01)
    assert narrow.continuations(PLAIN[:2], "words", max_new_tokens=4)
    assert json.loads((tmp_path / "serving.json").read_text())["max_length"] == 48


def test_a_matrix_of_zeros_stays_one():
    layer = nn.Sequential(nn.Linear(4, 3))
    nn.init.zeros_(layer[0].weight)
    narrow = int8.Int8Linear(*int8._quantize(layer[0].weight, {}), layer[0].bias)
    assert torch.equal(narrow(torch.randn(2, 4)), layer[0].bias.expand(2, 3))
    assert torch.isfinite(narrow(torch.zeros(2, 4))).all()

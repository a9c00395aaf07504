"""The exported graph: it is fused, and answers as PyTorch does."""

import shutil
from collections import Counter

import numpy as np
import onnxruntime
import pytest
import torch
from exported_graphs import (
    BINARY,
    LONG,
    NUMBER,
    PLAIN,
    SIZES,
    build_model,
    export_model,
    feeds,
    op_counts,
    second_texts,
)
from onnxscript import ir

from nightshift.inference import footprint
from nightshift.models.heads import Head
from nightshift.onnx import export, graphs, quantization

PAIR = Head("classification", ("no", "perhaps", "yes"), pairs=True)


FUSED = [name for name in SIZES if name not in PLAIN]


def agree(full, served):
    for name, head in full.heads.items():
        expected = full.scores(LONG, second_texts(head), name)
        assert np.ptp(expected, axis=0).min() > 0.02
        assert np.abs(served.scores(LONG, second_texts(head), name) - expected).max() < 1e-4


def widths(folder, feed):
    """Return the number of tokens of each text that enter the matrix products of the layers."""
    model = ir.load(folder / "model.onnx")
    entering = {node.inputs[1].name: node.inputs[0] for node in model.graph if node.op_type == "MatMul"}
    model.graph.outputs.extend(set(entering.values()))
    session = onnxruntime.InferenceSession(ir.to_proto(model).SerializeToString())
    shapes = {value.name: session.run([value.name], feed)[0].shape for value in entering.values()}
    return {name: shapes[value.name][1] for name, value in entering.items() if len(shapes[value.name]) == 3}


@pytest.mark.parametrize("name", FUSED)
def test_every_architecture_with_uneven_layers_is_fused_and_answers_like_torch(name, exported_model):
    full, folder, served = exported_model(name)
    graph = ir.load(folder / "model.onnx")
    counts, attentions = op_counts(graph), [node for node in graph.graph if node.op_type == "MultiHeadAttention"]
    assert [node.attributes["num_heads"].as_int() for node in attentions] == [3, 1]
    assert not {"Softmax", "Gemm", "Transpose"} & set(counts)
    assert "token_type_ids" not in served.inputs
    agree(full, served)


def test_the_last_layer_works_on_the_one_token_that_is_read(exported_model):
    _, folder, _ = exported_model("bert")
    feed = {name: np.ones((3, 7), dtype=np.int64) for name in ("input_ids", "attention_mask")}
    token_counts = widths(folder, feed)
    first, last = ({key: size for key, size in token_counts.items() if f"layer.{index}" in key} for index in (0, 1))
    assert set(first.values()) == {7} and len(first) == 4
    assert Counter(last.values()) == {7: 1, 1: 4} and last["model.bert.encoder.layer.1.attention.self.kv"] == 7


@pytest.mark.parametrize("name", ["bert", "gpt2"])
def test_a_shared_trunk_is_fused_for_all_its_heads(name, tmp_path):
    full = build_model(name, {"tone": BINARY, "stars": NUMBER} | ({"follows": PAIR} if name == "bert" else {}))
    served, graph = export_model(full, tmp_path)
    assert op_counts(graph)["MultiHeadAttention"] == 2
    assert ("token_type_ids" in served.inputs) == (name == "bert")
    agree(full, served)


@pytest.mark.parametrize("name", PLAIN)
def test_another_architecture_stays_as_it_is_and_right(name, tmp_path):
    full = build_model(name)
    served, graph = export_model(full, tmp_path)
    assert not op_counts(graph)["MultiHeadAttention"]
    agree(full, served)


def test_the_model_in_memory_is_left_as_it_was(exported_model):
    model, fresh = exported_model("bert")[0].model, build_model("bert").model
    assert model.config._attn_implementation == fresh.config._attn_implementation
    assert all(torch.equal(value, fresh.state_dict()[name]) for name, value in model.state_dict().items())


def test_weights_beside_a_graph_count_and_go_with_what_replaces_it(exported_model, tmp_path, monkeypatch):
    full, folder, served = exported_model("bert")
    monkeypatch.setattr(graphs, "PROTOBUF_LIMIT", 1000)
    graphs.save(ir.load(folder / "model.onnx"), tmp_path / "model.onnx")
    shutil.copy(folder / "config.json", tmp_path)
    shutil.copy(folder / "tokenizer.json", tmp_path)
    graph, weights = (tmp_path / name for name in ("model.onnx", "model.onnx.data"))
    assert weights.stat().st_size > graph.stat().st_size
    assert footprint.size_mb(tmp_path) == pytest.approx(footprint.size_mb(folder), rel=0.1)
    assert np.array_equal(export.open_predictor(tmp_path).scores(LONG), served.scores(LONG))
    assert quantization.most_sensitive_weights(graph, feeds(served), 1) == quantization.most_sensitive_weights(
        folder / "model.onnx", feeds(served), 1
    )
    monkeypatch.setattr(graphs, "PROTOBUF_LIMIT", 2e9)
    quantization.quantize_int8(graph, graph)
    assert not weights.exists() and footprint.size_mb(tmp_path) < 0.5 * footprint.size_mb(folder)
    assert np.abs(export.open_predictor(tmp_path).scores(LONG) - full.scores(LONG)).max() < 0.2

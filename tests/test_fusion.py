"""The served graph: it is fused, it answers as PyTorch does, and int8 reaches all that it should."""

import shutil
from collections import Counter
from functools import cache

import numpy as np
import onnxruntime
import pytest
import torch
from onnxscript import ir
from samples import messages
from transformers import AutoConfig, AutoModelForSequenceClassification

from nightshift.inference import footprint
from nightshift.inference.measurement import TorchPredictor
from nightshift.models import architectures, pretrained
from nightshift.models.heads import Head, SharedTrunk
from nightshift.onnx import export, graphs, quantization

TEXTS = [text for text, _ in messages(40)]
LONG = [*TEXTS, " ".join(TEXTS[:8])]
ONE, NUMBER = Head("classification", ("bad", "good")), Head("regression", mean=3.0, std=2.0)
PAIR = Head("classification", ("no", "perhaps", "yes"), pairs=True)
BERT = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48,
        "vocab_size": 300, "initializer_range": 0.3, "max_position_embeddings": 160}  # fmt: skip
SIZES = {
    "bert": BERT,
    "xlm-roberta": BERT,
    "camembert": BERT,
    "electra": BERT | {"embedding_size": 16},
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48, "vocab_size": 300,
                   "initializer_range": 0.3},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 160, "vocab_size": 300, "initializer_range": 0.3},
    "albert": BERT | {"embedding_size": 16},
    "mpnet": BERT | {"num_hidden_layers": 1},
    "deberta-v2": BERT | {"num_hidden_layers": 1, "relative_attention": True, "pos_att_type": ["p2c", "c2p"],
                          "share_att_key": True},
    "modernbert": BERT | {"local_attention": 8},
    "qwen3": BERT | {"num_hidden_layers": 1, "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 4},
}  # fmt: skip
PLAIN = ["albert", "mpnet", "deberta-v2", "modernbert", "qwen3"]
FUSED = [name for name in SIZES if name not in PLAIN]


def tokenizer_of(name):
    base = "gpt2" if name == "gpt2" else "bert"
    return pretrained.load_tokenizer(f"scratch:{base}", SIZES[base], TEXTS)


def made(name, heads=None):
    """A model with one head, or with a trunk for `heads`; no bias and no norm is left at zero or one.

    Where its layers can be cut, the first has three attention heads and the second has one.
    """
    torch.manual_seed(1)
    heads, tokenizer = heads or {"main": ONE}, tokenizer_of(name)
    config = AutoConfig.for_model(name, **SIZES[name], pad_token_id=tokenizer.pad_token_id)
    model = AutoModelForSequenceClassification.from_config(config)
    if len(heads) > 1:
        model = SharedTrunk(model.base_model, heads)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(torch.randn_like(parameter) * 0.3)
    cut = () if name == "albert" else architectures.layers(model)
    for layer, size, neurons in zip(cut, (24, 8), (40 if name in PLAIN else 48, 20), strict=False):
        if architectures.get_architecture(model).can_prune_heads:
            architectures.prune_block(layer, architectures.get_architecture(model).attention, torch.arange(size))
        architectures.prune_block(layer, architectures.get_architecture(model).feed_forward, torch.arange(neurons))
    return TorchPredictor(model.eval(), tokenizer, heads, 128)


def written(full, folder):
    """Exports it; returns what is served and its graph."""
    export.export(full.model, full.tokenizer, full.heads, folder, full.max_length)
    return export.open_served(folder), ir.load(folder / "model.onnx")


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """By the architecture's name: a model with one head, its folder, what is served from it."""

    @cache
    def of(name):
        full, folder = made(name), tmp_path_factory.mktemp(name)
        return full, folder, written(full, folder)[0]

    return of


def kinds(graph):
    return Counter(node.op_type for node in graph.graph)


def second(head):
    return LONG[::-1] if head.pairs else None


def agree(full, served):
    for name, head in full.heads.items():
        expected = full.scores(LONG, second(head), name)
        assert np.ptp(expected, axis=0).min() > 0.02
        assert np.abs(served.scores(LONG, second(head), name) - expected).max() < 1e-4


def widths(folder, feed):
    """How many tokens of each text enter every product of the layers."""
    model = ir.load(folder / "model.onnx")
    entering = {node.inputs[1].name: node.inputs[0] for node in model.graph if node.op_type == "MatMul"}
    model.graph.outputs.extend(set(entering.values()))
    session = onnxruntime.InferenceSession(ir.to_proto(model).SerializeToString())
    shapes = {value.name: session.run([value.name], feed)[0].shape for value in entering.values()}
    return {name: shapes[value.name][1] for name, value in entering.items() if len(shapes[value.name]) == 3}


@pytest.mark.parametrize("name", FUSED)
def test_every_architecture_with_uneven_layers_is_fused_and_answers_like_torch(name, plain):
    full, folder, served = plain(name)
    graph = ir.load(folder / "model.onnx")
    found, attentions = kinds(graph), [node for node in graph.graph if node.op_type == "MultiHeadAttention"]
    assert [node.attributes["num_heads"].as_int() for node in attentions] == [3, 1]
    assert not {"Softmax", "Gemm", "Transpose"} & set(found)
    assert "token_type_ids" not in served.inputs
    agree(full, served)


def test_the_last_layer_works_on_the_one_token_that_is_read(plain):
    _, folder, _ = plain("bert")
    feed = {name: np.ones((3, 7), dtype=np.int64) for name in ("input_ids", "attention_mask")}
    found = widths(folder, feed)
    first, last = ({key: size for key, size in found.items() if f"layer.{place}" in key} for place in (0, 1))
    assert set(first.values()) == {7} and len(first) == 4
    assert Counter(last.values()) == {7: 1, 1: 4} and last["model.bert.encoder.layer.1.attention.self.kv"] == 7


@pytest.mark.parametrize("name", ["bert", "gpt2"])
def test_a_shared_trunk_is_fused_for_all_its_heads(name, tmp_path):
    full = made(name, {"tone": ONE, "stars": NUMBER} | ({"follows": PAIR} if name == "bert" else {}))
    served, graph = written(full, tmp_path)
    assert kinds(graph)["MultiHeadAttention"] == 2
    assert ("token_type_ids" in served.inputs) == (name == "bert")
    agree(full, served)


@pytest.mark.parametrize("name", PLAIN)
def test_another_architecture_stays_as_it_is_and_right(name, tmp_path):
    full = made(name)
    served, graph = written(full, tmp_path)
    assert not kinds(graph)["MultiHeadAttention"]
    agree(full, served)


def test_the_model_in_memory_is_left_as_it_was(plain):
    model, fresh = plain("bert")[0].model, made("bert").model
    assert model.config._attn_implementation == fresh.config._attn_implementation
    assert all(torch.equal(value, fresh.state_dict()[name]) for name, value in model.state_dict().items())


def feeds(served, texts=TEXTS):
    encoded = served.tokenizer.encode_batch(texts)
    ids, mask = (np.array([getattr(item, word) for item in encoded]) for word in ("ids", "attention_mask"))
    return [{"input_ids": ids[start : start + 8], "attention_mask": mask[start : start + 8]} for start in (0, 8, 16)]


def eight_bits(folder, target, calibrated, kept=()):
    """A copy of the served folder in int8, static where there are feeds; returns its graph's path."""
    shutil.copytree(folder, target, dirs_exist_ok=True)
    graph = target / "model.onnx"
    if calibrated:
        quantization.quantize_static(graph, graph, calibrated, kept)
    else:
        quantization.quantize_int8(graph, graph, kept)
    return graph


@pytest.mark.parametrize("name", ["bert", "gpt2"])
@pytest.mark.parametrize("static", [False, True], ids=["dynamic", "static"])
def test_int8_reaches_every_product_and_embedding_but_those_kept(name, static, plain, tmp_path):
    full, folder, served = plain(name)
    every = quantization.names(folder / "model.onnx")
    assert len(every) == {"bert": 11, "gpt2": 10}[name]
    graph = eight_bits(folder, tmp_path, static and feeds(served), every[2:4])
    assert quantization.names(graph) == every[2:4]
    found = kinds(ir.load(graph))
    assert found["MatMulIntegerToFloat" if static else "DynamicQuantizeMatMul"] == len(every) - 2
    assert found["GatherBlockQuantized"] == 2 and not found["Gather"] > 2
    expected, eight = full.scores(LONG), export.open_served(tmp_path).scores(LONG)
    assert np.abs(eight - expected).max() > 0 and np.corrcoef(expected[:, 0], eight[:, 0])[0, 1] > 0.98


@pytest.mark.parametrize("name", ["bert", "gpt2"])
def test_token_embeddings_in_four_bits_are_smaller_and_answer_alike(name, plain, tmp_path):
    full, folder, served = plain(name)
    eight = eight_bits(folder, tmp_path / "eight", feeds(served))
    four = tmp_path / "four.onnx"
    quantization.quantize_static(folder / "model.onnx", four, feeds(served), embedding_bits=4)
    tables = [
        node.attributes["bits"].as_int() for node in ir.load(four).graph if node.op_type == "GatherBlockQuantized"
    ]
    assert sorted(tables) == [4, 8]
    saved = full.model.get_input_embeddings().weight.numel() / 2
    assert eight.stat().st_size - four.stat().st_size == pytest.approx(saved, rel=0.2)
    shutil.copy(four, eight)
    expected, found = full.scores(LONG), export.open_served(eight.parent).scores(LONG)
    assert np.corrcoef(expected[:, 0], found[:, 0])[0, 1] > 0.95


@pytest.mark.parametrize("calibrated", [True, False])
def test_in_int8_a_row_does_not_depend_on_its_neighbours(plain, tmp_path, calibrated):
    _, folder, served = plain("bert")
    eight = export.open_served(eight_bits(folder, tmp_path, feeds(served) if calibrated else None).parent)
    alone = np.concatenate([eight.scores([text]) for text in LONG])
    assert np.abs(alone - eight.scores(LONG)).max() < 1e-5
    assert eight.batch == (32 if calibrated else 1), "dynamic int8 scales a whole batch alike"


def test_what_hurts_most_is_found_and_left_out(plain, tmp_path):
    _, folder, served = plain("bert")
    graph, name = ir.load(folder / "model.onnx"), "model.bert.encoder.layer.0.intermediate.dense"
    weight = graph.graph.initializers[name]
    uneven = weight.const_value.numpy().copy()
    uneven[0] *= 300
    weight.const_value = ir.tensor(uneven, name=name)
    ir.save(graph, tmp_path / "model.onnx")
    assert quantization.sensitive(tmp_path / "model.onnx", feeds(served), 1) == [name]
    moved = []
    for kept in ([], [name]):
        quantization.quantize_int8(tmp_path / "model.onnx", tmp_path / "int8.onnx", kept)
        first, second = (onnxruntime.InferenceSession(str(tmp_path / f"{each}.onnx")) for each in ("model", "int8"))
        moved.append(np.mean([np.abs(first.run(None, feed)[0] - second.run(None, feed)[0]) for feed in feeds(served)]))
    assert moved[1] < 0.9 * moved[0]


def test_weights_beside_a_graph_count_and_go_with_what_replaces_it(plain, tmp_path, monkeypatch):
    full, folder, served = plain("bert")
    monkeypatch.setattr(graphs, "PROTOBUF_LIMIT", 1000)
    graphs.save(ir.load(folder / "model.onnx"), tmp_path / "model.onnx")
    shutil.copy(folder / "config.json", tmp_path)
    shutil.copy(folder / "tokenizer.json", tmp_path)
    graph, beside = (tmp_path / name for name in ("model.onnx", "model.onnx.data"))
    assert beside.stat().st_size > graph.stat().st_size
    assert footprint.size_mb(tmp_path) == pytest.approx(footprint.size_mb(folder), rel=0.1)
    assert np.array_equal(export.open_served(tmp_path).scores(LONG), served.scores(LONG))
    assert quantization.sensitive(graph, feeds(served), 1) == quantization.sensitive(
        folder / "model.onnx", feeds(served), 1
    )
    monkeypatch.setattr(graphs, "PROTOBUF_LIMIT", 2e9)
    quantization.quantize_int8(graph, graph)
    assert not beside.exists() and footprint.size_mb(tmp_path) < 0.5 * footprint.size_mb(folder)
    assert np.abs(export.open_served(tmp_path).scores(LONG) - full.scores(LONG)).max() < 0.2

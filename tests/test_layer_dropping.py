"""Students with fewer layers."""

import pytest
import torch
from small_models import ONE, TEXTS
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    GPT2Config,
    GPT2ForSequenceClassification,
)

from nightshift.compression import importance, layer_dropping, pruning
from nightshift.models import architectures


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
    small = layer_dropping.student_of(model, 1)
    told = importance.importance(small, [batch_of(tokenizer) | {"objective": "main"}], {"main": ONE})
    small = pruning.prune(small, told, [24])
    assert sum(p.numel() for p in small.parameters()) < sum(p.numel() for p in model.parameters())
    small.save_pretrained(tmp_path)
    again = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    assert torch.allclose(logits(again, tokenizer), logits(small.eval(), tokenizer))
    assert len(list(again.base_model.get_submodule(architectures.layers_path(again)).children())) == 1


def test_layers_are_spread_and_unknown_architectures_refused(bert):
    assert layer_dropping.spread(6, 3) == [0, 2, 5] and layer_dropping.spread(12, 1) == [0]
    bert[0].config.model_type = "novel"
    with pytest.raises(ValueError, match="novel"):
        layer_dropping.student_of(bert[0], 1)

"""Students with fewer layers."""

import pytest
import torch
import train_once
from small_models import BINARY, TEXTS
from teachers import batch_of, logits_of
from train_once import same_weights
from transformers import (
    AutoModel,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BartConfig,
    BartForConditionalGeneration,
    GPT2Config,
    GPT2ForSequenceClassification,
)

from nightshift.compression import importance, layer_dropping, pruning
from nightshift.models import architectures
from nightshift.models.architectures import layers


@pytest.fixture
def gpt2(tiny_base):
    tokenizer = AutoTokenizer.from_pretrained(tiny_base)
    torch.manual_seed(1)
    config = GPT2Config(vocab_size=len(tokenizer), n_embd=32, n_layer=2, n_head=2, pad_token_id=0, num_labels=2)
    return GPT2ForSequenceClassification(config).eval(), tokenizer


def padded_rows(tokenizer):
    return dict(tokenizer(TEXTS[:8], padding=True, return_tensors="pt")) | {"labels": torch.tensor([0, 1] * 4)}


def stock_logits(model, tokenizer):
    with torch.no_grad():
        return model(**dict(tokenizer(TEXTS[:8], padding=True, return_tensors="pt"))).logits


@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_students_and_pruned_models_load_with_stock_transformers(kind, request, tmp_path):
    model, tokenizer = request.getfixturevalue(kind)
    small = layer_dropping.drop_layers(model, 1)
    scores = importance.compute_importance(small, [padded_rows(tokenizer) | {"objective": "main"}], {"main": BINARY})
    small = pruning.prune(small, scores, [24])
    assert sum(p.numel() for p in small.parameters()) < sum(p.numel() for p in model.parameters())
    small.save_pretrained(tmp_path)
    again = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    assert torch.allclose(stock_logits(again, tokenizer), stock_logits(small.eval(), tokenizer))
    assert len(list(again.base_model.get_submodule(architectures.layers_path(again)).children())) == 1


def test_layers_are_spread_and_unknown_architectures_refused(bert):
    assert layer_dropping.spread(6, 3) == [0, 2, 5] and layer_dropping.spread(12, 1) == [0]
    bert[0].config.model_type = "novel"
    with pytest.raises(ValueError, match="novel"):
        layer_dropping.drop_layers(bert[0], 1)


@pytest.mark.parametrize(
    ("strategy", "of_six", "of_twelve"),
    [
        ("spread", [0, 2, 5], [0, 4, 7, 11]),
        ("first", [0, 1, 2], [0, 1, 2, 3]),
        ("last", [3, 4, 5], [8, 9, 10, 11]),
        ("every", [0, 2, 4], [0, 3, 6, 9]),
        ("alternating", [1, 3, 5], [1, 3, 7, 11]),
    ],
)
def test_strategies_pick_these_layers(strategy, of_six, of_twelve):
    pick = layer_dropping.STRATEGIES[strategy]
    assert pick(6, 3) == of_six and pick(12, 4) == of_twelve
    assert pick(6, 6) == list(range(6)) and len(pick(6, 1)) == 1
    assert all(
        sorted({*pick(12, count)}) == pick(12, count) and len(pick(12, count)) == count for count in range(1, 13)
    )


@pytest.mark.parametrize(("architecture", "names"), [("bert", ("judged", "scored")), ("gpt2", ("written", "judged"))])
def test_a_student_of_a_shared_trunk_keeps_its_heads_and_answers(architecture, names, tmp_path):
    teacher, tokenizer, heads, examples = train_once.prepared(architecture, names)
    small = layer_dropping.drop_layers(teacher, 1, "last")
    assert len(layers(small)) == 1 and len(layers(teacher)) == 2
    assert same_weights(layers(small)[0].state_dict(), layers(teacher)[1].state_dict())
    for name in names:
        batch = batch_of(examples, heads, tokenizer, name)
        assert logits_of(small, name, batch).shape == logits_of(teacher, name, batch).shape
    small.save_pretrained(tmp_path)
    assert same_weights(AutoModel.from_pretrained(tmp_path).state_dict(), small.trunk.state_dict())


@pytest.mark.parametrize("strategy", ["first", "last"])
def test_a_student_of_t5_keeps_the_relative_positions(strategy, tmp_path):
    teacher, tokenizer, heads, examples = train_once.prepared("t5", ("shouted",))
    small = layer_dropping.drop_layers(teacher, 1, strategy)
    assert len(small.encoder.block) == len(small.decoder.block) == 1 and len(teacher.decoder.block) == 2
    first = [model.decoder.block[0].layer[0].SelfAttention for model in (small, teacher)]
    assert torch.equal(*(attention.relative_attention_bias.weight for attention in first))
    small.save_pretrained(tmp_path)
    again = AutoModelForSeq2SeqLM.from_pretrained(tmp_path)
    batch = batch_of(examples, heads, tokenizer, "shouted")
    assert torch.equal(logits_of(again, "shouted", batch, True), logits_of(small, "shouted", batch, True))
    assert small.generate(batch["input_ids"], max_new_tokens=4).shape[0] == 8


def test_a_student_of_bart_keeps_the_same_share_of_both_sides():
    config = BartConfig(vocab_size=50, d_model=16, encoder_layers=4, decoder_layers=2, encoder_attention_heads=2,
                        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16)  # fmt: skip
    small = layer_dropping.drop_layers(BartForConditionalGeneration(config), 2)
    assert (len(small.model.encoder.layers), len(small.model.decoder.layers)) == (2, 1)
    assert small.generate(torch.ones(1, 3, dtype=torch.int64), max_new_tokens=3).shape[0] == 1

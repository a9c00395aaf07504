"""Small models of every architecture that can be pruned."""

import torch
from samples import messages
from transformers import AutoConfig, AutoModelForSequenceClassification

from nightshift.compression import importance, pruning
from nightshift.models.heads import Head, compute_logits
from nightshift.training import tokenization
from nightshift.training.batching import Collator, model_inputs

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
    """Return `TEXTS` with their labels in batches of eight.

    Args:
        tokenizer: Tokenizer of the model.
        name: Name of the objective.
        head: Head of the objective.
        labels: A label for each text, or None.
    """
    rows = tokenization.encode(tokenizer, head, TEXTS, None, labels, 32, packed=head.generative)
    if "token_type_ids" in rows.columns:
        del rows.columns["token_type_ids"]
    collate = Collator({name: rows}, {name: head}, tokenizer.pad_token_id)
    return [
        collate([(name, row) for row in range(start, min(start + 8, len(rows)))]) for start in range(0, len(rows), 8)
    ]


@torch.no_grad()
def all_logits(model, batches):
    return torch.cat([compute_logits(model, batch["objective"], model_inputs(batch)).flatten() for batch in batches])


def pruned_copy(kind, tokenizer):
    """A model, its rows, and a copy with other widths and heads in each layer."""
    model, batches = model_of(kind, tokenizer), batches_of(tokenizer)
    importances = importance.compute_importance(model, batches, {"main": HEAD})
    return model, batches, pruning.prune(model, importances, [40, 24], [4, 4] if kind in ALL_HEADS else [3, 1])


def parameters(models):
    return [sum(p.numel() for p in model.parameters()) / 1000 for model in models]

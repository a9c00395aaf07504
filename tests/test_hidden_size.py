"""Students with fewer hidden dimensions."""

import copy

import pytest
import torch
from teachers import batch_of, build_teacher, features_of, logits_of
from train_once import same_weights
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForSequenceClassification,
)

from nightshift.compression import hidden_size
from nightshift.models import architectures
from nightshift.models.architectures import layers


@pytest.mark.parametrize("names", [("judged",), ("judged", "scored")])
def test_a_narrower_student_keeps_these_numbers_and_is_stock(names, tmp_path):
    teacher, tokenizer, heads, examples = build_teacher("bert", names)
    with pytest.raises(ValueError, match="16 numbers take 1 attention heads of 16"):
        hidden_size.narrow(teacher, torch.arange(16))
    fewer = copy.deepcopy(teacher)
    for layer in layers(fewer):
        architectures.prune_block(layer, architectures.BERT.attention, torch.arange(16, 32))
    batch = batch_of(examples, heads, tokenizer, "judged")
    mixed = fewer.trunk if len(names) > 1 else fewer.bert
    with torch.no_grad():  # numbers that no one reads and that never vary can go without a trace
        for module in mixed.modules():
            if isinstance(module, torch.nn.LayerNorm):
                module.weight[:16] = module.bias[:16] = 0
    dims = hidden_size.highest_variance_dims(fewer, [batch], 16)
    assert dims.tolist() == list(range(16, 32))
    small = hidden_size.narrow(fewer, dims)
    features = features_of(small, "judged", batch, {"hidden": 1.0})
    assert features.hidden_states[0].shape[-1] == 16
    small.save_pretrained(tmp_path)
    again = (AutoModel if len(names) > 1 else AutoModelForSequenceClassification).from_pretrained(tmp_path)
    assert same_weights(again.state_dict(), (small.trunk if len(names) > 1 else small).state_dict())
    assert logits_of(small, "judged", batch).shape == (8, 2) and small.config.num_attention_heads == 1
    if len(names) == 1:
        assert torch.equal(logits_of(again, "judged", batch), logits_of(small, "judged", batch))


DIM = {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64}


WIDE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}


NARROWED = {"distilbert": DIM, "camembert": WIDE, "electra": WIDE | {"embedding_size": 32},
            "electra, projected": WIDE | {"embedding_size": 24}}  # fmt: skip


@pytest.mark.parametrize("kind", NARROWED)
def test_other_encoders_are_made_narrower_too(kind, tmp_path):
    config = AutoConfig.for_model(kind.partition(",")[0], vocab_size=60, pad_token_id=0, **NARROWED[kind])
    model = AutoModelForSequenceClassification.from_config(config).eval()
    for layer in layers(model):
        architectures.prune_block(layer, architectures.get_architecture(model).attention, torch.arange(16))
    dims = torch.arange(1, 32, 2)
    small = hidden_size.narrow(model, dims)
    words = "embeddings.word_embeddings.weight"
    table, narrowed = (network.base_model.state_dict()[words] for network in (model, small))
    assert torch.equal(narrowed, table if kind == "electra, projected" else table[:, dims])
    small.save_pretrained(tmp_path)
    again, report = AutoModelForSequenceClassification.from_pretrained(tmp_path, output_loading_info=True)
    assert not report["missing_keys"] and not report["mismatched_keys"] and again.config.hidden_size == 16
    ids = torch.arange(4, 12)[None]
    with torch.no_grad():
        assert torch.allclose(again.eval()(ids).logits, small(ids).logits, atol=1e-6)

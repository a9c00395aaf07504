import torch
from transformers import (
    AutoModel,
    BertConfig,
    RobertaConfig,
)

from nightshift.models import architectures


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
        assert architectures.max_positions(model) == count
        model(torch.ones(1, count, dtype=torch.long) * 5)

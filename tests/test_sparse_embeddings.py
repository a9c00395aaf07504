"""Training of the embeddings that occur, and of no others."""

from contextlib import nullcontext

import pytest
import torch
import train_once
from safetensors.torch import load_file
from transformers import (
    Gemma3TextConfig,
    Gemma3TextModel,
)

from nightshift.models.heads import Head
from nightshift.training import checkpoints, trainer
from nightshift.training.sparse_embeddings import restrict_embeddings
from nightshift.training.tokenization import Examples


def test_embeddings_that_are_more_than_a_table_are_left_alone():
    config = Gemma3TextConfig(vocab_size=50, hidden_size=16, intermediate_size=32, num_hidden_layers=1, head_dim=8,
                              num_attention_heads=2, num_key_value_heads=1, pad_token_id=0)  # fmt: skip
    model, ids = Gemma3TextModel(config).eval(), torch.arange(1, 9)[None]
    rows = Examples.from_rows({"input_ids": ids.tolist()})
    with torch.no_grad():
        expected = model(input_ids=ids).last_hidden_state
        with restrict_embeddings(model, {"main": Head("classification", ("a", "b"))}, [rows], 0):
            assert torch.equal(model(input_ids=ids).last_hidden_state, expected)


@pytest.mark.parametrize(("architecture", "names"), [("bert", ("judged",)), ("gpt2", ("judged", "scored"))])
def test_only_embeddings_of_tokens_that_occur_are_trained_to_the_same_weights(
    tmp_path, monkeypatch, architecture, names
):
    arguments = {"weight_decay": 0.0, "num_train_epochs": 1}
    _, tokenizer, _, examples = train_once.prepared(architecture, names)
    sparse = train_once.fit(tmp_path / "seen", architecture, names, **arguments).model
    state = load_file(checkpoints.list_checkpoints(tmp_path / "seen")[-1] / "model.safetensors")
    monkeypatch.setattr(trainer, "restrict_embeddings", lambda *_args: nullcontext())
    dense = train_once.fit(tmp_path / "all", architecture, names, **arguments).model
    table = getattr(sparse, "trunk", sparse).get_input_embeddings()
    assert type(table) is torch.nn.Embedding and table.num_embeddings == len(tokenizer)
    for (name, sparse_weight), (_, dense_weight) in zip(
        sparse.named_parameters(), dense.named_parameters(), strict=True
    ):
        assert torch.allclose(sparse_weight, dense_weight, atol=1e-6), name
    (name,) = [name for name in state if name.endswith(("word_embeddings.weight", "wte.weight"))]
    assert state[name].shape == table.weight.shape, "a checkpoint holds them all"
    assert torch.equal(state[name], table.weight)
    tokens = {int(token) for rows in examples.values() for token in rows.columns["input_ids"].values}
    started = train_once.prepared(architecture, names)[0]
    start = getattr(started, "trunk", started).get_input_embeddings().weight
    changed = (table.weight != start).any(dim=1).nonzero().flatten().tolist()
    assert set(changed) <= tokens and 0 < len(changed) < len(tokenizer)

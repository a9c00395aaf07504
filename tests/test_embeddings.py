"""Embeddings of texts by a base model as it is."""

import numpy as np
import pytest
import torch

from nightshift.inference.embeddings import Embedder
from nightshift.models import pretrained

TEXTS = ["lovely parcel", "the awful tent came late again from the shop on monday", "dull"]


@pytest.fixture(scope="module")
def embedder(tiny_base):
    return Embedder(str(tiny_base), 32)


def test_an_embedding_is_the_mean_of_the_last_hidden_states(embedder, tiny_base):
    tokenizer = pretrained.load_tokenizer(str(tiny_base), {}, [])
    with torch.no_grad():
        hidden = embedder.trunk(**tokenizer(TEXTS[1], return_tensors="pt")).last_hidden_state
    assert np.allclose(embedder.embed(TEXTS)[1], hidden[0].mean(dim=0).numpy(), atol=1e-5)


def test_neither_order_nor_company_changes_an_embedding(embedder):
    together = embedder.embed(TEXTS)
    assert np.allclose(embedder.embed(TEXTS[::-1])[::-1], together, atol=1e-5)
    assert np.allclose(embedder.embed(TEXTS[:1]), together[:1], atol=1e-5)
    assert embedder.embed([]).shape == (0, together.shape[1])


def test_the_embedding_of_a_pair_has_both_texts_their_difference_and_their_product(embedder):
    first, second = embedder.embed(TEXTS[:1])[0], embedder.embed(TEXTS[1:2])[0]
    expected = np.concatenate([first, second, np.abs(first - second), first * second])
    assert np.allclose(embedder.embed_pairs(TEXTS[:1], TEXTS[1:2])[0], expected, atol=1e-5)

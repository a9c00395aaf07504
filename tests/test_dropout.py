"""Dropout by 16 random bits a value, and torch's own before and after it."""

import warnings

import pytest
import torch
from torch.nn.functional import dropout, scaled_dot_product_attention

from nightshift.training.dropout import fast_dropout

ONES = torch.ones(500, 1000)


def seeded_dropout(p=0.1):
    torch.manual_seed(3)
    return dropout(ONES, p)


def test_a_share_of_p_is_dropped_and_the_rest_scaled_by_numbers_of_the_seed():
    with fast_dropout():
        dropped = seeded_dropout()
        assert torch.equal(dropped, seeded_dropout()) and not torch.equal(dropped, dropout(ONES, 0.1))
    assert dropped.unique().tolist() == pytest.approx([0.0, 1 / 0.9])
    assert dropped.mean().item() == pytest.approx(1, abs=0.005)  # the standard error is 0.0005
    neighbours = (dropped[:, 1:] == 0) & (dropped[:, :-1] == 0)
    assert neighbours.float().mean().item() == pytest.approx(0.01, abs=0.001)


@pytest.mark.parametrize("p", [0.0, 0.25, 1.0])
def test_a_share_of_p_is_drawn_for_any_type_and_number_of_values(p):
    with fast_dropout():
        masks = [torch.empty(99_999, dtype=dtype).bernoulli_(p) for dtype in (torch.bool, torch.bfloat16, torch.double)]
        assert torch.empty(0).bernoulli_(p).numel() == 0
    assert [mask.double().mean().item() for mask in masks] == pytest.approx([p] * 3, abs=0.01 * p * (1 - p) * 4)


def test_attention_drops_by_the_same_numbers():
    query, key = torch.zeros(1, 1, 400, 8), torch.eye(400, 8)[None, None]
    with fast_dropout():
        torch.manual_seed(3)
        kept = scaled_dot_product_attention(query, key, torch.ones(1, 1, 400, 1), dropout_p=0.5)
        torch.manual_seed(3)
        mask = torch.empty(1, 1, 400, 400).bernoulli_(0.5)
    assert torch.allclose(kept, mask.mean(-1, keepdim=True) * 2, atol=1e-5)


def test_torchs_own_dropout_is_back_after_the_block_and_nothing_is_said():
    before = seeded_dropout()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with fast_dropout():
            assert not torch.equal(seeded_dropout(), before)
    assert torch.equal(seeded_dropout(), before)

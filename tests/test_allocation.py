"""The shape of a pruned model under a measured budget."""

from itertools import product

import numpy as np
import pytest
import torch
from prunable_models import (
    model_of,
    parameters,
)

from nightshift.compression import allocation, importance
from nightshift.compression.layer_dropping import drop_layers


def test_the_table_of_costs_comes_from_whole_models(tiny_tokenizer):
    model = model_of("bert", tiny_tokenizer)
    table = allocation.measure_latency_table(model, parameters)
    assert table.full == parameters([model])[0]
    assert table.layer == pytest.approx(parameters([model])[0] - parameters([drop_layers(model, 1)])[0])
    assert list(table.heads) == [0, 1, 2, 3, 4] and table.widths[64] == table.heads[4] == 0
    for heads in table.heads:
        assert table.heads[heads] == pytest.approx((4 - max(1, heads)) * 8 * (4 * 32 + 3) / 1000)
    for width in table.widths:
        assert table.widths[width] == pytest.approx((64 - max(1, width)) * (2 * 32 + 1) / 1000)


@pytest.mark.parametrize("share", [0.9, 0.6, 0.35])
def test_the_shape_loses_the_least_of_all_that_are_fast_enough(share):
    torch.manual_seed(2)
    importances = importance.Importance([torch.rand(12).square() for _ in range(2)], [torch.rand(3) for _ in range(2)])
    table = allocation.LatencyTable(10.0, {1: 1.7, 2: 0.9, 3: 0.0}, {3: 1.9, 6: 1.3, 9: 0.6, 12: 0.0}, 2.0)

    def lost_importance(widths, heads):
        pairs = [*zip(importances.neurons, widths, strict=True), *zip(importances.heads, heads, strict=True)]
        return sum(float(scores.sort().values[: len(scores) - keep].sum()) for scores, keep in pairs)

    def saved(widths, heads):
        return sum(table.widths[width] for width in widths) + sum(table.heads[count] for count in heads)

    choices = product(product(table.widths, repeat=2), product(table.heads, repeat=2))
    best = min(lost_importance(*choice) for choice in choices if saved(*choice) >= 10 * (1 - share))
    shape = allocation.allocate(importances, table, share)
    assert lost_importance(*shape) == pytest.approx(best, abs=1e-6) and saved(*shape) >= 10 * (1 - share) - 1e-9


def test_what_has_been_pruned_is_pruned_to_a_share_of_what_it_takes_itself():
    importances = importance.Importance([torch.rand(8) + 1, torch.zeros(1)], [torch.tensor([9.0]), torch.rand(3) + 1])
    table = allocation.LatencyTable(10.0, {0: 2.5, 1: 1.5, 2: 0.75, 3: 0.0}, {0: 2.0, 6: 1.0, 12: 0.0}, 2.0)

    def saved(widths, heads):
        measured_widths, times = [0, 6, 12], [2.0, 1.0, 0.0]
        return sum(float(np.interp(width, measured_widths, times)) for width in widths) + sum(
            table.heads[h] for h in heads
        )

    full_time = 10 - saved([8, 0], [1, 3])
    shape = allocation.allocate(importances, table, 0.5)
    assert full_time / 4 < 10 - saved(*shape) <= full_time / 2 and shape.widths[1] == 0
    assert allocation.allocate(importances, table, 1.0) == ([8, 0], [1, 3])


def test_some_layer_keeps_a_head():
    importances = importance.Importance([torch.full((12,), 9.0)] * 2, [torch.full((3,), 0.1), torch.full((3,), 0.2)])
    table = allocation.LatencyTable(10.0, {0: 4.0, 1: 2.0, 2: 1.0, 3: 0.0}, {0: 0.5, 12: 0.0}, 2.0)
    assert allocation.allocate(importances, table, 0.35).heads == [0, 1]


def test_a_share_that_no_shape_reaches_is_refused():
    importances = importance.Importance([torch.rand(12)], [torch.rand(3)])
    table = allocation.LatencyTable(10.0, {1: 1.0, 2: 0.5, 3: 0.0}, {6: 2.0, 12: 0.0}, 2.0)
    with pytest.raises(ValueError, match="no shape takes 60% of the time; the smallest takes 70%"):
        allocation.allocate(importances, table, 0.6)

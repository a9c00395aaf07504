"""Batches: who is in them, and in which order."""

import numpy as np
import pytest
import train_once

from nightshift.training.batching import ObjectiveBatchSampler, sampling_shares


def test_batches_are_a_function_of_seed_and_epoch_and_group_by_length():
    _, _, _, examples = train_once.prepared("bert", ("judged", "scored"))
    batches = ObjectiveBatchSampler(examples, 8, seed=3)
    first = list(batches)
    assert first == list(ObjectiveBatchSampler(examples, 8, seed=3)) and len(first) == len(batches) == 60
    assert all(len({name for name, _ in batch}) == 1 and len(batch) == 8 for batch in first)
    assert {row for batch in first for name, row in batch if name == "scored"} == set(range(240))
    batches.set_epoch(1)
    assert list(batches) != first
    spans = [np.ptp([examples[name].lengths[row] for name, row in batch]) for batch in first]
    assert np.mean(spans) < 3


@pytest.mark.parametrize(("processes", "micro"), [(2, 1), (1, 4), (2, 2)])
def test_processes_and_micro_batches_share_the_same_batches(processes, micro):
    _, _, _, examples = train_once.prepared("bert", ("judged",))
    batches = list(ObjectiveBatchSampler(examples, 8, seed=3))
    parts = [list(ObjectiveBatchSampler(examples, 8, 3, micro, process, processes)) for process in range(processes)]
    for index, batch in enumerate(batches):
        rows = [row for part in parts for micro_index in range(micro) for row in part[index * micro + micro_index]]
        assert sorted(rows) == sorted(batch)


def test_sampling():
    sizes = {"a": 900, "b": 100}
    assert sampling_shares(sizes, "proportional", 2.0) == {"a": 0.9, "b": 0.1}
    assert sampling_shares(sizes, "equal", 2.0) == {"a": 0.5, "b": 0.5}
    assert sampling_shares(sizes, "temperature", 2.0) == {"a": 0.75, "b": 0.25}
    _, _, _, examples = train_once.prepared("bert", ("judged", "scored"))
    assert ObjectiveBatchSampler(examples, 7, 1, sampling="equal").num_batches == {"judged": 35, "scored": 35}

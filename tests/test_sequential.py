"""Tests that may be looked at after every row: their error, and what they do not depend on."""

import json
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightshift.evaluation.sequential import Wealth, growth_rate, unit_differences

ALPHA = 0.05
PATHS = 200


def ever_crosses(differences, mean=0.0):
    """Return whether the wealth is 1 / ALPHA after any of the rows, looked at every 100."""
    wealth = Wealth(mean=mean)
    for block in np.split(differences, len(differences) // 100):
        wealth = wealth.after(block)
        if wealth.value >= 1 / ALPHA:
            return True
    return False


def changed_rows(rng, rows, disagreement, mean):
    """Return differences of -1, 0 and 1 with this mean, which may change from row to row."""
    draw, up = rng.random(rows), (disagreement + mean) / 2
    return np.where(draw < up, 1.0, np.where(draw < disagreement, -1.0, 0.0))


@pytest.mark.parametrize("disagreement", [0.02, 0.075, 0.5])
def test_equal_models_cross_in_few_years(disagreement):
    rng = np.random.default_rng(1)
    crossed = [ever_crosses(changed_rows(rng, 2000, disagreement, 0.0)) for _ in range(PATHS)]
    assert np.mean(crossed) <= ALPHA


def test_the_wealth_of_equal_models_is_its_start_on_average():
    chance = {-1.0: 0.1, 0.0: 0.8, 1.0: 0.1}
    paths = list(product(chance, repeat=5))
    average = sum(np.prod([chance[d] for d in path]) * Wealth().after(np.array(path)).value for path in paths)
    assert average == pytest.approx(1.0, abs=1e-9)


def test_means_that_an_adversary_chooses_by_the_past_cross_in_few_years():
    rng, crossed = np.random.default_rng(2), 0
    for _ in range(PATHS):
        wealth, is_over = Wealth(), False
        for _ in range(30):  # the more wealth, the less the models differ, and the mean stays 0; else it is negative
            size = 0.9 if wealth.value > 2 else 0.1
            block = changed_rows(rng, 20, size, 0.0 if wealth.value >= 1 else -0.05)
            wealth = wealth.after(block)
            is_over = is_over or wealth.value >= 1 / ALPHA
        crossed += is_over
    assert crossed / PATHS <= ALPHA


def test_a_mean_at_the_margin_crosses_in_few_years():
    rng = np.random.default_rng(3)
    assert np.mean([ever_crosses(changed_rows(rng, 2000, 0.1, -0.01), -0.01) for _ in range(PATHS)]) <= ALPHA


def test_differences_that_are_no_counts_cross_in_few_years():
    rng = np.random.default_rng(4)
    assert np.mean([ever_crosses(rng.choice([-0.9, 0.1], size=2000, p=[0.1, 0.9])) for _ in range(PATHS)]) <= ALPHA


@given(st.lists(st.sampled_from([-1.0, -0.25, 0.0, 0.5, 1.0]), max_size=60), st.lists(st.integers(0, 60), max_size=5))
@settings(max_examples=60, deadline=None)
def test_wealth_does_not_depend_on_nights_or_restarts(differences, cuts):
    rows, wealth = np.array(differences), Wealth()
    for part in np.split(rows, sorted(min(cut, len(rows)) for cut in cuts)):
        wealth = Wealth.model_validate_json(wealth.model_dump_json()).after(part)
    together = Wealth().after(rows)
    assert wealth.units == together.units == len(rows)
    assert wealth.log_value == pytest.approx(together.log_value, abs=1e-9)


def test_wealth_over_the_chunks_is_that_of_single_rows():
    rows = changed_rows(np.random.default_rng(5), 9000, 0.1, 0.01)
    by_row = Wealth()
    for block in np.split(rows, 90):
        by_row = by_row.after(block)
    assert Wealth().after(rows).log_value == pytest.approx(by_row.log_value)


def test_the_state_is_small():
    assert len(json.dumps(Wealth().after(np.zeros(10)).model_dump())) < 600


def test_a_gain_is_shown_in_about_the_rows_of_the_bound():
    rng = np.random.default_rng(6)
    rows = int(2.5 * np.log(1 / ALPHA) / growth_rate(0.02, 0.075))
    assert np.mean([Wealth().after(changed_rows(rng, rows, 0.075, 0.02)).value >= 20 for _ in range(60)]) > 0.6


def test_a_gain_after_a_long_quiet_time_is_shown():
    rng = np.random.default_rng(7)
    quiet = Wealth().after(changed_rows(rng, 50_000, 0.075, 0.0))
    assert quiet.log_value < 0
    assert quiet.after(changed_rows(rng, 6000, 0.075, 0.03)).value >= 20


def test_rows_of_a_group_count_once():
    means = unit_differences(np.array([1.0, 0.0, -1.0, 1.0]), ["b", "b", "a", "c"])
    assert means.tolist() == [0.5, -1.0, 1.0]


def test_a_difference_beyond_one_is_refused():
    with pytest.raises(ValueError, match="between -1 and 1"):
        Wealth().after(np.array([1.5]))
    with pytest.raises(ValueError, match="between -1 and 1"):
        Wealth().after(np.array([np.nan]))

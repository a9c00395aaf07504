"""The share of a year's error budget that a test takes."""

import numpy as np
import pytest

from nightshift.evaluation.error_budget import MIN_SHARE, expected_z, next_alpha, validation_luck
from nightshift.records import BudgetState

BUDGET, RATE = 0.05, 0.1


def alpha(spent=0.0, z=2.0, ratio=0.4, tests=40, compared=0, likely=0):
    state = BudgetState(alpha_spent=spent, num_compared=compared, num_likely=likely)
    return next_alpha(state, z, ratio, BUDGET, tests, RATE)


def test_any_365_days_spend_no_more_than_the_budget_and_none_ends_blind():
    random = np.random.default_rng(1)
    for z_values in (np.full(1000, 9.0), random.uniform(1.3, 9, 1000), np.full(1000, 1.3)):
        spent = np.zeros(1000)
        for night, z in enumerate(z_values):
            spent[night] = alpha(spent[max(0, night - 364) : night].sum(), z)
        windows = np.convolve(spent, np.ones(365), mode="valid")
        assert windows.max() <= BUDGET * (1 + 1e-9)
        assert spent.min() >= 9e-7, "a test at z 4.8, on every night"


def test_the_typical_test_takes_a_share_of_tests_per_year():
    z = 1.18 / expected_z(1.0, 0.4)
    for tests in (10, 40, 100):
        assert alpha(z=z, tests=tests) == pytest.approx(BUDGET / tests)
    assert alpha(0.03, z) == pytest.approx(0.02 / 40), "of what is left"
    assert alpha(z=-9.0) == pytest.approx(BUDGET * MIN_SHARE) and alpha(z=30.0) == pytest.approx(BUDGET / 5)
    assert alpha(0.06) == alpha(BUDGET) == 0.0


def test_validation_promises_less_the_fewer_its_rows():
    assert alpha(ratio=0.1) < alpha(ratio=0.4)
    assert expected_z(2.0, 100.0) == pytest.approx(0.2, rel=0.01), (
        "many rows: the true difference, on the holdout's scale"
    )


def test_where_every_night_looks_good_validation_is_believed_less():
    assert validation_luck(100, 5, RATE) == 0
    assert validation_luck(300, 300, RATE) == pytest.approx(1.28 + 1.39, abs=0.05)
    assert alpha(z=3.0, compared=100, likely=60) < alpha(z=3.0, compared=100, likely=10) == alpha(z=3.0)

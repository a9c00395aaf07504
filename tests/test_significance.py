"""Paired tests and intervals: they cover at their rate and agree with other ways to compute them."""

from math import comb

import numpy as np
import pytest
from factories import LABELS, WRONG_LABEL, answers, compared, objective, table
from scipy.stats import norm
from scipy.stats import t as student

from nightshift.evaluation import confidence_limits, significance
from nightshift.evaluation.claims import LatencyComparison
from nightshift.evaluation.metrics import single_label_metrics
from nightshift.evaluation.significance import compare, mid_p, ratio_limit, required_rows_of_proportion, tango_interval
from tasks.gate.settings import GateSettings


def test_tango_solves_its_score_equation():
    # Limits are where an independent maximum likelihood estimate of the null model gives a score of z.
    improved, regressed, rows, z = 12, 3, 100, norm.ppf(0.975)
    interval = tango_interval(improved, regressed, rows, 0.975)
    for limit, sign in ((interval.lower, 1), (interval.upper, -1)):
        grid = np.linspace(max(0, -limit) + 1e-9, (1 - limit) / 2 - 1e-9 + max(0, -limit) / 2, 400_001)
        unchanged = 1 - 2 * grid - limit
        ok = (unchanged > 0) & (grid + limit > 0)
        likelihood = np.full(len(grid), -np.inf)
        likelihood[ok] = (
            improved * np.log(grid[ok] + limit)
            + regressed * np.log(grid[ok])
            + (rows - improved - regressed) * np.log(unchanged[ok])
        )
        p = grid[likelihood.argmax()]
        score = (improved - regressed - rows * limit) / np.sqrt(rows * (2 * p + limit - limit**2))
        assert score == pytest.approx(sign * z, abs=2e-3)
    assert interval.lower < 0.09 < interval.upper


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
def test_limits_cover_at_their_rate(metric):
    rng, misses, times = np.random.default_rng(1), 0, 300
    for _ in range(times):
        labels = rng.choice(["a", "b"], 400)
        first = np.where(rng.random(400) < 0.12, "c", labels)
        second = np.where(rng.random(400) < 0.12, "c", labels)
        misses += compared(labels, first, second, metric).lower > 0
    assert misses / times < 0.05 + 3 * np.sqrt(0.05 * 0.95 / times)


def test_the_difference_is_the_metrics_difference():
    first, second = answers(0.1, seed=1), answers(0.2, seed=2)
    for metric in ("accuracy", "macro_f1", "weighted_f1"):
        expected = single_label_metrics(LABELS, first)[metric] - single_label_metrics(LABELS, second)[metric]
        assert compared(LABELS, first, second, metric).difference == pytest.approx(expected)


def test_the_limit_of_a_cost_ratio_covers_at_its_rate():
    rng, times = np.random.default_rng(2), 2000
    noise = rng.lognormal(0, 0.5, (times, 2, 100))
    misses = sum(ratio_limit(0.9 * first, second, 0.95) < 0.9 for first, second in noise)
    assert misses / times < 0.05 + 3 * np.sqrt(0.05 * 0.95 / times)
    assert ratio_limit(0.5 * noise[0][0], noise[0][1], 0.95) < 0.9
    limits = [ratio_limit([1.0] * rows, [2.0] * rows, 1 - 1e-6) for rows in (19, 20)]
    assert limits == [np.inf, 0.5], "19 pairs all lie below the median once in 524,288 times"
    assert (
        "too few texts to tell" in str(LatencyComparison(1.0, 2.0, np.inf, 0.95))
        and not LatencyComparison(1.0, 2.0, np.inf, 0.95).cheaper
    )


def test_a_year_of_costs_at_the_edge_is_hardly_ever_taken_for_cheaper():
    rng, times = np.random.default_rng(3), 20_000
    noise, confidence = rng.lognormal(0, 0.5, (times, 2, 100)), GateSettings().cost_confidence
    assert not any(ratio_limit(0.9 * first, second, confidence) < 0.9 for first, second in noise)
    assert np.mean([ratio_limit(0.5 * first, second, confidence) < 0.9 for first, second in noise[:500]]) > 0.6


def test_a_row_of_a_small_class_weighs_more():
    labels = ["a"] * 1950 + ["b"] * 50
    by_rows, by_labels = (compared(labels, labels, labels, metric).lower for metric in ("accuracy", "macro_f1"))
    assert by_labels < 8 * by_rows < 0, "a lost row of b costs about n / (4 * 50) as much"


def draw_answers(random, rows, improved, regressed):
    """Draw two models' answers to two labels; both are right in 9 of 10 rows.

    Args:
        random: Generator of random numbers.
        rows: Number of rows.
        improved: Share of rows that the first alone has right.
        regressed: Share of rows that the second alone has right.
    """
    labels, u = random.choice(["a", "b"], rows), random.random(rows)
    first, second = (
        u < 0.9 + improved - regressed,
        (u < 0.9 - regressed) | ((u >= 0.9 + improved - regressed) & (u < 0.9 + improved)),
    )
    return labels, [np.where(right, labels, np.where(labels == "a", "b", "a")) for right in (first, second)]


@pytest.mark.parametrize(("rows", "improved", "regressed", "margin", "level"), [
    (200, 0.00325, 0.00875, 0.005, 0.99875), (1000, 0.00325, 0.00875, 0.005, 0.99875),
    (100, 0.01, 0.031, 0.02, 0.95), (500, 0.01, 0.031, 0.02, 0.95),
])  # fmt: skip
def test_a_drop_beyond_the_margin_is_seldom_missed_with_macro_f1(rows, improved, regressed, margin, level):
    random, times = np.random.default_rng(rows), 120
    passed = 0
    for _ in range(times):
        labels, answers = draw_answers(random, rows, improved, regressed)
        tables = [{"main": table(answer, labels)} for answer in answers]
        units, free = significance.paired_units(*tables, [objective()], level)
        passed += confidence_limits.statistic(units, -margin) > student.ppf(level, free)
    assert passed / times <= 1 - level + 3 * np.sqrt((1 - level) * level / times)


GROUPS = np.repeat(np.arange(40), 10)


def draw_grouped(random, share, icc):
    """Errors of rows, True for a wrong one, in groups of 10 that go wrong together."""
    shift = np.sqrt(icc) * random.normal(size=40)[GROUPS] + np.sqrt(1 - icc) * random.normal(size=400)
    return shift < norm.ppf(share)


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
@pytest.mark.parametrize("icc", [0.5, 1.0])
def test_rows_that_belong_together_count_as_groups(metric, icc):
    random, times, misses = np.random.default_rng(9), 100, {"groups": 0, "rows": 0}
    labels, keys = np.tile(["a", "b"], 200), {"groups": GROUPS.astype(str), "rows": np.arange(400).astype(str)}
    for _ in range(times):
        wrong = [draw_grouped(random, 0.2, icc) for _ in range(2)]
        answers = [np.where(hit, np.where(labels == "a", "b", "a"), labels) for hit in wrong]
        for name, key in keys.items():
            tables = [{"main": table(answer, labels).assign(side_key=key)} for answer in answers]
            units, free = significance.paired_units(*tables, [objective(metric=metric)], 0.95)
            misses[name] += confidence_limits.statistic(units, 0.0) > student.ppf(0.95, free)
    noise = 3 * np.sqrt(0.05 * 0.95 / times)
    assert misses["groups"] / times <= 0.05 + noise < misses["rows"] / times


def test_few_groups_show_nothing():
    labels, groups = LABELS[:400], np.repeat(["x", "y", "z", "w"], 100)
    tables = [
        {"main": table(answer, labels).assign(side_key=groups)} for answer in (labels, [WRONG_LABEL[x] for x in labels])
    ]
    assert (
        compare(*tables, [objective(metric="accuracy")], 0.95).lower < 1
        and compare(*tables, [objective(metric="accuracy")], 0.99875).lower <= 0
    )
    interval = compare(tables[0], tables[0], [objective(metric="accuracy")], 0.95)
    assert interval.lower < -0.5, "of 4 groups that are alike nobody knows a fifth"


def test_differences_of_counts_have_tangos_limits():
    for improved, regressed, rows, level in (
        (12, 3, 100, 0.975),
        (0, 0, 20, 0.95),
        (9, 0, 300, 0.99875),
        (0, 4, 50, 0.95),
    ):
        values = np.repeat([1.0, -1.0, 0.0], [improved, regressed, rows - improved - regressed])
        actual, expected = (
            confidence_limits.limits(confidence_limits.Units(values, 1.0), norm.ppf(level)),
            tango_interval(improved, regressed, rows, level),
        )
        assert (actual.lower, actual.upper) == pytest.approx((expected.lower, expected.upper), abs=1e-6)


@pytest.mark.parametrize(("improved", "regressed", "p"), [(15, 5, 0.0133018), (3, 0, 0.0625), (0, 0, 0.5), (7, 7, 0.5)])
def test_mid_p(improved, regressed, p):
    changed, half = improved + regressed, 0.5 ** (improved + regressed)
    exact = (
        sum(comb(changed, k) for k in range(improved + 1, changed + 1)) * half + 0.5 * comb(changed, improved) * half
    )
    assert mid_p(improved, regressed) == pytest.approx(exact)
    assert mid_p(improved, regressed) == pytest.approx(p, abs=1e-6)


def test_rows_needed_grow_with_disagreement():
    assert required_rows_of_proportion(0.05, 0.02) == 773
    assert (
        required_rows_of_proportion(0.10, 0.02)
        > required_rows_of_proportion(0.05, 0.02)
        > required_rows_of_proportion(0.05, 0.04)
    )

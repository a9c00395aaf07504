"""Tests of drift: false alarms, shifts that are found, and the words for them."""

import numpy as np
import pytest
from scipy.stats import chi2_contingency, ks_2samp, t

from nightshift.data import drift
from nightshift.data.drift import Shift, adjusted, category_shift, distribution_shift, effective_rows, ratio_shift


def counts_of(values):
    names, counts = np.unique(values, return_counts=True)
    return dict(zip(names.tolist(), counts.tolist(), strict=True))


def drawn_labels(count, seed, shares=(0.6, 0.25, 0.15)):
    return counts_of(np.random.default_rng(seed).choice(["bad", "fair", "good"], count, p=shares))


def test_a_shift_of_label_shares_is_named_with_both_shares():
    shift = category_shift({"bad": 580, "fair": 300, "good": 120}, {"bad": 740, "fair": 150, "good": 110})
    assert shift.effect == pytest.approx(0.16)
    assert str(shift) == "bad 58 % -> 74 %, +16 points; fair 30 % -> 15 %, -15 points; p < 0.001"


def test_categories_that_came_or_went_are_named():
    shift = category_shift({"a": 90, "b": 10}, {"a": 80, "c": 20})
    assert "came: c" in shift.description and "went: b" in shift.description


def test_a_rare_category_that_is_not_drawn_has_not_gone():
    assert "went" not in category_shift({"a": 999, "b": 1}, {"a": 100}).description


@pytest.mark.parametrize("count", [20, 200])
def test_equal_label_shares_are_significant_no_more_often_than_alpha(count):
    before = 5 * count
    alarms = [
        category_shift(drawn_labels(before, s), drawn_labels(count, 1000 + s)).p_value <= 0.05 for s in range(400)
    ]
    assert np.mean(alarms) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


def test_small_counts_get_an_exact_p_value():
    p_value = category_shift({"a": 5}, {"b": 5}).p_value
    assert p_value == pytest.approx(2 / 252, abs=0.006), "252 ways to draw 5 of 10, 2 of them as far apart"


@pytest.mark.parametrize("values", [8, 400])
def test_equal_distributions_are_significant_no_more_often_than_alpha(values):
    random = np.random.default_rng(0)
    alarms = [
        distribution_shift(
            counts_of(random.integers(0, values, 400)), counts_of(random.integers(0, values, 100))
        ).p_value
        <= 0.05
        for _ in range(300)
    ]
    assert 0 < np.mean(alarms) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)


def test_longer_texts_are_found_with_both_medians():
    random = np.random.default_rng(0)
    shift = distribution_shift(
        counts_of(random.poisson(20, 1000)), counts_of(random.poisson(25, 200)), unit="characters"
    )
    assert shift.has_drifted(0.1) and shift.description.startswith("median 20 -> 25 characters")


def test_the_ratio_of_sums_takes_rows_as_units():
    random = np.random.default_rng(0)

    def rows(count):
        share = random.choice([0.0, 0.5], count)
        words = random.integers(2, 30, count).astype(float)
        return np.round(share * words), words

    alarms = [ratio_shift(rows(300), rows(100), "unknown words").p_value <= 0.05 for _ in range(400)]
    assert 0.01 < np.mean(alarms) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)
    more = np.full(100, 4.0), np.full(100, 10.0)
    assert ratio_shift(rows(300), more, "unknown words").has_drifted(0.05)


def test_the_interval_of_an_auc_is_that_of_hanley_and_mcneil():
    assert drift.auc_error(0.75, (50, 50)) == pytest.approx(0.0489, abs=1e-4)
    assert "AUC 0.75 (0.65 to 0.85)" in drift.auc_shift(0.75, (50, 50)).description


def test_p_values_are_multiplied_by_the_number_of_tests_that_are_left():
    p_values = {"a": 0.04, "b": 0.01, "c": 0.03}
    result = adjusted({name: Shift(0.5, p_value, "") for name, p_value in p_values.items()})
    assert {name: shift.p_value for name, shift in result.items()} == pytest.approx({"a": 0.06, "b": 0.03, "c": 0.06})


@pytest.mark.parametrize(
    ("effect", "p_value", "has_drifted"),
    [(0.2, 0.01, True), (-0.2, 0.01, True), (0.05, 0.05, True), (0.049, 0.01, False), (0.2, 0.051, False)],
)
def test_an_alarm_needs_significance_and_size(effect, p_value, has_drifted):
    assert Shift(effect, p_value, "").has_drifted(0.05) == has_drifted


def test_groups_count_for_less_than_their_rows():
    assert effective_rows([1, 1, 1, 1]) == 4 and effective_rows([2, 2]) == 2 and effective_rows([]) == 0
    before, now = {"a": 300, "b": 300}, {"a": 60, "b": 40}
    assert category_shift(before, now).p_value < category_shift(before, now, (600.0, 20.0)).p_value


def test_counts_are_drawn_where_fewer_than_five_are_expected():
    five, fewer = np.array([[7.0, 3], [3, 7]]), np.array([[6.0, 3], [3, 6]])
    approximations = [chi2_contingency(counts, correction=False).pvalue for counts in (five, fewer)]
    assert drift.count_p_value(five, "unordered") == pytest.approx(approximations[0])
    assert drift.count_p_value(fewer, "unordered") > 1.5 * approximations[1], "exact: 0.347"


@pytest.mark.parametrize(("bins", "is_drawn"), [(20, True), (21, False)])
def test_distances_of_many_bins_are_not_drawn(bins, is_drawn):
    random = np.random.default_rng(3)
    p_value = drift.count_p_value(random.integers(1, 9, (2, bins)).astype(float), "ordered")
    assert ((2000 * p_value) % 1 < 1e-9) is is_drawn, "2,000 counts: these and 1,999 that are drawn"


@pytest.mark.parametrize(("rows", "has_gone"), [(5, True), (4, False)])
def test_a_category_has_gone_if_five_of_its_rows_are_expected(rows, has_gone):
    shift = category_shift({"a": 100 - rows, "b": rows}, {"a": 100})
    assert ("went: b" in shift.description) is has_gone


def test_a_description_names_two_changes_of_a_kind():
    shift = category_shift({"a": 50, "b": 30, "c": 20}, {"a": 10, "b": 20, "c": 30, "d": 9, "e": 8, "f": 7})
    changes, came = shift.description.split("; came: ")
    assert changes.startswith("a 50 % -> 12 %") and changes.count("->") == 2
    assert came == "d, e and 1 more"


@pytest.mark.parametrize(("count", "names"), [(1000, 1000), (1001, 1001), (1500, 1001)])
def test_the_rarest_of_many_categories_count_as_one(count, names):
    counts = {f"c{number}": 1 + (number < 1000) for number in range(count)}
    aligned, (before, now) = drift._aligned(counts, counts)
    assert len(aligned) == names and before.sum() == now.sum() == sum(counts.values())
    assert (aligned[-1] == drift.OTHER) is (count > 1000)


def test_the_p_value_of_an_auc_is_that_of_the_mann_whitney_test():
    assert drift.auc_shift(0.5, (50, 50)).p_value == pytest.approx(0.5)
    assert drift.auc_shift(0.6, (50, 50)).p_value == pytest.approx(0.0424, abs=1e-4)


@pytest.mark.parametrize(("now", "p_value"), [(4.0, 1.0), (5.0, 0.0)])
def test_ratios_without_variance_differ_or_do_not(now, p_value):
    words = np.full(50, 10.0)
    assert ratio_shift((np.full(50, 4.0), words), (np.full(50, now), words), "words").p_value == p_value


def test_small_p_values_are_not_written_out():
    assert str(Shift(0.1, 0.001, "x")) == "x; p = 0.001" and str(Shift(0.1, 0.0009, "x")) == "x; p < 0.001"


def test_the_p_value_of_label_shares_is_that_of_the_chi_square_test():
    before, now = {"a": 300, "b": 120, "c": 80}, {"a": 50, "b": 35, "c": 15}
    expected = chi2_contingency([list(before.values()), list(now.values())], correction=False).pvalue
    assert category_shift(before, now).p_value == pytest.approx(expected)


def test_the_p_value_of_many_lengths_is_near_the_exact_one():
    random = np.random.default_rng(3)
    before, now = random.integers(0, 5000, 60), random.integers(400, 5400, 40)
    expected = ks_2samp(before, now, method="exact").pvalue
    assert distribution_shift(counts_of(before), counts_of(now)).p_value == pytest.approx(expected, abs=0.01)


def test_few_lengths_get_an_exact_p_value():
    assert distribution_shift({1: 5}, {2: 5}).p_value == pytest.approx(2 / 252, abs=0.006)


@pytest.mark.parametrize(("before", "now"), [({"a": 5}, {"a": 7}), ({"a": 5, "b": 0}, {"a": 7})])
def test_rows_of_a_single_category_do_not_differ(before, now):
    assert (category_shift(before, now).p_value, category_shift(before, now).effect) == (1.0, 0.0)


def test_a_ratio_of_rows_of_one_word_is_compared_like_a_mean():
    random = np.random.default_rng(5)
    before, now = (random.random(12) < 0.3).astype(float), (random.random(5) < 0.6).astype(float)
    error = np.sqrt(before.var(ddof=1) / 12 + now.var(ddof=1) / 5)
    difference = now.mean() - before.mean()
    shift = ratio_shift((before, np.ones(12)), (now, np.ones(5)), "unknown words")
    assert shift.effect == pytest.approx(difference)
    assert shift.p_value == pytest.approx(2 * t.sf(abs(difference) / error, 4))
    assert (
        shift.description
        == f"unknown words {100 * before.mean():.1f} % -> {100 * now.mean():.1f} %, {100 * difference:+.1f} points"
    )


def test_rows_without_words_have_no_ratio():
    shift = ratio_shift((np.zeros(3), np.zeros(3)), (np.zeros(4), np.ones(4)), "unknown words")
    assert (shift.effect, shift.p_value) == (0.0, 1.0)


def test_a_number_without_unit_has_only_its_medians():
    assert distribution_shift({1: 10, 3: 11}, {2: 5}).description == "median 3 -> 2, Kolmogorov-Smirnov distance 0.52"


def test_adjusted_p_values_do_not_exceed_one():
    assert drift.holm([0.6, 0.9]) == [1.0, 1.0] and drift.holm([0.9, 0.01]) == [0.9, 0.02]

"""Slices of the holdout: which there are, and which bar a promotion."""

import json
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from factories import objective
from holdout_tables import HOLDOUT, NOISE, ROWS, check_tables, decide_with, numbers, scored_answers, written_texts
from records import table_of
from scipy import stats

from nightshift.data.drift import holm
from nightshift.data.settings import DataSettings
from nightshift.errors import InputError
from nightshift.evaluation import slices
from nightshift.evaluation.slices import MIN_ROWS, RowSubset, split_slices
from tasks.gate.guardrails import NO_GUARDRAILS


def test_a_holdout_is_sliced_by_label_length_and_column():
    holdout = pd.DataFrame({
        "text": ["x" * length for length in range(1, 10)],
        "label": ["a,b", "a", "", *["c"] * 6],
        "original": [json.dumps({"shop": shop, "stars": 3}) for shop in ["n", None, "", *["s"] * 6]],
    })  # fmt: skip
    rows_by_slice = {
        (part.by, part.value): part.rows.tolist()
        for part in split_slices(holdout, objective(separator=","), ["shop", "stars"])
    }
    assert rows_by_slice == {
        ("label", "a"): [0, 1], ("label", "b"): [0], ("label", "(none)"): [2], ("label", "c"): [3, 4, 5, 6, 7, 8],
        ("length", "short (up to 3 characters)"): [0, 1, 2], ("length", "middle (4 to 6)"): [3, 4, 5],
        ("length", "long (over 6)"): [6, 7, 8],
        ("shop", "n"): [0], ("shop", "(none)"): [1, 2], ("shop", "s"): [3, 4, 5, 6, 7, 8],
        ("stars", "3"): list(range(9)),
    }  # fmt: skip
    for separator in ("++", " | ", "||"):
        multilabel = holdout.assign(label=holdout["label"].str.replace(",", separator))
        names = {
            part.value for part in split_slices(multilabel, objective(separator=separator), []) if part.by == "label"
        }
        assert names == {"a", "b", "c", "(none)"}
    assert {part.by for part in split_slices(holdout.assign(label=1.0), objective("regression", "rmse"), [])} == {
        "length"
    }
    pairs = split_slices(holdout.assign(text_pair="x" * 10), objective(), [])
    assert "short (up to 13 characters)" in {part.value for part in pairs}


@pytest.mark.parametrize(("criterion", "value"), [("label", "b"), ("length", "long"), ("shop", "south")])
def test_a_challenger_worse_in_one_slice_alone_is_held_and_the_slice_named(criterion, value):
    parts = {part.by + part.value: part for part in split_slices(HOLDOUT, objective(), ["shop"])}
    part = next(part for words, part in parts.items() if words.startswith(criterion + value))
    wrong = np.full(ROWS, 0.05)
    wrong[part.rows] = 0.35
    challenger, champion = scored_answers(wrong, 1), scored_answers(0.25, 2)
    checks = check_tables(challenger, champion, slices=["shop"])
    assert decide_with(NO_GUARDRAILS, challenger, champion).claim == "better"
    verdict = decide_with(checks, challenger, champion)
    assert verdict.decision == "hold" and verdict.claim is None
    start = f"worse by more than gate.slice_margin 0.02 in 1 of 9 slices: {criterion} {part.value}, 0.6"
    assert verdict.reasons[0].startswith(start) and len(checks.blocking) == 1
    assert [(entry.by, entry.value) for entry in checks.slices if entry.worse] == [(criterion, part.value)]
    assert checks.slices[0].worse


LONG = next(part.rows for part in split_slices(HOLDOUT, objective(), []) if part.value.startswith("long"))


def losses(spread, side):
    return pd.DataFrame({"loss": 20 * spread * np.abs(NOISE[side]), "tokens": 20})


@pytest.mark.parametrize(
    ("kind", "metric", "make", "good", "bad"),
    [("regression", "pearson", numbers, 3, 8), ("generation", "loss", losses, 0.5, 1), ("text2text", "chrf", written_texts, 2, 9),
     ("text2text", "exact_match", written_texts, 1, 4)],
)  # fmt: skip
def test_every_kind_is_tested_by_its_rows(kind, metric, make, good, bad):
    spread = np.full(ROWS, float(good))
    spread[LONG] = bad
    target = objective(kind, metric)
    results = check_tables(make(spread, 0), make((good + bad) / 2, 1), target).slices
    assert [result.value.partition(" ")[0] for result in results if result.worse] == ["long"]
    assert all(result.difference > 0 for result in results[1:]) and results[0].interval[1] < 0
    assert not any(result.worse for result in check_tables(make(good, 0), make(good, 1), target).slices)


def test_small_slices_are_reported_and_not_tested():
    num_tiny = MIN_ROWS - 1
    shops = ["tiny"] * num_tiny + ["big"] * (ROWS - num_tiny)
    holdout = HOLDOUT.assign(original=[json.dumps({"shop": shop}) for shop in shops])
    wrong = np.where(np.arange(ROWS) < num_tiny, 1.0, 0.05)
    checks = check_tables(scored_answers(wrong, 1), scored_answers(0.05, 1), holdout=holdout, slices=["shop"])
    tiny = next(entry for entry in checks.slices if entry.value == "tiny")
    assert (tiny.rows, tiny.challenger, tiny.p, tiny.interval, tiny.worse) == (num_tiny, 0.0, None, None, False)
    assert checks.blocking == [] and checks.slices[-1] is tiny


KIND = {"accuracy": "classification", "loss": "generation"}


def share_blocked(metric, draw, margin, times=400):
    """Return the share of nights on which any of eight slices of 100 rows is called worse.

    Args:
        metric: Metric of the objective.
        draw: Function that draws both models' answers.
        margin: Tolerated drop in a slice.
        times: Number of simulated nights.
    """
    target, random = objective(KIND[metric], metric), np.random.default_rng(7)
    disjoint = {"main": [RowSubset("shop", str(index), np.arange(100) + 100 * index) for index in range(8)]}
    num_blocked = 0
    for _ in range(times):
        challenger, champion = ({"main": table} for table in draw(random))
        num_blocked += any(
            result.worse for result in slices.compare_slices(challenger, champion, disjoint, [target], margin, 0.95)
        )
    return num_blocked / times


def hits(chance):
    def draw(random):
        return [pd.DataFrame({"label": "a", "predicted": np.where(random.random(800) < wrong, "b", "a")})
                for wrong in (0.15 + chance, 0.15)]  # fmt: skip

    return draw


def errors(worse):
    def draw(random):
        base = random.gamma(2, size=(2, 800))
        return [pd.DataFrame({"loss": base[0] + worse, "tokens": 1}), pd.DataFrame({"loss": base[1], "tokens": 1})]

    return draw


BOUND = 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


@pytest.mark.parametrize(("metric", "draw"), [("accuracy", hits), ("loss", errors)])
def test_a_challenger_that_is_worse_nowhere_is_rarely_barred(metric, draw):
    assert share_blocked(metric, draw(0.0), 0.02) <= BOUND
    assert share_blocked(metric, draw(0.1), 0.1) <= BOUND, "at the margin itself"
    assert share_blocked(metric, draw(0.7), 0.1) > 0.9


@pytest.mark.parametrize("metric", ["accuracy", "loss"])
def test_slices_of_rows_that_belong_together_go_by_groups(metric):
    random, times, blocked = np.random.default_rng(8), 150, {"groups": 0, "rows": 0}
    target, keys = objective(KIND[metric], metric), np.repeat(np.arange(30), 10)
    subsets = {"main": [RowSubset("shop", "all", np.arange(300))]}
    for _ in range(times):
        luck = random.normal(size=(2, 30))[:, keys]
        tables = [
            pd.DataFrame({"label": "a", "predicted": np.where(values > 1, "b", "a"), "loss": 5 + values, "tokens": 1})
            for values in luck
        ]
        for name, key in (("groups", keys), ("rows", np.arange(300))):
            challenger, champion = ({"main": frame.assign(side_key=key.astype(str))} for frame in tables)
            blocked[name] += slices.compare_slices(challenger, champion, subsets, [target], 0.001, 0.95)[0].worse
    assert blocked["groups"] / times <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / times) < blocked["rows"] / times
    grouped = [{"main": frame.assign(side_key=(keys % 9).astype(str))} for frame in tables]
    assert slices.compare_slices(*grouped, subsets, [target], 0.001, 0.95)[0].p is None, "9 groups are too few"


def rejected(p_values, alpha):
    return [p_value <= alpha for p_value in holm(p_values)]


def test_holm_is_the_closure_of_bonferroni():
    random = np.random.default_rng(3)
    for _ in range(200):
        p = random.random(5) ** 4 * 0.2
        expected = [
            all(min(p[list(group)]) <= 0.05 / len(group)
                for size in range(1, 6) for group in combinations(range(5), size) if index in group)
            for index in range(5)
        ]  # fmt: skip
        assert rejected(p, 0.05) == expected
    assert rejected([0.01, 0.04, 0.03, 0.005], 0.05) == [True, False, False, True] and rejected([], 0.05) == []


def test_p_values_are_those_of_the_limits():
    challenger, champion = (np.arange(200) % step > 0 for step in (5, 9))
    p, limits = slices._test_proportions(challenger, champion, 0.02, 0.95)
    assert (
        slices._test_proportions(challenger, champion, -limits.upper, 0.95)[0] == pytest.approx(0.05, abs=1e-6)
        and p < 0.05
    )
    first, second = NOISE[:, :200]
    p, limits = slices._test_means(first, second, 0.1, 0.95)
    assert p == pytest.approx(stats.ttest_1samp(first - second, -0.1, alternative="less").pvalue)
    assert limits.upper == pytest.approx(
        stats.ttest_rel(first, second, alternative="less").confidence_interval(0.95).high
    )
    assert slices._test_means(first, first, 0.1, 0.95)[0] == 1


def test_a_column_that_is_not_there_is_told_with_its_setting(tmp_path):
    (tmp_path / "x.csv").write_text("text,label,shop\na,b,north\n")
    data = DataSettings(path="x.csv")
    assert "shop" not in table_of(data, tmp_path, ["shop"])
    with pytest.raises(InputError, match=r"^gate\.slices: no column 'stop' in .*x\.csv; it has text, label, shop$"):
        table_of(data, tmp_path, ["shop", "stop"])

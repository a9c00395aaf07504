"""Metrics of every kind of objective, and differences of them."""

from functools import partial

import factories
import numpy as np
import pandas as pd
import pytest
from factories import COLOURS, losses, numbers, written_answers
from scipy import stats
from sklearn.metrics import f1_score
from sklearn.preprocessing import MultiLabelBinarizer

from nightshift.errors import SettingsError
from nightshift.evaluation import (
    confidence_limits,
    drift_profile,
    influence,
    kinds,
    prediction_changes,
    scoring,
    significance,
    slices,
)
from nightshift.evaluation.metrics import calibration_error, distinct, per_class, tokenization
from nightshift.evaluation.significance import compare, required_rows
from tasks.gate import first_version
from tasks.gate.first_version import References, decide_first

objective = partial(factories.objective, labels=COLOURS)


MULTI_LABEL = objective("classification", "macro_f1", separator=",")


def sets(error_rate, rows=600, seed=1):
    """Return predictions of several labels a row, each wrong with probability `error_rate`."""
    truth = np.random.default_rng(9).random((rows, 3)) < [0.5, 0.3, 0.1]
    answered_sets = truth ^ (np.random.default_rng(seed).random((rows, 3)) < error_rate)
    names = np.array(COLOURS)
    label, predicted = ([",".join(names[row]) for row in values] for values in (truth, answered_sets))
    return pd.DataFrame({"label": label, "predicted": predicted})


PAIRS = [
    *((objective("regression", metric), numbers(0.5), numbers(1.0)) for metric in ("pearson", "spearman", "rmse")),
    (MULTI_LABEL, sets(0.05), sets(0.15, seed=2)),
    (objective("classification", "weighted_f1", separator=","), sets(0.05), sets(0.15, seed=2)),
    (objective("classification", "accuracy", separator=","), sets(0.05), sets(0.15, seed=2)),
    (objective("generation", "loss"), losses(1.0), losses(1.1)),
    (objective("text2text", "chrf"), written_answers(0.1), written_answers(0.3)),
    (objective("text2text", "exact_match"), written_answers(0.1), written_answers(0.3)),
]


@pytest.mark.parametrize(("main", "good", "bad"), PAIRS, ids=lambda part: getattr(part, "metric", ""))
def test_every_metrics_difference_is_told_and_turned_so_that_more_is_better(main, good, bad):
    comparison = compare({"main": good}, {"main": bad}, [main], 0.95)
    good_value, bad_value = (kinds.metrics({"main": table}, [main])[main.metric] for table in (good, bad))
    assert comparison.difference == pytest.approx(kinds.better(main.metric) * (good_value - bad_value))
    assert 0 < comparison.lower < comparison.difference < comparison.upper
    tie = compare({"main": good}, {"main": good}, [main], 0.95)
    assert tie.difference == 0 and tie.lower <= 0


@pytest.mark.parametrize("metric", ["pearson", "spearman", "rmse"])
def test_limits_cover_at_their_rate(metric):
    random, misses, times = np.random.default_rng(1), 0, 300
    for _ in range(times):
        label, first, second = random.normal(size=(3, 200))
        tables = ({"main": pd.DataFrame({"label": label, "predicted": label + noise})} for noise in (first, second))
        units, free = significance.paired_units(*tables, [objective("regression", metric)], 0.95)
        misses += confidence_limits.statistic(units, 0.0) > stats.t.ppf(0.95, free)
    assert 0 < misses / times < 0.05 + 3 * np.sqrt(0.05 * 0.95 / times)


@pytest.mark.parametrize(("main", "good", "bad"), PAIRS[:7], ids=lambda part: getattr(part, "metric", ""))
def test_rows_contribute_what_a_bootstrap_says(main, good, bad):
    # Against a plain loop over drawn rows: the same spread of the same differences.
    units, _ = significance.paired_units({"main": good}, {"main": bad}, [main], 0.95)
    good_value, bad_value = (kinds.metrics({"main": table}, [main])[main.metric] for table in (good, bad))
    assert units.values.mean() == pytest.approx(kinds.better(main.metric) * (good_value - bad_value))
    random, plain, times = np.random.default_rng(1), [], 100
    for _ in range(times):
        rows = random.integers(len(good), size=len(good))
        good_drawn, bad_drawn = (
            kinds.metrics({"main": table.iloc[rows]}, [main])[main.metric] for table in (good, bad)
        )
        plain.append(good_drawn - bad_drawn)
    assert units.values.std() / np.sqrt(len(good)) == pytest.approx(np.std(plain), rel=0.25)


def test_objectives_add_up_by_weight():
    objectives = [objective("regression", "rmse", "stars", 1.0), objective("generation", "loss", "words", 3.0)]
    good, bad = {"stars": numbers(0.5), "words": losses(1.0)}, {"stars": numbers(1.0), "words": losses(1.1)}
    good_metrics, bad_metrics = kinds.metrics(good, objectives), kinds.metrics(bad, objectives)
    assert good_metrics["weighted"] == pytest.approx(
        -0.25 * good_metrics["stars/rmse"] - 0.75 * good_metrics["words/loss"]
    )
    assert kinds.primary(objectives) == "weighted" and kinds.primary(objectives[:1]) == "rmse"
    comparison = compare(good, bad, objectives, 0.95)
    assert comparison.difference == pytest.approx(good_metrics["weighted"] - bad_metrics["weighted"])
    assert 0 < comparison.lower < comparison.difference


def test_several_labels_are_measured_like_scikit_learn_does():
    table = sets(0.1)
    truth, predicted = (MultiLabelBinarizer(classes=COLOURS).fit_transform(
        [set(text.split(",")) - {""} for text in table[name]]) for name in ("label", "predicted"))  # fmt: skip
    metrics = kinds.metrics({"main": table}, [MULTI_LABEL])
    assert metrics["macro_f1"] == pytest.approx(f1_score(truth, predicted, average="macro"))
    assert metrics["weighted_f1"] == pytest.approx(f1_score(truth, predicted, average="weighted"))
    assert metrics["accuracy"] == pytest.approx((truth == predicted).all(axis=1).mean())
    assert per_class(table, MULTI_LABEL)["blue"]["f1-score"] == pytest.approx(f1_score(truth[:, 0], predicted[:, 0]))


@pytest.mark.parametrize("predicted", [["", "", ""], ["", "a", ""]])
def test_rows_without_any_label_are_measured_too(predicted):
    table = pd.DataFrame({"label": ["", "", ""], "predicted": predicted})
    metrics = kinds.metrics({"main": table}, [MULTI_LABEL])
    assert metrics["accuracy"] == pytest.approx(1 - sum(map(bool, predicted)) / 3) and metrics["weighted_f1"] == 0
    assert per_class(table, MULTI_LABEL) == {}


def test_a_label_may_be_called_like_a_metric():
    table = pd.DataFrame(
        {"label": ["accuracy", "price", "macro avg"], "predicted": ["accuracy", "accuracy", "macro avg"]}
    )
    report = per_class(table, objective("classification", "macro_f1"))
    assert {name: line["recall"] for name, line in report.items()} == {"accuracy": 1, "price": 0, "macro avg": 1}
    assert report["accuracy"]["precision"] == 0.5 and report["price"]["support"] == 1


def test_numbers_are_measured_like_scipy_does_and_a_constant_correlates_with_nothing():
    table, main = numbers(0.7), objective("regression", "pearson")
    metrics = kinds.metrics({"main": table}, [main])
    assert metrics["spearman"] == pytest.approx(stats.spearmanr(table["label"], table["predicted"]).statistic)
    assert metrics["rmse"] == pytest.approx(0.7, abs=0.05)
    flat = table.assign(predicted=0.1)
    assert kinds.metrics({"main": flat}, [main])["pearson"] == 0
    assert compare({"main": table}, {"main": flat}, [main], 0.95).difference == pytest.approx(metrics["pearson"])


def test_calibration_error_is_zero_only_for_honest_scores():
    random = np.random.default_rng(0)
    confidence = random.random(20_000)
    honest = random.random(20_000) < confidence
    assert calibration_error(confidence, honest) < 0.02
    assert calibration_error(np.full(100, 0.95), np.arange(100) % 2 == 0) == pytest.approx(0.45)
    assert calibration_error(np.ones(10), np.ones(10, dtype=bool)) == 0


def test_answers_are_compared_in_any_alphabet():
    table = pd.DataFrame(
        {"label": ["Straße im Schnee", "доброе утро"], "predicted": ["straße im regen", "добрый день"]}
    )
    metrics = kinds.metrics({"main": table}, [objective("text2text", "chrf")])
    assert (
        metrics["rouge_l"] == pytest.approx((2 / 3 + 0) / 2) and 0 < metrics["chrf"] < 1 and metrics["exact_match"] == 0
    )
    perfect = kinds.metrics({"main": table.assign(predicted=table["label"] + "\n")}, [objective("text2text", "chrf")])
    assert perfect["exact_match"] == 1 and perfect["bleu"] == pytest.approx(1) and perfect["rouge_l"] == 1
    assert distinct(["天天"], 1) == distinct(["a a a", "b"], 1) == 0.5 and distinct(["a b a b"], 2) == pytest.approx(
        2 / 3
    )


@pytest.mark.parametrize(
    ("expected", "predicted", "tokenizer"),
    [
        ("今天天气很好我们去公园", "今天天气很好我们去学校", "zh"),
        ("我们用 Python 写代码很好", "我们用 Python 写程序很好", "zh"),
        ("私は今日公園に行きます", "私は今日学校に行きます", "char"),
        ("สวัสดีครับวันนี้อากาศดี", "สวัสดีครับวันนี้ฝนตก", "char"),
        ("오늘 날씨가 매우 좋아서 공원에 갑니다", "오늘 날씨가 매우 좋아서 학교에 갑니다", "13a"),
        ("the word 公园 means a park here", "the word 公园 means a school here", "13a"),
    ],
)
def test_answers_without_spaces_are_measured_by_characters(expected, predicted, tokenizer):
    table = pd.DataFrame({"label": [expected], "predicted": [predicted]})
    metrics = kinds.metrics({"main": table}, [objective("text2text", "chrf")])
    assert 0.2 < metrics["bleu"] < 1 and 0.5 < metrics["rouge_l"] < 1
    assert f"tokenizer {tokenizer}," in tokenization(table)


def test_a_metric_of_another_kind_is_refused():
    assert kinds.gate_metric("text2text", None) == "chrf"
    with pytest.raises(SettingsError, match="accuracy does not measure regression; what does: pearson"):
        kinds.gate_metric("regression", "accuracy")


def test_rows_to_tell_shrink_with_the_margin_and_fit():
    objectives = [objective("regression", "pearson")]
    pair = {"main": numbers(0.5)}, {"main": numbers(0.55)}
    comparison = compare(*pair, objectives, 0.95)
    wide_rows, narrow_rows = (required_rows(*pair, objectives, comparison, margin, 0.95) for margin in (0.05, 0.025))
    assert narrow_rows == pytest.approx(4 * wide_rows, abs=4)
    assert required_rows(*pair, [*objectives, *objectives], comparison, 0.05, 0.95) is None


def test_a_new_kind_is_one_entry_of_the_table(monkeypatch):
    # Ranks 1 to 5, measured by the share of predictions that are at most 1 off, and by how far they are off.
    def within_one(table):
        return (table["label"] - table["predicted"]).abs().to_numpy() <= 1

    def distance(table):
        return 1 - (table["label"] - table["predicted"]).abs().to_numpy(float) / 4

    kind = kinds.KindOfObjective(
        form="numbers",
        predict=lambda predictor, rows, _: pd.DataFrame({"predicted": [predictor(text) for text in rows["text"]]}),
        measure=lambda table, _: {
            "near": float(within_one(table).mean()), "distance": float(distance(table).mean()),
            "off": 1 - float(within_one(table).mean()),
        },
        metric_names=("near", "distance", "off"),
        gate_metrics={
            "near": kinds.GateMetric(within_one, "proportion"), "distance": kinds.GateMetric(distance, "mean")
        },
        lower_is_better=frozenset({"off"}),
    )  # fmt: skip
    monkeypatch.setitem(kinds.KINDS, "ranking", kind)
    random = np.random.default_rng(5)
    rows = pd.DataFrame({"text": random.integers(1, 6, 400).astype(str), "label": 0})
    rows = rows.assign(label=rows["text"].astype(int), row_key=rows.index.astype(str), side_key=rows.index.astype(str))
    assert kinds.gate_metric("ranking", None) == "near" and (kinds.better("x/near"), kinds.better("off")) == (1, -1)
    for metric in ("near", "distance"):
        main = objective("regression", "rmse").model_copy(update={"kind": "ranking", "metric": metric})
        good, bad, dummy_table = (
            {"main": scoring.predictions(predictor, rows, main)}
            for predictor in (int, lambda text: int(text) + 2 * (text in "35"), lambda _: 1)
        )
        value = kinds.metrics(good, [main])[metric]
        assert value == 1 and list(good["main"]) == ["row_key", "side_key", "label", "predicted"]
        comparison = compare(good, bad, [main], 0.95)
        expected = value - kinds.metrics(bad, [main])[metric]
        assert 0 < comparison.lower < comparison.difference == pytest.approx(expected)
        subsets = {"main": slices.split_slices(rows.assign(original="{}"), main, [])}
        compared = slices.compare_slices(bad, good, subsets, [main], 0.02, 0.95)
        assert compared[0].worse and compared[0].rows == 400
        improved, regressed = prediction_changes.count_changes(good, bad, [main])
        assert improved == rows["text"].isin(["3", "5"]).sum() and regressed == 0
        profile = drift_profile.build_profile(good["main"], rows, main)
        assert profile.score == 1 and "answer" in profile.features
        verdict = decide_first(good, References(dummy_table, bad), [main], "baseline", 0.95)
        assert verdict.claim == "first", verdict.reasons


def test_every_metric_of_the_gate_can_be_compared_and_shuffled():
    metrics = {name: metric for kind in kinds.KINDS.values() for name, metric in kind.gate_metrics.items()}
    assert set(influence.INFLUENCES) == {name for name, metric in metrics.items() if metric.aggregate == "other"}
    assert set(first_version.SHUFFLED_METRICS) == set(metrics) - {"loss"}
    assert all(set(kind.gate_metrics) <= set(kind.metric_names) for kind in kinds.KINDS.values())

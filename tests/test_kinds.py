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


SEVERAL = objective("classification", "macro_f1", separator=",")


def sets(flips, rows=600, seed=1):
    """Several labels a row, each answered wrongly with chance `flips`."""
    truth = np.random.default_rng(9).random((rows, 3)) < [0.5, 0.3, 0.1]
    said = truth ^ (np.random.default_rng(seed).random((rows, 3)) < flips)
    names = np.array(COLOURS)
    label, predicted = ([",".join(names[row]) for row in values] for values in (truth, said))
    return pd.DataFrame({"label": label, "predicted": predicted})


PAIRS = [
    *((objective("regression", metric), numbers(0.5), numbers(1.0)) for metric in ("pearson", "spearman", "rmse")),
    (SEVERAL, sets(0.05), sets(0.15, seed=2)),
    (objective("classification", "weighted_f1", separator=","), sets(0.05), sets(0.15, seed=2)),
    (objective("classification", "accuracy", separator=","), sets(0.05), sets(0.15, seed=2)),
    (objective("generation", "loss"), losses(1.0), losses(1.1)),
    (objective("text2text", "chrf"), written_answers(0.1), written_answers(0.3)),
    (objective("text2text", "exact_match"), written_answers(0.1), written_answers(0.3)),
]


@pytest.mark.parametrize(("what", "good", "bad"), PAIRS, ids=lambda part: getattr(part, "metric", ""))
def test_every_metrics_difference_is_told_and_turned_so_that_more_is_better(what, good, bad):
    found = compare({"main": good}, {"main": bad}, [what], 0.95)
    ours, theirs = (kinds.metrics({"main": table}, [what])[what.metric] for table in (good, bad))
    assert found.difference == pytest.approx(kinds.better(what.metric) * (ours - theirs))
    assert 0 < found.lower < found.difference < found.upper
    same = compare({"main": good}, {"main": good}, [what], 0.95)
    assert same.difference == 0 and same.lower <= 0


@pytest.mark.parametrize("metric", ["pearson", "spearman", "rmse"])
def test_limits_cover_at_their_rate(metric):
    random, missed, times = np.random.default_rng(1), 0, 300
    for _ in range(times):
        label, first, second = random.normal(size=(3, 200))
        tables = ({"main": pd.DataFrame({"label": label, "predicted": label + noise})} for noise in (first, second))
        units, free = significance.paired_units(*tables, [objective("regression", metric)], 0.95)
        missed += confidence_limits.statistic(units, 0.0) > stats.t.ppf(0.95, free)
    assert 0 < missed / times < 0.05 + 3 * np.sqrt(0.05 * 0.95 / times)


@pytest.mark.parametrize(("what", "good", "bad"), PAIRS[:7], ids=lambda part: getattr(part, "metric", ""))
def test_rows_contribute_what_a_bootstrap_says(what, good, bad):
    # Against a plain loop over drawn rows: the same spread of the same differences.
    units, _ = significance.paired_units({"main": good}, {"main": bad}, [what], 0.95)
    ours, theirs = (kinds.metrics({"main": table}, [what])[what.metric] for table in (good, bad))
    assert units.values.mean() == pytest.approx(kinds.better(what.metric) * (ours - theirs))
    random, plain, times = np.random.default_rng(1), [], 100
    for _ in range(times):
        rows = random.integers(len(good), size=len(good))
        one, other = (kinds.metrics({"main": table.iloc[rows]}, [what])[what.metric] for table in (good, bad))
        plain.append(one - other)
    assert units.values.std() / np.sqrt(len(good)) == pytest.approx(np.std(plain), rel=0.25)


def test_objectives_add_up_by_weight():
    both = [objective("regression", "rmse", "stars", 1.0), objective("generation", "loss", "words", 3.0)]
    good, bad = {"stars": numbers(0.5), "words": losses(1.0)}, {"stars": numbers(1.0), "words": losses(1.1)}
    ours, theirs = kinds.metrics(good, both), kinds.metrics(bad, both)
    assert ours["weighted"] == pytest.approx(-0.25 * ours["stars/rmse"] - 0.75 * ours["words/loss"])
    assert kinds.primary(both) == "weighted" and kinds.primary(both[:1]) == "rmse"
    found = compare(good, bad, both, 0.95)
    assert found.difference == pytest.approx(ours["weighted"] - theirs["weighted"])
    assert 0 < found.lower < found.difference


def test_several_labels_are_measured_like_scikit_learn_does():
    table = sets(0.1)
    truth, said = (MultiLabelBinarizer(classes=COLOURS).fit_transform(
        [set(text.split(",")) - {""} for text in table[name]]) for name in ("label", "predicted"))  # fmt: skip
    found = kinds.metrics({"main": table}, [SEVERAL])
    assert found["macro_f1"] == pytest.approx(f1_score(truth, said, average="macro"))
    assert found["weighted_f1"] == pytest.approx(f1_score(truth, said, average="weighted"))
    assert found["accuracy"] == pytest.approx((truth == said).all(axis=1).mean())
    assert per_class(table, SEVERAL)["blue"]["f1-score"] == pytest.approx(f1_score(truth[:, 0], said[:, 0]))


@pytest.mark.parametrize("said", [["", "", ""], ["", "a", ""]])
def test_rows_without_any_label_are_measured_too(said):
    table = pd.DataFrame({"label": ["", "", ""], "predicted": said})
    found = kinds.metrics({"main": table}, [SEVERAL])
    assert found["accuracy"] == pytest.approx(1 - sum(map(bool, said)) / 3) and found["weighted_f1"] == 0
    assert per_class(table, SEVERAL) == {}


def test_a_label_may_be_called_like_a_metric():
    table = pd.DataFrame(
        {"label": ["accuracy", "price", "macro avg"], "predicted": ["accuracy", "accuracy", "macro avg"]}
    )
    found = per_class(table, objective("classification", "macro_f1"))
    assert {name: line["recall"] for name, line in found.items()} == {"accuracy": 1, "price": 0, "macro avg": 1}
    assert found["accuracy"]["precision"] == 0.5 and found["price"]["support"] == 1


def test_numbers_are_measured_like_scipy_does_and_a_constant_correlates_with_nothing():
    table, what = numbers(0.7), objective("regression", "pearson")
    found = kinds.metrics({"main": table}, [what])
    assert found["spearman"] == pytest.approx(stats.spearmanr(table["label"], table["predicted"]).statistic)
    assert found["rmse"] == pytest.approx(0.7, abs=0.05)
    flat = table.assign(predicted=0.1)
    assert kinds.metrics({"main": flat}, [what])["pearson"] == 0
    assert compare({"main": table}, {"main": flat}, [what], 0.95).difference == pytest.approx(found["pearson"])


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
    found = kinds.metrics({"main": table}, [objective("text2text", "chrf")])
    assert found["rouge_l"] == pytest.approx((2 / 3 + 0) / 2) and 0 < found["chrf"] < 1 and found["exact_match"] == 0
    perfect = kinds.metrics({"main": table.assign(predicted=table["label"] + "\n")}, [objective("text2text", "chrf")])
    assert perfect["exact_match"] == 1 and perfect["bleu"] == pytest.approx(1) and perfect["rouge_l"] == 1
    assert distinct(["天天"], 1) == distinct(["a a a", "b"], 1) == 0.5 and distinct(["a b a b"], 2) == pytest.approx(
        2 / 3
    )


@pytest.mark.parametrize(
    ("expected", "said", "tokenizer"),
    [
        ("今天天气很好我们去公园", "今天天气很好我们去学校", "zh"),
        ("我们用 Python 写代码很好", "我们用 Python 写程序很好", "zh"),
        ("私は今日公園に行きます", "私は今日学校に行きます", "char"),
        ("สวัสดีครับวันนี้อากาศดี", "สวัสดีครับวันนี้ฝนตก", "char"),
        ("오늘 날씨가 매우 좋아서 공원에 갑니다", "오늘 날씨가 매우 좋아서 학교에 갑니다", "13a"),
        ("the word 公园 means a park here", "the word 公园 means a school here", "13a"),
    ],
)
def test_answers_without_spaces_are_measured_by_characters(expected, said, tokenizer):
    table = pd.DataFrame({"label": [expected], "predicted": [said]})
    found = kinds.metrics({"main": table}, [objective("text2text", "chrf")])
    assert 0.2 < found["bleu"] < 1 and 0.5 < found["rouge_l"] < 1
    assert f"tokenizer {tokenizer}," in tokenization(table)


def test_a_metric_of_another_kind_is_refused():
    assert kinds.gate_metric("text2text", None) == "chrf"
    with pytest.raises(SettingsError, match="accuracy does not measure regression; what does: pearson"):
        kinds.gate_metric("regression", "accuracy")


def test_rows_to_tell_shrink_with_the_margin_and_fit():
    what = [objective("regression", "pearson")]
    pair = {"main": numbers(0.5)}, {"main": numbers(0.55)}
    found = compare(*pair, what, 0.95)
    few, many = (required_rows(*pair, what, found, margin, 0.95) for margin in (0.05, 0.025))
    assert many == pytest.approx(4 * few, abs=4)
    assert required_rows(*pair, [*what, *what], found, 0.05, 0.95) is None


def test_a_new_kind_is_one_entry_of_the_table(monkeypatch):
    # Ranks 1 to 5, measured by the share of predictions that are at most 1 off, and by how far they are off.
    def near(table):
        return (table["label"] - table["predicted"]).abs().to_numpy() <= 1

    def distance(table):
        return 1 - (table["label"] - table["predicted"]).abs().to_numpy(float) / 4

    kind = kinds.KindOfObjective(
        form="numbers",
        predict=lambda predictor, rows, _: pd.DataFrame({"predicted": [predictor(text) for text in rows["text"]]}),
        measure=lambda table, _: {
            "near": float(near(table).mean()), "distance": float(distance(table).mean()), "off": 1 - float(near(table).mean())
        },
        metric_names=("near", "distance", "off"),
        gate_metrics={"near": kinds.GateMetric(near, "proportion"), "distance": kinds.GateMetric(distance, "mean")},
        lower_is_better=frozenset({"off"}),
    )  # fmt: skip
    monkeypatch.setitem(kinds.KINDS, "ranking", kind)
    random = np.random.default_rng(5)
    rows = pd.DataFrame({"text": random.integers(1, 6, 400).astype(str), "label": 0})
    rows = rows.assign(label=rows["text"].astype(int), row_key=rows.index.astype(str), side_key=rows.index.astype(str))
    assert kinds.gate_metric("ranking", None) == "near" and (kinds.better("x/near"), kinds.better("off")) == (1, -1)
    for metric in ("near", "distance"):
        what = objective("regression", "rmse").model_copy(update={"kind": "ranking", "metric": metric})
        good, bad, dummy_table = (
            {"main": scoring.predictions(predictor, rows, what)}
            for predictor in (int, lambda text: int(text) + 2 * (text in "35"), lambda _: 1)
        )
        value = kinds.metrics(good, [what])[metric]
        assert value == 1 and list(good["main"]) == ["row_key", "side_key", "label", "predicted"]
        found = compare(good, bad, [what], 0.95)
        expected = value - kinds.metrics(bad, [what])[metric]
        assert 0 < found.lower < found.difference == pytest.approx(expected)
        subsets = {"main": slices.split_slices(rows.assign(original="{}"), what, [])}
        compared = slices.compare_slices(bad, good, subsets, [what], 0.02, 0.95)
        assert compared[0].worse and compared[0].rows == 400
        improved, regressed = prediction_changes.count_changes(good, bad, [what])
        assert improved == rows["text"].isin(["3", "5"]).sum() and regressed == 0
        profile = drift_profile.build_profile(good["main"], rows, what)
        assert profile.score == 1 and "answer" in profile.features
        verdict = decide_first(good, References(dummy_table, bad), [what], "baseline", 0.95)
        assert verdict.claim == "first", verdict.reasons


def test_every_metric_of_the_gate_can_be_compared_and_shuffled():
    metrics = {name: metric for kind in kinds.KINDS.values() for name, metric in kind.gate_metrics.items()}
    assert set(significance.INFLUENCES) == {name for name, metric in metrics.items() if metric.aggregate == "other"}
    assert set(first_version.SHUFFLED_METRICS) == set(metrics) - {"loss"}
    assert all(set(kind.gate_metrics) <= set(kind.metric_names) for kind in kinds.KINDS.values())

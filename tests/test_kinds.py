import tracemalloc
from dataclasses import replace
from functools import partial

import factories
import numpy as np
import pandas as pd
import pytest
from factories import losses, numbers, written_answers
from scipy import stats
from sklearn.metrics import f1_score
from sklearn.preprocessing import MultiLabelBinarizer

from nightshift.errors import SettingsError
from nightshift.evaluation import confidence_limits, decision_thresholds, kinds, scoring, significance
from nightshift.evaluation.significance import compare, rows_to_tell
from nightshift.inference.predictor import decode
from nightshift.models.heads import Head
from tasks import evaluate
from tasks.evaluate import baseline, dummy, samples

RNG = np.random.default_rng(3)
LABELS = ["red", "green", "blue"]


objective = partial(factories.objective, labels=sorted(LABELS))
SEVERAL = objective("classification", "macro_f1", separator=",")


def sets(flips, rows=600, seed=1):
    """Several labels a row, each answered wrongly with chance `flips`."""
    truth = np.random.default_rng(9).random((rows, 3)) < [0.5, 0.3, 0.1]
    said = truth ^ (np.random.default_rng(seed).random((rows, 3)) < flips)
    names = np.array(sorted(LABELS))
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
        units, free = significance.paired(*tables, [objective("regression", metric)], 0.95)
        missed += confidence_limits.statistic(units, 0.0) > stats.t.ppf(0.95, free)
    assert 0 < missed / times < 0.05 + 3 * np.sqrt(0.05 * 0.95 / times)


@pytest.mark.parametrize(("what", "good", "bad"), PAIRS[:7], ids=lambda part: getattr(part, "metric", ""))
def test_rows_contribute_what_a_bootstrap_says(what, good, bad):
    # Against a plain loop over drawn rows: the same spread of the same differences.
    units, _ = significance.paired({"main": good}, {"main": bad}, [what], 0.95)
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
    truth, said = (MultiLabelBinarizer(classes=sorted(LABELS)).fit_transform(
        [set(text.split(",")) - {""} for text in table[name]]) for name in ("label", "predicted"))  # fmt: skip
    found = kinds.metrics({"main": table}, [SEVERAL])
    assert found["macro_f1"] == pytest.approx(f1_score(truth, said, average="macro"))
    assert found["weighted_f1"] == pytest.approx(f1_score(truth, said, average="weighted"))
    assert found["accuracy"] == pytest.approx((truth == said).all(axis=1).mean())
    assert kinds.per_class(table, SEVERAL)["blue"]["f1-score"] == pytest.approx(f1_score(truth[:, 0], said[:, 0]))


@pytest.mark.parametrize("said", [["", "", ""], ["", "a", ""]])
def test_rows_without_any_label_are_measured_too(said):
    table = pd.DataFrame({"label": ["", "", ""], "predicted": said})
    found = kinds.metrics({"main": table}, [SEVERAL])
    assert found["accuracy"] == pytest.approx(1 - sum(map(bool, said)) / 3) and found["weighted_f1"] == 0
    assert kinds.per_class(table, SEVERAL) == {}


def test_a_label_may_be_called_like_a_metric():
    table = pd.DataFrame(
        {"label": ["accuracy", "price", "macro avg"], "predicted": ["accuracy", "accuracy", "macro avg"]}
    )
    found = kinds.per_class(table, objective("classification", "macro_f1"))
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
    assert kinds.calibration_error(confidence, honest) < 0.02
    assert kinds.calibration_error(np.full(100, 0.95), np.arange(100) % 2 == 0) == pytest.approx(0.45)
    assert kinds.calibration_error(np.ones(10), np.ones(10, dtype=bool)) == 0


def test_answers_are_compared_in_any_alphabet():
    table = pd.DataFrame(
        {"label": ["Straße im Schnee", "доброе утро"], "predicted": ["straße im regen", "добрый день"]}
    )
    found = kinds.metrics({"main": table}, [objective("text2text", "chrf")])
    assert found["rouge_l"] == pytest.approx((2 / 3 + 0) / 2) and 0 < found["chrf"] < 1 and found["exact_match"] == 0
    perfect = kinds.metrics({"main": table.assign(predicted=table["label"] + "\n")}, [objective("text2text", "chrf")])
    assert perfect["exact_match"] == 1 and perfect["bleu"] == pytest.approx(1) and perfect["rouge_l"] == 1
    assert kinds.distinct(["天天"], 1) == kinds.distinct(["a a a", "b"], 1) == 0.5 and kinds.distinct(
        ["a b a b"], 2
    ) == pytest.approx(2 / 3)


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
    assert f"tokenizer {tokenizer}," in kinds.tokenization(table)


def test_a_metric_of_another_kind_is_refused():
    assert kinds.gate_metric("text2text", None) == "chrf"
    with pytest.raises(SettingsError, match="accuracy does not measure regression; what does: pearson"):
        kinds.gate_metric("regression", "accuracy")


def test_rows_to_tell_shrink_with_the_margin_and_fit():
    what = [objective("regression", "pearson")]
    pair = {"main": numbers(0.5)}, {"main": numbers(0.55)}
    found = compare(*pair, what, 0.95)
    few, many = (rows_to_tell(*pair, what, found, margin, 0.95) for margin in (0.05, 0.025))
    assert many == pytest.approx(4 * few, abs=4)
    assert rows_to_tell(*pair, [*what, *what], found, 0.05, 0.95) is None


class Scripted:
    """Answers by rule, whatever the objective."""

    def __init__(self, what=None):
        separator = what and what.sides.separator
        self.heads = {"main": Head("classification", tuple(sorted(LABELS)), separator)}

    def scores(self, texts, pairs=None, objective="main"):
        return np.array([[float(label in text) for label in sorted(LABELS)] for text in texts])

    def losses(self, texts, targets=None, objective="main"):
        return np.array([float(len(text)) for text in targets or texts]), np.full(len(texts), 2)

    def continuations(self, texts, objective="main", max_new_tokens=None, temperature=None, seed=0):
        return [f"{text} {temperature}" for text in texts]


def frame(texts, labels=None):
    rows = pd.DataFrame(
        {"row_key": [f"k{place}" for place in range(len(texts))], "text": texts}, index=range(5, 5 + len(texts))
    )
    return rows if labels is None else rows.assign(label=labels)


def test_tables_have_the_columns_of_their_kind():
    coloured = frame(["a red door", "green and red", "nothing"], ["red", "red,green", ""])
    several = scoring.predictions(Scripted(SEVERAL), coloured, SEVERAL)
    assert several["predicted"].tolist() == several["label"].tolist() == ["red", "green,red", ""]
    one = scoring.predictions(Scripted(), coloured, objective("classification", "accuracy"))
    assert list(one) == ["row_key", "label", "predicted", "score:blue", "score:green", "score:red"]
    assert one["predicted"].tolist() == ["red", "green", "blue"] and one["row_key"].tolist() == ["k0", "k1", "k2"]
    number = scoring.predictions(Scripted(), frame(["blue", "red"], [1.0, 0.0]), objective("regression", "rmse"))
    assert number["predicted"].tolist() == [1.0, 0.0] and list(number.index) == [0, 1]
    free = scoring.predictions(Scripted(), frame(["abc"]), objective("generation", "loss"))
    told = scoring.predictions(Scripted(), frame(["abc"], ["abcdef"]), objective("generation", "loss"))
    assert list(free) == ["row_key", "loss", "tokens"] and (free["loss"][0], told["loss"][0]) == (3, 6)


def judged(kind, metric, train, holdout, separator=None):
    what = objective(kind, metric, separator=separator)
    tables = baseline(train, holdout, what, Words())[1], dummy(train, holdout, what, Words())
    return [kinds.metrics({"main": table}, [what]) for table in tables]


class Words:
    """A tokenizer that counts each word as its length."""

    eos_token_id = 0

    def __len__(self):
        return 20

    def __call__(self, texts, add_special_tokens=True):
        return {"input_ids": [[len(word) for word in text.split()] for text in texts]}


def test_the_baselines_of_each_kind_learn_and_the_dummies_do_not():
    colours = RNG.choice(LABELS, (120, 2))
    texts = [f"{first} paint and {second} walls {place}" for place, (first, second) in enumerate(colours)]
    one, both = colours[:, 0].tolist(), [",".join(sorted({*pair})) for pair in colours]
    score = [float(len(a) - len(b)) for a, b in colours]

    def halves(labels=None):
        rows = frame(texts, labels)
        return rows[:80], rows[80:]

    simple, plain = judged("classification", "macro_f1", *halves(one))
    assert simple["macro_f1"] > 0.9 > 0.5 > plain["macro_f1"]
    simple, plain = judged("classification", "macro_f1", *halves(both), separator=",")
    assert simple["macro_f1"] > 0.9 > plain["macro_f1"]
    simple, plain = judged("regression", "pearson", *halves(score))
    assert simple["pearson"] > 0.9 and plain["pearson"] == 0 and simple["rmse"] < plain["rmse"]
    simple, plain = judged("text2text", "chrf", *halves([f"{a} on {b}" for a, b in colours]))
    assert simple["chrf"] > 0.7 > plain["chrf"]
    simple, plain = judged("generation", "loss", *halves())
    assert simple == plain and simple["loss"] < np.log(20)


def test_the_baselines_memory_is_bounded_whatever_the_number_of_labels(monkeypatch):
    names = [f"label {place}" for place in range(5000)]
    rows = frame(
        [f"it is {place % 5000} again" for place in range(15_000)], [names[place % 5000] for place in range(15_000)]
    )
    what = objective("classification", "macro_f1", labels=sorted(names))
    tracemalloc.start()
    name, table = baseline(rows[:12_000], rows[12_000:], what, Words())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "nearest mean" in name and (table["label"] == table["predicted"]).mean() > 0.99
    assert peak < 200e6, "12,000 rows times 5,000 labels are 480 MB as a table of numbers"
    several = objective("classification", "macro_f1", separator=",", labels=sorted(names))
    with pytest.raises(evaluate.TooLarge, match=r"5,000 labels, of which a row may have several, on 12,000 rows"):
        baseline(rows[:12_000], rows[12_000:], several, Words())


def test_the_baselines_coefficients_are_bounded(monkeypatch):
    rows = frame(
        [f"{LABELS[place % 3]} {place} {place}" for place in range(90)], [LABELS[place % 3] for place in range(90)]
    )
    learned = []
    monkeypatch.setattr(evaluate, "COEFFICIENTS", 3 * 8)
    monkeypatch.setattr(evaluate.LogisticRegression, "fit", lambda self, x, y, _fit=evaluate.LogisticRegression.fit: (
        learned.append(x.shape), _fit(self, x, y))[1])  # fmt: skip
    name, table = baseline(rows[:60], rows[60:], objective("classification", "macro_f1"), Words())
    assert name == "TF-IDF with logistic regression" and (table["label"] == table["predicted"]).all()
    assert learned == [(60, 8)] * 3, "a model a label, of 8 words and pairs each"


def test_a_baseline_for_which_memory_runs_out_is_left_out(monkeypatch):
    def hungry(*_):
        raise MemoryError

    monkeypatch.setitem(evaluate.BASELINES, "classification", hungry)
    rows = frame(["a", "b"], ["red", "blue"])
    found = evaluate._baselines({"main": (rows, rows, objective("classification", "macro_f1"), None)})
    assert found == ({}, {}, {"main": "too large for this machine's memory"})


def test_samples_are_prompts_with_what_is_written():
    holdout = frame([f"one two three four five six seven eight nine {place}" for place in range(20)])
    found = samples(Scripted(), holdout, objective("generation", "loss"))
    assert len(found) == 8 and found[0]["prompt"].endswith("eight") and found[0]["answer"].endswith("eight 0.8")
    asked = samples(Scripted(), holdout.assign(label="yes"), objective("text2text", "chrf"))
    assert asked[1]["expected"] == "yes" and asked[1]["prompt"].endswith("1")
    assert asked[1]["answer"].endswith("None")  # as its own settings say


RARE = Head("classification", tuple(sorted(LABELS)), ",")


def scored(head, truth, scores):
    """A table as a side's answers are kept: labels of a row joined, and all scores."""
    names = np.array(head.labels)
    labels = [head.separator.join(names[row]) for row in truth]
    answers = [decode(head, row)[0] for row in scores]
    table = pd.DataFrame(scores, columns=[f"score:{name}" for name in names])
    return table.assign(label=labels, predicted=answers)


def test_the_best_threshold_of_rare_labels_is_far_below_a_half():
    random = np.random.default_rng(0)
    truth = random.random((400, 3)) < 0.08
    table = scored(RARE, truth, np.clip(0.1 + 0.25 * truth + random.normal(0, 0.04, truth.shape), 0, 1))
    best = decision_thresholds.best_threshold(table, RARE, SEVERAL)
    decided = table.assign(predicted=[decode(replace(RARE, threshold=best), row)[0]
                                      for row in table.filter(like="score:").to_numpy()])  # fmt: skip
    before, after = (kinds.metrics({"main": answers}, [SEVERAL])["macro_f1"] for answers in (table, decided))
    assert before < 0.1 < 0.9 < after and 0.15 < best < 0.3
    sure = scored(RARE, truth, truth.astype(float))
    assert decision_thresholds.best_threshold(sure, RARE, SEVERAL) == 0.5, "of equally good ones the nearest to a half"
    assert decision_thresholds.in_words({"main": RARE}, "auto") == "; labels are answered from a score of 0.5"
    assert decision_thresholds.in_words({"main": RARE}) == ""


def test_the_abstention_bound_is_the_smallest_that_reaches_the_accuracy():
    scores, right = np.array([0.9, 0.5, 0.8, 0.6, 0.8]), np.array([True, False, True, False, True])
    assert decision_thresholds.abstention_bound(scores, right, 0.75) == pytest.approx(0.55)
    assert decision_thresholds.abstention_bound(scores, right, 0.95) == pytest.approx(0.7)
    assert decision_thresholds.abstention_bound(scores, right, 0.6) == 0
    assert decision_thresholds.abstention_bound(scores[1:2], right[1:2], 0.9) == decision_thresholds.NEVER_ANSWERS
    tied, one_wrong = np.array([0.7, 0.7, 0.7]), np.array([True, True, False])
    assert decision_thresholds.abstention_bound(tied, one_wrong, 0.9) == decision_thresholds.NEVER_ANSWERS, (
        "no bound parts equal scores"
    )


def test_answers_that_abstain_keep_their_label_and_are_counted():
    what = objective("classification", "accuracy")
    table = pd.DataFrame({"label": ["red", "red", "blue"], "predicted": ["red", "blue", "red"]})
    plain = kinds.metrics({"main": table}, [what])
    found = kinds.metrics({"main": table.assign(abstain=[False, True, False])}, [what])
    assert found == plain | {"coverage": pytest.approx(2 / 3), "answered_accuracy": 0.5}
    none = kinds.metrics({"main": table.assign(abstain=True)}, [what])
    assert none == plain | {"coverage": 0}

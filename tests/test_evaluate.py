"""The stage evaluate: baselines, dummies and samples."""

import tracemalloc
from functools import partial

import factories
import numpy as np
import pytest
from factories import COLOURS, ScriptedPredictor, rows_of

from nightshift.evaluation import kinds
from tasks import evaluate
from tasks.evaluate import baseline, dummy, write_samples

RNG = np.random.default_rng(3)


objective = partial(factories.objective, labels=COLOURS)


def measure_baselines(kind, metric, train, holdout, separator=None):
    """Return the metrics of the baseline and of the dummy.

    Args:
        kind: Kind of the objective.
        metric: Its metric.
        train: Rows to learn from.
        holdout: Rows to measure on.
        separator: Separator of several labels of a row.
    """
    main = objective(kind, metric, separator=separator)
    tables = baseline(train, holdout, main, Words())[1], dummy(train, holdout, main, Words())
    return [kinds.metrics({"main": table}, [main]) for table in tables]


class Words:
    """A tokenizer that counts each word as its length."""

    eos_token_id = 0

    def __len__(self):
        return 20

    def __call__(self, texts, add_special_tokens=True):
        return {"input_ids": [[len(word) for word in text.split()] for text in texts]}


def test_the_baselines_of_each_kind_learn_and_the_dummies_do_not():
    colours = RNG.choice(["red", "green", "blue"], (120, 2))
    texts = [f"{first} paint and {second} walls {number}" for number, (first, second) in enumerate(colours)]
    single_labels, label_sets = colours[:, 0].tolist(), [",".join(sorted({*pair})) for pair in colours]
    score = [float(len(a) - len(b)) for a, b in colours]

    def halves(labels=None):
        rows = rows_of(texts, labels)
        return rows[:80], rows[80:]

    simple, plain = measure_baselines("classification", "macro_f1", *halves(single_labels))
    assert simple["macro_f1"] > 0.9 > 0.5 > plain["macro_f1"]
    simple, plain = measure_baselines("classification", "macro_f1", *halves(label_sets), separator=",")
    assert simple["macro_f1"] > 0.9 > plain["macro_f1"]
    simple, plain = measure_baselines("regression", "pearson", *halves(score))
    assert simple["pearson"] > 0.9 and plain["pearson"] == 0 and simple["rmse"] < plain["rmse"]
    simple, plain = measure_baselines("text2text", "chrf", *halves([f"{a} on {b}" for a, b in colours]))
    assert simple["chrf"] > 0.7 > plain["chrf"]
    simple, plain = measure_baselines("generation", "loss", *halves())
    assert simple == plain and simple["loss"] < np.log(20)


def test_the_baselines_memory_is_bounded_whatever_the_number_of_labels(monkeypatch):
    names = [f"label {number}" for number in range(5000)]
    rows = rows_of(
        [f"it is {number % 5000} again" for number in range(15_000)], [names[number % 5000] for number in range(15_000)]
    )
    main = objective("classification", "macro_f1", labels=sorted(names))
    tracemalloc.start()
    name, table = baseline(rows[:12_000], rows[12_000:], main, Words())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "nearest mean" in name and (table["label"] == table["predicted"]).mean() > 0.99
    assert peak < 200e6, "12,000 rows times 5,000 labels are 480 MB as a table of numbers"
    multi_label = objective("classification", "macro_f1", separator=",", labels=sorted(names))
    with pytest.raises(evaluate.TooLarge, match=r"5,000 labels, of which a row may have several, on 12,000 rows"):
        baseline(rows[:12_000], rows[12_000:], multi_label, Words())


def test_the_baselines_coefficients_are_bounded(monkeypatch):
    rows = rows_of(
        [f"{COLOURS[number % 3]} {number} {number}" for number in range(90)],
        [COLOURS[number % 3] for number in range(90)],
    )
    fitted_shapes = []
    monkeypatch.setattr(evaluate, "MAX_COEFFICIENTS", 3 * 8)
    monkeypatch.setattr(evaluate.LogisticRegression, "fit", lambda self, x, y, _fit=evaluate.LogisticRegression.fit: (
        fitted_shapes.append(x.shape), _fit(self, x, y))[1])  # fmt: skip
    name, table = baseline(rows[:60], rows[60:], objective("classification", "macro_f1"), Words())
    assert name == "TF-IDF with logistic regression" and (table["label"] == table["predicted"]).all()
    assert fitted_shapes == [(60, 8)] * 3, "a model a label, of 8 words and pairs each"


def test_a_baseline_for_which_memory_runs_out_is_left_out(monkeypatch):
    def hungry(*_):
        raise MemoryError

    monkeypatch.setitem(evaluate.BASELINES, "labels", hungry)
    rows = rows_of(["a", "b"], ["red", "blue"])
    results = evaluate._fit_baselines({"main": (rows, rows, objective("classification", "macro_f1"), None)})
    assert results == ({}, {}, {"main": "too large for this machine's memory"})


def test_samples_are_prompts_with_what_is_written():
    holdout = rows_of([f"one two three four five six seven eight nine {number}" for number in range(20)])
    samples = write_samples(ScriptedPredictor(), holdout, objective("generation", "loss"))
    assert len(samples) == 8 and samples[0]["prompt"].endswith("eight") and samples[0]["answer"].endswith("eight 0.8")
    labelled_samples = write_samples(ScriptedPredictor(), holdout.assign(label="yes"), objective("text2text", "chrf"))
    assert labelled_samples[1]["expected"] == "yes" and labelled_samples[1]["prompt"].endswith("1")
    assert labelled_samples[1]["answer"].endswith("None")  # as its own settings say

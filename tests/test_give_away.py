"""What gives a label away: the figures against a plain calculation, and memory with many labels."""

import random
import tracemalloc

import numpy as np
import pandas as pd
import pytest

from nightshift.data import give_away
from nightshift.data.give_away import MIN_ROWS, give_aways


def noisy_rows(seed, rows=400, num_labels=6):
    """Return labels beside a column and texts that tell some of them."""
    choose = random.Random(seed)
    labels = [f"label {choose.randrange(num_labels)}" for _ in range(rows)]
    values = [choose.choice(["a", "b", label, str(row)]) for row, label in enumerate(labels)]
    texts = [" ".join(choose.choices(["x", "y", label[-1] + "z", f"w{choose.randrange(30)}"], k=4)) for label in labels]
    return pd.DataFrame({"label": labels, "value": values, "text": texts})


def plain_phi(rows, token, label):
    has_token, has_label = rows["text"].str.split().map(lambda tokens: token in tokens), rows["label"] == label
    return np.corrcoef(has_token, has_label)[0, 1]


@pytest.mark.parametrize("cells", [1, 40, 2**22])
@pytest.mark.parametrize("seed", range(4))
def test_the_strongest_token_is_that_of_a_plain_calculation(seed, cells, monkeypatch):
    monkeypatch.setattr(give_away, "MAX_CELLS", cells)
    rows = noisy_rows(seed)
    (item,) = give_away._of_tokens("text", rows["text"], rows["label"])
    tokens = sorted({token for text in rows["text"] for token in text.split()})
    best = max(abs(plain_phi(rows, token, label)) for token in tokens for label in rows["label"].unique())
    assert item.score == pytest.approx(best) == abs(plain_phi(rows, item.value, item.label))


@pytest.mark.parametrize("seed", range(4))
def test_a_column_predicts_by_the_other_rows_with_its_value(seed):
    rows = noisy_rows(seed)
    most_frequent = rows["label"].value_counts().sort_index().idxmax()
    correct = 0
    for row in rows.itertuples():
        others = rows[(rows["value"] == row.value) & (rows.index != row.Index)]["label"].value_counts()
        tied = len(others) > 1 and others.iloc[0] == others.iloc[1]
        predicted = others.idxmax() if len(others) else most_frequent
        correct += predicted == row.label and not tied
    column = next(give_away._of_column("value", rows["value"], rows["label"]))
    assert column.shares[1] == pytest.approx(correct / len(rows), abs=0.01)


def test_memory_does_not_grow_with_labels_times_values():
    rows = pd.DataFrame(
        {
            "label": [f"label {n % 5000}" for n in range(15_000)],
            "text": [f"one text {n} {n % 5000}" for n in range(15_000)],
        }
    )
    tracemalloc.start()
    try:
        assert give_aways(rows, "label", 0.9) == []
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 200e6, "labels times different texts are 600 MB"


def test_labels_with_few_rows_are_told_by_nothing():
    rows = pd.DataFrame({"label": ["a"] * (MIN_ROWS - 1) + ["b"] * (MIN_ROWS - 1)})
    rows["text"] = "word " + rows["label"] + " word2"
    assert list(give_away._of_tokens("text", rows["text"], rows["label"])) == []


def labels_and(values, labels):
    return pd.Series(values), pd.Series(labels)


@pytest.mark.parametrize(("others", "items"), [(49, 2), (50, 1)])
def test_single_values_are_looked_at_in_columns_of_at_most_fifty(others, items):
    values, labels = labels_and(["x"] * 20 + [f"v{i}" for i in range(others)], ["a"] * 20 + ["b"] * others)
    assert len(list(give_away._of_column("c", values, labels))) == items


@pytest.mark.parametrize(("count", "different"), [(50, 50), (51, 20), (1000, 20)])
def test_more_than_fifty_numbers_are_twenty_quantiles(count, different):
    assert give_away._discrete(pd.Series(range(count))).nunique() == different


@pytest.mark.parametrize(("rows", "label"), [(10, "c"), (9, None)])
def test_a_value_tells_a_label_of_ten_rows_apart_and_not_of_fewer(rows, label):
    values, labels = labels_and(["u", "v"] * 20 + ["x"] * rows, ["a", "b"] * 20 + ["c"] * rows)
    values[:2] = ["v", "u"]  # so that u and v tell a and b less well than x tells c
    (_, item) = give_away._of_column("c", values, labels)
    assert (item.label if item.value == "x" else None) == label


@pytest.mark.parametrize(("texts", "items"), [("red car", 1), ("red", 0)])
def test_tokens_are_looked_at_in_cells_of_two_or_more(texts, items):
    column, labels = labels_and([texts] * 20 + [texts.replace("red", "blue")] * 20, ["a"] * 20 + ["b"] * 20)
    assert len(list(give_away._of_tokens("c", column, labels))) == items


def test_a_column_that_tells_every_label_has_score_one_and_is_strong_enough_for_one():
    rows = pd.DataFrame({"label": ["a", "b"] * 20, "column": ["x", "y"] * 20})
    (item,) = give_aways(rows, "label", 1.0)
    assert (item.score, item.value, item.shares) == (1.0, None, (0.5, 1.0))


@pytest.mark.parametrize(("rows", "sampled"), [(20_000, 20_000), (20_001, 20_000)])
def test_at_most_twenty_thousand_rows_are_looked_at(rows, sampled, monkeypatch):
    seen = []
    monkeypatch.setattr(give_away, "_of_column", lambda name, cells, labels: seen.append(len(cells)) or [])
    give_aways(pd.DataFrame({"label": np.arange(rows) % 2, "column": "x"}), "label", 0.9)
    assert seen == [sampled]

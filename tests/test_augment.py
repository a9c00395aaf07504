"""Augmented copies: the same units in another order, the same on every machine, whatever the order of the rows."""

from random import Random

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from samples import messages

from tasks import store
from tasks.augment import AugmentSettings, augment, augment_rows, change, permute, swap
from tasks.ingest import key
from tasks.records import Sides

CHINESE = "很快好吃味道足量大"


def rows(count=200):
    frame = pd.DataFrame(messages(count), columns=["text", "label"])
    return frame.assign(row_key=[key(text) for text in frame["text"]])


def copies(frame, **settings):
    done = augment_rows(frame, AugmentSettings(**settings))
    return done[done["copy"] > 0].reset_index(drop=True)


@pytest.mark.parametrize("units", [list("ab"), list("abc"), list("abcdefghijkl")])
@pytest.mark.parametrize("probability", [0.001, 0.3, 1.0])
def test_permute_always_moves_and_loses_nothing(units, probability):
    for seed in range(200):
        moved = permute(units, probability, Random(seed))
        assert sorted(moved) == units and moved != units


def test_swap_with_a_small_probability_exchanges_exactly_two():
    for seed in range(200):
        moved = swap(list("abcdefgh"), 1e-9, Random(seed))
        assert sorted(moved) == list("abcdefgh")
        assert sum(a != b for a, b in zip(moved, "abcdefgh", strict=True)) == 2


def test_probability_sets_how_many_units_move():
    units = [str(i) for i in range(400)]
    for function, width in ((permute, 1), (swap, 2)):
        moved = [np.mean([a != b for a, b in zip(units, function(units, 0.1, Random(s)), strict=True)]) for s in range(20)]
        assert np.mean(moved) == pytest.approx(0.1 * width, rel=0.25)


@pytest.mark.parametrize("method", ["swap", "permute", "mixed"])
def test_copies_hold_the_same_words_in_another_order(method):
    frame = rows()
    done = copies(frame, method=method, copies=3, probability=0.2)
    origin = frame.set_index("row_key")
    for row in done.itertuples():
        assert sorted(row.text.split()) == sorted(origin.loc[row.row_key, "text"].split())
        assert row.text != origin.loc[row.row_key, "text"] and row.label == origin.loc[row.row_key, "label"]
    assert len(done) > 0.95 * 3 * len(frame), "a method that is asked to move units hardly ever may leave them"


@pytest.mark.parametrize(("swaps", "permutes"), [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (0.05, 0.05)])
def test_mixed_always_does_at_least_one(swaps, permutes):
    done = copies(rows(), swap_probability=swaps, permute_probability=permutes, probability=0.5)
    assert len(done) > 0.97 * 200


def test_originals_stay_as_they_are_and_none_copies_nothing():
    frame = rows(50)
    done = augment_rows(frame, AugmentSettings())
    pd.testing.assert_frame_equal(done[done["copy"] == 0].drop(columns="copy"), frame)
    assert len(copies(frame, method="none", copies=3)) == len(copies(frame, copies=0)) == 0


def test_what_cannot_be_changed_has_no_copy():
    frame = pd.DataFrame({"text": ["one", "", "so  so", "x"], "label": "a", "row_key": list("1234")})
    assert copies(frame, method="swap", copies=5).empty
    assert copies(frame, method="permute", copies=5).empty


def test_copies_depend_on_seed_key_and_number_alone():
    frame = rows(100)
    first = copies(frame, copies=2, probability=0.4)
    order = copies(frame.sample(frac=1, random_state=3), copies=2, probability=0.4)
    part = copies(frame.head(40), copies=1, probability=0.4)
    table = first.set_index(["row_key", "copy"])["text"]
    assert table.to_dict() == order.set_index(["row_key", "copy"])["text"].to_dict()
    assert part.set_index(["row_key", "copy"])["text"].to_dict().items() <= table.to_dict().items()
    assert set(table) != set(copies(frame, copies=2, probability=0.4, seed=7)["text"])
    both = table.unstack()
    assert (both[1] != both[2]).mean() > 0.5, "the second copy repeats the first"


def test_units_follow_the_script():
    frame = pd.DataFrame({"text": [CHINESE, "これはとてもよい本です", "ดีมากครับ", "좋은 책 입니다 정말"], "label": "a", "row_key": list("1234")})
    done = copies(frame, copies=3, probability=0.8).groupby("row_key")["text"].first()
    for name, text in zip("123", frame["text"], strict=False):
        assert sorted(done[name]) == sorted(text) and " " not in done[name]
    assert sorted(done["4"].split()) == sorted("좋은 책 입니다 정말".split())
    worded = change("a b", AugmentSettings(method="permute", unit="word"), Random(0))
    assert worded == "b a"
    assert " " not in change("abcdef", AugmentSettings(method="swap", unit="character"), Random(0))
    assert change(CHINESE, AugmentSettings(method="swap", unit="word"), Random(0)) == CHINESE


def test_each_text_of_a_pair_is_changed_on_its_own():
    frame = rows(100)
    frame["text_pair"] = frame["text"]
    done = copies(frame, probability=0.5)
    assert (done["text"] != done["text_pair"]).mean() > 0.5
    for row in done.itertuples():
        assert sorted(row.text.split()) == sorted(row.text_pair.split())
    short = copies(frame.assign(text_pair="one"), probability=0.5)
    assert len(short) > 90 and (short["text_pair"] == "one").all()


WRONG = [{"copies": -1}, {"probability": 1.5}, {"swap_probability": -0.1}, {"permute_probability": 2},
         {"method": "delete"}, {"unit": "byte"}, {"copys": 1}]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValidationError):
        AugmentSettings(**wrong)


def test_the_stage_counts_its_copies(tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path))
    sides = Sides(path="split/x", digest="x", train=60, validation=1, holdout=1, spare=0, leaks=0, labels=["bad", "good"], pairs=False)
    store.folder(sides).mkdir(parents=True)
    rows(60).to_parquet(store.folder(sides) / "train.parquet")
    first, again = augment.fn(sides, AugmentSettings()), augment.fn(sides, AugmentSettings())
    written = pd.read_parquet(store.folder(first) / "train.parquet")
    assert first.digest == again.digest
    assert first.augmented == (written["copy"] > 0).sum() > 50 and (written["copy"] == 0).sum() == 60

import json

import numpy as np
import pandas as pd
import pytest
from samples import messages

from tasks.augment import AugmentSettings, augment_rows, change
from tasks.errors import InputError
from tasks.ingest import key
from tasks.split import SplitSettings, split_rows


def frame(count, seed=1):
    rows = [{"text": text, "label": label} for text, label in messages(count, seed)]
    table = pd.DataFrame(rows).assign(source="x.csv", side="", row=range(1, count + 1))
    table["row_key"] = table["side_key"] = table["text"].map(key)
    table["original"] = [json.dumps(row) for row in rows]
    return table


def sides(parts):
    return {text: name for name, part in parts.items() for text in part["text"]}


def test_every_row_has_one_side_and_shares_are_kept():
    rows = frame(3000)
    parts = split_rows(rows, SplitSettings(holdout=0.2, validation=0.1, spare=1))
    assert sum(map(len, parts.values())) == 3000
    assert len(parts["holdout"]) == pytest.approx(600, abs=80)
    assert len(parts["spare"]) == pytest.approx(600, abs=80)
    assert len(parts["validation"]) == pytest.approx(180, abs=50)


def test_a_row_keeps_its_side_as_data_grows_and_moves():
    few, many = frame(400), frame(900)
    before = sides(split_rows(few, SplitSettings()))
    after = sides(split_rows(many.sample(frac=1, random_state=3), SplitSettings()))
    assert before and all(after[text] == side for text, side in before.items())


def test_groups_do_not_straddle():
    rows = frame(600)
    rows["group"] = (np.arange(600) % 40).astype(str)
    rows["side_key"] = rows["group"].map(key)
    parts = split_rows(rows, SplitSettings(by="group", holdout=0.3))
    assert not set(parts["holdout"]["group"]) & (set(parts["train"]["group"]) | set(parts["validation"]["group"]))


def test_order_and_time_take_the_last_rows():
    rows = frame(500)
    assert split_rows(rows, SplitSettings(by="order"))["holdout"]["row"].tolist() == list(range(401, 501))
    rows["timestamp"] = [f"2026-01-{1 + (500 - i) % 28:02d}" for i in range(500)]
    parts = split_rows(rows, SplitSettings(by="time"))
    assert parts["train"]["timestamp"].max() <= parts["holdout"]["timestamp"].min()
    rows.loc[3, "timestamp"] = "yesterday"
    with pytest.raises(InputError, match=r"row 4: 'yesterday' is no time"):
        split_rows(rows, SplitSettings(by="time"))


def test_holdout_texts_are_taken_out_of_training():
    rows = pd.concat([frame(300), frame(300).head(2), frame(400, seed=9).tail(60)], ignore_index=True)
    rows.loc[300:, "side"] = "holdout"
    parts = split_rows(rows, SplitSettings(holdout="other.csv"))
    assert len(parts["leaks"]) == 2 and (parts["leaks"]["side"] == "").all()
    assert len(parts["holdout"]) == 62
    assert not set(parts["train"]["row_key"]) & set(parts["holdout"]["row_key"])


@pytest.mark.parametrize("method", ["swap", "permute", "mixed"])
def test_copies_hold_the_same_units_in_another_order(method):
    rows = frame(200)
    done = augment_rows(rows, AugmentSettings(method=method, copies=2, probability=0.3))
    copies = done[done["copy"] > 0]
    origin = rows.set_index("row_key")["text"]
    assert len(done) - len(copies) == 200 and 100 < len(copies) <= 400
    assert all(sorted(t.split()) == sorted(origin[k].split()) and t != origin[k]
               for t, k in zip(copies["text"], copies["row_key"], strict=True))  # fmt: skip


def test_copies_depend_on_seed_and_row_alone():
    rows, settings = frame(100), AugmentSettings(copies=1, probability=0.3)
    forward = augment_rows(rows, settings)
    backward = augment_rows(rows[::-1], settings)
    assert set(forward["text"]) == set(backward["text"])
    assert set(forward["text"]) != set(augment_rows(rows, settings.model_copy(update={"seed": 1}))["text"])
    assert len(augment_rows(rows, AugmentSettings(method="none"))) == 100


def test_scripts_without_spaces_are_augmented_by_character():
    from random import Random

    changed = change("很快好吃味道足量大", AugmentSettings(method="permute", probability=0.8), Random(4))
    assert changed != "很快好吃味道足量大" and sorted(changed) == sorted("很快好吃味道足量大")
    assert change("one two", AugmentSettings(method="swap", unit="word"), Random(1)).split() != []

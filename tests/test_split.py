"""The split as a promise: one side a row for ever, nothing lost, every wrong setting one clear line."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from tasks import store
from tasks.errors import InputError
from tasks.ingest import key
from tasks.records import Checked
from tasks.split import SplitSettings, split, split_rows

NAMES = ("train", "validation", "holdout", "spare", "leaks")


def rows(count, labels=("a", "b", "c")):
    texts = [f"message number {i}" for i in range(count)]
    frame = pd.DataFrame({"text": texts, "label": [labels[i % len(labels)] for i in range(count)]})
    frame["source"], frame["side"], frame["row"] = "x.csv", "", range(1, count + 1)
    frame["row_key"] = frame["side_key"] = [key(text) for text in texts]
    frame["original"] = [json.dumps({"text": text, "stars": i}) for i, text in enumerate(texts)]
    return frame


def side_of(parts):
    return {text: name for name, part in parts.items() for text in part["text"]}


@pytest.mark.parametrize("by", ["identity", "order", "time"])
@pytest.mark.parametrize("spare", [0, 2])
def test_every_row_comes_out_once_and_shares_are_kept(by, spare):
    frame = rows(2000).assign(timestamp=[f"2026-{1 + i % 12:02d}-{1 + i % 28:02d}" for i in range(2000)])
    parts = split_rows(frame, SplitSettings(by=by, holdout=0.2, validation=0.25, spare=spare))
    assert tuple(parts) == NAMES
    assert sorted(text for part in parts.values() for text in part["text"]) == sorted(frame["text"])
    assert len(parts["holdout"]) == pytest.approx(400, abs=75)
    assert len(parts["spare"]) == pytest.approx(400 * spare, abs=95)
    assert len(parts["validation"]) == pytest.approx(0.25 * (2000 - 400 * (1 + spare)), abs=75)


def test_sides_are_the_same_on_every_machine():
    digest = hashlib.sha256(repr(sorted(side_of(split_rows(rows(300), SplitSettings(spare=1))).items())).encode())
    assert digest.hexdigest()[:16] == "PINNED", "rows changed sides: every champion may have trained on the holdout"


def test_rows_keep_their_side_as_others_come_go_and_move():
    settings = SplitSettings(spare=1)
    before = side_of(split_rows(rows(600), settings))
    grown = rows(2000).sample(frac=0.8, random_state=1)
    after = side_of(split_rows(grown, settings))
    common = before.keys() & after.keys()
    assert len(common) > 400 and all(before[text] == after[text] for text in common)


def test_opening_a_spare_or_changing_validation_moves_no_holdout_row():
    usual = split_rows(rows(1000), SplitSettings(validation=0.1))
    other = split_rows(rows(1000), SplitSettings(validation=0.4, spare=1))
    assert set(usual["holdout"]["text"]) == set(other["holdout"]["text"])
    assert set(usual["validation"]["text"]) - set(other["spare"]["text"]) <= set(other["validation"]["text"])


def test_the_two_draws_are_independent():
    parts = split_rows(rows(6000), SplitSettings(holdout=0.3, validation=0.3))
    outside = len(parts["train"]) + len(parts["validation"])
    assert len(parts["validation"]) / outside == pytest.approx(0.3, abs=0.035)


def test_duplicates_never_straddle():
    frame = rows(400)
    twins = frame.assign(text=frame["text"].str.upper() + " ", row=range(401, 801))
    twins["row_key"] = twins["side_key"] = twins["text"].map(key)
    parts = split_rows(pd.concat([frame, twins], ignore_index=True), SplitSettings(spare=1))
    keys = [set(parts[name]["row_key"]) for name in NAMES[:4]]
    assert sum(map(len, keys)) == len(set.union(*keys)) == 400
    assert parts["leaks"].empty


def test_a_text_in_two_groups_is_taken_out_of_training():
    frame = rows(900)
    frame.loc[450:, ["text", "row_key"]] = frame.loc[:449, ["text", "row_key"]].to_numpy()
    frame["group"] = [str(i % 60) for i in range(450)] + [str(i % 61) for i in range(450)]
    frame["side_key"] = frame["group"].map(key)
    parts = split_rows(frame, SplitSettings(by="group", holdout=0.25, spare=1))
    trained = set(parts["train"]["row_key"]) | set(parts["validation"]["row_key"])
    assert not trained & (set(parts["holdout"]["row_key"]) | set(parts["spare"]["row_key"]))
    assert len(parts["leaks"]) > 0 and sum(map(len, parts.values())) == 900
    groups = [set(parts[name]["group"]) for name in NAMES[:4]]
    assert sum(map(len, groups)) == len(set.union(*groups)), "a group stands on two sides"


def test_time_sorts_by_time_not_by_text_or_place():
    frame = rows(100).assign(timestamp=[f"{i % 12 + 1}/{i % 28 + 1}/{2026 - i % 3}" for i in range(100)])
    parts = split_rows(frame, SplitSettings(by="time", spare=1))
    newest = {name: pd.to_datetime(parts[name]["timestamp"]) for name in NAMES[:4]}
    assert newest["train"].max() <= newest["spare"].min() <= newest["spare"].max() <= newest["holdout"].min()
    assert len(parts["holdout"]) == len(parts["spare"]) == 20


def test_times_of_several_zones_are_compared_as_moments():
    frame = rows(10, labels="ab").assign(timestamp=["2026-01-01T12:00:00+00:00"] * 10)
    frame.loc[0, "timestamp"] = "2026-01-01T12:30:00-05:00"
    parts = split_rows(frame, SplitSettings(by="time", holdout=0.1, validation=0.2))
    assert parts["holdout"]["row"].tolist() == [1]


def test_an_explicit_holdout_file_is_the_whole_holdout():
    frame = rows(300)
    frame.loc[250:, "side"] = "holdout"
    frame.loc[250:251, ["text", "row_key", "side_key"]] = frame.loc[0:1, ["text", "row_key", "side_key"]].to_numpy()
    parts = split_rows(frame, SplitSettings(holdout="tests.csv"))
    assert parts["holdout"]["row"].tolist() == list(range(251, 301))
    assert parts["leaks"]["row"].tolist() == [1, 2]


WRONG = [{"holdout": 0}, {"holdout": 1.0}, {"holdout": -0.2}, {"holdout": float("nan")}, {"validation": 0},
         {"validation": 1}, {"spare": -1}, {"by": "luck"}, {"share": 0.1}]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_wrong_settings_are_refused_where_they_are_made(wrong):
    with pytest.raises(ValidationError) as caught:
        SplitSettings(**wrong)
    assert [error["loc"] for error in caught.value.errors()] == [(next(iter(wrong)),)]


def one_line(frame, **settings):
    with pytest.raises(InputError) as caught:
        split_rows(frame, SplitSettings(**settings))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_cannot_be_split_is_told_in_one_line():
    assert "one label only, 'a'" in one_line(rows(50, labels="a"))
    assert "no row is left" in one_line(rows(0))
    assert "holdout" in one_line(rows(50), holdout="empty.csv")
    assert "spare" in one_line(rows(50), holdout=0.3, spare=3)
    assert "data.group" in one_line(rows(50), by="group")
    assert "data.timestamp" in one_line(rows(50), by="time")
    odd = rows(50).assign(timestamp=["2026-01-01"] * 49 + ["soon"])
    assert one_line(odd, by="time") == "x.csv, row 50: 'soon' is no time"


def test_the_stage_writes_all_sides_and_the_leaks(tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path))
    frame = rows(200, labels="ba").assign(text_pair="another text")
    frame.loc[150:, "side"] = "holdout"
    frame.loc[150, "label"] = "only in the holdout"
    frame.loc[151, ["text", "row_key", "side_key"]] = frame.loc[7, ["text", "row_key", "side_key"]].to_numpy()
    checked = Checked(path="validate/x", digest="x", status="passed", reason="", read=200, kept=200, quarantined={},
                      expectations=[])  # fmt: skip
    store.folder(checked).mkdir(parents=True)
    frame.to_parquet(store.folder(checked) / "rows.parquet")
    sides = split.fn(checked, SplitSettings(holdout="tests.csv"))
    assert sides.train + sides.validation + sides.holdout + sides.spare + sides.leaks == 200
    assert (sides.holdout, sides.spare, sides.leaks, sides.pairs) == (50, 0, 1, True)
    assert sides.labels == ["a", "b", "only in the holdout"]
    for name in NAMES[:4]:
        assert len(pd.read_parquet(store.folder(sides) / f"{name}.parquet")) == getattr(sides, name)
    gone = pd.read_csv(store.folder(sides) / "quarantine.csv")
    assert gone.to_dict("records") == [
        {"reason": "leak", "source": "x.csv", "row": 8, "text": "message number 7", "stars": 7}
    ]


def test_the_index_of_the_frame_means_nothing():
    frame = rows(300)
    shifted = frame.set_index(np.arange(300) * 7 + 3)
    for by in ("identity", "order"):
        assert side_of(split_rows(frame, SplitSettings(by=by))) == side_of(split_rows(shifted, SplitSettings(by=by)))

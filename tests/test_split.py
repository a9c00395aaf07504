import numpy as np
import pandas as pd
import pytest
from samples import messages
from split_rows import frame, read, side_of_texts

from nightshift.augmentation.settings import AugmentSettings
from nightshift.data.check_settings import ExpectationSettings, SuiteInputs
from nightshift.data.row_keys import text_key
from nightshift.data.settings import DataSettings
from nightshift.errors import InputError
from nightshift.store import artifact_store
from tasks.augment import augment
from tasks.ingest import ingest, locate
from tasks.split import SplitSettings, count_near_leaks, split, split_rows
from tasks.validate import validate


def test_every_row_has_one_side_and_shares_are_kept():
    rows = frame(3000)
    parts = split_rows(rows, SplitSettings(holdout=0.2, validation=0.1, spare=1))
    assert sum(map(len, parts.values())) == 3000
    assert len(parts["holdout"]) == pytest.approx(600, abs=80)
    assert len(parts["spare"]) == pytest.approx(600, abs=80)
    assert len(parts["validation"]) == pytest.approx(180, abs=50)


def test_a_row_keeps_its_side_as_data_grows_and_moves():
    initial, grown = frame(400), frame(900)
    old_sides = side_of_texts(split_rows(initial, SplitSettings()))
    new_sides = side_of_texts(split_rows(grown.sample(frac=1, random_state=3), SplitSettings()))
    assert old_sides and all(new_sides[text] == side for text, side in old_sides.items())


def test_a_worn_holdout_gives_way_to_a_sealed_one():
    rows = frame(1500)
    first, second, third = (split_rows(rows, SplitSettings(spare=2), active_holdout=index) for index in range(3))
    texts = [set(parts["holdout"]["text"]) for parts in (first, second, third)]
    assert not texts[0] & texts[1] and not texts[0] & texts[2] and not texts[1] & texts[2]
    assert texts[1] | texts[2] == set(first["spare"]["text"]) and texts[2] == set(second["spare"]["text"])
    assert texts[0] <= set(second["train"]["text"]) | set(second["validation"]["text"])
    assert third["spare"].empty and sum(map(len, third.values())) == 1500


def test_groups_do_not_straddle():
    rows = frame(600)
    rows["group"] = (np.arange(600) % 40).astype(str)
    rows["side_key"] = rows["group"].map(text_key)
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


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("{d:02d}/{m:02d}/2026 11:00", None),
        ("{m}/{d}/2026", None),
        ("{d:02d}.{m:02d}.2026", None),
        ("2026-{m:02d}-{d:02d}T11:00:00+01:00", None),
        ("0{m}/04/2026", r"split.by: time: x.csv, row 1: '01/04/2026': it may begin with the day or the month; write"),
    ],
)
def test_dates_of_any_country_are_in_order_or_refused(written, message):
    rows = frame(300)
    rows["timestamp"] = [written.format(d=1 + i % 25, m=1 + i // 25 % 9) for i in range(300)]
    if message:
        with pytest.raises(InputError, match=message):
            split_rows(rows, SplitSettings(by="time"))
    else:
        month = [1 + i // 25 % 9 for i in range(300)]
        holdout_rows = split_rows(rows, SplitSettings(by="time"))["holdout"]["row"]
        assert min(month[row - 1] for row in holdout_rows) >= 7


def test_dates_of_two_countries_are_refused():
    rows = frame(300)
    rows["timestamp"] = ["12/31/2026", "31/12/2026"] * 150
    with pytest.raises(InputError, match=r"row 2: '31/12/2026': other dates begin with the month; write dates as"):
        split_rows(rows, SplitSettings(by="time"))


def test_holdout_texts_are_taken_out_of_training():
    rows = pd.concat([frame(300), frame(300).head(2), frame(400, seed=9).tail(60)], ignore_index=True)
    rows.loc[300:, "side"] = "holdout"
    parts = split_rows(rows, SplitSettings(holdout="other.csv"))
    assert len(parts["leaks"]) == 2 and (parts["leaks"]["side"] == "").all()
    assert len(parts["holdout"]) == 62
    assert not set(parts["train"]["row_key"]) & set(parts["holdout"]["row_key"])


def test_groups_that_judge_are_taken_out_of_training():
    rows = frame(600)
    rows["group"] = np.where(np.arange(600) < 400, "old", "new") + (np.arange(600) % 40).astype(str)
    rows.loc[590:, "group"] = "old3"
    rows["side_key"] = rows["group"].map(text_key)
    parts = split_rows(rows, SplitSettings(by="order"))
    assert set(parts["leaks"]["group"]) >= {"old3"}
    assert not set(parts["holdout"]["group"]) & (set(parts["train"]["group"]) | set(parts["validation"]["group"]))


def test_texts_are_none_that_judge_or_have_a_label(checked):
    rows, texts = frame(500), [text for text, _ in messages(500, seed=7)]
    sides = split.fn(checked(rows, [*texts, *rows["text"]]), SplitSettings(spare=1), "classification")
    unlabelled = set(read(sides, "unlabelled")["text"])
    assert unlabelled < set(texts) and len(unlabelled) == sides.unlabelled == pytest.approx(500 * 0.6 * 0.9, abs=45)
    # A year later the same texts have labels: none of them is on a side that judges.
    labelled = pd.concat([rows, frame(500, seed=7)], ignore_index=True).drop_duplicates("row_key", ignore_index=True)
    later = split.fn(checked(labelled), SplitSettings(spare=1), "classification")
    assert unlabelled <= set(read(later, "train")["text"])


def test_a_window_keeps_the_newest_training_rows_and_loses_none(checked):
    rows = frame(600)
    rows["timestamp"] = [f"2026-01-{1 + 7 * i % 30:02d}" for i in range(600)]
    complete = split.fn(checked(rows), SplitSettings(), "classification")
    newest = split.fn(checked(rows), SplitSettings(), "classification", 100)
    days = split.fn(checked(rows), SplitSettings(), "classification", "10d")
    for sides in (newest, days):
        assert sides.train + sides.windowed == complete.train and sides.windowed > 0
        assert (sides.validation, sides.holdout) == (complete.validation, complete.holdout)
        quarantine = pd.read_csv(artifact_store.folder(sides) / "quarantine.csv")
        assert len(quarantine) == sides.windowed and set(quarantine["reason"]) == {"window"}
        assert set(quarantine["text"]) | set(read(sides, "train")["text"]) == set(read(complete, "train")["text"])
    assert newest.train == 100
    times = read(complete, "train")["timestamp"].sort_values()
    assert sorted(read(newest, "train")["timestamp"]) == times.tail(100).tolist()
    assert set(read(days, "train")["timestamp"]) == {f"2026-01-{day}" for day in range(21, 31)}


def test_a_window_without_times_goes_by_order():
    rows = frame(300)
    train = split_rows(rows, SplitSettings())["train"]
    assert split_rows(rows, SplitSettings(), "20")["train"]["row"].tolist() == train["row"].tolist()[-20:]
    untimed = rows.assign(timestamp="2026-01-01")
    assert split_rows(untimed, SplitSettings(), 20)["train"]["row"].tolist() == train["row"].tolist()[-20:]


@pytest.mark.parametrize("window", ["30 days", "0", 0, -3, "d", "", True])
def test_what_is_no_window_names_the_setting(window):
    with pytest.raises(InputError, match=r"^train\.window: .* is no window"):
        split_rows(frame(300), SplitSettings(), window)


def test_a_window_of_days_needs_times():
    with pytest.raises(InputError, match=r"train\.window: 30d needs data\.timestamp"):
        split_rows(frame(300), SplitSettings(), "30d")


def test_the_labels_of_a_classification(checked):
    sides = split.fn(checked(frame(300)), SplitSettings(), "classification")
    assert (sides.labels, sides.separator) == (["bad", "good"], None)
    multilabel = frame(300).assign(label=["c|a", "b", ""] * 100)
    sides = split.fn(checked(multilabel), SplitSettings(), "classification", separator="|")
    assert (sides.labels, sides.separator) == (["a", "b", "c"], "|")
    for separator in (None, "|"):
        with pytest.raises(InputError, match="the training side holds one label only, 'a'"):
            split.fn(checked(frame(300).assign(label="a")), SplitSettings(), "classification", None, separator)


def test_labels_that_no_training_row_has_are_left_out_and_counted(checked):
    rows = frame(300)
    side = rows["text"].map(side_of_texts(split_rows(rows, SplitSettings())))
    for name, label in (("validation", "chosen"), ("holdout", "judged")):
        rows.loc[rows[side == name].index[:3], "label"] = label
    sides = split.fn(checked(rows), SplitSettings(), "classification")
    assert (sides.labels, sides.untrained) == (["bad", "good"], {"chosen": 3, "judged": 3})
    rows.loc[rows[side == "holdout"].index[:3], "label"] = "good|judged"
    multilabel = split.fn(checked(rows), SplitSettings(), "classification", separator="|")
    assert (multilabel.labels, multilabel.untrained) == (["bad", "good"], {"chosen": 3, "judged": 3})


def test_other_kinds_have_no_labels_and_numbers_are_numbers(checked):
    numbers = checked(frame(300).assign(label="1.5"))
    sides = split.fn(numbers, SplitSettings(spare=1), "regression")
    assert sides.labels == []
    assert {str(read(sides, name)["label"].dtype) for name in ("train", "holdout", "spare")} == {"float64"}
    texts = split.fn(checked(frame(300).drop(columns="label")), SplitSettings(), "generation")
    assert texts.labels == [] and "label" not in read(texts, "train")
    with pytest.raises(InputError, match=r"x\.csv, row 8: the label 'five' is no number"):
        split.fn(checked(frame(300).assign(label=["1"] * 7 + ["five"] * 293)), SplitSettings(), "regression")


def test_two_objectives_on_the_same_pairs_have_the_same_sides(real_data, tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))
    sides_by_kind = {}
    for kind, label in (("regression", "relatedness_score"), ("classification", "entailment_judgment")):
        data = DataSettings(path="sick/SICK_train.txt", text="sentence_A", text_pair="sentence_B", label=label)
        rows = ingest.fn(locate(data, None, real_data), data, [])
        checked = validate.fn(rows, ExpectationSettings(), SuiteInputs(kind=kind))
        assert checked.status == "passed" and checked.read == checked.kept + sum(checked.quarantined.values()) == 4500
        sides_by_kind[kind] = split.fn(checked, SplitSettings(), kind)
        sides = sides_by_kind[kind]
        assert checked.kept == sides.train + sides.validation + sides.holdout and sides.pairs
        assert augment.fn(sides, AugmentSettings(), kind).augmented > 0
    assert sides_by_kind["classification"].labels == ["CONTRADICTION", "ENTAILMENT", "NEUTRAL"]
    holdout_keys = {kind: set(read(sides, "holdout")["row_key"]) for kind, sides in sides_by_kind.items()}
    training_keys = {kind: set(read(sides, "train")["row_key"]) for kind, sides in sides_by_kind.items()}
    assert (
        not holdout_keys["classification"] & training_keys["regression"]
        and not holdout_keys["regression"] & training_keys["classification"]
    )
    assert read(sides_by_kind["regression"], "train")["label"].between(1, 5).all()


def near_leaking_rows():
    """Return rows of which the last two of a holdout file have nearly the texts of the first two."""
    rows = frame(300)
    texts = [
        "the parcel came two days late and nobody could say where it was",
        "昨天的天气很好我们去公园散步了很久才回家",
    ]
    rows.loc[:1, "text"] = texts
    holdout = frame(400, seed=9).tail(60)
    holdout.iloc[-2:, holdout.columns.get_loc("text")] = [texts[0].upper() + "!", texts[1] + "的"]
    rows = pd.concat([rows, holdout], ignore_index=True)
    rows["row_key"] = rows["side_key"] = rows["text"].map(text_key)
    rows.loc[300:, "side"] = "holdout"
    return rows


def test_rows_nearly_in_the_holdout_are_quarantined_if_asked_for():
    rows = near_leaking_rows()
    parts = split_rows(rows, SplitSettings(holdout="other.csv", near_leaks="warning"))
    assert set(parts["near_leaks"]["text"]) == set(rows["text"][:2]) and len(parts["holdout"]) == 60
    assert sum(map(len, parts.values())) == 360


def test_rows_nearly_in_the_holdout_stay_and_are_counted():
    parts = split_rows(near_leaking_rows(), SplitSettings(holdout="other.csv"))
    assert parts["near_leaks"].empty and count_near_leaks(parts) == 2


def test_a_row_near_the_holdout_never_changes_to_another_side_as_data_grows():
    rows = frame(300)
    variants = rows.assign(text=rows["text"] + " indeed my friend and so on")
    variants["row_key"] = variants["side_key"] = variants["text"].map(text_key)
    settings = SplitSettings(near_leaks="warning")
    before = side_of_texts(split_rows(rows, settings))
    after = side_of_texts(split_rows(pd.concat([rows, variants], ignore_index=True), settings))
    assert all(after[text] in (side, "near_leaks") for text, side in before.items())


def test_near_leaks_are_counted_and_every_row_is_accounted_for(tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    table = near_leaking_rows()
    table[table["side"] == ""][["text", "label"]].to_csv("train.csv", index=False)
    table[table["side"] == "holdout"][["text", "label"]].to_csv("holdout.csv", index=False)
    data = DataSettings(path="train.csv")
    checked = validate.fn(
        ingest.fn(locate(data, "holdout.csv", tmp_path), data, []),
        ExpectationSettings(),
        SuiteInputs(kind="classification"),
    )
    for near_leaks, counts in [("info", (0, 2)), ("warning", (2, 0)), (False, (0, 0))]:
        sides = split.fn(checked, SplitSettings(holdout="holdout.csv", near_leaks=near_leaks), "classification")
        assert (sides.near_leaks, sides.near_leaks_kept) == counts
        assert checked.kept == sides.train + sides.validation + sides.holdout + sides.leaks + sides.near_leaks
        if sides.near_leaks:
            quarantine = pd.read_csv(artifact_store.folder(sides) / "quarantine.csv")
            assert quarantine["reason"].tolist().count("near leak") == 2 and set(quarantine["source"]) == {"train.csv"}

"""`data.corrections`: what people decided about single rows is applied, counted, and nothing else is touched."""

import datetime as dt
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from records import table_of
from workbook_files import write_workbook

from benchmarks import corrections as benchmark
from flows.objective_rows import needs_place
from flows.pipeline_run import correction_counts
from flows.settings_file import check
from nightshift.data import corrections
from nightshift.data.check_settings import ExpectationSettings, SuiteInputs
from nightshift.data.correction_files import read_corrections
from nightshift.data.row_keys import text_key
from nightshift.data.settings import DataSettings
from nightshift.errors import InputError, SettingsError
from nightshift.records import Checked, CorrectionCounts
from nightshift.store import artifact_store
from tasks.ingest import ingest, locate, read_rows
from tasks.validate import validate

HEADER = "row_key,decision,new_label,who,when"
FILLER = [f"this is message {n} about the flight,{('good', 'bad')[n % 2]}" for n in range(40)]


@pytest.fixture
def night(tmp_path, monkeypatch):
    """Function that ingests rows with corrections; it returns the record and the rows."""
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))

    def run(rows, answers, kind="classification", corrections_file="answers.csv", for_unlabelled=True, **data):
        (tmp_path / "rows.csv").write_text("\n".join(["text,label", *rows, *FILLER]) + "\n")
        if isinstance(answers, list):
            (tmp_path / corrections_file).write_text("\n".join([HEADER, *answers]) + "\n")
        settings = DataSettings(path="rows.csv", corrections=corrections_file, **data)
        record = ingest.fn(locate(settings, None, tmp_path), settings, [], 3, kind, for_unlabelled)
        rows = pd.read_parquet(artifact_store.folder(record) / "rows.parquet")
        return record, rows.set_index("text")

    return run


def check_rows(record):
    return validate.fn(record, ExpectationSettings(min_rows=1), SuiteInputs(kind="classification"))


def decided(checked):
    table = pd.read_parquet(artifact_store.folder(checked) / "decided.parquet")
    return dict(zip(table["row_key"], table["decision"], strict=True))


def kept(checked):
    return pd.read_parquet(artifact_store.folder(checked) / "rows.parquet").set_index("text")["label"]


def entry(text, rest):
    return f"{text_key(text)},{rest}"


def test_each_decision_is_applied_counted_and_told(night):
    rows = ["wrong one,bad", "nonsense,bad", "right one,good", "forgotten,good"]
    answers = [
        entry("wrong one", "relabel,good,ada,2026-11-28"),
        entry("nonsense", " Drop ,,ada,"),
        entry("right one", "KEEP,,ada,"),
        entry("forgotten", ",,,"),
        entry("an old row", "drop,,,"),
    ]
    record, table = night(rows, answers)
    checked = check_rows(record)
    counts = {"relabelled": 1, "dropped": 1, "kept": 1, "undecided": 1, "unknown": 1, "unused": 0, "new_labels": {}}
    assert checked.corrections.model_dump() == counts == record.corrections.model_dump()
    assert checked.quarantined == {"dropped by a correction": 1} and checked.read == checked.kept + 1 == 44
    assert table.loc["wrong one", "label"] == "good" and '"label":"bad"' in table.loc["wrong one", "original"]
    assert kept(checked)["wrong one"] == "good" and kept(checked)["forgotten"] == "good"
    assert decided(checked) == {
        text_key("wrong one"): "relabel", text_key("nonsense"): "drop", text_key("right one"): "keep"
    }  # fmt: skip
    assert checked.notices == [
        "data.corrections: 1 rows relabelled, 1 dropped, 1 kept as they are; entries that changed nothing: 1 without a "
        "decision, 1 of rows that are not there now"
    ]
    quarantine = pd.read_csv(artifact_store.folder(checked) / "quarantine.csv")
    assert quarantine[["reason", "source", "row", "text", "label"]].values.tolist() == [
        ["dropped by a correction", "rows.csv", 2, "nonsense", "bad"]
    ]


def test_without_corrections_nothing_is_counted_and_no_row_is_decided(tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))
    (tmp_path / "rows.csv").write_text("\n".join(["text,label", *FILLER]) + "\n")
    settings = DataSettings(path="rows.csv")
    checked = validate.fn(
        ingest.fn(locate(settings, None, tmp_path), settings, []),
        ExpectationSettings(),
        SuiteInputs(kind="classification"),
    )
    assert checked.corrections is None and decided(checked) == {} and checked.notices == []
    assert "dropped" not in pd.read_parquet(artifact_store.folder(checked) / "rows.parquet")


def test_a_new_label_alone_relabels(night):
    assert night(["x y,bad"], [entry("x y", ",good,,")])[1].loc["x y", "label"] == "good"


def test_a_relabelled_text_is_no_conflict_any_more_and_a_kept_one_still_is(night):
    rows = ["two labels,bad", "two labels,good", "two more,bad", "two more,good"]
    checked = check_rows(night(rows, [entry("two labels", "relabel,good,,"), entry("two more", "keep,,,")])[0])
    assert checked.quarantined == {"duplicate": 1, "conflict": 2}
    assert kept(checked)["two labels"] == "good" and checked.corrections.relabelled == 2


def test_the_label_map_is_applied_before_corrections_and_not_to_them(night):
    rows, answers = ["x y,Good", "w z,bad"], [entry("w z", "relabel,Good,,")]
    record, table = night(rows, answers, label_map={"Good": "good"})
    assert table.loc["x y", "label"] == "good" and table.loc["w z", "label"] == "Good"
    assert record.corrections.new_labels == {"Good": 1}


def test_a_label_that_only_corrections_give_is_warned_of(night):
    checked = check_rows(night(["x y,bad"], [entry("x y", "relabel,god,,")])[0])
    assert checked.warnings[-1] == (
        'data.corrections gives labels that no other row has, with their rows: "god" (1); mend the new_label if it is misspelt'
    )


def test_the_key_of_the_text_as_read_and_as_cleaned_are_both_known(night):
    cleaning = {"mask": ["urls"]}
    rows = ["see http://a.b now,bad", "see http://c.d here,bad"]
    answers = [entry("see http://a.b now", "relabel,good,,"), entry("see [URL] here", "relabel,good,,")]
    record, table = night(rows, answers, cleaning=cleaning)
    assert table.loc[["see [URL] now", "see [URL] here"], "label"].tolist() == ["good", "good"]
    assert record.corrections.unknown == 0
    assert set(decided(record)) == {text_key("see [URL] now"), text_key("see [URL] here")}


@pytest.mark.parametrize(("times", "label"), [(("2026-11-28", "2026-11-29"), "b"), (("2026-11-29", "2026-11-28"), "a")])
def test_of_the_keys_as_read_and_as_cleaned_the_later_decides(night, times, label):
    answers = [
        entry("see http://a.b now", f"relabel,a,,{times[0]}"),
        entry("see [URL] now", f"relabel,b,,{times[1]}"),
    ]
    rows = night(["see http://a.b now,bad"], answers, cleaning={"mask": ["urls"]})[1]
    assert rows.loc["see [URL] now", "label"] == label


def test_excluded_rows_stay_excluded(night, tmp_path):
    (tmp_path / "forget.txt").write_text("nonsense\n")
    checked = check_rows(night(["nonsense,bad"], [entry("nonsense", "drop,,,")], exclude="forget.txt")[0])
    assert checked.quarantined == {"excluded": 1}
    assert checked.corrections.dropped == 0 and checked.corrections.unknown == 1


def test_a_dropped_text_is_not_among_the_unlabelled_ones(night, tmp_path):
    (tmp_path / "more.txt").write_text("text\nsome words\nother words\n")
    record, _ = night(["x y,bad"], [entry("some words", "drop,,,")], unlabelled="more.txt")
    texts = pd.read_parquet(artifact_store.folder(record) / "unlabelled.parquet")["text"]
    assert texts.tolist() == ["other words"] and record.corrections.dropped == 1


def test_an_unlabelled_text_that_gets_a_label_becomes_a_row(night, tmp_path):
    (tmp_path / "more.txt").write_text("text\nsome words\nother words\n")
    answers = [entry("some words", "relabel,good,,"), entry("other words", "keep,,,")]
    record, table = night(["x y,bad"], answers, unlabelled="more.txt")
    texts = pd.read_parquet(artifact_store.folder(record) / "unlabelled.parquet")["text"]
    assert table.loc["some words", ["label", "side"]].tolist() == ["good", ""] and texts.tolist() == ["other words"]
    assert (record.read, record.unlabelled, record.corrections.relabelled) == (42, 1, 1)


def test_an_unlabelled_text_whose_side_needs_a_time_stays_one_and_the_person_is_told(night, tmp_path):
    (tmp_path / "more.txt").write_text("text\nsome words\n")
    answers = [entry("some words", "relabel,new,,")]
    record, table = night(["x y,bad"], answers, unlabelled="more.txt", for_unlabelled=False)
    assert "some words" not in table.index and record.unlabelled == 1
    assert record.corrections.model_dump(exclude_defaults=True) == {"unused": 1}
    assert corrections.warnings(record.corrections)[0].startswith(
        "data.corrections gives a label to 1 texts of data.unlabelled, which are not used: the split or train.window needs"
    )


@pytest.mark.parametrize(
    ("split", "window", "place_needed"),
    [
        ({}, None, False),
        ({"by": "group"}, 100, False),
        ({"by": "order"}, None, True),
        ({"by": "time"}, None, True),
        ({"by": "time", "holdout": "held.csv"}, None, False),
        ({}, "30d", True),
    ],
)
def test_splits_and_windows_that_need_a_time_or_an_order(split, window, place_needed):
    data = {"path": "a.csv", "timestamp": "day" if window == "30d" else None}
    night = {"model": "m", "train": {"base_model": "scratch:bert", "window": window}, "data": data, "split": split}
    settings = check(night, "night.yaml")
    assert needs_place(settings, settings.resolved_objectives["main"]) == place_needed


def test_rows_of_a_holdout_file_are_corrected_too(tmp_path):
    (tmp_path / "rows.csv").write_text("text,label\nx y,bad\n")
    (tmp_path / "held.csv").write_text("text,label\nw z,bad\n")
    (tmp_path / "answers.csv").write_text(f"{HEADER}\n{entry('w z', 'drop,,,')}\n")
    settings = DataSettings(path="rows.csv", corrections="answers.csv")
    record = ingest.fn(locate(settings, "held.csv", tmp_path), settings, [])
    rows = pd.read_parquet(artifact_store.folder(record) / "rows.parquet")
    assert dict(zip(rows["text"], rows["dropped"], strict=True)) == {"x y": False, "w z": True}


def test_several_labels_a_row_are_written_in_canonical_form_and_a_separator_alone_means_none(night):
    rows = ["x y,a|b", "w z,a", "u v,b|a"]
    answers = [entry("x y", "relabel,b | a|b,,"), entry("w z", "relabel,|,,")]
    record, table = night(rows, answers, label_separator="|")
    assert table.loc[["x y", "w z"], "label"].tolist() == ["a|b", ""]
    assert record.corrections.new_labels == {}


@pytest.mark.parametrize(
    ("answers", "label"),
    [
        ([("relabel,a", "2026-11-28"), ("relabel,b", "2026-11-28T00:00:01")], "b"),
        ([("relabel,a", "2026-11-29T01:00:00+02:00"), ("relabel,b", "2026-11-28 22:59")], "a"),
        ([("relabel,a", "2026-11-28"), ("keep,", "2026-11-28"), ("relabel,c", "2026-11-29")], "c"),
        ([("relabel,a", ""), ("relabel,a", "yesterday")], "a"),
        ([("relabel,a", ""), (",", "2026-11-29")], "a"),
    ],
)
def test_of_several_entries_the_latest_decides(night, answers, label):
    lines = [entry("x y", f"{decision},,{when}") for decision, when in answers]
    assert night(["x y,bad"], lines)[1].loc["x y", "label"] == label


@pytest.mark.parametrize(
    "answers",
    [
        [("relabel,a", "2026-11-28"), ("keep,", "2026-11-28T00:00Z")],
        [("relabel,a", ""), ("relabel,b", "")],
        [("drop,", "2026-11-28"), ("keep,", "")],
        [("drop,", "28.11.2026"), ("keep,", "29.11.2026")],
    ],
)
def test_entries_that_contradict_each_other_are_one_line(night, answers):
    with pytest.raises(
        InputError, match=r"^data\.corrections: answers\.csv, line 2 and answers\.csv, line 3 decide diff"
    ) as caught:
        night(["x y,bad"], [entry("x y", f"{decision},,{when}") for decision, when in answers])
    assert "\n" not in str(caught.value) and text_key("x y") in str(caught.value)


KEY = text_key("x y")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f"{KEY},relabel,,,", r"the decision relabel needs a new_label"),
        (f"{KEY},delete,,,", r"the decision 'delete' is not known; expected keep, relabel or drop, or nothing"),
        (f"{KEY},keep,good,,", r"the decision keep with the new_label 'good'; empty the new_label, or decide relabel"),
        (f"{KEY},drop,good,,", r"the decision drop with the new_label 'good'"),
        ("1.23E+31,drop,,,", r"the row_key '1\.23e\+31' is no key; expected 32 hexadecimal digits"),
        (",drop,,,", r"the row_key '' is no key"),
        (f"{KEY},drop", r"2 fields where 5 were expected"),
    ],
)
def test_an_entry_that_makes_no_sense_is_one_line_with_file_and_row(night, line, message):
    with pytest.raises(InputError, match=rf"^data\.corrections: answers\.csv, line 3: .*{message}") as caught:
        night(["x y,bad"], [entry("x y", "keep,,,"), line])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "data", "message"),
    [
        ("regression", {}, "the new_label 'good' is no number; expected one such as 3.5"),
        ("generation", {"label": None}, "the model learns from the texts alone"),
    ],
)
def test_a_new_label_must_suit_the_kind(night, kind, data, message):
    with pytest.raises(InputError, match=f"answers.csv, line 2: {message}"):
        night(["x y,1"], [entry("x y", "relabel,good,,")], kind, **data)


def test_a_file_without_the_columns_is_refused(night, tmp_path):
    (tmp_path / "answers.csv").write_text("key,label\na,b\n")
    with pytest.raises(
        InputError, match=r"answers\.csv has the columns key, label; expected row_key, decision and new_l"
    ):
        night(["x y,bad"], None)


def test_a_file_with_a_header_alone_decides_nothing(night):
    assert night(["x y,bad"], [])[0].corrections.model_dump(exclude_defaults=True) == {}


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet", ".xlsx"])
def test_other_formats_are_read(night, tmp_path, suffix):
    table = pd.DataFrame({"row_key": [KEY], "decision": ["relabel"], "new_label": [2], "note": ["n"],
                          "when": pd.to_datetime(["2026-11-28"])})  # fmt: skip
    file = tmp_path / f"answers{suffix}"
    if suffix == ".jsonl":
        table.to_json(file, orient="records", lines=True, date_format="iso")
    elif suffix == ".parquet":
        table.to_parquet(file)
    else:
        write_workbook(file, Answers=[list(table), [KEY, "relabel", 2, "n", dt.datetime(2026, 11, 28)]])
    assert night(["x y,bad"], None, corrections_file=file.name)[1].loc["x y", "label"] == "2"


def test_files_of_a_folder_and_of_a_list_are_sources_of_the_night(tmp_path):
    (tmp_path / "rows.csv").write_text("text,label\nx y,bad\n")
    (tmp_path / "answers").mkdir()
    for name in ("answers/monday.csv", "answers/tuesday.csv", "more.csv"):
        (tmp_path / name).write_text(f"{HEADER}\n{KEY},drop,,,\n")
    settings = DataSettings(path="rows.csv", corrections=["answers", "more.csv"])
    sources = locate(settings, None, tmp_path)
    assert [source.path.rpartition("/")[2] for source in sources if source.side == "corrections"] == [
        "monday.csv", "tuesday.csv", "more.csv"
    ]  # fmt: skip
    assert table_of(settings, tmp_path)["text"].tolist() == ["x y"], "they hold no rows"
    with pytest.raises(InputError, match=r"^data\.corrections: no such file: none\.csv"):
        locate(DataSettings(path="rows.csv", corrections="none.csv"), None, tmp_path)


def test_a_list_without_files_is_refused():
    with pytest.raises(SettingsError, match=r"data\.corrections: .*names no file"):
        night = {"model": "m", "train": {"base_model": "scratch:bert"}}
        check(night | {"data": {"path": "a.csv", "corrections": []}}, "night.yaml")


def test_the_counts_of_several_objectives_are_added_for_the_mlflow_run():
    empty = {"status": "passed", "reason": "", "read": 0, "kept": 0, "quarantined": {}, "expectations": []}
    first, second = CorrectionCounts(relabelled=2, new_labels={"x": 1}), CorrectionCounts(relabelled=1, unknown=3)
    checked = {str(n): Checked(**empty, corrections=counts) for n, counts in enumerate((first, second, None))}
    assert {name: count for name, count in correction_counts(checked).items() if count} == {
        "relabelled": 3,
        "unknown": 3,
    }
    assert correction_counts({"main": Checked(**empty)}) == {}


def test_the_benchmark_answers_a_list_with_the_truth(tmp_path):
    clean = pd.DataFrame({"text": [f"text {n}" for n in range(20)], "label": ["0", "1"] * 10})
    reviewer = benchmark._flip(clean, tmp_path / "flipped.csv", 0.1, 0)
    flipped = pd.read_csv(tmp_path / "flipped.csv", dtype=str)
    is_flipped = flipped["label"] != clean["label"]
    assert {text_key(text) for text in flipped["text"][is_flipped]} == reviewer.flipped and reviewer.num_wrong == 2
    listed = flipped[is_flipped | (flipped.index < 3)]
    listed.assign(row_key=listed["text"].map(text_key)).to_csv(tmp_path / "review.csv", index=False)
    assert (
        reviewer.fill_in(tmp_path / "review.csv", tmp_path / "corrections" / "1.csv") == 2 and reviewer.num_wrong == 0
    )
    rows = table_of(DataSettings(path="flipped.csv"), tmp_path)
    settings = DataSettings(path="flipped.csv", corrections="corrections")
    read = read_corrections({"1.csv": str(tmp_path / "corrections" / "1.csv")}, corrections.LabelForm())
    relabelled = pd.concat(
        [table.to_pandas() for table in read_rows(locate(settings, None, tmp_path), settings, (), None, read)]
    )
    assert rows["label"].tolist() != relabelled["label"].tolist() == clean["label"].tolist()
    assert (read.counts().relabelled, read.counts().kept) == (2, len(listed) - 2)


@pytest.mark.slow
def test_the_next_night_applies_an_answered_list_and_asks_about_other_rows(lone_shell, project):
    rows = pd.read_csv(project / "rows.csv", dtype=str)
    truth = dict(zip(rows["message"].map(text_key), rows["label"], strict=True))
    others = dict(zip(sorted(set(truth.values())), sorted(set(truth.values()), reverse=True), strict=True))
    rows.loc[::10, "label"] = rows.loc[::10, "label"].map(others)
    rows.to_csv(project / "rows.csv", index=False)
    fast = ["--set", "compress.recipes=[]", "--set", "train.num_train_epochs=1", "--set", "review.rows=30"]
    first = lone_shell.json("run", "night.yaml", *fast)
    (file,) = first["reviews"]
    table = pd.read_csv(file, dtype=str, keep_default_na=False)
    table["new_label"] = table["row_key"].map(truth).where(table["row_key"].map(truth) != table["label"], "")
    table["decision"] = table["new_label"].map(lambda label: "" if label else "keep")
    table.to_csv(project / "answers.csv", index=False)
    second = lone_shell.json("run", "night.yaml", *fast, "--set", "data.corrections=answers.csv")
    assert "data" in second["changed"] and Path(first["report"]).read_text().count("<h2>Rows to review") == 1
    client = mlflow.MlflowClient(f"sqlite:///{project}/home/mlflow/mlflow.db")
    metrics = client.get_run(second["mlflow_run_id"]).data.metrics
    num_wrong = int((table["new_label"] != "").sum())
    assert num_wrong and metrics["corrections/relabelled"] == num_wrong
    assert metrics["corrections/kept"] == len(table) - num_wrong and metrics["corrections/unknown"] == 0
    assert "review.csv" in {artifact.path for artifact in client.list_artifacts(second["mlflow_run_id"])}
    again = pd.read_csv(second["reviews"][0], dtype=str)
    assert not set(again["row_key"]) & set(table["row_key"])
    assert f"data.corrections: {num_wrong} rows relabelled" in Path(second["report"]).read_text()

"""A person asks to be forgotten: the texts go everywhere, the counts still add up, the versions that know them are named."""

import json
from pathlib import Path

import pandas as pd
import pytest
from nights import Model

from flows.monitor import _read_new_rows
from nightshift.data.check_settings import ExpectationSettings, SuiteInputs
from nightshift.data.row_keys import text_key
from nightshift.data.settings import DataSettings
from nightshift.errors import InputError
from nightshift.records import RegistryState
from nightshift.registry import model_registry, tracking
from nightshift.registry.erasure import erased_keys, versions_with_erased_rows
from nightshift.registry.warm_start import champion_checkpoint
from nightshift.store import artifact_store
from tasks.ingest import ingest, locate
from tasks.train import stage as train
from tasks.validate import validate

FORGOTTEN = "Please call Ada Lovelace back"
KEYED = "my number is 555 0199"


@pytest.fixture
def prepare_rows(tmp_path, monkeypatch):
    """Ingest and validate the rows of a file, with an exclude file beside it."""
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))

    def prepare(lines, exclude, holdout=None, **data):
        (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n")
        (tmp_path / "forget.txt").write_text(exclude)
        settings = DataSettings(path="rows.csv", exclude="forget.txt", **data)
        sources = locate(settings, holdout, tmp_path)
        rows = ingest.fn(sources, settings, [])
        return sources, rows, validate.fn(rows, ExpectationSettings(min_rows=1), SuiteInputs(kind="classification"))

    return prepare


def plain(count=60):
    return [f"this is message {n} about the flight,{('good', 'bad')[n % 2]}" for n in range(count)]


def words_under(folder: Path) -> str:
    files = [file for file in folder.rglob("*") if file.is_file()]
    return "\n".join(pd.read_parquet(file).to_csv() if file.suffix == ".parquet" else file.read_text(errors="replace")
                     for file in files)  # fmt: skip


def test_by_text_or_by_key_rows_go_and_leave_their_place_and_their_key_alone(prepare_rows, tmp_path):
    (tmp_path / "held.csv").write_text(f"text,label\n{KEYED.upper()},good\nanother held text,bad\n")
    lines = [
        "text,label",
        f"{FORGOTTEN},good",
        *plain(),
        f"{KEYED},bad",
        f"{KEYED},good",
        f"{FORGOTTEN},with a third, field",
    ]
    _, rows, checked = prepare_rows(lines, f"please  call ada lovelace BACK\n\n{text_key(KEYED)}\n", "held.csv")
    assert checked.quarantined == {"excluded": 4, "unreadable": 1}
    assert rows.read == checked.read == 66 == checked.kept + 5
    table = pd.read_csv(artifact_store.folder(checked) / "quarantine.csv", dtype=str)
    excluded = table.loc[table["reason"] == "excluded", ["source", "row", "row_key"]]
    assert excluded.values.tolist() == [
        ["rows.csv", "1", text_key(FORGOTTEN)],
        ["rows.csv", "62", text_key(KEYED)],
        ["rows.csv", "63", text_key(KEYED)],
        ["held.csv", "1", text_key(KEYED)],
    ]
    written = words_under(artifact_store.home()).lower()
    assert "about the flight" in written and "another held text" in written
    assert "lovelace" not in written and "555 0199" not in written


def test_fresh_rows_are_watched_without_them(tmp_path):
    (tmp_path / "forget.txt").write_text(FORGOTTEN)
    (tmp_path / "fresh.csv").write_text(f"text\n{FORGOTTEN}\nanother text\n")
    data = DataSettings(path="rows.csv", exclude="forget.txt")
    assert _read_new_rows(data, "classification", "fresh.csv", tmp_path)["text"].tolist() == ["another text"]


def test_without_a_file_nothing_is_left_out(prepare_rows, tmp_path):
    (tmp_path / "rows.csv").write_text("text,label\n" + "\n".join([*plain(), "a,b,c"]) + "\n")
    data = DataSettings(path="rows.csv")
    checked = validate.fn(
        ingest.fn(locate(data, None, tmp_path), data, []), ExpectationSettings(), SuiteInputs(kind="classification")
    )
    assert checked.quarantined == {"unreadable": 1} and checked.kept == 60
    assert "excluded" not in pd.read_parquet(artifact_store.folder(checked) / "rows.parquet")
    assert pd.read_csv(artifact_store.folder(checked) / "quarantine.csv")["text"].tolist() == ["a"]


def test_a_text_takes_every_pair_that_it_is_in(prepare_rows):
    lines = [
        "a,b,label",
        *(f"first {n},second {n},{'yn'[n % 2]}" for n in range(60)),
        f"{FORGOTTEN},x,y",
        f"x,{FORGOTTEN},n",
    ]
    lines += [f"{FORGOTTEN},,y", "third,fourth,n"]
    sources, _, checked = prepare_rows(lines, f"{FORGOTTEN}\n{text_key('third', 'fourth')}\n", text="a", text_pair="b")
    assert checked.quarantined == {"excluded": 4} and checked.kept == 60
    assert "lovelace" not in words_under(artifact_store.home()).lower()
    pair_keys = {text_key(FORGOTTEN, "x"), text_key("x", FORGOTTEN), text_key("third", "fourth")}
    assert erased_keys(sources, [checked]) == pair_keys | {
        text_key(FORGOTTEN),
        FORGOTTEN,
        text_key(text_key("third", "fourth")),
    }


@pytest.mark.parametrize(
    ("content", "line"),
    [(None, r"^data\.exclude: no such file: forget\.txt;"), (b" \n\n", r"forget\.txt: the file is empty; a line"),
     (b"a\0b", r"forget\.txt, line 1: binary data"), ("né\n".encode() * 3 + b"n\xe9\n", r"forget\.txt: not valid UTF-8")],
)  # fmt: skip
def test_a_file_that_says_nothing_stops_the_night_with_one_line(tmp_path, content, line):
    (tmp_path / "rows.csv").write_text("text,label\na,b\n")
    if content is not None:
        (tmp_path / "forget.txt").write_bytes(content)
    data = DataSettings(path="rows.csv", exclude="forget.txt")
    with pytest.raises(InputError, match=line) as caught:
        ingest.fn(locate(data, None, tmp_path), data, [])
    assert "\n" not in str(caught.value)


def log_trained_keys(model, run, *texts):
    """Log the keys of a run's training rows, as a run does."""
    keys = pd.DataFrame({"row_key": [text_key(text) for text in texts], "part": False})
    keys.to_parquet(model.files / artifact_store.TRAINED_KEYS)
    model.client.log_artifact(run, str(model.files / artifact_store.TRAINED_KEYS), "full")


def test_the_versions_that_were_trained_on_them_are_named_the_champion_first(home):
    model = Model(home, "x")
    runs = [model.pipeline_run(days) for days in (4, 3, 2, 1)]
    for run, texts in zip(runs, [(FORGOTTEN, "a"), ("a", "b"), (FORGOTTEN,), None], strict=True):
        if texts:
            log_trained_keys(model, run, *texts)
        model.version(run)
    model.client.set_registered_model_alias("x", "champion", "1")
    assert versions_with_erased_rows("x", {text_key(FORGOTTEN)}) == ["1", "4", "3"], "of version 4 nobody can tell"
    assert versions_with_erased_rows("x", {text_key("b"), "no key"}) == ["4", "2"]
    assert versions_with_erased_rows("x", set()) == []
    assert versions_with_erased_rows("y", {text_key(FORGOTTEN)}) == []


def test_a_pair_is_found_by_either_of_its_texts(home, tmp_path, monkeypatch):
    rows = pd.DataFrame({"text": ["one", "two"], "text_pair": ["other", FORGOTTEN]})
    rows["row_key"] = [text_key(*texts) for texts in rows.itertuples(index=False)]
    for name, frame in {"train": rows[1:], "unlabelled": rows[:1]}.items():
        frame.to_parquet(tmp_path / f"{name}.parquet")
    monkeypatch.setattr(train, "train_file", lambda objective: tmp_path / "train.parquet")
    model = Model(home, "x")
    run = model.pipeline_run(1)
    train.trained_keys([None], None).to_parquet(model.files / artifact_store.TRAINED_KEYS)
    model.client.log_artifact(run, str(model.files / artifact_store.TRAINED_KEYS), "full")
    model.version(run)
    assert model_registry.kept_keys(run) == set(rows["row_key"]), "rows are judged by whole pairs"
    for text in (FORGOTTEN, "one", "other"):
        assert versions_with_erased_rows("x", {text_key(text)}) == ["1"]
    assert versions_with_erased_rows("x", {text_key("nobody's")}) == []


@pytest.mark.parametrize(("text", "warm"), [(FORGOTTEN, False), ("nobody's", True)])
def test_no_training_goes_on_from_weights_that_know_them(home, caplog, text, warm):
    model = Model(home, "x")
    run = model.pipeline_run(1)
    log_trained_keys(model, run, text)
    model.client.log_text(run, json.dumps({}), "full/config.json")
    model.version(run, "champion")
    model.client.set_model_version_tag("x", "1", "nightshift.base_model", "base")
    checkpoint = champion_checkpoint("x", RegistryState(champion="1", anchor="1"), [], "base", {text_key(FORGOTTEN)})
    assert (checkpoint is not None) == warm
    assert ("must be forgotten" in caplog.text) != warm
    assert tracking.connect().get_model_version("x", "1").run_id == run

"""The artifact store: whole or not there, also where two processes make the same artifact or one is killed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from nightshift.store import artifact_store


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path))
    return tmp_path


def make(content, again=False):
    with artifact_store.new_artifact("stage/key", again) as folder:
        (folder / "file").write_text(content)
        assert artifact_store.artifact_key(folder) == "key"


def assert_whole(content):
    (artifact_store.root() / "stage/key" / artifact_store.MARKER).write_text("{}")
    assert (artifact_store.root() / "stage/key/file").read_text() == content
    assert [path.name for path in (artifact_store.root() / "stage").iterdir()] == ["key"]


def test_whole_or_not_there():
    with pytest.raises(RuntimeError), artifact_store.new_artifact("stage/key") as folder:
        (folder / "file").write_text("half")
        raise RuntimeError
    assert not list((artifact_store.root() / "stage").iterdir())
    make("whole")
    assert_whole("whole")


def test_the_first_of_two_that_make_the_same_stays(monkeypatch):
    with artifact_store.new_artifact("stage/key") as folder:
        (folder / "file").write_text("second")
        with monkeypatch.context() as patched:
            patched.setattr(os, "getpid", lambda: 1)
            make("first")
        (artifact_store.root() / "stage/key" / artifact_store.MARKER).write_text("{}")
    assert_whole("first")


def test_made_again_it_is_replaced_and_so_is_one_without_its_marker():
    make("first")
    assert_whole("first")
    make("second", again=True)
    assert not (artifact_store.root() / "stage/key" / artifact_store.MARKER).exists()
    make("third")
    assert_whole("third")


def test_what_a_killed_process_left_is_swept_and_what_a_living_one_writes_is_not():
    code = "import os; from pathlib import Path; from nightshift.store import artifact_store as store\n"
    code += (
        "with store.new_artifact('stage/key') as folder: (folder / 'file').write_text('half'); os.kill(os.getpid(), 9)"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(Path.cwd())}).returncode == -9
    )
    page = artifact_store.home() / "reports/tiny/night.html"
    page.parent.mkdir(parents=True)
    artifact_store.partial_path(page).write_text("being written")
    partial = list((artifact_store.root() / "stage").iterdir())
    assert len(partial) == 1 and partial[0].name.endswith(".partial")
    with artifact_store.new_artifact("stage/other") as folder:
        artifact_store.remove_partial()
        assert folder.is_dir() and not partial[0].exists() and artifact_store.partial_path(page).exists()


STAGES = """
from pathlib import Path

from cli import environment

environment.prepare()
from prefect import flow

from nightshift.records import Artifact
from nightshift.store.stages import stage

calls = []


@stage
def inner(folder: Path, number: int) -> Artifact:
    calls.append(number)
    (folder / "data").write_bytes(b"whole")
    (folder / "measured").mkdir()
    (folder / "measured/time").write_text("1")
    return Artifact()


@stage
def outer(folder: Path, fails: bool) -> Artifact:
    assert inner(1) == inner(1)
    if fails:
        raise RuntimeError
    return Artifact()


@flow
def night(fails: bool) -> None:
    outer(fails)


if __name__ == "__main__":
    for fails in (True, False):
        night(fails, return_state=True)
    print(calls)
"""
DAMAGED = """
import json
import logging
import sys

from stages import calls, night, outer

from nightshift.store import artifact_store as store
from nightshift.store.record_checks import set_aside_damaged
from nightshift.store.stages import artifact_path

logging.getLogger("nightshift").addHandler(logging.StreamHandler())
marker = sys.argv[1]
(record,) = store.root().glob("inner/*/record.json")
file, path, good = record.parent / "data", f"inner/{record.parent.name}", record.read_text()


def try_damage(damage):
    calls.clear()
    damage()
    set_aside_damaged(path)
    print(record.exists(), end=" ")
    if not record.exists():
        (store.root() / (path + ".damaged")).rename(record.parent)
    file.write_bytes(b"whole")
    (file.parent / "measured/time").write_text("1")
    record.write_text(good)


def write_record(**changes):
    content = json.loads(good)
    content["metadata"]["serializer"] |= changes.pop("serializer", {})
    record.write_text(json.dumps(content | changes))


pickled = f"c__builtin__\\nexec\\n(Vopen({marker!r}, 'w')\\ntR."
call = json.dumps({"__class__": "builtins.open", "data": [marker, "w"]})
data = json.loads(json.loads(good)["result"])["data"]
for damage in (
    lambda: None,
    lambda: file.write_bytes(b"whol"),
    lambda: file.write_bytes(b"Whole"),
    lambda: file.unlink(),
    lambda: (file.parent / "measured/time").write_text("2"),
    lambda: record.write_text(good[:40]),
    lambda: record.write_text(""),
    lambda: write_record(serializer={"type": "pickle"}, result=pickled),
    lambda: write_record(serializer={"jsonlib": "pickle"}),
    lambda: write_record(serializer={"object_decoder": "builtins.exec"}),
    lambda: write_record(result=call),
    lambda: write_record(
        result=json.dumps({"__class__": "nightshift.records.Artifact", "data": data | {"x": json.loads(call)}})
    ),
    lambda: write_record(result=json.dumps({"__exc_type__": "SystemExit", "message": "x", "data": data})),
):
    try_damage(damage)
file.write_bytes(b"whol")
(next(store.root().glob("outer/*")) / "record.json").unlink()
calls.clear()
night(False)
print(calls, file.read_bytes())
"""


def test_what_is_done_within_a_stage_stays_and_what_is_damaged_is_made_anew(home, prefect_api):
    (home / "stages.py").write_text(STAGES)
    (home / "damaged.py").write_text(DAMAGED)
    env = os.environ | {"PREFECT_API_URL": prefect_api, "PYTHONPATH": f"{Path(__file__).parents[1]}:{home}"}

    def run(*command):
        completed = subprocess.run([sys.executable, *command], cwd=home, capture_output=True, text=True, env=env)
        assert completed.returncode == 0, completed.stderr[-3000:]
        return completed

    assert run("stages.py").stdout.splitlines()[-1] == "[1]"
    assert len(list(artifact_store.root().glob(f"*/*/{artifact_store.MARKER}"))) == 2
    failed = [path.read_text() for path in artifact_store.root().iterdir() if path.is_file()]
    assert failed and all(json.loads(text) and "pickle" not in text for text in failed)

    marker = home / "a record's code has run"
    completed = run("damaged.py", str(marker))
    assert completed.stdout.split("[")[0].split() == ["True"] + ["False"] * 12
    assert completed.stdout.endswith("[1] b'whole'\n") and not marker.exists()
    line = [line for line in completed.stderr.splitlines() if "is damaged: its files" in line][-1]
    assert line.endswith(".damaged and is made anew")
    assert next(artifact_store.root().glob("inner/*.damaged/data")).read_bytes() == b"whol"


def test_a_table_keeps_a_bare_carriage_return_and_quotes(tmp_path):
    table = pd.DataFrame({"reason": ["leak", "empty"], "text": ['a "tent"\rof wool', None], "row": [1, 2]})
    artifact_store.write_csv(table, tmp_path / "x.csv")
    read = pd.read_csv(tmp_path / "x.csv", dtype=str, keep_default_na=False)
    assert read.values.tolist() == [["leak", 'a "tent"\rof wool', "1"], ["empty", "", "2"]]


def test_a_copied_checkpoint_shares_its_weights_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path))
    (tmp_path / "model").mkdir()
    for name in ("model.safetensors", "config.json"):
        (tmp_path / "model" / name).write_text(name)
    artifact_store.copy_checkpoint(tmp_path / "model", tmp_path / "copy")
    shared = {file.name: file.samefile(tmp_path / "model" / file.name) for file in (tmp_path / "copy").iterdir()}
    assert shared == {"model.safetensors": True, "config.json": False}


def test_where_no_link_is_possible_a_file_is_copied_and_a_copy_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path))
    (tmp_path / "a").write_text("a")

    def refuse(*_args):
        raise OSError("Invalid cross-device link")

    monkeypatch.setattr(artifact_store.os, "link", refuse)
    artifact_store.link(tmp_path / "a", tmp_path / "b")
    artifact_store.link(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_text() == "a" and not (tmp_path / "b").samefile(tmp_path / "a")

"""The artifact store: whole or not there, also where two processes make the same artifact or one is killed."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tasks import store


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path))
    return tmp_path


def make(content, again=False):
    with store.writing("stage/key", again) as folder:
        (folder / "file").write_text(content)
        assert store.key(folder) == "key"


def whole(content):
    (store.root() / "stage/key" / store.MARKER).write_text("{}")
    assert (store.root() / "stage/key/file").read_text() == content
    assert [path.name for path in (store.root() / "stage").iterdir()] == ["key"]


def test_whole_or_not_there():
    with pytest.raises(RuntimeError), store.writing("stage/key") as folder:
        (folder / "file").write_text("half")
        raise RuntimeError
    assert not list((store.root() / "stage").iterdir())
    make("whole")
    whole("whole")


def test_the_first_of_two_that_make_the_same_stays(monkeypatch):
    with store.writing("stage/key") as folder:
        (folder / "file").write_text("second")
        with monkeypatch.context() as other:
            other.setattr(os, "getpid", lambda: 1)
            make("first")
        (store.root() / "stage/key" / store.MARKER).write_text("{}")
    whole("first")


def test_made_again_it_is_replaced_and_so_is_one_without_its_marker():
    make("first")
    whole("first")
    make("second", again=True)
    assert not (store.root() / "stage/key" / store.MARKER).exists()
    make("third")
    whole("third")


def test_what_a_killed_process_left_is_swept_and_what_a_living_one_writes_is_not():
    code = "import os; from pathlib import Path; from tasks import store\n"
    code += "with store.writing('stage/key') as folder: (folder / 'file').write_text('half'); os.kill(os.getpid(), 9)"
    assert (
        subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(Path.cwd())}).returncode == -9
    )
    page = store.home() / "reports/tiny/night.html"
    page.parent.mkdir(parents=True)
    store.beside(page).write_text("being written")
    left = list((store.root() / "stage").iterdir())
    assert len(left) == 1 and left[0].name.endswith(".partial")
    with store.writing("stage/other") as folder:
        store.sweep()
        assert folder.is_dir() and not left[0].exists() and store.beside(page).exists()


STAGES = """
from pathlib import Path

from flows import environment

environment.prepare()
from prefect import flow

from tasks.records import Artifact
from tasks.stage import stage

calls = []


@stage
def inner(folder: Path, number: int) -> Artifact:
    calls.append(number)
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


for fails in (True, False):
    night(fails, return_state=True)
print(calls)
"""


def test_what_is_done_within_a_stage_stays_where_that_stage_fails(home, prefect_api):
    (home / "stages.py").write_text(STAGES)
    done = subprocess.run(
        [sys.executable, "stages.py"], cwd=home, stdout=subprocess.PIPE, text=True, check=True,
        env=os.environ | {"PREFECT_API_URL": prefect_api, "PYTHONPATH": str(Path(__file__).parents[1])},
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[1]"
    assert len(list(store.root().glob(f"*/*/{store.MARKER}"))) == 2


def test_a_table_keeps_a_bare_carriage_return_and_quotes(tmp_path):
    table = pd.DataFrame({"reason": ["leak", "empty"], "text": ['a "tent"\rof wool', None], "row": [1, 2]})
    store.write_csv(table, tmp_path / "x.csv")
    read = pd.read_csv(tmp_path / "x.csv", dtype=str, keep_default_na=False)
    assert read.values.tolist() == [["leak", 'a "tent"\rof wool', "1"], ["empty", "", "2"]]

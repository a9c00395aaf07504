"""A night's run in MLflow, on a real SQLite store: taken up again where it did not finish, apart from other people's."""

import sqlite3
from contextlib import closing

import pytest
from commands import CONTEXT, IMPORT_PATH, start_forked
from connecting import connect_together
from nights import Model

from nightshift.errors import UserError
from nightshift.registry import locks, model_registry, tags, tracking
from nightshift.store import processes


@pytest.fixture
def model(home):
    return Model(home, "x")


@pytest.mark.parametrize("status", ["RUNNING", "FAILED", "KILLED"])
def test_a_night_that_did_not_finish_goes_on_in_its_run(model, status):
    model.pipeline_run(9)
    run_id = model.pipeline_run(1, status)
    assert tracking.start_run("x", "f", "x-today") == run_id
    run = model.client.get_run(run_id)
    assert (run.info.status, run.info.run_name) == ("RUNNING", "x-today")
    tracking.end_run(run_id, "held", "not better")
    assert tracking.start_run("x", "f", "x-tomorrow") != run_id


def test_a_night_that_finished_is_not_touched(model):
    failed, finished = model.pipeline_run(2, "FAILED"), model.pipeline_run(1)
    assert tracking.start_run("x", "f", "x-today") not in (failed, finished)
    assert tracking.start_run("x", "g", "x-today") not in (failed, finished)


def test_what_killed_nights_left_is_ended_and_nothing_else(model):
    candidate = model.run(1, "RUNNING", **{"mlflow.parentRunId": "x", "nightshift.why": "small"})
    foreign, killed, current = (
        model.run(1, "RUNNING"),
        model.pipeline_run(1, "RUNNING"),
        model.pipeline_run(0.5, "RUNNING"),
    )
    tracking.end_killed("x", "f")
    statuses = {run: model.client.get_run(run).info.status for run in (candidate, foreign, killed, current)}
    assert list(statuses.values()) == ["KILLED", "RUNNING", "KILLED", "RUNNING"]


def test_without_a_lock_between_machines_the_night_of_another_machine_is_left_alone(model, monkeypatch):
    theirs = model.pipeline_run(1, "RUNNING")
    model.client.set_tag(theirs, tags.PROCESS, "another-machine/1/2.5")
    tracking.end_killed("x", "g")
    assert model.client.get_run(theirs).info.status == "RUNNING"
    assert (ours := tracking.start_run("x", "f", "x-today")) != theirs, "it is not gone on with"
    assert model.client.get_run(ours).data.tags[tags.PROCESS] == processes.address()
    monkeypatch.setattr(locks, "is_shared", lambda: True)
    tracking.end_killed("x", None)
    assert model.client.get_run(theirs).info.status == "KILLED", "this machine holds the lock, so nobody works on it"


def test_processes_that_start_together_create_one_database(tmp_path):
    barrier = CONTEXT.Barrier(3)
    processes = [start_forked(connect_together, tmp_path, barrier, IMPORT_PATH) for _ in range(3)]
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0, 0]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://ada:secret@mlflow.example.com:5000/x", "https://mlflow.example.com:5000/x"),
        ("postgresql://ada:s%40cret@db/mlflow", "postgresql://db/mlflow"),
        ("sqlite:////home/ada@work/mlflow.db", "sqlite:////home/ada@work/mlflow.db"),
    ],
)
def test_an_address_is_told_without_its_password(address, expected):
    assert tracking.without_credentials(address) == expected


def emptied(file):
    file.write_bytes(b"")


def without_tables(file):
    file.unlink()
    with closing(sqlite3.connect(file)) as database:
        database.execute("CREATE TABLE x (y)")


def no_database(file):
    file.write_bytes(b"x" * 4096)


def torn(file):
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2 // 4096 * 4096])


def of_another_mlflow(file):
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '0584bdc529eb'")


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (
            emptied,
            r"is empty, so no model's history can be read: put a backup in its place, or, to begin anew, `rm .+`$",
        ),
        (without_tables, r"is empty, so no model's history can be read: "),
        (no_database, r"is damaged \(file is not a database\): put a backup in its place, .+`sqlite3 .+ .recover"),
        (torn, r"is damaged \(.+\): put a backup in its place, "),
        (
            of_another_mlflow,
            r"is of another version of MLflow: take a backup of it, then `.+/mlflow db upgrade sqlite:///.+`$",
        ),
    ],
)
def test_a_database_that_cannot_be_used_is_a_line_with_the_command(home, monkeypatch, damage, line):
    monkeypatch.setattr(tracking, "BEING_MADE", 0)
    damage(home / "mlflow/mlflow.db")
    for check in (tracking.ensure_usable, tracking._ensure_tables):
        check.cache_clear()
    with pytest.raises(UserError, match=rf"^the MLflow database .*mlflow.db {line}") as caught:
        model_registry.version_of("x", model_registry.CHAMPION)
    assert "\n" not in str(caught.value)

"""A full or read-only disk: one line, and room in which to enter how the run ended."""

import asyncio
import errno
import json
import logging
import os
import shutil
import sqlite3
import time
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace

import mlflow
import psutil
import pytest
import train_once
from conftest import Shell
from prefect.logging import handlers
from small_disk import small_disk

from cli import environment
from nightshift.errors import DamagedVersionError, NightshiftError, UserError
from nightshift.store import disk
from nightshift.training import compilation
from tasks.compress import students
from tasks.compress.settings import StepSettings

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def disk_state(tmp_path, monkeypatch):
    """Free bytes that the disk of a NIGHTSHIFT_HOME reports; tests set them."""
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path))
    monkeypatch.setattr(disk, "PAUSE", 0)
    monkeypatch.setattr(disk, "PATIENCE", 0)
    state = {"free": 10 * disk.RESERVE}
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda path: Usage(0, 0, state["free"]))
    return state


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "the disk is full: 160 MB"),
        (sqlite3.OperationalError("database or disk is full"), "the disk is full"),
        (RuntimeError("I/O error: No space left on device (os error 28)"), "the disk is full"),
        (OSError(errno.EROFS, os.strerror(errno.EROFS)), "read-only"),
        (sqlite3.OperationalError("attempt to write a readonly database"), "read-only"),
    ],
)
def test_an_error_of_the_disk_is_one_line_and_releases_the_reserve(disk_state, error, words):
    disk.keep_reserve()
    assert disk.reserve_file().stat().st_size == disk.RESERVE
    with pytest.raises(disk.DiskFullError, match=words) as raised, disk.explained():
        try:
            raise error
        except Exception as cause:
            raise ValueError("what a library makes of it") from cause
    assert "\n" not in str(raised.value) and not disk.reserve_file().exists()


def test_other_errors_stay_as_they_are(disk_state):
    disk.keep_reserve()
    for error in (ValueError("no"), NightshiftError("no")):
        with pytest.raises(type(error), match="no"), disk.explained():
            raise error
    assert disk.reserve_file().exists()


def test_a_run_ends_before_the_databases_can_write_nothing(disk_state):
    disk.keep_reserve()
    disk_state["free"] = disk.LOW - 1
    with pytest.raises(disk.DiskFullError), disk.explained():
        disk.ensure_room()
    assert not disk.reserve_file().exists()
    for error in (ValueError("server error 500"), NightshiftError("MLflow's artifact store does not hold it")):
        assert type(error).__name__ in str(disk.explanation(error)), "any error on a full disk says so"
    assert not disk.explanation(UserError("gate.alpha: expected a number")), "but for those that the user has made"


def test_what_the_reserve_has_given_is_no_room_to_go_on(disk_state):
    disk.keep_reserve()
    disk.release_reserve()
    disk_state["free"] = disk.LOW + disk.RESERVE - 1
    with pytest.raises(disk.DiskFullError):
        disk.ensure_room()
    assert disk.explanation(ValueError("server error 500"))


def test_a_version_that_cannot_be_downloaded_to_a_full_disk_is_not_called_damaged(disk_state):
    disk.keep_reserve()
    with pytest.raises(disk.DiskFullError, match="the disk is full"), disk.explained():
        try:
            raise OSError("artifacts:\n## model.onnx\n[Errno 28] No space left on device")
        except OSError as cause:
            raise DamagedVersionError("version 1 of tiny cannot be downloaded: artifacts:") from cause


def test_no_run_begins_on_a_full_or_read_only_disk(disk_state, monkeypatch):
    disk_state["free"] = disk.LOW + disk.RESERVE - 1
    with pytest.raises(disk.DiskFullError, match="nightshift clean"):
        disk.keep_reserve()
    assert not disk.reserve_file().exists()
    monkeypatch.setattr(disk.os, "access", lambda path, mode: False)
    with pytest.raises(UserError, match="cannot be written"):
        disk.keep_reserve()


def test_a_student_stops_at_the_step_at_which_the_disk_is_full(disk_state, tmp_path, monkeypatch):
    model, tokenizer, heads, rows = train_once.prepared("bert", ("judged",))
    settings = StepSettings(
        max_length=32, per_device_train_batch_size=8, precision="float32", seed=1,
        epochs=3, learning_rate=1e-3, temperature=2.0, alpha=0.5,
    )  # fmt: skip
    context = SimpleNamespace(settings=settings, teacher=lambda: None, tokenizer=tokenizer, heads=heads, rows=rows)
    steps = []

    def fill(self, args, state, *_, **kwargs):
        steps.append(state.global_step)
        disk_state["free"] = disk.LOW - 1 if state.global_step == 4 else disk_state["free"]

    monkeypatch.setattr(students.ProgressCallback, "on_step_end", fill)
    with pytest.raises(disk.DiskFullError):
        students._train_student(model, context, students.Step("distil"), tmp_path / "work", "")
    assert steps[-1] in (4, 5)


def test_a_decision_that_a_full_disk_has_cut_is_made_anew(tmp_path, monkeypatch):
    def fail_to_write(path, text):
        path.touch()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched, pytest.raises(OSError, match="No space"):
        patched.setattr(Path, "write_text", fail_to_write)
        compilation.cached_decision(tmp_path / "train.compile.json", lambda: True)
    assert compilation.cached_decision(tmp_path / "train.compile.json", lambda: True)


@pytest.mark.slow
def test_a_training_of_several_processes_ends_with_all_of_them_when_the_disk_is_full(tmp_path):
    def check():
        if any(tmp_path.glob("checkpoint-*")):
            raise disk.DiskFullError("full")

    children_before = set(psutil.Process().children(recursive=True))
    with pytest.raises(disk.DiskFullError):
        train_once.train_with_accelerate(tmp_path, 2, check=check)
    assert set(psutil.Process().children(recursive=True)) <= children_before


@pytest.mark.parametrize(("free", "printed"), [(disk.LOW - 1, False), (10 * disk.RESERVE, True)])
def test_lines_of_the_log_that_a_full_disk_keeps_from_prefect_are_lost_in_silence(
    disk_state, monkeypatch, capsys, free, printed
):
    class Client:
        async def create_logs(self, logs):
            raise RuntimeError("500 Internal Server Error")

        async def __aenter__(self):
            return self

        async def __aexit__(self, *error):
            pass

    async def send():
        worker = object.__new__(handlers.APILogWorker)
        async with worker._lifespan():
            await worker._handle_batch([{}])

    disk.keep_reserve()
    monkeypatch.setattr(handlers, "get_client", Client)
    monkeypatch.setattr(handlers.APILogWorker, "_lifespan", handlers.APILogWorker._lifespan)
    environment.hide_full_disk_logs()
    disk_state["free"] = free
    asyncio.run(send())
    assert ("500 Internal Server Error" in capsys.readouterr().err) is printed


def test_mlflows_traceback_of_a_full_database_is_left_out_and_no_other(monkeypatch):
    monkeypatch.setattr(handlers.APILogWorker, "_lifespan", handlers.APILogWorker._lifespan)
    environment.hide_full_disk_logs()
    logger = logging.getLogger("mlflow.store.db.utils")
    for words, passes in (("database or disk is full", False), ("database is locked", True)):
        error = sqlite3.OperationalError(words)
        record = logger.makeRecord(logger.name, logging.ERROR, "", 0, "SQLAlchemy error\n%s", (error,), None)
        assert bool(logger.filter(record)) is passes


@pytest.fixture
def small(project):
    """A small disk that NIGHTSHIFT_HOME lies on, and the command line."""
    with small_disk(project / "home") as mounted:
        shell = Shell(project)
        shell.prefix = mounted.prefix
        shell.env["NIGHTSHIFT_HOME"] = str(mounted.path)
        yield mounted, shell


@pytest.mark.slow
def test_nights_on_a_disk_that_is_really_full_end_with_one_line_and_the_next_one_promotes(small):
    mounted, shell = small

    def assert_failed(process=None):
        """Wait for the night; check that it fails with one line and leaves no half file under its final name."""
        code = (process or shell.start("run", "night.yaml")).wait(timeout=600)
        err = (shell.folder / "err").read_text()
        assert code == 1 and err.splitlines()[-1].startswith("the disk is full: "), err[-3000:]
        assert err.count("disk is full") == 1 and "Traceback" not in err and "Error logging" not in err, err[-3000:]
        assert not (shell.folder / "out").read_text() and not (mounted.host_path / "reserve").exists()
        assert not [*mounted.host_path.glob("artifacts/*/*.partial")]
        for record in mounted.host_path.glob("artifacts/*/*/record.json"):
            json.loads(record.read_text())

    mounted.fill()
    assert_failed()
    mounted.free()
    for stage in ("train", "make_student"):
        process = shell.start("run", "night.yaml")
        while process.poll() is None and not any(mounted.host_path.glob(f"work/tiny/{stage}-*/*")):
            time.sleep(0.02)
        mounted.fill()
        assert_failed(process)
        copy = shutil.copy(
            mounted.host_path / "mlflow/mlflow.db", shell.folder / f"{stage}.db"
        )  # SQLite follows /proc/PID/root
        client = mlflow.MlflowClient(f"sqlite:///{copy}")
        (run,) = client.search_runs([client.get_experiment_by_name("tiny").experiment_id])
        assert run.info.status == "FAILED" and "the disk is full" in run.data.tags["nightshift.reason"]
        mounted.free()
    assert shell.json("run", "night.yaml")["status"] == "promoted"


def test_records_that_a_full_disk_has_cut_are_removed_and_whole_and_new_ones_stay(tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path))
    records = {name: tmp_path / f"artifacts/train/{name}/record.json" for name in ("whole", "cut", "new")}
    for name, record in records.items():
        record.parent.mkdir(parents=True)
        record.write_text('{"a": 1}' if name == "whole" else '{"a"')
        if name != "new":
            os.utime(record, (0, 0))
    monkeypatch.setattr(disk, "make_room", lambda: None)
    with pytest.raises(disk.DiskFullError), disk.explained():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert {name for name, record in records.items() if record.exists()} == {"whole", "new"}

"""Files under NIGHTSHIFT_HOME are their owner's alone; tests/test_night.py looks at the files of a whole night."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
import typer

from cli import environment, main
from nightshift.store import artifact_store, permissions, processes

SECRET = "s3cr3t-w0rd"


@pytest.fixture
def home(monkeypatch):
    """A NIGHTSHIFT_HOME, not there yet, in a folder that everybody can enter."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(folder / "home"))
    monkeypatch.setattr(permissions, "_users_umask", None)
    old_umask = os.umask(0o022)
    yield folder / "home"
    os.umask(old_umask)
    shutil.rmtree(folder)


def mode(path):
    return path.stat().st_mode & 0o777


def test_a_new_home_is_private_and_so_is_what_is_written(home, caplog):
    permissions.keep_private()
    (home / "rows.csv").write_text("a row")
    assert (mode(home), mode(home / "rows.csv"), caplog.messages) == (0o700, 0o600, [])
    permissions.keep_private()
    with permissions.users_umask():
        (home / "named.csv").write_text("a row")
    assert mode(home / "named.csv") == 0o644
    with artifact_store.temporary_directory() as folder:
        assert folder.is_relative_to(home)


def test_a_home_that_others_can_read_is_narrowed(home, caplog):
    home.mkdir(mode=0o755)
    permissions.keep_private()
    assert mode(home) == 0o700 and "now only its owner can" in caplog.text


def test_a_folder_that_is_everybodys_is_left_alone(home, caplog):
    home.mkdir()
    home.chmod(0o1777)
    permissions.keep_private()
    assert mode(home) == 0o777 and "name a folder of your own" in caplog.text


@pytest.mark.skipif(os.getuid() != 0, reason="takes root's right to run a command as another user")
def test_another_user_cannot_read_a_row(home):
    permissions.keep_private()
    (home / "rows.csv").write_text("a row")
    (home / "rows.csv").chmod(0o644)
    completed = subprocess.run(
        ["cat", home / "rows.csv"], user=65534, group=65534, extra_groups=[], capture_output=True
    )
    assert completed.returncode and b"Permission denied" in completed.stderr and not completed.stdout


def test_the_traceback_of_an_error_lies_in_the_home(home, monkeypatch, capsys):
    monkeypatch.setattr(environment, "prepare", permissions.keep_private)
    with pytest.raises(typer.Exit), main._reported_errors():
        raise RuntimeError(f"no answer from https://ada:{SECRET}@host.test")
    (file,) = (home / "logs").glob("error-*.log")
    stderr = capsys.readouterr().err
    assert stderr == f"RuntimeError: no answer from https://***@host.test (traceback in {file})\n"
    assert "Traceback" in file.read_text() and SECRET not in file.read_text() and mode(file) == 0o600


def test_a_home_that_cannot_be_written_is_said(home, monkeypatch, capsys):
    monkeypatch.setattr(environment, "prepare", permissions.keep_private)
    with pytest.raises(typer.Exit), main._reported_errors():
        (home / "logs").write_text("in the way")
        raise RuntimeError("no answer")
    assert "RuntimeError: no answer (no traceback: " in capsys.readouterr().err


def test_a_user_without_a_name_is_a_number(monkeypatch):
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    assert processes.user_name() == "user 54321"

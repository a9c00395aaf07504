"""A full or read-only disk: one line, and room in which to enter how the run ended."""

import errno
import os
import sqlite3
from collections import namedtuple

import pytest

from tasks import disk
from tasks.errors import NightshiftError, UserError

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def left(tmp_path, monkeypatch):
    """What is free on the disk of a NIGHTSHIFT_HOME, in bytes: set it; the reserve counts once it is released."""
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
def test_an_error_of_the_disk_is_one_line_and_releases_the_reserve(left, error, words):
    disk.keep_reserve()
    assert disk.reserve_file().stat().st_size == disk.RESERVE
    with pytest.raises(disk.DiskFullError, match=words) as raised, disk.explained():
        try:
            raise error
        except Exception as cause:
            raise ValueError("what a library makes of it") from cause
    assert "\n" not in str(raised.value) and not disk.reserve_file().exists()


def test_other_errors_stay_as_they_are(left):
    disk.keep_reserve()
    for error in (ValueError("no"), NightshiftError("no")):
        with pytest.raises(type(error), match="no"), disk.explained():
            raise error
    assert disk.reserve_file().exists()


def test_a_run_ends_before_the_databases_can_write_nothing(left):
    disk.keep_reserve()
    left["free"] = disk.LOW - 1
    with pytest.raises(disk.DiskFullError), disk.explained():
        disk.ensure_room()
    assert not disk.reserve_file().exists()
    assert "ValueError" in disk.explanation(ValueError("server error 500")), "any error on a full disk says so"


def test_no_run_begins_on_a_full_or_read_only_disk(left, monkeypatch):
    left["free"] = disk.LOW + disk.RESERVE - 1
    with pytest.raises(disk.DiskFullError, match="nightshift clean"):
        disk.keep_reserve()
    assert not disk.reserve_file().exists()
    monkeypatch.setattr(disk.os, "access", lambda path, mode: False)
    with pytest.raises(UserError, match="cannot be written"):
        disk.keep_reserve()

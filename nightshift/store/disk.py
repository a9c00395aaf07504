"""Free space on the disk of NIGHTSHIFT_HOME: a reserve for the end of a run, and clear errors for a full or read-only disk.

SQLite cannot write on a full disk, so neither Prefect nor MLflow could record that a run has failed. Each run therefore
keeps a file of `RESERVE` bytes and removes it when it ends because the disk is full, which gives the databases enough
space. The supervisor of `nightshift up` removes it too, a few seconds later, for other processes that write there.
"""

import errno
import logging
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nightshift.errors import NightshiftError, UserError
from nightshift.store import artifact_store

log = logging.getLogger("nightshift.disk")
MB = 1_000_000
LOW = 16 * MB
"""Bytes; a run ends if less is free."""
RESERVE = 16 * MB
ENOUGH = 4 * MB
"""Bytes that the databases need to record how a run ended."""
PAUSE, PATIENCE = 2.0, 60.0
"""Seconds to wait before the reserve is released, so that the process that fills the disk does not take it too, and until
`ENOUGH` is free."""
SURELY_FULL = re.compile("No space left on device|Disk quota exceeded|database or disk is full|os error (28|122)")
FULL = re.compile(f"{SURELY_FULL.pattern}|disk I/O error")
READ_ONLY = re.compile("Read-only file system|readonly database|os error 30")
"""Messages of the operating system, SQLite and libraries written in Rust; the last two raise error types of their own."""


class DiskFullError(NightshiftError):
    """The disk of NIGHTSHIFT_HOME is full or read-only."""


def reserve_file() -> Path:
    """Return the path of the file that holds the reserve."""
    return artifact_store.home() / "reserve"


def free_bytes() -> int:
    """Return the free bytes on the disk of NIGHTSHIFT_HOME for this user."""
    return shutil.disk_usage(artifact_store.home()).free


def keep_reserve() -> None:
    """Create the reserve before a run.

    Raises:
        DiskFullError: The disk has no room for it.
        UserError: NIGHTSHIFT_HOME cannot be written.
    """
    path = reserve_file()
    if not os.access(artifact_store.home(), os.W_OK):
        raise UserError(
            f"NIGHTSHIFT_HOME: {artifact_store.home()} cannot be written: {os.strerror(errno.EROFS)}, or not yours"
        )
    try:
        if not path.exists() or path.stat().st_size < RESERVE:
            if free_bytes() < RESERVE + LOW:
                raise DiskFullError(_full())
            path.write_bytes(bytes(RESERVE))
    except OSError as error:
        release_reserve()
        raise DiskFullError(_full()) from error
    ensure_room()


def release_reserve() -> None:
    """Give the reserve back to the disk."""
    with suppress(OSError):
        reserve_file().unlink(missing_ok=True)


def is_low() -> bool:
    """Return True if so little is free that databases may fail; False if free space cannot be read."""
    with suppress(OSError):
        return free_bytes() < LOW
    return False


def is_short() -> bool:
    """Return True if little is free besides the reserve, even if that was released; False if free space cannot be read."""
    with suppress(OSError):
        return free_bytes() - (0 if reserve_file().exists() else RESERVE) < LOW
    return False


def ensure_room() -> None:
    """Raise DiskFullError if less than `LOW` is free besides the reserve; a released reserve is for the end of a run."""
    if is_short():
        raise DiskFullError(_full())


def make_room() -> None:
    """Release the reserve, and wait until databases can write again, at most `PATIENCE` seconds."""
    if reserve_file().exists():
        time.sleep(PAUSE)
        release_reserve()
    deadline = time.monotonic() + PATIENCE
    with suppress(OSError):
        while free_bytes() < ENOUGH and time.monotonic() < deadline:
            time.sleep(1)


@contextmanager
def explained() -> Iterator[None]:
    """Turn errors caused by a full or read-only disk into DiskFullError, and make room to record it in the databases."""
    try:
        yield
    except DiskFullError:
        make_room()
        artifact_store.remove_truncated_records()
        raise
    except Exception as error:
        if explained_error := explanation(error):
            make_room()
            artifact_store.remove_truncated_records()
            raise explained_error from error
        raise


def explanation(error: BaseException) -> DiskFullError | None:
    """Return an error that says what to do about a full or read-only disk; None for other errors and DiskFullError.

    nightshift's own errors keep their message, unless the error they were raised from says that a disk is full.
    """
    if isinstance(error, DiskFullError):
        return None
    is_own = isinstance(error, NightshiftError)
    words = f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"
    chain: BaseException | None = error
    while chain:
        if not is_own and READ_ONLY.search(str(chain)):
            return DiskFullError(
                f"a file cannot be written ({words}): is the disk of NIGHTSHIFT_HOME, {artifact_store.home()}, read-only?"
            )
        if (SURELY_FULL if is_own else FULL).search(str(chain)):
            return DiskFullError(f"{_full()} ({words})")
        chain = chain.__cause__ or chain.__context__
    return DiskFullError(f"{_full()} ({words})") if is_short() and not isinstance(error, UserError) else None


def is_other(record: logging.LogRecord) -> bool:
    """Return False for log records of a full disk, which the error of the run reports already; a filter for a logger."""
    return not FULL.search(record.getMessage())


def _full() -> str:
    free_mb = 0.0
    with suppress(OSError):
        free_mb = free_bytes() / MB
    return (
        f"the disk is full: {free_mb:,.0f} MB are left for NIGHTSHIFT_HOME, {artifact_store.home()}, and a run needs "
        f"{(RESERVE + LOW) / MB:.0f} MB to begin, more to end well; free some (`nightshift clean` lists what old runs have "
        "left) and run again: finished stages and checkpoints are kept"
    )

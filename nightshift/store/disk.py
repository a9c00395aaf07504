"""Room on the disk of NIGHTSHIFT_HOME: a reserve with which a run can end properly, and one line where it is full or read-only.

SQLite can write nothing on a full disk, so neither Prefect nor MLflow could enter that a run has failed. Each run therefore
keeps a file of `RESERVE` bytes, and removes it when it ends because the disk is full. What it held is enough for the
databases until then. The keeper of `nightshift up` removes it too, a few seconds later, for what else writes there.
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
"""Bytes: a run ends where less is left."""
RESERVE = 16 * MB
ENOUGH = 4 * MB
"""Bytes with which the databases can enter how a run ended."""
PAUSE, PATIENCE = 2.0, 60.0
"""Seconds before the reserve is released, so that whoever fills the disk cannot take it too, and until `ENOUGH` is free."""
SURELY_FULL = re.compile("No space left on device|Disk quota exceeded|database or disk is full|os error (28|122)")
FULL = re.compile(f"{SURELY_FULL.pattern}|disk I/O error")
READ_ONLY = re.compile("Read-only file system|readonly database|os error 30")
"""How operating system, SQLite and libraries written in Rust say it; the last two raise errors of their own."""


class DiskFullError(NightshiftError):
    """The disk of NIGHTSHIFT_HOME is full or read-only."""


def reserve_file() -> Path:
    """Return the path of the file that holds the reserve."""
    return artifact_store.home() / "reserve"


def free_bytes() -> int:
    """Return how many bytes are left on the disk of NIGHTSHIFT_HOME for this user."""
    return shutil.disk_usage(artifact_store.home()).free


def keep_reserve() -> None:
    """Fill the reserve before a run.

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
    """Return True if so little is left that databases may fail; False where that cannot be asked."""
    with suppress(OSError):
        return free_bytes() < LOW
    return False


def is_short() -> bool:
    """Return True if little is left besides the reserve, also where that has been released; False where it cannot be asked."""
    with suppress(OSError):
        return free_bytes() - (0 if reserve_file().exists() else RESERVE) < LOW
    return False


def ensure_room() -> None:
    """Raise DiskFullError if less than `LOW` is left besides the reserve: what was released is for the end of a run."""
    if is_short():
        raise DiskFullError(_full())


def make_room() -> None:
    """Release the reserve, and wait a while until databases can write again."""
    if reserve_file().exists():
        time.sleep(PAUSE)
        release_reserve()
    until = time.monotonic() + PATIENCE
    with suppress(OSError):
        while free_bytes() < ENOUGH and time.monotonic() < until:
            time.sleep(1)


@contextmanager
def explained() -> Iterator[None]:
    """Turn an error that a full or read-only disk has caused into one line, and make room to enter it in databases."""
    try:
        yield
    except DiskFullError:
        make_room()
        raise
    except Exception as error:
        if line := explanation(error):
            make_room()
            raise DiskFullError(line) from error
        raise


def explanation(error: BaseException) -> str:
    """Return the line for an error that a full or read-only disk has caused; empty for any other, and for one that says so.

    An error of nightshift's own has a line of its own, which stays unless what it was raised from says that a disk is full.
    """
    if isinstance(error, DiskFullError):
        return ""
    own = isinstance(error, NightshiftError)
    words = f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"
    chain: BaseException | None = error
    while chain:
        if not own and READ_ONLY.search(str(chain)):
            return f"a file cannot be written ({words}): is the disk of NIGHTSHIFT_HOME, {artifact_store.home()}, read-only?"
        if (SURELY_FULL if own else FULL).search(str(chain)):
            return f"{_full()} ({words})"
        chain = chain.__cause__ or chain.__context__
    return f"{_full()} ({words})" if is_short() and not isinstance(error, UserError) else ""


def is_other(record: logging.LogRecord) -> bool:
    """Return False for a record of an error that a full disk has caused, which the line of the run says: a filter of a logger."""
    return not FULL.search(record.getMessage())


def _full() -> str:
    left = 0.0
    with suppress(OSError):
        left = free_bytes() / MB
    return (
        f"the disk is full: {left:,.0f} MB are left for NIGHTSHIFT_HOME, {artifact_store.home()}, and a run needs "
        f"{(RESERVE + LOW) / MB:.0f} MB to begin, more to end well; free some (`nightshift clean` lists what old runs have "
        "left) and run again: finished stages and checkpoints are kept"
    )

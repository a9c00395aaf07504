"""Processes of this NIGHTSHIFT_HOME: which they are, and how they are ended."""

import getpass
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from nightshift.store import artifact_store

PROC = Path("/proc")
START_TIME_FIELD = 22
"""Of /proc/PID/stat, counted from 1: clock ticks between the machine's start and the process's."""
TOLERANCE = 5.0
"""Seconds by which two readings of one process's start may differ where they come from the clock."""


def start_mark(pid: int) -> str:
    """Return what tells a process from a later one with the same id, whatever is done to the clock meanwhile.

    On Linux the machine's boot id and the start in ticks since boot; elsewhere psutil's seconds since the epoch.

    Raises:
        psutil.NoSuchProcess: There is no such process.
    """
    try:
        boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
        # The second field is the program's name, in brackets; it may hold blanks and brackets itself.
        fields = (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
        return f"{boot}/{int(fields[START_TIME_FIELD - 3])}"
    except (OSError, IndexError, ValueError):
        return f"{psutil.Process(pid).create_time():.2f}"


def running_process(pid: int, mark: str) -> psutil.Process | None:
    """Return the process with this id and `start_mark` if it still runs.

    Args:
        pid: The process's id.
        mark: What `start_mark` returned for it. Earlier versions wrote psutil's seconds since the epoch, which count as
            the same within some seconds.
    """
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        same = start_mark(pid) == mark if "/" in mark else abs(process.create_time() - float(mark)) < TOLERANCE
        if same and process.status() != psutil.STATUS_ZOMBIE:
            return process
    return None


def home_processes() -> Iterator[psutil.Process]:
    """All that carry this NIGHTSHIFT_HOME in their environment, this one among them."""
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.environ().get("NIGHTSHIFT_HOME") == str(artifact_store.home()):
                yield process


def group_members(leader: int) -> list[psutil.Process]:
    """Those of ours in the process group of `leader`, which may have died."""
    found = []
    for process in home_processes():
        with suppress(ProcessLookupError):
            if os.getpgid(process.pid) == leader:
                found.append(process)
    return found


def terminate(found: Iterable[psutil.Process], patience: float) -> None:
    """SIGTERM, and SIGKILL to what is left after `patience` seconds; returns when all have gone."""
    found = list(found)
    for process in found:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    left = psutil.wait_procs(found, timeout=patience)[1]
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=5)


def user_name() -> str:
    """Return this user's login name; its number where the system has no name for it, as in many containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"

"""Processes that belong to this NIGHTSHIFT_HOME: identify, list and terminate them."""

import getpass
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from nightshift.store import artifact_store

PROC = Path("/proc")
START_TIME_FIELD = 22
"""Field of /proc/PID/stat, counted from 1: clock ticks between the start of the machine and of the process."""
FIRST_NAMESPACE = "4026531836"
"""Number of Linux's first namespace of process ids, in which a process is unless it runs in a container."""
TOLERANCE = 5.0
"""Seconds by which two readings of a process's start time may differ if they come from the clock."""


def start_mark(pid: int) -> str:
    """Return a mark that distinguishes a process from a later one with the same id, even if the clock is changed.

    On Linux it is the boot id and the start in ticks since boot; elsewhere psutil's seconds since the epoch.

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
        mark: The `start_mark` of the process. Earlier versions stored psutil's seconds since the epoch, which match within
            `TOLERANCE`.
    """
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        is_same = start_mark(pid) == mark if "/" in mark else abs(process.create_time() - float(mark)) < TOLERANCE
        if is_same and process.status() != psutil.STATUS_ZOMBIE:
            return process
    return None


def host() -> str:
    """Return this machine's name; in a container with process ids of its own also the number of their namespace."""
    try:
        namespace = (PROC / "self/ns/pid").readlink().name.strip("pid:[]")
    except OSError:
        namespace = FIRST_NAMESPACE
    name = socket.gethostname().replace("/", "-")
    return name if namespace == FIRST_NAMESPACE else f"{name}-{namespace}"


def address() -> str:
    """Return HOST/PID/START_MARK of this process, which is unique among machines."""
    return f"{host()}/{os.getpid()}/{start_mark(os.getpid())}"


def is_of_this_boot(mark: str) -> bool:
    """Return True if a `start_mark` was made on this machine since it was started."""
    return mark.rpartition("/")[0] == start_mark(os.getpid()).rpartition("/")[0]


def has_ended(address: str) -> bool:
    """Return True if a process of this machine, by its `address`, has ended; False if it runs or may be another machine's."""
    machine, pid, mark = address.split("/", 2)
    return machine == host() and is_of_this_boot(mark) and running_process(int(pid), mark) is None


def home_processes() -> Iterator[psutil.Process]:
    """Yield all processes with this NIGHTSHIFT_HOME in their environment, including this one."""
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.environ().get("NIGHTSHIFT_HOME") == str(artifact_store.home()):
                yield process


def group_members(leader: int) -> list[psutil.Process]:
    """Return the processes of this NIGHTSHIFT_HOME in the process group of `leader`, which may have died."""
    members = []
    for process in home_processes():
        with suppress(ProcessLookupError):
            if os.getpgid(process.pid) == leader:
                members.append(process)
    return members


def terminate(processes: Iterable[psutil.Process], patience: float) -> None:
    """Send SIGTERM, then SIGKILL to those that still run after `patience` seconds; return when all have ended."""
    processes = list(processes)
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    remaining = psutil.wait_procs(processes, timeout=patience)[1]
    for process in remaining:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(remaining, timeout=5)


def user_name() -> str:
    """Return this user's login name; its number where the system has no name for it, as in many containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"

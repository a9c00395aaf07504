"""Processes of this NIGHTSHIFT_HOME: which they are, and how they are ended."""

import getpass
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress

import psutil

from tasks import store


def ours() -> Iterator[psutil.Process]:
    """All that carry this NIGHTSHIFT_HOME in their environment, this one among them."""
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.environ().get("NIGHTSHIFT_HOME") == str(store.home()):
                yield process


def group(leader: int) -> list[psutil.Process]:
    """Those of ours in the process group of `leader`, which may have died."""
    found = []
    for process in ours():
        with suppress(ProcessLookupError):
            if os.getpgid(process.pid) == leader:
                found.append(process)
    return found


def end(found: Iterable[psutil.Process], patience: float) -> None:
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

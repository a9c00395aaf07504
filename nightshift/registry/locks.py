"""Locks of a registered model: one night at a time, one move of aliases at a time."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from nightshift.errors import UserError
from nightshift.store import artifact_store

log = logging.getLogger("nightshift.registry")


@contextmanager
def locked(name: str, purpose: str, wait: bool = True) -> Iterator[None]:
    """Hold the model's lock for a purpose on this machine.

    Args:
        name: The registered model.
        purpose: `night` for a whole run, `aliases` for a move of aliases.
        wait: Wait for another process that holds the lock.

    Raises:
        UserError: Another process holds the lock and `wait` is False.
    """
    folder = artifact_store.home() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{name}.{purpose}.lock")
    try:
        lock.acquire(timeout=1)
    except Timeout:
        if not wait:
            raise UserError(f"a night of {name} is running: try again when it has ended") from None
        log.info("waiting: another process holds %s's lock for %s", name, purpose)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()

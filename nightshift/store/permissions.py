"""File permissions: NIGHTSHIFT_HOME is for its owner only; files that the user names follow the user's umask."""

import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from nightshift.store import artifact_store

log = logging.getLogger("nightshift.environment")
_users_umask: int | None = None
"""The umask before `keep_private`."""


def keep_private() -> None:
    """Let only this user read NIGHTSHIFT_HOME and all files that this process and its children write from now on."""
    global _users_umask
    umask = os.umask(0o077)
    _users_umask = umask if _users_umask is None else _users_umask
    home = artifact_store.home()
    home.mkdir(parents=True, exist_ok=True)
    state = home.stat()
    if not state.st_mode & 0o077:
        return
    if state.st_uid == os.getuid() and not state.st_mode & stat.S_ISVTX:
        home.chmod(0o700)
        log.warning("NIGHTSHIFT_HOME: other users could read %s, where rows lie; now only its owner can", home)
    else:
        log.warning("NIGHTSHIFT_HOME: other users can read %s, where rows lie: name a folder of your own", home)


@contextmanager
def users_umask() -> Iterator[None]:
    """Create files with the user's own umask within the block."""
    private = os.umask(0o077 if _users_umask is None else _users_umask)
    try:
        yield
    finally:
        os.umask(private)

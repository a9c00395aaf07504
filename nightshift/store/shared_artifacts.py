"""Artifacts in the shared store: fetched before a stage looks for its own, and uploaded once their record is written."""

import logging
import threading

from nightshift.store import artifact_store, record_checks, shared_store

log = logging.getLogger("nightshift.store")
FOLDER = "artifacts"
ATTEMPTS = 2
"""Downloads before an artifact counts as damaged: another machine may have replaced it during the first."""
_lock = threading.Lock()
"""Threads of a process write an artifact under the same temporary name."""
_damaged: set[str] = set()
"""Paths of artifacts that are damaged in the store: what this process makes in their place replaces them."""


def fetch(path: str) -> None:
    """Fetch an artifact into the local store, unless it is there, or is missing or damaged in the shared one.

    Args:
        path: The artifact's path in the store, `STAGE/KEY`.
    """
    if not shared_store.is_set() or path in _damaged or (artifact_store.root() / path / artifact_store.MARKER).exists():
        return
    reason = ""
    for _ in range(ATTEMPTS):
        try:
            _download(path)
            return
        except FileNotFoundError:
            return
        except shared_store.DamagedItemError as error:
            reason = str(error)
    _damaged.add(path)
    log.warning("%s of %s %s: it is not used", path, shared_store.VARIABLE, reason)


def _download(path: str) -> None:
    """Download an artifact and check it against its record.

    Raises:
        DamagedItemError: It is not whole.
        FileNotFoundError: The shared store has none.
    """
    with _lock, artifact_store.new_artifact(path) as folder:
        shared_store.pull(f"{FOLDER}/{path}", folder)
        if not (folder / artifact_store.MARKER).exists():
            raise shared_store.DamagedItemError("has no record")
        if damage := record_checks.damage(folder, path):
            raise shared_store.DamagedItemError(damage)


def upload(path: str, replace: bool) -> None:
    """Upload an artifact whose record is written.

    Args:
        path: The artifact's path in the store, `STAGE/KEY`.
        replace: Replace the one of the shared store, as it does with one that is damaged.
    """
    folder = artifact_store.root() / path
    if shared_store.is_set() and (folder / artifact_store.MARKER).exists():
        shared_store.push(folder, f"{FOLDER}/{path}", replace or path in _damaged)
        _damaged.discard(path)


def _remove(path: str) -> None:
    if shared_store.is_set():
        shared_store.remove(path)


artifact_store.fetch_missing, artifact_store.remove_shared = fetch, _remove

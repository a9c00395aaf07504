"""Checkpoints in the shared store, so that a training killed on one machine continues on another.

A thread uploads the newest checkpoint, with the best one that it refers to, while the training goes on; those that are
written meanwhile are passed over for the newest. It finds them by their names, which a training gives them when they are
complete, so that it serves trainings of this process and those under `accelerate launch` alike.
"""

import logging
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nightshift.store import artifact_store, shared_store
from nightshift.store.shared_store import StoreError
from nightshift.training import checkpoints

log = logging.getLogger("nightshift.store")
INTERVAL = 1.0
"""Seconds between two looks at the folder."""


@contextmanager
def shared(folder: Path, fingerprint: str) -> Iterator[None]:
    """Fetch newer checkpoints of a training into its folder, and upload those that are written within the block.

    A block that fails or is ended uploads its newest checkpoint before it is left. After one that succeeds the artifact
    is about to be complete, and needs no checkpoint any more.

    Args:
        folder: Folder of the checkpoints, from `artifact_store.work_folder`.
        fingerprint: Digest of data and settings of the training, by which its checkpoints are known.
    """
    if not shared_store.is_set():
        yield
        return
    mirror = _Mirror(folder, fingerprint)
    mirror.fetch()
    stop = threading.Event()
    thread = threading.Thread(target=mirror.follow, args=(stop,), name="checkpoint upload", daemon=True)
    thread.start()
    try:
        yield
    except BaseException:
        stop.set()
        thread.join()
        mirror.upload_newest()
        raise
    stop.set()
    thread.join()


def fetch(folder: Path, fingerprint: str, upload: bool = False) -> None:
    """Fetch newer checkpoints of a training into a folder.

    Args:
        folder: Folder of the checkpoints, from `artifact_store.work_folder`.
        fingerprint: Digest of data and settings of the training, by which its checkpoints are known.
        upload: Upload the newest one of the folder if the store has an older one or none.
    """
    if shared_store.is_set():
        mirror = _Mirror(folder, fingerprint)
        mirror.fetch()
        if upload:
            mirror.upload_newest()


class _Mirror:
    """A folder of checkpoints on this machine, and the same in the shared store."""

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self.folder, self.fingerprint = folder, fingerprint
        self.path = folder.relative_to(artifact_store.home()).as_posix()
        self.decision = f"{self.path}.compile.json"
        self.stored: set[str] = set()
        self.uploaded: set[str] = set()

    def fetch(self) -> None:
        """Fetch the newest whole checkpoint, and the best one that it refers to, if it is newer than those of this machine."""
        shared_store.pull_file(self.decision)
        self.stored = names = {Path(item.path).stem for item in shared_store.items(self.path)}
        newest = checkpoints.newest_valid(self.folder, self.fingerprint, remove=False)
        for name in sorted(names, key=lambda name: checkpoints.step_of(Path(name)), reverse=True):
            if newest and checkpoints.step_of(Path(name)) <= checkpoints.step_of(newest):
                break
            if self._fetch_one(name) and self._fetch_best_of(self.folder / name):
                break
        self.uploaded = names & {folder.name for folder in checkpoints.list_checkpoints(self.folder)}

    def _fetch_best_of(self, folder: Path) -> bool:
        """Fetch the best checkpoint that `folder` refers to; return False if that is damaged.

        Only a training that selects one keeps it: the store has none of the others.
        """
        best = checkpoints.best_of(folder)
        if best.name not in self.stored or not checkpoints.find_defect(best, self.fingerprint):
            return True
        return self._fetch_one(best.name)

    def _fetch_one(self, name: str) -> bool:
        """Fetch one checkpoint; return False, with a line in the log, if it is damaged or of another training."""
        with artifact_store.temporary_directory() as temporary:
            fetched = temporary / name
            fetched.mkdir()
            try:
                shared_store.pull(f"{self.path}/{name}", fetched)
                defect = checkpoints.find_defect(fetched, self.fingerprint)
            except FileNotFoundError:
                return False
            except shared_store.DamagedItemError as error:
                defect = f"damaged ({error})"
            if defect:
                log.warning("%s of %s is %s: passed over", name, shared_store.VARIABLE, defect)
                return False
            shutil.rmtree(self.folder / name, ignore_errors=True)
            fetched.rename(self.folder / name)
        log.info("%s comes from %s", name, shared_store.VARIABLE)
        return True

    def follow(self, stop: threading.Event) -> None:
        """Upload the newest checkpoint again and again until `stop` is set."""
        while not stop.wait(INTERVAL):
            self.upload_newest()

    def upload_newest(self) -> None:
        """Upload the newest checkpoint and its best one, unless they are; remove those that the training has removed."""
        local = checkpoints.list_checkpoints(self.folder)
        if not local or local[-1].name in self.uploaded:
            return
        with suppress(FileNotFoundError):  # the training has removed it meanwhile, as there is a newer one
            try:
                if (artifact_store.home() / self.decision).exists():
                    shared_store.push_file(self.decision)
                for folder in (checkpoints.best_of(local[-1]), local[-1]):
                    if folder.exists() and folder.name not in self.uploaded:
                        shared_store.push(folder, f"{self.path}/{folder.name}", replace=True)
                        self.uploaded.add(folder.name)
                self._remove_old()
            except StoreError as error:
                self.uploaded.add(local[-1].name)  # the next one is tried
                log.warning("%s is not in the store, and the training goes on: %s", local[-1].name, error)

    def _remove_old(self) -> None:
        """Remove the checkpoints from the store that the training has removed here."""
        kept = {folder.name for folder in checkpoints.list_checkpoints(self.folder)}
        for name in (self.stored | self.uploaded) - kept:
            shared_store.remove(f"{self.path}/{name}")
        self.stored, self.uploaded = set(), self.uploaded & kept

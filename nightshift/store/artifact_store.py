"""The artifact store: a folder a stage output, written beside and renamed in, the completion marker last.

The marker is `record.json`, the result that Prefect persists into the finished folder: an artifact that has gone
takes its cached record with it. What is half-written carries its process's id, `NAME.PID.partial`: two processes may
make the same artifact at once, and what a killed one has left is told from what a living one writes.
"""

import csv
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from nightshift.records import Artifact

if TYPE_CHECKING:  # the command line needs this module at once, and pandas takes a second
    import pandas as pd

MARKER = "record.json"
MEASURED, DAMAGED = "measured", ".damaged"
TRAINED_KEYS = "trained_keys.parquet"


def home() -> Path:
    """Everything a run writes lies under this folder."""
    return Path(os.environ.get("NIGHTSHIFT_HOME", ".nightshift")).resolve()


def root() -> Path:
    """The store itself."""
    return home() / "artifacts"


def folder(artifact: Artifact) -> Path:
    """Where an artifact's files lie on this machine."""
    return root() / artifact.path


def work_folder(model: str, name: str) -> Path:
    """A folder that survives a killed night, for a stage of `model` that goes on where it stopped (training)."""
    path = home() / "work" / model / name
    path.mkdir(parents=True, exist_ok=True)
    return path


def clear_work(model: str, record: object) -> None:
    """Remove what a stage of `model` kept to go on from, now that its artifact is whole."""
    if isinstance(record, Artifact):
        shutil.rmtree(home() / "work" / model / record.path.replace("/", "-"), ignore_errors=True)


def partial_path(path: Path) -> Path:
    """Where this process writes what is to become `path`."""
    return path.with_name(f"{path.name}.{os.getpid()}.partial")


def write_csv(table: "pd.DataFrame", path: Path, sep: str = ",") -> None:
    """A table as a file, all texts quoted: readers take a bare carriage return for the end of a row."""
    table.to_csv(path, sep=sep, index=False, quoting=csv.QUOTE_NONNUMERIC)


def artifact_key(folder: Path) -> str:
    """The artifact's key, from the folder that `writing` gave."""
    return folder.name.partition(".")[0]


@contextmanager
def new_artifact(path: str, again: bool = False) -> Iterator[Path]:
    """A fresh folder that becomes `path` in the store when the block ends well, and goes when it does not.

    Where another process has finished the same artifact meanwhile, that one stays, unless this is made `again`.
    """
    final = root() / path
    folder, old = partial_path(final), partial_path(final.with_name(final.name + ".old"))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
        if again or not (final / MARKER).exists():
            with suppress(FileNotFoundError):
                final.rename(old)
            folder.rename(final)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def remove_partial() -> None:
    """Remove what killed processes have left half-written."""
    for pattern, position in (("artifacts/*/*.partial", -2), ("reports/*/*.partial", -2), ("tmp/*.*", 0)):
        for path in home().glob(pattern):
            owner = path.name.split(".")[position]
            if not (owner.isdigit() and psutil.pid_exists(int(owner))):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for files that are only passed on; under NIGHTSHIFT_HOME, since rows may be among them."""
    base = home() / "tmp"
    base.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{os.getpid()}.", dir=base) as name:
        yield Path(name)


def file_digest(path: Path) -> str:
    """sha256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_digest(path: Path) -> str:
    """sha256 over names and contents of all files, but for those under `measured/` (timings differ by nature)."""
    return _digest(path, lambda name: name.parts[0] != MEASURED)


def measured_digest(path: Path) -> str:
    """sha256 over the files under `measured/`, by which damage to them is noticed."""
    return _digest(path, lambda name: name.parts[0] == MEASURED)


def _digest(path: Path, counts: Callable[[Path], bool]) -> str:
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")):
        name = file.relative_to(path)
        if file.is_file() and name != Path(MARKER) and counts(name):
            digest.update(f"{name.as_posix()}\0{file_digest(file)}\n".encode())
    return digest.hexdigest()

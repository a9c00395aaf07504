"""The artifact store: one folder for the output of each stage, written under a temporary name and renamed when complete.

The completion marker is `record.json`, the result that Prefect persists into the finished folder, so a deleted artifact
takes its cached record with it. An unfinished artifact carries the id of the process that writes it, `NAME.PID.partial`:
two processes may write the same artifact at once, and leftovers of a killed process can be told from live ones.
"""

import csv
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from nightshift.records import Artifact

if TYPE_CHECKING:  # the command line needs this module at once, and pandas takes a second
    import pandas as pd

MARKER = "record.json"
POSTGRES, ARTIFACTS = SERVERS_STORAGE = ("NIGHTSHIFT_POSTGRES", "NIGHTSHIFT_ARTIFACTS")
"""Variables of the PostgreSQL server, and of the address of MLflow's artifacts, behind the servers of `nightshift up`."""
MEASURED, DAMAGED = "measured", ".damaged"
TRAINED_KEYS = "trained_keys.parquet"
WEIGHTS = (".safetensors", ".onnx", ".data")
"""Suffixes of files of weights, which nothing changes once they are written."""


def _no_shared_store(_path: str) -> None:
    """Do nothing."""


fetch_missing: Callable[[str], None] = _no_shared_store
"""Fetches the artifact with this path from the shared store, if there is one; `shared_artifacts` sets it."""
remove_shared: Callable[[str], None] = _no_shared_store
"""Removes what lies under this path in the shared store, if there is one; `shared_artifacts` sets it."""


def home() -> Path:
    """Return NIGHTSHIFT_HOME, the folder that holds everything a run writes."""
    return Path(os.environ.get("NIGHTSHIFT_HOME", ".nightshift")).resolve()


def own_registry() -> str:
    """Return the address of MLflow's SQLite file under NIGHTSHIFT_HOME."""
    return f"sqlite:///{home()}/mlflow/mlflow.db"


def root() -> Path:
    """Return the folder of the store itself."""
    return home() / "artifacts"


def folder(artifact: Artifact) -> Path:
    """Return the folder of an artifact's files on this machine; they are fetched if only the shared store has them."""
    path = root() / artifact.path
    if not (path / MARKER).exists():
        fetch_missing(artifact.path)
    return path


def work_folder(model: str, name: str) -> Path:
    """Return a folder that outlives a killed run, for a stage of `model` that resumes its work, such as training."""
    path = home() / "work" / model / name
    path.mkdir(parents=True, exist_ok=True)
    return path


def clear_work(model: str, record: object) -> None:
    """Remove the work folder of a stage of `model` once its artifact is complete."""
    if not isinstance(record, Artifact):
        return
    path = f"work/{model}/{record.path.replace('/', '-')}"
    if (home() / path).exists():
        shutil.rmtree(home() / path, ignore_errors=True)
        remove_shared(path)


def servers_have_storage() -> bool:
    """Return True if the servers of `nightshift up` keep databases or artifacts elsewhere than in this home."""
    return any(map(os.environ.get, SERVERS_STORAGE))


def partial_path(path: Path) -> Path:
    """Return the temporary name under which this process writes `path`."""
    return path.with_name(f"{path.name}.{os.getpid()}.partial")


def write_text(path: Path, text: str) -> None:
    """Write a text file, and its folder if there is none, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = partial_path(path)
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def write_csv(table: "pd.DataFrame", path: Path, sep: str = ",") -> None:
    """Write a table with all texts quoted, since readers take a bare carriage return for the end of a row."""
    table.to_csv(path, sep=sep, index=False, quoting=csv.QUOTE_NONNUMERIC)


def link(source: Path, target: Path) -> None:
    """Make `target`, which may exist, a hard link to `source`; a copy where a link is not possible."""
    if target.exists() and target.samefile(source):
        return
    with temporary_directory() as folder:
        new_name = folder / source.name
        try:
            os.link(source, new_name)
            new_name.replace(target)
        except OSError:
            if not target.exists():
                shutil.copy2(source, target)


def copy_checkpoint(source: Path, target: Path) -> None:
    """Copy a folder; weights become hard links, other files may be rewritten in the copy."""

    def copy(name: str, copied_name: str) -> None:
        copy_file = link if name.endswith(WEIGHTS) else shutil.copy2
        copy_file(Path(name), Path(copied_name))

    shutil.copytree(source, target, copy_function=copy)


def artifact_key(folder: Path) -> str:
    """Return the key of the artifact that is written into a folder of `new_artifact`."""
    return folder.name.partition(".")[0]


@contextmanager
def new_artifact(path: str, replace: bool = False) -> Iterator[Path]:
    """Yield an empty folder that becomes `path` in the store if the block succeeds, and is removed if it fails.

    Args:
        path: The artifact's path in the store, `STAGE/KEY`.
        replace: Replace an artifact that another process has finished meanwhile; otherwise that one stays.
    """
    final = root() / path
    folder, previous = partial_path(final), partial_path(final.with_name(final.name + ".old"))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
        if replace or not (final / MARKER).exists():
            with suppress(FileNotFoundError):
                final.rename(previous)
            folder.rename(final)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(previous, ignore_errors=True)


def remove_partial() -> None:
    """Remove the unfinished files of processes that no longer run."""
    patterns = ("artifacts/*/*.partial", "reports/*/*.partial", "reviews/*/*.partial")
    abandoned = [path for pattern in patterns for path in home().glob(pattern) if is_abandoned(path)]
    abandoned += [path for path in home().glob("tmp/*.*") if not _runs(path.name.split(".")[0])]
    for path in abandoned:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def is_abandoned(partial: Path) -> bool:
    """Return True for a file or folder named by `partial_path` whose process no longer runs."""
    return not _runs(partial.name.split(".")[-2])


def _runs(pid: str) -> bool:
    return pid.isdigit() and psutil.pid_exists(int(pid))


@contextmanager
def temporary_directory() -> Iterator[Path]:
    """Yield a temporary directory; it lies under NIGHTSHIFT_HOME, since the files may contain rows."""
    base = home() / "tmp"
    base.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{os.getpid()}.", dir=base) as name:
        yield Path(name)


def file_digest(path: Path) -> str:
    """Return the sha256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_truncated_records() -> None:
    """Remove truncated completion markers, which are left if the disk fills up while Prefect writes them.

    Prefect writes a marker directly under its final name, so markers that may still be being written are left alone.
    """
    for record in root().glob(f"*/*/{MARKER}"):
        with suppress(FileNotFoundError):
            if time.time() - record.stat().st_mtime < 1:
                continue
            try:
                json.loads(record.read_bytes())
            except ValueError:
                record.unlink()


def folder_digest(path: Path) -> str:
    """Return the sha256 over names and contents of all files, except those under `measured/`: timings differ by nature."""
    return _digest(path, lambda name: name.parts[0] != MEASURED)


def measured_digest(path: Path) -> str:
    """Return the sha256 over the files under `measured/`, to detect damage to them."""
    return _digest(path, lambda name: name.parts[0] == MEASURED)


def _digest(path: Path, is_covered: Callable[[Path], bool]) -> str:
    """Return the sha256 over the files of a folder whose relative path `is_covered`, without the completion marker."""
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")):
        name = file.relative_to(path)
        if file.is_file() and name != Path(MARKER) and is_covered(name):
            digest.update(f"{name.as_posix()}\0{file_digest(file)}\n".encode())
    return digest.hexdigest()

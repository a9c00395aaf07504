"""The artifact store: a folder a stage output, written beside and renamed in, the completion marker last.

The marker is `record.json`, the result that Prefect persists into the finished folder: an artifact that has gone
takes its cached record with it.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tasks.records import Artifact

MARKER = "record.json"


def home() -> Path:
    """Everything a run writes lies under this folder."""
    return Path(os.environ.get("NIGHTSHIFT_HOME", ".nightshift")).resolve()


def root() -> Path:
    """The store itself."""
    return home() / "artifacts"


def folder(artifact: Artifact) -> Path:
    """Where an artifact's files lie on this machine."""
    return root() / artifact.path


def work(name: str) -> Path:
    """A folder that survives a killed night, for a stage that goes on where it stopped (training)."""
    path = home() / "work" / name
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextmanager
def writing(path: str) -> Iterator[Path]:
    """A fresh folder that becomes `path` in the store when the block ends well, and goes when it does not."""
    final = root() / path
    beside = final.with_name(final.name + ".partial")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        yield beside
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    if final.exists():
        (final / MARKER).unlink(missing_ok=True)
        shutil.rmtree(final)
    beside.rename(final)


def sweep() -> None:
    """Remove what is half-written; call it only where nobody writes."""
    for place in ("artifacts", "reports"):
        for path in (home() / place).glob("*/*.partial"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for files that are only passed on."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def file_digest(path: Path) -> str:
    """sha256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_digest(path: Path) -> str:
    """sha256 over names and contents of all files, but for those under `measured/` (timings differ by nature)."""
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")):
        name = file.relative_to(path)
        if file.is_file() and name.parts[0] != "measured":
            digest.update(f"{name.as_posix()}\0{file_digest(file)}\n".encode())
    return digest.hexdigest()

"""Digests of what nights put into MLflow, recorded at registration and compared before anything of it is read.

A record lies under NIGHTSHIFT_HOME/registered, where a registry writer cannot change it; its digest is also a tag of
the version, for the machines that have no record. docs/decisions/versions-are-data.md says what each protects against.
"""

import hashlib
import json
from pathlib import Path

from nightshift.store import artifact_store

ADDED_BY_MLFLOW = "registered_model_meta"
CACHES = "__pycache__"


def digests(folder: Path) -> dict[str, str]:
    """Return the sha256 of every file of a folder by its relative path, but for what MLflow and Python add to it."""
    return {
        name.as_posix(): artifact_store.file_digest(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and CACHES not in (name := path.relative_to(folder)).parts and name.name != ADDED_BY_MLFLOW
    }


def combined(files: dict[str, str]) -> str:
    """Return the digest that stands for all of `files`, as a version's tag holds it."""
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()


def record(name: str, files: dict[str, str]) -> str:
    """Keep the digests of the folder that MLflow knows as `name`; return what goes into the version's tag."""
    path = _path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = artifact_store.partial_path(path)
    beside.write_text(json.dumps(files, indent=1), encoding="utf-8")
    beside.replace(path)
    return combined(files)


def difference(name: str, files: dict[str, str], tag: str) -> str:
    """Say in a few words how `files` differ from those recorded; empty if they do not, or if nothing is recorded.

    Args:
        name: What MLflow calls the folder: the id of a logged model, or of a run with the name of its artifact.
        files: The digests of the files as they are now.
        tag: The digest in the version's tag, for a machine without a record; may be empty.
    """
    try:
        recorded = dict(json.loads(_path(name).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return "its files are not those whose digest the version's tag has" if tag and combined(files) != tag else ""
    for path in sorted(recorded.keys() | files.keys()):
        if path not in files:
            return f"{path} is missing"
        if path not in recorded:
            return f"{path} was added"
        if files[path] != recorded[path]:
            return f"{path} is not the file that was registered"
    return ""


def file_difference(name: str, path: str, file: Path) -> str:
    """Say in a few words that `file` is not what was recorded as `path` of a folder; empty if it is, or without a record."""
    try:
        recorded = dict(json.loads(_path(name).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return ""
    if recorded.get(path, "") in ("", artifact_store.file_digest(file)):
        return ""
    return f"{path} is not the file that was registered"


def forget(name: str) -> None:
    """Remove the record of a folder that is deleted in MLflow."""
    _path(name).unlink(missing_ok=True)


def _path(name: str) -> Path:
    return artifact_store.home() / "registered" / f"{name}.json"

"""Digests of the files that runs log to MLflow, recorded at registration and checked before the files are read.

A record lies under NIGHTSHIFT_HOME/registered, where a registry writer cannot change it; its digest is also a tag of
the version, for machines without the record. docs/decisions/versions-are-data.md says what each protects against.
"""

import hashlib
import json
from pathlib import Path

from nightshift.store import artifact_store

ADDED_BY_MLFLOW = "registered_model_meta"
CACHES = "__pycache__"


def digests(folder: Path) -> dict[str, str]:
    """Return the sha256 of every file of a folder by relative path, without the files that MLflow and Python add."""
    return {
        name.as_posix(): artifact_store.file_digest(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and CACHES not in (name := path.relative_to(folder)).parts and name.name != ADDED_BY_MLFLOW
    }


def combined(files: dict[str, str]) -> str:
    """Return one digest over all `files`, as stored in a tag of the version."""
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()


def record(name: str, files: dict[str, str]) -> str:
    """Store the digests of the folder that MLflow knows as `name`; return their combined digest for the version's tag."""
    artifact_store.write_text(_path(name), json.dumps(files, indent=1))
    return combined(files)


def has_record(name: str) -> bool:
    """Return True if this machine has recorded the digests of a folder."""
    return _path(name).is_file()


def difference(name: str, files: dict[str, str], tag: str) -> str:
    """Return in a few words how `files` differ from the recorded ones; empty if they are equal or nothing is recorded.

    Args:
        name: The folder's name in MLflow: the id of a logged model, or of a run with the name of its artifact.
        files: The current digests of the files.
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
    """Return in a few words that `file` differs from the recorded `path` of a folder; empty if it does not, or without a record."""
    try:
        recorded = dict(json.loads(_path(name).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return ""
    if recorded.get(path, "") in ("", artifact_store.file_digest(file)):
        return ""
    return f"{path} is not the file that was registered"


def forget(name: str) -> None:
    """Delete the record of a folder that is deleted in MLflow."""
    _path(name).unlink(missing_ok=True)


def _path(name: str) -> Path:
    return artifact_store.home() / "registered" / f"{name}.json"

"""The file of a backup: a tar file whose last member is a manifest with the digest of every other member."""

import hashlib
import io
import os
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Literal

from pydantic import BaseModel, ValidationError

from nightshift.errors import UserError, first_line
from nightshift.store import artifact_store

MANIFEST = "manifest.json"
MAX_MANIFEST = 1 << 30
"""Bytes of the largest manifest that is read; a million files take some 150 MB."""
BLOCK = 1 << 20


class Manifest(BaseModel):
    """Contents of a backup."""

    format: Literal[1] = 1
    home: str
    """Absolute path of the NIGHTSHIFT_HOME, which MLflow's records hold."""
    created: str
    packages: dict[str, str]
    """Versions of the packages that write the databases."""
    models: dict[str, str]
    """Number of the champion of each registered model; empty without one."""
    postgres: str = ""
    """Address of the PostgreSQL server with the databases, without a password; empty for SQLite files."""
    artifacts: str = ""
    """Address of MLflow's artifacts; empty if they are files of the home."""
    files: dict[str, str] = {}
    """sha256 of each file by its path in the backup, which is that in the home."""


@dataclass(frozen=True)
class Source:
    """A file to back up."""

    label: str
    """The file's name in messages."""
    open: Callable[[], IO[bytes]]
    size: int | None = None
    """Number of bytes; None if the opened file knows it."""


def local(path: Path) -> Source:
    """Return a file of this machine as a source."""
    return Source(str(path), lambda: path.open("rb"))


class _Hashing:
    """A file opened for reading, with the sha256 of what was read from it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.digest = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        block = self._file.read(size)
        self.digest.update(block)
        return block


def write(target: Path, manifest: Manifest, files: dict[str, Source]) -> None:
    """Write a backup, whole or not at all; only its owner can read it.

    Args:
        target: The tar file.
        manifest: Its manifest, to which the digests are added.
        files: Files by their path in the backup.

    Raises:
        UserError: A file has gone or shrunk meanwhile, or `target` cannot be written.
    """
    partial = artifact_store.partial_path(target)
    try:
        partial.touch(0o600)
        with tarfile.open(partial, "w") as tar:
            for name, source in files.items():
                manifest.files[name] = _add(tar, name, source)
            text = manifest.model_dump_json(indent=1).encode()
            info = tarfile.TarInfo(MANIFEST)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text))
        partial.replace(target)
    except OSError as error:
        raise UserError(f"{target}: cannot be written: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)


def _add(tar: tarfile.TarFile, name: str, source: Source) -> str:
    """Add a file to a tar file; return its sha256."""
    try:
        with source.open() as file:
            info = tarfile.TarInfo(name)
            info.size = os.fstat(file.fileno()).st_size if source.size is None else source.size
            reader = _Hashing(file)
            tar.addfile(info, reader)
    except FileNotFoundError as error:
        raise UserError(f"{source.label} has gone during the backup: try again") from error
    return reader.digest.hexdigest()


def verify(file: Path) -> Manifest:
    """Read a whole backup, compare the digest of each member with the manifest, and return the manifest.

    Raises:
        UserError: It is no backup, or it is damaged.
    """
    digests: dict[str, str] = {}
    text = b""
    try:
        with tarfile.open(file, "r:") as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isreg() else None
                if content is None or not _is_safe(member.name) or member.name in digests or text:
                    raise UserError(f"{file}: {member.name} cannot be part of a backup: nothing is restored")
                if member.name == MANIFEST and member.size < MAX_MANIFEST:
                    text = content.read()
                else:
                    digests[member.name] = hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type]
    except (tarfile.TarError, OSError) as error:
        raise UserError(f"{file}: cannot be read as a backup of nightshift: {first_line(error)}") from error
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        problem = "has no readable manifest: it is no backup of nightshift, or not whole"
        raise UserError(f"{file}: {problem}") from error
    for name in sorted(digests.keys() | manifest.files.keys()):
        if digests.get(name) != manifest.files.get(name):
            raise UserError(f"{file} is damaged: {name} is not the file that was backed up; nothing is restored")
    return manifest


def _is_safe(name: str) -> bool:
    """Return True for a relative path that stays within its folder."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and str(path) == name


def extract(file: Path, folder: Path) -> None:
    """Write the members of a verified backup, without its manifest, into a folder."""
    with tarfile.open(file, "r:") as tar:
        for member in tar:
            content = tar.extractfile(member)
            if content is None or member.name == MANIFEST:
                continue
            path = folder / member.name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as target:
                shutil.copyfileobj(content, target, BLOCK)

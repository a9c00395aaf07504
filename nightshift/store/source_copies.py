"""Copies of remote rows under NIGHTSHIFT_HOME: a night reads each database and each remote file once.

The copies are named by the digest of their content, so that the rows of a night are those whose digest is in its
fingerprint, whatever the database holds a minute later. Nothing is kept of a download that fails or is killed.
"""

import hashlib
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from nightshift.data import remote_files, sql_rows
from nightshift.data.remote_files import RemoteFile
from nightshift.data.sql_rows import SqlQuery
from nightshift.errors import InputError
from nightshift.records import Source
from nightshift.store import artifact_store, disk

log = logging.getLogger("nightshift.ingest")


def remote_sources(address: str, setting: str, base_dir: Path, query: SqlQuery) -> list[Source]:
    """Read a database or remote files, keep copies of them, and return them as sources with their digests.

    Args:
        address: Address of a database, or of remote files.
        setting: The settings field that names it, for errors.
        base_dir: Folder that the path of an SQLite file starts from.
        query: What is read of a database whose address names no table.

    Raises:
        InputError: They cannot be read.
    """
    if sql_rows.is_sql(address):
        full = sql_rows.absolute(address, base_dir)
        return [Source(path=full, sha256=_new_copy(partial(sql_rows.write_rows, full, query, disk.ensure_room)))]
    return [
        Source(path=file.address, sha256=_copy_file(file, setting), partitions=file.partitions)
        for file in remote_files.list_files(address, setting)
    ]


def location(source: Source, query: SqlQuery) -> str:
    """Return what to read in place of a source: its copy if it is remote, else its own path.

    Args:
        source: Source with the digest of its content.
        query: What is read of a database whose address names no table.

    Raises:
        InputError: There is no copy on this machine, and the content has changed since the run began.
    """
    if not remote_files.is_remote(source.path):
        return source.path
    if _copy_of(source.sha256) is None:
        digests = [again.sha256 for again in remote_sources(source.path, "data.path", Path("/"), query)]
        if digests != [source.sha256]:
            raise InputError(f"{source.path}: it has changed since this night began; run again")
    folder = _folder() / source.sha256
    return str(folder if sql_rows.is_sql(source.path) else next(folder.iterdir()))


def _folder() -> Path:
    return artifact_store.home() / "copies" / "rows"


def _copy_of(digest: str) -> Path | None:
    """Return the folder that holds the content with this digest, and note that it is used; None if there is none."""
    with suppress(FileNotFoundError):
        os.utime(_folder() / digest)
        return _folder() / digest
    return None


def _new_copy(write: Callable[[Path], str]) -> str:
    """Keep what a function writes into an empty folder, and return the digest that it returns."""
    with artifact_store.temporary_directory() as temporary:
        folder = temporary / "copy"
        folder.mkdir()
        digest = write(folder)
        if _copy_of(digest) is None:
            _folder().mkdir(parents=True, exist_ok=True)
            try:
                folder.rename(_folder() / digest)
            except OSError:
                if _copy_of(digest) is None:  # else another process has kept the same content
                    raise
    return digest


def _copy_file(file: RemoteFile, setting: str) -> str:
    """Return the digest of a remote file, which is downloaded unless there is a copy of this version of it."""
    version = hashlib.sha256(repr((file.address, file.size, file.version)).encode()).hexdigest()
    note = artifact_store.home() / "copies" / "versions" / version
    if file.version and note.is_file():
        digest = note.read_text()
        if _copy_of(digest):
            return digest
    free = disk.free_bytes() - disk.RESERVE - disk.LOW
    if file.size is not None and file.size > free:
        raise InputError(
            f"{setting}: {file.address} has {file.size / disk.MB:,.0f} MB, and {free / disk.MB:,.0f} MB are free for "
            "NIGHTSHIFT_HOME"
        )

    def write(folder: Path) -> str:
        remote_files.download(file, folder / file.name, setting, disk.ensure_room)
        return artifact_store.file_digest(folder / file.name)

    digest = _new_copy(write)
    if file.version:
        artifact_store.write_text(note, digest)
    return digest

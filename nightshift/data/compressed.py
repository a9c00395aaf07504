"""Compressed files: `.gz`, and `.zip` with a single file in it, read as a stream within the size limits."""

import gzip
import io
import logging
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from nightshift.data import size_limits
from nightshift.errors import InputError

log = logging.getLogger("nightshift.ingest")
CONTENT_TYPES = "[Content_Types].xml"
"""File that every workbook of Excel holds."""
CHUNK = 2**20
"""Bytes of a file that are read at once."""
MAX_LISTED = 5
"""Maximum number of files of an archive that a message lists."""


def uncompressed_name(path: Path) -> str:
    """Return the name that a file has without compression; a zip archive's is that of the file in it.

    Raises:
        InputError: An archive holds no file, or several.
    """
    if path.suffix.lower() == ".gz":
        return path.stem
    if not _is_archive(path):
        return path.name
    name = _only_member(path).filename
    if path.suffix.lower() != ".zip":
        log.warning("%s is no workbook but an archive; the file in it is read, %s", path, name)
    return name


def _is_archive(path: Path) -> bool:
    """Return True for a zip archive, also one that is called a workbook and is none."""
    if path.suffix.lower() == ".zip":
        return True
    if path.suffix.lower() != ".xlsx":
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return CONTENT_TYPES not in archive.namelist()
    except (OSError, ValueError, zipfile.BadZipFile):
        return False


def uncompressed_content(path: Path) -> bytes | None:
    """Return the whole content of a compressed file; None if it is not compressed.

    Raises:
        InputError: The file cannot be read, or unpacks to more than its size suggests or memory holds.
    """
    if path.suffix.lower() != ".gz" and not _is_archive(path):
        return None
    parts, size = [], 0
    with open_uncompressed(path) as file:
        while part := file.read(CHUNK):
            parts.append(part)
            size += len(part)
            size_limits.ensure_memory(path, size, 0)
    return b"".join(parts)


@contextmanager
def open_uncompressed(path: Path) -> Iterator[IO[bytes]]:
    """Open a file's content, decompressed as it is read.

    Raises:
        InputError: The file cannot be read, or unpacks to far more than its size suggests.
    """
    try:
        if path.suffix.lower() == ".gz":
            with gzip.open(path) as unpacked:
                yield io.BufferedReader(_SizeLimited(unpacked, path))
        elif not _is_archive(path):
            with path.open("rb") as file:
                yield file
        else:
            member = _only_member(path)
            size_limits.ensure_unpacked_size(path, member.file_size)
            with zipfile.ZipFile(path) as archive, archive.open(member) as unpacked:
                yield io.BufferedReader(_SizeLimited(unpacked, path))
    except (OSError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error


def _only_member(path: Path) -> zipfile.ZipInfo:
    """Return the only file of a zip archive; hidden files, as macOS adds them, do not count."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not _is_hidden(member)]
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    if len(members) != 1:
        names = ", ".join(member.filename for member in members[:MAX_LISTED]) + ", …" * (len(members) > MAX_LISTED)
        content = f"{len(members)} files ({names})" if members else "no file"
        raise InputError(f"{path}: the archive holds {content}, one was expected; unpack it and name its files")
    return members[0]


def _is_hidden(member: zipfile.ZipInfo) -> bool:
    parts = PurePosixPath(member.filename).parts
    return member.is_dir() or parts[0] == "__MACOSX" or parts[-1].startswith(".")


class _SizeLimited(io.RawIOBase):
    """Stream that raises InputError when it has returned more bytes than `size_limits` allows."""

    def __init__(self, file: IO[bytes] | gzip.GzipFile, path: Path) -> None:
        self._file = file
        self._path = path
        self._size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        content = self._file.read(len(buffer))
        self._size += len(content)
        size_limits.ensure_unpacked_size(self._path, self._size)
        buffer[: len(content)] = content
        return len(content)

"""Sources of rows on this machine: files, folders that grow by a file a day, and patterns."""

import glob
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from nightshift.data.delta_tables import DELTA_LOG, delta_files, refuse_table_files
from nightshift.data.partitions import partition_columns
from nightshift.data.readers import SUFFIXES, is_readable
from nightshift.errors import InputError

log = logging.getLogger("nightshift.ingest")
HIDDEN = (".", "_")
"""First characters of files and folders that are not read as part of a folder, such as `_SUCCESS`."""
MAX_LISTED = 5
"""Most files that a line of the log lists."""


@dataclass(frozen=True)
class SourceFile:
    """A file of rows, and the columns that the names of its folders give."""

    path: str
    partitions: dict[str, str | None] = field(default_factory=dict)


def files_of(path: str, setting: str, base_dir: Path) -> list[SourceFile]:
    """Return the files that a path means: the file itself, those of a folder, or those that match a pattern.

    Args:
        path: A path or a pattern, absolute or relative to `base_dir`.
        setting: The settings field that names it, for errors.
        base_dir: Folder that relative paths start from.

    Raises:
        InputError: There is no such file, or a folder holds none that can be read.
    """
    base = base_dir.resolve()
    full = base / path
    if full.is_file():
        return [SourceFile(str(full.resolve()))]
    if (full / DELTA_LOG).is_dir():
        return [SourceFile(name, partition_columns(name)) for name in delta_files(full, path, setting)]
    matches = [full] if full.is_dir() else _matches(base, path)
    files = [match for match in matches if match.is_file()]
    folders = [match for match in matches if match.is_dir()]
    if folders and not files:
        files = _files_of_folders(folders, path, setting)
    if not files:
        raise InputError(f"{setting}: no such file: {path}; relative paths start at the folder {base}; mend the path")
    paths = dict.fromkeys(str(file.resolve()) for file in files)
    refuse_table_files(map(Path, paths), os.path.isdir, path, setting)
    return [SourceFile(name, partition_columns(name)) for name in paths]


def _matches(base: Path, pattern: str) -> list[Path]:
    """Return the files and folders that match a pattern, sorted."""
    if not glob.has_magic(pattern):
        return []
    absolute = Path(pattern).is_absolute()
    root, relative = (Path("/"), str(Path(pattern).relative_to("/"))) if absolute else (base, pattern)
    return sorted(root.glob(relative))


def _files_of_folders(folders: list[Path], path: str, setting: str) -> list[Path]:
    """Return the files in folders and in the folders within them, without hidden ones; log those of unknown kinds."""
    files = sorted(
        {
            file
            for folder in folders
            for file in folder.rglob("*")
            if file.is_file() and not is_hidden(file.relative_to(folder))
        }
    )
    readable = [file for file in files if is_readable(file.name)]
    unread = [file.name for file in files if not is_readable(file.name)]
    if not readable:
        raise InputError(
            f"{setting}: the folder {path} holds no file that can be read ({', '.join(SUFFIXES)}), and {len(unread)} others"
        )
    if unread:
        listed = ", ".join(unread[:MAX_LISTED]) + (", …" if len(unread) > MAX_LISTED else "")
        log.warning("%s: %d files of other kinds in %s are not read: %s", setting, len(unread), path, listed)
    return readable


@contextmanager
def named_errors(name: str, location: str) -> Iterator[None]:
    """Name a source, not the copy of it that is read, in errors."""
    try:
        yield
    except InputError as error:
        raise type(error)(str(error).replace(location, name)) from error


def is_hidden(path: PurePath) -> bool:
    """Return True for a path in a folder of which a part is hidden."""
    return any(part.startswith(HIDDEN) for part in path.parts)

"""Delta tables: the files of the newest version, by deltalake."""

from collections.abc import Callable, Iterable
from pathlib import Path, PurePath

from nightshift.errors import InputError, first_line

DELTA_LOG = "_delta_log"
"""Folder of a table that makes it one."""
UNREADABLE_FEATURES = {"columnMapping", "deletionVectors"}
"""Features of a table without which its Parquet files are not its rows."""


def delta_files(folder: Path, path: str, setting: str) -> list[str]:
    """Return the sorted Parquet files of a table's newest version.

    Args:
        folder: Folder of the table.
        path: The folder as the settings name it, for errors.
        setting: The settings field that names it, for errors.

    Raises:
        InputError: deltalake is not installed, the table has a feature that is not supported, or a file is missing.
    """
    root = folder.resolve()
    files = [str(root / name) for name in delta_names(root, path, setting)]
    if missing := [file for file in files if not Path(file).is_file()]:
        raise InputError(f"{setting}: the Delta table {path} lacks a file that its log names: {missing[0]}")
    return files


def delta_names(root: Path, path: str, setting: str) -> list[str]:
    """Return the sorted names of the files of a table's newest version, relative to its folder; they need not be there.

    Args:
        root: Absolute folder that holds the table's log.
        path: The table as the settings name it, for errors.
        setting: The settings field that names it, for errors.

    Raises:
        InputError: deltalake is not installed, or the table has a feature that is not supported.
    """
    try:
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError
    except ModuleNotFoundError as error:
        raise InputError(
            f"{setting}: {path} is a Delta table, and deltalake is not installed; install the extra delta (`pip install deltalake`)"
        ) from error
    try:
        table = DeltaTable(root)
        features = UNREADABLE_FEATURES & set(table.protocol().reader_features or [])
        if table.metadata().configuration.get("delta.columnMapping.mode", "none") != "none":
            features.add("columnMapping")
        uris = table.file_uris()
    except DeltaError as error:
        raise InputError(f"{setting}: the Delta table {path} cannot be read: {first_line(error)}") from error
    if features:
        raise InputError(
            f"{setting}: the Delta table {path} uses {', '.join(sorted(features))}, which are not supported; "
            "write its rows to a table or folder without"
        )
    if not uris:
        raise InputError(f"{setting}: the Delta table {path} holds no rows")
    depth = len(root.parts)  # the URI of the folder is percent-encoded, the names within are as on the disk
    return sorted("/".join(Path(uri.removeprefix("file://")).parts[depth:]) for uri in uris)


def refuse_table_files(files: Iterable[PurePath], is_folder: Callable[[str], bool], path: str, setting: str) -> None:
    """Raise InputError if files that a folder or pattern means lie in a Delta table, which may have replaced them.

    Args:
        files: The files.
        is_folder: Function that returns True for the path of a folder.
        path: The folder or pattern as the settings name it, for errors.
        setting: The settings field that names it, for errors.
    """
    folders = {folder for file in files for folder in file.parents if folder.parts}
    folders -= {folder for folder in folders if "=" in folder.name}  # partitions are no tables
    for folder in sorted(folders, key=lambda folder: len(folder.parts)):
        if is_folder(f"{folder}/{DELTA_LOG}"):
            raise InputError(
                f"{setting}: {path} means single files of the Delta table {folder}, also those that its newest version has "
                "replaced; name the folder of the table"
            )

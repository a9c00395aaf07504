"""Files in object stores and on web servers, by fsspec: listed, and downloaded before they are read."""

import glob
import importlib
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import fsspec
from fsspec.callbacks import Callback

from nightshift.data.delta_tables import DELTA_LOG, delta_names, refuse_table_files
from nightshift.data.partitions import partition_columns
from nightshift.data.readers import SUFFIXES, is_readable
from nightshift.data.sources import is_hidden
from nightshift.errors import InputError, NightshiftError, first_line
from nightshift.redaction import redact

LIBRARIES = {
    "s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs", "abfss": "adlfs",
    "http": "aiohttp", "https": "aiohttp",
}  # fmt: skip
"""Packages that fsspec needs, by the first part of the address."""
ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9_+.-]*)://")
SILENCE_SECONDS = 120
"""Seconds without a byte after which a web server is given up."""


@dataclass(frozen=True)
class RemoteFile:
    """A file in an object store or on a web server."""

    address: str
    size: int | None
    """Bytes; None if the server does not say."""
    version: str
    """Text that changes with the content, such as a strong ETag; empty if the server gives none."""
    partitions: dict[str, str | None] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the file without its folders."""
        return PurePosixPath(urlsplit(self.address).path).name if _is_http(self.address) else Path(self.address).name


def is_remote(address: str) -> bool:
    """Return True for an address such as `s3://bucket/rows.csv`."""
    return bool(ADDRESS.match(address))


def list_files(address: str, setting: str) -> list[RemoteFile]:
    """Return the files that an address means: one file, those of a folder, or those that match a pattern.

    Args:
        address: Address of a file, a folder or a pattern.
        setting: The settings field that names it, for errors.

    Raises:
        InputError: There is none, the server refuses it, or a package is not installed.
    """
    with _errors_as_input(address, setting):
        filesystem, path = _filesystem(address, setting)
        infos = _infos(filesystem, path, address, setting)
    files = [_remote_file(name, info, address) for name, info in sorted(infos.items())]
    if not files:
        raise InputError(f"{setting}: no such file: {address}")
    return files


def download(file: RemoteFile, target: Path, setting: str, check: Callable[[], None]) -> None:
    """Write the content of a remote file to `target`.

    Args:
        file: The remote file.
        target: Path to write to.
        setting: The settings field that names it, for errors.
        check: Function that is called after each chunk; an error that it raises ends the download.

    Raises:
        InputError: The server breaks off.
    """
    with _errors_as_input(file.address, setting):
        filesystem, path = _filesystem(file.address, setting)
        filesystem.get_file(path, str(target), callback=_CheckedProgress(check))
        size = target.stat().st_size
        if file.size is not None and size != file.size:
            raise InputError(f"{setting}: {file.address} ended after {size:,} of {file.size:,} bytes; run again")


class _CheckedProgress(Callback):  # type: ignore[misc]
    """Callback of fsspec that calls a function after each chunk."""

    def __init__(self, check: Callable[[], None]) -> None:
        super().__init__()
        self._check = check

    def call(self, *_args: Any, **_values: Any) -> None:
        self._check()


@contextmanager
def _errors_as_input(address: str, setting: str) -> Iterator[None]:
    """Turn the errors of fsspec's many libraries into an InputError of one line."""
    try:
        yield
    except NightshiftError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"{setting}: no such file: {address}") from error
    except Exception as error:
        raise InputError(f"{setting}: {address} cannot be read: {redact(first_line(error))}") from error


def _filesystem(address: str, setting: str) -> tuple[Any, str]:
    """Return the file system of an address, without caches, and the path there."""
    match = ADDRESS.match(address)
    scheme = match[1].lower() if match else ""
    if scheme not in LIBRARIES:
        raise InputError(
            f"{setting}: {address}: unknown kind of address {scheme}://; expected {', '.join(LIBRARIES)}, or a database such as "
            "postgresql+pg8000://USER@HOST/DATABASE"
        )
    library = LIBRARIES[scheme]
    try:
        importlib.import_module(library)
    except ModuleNotFoundError as error:
        raise InputError(
            f"{setting}: {address}: {library} is not installed; install it into .venv (`pip install {library}`)"
        ) from error
    filesystem, path = fsspec.core.url_to_fs(address, **(_http_options() if _is_http(address) else _STORE_OPTIONS))
    return filesystem, str(path)


_STORE_OPTIONS = {"use_listings_cache": False, "skip_instance_cache": True}
"""A worker lives for weeks: it lists a folder anew every night."""


def _http_options() -> dict[str, Any]:
    from aiohttp import ClientTimeout

    timeout = ClientTimeout(total=None, sock_connect=30, sock_read=SILENCE_SECONDS)
    headers = {"Accept-Encoding": "identity"}  # so that sizes are those of the files
    return _STORE_OPTIONS | {"client_kwargs": {"timeout": timeout, "trust_env": True, "headers": headers}}


def _is_http(address: str) -> bool:
    return address.lower().startswith(("http://", "https://"))


def _infos(filesystem: Any, path: str, address: str, setting: str) -> dict[str, dict[str, Any]]:
    """Return what the server says of each file, by path."""
    if _is_http(address):
        return {path: filesystem.info(path)}
    if filesystem.isfile(path):
        return {path: filesystem.info(path)}
    if glob.has_magic(path):
        matches = filesystem.glob(path, detail=True)
        matches = {name: info for name, info in matches.items() if info["type"] == "file"}
        refuse_table_files(map(PurePosixPath, matches), filesystem.isdir, address, setting)
        return matches
    path = path.rstrip("/")
    if filesystem.isdir(f"{path}/{DELTA_LOG}"):
        return _delta_infos(filesystem, path, address, setting)
    files = filesystem.find(path, detail=True)
    visible = {name: info for name, info in files.items() if not is_hidden(PurePosixPath(name).relative_to(path))}
    readable = {name: info for name, info in visible.items() if is_readable(name)}
    if files and not readable:
        raise InputError(f"{address} holds no file that can be read ({', '.join(SUFFIXES)})")
    refuse_table_files(map(PurePosixPath, readable), filesystem.isdir, address, setting)
    return readable


def _delta_infos(filesystem: Any, path: str, address: str, setting: str) -> dict[str, dict[str, Any]]:
    """Return what the server says of each file of a Delta table's newest version; only the table's log is downloaded."""
    with tempfile.TemporaryDirectory(prefix="nightshift-") as temporary:
        table = Path(temporary).resolve() / "table"
        (table / DELTA_LOG).mkdir(parents=True)
        for name in filesystem.find(f"{path}/{DELTA_LOG}"):
            target = table / PurePosixPath(name).relative_to(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            filesystem.get_file(name, str(target))
        names = delta_names(table, address, setting)
    return {f"{path}/{name}": filesystem.info(f"{path}/{name}") for name in names}


def _remote_file(name: str, info: dict[str, Any], address: str) -> RemoteFile:
    """Return the record of a file; only a single file that is named itself has no partitions."""
    full = address if _is_http(address) else f"{address.partition('://')[0]}://{name}"
    tag = str(info.get("ETag") or info.get("etag") or info.get("md5Hash") or "")
    is_named = full == address
    return RemoteFile(
        full, info.get("size"), "" if tag.startswith("W/") else tag, {} if is_named else partition_columns(name)
    )

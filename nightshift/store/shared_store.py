"""The shared store: complete artifacts at an fsspec address, from which every machine of a team takes them.

NIGHTSHIFT_STORE names it; without one, the folder under NIGHTSHIFT_HOME is all there is. That folder stays the cache that
all code reads. An item of the store is one tar file, written by one put: it is there whole or not at all, and of two
machines that write the same item the last one's stays, whole as well. No conditional write is needed for that.
"""

import logging
import os
import shutil
import tarfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from nightshift.errors import NightshiftError, UserError, first_line
from nightshift.redaction import carries_secret, redact
from nightshift.store import artifact_store, disk

log = logging.getLogger("nightshift.store")
T = TypeVar("T")
VARIABLE = "NIGHTSHIFT_STORE"
LOCAL = "file"
"""First part of the address of a folder that all machines mount."""
SUFFIX = ".tar"
WRITE = "write"
PROBE = "store.json"
"""File that is written and read at the start of a run, to find out whether the store can be used."""
PATIENCE, FIRST_PAUSE, LONGEST_PAUSE = 60.0, 1.0, 15.0
"""Seconds for which a store that does not answer is tried again, and between two attempts."""
TIMEOUTS = {"connect_timeout": 10, "read_timeout": 60, "retries": {"max_attempts": 2}}
"""Settings of botocore, in seconds; s3fs and `_retried` repeat what fails."""


class StoreError(NightshiftError):
    """The shared store failed in the middle of a run; a later run goes on."""


class DamagedItemError(ValueError):
    """An item of the store is no tar file of plain files."""


@dataclass(frozen=True)
class StoredItem:
    """An item of the store."""

    path: str
    """Path relative to the store's address, with its suffix."""
    bytes: int
    timestamp: float
    """Time at which it was written, in seconds since the epoch."""


def is_set() -> bool:
    """Return True if NIGHTSHIFT_STORE names a store."""
    return bool(os.environ.get(VARIABLE))


def ensure_usable() -> None:
    """Write and read a small file if there is a store.

    Raises:
        UserError: The address is wrong, a package is missing, or the store refuses to write or to read.
    """
    if not is_set():
        return
    location = _location()
    try:
        location.filesystem.pipe_file(location.full(PROBE), b'{"format": 1}\n')
        location.filesystem.cat_file(location.full(PROBE))
    except FileNotFoundError as error:
        raise UserError(
            f"{VARIABLE}: {location.address}: no such bucket or folder; make it, or correct the address"
        ) from error
    except PermissionError as error:
        raise UserError(
            f"{VARIABLE}: {location.address} refuses to write: {redact(first_line(error))}; check the credentials in the "
            "environment of this process, and its rights"
        ) from error
    except Exception as error:
        raise _unusable(location.address, error) from error


def _unusable(address: str, error: Exception) -> UserError:
    return UserError(
        f"{VARIABLE}: {address} cannot be used: {redact(first_line(error))}; check the address, the credentials and the network"
    )


def push(source: Path, path: str, replace: bool = False) -> None:
    """Upload a folder or a file as the item `path`, unless the store has it.

    Args:
        source: Complete folder, or file, on this machine.
        path: Path of the item, relative to the store's address; the same as relative to NIGHTSHIFT_HOME.
        replace: Upload it also if the store has it.

    Raises:
        StoreError: The store does not take it.
        FileNotFoundError: A file of the folder has gone meanwhile.
    """
    location = _location()
    target = location.full(path + SUFFIX)
    if not replace and _retried("look for", path, lambda: location.filesystem.exists(target)):
        return
    with artifact_store.temporary_directory() as temporary:
        packed = temporary / "packed.tar"
        pack(source, packed)
        _retried(WRITE, path, lambda: location.put(packed, target))


def pull(path: str, folder: Path) -> None:
    """Download the item `path` into an empty folder.

    Raises:
        FileNotFoundError: The store has no such item.
        DamagedItemError: The item is damaged.
        StoreError: The store does not answer.
    """
    location = _location()
    with artifact_store.temporary_directory() as temporary:
        packed = temporary / "packed.tar"
        _retried("read", path, lambda: location.get(location.full(path + SUFFIX), packed))
        unpack(packed, folder)


def push_file(path: str) -> None:
    """Upload a file of NIGHTSHIFT_HOME, unless there is no store or it has the file."""
    if is_set():
        push(artifact_store.home() / path, path)


def pull_file(path: str) -> None:
    """Download a file of NIGHTSHIFT_HOME, unless it is there or no store has it whole."""
    file = artifact_store.home() / path
    if file.exists() or not is_set():
        return
    with artifact_store.temporary_directory() as temporary, suppress(FileNotFoundError, DamagedItemError):
        pull(path, temporary)
        file.parent.mkdir(parents=True, exist_ok=True)
        (temporary / file.name).replace(file)


def items(folder: str) -> list[StoredItem]:
    """Return the items below a folder of the store."""
    location = _location()
    top = location.full(folder)
    try:
        entries = _retried("list", folder, lambda: location.filesystem.find(top, detail=True))
    except FileNotFoundError:
        return []
    return [
        StoredItem(f"{folder}/{name.removeprefix(top).lstrip('/')}", entry["size"], _timestamp(entry))
        for name, entry in sorted(entries.items())
        if name.endswith(SUFFIX)
    ]


def remove(path: str) -> None:
    """Remove the item `path`, which may carry its suffix, and all items below it."""
    location = _location()
    item = location.full(path.removesuffix(SUFFIX))

    def delete() -> None:
        with suppress(FileNotFoundError):
            location.filesystem.rm_file(item + SUFFIX)
        if location.is_folder:
            shutil.rmtree(item, ignore_errors=True)
            return
        for name in location.filesystem.find(item):  # many at once need a header that some S3 servers do not get
            location.filesystem.rm_file(name)

    _retried("remove", path, delete)


@dataclass(frozen=True)
class _Location:
    """A file system of fsspec, and the path of the store in it."""

    address: str
    filesystem: Any
    root: str

    def full(self, path: str) -> str:
        """Return the path of an item in the file system."""
        return f"{self.root}/{path}"

    def put(self, file: Path, target: str) -> None:
        """Write a file whole or not at all: an object store does so, in a folder it is renamed."""
        if not self.is_folder:
            self.filesystem.put_file(str(file), target)
            return
        if not Path(self.root).is_dir():
            raise OSError(f"{self.root} is not there")
        final, mode = Path(target), Path(self.root).stat().st_mode
        for parent in (p for p in reversed(final.parents) if p.is_relative_to(self.root) and not p.exists()):
            parent.mkdir(exist_ok=True)
            parent.chmod(mode & 0o7777)
        partial = artifact_store.partial_path(final)
        try:
            shutil.copyfile(file, partial)
            partial.chmod(mode & 0o666)  # for the other users of the folder, whatever this process keeps private
            partial.replace(final)
        finally:
            partial.unlink(missing_ok=True)

    def get(self, source: str, file: Path) -> None:
        """Download a file whole."""
        disk.ensure_room()
        self.filesystem.get_file(source, str(file))
        if file.stat().st_size != (size := self.filesystem.size(source)):
            raise OSError(f"{file.stat().st_size:,} of {size:,} bytes came")

    @property
    def is_folder(self) -> bool:
        """True for a folder that all machines mount."""
        return self.address.startswith(f"{LOCAL}://")


def _timestamp(entry: dict[str, Any]) -> float:
    """Return when a file was written, which each file system of fsspec names and writes differently."""
    names = ("LastModified", "last_modified", "mtime", "updated", "created")
    value = next(entry[name] for name in names if name in entry)
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value.timestamp() if isinstance(value, datetime) else float(value)


def _location() -> _Location:
    return _open(os.environ[VARIABLE].rstrip("/"), os.getpid())


@cache
def _open(address: str, _process: int) -> _Location:
    """Return the file system and path of an address; a process that is forked needs another one.

    Raises:
        UserError: The address or the credentials are wrong, or a package is missing.
    """
    import fsspec

    from nightshift.data.remote_files import LIBRARIES

    if carries_secret(address):
        raise UserError(
            f"{VARIABLE}: no user, password or key may stand in the address; set the store's own variables, such as "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    scheme, separator, path = address.partition("://")
    schemes = [name for name in LIBRARIES if not name.startswith("http")]
    if not separator or not path or scheme not in (LOCAL, *schemes):
        expected = ", ".join(f"{name}://" for name in (*schemes, LOCAL))
        raise UserError(
            f"{VARIABLE}: {address}: expected an address such as s3://BUCKET/PREFIX that begins with {expected}"
        )
    if scheme == LOCAL and not Path(path).is_dir():
        raise UserError(f"{VARIABLE}: {address}: no such folder; mount or make it")
    options: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
    if LIBRARIES.get(scheme) == "s3fs":
        options["config_kwargs"] = TIMEOUTS
    try:
        filesystem, root = fsspec.core.url_to_fs(address, **options)
    except ImportError as error:
        library = LIBRARIES[scheme]
        raise UserError(
            f"{VARIABLE}: {address}: {library} is not installed; install it (`pip install {library}`)"
        ) from error
    except Exception as error:  # adlfs connects here
        raise _unusable(address, error) from error
    return _Location(address, filesystem, str(root).rstrip("/"))


def _retried(action: str, path: str, call: Callable[[], T]) -> T:
    """Return the result of a call to the store, which is repeated for `PATIENCE` seconds if the store fails.

    Args:
        action: What the call does, for the message.
        path: Path of the item, for the message.
        call: Function that talks to the store.

    Raises:
        StoreError: It still fails, or the store refuses it.
        FileNotFoundError: The store has no such item.
    """
    deadline, pause = time.monotonic() + PATIENCE, FIRST_PAUSE
    while True:
        try:
            return call()
        except NightshiftError:
            raise
        except Exception as error:
            if isinstance(error, FileNotFoundError) and action != WRITE:
                raise
            line = redact(first_line(error))
            if isinstance(error, PermissionError) or time.monotonic() + pause > deadline or disk.is_short():
                raise StoreError(
                    f"{VARIABLE}: {os.environ[VARIABLE]}: cannot {action} {path}: {line}; run again when the store answers: "
                    "finished stages and checkpoints are kept"
                ) from error
            log.warning("%s does not answer (%s): trying again for a minute", VARIABLE, line)
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def pack(source: Path, target: Path) -> None:
    """Write the files of a folder, or one file, into a tar file, without their owner."""

    def without_owner(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.uid = info.gid = 0
        info.uname = info.gname = ""
        return info

    with tarfile.open(target, "w", dereference=True) as tar:  # else files that are linked are stored as links
        top = source if source.is_dir() else source.parent
        for file in sorted(top.rglob("*")) if source.is_dir() else [source]:
            disk.ensure_room()
            tar.add(file, file.relative_to(top).as_posix(), recursive=False, filter=without_owner)


def unpack(source: Path, folder: Path) -> None:
    """Extract the plain files of a tar file.

    Raises:
        DamagedItemError: It is none, or holds anything else, such as links or names outside the folder.
    """
    try:
        with tarfile.open(source, "r:") as tar:
            for member in tar:
                if not (member.isreg() or member.isdir()) or member.issparse():
                    raise DamagedItemError(f"{member.name!r} is no plain file")
                disk.ensure_room()
                tar.extract(member, folder, filter="data")
    except tarfile.TarError as error:
        raise DamagedItemError(first_line(error)) from error

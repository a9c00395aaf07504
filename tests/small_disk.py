"""A small real file system that a test may fill, in whichever way the kernel allows it here."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

SIZE = 64 * 2**20
"""Bytes: a tiny night takes 16 MB besides its reserve."""
SHARED_MEMORY = Path("/dev/shm")


@dataclass
class SmallDisk:
    """A file system of `SIZE` bytes."""

    path: Path
    """Its folder, as the commands see it."""
    host_path: Path
    """The same folder, as the test sees it."""
    prefix: tuple[str, ...] = ()
    """The words that a command begins with to see the folder."""

    def fill(self) -> None:
        """Write until nothing more can be written."""
        with (self.host_path / "filler").open("wb", 0) as file:
            for size in (2**16, 512):
                with suppress(OSError):
                    while True:
                        file.write(bytes(size))

    def free(self) -> None:
        """Take away what `fill` has written."""
        (self.host_path / "filler").unlink()


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """A small disk: a tmpfs at `folder`, of this machine or of a namespace of its own, or the shared memory of a container."""
    for variant in (mounted, in_a_namespace, in_shared_memory):
        with variant(folder) as disk:
            if disk:
                yield disk
                return
    pytest.skip(
        "no small file system: neither mount nor unshare is allowed here, and /dev/shm is too large to be filled"
    )


def _mount(folder: Path) -> list[str]:
    return ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700,uid={os.getuid()}", "tmpfs", str(folder)]


@contextmanager
def mounted(folder: Path) -> Iterator[SmallDisk | None]:
    """A tmpfs, where this user may mount one, by `sudo` if need be."""
    folder.mkdir(exist_ok=True)
    root = [] if os.getuid() == 0 else ["sudo", "-n"]
    if not _succeeds([*root, *_mount(folder)]):
        yield None
        return
    try:
        yield SmallDisk(folder, folder)
    finally:
        subprocess.run([*root, "umount", "-l", folder], check=True)


@contextmanager
def in_a_namespace(folder: Path) -> Iterator[SmallDisk | None]:
    """A tmpfs in a mount namespace, where users may make such."""
    folder.mkdir(exist_ok=True)
    words = " ".join(_mount(folder)).replace(f"uid={os.getuid()}", "uid=0")
    command = [
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        f"{words} && echo ready && exec sleep 3600",
    ]
    try:
        holder = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    except OSError:
        yield None
        return
    try:
        ready = holder.stdout.readline() == "ready\n"
        prefix = ("nsenter", "--target", str(holder.pid), "--user", "--mount", "--preserve-credentials",
                  "sh", "-c", f"cd {folder.parent} && exec \"$@\"", "sh")  # fmt: skip
        host_path = Path(f"/proc/{holder.pid}/root{folder}")
        yield (
            SmallDisk(folder, host_path, prefix) if ready and _succeeds([*prefix, "test", "-w", str(folder)]) else None
        )
    finally:
        holder.kill()
        holder.communicate()


@contextmanager
def in_shared_memory(_folder: Path) -> Iterator[SmallDisk | None]:
    """The shared memory of a container, which is 64 MB unless its starter says otherwise."""
    with suppress(OSError):
        if shutil.disk_usage(SHARED_MEMORY).total <= 2 * SIZE:
            with tempfile.TemporaryDirectory(dir=SHARED_MEMORY) as name:
                yield SmallDisk(Path(name), Path(name))
                return
    yield None


def _succeeds(command: list[str]) -> bool:
    with suppress(OSError):
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    return False

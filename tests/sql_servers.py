"""A PostgreSQL server for tests, started from the machine's own binaries."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy.engine import URL

PASSWORD = "pa55-of-the-t3st"
"""Password of the user `reader`, who may also write."""


def binary(name: str) -> str:
    """Return the path of one of PostgreSQL's programs; skip the test if it is not installed."""
    paths = [shutil.which(name), *map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))]
    if not (path := next(filter(None, paths), None)):
        pytest.skip(f"{name} is not installed: apt-get install postgresql")
    return path


def _as_postgres() -> dict:
    """Return arguments of subprocess that drop root, as whom PostgreSQL does not run."""
    return {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}


def create_cluster(folder: Path, user: str) -> None:
    """Create a database cluster in `data` of a folder that PostgreSQL's user can reach.

    Args:
        folder: An empty folder, which becomes that user's.
        user: The cluster's administrator, whose password is `PASSWORD`.
    """
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    (folder / "password").write_text(PASSWORD)
    (folder / "password").chmod(0o644)
    command = [binary("initdb"), "-D", "data", "-U", user, "--auth=scram-sha-256", "--pwfile=password", "-N"]
    subprocess.run(command, check=True, capture_output=True, cwd=folder, **_as_postgres())


@contextmanager
def postgres(folder: Path) -> Iterator[URL]:
    """Run a server in an empty folder, and yield the address of its database `shop` with the password."""
    for parent in (folder, *folder.parents[:3]):
        if parent.owner() == "root" and str(parent).startswith("/tmp/"):
            parent.chmod(0o755)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    create_cluster(folder, "reader")
    command = [
        binary("postgres"),
        "-D",
        str(folder / "data"),
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
        "-k",
        str(folder),
        "-F",
    ]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, **_as_postgres())
    try:
        address = URL.create("postgresql+pg8000", "reader", PASSWORD, "127.0.0.1", port, "postgres")
        _wait(address, server, folder)
        yield address
    finally:
        server.send_signal(signal.SIGINT)  # a fast shutdown
        server.wait(30)


def _wait(address: URL, server: "subprocess.Popen[bytes]", folder: Path) -> None:
    """Wait until the server answers."""
    engine = sqlalchemy.create_engine(address, poolclass=sqlalchemy.pool.NullPool)
    deadline = time.monotonic() + 60
    while True:
        with suppress(sqlalchemy.exc.SQLAlchemyError), engine.connect():
            return
        assert server.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
        time.sleep(0.1)

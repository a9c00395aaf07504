"""Copies of a PostgreSQL database by PostgreSQL's own pg_dump and pg_restore."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from cli import team_storage
from nightshift.errors import UserError
from nightshift.redaction import redact
from nightshift.store import artifact_store

if TYPE_CHECKING:
    from sqlalchemy import URL

DUMP, RESTORE = "pg_dump", "pg_restore"
PACKAGED = Path("/usr/lib/postgresql")
"""Folder in which Debian keeps the programs of each version."""
DRIVER = "pg8000"


def dump(url: "URL", file: Path) -> None:
    """Write a database, as it is between two transactions, into a file of pg_dump's custom format.

    Raises:
        UserError: pg_dump is missing or older than the server, or fails.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    _run(DUMP, url, "--format=custom", f"--file={file}", "--no-owner", "--no-privileges")


def ensure_restorable(url: "URL") -> None:
    """Create a database if it does not exist.

    Raises:
        UserError: It holds tables, or pg_restore is missing or older than the server.
    """
    team_storage.ensure_exists(url)
    tables = team_storage.execute(
        url, "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    )
    if tables:
        raise UserError(
            f"the database {url.database} at {url.host}:{url.port or 5432} is not empty: a backup is restored into empty databases "
            f"only; drop it, or name another server or prefix in {artifact_store.POSTGRES}"
        )
    _program(RESTORE, url)


def restore(url: "URL", file: Path) -> None:
    """Fill an empty database from a file of `dump`, whole or not at all; errors as in `dump`."""
    _run(RESTORE, url, "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error", str(file))


def remove_all(url: "URL") -> None:
    """Remove all tables, types and functions of a database that was empty before `restore`."""
    team_storage.execute(url, "DROP SCHEMA public CASCADE")
    team_storage.execute(url, "CREATE SCHEMA public")


def _run(name: str, url: "URL", *options: str) -> None:
    """Run one of PostgreSQL's programs on a database; the password is in its environment only."""
    where = [f"--host={url.host}", f"--port={url.port or 5432}", f"--username={url.username}", "--no-password"]
    environment = os.environ | {"PGCONNECT_TIMEOUT": str(team_storage.CONNECT_TIMEOUT)}
    if url.password:
        environment["PGPASSWORD"] = str(url.password)
    command = [str(_program(name, url)), *where, f"--dbname={url.database}", *options]
    completed = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if completed.returncode:
        lines = [line for line in completed.stderr.splitlines() if line.strip()] or ["it says nothing"]
        raise UserError(f"{name} of {url.database} at {url.host} failed: {redact(lines[0].strip())}")


def _program(name: str, url: "URL") -> Path:
    """Return the newest installed version of one of PostgreSQL's programs.

    Raises:
        UserError: None is installed, or the newest is older than the server.
    """
    packaged = [path for path in PACKAGED.glob(f"*/bin/{name}") if os.access(path, os.X_OK)]
    on_path = [Path(path)] if (path := shutil.which(name)) else []
    server = int(str(team_storage.execute(url, "SHOW server_version_num"))) // 10000
    package = f"install PostgreSQL's client programs of version {server} or newer (postgresql-client-{server})"
    versions = [(_version(path), path) for path in [*on_path, *packaged]]
    if not versions:
        raise UserError(f"{name} is neither on the PATH nor in {PACKAGED}: {package}")
    version, newest = max(versions)
    if version < server:
        raise UserError(f"{newest} is of version {version}, and the server of {server}: {package}")
    return newest


def _version(program: Path) -> int:
    """Return the major version of one of PostgreSQL's programs; 0 if it does not say it."""
    try:
        completed = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return 0
    number = re.search(r"\) (\d+)", completed.stdout)
    return int(number[1]) if number else 0

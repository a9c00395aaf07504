"""Settings of the servers that are read from the environment: who signs in, by what names they answer, their databases."""

import os
import re
import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel

from nightshift.errors import SettingsError
from nightshift.redaction import redact
from nightshift.store import artifact_store

if TYPE_CHECKING:
    from sqlalchemy import URL

PREFIX = "NIGHTSHIFT_"
DATABASES = ("prefect", "mlflow")
"""Databases on the PostgreSQL server; their names there begin with a prefix."""
DEFAULT_PREFIX = "nightshift"


class ServerSettings(BaseModel):
    """Settings of the servers; each field is the environment variable NIGHTSHIFT_FIELD."""

    users: bool = False
    """True if people sign in at MLflow with names of their own instead of the token."""
    prefect_url: str = ""
    """Address by which people reach Prefect through a proxy."""
    mlflow_url: str = ""
    """Address by which people reach MLflow through a proxy."""
    postgres: str = ""
    """Address of a PostgreSQL server, `postgresql://USER@HOST:PORT/PREFIX`; SQLite files of NIGHTSHIFT_HOME if empty."""
    artifacts: str = ""
    """Address at which MLflow's server keeps artifacts, such as `s3://BUCKET/mlflow`; a folder of NIGHTSHIFT_HOME if empty."""

    @classmethod
    def from_environment(cls) -> Self:
        """Return the settings in this process's environment.

        Raises:
            SettingsError: A variable has a wrong value.
        """
        values = {field: os.environ.get(PREFIX + field.upper(), "") for field in cls.model_fields}
        if values["users"] not in ("", "true", "false"):
            raise SettingsError(f"NIGHTSHIFT_USERS: {values['users']}: expected true or false")
        for field in ("prefect_url", "mlflow_url"):
            _validate_url(PREFIX + field.upper(), values[field])
            values[field] = values[field].rstrip("/")
        if values["postgres"]:
            _validate_postgres(values["postgres"])
        return cls.model_validate({field: value for field, value in values.items() if value})

    @property
    def host_names(self) -> tuple[str, ...]:
        """Return the host names of the public addresses."""
        return tuple(name for url in (self.prefect_url, self.mlflow_url) if (name := urlsplit(url).hostname))

    @property
    def storage(self) -> list[str]:
        """Return the addresses of PostgreSQL and of MLflow's artifacts that are set, without password."""
        return [redact(address) for address in (self.postgres, self.artifacts) if address]

    def database(self, name: str, driver: str) -> "URL":
        """Return the address of one of `DATABASES` on the PostgreSQL server, with the password if there is one.

        Args:
            name: prefect or mlflow.
            driver: Name of SQLAlchemy's driver, such as pg8000.
        """
        from sqlalchemy import make_url

        server = make_url(self.postgres)
        url = server.set(drivername=f"postgresql+{driver}", database=f"{server.database or DEFAULT_PREFIX}_{name}")
        return url if url.password else url.set(password=_password(url))


def _validate_postgres(address: str) -> None:
    parts = urlsplit(address)
    is_server = parts.scheme == "postgresql" and parts.hostname and parts.username and not parts.query
    if not (is_server and _has_port(parts) and re.fullmatch(r"/?|/[a-z_][a-z0-9_]*", parts.path)):
        raise SettingsError(
            f"--postgres ({artifact_store.POSTGRES}): {redact(address)}: expected postgresql://USER@HOST:PORT/PREFIX, with a prefix of small letters for "
            "the names of the databases, and the password in PGPASSWORD or ~/.pgpass"
        )


def _has_port(parts: SplitResult) -> bool:
    """Return False if the port is no number."""
    with suppress(ValueError):
        return parts.port != 0
    return False


def _password(url: "URL") -> str | None:
    """Return the password for a database from PGPASSWORD or the password file, as PostgreSQL's own clients do."""
    if given := os.environ.get("PGPASSWORD"):
        return given
    file = Path(os.environ.get("PGPASSFILE") or Path.home() / ".pgpass")
    wanted = (url.host or "localhost", str(url.port or 5432), url.database, url.username)
    with suppress(OSError):
        for line in file.read_text(encoding="utf-8").splitlines():
            fields = [re.sub(r"\\(.)", r"\1", field) for field in re.findall(r"(?:^|:)((?:\\.|[^:\\])*)", line)]
            if len(fields) == 5 and all(a in ("*", b) for a, b in zip(fields[:4], wanted, strict=True)):
                return fields[4]
    return None


def _validate_url(variable: str, address: str) -> None:
    parts = urlsplit(address)
    is_url = parts.scheme in ("http", "https") and parts.hostname and not parts.username and not parts.path.strip("/")
    if address and not is_url:
        raise SettingsError(f"{variable}: {redact(address)}: expected https://NAME or https://NAME:PORT")


def secret(name: str) -> str:
    """Return a secret of this NIGHTSHIFT_HOME; create it if there is none.

    Args:
        name: Name of its file, such as `token`. The environment variable NIGHTSHIFT_NAME goes before it, for containers.
    """
    if given := os.environ.get(PREFIX + name.upper().replace("-", "_")):
        return given
    path = artifact_store.home() / name
    with suppress(FileNotFoundError):
        if text := path.read_text(encoding="ascii").strip():
            return text
    path.parent.mkdir(parents=True, exist_ok=True)
    new_secret = secrets.token_urlsafe(32)
    partial = artifact_store.partial_path(path)
    partial.unlink(missing_ok=True)
    partial.touch(0o600, exist_ok=False)
    partial.write_text(new_secret + "\n", encoding="ascii")
    partial.replace(path)
    return new_secret

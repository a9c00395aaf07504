"""PostgreSQL and an object store behind the servers of `nightshift up`, in place of files of NIGHTSHIFT_HOME.

`up` remembers their addresses in NIGHTSHIFT_HOME/team-storage.json, and every command of the home passes them on as
environment variables, which a container that runs one server sets itself. Passwords are in neither.
"""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from cli.server_settings import DATABASES, ServerSettings
from nightshift.errors import UserError, first_line
from nightshift.redaction import redact
from nightshift.store import artifact_store, shared_store

if TYPE_CHECKING:
    from sqlalchemy import URL

CONNECT_TIMEOUT = 10
"""Seconds until a PostgreSQL server that does not answer counts as not reachable."""
MISSING_DATABASE = "3D000"
"""PostgreSQL's code of the error."""
ARTIFACT_PACKAGES = {"s3": "boto3", "gs": "google.cloud.storage", shared_store.LOCAL: ""}
"""Packages by which MLflow's server keeps artifacts, by the first part of the address."""


class TeamStorage(BaseModel):
    """Addresses that `up` was given; empty for files of NIGHTSHIFT_HOME."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    postgres: str = ""
    store: str = ""

    @classmethod
    def remembered(cls) -> Self:
        """Return the addresses that the last `up` used.

        Raises:
            UserError: The file is damaged.
        """
        try:
            return cls.model_validate_json(_file().read_bytes())
        except FileNotFoundError:
            return cls()
        except ValidationError as error:
            raise UserError(
                f"{_file()} is damaged: remove it, and name --postgres and --store of `nightshift up` again"
            ) from error

    def remember(self) -> None:
        """Keep the addresses for the next commands of this home."""
        if self == TeamStorage():
            _file().unlink(missing_ok=True)
        else:
            artifact_store.write_text(_file(), self.model_dump_json(indent=1) + "\n")

    @property
    def variables(self) -> dict[str, str]:
        """Return the environment variables of the addresses that are set."""
        artifacts = f"{self.store.rstrip('/')}/mlflow" if self.store else ""
        values = {
            artifact_store.POSTGRES: self.postgres,
            shared_store.VARIABLE: self.store,
            artifact_store.ARTIFACTS: artifacts,
        }
        return {name: value for name, value in values.items() if value}

    def changes_to(self, chosen: Self) -> list[str]:
        """Return a line for each place whose content stays where it is when other addresses are chosen."""
        lines = []
        if chosen.postgres != self.postgres:
            home = artifact_store.home()
            old = self.postgres or (f"{home}/mlflow and {home}/prefect" if (home / "mlflow/mlflow.db").exists() else "")
            new = chosen.postgres or "files of this home"
            if old:
                lines.append(f"the registry and the runs of before stay in {old}; they are not copied to {new}")
        if chosen.store == self.store:
            return lines
        if self.store:
            lines.append(f"outputs and artifacts of before stay at {self.store}; they are not copied")
        elif not lines:
            lines.append(
                "artifacts of models that are in MLflow already stay where they are; those of new ones go there"
            )
        return lines


def _file() -> Path:
    return artifact_store.home() / "team-storage.json"


def set_variables() -> None:
    """Set the variables of the remembered addresses, unless the environment has others."""
    for name, value in TeamStorage.remembered().variables.items():
        os.environ.setdefault(name, value)


def chosen(postgres: str | None, store: str | None) -> TeamStorage:
    """Return the remembered addresses with those that are given, and set the variables accordingly.

    Args:
        postgres: Address of a PostgreSQL server; empty for SQLite files, None for what is remembered.
        store: Address of an object store; empty for this home, None for what is remembered.
    """
    remembered = TeamStorage.remembered()
    options = {name: value for name, value in (("postgres", postgres), ("store", store)) if value is not None}
    storage = remembered.model_copy(update=options)
    before, after = remembered.variables, storage.variables
    for name in before.keys() - after.keys():
        os.environ.pop(name, None)
    os.environ |= {name: value for name, value in after.items() if value != before.get(name) or name not in os.environ}
    return storage


def ensure_usable() -> None:
    """Create the databases that do not exist, and write and read a small file in the store.

    Raises:
        UserError: PostgreSQL or the store cannot be used, or a package is missing.
    """
    settings = ServerSettings.from_environment()
    if settings.artifacts:
        _ensure_package(settings.artifacts)
    missing = missing_databases(settings)
    shared_store.ensure_usable()
    for name in missing:
        ensure_database(settings, name)


def ensure_database(settings: ServerSettings, name: str) -> None:
    """Create one of `DATABASES` if there is a PostgreSQL server on which it does not exist; errors as in `ensure_usable`."""
    if settings.postgres:
        ensure_exists(settings.database(name, "pg8000"))


def ensure_exists(url: "URL") -> None:
    """Create a database if it does not exist; errors as in `ensure_usable`."""
    if not _exists(url):
        execute(url.set(database="postgres"), f'CREATE DATABASE "{url.database}"')


def _ensure_package(address: str) -> None:
    """Raise UserError unless MLflow's server can keep artifacts at an address."""
    scheme, shown = address.partition("://")[0], redact(address.removesuffix("/mlflow"))
    if scheme not in ARTIFACT_PACKAGES:
        expected = ", ".join(f"{name}://" for name in ARTIFACT_PACKAGES)
        raise UserError(
            f"--store: {shown}: MLflow's artifacts need one of {expected}; other addresses are for outputs of stages "
            f"only: set {shared_store.VARIABLE} instead"
        )
    package = ARTIFACT_PACKAGES[scheme]
    try:
        is_missing = bool(package) and find_spec(package) is None
    except ModuleNotFoundError:
        is_missing = True
    if is_missing:
        name = package.replace(".", "-")
        raise UserError(f"--store: {shown}: {name} is not installed; install it (`pip install {name}`)")


def missing_databases(settings: ServerSettings) -> list[str]:
    """Return those of `DATABASES` that do not exist on the PostgreSQL server; none without such a server.

    Raises:
        UserError: The server does not answer, or refuses.
    """
    if not settings.postgres:
        return []
    return [name for name in DATABASES if not _exists(settings.database(name, "pg8000"))]


def _exists(url: "URL") -> bool:
    """Return False if PostgreSQL says that a database does not exist."""
    try:
        execute(url, "SELECT 1")
    except UserError as error:
        if _details(error.__cause__).get("C") == MISSING_DATABASE:
            return False
        raise
    return True


def execute(url: "URL", statement: str) -> object:
    """Execute a statement in a connection of its own, and return the first value of its answer; None without one.

    Raises:
        UserError: The server does not answer, or refuses.
    """
    import sqlalchemy

    where = f"--postgres: {url.username}@{url.host}:{url.port or 5432}"
    options = {"timeout": CONNECT_TIMEOUT}
    try:
        engine = sqlalchemy.create_engine(
            url, isolation_level="AUTOCOMMIT", poolclass=sqlalchemy.pool.NullPool, connect_args=options
        )
        with engine.connect() as connection:
            result = connection.execute(sqlalchemy.text(statement))
            return result.scalar() if result.returns_rows else None
    except ModuleNotFoundError as error:
        raise UserError(f"{where}: pg8000 is not installed; install it (`pip install pg8000`)") from error
    except Exception as error:
        reason = _details(error).get("M") or first_line(error)
        raise UserError(
            f"{where} cannot be used: {redact(reason)}; check that PostgreSQL runs there, the password in PGPASSWORD or "
            "~/.pgpass, and that the user may use or create the databases"
        ) from error


def _details(error: BaseException | None) -> dict[str, str]:
    """Return the fields of PostgreSQL's message, such as its code C and its text M."""
    arguments = getattr(getattr(error, "orig", None), "args", ())
    return arguments[0] if arguments and isinstance(arguments[0], dict) else {}

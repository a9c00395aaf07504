"""`nightshift backup` and `nightshift restore`: all of a NIGHTSHIFT_HOME that cannot be made again, in one file.

In it are MLflow's databases (runs, registry, ledger, users) and files, Prefect's database, the recorded digests of
registered files, reports, review lists, records of `watch`, and the secrets of the servers; with `up --postgres --store`
also the databases on PostgreSQL and MLflow's artifacts in the store. Outputs of stages and checkpoints of running trainings
are not: nights make them again, and whatever champion, previous and anchor need lies in MLflow.

The servers may run: SQLite's online backup and pg_dump copy a database as it is between two transactions. Nights may not:
their locks are held meanwhile, so that no file changes after its record was copied.
"""

import logging
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

from cli import access, backup_archive, postgres_copies, servers
from cli.backup_archive import Manifest, Source
from cli.server_settings import DATABASES, ServerSettings
from cli.stored_artifacts import StoredArtifacts
from cli.team_storage import TeamStorage
from nightshift.errors import UserError
from nightshift.registry import ledger, locks, model_registry, tracking
from nightshift.store import artifact_store

log = logging.getLogger("nightshift.backup")
PREFECT_DATABASE = "prefect/prefect.db"
MLFLOW_DATABASES = ("mlflow/mlflow.db", "mlflow/users.db")
FOLDERS = ("mlflow/artifacts", "registered", "reports", "reviews", "watched")
FILES = (access.TOKEN, access.NIGHTLY_PASSWORD, "admin-password", "team-storage.json")
POSTGRES, STORED = "postgres", "stored-artifacts"
"""Folders of the backup with the dumps of PostgreSQL's databases, and with MLflow's artifacts in the store."""
PACKAGES = ("nightshift", "mlflow", "prefect")
UNFINISHED = ".partial"
"""Suffix of the folder that a restore writes into, and of the files that other processes are writing."""


def back_up(target: Path) -> list[str]:
    """Write a backup of NIGHTSHIFT_HOME and return lines that describe it.

    Args:
        target: An existing folder, in which the file is named after the time, or a new file that ends in `.tar`.

    Raises:
        UserError: `target` is neither, a night is running, or MLflow's database is not in this home.
    """
    file, settings = _new_file(target.absolute()), ServerSettings.from_environment()
    _ensure_own_registry(settings)
    with artifact_store.temporary_directory() as copies, ExitStack() as stack:
        notes = _copy_prefect(settings, copies)
        names = _models()
        for name in names:
            stack.enter_context(locks.locked(name, "night", wait=False))
        _copy_mlflow(settings, copies, names)
        manifest = Manifest(
            home=str(artifact_store.home()),
            created=datetime.now().astimezone().isoformat(timespec="seconds"),
            packages={package: version(package) for package in PACKAGES},
            models={name: model_registry.version_of(name, model_registry.CHAMPION) or "" for name in names},
            postgres=_without_password(settings.postgres),
            artifacts=settings.artifacts,
        )
        files = {path.relative_to(copies).as_posix(): path for path in sorted(copies.rglob("*")) if path.is_file()}
        sources = {name: backup_archive.local(path) for name, path in (files | dict(_home_files())).items()}
        backup_archive.write(file, manifest, sources | _stored_sources(settings))
    size = f"{file.stat().st_size / 1e6:,.1f} MB"
    return [
        f"{file}: {len(manifest.files):,} files, {size}; it holds rows and passwords",
        *_model_lines(manifest),
        *notes,
    ]


def restore(file: Path) -> list[str]:
    """Write a backup into NIGHTSHIFT_HOME, which must be empty, and return lines that say what to do next.

    Databases on PostgreSQL and artifacts in a store go to where they were, or to the addresses in the environment.

    Raises:
        UserError: The home, a database or the store is not empty, the home is another one than that of the backup, or the
            file is damaged.
    """
    home = artifact_store.home()
    _ensure_empty(home)
    manifest = backup_archive.verify(file)
    if manifest.home != str(home):
        raise UserError(
            f"{file} is of the home {manifest.home}, and MLflow's records hold that path: set NIGHTSHIFT_HOME to it"
        )
    settings = _restore_targets(manifest)
    with ExitStack() as undo, _unfinished(home) as folder:
        backup_archive.extract(file, folder)
        _restore_storage(settings, folder, undo)
        if (remembered := folder / "team-storage.json").exists():
            postgres, store = _without_password(settings.postgres), settings.artifacts.removesuffix("/mlflow")
            artifact_store.write_text(remembered, TeamStorage(postgres=postgres, store=store).model_dump_json(indent=1))
        for path in sorted(folder.iterdir(), key=lambda path: path.name != "mlflow"):
            path.rename(home / path.name)
        undo.pop_all()
    return [
        f"{home} is as it was at {manifest.created}",
        *(f"{address} too" for address in settings.storage),
        *_model_lines(manifest),
        *(f"to check it: nightshift verify {name}" for name in manifest.models),
    ]


def _new_file(target: Path) -> Path:
    """Return the file to write."""
    if target.is_relative_to(artifact_store.home()):
        raise UserError(f"{target} is in NIGHTSHIFT_HOME and would be lost with it: name another disk")
    if target.is_dir():
        return target / f"nightshift-{datetime.now():%Y-%m-%d-%H%M%S}.tar"
    if target.exists() or target.suffix != ".tar" or not target.parent.is_dir():
        raise UserError(f"{target}: expected a folder that exists, or a new file in one that ends in .tar")
    return target


def _ensure_own_registry(settings: ServerSettings) -> None:
    """Raise UserError unless MLflow's database is the SQLite file of this home, or that of its servers on PostgreSQL."""
    running = servers.running()
    own = ("", artifact_store.own_registry(), running.mlflow if running else "")
    if (address := os.environ.get("MLFLOW_TRACKING_URI", "")) not in own:
        raise UserError(
            f"MLflow's records are at {tracking.without_credentials(address)}, which this home cannot copy: back up its "
            "database (pg_dump, for PostgreSQL) and its artifacts there"
        )
    if not settings.postgres and not (artifact_store.home() / MLFLOW_DATABASES[0]).exists():
        raise UserError(f"nothing to back up: {artifact_store.home()} has no {MLFLOW_DATABASES[0]}")


def _models() -> list[str]:
    """Return the names of the registered models, without the ledgers."""
    return sorted(name for name in tracking.registered_names() if not name.endswith(ledger.SUFFIX))


def _copy_prefect(settings: ServerSettings, copies: Path) -> list[str]:
    """Copy Prefect's database; return a line if it is not in this home.

    Call it before the locks are taken, which are records in that database.
    """
    from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL, PREFECT_API_URL

    running = servers.running()
    address = PREFECT_API_URL.value()
    if address and not (running and address == running.prefect + "/api"):
        return [f"Prefect's database is not in it: {address} is another server; back it up there"]
    if settings.postgres:
        _dump(settings, "prefect", copies)
        return []
    database = artifact_store.home() / PREFECT_DATABASE
    connection = str(PREFECT_API_DATABASE_CONNECTION_URL.value())
    if not connection.startswith("sqlite") or not connection.endswith(str(database)):
        shown = tracking.without_credentials(connection)
        return [f"Prefect's database is not in it: it is {shown}; back it up with that server's tool, such as pg_dump"]
    _copy_database(database, copies / PREFECT_DATABASE)
    return []


def _copy_mlflow(settings: ServerSettings, copies: Path, names: list[str]) -> None:
    """Copy MLflow's databases while no alias moves."""
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(locks.locked(name, "aliases"))
        if settings.postgres:
            _dump(settings, "mlflow", copies)
            return
        for database in MLFLOW_DATABASES:
            _copy_database(artifact_store.home() / database, copies / database)


def _dump(settings: ServerSettings, name: str, copies: Path) -> None:
    postgres_copies.dump(settings.database(name, postgres_copies.DRIVER), copies / POSTGRES / f"{name}.dump")


def _copy_database(source: Path, target: Path) -> None:
    """Copy a SQLite file that other processes may be writing to; do nothing if there is none.

    Raises:
        UserError: It is damaged.
    """
    if not source.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with closing(sqlite3.connect(source, timeout=60)) as live, closing(sqlite3.connect(target)) as copy:
            live.backup(copy)
            (state,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        state = str(error)
    if state != "ok":
        raise UserError(f"{source} is damaged ({state.splitlines()[-1]}): no backup was written; keep the earlier ones")


def _home_files() -> Iterator[tuple[str, Path]]:
    """Yield the files of the home that are copied as they are, by their path in it."""
    home = artifact_store.home()
    paths = [home / name for name in FILES]
    for folder in FOLDERS:
        paths += sorted((home / folder).rglob("*"))
    for path in paths:
        name = path.relative_to(home)
        if path.is_file() and not path.is_symlink() and not any(part.endswith(UNFINISHED) for part in name.parts):
            yield name.as_posix(), path


def _stored_sources(settings: ServerSettings) -> dict[str, Source]:
    """Return MLflow's artifacts in the store, by their path in the backup; none if they are in this home."""
    if not settings.artifacts:
        return {}
    stored = StoredArtifacts(settings.artifacts)
    return {
        f"{STORED}/{name}": Source(f"{settings.artifacts}/{name}", partial(stored.open, name), size)
        for name, size in stored.sizes().items()
    }


def _without_password(address: str) -> str:
    from sqlalchemy import make_url

    return make_url(address).set(password=None).render_as_string() if address else ""


def _restore_targets(manifest: Manifest) -> ServerSettings:
    """Return the addresses to restore databases and artifacts to, which must be empty; databases are created.

    Raises:
        UserError: One is not empty, cannot be used, or is named and not part of the backup.
    """
    for variable, stored in (
        (artifact_store.POSTGRES, manifest.postgres),
        (artifact_store.ARTIFACTS, manifest.artifacts),
    ):
        if os.environ.get(variable) and not stored:
            raise UserError(f"{variable} is set, and the backup is of a home without: unset it")
        if stored:
            os.environ.setdefault(variable, stored)
    settings = ServerSettings.from_environment()
    if settings.artifacts:
        StoredArtifacts(settings.artifacts).ensure_empty()
    if settings.postgres:
        for name in DATABASES:
            postgres_copies.ensure_restorable(settings.database(name, postgres_copies.DRIVER))
    return settings


def _restore_storage(settings: ServerSettings, folder: Path, undo: ExitStack) -> None:
    """Write what was extracted for the store and for PostgreSQL to there, and remove it from the folder.

    Args:
        settings: The addresses, which are empty.
        folder: Folder of what was extracted.
        undo: Empties them again if the restore fails. If it is killed, the next one says that they must be emptied.
    """
    if settings.artifacts and (folder / STORED).exists():
        stored = StoredArtifacts(settings.artifacts)
        undo.callback(_try_to_empty, stored.remove_all)
        stored.put(folder / STORED)
        shutil.rmtree(folder / STORED)
    if settings.postgres:
        for file in sorted((folder / POSTGRES).iterdir()):
            url = settings.database(file.stem, postgres_copies.DRIVER)
            postgres_copies.restore(url, file)
            undo.callback(_try_to_empty, partial(postgres_copies.remove_all, url))
        shutil.rmtree(folder / POSTGRES)


def _try_to_empty(remove_all: Callable[[], None]) -> None:
    """Empty a place after a restore has failed; if that fails too, the error of the restore is the one to tell."""
    try:
        remove_all()
    except UserError as error:
        log.warning("not emptied again: %s", error)


def _model_lines(manifest: Manifest) -> list[str]:
    return [f"{name}: champion is version {number or '-'}" for name, number in manifest.models.items()]


def _ensure_empty(home: Path) -> None:
    """Raise UserError if a home holds anything besides what a killed restore has left, which is removed."""
    for path in home.glob(f"restore.*{UNFINISHED}"):
        if artifact_store.is_abandoned(path):
            shutil.rmtree(path)
    if contents := sorted(path.name for path in home.iterdir()):
        raise UserError(
            f"{home} is not empty ({', '.join(contents[:5])}): a backup is restored into an empty folder only; "
            "`nightshift down`, and move this one away"
        )


@contextmanager
def _unfinished(home: Path) -> Iterator[Path]:
    """Yield a new folder in the home, which is removed at the end with whatever is still in it."""
    folder = artifact_store.partial_path(home / "restore")
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder)

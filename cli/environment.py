"""Environment of a command: variables that Prefect, MLflow and nightshift read, set before Prefect is imported.

For commands that run a flow it also starts a temporary Prefect server while the imports go on.
`python -m cli.environment COMMAND …` runs a server or a worker of Prefect in it, for containers and systemd.
"""

import atexit
import errno
import gc
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, NoReturn

from cli import access, team_storage
from cli.server_settings import ServerSettings
from cli.temporary_server import TemporaryServer
from nightshift import imports
from nightshift.errors import NightshiftError, UserError
from nightshift.store import artifact_store, disk
from nightshift.store.permissions import keep_private

DEFAULTS = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(90 * 24 * 60 * 60),  # seconds since the end of a run
    "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",  # of a run that fails Prefect keeps the error, else as a pickle
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",  # tells other machines that a run lives
    "PREFECT_CLIENT_RETRY_EXTRA_CODES": "500",  # the answer of a Prefect server whose PostgreSQL is away
    "PREFECT_LOGGING_LEVEL": "INFO",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "GX_ANALYTICS_ENABLED": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "OMP_WAIT_POLICY": "PASSIVE",  # on a shared machine torch's threads would spin against other processes
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "PREFECT_LOGGING_EXTRA_LOGGERS": "nightshift,torch,transformers,great_expectations,mlflow",
}

SERVER_DEFAULTS = {
    "PREFECT_UI_API_URL": "/api",  # of the address that the browser has opened: 127.0.0.1, localhost, a tunnel's
    "PREFECT_SERVER_UI_V2_ENABLED": "false",  # the links in runs and logs lead to the first one
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "DEBUG",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}
"""Variables of servers and workers."""

UNUSABLE = "%?#"
"""Characters with a special meaning in addresses of SQLite files and artifacts."""


def _servers() -> dict[str, str]:
    """Return the addresses of the servers that `nightshift up` has started."""
    if not (artifact_store.home() / "servers.json").exists():
        return {}
    from cli import servers

    up = servers.running()
    if not (up and up.ready):
        return {}
    pages = ServerSettings.from_environment().prefect_url or up.prefect
    return {"PREFECT_API_URL": up.prefect + "/api", "PREFECT_UI_URL": pages, "MLFLOW_TRACKING_URI": up.mlflow}


def prepare() -> None:
    """Set the variables that the user has not set.

    Raises:
        UserError: NIGHTSHIFT_HOME cannot be written, or its path has a character that addresses of files cannot hold.
        DiskFullError: The disk is full.
    """
    home = artifact_store.home()
    if invalid := sorted(set(UNUSABLE) & set(str(home))):
        raise UserError(
            f"NIGHTSHIFT_HOME: {home} has {' and '.join(invalid)} in it, which the addresses of MLflow's and Prefect's files "
            "cannot hold: name another folder"
        )
    os.environ["NIGHTSHIFT_HOME"] = str(home)
    team_storage.set_variables()
    folders = {"PREFECT_HOME": str(home / "prefect"), "PREFECT_RESULTS_LOCAL_STORAGE_PATH": str(artifact_store.root())}
    servers = _servers()
    for name, value in (DEFAULTS | folders | servers).items():
        os.environ.setdefault(name, value)
    try:
        keep_private()
        (home / "prefect").mkdir(parents=True, exist_ok=True)
        _set_credentials(servers)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT) and (full := disk.explanation(error)):
            raise full from error
        raise UserError(
            f"NIGHTSHIFT_HOME: {home} cannot be written: {error.strerror}; name a folder of yours"
        ) from error


def use_own_registry(folder: Path) -> None:
    """Make a folder NIGHTSHIFT_HOME, and take no server: the registry is a file in it."""
    os.environ["NIGHTSHIFT_HOME"] = str(folder)
    for name in ("MLFLOW_TRACKING_URI", "PREFECT_API_URL", "PREFECT_HOME", "PREFECT_RESULTS_LOCAL_STORAGE_PATH",
                 *artifact_store.SERVERS_STORAGE):  # fmt: skip
        os.environ.pop(name, None)


def _set_credentials(servers: dict[str, str]) -> None:
    """Set the token for nightshift's own servers only: the running ones, or a temporary Prefect server."""
    own_servers = {name for name, address in servers.items() if os.environ[name] == address}
    credentials: dict[str, str] = {}
    if "PREFECT_API_URL" in own_servers:
        credentials |= access.prefect_credentials()
    elif not os.environ.get("PREFECT_API_URL") and not Path(os.environ["PREFECT_HOME"], "profiles.toml").exists():
        credentials |= access.temporary_prefect_credentials()
    if "MLFLOW_TRACKING_URI" in own_servers:
        credentials |= access.mlflow_credentials()
    os.environ |= credentials


@contextmanager
def starting() -> Iterator[None]:
    """Start a temporary Prefect server, if one is needed, while the block imports the flow."""
    disk.keep_reserve()  # Prefect's server would not start on a full disk
    with imports.uncollected():
        server = _temporary_server()
        yield
    if server:
        server.wait()
    atexit.register(gc.freeze)
    hide_full_disk_logs()


def hide_full_disk_logs() -> None:
    """Hide errors of Prefect's log worker and tracebacks of MLflow that are caused by a full disk."""
    from prefect.logging.handlers import APILogWorker

    logging.getLogger("mlflow.store.db.utils").addFilter(disk.is_other)
    connected = APILogWorker._lifespan

    @asynccontextmanager
    async def lifespan(worker: APILogWorker) -> AsyncIterator[None]:
        async with connected(worker):
            send = worker._client.create_logs

            async def create_logs(logs: Any) -> None:
                try:
                    await send(logs)
                except Exception:
                    if not disk.is_short():
                        raise

            worker._client.create_logs = create_logs  # type: ignore[method-assign]
            yield

    APILogWorker._lifespan = lifespan  # type: ignore[assignment,method-assign]


def _temporary_server() -> TemporaryServer | None:
    """Start a temporary Prefect server, unless one is configured or Prefect is told to start none."""
    from prefect import context
    from prefect.settings import PREFECT_API_URL, PREFECT_SERVER_EPHEMERAL_ENABLED

    if PREFECT_API_URL.value() or not PREFECT_SERVER_EPHEMERAL_ENABLED.value():
        return None
    server = TemporaryServer()
    context.refresh_global_settings_context()
    return server


def execute(command: list[str]) -> NoReturn:
    """Replace this process by the command of a server or a worker."""
    for name, value in SERVER_DEFAULTS.items():
        os.environ.setdefault(name, value)
    prepare()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a worker ends by it; the background commands of a script ignore it
    os.execvp(command[0], command)


if __name__ == "__main__":
    try:
        execute(sys.argv[1:])
    except NightshiftError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)

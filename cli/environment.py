"""Where a run's files lie: sets, before Prefect is imported, what its settings and ours read from the environment.

And how it starts: Prefect's temporary server beside the imports.
"""

import atexit
import errno
import gc
import logging
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

from cli import access
from nightshift.errors import UserError
from nightshift.store import artifact_store, disk
from nightshift.store.permissions import keep_private

DEFAULTS = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",  # of a run that fails Prefect keeps the error, else as a pickle
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

UNUSABLE = "%?#"
"""Signs that addresses of SQLite files and artifacts take for their own."""


def _servers() -> dict[str, str]:
    """The addresses of a living `nightshift up`."""
    if not (artifact_store.home() / "servers.json").exists():
        return {}
    from cli import servers

    up = servers.running()
    if not (up and up.ready):
        return {}
    return {"PREFECT_API_URL": up.prefect + "/api", "PREFECT_UI_URL": up.prefect, "MLFLOW_TRACKING_URI": up.mlflow}


def prepare() -> None:
    """Fill in what the user has not set, under NIGHTSHIFT_HOME; raise UserError or DiskFullError if nothing can be written there."""
    home = artifact_store.home()
    if wrong := sorted(set(UNUSABLE) & set(str(home))):
        raise UserError(
            f"NIGHTSHIFT_HOME: {home} has {' and '.join(wrong)} in it, which the addresses of MLflow's and Prefect's files "
            "cannot hold: name another folder"
        )
    os.environ["NIGHTSHIFT_HOME"] = str(home)
    places = {"PREFECT_HOME": str(home / "prefect"), "PREFECT_RESULTS_LOCAL_STORAGE_PATH": str(artifact_store.root())}
    servers = _servers()
    for name, value in (DEFAULTS | places | servers).items():
        os.environ.setdefault(name, value)
    try:
        keep_private()
        (home / "prefect").mkdir(parents=True, exist_ok=True)
        _sign_in(servers)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise disk.DiskFullError(disk.explanation(error)) from error
        raise UserError(
            f"NIGHTSHIFT_HOME: {home} cannot be written: {error.strerror}; name a folder of yours"
        ) from error


def _sign_in(servers: dict[str, str]) -> None:
    """Give this process the token for our own servers, and for no others: the running ones, or a temporary Prefect server."""
    own = {name for name, address in servers.items() if os.environ[name] == address}
    credentials: dict[str, str] = {}
    if "PREFECT_API_URL" in own:
        credentials |= access.prefect_credentials()
    elif not os.environ.get("PREFECT_API_URL") and not Path(os.environ["PREFECT_HOME"], "profiles.toml").exists():
        credentials |= access.temporary_prefect_credentials()
    if "MLFLOW_TRACKING_URI" in own:
        credentials |= access.mlflow_credentials()
    os.environ |= credentials


@contextmanager
def starting() -> Iterator[None]:
    """Around a night's imports: Prefect's temporary server, where it needs one, starts beside them.

    What they make lives as long as the process, so it is never searched for garbage, at the end neither.
    """
    disk.keep_reserve()  # Prefect's server would not start on a full disk
    gc.disable()
    from prefect.settings import PREFECT_API_URL

    server = Thread(target=_serve if not PREFECT_API_URL.value() else lambda: None, daemon=True)
    server.start()
    yield
    server.join()
    gc.freeze()
    gc.enable()
    atexit.register(gc.freeze)
    hide_full_disk_logs()


def hide_full_disk_logs() -> None:
    """Keep Prefect from printing that it could not send logs, and MLflow its traceback, if a full disk is why; nothing else."""
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


def _serve() -> None:
    from prefect.server.api.server import SubprocessASGIServer

    server = SubprocessASGIServer()
    try:
        server.start()
    except RuntimeError:
        server.stop()  # else it would be left running, and forgotten when the flow starts its own

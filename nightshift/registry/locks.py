"""Locks of a registered model: one night at a time, one move of aliases at a time.

On one machine a lock is a file under NIGHTSHIFT_HOME. Where PREFECT_API_URL and MLFLOW_TRACKING_URI are set, other machines may
run nights of the same model, so the lock is taken on the Prefect server, too: it is a variable there while a process holds it.

- Names of variables are unique, so of two processes that create one, one succeeds.
- The holder counts a heartbeat up in the variable. A process that waits deletes a variable whose heartbeat has not moved for
  `LEASE` seconds of its own clock, by its id: of several that wait, one succeeds, and a newer variable is never deleted.
- A holder whose last heartbeat is older than that holds the lock no more: it goes on only if its variable is still there.

`docs/decisions/locks.md` compares this with Prefect's concurrency limits and with PostgreSQL's advisory locks. The ledger is the
second line: of two moves that begin from the same entry, it counts one.
"""

import contextvars
import logging
import os
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Literal, TypeVar

import httpx
from filelock import FileLock, Timeout
from pydantic import BaseModel, ValidationError

from nightshift import prefect_api
from nightshift.errors import LockLostError, NightshiftError, UserError
from nightshift.redaction import redact
from nightshift.store import artifact_store, processes

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.orchestration.base import HTTP_METHODS
    from prefect.client.orchestration.routes import ServerRoutes

log = logging.getLogger("nightshift.registry")
Answer = TypeVar("Answer")
Purpose = Literal["night", "aliases", "watch"]
BETWEEN_MACHINES = ("night", "aliases")
"""Purposes whose lock is also taken on the Prefect server; what `watch` writes lies on one machine."""
LEASE = 90.0
"""Seconds without a heartbeat after which a lock is free."""
HEARTBEAT = 15.0
"""Seconds between two heartbeats of a holder."""
SETTLE = 30.0
"""Seconds for which a holder waits after a late heartbeat, so that a deletion that was already on its way has arrived."""
POLL = 2.0
"""Seconds between two attempts of a process that waits for a lock or for the server."""
PATIENCE = 150.0
"""Seconds for which the server may be silent before a process gives up."""
RELEASE_PATIENCE = 15.0
"""Seconds for which the server may be silent before a process leaves the release of its lock to the lease."""
TIMEOUT = 10.0
"""Seconds for one request."""

_held: dict[str, list["ServerLock"]] = {}
"""Locks on the server that this process holds, by model."""


@contextmanager
def locked(name: str, purpose: Purpose, wait: bool = True) -> Iterator[None]:
    """Hold the model's lock for a purpose, on this machine and, where `is_shared`, between machines.

    A night that has lost its lock gets none for `aliases` either.

    Args:
        name: The registered model.
        purpose: `night` for a whole run, `aliases` for a move of aliases, `watch` for the records of watched rows.
        wait: Wait for another process that holds the lock.

    Raises:
        UserError: Another process holds the lock and `wait` is False.
        LockLostError: The night of this process has lost its lock to another machine.
        NightshiftError: The Prefect server does not answer.
    """
    with ExitStack() as stack:
        stack.enter_context(_file_lock(name, purpose, wait))
        if purpose in BETWEEN_MACHINES and is_shared():
            stack.enter_context(_server_lock(name, purpose, wait))
        if purpose == "aliases":
            ensure_held(name)
        yield


def is_shared() -> bool:
    """Return True if other machines may run nights of the same models: Prefect and MLflow have addresses that were set.

    `nightshift up` sets them, too. A registry in the file under NIGHTSHIFT_HOME is this machine's own.
    """
    registry = os.environ.get("MLFLOW_TRACKING_URI", "")
    return bool(prefect_api.configured_api()) and registry not in ("", artifact_store.own_registry())


def ensure_held(name: str) -> None:
    """Ask the server whether this process still holds all its locks of a model.

    Raises:
        LockLostError: Another machine has taken over, as this one was cut off.
        NightshiftError: The Prefect server does not answer.
    """
    with _without_retries():
        for lock in _held.get(name, []):
            lock.confirm()


def ensure_not_lost(name: str) -> None:
    """Raise LockLostError if a heartbeat has found that another machine has taken over; this asks no server."""
    for lock in _held.get(name, []):
        lock.raise_if_lost()


@contextmanager
def _file_lock(name: str, purpose: str, wait: bool) -> Iterator[None]:
    folder = artifact_store.home() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{name}.{purpose}.lock")
    try:
        lock.acquire(timeout=1)
    except Timeout:
        if not wait:
            raise UserError(f"a night of {name} is running: try again when it has ended") from None
        log.info("waiting: another process holds %s's lock for %s", name, purpose)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _server_lock(name: str, purpose: str, wait: bool) -> Iterator[None]:
    """Hold the lock on the Prefect server, with a thread that counts up its heartbeat."""
    ended = threading.Event()
    with _client() as client:
        lock = ServerLock(client, name, purpose)
        with _without_retries():
            lock.acquire(wait)
            heartbeats = threading.Thread(
                target=contextvars.copy_context().run, args=(lock.keep, ended), daemon=True, name=f"lock of {name}"
            )
            heartbeats.start()
        _held.setdefault(name, []).append(lock)
        try:
            yield
        finally:
            _held[name].remove(lock)
            ended.set()
            heartbeats.join(timeout=1)
            with _without_retries():
                lock.release()


def variable_name(model: str, purpose: str) -> str:
    """Return the name of the variable that is the lock; Prefect takes no capitals and no dots."""
    slug = re.sub(r"[^a-z0-9]+", "-", model.lower())[:100]
    return f"nightshift-{purpose}-{slug}-{sha256(model.encode()).hexdigest()[:8]}"


class Holder(BaseModel):
    """Value of a variable that is a lock."""

    process: str
    """HOST/PID/START_MARK of the process that holds the lock."""
    token: str
    """Identifier of this attempt, by which a process knows its own variable where the answer to its creation was lost."""
    heartbeat: int = 0


class ServerLock:
    """A lock on the Prefect server: a variable that exists while a process holds it."""

    def __init__(self, client: "SyncPrefectClient", model: str, purpose: str) -> None:
        self._client = client
        self.model, self.purpose = model, purpose
        self.variable = variable_name(model, purpose)
        self.holder = Holder(process=processes.address(), token=uuid.uuid4().hex)
        self.id: str | None = None
        self.is_lost = False
        self._valid_until = self._valid_from = 0.0
        self._mutex = threading.Lock()

    def acquire(self, wait: bool) -> None:
        """Create the variable, when there is none or when the heartbeat of the one that exists has stopped.

        Raises:
            UserError: Another process holds the lock and `wait` is False.
            NightshiftError: The Prefect server does not answer.
        """
        last, since, is_waiting = ("", -1), 0.0, False
        while not self._patiently(self._create):
            variable_id, holder = self._patiently(self._read) or ("", None)
            if holder is None:
                continue
            if (variable_id, holder.heartbeat) != last:
                last, since = (variable_id, holder.heartbeat), time.monotonic()
            # This process holds the file lock, so that a variable of its own is one that it could not delete before.
            is_own = holder.process == self.holder.process
            if is_own or processes.has_ended(holder.process) or time.monotonic() - since > LEASE:
                reason = "could not be released" if is_own else f"was held by {holder.process}, which is gone"
                log.warning("%s's lock for %s %s: taking over", self.model, self.purpose, reason)
                self._patiently(partial(self._delete, variable_id))
                continue
            host = holder.process.partition("/")[0]
            if not wait:
                raise UserError(f"a night of {self.model} is running on {host}: try again when it has ended")
            if not is_waiting:
                log.info("waiting: %s holds %s's lock for %s", host, self.model, self.purpose)
            is_waiting = True
            time.sleep(POLL)

    def keep(self, ended: threading.Event) -> None:
        """Count up the heartbeat until `ended` is set or the lock is lost."""
        delay = HEARTBEAT
        while not ended.wait(delay) and not self.is_lost:
            delay = HEARTBEAT
            try:
                self.beat()
            except (httpx.HTTPError, OSError) as error:
                log.warning("the heartbeat of %s's lock for %s failed: %s", self.model, self.purpose, _problem(error))
                delay = POLL

    def beat(self) -> None:
        """Count up the heartbeat; note that the lock is lost if the variable is no longer there."""
        with self._mutex:
            sent, self.holder.heartbeat = time.monotonic(), self.holder.heartbeat + 1
            if (
                self._request("PATCH", "/variables/{id}", {"id": str(self.id)}, {"value": self.holder.model_dump()})
                is None
            ):
                self.is_lost = True
                return
            if sent > self._valid_until:
                self._valid_from = time.monotonic() + SETTLE
            self._valid_until = sent + LEASE

    def confirm(self) -> None:
        """Ask the server whether the variable is still there.

        Raises:
            LockLostError: It is not: another machine has taken over.
            NightshiftError: The Prefect server does not answer.
        """
        self._patiently(self.beat)
        while not self.is_lost and time.monotonic() < self._valid_from:
            time.sleep(POLL)
            self._patiently(self.beat)
        self.raise_if_lost()

    def raise_if_lost(self) -> None:
        """Raise LockLostError if the variable is no longer there."""
        if self.is_lost:
            raise LockLostError(
                f"{self.model}: this machine was cut off from the Prefect server, and another one took over the lock; nothing was "
                "moved, and the night there, or the next one, goes on where this one stopped"
            )

    def release(self) -> None:
        """Delete the variable; where the server does not answer, the lock is free after `LEASE` seconds."""
        try:
            self._repeat(partial(self._delete, str(self.id)), RELEASE_PATIENCE)
        except (httpx.HTTPError, OSError) as error:
            log.warning("%s's lock for %s is free in %.0f s: %s", self.model, self.purpose, LEASE, _problem(error))

    def _create(self) -> bool:
        """Create the variable, and return True if this process holds the lock now."""
        sent = time.monotonic()
        body = {"name": self.variable, "value": self.holder.model_dump(), "tags": ["nightshift"]}
        created = self._request("POST", "/variables/", body=body, absent=httpx.codes.CONFLICT)
        if created is not None:
            self.id = created["id"]
        else:
            variable_id, holder = self._read() or ("", None)
            if holder is None or holder.token != self.holder.token:
                return False
            self.id = variable_id  # the answer to an earlier request was lost
        self._valid_until = sent + LEASE
        return True

    def _read(self) -> tuple[str, Holder] | None:
        """Return the variable's id and value; None if nobody holds the lock."""
        variable = self._request("GET", "/variables/name/{name}", {"name": self.variable})
        if variable is None:
            return None
        try:
            return variable["id"], Holder.model_validate(variable["value"])
        except ValidationError as error:
            raise UserError(
                f"the Prefect variable {self.variable} is nightshift's lock, and holds something else: delete it"
            ) from error

    def _delete(self, variable_id: str) -> None:
        self._request("DELETE", "/variables/{id}", {"id": variable_id})

    def _patiently(self, request: Callable[[], Answer]) -> Answer:
        """Return the answer to a request, which is repeated while the server does not answer.

        Raises:
            NightshiftError: It has not answered for `PATIENCE` seconds, or refuses the request.
        """
        try:
            return self._repeat(request, PATIENCE)
        except (httpx.HTTPError, OSError) as error:
            raise NightshiftError(
                f"the Prefect server gave no lock of {self.model} for {self.purpose} ({_problem(error)}): run again when it "
                "answers; the night goes on where it stopped"
            ) from error

    def _repeat(self, request: Callable[[], Answer], patience: float) -> Answer:
        """Return the answer to a request, which is repeated while the server is silent, for `patience` seconds at most."""
        end = time.monotonic() + patience
        while True:
            try:
                return request()
            except (httpx.HTTPError, OSError) as error:
                if _is_refused(error) or time.monotonic() > end:
                    raise
                time.sleep(POLL)

    def _request(
        self,
        method: "HTTP_METHODS",
        path: "ServerRoutes",
        path_params: dict[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        absent: int = httpx.codes.NOT_FOUND,
    ) -> dict[str, str] | None:
        """Send one request to the Prefect server.

        Args:
            method: HTTP method.
            path: Path below the address of the API.
            path_params: Values of the names in the path.
            body: JSON body.
            absent: Status that is an answer rather than an error.

        Returns:
            The JSON of the answer, empty if it has no body; None for the status `absent`.
        """
        try:
            response = self._client.request(method, path, path_params=path_params, json=body)
        except httpx.HTTPStatusError as error:
            if error.response.status_code == absent:
                return None
            raise
        return dict(response.json()) if response.content else {}


def _problem(error: Exception) -> str:
    """Return a few words for an error of a request."""
    if isinstance(error, httpx.HTTPStatusError):
        return f"{error.response.status_code} {error.response.reason_phrase}"
    return redact(str(error).partition("\n")[0]) or type(error).__name__


def _is_refused(error: Exception) -> bool:
    """Return True if the server has answered, and would give the same answer again."""
    transient = (httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_MANY_REQUESTS)
    status = error.response.status_code if isinstance(error, httpx.HTTPStatusError) else 500
    return status < 500 and status not in transient


@contextmanager
def _client() -> Iterator["SyncPrefectClient"]:
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True, httpx_settings={"timeout": TIMEOUT}) as client:
        yield client


@contextmanager
def _without_retries() -> Iterator[None]:
    """Keep Prefect's client from repeating requests by itself, for longer than a lease."""
    from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

    with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
        yield

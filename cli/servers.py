"""`nightshift up`: Prefect server, MLflow server and a worker on this machine, kept alive by one keeper process.

The keeper (`python -m cli.servers`) writes the addresses and its children's process ids to
NIGHTSHIFT_HOME/servers.json, restarts a child that has died or hangs, rotates their logs, and ends them all on
SIGTERM. A child that fails again and again is listed in servers.json as failed, until SIGHUP, which `up` sends, starts
it again. Children of a killed keeper are ended by the next `up` or `down`.
"""

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

import httpx
import psutil
from filelock import FileLock
from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from cli import access, deployment, environment, team_storage
from cli.deployment import PROJECT
from cli.server_settings import ServerSettings
from cli.supervision import Limits, Service, rotate
from cli.team_storage import TeamStorage
from nightshift.errors import NightshiftError, UserError
from nightshift.registry import tracking
from nightshift.store import artifact_store, disk, processes

log = logging.getLogger("nightshift.keeper")
STALE = (
    "PREFECT_API_URL", "PREFECT_UI_URL", "MLFLOW_TRACKING_URI",
    "PREFECT_API_AUTH_STRING", "PREFECT_SERVER_API_AUTH_STRING", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD",
)  # fmt: skip
"""Variables that the keeper sets itself; this process may still have those of an earlier keeper."""
UP_PATIENCE = 60.0
"""Seconds that `up` waits beyond `Limits.start_timeout`."""
KEEPER_PATIENCE = 120.0
"""Seconds that the keeper may take to react to a restart request, as it may be waiting for a reconciliation."""
STATUS_TIMEOUT = 10.0

DISK_PATIENCE = 5
"""Seconds of a full disk after which the keeper releases the reserve; a run that fails has released it by then."""


class Child(BaseModel):
    """A process; `processes.start_mark` tells it from a later one with the same id."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    pid: int
    started: str = Field(validation_alias=AliasChoices("started", "born"))
    """Earlier versions wrote `born`, in seconds since the epoch."""


class Servers(BaseModel):
    """Contents of servers.json."""

    prefect: str
    """Address without /api."""
    mlflow: str
    ready: bool = False
    children: dict[str, Child] = {}
    failed: dict[str, str] = {}
    """Reasons why children are not started again, by name."""


class Status(NamedTuple):
    """Lines that `status` shows, and whether everything is up."""

    lines: list[str]
    is_complete: bool
    """True if every process runs and both servers answer."""


def _file() -> Path:
    return artifact_store.home() / "servers.json"


def _read() -> Servers | None:
    """Return the contents of servers.json; None, with a warning if it exists but is empty or damaged."""
    try:
        return Servers.model_validate_json(_file().read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        _warn_unreadable(_file())
        return None


@cache
def _warn_unreadable(file: Path) -> None:
    """Log once per process that servers.json cannot be read."""
    log.warning("%s is empty or damaged, so no server counts as running: `nightshift up` writes it anew", file)


def running() -> Servers | None:
    """Return the servers if their keeper is running, else None."""
    servers = _read()
    keeper = servers.children.get("keeper") if servers else None
    return servers if keeper and _process(keeper) else None


def logs() -> Path:
    """Return the folder with a log file for each process; create it if it is missing."""
    folder = artifact_store.home() / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def up(prefect_port: int, mlflow_port: int, postgres: str | None = None, store: str | None = None) -> list[str]:
    """Start the servers that are not running, deploy deployments/prefect.yaml, and return the lines of `status`.

    Args:
        prefect_port: Port of Prefect's server, or the next free one after it.
        mlflow_port: Port of MLflow's server, or the next free one after it.
        postgres: Address of a PostgreSQL server for both databases; empty for SQLite files, None for that of the last `up`.
        store: Address of an object store for outputs and artifacts; empty for this home, None for that of the last `up`.

    Raises:
        UserError: A block in that file is wrong, or a variable of `Limits`; PostgreSQL or the store cannot be used, or the
            running servers use others.
        NightshiftError: A server has failed or does not answer.
    """
    names = deployment.validated_names()
    limits = Limits.from_environment()
    remembered, storage = TeamStorage.remembered(), team_storage.chosen(postgres, store)
    with FileLock(logs() / "up.lock"):
        if running() is None:
            team_storage.ensure_usable()
            _end_orphans()
            tracking.ensure_own_usable()
            storage.remember()
            _start_keeper(prefect_port, mlflow_port)
        elif storage != remembered:
            raise UserError("the servers run with another --postgres or --store: `nightshift down`, then `up` again")
        else:
            _restart_failed()
        servers = _wait_until_up(limits.start_timeout + UP_PATIENCE)
        environment.prepare()  # with the addresses of the servers
        deployment.deploy(servers.prefect + "/api", logs() / "deploy.log")
    changes = remembered.changes_to(storage)
    return [*status().lines, *changes, f"deployed {', '.join(names)}", *deployment.active_schedules()]


def _restart_failed() -> None:
    """Ask the keeper to start failed children again, and wait until it does."""
    servers = running()
    if servers and servers.failed:
        os.kill(servers.children["keeper"].pid, signal.SIGHUP)
    end = time.monotonic() + KEEPER_PATIENCE
    while servers and servers.failed:
        if time.monotonic() > end:
            raise NightshiftError(
                f"the keeper did not start them again within {KEEPER_PATIENCE:.0f} s; see {logs()}/keeper.log"
            )
        time.sleep(0.2)
        servers = running()


def _wait_until_up(patience: float) -> Servers:
    end = time.monotonic() + patience
    while True:
        servers = running()
        if servers is None:
            raise NightshiftError(f"the servers did not come up; see {logs()}/keeper.log")
        for name, failure in servers.failed.items():
            raise NightshiftError(f"{name} {failure}")
        unanswered = [name for name, answer in _answers(servers).items() if answer != "answers"]
        if servers.ready and not unanswered:
            return servers
        if time.monotonic() > end:
            problem = f"{' and '.join(unanswered)} did not answer" if unanswered else "the servers were not ready"
            raise NightshiftError(f"{problem} within {patience:.0f} s; see {logs()}")
        time.sleep(0.5)


def _start_keeper(prefect_port: int, mlflow_port: int) -> None:
    servers = Servers(prefect=_free_address(prefect_port), mlflow=_free_address(mlflow_port, prefect_port))
    environment = {name: value for name, value in os.environ.items() if name not in STALE}
    with (logs() / "keeper.log").open("ab") as out, _default_interrupts():
        keeper = subprocess.Popen(
            [sys.executable, "-m", "cli.servers", servers.prefect, servers.mlflow], cwd=PROJECT, env=environment,
            stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
        )  # fmt: skip
    servers.children["keeper"] = _child(keeper.pid)
    _write(servers)


def status() -> Status:
    """Return a line for each address and process; no lines if nothing is up."""
    servers = running()
    if servers is None:
        return Status([], False)
    answers = _answers(servers)
    settings = ServerSettings.from_environment()
    prefect_address, mlflow_address = settings.prefect_url or servers.prefect, settings.mlflow_url or servers.mlflow
    if not settings.users:
        mlflow_address = access.sign_in_address(mlflow_address)
    states = {name: _state(servers, name) for name in ("keeper", "prefect", "mlflow", "worker")}
    lines = [
        f"Prefect  {access.sign_in_address(prefect_address)}   {answers['prefect']}",
        f"MLflow   {mlflow_address}   {answers['mlflow']}",
        *(f"{name:<8} {state}" for name, state in states.items()),
        *(f"data     {address}" for address in settings.storage),
        f"logs     {logs()}",
    ]
    is_complete = all(state.endswith("runs") for state in states.values())
    return Status(lines, is_complete and set(answers.values()) == {"answers"})


def _state(servers: Servers, name: str) -> str:
    if name in servers.failed:
        return f"{servers.failed[name]}; `nightshift up` tries again"
    child = servers.children.get(name)
    if child is None:
        return "waits for Prefect and MLflow"
    return f"process {child.pid}   {'runs' if _process(child) else 'has died; it is started again'}"


def down() -> bool:
    """Stop everything; return True if something was up."""
    servers = running()
    if servers is None:
        return _end_orphans()
    keeper = _process(servers.children["keeper"])
    if keeper:
        keeper.terminate()
        with suppress(psutil.TimeoutExpired):
            keeper.wait(60)
    _end_orphans()
    return True


def _answers(servers: Servers) -> dict[str, str]:
    return {"prefect": _answer(_prefect_health(servers)), "mlflow": _answer(_mlflow_health(servers))}


def _answer(address: str) -> str:
    try:
        response = httpx.get(address, timeout=STATUS_TIMEOUT, trust_env=False)
    except httpx.HTTPError:
        return "does not answer"
    return "answers" if response.is_success else "answers with an error"


def _prefect_health(servers: Servers) -> str:
    return servers.prefect + "/api/health"


def _mlflow_health(servers: Servers) -> str:
    return servers.mlflow + "/health"


def _free_address(port: int, *reserved: int) -> str:
    """Return the address of the first free port from `port` on that is not in `reserved`."""
    for candidate in range(port, port + 200):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if candidate not in reserved:
                probe.bind(("127.0.0.1", candidate))
                return f"http://127.0.0.1:{candidate}"
    raise NightshiftError(f"no free port from {port} to {port + 199}")


def _write(servers: Servers) -> None:
    partial = _file().with_suffix(".partial")
    partial.write_text(servers.model_dump_json(indent=1))
    partial.replace(_file())


def _process(child: Child) -> psutil.Process | None:
    return processes.running_process(child.pid, child.started)


def _child(pid: int) -> Child:
    return Child(pid=pid, started=processes.start_mark(pid))


def _end_orphans() -> bool:
    """End the processes in servers.json with their children, and delete the file; return True if there were any."""
    servers = _read()
    if servers is None:
        unreadable = _file().exists()
        _file().unlink(missing_ok=True)
        return unreadable and _end_unlisted()
    running_processes = [process for child in servers.children.values() if (process := _process(child))]
    for process in running_processes:
        _end(process)
    for child in servers.children.values():
        _kill_group(child.pid)
    _file().unlink(missing_ok=True)
    return bool(running_processes)


def _end_unlisted() -> bool:
    """End keepers of this home, and with them their children, without servers.json; return True if there were any."""
    keepers = []
    for process in processes.home_processes():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if "cli.servers" in process.cmdline():
                keepers.append(process)
    for keeper in keepers:
        keeper.terminate()
    psutil.wait_procs(keepers, timeout=60)
    return bool(keepers)


def _kill_group(leader: int) -> None:
    """Kill the remaining processes in the group of a child that has died, such as the runs of a worker."""
    for process in processes.group_members(leader):
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _end(process: psutil.Process) -> None:
    """Send SIGTERM to a process, and SIGKILL to it and its children if they are still running after 20 seconds."""
    family = [process]
    with suppress(psutil.NoSuchProcess):
        family += process.children(recursive=True)
    with suppress(psutil.NoSuchProcess):
        process.terminate()
    psutil.wait_procs([process], timeout=20)
    processes.terminate(family, 5)


class Keeper:
    """Process that starts the servers and the worker, restarts them, and ends them."""

    def __init__(self, servers: Servers, limits: Limits) -> None:
        self.servers, self.limits = servers, limits
        port = {name: address.rpartition(":")[2] for name, address in
                (("prefect", servers.prefect), ("mlflow", servers.mlflow))}  # fmt: skip
        python = sys.executable
        self.env = {name: value for name, value in os.environ.items() if name not in STALE}
        self.env |= access.prefect_credentials() | access.mlflow_credentials()
        self.env |= environment.SERVER_DEFAULTS | {
            "PREFECT_API_URL": servers.prefect + "/api",
            "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": servers.prefect,
            "PREFECT_UI_URL": ServerSettings.from_environment().prefect_url or servers.prefect,
            "MLFLOW_TRACKING_URI": servers.mlflow,
        }
        worker = [python, "-m", "prefect", "worker", "start", "--pool", deployment.POOL, "--type", "process"]
        self.services = {
            "prefect": self._service(
                "prefect", [python, "-m", "cli.access", "prefect", port["prefect"]], _prefect_health(servers)
            ),
            "mlflow": self._service(
                "mlflow", [python, "-m", "cli.access", "mlflow", port["mlflow"]], _mlflow_health(servers)
            ),
            "worker": self._service("worker", worker),
        }
        self.stopping, self.restart_requested, self.reconcile_due, self.seconds_low = False, False, False, 0

    def _service(self, name: str, command: list[str], address: str | None = None) -> Service:
        return Service(name, command, logs() / f"{name}.log", self.limits, address)

    def run(self) -> None:
        """Run until SIGTERM or SIGINT."""
        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, self._stop)
        signal.signal(signal.SIGHUP, self._request_restart)
        self.servers.children["keeper"] = _child(os.getpid())
        try:
            self._start("prefect")
            self._start("mlflow")
            while not self.stopping:
                self._step()
                time.sleep(1 if self.servers.ready else 0.5)
        finally:
            for name, service in reversed(self.services.items()):
                service.stop_check()
                if service.process and service.is_alive:
                    with suppress(psutil.NoSuchProcess):
                        _end(psutil.Process(service.process.pid))
                if name == "worker" and service.process:
                    self._reconcile("end")
            _file().unlink(missing_ok=True)

    def _stop(self, *_: object) -> None:
        self.stopping = True

    def _request_restart(self, *_: object) -> None:
        self.restart_requested = True

    def _step(self) -> None:
        if self.restart_requested:
            self.restart_requested = False
            self._restart_failed()
        self._revive()
        self._watch_disk()
        rotate(logs() / "keeper.log", self.limits)
        for service in self.services.values():
            service.rotate_log()
        if not self.servers.ready:
            self._finish_start()
        elif self.reconcile_due and self.services["prefect"].answers:
            self.reconcile_due = False
            self._reconcile()

    def _finish_start(self) -> None:
        """Start the worker, once both servers answer."""
        if not (self.services["prefect"].answers and self.services["mlflow"].answers):
            return
        self._reconcile()
        deployment.set_up_pool(self.servers.prefect + "/api")
        self._start("worker")
        self.servers.ready, self.reconcile_due = True, False
        self._write()

    def _start(self, name: str) -> None:
        if self.stopping:
            return
        with _default_interrupts():
            pid = self.services[name].start(PROJECT, self.env)
        self.servers.children[name] = _child(pid)
        self._write()
        log.info("%s started: process %d", name, pid)

    def _write(self) -> None:
        """Write servers.json, or log that the disk is full; the next call writes it."""
        try:
            _write(self.servers)
        except OSError as error:
            log.warning("servers.json was not written: %s", error.strerror)

    def _revive(self) -> None:
        """Restart children that have ended or hang, each after its delay; write those that failed into servers.json."""
        for name, service in self.services.items():
            if service.is_due:
                self._start(name)
                self.reconcile_due = True
            elif (cause := service.end_cause()) and service.process:
                if name != "worker":  # a run that it has started continues
                    _kill_group(service.process.pid)
                log.warning("%s %s", name, service.failure or f"{cause}: starting it again")
                if service.failure:
                    self.servers.failed[name] = service.failure
                    self._write()

    def _restart_failed(self) -> None:
        for name in self.servers.failed:
            self.services[name].reset()
        self.servers.failed = {}
        self._write()

    def _watch_disk(self) -> None:
        """Release the disk reserve for the databases if the disk stays full; reconcile once it is no longer full."""
        if disk.is_low():
            self.seconds_low += 1
            if self.seconds_low == DISK_PATIENCE:
                log.warning("the disk is full: %.0f MB are left", disk.free_bytes() / disk.MB)
                disk.release_reserve()
        elif self.seconds_low:
            self.seconds_low = 0
            self._restart_failed()
            self._reconcile()

    def _reconcile(self, *arguments: str) -> None:
        """Reconcile Prefect's and MLflow's runs in a subprocess, so that its errors do not end the keeper."""
        with (logs() / "keeper.log").open("ab") as out, suppress(subprocess.TimeoutExpired):
            command = [sys.executable, "-m", "nightshift.prefect_ui.reconciliation", *arguments]
            subprocess.run(command, cwd=PROJECT, env=self.env, stdout=out, stderr=out, check=False, timeout=90)


@contextmanager
def _default_interrupts() -> Iterator[None]:
    """Restore the default SIGINT handler while a child is started, which would not end if it inherited an ignored one."""
    handler = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


if __name__ == "__main__":
    environment.prepare()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    Keeper(Servers(prefect=sys.argv[1], mlflow=sys.argv[2]), Limits.from_environment()).run()

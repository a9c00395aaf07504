"""Machines of a team on one computer: network namespaces on a bridge, each with a name, an address and servers of its own.

They share files and process ids with this computer, but each has its own name, so that nightshift on one of them takes the
processes of another for those of another machine. It needs root, `ip`, `iptables` and `unshare`.
"""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import commands
import httpx
import s3_servers
import sql_servers
import sqlalchemy
from commands import start_forked

ROOT = Path(__file__).parent.parent
NETWORK = f"10.213.{os.getpid() % 250}"
DATABASE_PORT, PREFECT_PORT, MLFLOW_PORT, S3_PORT = 5432, 4200, 5000, 9000
SERVERS = ("database", "prefect", "mlflow", "store")
START = 180.0
"""Seconds for the start of a server."""
LEASE, HEARTBEAT = 15.0, 2.0
"""Seconds in `run_night`, instead of 90 and 15."""
CLONE_NEWNET, CLONE_NEWUTS = 0x40000000, 0x04000000


class Machine:
    """A network namespace with an address on the bridge."""

    def __init__(self, name: str, number: int) -> None:
        self.name = name
        self.namespace = f"ns{os.getpid()}-{number}"
        self.link = f"nv{os.getpid() % 100000}-{number}"
        self.address = f"{NETWORK}.{number}"

    def plug_in(self, bridge: str) -> None:
        """Create the namespace and connect it with the bridge."""
        _ip("netns", "add", self.namespace)
        _ip("link", "add", self.link, "type", "veth", "peer", "name", "eth0", "netns", self.namespace)
        _ip("link", "set", self.link, "master", bridge, "up")
        _ip("-n", self.namespace, "addr", "add", f"{self.address}/24", "dev", "eth0")
        for device in ("eth0", "lo"):
            _ip("-n", self.namespace, "link", "set", device, "up")

    @property
    def prefix(self) -> list[str]:
        """The words before a command that runs on the machine; they leave no process of their own."""
        rename = 'hostname "$0" && exec "$@"'
        return ["ip", "netns", "exec", self.namespace, "unshare", "--uts", "sh", "-c", rename, self.name]

    def start(self, command: list[str], folder: Path, environment: dict[str, str] | None = None) -> None:
        """Start a command on the machine, in a folder, whose file `log` takes its output."""
        with (folder / "log").open("ab") as log:
            subprocess.Popen(
                [*self.prefix, *command],
                cwd=folder,
                env=os.environ | (environment or {}),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def enter(self) -> None:
        """Move this process to the machine."""
        libc = ctypes.CDLL(None, use_errno=True)
        with Path(f"/run/netns/{self.namespace}").open() as file:
            if libc.setns(file.fileno(), CLONE_NEWNET) or libc.unshare(CLONE_NEWUTS):
                raise OSError(ctypes.get_errno(), "the namespace cannot be entered")
        socket.sethostname(self.name)

    def kill(self) -> None:
        """Kill all processes of the machine."""
        listed = subprocess.run(["ip", "netns", "pids", self.namespace], capture_output=True, check=False)
        for pid in listed.stdout.split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)

    def remove(self) -> None:
        """Kill all processes of the machine, and delete its namespace."""
        self.kill()
        for command in (("link", "del", self.link), ("netns", "del", self.namespace)):
            with suppress(subprocess.CalledProcessError):
                _ip(*command)

    def lose_power(self) -> None:
        """Remove the machine at once, so that not even the ends of its connections reach the others."""
        self.cut_off()
        self.remove()

    def cut_off(self) -> None:
        """Drop all packets to and from the machine."""
        for chain, interface in (("INPUT", "-i"), ("OUTPUT", "-o")):
            self._iptables("-A", chain, "!", interface, "lo", "-j", "DROP")

    def connect(self) -> None:
        """Let all packets pass again."""
        self._iptables("-F")

    def _iptables(self, *arguments: str) -> None:
        subprocess.run(["ip", "netns", "exec", self.namespace, "iptables", "-w", *arguments], check=True)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@contextmanager
def network(*names: str) -> Iterator[dict[str, Machine]]:
    """Yield machines by name, on a bridge that this computer reaches as well; all of it is removed at the end.

    Raises:
        PermissionError: This is not root.
    """
    if os.geteuid() != 0:
        raise PermissionError("machines are network namespaces, which only root may create: run this test as root")
    bridge = f"nb{os.getpid()}"
    machines = [Machine(name, number) for number, name in enumerate(names, 2)]
    with ExitStack() as stack:
        _ip("link", "add", bridge, "type", "bridge")
        stack.callback(_ip, "link", "del", bridge)
        _ip("addr", "add", f"{NETWORK}.1/24", "dev", bridge)
        _ip("link", "set", bridge, "up")
        for machine in machines:
            stack.callback(machine.remove)
            machine.plug_in(bridge)
        yield {machine.name: machine for machine in machines}


class Team:
    """A team's servers, each on a machine of its own, and the machines of its workers.

    Args:
        folder: Folder of all files.
        machines: The machines by name.
    """

    def __init__(self, folder: Path, machines: dict[str, Machine]) -> None:
        self.folder, self.machines = folder, machines
        self.prefect = f"http://{machines['prefect'].address}:{PREFECT_PORT}/api"
        self.mlflow = f"http://{machines['mlflow'].address}:{MLFLOW_PORT}"
        for name in SERVERS[1:]:
            (folder / name).mkdir()
        (folder / "database").symlink_to(
            tempfile.mkdtemp(prefix="postgres-")
        )  # pytest closes its folders to other users
        store = machines["store"]
        self.gateway = s3_servers.Gateway(folder / "store", (store.address, S3_PORT), tuple(store.prefix))

    def create(self) -> None:
        """Start all servers for the first time."""
        self._create_cluster()
        self.start("database")
        engine = sqlalchemy.create_engine(self._database("pg8000", "postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for name in ("prefect", "mlflow"):
                connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
        engine.dispose()
        for name in ("prefect", "mlflow"):
            getattr(self, f"_start_{name}")()
        self.start("store")
        self.gateway.files().mkdir("store")
        for name in ("prefect", "mlflow"):
            self.wait_for(name)

    def start(self, name: str) -> None:
        """Start a server, and return when it answers."""
        getattr(self, f"_start_{name}")()
        self.wait_for(name)

    def wait_for(self, name: str) -> None:
        """Wait until a server answers.

        Raises:
            TimeoutError: It does not.
        """
        probes: dict[str, Callable[[], object]] = {
            "database": sqlalchemy.create_engine(
                self._database("pg8000", "postgres"), poolclass=sqlalchemy.NullPool
            ).connect,
            "prefect": lambda: _get(f"{self.prefect}/health"),
            "mlflow": lambda: _get(f"{self.mlflow}/health"),
            "store": lambda: self.gateway.files().ls(""),
        }
        deadline = time.monotonic() + START
        while time.monotonic() < deadline:
            with suppress(Exception):
                probes[name]()
                return
            time.sleep(0.2)
        raise TimeoutError(f"{name} does not answer: {(self.folder / name / 'log').read_text()[-2000:]}")

    def environment(self, worker: str, store: str) -> dict[str, str]:
        """Return the environment of nightshift on a worker's machine.

        Args:
            worker: Name of the machine, whose disk is the folder of this name.
            store: Prefix in the bucket of the store.
        """
        return (
            os.environ
            | self.gateway.environment
            | {
                "NIGHTSHIFT_HOME": str(self.folder / worker),
                "NIGHTSHIFT_STORE": f"s3://store/{store}",
                "PREFECT_API_URL": self.prefect,
                "MLFLOW_TRACKING_URI": self.mlflow,
                "OMP_NUM_THREADS": "1",
            }
        )

    def _create_cluster(self) -> None:
        folder = (self.folder / "database").resolve()
        sql_servers.create_cluster(folder, "team")
        with (folder / "data/pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {NETWORK}.0/24 scram-sha-256\n")

    def _start_database(self) -> None:
        folder, address = (self.folder / "database").resolve(), self.machines["database"].address
        command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", sql_servers.binary("postgres")]
        command += ["-D", "data", "-h", address, "-p", str(DATABASE_PORT), "-k", str(folder), "-N", "200"]
        self.machines["database"].start(command, folder)

    def _database(self, driver: str, name: str) -> str:
        """Return the address of a database for a driver."""
        address = self.machines["database"].address
        return f"postgresql+{driver}://team:{sql_servers.PASSWORD}@{address}:{DATABASE_PORT}/{name}"

    def _start_prefect(self) -> None:
        machine = self.machines["prefect"]
        command = [sys.executable, "-m", "prefect", "server", "start", "--no-ui", "--host", machine.address]
        environment = {
            "PREFECT_HOME": str(self.folder / "prefect"),
            "PREFECT_API_DATABASE_CONNECTION_URL": self._database("asyncpg", "prefect"),
            "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        }
        machine.start([*command, "--port", str(PREFECT_PORT)], self.folder / "prefect", environment)

    def _start_mlflow(self) -> None:
        machine, folder = self.machines["mlflow"], self.folder / "mlflow"
        command = [sys.executable, "-m", "mlflow", "server", "--host", machine.address, "--port", str(MLFLOW_PORT)]
        command += ["--workers", "1", "--allowed-hosts", f"{machine.address}:{MLFLOW_PORT}"]
        command += ["--backend-store-uri", self._database("pg8000", "mlflow")]
        command += ["--artifacts-destination", str(folder / "artifacts")]
        machine.start(command, folder, {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"})

    def _start_store(self) -> None:
        self.gateway.start()


def _get(address: str) -> None:
    httpx.get(address, timeout=2, trust_env=False).raise_for_status()


@contextmanager
def team(folder: Path, *workers: str) -> Iterator[Team]:
    """Yield a team whose servers run, in an empty folder."""
    with network(*SERVERS, *workers) as machines:
        running = Team(folder, machines)
        try:
            running.create()
            yield running
        finally:
            machines["database"].kill()
            shutil.rmtree((folder / "database").resolve(), ignore_errors=True)


def start_on(
    machine: Machine, function: Callable[..., None], environment: dict[str, str], *arguments: object
) -> commands.BaseProcess:
    """Start a function on a machine, in a forked process whose environment is set before nightshift and Prefect are imported.

    Args:
        machine: The machine.
        function: Function of a test module.
        environment: The whole environment of the process.
        *arguments: The function's arguments.
    """
    return start_forked(_enter_and_call, machine, function, environment, commands.IMPORT_PATH, *arguments)


def _enter_and_call(
    machine: Machine,
    function: Callable[..., None],
    environment: dict[str, str],
    import_path: tuple[str, ...],
    *arguments: object,
) -> None:
    machine.enter()
    sys.path[:] = import_path
    os.environ.clear()
    os.environ.update(environment)
    function(*arguments)


def run_night(settings: str, folder: str, environment: dict[str, str]) -> None:
    """Run a night without students in this process, which takes other machines for dead after a short time.

    Args:
        settings: The settings file.
        folder: Working directory; the output goes into its files `out` and `err`.
        environment: The environment of this process.
    """
    from cli import environment as command_environment

    command_environment.prepare()
    from nightshift.prefect_ui import heartbeats
    from nightshift.registry import locks

    locks.LEASE, locks.HEARTBEAT, locks.POLL = LEASE, HEARTBEAT, 0.5
    heartbeats.SILENCE, heartbeats.CONFIRMATION = timedelta(seconds=LEASE), 1.0
    commands.run_main(
        ("run", settings, "--json", "--set", "compress.recipes=[]"), Path(folder), environment, commands.IMPORT_PATH
    )

"""A Ray cluster that carries out the independent calls of a night."""

import logging
import os
import pickle
import signal
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain, islice
from typing import Any, TypeVar

from nightshift.errors import NightshiftError, UserError, first_line
from nightshift.execution import ray_tasks, remote_calls
from nightshift.execution.calls import Call
from nightshift.execution.settings import ExecutionSettings
from nightshift.store import artifact_store
from nightshift.store.stages import current_observer

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

try:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
except ImportError as error:
    raise UserError("execution.runner: ray is not installed here: pip install nightshift[ray]") from error

T = TypeVar("T")
log = logging.getLogger("nightshift.ray")
CONNECT, START = 5.0, 120.0
"""Seconds that the cluster's head may take to answer, and a node's first process to start."""
LOOK = 10.0
"""Seconds between two looks at the nodes while calls run."""
PATIENCE = 60.0
"""Seconds that calls wait without any node that has room for one."""
QUEUE = 2
"""Number of calls that are sent for each that can run at once."""


@contextmanager
def connected(settings: ExecutionSettings, model: str, num_workers: int) -> Iterator["RayRunner"]:
    """Connect with a cluster, or start one on this machine, and check its nodes.

    Args:
        settings: Address, and the CPUs and GPUs of each task.
        model: The registered model.
        num_workers: Processes of one training that must have room at once.

    Raises:
        UserError: It cannot be reached, asks for no token, has too few CPUs or GPUs, or a node has another installation.
    """
    handler = signal.getsignal(signal.SIGTERM)
    _connect(settings)
    with suppress(ValueError):  # not the main thread; Ray sets a handler of its own in place of Prefect's
        signal.signal(signal.SIGTERM, handler)
    try:
        runner = RayRunner(settings, model)
        runner.check_nodes(num_workers)
        yield runner
    finally:
        ray.shutdown()


def _connect(settings: ExecutionSettings) -> None:
    if settings.address and os.environ["RAY_AUTH_MODE"] != "token":
        raise UserError(f"execution.address: RAY_AUTH_MODE is not token: {ray_tasks.SET_TOKEN}")
    if settings.address and settings.address != "auto":
        _ensure_answers(settings.address)
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": False}
    if settings.address is None:
        options |= {"include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    try:
        ray.init(address=settings.address or "local", **options)
    except ray.exceptions.AuthenticationError as error:
        raise UserError(f"execution.address: not the token of the cluster, or none: {ray_tasks.SET_TOKEN}") from error
    except (OSError, RuntimeError, ValueError, AssertionError, ray.exceptions.RayError) as error:
        name = settings.address or "a cluster on this machine"
        raise UserError(f"execution.address: {name}: {first_line(error)}") from error


def _ensure_answers(address: str) -> None:
    """Raise UserError if nothing answers at HOST:PORT; Ray itself would try for a long time, and end the process."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), CONNECT).close()
    except (OSError, OverflowError) as error:
        raise UserError(
            f"execution.address: no Ray cluster answers at {address}: start it with `ray start`, or correct the address"
        ) from error


class RayRunner:
    """Carries out calls as tasks of the cluster that this process is connected with.

    Args:
        settings: CPUs, GPUs and retries of each task.
        model: The registered model.
    """

    is_parallel = True

    def __init__(self, settings: ExecutionSettings, model: str) -> None:
        self.settings, self.model = settings, model
        self.is_own = settings.address is None
        self.own = ray_tasks.own_installation()
        self.variables = remote_calls.carried_variables(os.environ) | _addresses()
        if not self.own.store:
            self.variables["NIGHTSHIFT_HOME"] = str(artifact_store.home())  # all nodes are on this machine
        self.work = ray.remote(ray_tasks.work)
        self.num_nodes = 0

    def check_nodes(self, num_workers: int = 1) -> None:
        """Raise UserError unless every node has this installation, and there is room for a task, or for so many at once."""
        nodes = self._remaining_nodes()
        if not any(map(self._has_room, nodes)):
            raise UserError(
                f"execution.cpus, execution.gpus: no node of the cluster has {self.needs()}; its largest has "
                f"{max(_amount(node, 'CPU') for node in nodes):g} CPUs and {max(_amount(node, 'GPU') for node in nodes):g} GPUs"
            )
        if (places := self.places()) < num_workers:
            raise UserError(
                f"train.num_workers: the cluster has room for {places} of {num_workers} processes with {self.needs()} each"
            )
        if not self.is_own:
            self._check_installations(nodes)
            self._warm_up(nodes)
        log.info("Ray: %d nodes, %g CPUs, %g GPUs", len(nodes), *(_total(nodes, kind) for kind in ("CPU", "GPU")))

    def _check_installations(self, nodes: list[dict[str, Any]]) -> None:
        """Raise UserError unless every node has this installation; nodes that are lost meanwhile are passed over."""
        inspect = ray.remote(ray_tasks.own_installation)
        for reference in [_on(inspect, node).remote() for node in nodes]:
            try:
                installation = ray.get(reference, timeout=START)
            except (ray.exceptions.TaskUnschedulableError, ray.exceptions.NodeDiedError) as error:
                log.warning("Ray: a node was lost: %s", _reason(error))
                continue
            except ray.exceptions.RayError as error:
                raise UserError(
                    f"execution.address: a node cannot run nightshift: {_reason(error)}; install the same version there"
                ) from error
            if problem := ray_tasks.difference(installation, self.own):
                raise UserError(f"execution.address: {problem}")

    def _warm_up(self, nodes: list[dict[str, Any]]) -> None:
        """Let the nodes begin to import what the calls of a night need."""
        if flow_run := remote_calls.FlowReference.current():
            warm_up = ray.remote(ray_tasks.warm_up)
            for node in nodes:
                _on(warm_up, node).remote(self.variables, flow_run.flow.partition(":")[0])

    def run(self, calls: Iterable[Call[T]]) -> list[T]:
        """Return the results in the order of the calls; raise the error of the first that is known to fail.

        A call is taken and sent when one of the nodes will soon have room for it. A single call runs in this process if the
        cluster is this machine, whose other cores would idle, or if it needs no GPU; so do calls that send tasks themselves.
        """
        remaining = iter(calls)
        first = list(islice(remaining, 2))
        if any(call.sends_tasks for call in first):
            return [call.run() for call in chain(first, remaining)]
        if len(first) == 1 and (self.is_own or not first[0].uses_gpu):
            return [first[0].run()]
        if first and (observer := current_observer()):
            observer.stage_begins()
        return [remote_calls.unpack(call, answer) for call, answer in self._answers(chain(first, remaining))]

    def _send(self, call: Call[Any]) -> "ray.ObjectRef[bytes]":
        settings = self.settings
        task = self.work.options(
            name=call.name,
            num_cpus=settings.cpus,
            num_gpus=settings.gpus if call.uses_gpu else 0,
            max_retries=settings.max_retries,
        )
        packed = remote_calls.pack(call, self.model, settings.cpus)
        reference: ray.ObjectRef[bytes] = task.remote(self.variables, self.own, packed)
        return reference

    def _answers(self, calls: Iterable[Call[T]]) -> list[tuple[Call[T], remote_calls.Answer]]:
        """Send calls, and return each with its answer, in their order."""
        numbered = enumerate(calls)
        sent: dict[ray.ObjectRef[bytes], tuple[int, Call[T]]] = {}
        answers: dict[int, tuple[Call[T], remote_calls.Answer]] = {}
        nodes, last_room = self._remaining_nodes(), time.monotonic()
        while True:
            sent |= {self._send(call): (n, call) for n, call in islice(numbered, self._free_places(nodes, len(sent)))}
            if not sent:
                return [answers[number] for number in sorted(answers)]
            ready, _ = ray.wait(list(sent), timeout=LOOK)
            for reference in ready:
                number, call = sent.pop(reference)
                answers[number] = call, self._answer(reference, call)
            nodes = self._remaining_nodes()
            if any(map(self._has_room, nodes)):
                last_room = time.monotonic()
            elif time.monotonic() - last_room > PATIENCE:
                raise NightshiftError(
                    f"no node of the Ray cluster has {self.needs()} any more: start one and run again"
                )

    def _remaining_nodes(self) -> list[dict[str, Any]]:
        """Return the living nodes, and warn if there are fewer than when this was last asked."""
        nodes = _living_nodes()
        if len(nodes) < self.num_nodes:
            log.warning("Ray: a node was lost, %d remain; its calls run again on them", len(nodes))
        self.num_nodes = len(nodes)
        return nodes

    def _free_places(self, nodes: list[dict[str, Any]], num_sent: int) -> int:
        """Return how many more calls to send, so that as many wait as run, and the arguments of no more are in memory."""
        running = sum(int(_amount(node, "CPU") // self.settings.cpus) for node in nodes)
        return max(0, max(1, QUEUE * running) - num_sent)

    def _answer(self, reference: "ray.ObjectRef[bytes]", call: Call[Any]) -> remote_calls.Answer:
        """Return the answer of a call that has ended; raise its error if it failed."""
        try:
            answer: remote_calls.Answer = pickle.loads(ray.get(reference))
        except ray.exceptions.RayError as error:
            raise NightshiftError(
                f"{call.name}: {_reason(error)}; after {self.settings.max_retries} more attempts it is given up: "
                "run again, the night goes on where it stopped"
            ) from error
        log.info("%s: %.1f s on %s", call.name, answer.seconds, answer.host)
        if answer.error is not None:
            remote_calls.unpack(call, answer)
        call.when_done()
        return answer

    def places(self) -> int:
        """Return how many tasks the living nodes have room for, whatever runs on them now."""
        needs = {"CPU": self.settings.cpus, "GPU": self.settings.gpus}
        return sum(
            min(int(_amount(node, kind) // amount) for kind, amount in needs.items() if amount)
            for node in self._remaining_nodes()
        )

    def _has_room(self, node: dict[str, Any]) -> bool:
        return _amount(node, "CPU") >= self.settings.cpus and _amount(node, "GPU") >= self.settings.gpus

    def needs(self) -> str:
        """Return what a task needs, in words."""
        return f"{self.settings.cpus} CPUs and {self.settings.gpus:g} GPUs"


def _addresses() -> dict[str, str]:
    """Return the addresses of the servers that this flow run uses, also where they come from no variable."""
    import mlflow
    from prefect import get_client

    if remote_calls.FlowReference.current() is None:
        return {}
    with get_client(sync_client=True) as client:
        prefect = str(client.api_url)
    return {"PREFECT_API_URL": prefect, "MLFLOW_TRACKING_URI": mlflow.get_tracking_uri()}


def _living_nodes() -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return [node for node in nodes if node["Alive"]]


def _amount(node: dict[str, Any], kind: str) -> float:
    return float(node["Resources"].get(kind, 0))


def _total(nodes: list[dict[str, Any]], kind: str) -> float:
    return sum(_amount(node, kind) for node in nodes)


def _on(task: Any, node: dict[str, Any]) -> Any:
    """Return a task that runs on this node and takes no CPU."""
    return task.options(num_cpus=0, scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False))


def _reason(error: Exception) -> str:
    """Return in a line why a task has failed: the cause within it, or that its process or node was lost."""
    cause = getattr(error, "cause", None)
    return first_line(cause if isinstance(cause, Exception) else error)

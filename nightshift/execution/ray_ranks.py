"""One training in several processes on the nodes of a Ray cluster, which begin together and end together."""

import json
import logging
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import ray
from ray.util.placement_group import (
    PlacementGroup,
    placement_group,
    placement_group_table,
    remove_placement_group,
)
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy
from torch.distributed import TCPStore  # type: ignore[attr-defined]

from nightshift.errors import NightshiftError, SettingsError, first_line
from nightshift.execution import calls, ranks, ray_tasks
from nightshift.execution.ray_cluster import PATIENCE, RayRunner
from nightshift.store import artifact_store
from nightshift.training import launch
from nightshift.training.progress import Publish
from nightshift.training.trainer import TrainerJob, TrainingResult

log = logging.getLogger("nightshift.ray")
LogLine = Callable[[dict[str, Any], int], None]
LOOK = 1.0
"""Seconds between two looks at the processes."""
GRACE = 60.0
"""Seconds after the first error in which the others end, or Ray notices that a node is lost."""


class RankLost(Exception):
    """A process or its node has ended, which says nothing about the training."""


def train(
    job: TrainerJob, num_workers: int, publish: Publish, log_line: LogLine, check: Callable[[], None]
) -> TrainingResult:
    """Train as `nightshift.training.trainer.fit` does, in processes on the nodes of the night's cluster.

    If one is lost, all begin again at the newest checkpoint.

    Args:
        job: The model, its examples and how to train it; its `output_dir` lies in NIGHTSHIFT_HOME.
        num_workers: Number of processes.
        publish: Publishes the progress.
        log_line: Called with each line of the Trainer's history and its step, while the training goes on.
        check: Called every second; an exception that it raises ends the processes.

    Raises:
        NightshiftError: Processes were lost too often, or the nodes have no room for all of them any more.
    """
    runner = calls.current_runner()
    if not isinstance(runner, RayRunner):
        raise SettingsError("train.launcher: ray trains on the nodes of execution; set execution.runner: ray as well")
    training = _Training(runner, num_workers, publish, log_line, check)
    with artifact_store.temporary_directory() as temporary:
        launch.write_inputs(job, temporary)
        inputs = ray_tasks.RankInputs(
            runner.variables,
            runner.own,
            str(artifact_store.home()),
            job.output_dir.relative_to(artifact_store.home()).as_posix(),
            job.options.fingerprint,
            ranks.pack(temporary),
        )
    packed = training.run(ray.put(inputs))
    with artifact_store.temporary_directory() as temporary:
        ranks.unpack(packed, temporary)
        return launch.read_result(temporary)


class _Training:
    """A training in several processes.

    Args:
        runner: The cluster, and what each process needs.
        num_workers: Number of processes.
        publish: Publishes the progress.
        log_line: Called with each line of the Trainer's history and its step.
        check: Called every second.
    """

    def __init__(
        self, runner: RayRunner, num_workers: int, publish: Publish, log_line: LogLine, check: Callable[[], None]
    ) -> None:
        self.runner, self.settings, self.num_workers = runner, runner.settings, num_workers
        self.publish, self.log_line, self.check = publish, log_line, check
        self.last_progress, self.history_lines = b"", 0

    def run(self, inputs: "ray.ObjectRef[ray_tasks.RankInputs]") -> bytes:
        """Return the packed result; begin again if a process is lost."""
        for remaining in reversed(range(self.settings.max_retries + 1)):
            try:
                return self._attempt(inputs)
            except RankLost as error:
                if not remaining:
                    raise NightshiftError(
                        f"training: {error}; after {self.settings.max_retries} more attempts it is given up: "
                        "run again, the night goes on where it stopped"
                    ) from error
                log.warning(
                    "Ray: a process of the training was lost (%s): all continue from the newest checkpoint", error
                )
        raise AssertionError

    def _attempt(self, inputs: "ray.ObjectRef[ray_tasks.RankInputs]") -> bytes:
        bundle = {"CPU": float(self.settings.cpus), "GPU": float(self.settings.gpus)}
        resources = {kind: amount for kind, amount in bundle.items() if amount}
        group = placement_group([resources] * self.num_workers, strategy="SPREAD")
        references: list[ray.ObjectRef[bytes]] = []
        try:
            self._wait_for_room(group)
            log.info("Ray: the training runs in %d processes on %s", self.num_workers, ", ".join(_hosts(group)))
            host, port, store = _rendezvous(self.num_workers)
            self.history_lines = 0
            for number in range(self.num_workers):
                rank = ray_tasks.Rank(number, self.num_workers, host, port, self.settings.cpus)
                references.append(self._send(group, rank, inputs))
            return self._result(references, store)
        finally:
            for reference in references:
                with suppress(ray.exceptions.RayError):
                    ray.cancel(reference, force=True)
            remove_placement_group(group)

    def _wait_for_room(self, group: PlacementGroup) -> None:
        """Wait until all processes have room at once; raise NightshiftError if the nodes are too few for that."""
        last_room = time.monotonic()
        while not group.wait(LOOK):
            self.check()
            if self.runner.places() >= self.num_workers:
                last_room = time.monotonic()
            elif time.monotonic() - last_room > PATIENCE:
                raise NightshiftError(
                    f"the Ray cluster has no room any more for {self.num_workers} processes with {self.runner.needs()} each: "
                    "start a node and run again"
                )

    def _send(
        self, group: PlacementGroup, rank: ray_tasks.Rank, inputs: "ray.ObjectRef[ray_tasks.RankInputs]"
    ) -> "ray.ObjectRef[bytes]":
        """Start a process; with a GPU one that has never used another, as a process stays on its first GPU."""
        on_gpu = self.settings.gpus > 0
        task = ray.remote(max_calls=1 if on_gpu else 0)(ray_tasks.train_rank).options(
            name=f"process {rank.number} of the training",
            num_cpus=self.settings.cpus,
            num_gpus=self.settings.gpus,
            max_retries=0,
            scheduling_strategy=PlacementGroupSchedulingStrategy(group, rank.number),
            runtime_env={"env_vars": {"NIGHTSHIFT_RANK": "1"}} if on_gpu else None,
        )
        reference: ray.ObjectRef[bytes] = task.remote(rank, inputs)
        return reference

    def _result(self, references: "list[ray.ObjectRef[bytes]]", store: TCPStore) -> bytes:
        """Return the first process's result; raise the error of the training, or RankLost."""
        running, errors, deadline = references, [], float("inf")
        while running and time.monotonic() < deadline:
            ready, running = ray.wait(running, timeout=LOOK)
            for reference in ready:
                try:
                    ray.get(reference)
                except ray.exceptions.RayTaskError as error:
                    errors.append(error.cause)
                    deadline = min(deadline, time.monotonic() + GRACE)
                except ray.exceptions.RayError as error:
                    raise RankLost(first_line(error)) from error
            self.check()
            self._show_progress(store)
        if not errors:
            return ray.get(references[0])
        cause = min(errors, key=lambda error: isinstance(error, RuntimeError))  # that of processes whose peer has ended
        if isinstance(cause, RuntimeError):
            raise NightshiftError(f"training: {first_line(cause)}") from cause
        raise cause

    def _show_progress(self, store: TCPStore) -> None:
        if store.check([ranks.PROGRESS]) and (progress := store.get(ranks.PROGRESS)) != self.last_progress:
            self.last_progress = progress
            share, text = json.loads(progress)
            log.info("%s", text)
            self.publish(share, text)
        while store.check([key := f"{ranks.HISTORY}{self.history_lines}"]):
            step, line = json.loads(store.get(key))
            self.log_line(line, step)
            self.history_lines += 1


def _hosts(group: PlacementGroup) -> list[str]:
    """Return the names of the machines that a placement group has its places on."""
    nodes: list[dict[str, str]] = ray.nodes()  # type: ignore[no-untyped-call]
    node_ids = set(placement_group_table(group)["bundles_to_node_id"].values())
    return sorted({node["NodeManagerHostname"] for node in nodes if node["NodeID"] in node_ids})


def _rendezvous(num_workers: int) -> tuple[str, int, TCPStore]:
    """Return host, port and store by which the processes find each other, on the address of this node alone."""
    host = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call]
    listener = socket.create_server((host, 0))
    port = listener.getsockname()[1]
    descriptor = listener.detach()
    store = TCPStore(host, port, num_workers, is_master=True, wait_for_workers=False, master_listen_fd=descriptor)
    return host, port, store

"""Reconciliation after killed processes: Prefect runs without a process, and unfinished artifacts.

Called at the start of each run, and by `nightshift up` when it starts, restarts or ends a service
(`python -m nightshift.prefect_ui.reconciliation`). `nightshift.registry.tracking.end_killed` does the same for MLflow.
"""

import logging
import os
import re
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import psutil
from prefect import State
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas import FlowRun, StateType
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
)
from prefect.context import FlowRunContext
from prefect.states import Crashed

from nightshift.prefect_ui import heartbeats
from nightshift.store import artifact_store, processes

log = logging.getLogger("nightshift.reconcile")
OWN_FLOWS = FlowFilter(
    name=FlowFilterName(any_=["nightly", "validate", "promote", "rollback", "rotate", "score", "watch", "clean"])
)
FINAL_STATES = [StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED]
ACTIVE_STATES = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]
PENDING_LIMIT = timedelta(minutes=5)
"""Time that a run may be Pending without a process."""
CLAIM_LIMIT = timedelta(minutes=1)
"""Time that a run may be Running before its process claims it; until then its process may be another machine's."""
CLAIM = "nightshift.process"
"""Label of a flow run: its process, as `HOST/PID/START_MARK`; earlier versions wrote `PID/START_MARK`."""
TEMPORARY_SERVER = "prefect.server.api.server:create_app"
MESSAGE = "Its process was killed. The next night goes on where it stopped: finished stages and checkpoints are kept."


class Claim(NamedTuple):
    """The process that has claimed a flow run."""

    host: str
    """Empty in a label of earlier versions."""
    pid: str
    mark: str


def claim_flow_run() -> None:
    """Write host, id and start mark of this process to the flow run, as a worker does for the first process of a run."""
    context = FlowRunContext.get()
    if context and context.flow_run and _is_process(context.flow_run.infrastructure_pid or "0"):
        with get_client(sync_client=True) as client:
            client.update_flow_run_labels(context.flow_run.id, {CLAIM: processes.address()})
            client.request(
                "PATCH",
                "/flow_runs/{id}",
                path_params={"id": context.flow_run.id},
                json={"infrastructure_pid": str(os.getpid())},
            )


def reconcile() -> None:
    """Set flow runs of nightshift without a process, and their tasks, to Crashed, which frees their concurrency slots.

    A process id is valid on its own machine only: a run of another machine is dead if its heartbeats have stopped. Unfinished
    files of killed processes are removed from the store, and the temporary Prefect server of a killed command is ended.
    """
    artifact_store.remove_partial()
    _end_stray_servers()
    with get_client(sync_client=True) as client:
        runs = _active_runs(client)
        dead = [run for run in runs if not _is_elsewhere(run) and not _process_of(run)]
        for run in dead + heartbeats.dead_runs(client, [run for run in runs if _is_elsewhere(run)]):
            client.set_flow_run_state(run.id, _crashed(), force=True)
            log.warning("the run %s was left %s by a killed process: Crashed now", run.name, run.state_name)
        for task_run in client.read_task_runs(
            flow_filter=OWN_FLOWS,
            flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=FINAL_STATES))),
            task_run_filter=TaskRunFilter(state=TaskRunFilterState(type=TaskRunFilterStateType(any_=ACTIVE_STATES))),
        ):
            client.set_task_run_state(task_run.id, _crashed(), force=True)


def end_all() -> None:
    """End the processes of all flow runs that a worker started, then reconcile."""
    with get_client(sync_client=True) as client:
        run_processes = [
            _process_of(run) for run in _active_runs(client) if run.deployment_id and not _is_elsewhere(run)
        ]
    processes.terminate((process for process in run_processes if isinstance(process, psutil.Process)), 10)
    reconcile()


def _server_is_here() -> bool:
    return urlsplit(os.environ.get("PREFECT_API_URL", "")).hostname in (None, "127.0.0.1", "localhost", "::1")


def _end_stray_servers() -> None:
    for process in processes.home_processes():
        with suppress(psutil.NoSuchProcess):
            if process.ppid() == 1 != os.getpid() and TEMPORARY_SERVER in process.cmdline():
                process.terminate()


def _active_runs(client: SyncPrefectClient) -> list[FlowRun]:
    return client.read_flow_runs(
        flow_filter=OWN_FLOWS,
        flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=ACTIVE_STATES))),
    )


def _is_process(infrastructure_pid: str) -> bool:
    """Return True if it is a process id; workers that start containers write a name."""
    return infrastructure_pid.isdigit()


def _claim_of(run: FlowRun) -> Claim:
    label = str(run.labels.get(CLAIM, ""))
    if with_host := re.fullmatch(r"([^/]+)/(\d+)/(.+)", label):
        return Claim(*with_host.groups())
    pid, _, mark = label.partition("/")
    return Claim("", pid, mark)


def _is_elsewhere(run: FlowRun) -> bool:
    """Return True if the run's process may be another machine's.

    On a server that only this machine reaches, a run without a host is this machine's, and so is one from before a restart.
    """
    claim = _claim_of(run)
    if claim.host and claim.host != processes.host():
        return True
    return not _server_is_here() and not (claim.host and processes.is_of_this_boot(claim.mark))


def _process_of(run: FlowRun) -> psutil.Process | bool:
    """Return the run's process, True if it has none yet or runs in a container, False if its process has ended.

    A run that is retried has the first start and, until its process claims it, the first process. A process that has not
    claimed the run and is younger than the run's state Running is a different one with the same id.

    On a server of this machine other machines' runs arrive through a tunnel: a run that nobody has claimed yet may be theirs.
    """
    assert run.state
    pid, pending = run.infrastructure_pid, run.state.type == StateType.PENDING
    if pid and not _is_process(pid):
        return True
    claim = _claim_of(run)
    with suppress(psutil.NoSuchProcess):
        if pid and pid == claim.pid:
            if claimant := processes.running_process(int(pid), claim.mark):
                return claimant
        elif pid:
            process = psutil.Process(int(pid))
            later = not pending and process.create_time() > run.state.timestamp.timestamp() + 2
            if process.status() != psutil.STATUS_ZOMBIE and not later:
                return process
    age = datetime.now(UTC) - run.state.timestamp
    if pending and run.deployment_id:
        return age < PENDING_LIMIT
    return not pid or (pid != claim.pid and age < CLAIM_LIMIT)


def _crashed() -> State[Any]:
    return Crashed(message=MESSAGE)


if __name__ == "__main__":
    logging.basicConfig(format="%(asctime)s %(message)s")
    end_all() if sys.argv[1:] == ["end"] else reconcile()

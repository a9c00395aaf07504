"""Reconciliation after killed processes: Prefect runs without a process, and unfinished artifacts.

Called at the start of each run, and by `nightshift up` when it starts, restarts or ends a service
(`python -m nightshift.prefect_ui.reconciliation`). `nightshift.registry.tracking.end_killed` does the same for MLflow.
"""

import logging
import os
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
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

from nightshift.store import artifact_store, processes

log = logging.getLogger("nightshift.reconcile")
OWN_FLOWS = FlowFilter(
    name=FlowFilterName(any_=["nightly", "validate", "promote", "rollback", "rotate", "score", "watch", "clean"])
)
FINAL_STATES = [StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED]
ACTIVE_STATES = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]
PENDING_LIMIT = timedelta(minutes=5)
"""Time that a run may be Pending without a process."""
CLAIM = "nightshift.process"
"""Label of a flow run: its process, as `PID/START_MARK`."""
TEMPORARY_SERVER = "prefect.server.api.server:create_app"
MESSAGE = "Its process was killed. The next night goes on where it stopped: finished stages and checkpoints are kept."


def claim_flow_run() -> None:
    """Write the id and start mark of this process to the flow run, as a worker does for the first process of a run."""
    context = FlowRunContext.get()
    if context and context.flow_run and _is_process(context.flow_run.infrastructure_pid or "0"):
        pid = os.getpid()
        with get_client(sync_client=True) as client:
            client.update_flow_run_labels(context.flow_run.id, {CLAIM: f"{pid}/{processes.start_mark(pid)}"})
            client.request(
                "PATCH",
                "/flow_runs/{id}",
                path_params={"id": context.flow_run.id},
                json={"infrastructure_pid": str(pid)},
            )


def reconcile() -> None:
    """Set flow runs of nightshift without a process, and their tasks, to Crashed, which frees their concurrency slots.

    A process id is valid on its own machine only, so the runs of a Prefect server elsewhere are left alone. Unfinished
    files of killed processes are removed from the store, and the temporary Prefect server of a killed command is ended.
    """
    artifact_store.remove_partial()
    _end_stray_servers()
    if not _server_is_here():
        return
    with get_client(sync_client=True) as client:
        for run in [run for run in _active_runs(client) if not _process_of(run)]:
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
        run_processes = [_process_of(run) for run in _active_runs(client) if run.deployment_id]
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


def _process_of(run: FlowRun) -> psutil.Process | bool:
    """Return the run's process, True if it has none yet or runs in a container, False if its process has ended.

    A run that is retried has the first start and, until its process claims it, the first process. A process that has not
    claimed the run and is younger than the run's state Running is a different one with the same id.
    """
    assert run.state
    pid, pending = run.infrastructure_pid, run.state.type == StateType.PENDING
    if pid and not _is_process(pid):
        return True
    claimed_by, _, mark = str(run.labels.get(CLAIM, "")).partition("/")
    with suppress(psutil.NoSuchProcess):
        if pid and pid == claimed_by:
            if claimant := processes.running_process(int(pid), mark):
                return claimant
        elif pid:
            process = psutil.Process(int(pid))
            later = not pending and process.create_time() > run.state.timestamp.timestamp() + 2
            if process.status() != psutil.STATUS_ZOMBIE and not later:
                return process
    if pending and run.deployment_id:
        return datetime.now(UTC) - run.state.timestamp < PENDING_LIMIT
    return not pid


def _crashed() -> State[Any]:
    return Crashed(message=MESSAGE)


if __name__ == "__main__":
    logging.basicConfig(format="%(asctime)s %(message)s")
    end_all() if sys.argv[1:] == ["end"] else reconcile()

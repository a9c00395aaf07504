"""Heartbeats of flow runs on other machines, whose processes cannot be seen from here.

The process of a flow run sends the event `prefect.flow-run.heartbeat` every 30 s where PREFECT_FLOWS_HEARTBEAT_FREQUENCY is set,
as nightshift's commands and workers set it.
"""

import logging
import time
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas import FlowRun, StateType

log = logging.getLogger("nightshift.reconcile")
EVENT = "prefect.flow-run.heartbeat"
SILENCE = timedelta(seconds=90)
"""Time without a heartbeat after which a run is suspected to be dead."""
CONFIRMATION = 60.0
"""Seconds for which a suspect is watched: a heartbeat is due in them, also after an outage of the server, which keeps events
some seconds after it has received them."""
PENDING_LIMIT = timedelta(minutes=30)
"""Time that a run may be Pending on another machine, which may have to start a node and to pull an image first."""


class Signs(NamedTuple):
    """Times by the server's clock: of a run's last heartbeat, and of the answer."""

    last_heartbeat: datetime | None
    now: datetime


def dead_runs(client: SyncPrefectClient, runs: list[FlowRun]) -> list[FlowRun]:
    """Return the runs that are dead: they have sent heartbeats and send none any more, or are Pending for too long.

    A run without a single heartbeat is left alone, as its process may have been told to send none.
    """
    dead, suspects = [], []
    for run in runs:
        assert run.state
        signs = _signs(client, run)
        if run.state.type == StateType.PENDING:
            if signs.now - run.state.timestamp > PENDING_LIMIT:
                dead.append(run)
        elif signs.last_heartbeat is None:
            log.info("the run %s of another machine sends no heartbeats: left as it is", run.name)
        elif signs.now - signs.last_heartbeat > SILENCE:
            suspects.append((run, signs.last_heartbeat))
    if suspects:
        log.info("watching %d runs of other machines that send no heartbeats any more", len(suspects))
        time.sleep(CONFIRMATION)
    return dead + [run for run, heartbeat in suspects if _signs(client, run).last_heartbeat == heartbeat]


def _signs(client: SyncPrefectClient, run: FlowRun) -> Signs:
    """Return when the server received the run's last heartbeat, and what its clock shows now."""
    query = {
        "event": {"name": [EVENT]},
        "resource": {"id": [f"prefect.flow-run.{run.id}"]},
        "order": "DESC",
    }
    response = client.request("POST", "/events/filter", json={"filter": query, "limit": 1})
    events = response.json()["events"]
    received = datetime.fromisoformat(events[0]["received"]) if events else None
    return Signs(received, parsedate_to_datetime(response.headers["date"]))

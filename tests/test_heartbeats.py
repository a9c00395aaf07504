"""Heartbeats of flow runs on other machines, kept by a real Prefect server."""

import logging
import threading
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas import FlowRun
from prefect.states import Pending, Running

from nightshift.prefect_ui import heartbeats


@pytest.fixture
def client(prefect_api, monkeypatch):
    """The server's client; a run is suspected after 4 s without a heartbeat, and watched for 3 s."""
    monkeypatch.setattr(heartbeats, "SILENCE", timedelta(seconds=4))
    monkeypatch.setattr(heartbeats, "CONFIRMATION", 3.0)
    with SyncPrefectClient(prefect_api) as client:
        yield client


@flow(name="heartbeats")
def sleeping() -> None:
    """Do nothing."""


def run_in(client: SyncPrefectClient, state) -> FlowRun:
    return client.read_flow_run(client.create_flow_run(sleeping, state=state).id)


def beat(client: SyncPrefectClient, run_id: UUID) -> None:
    """Send a heartbeat as Prefect's engine does, and return when the server has kept it."""
    event = {
        "event": heartbeats.EVENT,
        "resource": {"prefect.resource.id": f"prefect.flow-run.{run_id}"},
        "occurred": datetime.now(UTC).isoformat(),
        "id": str(uuid4()),
        "payload": {},
    }
    before = heartbeats._signs(client, client.read_flow_run(run_id)).last_heartbeat
    client.request("POST", "/events", json=[event])
    deadline = time.monotonic() + 20
    while heartbeats._signs(client, client.read_flow_run(run_id)).last_heartbeat == before:
        assert time.monotonic() < deadline, "the server kept no event"
        time.sleep(0.05)


def test_a_run_whose_heartbeats_have_stopped_is_dead_and_one_that_beats_again_is_not(client):
    silent, cut_off, alive = (run_in(client, Running()) for _ in range(3))
    for run in (silent, cut_off):
        beat(client, run.id)
    time.sleep(5.5)  # the server's clock is read in whole seconds
    beat(client, alive.id)
    late = threading.Timer(0.3, beat, (client, cut_off.id))
    late.start()
    assert [run.id for run in heartbeats.dead_runs(client, [silent, cut_off, alive])] == [silent.id]
    late.join()


def test_a_run_that_never_sent_a_heartbeat_is_left_as_it_is(client, caplog):
    with caplog.at_level(logging.INFO, "nightshift.reconcile"):
        assert heartbeats.dead_runs(client, [run_in(client, Running())]) == []
    assert "sends no heartbeats: left as it is" in caplog.text


def test_a_run_is_pending_for_a_limited_time(client, monkeypatch):
    run = run_in(client, Pending())
    assert heartbeats.dead_runs(client, [run]) == []
    monkeypatch.setattr(heartbeats, "PENDING_LIMIT", timedelta(seconds=-2))
    assert heartbeats.dead_runs(client, [run]) == [run]


def test_a_client_whose_clock_is_wrong_takes_no_living_run_for_dead(client):
    run = run_in(client, Running())
    beat(client, run.id)
    signs = heartbeats._signs(client, run)
    assert timedelta(seconds=-2) < signs.now - signs.last_heartbeat < timedelta(seconds=2), "both by the server's clock"

"""Processes are recognised by what no setting of the clock changes."""

import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psutil
import pytest
from prefect.client.schemas import FlowRun, State, StateType

from cli.servers import Servers
from flows.pipeline_run import ends_at
from nightshift.prefect_ui import reconciliation
from nightshift.store import processes

BOOT = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def clock_set_forward(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let psutil say what it says after the clock was set forward by a minute."""
    real = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: real(process) + 60)


def run_of(pid: int, label: str | None, age: float = 30) -> FlowRun:
    """A run that has been Running for `age` seconds."""
    state = State(type=StateType.RUNNING, timestamp=datetime.now(UTC) - timedelta(seconds=age))
    labels = {reconciliation.CLAIM: label} if label else {}
    return FlowRun(flow_id=uuid4(), state=state, infrastructure_pid=str(pid), labels=labels)


def test_a_step_of_the_clock_changes_nothing(clock_set_forward):
    pid = os.getpid()
    mark = processes.start_mark(pid)
    keeper = Servers(prefect="", mlflow="", children={"keeper": {"pid": pid, "started": mark}}).children["keeper"]
    assert processes.running_process(keeper.pid, keeper.started) is not None
    assert isinstance(reconciliation._process_of(run_of(pid, f"{pid}/{mark}")), psutil.Process)


def test_another_process_with_the_same_id_is_not_taken_for_it():
    pid, mark = os.getpid(), processes.start_mark(os.getpid())
    boot, ticks = mark.split("/")
    for other_mark in (f"{BOOT}/{ticks}", f"{boot}/{int(ticks) + 1}"):
        assert processes.running_process(pid, other_mark) is None
        assert reconciliation._process_of(run_of(pid, f"{pid}/{other_mark}")) is False


def test_a_process_that_has_ended_does_not_live():
    child = subprocess.Popen([sys.executable, "-c", ""])
    mark = processes.start_mark(child.pid)
    while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert processes.running_process(child.pid, mark) is None
    child.wait()
    assert processes.running_process(child.pid, mark) is None
    assert reconciliation._process_of(run_of(child.pid, f"{child.pid}/{mark}")) is False
    with pytest.raises(psutil.NoSuchProcess):
        processes.start_mark(child.pid)


def test_a_process_id_is_valid_with_its_host(monkeypatch):
    address = processes.address()
    host, pid, mark = address.split("/", 2)
    assert (host, pid, mark) == (processes.host(), str(os.getpid()), processes.start_mark(os.getpid()))
    here, there = run_of(int(pid), address), run_of(int(pid), f"another-machine/{pid}/{mark}")
    assert isinstance(reconciliation._process_of(here), psutil.Process)
    assert reconciliation._is_elsewhere(there)
    assert not reconciliation._is_elsewhere(here)
    rebooted = run_of(int(pid), f"{host}/{pid}/{BOOT}/1")
    assert not reconciliation._is_elsewhere(rebooted), "no other machine reaches this server"
    monkeypatch.setenv("PREFECT_API_URL", "http://prefect.example:4200/api")
    assert not reconciliation._is_elsewhere(here)
    assert reconciliation._is_elsewhere(rebooted), "another machine may have the same name"
    assert reconciliation._is_elsewhere(run_of(int(pid), f"{pid}/{mark}")), "a label of earlier versions has no host"


def test_a_run_that_nobody_has_claimed_yet_may_be_another_machines():
    no_process = 2**22 + 1
    assert reconciliation._process_of(run_of(no_process, None, age=30)) is True
    assert reconciliation._process_of(run_of(no_process, None, age=90)) is False
    own = run_of(no_process, f"{processes.host()}/{no_process}/{processes.start_mark(os.getpid())}", age=30)
    assert reconciliation._process_of(own) is False


def test_a_process_has_ended_only_where_it_can_be_seen():
    child = subprocess.Popen(["sleep", "60"])
    address = f"{processes.host()}/{child.pid}/{processes.start_mark(child.pid)}"
    assert not processes.has_ended(address)
    child.kill()
    child.wait()
    assert processes.has_ended(address)
    assert not processes.has_ended(address.replace(processes.host(), "another-machine"))
    assert not processes.has_ended(f"{processes.host()}/{child.pid}/{BOOT}/1"), "another machine may have the same name"


def test_what_earlier_versions_wrote_is_read():
    pid, created = os.getpid(), psutil.Process().create_time()
    old = f'{{"prefect": "", "mlflow": "", "children": {{"keeper": {{"pid": {pid}, "born": {created!r}}}}}}}'
    child = Servers.model_validate_json(old).children["keeper"]
    assert processes.running_process(child.pid, child.started) is not None
    assert processes.running_process(child.pid, str(created - 60)) is None
    age = time.time() - created
    assert isinstance(reconciliation._process_of(run_of(pid, None, age - 1)), psutil.Process), (
        "no label: by the run's state"
    )
    assert reconciliation._process_of(run_of(pid, None, age + 60)) is False


def test_without_proc_psutil_tells_the_start(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "PROC", tmp_path)
    mark = processes.start_mark(os.getpid())
    assert float(mark) == pytest.approx(psutil.Process().create_time(), abs=0.01)
    assert processes.running_process(os.getpid(), mark) is not None


@pytest.mark.parametrize("name", ["python", "a ) b (", ") 1 2 3"])
def test_the_start_is_read_behind_any_program_name(tmp_path, monkeypatch, name):
    monkeypatch.setattr(processes, "PROC", tmp_path)
    (tmp_path / "sys/kernel/random").mkdir(parents=True)
    (tmp_path / "sys/kernel/random/boot_id").write_text(BOOT + "\n")
    (tmp_path / "7").mkdir()
    (tmp_path / "7/stat").write_text(f"7 ({name}) S " + " ".join(map(str, range(4, 53))))
    assert processes.start_mark(7) == f"{BOOT}/22"


@pytest.mark.parametrize(
    ("now", "deadline", "hours"),
    [
        ("2026-03-29 01:30", 90, 1.5),  # the clock goes from 2 to 3 in this night
        ("2026-03-29 01:30", "06:00", 3.5),
        ("2026-10-25 01:30", 120, 2.0),  # and from 3 to 2 in this
        ("2026-10-25 01:30", "06:00", 5.5),
        ("2026-03-28 23:00", "22:00", 22.0),
    ],
)
def test_a_deadline_in_a_night_that_changes_the_clock(monkeypatch, now, deadline, hours):
    monkeypatch.setenv("TZ", "Europe/Vienna")
    time.tzset()
    try:
        start = datetime.fromisoformat(now)
        assert ends_at(deadline, start) == start.timestamp() + hours * 3600
    finally:
        monkeypatch.undo()
        time.tzset()

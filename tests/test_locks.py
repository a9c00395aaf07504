"""Locks between machines on a Prefect server's own rules, at a server that can be stopped and whose records can be changed."""

import contextvars
import json
import os
import subprocess
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from nightshift.errors import LockLostError, NightshiftError, UserError
from nightshift.registry import locks
from nightshift.store import artifact_store, processes


class Variables(BaseHTTPRequestHandler):
    """Prefect's routes for variables: names are unique, changes and deletions are by id."""

    protocol_version = "HTTP/1.1"

    def answer(self, status: int, body: object = None) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def body(self) -> dict:
        return json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"{}")

    def handle_request(self) -> None:
        body, key = self.body(), self.path.rpartition("/")[2]
        with self.server.mutex:
            records = self.server.records
            by_id = next((record for record in records.values() if record["id"] == key), None)
            if self.server.broken:
                self.answer(503)
            elif self.command == "POST" and body["name"] in records:
                self.answer(409)
            elif self.command == "POST":
                records[body["name"]] = {"id": str(uuid.uuid4()), "name": body["name"], "value": body["value"]}
                self.answer(201, records[body["name"]])
            elif self.command == "GET":
                self.answer(200, records[key]) if key in records else self.answer(404)
            elif by_id is None:
                self.answer(404)
            elif self.command == "PATCH":
                by_id["value"] = body["value"]
                self.answer(204)
            else:
                del records[by_id["name"]]
                self.answer(204)

    do_GET = do_POST = do_PATCH = do_DELETE = handle_request

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Variables)
    server.daemon_threads, server.records, server.mutex, server.broken = True, {}, threading.Lock(), False
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow.example:5000")
    monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{server.server_port}/api")
    durations = {"LEASE": 1.5, "HEARTBEAT": 0.2, "SETTLE": 0.5, "POLL": 0.1, "PATIENCE": 2.5, "RELEASE_PATIENCE": 3.0}
    for name, seconds in durations.items():
        monkeypatch.setattr(locks, name, seconds)
    with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{server.server_port}/api"}):
        yield server
    server.shutdown()
    server.server_close()


def address_elsewhere() -> str:
    return f"another-machine/{os.getpid()}/{processes.start_mark(os.getpid())}"


def occupy(server: ThreadingHTTPServer, process: str) -> dict:
    """Put the lock of another process on the server, and return its record."""
    variable = locks.variable_name("reviews", "night")
    holder = locks.Holder(process=process, token="other")
    server.records[variable] = {"id": str(uuid.uuid4()), "name": variable, "value": holder.model_dump()}
    return server.records[variable]


def enter(model: str, wait: bool) -> None:
    with locks.locked(model, "night", wait):
        pass


def test_the_lock_is_a_variable_while_it_is_held(server):
    with locks.locked("reviews", "night"):
        (record,) = server.records.values()
        assert record["value"]["process"] == processes.address()
        with locks.locked("Reviews", "night"), locks.locked("reviews", "aliases"), locks.locked("reviews", "watch"):
            assert len(server.records) == 3, "models and purposes are apart; watched rows lie on one machine"
    assert server.records == {}


def test_a_registry_of_this_machine_needs_no_other_lock(server, monkeypatch):
    for registry in ("", artifact_store.own_registry()):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", registry)
        with locks.locked("reviews", "night"):
            assert server.records == {}


def test_without_a_server_the_file_is_the_lock(server):
    with temporary_settings(restore_defaults={PREFECT_API_URL}), locks.locked("reviews", "night"):
        assert server.records == {}


def test_a_living_holder_on_another_machine_is_waited_for(server):
    record = occupy(server, address_elsewhere())
    with pytest.raises(UserError, match="a night of reviews is running on another-machine"):
        enter("reviews", wait=False)
    held = threading.Event()

    def wait() -> None:
        with locks.locked("reviews", "night"):
            held.set()

    waiting = threading.Thread(target=contextvars.copy_context().run, args=(wait,))
    waiting.start()
    for beat in range(20):
        record["value"] = record["value"] | {"heartbeat": beat}
        assert not held.wait(0.1)
    server.records.clear()
    waiting.join(timeout=5)
    assert held.is_set()


def test_the_lock_of_a_dead_machine_is_free_after_the_lease(server):
    occupy(server, address_elsewhere())
    begin = time.monotonic()
    with locks.locked("reviews", "night"):
        assert locks.LEASE < time.monotonic() - begin < locks.LEASE + 3


def test_the_lock_of_a_killed_process_of_this_machine_is_free_at_once(server, monkeypatch):
    monkeypatch.setattr(locks, "LEASE", 60.0)
    child = subprocess.Popen(["sleep", "60"])
    address = f"{processes.host()}/{child.pid}/{processes.start_mark(child.pid)}"
    occupy(server, address)
    with pytest.raises(UserError):
        enter("reviews", wait=False)
    child.kill()
    child.wait()
    with locks.locked("reviews", "night", wait=False):
        assert next(iter(server.records.values()))["value"]["process"] == processes.address()


def test_the_heartbeat_keeps_the_lock(server):
    with locks.locked("reviews", "night"):
        time.sleep(locks.LEASE + 0.5)
        assert next(iter(server.records.values()))["value"]["heartbeat"] >= 3


def test_a_night_that_was_cut_off_moves_no_alias(server):
    with locks.locked("reviews", "night"):
        server.records.clear()
        occupy(server, address_elsewhere())
        with pytest.raises(LockLostError, match="another one took over"), locks.locked("reviews", "aliases"):
            raise AssertionError("it holds no lock")
        with pytest.raises(LockLostError):
            locks.ensure_not_lost("reviews")
    (record,) = server.records.values()
    assert record["value"]["process"].startswith("another-machine"), "what it has lost it does not release"


def test_a_heartbeat_notices_the_loss(server):
    with locks.locked("reviews", "night"):
        locks.ensure_not_lost("reviews")
        server.records.clear()
        time.sleep(3 * locks.HEARTBEAT)
        with pytest.raises(LockLostError):
            locks.ensure_not_lost("reviews")


def test_a_late_heartbeat_counts_only_after_a_second_one(server):
    with locks.locked("reviews", "night"):
        server.broken = True
        time.sleep(locks.LEASE + 0.3)
        server.broken = False
        begin = time.monotonic()
        locks.ensure_held("reviews")
        assert time.monotonic() - begin > locks.SETTLE / 2, "a deletion that is on its way arrives meanwhile"


def test_an_outage_shorter_than_the_patience_is_bridged(server):
    server.broken = True
    threading.Timer(0.5, lambda: setattr(server, "broken", False)).start()
    with locks.locked("reviews", "night"):
        assert len(server.records) == 1


def test_a_release_that_the_server_did_not_answer_is_repeated(server):
    with locks.locked("reviews", "aliases"):
        server.broken = True
        threading.Timer(0.5, lambda: setattr(server, "broken", False)).start()
    assert server.records == {}


def test_a_lock_that_could_not_be_released_is_free_for_the_same_process(server, monkeypatch, caplog):
    monkeypatch.setattr(locks, "LEASE", 60.0)
    with locks.locked("reviews", "aliases"):
        server.broken = True
    assert len(server.records) == 1 and "reviews's lock for aliases is free in 60 s: 503" in caplog.text
    server.broken = False
    with locks.locked("reviews", "aliases", wait=False):
        assert len(server.records) == 1
    assert server.records == {}


def test_a_server_that_stays_silent_is_one_line(server):
    server.broken = True
    with pytest.raises(NightshiftError) as error, locks.locked("reviews", "night"):
        pass
    assert "\n" not in str(error.value) and "run again when it answers" in str(error.value)


def test_a_lost_answer_to_the_creation_is_no_lock_of_another(server, monkeypatch):
    request, attempts = locks.ServerLock._request, []

    def lose_the_first_answer(lock, method, *arguments, **keywords):
        answer = request(lock, method, *arguments, **keywords)
        attempts.append(method)
        if attempts == ["POST"]:
            raise OSError("the connection broke")
        return answer

    monkeypatch.setattr(locks.ServerLock, "_request", lose_the_first_answer)
    with locks.locked("reviews", "night", wait=False):
        assert attempts[:3] == ["POST", "POST", "GET"]
    assert server.records == {}


def hold_once(home: str, counter: str) -> None:
    """Count up a file while the lock is held; without the lock counts would be lost."""
    os.environ["NIGHTSHIFT_HOME"] = home
    assert locks.is_shared()
    locks.POLL = 0.01
    for _ in range(5):
        with locks.locked("reviews", "aliases"):
            count = int(Path(counter).read_text())
            time.sleep(0.01)
            Path(counter).write_text(str(count + 1))


def test_processes_with_homes_of_their_own_exclude_each_other(server, tmp_path):
    counter = tmp_path / "counter"
    counter.write_text("0")
    script = "import sys, test_locks; test_locks.hold_once(*sys.argv[1:])"
    folder = Path(__file__).parent
    children = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path / name), str(counter)], cwd=folder)
        for name in "ab"
    ]
    assert [child.wait() for child in children] == [0, 0]
    assert counter.read_text() == "10"

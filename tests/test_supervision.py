"""The keeper of `nightshift up` restarts servers that fail or hang, and rotates their logs; with real processes."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from conftest import Shell, processes_of

import cli.servers
from cli.supervision import HealthCheck, Limits, Service, last_line, rotate
from nightshift.errors import UserError

PATIENCE = 200
QUICK = {"FAILURES": "2", "RESTART_DELAY": "0.1", "CHECK_INTERVAL": "1", "CHECK_MISSES": "4"}
"""A server on a busy machine may be silent for some seconds: the time of a health check stays as it is."""


def wait(ready, event: str):
    """Return what `ready()` returns once it is true."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if value := ready():
            return value
        time.sleep(0.1)
    raise AssertionError(f"waited in vain: {event}")


@pytest.mark.slow
def test_a_broken_server_fails_and_a_hung_one_is_started_again(tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))
    shell, home = Shell(tmp_path), tmp_path / "home"
    shell.env |= {f"NIGHTSHIFT_SERVERS_{name}": value for name, value in QUICK.items()} | {
        "NIGHTSHIFT_SERVERS_LOG_BYTES": "1000",
        "NIGHTSHIFT_SERVERS_LOG_FILES": "2",
    }
    database = home / "prefect/prefect.db"
    database.parent.mkdir(parents=True)
    database.write_text("this is no database")
    up = ("up", "--prefect-port", "4700", "--mlflow-port", "5700")
    try:
        broken = shell(*up)
        assert broken.returncode == 1
        line = broken.stderr.splitlines()[-1]
        assert line.startswith(
            "prefect failed 2 times within 20 minutes and is not started again; the last time it ended "
        )
        assert "exit code 3, its log ends: sqlalchemy.exc.DatabaseError: (sqlite3.DatabaseError) file is not" in line
        assert line.endswith(f"see {home}/logs/prefect.log")
        status = shell("status")
        assert status.returncode == 1 and f"{line}; `nightshift up` tries again" in " ".join(status.stdout.split())
        rotated = wait(lambda: sorted(path.name for path in (home / "logs").glob("prefect.log.*")), "a rotated log")
        assert rotated in (["prefect.log.1"], ["prefect.log.1", "prefect.log.2"])
        assert (home / "logs/prefect.log").stat().st_size <= 1000
        assert (home / "logs/prefect.log.1").stat().st_mode & 0o077 == 0

        for path in database.parent.glob("prefect.db*"):
            path.unlink()
        mended = shell(*up)
        assert mended.returncode == 0, mended.stderr
        assert shell("status").returncode == 0

        servers = cli.servers.running()
        hung = servers.children["mlflow"].pid
        os.kill(hung, signal.SIGSTOP)
        status = shell("status")
        assert status.returncode == 1 and "does not answer" in status.stdout
        wait(lambda: cli.servers.running().children["mlflow"].pid != hung, "MLflow is started again")
        wait(lambda: shell("status").returncode == 0, "MLflow answers again")
        children = cli.servers.running().children
        assert {name for name in children if children[name] != servers.children[name]} == {"mlflow"}
        keeper = "".join(path.read_text() for path in (home / "logs").glob("keeper.log*"))
        assert "mlflow did not answer 4 health checks in a row: starting it again" in keeper
    finally:
        down = shell("down")
    assert down.returncode == 0 and not processes_of(home)


class Scripted(BaseHTTPRequestHandler):
    """Answers with the status `server.status`; not at all while it is None."""

    def do_GET(self):
        while self.server.status is None:
            time.sleep(0.05)
        with suppress(BrokenPipeError):
            self.send_response(self.server.status)
            self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Scripted) as server:
        server.status = 503
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.status = 200
        server.shutdown()


def test_only_silence_counts_as_a_miss_and_an_answer_ends_the_count(server):
    check = HealthCheck(f"http://127.0.0.1:{server.server_port}", Limits(check_interval=0.1, check_timeout=0.3))
    time.sleep(1)
    assert not check.has_answered and not check.misses, "an error is no first answer"
    server.status = 200
    wait(lambda: check.has_answered, "the first answer")
    server.status = None
    wait(lambda: check.misses > 1, "two misses")
    server.status = 500
    wait(lambda: not check.misses, "a busy server's error is an answer")
    check.stop()


def test_a_process_is_restarted_with_growing_delays_and_then_has_failed(tmp_path):
    limits = Limits(failures=3, restart_delay=0.2)
    command = [
        sys.executable,
        "-c",
        "import sys; print('old words' if len(sys.argv) > 1 else 'No such port.'); sys.exit(7)",
    ]
    log_file = tmp_path / "server.log"
    service = Service("server", [*command, "first"], log_file, limits)
    service.start(tmp_path, {})
    assert wait(service.end_cause, "its end") == "ended with exit code 7" and not service.end_cause()
    delays = []
    for _ in range(2):
        service.command, ended_at = command, time.monotonic()
        wait(lambda: service.is_due, "the time to start it again")
        delays.append(time.monotonic() - ended_at)
        service.start(tmp_path, {})
        assert not service.is_due
        wait(service.end_cause, "its end")
    assert delays[0] < delays[1]
    assert service.failure == (
        "failed 3 times within 20 minutes and is not started again; the last time it ended with exit code 7, its log ends: "
        f"No such port.; see {log_file}"
    )
    assert not service.is_due and not service.end_cause() and not service.is_alive
    service.reset()
    assert service.is_due and not service.failure


def test_a_server_without_a_first_answer_is_killed(tmp_path, server):
    address = f"http://127.0.0.1:{server.server_port}"
    limits = Limits(start_timeout=0.5, failures=2)
    service = Service("server", ["sleep", "600"], tmp_path / "server.log", limits, address)
    service.start(tmp_path, dict(os.environ))
    assert wait(service.end_cause, "its end") == "did not answer within 0.5 s of its start"
    assert not service.is_alive and not service.answers and not service.failure
    service.start(tmp_path, dict(os.environ))
    service.process.kill()
    service.process.wait()
    assert service.end_cause() == "was ended by SIGKILL"
    assert service.failure.endswith(f"the last time it was ended by SIGKILL; see {tmp_path}/server.log")


def test_a_log_is_rotated_under_a_process_that_writes_it(tmp_path):
    log_file, limits = tmp_path / "server.log", Limits(log_bytes=1000, log_files=2)
    code = "import sys\nfor line in sys.stdin: print(line, end='', flush=True)"
    with log_file.open("ab") as out:
        writer = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=out, text=True)
    written = [f"line {number:04}\n" for number in range(400)]
    for start in range(0, 400, 110):
        lines = "".join(written[start : start + 110])
        old_size = log_file.stat().st_size
        writer.stdin.write(lines)
        writer.stdin.flush()
        wait(
            lambda old_size=old_size, lines=lines: log_file.stat().st_size == old_size + len(lines),
            "the lines are written",
        )
        rotate(log_file, limits)
    writer.stdin.close()
    writer.wait()
    names = ["server.log", "server.log.1", "server.log.2"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    texts = [(tmp_path / name).read_text() for name in reversed(names)]
    assert [len(text) for text in texts] == [1000, 1000, 700], (
        "the end of what was rotated; no hole where it was emptied"
    )
    assert texts[0] + texts[1] == "".join(written[120:220] + written[230:330]) and texts[2] == "".join(written[330:])


def test_a_log_without_room_for_its_copy_is_emptied(tmp_path, monkeypatch):
    def copyfileobj(source, target):
        target.write(b"a part")
        raise OSError(28, "No space left on device")

    (tmp_path / "server.log").write_text("x" * 2000)
    monkeypatch.setattr("shutil.copyfileobj", copyfileobj)
    rotate(tmp_path / "server.log", Limits(log_bytes=1000))
    assert [(path.name, path.stat().st_size) for path in tmp_path.iterdir()] == [("server.log", 0)]
    rotate(tmp_path / "none.log", Limits())


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        ("started\n\x1b[31mstopped\x1b[0m\n\n", "stopped"),
        ("a.b.SomeError: the cause\n[SQL: SELECT 1]\n(Background on this error at: https://sqlalche.me/e/20/4xp6)\n",
         "a.b.SomeError: the cause"),
        ("KeyError: 1\n" + "served\n" * 20, "served"),
        ("╭── Error ──╮\n│ no such pool │\n╰──╯\n", "no such pool"),
        ("https://ada:secret@host failed", "https://***@host failed"),
    ],
)  # fmt: skip
def test_the_line_of_a_log_that_explains_an_end(tmp_path, text, line):
    log_file = tmp_path / "server.log"
    log_file.write_text("ValueError: of an earlier process\n" + text)
    assert last_line(log_file, len("ValueError: of an earlier process\n")) == line


def test_the_line_that_explains_an_end_may_have_been_rotated(tmp_path):
    log_file = tmp_path / "server.log"
    log_file.write_text("served\n" * 200 + "a.b.SomeError: the cause\n")
    assert rotate(log_file, Limits(log_bytes=1000))
    assert last_line(log_file, None) == "a.b.SomeError: the cause"
    log_file.write_text("stopping\n")
    assert last_line(log_file, None) == "a.b.SomeError: the cause"


def test_limits_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_SERVERS_CHECK_TIMEOUT", "20")
    assert Limits.from_environment() == Limits(check_timeout=20)
    monkeypatch.setenv("NIGHTSHIFT_SERVERS_FAILURES", "few")
    with pytest.raises(UserError, match="NIGHTSHIFT_SERVERS_FAILURES: Input should be a valid integer"):
        Limits.from_environment()

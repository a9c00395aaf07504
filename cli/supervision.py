"""Supervision of the servers of `nightshift up`: restarts up to a limit, health checks, logs of bounded size."""

import logging
import os
import re
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import Event, Thread
from typing import Self

import httpx
from pydantic import BaseModel, Field, ValidationError

from nightshift.errors import UserError
from nightshift.redaction import redact

log = logging.getLogger("nightshift.supervision")
ENVIRONMENT_PREFIX = "NIGHTSHIFT_SERVERS_"
POLL_SECONDS = 0.5
"""Seconds between two checks of a server that is starting."""
TAIL_BYTES = 64_000
LAST_LINES = 10
"""Number of lines at the end of a log that are searched for an exception."""
LINE_LENGTH = 300
EXCEPTION = re.compile(r"([A-Za-z_]\w*\.)*\w+(Error|Exception|Exit|Interrupt)\b(: .*)?")
DECORATION = re.compile(r"\x1b\[[0-9;]*m|^[\s│╭╮╰╯─]+|[\s│╭╮╰╯─]+$")
"""Colors, and the boxes that rich draws around errors."""


class Limits(BaseModel):
    """Limits after which a server counts as hung or failed, and the size of logs.

    Each may be set by the environment, such as `NIGHTSHIFT_SERVERS_CHECK_TIMEOUT=20`.
    """

    failures: int = Field(5, ge=1)
    """Number of failures within `failure_window` seconds after which a process is not started again."""
    failure_window: float = Field(1200, gt=0)
    restart_delay: float = Field(1, ge=0)
    """Seconds before the first restart; each further one within `failure_window` waits twice as long."""
    start_timeout: float = Field(180, gt=0)
    """Seconds that a server may take from its start to its first answer."""
    check_interval: float = Field(15, gt=0)
    """Seconds from one health check to the next."""
    check_timeout: float = Field(10, gt=0)
    check_misses: int = Field(6, ge=1)
    """Health checks in a row without an answer after which a server is restarted."""
    log_bytes: int = Field(10_000_000, ge=1000)
    """Size from which a log is rotated."""
    log_files: int = Field(3, ge=1)
    """Rotated files that are kept of each log."""

    @classmethod
    def from_environment(cls) -> Self:
        """Return the limits that the environment sets, the defaults for the rest.

        Raises:
            UserError: A variable has a wrong value.
        """
        variables = {name: f"{ENVIRONMENT_PREFIX}{name.upper()}" for name in cls.model_fields}
        try:
            return cls.model_validate({n: os.environ[v] for n, v in variables.items() if os.environ.get(v)})
        except ValidationError as error:
            first = error.errors()[0]
            raise UserError(f"{variables[str(first['loc'][0])]}: {first['msg']}") from error


class HealthCheck:
    """Regular requests to a server, in a thread, that show whether it answers.

    Any answer, even an error, shows that the server is not hung; only the first one must be a success.

    Args:
        address: The address to request.
        limits: Interval and timeout of the requests.
    """

    def __init__(self, address: str, limits: Limits) -> None:
        self.has_answered = False
        self.misses = 0
        self._address, self._limits = address, limits
        self._stopped = Event()
        Thread(target=self._run, daemon=True).start()

    def stop(self) -> None:
        """Stop the requests."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            request_time = time.monotonic()
            if self._has_answer():
                self.has_answered, self.misses = True, 0
            elif self.has_answered:
                self.misses += 1
            interval = self._limits.check_interval if self.has_answered else POLL_SECONDS
            self._stopped.wait(max(0.0, request_time + interval - time.monotonic()))

    def _has_answer(self) -> bool:
        try:
            response = httpx.get(self._address, timeout=self._limits.check_timeout, trust_env=False)
        except httpx.HTTPError:
            return False
        return response.is_success or self.has_answered


class Service:
    """A process that the keeper starts, and restarts up to a limit if it ends or hangs.

    Args:
        name: Its name in messages and in the log's file name.
        command: The command line.
        log_file: The file that takes its output.
        limits: Limits of restarts, health checks and logs.
        address: The address of its health check; None for a process that answers no requests.
    """

    def __init__(
        self, name: str, command: list[str], log_file: Path, limits: Limits, address: str | None = None
    ) -> None:
        self.name, self.command, self.log_file, self.limits, self.address = name, command, log_file, limits, address
        self.process: subprocess.Popen[bytes] | None = None
        self.failure = ""
        """Reason for which it is not started again; empty if it is."""
        self._check: HealthCheck | None = None
        self._started_at = 0.0
        self._log_start: int | None = 0
        self._failures: list[float] = []
        self._restart_at: float | None = None

    @property
    def is_alive(self) -> bool:
        """True while its process is running."""
        return self.process is not None and self.process.poll() is None

    @property
    def answers(self) -> bool:
        """True if the last health check was answered."""
        return bool(self.is_alive and self._check and self._check.has_answered and not self._check.misses)

    @property
    def is_due(self) -> bool:
        """True if it has to be started again now."""
        return self._restart_at is not None and time.monotonic() >= self._restart_at

    def start(self, folder: Path, environment: dict[str, str]) -> int:
        """Start its process in this folder, with its health check; return the process's id."""
        with self.log_file.open("ab") as out:
            self._log_start = self.log_file.stat().st_size
            self.process = subprocess.Popen(
                self.command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self._started_at, self._restart_at = time.monotonic(), None
        if self.address:
            self._check = HealthCheck(self.address, self.limits)
        return self.process.pid

    def end_cause(self) -> str:
        """Return the reason if it has ended since the last call, else ""; a hung process is killed first."""
        if self.process is None or self.failure or self._restart_at is not None:
            return ""
        if not self.is_alive:
            cause = _exit_cause(self.process.returncode)
        elif cause := self._hang():
            self.process.kill()
            self.process.wait()
        if cause:
            self._count_failure(cause)
        return cause

    def reset(self) -> None:
        """Forget its failures, and start it again."""
        self.failure, self._failures, self._restart_at = "", [], time.monotonic()

    def rotate_log(self) -> None:
        """Rotate its log if that has reached its size."""
        if rotate(self.log_file, self.limits):
            self._log_start = None

    def stop_check(self) -> None:
        """End its health check."""
        if self._check:
            self._check.stop()

    def _hang(self) -> str:
        check, limits = self._check, self.limits
        if check and not check.has_answered and time.monotonic() - self._started_at > limits.start_timeout:
            return f"did not answer within {limits.start_timeout:g} s of its start"
        if check and check.misses >= limits.check_misses:
            return f"did not answer {check.misses} health checks in a row"
        return ""

    def _count_failure(self, cause: str) -> None:
        """Set the time of the next start, or `failure` if the limit is reached."""
        self.stop_check()
        now, limits = time.monotonic(), self.limits
        self._failures = [
            *(failure_time for failure_time in self._failures if now - failure_time < limits.failure_window),
            now,
        ]
        if len(self._failures) < limits.failures:
            self._restart_at = now + limits.restart_delay * 2 ** (len(self._failures) - 1)
            return
        line = last_line(self.log_file, self._log_start)
        self.failure = (
            f"failed {len(self._failures)} times within {limits.failure_window / 60:g} minutes and is not started again; "
            f"the last time it {cause}{f', its log ends: {line}' if line else ''}; see {self.log_file}"
        )


def _exit_cause(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    with suppress(ValueError):
        return f"was ended by {signal.Signals(-code).name}"
    return f"was ended by signal {-code}"


def last_line(log_file: Path, start: int | None) -> str:
    """Return the line at the end of a log that explains why a process ended: an exception's, else the last one.

    Args:
        log_file: The log.
        start: The log's size when the process started, before which nothing is read; None if the log has been rotated
            since, so that its end may be in the newest rotated file.
    """
    text = _tail(_rotated(log_file, 1), 0) + _tail(log_file, 0) if start is None else _tail(log_file, start)
    lines = [line for raw in text.splitlines() if (line := DECORATION.sub("", raw).strip())][-LAST_LINES:]
    exceptions = [line for line in lines if EXCEPTION.fullmatch(line)]
    return redact((exceptions or lines or [""])[-1])[:LINE_LENGTH]


def _tail(file: Path, start: int) -> str:
    try:
        with file.open("rb") as stream:
            stream.seek(max(start, file.stat().st_size - TAIL_BYTES))
            return stream.read().decode("utf-8", "replace")
    except OSError:
        return ""


def _rotated(log_file: Path, number: int) -> Path:
    return log_file.with_name(f"{log_file.name}.{number}")


def rotate(log_file: Path, limits: Limits) -> bool:
    """Move a log that has reached its size to `NAME.1`, `NAME.1` to `NAME.2` and so on, and empty it in place.

    The log is copied, at most its last `log_bytes`, because processes hold it open; they must write in append mode.
    Lines that are written between copying and emptying, some microseconds, are lost.

    Returns:
        True if it was rotated.
    """
    try:
        size = log_file.stat().st_size if log_file.exists() else 0
        if size < limits.log_bytes:
            return False
        rotated = [_rotated(log_file, number) for number in range(1, limits.log_files + 1)]
        for older, newer in reversed(list(zip(rotated[1:], rotated, strict=False))):
            with suppress(FileNotFoundError):
                newer.replace(older)
        try:
            with log_file.open("rb") as source, rotated[0].open("wb") as target:
                source.seek(size - limits.log_bytes)
                shutil.copyfileobj(source, target)
        except OSError:  # no room for a copy: a log must not fill the disk further
            rotated[0].unlink(missing_ok=True)
        os.truncate(log_file, 0)
        return True
    except OSError as error:
        _warn_not_rotated(log_file, str(error.strerror))
        return False


@cache
def _warn_not_rotated(log_file: Path, reason: str) -> None:
    """Log once per process, log and reason."""
    log.warning("%s was not rotated: %s", log_file, reason)

"""The temporary Prefect server of a command that runs a flow: another process, on a free port of 127.0.0.1.

`python -m cli.temporary_server SOCKET COMMAND` is that process. The command opens the socket, so that its address is known before the
server is ready. The server ends with the command, also with one that was killed.
"""

import atexit
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time

from nightshift import imports
from nightshift.errors import NightshiftError
from nightshift.prefect_api import TEMPORARY_API

HOST = "127.0.0.1"
VARIABLES = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}
"""Variables that Prefect sets for the temporary servers that it starts itself."""
PATIENCE = 5.0
"""Seconds for which a server may take to end."""


class TemporaryServer:
    """A temporary Prefect server, started at once; `PREFECT_API_URL` is its address from then on."""

    def __init__(self) -> None:
        with socket.create_server((HOST, 0), backlog=100) as listener:
            self._port = listener.getsockname()[1]
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "cli.temporary_server", str(listener.fileno()), str(os.getpid())],
                pass_fds=[listener.fileno()], env=os.environ | VARIABLES, stdin=subprocess.DEVNULL, stdout=2,
                start_new_session=True,
            )  # fmt: skip
        atexit.register(self.stop)
        os.environ["PREFECT_API_URL"] = os.environ[TEMPORARY_API] = f"http://{HOST}:{self._port}/api"

    def wait(self) -> None:
        """Wait until the server answers.

        Raises:
            NightshiftError: It has ended, or has not answered for as long as Prefect's setting says.
        """
        from prefect.settings import PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS

        seconds = PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS.value()
        connection = http.client.HTTPConnection(HOST, self._port, timeout=seconds)
        answer: int | Exception
        try:
            connection.request("GET", "/api/health")
            answer = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            answer = error
        finally:
            connection.close()
        if answer != http.client.OK:
            raise NightshiftError(f"Prefect's temporary server did not start ({answer}); what it says stands above")

    def stop(self) -> None:
        """End the server and wait until it has."""
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _serve(listener: socket.socket, command: int) -> None:
    """Serve Prefect's API at a socket until SIGTERM, or until the process `command` has ended."""
    threading.Thread(target=_end_with, args=[command], daemon=True).start()
    with imports.uncollected():
        import uvicorn
        from prefect.server.api.server import create_app

        server = uvicorn.Server(uvicorn.Config(create_app(), log_level="error", lifespan="on"))
    server.run(sockets=[listener])


def _end_with(command: int) -> None:
    while os.getppid() == command:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(PATIENCE)
    os._exit(1)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]))

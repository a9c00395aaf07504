"""Run a command when MLflow promotes a version: a receiver of its webhook that checks the signature. Needs only Python.

    RELOAD_SECRET=… python reload_on_promotion.py --model tickets --port 9000 -- systemctl restart tickets

The command gets the version's number in the variable VERSION. Put a reverse proxy with TLS in front.
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MAX_AGE = 300
"""Seconds after which a call is refused: somebody may have recorded it."""
MAX_BYTES = 100_000
TIMEOUT = 10
"""Seconds within which a client must send its request."""
ALIAS = "champion"


def is_genuine(headers: Mapping[str, str], body: bytes, secret: str, now: float) -> bool:
    """Return True if MLflow has signed this body with the secret, not long ago."""
    delivery, sent = headers.get("X-MLflow-Delivery-Id", ""), headers.get("X-MLflow-Timestamp", "")
    if not sent.isdigit() or abs(now - int(sent)) > MAX_AGE:
        return False
    digest = hmac.new(secret.encode(), f"{delivery}.{sent}.".encode() + body, hashlib.sha256).digest()
    expected = "v1," + base64.b64encode(digest).decode()
    return hmac.compare_digest(expected.encode(), headers.get("X-MLflow-Signature", "").encode())


def promoted_version(body: bytes, model: str) -> str | None:
    """Return the version that the alias was set to; None if the call is about another alias or model."""
    data = json.loads(body)["data"]
    return str(data["version"]) if (data.get("name"), data.get("alias")) == (model, ALIAS) else None


class Receiver(BaseHTTPRequestHandler):
    """Handler of MLflow's calls."""

    timeout = TIMEOUT
    model: str
    secret: str
    reload_command: list[str]
    running = threading.Lock()

    def do_POST(self) -> None:
        """Check a call, answer it, and run the command."""
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > MAX_BYTES:
            self.send_error(400)
            return
        body = self.rfile.read(int(length))
        if not is_genuine(self.headers, body, self.secret, time.time()):
            self.send_error(403)
            return
        self.send_response(204)
        self.end_headers()
        self.close_connection = True
        if version := promoted_version(body, self.model):
            with self.running:  # one reload at a time
                subprocess.run(self.reload_command, env=os.environ | {"VERSION": version}, check=False)


def main() -> None:
    """Receive until the process is stopped."""
    parser = argparse.ArgumentParser(description="Run a command when MLflow promotes a version.")
    parser.add_argument("--model", required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    Receiver.model, Receiver.reload_command = arguments.model, arguments.command
    Receiver.secret = os.environ.get("RELOAD_SECRET", "")
    if not Receiver.secret:
        sys.exit("RELOAD_SECRET is not set: it is the secret of the webhook")
    with ThreadingHTTPServer((arguments.host, arguments.port), Receiver) as server:
        print(f"http://{arguments.host}:{server.server_address[1]}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()

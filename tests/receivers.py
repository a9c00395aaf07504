"""Servers on 127.0.0.1 that keep what is sent to them: HTTP requests, and mail."""

import json
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Received(list):
    """What has come in so far; it grows while a test waits."""

    def wait_for(self, wanted: Callable[[object], bool], seconds: float = 40) -> list:
        """Return all that is wanted, once something is."""
        end = time.monotonic() + seconds
        while not (matching := [item for item in list(self) if wanted(item)]):
            assert time.monotonic() < end, f"nothing of that kind among {list(self)}"
            time.sleep(0.1)
        return matching


@contextmanager
def http_receiver() -> Iterator[tuple[str, Received]]:
    """Address of a server, and what was posted to it as (headers, JSON, body)."""
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((dict(self.headers), json.loads(body), body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/hook", received
        server.shutdown()


@contextmanager
def mail_receiver() -> Iterator[tuple[int, Received]]:
    """Port of a mail server without encryption, and the messages that were sent to it."""
    received = Received()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 ready\r\n")
            while line := self.rfile.readline():
                verb = line.split()[0].upper() if line.split() else b""
                if verb == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    lines = iter(self.rfile.readline, b".\r\n")
                    received.append(message_from_bytes(b"".join(lines)))
                self.wfile.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 fine\r\n")
                if verb == b"QUIT":
                    return

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], received
        server.shutdown()


def text_of(message: Message) -> str:
    """Return the decoded text of a mail."""
    parts = [part for part in message.walk() if part.get_content_type() == "text/plain"]
    payload = parts[0].get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode()

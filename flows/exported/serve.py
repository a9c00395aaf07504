"""Serves the model of this folder over HTTP, with nothing but Python's own library around it.

POST /predict, {"texts": ["…", "…"]} → [{"label": "…", "score": 0.9, "scores": {…}}, …]; a model that reads two texts
also takes "pairs", one of several objectives also "objective". What cannot be answered gets 400 and {"error": "…"}.
"""

import argparse
import json
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from predictor import OnnxPredictor  # type: ignore[import-not-found]


class Server(ThreadingHTTPServer):
    """A thread a request, all on one model."""

    request_queue_size = 128
    model: OnnxPredictor


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server

    def do_POST(self) -> None:
        """Answer /predict."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/predict":
            status, said = answered(self.server.model, body)
        else:
            status, said = 404, {"error": "there is only POST /predict"}
        data = json.dumps(said, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def answered(model: OnnxPredictor, body: bytes) -> tuple[int, Any]:
    """The status and the answer to a request's body."""
    try:
        asked = json.loads(body)
        texts, pairs, objective = asked["texts"], asked.get("pairs"), asked.get("objective", "")
        columns = [column for column in (texts, pairs) if column is not None]
        if not all(isinstance(column, list) and all(isinstance(text, str) for text in column) for column in columns):
            raise TypeError
        return 200, model.answers(texts, pairs, objective)
    except (AttributeError, KeyError, TypeError):
        return 400, {"error": 'expected {"texts": ["…", "…"]}'}
    except ValueError as error:
        return 400, {"error": str(error)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Serve the model of this folder.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    given = parser.parse_args()
    server = Server((given.host, given.port), Handler)
    server.model = OnnxPredictor(Path(__file__).parent)
    print(f"POST http://{given.host}:{server.server_port}/predict", flush=True)
    with suppress(KeyboardInterrupt):
        server.serve_forever()

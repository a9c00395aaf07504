"""Serve the model of this folder over HTTP, with nothing but Python's own library around it.

For a model that judges, `POST /predict` with `{"texts": ["…", "…"]}` answers `[{"label": "…", "score": 0.9, "scores": {…}}, …]`; a model that reads
two texts also takes `pairs`, one of several objectives also `objective`. What cannot be answered gets status 400 and
`{"error": "…"}`. `GET /health` answers 200 as soon as the model is loaded.

A model that writes text takes what `mlflow models serve` takes: `POST /invocations` with
`{"dataframe_records": [{"text": "…"}], "params": {"temperature": 0.8, "seed": 1}}` answers `{"predictions": [{"text": "…"}]}`.
It writes for one request at a time.

One thread reads all connections; what they ask is answered in threads of their own. Requests may be chunked, connections
are kept alive, and one that sends no whole request within `TIMEOUT` seconds is closed.
"""

import argparse
import asyncio
import json
import re
import sys
import traceback
from collections.abc import AsyncIterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException, parse_headers
from io import BytesIO
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
WRITING = next(
    (folder for folder in (FOLDER / "serving", FOLDER / "checkpoint") if (folder / "serving.json").exists()), None
)
"""What a model that writes text is loaded from; None for one that judges."""

TIMEOUT = 30.0
"""Seconds that a connection may take to send a request, or to take its answer."""
CONNECTIONS = 512
"""Connections at once; more are told to come back."""
HEAD_LIMIT = 16_384
"""Bytes of a request's first line and headers together, and of a chunk's line."""
TEXTS = 4096
"""Texts a request."""
FIELDS = ("texts", "pairs", "objective")
DIGITS = re.compile("[0-9]{1,18}")
EXPECTED = 'expected {"texts": ["…", "…"]}'
ROWS = ("dataframe_records", "dataframe_split", "inputs", "instances")
EXPECTED_ROWS = f'expected {{"dataframe_records": [{{"text": "…"}}], "params": {{…}}}}, or one of {", ".join(ROWS[1:])}'


class RequestError(Exception):
    """A request that cannot be read to its end: it is answered, then the connection is closed."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass
class Request:
    """What a client has sent."""

    method: str
    path: str
    body: bytes
    keep_alive: bool


class Server:
    """Answers for one model."""

    def __init__(self, model: Any, body_limit: int, path: str = "/predict") -> None:
        self.model, self.body_limit, self.connections = model, body_limit, 0
        self.path, self.methods = path, {path: ("POST",), "/health": ("GET", "HEAD")}
        self.turn: asyncio.Lock | None = asyncio.Lock() if path == "/invocations" else None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer all requests of one connection."""
        self.connections += 1
        try:
            with suppress(ConnectionError, TimeoutError, asyncio.IncompleteReadError):
                while await self._serve_one(reader, writer):
                    pass
        finally:
            self.connections -= 1
            writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; returns whether the connection stays open."""
        request = Request("", "", b"", keep_alive=False)
        try:
            if self.connections > CONNECTIONS:
                raise RequestError(HTTPStatus.SERVICE_UNAVAILABLE, f"{CONNECTIONS} connections are open: try again")
            async with asyncio.timeout(TIMEOUT):
                request = await self._read(reader, writer)
            async with self.turn if self.turn and request.method == "POST" else nullcontext():
                status, answer = await asyncio.to_thread(self.respond, request)
        except TimeoutError:
            status, answer = (
                HTTPStatus.REQUEST_TIMEOUT,
                {"error": f"no whole request came within {TIMEOUT:.0f} seconds"},
            )
        except RequestError as error:
            status, answer = error.status, {"error": error.message}
        data = json.dumps(answer, ensure_ascii=False).encode(errors="replace")
        lines = [f"HTTP/1.1 {status.value} {status.phrase}", "Content-Type: application/json",
                 f"Content-Length: {len(data)}", f"Connection: {'keep-alive' if request.keep_alive else 'close'}"]  # fmt: skip
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            lines.append(f"Allow: {', '.join(self.methods[request.path])}")
        writer.write("\r\n".join([*lines, "", ""]).encode() + (b"" if request.method == "HEAD" else data))
        async with asyncio.timeout(TIMEOUT):
            await writer.drain()
            if not request.keep_alive:
                await _let_finish(reader, writer)
        return request.keep_alive

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request:
        """Read a whole request; raises RequestError for one that is no HTTP or too large."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            first, _, rest = head.lstrip(b"\r\n").partition(b"\r\n")
            method, path, version = first.decode("ascii").split(" ")
            headers = parse_headers(BytesIO(rest))
            if headers.defects or any(name != name.strip() for name in headers):
                raise ValueError("a line is no header")
        except asyncio.LimitOverrunError:
            status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise RequestError(status, f"the headers have more than {HEAD_LIMIT} bytes") from None
        except (ValueError, HTTPException):
            raise RequestError(HTTPStatus.BAD_REQUEST, "this is no HTTP request") from None
        if version not in ("HTTP/1.0", "HTTP/1.1"):
            raise RequestError(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "this server speaks HTTP/1.1")
        if headers.get("Expect", "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = b"".join([part async for part in self._parts(reader, headers)])
        wish = headers.get("Connection", "").lower()
        keep_alive = wish == "keep-alive" if version == "HTTP/1.0" else wish != "close"
        return Request(method, path.partition("?")[0], body, keep_alive)

    async def _parts(self, reader: asyncio.StreamReader, headers: Any) -> AsyncIterator[bytes]:
        """Yield the parts of a body: one of a known length, or its chunks."""
        length, encoding = headers.get_all("Content-Length", ["0"]), headers.get("Transfer-Encoding")
        if encoding is None:
            if len(set(length)) > 1 or not DIGITS.fullmatch(length[0]):
                raise RequestError(HTTPStatus.BAD_REQUEST, "Content-Length is no number of bytes")
            self._ensure_fits(int(length[0]))
            yield await reader.readexactly(int(length[0]))
            return
        if encoding.lower() != "chunked" or "Content-Length" in headers:
            raise RequestError(HTTPStatus.NOT_IMPLEMENTED, "expected a Content-Length, or Transfer-Encoding: chunked")
        total = 0
        while size := await _chunk_size(reader):
            total += size
            self._ensure_fits(total)
            yield await reader.readexactly(size)
            if await reader.readexactly(2) != b"\r\n":
                raise RequestError(HTTPStatus.BAD_REQUEST, "a chunk does not end where it should")
        while await _line(reader):
            pass  # trailers

    def _ensure_fits(self, size: int) -> None:
        if size > self.body_limit:
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            raise RequestError(status, f"the body has more than {self.body_limit:,} bytes: send fewer texts at once")

    def respond(self, request: Request) -> tuple[HTTPStatus, Any]:
        """Return status and answer to a request."""
        if request.path not in self.methods:
            return HTTPStatus.NOT_FOUND, {"error": f"there are POST {self.path} and GET /health"}
        if request.method not in self.methods[request.path]:
            return HTTPStatus.METHOD_NOT_ALLOWED, {"error": f"expected {self.methods[request.path][0]} {request.path}"}
        if request.path == "/health":
            return HTTPStatus.OK, {"status": "ok"}
        try:
            return HTTPStatus.OK, ANSWERS[self.path](self.model, request.body)
        except ValueError as error:
            return HTTPStatus.BAD_REQUEST, {"error": str(error)}
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            return HTTPStatus.INTERNAL_SERVER_ERROR, {"error": f"the model failed: {type(error).__name__}"}


def answers(model: Any, body: bytes) -> list[dict[str, Any]]:
    """Return the model's answers to a request's body; raises ValueError for what it cannot answer."""
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{EXPECTED}; the body is no JSON: {error}") from None
    if not isinstance(asked, dict) or not isinstance(asked.get("texts"), list):
        raise ValueError(EXPECTED)
    if unknown := [name for name in asked if name not in FIELDS]:
        raise ValueError(f"unknown field {unknown[0]!r}: this server reads {', '.join(FIELDS)}")
    texts, pairs, objective = asked["texts"], asked.get("pairs"), asked.get("objective") or ""
    if not isinstance(pairs, list | None) or not isinstance(objective, str):
        raise ValueError('expected "pairs" as a list of texts, and "objective" as a text')
    if len(texts) > TEXTS:
        raise ValueError(f"{len(texts):,} texts: send at most {TEXTS:,} at once")
    return model.answers(texts, pairs, objective)  # type: ignore[no-any-return]


def invocations(model: Any, body: bytes) -> dict[str, Any]:
    """Return what `mlflow models serve` answers to the same body; raises ValueError for what cannot be answered."""
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{EXPECTED_ROWS}; the body is no JSON: {error}") from None
    forms = [name for name in ROWS if isinstance(asked, dict) and name in asked]
    if len(forms) != 1:
        raise ValueError(EXPECTED_ROWS)
    if unknown := [name for name in asked if name not in (*forms, "params")]:
        raise ValueError(f"unknown field {unknown[0]!r}: this server reads {forms[0]} and params")
    columns, params = _columns(asked[forms[0]], forms[0]), asked.get("params") or {}
    if not isinstance(params, dict) or not isinstance(params.get("objective", ""), str):
        raise ValueError('expected "params" as an object, such as {"temperature": 0.8, "seed": 1}')
    rows = max(map(len, columns.values()), default=0)
    if rows > TEXTS:
        raise ValueError(f"{rows:,} texts: send at most {TEXTS:,} at once")
    return {"predictions": model.responses(columns, **params)}


def _columns(rows: Any, form: str) -> dict[str, list[Any]]:
    """Return the values of each column of rows in one of the forms that MLflow knows."""
    if form == "dataframe_split" and isinstance(rows, dict):
        names, lines = rows.get("columns"), rows.get("data")
        if isinstance(names, list) and isinstance(lines, list) and all(isinstance(name, str) for name in names):
            if not all(isinstance(line, list) and len(line) == len(names) for line in lines):
                raise ValueError(f"dataframe_split: expected {len(names)} values in each line of data")
            return {name: [line[place] for line in lines] for place, name in enumerate(names)}
    elif form == "inputs" and isinstance(rows, dict):
        columns = {name: values if isinstance(values, list) else [values] for name, values in rows.items()}
        if len({len(values) for values in columns.values()}) > 1:
            raise ValueError("inputs: the columns differ in length")
        return columns
    elif isinstance(rows, list) and form != "dataframe_split" and all(isinstance(row, dict) for row in rows):
        names = list(dict.fromkeys(name for row in rows for name in row)) or ["text"]
        return {name: [row.get(name) for row in rows] for name in names}
    raise ValueError(EXPECTED_ROWS)


ANSWERS = {"/predict": answers, "/invocations": invocations}
"""What answers, by the path that is asked."""


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return (await reader.readuntil(b"\r\n"))[:-2]
    except asyncio.LimitOverrunError:
        raise RequestError(HTTPStatus.BAD_REQUEST, "a chunk's line is too long") from None


async def _chunk_size(reader: asyncio.StreamReader) -> int:
    digits = (await _line(reader)).partition(b";")[0].strip()
    if not digits or digits.strip(b"0123456789abcdefABCDEF"):
        raise RequestError(HTTPStatus.BAD_REQUEST, "a chunk does not begin with its size")
    return int(digits, 16)


async def _let_finish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read what the client still sends: closing before would drop the answer that it has not read yet."""
    writer.write_eof()
    while await reader.read(65_536):
        pass


def _opened() -> tuple[str, Any]:
    """Return the path that is asked, and the model of this folder."""
    if WRITING:
        from nightshift.inference.writer import GenerativePredictor

        return "/invocations", GenerativePredictor(WRITING)
    from predictor import OnnxPredictor  # type: ignore[import-not-found]

    return "/predict", OnnxPredictor(FOLDER)


async def main(host: str, port: int, body_limit: int) -> None:
    """Serve until the process is stopped."""
    path, model = _opened()
    handler = Server(model, body_limit, path)
    server = await asyncio.start_server(handler.serve, host, port, limit=HEAD_LIMIT, backlog=CONNECTIONS)
    print(f"POST http://{host}:{server.sockets[0].getsockname()[1]}{path}", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Serve the model of this folder.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--max-body-mb", type=float, default=4.0, help="Larger requests are refused.")
    given = parser.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(main(given.host, given.port, int(given.max_body_mb * 1e6)))

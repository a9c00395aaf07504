"""Serve the model of this folder over HTTP, with Python's standard library only.

Classification and regression: `POST /predict` with `{"texts": ["…", "…"]}` answers
`[{"label": "…", "score": 0.9, "scores": {…}}, …]`; models of text pairs also take `pairs`, models with several objectives
also `objective`. A wrong request gets status 400 and `{"error": "…"}`. `GET /health` answers 200 once the model is loaded.

Generation and text2text, in the format of `mlflow models serve`: `POST /invocations` with
`{"dataframe_records": [{"text": "…"}], "params": {"temperature": 0.8, "seed": 1}}` answers `{"predictions": [{"text": "…"}]}`.
One request is answered at a time.

One thread reads all connections, and each request is answered in another thread. Requests may be chunked, connections
are kept alive, and a connection that sends no complete request within `TIMEOUT` seconds is closed.
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
GENERATIVE_FOLDER = next(
    (folder for folder in (FOLDER / "serving", FOLDER / "checkpoint") if (folder / "serving.json").exists()), None
)
"""Folder that a generative model is loaded from; None for classification and regression."""

TIMEOUT = 30.0
"""Seconds within which a client must send a request, or receive its answer."""
CONNECTIONS = 512
"""Maximum number of open connections; further ones get status 503."""
HEAD_LIMIT = 16_384
"""Maximum number of bytes of a request's first line and headers together, and of a chunk's first line."""
TEXTS = 4096
"""Maximum number of texts in a request."""
FIELDS = ("texts", "pairs", "objective")
DIGITS = re.compile("[0-9]{1,18}")
EXPECTED = 'expected {"texts": ["…", "…"]}'
ROWS = ("dataframe_records", "dataframe_split", "inputs", "instances")
EXPECTED_ROWS = f'expected {{"dataframe_records": [{{"text": "…"}}], "params": {{…}}}}, or one of {", ".join(ROWS[1:])}'


class RequestError(Exception):
    """A request that cannot be read completely: it gets an error, then the connection is closed."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass
class Request:
    """A request of a client."""

    method: str
    path: str
    body: bytes
    keep_alive: bool


class Server:
    """HTTP server for one model."""

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
        """Answer one request; return True if the connection stays open."""
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
        """Read a complete request.

        Raises:
            RequestError: It is not HTTP, or too large.
        """
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            first_line, _, header_lines = head.lstrip(b"\r\n").partition(b"\r\n")
            method, path, version = first_line.decode("ascii").split(" ")
            headers = parse_headers(BytesIO(header_lines))
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
        connection = headers.get("Connection", "").lower()
        keep_alive = connection == "keep-alive" if version == "HTTP/1.0" else connection != "close"
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
    """Return the model's answers to the body of a request.

    Raises:
        ValueError: The body is wrong.
    """
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{EXPECTED}; the body is no JSON: {error}") from None
    if not isinstance(request, dict) or not isinstance(request.get("texts"), list):
        raise ValueError(EXPECTED)
    if unknown := [name for name in request if name not in FIELDS]:
        raise ValueError(f"unknown field {unknown[0]!r}: this server reads {', '.join(FIELDS)}")
    texts, pairs, objective = request["texts"], request.get("pairs"), request.get("objective") or ""
    if not isinstance(pairs, list | None) or not isinstance(objective, str):
        raise ValueError('expected "pairs" as a list of texts, and "objective" as a text')
    if len(texts) > TEXTS:
        raise ValueError(f"{len(texts):,} texts: send at most {TEXTS:,} at once")
    return model.answers(texts, pairs, objective)  # type: ignore[no-any-return]


def invocations(model: Any, body: bytes) -> dict[str, Any]:
    """Return the answer of `mlflow models serve` to the body of a request.

    Raises:
        ValueError: The body is wrong.
    """
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{EXPECTED_ROWS}; the body is no JSON: {error}") from None
    formats = [name for name in ROWS if isinstance(request, dict) and name in request]
    if len(formats) != 1:
        raise ValueError(EXPECTED_ROWS)
    if unknown := [name for name in request if name not in (*formats, "params")]:
        raise ValueError(f"unknown field {unknown[0]!r}: this server reads {formats[0]} and params")
    columns, params = _columns(request[formats[0]], formats[0]), request.get("params") or {}
    if not isinstance(params, dict) or not isinstance(params.get("objective", ""), str):
        raise ValueError('expected "params" as an object, such as {"temperature": 0.8, "seed": 1}')
    rows = max(map(len, columns.values()), default=0)
    if rows > TEXTS:
        raise ValueError(f"{rows:,} texts: send at most {TEXTS:,} at once")
    return {"predictions": model.responses(columns, **params)}


def _columns(rows: Any, row_format: str) -> dict[str, list[Any]]:
    """Return the values of each column, from rows in one of MLflow's formats."""
    if row_format == "dataframe_split" and isinstance(rows, dict):
        names, lines = rows.get("columns"), rows.get("data")
        if isinstance(names, list) and isinstance(lines, list) and all(isinstance(name, str) for name in names):
            if not all(isinstance(line, list) and len(line) == len(names) for line in lines):
                raise ValueError(f"dataframe_split: expected {len(names)} values in each line of data")
            return {name: [line[index] for line in lines] for index, name in enumerate(names)}
    elif row_format == "inputs" and isinstance(rows, dict):
        columns = {name: values if isinstance(values, list) else [values] for name, values in rows.items()}
        if len({len(values) for values in columns.values()}) > 1:
            raise ValueError("inputs: the columns differ in length")
        return columns
    elif isinstance(rows, list) and row_format != "dataframe_split" and all(isinstance(row, dict) for row in rows):
        names = list(dict.fromkeys(name for row in rows for name in row)) or ["text"]
        return {name: [row.get(name) for row in rows] for name in names}
    raise ValueError(EXPECTED_ROWS)


ANSWERS = {"/predict": answers, "/invocations": invocations}
"""Functions that answer requests, by path."""


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
    """Read the rest of the client's request: closing the connection earlier could drop the answer."""
    writer.write_eof()
    while await reader.read(65_536):
        pass


def _load() -> tuple[str, Any]:
    """Return the path of the endpoint, and the model of this folder."""
    if GENERATIVE_FOLDER:
        from nightshift.inference.writer import GenerativePredictor

        return "/invocations", GenerativePredictor(GENERATIVE_FOLDER)
    from predictor import OnnxPredictor  # type: ignore[import-not-found]

    return "/predict", OnnxPredictor(FOLDER)


async def main(host: str, port: int, body_limit: int) -> None:
    """Serve until the process is stopped."""
    path, model = _load()
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
    arguments = parser.parse_args()
    with suppress(KeyboardInterrupt):
        asyncio.run(main(arguments.host, arguments.port, int(arguments.max_body_mb * 1e6)))

"""The exported folder's HTTP server: what it reads, refuses and survives. Its model is a script; a real one: test_export."""

import asyncio
import importlib.util
import json
import re
import socket
import sys
import threading
from pathlib import Path

import httpx
import numpy as np
import pytest

from nightshift.inference import predictor
from nightshift.models.heads import Head

SERVE = Path(__file__).parent.parent / "cli" / "exported" / "serve.py"
BODY_LIMIT = 10_000


class Scripted(predictor.PredictorBase):
    """Its first label is as likely as texts are short; a text `fail` breaks it."""

    heads, main = {"main": Head("classification", ("short", "long"))}, "main"

    def scores(self, texts, pairs=None, objective="main"):
        if "fail" in texts:
            raise RuntimeError("index out of bounds")
        return np.array([[1 / (1 + len(text)), 1 - 1 / (1 + len(text))] for text in texts]).reshape(len(texts), 2)


@pytest.fixture(scope="module")
def server():
    """Host, port and module of a running server whose limits are small."""
    sys.modules["predictor"] = predictor
    spec = importlib.util.spec_from_file_location("serve", SERVE)
    module = importlib.util.module_from_spec(spec)
    sys.modules["serve"] = module
    spec.loader.exec_module(module)
    module.TIMEOUT, module.TEXTS = 0.5, 3
    loop, ready = asyncio.new_event_loop(), threading.Event()
    address = []

    async def start():
        handler = module.Server(Scripted(), BODY_LIMIT)
        listening = await asyncio.start_server(handler.serve, "127.0.0.1", 0, limit=module.HEAD_LIMIT)
        address.extend(listening.sockets[0].getsockname())
        ready.set()
        async with listening:
            await stop.wait()

    stop = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(start(),))
    thread.start()
    ready.wait()
    yield *address, module
    loop.call_soon_threadsafe(stop.set)
    thread.join()


@pytest.fixture
def client(server):
    with httpx.Client(base_url=f"http://{server[0]}:{server[1]}", timeout=30) as client:
        yield client


def raw(server, data, wait=True):
    """Everything that the server answers to some bytes, until it closes the connection."""
    with socket.create_connection(server[:2], timeout=10) as connection:
        connection.sendall(data)
        if wait:
            connection.shutdown(socket.SHUT_WR)
        parts = []
        while part := connection.recv(65_536):
            parts.append(part)
    return b"".join(parts)


def test_bodies_may_be_chunked(server, client):
    answer = client.post("/predict", content=iter([b'{"texts": ["a"', b', "a longer', b' text"]}']))
    assert answer.request.headers["transfer-encoding"] == "chunked"
    assert [line["label"] for line in answer.json()] == ["short", "long"]
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    response = raw(server, head + b'F;name=value\r\n{"texts": ["a"]\r\n1\r\n}\r\n0\r\nTrailer: yes\r\n\r\n')
    assert response.startswith(b"HTTP/1.1 200 OK\r\n") and b'"label": "short"' in response
    for wrong in (b"zz\r\n", b"\r\n", b"2\r\n{}}\r\n", b"7" * 20_000):
        assert b" 400 Bad Request" in raw(server, head + wrong).partition(b"\r\n")[0]


def test_it_says_that_it_is_healthy(client):
    assert client.get("/health").json() == {"status": "ok"}
    assert client.head("/health").text == "" and client.head("/health").status_code == 200
    for method, path, allowed in (("POST", "/health", "GET, HEAD"), ("GET", "/predict", "POST")):
        answer = client.request(method, path)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert client.get("/nothing").status_code == 404


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "expected {"),
        (b"{", "the body is no JSON"),
        (b"[" * 9000, "the body is no JSON"),
        (b'{"texts": ["\xff"]}', "the body is no JSON"),
        (b"[1]", "expected {"),
        (b'{"texts": "a text"}', "expected {"),
        (b'{"texts": ["a", null]}', "row 1: text is missing"),
        (b'{"texts": ["a", NaN]}', "row 1: text is missing"),
        (b'{"texts": [["refund"]]}', "row 0: text is no text but list"),
        (b'{"texts": [5]}', "row 0: text is no text but int"),
        (b'{"texts": ["\\ud800"]}', "row 0: text is no valid Unicode"),
        (b'{"texts": ["a"], "pairs": ["b"]}', "main reads one text a row"),
        (b'{"texts": ["a"], "pairs": "b"}', 'expected "pairs" as a list'),
        (b'{"texts": ["a"], "objective": "\\ud800"}', "no objective"),
        (b'{"texts": ["a"], "objective": 1}', 'expected "pairs" as a list'),
        (b'{"texts": ["a"], "text": "b"}', "unknown field 'text': this server reads texts, pairs, objective"),
        (b'{"texts": ["a", "b", "c", "d"]}', "4 texts: send at most 3 at once"),
    ],
)
def test_what_cannot_be_answered_is_told_and_the_connection_stays(client, body, message):
    answer = client.post("/predict", content=body)
    assert answer.status_code == 400 and message in answer.json()["error"]
    assert answer.headers["connection"] == "keep-alive"
    assert client.post("/predict", json={"texts": ["a"]}).status_code == 200


class Writing:
    """Writes a text's columns and what it was asked."""

    def responses(self, columns, /, **params):
        return [{"text": f"{sorted(columns)} {text} {params}"} for text in columns["text"]]


@pytest.mark.parametrize(
    "rows",
    [
        {"dataframe_records": [{"text": "a", "n": 1}, {"text": "b"}]},
        {"instances": [{"text": "a", "n": 1}, {"text": "b"}]},
        {"inputs": [{"text": "a", "n": 1}, {"text": "b"}]},
        {"inputs": {"text": ["a", "b"], "n": [1, None]}},
        {"dataframe_split": {"columns": ["n", "text"], "data": [[1, "a"], [None, "b"]], "index": [5, 6]}},
    ],
)
def test_rows_for_what_writes_come_in_the_forms_of_mlflow(server, rows):
    answer = server[2].invocations(Writing(), json.dumps(rows | {"params": {"seed": 1}}).encode())
    assert answer == {"predictions": [{"text": f"['n', 'text'] {text} {{'seed': 1}}"} for text in "ab"]}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "the body is no JSON"),
        (b"[" * 9000, "the body is no JSON"),
        (b"[1]", "expected {"),
        (b"{}", "expected {"),
        (b'{"dataframe_records": ["a"]}', "expected {"),
        (b'{"dataframe_records": {"text": "a"}}', "expected {"),
        (b'{"dataframe_split": []}', "expected {"),
        (b'{"dataframe_split": {"columns": ["text"], "data": [["a", "b"]]}}', "expected 1 values in each line"),
        (b'{"dataframe_split": {"columns": [["text"]], "data": []}}', "expected {"),
        (b'{"inputs": {"text": ["a"], "target": []}}', "the columns differ in length"),
        (b'{"inputs": "a"}', "expected {"),
        (b'{"inputs": [], "instances": []}', "expected {"),
        (b'{"inputs": [], "texts": []}', "unknown field 'texts'"),
        (b'{"inputs": [], "params": [1]}', 'expected "params" as an object'),
        (b'{"inputs": [], "params": {"objective": ["a"]}}', 'expected "params" as an object'),
        (b'{"inputs": {"text": ["a", "b", "c", "d"]}}', "4 texts: send at most 3 at once"),
    ],
)
def test_what_cannot_be_written_for_is_told(server, body, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        server[2].invocations(Writing(), body)


def test_a_model_that_fails_is_told_and_the_server_goes_on(client, capsys):
    answer = client.post("/predict", json={"texts": ["fail"]})
    assert answer.status_code == 500 and answer.json() == {"error": "the model failed: RuntimeError"}
    assert "index out of bounds" in capsys.readouterr().err
    assert client.post("/predict", json={"texts": ["a"]}).status_code == 200


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_beyond_the_limit_is_refused_and_the_client_reads_why(client, chunked):
    body = json.dumps({"texts": ["a" * 3_000_000]}).encode()
    parts = (body[start : start + 50_000] for start in range(0, len(body), 50_000))
    answer = client.post("/predict", content=parts if chunked else body)
    assert answer.status_code == 413 and "more than 10,000 bytes" in answer.json()["error"]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"\xff\xfe / HTTP/1.1\r\n\r\n", 400),
        (b"GET /health HTTP/3\r\n\r\n", 505),
        (b"POST /predict HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /predict HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", 400),
        (b"POST /predict HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
        (b"POST /predict HTTP/1.1\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST /predict HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"GET /health HTTP/1.1\r\nA: " + b"a" * 20_000 + b"\r\n\r\n", 431),
        (b"GET /health HTTP/1.1\r\n" + b"A: a\r\n" * 200 + b"\r\n", 400),
    ],
)
def test_what_is_no_request_is_answered_before_the_connection_ends(server, data, status):
    response = raw(server, data)
    assert (
        response.startswith(f"HTTP/1.1 {status} ".encode()) and json.loads(response.partition(b"\r\n\r\n")[2])["error"]
    )


def test_old_clients_and_those_that_wait_for_permission_are_served(server):
    body = b'{"texts": ["a"]}'
    response = raw(server, b"POST /predict HTTP/1.0\r\nContent-Length: 16\r\n\r\n" + body, wait=False)
    assert b"Connection: close" in response and response.endswith(b"}]")
    with socket.create_connection(server[:2], timeout=10) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 16\r\n\r\n")
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 OK")


def test_idle_connections_cost_no_thread_and_end(server, client):
    num_threads = threading.active_count()
    idle = [socket.create_connection(server[:2], timeout=10) for _ in range(300)]
    idle[0].sendall(b"POST /predict HTTP/1.1\r\nContent-Length: 5\r\n\r\n{")
    assert client.post("/predict", json={"texts": ["a"]}).status_code == 200
    assert threading.active_count() - num_threads < 40
    for connection in idle:
        assert connection.recv(1000).startswith(b"HTTP/1.1 408 Request Timeout")
        connection.close()


def test_more_connections_than_allowed_are_told_to_come_back(server, monkeypatch):
    monkeypatch.setattr(server[2], "CONNECTIONS", 0)
    assert raw(server, b"GET /health HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 503 ")

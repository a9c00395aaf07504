"""Access to the servers of `nightshift up`, asked in process, with an application that answers everybody."""

import base64
import stat
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import mlflow
import pytest
import typer
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from cli import access, environment, main, server_settings, servers
from cli.supervision import Limits
from nightshift.errors import SettingsError
from nightshift.registry import tracking

KEY = "the-token"
ADDRESS = "http://127.0.0.1:4200"
REFUSED, STRANGER = 403, 401
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
BASIC = "Basic " + base64.b64encode(f"nightshift:{KEY}".encode()).decode()
CROSS_SITE_LINK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


async def echo(socket: WebSocket) -> None:
    await socket.accept(subprotocol="prefect" if "prefect" in socket.scope["subprotocols"] else None)
    with suppress(WebSocketDisconnect):
        while True:
            await socket.send_json(await socket.receive_json())


APPLICATION = Starlette(
    routes=[
        WebSocketRoute("/api/events/out", echo),
        Route("/{path:path}", lambda _: JSONResponse("through"), methods=list(METHODS)),
    ]
)


@pytest.fixture
def client() -> TestClient:
    return TestClient(access.AccessControl(APPLICATION, KEY), base_url=ADDRESS, follow_redirects=False)


def signed_in(client: TestClient) -> TestClient:
    assert client.get(f"/?token={KEY}").status_code == httpx.codes.SEE_OTHER
    return client


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, STRANGER),
        ({"Authorization": "Bearer wrong"}, STRANGER),
        ({"Authorization": "Basic ???"}, STRANGER),
        ({"Authorization": "Bearer "}, STRANGER),
        ({"Cookie": "nightshift-12345678=wrong"}, STRANGER),
        ({"Authorization": f"Bearer {KEY}"}, 200),
        ({"Authorization": BASIC}, 200),
        ({"Authorization": BASIC, "Origin": ADDRESS, "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Authorization": BASIC, "Host": "localhost:99", "Origin": "http://localhost:99"}, 200),
        ({"Authorization": BASIC, "Host": "[::1]:4200"}, 200),
        ({"Authorization": BASIC, "Host": "evil.example:4200"}, REFUSED),
        ({"Authorization": BASIC, "Host": "127.0.0.1.evil.example:4200"}, REFUSED),
        ({"Authorization": BASIC, "Host": "evil.example@127.0.0.1:4200", "Origin": ADDRESS}, REFUSED),
        ({"Authorization": BASIC, "Host": "["}, REFUSED),
        ({"Authorization": BASIC, "Origin": "http://evil.example"}, REFUSED),
        ({"Authorization": BASIC, "Origin": "http://127.0.0.1:9999"}, REFUSED),
        ({"Authorization": BASIC, "Origin": "http://localhost:4200"}, REFUSED),
        ({"Authorization": BASIC, "Origin": "null"}, REFUSED),
        ({"Authorization": BASIC, "Origin": ""}, REFUSED),
        ({"Authorization": BASIC, "Sec-Fetch-Site": "cross-site"}, REFUSED),
        ({"Authorization": BASIC, "Sec-Fetch-Site": "same-site"}, REFUSED),
        ({"Authorization": BASIC, **CROSS_SITE_LINK, "Sec-Fetch-Dest": "iframe"}, REFUSED),
    ],
)
def test_only_the_token_and_only_from_an_own_page(client, headers, status):
    for method in METHODS:
        answer = client.request(method, "/api/flows/filter", headers=headers)
        assert answer.status_code == status, method
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_link_on_another_site_opens_a_page_and_posts_nothing(client):
    headers = {"Authorization": BASIC, **CROSS_SITE_LINK}
    assert client.get("/runs", headers=headers).status_code == httpx.codes.OK
    assert client.post("/api/flows/filter", headers=headers).status_code == REFUSED


def test_a_stranger_is_told_where_the_address_is_and_monitors_see_that_it_lives(client):
    page = client.get("/")
    assert page.status_code == STRANGER and "nightshift status" in page.text and KEY not in page.text
    for path in access.HEALTH:
        assert client.get(path).json() == "through"
        assert client.post(path).status_code == STRANGER
        assert client.get(path, headers={"Host": "evil.example"}).status_code == REFUSED
    assert client.get("/api/flows/health").status_code == STRANGER


def test_the_address_signs_a_browser_in(client):
    assert client.get("/?token=wrong").status_code == STRANGER
    assert client.get("/?token=").status_code == STRANGER
    assert client.post(f"/?token={KEY}").status_code == STRANGER
    assert client.get(f"/?token={KEY}", headers={"Host": "evil.example"}).status_code == REFUSED
    answer = client.get(f"//evil.example/?token={KEY}")
    assert answer.status_code == httpx.codes.SEE_OTHER and answer.headers["location"] == "/"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and KEY not in cookie
    page = client.get("/runs")
    assert page.json() == "through" and "frame-ancestors 'self'" in page.headers["content-security-policy"]
    assert client.post("/api/flows/filter", headers={"Origin": "http://127.0.0.1:9999"}).status_code == REFUSED
    other_client = TestClient(access.AccessControl(APPLICATION, "another"), base_url=ADDRESS, cookies=client.cookies)
    assert other_client.get("/runs").status_code == STRANGER


def test_websockets(client):
    def talk(headers: dict[str, str], subprotocols: list[str], message: object) -> object:
        with client.websocket_connect(
            "ws://127.0.0.1:4200/api/events/out", headers=headers, subprotocols=subprotocols
        ) as socket:
            socket.send_json(message)
            return socket.receive_json()

    def refused(headers: dict[str, str], subprotocols: list[str], message: object) -> bool:
        try:
            talk(headers, subprotocols, message)
        except WebSocketDisconnect as closed:
            return closed.code == access.POLICY_VIOLATION
        return False

    hello = {"type": "auth", "token": f"nightshift:{KEY}"}
    assert talk({}, ["prefect"], hello) == hello
    assert talk({"Authorization": BASIC}, [], "hello") == "hello"
    assert refused({}, [], hello)
    for wrong in ({"type": "auth", "token": "wrong"}, {"type": "auth"}, {"type": "auth", "token": None}, "hello", []):
        assert refused({}, ["prefect"], wrong)
    assert refused({"Origin": ADDRESS}, ["prefect"], hello), "a page signs in by its cookie"
    assert refused({"Host": "evil.example"}, ["prefect"], hello)
    signed_in(client)
    assert talk({"Origin": ADDRESS}, ["prefect"], "hello") == "hello"
    for origin in ("http://evil.example", "http://127.0.0.1:9999", "null"):
        assert refused({"Origin": origin}, ["prefect"], hello)


def test_the_token_is_made_once_and_is_the_owners(tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))
    token = access.token()
    assert len(token) >= 43 and access.token() == token
    assert stat.S_IMODE(access.token_file().stat().st_mode) == 0o600
    access.token_file().write_text("")
    assert len(access.token()) >= 43


def test_credentials_go_to_own_servers_only(tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path))
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    names = ("PREFECT_API_AUTH_STRING", "PREFECT_SERVER_API_AUTH_STRING", "MLFLOW_TRACKING_PASSWORD")

    def sends_token(prefect: str, mlflow: str, servers: dict[str, str]) -> list[bool]:
        monkeypatch.setenv("PREFECT_API_URL", prefect)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow)
        for name in (*names, "MLFLOW_TRACKING_USERNAME"):
            monkeypatch.setenv(name, "")
        environment._set_credentials(servers)
        return [access.token() in environment.os.environ[name] for name in names]

    own_servers = {"PREFECT_API_URL": ADDRESS, "MLFLOW_TRACKING_URI": "http://127.0.0.1:5000"}
    assert sends_token(ADDRESS, "http://127.0.0.1:5000", own_servers) == [True, False, True]
    assert sends_token("https://prefect.example", "https://mlflow.example", own_servers) == [False, False, False]
    assert sends_token("https://prefect.example", "https://mlflow.example", {}) == [False, False, False]
    assert sends_token("", "", {}) == [True, True, False], "the temporary server of a run from a terminal asks too"


def test_a_proxys_name_is_answered_and_other_origins_are_refused_still():
    control = access.AccessControl(APPLICATION, KEY, ("nights.example",))
    client = TestClient(control, base_url="https://nights.example:8443", follow_redirects=False)
    host = {"Host": "nights.example:8443"}
    assert client.get("/runs", headers=host).status_code == STRANGER
    for headers, status in (
        ({**host, "Origin": "https://nights.example:8443"}, 200),
        ({**host, "Origin": "https://evil.example"}, REFUSED),
        ({**host, "Origin": "https://nights.example"}, REFUSED),
        ({"Host": "evil.example", "X-Forwarded-Host": "nights.example:8443"}, REFUSED),
        ({"Host": "sub.nights.example"}, REFUSED),
    ):
        assert client.get("/runs", headers={"Authorization": BASIC, **headers}).status_code == status, headers
    cookie = client.get(f"/?token={KEY}", headers=host).headers["set-cookie"]
    assert "Secure" in cookie and "HttpOnly" in cookie


def test_a_wrong_variable_of_the_servers_is_named(monkeypatch):
    for name, value in (("NIGHTSHIFT_USERS", "yes"), ("NIGHTSHIFT_MLFLOW_URL", "nights.example")):
        with monkeypatch.context() as patch, pytest.raises(SettingsError, match=name):
            patch.setenv(name, value)
            server_settings.ServerSettings.from_environment()


class SignedInOnly(BaseHTTPRequestHandler):
    """A server that lets nobody in."""

    def do_GET(self) -> None:
        self.send_response(401)
        self.end_headers()
        self.wfile.write(access.SIGN_IN_PAGE.encode())


def test_a_command_that_may_not_sign_in_says_what_to_set(monkeypatch, capsys):
    with HTTPServer(("127.0.0.1", 0), SignedInOnly) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        with pytest.raises(typer.Exit) as ended, main._reported_errors(lambda: None):
            mlflow.MlflowClient().get_registered_model("tickets")
        server.shutdown()
    line = f"the MLflow server {address} does not accept the sign-in: set MLFLOW_TRACKING_USERNAME and "
    assert ended.value.exit_code == 2 and line in capsys.readouterr().err


def test_behind_a_proxy_people_get_the_proxy_s_addresses(tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path))
    monkeypatch.setenv("NIGHTSHIFT_PREFECT_URL", "https://prefect.example.org")
    monkeypatch.setenv("NIGHTSHIFT_MLFLOW_URL", "https://mlflow.example.org:8443/")
    up = servers.Servers(prefect="http://127.0.0.1:9", mlflow="http://127.0.0.1:19", ready=True)
    monkeypatch.setattr(servers, "running", lambda: up)
    prefect, mlflow = (line.split()[1] for line in servers.status().lines[:2])
    assert prefect.startswith("https://prefect.example.org/?token=")
    assert mlflow.startswith("https://mlflow.example.org:8443/?token=")
    keeper = servers.Keeper(up, Limits())
    assert keeper.env["PREFECT_UI_URL"] == "https://prefect.example.org"
    assert keeper.env["PREFECT_API_URL"] == "http://127.0.0.1:9/api"
    version = "https://mlflow.example.org:8443/#/models/tickets/versions/2"
    for server, address in (
        (up.mlflow, version),
        ("https://other.org", "https://other.org/#/models/tickets/versions/2"),
    ):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
        assert tracking.version_address("tickets", "2") == address


def test_where_mlflow_has_users_nights_sign_in_as_nightly_and_a_person_as_themselves(tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path))
    monkeypatch.setenv("NIGHTSHIFT_USERS", "true")
    monkeypatch.delenv("MLFLOW_TRACKING_USERNAME", raising=False)
    credentials = access.mlflow_credentials()
    assert credentials["MLFLOW_TRACKING_USERNAME"] == "nightly"
    assert (
        credentials["MLFLOW_TRACKING_PASSWORD"] == (tmp_path / "nightly-password").read_text().strip() != access.token()
    )
    assert stat.S_IMODE((tmp_path / "nightly-password").stat().st_mode) == 0o600
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "anna")
    assert access.mlflow_credentials() == {}

"""Access control for the two servers of `nightshift up`.

Prefect's and MLflow's servers ask for no password by default, so any web page in the user's browser could start
programs through them. `AccessControl` wraps both, in the same process:

- the requested host must be one of this machine's loopback names, or a name that the operator gives for a proxy in
  front, which stops DNS rebinding;
- requests from pages of another origin are refused, also from another port of this machine;
- every client signs in with the token in NIGHTSHIFT_HOME/token: a browser by the address that `nightshift up` prints,
  which sets a cookie; programs by the header Authorization, or as Prefect's clients do in a WebSocket's first message.
  `UserAccessControl` asks for a name and a password instead, where MLflow has users.

`python -m cli.access prefect|mlflow PORT` starts one server with it.
"""

import base64
import binascii
import hashlib
import hmac
import json
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cli import server_settings
from cli.server_settings import ServerSettings
from nightshift.store import artifact_store

if TYPE_CHECKING:  # the command line needs the token at once, and only a server needs these
    from starlette.datastructures import Headers
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

USER, TOKEN = "nightshift", "token"
NIGHTLY, NIGHTLY_PASSWORD = "nightly", "nightly-password"
"""User of the nights where MLflow has users, and the file with its password."""
HOSTS = ("127.0.0.1", "localhost", "::1")
HEALTH = ("/health", "/api/health", "/api/ready")
"""Paths that answer without the token: they only say that the server is alive."""
POLICY_VIOLATION = 1008
"""Close code of a WebSocket whose client is not signed in."""
RESPONSE_HEADERS = {
    # The pages may load pictures, styles and answers from their own server only, and be framed by it only.
    "Content-Security-Policy": (
        "connect-src 'self' data: blob:; img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; "
        "style-src 'self' 'unsafe-inline'; frame-src 'self' data: blob:; form-action 'self'; frame-ancestors 'self'; "
        "object-src 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
}
SIGN_IN_PAGE = """<!doctype html><meta charset="utf-8"><title>nightshift: sign in</title>
<body style="font: 16px sans-serif; max-width: 40em; margin: 4em auto">
<h1>Sign in</h1>
<p>Open the address that <code>nightshift up</code> printed; <code>nightshift status</code> prints it again. It ends in
<code>?token=…</code> and signs this browser in.</p>
<p>Signed in already, and came here by a link on another site? <a href="">Open the page again.</a></p>
"""


def token_file() -> Path:
    """Return the path of the file that holds the token of this NIGHTSHIFT_HOME."""
    return artifact_store.home() / TOKEN


def token() -> str:
    """Return the token of this NIGHTSHIFT_HOME; create it if there is none."""
    return server_settings.secret(TOKEN)


def sign_in_address(server: str) -> str:
    """Return the address that signs a browser in at a server, `http://127.0.0.1:PORT`."""
    return f"{server}/?token={token()}"


def prefect_credentials() -> dict[str, str]:
    """Return the environment in which Prefect's clients sign in."""
    return {"PREFECT_API_AUTH_STRING": f"{USER}:{token()}"}


def temporary_prefect_credentials() -> dict[str, str]:
    """Return the environment in which the temporary Prefect server of a run from a terminal asks for the token."""
    return prefect_credentials() | {"PREFECT_SERVER_API_AUTH_STRING": f"{USER}:{token()}"}


def mlflow_credentials() -> dict[str, str]:
    """Return the environment in which MLflow's clients sign in; both names go before ~/.mlflow/credentials.

    Where MLflow has users, that is as the user that the environment names already, else as `nightly`.
    """
    if not ServerSettings.from_environment().users:
        return {"MLFLOW_TRACKING_USERNAME": USER, "MLFLOW_TRACKING_PASSWORD": token()}
    if os.environ.get("MLFLOW_TRACKING_USERNAME"):
        return {}
    password = server_settings.secret(NIGHTLY_PASSWORD)
    return {"MLFLOW_TRACKING_USERNAME": NIGHTLY, "MLFLOW_TRACKING_PASSWORD": password}


class AccessControl:
    """ASGI middleware that lets only signed-in clients of this machine's own pages through to `app`.

    Args:
        app: The application to protect.
        key: The token.
        host_names: Names of a proxy in front, by which the server answers besides those of this machine.
    """

    challenge = {"Cache-Control": "no-store"}
    """Headers of the answer to a client that is not signed in."""

    def __init__(self, app: "ASGIApp", key: str, host_names: Iterable[str] = ()) -> None:
        self.app, self.key = app, key.encode()
        self.host_names = (*HOSTS, *(name.lower() for name in host_names))
        digest = hmac.new(self.key, b"browser", hashlib.sha256).hexdigest()
        # A cookie is sent to every port of a host, so its name tells two homes apart and its value is not the token.
        self.cookie_name, self.cookie = f"nightshift-{digest[:8]}", digest[8:]

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Handle one connection: refuse it, sign it in, or pass it on to the application."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._http(scope, receive, send)

    async def _http(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        from starlette.datastructures import Headers, MutableHeaders, QueryParams
        from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse

        async def send_with_headers(message: "Message") -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in RESPONSE_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        headers = Headers(scope=scope)
        offered = QueryParams(scope["query_string"]).get("token") if scope["method"] == "GET" else None
        answer: ASGIApp = self.app
        is_health_check = scope["method"] in ("GET", "HEAD") and scope["path"] in HEALTH
        if refusal := self._refusal(scope, headers):
            answer = PlainTextResponse(refusal + "\n", 403)
        elif offered is not None and self._is_key(offered):
            answer = redirect = RedirectResponse("/", 303, {"Cache-Control": "no-store"})
            is_encrypted = scope["scheme"] == "https"
            redirect.set_cookie(self.cookie_name, self.cookie, httponly=True, samesite="strict", secure=is_encrypted)
        elif not is_health_check and not await self._signed_in(headers):
            answer = HTMLResponse(SIGN_IN_PAGE, 401, self.challenge)
        await answer(scope, receive, send_with_headers)

    async def _websocket(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        from starlette.datastructures import Headers

        headers = Headers(scope=scope)
        if self._refusal(scope, headers):
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        elif await self._signed_in(headers):
            await self.app(scope, receive, send)
        elif "origin" not in headers and "prefect" in scope.get("subprotocols", ()):
            await self.app(scope, self._signed_in_by_message(receive, send), send)
        else:
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})

    def _signed_in_by_message(self, receive: "Receive", send: "Send") -> "Receive":
        """Return a `receive` that ends the connection unless its first message has the token, as Prefect's clients send it.

        A browser always names its origin and never comes here.
        """
        signed_in = False

        async def checked() -> "Message":
            nonlocal signed_in
            message = await receive()
            if message["type"] == "websocket.receive" and not signed_in:
                signed_in = self._is_message_with_key(message)
                if not signed_in:
                    await send({"type": "websocket.close", "code": POLICY_VIOLATION})
                    return {"type": "websocket.disconnect", "code": POLICY_VIOLATION}
            return message

        return checked

    def _is_message_with_key(self, message: "Message") -> bool:
        with suppress(ValueError, AttributeError):
            return self._is_key(str(json.loads(message.get("text") or "").get("token")).rpartition(":")[2])
        return False

    async def _signed_in(self, headers: "Headers") -> bool:
        from starlette.requests import cookie_parser

        scheme, _, credentials = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._is_key(credentials.strip())
        if scheme.lower() == "basic":
            return self._is_key(_name_and_password(headers)[1])
        cookie = cookie_parser(headers.get("cookie", "")).get(self.cookie_name, "")
        return hmac.compare_digest(cookie.encode(), self.cookie.encode())

    def _is_key(self, candidate: str) -> bool:
        return hmac.compare_digest(candidate.encode(), self.key)

    def _refusal(self, scope: "Scope", headers: "Headers") -> str:
        """Return why this request is refused even from a signed-in client; empty if it is not."""
        host, origin = ",".join(headers.getlist("host")).lower(), headers.get("origin")
        if _hostname(host) not in self.host_names:
            return f"This server answers by the names {', '.join(self.host_names)} only."
        if origin is not None and urlsplit(origin.lower()).netloc != host:
            return "Requests from pages of another origin are refused."
        site = headers.get("sec-fetch-site", "none")
        followed_a_link = (
            scope["type"] == "http"
            and scope["method"] == "GET"
            and headers.get("sec-fetch-mode") == "navigate"
            and headers.get("sec-fetch-dest") == "document"
        )
        if site not in ("none", "same-origin") and not followed_a_link:
            return "Requests from pages of another origin are refused."
        return ""


class UserAccessControl(AccessControl):
    """ASGI middleware that lets only users with their own name and password through to `app`.

    Args:
        app: The application to protect.
        is_user: Function that returns True for the name and password of a user.
        host_names: Names of a proxy in front, by which the server answers besides those of this machine.
    """

    challenge = {"Cache-Control": "no-store", "WWW-Authenticate": 'Basic realm="mlflow"'}

    def __init__(self, app: "ASGIApp", is_user: Callable[[str, str], bool], host_names: Iterable[str] = ()) -> None:
        super().__init__(app, "", host_names)
        self.is_user = is_user

    async def _signed_in(self, headers: "Headers") -> bool:
        from anyio import to_thread

        name, password = _name_and_password(headers)
        return bool(name and password) and await to_thread.run_sync(self.is_user, name, password)

    def _is_key(self, candidate: str) -> bool:
        return False


def _name_and_password(headers: "Headers") -> tuple[str, str]:
    """Return the name and the password of a header `Authorization: Basic …`; empty texts if there is none."""
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        with suppress(binascii.Error, UnicodeDecodeError):
            name, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
            return name, password
    return "", ""


def _hostname(host: str) -> str | None:
    with suppress(ValueError):
        return urlsplit(f"//{host}").hostname
    return None


def prefect_application(settings: ServerSettings) -> "ASGIApp":
    """Return Prefect's server as `prefect server start` runs it, behind the token."""
    if settings.postgres:
        database = settings.database("prefect", "asyncpg").render_as_string(hide_password=False)
        os.environ["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = database
    from prefect.server.api.server import create_app

    return AccessControl(create_app(final=True), token(), settings.host_names)


def mlflow_application(settings: ServerSettings) -> "ASGIApp":
    """Return MLflow's server as `mlflow server` runs it, behind the token or, where it has users, their passwords."""
    from cli import mlflow_server

    if settings.users:
        return UserAccessControl(mlflow_server.with_users(settings), mlflow_server.is_user, settings.host_names)
    return AccessControl(mlflow_server.application(settings), token(), settings.host_names)


def serve(name: str, port: int) -> None:
    """Run the server `prefect` or `mlflow` on this port until SIGTERM or SIGINT.

    It listens on 127.0.0.1, in a container on the address in NIGHTSHIFT_BIND.
    """
    import uvicorn

    from cli import team_storage

    settings = ServerSettings.from_environment()
    team_storage.ensure_database(settings, name)
    application = prefect_application(settings) if name == "prefect" else mlflow_application(settings)
    # Access logs would hold the addresses that sign in.
    uvicorn.run(
        application,
        host=os.environ.get("NIGHTSHIFT_BIND") or "127.0.0.1",
        port=port,
        log_level="warning",
        access_log=False,
    )


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))

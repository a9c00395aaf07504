"""Access control for the two servers of `nightshift up`.

Prefect's and MLflow's servers ask for no password by default, so any web page in the user's browser could start
programs through them. `AccessControl` wraps both, in the same process:

- the requested host must be one of this machine's loopback names, which stops DNS rebinding;
- requests from pages of another origin are refused, also from another port of this machine;
- every client signs in with the token in NIGHTSHIFT_HOME/token: a browser by the address that `nightshift up` prints,
  which   sets a cookie; programs by the header Authorization, or as Prefect's clients do in a WebSocket's first message.

`python -m cli.access prefect|mlflow PORT` starts one server with it.
"""

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from nightshift.store import artifact_store

if TYPE_CHECKING:  # the command line needs the token at once, and only a server needs these
    from starlette.datastructures import Headers
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

USER = "nightshift"
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
    return artifact_store.home() / "token"


def token() -> str:
    """Return the token of this NIGHTSHIFT_HOME; create it if there is none."""
    path = token_file()
    with suppress(FileNotFoundError):
        if text := path.read_text(encoding="ascii").strip():
            return text
    path.parent.mkdir(parents=True, exist_ok=True)
    new_token = secrets.token_urlsafe(32)
    partial = artifact_store.partial_path(path)
    partial.unlink(missing_ok=True)
    partial.touch(0o600, exist_ok=False)
    partial.write_text(new_token + "\n", encoding="ascii")
    partial.replace(path)
    return new_token


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
    """Return the environment in which MLflow's clients sign in; both names go before ~/.mlflow/credentials."""
    return {"MLFLOW_TRACKING_USERNAME": USER, "MLFLOW_TRACKING_PASSWORD": token()}


class AccessControl:
    """ASGI middleware that lets only signed-in clients of this machine's own pages through to `app`.

    Args:
        app: The application to protect.
        key: The token.
    """

    def __init__(self, app: "ASGIApp", key: str) -> None:
        self.app, self.key = app, key.encode()
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
        if refusal := _refusal(scope, headers):
            answer = PlainTextResponse(refusal + "\n", 403)
        elif offered is not None and self._is_key(offered):
            answer = redirect = RedirectResponse("/", 303, {"Cache-Control": "no-store"})
            redirect.set_cookie(self.cookie_name, self.cookie, httponly=True, samesite="strict")
        elif not (self._signed_in(headers) or (scope["method"] in ("GET", "HEAD") and scope["path"] in HEALTH)):
            answer = HTMLResponse(SIGN_IN_PAGE, 401, {"Cache-Control": "no-store"})
        await answer(scope, receive, send_with_headers)

    async def _websocket(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        from starlette.datastructures import Headers

        headers = Headers(scope=scope)
        if _refusal(scope, headers):
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        elif self._signed_in(headers):
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

    def _signed_in(self, headers: "Headers") -> bool:
        from starlette.requests import cookie_parser

        scheme, _, credentials = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._is_key(credentials.strip())
        if scheme.lower() == "basic":
            with suppress(binascii.Error, UnicodeDecodeError):
                return self._is_key(base64.b64decode(credentials, validate=True).decode().partition(":")[2])
            return False
        cookie = cookie_parser(headers.get("cookie", "")).get(self.cookie_name, "")
        return hmac.compare_digest(cookie.encode(), self.cookie.encode())

    def _is_key(self, candidate: str) -> bool:
        return hmac.compare_digest(candidate.encode(), self.key)


def _refusal(scope: "Scope", headers: "Headers") -> str:
    """Return why this request is refused even with the token; empty if it is not."""
    host, origin = ",".join(headers.getlist("host")).lower(), headers.get("origin")
    if _hostname(host) not in HOSTS:
        return f"This server answers by the names {', '.join(HOSTS)} only."
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


def _hostname(host: str) -> str | None:
    with suppress(ValueError):
        return urlsplit(f"//{host}").hostname
    return None


def prefect_application() -> "ASGIApp":
    """Return Prefect's server as `prefect server start` runs it."""
    from prefect.server.api.server import create_app

    return create_app(final=True)


def mlflow_application() -> "ASGIApp":
    """Return MLflow's server as `mlflow server --no-serve-artifacts` runs it, with the database in NIGHTSHIFT_HOME."""
    from mlflow import server
    from mlflow.server.handlers import initialize_backend_stores

    folder = artifact_store.home() / "mlflow"
    folder.mkdir(parents=True, exist_ok=True)
    database, artifacts = f"sqlite:///{folder}/mlflow.db", (folder / "artifacts").as_uri()
    os.environ |= {
        server.BACKEND_STORE_URI_ENV_VAR: database,
        server.REGISTRY_STORE_URI_ENV_VAR: database,
        server.ARTIFACT_ROOT_ENV_VAR: artifacts,
    }
    initialize_backend_stores(database, database, artifacts)
    from mlflow.server.fastapi_app import app

    application: ASGIApp = app
    return application


def serve(name: str, port: int) -> None:
    """Run the server `prefect` or `mlflow` on this port of 127.0.0.1 until SIGTERM or SIGINT."""
    import uvicorn

    application = prefect_application() if name == "prefect" else mlflow_application()
    # Access logs would hold the addresses that sign in.
    uvicorn.run(AccessControl(application, token()), host="127.0.0.1", port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))

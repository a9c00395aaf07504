"""The Prefect server that this process talks to: one that was configured, or the temporary one of a command."""

import os

from nightshift.errors import NightshiftError
from nightshift.redaction import redact

TEMPORARY_API = "NIGHTSHIFT_TEMPORARY_PREFECT_API"
"""Variable with the address of the temporary server's API, where a command has started one; its children inherit it."""


def configured_api() -> str:
    """Return the address of the API of the Prefect server that was configured; empty if there is none but a temporary one."""
    from prefect.settings import PREFECT_API_URL

    address = PREFECT_API_URL.value() or ""
    return "" if address == os.environ.get(TEMPORARY_API) else address


def explanation(error: Exception) -> NightshiftError | None:
    """Return an error that says what to do about a Prefect server that Prefect cannot reach; None for other errors."""
    return does_not_answer() if "Failed to reach API at " in str(error) else None


def does_not_answer() -> NightshiftError:
    """Return the error that the configured server does not answer."""
    return NightshiftError(
        f"the Prefect server {redact(configured_api())} does not answer: start it, or unset PREFECT_API_URL"
    )

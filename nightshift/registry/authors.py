"""The author of a ledger entry: the user who is signed in at MLflow, else a name that is marked as unverified."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import mlflow
from mlflow.exceptions import MlflowException
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request, verify_rest_response

from nightshift.errors import ForbiddenError
from nightshift.registry import tracking
from nightshift.store import processes

UNVERIFIED = " (unverified)"
UNKNOWN = "unknown"
"""Author of a move that was made outside nightshift."""
CURRENT_USER = "/api/2.0/mlflow/users/current"


def signed_in_user() -> str | None:
    """Return the name of the user who is signed in at MLflow's server; None if the registry has no users."""
    tracking.connect()
    address = mlflow.get_tracking_uri()
    if not address.startswith("http"):
        return None
    response = http_request(get_default_host_creds(address), CURRENT_USER, "GET")
    if response.status_code == httpx.codes.NOT_FOUND:
        return None
    return str(verify_rest_response(response, CURRENT_USER).json()["user"]["username"])


def author(name: str) -> str:
    """Return the author to record: the signed-in user where MLflow has users, else `name`, marked as unverified."""
    if name == UNKNOWN:
        return name
    return signed_in_user() or name.removesuffix(UNVERIFIED) + UNVERIFIED


def author_and_reason(requester: str | None, reason: str) -> tuple[str, str]:
    """Return the author of a person's decision, and the reason for the ledger.

    Args:
        requester: Name that somebody typed into a form; None for the user of this process. Where MLflow has users, the
            author is the one who is signed in, and the reason notes the typed name.
        reason: The reason.
    """
    user = signed_in_user()
    if user and requester:
        return user, f"{reason} (requested by {requester}, unverified)"
    return user or requester or processes.user_name(), reason


@contextmanager
def refusals_explained() -> Iterator[None]:
    """Turn the refusal of an MLflow server with users into one line that says what to do.

    Raises:
        ForbiddenError: The signed-in user lacks a permission.
    """
    try:
        yield
    except MlflowException as error:
        if error.error_code != "PERMISSION_DENIED":
            raise
        reason = str(error).removeprefix("PERMISSION_DENIED: ")
        if "API request to endpoint" in reason:  # basic-auth's own refusal, which names nothing
            endpoint = reason.partition("endpoint ")[2].split()[0]
            reason = (
                f"{signed_in_user()} lacks a permission of MLflow ({endpoint}): an administrator grants the role "
                "writer, or EDIT on the model and its ledger"
            )
        raise ForbiddenError(reason) from error

"""The runner that a night's settings name."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from nightshift.execution.calls import carried_out_by
from nightshift.execution.settings import ExecutionSettings


@contextmanager
def runner_of(settings: ExecutionSettings, model: str, num_workers: int = 1) -> Iterator[None]:
    """Have the runner of the settings carry out the calls of the block.

    Args:
        settings: The runner, and where it is.
        model: The registered model.
        num_workers: Processes of one training that must have room at once.

    Raises:
        UserError: The runner cannot be used.
    """
    if settings.runner == "local":
        yield
        return
    _protect(settings)
    from nightshift.execution import ray_cluster

    with ray_cluster.connected(settings, model, num_workers) as runner, carried_out_by(runner):
        yield


def _protect(settings: ExecutionSettings) -> None:
    """Set the variables that let Ray ask for a token; it reads them when it is imported.

    A cluster that a night starts for itself gets a token of its own, and its servers listen on 127.0.0.1 alone.
    """
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    if settings.address is None:
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"

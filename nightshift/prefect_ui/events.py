"""Events about a model on the Prefect server, which automations listen to.

Events are only sent to a server that was configured: the temporary one of a run from a terminal has no automations.
"""

import logging
from typing import Any

from pydantic import BaseModel

from nightshift import prefect_api

log = logging.getLogger("nightshift.events")
PROMOTED = "nightshift.promoted"
HELD_IN_A_ROW = "nightshift.held-in-a-row"
DISK_LOW = "nightshift.disk-low"
DRIFTED = "nightshift.drift"
WORSE = "nightshift.worse"
LONGEST_REASON = 500
"""Characters of a reason in an event."""


class ModelEvent(BaseModel):
    """Payload of an event: the parts of a message."""

    model: str
    outcome: str
    """A few words, such as promoted, or held 3 nights in a row."""
    reason: str
    run_url: str = ""
    """Page of the flow run; empty without one."""
    version_url: str = ""
    """Page of the model's version; empty without one."""


def emit(event: str, about: ModelEvent, **payload: Any) -> None:
    """Send an event to the Prefect server, if one is configured.

    Args:
        event: Name of the event.
        about: The model and what happened; the reason becomes one line.
        **payload: Further values of the payload.
    """
    from prefect.events import emit_event

    if not prefect_api.configured_api():
        return
    reason = " ".join(about.reason.split())
    if len(reason) > LONGEST_REASON:
        reason = reason[: LONGEST_REASON - 1] + "…"
    resource = {"prefect.resource.id": f"nightshift.model.{about.model}", "prefect.resource.name": about.model}
    emit_event(event, resource, payload=about.model_dump() | {"reason": reason} | payload)

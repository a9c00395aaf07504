"""Events at the end of a night and on moves of the champion, for the automations that send messages."""

from collections.abc import Iterator
from contextlib import contextmanager

from prefect.runtime import flow_run

from flows.operation_settings import NotifySettings
from nightshift.prefect_ui import events
from nightshift.prefect_ui.events import ModelEvent
from nightshift.records import NightResult
from nightshift.registry import ledger, tracking
from nightshift.store import disk

GB = 1_000_000_000


def announce_result(result: NightResult, notify: NotifySettings) -> None:
    """Emit an event if the night promoted a version, or held one for the last of `held_nights` nights in a row."""
    if result.status == "promoted":
        announce_promotion(result.model, str(result.version), "promoted", result.reason)
    elif result.status == "held":
        count = held_in_a_row(ledger.history(result.model))
        if count == notify.held_nights:
            outcome = "held" if count == 1 else f"held {count} nights in a row"
            events.emit(events.HELD_IN_A_ROW, _about(result.model, outcome, result.reason, str(result.version)))


def held_in_a_row(entries: list[ledger.Entry]) -> int:
    """Return how many runs in a row have ended held, up to the newest entry; skipped and stopped ones do not count."""
    outcomes = [entry.action for entry in entries if entry.action == "held" or entry.action in ledger.MOVES]
    return next((number for number, action in enumerate(reversed(outcomes)) if action != "held"), len(outcomes))


def announce_promotion(model: str, version: str, outcome: str, reason: str) -> None:
    """Emit the event of a move of the alias `champion`.

    Args:
        model: The registered model.
        version: The champion now.
        outcome: promoted or rolled back, with the person if it was one.
        reason: The reason for it.
    """
    events.emit(events.PROMOTED, _about(model, outcome, reason, version), version=version)


@contextmanager
def low_disk_announced(model: str, min_free_gb: float) -> Iterator[None]:
    """Emit an event if less than `min_free_gb` is free on the disk of NIGHTSHIFT_HOME after the block, however it ends."""
    try:
        yield
    finally:
        free = disk.free_bytes() / GB
        if free < min_free_gb:
            reason = f"{free:.1f} GB are free on the disk of NIGHTSHIFT_HOME, less than {min_free_gb:g}"
            events.emit(events.DISK_LOW, _about(model, "disk almost full", reason))


def _about(model: str, outcome: str, reason: str, version: str = "") -> ModelEvent:
    """Return what messages say, with the addresses of the current flow run and of a version."""
    return ModelEvent(
        model=model,
        outcome=outcome,
        reason=reason,
        run_url=tracking.flow_run_address(flow_run.id),
        version_url=tracking.version_address(model, version) if version else "",
    )

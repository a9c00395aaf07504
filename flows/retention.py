"""Retention: what old nights have left behind, listed, and deleted where that is asked for."""

from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

from prefect import flow
from pydantic import Field

from nightshift import redaction
from nightshift.registry import model_registry, retention
from nightshift.registry.retention import Removable
from nightshift.store import artifact_store, disk


@flow(name="clean", flow_run_name="clean", validate_parameters=True)
def clean(
    keep: Annotated[int, Field(ge=1)] = 30, days: Annotated[float, Field(ge=0)] = 30, delete: bool = False
) -> str:
    """List what old nights have left behind, and delete it where told to; what an alias stands on always stays.

    Args:
        keep: The newest nights of each model, and the newest artifacts of each stage, that always stay.
        days: What is younger always stays.
        delete: Without it nothing is deleted, only listed.
    """
    with redaction.redacted_errors():
        return "\n".join(cleaned(keep, days, delete))


def cleaned(keep: int, days: float, delete: bool) -> list[str]:
    """Plan, carry out if `delete`, and say so, a line a kind. Raises UserError where a night runs."""
    things = retention.plan(keep, days)
    if not things:
        return [f"nothing is older than {days:g} days and beyond the newest {keep}"]
    lines = _summary(things)
    if not delete:
        return [
            *lines,
            f"{_size(sum(thing.bytes for thing in things))} in all; nothing was deleted (that takes --delete)",
        ]
    if disk.is_low():
        disk.release_reserve()  # deleting is entered in databases first
    with ExitStack() as stack:
        for lock in sorted((artifact_store.home() / "locks").glob("*.night.lock")):
            stack.enter_context(model_registry.locked(lock.name.removesuffix(".night.lock"), "night", wait=False))
        freed = retention.carry_out(things)
    return [*lines, f"deleted; {_size(freed)} are free again"]


def _summary(things: list[Removable]) -> list[str]:
    counts, sizes = Counter(thing.kind for thing in things), Counter[str]()
    for thing in things:
        sizes[thing.kind] += thing.bytes
    oldest = {kind: max(thing.days for thing in things if thing.kind == kind) for kind in counts}
    words = [f"{count:>6} {kind + ('s' if count > 1 else ''):<10} {_size(sizes[kind]):>10}   up to {oldest[kind]:.0f} days old"
             for kind, count in counts.items()]  # fmt: skip
    return [*words, *(f"       {thing.kind} {Path(thing.name)}" for thing in things[:20]), *_rest(things)]


def _rest(things: list[Removable]) -> list[str]:
    return [f"       and {len(things) - 20} more"] if len(things) > 20 else []


def _size(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"

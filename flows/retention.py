"""Retention: list or delete the files and records of old runs."""

from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

from prefect import flow
from pydantic import Field

from nightshift import redaction
from nightshift.prefect_ui import reconciliation
from nightshift.registry import locks, retention
from nightshift.registry.retention import Removable
from nightshift.store import artifact_store, disk


@flow(name="clean", flow_run_name="clean", validate_parameters=True)
def clean(
    keep: Annotated[int, Field(ge=1)] = 30, days: Annotated[float, Field(ge=0)] = 30, delete: bool = False
) -> str:
    """List the files and records of old runs, or delete them; versions with an alias are kept.

    Args:
        keep: Number of newest runs of each model, and of newest artifacts of each stage, to keep.
        days: Age in days up to which everything is kept.
        delete: Delete instead of only listing.
    """
    with redaction.redacted_errors():
        reconciliation.claim_flow_run()
        return "\n".join(clean_up(keep, days, delete))


def clean_up(keep: int, days: float, delete: bool) -> list[str]:
    """List or delete the files and records of old runs, and return a line for each kind.

    Raises:
        UserError: A run is in progress.
    """
    removables = retention.plan(keep, days)
    if not removables:
        return [f"nothing is older than {days:g} days and beyond the newest {keep}"]
    lines = _summary(removables)
    if not delete:
        return [
            *lines,
            f"{_size(sum(removable.bytes for removable in removables))} in all; nothing was deleted (that takes --delete)",
        ]
    if disk.is_low():
        disk.release_reserve()  # deleting is entered in databases first
    with ExitStack() as stack:
        for model in sorted(_models()):
            stack.enter_context(locks.locked(model, "night", wait=False))
        freed = retention.carry_out(removables)
    return [*lines, f"deleted; {_size(freed)} are free again"]


def _models() -> set[str]:
    """Return the models whose nights may read what is deleted: those of the registry, and those that ran on this machine."""
    files = (artifact_store.home() / "locks").glob("*.night.lock")
    return retention.models() | {file.name.removesuffix(".night.lock") for file in files}


def _summary(removables: list[Removable]) -> list[str]:
    counts, sizes = Counter(removable.kind for removable in removables), Counter[str]()
    for removable in removables:
        sizes[removable.kind] += removable.bytes
    oldest = {kind: max(removable.days for removable in removables if removable.kind == kind) for kind in counts}
    words = [f"{count:>6} {kind + ('s' if count > 1 else ''):<10} {_size(sizes[kind]):>10}   up to {oldest[kind]:.0f} days old"
             for kind, count in counts.items()]  # fmt: skip
    return [
        *words,
        *(f"       {removable.kind} {Path(removable.name)}" for removable in removables[:20]),
        *_remaining_line(removables),
    ]


def _remaining_line(removables: list[Removable]) -> list[str]:
    return [f"       and {len(removables) - 20} more"] if len(removables) > 20 else []


def _size(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"

"""The registry and its memory: aliases say what is in production, the ledger says how it came to be.

The ledger is a companion registered model, `NAME.ledger`, with a version an entry: version numbers are what MLflow
hands out atomically. Moves of aliases are serialised by a lock.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from filelock import FileLock, Timeout
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from pydantic import BaseModel

from tasks import store, tracking
from tasks.errors import UserError

log = logging.getLogger("nightshift.registry")
LEDGER = "**Ledger:**"
CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"
FROM = "nightshift.compressed"
RECIPE = "nightshift.recipe"
"""Tags of a version: the digest of the artifact it was made from, and which of the candidates in it."""


class Entry(BaseModel):
    """One line of the ledger."""

    action: str
    """promoted, rolled back, or moved by hand."""
    old: str
    new: str
    when: str
    who: str
    why: str
    evidence: str = ""
    """The MLflow run with the gate's verdict."""
    claim: str = ""
    """first, better or cheaper; empty for a person's decision."""

    @property
    def line(self) -> str:
        """As the version's page in MLflow tells it."""
        was = f"champion was version {self.old}" if self.old else "there was no champion"
        return f"- {self.when}: {self.action} by {self.who} ({was}): {self.why}"


@contextmanager
def locked(name: str, purpose: str, wait: bool = True) -> Iterator[None]:
    """Hold the model's lock for `purpose` (night, aliases) on this machine.

    Without `wait` raises UserError where another process holds it.
    """
    folder = store.home() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{name}.{purpose}.lock")
    try:
        lock.acquire(timeout=1)
    except Timeout:
        if not wait:
            raise UserError(f"a night of {name} is running: try again when it has ended") from None
        log.info("waiting: another process holds %s's lock for %s", name, purpose)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def version_of(name: str, alias: str) -> str | None:
    """The version an alias stands on, or None."""
    try:
        return str(tracking.connect().get_model_version_by_alias(name, alias).version)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def version(name: str, number: str) -> ModelVersion:
    """A version by number; raises UserError where there is none."""
    try:
        return tracking.connect().get_model_version(name, number)
    except MlflowException as error:
        raise UserError(f"{name} has no version {number}; `nightshift history {name}` lists those promoted") from error


def ensure(name: str) -> None:
    """Make the registered model where it is missing."""
    try:
        tracking.connect().create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def history(name: str) -> list[Entry]:
    """The ledger, oldest first."""
    found = tracking.connect().search_model_versions(f"name = '{name}.ledger'")
    ordered = sorted(found, key=lambda item: int(item.version))
    return [Entry(**{field: item.tags.get(field, "") for field in Entry.model_fields}) for item in ordered]


def enter(name: str, entry: Entry) -> None:
    """Append to the ledger."""
    ensure(f"{name}.ledger")
    client = tracking.connect()
    moved = client.get_model_version(name, entry.new)
    source, tags = f"models:/{name}/{entry.new}", entry.model_dump()
    client.create_model_version(f"{name}.ledger", source=source, tags=tags, description=entry.why)
    client.update_model_version(name, entry.new, with_ledger(moved.description or "", [entry]))


def with_ledger(description: str, entries: list[Entry]) -> str:
    """A version's description with its lines of the ledger added."""
    head = [LEDGER] if entries and LEDGER not in description else []
    return "\n\n".join([description, *head, *(entry.line for entry in entries)]).strip()


def anchor(entries: list[Entry]) -> str | None:
    """The last version that went into production for being better, or first, or by a person's will."""
    return next((entry.new for entry in reversed(entries) if entry.claim != "cheaper"), None)


def frozen(name: str) -> str | None:
    """Why nights end held: the last move was a rollback and nobody has promoted since."""
    entries = history(name)
    if entries and entries[-1].action == "rolled back":
        return f"rolled back to version {entries[-1].new} ({entries[-1].why}); held until somebody promotes"
    return None


def notice_moves_by_hand(name: str) -> None:
    """Enter into the ledger that `champion` stands elsewhere than the ledger's last line says."""
    with locked(name, "aliases"):
        entries, champion = history(name), version_of(name, CHAMPION)
        if champion and (not entries or entries[-1].new != champion):
            old = entries[-1].new if entries else ""
            enter(name, _entry("moved by hand", old, champion, "unknown", "the alias was set outside nightshift"))


def promote(
    name: str, number: str, why: str, expected: str | None, claim: str = "", evidence: str = "", who: str = "nightly"
) -> Entry:
    """Move `champion` to a version; `previous` takes the old one first, `challenger` goes last.

    `expected` is the champion the decision was made against; raises UserError where it has changed since.
    """
    with locked(name, "aliases"):
        client, champion = tracking.connect(), version_of(name, CHAMPION)
        if champion != expected:
            raise UserError(f"champion is version {champion} by now, not {expected}: nothing was moved")
        if champion and champion != number:
            client.set_registered_model_alias(name, PREVIOUS, champion)
        client.set_registered_model_alias(name, CHAMPION, number)
        if version_of(name, CHALLENGER) == number:
            client.delete_registered_model_alias(name, CHALLENGER)
        entry = _entry("promoted", champion or "", number, who, why, claim, evidence)
        enter(name, entry)
        return entry


def rollback(name: str, why: str, who: str) -> Entry:
    """Move `champion` back to `previous`, which then goes; raises UserError where there is none."""
    with locked(name, "aliases"):
        champion, target = version_of(name, CHAMPION), version_of(name, PREVIOUS)
        if not target or not champion or target == champion:
            raise UserError(f"{name} has no version to go back to: the alias {PREVIOUS!r} stands nowhere else")
        client = tracking.connect()
        client.set_registered_model_alias(name, CHAMPION, target)
        client.delete_registered_model_alias(name, PREVIOUS)
        entry = _entry("rolled back", champion, target, who, why)
        enter(name, entry)
        return entry


def _entry(action: str, old: str, new: str, who: str, why: str, claim: str = "", evidence: str = "") -> Entry:
    when = datetime.now(UTC).isoformat(timespec="seconds")
    return Entry(action=action, old=old, new=new, when=when, who=who, why=why, claim=claim, evidence=evidence)

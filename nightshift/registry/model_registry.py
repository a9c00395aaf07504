"""The registry: aliases say what is in production, `nightshift.registry.ledger` how it came to be. A lock serialises their moves.

A move is entered into the ledger first. What a kill leaves undone of it is done by whoever moves or looks next.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mlflow
from filelock import FileLock, Timeout
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.utils.models import get_model_name_and_version

from nightshift.data import row_keys
from nightshift.errors import DamagedVersionError, UserError
from nightshift.registry import integrity, ledger, tracking
from nightshift.registry.ledger import Entry
from nightshift.store import artifact_store

log = logging.getLogger("nightshift.registry")
CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"


@contextmanager
def locked(name: str, purpose: str, wait: bool = True) -> Iterator[None]:
    """Hold the model's lock for `purpose` (night, aliases) on this machine.

    Without `wait` raises UserError where another process holds it.
    """
    folder = artifact_store.home() / "locks"
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
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        raise UserError(f"{name} has no version {number}; `nightshift history {name}` lists those promoted") from error


def resolve(address: str) -> ModelVersion:
    """Return the version that NAME@ALIAS or NAME/VERSION names, with or without `models:/` before it.

    Raises UserError if there is none.
    """
    client = tracking.connect()
    try:
        named = get_model_name_and_version(client, "models:/" + address.removeprefix("models:/"))
        if len(named) == 1:
            raise UserError(f"{address}: expected NAME@ALIAS or NAME/VERSION, such as reviews@champion")
        return client.get_model_version(*named)
    except MlflowException as error:
        raise UserError(f"{address}: {str(error).splitlines()[0]}") from error


def text_artifact(name: str, number: str, path: str) -> str | None:
    """A text that a version's night has kept, or None."""
    try:
        return str(mlflow.artifacts.load_text(f"runs:/{version(name, number).run_id}/{path}"))
    except (MlflowException, OSError):
        return None


def kept_keys(run_id: str, parts: bool = False) -> set[str]:
    """`row_key` of every row that a night's weights were ever trained on; MlflowException or OSError where it kept none.

    With `parts` also the digests of each text of a pair. Raises DamagedVersionError if the file is not the one that was kept.
    """
    with artifact_store.scratch() as folder:
        client = tracking.connect()
        path = Path(client.download_artifacts(run_id, f"{tracking.FULL}/{artifact_store.TRAINED_KEYS}", str(folder)))
        if difference := integrity.file_difference(f"{run_id}-full", artifact_store.TRAINED_KEYS, path):
            raise DamagedVersionError(f"what its run keeps is not as it was registered: {tracking.FULL}/{difference}")
        rows, texts = row_keys.trained_on(path)
        return rows | texts if parts else rows


def trained_keys(name: str, number: str) -> set[str]:
    """The keys that a version's night kept; none, with a line in the log, where it kept none.

    Raises DamagedVersionError if they are not those that were kept.
    """
    try:
        return kept_keys(version(name, number).run_id)
    except DamagedVersionError as error:
        raise DamagedVersionError(f"version {number} of {name}: {error}") from error
    except (MlflowException, OSError, UserError):
        log.warning("version %s of %s keeps no digests of its training rows", number, name)
        return set()


def note(name: str, action: str, why: str, evidence: str, version: str = "", tested: str = "", alpha: str = "") -> None:
    """Enter how a night ended that moved nothing; once, where it goes on after a kill."""
    with locked(name, "aliases"):
        known = {(entry.action, entry.evidence) for entry in ledger.history(name)}
        if action == ledger.SKIPPED or (action, evidence) not in known:
            champion = version_of(name, CHAMPION) or ""
            ledger.append(name, Entry(action=action, old=champion, new=champion, version=version, why=why,
                                     evidence=evidence, tested=tested, alpha=alpha))  # fmt: skip


def hold_reason(name: str) -> str | None:
    """Why nights end held: the last move was a rollback, or took the champion away, and nobody has promoted since."""
    last = next(reversed(ledger.moves(ledger.history(name))), None)
    if last and last.action == "rolled back":
        return f"rolled back to version {last.new} ({last.why}); held until somebody promotes"
    if last and not last.new:
        return f"version {last.old} was champion until somebody took the alias away; held until somebody promotes"
    return None


def notice_moves_by_hand(name: str) -> None:
    """Enter into the ledger that `champion` stands elsewhere than the ledger's last move says, or nowhere."""
    with locked(name, "aliases"):
        _settle(name)
        entries, champion = ledger.moves(ledger.history(name)), version_of(name, CHAMPION) or ""
        old = entries[-1].new if entries else ""
        if champion != old:
            why = f"the alias was {'set' if champion else 'taken away'} outside nightshift"
            ledger.append(
                name, Entry(action="moved by hand", old=old, new=champion, version=champion, who="unknown", why=why)
            )


def promote(
    name: str,
    number: str,
    why: str,
    expected: str | None,
    claim: str = "",
    evidence: str = "",
    who: str = "nightly",
    tested: str = "",
    alpha: str = "",
) -> Entry:
    """Move `champion` to a version; `previous` takes the old one first, `challenger` goes last.

    `expected` is the champion the decision was made against; raises UserError where it has changed since. A promotion of
    that version that a kill has cut off is brought to its end instead.
    """
    with locked(name, "aliases"):
        begun, champion = _settle(name), version_of(name, CHAMPION)
        if begun and begun.action == "promoted" and begun.new == number:
            return begun
        if champion != expected:
            raise UserError(f"champion is version {champion} by now, not {expected}: nothing was moved")
        return _move(name, Entry(action="promoted", old=champion or "", new=number, version=number, who=who, why=why,
                                 claim=claim, evidence=evidence, tested=tested, alpha=alpha))  # fmt: skip


def rollback(name: str, why: str, who: str, expected: str | None) -> Entry:
    """Move `champion` back to `previous`, which then goes; raises UserError where there is none.

    `expected` is the version that was found to answer; raises UserError where `previous` has moved since. A rollback that
    a kill has cut off is brought to its end instead.
    """
    with locked(name, "aliases"):
        begun = _settle(name)
        if begun and begun.action == "rolled back":
            return begun
        champion, target = version_of(name, CHAMPION), version_of(name, PREVIOUS)
        if not target or not champion or target == champion:
            raise UserError(f"{name} has no version to go back to: the alias {PREVIOUS!r} stands nowhere else")
        if target != expected:
            raise UserError(f"previous is version {target} by now, not {expected}: nothing was moved")
        return _move(name, Entry(action="rolled back", old=champion, new=target, version=target, who=who, why=why))


def _move(name: str, entry: Entry) -> Entry:
    """Enter a move, and make it."""
    ledger.append(name, entry.model_copy(update={"pending": "true"}))
    _settle(name)
    return entry


def _settle(name: str) -> Entry | None:
    """Make the move that was entered and not made; returns it."""
    begun = ledger.pending_move(name)
    if begun is None:
        return None
    number, entry = begun
    _set_aliases(name, entry)
    ledger.clear_pending(name, number)
    return entry


def _set_aliases(name: str, entry: Entry) -> None:
    """Move the aliases as an entry says; what a person has deleted since gets none."""
    client = tracking.connect()
    if entry.action == "promoted" and entry.old not in ("", entry.new):
        with tracking.missing_ignored():
            client.set_registered_model_alias(name, PREVIOUS, entry.old)
    with tracking.missing_ignored():
        client.set_registered_model_alias(name, CHAMPION, entry.new)
    if entry.action == "rolled back":
        client.delete_registered_model_alias(name, PREVIOUS)
    elif version_of(name, CHALLENGER) == entry.new:
        client.delete_registered_model_alias(name, CHALLENGER)

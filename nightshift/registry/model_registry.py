"""Versions and aliases of a registered model: the alias `champion` is in production, the ledger records how it got there.

A move is first appended to the ledger, whose chain lets only one of several through, and then the aliases are set; if the
process is killed in between, the next caller completes it. A lock only saves the others their attempt.
"""

import logging
import re
from pathlib import Path

import mlflow
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.utils.models import get_model_name_and_version

from nightshift.data import row_keys
from nightshift.errors import DamagedVersionError, UserError
from nightshift.registry import authors, integrity, ledger, locks, signing, tracking
from nightshift.registry.ledger import Entry
from nightshift.registry.ledger_chain import Chain
from nightshift.store import artifact_store

log = logging.getLogger("nightshift.registry")
CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"
MISSING = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
"""Codes of MLflow's errors for a model, version or alias that does not exist."""


def version_of(name: str, alias: str) -> str | None:
    """Return the number of the version that an alias points to, or None."""
    try:
        return str(tracking.connect().get_model_version_by_alias(name, alias).version)
    except MlflowException as error:
        if error.error_code in MISSING or (error.error_code == "PERMISSION_DENIED" and not _is_registered(name)):
            return None
        raise


def _is_registered(name: str) -> bool:
    """Return False if a model does not exist; a server with users refuses to read the aliases of such a model."""
    try:
        tracking.connect().get_registered_model(name)
    except MlflowException as error:
        return error.error_code not in MISSING
    return True


def version(name: str, number: str) -> ModelVersion:
    """Return a version by number.

    Raises:
        UserError: There is no such version.
    """
    try:
        return tracking.connect().get_model_version(name, number)
    except MlflowException as error:
        if error.error_code not in MISSING:
            raise
        raise UserError(f"{name} has no version {number}; `nightshift history {name}` lists those promoted") from error


def resolve(address: str) -> ModelVersion:
    """Return the version at NAME@ALIAS or NAME/VERSION, with or without the prefix `models:/`.

    Raises:
        UserError: There is no such version.
    """
    client = tracking.connect()
    try:
        name_and_number = get_model_name_and_version(client, "models:/" + address.removeprefix("models:/"))
        if len(name_and_number) == 1:
            raise UserError(f"{address}: expected NAME@ALIAS or NAME/VERSION, such as reviews@champion")
        return client.get_model_version(*name_and_number)
    except MlflowException as error:
        name_and_alias = re.fullmatch(r"([\w.-]+)@([\w.-]+)", address.removeprefix("models:/"))
        if name_and_alias and error.error_code in MISSING:
            raise UserError(f"{address}: {_missing_alias(*name_and_alias.groups())}") from error
        raise UserError(f"{address}: {str(error).splitlines()[0]}") from error


def _missing_alias(name: str, alias: str) -> str:
    """Return a text for an alias that no version has, which says what to do."""
    numbers = [int(version.version) for version in tracking.connect().search_model_versions(f"name = '{name}'")]
    if not numbers:
        return f"{name} has no version; `nightshift run` registers one"
    promotion = f"promote one with `nightshift promote {name} VERSION --reason …`, or " if alias == CHAMPION else ""
    return f"no version of {name} has the alias {alias}; {promotion}name a version, such as {name}/{max(numbers)}"


def text_artifact(name: str, number: str, path: str) -> str | None:
    """Return a text artifact of the run that registered a version, or None."""
    try:
        return str(mlflow.artifacts.load_text(f"runs:/{version(name, number).run_id}/{path}"))
    except (MlflowException, OSError):
        return None


def kept_keys(run_id: str, parts: bool = False) -> set[str]:
    """Return the `row_key` of every row that the weights of a run were ever trained on.

    Args:
        run_id: The MLflow run of the training.
        parts: Also return the digests of the single texts of pairs.

    Raises:
        MlflowException: The run has no such file; with a local artifact store OSError.
        DamagedVersionError: The file is not the one that was logged.
    """
    with artifact_store.temporary_directory() as folder:
        client = tracking.connect()
        path = Path(client.download_artifacts(run_id, f"{tracking.FULL}/{artifact_store.TRAINED_KEYS}", str(folder)))
        if difference := integrity.file_difference(f"{run_id}-full", artifact_store.TRAINED_KEYS, path):
            raise DamagedVersionError(f"what its run keeps is not as it was registered: {tracking.FULL}/{difference}")
        rows, texts = row_keys.read_trained_keys(path)
        return rows | texts if parts else rows


def trained_keys(name: str, number: str) -> set[str]:
    """Return the keys of the rows that a version was trained on; if its run logged none, log a warning and return none.

    Raises:
        DamagedVersionError: The keys are not those that were logged.
    """
    try:
        return kept_keys(version(name, number).run_id)
    except DamagedVersionError as error:
        raise DamagedVersionError(f"version {number} of {name}: {error}") from error
    except (MlflowException, OSError, UserError):
        log.warning("version %s of %s keeps no digests of its training rows", number, name)
        return set()


def has_trained_keys(name: str, number: str) -> bool:
    """Return True if it is known which rows a version was trained on: its run has logged their keys."""
    try:
        files = tracking.connect().list_artifacts(version(name, number).run_id, tracking.FULL)
    except (MlflowException, OSError, UserError):
        return False
    return any(Path(file.path).name == artifact_store.TRAINED_KEYS for file in files)


def note(
    name: str,
    action: str,
    reason: str,
    evidence: str,
    version: str = "",
    tested_claim: str = "",
    alpha: str = "",
    fresh: str = "",
) -> None:
    """Record the outcome of a run that moved no alias; once, even if the run is resumed after a kill.

    Args:
        name: The registered model.
        action: The outcome: held, skipped or stopped.
        reason: The reason for it.
        evidence: The MLflow run with the verdict.
        version: The version that the outcome is about; empty if there is none.
        tested_claim: The claim that was tested on the holdout; empty if none was.
        alpha: The share of the yearly error budget that the test spent; empty if none was spent.
        fresh: The state of the evidence from new rows; empty if they are not used.
    """
    with locks.locked(name, "aliases"):
        recorded = {(entry.action, entry.evidence) for entry in ledger.history(name)}
        if action == ledger.SKIPPED or (action, evidence) not in recorded:
            champion = version_of(name, CHAMPION) or ""
            entry = Entry(
                action=action,
                old=champion,
                new=champion,
                version=version,
                why=reason,
                evidence=evidence,
                tested=tested_claim,
                alpha=alpha,
                fresh=fresh,
            )
            ledger.append(name, entry)


def hold_reason(name: str) -> str | None:
    """Return why every challenger is held: a person rolled back or removed the champion and nobody has promoted since."""
    last = next(reversed(ledger.moves(ledger.history(name))), None)
    if last and last.action == "rolled back":
        return f"rolled back to version {last.new} ({last.why}); held until somebody promotes"
    if last and not last.new:
        return f"version {last.old} was champion until somebody took the alias away; held until somebody promotes"
    return None


def notice_moves_by_hand(name: str) -> None:
    """Record in the ledger that the alias `champion` was moved or removed outside nightshift."""
    with locks.locked(name, "aliases"):
        for _ in range(ledger.ATTEMPTS):
            chain, _completed = _complete_pending_move(name)
            move, champion = ledger.last_move(chain), version_of(name, CHAMPION) or ""
            old = move[1].new if move else ""
            if champion == old:
                return
            reason = f"the alias was {'set' if champion else 'taken away'} outside nightshift"
            if ledger.append_after(
                name, _move_entry(ledger.MOVED_BY_HAND, old, champion, reason, authors.UNKNOWN), chain
            ):
                return


def promote(
    name: str,
    number: str,
    reason: str,
    expected: str | None,
    claim: str = "",
    evidence: str = "",
    author: str = "nightly",
    tested_claim: str = "",
    alpha: str = "",
    fresh: str = "",
) -> Entry:
    """Move the alias `champion` to a version; `previous` is set to the old one first, `challenger` is removed last.

    Where there is a key, the version is signed before; a signature alone says nothing about production, the ledger does.

    If a kill interrupted a promotion of the same version, that one is completed instead.

    Args:
        name: The registered model.
        number: The version to promote.
        reason: The reason, for the ledger.
        expected: The champion that the decision was based on.
        claim: first, better or cheaper; empty if a person decided.
        evidence: The MLflow run with the verdict.
        author: The person or flow that decided.
        tested_claim: The claim that was tested on the holdout; empty if none was.
        alpha: The share of the yearly error budget that the test spent; empty if none was spent.
        fresh: The state of the evidence from new rows; empty if they are not used.

    Returns:
        The ledger's entry of the move.

    Raises:
        UserError: The champion is not `expected`, or the version cannot be signed.
    """
    if signing.is_set():
        with authors.refusals_explained():
            signing.sign(version(name, number))
    with locks.locked(name, "aliases"):
        chain, completed = _complete_pending_move(name)
        if completed and completed.action == "promoted" and completed.new == number:
            return completed
        champion = version_of(name, CHAMPION)
        if champion != expected:
            raise UserError(f"champion is version {champion} by now, not {expected}: nothing was moved")
        test = {"claim": claim, "evidence": evidence, "tested": tested_claim, "alpha": alpha, "fresh": fresh}
        return _move(name, _move_entry("promoted", champion or "", number, reason, author, **test), chain)


def rollback(name: str, reason: str, author: str, expected: str | None) -> Entry:
    """Move the alias `champion` back to the version of `previous`, and remove `previous`.

    If a kill interrupted a rollback, that one is completed instead.

    Args:
        name: The registered model.
        reason: The reason, for the ledger.
        author: The person who decided.
        expected: The version that `previous` pointed to when it was tested.

    Returns:
        The ledger's entry of the move.

    Raises:
        UserError: There is no previous version, or it is not `expected`.
    """
    with locks.locked(name, "aliases"):
        chain, completed = _complete_pending_move(name)
        if completed and completed.action == "rolled back":
            return completed
        champion, target = version_of(name, CHAMPION), version_of(name, PREVIOUS)
        if not target or not champion or target == champion:
            raise UserError(f"{name} has no version to go back to: the alias {PREVIOUS!r} stands nowhere else")
        if target != expected:
            raise UserError(f"previous is version {target} by now, not {expected}: nothing was moved")
        return _move(name, _move_entry("rolled back", champion, target, reason, author), chain)


def _move_entry(action: str, old: str, new: str, reason: str, author: str, **test: str) -> Entry:
    """Return the ledger's entry of a move of the alias `champion`, which is about the new champion.

    Args:
        action: One of `ledger.MOVES`.
        old: The champion before; empty if there was none.
        new: The champion after; empty if the alias was removed.
        reason: The reason for the move.
        author: The person or flow that decided.
        **test: Fields of the entry that say how the version was tested.
    """
    return Entry(action=action, old=old, new=new, version=new, who=author, why=reason, **test)


def _move(name: str, entry: Entry, chain: Chain) -> Entry:
    """Record a move in the ledger as it was read, then set the aliases.

    Raises:
        UserError: Another machine moved the alias meanwhile.
    """
    moved = ledger.last_move(chain)
    for _ in range(ledger.ATTEMPTS):
        if ledger.append_after(name, entry.model_copy(update={"pending": "true"}), chain):
            _complete_pending_move(name)
            return entry
        chain, _completed = _complete_pending_move(name)
        if ledger.last_move(chain) != moved:
            break
    champion = version_of(name, CHAMPION)
    raise UserError(f"champion is version {champion} by now, not {entry.old or None}: nothing was moved")


def _complete_pending_move(name: str) -> tuple[Chain, Entry | None]:
    """Set the aliases of a recorded move that is not complete.

    Another machine may complete the same move and make the next one at any time, so the ledger is read again afterwards:
    whoever set the aliases last sets them as the last move says.

    Returns:
        The ledger without a pending move, and the completed move, if there was one.

    Raises:
        ForbiddenError: The signed-in user may not move the aliases.
    """
    set_to, completed = None, None
    while True:
        chain = ledger.read_unbroken(name)
        move = ledger.last_move(chain)
        if move is None or not (move[1].pending or set_to not in (None, move[0])):
            return chain, completed
        set_to, completed = move
        with authors.refusals_explained():
            _set_aliases(name, completed)
            ledger.clear_pending(name, set_to)


def _set_aliases(name: str, entry: Entry) -> None:
    """Set the aliases as an entry says; versions that a person has deleted since are skipped."""
    if entry.action == "promoted" and entry.old not in ("", entry.new):
        _set_alias(name, PREVIOUS, entry.old)
    _set_alias(name, CHAMPION, entry.new)
    if entry.action == "rolled back":
        _set_alias(name, PREVIOUS, None)
    elif version_of(name, CHALLENGER) == entry.new:
        _set_alias(name, CHALLENGER, None)


def _set_alias(name: str, alias: str, number: str | None) -> None:
    """Point an alias to a version, or remove it; repeated if another machine creates or removes it at the same time."""
    client, attempts = tracking.connect(), 3
    while True:
        attempts -= 1
        try:
            with tracking.missing_ignored():
                if number:
                    client.set_registered_model_alias(name, alias, number)
                else:
                    client.delete_registered_model_alias(name, alias)
            return
        except MlflowException as error:
            if error.error_code != "BAD_REQUEST" or not attempts:
                raise

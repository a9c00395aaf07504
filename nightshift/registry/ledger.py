"""The ledger of a model: a companion registered model, `NAME.ledger`, with one version per entry.

MLflow assigns version numbers atomically. The ledger records every move of the alias `champion`, the outcome of every
run, and every claim that was tested on the holdout. Its entries are a chain, see `nightshift.registry.ledger_chain`.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from pydantic import BaseModel, Field

from nightshift import clock
from nightshift.errors import NightshiftError, UserError
from nightshift.escaping import markdown
from nightshift.registry import authors, ledger_chain, tags, tracking
from nightshift.registry.ledger_chain import Chain

HEAD = "**Ledger:**"
SUFFIX = ".ledger"
"""End of a ledger's name."""
MOVED_BY_HAND = "moved by hand"
MOVES = ("promoted", "rolled back", MOVED_BY_HAND)
"""Actions that move the alias `champion`."""
ROTATED, SKIPPED = "rotated", "skipped"
"""Actions: a worn holdout was replaced; a run found nothing new."""
YEAR = timedelta(days=365)
SOURCE = "nightshift:/ledger"
"""Source of every entry: MLflow's server refuses deleted runs and versions, and an entry must be writable nevertheless."""
ATTEMPTS = 20
"""Number of other machines' entries that may come in between before `append` gives up."""
CONFLICT = "RESOURCE_CONFLICT"
"""Code with which a server with users refuses an entry that does not follow the newest one."""
LONGEST = 5000
"""Maximum number of characters of a version's description in MLflow's tables."""


class Entry(BaseModel):
    """An entry of the ledger; each field is stored as a tag."""

    action: str
    """One of MOVES, the outcome of a run (held, skipped, stopped), or rotated."""
    old: str = ""
    """Champion before; empty if there was none."""
    new: str = ""
    """Champion after; empty if the alias was removed by hand."""
    version: str = ""
    """Version that the entry is about; empty if there is none."""
    when: str = Field(default_factory=lambda: clock.now().isoformat(timespec="seconds"))
    who: str = "nightly"
    """User who was signed in at MLflow, or a name with `authors.UNVERIFIED`; `append` sets it. Old ledgers have bare names."""
    why: str
    evidence: str = ""
    """MLflow run with the gate's verdict."""
    claim: str = ""
    """first, better or cheaper; empty if a person decided."""
    tested: str = ""
    """Claim that was tested on the holdout; empty if none was."""
    alpha: str = ""
    """Share of the yearly error budget that the test spent; empty if none was spent, and in old ledgers."""
    fresh: str = ""
    """JSON object: the state of the evidence from new rows after the run; empty if they are not used."""
    pending: str = ""
    """`true` for a move until the aliases are set."""
    files: str = ""
    """Digest of the version's files as registered, see `integrity`; empty if there is no version, and in old ledgers."""
    previous_digest: str = ""
    """Digest of the entry before, see `ledger_chain`; empty in old ledgers."""

    @property
    def line(self) -> str:
        """Return a line of Markdown for the version's page in MLflow."""
        old_champion = f"champion was version {self.old}" if self.old else "there was no champion"
        return f"- {self.when}: {self.action} by {markdown(self.who)} ({old_champion}): {markdown(self.why)}"

    @property
    def moves(self) -> str:
        """Return the champion before and after, as the ledger is displayed."""
        return self.old or "-" if self.old == self.new else f"{self.old or '-'} → {self.new or '-'}"


def ensure_model(name: str) -> None:
    """Create the registered model if it does not exist."""
    try:
        tracking.connect().create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def history(name: str) -> list[Entry]:
    """Return the valid entries of a model's ledger, oldest first."""
    return read(name).entries


def read(name: str) -> Chain:
    """Return a model's ledger."""
    return chain_of(tracking.connect().search_model_versions(f"name = '{name}.ledger'"))


def chain_of(versions: list[ModelVersion]) -> Chain:
    """Return the ledger whose entries are versions in MLflow."""
    return ledger_chain.read(
        {
            str(version.version): Entry(**{field: version.tags.get(field, "") for field in Entry.model_fields})
            for version in sorted(versions, key=lambda version: int(version.version))
        }
    )


def read_unbroken(name: str) -> Chain:
    """Return a model's ledger to decide by.

    Raises:
        UserError: An entry was changed or removed.
    """
    chain = read(name)
    if chain.broken:
        raise UserError(
            f"the ledger of {name} was changed: what entry {chain.broken[0]} follows is not there as it was written; nothing "
            f"was recorded or moved; `nightshift verify {name}` tells more, a backup or MLflow's database has the old text"
        )
    return chain


def last_move(chain: Chain) -> tuple[str, Entry] | None:
    """Return number and entry of the last move of the alias `champion`, or None."""
    return next(((number, entry) for number, entry in reversed(chain.valid.items()) if entry.action in MOVES), None)


def pending_move(name: str) -> tuple[str, Entry] | None:
    """Return number and entry of the last move if its aliases may not be set yet, or None."""
    move = last_move(read(name))
    return move if move and move[1].pending else None


def clear_pending(name: str, number: str) -> None:
    """Mark the move of an entry as complete."""
    tracking.connect().set_model_version_tag(f"{name}{SUFFIX}", number, "pending", "")


def append(name: str, entry: Entry) -> None:
    """Append an entry that stays true whatever other machines append meanwhile; see `append_after`.

    Raises:
        UserError: The ledger was changed.
        ForbiddenError: The signed-in user may not write this entry.
    """
    for _ in range(ATTEMPTS):
        if append_after(name, entry, read_unbroken(name)):
            return
    raise NightshiftError(f"{ATTEMPTS} times another machine was faster to append to the ledger of {name}: try again")


def append_after(name: str, entry: Entry, chain: Chain) -> bool:
    """Append an entry to a ledger as it was read, and to the description of the version that it is about, if that exists.

    Returns:
        False if another machine has appended meanwhile: the entry is void then.

    Raises:
        ForbiddenError: The signed-in user may not write this entry.
    """
    client = tracking.connect()
    entry = entry.model_copy(
        update={
            "previous_digest": chain.head,
            "who": authors.author(entry.who),
            "files": _files_digest(name, entry.version),
        }
    )
    with authors.refusals_explained():
        ensure_model(f"{name}{SUFFIX}")
        number = _create(name, entry)
    if number not in read(name).valid:
        return False
    if entry.version:
        with tracking.missing_ignored():
            description = client.get_model_version(name, entry.version).description or ""
            client.update_model_version(name, entry.version, with_ledger(description, [entry]))
    return True


def _create(name: str, entry: Entry) -> str | None:
    """Write an entry and return its number; None if the server refuses it because the ledger has a newer one."""
    try:
        version = tracking.connect().create_model_version(
            f"{name}{SUFFIX}",
            source=SOURCE,
            run_id=entry.evidence or None,
            tags=entry.model_dump(),
            description=truncated(markdown(entry.why)),
        )
    except MlflowException as error:
        if error.error_code != CONFLICT:
            raise
        return None
    return str(version.version)


def _files_digest(name: str, number: str) -> str:
    """Return the digest in the tag of a version; empty without a version or a tag."""
    with tracking.missing_ignored():
        if number:
            return str(tracking.connect().get_model_version(name, number).tags.get(tags.DIGEST, ""))
    return ""


def with_ledger(description: str, entries: list[Entry]) -> str:
    """Return a version's description with the lines of ledger entries appended."""
    head = [HEAD] if entries and HEAD not in description else []
    return truncated("\n\n".join([description, *head, *(entry.line for entry in entries)]).strip())


def truncated(text: str) -> str:
    """Return a text that fits into MLflow's databases; the middle of a longer one is cut out."""
    if len(text) <= LONGEST:
        return text
    return text[: LONGEST // 2 - 4] + "\n\n…\n\n" + text[-LONGEST // 2 + 4 :]


def moves(entries: list[Entry]) -> list[Entry]:
    """Return the entries that moved the alias `champion`."""
    return [entry for entry in entries if entry.action in MOVES]


def anchor(entries: list[Entry]) -> str | None:
    """Return the last version that became champion as first, as better or by a person, rather than as cheaper."""
    return next((entry.new for entry in reversed(moves(entries)) if entry.new and entry.claim != "cheaper"), None)


def rolled_back(entries: list[Entry]) -> str | None:
    """Return the version that was rolled back last on the active holdout; None if a better one was promoted since.

    A version that replaced it by a claim *better* was shown to be better than it, too, and one that a person has put back
    into production is rolled back no more. New rows show nothing about it.
    """
    for entry in reversed(_since_rotation(entries)):
        if entry.action == "rolled back":
            return entry.old if entry.old and entry.old != _last_champion(entries) else None
        if entry.action == "promoted" and entry.claim == "better" and (entry.tested or not entry.fresh):
            return None
    return None


def _last_champion(entries: list[Entry]) -> str:
    return next((entry.new for entry in reversed(moves(entries))), "")


def compared_with(entries: list[Entry], champion: str | None) -> list[Entry]:
    """Return the entries of challengers that were compared with a champion: held, or promoted in its place by their claim."""
    return [
        entry
        for entry in entries
        if champion
        and entry.old == champion
        and (entry.action == "held" or (entry.action == "promoted" and entry.tested))
    ]


def _since_rotation(entries: list[Entry]) -> list[Entry]:
    """Return the entries since the active holdout is in use."""
    rotations = [index for index, entry in enumerate(entries) if entry.action == ROTATED]
    return entries[rotations[-1] + 1 :] if rotations else entries


def standing_challenger(entries: list[Entry]) -> str | None:
    """Return the last version that was held since the alias `champion` was moved; None if there is none."""
    for entry in reversed(entries):
        if entry.action in MOVES:
            return None
        if entry.action == "held" and entry.version:
            return entry.version
    return None


def last_fresh(entries: list[Entry]) -> Entry | None:
    """Return the newest entry with a state of the evidence from new rows."""
    return next((entry for entry in reversed(entries) if entry.fresh), None)


def tests_of_last_year(entries: list[Entry], now: datetime) -> list[Entry]:
    """Return the entries of claims that were tested on the holdout in use within the year before `now`."""
    return [
        entry for entry in _since_rotation(entries) if entry.tested and now - datetime.fromisoformat(entry.when) < YEAR
    ]


def alpha_spent(tests: list[Entry], unrecorded: Callable[[Entry], float]) -> float:
    """Return the share of the error budget that tests have spent; `unrecorded` computes it for entries of old ledgers."""
    return sum(float(entry.alpha) if entry.alpha else unrecorded(entry) for entry in tests)


def active_holdout(entries: list[Entry]) -> int:
    """Return the index of the holdout in use: 0 until the first one is worn and replaced."""
    return sum(entry.action == ROTATED for entry in entries)

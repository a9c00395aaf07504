"""The registry's memory: a companion registered model, `NAME.ledger`, with a version an entry.

Version numbers are what MLflow hands out atomically. Every move of the alias champion stands there, how every night
ended, and every claim that was tested on the holdout.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from mlflow.exceptions import MlflowException
from pydantic import BaseModel, Field

from nightshift.escaping import markdown
from nightshift.registry import tracking

HEAD = "**Ledger:**"
MOVES = ("promoted", "rolled back", "moved by hand")
"""Actions that move the alias champion."""
ROTATED, SKIPPED = "rotated", "skipped"
"""Actions: a worn holdout was replaced; a night found nothing new."""
YEAR = timedelta(days=365)
SOURCE = "nightshift:/ledger"
"""Source of every entry: MLflow's server refuses a run or a version that has gone, and an entry must be writable all the same."""
LONGEST = 5000
"""Characters of a version's description, in MLflow's tables."""


class Entry(BaseModel):
    """One line of the ledger."""

    action: str
    """One of MOVES; how a night ended (held, skipped, stopped); rotated."""
    old: str = ""
    """Champion before; empty where there was none."""
    new: str = ""
    """Champion after; empty where it was taken away by hand."""
    version: str = ""
    """The version that it is about; empty where there is none."""
    when: str = Field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    who: str = "nightly"
    why: str
    evidence: str = ""
    """The MLflow run with the gate's verdict."""
    claim: str = ""
    """first, better or cheaper; empty for a person's decision."""
    tested: str = ""
    """The claim that was tested on the holdout; empty where none was."""
    alpha: str = ""
    """What that test spent of the year's error budget, a number; empty where none was spent, and in old ledgers."""
    pending: str = ""
    """Of a move, until the aliases stand where it says: `true`."""

    @property
    def line(self) -> str:
        """A line of Markdown for the version's page in MLflow."""
        was = f"champion was version {self.old}" if self.old else "there was no champion"
        return f"- {self.when}: {self.action} by {markdown(self.who)} ({was}): {markdown(self.why)}"

    @property
    def moves(self) -> str:
        """The champion before and after, as the ledger shows them."""
        return self.old or "-" if self.old == self.new else f"{self.old or '-'} → {self.new or '-'}"


def ensure_model(name: str) -> None:
    """Make the registered model where it is missing."""
    try:
        tracking.connect().create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def history(name: str) -> list[Entry]:
    """The ledger, oldest first."""
    return list(_numbered(name).values())


def _numbered(name: str) -> dict[str, Entry]:
    found = tracking.connect().search_model_versions(f"name = '{name}.ledger'")
    ordered = sorted(found, key=lambda item: int(item.version))
    return {str(item.version): Entry(**{field: item.tags.get(field, "") for field in Entry.model_fields})
            for item in ordered}  # fmt: skip


def pending_move(name: str) -> tuple[str, Entry] | None:
    """The move that was entered and, for all that the ledger knows, not yet made: its number and what it says."""
    return next(((number, entry) for number, entry in _numbered(name).items() if entry.pending), None)


def clear_pending(name: str, number: str) -> None:
    """Say of an entry that the aliases stand where it says."""
    tracking.connect().set_model_version_tag(f"{name}.ledger", number, "pending", "")


def append(name: str, entry: Entry) -> None:
    """Append to the ledger, and to the description of the version that the entry is about, if that still exists."""
    ensure_model(f"{name}.ledger")
    client = tracking.connect()
    client.create_model_version(
        f"{name}.ledger",
        source=SOURCE,
        run_id=entry.evidence or None,
        tags=entry.model_dump(),
        description=truncated(markdown(entry.why)),
    )
    if entry.version:
        with tracking.missing_ignored():
            told = client.get_model_version(name, entry.version).description or ""
            client.update_model_version(name, entry.version, with_ledger(told, [entry]))


def with_ledger(description: str, entries: list[Entry]) -> str:
    """A version's description with its lines of the ledger added."""
    head = [HEAD] if entries and HEAD not in description else []
    return truncated("\n\n".join([description, *head, *(entry.line for entry in entries)]).strip())


def truncated(text: str) -> str:
    """The text as MLflow's databases hold it: where it is too long its middle is left out."""
    if len(text) <= LONGEST:
        return text
    return text[: LONGEST // 2 - 4] + "\n\n…\n\n" + text[-LONGEST // 2 + 4 :]


def moves(entries: list[Entry]) -> list[Entry]:
    """Those that moved the alias champion."""
    return [entry for entry in entries if entry.action in MOVES]


def anchor(entries: list[Entry]) -> str | None:
    """The last version that went into production for being better, or first, or by a person's will."""
    return next((entry.new for entry in reversed(moves(entries)) if entry.new and entry.claim != "cheaper"), None)


def tests(entries: list[Entry], now: datetime) -> list[Entry]:
    """Return the entries of claims that were tested on the holdout in use within the year before `now`."""
    worn = [place for place, entry in enumerate(entries) if entry.action == ROTATED]
    used = entries[worn[-1] + 1 :] if worn else entries
    return [entry for entry in used if entry.tested and now - datetime.fromisoformat(entry.when) < YEAR]


def spent(tests: list[Entry], unrecorded: Callable[[Entry], float]) -> float:
    """Return what tests have spent of the error budget; `unrecorded` says it of one whose entry does not."""
    return sum(float(entry.alpha) if entry.alpha else unrecorded(entry) for entry in tests)


def fold(entries: list[Entry]) -> int:
    """Which of the sealed holdouts is in use: 0 until the first one is worn."""
    return sum(entry.action == ROTATED for entry in entries)

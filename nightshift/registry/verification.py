"""Verification of a model by somebody who trusts nothing but the registry's data: ledger, aliases, files."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlflow.entities.model_registry import ModelVersion

from nightshift.errors import UserError
from nightshift.registry import integrity, ledger, model_registry, registered_model, signing, tags, tracking
from nightshift.registry.ledger_chain import Chain
from nightshift.registry.model_registry import CHAMPION, PREVIOUS
from nightshift.store import artifact_store

if TYPE_CHECKING:
    from model_signing.verifying import Config as Verifier


@dataclass
class Verification:
    """Result of a verification."""

    model: str
    problems: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    """Checks that were not possible, with the reason."""
    checked: list[str] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """Return a line for each result, problems first."""
        return [
            *(f"{self.model}: {problem}" for problem in self.problems),
            *(f"{self.model}: not checked: {reason}" for reason in self.unchecked),
            *(f"{self.model}: {result}" for result in self.checked),
        ]

    def as_json(self) -> dict[str, Any]:
        """Return the results for `--json`."""
        return {"verified": not self.problems, **asdict(self)}


def verify(name: str, public_key: Path | None = None) -> Verification:
    """Verify the ledger of a model, its aliases, and the files of champion, previous and anchor.

    Args:
        name: The registered model.
        public_key: The key that these versions have to be signed with; None if signatures are not checked.

    Raises:
        UserError: There is no such model, or the key cannot be used.
    """
    verifier = signing.verifier(public_key) if public_key else None
    chain = ledger.read(name)
    versions = tracking.connect().search_model_versions(f"name = '{name}'")
    if not chain.valid and not versions:
        raise UserError(f"{name} has neither a version nor a ledger at {tracking.where_to_look()}")
    result = Verification(name)
    _verify_chain(chain, result)
    aliases = {alias: model_registry.version_of(name, alias) or "" for alias in (CHAMPION, PREVIOUS)}
    _verify_aliases(aliases, chain, {str(version.version) for version in versions}, result)
    for number, roles in _versions_to_verify(aliases, chain).items():
        _verify_files(name, number, f"version {number} ({', '.join(roles)})", chain, verifier, result)
    return result


def _verify_chain(chain: Chain, result: Verification) -> None:
    """Add whether the entries are as they were appended."""
    numbers = sorted(map(int, [*chain.valid, *chain.void]))
    missing = sorted(set(range(1, max(numbers, default=0) + 1)) - set(numbers))
    result.problems += [f"entry {number} of the ledger is missing: it was deleted" for number in missing]
    result.problems += [
        f"entry {number} of the ledger does not follow the one before it: that one was changed or deleted"
        for number in chain.broken
    ]
    if chain.void:
        result.checked.append(
            f"{len(chain.void)} entries are void, as another machine was faster: {', '.join(chain.void)}"
        )
    if chain.valid and not any(entry.previous_digest for entry in chain.entries):
        result.unchecked.append(
            f"the {len(chain.valid)} entries of the ledger hold no digests; the next entry covers them"
        )
    elif not (missing or chain.broken):
        result.checked.append(f"the {len(chain.valid)} entries of the ledger are a chain, its head is {chain.head}")


def _verify_aliases(aliases: dict[str, str], chain: Chain, existing: set[str], result: Verification) -> None:
    """Add whether champion and previous are where the ledger's moves put them.

    Args:
        aliases: Numbers of the versions at champion and previous; empty for none.
        chain: The ledger.
        existing: Numbers of all versions.
        result: Takes the findings.
    """
    if (move := ledger.last_move(chain)) and move[1].pending:
        result.problems.append(f"the move of entry {move[0]} was recorded, and its aliases are not set yet")
        return
    for alias, recorded in _recorded_aliases(chain).items():
        actual = aliases[alias]
        if actual == recorded:
            result.checked.append(f"{alias} is {'version ' + actual if actual else 'no version'}, as the ledger has it")
        elif actual or recorded in existing:
            result.problems.append(
                f"{alias} is {'version ' + actual if actual else 'no version'}, "
                f"and the ledger has {'version ' + recorded if recorded else 'none'}"
            )
        else:
            result.problems.append(f"{alias} is no version: version {recorded} was deleted")


def _recorded_aliases(chain: Chain) -> dict[str, str]:
    """Return the versions that the moves of a ledger leave at champion and previous; empty for none."""
    aliases = {CHAMPION: "", PREVIOUS: ""}
    for move in ledger.moves(chain.entries):
        if move.action == "promoted" and move.old not in ("", move.new):
            aliases[PREVIOUS] = move.old
        elif move.action == "rolled back":
            aliases[PREVIOUS] = ""
        aliases[CHAMPION] = move.new
    return aliases


def _versions_to_verify(aliases: dict[str, str], chain: Chain) -> dict[str, list[str]]:
    """Return the roles of the versions whose files matter, by number."""
    roles: dict[str, list[str]] = {}
    for role, number in (*aliases.items(), ("anchor", ledger.anchor(chain.entries))):
        if number:
            roles.setdefault(number, []).append(role)
    return roles


def _verify_files(
    name: str, number: str, label: str, chain: Chain, verifier: "Verifier | None", result: Verification
) -> None:
    """Add whether the files of a version are those that were registered, judged and signed.

    Args:
        name: The registered model.
        number: Number of the version.
        label: Number and roles of the version.
        chain: The ledger.
        verifier: The verifier of signatures; None if they are not checked.
        result: Takes the findings.
    """
    try:
        version = model_registry.version(name, number)
        with artifact_store.temporary_directory() as folder:
            with registered_model.exportable_files_of(version, folder) as registered:
                digest = integrity.combined(registered.digests)
            signature_problem = signing.difference(version, folder, verifier) if verifier else ""
    except UserError as error:
        result.problems.append(f"{label}: {error}")
        return
    recorded = {entry.files for entry in chain.entries if entry.version == number and entry.files}
    if recorded - {digest}:
        result.problems.append(f"{label}: its files are not those whose digest the ledger has")
    elif recorded:
        result.checked.append(f"{label}: its files have the digest that the ledger has, {digest}")
    if signature_problem:
        result.problems.append(f"{label}: its signature: {signature_problem}")
    elif verifier:
        result.checked.append(f"{label}: its model files have the signature of the key")
    result.unchecked += [f"{label}: {reason}" for reason in _unrecorded(version, bool(recorded))]


def _unrecorded(version: ModelVersion, in_ledger: bool) -> Iterator[str]:
    """Yield what is not recorded about the files of a version."""
    if not in_ledger:
        yield "the ledger has no digest of its files: it was registered by an older nightshift"
    if not version.tags.get(tags.DIGEST):
        yield "no digest was recorded when it was registered"
    elif not integrity.has_record(registered_model.record_name(version)):
        yield "this machine has no record of its files, which are compared with the version's tag instead"

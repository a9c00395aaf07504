"""The chain of a ledger's entries: each one holds the digest of the entry before it.

MLflow gives out version numbers one by one, so of two machines that append to the same entry the lower number continues
the chain, and the other entry is void: nothing acts on it. This needs no lock. Entries of old ledgers hold no digest;
the first entry that does covers all of them.
"""

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nightshift.registry.ledger import Entry

MUTABLE = "pending"
"""The field that is cleared later, and so is not part of the digest."""


@dataclass
class Chain:
    """The entries of a ledger by number, oldest first, sorted by whether they continue the chain."""

    valid: dict[str, "Entry"] = field(default_factory=dict)
    """Entries that count. After a break they are those that continue what is there."""
    void: dict[str, "Entry"] = field(default_factory=dict)
    """Entries that were appended when another machine had been faster, or by a nightshift that knew no chain."""
    broken: list[str] = field(default_factory=list)
    """Numbers of entries whose predecessor is not in the ledger: it was changed or removed."""
    head: str = ""
    """Digest that the next entry has to hold."""

    @property
    def entries(self) -> list["Entry"]:
        """Return the valid entries, oldest first."""
        return list(self.valid.values())


def digest(entry: "Entry") -> str:
    """Return the sha256 of an entry's fields; empty fields and MUTABLE are not part, so that later ones may be added."""
    fields = {name: value for name, value in entry.model_dump().items() if value and name != MUTABLE}
    return _sha256(fields)


def read(entries: dict[str, "Entry"]) -> Chain:
    """Return the chain of a ledger's entries, given by number in ascending order."""
    numbers = list(entries)
    first = next((index for index, number in enumerate(numbers) if entries[number].previous_digest), len(numbers))
    chain = Chain({number: entries[number] for number in numbers[:first]})
    chain.head = _sha256([digest(entry) for entry in chain.valid.values()])
    earlier_heads = {chain.head}
    for number in numbers[first:]:
        entry = entries[number]
        if entry.previous_digest != chain.head and entry.previous_digest in {"", *earlier_heads}:
            chain.void[number] = entry
            continue
        if entry.previous_digest != chain.head:
            chain.broken.append(number)
        chain.valid[number] = entry
        chain.head = digest(entry)
        earlier_heads.add(chain.head)
    return chain


def _sha256(value: object) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()

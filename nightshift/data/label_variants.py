"""Spellings of labels that mean the same: they differ by case, white space, Unicode form, invisible signs or look."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

import ftfy

_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,10})?")
_LATIN_LOOK = str.maketrans(
    "АВЕЅІЈКМНОРСТХУаеѕіјорсхуѵһԁɡ" "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧονρ",
    "ABESIJKMHOPCTXYaesijopcxyvhdg" "ABEZHIKMNOPTYXovp",
)  # fmt: skip
"""Cyrillic and Greek letters that look like Latin ones (a part of Unicode's confusables, UTS 39)."""


@dataclass(frozen=True)
class VariantGroup:
    """Spellings that mean the same, most frequent first, and the spelling that would replace the others."""

    spellings: dict[str, int]
    """Number of rows by spelling."""
    target: str

    @property
    def label_map(self) -> dict[str, str]:
        """The map that joins the spellings that occur."""
        return {spelling: self.target for spelling in self.spellings if spelling != self.target}


def find_variants(counts: Mapping[str, int], known: Collection[str] = ()) -> list[VariantGroup]:
    """Return the groups of labels that mean the same, by the number of their rows.

    Args:
        counts: Number of rows by label.
        known: Labels that the settings know. They are different from each other, and other spellings belong to them.
    """
    spellings = {label: counts.get(label, 0) for label in (*counts, *known)}
    groups = []
    for labels in _groups(spellings):
        names = [label for label in labels if label in known]
        if len(names) == len(labels):
            continue
        ordered = dict(sorted(((label, spellings[label]) for label in labels), key=_preference))
        target = next((label for label in ordered if label in known), next(iter(ordered)))
        occurring = {label: rows for label, rows in ordered.items() if label == target or label not in known}
        groups.append(VariantGroup(occurring, target))
    return sorted(groups, key=lambda group: -sum(group.spellings.values()))


def label_map(groups: Iterable[VariantGroup]) -> dict[str, str]:
    """Return the map that joins the spellings of all groups."""
    return {spelling: target for group in groups for spelling, target in group.label_map.items()}


def _groups(labels: Iterable[str]) -> list[list[str]]:
    """Return the sets of two and more labels that share a meaning or a look."""
    by_key: dict[tuple[str, str], list[str]] = defaultdict(list)
    for label in labels:
        by_key["meaning", folded(label)].append(label)
        by_key["look", look(label)].append(label)
    group_of: dict[str, list[str]] = {}
    for alike in by_key.values():
        merged = list(dict.fromkeys(label for member in alike for label in group_of.get(member, [member])))
        group_of.update(dict.fromkeys(merged, merged))
    return [group for group in {id(group): group for group in group_of.values()}.values() if len(group) > 1]


def _preference(item: tuple[str, int]) -> tuple[int, bool, bool, str]:
    """Return the sorting key of a spelling: most rows first, then clean ones, then lower case."""
    label, rows = item
    is_clean = label == " ".join(unicodedata.normalize("NFC", _visible(label)).split())
    return -rows, not is_clean, label != label.lower(), label


def folded(label: str) -> str:
    """Return the form that spellings with the same meaning share; equal numbers have one form."""
    fixed = label if label.isascii() and "&" not in label else ftfy.fix_text(label)
    text = " ".join(_visible(unicodedata.normalize("NFKC", fixed)).split())
    text = _with_plain_dashes(text)
    if _NUMBER.fullmatch(text):
        return format(Decimal(text).normalize() + 0, "f")
    return unicodedata.normalize("NFKC", text.casefold())


def look(label: str) -> str:
    """Return a form that labels share which look the same, whatever alphabets their letters are from."""
    return folded(unicodedata.normalize("NFKC", label).translate(_LATIN_LOOK))


def _with_plain_dashes(text: str) -> str:
    """Return a text with hyphens in place of dashes and minus signs."""
    return "".join("-" if unicodedata.category(sign) == "Pd" or sign == "\u2212" else sign for sign in text)


def _visible(text: str) -> str:
    """Return a text without control, format and zero-width characters and variation selectors; white space stays."""
    return "".join(
        character
        for character in text
        if character.isspace()
        or not (unicodedata.category(character) in ("Cc", "Cf") or "\ufe00" <= character <= "\ufe0f")
    )


def quoted(label: str, codes: bool = False) -> str:
    """Return a label as a YAML text in double quotes, with codes for invisible or, if `codes`, for all but ASCII characters."""
    codes = codes or not unicodedata.is_normalized("NFC", label)
    return '"' + "".join(_character(character, codes) for character in label) + '"'


def _character(character: str, codes: bool) -> str:
    if character in '"\\':
        return "\\" + character
    is_plain = character.isascii() if codes else character == _visible(character)
    if is_plain and (character == " " or unicodedata.category(character)[0] not in "CZ"):
        return character
    return f"\\u{ord(character):04x}" if ord(character) <= 0xFFFF else f"\\U{ord(character):08x}"


def as_yaml(mapping: Mapping[str, str]) -> str:
    """Return a map of labels as YAML in one line; where two labels look the same, the first is written in codes."""
    entries = []
    for spelling, target in mapping.items():
        sees_no_difference = _seen(quoted(spelling)) == _seen(quoted(target))
        entries.append(f"{quoted(spelling, codes=sees_no_difference)}: {quoted(target)}")
    return "{" + ", ".join(entries) + "}"


def _seen(text: str) -> str:
    """Return the form in which a reader sees a text: case and white space count, alphabets and kinds of dashes do not."""
    return _with_plain_dashes(unicodedata.normalize("NFKC", text)).translate(_LATIN_LOOK)


def describe(groups: Iterable[VariantGroup]) -> str:
    """Return the spellings of each group with their numbers of rows, for a message."""
    texts = []
    for group in groups:
        codes = len({_seen(quoted(spelling)) for spelling in group.spellings}) < len(group.spellings)
        texts.append(
            ", ".join(
                f"{quoted(spelling, codes and spelling != group.target)} {rows:,}"
                for spelling, rows in group.spellings.items()
            )
        )
    return "; ".join(texts)

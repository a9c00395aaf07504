"""Cleaning of texts: of a run's rows before they are keyed, and of every request to a model that was trained on them.

This file imports nothing of this project and goes along with a registered model whose texts are cleaned. Cleaning is
deterministic, and cleaning a clean text changes nothing: the steps are repeated until none changes the text.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from html import unescape
from html.entities import html5
from typing import Any, Literal

Step = Callable[[str], str]
UnicodeForm = Literal["NFC", "NFKC"]
Mask = Literal["urls", "emails", "numbers"]

PATTERN_SECONDS = 1.0
"""Most seconds that a pattern of the user's may take for a text, and for every 100,000 characters more of it."""
MAX_PASSES = 20
"""Most times that the steps are repeated."""

ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
INVISIBLE = {
    re.compile("<!--"): re.compile("-->"),
    re.compile(r"(?i)<script(?=[\s/>])[^<>]*>"): re.compile(r"(?i)</script\s*>"),
    re.compile(r"(?i)<style(?=[\s/>])[^<>]*>"): re.compile(r"(?i)</style\s*>"),
}
"""Begin and end of what a browser does not show."""
BLOCKS = (
    "address|article|aside|blockquote|body|br|caption|center|dd|div|dl|dt|fieldset|figcaption|figure|footer|form|frame|frameset|"
    "h[1-6]|head|header|hr|html|iframe|legend|li|main|meta|nav|noscript|ol|option|p|pre|section|select|summary|table|tbody|"
    "td|textarea|tfoot|th|thead|title|tr|ul"
)
INLINES = (
    "a|abbr|acronym|audio|b|base|bdi|bdo|big|button|canvas|cite|code|col|colgroup|data|del|details|dfn|dialog|em|embed|font|"
    "i|img|input|ins|kbd|label|link|map|mark|meter|object|output|param|picture|progress|q|rp|rt|ruby|s|samp|script|small|"
    "source|span|strike|strong|style|sub|sup|svg|time|track|tt|u|var|video|wbr"
)
BLOCK_TAG = re.compile(rf"(?i)</?(?:{BLOCKS})(?=[\s/>])[^<>]*>")
INLINE_TAG = re.compile(rf"(?i)</?(?:{INLINES})(?=[\s/>])[^<>]*>")

MASKS: dict[str, tuple[re.Pattern[str], str]] = {
    "urls": (
        re.compile(
            r"(?i)(?:(?:https?|ftp)://|\bwww\.)[^\s<>\"\u3000-\u303f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uff00-\uffef]*"
            r"[^\s<>\"\u3000-\u303f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uff00-\uffef.,;:!?'(){}\[\]]"
        ),
        "[URL]",
    ),
    "emails": (
        re.compile(r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}"),
        "[EMAIL]",
    ),
    "numbers": (re.compile(r"(?<![A-Za-z_\d])\d+(?:[.,]\d+)*"), "[NUMBER]"),
}
"""Pattern and replacement of each mask, in the order in which they are applied."""


@dataclass(frozen=True)
class Cleaning:
    """Switches of the cleaning; each is off unless it is named."""

    unicode: UnicodeForm | None = None
    """Normalization form of Unicode."""
    mojibake: bool = False
    """Repair texts that were decoded by a wrong encoding, by ftfy."""
    html: bool = False
    """Unescape entities and remove tags."""
    whitespace: bool = False
    """Turn runs of white space, line breaks too, into one space, and strip it from both ends."""
    mask: tuple[Mask, ...] = ()
    """Names of `MASKS`."""
    patterns: tuple[tuple[str, str], ...] = ()
    """Expressions of the library `regex`, with the text that replaces what matches."""

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any] | None) -> "Cleaning | None":
        """Return the cleaning whose fields a model's configuration holds; None if it cleans nothing."""
        if not fields:
            return None
        patterns = tuple((str(pattern), str(replacement)) for pattern, replacement in fields["patterns"])
        return cls(**{**fields, "mask": tuple(fields["mask"]), "patterns": patterns})

    @property
    def packages(self) -> list[str]:
        """The packages that cleaning needs besides Python."""
        return ["ftfy"] * self.mojibake + ["regex"] * bool(self.patterns)

    @cached_property
    def steps(self) -> dict[str, Step]:
        """The steps by the name of their setting, in order."""
        steps: dict[str, Step] = {}
        if self.mojibake:
            steps["mojibake"] = _mojibake_step()
        if self.html:
            steps["html"] = strip_html
        if self.unicode:
            steps["unicode"] = partial(_normalize, self.unicode)
        for name in (name for name in MASKS if name in self.mask):
            steps[f"mask: {name}"] = partial(_mask, name)
        for pattern, replacement in self.patterns:
            steps[f"patterns: {pattern}"] = _pattern_step(pattern, replacement)
        if self.whitespace:
            steps["whitespace"] = _collapse
        return steps

    def clean(self, text: str) -> str:
        """Return the clean text; raise ValueError if a pattern takes too long."""
        for _ in range(MAX_PASSES):
            before = text
            for step in self.steps.values():
                text = step(text)
            if text == before:
                break
        return text

    def changes(self, text: str) -> dict[str, tuple[str, str]]:
        """Return by step the text before and after it first changed something."""
        changes: dict[str, tuple[str, str]] = {}
        for _ in range(MAX_PASSES):
            start = text
            for name, step in self.steps.items():
                before, text = text, step(text)
                if text != before:
                    changes.setdefault(name, (before, text))
            if text == start:
                break
        return changes


def _mojibake_step() -> Step:
    from ftfy import TextFixerConfig, fix_encoding  # only models that repair mojibake need it

    config = TextFixerConfig(explain=False)
    return lambda text: text if text.isascii() else fix_encoding(text, config)


def _normalize(form: UnicodeForm, text: str) -> str:
    return text if text.isascii() else unicodedata.normalize(form, text)


def _collapse(text: str) -> str:
    return " ".join(text.split())


def strip_html(text: str) -> str:
    """Return a text without HTML: entities are unescaped, tags of known elements removed.

    The content of scripts, styles and comments is removed too; tags of blocks become a space.
    """
    if "&" in text:
        text = ENTITY.sub(_unescape, text)
    if "<" in text:
        for begin, end in INVISIBLE.items():
            text = _remove_between(begin, end, text)
        text = INLINE_TAG.sub("", BLOCK_TAG.sub(" ", text))
    return text


def _remove_between(begin: re.Pattern[str], end: re.Pattern[str], text: str) -> str:
    """Return a text with a space in place of each part from a match of `begin` to the next one of `end`; in linear time."""
    kept, position = [], 0
    while (first := begin.search(text, position)) and (last := end.search(text, first.end())):
        kept.append(text[position : first.start()])
        position = last.end()
    return " ".join([*kept, text[position:]])


def _unescape(entity: re.Match[str]) -> str:
    is_known = entity[0][1] == "#" or entity[0][1:] in html5
    return unescape(entity[0]) if is_known else entity[0]


def _mask(name: str, text: str) -> str:
    if name == "emails" and "@" not in text:
        return text
    if name == "urls" and "://" not in text and "www." not in text.casefold():
        return text
    pattern, replacement = MASKS[name]
    return pattern.sub(replacement, text)


def _pattern_step(pattern: str, replacement: str) -> Step:
    """Return the step of a pattern of the user's; matches of no character are left alone."""
    import regex  # only models with patterns need it; Python's own library knows no time limit

    compiled = regex.compile(pattern)

    def replace(text: str) -> str:
        seconds = PATTERN_SECONDS * (1 + len(text) / 100_000)
        try:
            return str(compiled.sub(lambda match: replacement if match[0] else "", text, timeout=seconds))
        except TimeoutError:
            raise ValueError(
                f"the pattern {pattern!r} takes longer than {seconds:.1f} s for this text; simplify it"
            ) from None

    return replace


def validate_pattern(pattern: str, replacement: str) -> None:
    """Raise ValueError if a pattern does not compile, takes too long, or changes its own replacement."""
    import regex

    try:
        step = _pattern_step(pattern, replacement)
    except regex.error as error:
        raise ValueError(f"{pattern!r} is no pattern of the library regex: {error}") from error
    if step(replacement) != replacement:
        raise ValueError(f"the pattern {pattern!r} matches in its own replacement {replacement!r}; name another one")

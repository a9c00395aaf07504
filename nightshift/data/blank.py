"""Texts that hold nothing visible."""

import re
import unicodedata

INVISIBLE = re.compile("[\ufffd\u200b-\u200f\u2060\ufeff]")
"""Replacement character, zero-width characters and direction marks."""


def is_blank(text: str) -> bool:
    """Return True if nothing visible is left after NFKC, without white space, control and zero-width characters."""
    visible = INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    return not any(unicodedata.category(character)[0] not in "CZ" for character in visible)

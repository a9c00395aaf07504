"""Escaping of text for Markdown that a browser renders, CSV that a spreadsheet opens, and terminals.

Everything that comes from data, settings, files or people is escaped here before it is written to one of these. HTML is escaped
by jinja2 (markupsafe); besides, nightshift's HTML pages forbid the browser to load anything (`POLICY` of `expectations/data_docs.py`).
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the command line needs no pandas to show a line
    import pandas as pd

JOINER = "\u2060"
"""Zero width: splits texts that renderers make links of, even if they look for links after reading escapes."""

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_MARKDOWN: list[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]] = [
    (re.compile(r"[\\`*_\[\]#|~]"), lambda match: "\\" + match[0]),
    (re.compile(r"[&<>]"), lambda match: _ENTITIES[match[0]]),
    (re.compile(r":(?=[a-z+-][\w+-]*:)"), lambda match: "\\:"),
    (re.compile(r":(?=//)|\bwww(?=\.)|@", re.IGNORECASE), lambda match: match[0] + JOINER),
    (re.compile(r"^\d+(?=[.)]( |$))"), lambda match: match[0] + "\\"),
    (re.compile(r"^[-+=]"), lambda match: "\\" + match[0]),
]
_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?%?")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters but for tab and line feed, those that turn the direction of writing, and halves of surrogate pairs."""


def terminal(text: str) -> str:
    """Return `text` with control characters as `\\u001b`, so that they neither move the cursor nor hide or colour anything.

    Line feeds and tabs stay. JSON stays the same JSON.
    """
    return _CONTROLS.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def terminal_field(text: object) -> str:
    """Return a text for a field within a line of a terminal: as `terminal` does, and line feeds as `\\n`."""
    return terminal(str(text)).replace("\n", "\\n")


def markdown(text: object, longest: int | None = None) -> str:
    """Return `text` as one line that every Markdown renderer shows as it is: no markup, no link, no HTML.

    Backslashes and entities are those that CommonMark, GFM, marked (Prefect) and showdown (MLflow) agree on. White space
    is joined; what is longer than `longest` characters is cut.
    """
    words = " ".join(str(text).split())
    line = words[:longest]
    for signs, escape in _MARKDOWN:
        line = signs.sub(escape, line)
    return line if len(words) == len(words[:longest]) else f"{line} …"


def markdown_link(text: object, address: str) -> str:
    """Return a Markdown link to an address of nightshift's own; the text alone where there is no http(s) address."""
    if not re.match("https?://", address):
        return markdown(text)
    target = re.sub(r"[\s<>()\[\]\\\"'`]", lambda match: f"%{ord(match[0]):02X}", address)
    return f"[{markdown(text)}]({target})"


def spreadsheet_cell(value: object) -> object:
    """Return a text that a spreadsheet would run as a formula with `'` before it; numbers and all else as they are."""
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value):
        return "'" + value
    return value


def spreadsheet(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return a table, its column names included, that a person may open in a spreadsheet.

    For files that people read (quarantine.csv, lost.csv, slices.csv); what programs read stays as it is.
    """

    def escaped(column: "pd.Series") -> "pd.Series":
        return column.__class__([spreadsheet_cell(value) for value in column], column.index, dtype=column.dtype)

    return table.apply(escaped).rename(columns=spreadsheet_cell)

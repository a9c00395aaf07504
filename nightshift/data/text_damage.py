"""Damage in texts that a reader sees at once: wrong encodings, left-over markup, spreadsheet errors, texts without content.

Each function takes an Arrow array of strings and returns a boolean NumPy array, True for a damaged text; a null is not damaged.
Regular expressions are RE2's, over the whole array; what needs Python runs only on the texts that a quick filter suspects.
"""

import html
import re
from collections.abc import Callable
from functools import cache

import ftfy
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from ftfy.badness import BADNESS_RE

from nightshift.text_cleaning import ENTITY

CONTROL_CHARACTERS = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\x{feff}\x{fff9}-\x{fffb}\x{fffd}]"
"""Replacement character, byte order mark, and control characters except tab and line ends."""
TAG = (
    r"(?i)<!--|<!doctype|</?(?:a|abbr|article|b|big|blockquote|body|br|button|center|code|dd|div|dl|dt|em|font|form|h[1-6]|head|"
    r"header|hr|html|i|iframe|img|input|label|li|link|meta|nav|object|ol|option|p|pre|s|script|section|select|small|span|strike|"
    r"strong|style|sub|sup|table|tbody|td|textarea|tfoot|th|thead|title|tr|tt|u|ul|video)(?:\s[^<>]*)?/?>"
)
SPREADSHEET_ERROR = (
    r"(?i)^\s*(?:#(?:REF|VALUE|DIV/0|NULL|NUM|SPILL|CALC|BUSY|BLOCKED|CONNECT|FIELD|UNKNOWN|NAME|N/A|NV|"
    r"BEZUG|WERT|ZAHL|NOM|VALEUR|NOMBRE|[¡¿]REF|[¡¿]VALOR|[¡¿]DIV/0|[¡¿]NOMBRE|[¡¿]NUM|[¡¿]NULO|VALOR|NOME|RIF|VALORE)[!?]?"
    r"|#{4,}|[+-]?[0-9](?:[.,][0-9]+)?E[+-]?[0-9]{2,3})\s*$"
)
"""A whole cell: an error value (in English, German, French, Spanish, Portuguese, Italian), a column too narrow, 5.7E+17."""
FORMULA_PREFIX = (
    r"^\s*(?:'?=(?:[+\-@\"]|[A-Z][A-Z0-9.]{0,30}\(|\$?[A-Z]{1,3}\$?[0-9]{1,7}(?:[^\pL\pN]|$))|'[=+\-@](?:[^']|'\pL)*$)"
)
"""A formula (`=-text`, `=SUM(…`, `=A1`), or the apostrophe by which a spreadsheet keeps a cell from being one (`'@name`)."""
GBK_CHARACTERS = "".join(
    bytes([lead, second]).decode("gbk", "ignore") for lead in range(0xE4, 0xEA) for second in range(0x80, 0xC0)
)
"""Characters that the first two bytes of a Han character in UTF-8 become when read as GBK; most are rare in Chinese."""
LETTER = r"\p{L}"
SCRIPTS = {
    "Latin": ("Latin",),
    "Han and Kana": ("Han", "Hiragana", "Katakana", "Bopomofo"),
    "Cyrillic": ("Cyrillic",),
    "Arabic": ("Arabic",),
    "Devanagari": ("Devanagari",),
    "Hangul": ("Hangul",),
    "Greek": ("Greek",),
    "Hebrew": ("Hebrew",),
    "Thai": ("Thai",),
    "Bengali": ("Bengali",),
    "Tamil": ("Tamil",),
    "Telugu": ("Telugu",),
    "Georgian": ("Georgian",),
    "Armenian": ("Armenian",),
}
"""Scripts that are told apart, by their Unicode names; Japanese texts mix Han and Kana."""
NO_SCRIPT = len(SCRIPTS)
MIN_LETTERS, MAIN_SHARE = 8, 0.75
"""A text has a script if it has so many letters, and so large a share of them belongs to it."""
MIN_WORDS, MAX_DISTINCT = 5, 3
"""A repetition has at least so many words, of which at most so many are different, each three times or more on average."""
BITS = np.left_shift(np.uint32(1), np.arange(256, dtype=np.uint32) % 32)
"""A bit for each byte."""
MIN_REPEATED_LETTERS = 8
"""A repetition without spaces has at least so many letters, each different one four times or more on average."""


def has_mojibake(texts: pa.Array) -> np.ndarray:
    """Return True for texts that were decoded by a wrong encoding, such as `cafÃ©`.

    ftfy's heuristic finds UTF-8 read by an encoding of one byte; UTF-8 read as GBK (`浣犲ソ`) is decoded again and compared.
    """
    suspects = pc.match_substring_regex(texts, f"{_badness()}|[{GBK_CHARACTERS}锟]")
    return _confirmed(texts, suspects, lambda text: ftfy.fix_encoding(text) != text or _is_utf8_read_as_gbk(text))


def has_control_characters(texts: pa.Array) -> np.ndarray:
    """Return True for texts with a replacement character, a byte order mark or a control character."""
    return _as_bools(pc.match_substring_regex(texts, CONTROL_CHARACTERS))


def has_markup(texts: pa.Array) -> np.ndarray:
    """Return True for texts with an HTML entity that exists (`&amp;`, `&#39;`) or a tag of HTML."""
    damaged = _confirmed(texts, pc.match_substring_regex(texts, ENTITY.pattern), _has_entity)
    damaged |= _as_bools(pc.match_substring_regex(texts, TAG))
    return damaged


def is_spreadsheet_error(texts: pa.Array) -> np.ndarray:
    """Return True for texts that are a spreadsheet's error value, or a number that it rounded (`5.7E+17`)."""
    return _as_bools(pc.match_substring_regex(texts, SPREADSHEET_ERROR))


def has_formula_prefix(texts: pa.Array) -> np.ndarray:
    """Return True for texts that begin as a formula, or with the apostrophe that keeps a cell from being one."""
    return _as_bools(pc.match_substring_regex(texts, FORMULA_PREFIX))


def lacks_letters(texts: pa.Array) -> np.ndarray:
    """Return True for texts without a letter of any script."""
    return _as_bools(pc.invert(pc.match_substring_regex(texts, LETTER)))


def is_repetition(texts: pa.Array) -> np.ndarray:
    """Return True for texts that are one to three words, or a few letters, over and over."""
    num_distinct, num_bytes = _distinct_bytes(texts)
    suspects = (num_distinct <= 16) & (num_bytes >= 3 * num_distinct) & (num_bytes >= MIN_REPEATED_LETTERS)
    return _confirmed(texts, pa.array(suspects), _is_repetitive)


def scripts(texts: pa.Array) -> np.ndarray:
    """Return the index in `SCRIPTS` of the script of each text's letters; `NO_SCRIPT` if they are few or mixed."""
    result = np.full(len(texts), NO_SCRIPT, np.uint8)
    plain = _as_bools(pc.string_is_ascii(texts))
    result[plain & _as_bools(pc.match_substring_regex(texts, f"(?:[A-Za-z][^A-Za-z]*){{{MIN_LETTERS}}}"))] = 0
    foreign = np.flatnonzero(~plain & _as_bools(texts.is_valid()))
    points, rows = _code_points(texts.take(pa.array(foreign)))
    cells = rows.astype(np.int64) * (NO_SCRIPT + 1) + _script_table()[points]
    counts = np.bincount(cells, minlength=len(foreign) * (NO_SCRIPT + 1)).reshape(-1, NO_SCRIPT + 1)[:, :NO_SCRIPT]
    num_letters = counts.sum(axis=1)
    has_one = (num_letters >= MIN_LETTERS) & (counts.max(axis=1) >= MAIN_SHARE * num_letters)
    result[foreign[has_one]] = counts[has_one].argmax(axis=1)
    return result


def is_unusual_script(text_scripts: np.ndarray, min_share: float) -> np.ndarray:
    """Return True for texts in another script than the rest.

    Args:
        text_scripts: The script of each text, as `scripts` returns them.
        min_share: Share of the texts from which the most frequent script is that of the data; below it nothing is unusual.
    """
    counts = np.bincount(text_scripts, minlength=NO_SCRIPT + 1)[:NO_SCRIPT]
    if not counts.any() or counts.max() < min_share * counts.sum():
        return np.zeros(len(text_scripts), bool)
    return ~np.isin(text_scripts, np.array([counts.argmax(), NO_SCRIPT]))


def _confirmed(texts: pa.Array, suspects: pa.Array, is_damaged: Callable[[str], bool]) -> np.ndarray:
    """Return the suspects of which a function of Python says that they are damaged."""
    damaged = _as_bools(suspects)
    indices = np.flatnonzero(damaged)
    damaged[indices] = [is_damaged(text) for text in texts.take(pa.array(indices)).to_pylist()]
    return damaged


def _as_bools(mask: pa.Array) -> np.ndarray:
    return np.array(mask.fill_null(False).to_numpy(zero_copy_only=False), bool)


@cache
def _badness() -> str:
    """Return ftfy's expression for improbable characters in the syntax of RE2, which has no verbose mode."""
    without_comments = re.sub(r"(?m)^\s*#.*$", "", BADNESS_RE.pattern)
    tokens = re.findall(r"\[(?:\\.|[^\]\\])*\]|\\.|[^\s]", without_comments)
    return "".join(tokens).replace(r"\w", r"[\pL\pN_]").replace(r"\s", r"[\s\x{a0}]")


def _is_utf8_read_as_gbk(text: str) -> bool:
    """Return True if most of a text, written as GBK, is Han characters in UTF-8; by chance that is rare."""
    if "锟斤拷" in text:
        return True
    decoded = text.encode("gbk", "ignore").decode("utf-8", "replace")
    num_han = len(re.findall(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]", decoded))
    return num_han >= 2 and decoded.count("\ufffd") <= 0.5 * num_han


def _has_entity(text: str) -> bool:
    return any(html.unescape(entity) != entity for entity in ENTITY.findall(text))


def _is_repetitive(text: str) -> bool:
    words = re.findall(r"\w+", text.casefold())
    if len(words) >= MIN_WORDS and len(set(words)) <= min(MAX_DISTINCT, len(words) // 3):
        return True
    letters = [letter for letter in text.casefold() if letter.isalpha()]
    return len(letters) >= MIN_REPEATED_LETTERS and len(set(letters)) <= min(MAX_DISTINCT, len(letters) // 4)


def _distinct_bytes(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of different bytes of each text, of which those 32 apart count once, and its number of bytes."""
    values, offsets = _utf8(texts)
    lengths = np.diff(offsets)
    bits = np.append(BITS[values], np.uint32(0))
    unions = np.bitwise_or.reduceat(bits, offsets[:-1]) if len(lengths) else np.zeros(0, np.uint32)
    return np.where(lengths > 0, np.bitwise_count(unions), 0), lengths


def _code_points(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Return the code points of all texts, one after the other, and the index of the text of each."""
    values, _ = _utf8(texts)
    points = np.frombuffer(values.tobytes().decode("utf-8", "replace").encode("utf-32-le"), np.uint32)
    lengths = np.asarray(pc.utf8_length(texts).fill_null(0))
    return points, np.repeat(np.arange(len(texts)), lengths)


def _utf8(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Return the bytes of all texts and the offset of each text in them."""
    texts = pc.fill_null(texts, "").cast(pa.large_string())
    _, offset_buffer, value_buffer = texts.buffers()
    offsets = np.frombuffer(offset_buffer, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    values = np.frombuffer(value_buffer, np.uint8) if value_buffer else np.zeros(0, np.uint8)
    return values[offsets[0] : offsets[-1]], offsets - offsets[0]


@cache
def _script_table() -> np.ndarray:
    """Return the index in `SCRIPTS` of every code point, `NO_SCRIPT` for all that is no letter of these."""
    points = np.array([point for point in range(0x110000) if not 0xD800 <= point < 0xE000], np.uint32)
    points = points[(points < 0x10000) | ((points >= 0x20000) & (points < 0x32000))]
    characters = pa.array(list(points.tobytes().decode("utf-32-le")))
    table = np.full(0x110000, NO_SCRIPT, np.uint8)
    for index, names in enumerate(SCRIPTS.values()):
        expression = "|".join(rf"\p{{{name}}}" for name in names)
        table[points[_as_bools(pc.match_substring_regex(characters, expression))]] = index
    return table

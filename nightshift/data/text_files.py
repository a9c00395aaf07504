"""Text of files: decompression, byte order marks, encodings, and binary files that are refused."""

import codecs
import logging
import re
from pathlib import Path

import charset_normalizer

from nightshift.data import size_limits
from nightshift.data.compressed import open_uncompressed
from nightshift.errors import EmptyInputError, InputError

log = logging.getLogger("nightshift.ingest")
SAMPLE = 100_000
"""Number of bytes of a file by which binary data is detected."""
BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
        codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}  # fmt: skip
ENCODINGS = ["cp1252", "cp1251", "koi8_r", "gb18030", "big5", "shift_jis", "euc_jp", "euc_kr"]
"""Encodings that are detected in files that are not UTF-8; others must be set."""
UNDECODED = re.compile(r"[\ud800-\udfff]")
"""Characters that undecodable bytes become on reading; UTF-8 cannot hold them."""
CHUNK = 2**20
"""Bytes of a file that are read at once."""
CONTROLS = bytes(sorted({*range(32), 127} - {*b"\t\n\v\f\r"}))


def read_text(path: Path, encoding: str | None, expected: str = "rows were") -> tuple[str, str]:
    """Return the file's text without a byte order mark, and the encoding it was read in; `expected` is for the message of an empty file."""
    data = _bytes(path)
    size_limits.ensure_memory(path, len(data), max(data.count(b"\n"), data.count(b"\r")))
    marked = next((name for mark, name in BOMS.items() if data.startswith(mark)), None)
    encoding = encoding or marked
    if encoding is None:
        _ensure_text(path, data)
        encoding = _detected(data)
        if encoding != "utf-8":
            log.warning("%s is not UTF-8 and is read as %s; where that is wrong, set data.encoding", path, encoding)
    try:
        text = data.decode(encoding, "strict" if re.match("utf.?(16|32)", encoding.lower()) else "surrogateescape")
    except (UnicodeError, LookupError) as error:
        raise InputError(f"{path}: cannot be read as {encoding}: {error}; set data.encoding") from error
    if "\0" in text:
        raise InputError(_binary(path, text[: text.index("\0")].count("\n") + 1))
    if not text.strip("\ufeff \t\r\n"):
        raise EmptyInputError(f"{path}: the file is empty; {expected} expected")
    return text.removeprefix("\ufeff"), encoding.upper().removesuffix("-SIG")


def _bytes(path: Path) -> bytes:
    parts, size = [], 0
    with open_uncompressed(path) as file:
        while part := file.read(CHUNK):
            parts.append(part)
            size += len(part)
            size_limits.ensure_memory(path, size, 0)
    return b"".join(parts)


def _ensure_text(path: Path, data: bytes) -> None:
    zero = data.find(b"\0")
    if zero >= 0:
        raise InputError(_binary(path, data[:zero].count(b"\n") + 1))
    head = data[:SAMPLE]
    if (len(head) - len(head.translate(None, CONTROLS))) * 20 > len(head):
        raise InputError(_binary(path, 1))


def _binary(path: Path, line: int) -> str:
    return f"{path}, line {line}: binary data; a text file was expected (UTF-16 without a mark: set data.encoding)"


def _detected(data: bytes) -> str:
    """Return UTF-8 if most lines with other than ASCII are UTF-8, else the encoding that charset-normalizer detects."""
    foreign = [line for line in data.splitlines() if not line.isascii()]
    broken = sum(1 for line in foreign if not _decodes(line, "utf-8"))
    if broken * 2 <= len(foreign):
        return "utf-8"
    matches = charset_normalizer.from_bytes(b"\n".join(foreign[:2000]), cp_isolation=ENCODINGS)
    best = max(matches, key=lambda match: match.coherence - match.chaos, default=None)
    return best.encoding if best else "cp1252" if _decodes(data, "cp1252") else "latin-1"


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def read_lines(path: Path) -> list[str]:
    """Return the lines of a plain text file, but for blank ones; raise InputError if it is empty or cannot be read."""
    text, encoding = read_text(path, None, "a line or more was")
    if UNDECODED.search(text):
        raise InputError(f"{path}: not valid {encoding}; save it as UTF-8")
    return [line.strip() for line in text.split("\n") if line.strip()]


def decodable(text: str) -> str:
    """Return the text with the replacement character for bytes that could not be decoded."""
    return UNDECODED.sub("\ufffd", text)

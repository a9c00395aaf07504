"""Text of files: decompression, byte order marks, encodings, and binary files that are refused."""

import codecs
import io
import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, TextIO

import charset_normalizer

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
"""Bytes of a file's content that are read at once."""
CONTROLS = bytes(sorted({*range(32), 127} - {*b"\t\n\v\f\r"}))
BLANK = b"\0\xff\xfe\xef\xbb\xbf \t\r\n"
"""Bytes of a file without text: white space and byte order marks."""
WIDE = re.compile(r"utf.?(16|32)")
"""Encodings in which ASCII characters take several bytes; their errors cannot be kept apart by record."""
LINE_END = re.compile(rb"\r\n?|\n")
LATIN_SIGN = re.compile(rb"(?<![\x80-\xff])[\x80\x85\x91-\x97\x99\xa0-\xff](?![\x80-\xff])")
"""A single byte beyond ASCII that is a usual character of cp1252."""
CYRILLIC = ("cp1251", "koi8_r")
CYRILLIC_WORD = re.compile(rb"[\xa3\xa8\xb3\xb8\xc0-\xff]{3,}")
"""Three letters or more in an encoding of `CYRILLIC`."""
MIN_CYRILLIC = 0.5
"""Share of the bytes beyond ASCII that stand in such words, from which a text may be Cyrillic."""
MIN_VALID = 0.9
"""Share of the lines with other than ASCII that are valid in cp1252, from which a Latin text is read as that."""
MAX_BLOCK = 2**24
"""Bytes of a line that are looked at together."""
MAX_FOREIGN_LINES = 2000
"""Lines with other than ASCII by which an encoding is detected."""


@dataclass(frozen=True)
class TextFile:
    """Text file whose encoding is known; its lines are streamed, as often as needed."""

    path: Path
    encoding: str
    is_empty: bool
    """True if it holds white space at most."""
    has_quotes: bool
    """False if there is no double quote in it."""

    @property
    def encoding_name(self) -> str:
        """Return the encoding as messages name it."""
        return self.encoding.upper().removesuffix("-SIG")

    def lines(self, skip: int = 0) -> Iterator[str]:
        """Yield the lines after the first `skip`, with their ends: LF, CR or both; bytes that do not decode are surrogates.

        Raises:
            InputError: The file cannot be read, or is no valid UTF-16 or UTF-32.
        """
        with self.open() as text:
            if first := text.readline().removeprefix("\ufeff"):
                lines = islice(text, max(skip - 1, 0), None)
                if not skip:
                    yield first
                yield from lines

    @contextmanager
    def open(self, newline: str | None = "") -> Iterator[TextIO]:
        """Open the text, with a byte order mark if it has one; `newline` is that of Python's `open`.

        Raises:
            InputError: The file cannot be read, or is no valid UTF-16 or UTF-32.
        """
        errors = "strict" if WIDE.match(self.encoding.lower()) else "surrogateescape"
        try:
            with (
                open_uncompressed(self.path) as file,
                io.TextIOWrapper(file, self.encoding, errors=errors, newline=newline) as text,
            ):
                yield text
        except (UnicodeError, LookupError) as error:
            raise _undecodable(self.path, self.encoding, error) from error

    def head(self, size: int, skip: int = 0) -> list[str]:
        """Return the lines at the beginning of the file, after the first `skip`: at most `size` characters, and a line at least."""
        lines: list[str] = []
        for line in self.lines(skip):
            size -= len(line)
            if size < 0 and lines:
                break
            lines.append(line)
        return lines


def inspect_text(path: Path, encoding: str | None) -> TextFile:
    """Read a file once to detect its encoding, and refuse what is no text.

    Args:
        path: The file, which may be compressed (.gz).
        encoding: Its encoding, if a person has set it.

    Raises:
        InputError: The file is binary, unpacks to too much, or cannot be read in the encoding.
    """
    with open_uncompressed(path) as file:
        head = file.read(4)
        marked = next((name for mark, name in BOMS.items() if head.startswith(mark)), None)
        scan = _ContentScan(path, encoding or marked)
        for block in blocks_of_lines(file, head):
            scan.add(block)
    scan.finish()
    codec = encoding or marked or scan.detected_encoding()
    if codec != "utf-8" and not encoding and not marked:
        log.warning("%s is not UTF-8 and is read as %s; where that is wrong, set data.encoding", path, codec)
    return TextFile(path, codec, scan.is_blank, scan.has_quotes)


def blocks_of_lines(file: IO[bytes], head: bytes = b"") -> Iterator[bytes]:
    """Yield `head` and the rest of a file in blocks that end with a line, as far as lines are shorter than a block."""
    rest = head
    while part := file.read(CHUNK):
        end = part.rfind(b"\n") + 1
        if not end and len(rest) < MAX_BLOCK:
            rest += part
            continue
        yield rest + part[:end]
        rest = part[end:]
    if rest:
        yield rest


class _ContentScan:
    """Facts about a file's content, gathered block by block."""

    def __init__(self, path: Path, encoding: str | None) -> None:
        self.is_blank = True
        self.has_quotes = False
        self._path, self._encoding = path, encoding
        self._decoder = _decoder(path, encoding or "utf-8")
        self._is_wide = bool(encoding and WIDE.match(encoding.lower()))
        self._line = 1
        self._is_first = True
        self._foreign, self._broken = 0, 0
        self._foreign_lines: list[bytes] = []

    def add(self, block: bytes) -> None:
        """Take the next block of the file."""
        text = self._decode(block) if self._is_wide else ""
        zero = text.find("\0") if self._is_wide else block.find(b"\0")
        if zero >= 0:
            lines = text[:zero].count("\n") if self._is_wide else block[:zero].count(b"\n")
            raise InputError(_binary(self._path, self._line + lines))
        if self._is_first and self._encoding is None:
            _ensure_text(self._path, block[:SAMPLE])
        self._is_first = False
        self._line += text.count("\n") if self._is_wide else block.count(b"\n")
        self.has_quotes = self.has_quotes or b'"' in block
        self.is_blank = self.is_blank and not block.strip(BLANK)
        if self._encoding is None and not block.isascii():
            self._count_foreign_lines(block)

    def finish(self) -> None:
        """Refuse a file that ends within a character of UTF-16 or UTF-32."""
        if self._is_wide:
            self._decode(b"", final=True)

    def _decode(self, block: bytes, final: bool = False) -> str:
        try:
            return self._decoder.decode(block, final)
        except (UnicodeError, LookupError) as error:
            raise _undecodable(self._path, self._encoding or "", error) from error

    def _count_foreign_lines(self, block: bytes) -> None:
        """Count the lines with other than ASCII, and those of them that are not UTF-8."""
        is_valid = decodes(block)
        if is_valid and len(self._foreign_lines) >= MAX_FOREIGN_LINES:
            self._foreign += block.count(b"\n")
            return
        foreign = [line for line in LINE_END.split(block) if not line.isascii()]
        self._foreign += len(foreign)
        self._broken += 0 if is_valid else sum(1 for line in foreign if not decodes(line))
        self._foreign_lines += foreign[: MAX_FOREIGN_LINES - len(self._foreign_lines)]

    def detected_encoding(self) -> str:
        """Return UTF-8 if most lines with other than ASCII are UTF-8, cp1252 if single signs stand among ASCII, else the detected encoding."""
        if self._broken * 2 <= self._foreign:
            return "utf-8"
        sample = b"\n".join(self._foreign_lines)
        if _is_latin(sample):
            return "cp1252"
        encodings = ENCODINGS if _has_cyrillic_words(sample) else [name for name in ENCODINGS if name not in CYRILLIC]
        matches = charset_normalizer.from_bytes(sample, cp_isolation=encodings)
        best = max(matches, key=lambda match: match.coherence - match.chaos, default=None)
        return best.encoding if best else _latin_encoding(self._foreign_lines)


def _is_latin(sample: bytes) -> bool:
    """Return True if nearly all bytes beyond ASCII stand alone, as accents and signs do; other scripts make words of them."""
    foreign = len(sample) - len(sample.translate(None, bytes(range(128, 256))))
    return len(LATIN_SIGN.findall(sample)) >= 0.95 * foreign and decodes(sample, "cp1252")


def _has_cyrillic_words(sample: bytes) -> bool:
    """Return True if most bytes beyond ASCII may be words of Cyrillic letters; in other texts they rarely stand together."""
    in_words = sum(len(word) for word in CYRILLIC_WORD.findall(sample))
    return in_words >= MIN_CYRILLIC * (len(sample) - len(sample.translate(None, bytes(range(128, 256)))))


def _latin_encoding(lines: Sequence[bytes]) -> str:
    """Return cp1252, or that of old Macs if cp1252 lacks characters of many lines."""
    valid = sum(decodes(line, "cp1252") for line in lines)
    return "cp1252" if valid >= MIN_VALID * len(lines) else "mac_roman"


def _decoder(path: Path, encoding: str) -> codecs.IncrementalDecoder:
    try:
        return codecs.getincrementaldecoder(encoding)("strict")
    except LookupError as error:
        raise _undecodable(path, encoding, error) from error


def _undecodable(path: Path, encoding: str, error: Exception) -> InputError:
    return InputError(f"{path}: cannot be read as {encoding}: {error}; set data.encoding")


def _ensure_text(path: Path, head: bytes) -> None:
    """Raise InputError if the beginning of a file holds more control characters than text does."""
    if (len(head) - len(head.translate(None, CONTROLS))) * 20 > len(head):
        raise InputError(_binary(path, 1))


def _binary(path: Path, line: int) -> str:
    return f"{path}, line {line}: binary data; a text file was expected (UTF-16 without a mark: set data.encoding)"


def decodes(data: bytes, encoding: str = "utf-8") -> bool:
    """Return True if bytes are valid in an encoding."""
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def read_lines(path: Path) -> list[str]:
    """Return the lines of a plain text file, but for blank ones; raise InputError if it is empty or cannot be read."""
    file = inspect_text(path, None)
    if file.is_empty:
        raise EmptyInputError(f"{path}: the file is empty; a line or more was expected")
    text = "".join(file.lines())
    if UNDECODED.search(text):
        raise InputError(f"{path}: not valid {file.encoding_name}; save it as UTF-8")
    return [line.strip() for line in text.split("\n") if line.strip()]


def decodable(text: str) -> str:
    """Return the text with the replacement character for bytes that could not be decoded."""
    return UNDECODED.sub("\ufffd", text)

"""Delimited files without any irregularity, which Arrow reads: a fast way to the records that `dialects` would give.

A scan of the bytes proves that a file is one: UTF-8, as many fields in every record, no blank line, each quote at the
beginning or end of a field or doubled within it. Every second quote opens then, so that quotes need no parser to tell
delimiters and line ends from those within texts.
"""

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from nightshift.data.batches import BATCH_ROWS, Batch
from nightshift.data.compressed import open_uncompressed
from nightshift.data.text_files import TextFile, blocks_of_lines, decodes

MAX_RECORD = 2**24
"""Most bytes of a record; files with longer ones are left to `dialects`."""
BLOCK = 2**22
"""Bytes that Arrow reads at once."""
QUOTE, LINE_FEED = b'"\n'


@dataclass(frozen=True)
class StandardFile:
    """Shape of a file that has been proved regular."""

    delimiter: str
    has_quotes: bool
    """False if quotes are ordinary characters, or if there are none."""
    width: int
    """Number of fields of every record."""
    size: int
    """Number of records."""
    joins_lines: bool
    """True if a record has several lines."""
    longest: int
    """Bytes of the longest record."""


def scan_standard(file: TextFile, delimiter: str, has_quotes: bool) -> StandardFile | None:
    """Return the shape of a file if it is regular and can be read in no other way, else None.

    Args:
        file: The file.
        delimiter: Its delimiter.
        has_quotes: True if quotes enclose fields.
    """
    if codecs.lookup(file.encoding).name not in ("utf-8", "utf-8-sig") or not delimiter.isascii():
        return None
    scan = _Scan(ord(delimiter), has_quotes)
    with open_uncompressed(file.path) as content:
        rest = b""
        for block in blocks_of_lines(content):
            if not (block.isascii() or decodes(block)):
                return None
            data = rest + block
            if not scan.size and not rest:
                data = data.removeprefix(codecs.BOM_UTF8)
            end = scan.add(data)
            rest = data[end:]
            if not scan.is_regular or len(rest) > MAX_RECORD:
                return None
    if rest and scan.add(rest + b"\n") != len(rest) + 1:
        return None
    if not scan.is_regular or scan.width < 2 or (scan.joins_lines and scan.lines_are_alike):
        return None
    return StandardFile(delimiter, has_quotes, scan.width, scan.size, scan.joins_lines, scan.longest)


class _Scan:
    """Counts of the records of a file, taken block by block."""

    def __init__(self, delimiter: int, has_quotes: bool) -> None:
        self.is_regular = True
        self.size = 0
        self.longest = 0
        self.width = 0
        self.joins_lines = False
        self.lines_are_alike = True
        self._delimiter, self._has_quotes = delimiter, has_quotes

    def add(self, data: bytes) -> int:
        """Take the whole records at the beginning of the data, and return the number of their bytes."""
        codes = np.frombuffer(data, np.uint8)
        line_ends, delimiters = np.flatnonzero(codes == LINE_FEED), np.flatnonzero(codes == self._delimiter)
        quotes = np.flatnonzero(codes == QUOTE) if self._has_quotes else np.empty(0, np.int64)
        record_ends, separators = _outside(line_ends, quotes), _outside(delimiters, quotes)
        if not record_ends.size:
            return 0
        end = int(record_ends[-1]) + 1
        line_ends, quotes = line_ends[line_ends < end], quotes[quotes < end]
        separators, delimiters = separators[separators < end], delimiters[delimiters < end]
        self.joins_lines = self.joins_lines or line_ends.size > record_ends.size
        self.lines_are_alike = self.lines_are_alike and self._are_alike(line_ends, delimiters)
        self.is_regular = (
            self.is_regular
            and self._are_alike(record_ends, separators)
            and self._are_at_ends(codes, quotes)
            and data.count(b"\r", 0, end) == data.count(b"\r\n", 0, end)
        )
        self.size += int(record_ends.size)
        self.longest = max(self.longest, int(np.diff(record_ends, prepend=-1).max()))
        return end

    def _are_alike(self, ends: np.ndarray, separators: np.ndarray) -> bool:
        """Return True if there are as many separators, at least one, before each end as in all blocks so far."""
        count, remainder = divmod(separators.size, ends.size)
        self.width = self.width or count + 1
        if remainder or count == 0 or count + 1 != self.width:
            return False
        by_record = separators.reshape(-1, count)
        return bool((by_record[:, -1] < ends).all() and (by_record[1:, 0] > ends[:-1]).all())

    def _are_at_ends(self, codes: np.ndarray, quotes: np.ndarray) -> bool:
        """Return True if quotes open where a field begins and close where it ends; a doubled quote closes and opens."""
        opening, closing = quotes[0::2], quotes[1::2]
        before = np.where(opening > 0, codes[opening - 1], LINE_FEED)
        begins = np.isin(before, np.array([self._delimiter, LINE_FEED, QUOTE], np.uint8))
        ends = np.isin(codes[closing + 1], np.frombuffer(b'\r\n"' + bytes([self._delimiter]), np.uint8))
        return opening.size == closing.size and bool(begins.all() and ends.all())


def _outside(positions: np.ndarray, quotes: np.ndarray) -> np.ndarray:
    """Return the positions that are not enclosed in quotes."""
    return positions[np.searchsorted(quotes, positions) % 2 == 0] if quotes.size else positions


def read_standard(file: TextFile, shape: StandardFile, names: list[str], first_line: int) -> Iterator[Batch]:
    """Yield the rows of a regular file.

    Args:
        file: The file.
        shape: Its shape, as `scan_standard` returns it.
        names: Names of the columns.
        first_line: Line on which the first row begins; there is a header above it, unless that is line 1.
    """
    first_row = 1
    with open_uncompressed(file.path) as content:
        for records in _open_csv(content, shape, names, skips_header=first_line > 1):
            for start in range(0, len(records), BATCH_ROWS):
                table = pa.table(records[start : start + BATCH_ROWS])
                lines: Sequence[int] = range(first_line, first_line + len(table) + 1)
                if shape.joins_lines:
                    lines = _first_lines(table, first_line)
                yield Batch(table, first_row, lines[:-1])
                first_row += len(table)
                first_line = lines[-1]


def _open_csv(content: IO[bytes], shape: StandardFile, names: list[str], skips_header: bool) -> pa.RecordBatchReader:
    read_options = pyarrow.csv.ReadOptions(
        use_threads=False,
        block_size=max(BLOCK, 2 * shape.longest),
        column_names=names,
        skip_rows_after_names=int(skips_header),
    )
    parse_options = pyarrow.csv.ParseOptions(
        delimiter=shape.delimiter,
        quote_char='"' if shape.has_quotes else False,
        newlines_in_values=shape.joins_lines,
    )
    convert_options = pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
    )
    return pyarrow.csv.open_csv(pa.PythonFile(content), read_options, parse_options, convert_options)


def _first_lines(table: pa.Table, line: int) -> list[int]:
    """Return the line on which each record begins, if the first one begins on `line`, and the line after the last one."""
    counts = np.ones(len(table), np.int64)
    for column in table.columns:
        counts += pc.count_substring(column, "\n").to_numpy()
    return [line, *(line + np.cumsum(counts)).tolist()]

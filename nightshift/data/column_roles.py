"""Guesses what the columns of a file are for: texts, labels, times. A person reads the guesses before anything is trained."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher

import pandas as pd
import pyarrow as pa

from nightshift.data.batches import ReadOptions
from nightshift.data.canonical_rows import blank_as_null
from nightshift.data.cell_texts import as_texts
from nightshift.data.readers import read_batches
from nightshift.data.timestamps import parse_timestamps
from nightshift.errors import InputError
from nightshift.records import Kind

MAX_ROWS = 100_000
"""Rows of a file that are looked at."""
MAX_LABELS = 1000
"""Most values of a column that may be labels."""
LABEL_NAMES = re.compile(
    "label|categor|class|sentiment|target|intent|topic|rating|score|stars?$|judg|polarity|emotion|tag|gold|answer$",
    re.I,
)
PAIR_NAMES = ({"premise", "hypothesis"}, {"question", "context"}, {"question", "passage"}, {"query", "document"})
DATE = r"^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}"
SEPARATORS = "|;,"
MAX_SHARE = 0.98
"""Share of the most frequent value beyond which other columns are likelier labels."""
MIN_PAIR_SIMILARITY = 0.75
"""Least similarity of the names of two text columns that are read as a pair, such as sentence_A and sentence_B."""


@dataclass(frozen=True)
class ColumnValues:
    """A column: its position and its values as texts, without blank ones."""

    index: int
    name: str
    values: pd.Series
    num_rows: int

    @property
    def counts(self) -> pd.Series:
        """Number of rows by value, the most frequent first."""
        return self.values.value_counts()

    @property
    def mean_length(self) -> float:
        """Mean number of letters of a value."""
        letters = self.values.str.count(r"[^\W\d_]")
        return float(letters.mean()) if len(letters) else 0.0

    @property
    def share_of_numbers(self) -> float:
        """Share of the values that are numbers."""
        return float(pd.to_numeric(self.values, errors="coerce").notna().mean()) if len(self.values) else 0.0

    @property
    def has_decimals(self) -> bool:
        """True if numbers have decimals."""
        numbers = pd.to_numeric(self.values, errors="coerce").dropna()
        return bool((numbers % 1 != 0).any())

    @property
    def distinct_share(self) -> float:
        """Number of different values, as a share of the values."""
        return self.values.nunique() / len(self.values) if len(self.values) else 0.0


@dataclass(frozen=True)
class ColumnRoles:
    """Roles of the columns of a file, as far as their content tells."""

    num_rows: int
    is_whole: bool
    """True if the file has no further rows."""
    text: ColumnValues
    text_pair: ColumnValues | None = None
    label: ColumnValues | None = None
    kind: Kind = "classification"
    label_separator: str | None = None
    timestamp: ColumnValues | None = None
    header: bool = True
    paragraphs: bool = False
    other_labels: list[str] = field(default_factory=list)
    """Further columns that may be labels."""


def guess_roles(path: str) -> ColumnRoles:
    """Return the roles of the columns of a file.

    Raises:
        InputError: The file cannot be read, or has no column of texts.
    """
    options = ReadOptions()
    columns, num_rows, is_whole = _read_columns(path, options)
    if _is_prose(path, columns):
        options = replace(options, paragraphs=True)
        columns, num_rows, is_whole = _read_columns(path, options)
        return ColumnRoles(num_rows, is_whole, columns[0], kind="generation", paragraphs=True)
    if any(_is_value(column) for column in columns):
        options = replace(options, header=False)
        columns, num_rows, is_whole = _read_columns(path, options)
    text, text_pair = _texts(path, columns)
    remaining = [column for column in columns if column not in (text, text_pair)]
    timestamp = next((column for column in remaining if _is_time(column)), None)
    labels = _labels([column for column in remaining if column is not timestamp])
    roles = ColumnRoles(
        num_rows, is_whole, text, text_pair, timestamp=timestamp, header=options.header, kind="generation"
    )
    if not labels:
        return roles
    label, separator = labels[0], _label_separator(labels[0])
    is_number = label.share_of_numbers >= 0.95 and (label.has_decimals or len(label.counts) > 20)
    return replace(
        roles,
        label=label,
        kind="regression" if is_number else "classification",
        label_separator=separator,
        other_labels=[column.name for column in labels[1:4]],
    )


def _read_columns(path: str, options: ReadOptions) -> tuple[list[ColumnValues], int, bool]:
    """Return the columns of the first rows, their number, and whether the file ends there."""
    parts: dict[str, list[pa.Array]] = {}
    num_rows = 0
    batches = read_batches(path, options)
    for batch in batches:
        for name in batch.table.column_names:
            parts.setdefault(name, []).append(_as_values(batch.table[name]))
        num_rows += len(batch)
        if num_rows >= MAX_ROWS:
            break
    is_whole = next(batches, None) is None
    columns = []
    for index, (name, arrays) in enumerate(parts.items()):
        values = pd.Series(pa.chunked_array(arrays).drop_null().to_pandas(), dtype="str")
        columns.append(ColumnValues(index, name, values.str.strip(), num_rows))
    return columns, num_rows, is_whole


def _as_values(cells: pa.ChunkedArray) -> pa.Array:
    """Return cells as texts, with null for blank ones; of lists and objects only nulls."""
    return blank_as_null(as_texts(cells).values).cast(pa.string())


def _is_prose(path: str, columns: list[ColumnValues]) -> bool:
    """Return True for a plain text file that is no table: most of its lines hold one field."""
    return ".txt" in path.lower() and all(len(column.values) < column.num_rows / 2 for column in columns[1:])


def _is_value(column: ColumnValues) -> bool:
    """Return True if a column's name is one of its frequent values, or a sentence, and so no name."""
    frequent = len(column.counts) <= MAX_LABELS and column.distinct_share < 0.5
    return (frequent and column.name in column.counts.index) or len(column.name.split()) > 6


def _texts(path: str, columns: list[ColumnValues]) -> tuple[ColumnValues, ColumnValues | None]:
    """Return the column with the longest texts, and a second one if both form a pair."""
    candidates = [c for c in columns if c.mean_length >= 3 and c.distinct_share > 0.1 and not _is_time(c)]
    if not candidates:
        names = ", ".join(column.name for column in columns)
        raise InputError(f"{path}: no column holds texts; its columns are {names}")
    candidates.sort(key=lambda column: -column.mean_length * column.distinct_share)
    text = candidates[0]
    partner = next((column for column in candidates[1:] if _are_pair(text, column)), None)
    if partner and partner.index < text.index:
        text, partner = partner, text
    return text, partner


def _are_pair(first: ColumnValues, second: ColumnValues) -> bool:
    names = (first.name.lower(), second.name.lower())
    similar = SequenceMatcher(None, *names).ratio() >= MIN_PAIR_SIMILARITY
    return (similar and second.mean_length > first.mean_length / 3) or set(names) in PAIR_NAMES


def _is_time(column: ColumnValues) -> bool:
    """Return True if nearly all values are times with a date."""
    sample = column.values[:1000]
    if not len(sample) or float(sample.str.contains(DATE, regex=True).mean()) < 0.9:
        return False
    try:
        return bool(parse_timestamps(sample).notna().mean() > 0.9)
    except ValueError:  # times of a doubtful order
        return True


def _labels(columns: list[ColumnValues]) -> list[ColumnValues]:
    """Return the columns that may be labels, the likeliest first: by name, balance, gaps, classes before numbers, few values."""
    candidates = [
        column
        for column in columns
        if 2 <= len(column.counts) <= MAX_LABELS
        and (column.distinct_share <= 0.2 or (column.share_of_numbers >= 0.95 and column.has_decimals))
        and len(column.values) >= column.num_rows / 2
    ]
    rank: Callable[[ColumnValues], tuple[bool, bool, bool, bool, int]] = lambda column: (  # noqa: E731
        not LABEL_NAMES.search(column.name),
        column.counts.iloc[0] > MAX_SHARE * len(column.values),
        len(column.values) < 0.9 * column.num_rows,
        column.has_decimals,
        len(column.counts),
    )
    return sorted(candidates, key=rank)


def _label_separator(column: ColumnValues) -> str | None:
    """Return the sign between several labels of a cell if splitting at it leaves far fewer labels."""
    for sign in SEPARATORS:
        split = column.values.str.split(sign, regex=False)
        parts = Counter(part.strip() for cell in split for part in cell)
        if column.values.str.contains(sign, regex=False).mean() >= 0.1 and 1.5 * len(parts) < len(column.counts):
            return sign
    return None

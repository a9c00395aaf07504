"""Profile of the rows that a night kept, against which the new rows of later nights are compared.

A profile holds no text: counts of labels and lengths, 64-bit prefixes of the rows' keys, and hashed words of a sample. The
words of other rows are its vocabulary, so that the share of unknown words in the sample is that of new rows without drift.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import BaseModel

from nightshift.data.batches import iter_row_batches
from nightshift.data.domain_classifier import HashedTexts, domain_shift
from nightshift.data.drift import Shift, adjusted, category_shift, distribution_shift, effective_rows, ratio_shift
from nightshift.data.near_duplicates import tokenize
from nightshift.data.row_keys import text_key

SUMMARY, KEYS, VOCABULARY, SAMPLE = "profile.json", "keys.parquet", "vocabulary.parquet", "sample.parquet"
"""Files of a profile."""
FOLDER, DRIFT_FILE = "profile", "drift.json"
"""Names, in `measured/` of the data gate, of the profile of its rows and of their comparison with the champion's."""
FORMAT = 1
"""Format of these files; a profile of another one is not compared."""
SAMPLE_ROWS, VOCABULARY_ROWS = 5_000, 100_000
"""Rows of the sample, and further rows whose words are the vocabulary; of small sets each is a half."""
MAX_NUMBERS = 1_000
"""Quantiles that take the place of labels that are numbers, where they are more."""
EXACT_LENGTH_BITS = 6
"""Leading binary digits of a length that are kept."""
MIN_NEW_ROWS = 30
"""Number of new rows below which none are compared."""
LABELS, LENGTHS, UNKNOWN_WORDS, DOMAIN = CHECKS = ("labels", "lengths", "unknown_words", "domain")
Keys = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class RowColumns:
    """Columns of a table of rows."""

    texts: Sequence[str]
    label: str | None = None
    """Column of the labels; None if they are texts, or there are none."""
    key: str | None = None
    """Column of the keys; None if they are to be made from the texts."""
    group: str | None = None
    """Column whose equal values mark rows that belong together; None if each row stands for itself."""
    separator: str | None = None
    """Separator of a row's labels, if it may have several."""
    numeric: bool = False
    """True if the labels are numbers."""


class RowSummary(BaseModel):
    """Counts of rows."""

    format: int = FORMAT
    rows: int = 0
    effective: float = 0.0
    """Number of independent rows that these count as, since those of a group may be alike."""
    labels: dict[str, int] | None = None
    """Number of rows by label, or by labels where a row has several."""
    numbers: dict[float, int] | None = None
    """Number of rows by label, where labels are numbers; values between quantiles count for the next one."""
    lengths: dict[float, int] = {}
    """Number of rows by the characters of the texts; long ones are rounded down by up to 3 %."""


class RowDrift(BaseModel):
    """Counts of new rows beside those of the rows that the champion's night kept."""

    version: str
    """The champion's version."""
    before: RowSummary
    now: RowSummary


@dataclass(frozen=True)
class RowProfile:
    """Summary of rows with their keys, and a sample of their words."""

    summary: RowSummary
    keys: Keys
    """Sorted prefixes of the keys."""
    sample: HashedTexts
    vocabulary: npt.NDArray[np.uint32] = field(default_factory=lambda: np.zeros(0, np.uint32))
    """Sorted hashes of the words of other rows; none for rows that are only compared."""

    def save(self, folder: Path) -> None:
        """Write the files of the profile into a new folder."""
        folder.mkdir(parents=True)
        (folder / SUMMARY).write_text(self.summary.model_dump_json(), encoding="utf-8")
        words = pa.ListArray.from_arrays(pa.array(self.sample.starts, pa.int32()), pa.array(self.sample.words))
        tables = {
            KEYS: pa.table({"key": self.keys}),
            VOCABULARY: pa.table({"word": self.vocabulary}),
            SAMPLE: pa.table({"group": self.sample.groups, "words": words}),
        }
        for name, table in tables.items():
            pq.write_table(table, folder / name, compression="zstd", use_dictionary=False)

    @classmethod
    def load(cls, folder: Path) -> "RowProfile":
        """Read the files of a profile."""
        vocabulary = pq.read_table(folder / VOCABULARY)["word"].to_numpy()
        sample = pq.read_table(folder / SAMPLE).combine_chunks()
        words = sample["words"].combine_chunks()
        starts = np.concatenate([[0], pc.list_value_length(words).to_numpy()]).cumsum().astype(np.int64)
        texts = HashedTexts(words.flatten().to_numpy(), starts, sample["group"].to_numpy())
        return cls(read_summary(folder), read_keys(folder), texts, vocabulary)


@dataclass(frozen=True)
class KeptRows:
    """Parquet file of the rows that a night keeps."""

    path: Path
    columns: RowColumns

    def write_profile(self, folder: Path) -> None:
        """Write their profile, with which the rows of later nights are compared."""
        profile_rows(self._tables(), pq.read_metadata(self.path).num_rows, self.columns).save(folder)

    def write_drift(self, profile: Path, version: str, path: Path) -> None:
        """Write the counts of new rows beside those of the champion's night.

        Args:
            profile: Folder of the profile of the champion's night.
            version: The champion's version.
            path: JSON file to write.
        """
        keys = read_keys(profile)
        now = summarize_rows((new_rows(table, self.columns, keys) for table in self._tables()), self.columns)
        drift = RowDrift(version=version, before=read_summary(profile), now=now)
        path.write_text(drift.model_dump_json(), encoding="utf-8")

    def _tables(self) -> Iterator[pa.Table]:
        columns = self.columns
        names = [name for name in (*columns.texts, columns.label, columns.key, columns.group) if name]
        for _, batch in iter_row_batches(self.path, names):
            yield pa.Table.from_batches([batch])


def read_keys(folder: Path) -> Keys:
    """Read the sorted prefixes of the keys of a profile."""
    keys: Keys = pq.read_table(folder / KEYS)["key"].to_numpy()
    return keys


def read_summary(folder: Path) -> RowSummary:
    """Read the summary of a profile."""
    return RowSummary.model_validate_json((folder / SUMMARY).read_text(encoding="utf-8"))


def has_known_format(folder: Path) -> bool:
    """Return True if the files of a profile can be compared."""
    try:
        return read_summary(folder).format == FORMAT
    except (OSError, ValueError):
        return False


def profile_rows(
    batches: Iterable[pa.Table], num_rows: int, columns: RowColumns, with_vocabulary: bool = True
) -> RowProfile:
    """Return the profile of rows.

    Args:
        batches: The rows, in tables.
        num_rows: Number of the rows.
        columns: Columns of the tables.
        with_vocabulary: Keep words for a comparison with later rows; False for rows that are compared with a profile.
    """
    builder = _ProfileBuilder(columns, _sampling(num_rows, with_vocabulary))
    for batch in batches:
        builder.add(batch)
    return builder.profile()


def summarize_rows(batches: Iterable[pa.Table], columns: RowColumns) -> RowSummary:
    """Return the counts of rows alone."""
    builder = _ProfileBuilder(columns, _Sampling(0.0, 0.0))
    for batch in batches:
        builder.add(batch)
    return builder.profile().summary


def new_rows(table: pa.Table, columns: RowColumns, keys: Keys) -> pa.Table:
    """Return the rows whose key is not among sorted keys."""
    return table.filter(pa.array(~contains(keys, row_keys(table, columns))))


def compare_rows(profile: RowProfile, now: RowProfile, checks: Sequence[str] = CHECKS) -> dict[str, Shift]:
    """Return the shifts of rows from a profile by check, with p-values that are adjusted for their number.

    Args:
        profile: The profile, with a vocabulary.
        now: Profile of the rows to compare.
        checks: The checks to make, some of `CHECKS`; those that need what the rows lack are left out.
    """
    sizes = profile.summary.effective, now.summary.effective
    before, after = profile.summary, now.summary
    shifts: dict[str, Callable[[], Shift]] = {
        LENGTHS: lambda: distribution_shift(before.lengths, after.lengths, "characters", sizes),
        UNKNOWN_WORDS: lambda: _unknown_word_shift(profile, now),
        DOMAIN: lambda: domain_shift(profile.sample, now.sample),
    }
    if before.labels and after.labels:
        labels = before.labels, after.labels
        shifts[LABELS] = lambda: category_shift(*labels, sizes)
    if before.numbers and after.numbers:
        numbers = before.numbers, after.numbers
        shifts[LABELS] = lambda: distribution_shift(*numbers, "", sizes)
    return adjusted({name: shifts[name]() for name in CHECKS if name in checks and name in shifts})


def row_keys(table: pa.Table, columns: RowColumns) -> Keys:
    """Return the first 64 bits of the rows' keys."""
    if columns.key is not None:
        return _prefixes(table[columns.key])
    texts = [table[name].to_pylist() for name in columns.texts]
    return _prefixes(
        pa.array([text_key(*(text or "" for text in row)) for row in zip(*texts, strict=True)], pa.string())
    )


def _unknown_word_shift(profile: RowProfile, now: RowProfile) -> Shift:
    """Return the shift of the share of words that the vocabulary lacks."""
    before, after = (_unknown_words(part.sample, profile.vocabulary) for part in (profile, now))
    return ratio_shift(before, after, "unknown words")


def _unknown_words(
    texts: HashedTexts, vocabulary: npt.NDArray[np.uint32]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the number of unknown words and of all words of each group of texts."""
    is_unknown = np.concatenate([[0], ~contains(vocabulary, texts.words)]).cumsum()
    unknown, words = np.diff(is_unknown[texts.starts]), np.diff(texts.starts)
    _, groups = np.unique(texts.groups, return_inverse=True)
    return np.bincount(groups, unknown).astype(float), np.bincount(groups, words).astype(float)


@dataclass(frozen=True)
class _Sampling:
    """Shares of the groups whose rows are the sample, and the vocabulary."""

    sample: float
    vocabulary: float

    def masks(self, groups: Keys) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Return which rows belong to the sample and to the vocabulary, by the hash of their group."""
        position = (groups * np.uint64(0x9E3779B97F4A7C15)) / 2**64  # keys decide the sides of a split by their order
        return position < self.sample, (position >= self.sample) & (position < self.sample + self.vocabulary)


def _sampling(num_rows: int, with_vocabulary: bool) -> _Sampling:
    rows = max(num_rows, 1)
    if not with_vocabulary:
        return _Sampling(min(SAMPLE_ROWS / rows, 1.0), 0.0)
    share = min(SAMPLE_ROWS / rows, 0.5)
    return _Sampling(share, min(VOCABULARY_ROWS / rows, 1 - share))


class _ProfileBuilder:
    """Collects what a profile holds, a batch at a time."""

    def __init__(self, columns: RowColumns, sampling: _Sampling) -> None:
        self.columns, self.sampling = columns, sampling
        self.labels: Counter[str] = Counter()
        self.lengths: Counter[float] = Counter()
        self.numbers: list[npt.NDArray[np.float64]] = []
        self.keys: list[Keys] = []
        self.groups: list[Keys] = []
        self.samples: list[HashedTexts] = []
        self.words: list[npt.NDArray[np.uint32]] = []

    def add(self, batch: pa.Table) -> None:
        """Add rows."""
        keys = row_keys(batch, self.columns)
        groups = keys if self.columns.group is None else _prefixes(batch[self.columns.group])
        self.keys.append(keys)
        self.groups.append(groups)
        self.lengths.update(_length_counts([batch[name] for name in self.columns.texts]))
        if self.columns.label is not None:
            self._add_labels(batch[self.columns.label])
        in_sample, in_vocabulary = self.sampling.masks(groups)
        texts = _joined(batch, self.columns.texts)
        words, starts = _hashed_words(texts.filter(pa.array(in_sample)))
        self.samples.append(HashedTexts(words, starts, groups[in_sample]))
        self.words.append(np.unique(_hashed_words(texts.filter(pa.array(in_vocabulary)))[0]))

    def _add_labels(self, labels: pa.ChunkedArray) -> None:
        if self.columns.numeric:
            numbers = pd.to_numeric(labels.to_pandas(), errors="coerce").to_numpy(float)
            self.numbers.append(numbers[np.isfinite(numbers)])
            return
        for entry in pc.value_counts(labels.cast(pa.large_string()).drop_null()).to_pylist():
            self.labels[_ordered(entry["values"], self.columns.separator)] += entry["counts"]

    def profile(self) -> RowProfile:
        """Return the profile of all rows that were added."""
        none = np.zeros(0, np.uint64)
        keys, groups = (np.concatenate([none, *parts]) for parts in (self.keys, self.groups))
        summary = RowSummary(
            rows=len(keys),
            effective=effective_rows(np.unique(groups, return_counts=True)[1]),
            labels=dict(self.labels) if self.columns.label and not self.columns.numeric else None,
            numbers=_number_counts(np.concatenate(self.numbers)) if self.numbers else None,
            lengths=dict(self.lengths),
        )
        starts = np.concatenate([[0], *(np.diff(part.starts) for part in self.samples)]).cumsum().astype(np.int64)
        words = np.concatenate([np.zeros(0, np.uint32), *(part.words for part in self.samples)])
        sample = HashedTexts(words, starts, np.concatenate([none, *(part.groups for part in self.samples)]))
        return RowProfile(summary, np.unique(keys), sample, np.unique(np.concatenate([words[:0], *self.words])))


def _prefixes(keys: pa.ChunkedArray | pa.Array) -> Keys:
    """Return the first 16 hexadecimal digits of keys as numbers; other texts, such as names of groups, are hashed."""
    texts = keys.combine_chunks() if isinstance(keys, pa.ChunkedArray) else keys
    first = pc.utf8_slice_codeunits(texts.cast(pa.large_string()).fill_null("0" * 16), 0, 16)
    try:
        digits = bytes.fromhex("".join(first.to_pylist()))
    except ValueError:
        digits = b""
    if len(digits) == 8 * len(first):
        return np.frombuffer(digits, ">u8").astype(np.uint64)
    return _prefixes(pa.array([text_key(text or "") for text in texts.to_pylist()], pa.string()))


def contains(known: npt.NDArray[np.generic], values: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    """Return True for each value that is among sorted ones."""
    if not len(known):
        return np.zeros(len(values), np.bool_)
    positions = np.minimum(np.searchsorted(known, values), len(known) - 1)
    result: npt.NDArray[np.bool_] = known[positions] == values
    return result


def _joined(batch: pa.Table, columns: Sequence[str]) -> pa.Array:
    """Return the texts of several columns as one text a row."""
    cells = [batch[name].combine_chunks().cast(pa.large_string()) for name in columns]
    return pc.binary_join_element_wise(*cells, pa.scalar("\n", pa.large_string()), null_handling="skip")


def _hashed_words(texts: pa.Array) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """Return the hashed words of texts, sorted within each text, and where each text begins."""
    tokens = tokenize(texts)
    words = (tokens.hashes >> np.uint64(32)).astype(np.uint32)
    owners = np.repeat(np.arange(len(tokens.lengths)), tokens.lengths)
    return words[np.lexsort((words, owners))], tokens.starts.astype(np.int64)


def _length_counts(columns: Sequence[pa.ChunkedArray]) -> dict[float, int]:
    """Return the number of rows by the rounded length of their texts."""
    lengths = sum(pc.utf8_length(column).fill_null(0).to_numpy().astype(np.int64) for column in columns)
    digits = np.maximum(np.frexp(np.asarray(lengths, float))[1] - EXACT_LENGTH_BITS, 0)
    values, counts = np.unique(np.asarray(lengths) >> digits << digits, return_counts=True)
    return dict(zip(values.astype(float).tolist(), counts.tolist(), strict=True))


def _number_counts(numbers: npt.NDArray[np.float64]) -> dict[float, int]:
    """Return the number of rows by value, or by the next quantile where there are many values."""
    values, counts = np.unique(numbers, return_counts=True)
    if len(values) > MAX_NUMBERS:
        quantiles = np.unique(np.quantile(numbers, np.arange(1, MAX_NUMBERS + 1) / MAX_NUMBERS))
        counts = np.bincount(np.searchsorted(quantiles, numbers), minlength=len(quantiles))
        values = quantiles
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def _ordered(cell: str, separator: str | None) -> str:
    """Return the labels of a row in alphabetical order."""
    return cell if separator is None else separator.join(sorted({*cell.split(separator)} - {""}))

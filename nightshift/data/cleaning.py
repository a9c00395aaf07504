"""Cleaning of the rows' texts: its settings, its columns, and the counts of what it changed."""

from collections.abc import Iterable
from dataclasses import asdict

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import field_validator

from nightshift.errors import InputError
from nightshift.records import CleaningResult, Settings
from nightshift.text_cleaning import Cleaning, Mask, UnicodeForm, validate_pattern

RAW = {"text": "raw_text", "text_pair": "raw_text_pair"}
"""Columns with the texts as they were read, null where cleaning changed nothing."""
RAW_KEY = "raw_key"
"""Column with the key of the texts as they were read, null where it is the `row_key`."""
DOUBTFUL = {
    "mojibake": r"[^\x00-\x7f]",
    "unicode": r"[^\x00-\x7f]",
    "html": r"[&<]",
    "whitespace": r"^ | $|  |[^ -~]",
    "mask: urls": r"(?i)://|www",
    "mask: emails": r"@",
    "mask: numbers": r"\pN",
}
"""By step an expression that matches every text which the step can change; a step without one can change any text."""
EXCERPT = 160
"""Most characters of a sample."""


class CleaningSettings(Settings):
    """Cleaning of the texts, before rows get their keys and in every request to the model; labels stay as they are."""

    unicode: UnicodeForm | None = None
    """Normalization form of Unicode: NFC, or NFKC, which also unifies compatible characters such as full-width letters."""
    mojibake: bool = False
    """True to repair texts that were decoded by a wrong encoding (cafÃ© for café), by ftfy."""
    html: bool = False
    """True to unescape HTML entities and to remove tags, comments, scripts and styles."""
    whitespace: bool = False
    """True to turn each run of white space, line breaks too, into one space, and to strip it from both ends."""
    mask: list[Mask] = []
    """Parts that are replaced by a word: urls by [URL], emails by [EMAIL], numbers by [NUMBER]."""
    patterns: dict[str, str] = {}
    """Further patterns (of the Python library regex) with the text that replaces what matches, applied in their order."""

    @field_validator("patterns")
    @classmethod
    def _validate_patterns(cls, patterns: dict[str, str]) -> dict[str, str]:
        for pattern, replacement in patterns.items():
            validate_pattern(pattern, replacement)
        return patterns

    @classmethod
    def from_cleaning(cls, cleaning: Cleaning | None) -> "CleaningSettings":
        """Return the settings of a model's cleaning."""
        if cleaning is None:
            return cls()
        return cls(**{**asdict(cleaning), "mask": list(cleaning.mask), "patterns": dict(cleaning.patterns)})

    @property
    def cleaning(self) -> Cleaning | None:
        """The cleaning that these settings ask for; None for none."""
        cleaning = Cleaning(
            self.unicode, self.mojibake, self.html, self.whitespace, tuple(self.mask), tuple(self.patterns.items())
        )
        return cleaning if cleaning.steps else None


def clean_column(texts: pa.Array, cleaning: Cleaning) -> pa.Array:
    """Return clean texts; only those that a step can change are looked at one by one.

    Raises:
        PatternError: A pattern takes too long for a text.
    """
    doubtful = _doubtful(texts, cleaning)
    positions = np.flatnonzero(doubtful.to_numpy(zero_copy_only=False))
    cleaned = []
    for position, text in zip(positions, texts.filter(doubtful).to_pylist(), strict=True):
        try:
            cleaned.append(cleaning.clean(text))
        except ValueError as error:
            raise PatternError(int(position), str(error)) from error
    return pc.replace_with_mask(texts, doubtful, pa.array(cleaned, pa.string())) if cleaned else texts


class PatternError(InputError):
    """A text for which a pattern takes too long, with its position in the column."""

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(reason)
        self.position, self.reason = position, reason


def _doubtful(texts: pa.Array, cleaning: Cleaning) -> pa.Array:
    """Return True for each text that a step may change."""
    if not cleaning.steps.keys() <= DOUBTFUL.keys():
        return texts.is_valid()
    expressions = dict.fromkeys(DOUBTFUL[name] for name in cleaning.steps)
    pattern = "|".join(f"(?:{expression})" for expression in expressions)
    return pc.match_substring_regex(texts, pattern).fill_null(False)


def raw_texts(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with their texts as they were read: a model cleans them itself, in its own way."""
    texts = {
        name: rows[raw].where(rows[raw].notna(), rows[name])
        for name, raw in RAW.items()
        if raw in rows and name in rows
    }
    return rows.assign(**texts) if texts else rows


def without_raw_texts(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows whose texts are no longer those that were read."""
    return rows.drop(columns=[*RAW.values(), RAW_KEY], errors="ignore")


def seen_before(rows: pd.DataFrame, keys: set[str]) -> pd.Series:
    """Return True for each row of which a model with these training keys knows the text, as read or cleaned."""
    seen = rows["row_key"].isin(keys)
    return seen | rows[RAW_KEY].isin(keys) if RAW_KEY in rows else seen


def training_keys(rows: pd.DataFrame) -> set[str]:
    """Return the keys of rows, of their texts as read and cleaned."""
    keys = set(rows["row_key"])
    return keys | set(rows[RAW_KEY].dropna()) if RAW_KEY in rows else keys


class CleaningCounts:
    """Rows that each step changed, with samples."""

    def __init__(self, cleaning: Cleaning, max_samples: int) -> None:
        self.cleaning, self.max_samples = cleaning, max_samples
        self._rows = dict.fromkeys(cleaning.steps, 0)
        self._samples: dict[str, list[tuple[str, str]]] = {name: [] for name in cleaning.steps}

    def add(self, rows: pa.Table) -> None:
        """Count the changes of a batch; rows that must be forgotten have no texts here and do not count."""
        raw_columns = [rows[name] for name in RAW.values() if name in rows.column_names]
        changed = np.zeros(len(rows), bool)
        for column in raw_columns:
            changed |= column.is_valid().to_numpy()
        for texts in zip(*(column.filter(pa.array(changed)).to_pylist() for column in raw_columns), strict=True):
            self._count(text for text in texts if text is not None)

    def _count(self, texts: Iterable[str]) -> None:
        """Count the changes of one row."""
        changes: dict[str, tuple[str, str]] = {}
        for text in texts:
            changes = self.cleaning.changes(text) | changes
        for name, (before, after) in changes.items():
            self._rows[name] += 1
            if len(self._samples[name]) < self.max_samples:
                self._samples[name].append(_excerpts(before, after))

    def results(self) -> list[CleaningResult]:
        """Return the counts of each step."""
        return [CleaningResult(step=name, rows=rows, samples=self._samples[name]) for name, rows in self._rows.items()]


def _excerpts(before: str, after: str) -> tuple[str, str]:
    """Return the part of each text that begins shortly before the first difference."""
    lengths = range(min(len(before), len(after)))
    same = next((index for index in lengths if before[index] != after[index]), len(lengths))
    start = max(0, same - EXCERPT // 4)
    return _excerpt(before, start), _excerpt(after, start)


def _excerpt(text: str, start: int) -> str:
    return "…" * (start > 0) + text[start : start + EXCERPT] + "…" * (start + EXCERPT < len(text))

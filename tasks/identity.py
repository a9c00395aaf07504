"""A row's identity: the digest of its canonical text, and which digests must go (`data.exclude`)."""

import hashlib
import re
import unicodedata
from pathlib import Path

import pandas as pd

from tasks.reading import read_lines
from tasks.records import Source


def canonical(text: str) -> str:
    """The form in which two texts are the same: NFKC, white space squashed, case folded."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text)).strip().casefold()


def key(*texts: str) -> str:
    """Digest that identifies a row by its text or texts."""
    return hashlib.sha256("\x1f".join(map(canonical, texts)).encode()).hexdigest()[:32]


def trained_on(path: Path) -> tuple[set[str], set[str]]:
    """Of a file of the keys that weights were trained on (`store.TRAINED_KEYS`): those of rows, and of each text of a pair."""
    found = pd.read_parquet(path)
    return set(found.loc[~found["part"], "row_key"]), set(found.loc[found["part"], "row_key"])


def excluded(sources: list[Source]) -> set[str]:
    """The keys that the exclude files name: a line is a key, or a text that has one."""
    lines = [line for source in sources if source.side == "exclude" for line in read_lines(Path(source.path))]
    return {name for line in lines for name in (line, key(line))}

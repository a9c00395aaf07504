"""A row's identity: the digest of its canonical text."""

import hashlib
import re
import unicodedata
from pathlib import Path

import pandas as pd


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

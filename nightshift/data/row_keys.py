"""Keys of rows: the digest of a row's canonical text is its identity."""

import hashlib
import re
import unicodedata
from pathlib import Path

import pandas as pd


def canonical_text(text: str) -> str:
    """Return the form in which equal texts are the same: NFKC, white space squashed, case folded."""
    if text.isascii():
        return " ".join(text.split()).casefold()
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text)).strip().casefold()


def text_key(*texts: str) -> str:
    """Return the key of a text, or of the texts of a pair."""
    return hashlib.sha256("\x1f".join(map(canonical_text, texts)).encode()).hexdigest()[:32]


def read_trained_keys(path: Path) -> tuple[set[str], set[str]]:
    """Return the keys that weights were trained on, from a file `store.TRAINED_KEYS`: of rows, and of each text of a pair."""
    keys = pd.read_parquet(path)
    return set(keys.loc[~keys["part"], "row_key"]), set(keys.loc[keys["part"], "row_key"])

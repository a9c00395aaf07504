"""Changed copies of the training rows, and n-grams of them for students; neither for kinds that generate text."""

import hashlib
from collections.abc import Collection
from pathlib import Path
from random import Random

import pandas as pd

from nightshift.augmentation.operations import augment_text, sample_ngram, split_units
from nightshift.augmentation.settings import AugmentSettings
from nightshift.data.row_keys import text_key
from nightshift.records import GENERATIVE, Augmented, Kind, Sides
from nightshift.store import artifact_store
from nightshift.store.stages import stage

EVALUATION_SIDES = ("validation", "holdout", "spare")
TEXTS = ("text", "text_pair")
MAX_DRAWS = 5
"""Most copies that are drawn for one that is new."""


def augment_rows(frame: pd.DataFrame, settings: AugmentSettings, evaluation_keys: Collection[str] = ()) -> pd.DataFrame:
    """Return the rows (column `copy` 0) and their changed copies.

    A copy is a new text: it equals no training row, no evaluation row and no other copy. One that does is drawn again, and
    left out after `MAX_DRAWS`; a short text has few copies.

    Args:
        frame: The training rows.
        settings: Number and method of the copies.
        evaluation_keys: The `row_key`s of evaluation rows.
    """
    columns = [name for name in TEXTS if name in frame]
    rows = list(zip(frame["row_key"], *(frame[column] for column in columns), strict=True))
    known_keys = {*evaluation_keys, *frame["row_key"], *(text_key(*texts) for _, *texts in rows)}
    frames = [frame.assign(copy=0)]
    for number in range(1, settings.copies + 1 if settings.method != "none" else 1):
        copies = [_new_copy(row_key, texts, settings, number, known_keys) for row_key, *texts in rows]
        kept = frame[[copy is not None for copy in copies]].assign(copy=number)
        kept[columns] = pd.DataFrame([copy for copy in copies if copy], kept.index, columns, dtype=object)
        frames.append(kept)
    return pd.concat(frames, ignore_index=True)


def _new_copy(
    row_key: str, texts: list[str], settings: AugmentSettings, number: int, known_keys: set[str]
) -> list[str] | None:
    """Return a changed copy of a row's texts whose key is not in `known_keys`, and add it there; None if none was drawn."""
    for attempt in range(MAX_DRAWS):
        draw = f"{number}.{attempt}" if attempt else str(number)
        copy = [
            augment_text(text, settings, _random(settings.seed, row_key, draw, column))
            for text, column in zip(texts, TEXTS, strict=False)
        ]
        key = text_key(*copy)
        if key not in known_keys:
            known_keys.add(key)
            return copy
    return None


def sample_ngrams(frame: pd.DataFrame, settings: AugmentSettings) -> pd.DataFrame:
    """Return texts and `row_key` of `settings.num_ngrams` n-grams of each row, without duplicates."""
    columns = [name for name in TEXTS if name in frame]
    vocabulary = [unit for column in columns for text in frame[column] for unit in split_units(text, settings)[0]]
    ngrams = [
        [
            sample_ngram(
                row[column],
                vocabulary,
                settings,
                _random(settings.seed, row["row_key"], str(number), f"piece of {column}"),
            )
            for column in columns
        ]
        for row in frame[[*columns, "row_key"]].to_dict("records")
        for number in range(settings.num_ngrams)
    ]
    table = pd.DataFrame(ngrams, columns=columns, dtype=object)
    return table.assign(row_key=[text_key(*texts) for texts in ngrams]).drop_duplicates("row_key")


def _random(seed: int, row_key: str, draw: str, column: str) -> Random:
    return Random(hashlib.sha256(f"{seed} {row_key} {draw} {column}".encode()).digest())


@stage
def augment(folder: Path, sides: Sides, augment: AugmentSettings, kind: Kind) -> Augmented:
    """Write the training rows with their copies, and the unlabelled texts: those of `sides`, and n-grams.

    Args:
        folder: Folder to write to.
        sides: The sides of the split.
        augment: Number and method of copies and n-grams.
        kind: The objective's kind.
    """
    settings = augment.model_copy(update={"copies": 0, "num_ngrams": 0}) if kind in GENERATIVE else augment
    sides_folder = artifact_store.folder(sides)
    train = pd.read_parquet(sides_folder / "train.parquet")
    unlabelled = pd.read_parquet(sides_folder / "unlabelled.parquet")
    evaluation_keys = {
        row_key
        for side in EVALUATION_SIDES
        for row_key in pd.read_parquet(sides_folder / f"{side}.parquet", columns=["row_key"])["row_key"]
    }
    rows = augment_rows(train, settings, evaluation_keys)
    rows.to_parquet(folder / "train.parquet")
    if settings.num_ngrams:
        ngrams = sample_ngrams(train, settings)
        known_keys = evaluation_keys.union(train["row_key"], unlabelled["row_key"])
        unlabelled = pd.concat([unlabelled, ngrams[~ngrams["row_key"].isin(known_keys)]], ignore_index=True)
    unlabelled.to_parquet(folder / "unlabelled.parquet")
    return Augmented(augmented=int((rows["copy"] > 0).sum()), unlabelled=len(unlabelled))

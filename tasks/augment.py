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


def augment_rows(frame: pd.DataFrame, settings: AugmentSettings, evaluation_keys: Collection[str] = ()) -> pd.DataFrame:
    """Return the rows (column `copy` 0) and their changed copies.

    Args:
        frame: The training rows.
        settings: Number and method of the copies.
        evaluation_keys: The `row_key`s of evaluation rows; a copy that has one of them is dropped, as is one that equals its row.
    """
    columns = [name for name in TEXTS if name in frame]
    frames = [frame.assign(copy=0)]
    for number in range(1, settings.copies + 1 if settings.method != "none" else 1):
        copies = frame.assign(copy=number)
        for column in columns:
            copies[column] = [
                augment_text(text, settings, _random(settings.seed, row_key, number, column))
                for text, row_key in zip(frame[column], frame["row_key"], strict=True)
            ]
        is_dropped = (copies[columns] == frame[columns]).all(axis=1)
        if evaluation_keys:
            keys = [text_key(*texts) for texts in copies[columns].itertuples(index=False)]
            is_dropped |= pd.Series(keys, frame.index).isin(evaluation_keys)
        frames.append(copies[~is_dropped])
    return pd.concat(frames, ignore_index=True)


def sample_ngrams(frame: pd.DataFrame, settings: AugmentSettings) -> pd.DataFrame:
    """Return texts and `row_key` of `settings.num_ngrams` n-grams of each row, without duplicates."""
    columns = [name for name in TEXTS if name in frame]
    vocabulary = [unit for column in columns for text in frame[column] for unit in split_units(text, settings)[0]]
    ngrams = [
        [
            sample_ngram(
                row[column], vocabulary, settings, _random(settings.seed, row["row_key"], number, f"piece of {column}")
            )
            for column in columns
        ]
        for row in frame[[*columns, "row_key"]].to_dict("records")
        for number in range(settings.num_ngrams)
    ]
    table = pd.DataFrame(ngrams, columns=columns, dtype=object)
    return table.assign(row_key=[text_key(*texts) for texts in ngrams]).drop_duplicates("row_key")


def _random(seed: int, row_key: str, number: int, column: str) -> Random:
    return Random(hashlib.sha256(f"{seed} {row_key} {number} {column}".encode()).digest())


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

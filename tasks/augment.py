"""Changed copies of the training rows: units (words or characters) swapped or reordered; and pieces of them for students.

Of the training side only. None for the kinds that answer with text: what is learned there is the order of the words itself.
"""

import hashlib
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from random import Random
from typing import Literal

import pandas as pd
from pydantic import Field

from nightshift.data.row_keys import text_key
from nightshift.records import GENERATIVE, Augmented, Kind, Settings, Sides
from nightshift.store import artifact_store
from nightshift.store.stages import stage

UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")
"""Scripts written without spaces: Thai, Lao, Burmese, Khmer, kana, Chinese characters."""
JUDGING = ("validation", "holdout", "spare")


class AugmentSettings(Settings):
    """Augmented copies of training rows; none for generation and text2text, which learn the order of words."""

    method: Literal["none", "swap", "permute", "mixed"] = "mixed"
    """swap: exchange two units; permute: reorder units; mixed: each with its own probability; none: no copies."""
    unit: Literal["auto", "word", "character"] = "auto"
    """Unit that is moved, a word or a character; auto: characters in scripts written without spaces, words otherwise."""
    copies: int = Field(1, ge=0, le=20)
    """Number of augmented copies per training row."""
    probability: float = Field(0.1, gt=0, le=1)
    """Probability that a unit is moved, or replaced in an n-gram."""
    swap_probability: float = Field(0.5, ge=0, le=1)
    """Probability that mixed swaps units."""
    permute_probability: float = Field(0.5, ge=0, le=1)
    """Probability that mixed reorders units."""
    num_ngrams: int = Field(0, ge=0, le=50)
    """Number of n-grams per training row, with some units replaced, from which only student models learn, with the teacher's predictions as labels; 0: none."""
    seed: int = 42
    """Random seed, combined with the key of each row."""


def swap(units: list[str], probability: float, random: Random) -> list[str]:
    """Exchange each unit, with `probability`, with another one at random; at least one exchange."""
    units = list(units)
    chosen = [i for i in range(len(units)) if random.random() < probability] or [random.randrange(len(units))]
    for place in chosen:
        other = random.randrange(len(units) - 1)
        other += other >= place
        units[place], units[other] = units[other], units[place]
    return units


def permute(units: list[str], probability: float, random: Random) -> list[str]:
    """Reorder among themselves the units chosen with `probability`; at least two."""
    units = list(units)
    chosen = [i for i in range(len(units)) if random.random() < probability]
    if len(chosen) < 2:
        chosen = random.sample(range(len(units)), 2)
    shuffled = random.sample(chosen, len(chosen))
    while shuffled == chosen:
        shuffled = random.sample(chosen, len(chosen))
    moved = {place: units[origin] for place, origin in zip(chosen, shuffled, strict=True)}
    return [moved.get(place, unit) for place, unit in enumerate(units)]


def units_of(text: str, settings: AugmentSettings) -> tuple[list[str], str]:
    """A text's units, and what stands between them."""
    unspaced = len(UNSPACED.findall(text)) * 2 > len(text.replace(" ", ""))
    by_character = settings.unit == "character" or (settings.unit == "auto" and unspaced)
    return (list(text), "") if by_character else (text.split(), " ")


def change(text: str, settings: AugmentSettings, random: Random) -> str:
    """One changed copy of a text; a text of fewer than two units comes back as it is."""
    units, between = units_of(text, settings)
    if len(units) < 2:
        return text
    swaps = settings.method == "swap" or (settings.method == "mixed" and random.random() < settings.swap_probability)
    permutes = settings.method == "permute" or (
        settings.method == "mixed" and random.random() < settings.permute_probability
    )
    if settings.method == "mixed" and not (swaps or permutes):
        either = random.random() * (settings.swap_probability + settings.permute_probability)
        swaps = either < settings.swap_probability
        permutes = not swaps
    moved = units
    if swaps:
        moved = swap(moved, settings.probability, random)
    if permutes:
        moved = permute(moved, settings.probability, random)
    return text if moved == units else between.join(moved)


def piece(text: str, pool: Sequence[str], settings: AugmentSettings, random: Random) -> str:
    """A run of at least two of a text's units, of any length, some of them exchanged for ones drawn from `pool`.

    After Tang et al. 2019, arXiv 1903.12136, who sample n-grams and exchange words; ours may be long.
    """
    units, between = units_of(text, settings)
    length = random.randint(min(2, len(units)), len(units))
    start = random.randint(0, len(units) - length)
    run = units[start : start + length]
    return between.join(random.choice(pool) if random.random() < settings.probability else unit for unit in run)


def augment_rows(frame: pd.DataFrame, settings: AugmentSettings, judging: Collection[str] = ()) -> pd.DataFrame:
    """The rows (column `copy` 0) and their changed copies; one that equals its row, or whose key is in `judging`, is dropped."""
    columns = [name for name in ("text", "text_pair") if name in frame]
    parts = [frame.assign(copy=0)]
    for copy in range(1, settings.copies + 1 if settings.method != "none" else 1):
        changed = frame.assign(copy=copy)
        for column in columns:
            changed[column] = [
                change(text, settings, _random(settings.seed, key, copy, column))
                for text, key in zip(frame[column], frame["row_key"], strict=True)
            ]
        gone = (changed[columns] == frame[columns]).all(axis=1)
        if judging:
            gone |= pd.Series(
                [text_key(*texts) in judging for texts in changed[columns].itertuples(index=False)], frame.index
            )
        parts.append(changed[~gone])
    return pd.concat(parts, ignore_index=True)


def pieces(frame: pd.DataFrame, settings: AugmentSettings) -> pd.DataFrame:
    """Texts and `row_key` of `settings.num_ngrams` pieces a row, each once."""
    columns = [name for name in ("text", "text_pair") if name in frame]
    pool = [unit for column in columns for text in frame[column] for unit in units_of(text, settings)[0]]
    made = [
        [
            piece(row[name], pool, settings, _random(settings.seed, row["row_key"], number, f"piece of {name}"))
            for name in columns
        ]
        for row in frame[[*columns, "row_key"]].to_dict("records")
        for number in range(settings.num_ngrams)
    ]
    found = pd.DataFrame(made, columns=columns, dtype=object)
    return found.assign(row_key=[text_key(*texts) for texts in made]).drop_duplicates("row_key")


def _random(seed: int, key: str, copy: int, column: str) -> Random:
    return Random(hashlib.sha256(f"{seed} {key} {copy} {column}".encode()).digest())


@stage
def augment(folder: Path, sides: Sides, augment: AugmentSettings, kind: Kind) -> Augmented:
    """Write the training rows and their copies, and the texts without labels: those of `sides`, and pieces."""
    settings = augment.model_copy(update={"copies": 0, "num_ngrams": 0}) if kind in GENERATIVE else augment
    train, unlabelled = (
        pd.read_parquet(artifact_store.folder(sides) / f"{name}.parquet") for name in ("train", "unlabelled")
    )
    judging = set().union(
        *(
            pd.read_parquet(artifact_store.folder(sides) / f"{name}.parquet", columns=["row_key"])["row_key"]
            for name in JUDGING
        )
    )
    rows = augment_rows(train, settings, judging)
    rows.to_parquet(folder / "train.parquet")
    if settings.num_ngrams:
        made = pieces(train, settings)
        known = judging.union(train["row_key"], unlabelled["row_key"])
        unlabelled = pd.concat([unlabelled, made[~made["row_key"].isin(known)]], ignore_index=True)
    unlabelled.to_parquet(folder / "unlabelled.parquet")
    return Augmented(augmented=int((rows["copy"] > 0).sum()), unlabelled=len(unlabelled))

"""Changed copies of the training rows: units (words or characters) swapped or reordered. The training side only.

None for the kinds that answer with text: what is learned there is the order of the words itself.
"""

import hashlib
import re
from pathlib import Path
from random import Random
from typing import Literal

import pandas as pd
from pydantic import Field

from tasks import store
from tasks.records import GENERATIVE, Augmented, Kind, Settings, Sides
from tasks.stage import stage

UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")
"""Scripts written without spaces: Thai, Lao, Burmese, Khmer, kana, Chinese characters."""


class AugmentSettings(Settings):
    """Changed copies of training rows; none for generation and text2text, where the order of words is learned."""

    method: Literal["none", "swap", "permute", "mixed"] = "mixed"
    """swap: exchange two units; permute: reorder units; mixed: each with its probability."""
    unit: Literal["auto", "word", "character"] = "auto"
    """auto: characters in scripts written without spaces, else words."""
    copies: int = Field(1, ge=0, le=20)
    """Copies a training row."""
    probability: float = Field(0.1, gt=0, le=1)
    """Chance of each unit to be moved."""
    swap_probability: float = Field(0.5, ge=0, le=1)
    """Chance that mixed swaps."""
    permute_probability: float = Field(0.5, ge=0, le=1)
    """Chance that mixed permutes."""
    seed: int = 42
    """Of all draws, together with the row's own key."""


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


def change(text: str, settings: AugmentSettings, random: Random) -> str:
    """One changed copy of a text; a text of fewer than two units comes back as it is."""
    unspaced = len(UNSPACED.findall(text)) * 2 > len(text.replace(" ", ""))
    by_character = settings.unit == "character" or (settings.unit == "auto" and unspaced)
    units = list(text) if by_character else text.split()
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
    return text if moved == units else ("" if by_character else " ").join(moved)


def augment_rows(frame: pd.DataFrame, settings: AugmentSettings) -> pd.DataFrame:
    """The rows (column `copy` 0) and their changed copies; a copy that equals its row is dropped."""
    columns = [name for name in ("text", "text_pair") if name in frame]
    parts = [frame.assign(copy=0)]
    for copy in range(1, settings.copies + 1 if settings.method != "none" else 1):
        changed = frame.assign(copy=copy)
        for column in columns:
            changed[column] = [
                change(text, settings, _random(settings.seed, key, copy, column))
                for text, key in zip(frame[column], frame["row_key"], strict=True)
            ]
        same = (changed[columns] == frame[columns]).all(axis=1)
        parts.append(changed[~same])
    return pd.concat(parts, ignore_index=True)


def _random(seed: int, key: str, copy: int, column: str) -> Random:
    return Random(hashlib.sha256(f"{seed} {key} {copy} {column}".encode()).digest())


@stage
def augment(folder: Path, sides: Sides, augment: AugmentSettings, kind: Kind) -> Augmented:
    """Write the training rows and their copies."""
    settings = augment.model_copy(update={"copies": 0}) if kind in GENERATIVE else augment
    rows = augment_rows(pd.read_parquet(store.folder(sides) / "train.parquet"), settings)
    rows.to_parquet(folder / "train.parquet")
    return Augmented(augmented=int((rows["copy"] > 0).sum()))

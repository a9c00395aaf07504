"""Operations on the units (words or characters) of one text; all draws come from the `Random` that is passed in."""

from collections.abc import Sequence
from random import Random

import regex

from nightshift.augmentation.settings import AugmentSettings

UNSPACED = regex.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")
"""Scripts written without spaces: Thai, Lao, Burmese, Khmer, kana, Chinese characters."""


GRAPHEME = regex.compile(r"\X")
"""One character as readers see it: a letter with its marks, an emoji of several code points."""


def swap(units: list[str], probability: float, random: Random) -> list[str]:
    """Exchange each unit, with `probability`, with another one at random; at least one exchange."""
    units = list(units)
    positions = [i for i in range(len(units)) if random.random() < probability] or [random.randrange(len(units))]
    for i in positions:
        j = random.randrange(len(units) - 1)
        j += j >= i
        units[i], units[j] = units[j], units[i]
    return units


def permute(units: list[str], probability: float, random: Random) -> list[str]:
    """Reorder among themselves the units drawn with `probability`; at least two."""
    units = list(units)
    positions = [i for i in range(len(units)) if random.random() < probability]
    if len(positions) < 2:
        positions = random.sample(range(len(units)), 2)
    shuffled = random.sample(positions, len(positions))
    while shuffled == positions:
        shuffled = random.sample(positions, len(positions))
    replacements = {position: units[origin] for position, origin in zip(positions, shuffled, strict=True)}
    return [replacements.get(position, unit) for position, unit in enumerate(units)]


def split_units(text: str, settings: AugmentSettings) -> tuple[list[str], str]:
    """Return a text's units and the separator that joins them."""
    unspaced = len(UNSPACED.findall(text)) * 2 > len(text.replace(" ", ""))
    by_character = settings.unit == "character" or (settings.unit == "auto" and unspaced)
    return (GRAPHEME.findall(text), "") if by_character else (text.split(), " ")


def augment_text(text: str, settings: AugmentSettings, random: Random) -> str:
    """Return one changed copy of a text; a text of fewer than two units is returned as it is."""
    units, separator = split_units(text, settings)
    if len(units) < 2:
        return text
    mixed = settings.method == "mixed"
    swaps = settings.method == "swap" or (mixed and random.random() < settings.swap_probability)
    permutes = settings.method == "permute" or (mixed and random.random() < settings.permute_probability)
    if mixed and not (swaps or permutes):
        draw = random.random() * (settings.swap_probability + settings.permute_probability)
        swaps = draw < settings.swap_probability
        permutes = not swaps
    augmented = units
    if swaps:
        augmented = swap(augmented, settings.probability, random)
    if permutes:
        augmented = permute(augmented, settings.probability, random)
    return text if augmented == units else separator.join(augmented)


def sample_ngram(text: str, vocabulary: Sequence[str], settings: AugmentSettings, random: Random) -> str:
    """Return a random run of at least two of a text's units, some of them exchanged for units of `vocabulary`.

    After Tang et al. 2019, arXiv 1903.12136, who sample n-grams and exchange words; these may be as long as the text.

    Args:
        text: The text to sample from.
        vocabulary: Units to draw the replacements from; a unit that occurs more often in it is drawn more often.
        settings: `unit`, and `probability`, with which each unit is exchanged.
        random: Source of all draws.
    """
    units, separator = split_units(text, settings)
    length = random.randint(min(2, len(units)), len(units))
    start = random.randint(0, len(units) - length)
    ngram = units[start : start + length]
    return separator.join(
        random.choice(vocabulary) if random.random() < settings.probability else unit for unit in ngram
    )

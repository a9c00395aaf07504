"""Settings of the augmentation."""

from typing import Literal

from pydantic import Field

from nightshift.records import Settings


class AugmentSettings(Settings):
    """Augmented copies of training rows; none for generation and text2text, which learn the order of words."""

    method: Literal["none", "swap", "permute", "mixed"] = "mixed"
    """swap: exchange two units; permute: reorder units; mixed: each with its own probability; none: no copies."""
    unit: Literal["auto", "word", "character"] = "auto"
    """Unit that is moved, a word or a character; auto: characters in scripts written without spaces, words otherwise.
    """
    copies: int = Field(1, ge=0, le=20)
    """Number of augmented copies per training row."""
    probability: float = Field(0.1, gt=0, le=1)
    """Probability that a unit is moved, or replaced in an n-gram."""
    swap_probability: float = Field(0.5, ge=0, le=1)
    """Probability that mixed swaps units."""
    permute_probability: float = Field(0.5, ge=0, le=1)
    """Probability that mixed reorders units."""
    num_ngrams: int = Field(0, ge=0, le=50)
    """Number of n-grams per training row, with some units replaced, from which only student models learn, with the
    teacher's predictions as labels; 0: none.
    """
    seed: int = 42
    """Random seed, combined with the key of each row."""

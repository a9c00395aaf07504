"""Recipes: chains of steps such as `distil:3+prune:0.33+vocabulary+quantize`, each from a model to a smaller one.

A value after the colon goes over the settings': of `distil` the layers, of `narrow` the hidden size, as a share
(with a point) or a number, of `prune` a share of the time or a number of neurons; of `quantize` the kind.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

from nightshift.records import GENERATIVE, Kind

Name = Literal["static", "distil", "narrow", "prune", "vocabulary", "embeddings", "quantize"]
CONVERSIONS = ("vocabulary", "embeddings", "quantize")
"""Steps without training; in this order they end a recipe."""
SERVED = ("embeddings", "quantize")
"""Steps of the served form: the checkpoint stays as it is."""
SIZED = ("distil", "narrow", "prune")
"""Steps whose value is a share or a number."""
VALUES = {"quantize": ("dynamic", "static")}
FULL = "full"
"""The chain of no step."""


class NotPossibleError(Exception):
    """A step cannot make of this model what the recipe says; the recipe is left out."""


class Step(NamedTuple):
    """One step; its value is empty where the settings say it."""

    name: str
    value: str = ""

    def __str__(self) -> str:
        return f"{self.name}:{self.value}" if self.value else self.name

    @property
    def trains(self) -> bool:
        """Whether it learns anything."""
        return self.name not in CONVERSIONS


def parse(recipe: str) -> list[Step]:
    """The steps of a chain, none of `full`; raises ValueError for what is none."""
    if recipe == FULL:
        return []
    steps = [Step(name, value) for name, _, value in (part.partition(":") for part in recipe.split("+"))]
    names = [step.name for step in steps]
    ordered = sorted(names, key=lambda name: CONVERSIONS.index(name) + 1 if name in CONVERSIONS else 0)
    once = [name for name in names if name != "prune"]
    known = set(names) <= set(get_args(Name)) and len(set(once)) == len(once) and names == ordered
    if not known or ("static" in names and not set(SIZED).isdisjoint(names)):
        raise ValueError(f"{recipe!r} is no chain of distil, narrow and prune, or static, then vocabulary, then "
                         "embeddings, then quantize (each once, prune as often as you like)")  # fmt: skip
    if "embeddings" in names and "quantize" not in names:
        raise ValueError(f"{recipe!r}: embeddings in 4 bits go with quantize")
    for step in steps:
        _demand_value(step)
    return steps


def _demand_value(step: Step) -> None:
    if not step.value:
        return
    if step.name in SIZED:
        amount(step.value)
    elif step.value not in VALUES.get(step.name, ()):
        choices = ", ".join(VALUES.get(step.name, ())) or "nothing"
        raise ValueError(f"{step}: after {step.name} comes {choices}, not {step.value!r}")


def amount(value: str) -> float | int:
    """A share (written with a point, at most 1) or a number (from 1); raises ValueError for anything else."""
    try:
        found = float(value) if "." in value else int(value)
    except ValueError:
        found = 0
    if found <= 0 or ("." in value and found > 1):
        raise ValueError(f"{value!r} is neither a share such as 0.5 nor a number such as 3")
    return found


def of(total: int, wanted: float | int) -> int:
    """How many of `total` a share or a number are: at least 1, at most all."""
    count = round(total * wanted) if isinstance(wanted, float) else wanted
    return max(1, min(total, count))


def chain(steps: Sequence[Step]) -> str:
    """The recipe of some steps."""
    return "+".join(map(str, steps)) or FULL


def usable(kinds: Sequence[Kind]) -> set[str]:
    """Steps that fit the objectives: fewer tokens would change what a loss a token means."""
    if set(kinds) & set(GENERATIVE):
        return {"distil", "prune", "quantize"}
    return {"distil", "narrow", "prune", *CONVERSIONS} | ({"static"} if len(kinds) == 1 else set())


def unasked(kinds: Sequence[Kind]) -> set[str]:
    """Steps of which the default recipes may consist: what takes long is done for one judging objective only."""
    return set(CONVERSIONS) & usable(kinds) if len(kinds) > 1 or set(kinds) & set(GENERATIVE) else usable(kinds)

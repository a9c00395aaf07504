"""Recipes: chains of steps such as `distil:3+prune:0.33+vocabulary+quantize`, each from a model to a smaller one.

A value after the colon overrides the setting: of `distil` the number of layers and of `narrow` the hidden size, as a
share (with a point) or a number; of `prune` a share of the latency or a number of neurons; of `quantize` the kind.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Self, get_args

from nightshift.records import GENERATIVE, Kind

StepName = Literal["static", "distil", "narrow", "prune", "vocabulary", "embeddings", "quantize"]
CONVERSIONS = ("vocabulary", "embeddings", "quantize")
"""Steps without training; in this order they end a recipe."""
EXPORT_STEPS = ("embeddings", "quantize")
"""Steps that change the exported model only: the checkpoint stays as it is."""
SIZED_STEPS = ("distil", "narrow", "prune")
"""Steps whose value is a share or a number."""
CHOICES = {"quantize": ("dynamic", "static")}
"""Values of steps that take a word."""
FULL = "full"
"""Name of the recipe without steps."""


class NotPossibleError(Exception):
    """A step cannot be applied to this model; its recipe is left out."""


class Step(NamedTuple):
    """One step of a recipe; its value is empty if the settings give it."""

    name: str
    value: str = ""

    def __str__(self) -> str:
        return f"{self.name}:{self.value}" if self.value else self.name

    @property
    def trains(self) -> bool:
        """True if a student is trained in this step."""
        return self.name not in CONVERSIONS


@dataclass(frozen=True)
class Recipe:
    """The steps from full to a candidate; without steps it is full itself."""

    steps: tuple[Step, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the recipe that a text describes; raise ValueError if it describes none."""
        if text == FULL:
            return cls()
        steps = [Step(name, value) for name, _, value in (part.partition(":") for part in text.split("+"))]
        _ensure_order(text, [step.name for step in steps])
        for step in steps:
            _ensure_value(step)
        return cls(tuple(steps))

    def __str__(self) -> str:
        return "+".join(map(str, self.steps)) or FULL

    @property
    def model_steps(self) -> tuple[Step, ...]:
        """Steps that make a new PyTorch model."""
        return tuple(step for step in self.steps if step.name not in EXPORT_STEPS)

    @property
    def training_steps(self) -> tuple[Step, ...]:
        """Steps in which a student is trained."""
        return tuple(step for step in self.steps if step.trains)

    @property
    def conversions(self) -> tuple[Step, ...]:
        """Steps without training."""
        return tuple(step for step in self.steps if not step.trains)

    @property
    def quantization(self) -> str:
        """Kind of int8 quantization, `dynamic` or `static`; empty without it."""
        return next((step.value or "dynamic" for step in self.steps if step.name == "quantize"), "")

    @property
    def embedding_bits(self) -> int:
        """Bits of each number of a quantized token embedding."""
        return 4 if any(step.name == "embeddings" for step in self.steps) else 8


def _ensure_order(text: str, names: list[str]) -> None:
    ordered = sorted(names, key=lambda name: CONVERSIONS.index(name) + 1 if name in CONVERSIONS else 0)
    unrepeatable = [name for name in names if name != "prune"]
    are_steps = set(names) <= set(get_args(StepName))
    is_static_and_sized = "static" in names and not set(SIZED_STEPS).isdisjoint(names)
    if not are_steps or len(set(unrepeatable)) < len(unrepeatable) or names != ordered or is_static_and_sized:
        raise ValueError(
            f"{text!r} is no chain of distil, narrow and prune, or static, then vocabulary, then embeddings, "
            "then quantize (each once, prune as often as you like)"
        )
    if "embeddings" in names and "quantize" not in names:
        raise ValueError(f"{text!r}: embeddings in 4 bits go with quantize")


def _ensure_value(step: Step) -> None:
    if not step.value:
        return
    if step.name in SIZED_STEPS:
        parse_amount(step.value)
    elif step.value not in CHOICES.get(step.name, ()):
        choices = ", ".join(CHOICES.get(step.name, ())) or "nothing"
        raise ValueError(f"{step}: after {step.name} comes {choices}, not {step.value!r}")


def parse_amount(text: str) -> float | int:
    """Return a share (written with a point, at most 1) or a number (from 1); raise ValueError for anything else."""
    try:
        amount = float(text) if "." in text else int(text)
    except ValueError:
        amount = 0
    if amount <= 0 or ("." in text and amount > 1):
        raise ValueError(f"{text!r} is neither a share such as 0.5 nor a number such as 3")
    return amount


def resolve_amount(total: int, amount: float | int) -> int:
    """Return the number that a share of `total`, or a number, stands for: at least 1, at most `total`."""
    count = round(total * amount) if isinstance(amount, float) else amount
    return max(1, min(total, count))


def usable_steps(kinds: Sequence[Kind]) -> set[str]:
    """Return the steps that fit objectives of these kinds.

    A generative model keeps its vocabulary: with fewer tokens its loss per token would mean something else.
    """
    if set(kinds) & set(GENERATIVE):
        return {"distil", "prune", "quantize"}
    return {"distil", "narrow", "prune", *CONVERSIONS} | ({"static"} if len(kinds) == 1 else set())


def default_steps(kinds: Sequence[Kind]) -> set[str]:
    """Return the steps that default recipes may have: training only for one objective that is not generative."""
    if len(kinds) > 1 or set(kinds) & set(GENERATIVE):
        return set(CONVERSIONS) & usable_steps(kinds)
    return usable_steps(kinds)

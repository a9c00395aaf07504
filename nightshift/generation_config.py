"""How text is written, by the names of transformers' GenerationConfig: what a model has, and what a request changes."""

from dataclasses import dataclass, fields, replace
from math import isfinite
from numbers import Real
from typing import Any

LONGEST = 8192
"""Tokens that a request may ask for."""
MOST_STOP_STRINGS = 16


@dataclass(frozen=True)
class Generation:
    """How a model writes; raises ValueError, one line that names the field, for values that mean nothing."""

    max_new_tokens: int = 64
    """The most tokens that are written."""
    temperature: float = 0.0
    """0 writes the likeliest token each time; above it tokens are drawn, the higher the more freely."""
    top_p: float = 1.0
    """Drawn are the likeliest tokens that together have this probability; 1 is all."""
    top_k: int = 0
    """Drawn are so many of the likeliest tokens; 0 is all."""
    repetition_penalty: float = 1.0
    """Above 1 tokens of the prompt and of what is written already become less likely."""
    stop_strings: tuple[str, ...] = ()
    """Writing ends before the first of these."""

    def __post_init__(self) -> None:
        for name, is_right, expected in (
            ("max_new_tokens", 1 <= self.max_new_tokens <= LONGEST, f"1 to {LONGEST}"),
            ("temperature", 0 <= self.temperature <= 100, "0 to 100"),
            ("top_p", 0 < self.top_p <= 1, "more than 0, at most 1"),
            ("top_k", self.top_k >= 0, "0 or more"),
            ("repetition_penalty", 0 < self.repetition_penalty <= 100, "more than 0, at most 100"),
            ("stop_strings", all(self.stop_strings), "texts that are not empty"),
            ("stop_strings", len(self.stop_strings) <= MOST_STOP_STRINGS, f"at most {MOST_STOP_STRINGS} texts"),
        ):
            if not is_right:
                raise ValueError(f"{name}: expected {expected}, found {getattr(self, name)!r}")

    def changed(self, **params: Any) -> "Generation":
        """Return these settings with those of a request in their place; None leaves one as it is.

        Raises ValueError for an unknown name, a value of another type, and one that means nothing.
        """
        given = {name: value for name, value in params.items() if value is not None}
        for name, value in given.items():
            if name not in NAMES:
                raise ValueError(f"no parameter {name!r}: a model that writes takes {', '.join(NAMES)}, seed, score")
            given[name] = _typed(name, value)
        return replace(self, **given)


NAMES = tuple(field.name for field in fields(Generation))
_WHOLE = ("max_new_tokens", "top_k")


def _typed(name: str, value: Any) -> Any:
    """Return a value as its field has it; raises ValueError for one of another type."""
    if name == "stop_strings":
        if not isinstance(value, list | tuple) or not all(isinstance(text, str) for text in value):
            raise ValueError(f"stop_strings: expected a list of texts, found {value!r}")
        return tuple(value)
    is_number = isinstance(value, Real) and not isinstance(value, bool) and isfinite(value)
    if not is_number or (name in _WHOLE and value != int(value)):
        raise ValueError(f"{name}: expected a {'whole ' * (name in _WHOLE)}number, found {value!r}")
    return int(value) if name in _WHOLE else float(value)

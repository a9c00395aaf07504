"""Parameters of text generation, with the names of transformers' GenerationConfig."""

from dataclasses import dataclass, fields, replace
from math import isfinite
from numbers import Real
from typing import Any

MAX_NEW_TOKENS = 8192
"""Maximum number of tokens that a request may ask for."""
MAX_STOP_STRINGS = 16


@dataclass(frozen=True)
class Generation:
    """Generation parameters of a model.

    Raises:
        ValueError: A value is out of range; one line that names the field.
    """

    max_new_tokens: int = 64
    """Maximum number of tokens to generate."""
    temperature: float = 0.0
    """Sampling temperature; 0: greedy decoding."""
    top_p: float = 1.0
    """Cumulative probability of the most likely tokens that are sampled from (nucleus sampling); 1: all tokens."""
    top_k: int = 0
    """Number of most likely tokens that are sampled from; 0: all tokens."""
    repetition_penalty: float = 1.0
    """Penalty of tokens that occur in the prompt or in the generated text; 1: no penalty."""
    stop_strings: tuple[str, ...] = ()
    """Strings before which generation stops."""

    def __post_init__(self) -> None:
        for name, is_right, expected in (
            ("max_new_tokens", 1 <= self.max_new_tokens <= MAX_NEW_TOKENS, f"1 to {MAX_NEW_TOKENS}"),
            ("temperature", 0 <= self.temperature <= 100, "0 to 100"),
            ("top_p", 0 < self.top_p <= 1, "more than 0, at most 1"),
            ("top_k", self.top_k >= 0, "0 or more"),
            ("repetition_penalty", 0 < self.repetition_penalty <= 100, "more than 0, at most 100"),
            ("stop_strings", all(self.stop_strings), "texts that are not empty"),
            ("stop_strings", len(self.stop_strings) <= MAX_STOP_STRINGS, f"at most {MAX_STOP_STRINGS} texts"),
        ):
            if not is_right:
                raise ValueError(f"{name}: expected {expected}, found {getattr(self, name)!r}")

    def changed(self, **params: Any) -> "Generation":
        """Return a copy with the parameters of a request; None keeps the default.

        Raises:
            ValueError: A name is unknown, or a value has the wrong type or is out of range.
        """
        changes = {name: value for name, value in params.items() if value is not None}
        for name, value in changes.items():
            if name not in NAMES:
                raise ValueError(f"no parameter {name!r}: a model that writes takes {', '.join(NAMES)}, seed, score")
            changes[name] = _converted(name, value)
        return replace(self, **changes)


NAMES = tuple(field.name for field in fields(Generation))
_INTEGERS = ("max_new_tokens", "top_k")


def _converted(name: str, value: Any) -> Any:
    """Return a value in the type of its field.

    Raises:
        ValueError: It has another type.
    """
    if name == "stop_strings":
        if not isinstance(value, list | tuple) or not all(isinstance(text, str) for text in value):
            raise ValueError(f"stop_strings: expected a list of texts, found {value!r}")
        return tuple(value)
    is_number = isinstance(value, Real) and not isinstance(value, bool) and isfinite(value)
    if not is_number or (name in _INTEGERS and value != int(value)):
        raise ValueError(f"{name}: expected a {'whole ' * (name in _INTEGERS)}number, found {value!r}")
    return int(value) if name in _INTEGERS else float(value)

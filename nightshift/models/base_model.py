"""Loading of the base model of a training, with new heads."""

from collections.abc import Iterable, Mapping
from typing import Any

from transformers import PreTrainedTokenizerBase

from nightshift.errors import SettingsError
from nightshift.models import architectures, pretrained
from nightshift.models.heads import Head, Model

FIELD = "train.base_model"


def load_base_model(
    base_model: str,
    heads: Mapping[str, Head],
    max_length: int,
    seed: int = 0,
    sizes: dict[str, Any] | None = None,
    corpus: Iterable[str] = (),
    field: str = FIELD,
) -> tuple[Model, PreTrainedTokenizerBase]:
    """Load a base model with new heads, and its tokenizer.

    Args:
        base_model: Address of the base (`nightshift.models.pretrained`).
        heads: The heads by the names of their objectives.
        max_length: Tokens that texts will be truncated to.
        seed: Seed of the new weights.
        sizes: Fields of a `scratch:` base's configuration.
        corpus: Texts that a `scratch:` base's tokenizer is trained on.
        field: Setting that an error names.

    Raises:
        SettingsError: The base does not exist, cannot be read, or does not fit its configuration, its tokenizer or the
            heads.
    """
    try:
        tokenizer = pretrained.load_tokenizer(base_model, sizes or {}, corpus)
        model = pretrained.load(base_model, heads, tokenizer, seed, sizes)
    except (ValueError, OSError) as error:
        address = "" if field == FIELD else f" {base_model}:"
        raise SettingsError(f"{field}:{address} {str(error).splitlines()[0]}") from error
    positions = architectures.max_positions(model)
    if positions and max_length > positions:
        base = "the base" if field == FIELD else base_model
        raise SettingsError(f"train.max_length: {max_length} is more than {base}'s {positions} positions")
    return model, tokenizer

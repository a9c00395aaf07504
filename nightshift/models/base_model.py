"""The base model of a training, loaded with the night's heads."""

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
    """Load a base with fresh heads and its tokenizer.

    Args:
        base_model: An address as `nightshift.models.pretrained` takes it.
        heads: By the objective's name.
        max_length: Tokens that a text will be cut to.
        seed: Of the fresh weights.
        sizes: Fields of a `scratch:` base's configuration.
        corpus: Texts that a `scratch:` base's tokenizer is trained on.
        field: The setting that an error names.

    Raises:
        SettingsError: The base is not there, cannot be read, or does not fit its configuration, its tokenizer or the heads.
    """
    try:
        tokenizer = pretrained.load_tokenizer(base_model, sizes or {}, corpus)
        model = pretrained.load(base_model, heads, tokenizer, seed, sizes)
    except (ValueError, OSError) as error:
        which = "" if field == FIELD else f" {base_model}:"
        raise SettingsError(f"{field}:{which} {str(error).splitlines()[0]}") from error
    positions = architectures.max_positions(model)
    if positions and max_length > positions:
        base = "the base" if field == FIELD else base_model
        raise SettingsError(f"train.max_length: {max_length} is more than {base}'s {positions} positions")
    return model, tokenizer

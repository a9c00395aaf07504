"""The base model of a training: loaded with the night's heads, and tried before the night's long stages."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from transformers import PreTrainedTokenizerBase

from models import anatomy, bases, export
from models.heads import Head, Model
from models.student import LAYERS
from tasks.errors import SettingsError
from tasks.records import Kind

FIELD = "train.base_model"


def load_base(
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
        base_model: An address as `models.bases` takes it.
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
        tokenizer = bases.load_tokenizer(base_model, sizes or {}, corpus)
        model = bases.load(base_model, heads, tokenizer, seed, sizes)
    except (ValueError, OSError) as error:
        which = "" if field == FIELD else f" {base_model}:"
        raise SettingsError(f"{field}:{which} {str(error).splitlines()[0]}") from error
    positions = anatomy.positions(model)
    if positions and max_length > positions:
        base = "the base" if field == FIELD else base_model
        raise SettingsError(f"train.max_length: {max_length} is more than {base}'s {positions} positions")
    return model, tokenizer


def try_bases(
    base_model: str,
    sizes: dict[str, Any],
    teachers: Iterable[str],
    kinds: Mapping[str, tuple[Kind, bool]],
    max_length: int,
) -> None:
    """Load every base of a night once, so that one that cannot be trained ends the night before its long stages.

    Args:
        base_model: The setting train.base_model.
        sizes: The setting train.scratch.
        teachers: The base models among compress.teachers.
        kinds: By the objective's name its kind, and whether its rows are pairs.
        max_length: Tokens that a text will be cut to.

    Raises:
        SettingsError: One of them cannot be trained.
    """
    heads = {name: Head(kind, ("a", "b") if kind == "classification" else (), pairs=pairs)
             for name, (kind, pairs) in kinds.items()}  # fmt: skip
    model, tokenizer = load_base(base_model, heads, max_length, sizes=sizes)
    if model.config.model_type not in LAYERS and not any(head.generative for head in heads.values()):
        _try_export(model, tokenizer, heads)  # of the others tests know that they are exported
    for teacher in teachers:
        load_base(teacher, heads, max_length, field="compress.teachers")


def _try_export(model: Model, tokenizer: PreTrainedTokenizerBase, heads: Mapping[str, Head]) -> None:
    with TemporaryDirectory() as folder:
        try:
            export.export_onnx(model, tokenizer, heads, Path(folder) / export.ONNX)
        except ValueError as error:
            raise SettingsError(f"{FIELD}: {str(error).splitlines()[0]}") from error

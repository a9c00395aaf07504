"""A trial of a night's base models before its long stages: each is loaded, and an unknown architecture exported."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from transformers import PreTrainedTokenizerBase

from nightshift.errors import SettingsError
from nightshift.models.architectures import LAYER_PATHS
from nightshift.models.base_model import FIELD, load_base_model
from nightshift.models.heads import Head, Model
from nightshift.onnx import export
from nightshift.records import Kind


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
    model, tokenizer = load_base_model(base_model, heads, max_length, sizes=sizes)
    if model.config.model_type not in LAYER_PATHS and not any(head.generative for head in heads.values()):
        _try_export(model, tokenizer, heads)  # of the others tests know that they are exported
    for teacher in teachers:
        load_base_model(teacher, heads, max_length, field="compress.teachers")


def _try_export(model: Model, tokenizer: PreTrainedTokenizerBase, heads: Mapping[str, Head]) -> None:
    with TemporaryDirectory() as folder:
        try:
            export.export_onnx(model, tokenizer, heads, Path(folder) / export.ONNX)
        except ValueError as error:
            raise SettingsError(f"{FIELD}: {str(error).splitlines()[0]}") from error

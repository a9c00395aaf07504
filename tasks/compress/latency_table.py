"""How long parts of a model take on this machine, as they are served in int8; measured once for each shape of model.

Remembered under NIGHTSHIFT_HOME, so that a night that is run again prunes alike.
"""

import hashlib
import json
import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from transformers import PreTrainedTokenizerBase

from nightshift.compression import allocation
from nightshift.inference.measurement import one_by_one
from nightshift.models.architectures import get_architecture, head_size, inner_width, layers
from nightshift.models.heads import Heads, Model
from nightshift.onnx import export, quantization
from nightshift.store import artifact_store

log = logging.getLogger("nightshift.compress")
TEXTS = 60
ROUNDS = 5
"""How many texts each model is timed on, and how often."""


def costs(
    model: Model, tokenizer: PreTrainedTokenizerBase, heads: Heads, texts: Sequence[str], max_length: int
) -> allocation.Costs:
    """What layers with fewer heads and neurons save, of this model."""
    names = get_architecture(model)
    widths = [[inner_width(layer, block) for block in names.blocks] for layer in layers(model)]
    sizes = [model.config.model_type, model.config.hidden_size, head_size(model), widths, len(tokenizer), max_length]
    told = [*sizes, sorted(map(len, texts)), allocation.MEASURED, onnxruntime.__version__]
    key = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:24]
    file = artifact_store.home() / "measured" / f"{key}.json"
    if (table := _read(file)) is None:
        table = allocation.costs(model, lambda models: _times(models, tokenizer, heads, texts, max_length))
        file.parent.mkdir(parents=True, exist_ok=True)
        beside = artifact_store.partial_path(file)
        beside.write_text(json.dumps([table.full, list(table.heads.items()), list(table.widths.items())]))
        beside.replace(file)
    return table


def _read(file: Path) -> allocation.Costs | None:
    """Return the table that a file holds; None if there is none, or, with a line in the log, if it cannot be read."""
    try:
        full, few_heads, few_neurons = json.loads(file.read_text(encoding="utf-8"))
        heads, widths = (
            {_count(size): _milliseconds(saved) for size, saved in pairs} for pairs in (few_heads, few_neurons)
        )
        return allocation.Costs(_milliseconds(full), heads, widths)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, RecursionError):
        log.warning("%s is no table of latencies: they are measured anew", file)
        return None


def _count(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"{value!r} is no count")
    return value


def _milliseconds(value: object) -> float:
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError(f"{value!r} is no time")
    return float(value)


def _times(
    models: Sequence[Model], tokenizer: PreTrainedTokenizerBase, heads: Heads, texts: Sequence[str], max_length: int
) -> list[float]:
    """Milliseconds of one text, asked in turns: the median over texts of the least of each one's rounds.

    (The least, because what else this machine does in the meantime only ever takes longer.)
    """
    name = next(iter(heads))
    with artifact_store.scratch() as folder:
        predictors: list[Any] = []
        for number, model in enumerate(models):
            log.info("how long its parts take on this machine: shape %d of %d", number + 1, len(models))
            serving = folder / str(number)
            serving.mkdir()
            export.export(model, tokenizer, heads, serving, max_length)
            quantization.quantize_int8(serving / export.ONNX, serving / export.ONNX)
            predictors.append(export.open_served(serving))
        asked = [lambda texts, pairs, p=p: p.scores(texts, pairs, name) for p in predictors]
        pairs = list(texts) if heads[name].pairs else None
        rounds = [one_by_one(asked, list(texts), pairs, TEXTS) for _ in range(ROUNDS)]
        return [float(time) for time in np.median(np.min(rounds, axis=0), axis=1)]

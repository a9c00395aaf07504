"""Latency of a model's parts on this machine, served in int8; measured once for each shape of model.

The tables are kept under NIGHTSHIFT_HOME and in the shared store, so that a night that is run again, also on another
machine of the same kind, prunes alike.
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
from nightshift.compression.allocation import LatencyTable
from nightshift.inference.measurement import measure_latencies
from nightshift.inference.predictor import available_cpus
from nightshift.models.architectures import get_architecture, head_size, inner_width, layers
from nightshift.models.heads import Heads, Model
from nightshift.onnx import export, quantization
from nightshift.store import artifact_store, shared_store
from nightshift.store.runtime_environment import processor

log = logging.getLogger("nightshift.compress")
TEXTS = 60
"""Texts that each model is timed on."""
ROUNDS = 5
"""Number of times that each model is timed on each text."""


def load_or_measure(
    model: Model, tokenizer: PreTrainedTokenizerBase, heads: Heads, texts: Sequence[str], max_length: int
) -> LatencyTable:
    """Return the latency that layers with fewer heads and neurons save, from a file or measured.

    Args:
        model: The model whose layers become smaller.
        tokenizer: Its tokenizer.
        heads: Its objectives; the first one is timed.
        texts: Texts that it is timed on.
        max_length: Tokens that it reads of a text.
    """
    names = get_architecture(model)
    widths = [[inner_width(layer, block) for block in names.blocks] for layer in layers(model)]
    sizes = [model.config.model_type, model.config.hidden_size, head_size(model), widths, len(tokenizer), max_length]
    key_parts = [*sizes, sorted(map(len, texts)), allocation.MEASURED, onnxruntime.__version__]
    key_parts += [processor(), available_cpus()]
    key = hashlib.sha256(json.dumps(key_parts).encode()).hexdigest()[:24]
    path = f"measured/{key}.json"
    file = artifact_store.home() / path
    shared_store.pull_file(path)
    if (table := _read(file)) is None:
        table = allocation.measure_latency_table(
            model, lambda models: _measure(models, tokenizer, heads, texts, max_length)
        )
        content = json.dumps([table.full, list(table.heads.items()), list(table.widths.items())])
        artifact_store.write_text(file, content)
    shared_store.push_file(path)
    return table


def _read(file: Path) -> LatencyTable | None:
    """Return the table that a file holds; None if there is none, or, with a line in the log, if it cannot be read."""
    try:
        full, heads, widths = json.loads(file.read_text(encoding="utf-8"))
        saved_by_heads, saved_by_widths = (
            {_count(size): _milliseconds(saved) for size, saved in pairs} for pairs in (heads, widths)
        )
        return LatencyTable(_milliseconds(full), saved_by_heads, saved_by_widths)
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


def _measure(
    models: Sequence[Model], tokenizer: PreTrainedTokenizerBase, heads: Heads, texts: Sequence[str], max_length: int
) -> list[float]:
    """Return the milliseconds per text of each model, timed in turns: the median over texts of the shortest round.

    (The shortest, because other processes on this machine only ever make a round longer.)
    """
    name = next(iter(heads))
    with artifact_store.temporary_directory() as folder:
        predictors: list[Any] = []
        for number, model in enumerate(models):
            log.info("how long its parts take on this machine: shape %d of %d", number + 1, len(models))
            serving = folder / str(number)
            serving.mkdir()
            export.export_model(model, tokenizer, heads, serving, max_length)
            quantization.quantize_int8(serving / export.ONNX, serving / export.ONNX)
            predictors.append(export.open_predictor(serving))
        calls = [lambda texts, pairs, p=p: p.scores(texts, pairs, name) for p in predictors]
        pairs = list(texts) if heads[name].pairs else None
        rounds = [measure_latencies(calls, list(texts), pairs, TEXTS) for _ in range(ROUNDS)]
        return [float(latency) for latency in np.median(np.min(rounds, axis=0), axis=1)]

"""Latency of a model's parts on this machine, served in int8; measured once for each width of model.

The tables are kept under NIGHTSHIFT_HOME and in the shared store, so that a night that is run again, also on another
machine of the same kind, prunes alike, and later nights measure nothing.
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

from nightshift.compression import allocation, pruning
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


LENGTH_CLASSES = 4
"""Classes of text lengths that each doubling is divided into; a table is measured anew for texts of another class."""


def latencies_of(
    model: Model,
    full: Model,
    tokenizer: PreTrainedTokenizerBase,
    heads: Heads,
    texts: Sequence[str],
    max_length: int,
) -> LatencyTable:
    """Return the latencies of a model whose layers were as wide as full's, of all models that differ only in depth by one table.

    Args:
        model: Full, or a smaller form of it.
        full: The model that it comes from.
        tokenizer: Their tokenizer.
        heads: Their objectives; the first one is timed.
        texts: Texts that they are timed on.
        max_length: Tokens that they read of a text.
    """
    if model.config.hidden_size == full.config.hidden_size:
        table = load_or_measure(full, tokenizer, heads, texts, max_length)
        return table.without_layers(len(layers(full)) - len(layers(model)))
    dense = pruning.pad_with_zeros(model, inner_width(layers(full)[0], get_architecture(full).feed_forward))
    return load_or_measure(dense, tokenizer, heads, texts, max_length)


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
    key_parts = [*sizes, _length_class(texts), allocation.MEASURED, onnxruntime.__version__]
    key_parts += [processor(), available_cpus()]
    key = hashlib.sha256(json.dumps(key_parts).encode()).hexdigest()[:24]
    path = f"measured/{key}.json"
    file = artifact_store.home() / path
    shared_store.pull_file(path)
    if (table := _read(file)) is None:
        table = allocation.measure_latency_table(
            model, lambda models: _measure(models, tokenizer, heads, texts, max_length)
        )
        content = json.dumps([table.full, list(table.heads.items()), list(table.widths.items()), table.layer])
        artifact_store.write_text(file, content)
    shared_store.push_file(path)
    return table


def _length_class(texts: Sequence[str]) -> int:
    """Return the class of the texts' mean length, so that the next night's rows, of about this length, need no new table."""
    return round(LENGTH_CLASSES * math.log2(max(1.0, float(np.mean([len(text) for text in texts])))))


def _read(file: Path) -> LatencyTable | None:
    """Return the table that a file holds; None if there is none, or, with a line in the log, if it cannot be read."""
    try:
        full, heads, widths, layer = json.loads(file.read_text(encoding="utf-8"))
        saved_by_heads, saved_by_widths = (
            {_count(size): _milliseconds(saved) for size, saved in pairs} for pairs in (heads, widths)
        )
        return LatencyTable(_milliseconds(full), saved_by_heads, saved_by_widths, _milliseconds(layer))
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

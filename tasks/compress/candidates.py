"""A smaller model as it is served: exported, converted, asked, and measured beside full."""

import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import nightshift.inference.footprint
from nightshift.evaluation import decision_thresholds, scoring
from nightshift.inference.measurement import TorchPredictor, device
from nightshift.inference.predictor import OnnxPredictor
from nightshift.models.heads import read_heads, write_heads
from nightshift.onnx import export, quantization
from nightshift.records import GENERATIVE, Cost, Objective, Trained
from nightshift.store import artifact_store
from nightshift.store.stages import stage
from tasks.compress.recipes import NotPossibleError
from tasks.compress.records import Answers, Costs, Footprint, Served, Student
from tasks.compress.students import checkpoint, opened, training_rows

CALIBRATION_ROWS, BATCH = 256, 32
"""Training rows by which static quantization sets its scales, and how many at once."""


@stage
def served(
    folder: Path,
    model: Trained | Student,
    quantize: str,
    float_weights: int,
    embedding_bits: int,
    objectives: list[Objective],
    max_length: int,
    decision_threshold: float | str = 0.5,
    abstain_accuracy: float | None = None,
) -> Served:
    """The folder that is served, int8 where `quantize` says of which kind, and the checkpoint that it came from.

    What is to be chosen on validation, threshold and bound, is chosen by the scores that are served. So many of the weights that static int8 hurts most stay in float; the embeddings of tokens have so many bits.
    """
    begun, place = time.monotonic(), checkpoint(model)
    shutil.copytree(place, folder / "checkpoint")
    (folder / "serving").mkdir()
    try:
        export.export(*opened(model), folder / "serving", max_length)
    except ValueError as error:
        raise NotPossibleError(str(error)) from error
    if quantize:
        _quantize(folder / "serving", quantize == "static", float_weights, embedding_bits, objectives)
    if decision_thresholds.is_chosen(decision_threshold, abstain_accuracy):
        predictor: Any = export.open_served(folder / "serving")
        heads = decision_thresholds.choose(
            predictor, read_heads(folder / "checkpoint"), objectives, decision_threshold, abstain_accuracy
        )
        export.rewrite_heads(heads, folder / "serving")
        write_heads(heads, folder / "checkpoint")
    return Served(seconds=time.monotonic() - begun)


def _quantize(serving: Path, static: bool, float_weights: int, bits: int, objectives: list[Objective]) -> None:
    graph = serving / export.ONNX
    if not graph.exists():
        if static:
            raise NotPossibleError(
                "quantize:static fixes the scales of a graph; what writes text is served as a checkpoint"
            )
        quantization.quantize_checkpoint(serving)
    elif static:
        feeds = _feeds(serving, objectives)
        worst = quantization.sensitive(graph, feeds, float_weights) if float_weights else []
        quantization.quantize_static(graph, graph, feeds, worst, bits)
    else:
        quantization.quantize_int8(graph, graph, embedding_bits=bits)


def _feeds(serving: Path, objectives: list[Objective]) -> list[dict[str, np.ndarray]]:
    """Training rows of each objective, drawn from all over them, as the graph takes them."""
    predictor = OnnxPredictor(serving)
    found: list[dict[str, np.ndarray]] = []
    for objective in objectives:
        known = training_rows(objective)
        texts, pairs = scoring.texts_of(known.sample(min(len(known), CALIBRATION_ROWS), random_state=0))
        rows = texts if pairs is None else list(zip(texts, pairs, strict=True))
        found += [predictor.feed(rows[at : at + BATCH]) for at in range(0, len(rows), BATCH)]
    return found


@stage
def answers(folder: Path, model: Served | Student, side: str, objectives: list[Objective], max_length: int) -> Answers:
    """What a model says to one side's rows: as it is served, or in PyTorch before any conversion."""
    predictor: Any
    if isinstance(model, Served):
        predictor = export.open_served(artifact_store.folder(model) / "serving")
    else:
        predictor = TorchPredictor(*opened(model), max_length)
        predictor.model.to(device())
    scoring.write(scoring.tables(predictor, side, objectives), folder / "answers")
    return Answers()


def read(found: Answers, objectives: list[Objective]) -> dict[str, pd.DataFrame]:
    """Its tables by objective."""
    return scoring.read(artifact_store.folder(found) / "answers", objectives)


@stage
def costs(
    _folder: Path, trained: Trained, served: dict[str, Served], objectives: list[Objective], max_length: int
) -> Costs:
    """What full and each served model cost, asked in turns in one process.

    Full answers where the others are served: on a processor what judges, on the GPU, where there is one, what writes.
    """
    full = TorchPredictor(*opened(trained), max_length)
    if any(o.kind in GENERATIVE for o in objectives):
        full.model.to(device())
    folders = {"full": checkpoint(trained)} | {
        name: artifact_store.folder(found) / "serving" for name, found in served.items()
    }
    predictors: list[Any] = [full, *(export.open_served(place) for name, place in folders.items() if name != "full")]
    times = scoring.times(predictors, objectives)
    found = {}
    for (name, place), cost in zip(folders.items(), times, strict=True):
        loaded = footprint(served.get(name, trained)) if served else None
        weight = {"memory_mb": loaded.memory_mb, "load_ms": loaded.load_ms} if loaded else {}
        found[name] = Cost(**cost, **weight, size_mb=nightshift.inference.footprint.size_mb(place))
    return Costs(costs=found)


@stage
def footprint(_folder: Path, model: Trained | Served) -> Footprint:
    """Told by a process of the model's own, once of each: a search sets full beside every shape."""
    place = checkpoint(model) if isinstance(model, Trained) else artifact_store.folder(model) / "serving"
    return Footprint(**nightshift.inference.footprint.of(place))

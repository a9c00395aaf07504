"""Candidates as they are served: exported, quantized, asked for predictions, and measured beside full."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

import nightshift.inference.footprint
from nightshift.evaluation import calibration, decision_thresholds, scoring
from nightshift.evaluation.prediction_tables import texts_of
from nightshift.inference.measurement import TorchPredictor, device
from nightshift.inference.predictor import OnnxPredictor
from nightshift.models.heads import read_heads, write_heads
from nightshift.onnx import export, quantization
from nightshift.records import GENERATIVE, Cost, Objective, Settings, Trained
from nightshift.store import artifact_store
from nightshift.store.stages import stage
from tasks.compress.recipes import NotPossibleError
from tasks.compress.records import CandidateCosts, ExportedModel, Footprint, Predictions, RelativeLatency, Student
from tasks.compress.students import checkpoint_folder, load_model, training_rows

CALIBRATION_ROWS, BATCH = 256, 32
"""Training rows by which static quantization sets its scales, and rows of a batch."""
SEARCH_ROWS = 40
"""Rows of validation by which the shapes of a search are timed."""


class NumberFormat(Settings):
    """Number format of an exported model."""

    kind: str = ""
    """`dynamic` or `static` int8; empty: float32."""
    float_weights: int = 0
    """Number of weights that stay in float: those that static int8 hurts most."""
    embedding_bits: int = 8
    """Bits of each number of a token embedding."""


class DecisionSettings(Settings):
    """Decisions that are made on validation by the scores of the exported model, see `train` of the settings."""

    decision_threshold: float | Literal["auto"] = 0.5
    abstain_accuracy: float | None = None


@stage
def export_model(
    folder: Path,
    model: Trained | Student,
    number_format: NumberFormat,
    decisions: DecisionSettings | None,
    objectives: list[Objective],
    max_length: int,
) -> ExportedModel:
    """Export a PyTorch model as it is served, beside the checkpoint that it is exported from.

    Args:
        folder: Where the export is written.
        model: Full or a student.
        number_format: Number format of the export.
        decisions: What is chosen on validation by the exported model's scores; None for full, which keeps its heads.
        objectives: What the model has learned.
        max_length: Tokens that it reads of a text.

    Raises:
        NotPossibleError: The model cannot be exported or quantized like this.
    """
    start_time = time.monotonic()
    serving = folder / "serving"
    artifact_store.copy_checkpoint(checkpoint_folder(model), folder / "checkpoint")
    serving.mkdir()
    try:
        export.export_model(*load_model(model), serving, max_length)
    except ValueError as error:
        raise NotPossibleError(str(error)) from error
    if number_format.kind:
        _quantize(serving, number_format, objectives)
    if decisions is not None and any(objective.kind == "classification" for objective in objectives):
        _fit_heads(folder, decisions, objectives)
    return ExportedModel(seconds=time.monotonic() - start_time)


def _fit_heads(folder: Path, decisions: DecisionSettings, objectives: list[Objective]) -> None:
    """Fit temperatures and decision thresholds on validation by the exported model's scores, and write them into its heads."""
    serving, checkpoint = folder / "serving", folder / "checkpoint"
    predictor: Any = export.open_predictor(serving)
    heads = calibration.calibrate(predictor, read_heads(checkpoint), objectives)
    export.rewrite_heads(heads, serving)
    if decision_thresholds.needs_scores(decisions.decision_threshold, decisions.abstain_accuracy):
        predictor = export.open_predictor(serving)
        heads = decision_thresholds.choose_bounds(
            predictor, heads, objectives, decisions.decision_threshold, decisions.abstain_accuracy
        )
        export.rewrite_heads(heads, serving)
    write_heads(heads, checkpoint)


def _quantize(serving: Path, number_format: NumberFormat, objectives: list[Objective]) -> None:
    graph = serving / export.ONNX
    is_static = number_format.kind == "static"
    if not graph.exists():
        if is_static:
            raise NotPossibleError(
                "quantize:static fixes the scales of a graph; what writes text is served as a checkpoint"
            )
        quantization.quantize_checkpoint(serving)
    elif is_static:
        batches = _calibration_batches(serving, objectives)
        keep_float: list[str] = []
        if number_format.float_weights:
            keep_float = quantization.most_sensitive_weights(graph, batches, number_format.float_weights)
        quantization.quantize_static(graph, graph, batches, keep_float, number_format.embedding_bits)
    else:
        quantization.quantize_int8(graph, graph, embedding_bits=number_format.embedding_bits)


def _calibration_batches(serving: Path, objectives: list[Objective]) -> list[dict[str, np.ndarray]]:
    """Return training rows of each objective, sampled from all of them, as inputs of the graph."""
    predictor = OnnxPredictor(serving)
    batches: list[dict[str, np.ndarray]] = []
    for objective in objectives:
        frame = training_rows(objective)
        texts, pairs = texts_of(frame.sample(min(len(frame), CALIBRATION_ROWS), random_state=0))
        rows = texts if pairs is None else list(zip(texts, pairs, strict=True))
        batches += [predictor.feed(rows[start : start + BATCH]) for start in range(0, len(rows), BATCH)]
    return batches


@stage
def predict(
    folder: Path, model: ExportedModel | Student, side: str, objectives: list[Objective], max_length: int
) -> Predictions:
    """Predict one side's rows.

    Args:
        folder: Where the predictions are written.
        model: A model as it is served, or a student in PyTorch before its conversions.
        side: `validation` or `holdout`.
        objectives: What is predicted.
        max_length: Tokens that a student reads of a text.
    """
    predictor: Any
    if isinstance(model, ExportedModel):
        predictor = export.open_predictor(artifact_store.folder(model) / "serving")
    else:
        predictor = TorchPredictor(*load_model(model), max_length)
        predictor.model.to(device())
    scoring.write(scoring.tables(predictor, side, objectives), folder / "answers")
    return Predictions()


def predict_sides(
    model: ExportedModel, sides: Sequence[str], objectives: list[Objective], max_length: int
) -> list[Predictions]:
    """Predict the rows of several sides, see `predict`.

    Args:
        model: The exported model.
        sides: Names of the sides.
        objectives: What it predicts.
        max_length: Maximum number of tokens of a text.
    """
    return [predict(model, side, objectives, max_length) for side in sides]


def read_predictions(predictions: Predictions, objectives: list[Objective]) -> dict[str, pd.DataFrame]:
    """Return the tables of predictions by objective."""
    return scoring.read(artifact_store.folder(predictions) / "answers", objectives)


@stage
def measure_costs(
    _folder: Path, trained: Trained, exported: dict[str, ExportedModel], objectives: list[Objective], max_length: int
) -> CandidateCosts:
    """Measure full and each exported model in turns, in one process.

    Args:
        trained: Full.
        exported: Its smaller forms by name.
        objectives: The latency of the first main one is measured.
        max_length: Tokens that full reads of a text.
    """
    full = _full_predictor(trained, objectives, max_length)
    folders = {name: artifact_store.folder(model) / "serving" for name, model in exported.items()}
    predictors: list[Any] = [full, *(export.open_predictor(folder) for folder in folders.values())]
    timings = scoring.times(predictors, objectives)
    costs = {}
    for (name, folder), timing in zip({"full": checkpoint_folder(trained), **folders}.items(), timings, strict=True):
        footprint = measure_footprint(exported.get(name, trained)) if exported else None
        costs[name] = Cost(
            **timing,
            size_mb=nightshift.inference.footprint.size_mb(folder),
            memory_mb=footprint.memory_mb if footprint else None,
            load_ms=footprint.load_ms if footprint else None,
        )
    return CandidateCosts(costs=costs)


@stage
def measure_latency(
    _folder: Path, trained: Trained, model: ExportedModel, objectives: list[Objective], max_length: int
) -> RelativeLatency:
    """Measure the latency of an exported model as a share of full's: enough to order the shapes of a search.

    Args:
        trained: Full.
        model: A smaller form of it.
        objectives: The latency of the first main one is measured.
        max_length: Tokens that full reads of a text.
    """
    predictors: list[Any] = [_full_predictor(trained, objectives, max_length)]
    predictors.append(export.open_predictor(artifact_store.folder(model) / "serving"))
    full, smaller = scoring.latencies(predictors, objectives, SEARCH_ROWS)
    return RelativeLatency(share=smaller / full)


def _full_predictor(trained: Trained, objectives: list[Objective], max_length: int) -> TorchPredictor:
    """Return full where the others are served: a generative model on the GPU if there is one, any other on the CPU."""
    full = TorchPredictor(*load_model(trained), max_length)
    if any(o.kind in GENERATIVE for o in objectives):
        full.model.to(device())
    return full


@stage
def measure_footprint(_folder: Path, model: Trained | ExportedModel) -> Footprint:
    """Measure memory and load time in a subprocess."""
    folder = checkpoint_folder(model) if isinstance(model, Trained) else artifact_store.folder(model) / "serving"
    return Footprint(**nightshift.inference.footprint.measure(folder))

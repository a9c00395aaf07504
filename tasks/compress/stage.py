"""Compresses full by distillation, pruning, vocabulary and quantization, and chooses under measured constraints.

A recipe is a chain of steps (`tasks.compress.recipes`). Each gives a candidate, measured like full on the same rows
and the same machine, in turns; one of them is put forward (`tasks.compress.selection`).
"""

import logging
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from nightshift.evaluation import decision_thresholds, kinds, scoring
from nightshift.evaluation.prediction_tables import Tables
from nightshift.execution.calls import Call, run_calls
from nightshift.models.heads import read_heads
from nightshift.records import Candidate, Compressed, Cost, Evaluated, Objective, Trained, WarmStart
from nightshift.store import artifact_store
from nightshift.store.stages import stage
from tasks.compress import candidates, search, selection
from tasks.compress.candidate_builder import CandidateBuilder
from tasks.compress.recipes import Recipe
from tasks.compress.records import ExportedModel, Student
from tasks.compress.settings import CompressSettings, InheritedSettings

log = logging.getLogger("nightshift.compress")
SIDES = ("validation", "holdout")
_MARKER = shutil.ignore_patterns(artifact_store.MARKER)

FULL_RECIPE = Recipe()
"""The recipe of full."""
Predictions = dict[Recipe, dict[str, Tables]]
"""Predictions of full and of each exported model, by side."""


@stage
def compress(
    folder: Path,
    trained: Trained,
    evaluated: Evaluated,
    objectives: list[Objective],
    settings: CompressSettings,
    inherited: InheritedSettings,
    teachers: list[Trained | WarmStart],
    model_name: str,
    deadline: float | None = None,
) -> Compressed:
    """Build smaller models, measure them beside full, and choose one.

    Args:
        folder: Where the exported models and their predictions are written.
        trained: Full.
        evaluated: Full's metrics and predictions.
        objectives: What the models have learned.
        settings: Recipes, and what a candidate may lose.
        inherited: Settings of the training of full.
        teachers: Models whose logits students learn from.
        model_name: The registered model, under whose name trainings keep their checkpoints.
        deadline: Seconds since the epoch; recipes whose training would end later are left out.
    """
    builder = CandidateBuilder(trained, objectives, settings, inherited, teachers, model_name, deadline)
    if settings.recipes == "auto":
        recipes = search.search(builder, evaluated.validation)
    else:
        recipes = [Recipe.parse(recipe) for recipe in settings.recipes]
    exported, left_out = builder.export_all(recipes)
    if left_out:
        log.warning("left out: %s", ", ".join(left_out))
    by_name = {str(recipe): model for recipe, model in exported.items()}
    costs = candidates.measure_costs(trained, by_name, objectives, builder.max_length).costs
    predictions = _predict(builder, evaluated, exported)
    full, *smaller = _measure(builder, exported, costs, predictions)
    holdouts = {str(recipe): sides["holdout"] for recipe, sides in predictions.items()}
    decided = selection.choose(full, smaller, holdouts, objectives, settings)
    if decided[0].chosen:
        exported[FULL_RECIPE] = builder.export(FULL_RECIPE)
    chosen = next(recipe for recipe, candidate in zip(predictions, decided, strict=True) if candidate.chosen)
    _write(folder, chosen, exported[chosen], predictions[chosen])
    remarked = []
    for recipe, candidate in zip(predictions, decided, strict=True):
        remarks = [
            candidate.why,
            _conversion_remark(builder, recipe, predictions),
            f"; left out: {', '.join(left_out)}" if candidate.chosen and left_out else "",
            _decision_remark(builder, exported.get(recipe)),
        ]
        remarked.append(candidate.model_copy(update={"why": "".join(remarks)}))
    paths = {str(recipe): model.path for recipe, model in exported.items()}
    return Compressed(candidates=remarked, exports=paths)


def _predict(builder: CandidateBuilder, evaluated: Evaluated, exported: Mapping[Recipe, ExportedModel]) -> Predictions:
    """Return full's predictions from its evaluation, and those of each exported model."""
    evaluation = artifact_store.folder(evaluated)
    predictions = {FULL_RECIPE: {side: scoring.read(evaluation / side, builder.objectives) for side in SIDES}}
    run_calls(
        Call(
            f"predictions of {recipe}", candidates.predict_sides, (model, SIDES, builder.objectives, builder.max_length)
        )
        for recipe, model in exported.items()
    )
    for recipe, model in exported.items():
        predictions[recipe] = {side: builder.predictions(model, side) for side in SIDES}
    return predictions


def _measure(
    builder: CandidateBuilder,
    exported: Mapping[Recipe, ExportedModel],
    costs: Mapping[str, Cost],
    predictions: Predictions,
) -> list[Candidate]:
    """Return full and each exported model with metrics and costs; nothing is decided yet."""
    measured = []
    for recipe, sides in predictions.items():
        candidate = measured_candidate(str(recipe), costs[str(recipe)], sides, builder.objectives)
        if recipe != FULL_RECIPE:
            changed = changed_predictions(sides["holdout"], predictions[FULL_RECIPE]["holdout"], builder.objectives)
            seconds = builder.seconds(recipe, exported[recipe])
            candidate = candidate.model_copy(update={"seconds": seconds, "flips": changed})
        measured.append(candidate)
    return measured


def measured_candidate(name: str, cost: Cost, sides: dict[str, Tables], objectives: list[Objective]) -> Candidate:
    """Return a candidate with its costs, and its metrics on validation and holdout.

    Args:
        name: The name of its recipe.
        cost: Latency, size and memory.
        sides: Its predictions by side.
        objectives: What it predicts.
    """
    metrics = {side: kinds.metrics(sides[side], objectives) for side in SIDES}
    return Candidate(
        name=name,
        recipe=name,
        validation=metrics["validation"],
        holdout=metrics["holdout"],
        accuracy=metrics["holdout"].get("accuracy"),
        macro_f1=metrics["holdout"].get("macro_f1"),
        **dict(cost),
    )


def changed_predictions(first: Tables, second: Tables, objectives: list[Objective]) -> int:
    """Return the number of rows with different labels in two tables; predictions of other kinds are not compared."""
    names = [o.name for o in objectives if o.kind == "classification"]
    return sum(int((first[name]["predicted"] != second[name]["predicted"]).sum()) for name in names)


def _conversion_remark(builder: CandidateBuilder, recipe: Recipe, predictions: Predictions) -> str:
    """Return the number of predictions on validation that the steps without training have changed, in words."""
    conversions = [step.name for step in recipe.conversions]
    if not conversions or not any(o.kind == "classification" for o in builder.objectives):
        return ""
    parent = builder.before_conversions(recipe)
    if isinstance(parent, Student):
        unconverted = builder.predictions(parent, "validation")
    else:
        unconverted = predictions[FULL_RECIPE]["validation"]
    converted = predictions[recipe]["validation"]
    rows = sum(len(converted[o.name]) for o in builder.objectives if o.kind == "classification")
    changed = changed_predictions(converted, unconverted, builder.objectives)
    return f"; {' and '.join(conversions)} changed {changed:,} of {rows:,} answers"


def _decision_remark(builder: CandidateBuilder, exported: ExportedModel | None) -> str:
    """Return the bounds that an exported model decides by, in words."""
    if exported is None:
        return ""
    heads = read_heads(artifact_store.folder(exported) / "checkpoint")
    return decision_thresholds.describe(heads, builder.inherited.decision_threshold)


def _write(folder: Path, recipe: Recipe, exported: ExportedModel, predictions: Mapping[str, Tables]) -> None:
    """Link the chosen model into `folder/RECIPE`, and write its predictions beside it."""
    target = folder / str(recipe)
    shutil.copytree(artifact_store.folder(exported), target, copy_function=os.link, ignore=_MARKER)
    for side, tables in predictions.items():
        scoring.write(tables, target / side)

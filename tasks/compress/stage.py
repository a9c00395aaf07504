"""Compresses full by distillation, pruning, a smaller vocabulary and quantization, and chooses under measured constraints.

A recipe is a chain of steps (`tasks.compress.recipes`). Each gives a candidate, measured like full on the same rows
and the same machine, in turns; one of them is put forward (`tasks.compress.selection`).
"""

import logging
import os
import shutil
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from nightshift.errors import SettingsError
from nightshift.evaluation import decision_thresholds, kinds, scoring
from nightshift.evaluation.significance import Tables
from nightshift.models import pretrained
from nightshift.models.heads import read_heads
from nightshift.records import Candidate, Compressed, Cost, Evaluated, Objective, Start, Trained
from nightshift.store import artifact_store
from nightshift.store.stages import stage
from tasks.compress import candidates, search, selection
from tasks.compress.candidate_builder import Workshop
from tasks.compress.recipes import FULL, NotPossibleError, chain, parse
from tasks.compress.records import Served, Student
from tasks.compress.selection import Bounds
from tasks.compress.settings import InheritedSettings

log = logging.getLogger("nightshift.compress")
TEACHERS = (FULL, "champion")
"""Those that need no training of their own."""


class CompressSettings(Bounds):
    """Recipes for smaller candidates of the trained model, and what they may lose."""

    recipes: list[str] | Literal["auto"] = ["quantize", "distil", "prune", "distil+quantize", "distil+prune+quantize"]
    """Chains of distil, narrow and prune, or static, then vocabulary, embeddings and quantize; auto: a search; an empty list: only the full model."""
    search_minutes: float = Field(60, gt=0)
    """Time budget of the search, in minutes; after it only the cheapest remaining recipe continues."""
    teachers: list[str] = Field(["full"], min_length=1)
    """Teachers of the student models, of several the mean: full (the trained model), champion, or a base model as in `train.base_model`, which is fine-tuned first."""
    layers: float = Field(0.5, gt=0, le=1)
    """Fraction of the layers that a student model keeps."""
    strategy: Literal["spread", "first", "last", "every", "alternating"] = "spread"
    """Layers that are kept: spread (evenly spaced), first, last, every (one in n) or alternating (every other one is dropped, from the top)."""
    hidden_size: float = Field(0.5, gt=0, lt=1)
    """Fraction of the hidden size that a narrowed model keeps."""
    target_latency_ratio: float = Field(0.5, gt=0, lt=1)
    """Latency of a pruned model as a fraction of its parent's; heads and neurons are removed by their latency on this machine."""
    temperature: float = Field(2.0, gt=0)
    """Temperature of the softmax in the distillation loss."""
    alpha: float = Field(0.7, ge=0, le=1)
    """Weight of the distillation loss; the loss on the labels has the weight 1 - alpha."""
    attention_loss_weight: float = Field(0.0, ge=0)
    """Weight of the loss between the attention relations of student and teacher; 0: not used."""
    hidden_loss_weight: float = Field(0.0, ge=0)
    """Weight of the loss between the hidden states of student and teacher; 0: not used."""
    cosine_loss_weight: float = Field(0.0, ge=0)
    """Weight of the cosine loss between the last hidden states of student and teacher; 0: not used."""
    distil_epochs: float = Field(4, gt=0)
    """Number of training epochs of a student model."""
    recovery_epochs: float = Field(2, ge=0)
    """Number of training epochs after pruning; 0: least-squares reconstruction without training."""
    learning_rate: float = Field(1e-4, gt=0)
    """Peak learning rate of student models and after pruning."""
    float_weights: int = Field(0, ge=0)
    """Number of weight matrices that stay in float32, those that static int8 quantization harms most."""
    static_epochs: float = Field(5, gt=0)
    """Number of training epochs of a static student model."""
    static_learning_rate: float = Field(2e-3, gt=0)
    """Peak learning rate of a static student model."""

    @property
    def teaching_bases(self) -> list[str]:
        """The base models among the teachers."""
        return [name for name in self.teachers if name not in TEACHERS]

    def bases(self) -> dict[str, str]:
        """What identifies the base models among the teachers; raises SettingsError where there is no such one."""
        try:
            return {name: pretrained.digest(name) for name in self.teaching_bases}
        except ValueError as error:
            raise SettingsError(f"compress.teachers: full, champion or a base model: {error}") from error

    @model_validator(mode="after")
    def _answers_alone(self) -> Self:
        if self.teachers != [FULL] and (
            self.attention_loss_weight or self.hidden_loss_weight or self.cosine_loss_weight
        ):
            raise ValueError(
                "attention_loss_weight, hidden_loss_weight and cosine_loss_weight compare with layers of full: leave them out with other teachers"
            )
        return self

    @field_validator("recipes")
    @classmethod
    def _known_steps(cls, recipes: list[str] | str) -> list[str] | str:
        if FULL in recipes:
            raise ValueError("full is a candidate anyway: leave it out")
        return recipes if isinstance(recipes, str) else [chain(parse(recipe)) for recipe in recipes]


@stage
def compress(
    folder: Path,
    trained: Trained,
    evaluated: Evaluated,
    objectives: list[Objective],
    compress: CompressSettings,
    train: InheritedSettings,
    teachers: list[Trained | Start],
    model_name: str,
    deadline: float | None = None,
) -> Compressed:
    """Make, measure and choose.

    `teachers`: whose answers students learn. `train`: settings of the training of full. `model_name` says where
    checkpoints lie. A recipe that would end after `deadline` (seconds since the epoch) is shed.
    """
    shop = Workshop(trained, objectives, compress.model_dump(), train, teachers, model_name, deadline)
    recipes = compress.recipes
    if recipes == "auto":
        recipes = search.explore(shop, evaluated.validation, compress.keep, compress.search_minutes)
    served: dict[str, Served] = {}
    left_out = []
    for number, recipe in enumerate(recipes, 1):
        if shop.too_late(recipe):
            left_out.append(f"{recipe} (shed by the deadline)")
            continue
        log.info("candidate %d of %d: %s", number, len(recipes), recipe)
        try:
            served[recipe] = shop.served(recipe)
        except NotPossibleError as error:
            left_out.append(f"{recipe} ({error})")
    costs = candidates.costs(trained, served, objectives, shop.max_length).costs
    tables = {FULL: {side: scoring.read(artifact_store.folder(evaluated) / side, objectives) for side in SIDES}}
    tables |= {name: {side: shop.answers(found, side) for side in SIDES} for name, found in served.items()}
    full, *others = [measured(name, costs[name], found, objectives) for name, found in tables.items()]
    for candidate in others:
        candidate.seconds = shop.seconds(candidate.name, served[candidate.name])
    holdouts = {name: found["holdout"] for name, found in tables.items()}
    chosen = selection.choose(full, others, holdouts, objectives, compress)
    for candidate in others:
        candidate.flips = selection.flips(holdouts[candidate.name], holdouts[FULL], objectives)
        candidate.why += _conversions(shop, candidate.name, tables)
    if left_out:
        log.warning("left out: %s", ", ".join(left_out))
        chosen.why += f"; left out: {', '.join(left_out)}"
    if chosen is full:
        served[FULL] = shop.served(FULL)
    for candidate in (full, *others):
        if candidate.name in served:
            heads = read_heads(artifact_store.folder(served[candidate.name]) / "checkpoint")
            candidate.why += decision_thresholds.in_words(heads, train.decision_threshold)
    for name, found in served.items():
        shutil.copytree(artifact_store.folder(found), folder / name, copy_function=os.link, ignore=_MARKER)
        for side, answers in tables[name].items():
            scoring.write(answers, folder / name / side)
    return Compressed(candidates=[full, *others], chosen=chosen.name)


def _conversions(shop: Workshop, recipe: str, tables: dict[str, dict[str, Tables]]) -> str:
    """How many answers on validation the steps without training have changed, in words."""
    words = [step.name for step in parse(recipe) if not step.trains]
    if not words or not any(o.kind == "classification" for o in shop.objectives):
        return ""
    parent = shop.converted_from(recipe)
    before = shop.answers(parent, "validation") if isinstance(parent, Student) else tables[FULL]["validation"]
    after = tables[recipe]["validation"]
    rows = sum(len(after[o.name]) for o in shop.objectives if o.kind == "classification")
    return f"; {' and '.join(words)} changed {selection.flips(after, before, shop.objectives):,} of {rows:,} answers"


SIDES = ("validation", "holdout")
_MARKER = shutil.ignore_patterns(artifact_store.MARKER)


def measured(name: str, cost: Cost, tables: dict[str, Tables], objectives: list[Objective]) -> Candidate:
    """A candidate with its figures on `validation` and `holdout`; nothing is decided yet."""
    found = {side: kinds.metrics(tables[side], objectives) for side in SIDES}
    known = {metric: found["holdout"].get(metric) for metric in ("accuracy", "macro_f1")}
    return Candidate(name=name, recipe=name, **found, **known, **cost.model_dump())

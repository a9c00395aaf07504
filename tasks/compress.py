"""Compresses full by distillation, pruning, a smaller vocabulary and quantization, and chooses under measured constraints.

A recipe is a chain such as `distil+prune+quantize`. Each gives a candidate, measured like full on the same rows
and the same machine. Validation chooses; the holdout confirms, from cautious to bold, and stops at the first
failure (a fixed sequence of tests needs no correction); the cheapest confirmed candidate is put forward, else full.
Where the holdout is too small to confirm any, the most cautious is put forward as unconfirmed.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from pydantic import Field, field_validator
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from models import bases, export, pruning, quantization, student, training, vocabulary
from models.batches import Collator, inputs_of
from models.encoding import Examples
from models.heads import Head, Model
from models.measure import TorchPredictor
from models.progress import Progress
from tasks import evidence, kinds, pictures, scoring, store
from tasks.evidence import Tables
from tasks.records import GENERATIVE, Candidate, Compressed, Cost, Evaluated, Kind, Objective, Settings, Trained
from tasks.stage import stage

log = logging.getLogger("nightshift.compress")
Step = Literal["distil", "prune", "vocabulary", "quantize"]
CONVERSIONS = ("vocabulary", "quantize")
"""Steps without training; in this order they end a recipe."""
TIE = 0.9
"""Costs within 10 % are ties."""


class CompressSettings(Settings):
    """Which smaller models are tried, and what they may lose."""

    recipes: list[str] = ["quantize", "distil", "prune", "distil+quantize", "distil+prune+quantize"]
    """Chains of distil, prune, vocabulary and quantize; the last two come last. An empty list puts full forward."""
    keep: float = Field(0.99, gt=0, le=1)
    """Share of full's metric (the gate's) on validation that a candidate must keep."""
    max_drop: float = Field(0.02, gt=0, lt=1)
    """Drop of the metric that the holdout must rule out."""
    confidence: float = Field(0.95, gt=0.5, lt=1)
    """Of that test, one-sided."""
    allow_unconfirmed: bool = True
    """Whether a candidate may be put forward where the holdout has too few rows to confirm any."""
    layers: float = Field(0.5, gt=0, le=1)
    """Share of the layers a student keeps."""
    width: float = Field(0.5, gt=0, le=1)
    """Share of the feed-forward neurons that pruning keeps."""
    temperature: float = Field(2.0, gt=0)
    """Softens the teacher's scores."""
    alpha: float = Field(0.7, ge=0, le=1)
    """Weight of the teacher's scores; the rest is the labels'."""
    distil_epochs: float = Field(4, gt=0)
    """Epochs of a student."""
    recovery_epochs: float = Field(2, gt=0)
    """Epochs after pruning."""
    learning_rate: float = Field(1e-4, gt=0)
    """Of students and recovery."""

    @field_validator("recipes")
    @classmethod
    def _known_steps(cls, recipes: list[str]) -> list[str]:
        for recipe in recipes:
            steps = recipe.split("+")
            ordered = sorted(steps, key=lambda step: CONVERSIONS.index(step) + 1 if step in CONVERSIONS else 0)
            if not set(steps) <= set(get_args(Step)) or len(set(steps)) < len(steps) or steps != ordered:
                raise ValueError(f"{recipe!r} is no chain of distil, prune, vocabulary and quantize "
                                 "(each once, vocabulary and quantize last)")  # fmt: skip
        return recipes


@dataclass
class Workshop:
    """What every recipe shares: the teacher, the rows with the teacher's answers, the models made so far."""

    folder: Path
    work: Path
    """For checkpoints, which survive a killed night."""
    settings: CompressSettings
    train: dict[str, Any]
    """max_length, per_device_train_batch_size, precision and seed of tonight's training."""
    objectives: list[Objective]
    teacher: Model
    tokenizer: PreTrainedTokenizerBase
    heads: dict[str, Head]
    made: dict[str, PreTrainedModel] = field(default_factory=dict)

    @cached_property
    def rows(self) -> dict[str, Examples]:
        """The training rows of the one objective, with the teacher's logits."""
        (objective,) = self.objectives
        frame = pd.read_parquet(store.folder(objective.augmented) / "train.parquet")
        full = TorchPredictor(self.teacher, self.tokenizer, self.heads, self.train["max_length"])
        logits = full.logits(*scoring.texts_of(frame), objective.name)
        head = self.heads[objective.name]
        return {objective.name: scoring.examples(frame, self.tokenizer, head, self.train["max_length"], logits)}

    @cached_property
    def texts(self) -> list[str]:
        """All that tonight's model was trained on."""
        frames = [pd.read_parquet(store.folder(o.augmented) / "train.parquet") for o in self.objectives]
        return [text for frame in frames for column in scoring.texts_of(frame) if column is not None for text in column]

    def model(self, recipe: str) -> Model:
        """The PyTorch model of a recipe without its conversions; each is made once."""
        if not recipe:
            return self.teacher
        if recipe not in self.made:
            parent, _, step = recipe.rpartition("+")
            self.made[recipe] = self._trained(recipe, STEPS[step](self, self.model(parent)), step)
        return self.made[recipe]

    def epochs(self, recipe: str) -> float:
        """Epochs of training that a recipe still needs."""
        steps = _torch_steps(recipe).split("+")
        chains = {"+".join(steps[: place + 1]): step for place, step in enumerate(steps) if step}
        return sum(self._epochs(step) for chain, step in chains.items() if chain not in self.made)

    def _epochs(self, step: str) -> float:
        return self.settings.distil_epochs if step == "distil" else self.settings.recovery_epochs

    def _trained(self, recipe: str, model: PreTrainedModel, step: str) -> PreTrainedModel:
        count = sum(p.numel() for p in model.parameters())
        log.info("%s: %s parameters, learning from full", recipe, f"{count:,}")
        arguments = {
            "num_train_epochs": self._epochs(step),
            "learning_rate": self.settings.learning_rate,
            "per_device_train_batch_size": self.train["per_device_train_batch_size"],
            "precision": self.train["precision"],
            "seed": self.train["seed"],
            "save_steps": 500,
            "save_total_limit": 2,
            "logging_steps": 50,
        }
        lesson = training.Recipe(temperature=self.settings.temperature, alpha=self.settings.alpha)
        training.fit(model, self.tokenizer, self.heads, self.rows, {}, self.work / recipe, arguments,
                     [Progress(recipe)], lesson)  # fmt: skip
        return model.eval()


def _torch_steps(recipe: str) -> str:
    return "+".join(step for step in recipe.split("+") if step in STEPS)


def _distil(shop: Workshop, parent: Model) -> PreTrainedModel:
    layers = max(1, round(parent.config.num_hidden_layers * shop.settings.layers))
    return student.student_of(parent, layers)


def _prune(shop: Workshop, parent: Model) -> PreTrainedModel:
    ((name, rows),) = shop.rows.items()
    collate = Collator(shop.rows, shop.heads, shop.tokenizer.pad_token_id)
    picked = np.random.default_rng(shop.train["seed"]).permutation(len(rows))[:1024]
    batches = [collate([(name, int(row)) for row in picked[at : at + 32]]) for at in range(0, len(picked), 32)]
    importance = pruning.ffn_importance(parent, [inputs_of(batch, labels=True) for batch in batches], shop.heads[name])
    return pruning.prune_ffn(parent, importance, max(8, int(len(importance[0]) * shop.settings.width)))


STEPS: dict[str, Callable[[Workshop, Any], PreTrainedModel]] = {"distil": _distil, "prune": _prune}


def usable(objectives: list[Kind]) -> set[str]:
    """Steps of which a recipe may consist: none for a model that writes text, no training for several objectives."""
    if set(objectives) & set(GENERATIVE):
        return set()
    return set(get_args(Step)) if len(objectives) == 1 else set(CONVERSIONS)


def make(shop: Workshop, recipe: str) -> Path:
    """Write a recipe's `checkpoint/` and its `serving/` folder; returns the folder of both."""
    model, tokenizer = shop.model(_torch_steps(recipe)), shop.tokenizer
    if "vocabulary" in recipe.split("+"):
        model, tokenizer = vocabulary.cut(model, tokenizer, shop.texts)
    target = shop.folder / recipe
    serving = target / "serving"
    serving.mkdir(parents=True)
    bases.save_checkpoint(model, tokenizer, shop.heads, target / "checkpoint")
    export.export(model, tokenizer, shop.heads, serving, shop.train["max_length"])
    if recipe.endswith("quantize"):
        quantization.quantize_int8(serving / "model.onnx", serving / "int8.onnx")
        (serving / "int8.onnx").replace(serving / "model.onnx")
    return target


def measured(recipe: str, cost: Cost, tables: dict[str, Tables], objectives: list[Objective]) -> Candidate:
    """A candidate with its figures on `validation` and `holdout`; nothing is decided yet."""
    found = {side: kinds.metrics(tables[side], objectives) for side in ("validation", "holdout")}
    known = {name: found["holdout"].get(name) for name in ("accuracy", "macro_f1")}
    return Candidate(name=recipe, recipe=recipe, **found, **known, **cost.model_dump())


def choose(
    full: Candidate,
    candidates: list[Candidate],
    holdouts: dict[str, Tables],
    objectives: list[Objective],
    settings: CompressSettings,
) -> Candidate:
    """Decide which candidate is put forward, and write on each why; pure but for those remarks.

    `holdouts` holds each candidate's answers on the same rows, by name.
    """
    metric = kinds.primary(objectives)
    for candidate in candidates:
        candidate.qualifies, candidate.why = _kept(
            candidate.validation[metric], full.validation[metric], metric, settings.keep
        )
    full.qualifies = full.confirmed = True
    full.why = "the reference"
    sequence = _cautious_to_bold(candidates, metric)
    needed = _confirm(sequence, full, holdouts, objectives, settings)
    confirmed = [candidate for candidate in sequence if candidate.confirmed]
    if confirmed:
        best = _cheapest(confirmed, metric)
    elif sequence and needed and settings.allow_unconfirmed:
        best = sequence[0]
        best.why += (
            f"; unconfirmed: about {needed:,} holdout rows would be needed to rule out a drop of {settings.max_drop}"
        )
    else:
        best = full
    best.chosen = True
    best.why += "; put forward"
    return best


def _kept(value: float, reference: float, metric: str, keep: float) -> tuple[bool, str]:
    """Whether a metric is near enough to full's, and that in words; a weighted sum or a correlation may be negative."""
    bound = reference / keep if kinds.better(metric) < 0 else reference - (1 - keep) * abs(reference)
    near = kinds.better(metric) * (value - bound) >= 0
    ratio = value / reference if reference else 1.0
    words = f"keeps {ratio ** kinds.better(metric):.1%} of full's {metric} on validation"
    if metric == kinds.WEIGHTED or ratio <= 0:
        words = f"{metric} {value:.4f} on validation, full's is {reference:.4f}"
    return near, words if near else f"{words}, below {keep:.0%}"


def _quality(candidate: Candidate, metric: str) -> float:
    return kinds.better(metric) * candidate.validation[metric]


def _cautious_to_bold(candidates: list[Candidate], metric: str) -> list[Candidate]:
    """Qualifying candidates that nothing beats in both cost and validation metric, the dearest first."""
    front: list[Candidate] = []
    ranked = sorted(
        (c for c in candidates if c.qualifies), key=lambda c: (c.latency_ms_p50, -_quality(c, metric), c.name)
    )
    for candidate in ranked:
        better = next((c for c in front if _quality(c, metric) >= _quality(candidate, metric)), None)
        if better:
            candidate.why += f"; {better.name} is cheaper and no worse"
        else:
            front.append(candidate)
    return front[::-1]


def _confirm(
    sequence: list[Candidate],
    full: Candidate,
    holdouts: dict[str, Tables],
    objectives: list[Objective],
    settings: CompressSettings,
) -> int | None:
    """Test the sequence against full on the holdout; returns the rows it would take where there are too few."""
    for place, candidate in enumerate(sequence):
        pair = holdouts[candidate.name], holdouts[full.name], objectives
        difference = evidence.compare(*pair, settings.confidence)
        candidate.difference, candidate.lower = difference.difference, difference.lower
        candidate.flips = _flips(*pair)
        if difference.lower > -settings.max_drop:
            candidate.confirmed = True
            candidate.why += f"; confirmed: at most {max(0.0, -difference.lower):.4f} worse than full on the holdout"
            continue
        candidate.why += f"; not confirmed: up to {-difference.lower:.4f} worse than full on the holdout"
        for bolder in sequence[place + 1 :]:
            bolder.why += f"; not tested after {candidate.name} failed"
        needed = evidence.rows_to_tell(*pair, difference, settings.max_drop, settings.confidence)
        rows = len(holdouts[full.name][objectives[0].name])
        return needed if place == 0 and needed and rows < needed else None
    return None


def _flips(first: Tables, second: Tables, objectives: list[Objective]) -> int:
    """Rows of which the two say something else; of numbers none is counted."""
    told = [o.name for o in objectives if o.kind == "classification"]
    return sum(int((first[name]["predicted"] != second[name]["predicted"]).sum()) for name in told)


def _cheapest(candidates: list[Candidate], metric: str) -> Candidate:
    least = min(candidate.latency_ms_p50 for candidate in candidates)
    tied = [candidate for candidate in candidates if candidate.latency_ms_p50 * TIE <= least]
    return min(tied, key=lambda c: (-_quality(c, metric), c.name))


def too_late(shop: Workshop, recipe: str, rows_per_second: float, deadline: float | None) -> bool:
    """Whether the training that a recipe still needs would end after the deadline."""
    if deadline is None:
        return False
    rows = sum(o.sides.train + o.augmented.augmented for o in shop.objectives)
    return time.time() + shop.epochs(recipe) * rows / rows_per_second > deadline


@stage
def compress(
    folder: Path,
    trained: Trained,
    evaluated: Evaluated,
    objectives: list[Objective],
    compress: CompressSettings,
    train: dict[str, Any],
    model_name: str,
    deadline: float | None = None,
) -> Compressed:
    """Make, measure and choose.

    `train`: max_length, per_device_train_batch_size and seed of tonight's training. `model_name` says where checkpoints
    lie. A recipe that would end after `deadline` (seconds since the epoch), at the speed of tonight's training, is shed.
    """
    teacher, tokenizer, heads = bases.load_checkpoint(store.folder(trained) / "model")
    work = store.work(model_name, f"compress-{store.key(folder)}")
    told = train | {"precision": trained.precision}
    shop = Workshop(folder, work, compress, told, objectives, teacher, tokenizer, heads)
    sides = ("validation", "holdout")
    tables = {side: scoring.read(store.folder(evaluated) / side, objectives) for side in sides}
    full = measured("full", evaluated.cost, tables, objectives)
    holdouts, candidates, shed = {"full": tables["holdout"]}, [], []
    for number, recipe in enumerate(compress.recipes, 1):
        if too_late(shop, recipe, trained.figures.get("rows_per_second", float("inf")), deadline):
            shed.append(recipe)
            continue
        log.info("candidate %d of %d: %s", number, len(compress.recipes), recipe)
        target = make(shop, recipe)
        served: Any = export.open_served(target / "serving")
        tables = {side: scoring.tables(served, side, objectives) for side in sides}
        for side, answers in tables.items():
            scoring.write(answers, target / side)
        cost = scoring.cost(served, objectives, target / "serving/model.onnx")
        candidates.append(measured(recipe, cost, tables, objectives))
        holdouts[recipe] = tables["holdout"]
    chosen = choose(full, candidates, holdouts, objectives, compress)
    if shed:
        log.warning("shed by the deadline: %s", ", ".join(shed))
        chosen.why += f"; shed by the deadline: {', '.join(shed)}"
    if chosen.name == "full":
        make(shop, "full")
    (folder / "measured").mkdir()
    pictures.pareto([full, *candidates], kinds.primary(objectives), folder / "measured/pareto.png")
    return Compressed(candidates=[full, *candidates], chosen=chosen.name)

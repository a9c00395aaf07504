"""Compresses full by distillation, pruning and quantization, and chooses under measured constraints.

A recipe is a chain such as `distil+prune+quantize`. Each gives a candidate, measured like full on the same rows
and the same machine. Validation chooses; the holdout confirms, from cautious to bold, and stops at the first
failure (a fixed sequence of tests needs no correction); the cheapest confirmed candidate is put forward, else full.
Where the holdout is too small to confirm any, the most cautious is put forward as unconfirmed.
"""

import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from pydantic import Field, field_validator
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from models import bases, distillation, export, pruning, quantization, student, training
from models.measure import TorchTextClassifier
from models.progress import Progress
from models.serving import OnnxTextClassifier
from tasks import evidence, pictures, scoring, store
from tasks.records import Augmented, Candidate, Compressed, Cost, Evaluated, Settings, Sides, Trained
from tasks.stage import stage

log = logging.getLogger("nightshift.compress")
Step = Literal["distil", "prune", "quantize"]
TIE = 0.9
"""Costs within 10 % are ties."""


class CompressSettings(Settings):
    """Which smaller models are tried, and what they may lose."""

    recipes: list[str] = ["quantize", "distil", "prune", "distil+quantize", "distil+prune+quantize"]
    """Chains of distil, prune and quantize; quantize comes last. An empty list puts full forward."""
    metric: Literal["accuracy", "macro_f1", "weighted_f1"] = "macro_f1"
    """What `keep` and `max_drop` speak of."""
    keep: float = Field(0.99, gt=0, le=1)
    """Share of full's metric on validation that a candidate must keep."""
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
            if not set(steps) <= set(get_args(Step)) or len(set(steps)) < len(steps) or "quantize" in steps[:-1]:
                raise ValueError(f"{recipe!r} is no chain of distil, prune and quantize (each once, quantize last)")
        return recipes


@dataclass
class Workshop:
    """What every recipe shares: the teacher, the rows with the teacher's scores, the models made so far."""

    folder: Path
    work: Path
    """For checkpoints, which survive a killed night."""
    settings: CompressSettings
    train: dict[str, Any]
    """max_length, per_device_train_batch_size, precision and seed of tonight's training."""
    labels: list[str]
    teacher: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    rows: training.Examples
    validation: training.Examples
    pairs: bool
    made: dict[str, PreTrainedModel] = field(default_factory=dict)

    def model(self, recipe: str) -> PreTrainedModel:
        """The PyTorch model of a recipe without its `quantize`; each is made once."""
        if not recipe:
            return self.teacher
        if recipe not in self.made:
            parent, _, step = recipe.rpartition("+")
            self.made[recipe] = self._trained(recipe, STEPS[step](self, self.model(parent)), step)
        return self.made[recipe]

    def _trained(self, recipe: str, model: PreTrainedModel, step: str) -> PreTrainedModel:
        count = sum(p.numel() for p in model.parameters())
        log.info("%s: %s parameters, learning from full", recipe, f"{count:,}")
        epochs = self.settings.distil_epochs if step == "distil" else self.settings.recovery_epochs
        work = self.work / recipe
        arguments = {
            "num_train_epochs": epochs,
            "learning_rate": self.settings.learning_rate,
            "per_device_train_batch_size": self.train["per_device_train_batch_size"],
            "precision": self.train["precision"],
            "seed": self.train["seed"],
            "save_steps": 500,
            "save_total_limit": 2,
            "eval_strategy": "no",
            "logging_steps": 50,
        }
        training.fit(model, self.tokenizer, self.rows, self.validation, work, arguments, [Progress(recipe)],
                     self.settings.temperature, self.settings.alpha)  # fmt: skip
        return model.eval()


def _distil(shop: Workshop, parent: PreTrainedModel) -> PreTrainedModel:
    layers = max(1, round(parent.config.num_hidden_layers * shop.settings.layers))
    return student.student_of(parent, layers)


def _prune(shop: Workshop, parent: PreTrainedModel) -> PreTrainedModel:
    collate = training.collate(shop.tokenizer)
    picked = np.random.default_rng(shop.train["seed"]).permutation(len(shop.rows))[:1024]
    batches = [collate([shop.rows[int(i)] for i in picked[at : at + 32]]) for at in range(0, len(picked), 32)]
    for batch in batches:
        batch.pop("teacher_logits")
    importance = pruning.ffn_importance(parent, batches)
    return pruning.prune_ffn(parent, importance, max(8, int(len(importance[0]) * shop.settings.width)))


STEPS: dict[str, Callable[[Workshop, PreTrainedModel], PreTrainedModel]] = {"distil": _distil, "prune": _prune}


def make(shop: Workshop, recipe: str) -> Path:
    """Write a recipe's `checkpoint/` and its `serving/` folder (ONNX, tokenizer, labels); returns its folder."""
    steps = recipe.removesuffix("quantize").removesuffix("+") if recipe != "full" else ""
    model = shop.model(steps)
    target = shop.folder / recipe
    serving = target / "serving"
    serving.mkdir(parents=True)
    bases.save_checkpoint(model, shop.tokenizer, target / "checkpoint")
    export.export_onnx(model, shop.tokenizer, serving / "model.onnx", pairs=shop.pairs)
    if recipe.endswith("quantize"):
        quantization.quantize_int8(serving / "model.onnx", serving / "int8.onnx")
        (serving / "int8.onnx").replace(serving / "model.onnx")
    export.save_serving_folder(serving, shop.tokenizer, shop.labels, shop.train["max_length"], shop.pairs)
    return target


def measured(name: str, recipe: str, cost: Cost, validation: pd.DataFrame, holdout: pd.DataFrame) -> Candidate:
    """A candidate with its figures; nothing is decided yet."""
    found = evidence.metrics(holdout["label"], holdout["predicted"])
    return Candidate(
        name=name,
        recipe=recipe,
        accuracy=found["accuracy"],
        macro_f1=found["macro_f1"],
        validation=evidence.metrics(validation["label"], validation["predicted"]),
        **cost.model_dump(),
    )


def choose(
    full: Candidate, candidates: list[Candidate], holdouts: dict[str, pd.DataFrame], settings: CompressSettings
) -> Candidate:
    """Decide which candidate is put forward, and write on each why; pure but for those remarks.

    `holdouts` holds each candidate's predictions on the same rows, by name.
    """
    floor = settings.keep * full.validation[settings.metric]
    for candidate in candidates:
        value = candidate.validation[settings.metric]
        candidate.qualifies = value >= floor
        candidate.why = (
            f"keeps {value / full.validation[settings.metric]:.1%} of full's {settings.metric} on validation"
        )
        if not candidate.qualifies:
            candidate.why += f", below {settings.keep:.0%}"
    full.qualifies = full.confirmed = True
    full.why = "the reference"
    sequence = _cautious_to_bold(candidates, settings.metric)
    needed = _confirm(sequence, full, holdouts, settings)
    confirmed = [candidate for candidate in sequence if candidate.confirmed]
    if confirmed:
        best = _cheapest(confirmed, settings.metric)
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


def _cautious_to_bold(candidates: list[Candidate], metric: str) -> list[Candidate]:
    """Qualifying candidates that nothing beats in both cost and validation metric, the dearest first."""
    front: list[Candidate] = []
    ranked = sorted(
        (c for c in candidates if c.qualifies), key=lambda c: (c.latency_ms_p50, -c.validation[metric], c.name)
    )
    for candidate in ranked:
        better = next((c for c in front if c.validation[metric] >= candidate.validation[metric]), None)
        if better:
            candidate.why += f"; {better.name} is cheaper and no worse"
        else:
            front.append(candidate)
    return front[::-1]


def _confirm(
    sequence: list[Candidate], full: Candidate, holdouts: dict[str, pd.DataFrame], settings: CompressSettings
) -> int | None:
    """Test the sequence against full on the holdout; returns the rows it would take where there are too few."""
    for place, candidate in enumerate(sequence):
        table, reference = holdouts[candidate.name], holdouts[full.name]
        difference = evidence.compare(
            table["label"], table["predicted"], reference["predicted"], settings.metric, settings.confidence
        )
        candidate.difference, candidate.lower = difference.difference, difference.lower
        candidate.flips = int((table["predicted"] != reference["predicted"]).sum())
        if difference.lower > -settings.max_drop:
            candidate.confirmed = True
            candidate.why += f"; confirmed: at most {max(0.0, -difference.lower):.4f} worse than full on the holdout"
            continue
        candidate.why += f"; not confirmed: up to {-difference.lower:.4f} worse than full on the holdout"
        for bolder in sequence[place + 1 :]:
            bolder.why += f"; not tested after {candidate.name} failed"
        needed = evidence.rows_needed(max(candidate.flips, 1) / len(table), settings.max_drop, settings.confidence)
        return needed if place == 0 and len(table) < needed else None
    return None


def _cheapest(candidates: list[Candidate], metric: str) -> Candidate:
    least = min(candidate.latency_ms_p50 for candidate in candidates)
    tied = [candidate for candidate in candidates if candidate.latency_ms_p50 * TIE <= least]
    return min(tied, key=lambda c: (-c.validation[metric], c.name))


def _workshop(
    folder: Path,
    trained: Trained,
    augmented: Augmented,
    sides: Sides,
    settings: CompressSettings,
    train: dict[str, Any],
    model_name: str,
) -> Workshop:
    teacher, tokenizer = bases.load_checkpoint(store.folder(trained) / "model")
    rows = pd.read_parquet(store.folder(augmented) / "train.parquet")
    validation = pd.read_parquet(store.folder(sides) / "validation.parquet")
    full = TorchTextClassifier(teacher, tokenizer, train["max_length"])
    logits = distillation.as_logits(full.scores(*scoring.texts_of(rows)))
    taught = scoring.examples(rows, tokenizer, sides.labels, train["max_length"], logits)
    untaught = scoring.examples(validation, tokenizer, sides.labels, train["max_length"])
    work = store.work(model_name, f"compress-{store.key(folder)}")
    return Workshop(folder, work, settings, train, sides.labels, teacher, tokenizer, taught, untaught, sides.pairs)


@stage
def compress(
    folder: Path,
    trained: Trained,
    evaluated: Evaluated,
    augmented: Augmented,
    sides: Sides,
    compress: CompressSettings,
    train: dict[str, Any],
    model_name: str,
) -> Compressed:
    """Make, measure and choose. `train`: max_length, per_device_train_batch_size, seed of tonight's training.

    `model_name` says where checkpoints lie.
    """
    frames = {side: pd.read_parquet(store.folder(sides) / f"{side}.parquet") for side in ("validation", "holdout")}
    shop = _workshop(folder, trained, augmented, sides, compress, train | {"precision": trained.precision}, model_name)
    tables = {side: pd.read_parquet(store.folder(evaluated) / f"{side}.parquet") for side in frames}
    full = measured("full", "full", evaluated.cost, tables["validation"], tables["holdout"])
    holdouts, candidates = {"full": tables["holdout"]}, []
    for number, recipe in enumerate(compress.recipes, 1):
        log.info("candidate %d of %d: %s", number, len(compress.recipes), recipe)
        target = make(shop, recipe)
        runner = OnnxTextClassifier(target / "serving")
        tables = {side: scoring.predictions(runner, frame, sides.labels) for side, frame in frames.items()}
        for side, table in tables.items():
            table.to_parquet(target / f"{side}.parquet")
        cost = scoring.cost(runner, frames["holdout"], target / "serving/model.onnx")
        candidates.append(measured(recipe, recipe, cost, tables["validation"], tables["holdout"]))
        holdouts[recipe] = tables["holdout"]
    chosen = choose(full, candidates, holdouts, compress)
    if chosen.name == "full":
        make(shop, "full")
    shutil.rmtree(shop.work)
    (folder / "measured").mkdir()
    pictures.pareto([full, *candidates], folder / "measured/pareto.png")
    return Compressed(candidates=[full, *candidates], chosen=chosen.name)

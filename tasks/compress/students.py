"""Smaller PyTorch models of tonight's, each made by one step from its parent and, where it trains, taught by full.

Each is a stage of its own: chains share their beginnings, and what has been made is not made again.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from transformers import PreTrainedTokenizerBase

from nightshift.compression import allocation, layer_dropping, narrowing, pruning, reconstruction, vocabulary
from nightshift.compression.importance import importance
from nightshift.evaluation import scoring
from nightshift.inference.measurement import TorchPredictor, device
from nightshift.models import pretrained, static
from nightshift.models.architectures import ARCHITECTURES, get_architecture, head_size, inner_width, layers
from nightshift.models.heads import Head, Model, is_decoder
from nightshift.records import GENERATIVE, Objective, Start, Trained
from nightshift.store import artifact_store, disk
from nightshift.store.stages import stage
from nightshift.training import callbacks, trainer
from nightshift.training.batching import Collator, batches_by_length
from nightshift.training.distillation import Teacher
from nightshift.training.progress import ProgressCallback, slices
from nightshift.training.tokenization import Examples
from tasks.compress import latency_table
from tasks.compress.recipes import NotPossibleError, Step, amount, of
from tasks.compress.records import Lesson, Student

log = logging.getLogger("nightshift.compress")
LOOKED_AT, ROWS = 512, 32
"""Rows that tell importance, and by which what is left is mended; how many at once."""
LOSS_WEIGHTS = {
    "relations": "attention_loss_weight",
    "hidden": "hidden_loss_weight",
    "cosine": "cosine_loss_weight",
}
"""Settings with the weights of the losses of feature distillation, by the parameter of `Teacher`."""
ONE_CUT = 0.75
"""To which share of the time a model is pruned at once, at the least."""


def checkpoint(model: Trained | Student | Start) -> Path:
    """Where a model's checkpoint lies."""
    if isinstance(model, Start):
        return artifact_store.home() / model.path
    return artifact_store.folder(model) / ("model" if isinstance(model, Trained) else "checkpoint")


def opened(model: Trained | Student | Start) -> tuple[Model, PreTrainedTokenizerBase, dict[str, Head]]:
    """The model as small as it was made: its checkpoint says zeros where stock transformers know no smaller shape."""
    found, tokenizer, heads = pretrained.load_checkpoint(checkpoint(model))
    if isinstance(model, Student) and found.config.model_type in ARCHITECTURES:
        pruning.slim(found)
    return found, tokenizer, heads


def training_rows(objective: Objective) -> pd.DataFrame:
    """What tonight's model was trained on."""
    return pd.read_parquet(artifact_store.folder(objective.augmented) / "train.parquet")


def transfer_rows(objective: Objective) -> pd.DataFrame:
    """What a student learns from: the training rows, then those without a label."""
    unlabelled = pd.read_parquet(artifact_store.folder(objective.augmented) / "unlabelled.parquet")
    rows = pd.concat([training_rows(objective), unlabelled], ignore_index=True)
    return (
        rows.assign(label=rows["label"].astype(object).where(rows["label"].notna(), None)) if "label" in rows else rows
    )


@stage
def lesson(folder: Path, teachers: list[Trained | Start], objectives: list[Objective], max_length: int) -> Lesson:
    """What the teachers say to what students learn from, of each objective that judges; of several the mean.

    (The softmax of the logits' mean is the geometric mean of the probabilities, at any temperature: Hinton, Vinyals, Dean 2015, arXiv 1503.02531,
    section 1.)
    """
    begun = time.monotonic()
    known = [TorchPredictor(*opened(teacher), max_length) for teacher in teachers]
    for teacher in known:
        teacher.model.to(device())
    for objective in objectives:
        if objective.kind not in GENERATIVE:
            rows, said = transfer_rows(objective), []
            for part in slices(f"teachers on {objective.name}", len(rows)):
                texts = scoring.texts_of(rows[part])
                answers = [_said(teacher, texts, objective) for teacher in known]
                said.append(np.mean(answers, axis=0, dtype=np.float32))
            np.save(folder / f"{objective.name}.npy", np.concatenate(said))
    return Lesson(seconds=time.monotonic() - begun)


def _said(teacher: TorchPredictor, texts: tuple[list[str], list[str] | None], objective: Objective) -> np.ndarray:
    """Logits in the order of tonight's labels, or numbers in the unit of the rows.

    Raises NotPossibleError for a teacher that knows another objective, or other labels.
    """
    name, wanted = objective.name, objective.sides.labels
    head = teacher.heads.get(name)
    if head is None or head.kind != objective.kind:
        raise NotPossibleError(f"a teacher has not learnt {name}")
    if set(head.labels) != set(wanted):
        raise NotPossibleError(f"a teacher knows other labels of {name} than tonight's rows have")
    logits = teacher.logits(*texts, name)
    if head.kind == "regression":
        return logits * head.std + head.mean
    return logits[:, [head.labels.index(label) for label in wanted]]


class Desk:
    """What a step has before it: the parent, full, and the rows that it learns from."""

    def __init__(
        self,
        parent: Trained | Student,
        trained: Trained,
        lesson: Lesson | None,
        objectives: list[Objective],
        told: dict[str, Any],
    ) -> None:
        self.model: Model
        self.model, self.tokenizer, self.heads = opened(parent)
        self.trained, self.lesson, self.objectives, self.told = trained, lesson, objectives, told

    @cached_property
    def rows(self) -> dict[str, Examples]:
        """What students learn from, with the teachers' logits where there is a lesson."""
        return {o.name: self._examples(o, self.heads[o.name]) for o in self.objectives}

    def _examples(self, objective: Objective, head: Head) -> Examples:
        file = artifact_store.folder(self.lesson) / f"{objective.name}.npy" if self.lesson else None
        logits = np.load(file, allow_pickle=False) if file and file.exists() else None
        if logits is not None and head.kind == "regression":
            logits = (logits - head.mean) / head.std
        config = self.model.config
        return scoring.examples(
            transfer_rows(objective), self.tokenizer, head, self.told["max_length"], logits,
            encoder_decoder=config.is_encoder_decoder, packed=is_decoder(config),
        )  # fmt: skip

    def texts(self) -> Iterator[str]:
        """All that tonight's model and its students are trained on."""
        for objective in self.objectives:
            for column in scoring.texts_of(transfer_rows(objective)):
                yield from column or ()

    def batches(self) -> list[dict[str, Any]]:
        """Some of the rows, of each objective equally many; of a head that writes so few at once as memory has room for."""
        collate = Collator(self.rows, self.heads, self.tokenizer.pad_token_id)
        random = np.random.default_rng(self.told["seed"])
        found = []
        for objective in self.objectives:
            name = objective.name
            picked = random.permutation(len(self.rows[name]))[: LOOKED_AT // len(self.rows)]
            lengths = self.rows[name].lengths[picked]
            parts = batches_by_length(lengths, ROWS, self.heads[name], self.model.config.vocab_size)
            found += [collate([(name, int(row)) for row in picked[part]]) for part in parts]
        return found

    def teacher(self) -> Teacher | None:
        """Full itself, where what it said before is not enough: for its inside, and for answers of many tokens."""
        loss_weights = {name: self.told[setting] for name, setting in LOSS_WEIGHTS.items()}
        if not any(loss_weights.values()) and not any(head.generative for head in self.heads.values()):
            return None
        return Teacher(opened(self.trained)[0], **loss_weights)


@contextmanager
def _possible(step: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise NotPossibleError(f"{step}: {error}") from error


def _distil(desk: Desk, size: float | int) -> Model:
    count = of(desk.model.config.num_hidden_layers, size)
    with _possible("distil"):
        return layer_dropping.student_of(desk.model, count, desk.told["strategy"])


def _prune(desk: Desk, size: float | int) -> Model:
    """To a share of the time, by measured allocation; to a number of neurons in each layer, or a share of them in what writes.

    (What writes is served by stock transformers, which know layers of one width with all heads.)
    """
    batches = desk.batches()
    with _possible("prune"):
        if isinstance(size, int) or any(head.generative for head in desk.heads.values()):
            found = importance(desk.model, batches, desk.heads)
            pruned = pruning.prune(desk.model, found, [of(len(layer), size) for layer in found.neurons])
        else:
            pruned = _cut(desk, size, batches)
    reconstruction.mend(pruned, desk.model, batches)
    return pruned


def _cut(desk: Desk, share: float, batches: list[dict[str, Any]]) -> Model:
    """In several cuts: what can be spared alone, such as each of a layer's heads, is often needed once the rest has gone.

    By what the parts of a layer as wide as full's take: a model that was pruned before goes by the same table, whose widths suit the processor.
    """
    texts = list(islice(desk.texts(), latency_table.TEXTS))
    full = opened(desk.trained)[0]
    whole = pruning.dense(desk.model, inner_width(layers(full)[0], get_architecture(full).feed_forward))
    costs = latency_table.costs(whole, desk.tokenizer, desk.heads, texts, desk.told["max_length"])
    cuts = max(1, math.ceil(math.log(share, ONE_CUT)))
    model = desk.model
    for number in range(1, cuts + 1):
        found = importance(model, batches, desk.heads)
        shape = allocation.allocate(found, costs, share ** (1 / cuts))
        model = pruning.prune(model, found, *shape)
        log.info("prune, cut %d of %d: neurons %s, heads %s", number, cuts, shape.widths, shape.heads)
    return model


def _narrow(desk: Desk, size: float | int) -> Model:
    """A whole number of attention heads writes the hidden numbers that are kept."""
    with _possible("narrow"):
        part, whole = head_size(desk.model), desk.model.config.hidden_size
        kept = part * of(whole // part, of(whole, size) // part)
        batches = desk.batches()
        found = importance(desk.model, batches, desk.heads)
        fewer = pruning.prune(
            desk.model, found, [len(layer) for layer in found.neurons], [kept // part] * len(found.heads)
        )
        return narrowing.narrow(fewer, narrowing.liveliest(fewer, batches, kept))


def _static(desk: Desk, _size: float | int) -> Model:
    (head,) = desk.heads.values()
    with _possible("static"):
        return static.build_static_student(desk.model, desk.tokenizer, desk.texts(), head.pairs, seed=desk.told["seed"])


STEPS: dict[str, Callable[[Desk, float | int], Model]] = {
    "distil": _distil,
    "narrow": _narrow,
    "prune": _prune,
    "static": _static,
}
SIZES = {"distil": "layers", "narrow": "hidden_size", "prune": "target_latency_ratio"}
"""The setting that says how much a step keeps."""
EPOCHS = {"distil": "distil_epochs", "narrow": "distil_epochs", "prune": "recovery_epochs", "static": "static_epochs"}
RATES = {
    "distil": "learning_rate",
    "narrow": "learning_rate",
    "prune": "learning_rate",
    "static": "static_learning_rate",
}


@stage
def made(
    folder: Path,
    parent: Trained | Student,
    trained: Trained,
    lesson: Lesson | None,
    objectives: list[Objective],
    step: Step,
    told: dict[str, Any],
    model_name: str,
) -> Student:
    """One step: a smaller copy of `parent`, trained where the step trains.

    `told`: max_length, precision, seed and per_device_train_batch_size of tonight's training, and of the settings what
    this step goes by. `model_name` says where checkpoints lie.
    """
    begun = time.monotonic()
    desk = Desk(parent, trained, lesson, objectives, told)
    tokenizer = desk.tokenizer
    if step.name == "vocabulary":
        with _possible("vocabulary"):
            model, tokenizer = vocabulary.cut(desk.model, tokenizer, desk.texts())
    else:
        size = amount(step.value) if step.value else told.get(SIZES.get(step.name, ""), 1.0)
        model = STEPS[step.name](desk, size)
    count = sum(p.numel() for p in model.parameters())
    log.info("%s: %s parameters", step, f"{count:,}")
    if step.trains and told["epochs"]:
        _teach(model, desk, step, artifact_store.work_folder(model_name, f"made-{artifact_store.artifact_key(folder)}"))
    stock = pruning.dense(model) if model.config.model_type in ARCHITECTURES else model
    pretrained.save_checkpoint(stock, tokenizer, desk.heads, folder / "checkpoint")
    return Student(parameters=count, seconds=time.monotonic() - begun)


def _teach(model: Model, desk: Desk, step: Step, work: Path) -> None:
    told = desk.told
    arguments = {
        "num_train_epochs": told["epochs"],
        "learning_rate": told["learning_rate"],
        "per_device_train_batch_size": told["per_device_train_batch_size"],
        "precision": told["precision"],
        "seed": told["seed"],
        "save_steps": 500,
        "save_total_limit": 2,
        "logging_steps": 50,
    }
    teacher = desk.teacher()
    if teacher:
        with _possible(step.name):
            teacher.ensure_compatible(model)
    recipe = trainer.TrainingOptions(
        temperature=told["temperature"], alpha=told["alpha"], teacher=teacher, class_weights=told.get("class_weights")
    )
    trainer_callbacks = [callbacks.StepCallback(disk.ensure_room), ProgressCallback(str(step))]
    trainer.fit(model, desk.tokenizer, desk.heads, desk.rows, {}, work, arguments, trainer_callbacks, recipe)

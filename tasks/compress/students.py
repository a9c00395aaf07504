"""Smaller PyTorch models of tonight's, each made by one step from its parent and, if the step trains, taught by full.

Each step is a stage of its own: recipes share their first steps, and a student that was made before is not made again.
"""

import hashlib
import json
import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from transformers import PreTrainedTokenizerBase

from nightshift.compression import allocation, hidden_size, layer_dropping, pruning, reconstruction, vocabulary
from nightshift.compression.allocation import LatencyTable
from nightshift.compression.importance import compute_importance
from nightshift.evaluation import kinds, scoring
from nightshift.evaluation.prediction_tables import texts_of
from nightshift.inference.measurement import TorchPredictor, device, mixed_precision
from nightshift.models import pretrained, static
from nightshift.models.architectures import ARCHITECTURES, head_size
from nightshift.models.heads import Head, Model, is_decoder
from nightshift.records import GENERATIVE, Objective, Trained, WarmStart
from nightshift.store import artifact_store, disk, shared_checkpoints
from nightshift.store.stages import stage
from nightshift.training import callbacks, trainer
from nightshift.training.batching import Collator, batches_by_length
from nightshift.training.distillation import Teacher
from nightshift.training.progress import ProgressCallback, slices
from nightshift.training.tokenization import Examples
from tasks.compress import latency_table
from tasks.compress.recipes import NotPossibleError, Step, parse_amount, resolve_amount
from tasks.compress.records import Student, TeacherLogits
from tasks.compress.settings import StepSettings

log = logging.getLogger("nightshift.compress")
SAMPLE_ROWS, BATCH = 512, 32
"""Rows by which importance is computed and a pruned model is reconstructed, and rows of a batch."""
PATIENCE = 2
"""Epochs without a better one on validation after which the training of a static student stops."""
LARGEST_CUT = 0.75
"""Share of the latency that one cut leaves, at least."""


def checkpoint_folder(model: Trained | Student | WarmStart) -> Path:
    """Return the folder of a model's checkpoint."""
    if isinstance(model, WarmStart):
        return artifact_store.folder(model)
    return artifact_store.folder(model) / ("model" if isinstance(model, Trained) else "checkpoint")


def load_model(model: Trained | Student | WarmStart) -> tuple[Model, PreTrainedTokenizerBase, dict[str, Head]]:
    """Load a model in its own shape: a pruned checkpoint has zeros where stock transformers know no smaller shape."""
    loaded, tokenizer, heads = pretrained.load_checkpoint(checkpoint_folder(model))
    if isinstance(model, Student) and loaded.config.model_type in ARCHITECTURES:
        pruning.remove_zeros(loaded)
    return loaded, tokenizer, heads


def training_rows(objective: Objective) -> pd.DataFrame:
    """Return the rows that tonight's model was trained on."""
    return pd.read_parquet(artifact_store.folder(objective.augmented) / "train.parquet")


def transfer_rows(objective: Objective) -> pd.DataFrame:
    """Return the rows that students learn from: the training rows, then those without a label."""
    unlabelled = pd.read_parquet(artifact_store.folder(objective.augmented) / "unlabelled.parquet")
    rows = pd.concat([training_rows(objective), unlabelled], ignore_index=True)
    if "label" not in rows:
        return rows
    return rows.assign(label=rows["label"].astype(object).where(rows["label"].notna(), None))


@stage
def teacher_logits(
    folder: Path, teachers: list[Trained | WarmStart], objectives: list[Objective], max_length: int, precision: str
) -> TeacherLogits:
    """Compute the teachers' logits on the transfer rows of each objective that is not generative; of several the mean.

    (The softmax of the logits' mean is the geometric mean of the probabilities, at any temperature: Hinton, Vinyals,
    Dean 2015, arXiv 1503.02531, section 1.)

    Args:
        folder: Where the logits are written.
        teachers: Models that have learned the objectives.
        objectives: Objectives of the students.
        max_length: Tokens that a teacher reads of a text.
        precision: Mixed precision of the teachers, that of the students' training.

    Raises:
        NotPossibleError: A teacher has learned other objectives or labels.
    """
    start_time = time.monotonic()
    predictors = [TorchPredictor(*load_model(teacher), max_length) for teacher in teachers]
    for predictor in predictors:
        predictor.model.to(device())
    for objective in objectives:
        if objective.kind not in GENERATIVE:
            rows, logits = transfer_rows(objective), []
            for part in slices(f"teachers on {objective.name}", len(rows)):
                texts = texts_of(rows[part])
                with mixed_precision(precision):
                    by_teacher = [_aligned_logits(predictor, texts, objective) for predictor in predictors]
                logits.append(np.mean(by_teacher, axis=0, dtype=np.float32))
            np.save(folder / f"{objective.name}.npy", np.concatenate(logits))
    return TeacherLogits(seconds=time.monotonic() - start_time)


def _aligned_logits(
    teacher: TorchPredictor, texts: tuple[list[str], list[str] | None], objective: Objective
) -> np.ndarray:
    """Return a teacher's logits in the order of tonight's labels, or its numbers in the unit of the rows.

    Raises NotPossibleError for a teacher that knows another objective, or other labels.
    """
    name, labels = objective.name, objective.sides.labels
    head = teacher.heads.get(name)
    if head is None or head.kind != objective.kind:
        raise NotPossibleError(f"a teacher has not learnt {name}")
    if set(head.labels) != set(labels):
        raise NotPossibleError(f"a teacher knows other labels of {name} than tonight's rows have")
    logits = teacher.logits(*texts, name)
    if head.kind == "regression":
        return logits * head.std + head.mean
    return logits[:, [head.labels.index(label) for label in labels]]


class StepContext:
    """The inputs of a step: the parent, full, the step's settings, and the rows that the student learns from."""

    def __init__(
        self,
        parent: Trained | Student,
        trained: Trained,
        logits: TeacherLogits | None,
        objectives: list[Objective],
        settings: StepSettings,
    ) -> None:
        self.model: Model
        self.model, self.tokenizer, self.heads = load_model(parent)
        self.trained, self.logits, self.objectives, self.settings = trained, logits, objectives, settings

    @cached_property
    def rows(self) -> dict[str, Examples]:
        """Rows to learn from by objective: the transfer rows with the teachers' logits, without logits the training rows."""
        return {o.name: self._examples(o, self.heads[o.name]) for o in self.objectives}

    @cached_property
    def validation(self) -> dict[str, Examples]:
        """Validation rows by objective."""
        return {
            o.name: scoring.examples(
                scoring.side_of(o, "validation"), self.tokenizer, self.heads[o.name], self.settings.max_length
            )
            for o in self.objectives
        }

    def _examples(self, objective: Objective, head: Head) -> Examples:
        file = artifact_store.folder(self.logits) / f"{objective.name}.npy" if self.logits else None
        logits = np.load(file, allow_pickle=False) if file and file.exists() else None
        if logits is not None and head.kind == "regression":
            logits = (logits - head.mean) / head.std
        config = self.model.config
        learns_from_labels = self.logits is None and self.settings.epochs
        rows = training_rows(objective) if learns_from_labels else transfer_rows(objective)
        return scoring.examples(
            rows, self.tokenizer, head, self.settings.max_length, logits,
            encoder_decoder=config.is_encoder_decoder, packed=is_decoder(config),
        )  # fmt: skip

    def texts(self) -> Iterator[str]:
        """Yield all texts that tonight's model and its students are trained on."""
        for objective in self.objectives:
            for column in texts_of(transfer_rows(objective)):
                yield from column or ()

    def batches(self) -> list[dict[str, Any]]:
        """Return batches of a sample of the rows, of each objective equally many.

        A batch of a generative head has only as many rows as memory has room for.
        """
        collate = Collator(self.rows, self.heads, self.tokenizer.pad_token_id)
        random = np.random.default_rng(self.settings.seed)
        batches = []
        for objective in self.objectives:
            name = objective.name
            sample = random.permutation(len(self.rows[name]))[: SAMPLE_ROWS // len(self.rows)]
            lengths = self.rows[name].lengths[sample]
            parts = batches_by_length(lengths, BATCH, self.heads[name], self.model.config.vocab_size)
            batches += [collate([(name, int(row)) for row in sample[part]]) for part in parts]
        return batches

    def teacher(self) -> Teacher | None:
        """Return full if its logits do not suffice: for feature distillation, and for generative heads."""
        weights = {
            "attention_loss_weight": self.settings.attention_loss_weight,
            "hidden_loss_weight": self.settings.hidden_loss_weight,
            "cosine_loss_weight": self.settings.cosine_loss_weight,
        }
        if not any(weights.values()) and not any(head.generative for head in self.heads.values()):
            return None
        return Teacher(load_model(self.trained)[0], **weights)


@contextmanager
def _not_possible(step: str) -> Iterator[None]:
    """Turn a ValueError within the block into a NotPossibleError that names the step."""
    try:
        yield
    except ValueError as error:
        raise NotPossibleError(f"{step}: {error}") from error


def _distil(context: StepContext, size: float | int) -> Model:
    count = resolve_amount(context.model.config.num_hidden_layers, size)
    with _not_possible("distil"):
        return layer_dropping.drop_layers(context.model, count, context.settings.strategy)


def _prune(context: StepContext, size: float | int) -> Model:
    """Prune to a share of the latency, by measured allocation, or to a number of neurons in each layer.

    Of a generative model the size is a share of the neurons: it is served by stock transformers, which know layers of
    one width with all heads.
    """
    batches = context.batches()
    with _not_possible("prune"):
        if isinstance(size, int) or any(head.generative for head in context.heads.values()):
            importance = compute_importance(context.model, batches, context.heads)
            widths = [resolve_amount(len(layer), size) for layer in importance.neurons]
            pruned = pruning.prune(context.model, importance, widths)
        else:
            pruned = _prune_in_cuts(context, size, batches)
    reconstruction.reconstruct(pruned, context.model, batches)
    return pruned


def _prune_in_cuts(context: StepContext, share: float, batches: list[dict[str, Any]]) -> Model:
    """Prune to a share of the latency in several cuts.

    A part that is unimportant alone, such as each of a layer's heads, is often important once the others are gone. The
    latencies are those of layers as wide as full's: a model that was pruned before goes by the same table, whose widths
    suit the processor.
    """
    table = _latency_table(context)
    cuts = max(1, math.ceil(math.log(share, LARGEST_CUT)))
    model = context.model
    for number in range(1, cuts + 1):
        importance = compute_importance(model, batches, context.heads)
        shape = allocation.allocate(importance, table, share ** (1 / cuts))
        model = pruning.prune(model, importance, *shape)
        log.info("prune, cut %d of %d: neurons %s, heads %s", number, cuts, shape.widths, shape.heads)
    return model


def _latency_table(context: StepContext) -> LatencyTable:
    """Return the latencies of the parts of the parent."""
    texts = list(islice(context.texts(), latency_table.TEXTS))
    full = load_model(context.trained)[0]
    return latency_table.latencies_of(
        context.model, full, context.tokenizer, context.heads, texts, context.settings.max_length
    )


def _is_cut_by_latency(step: Step, size: float | int, kinds: Iterable[str]) -> bool:
    """Return True if a step prunes to a share of the latency."""
    return step.name == "prune" and not isinstance(size, int) and not set(GENERATIVE) & set(kinds)


def _measure_parts(
    parent: Trained | Student, trained: Trained, objectives: list[Objective], step: Step, settings: StepSettings
) -> None:
    """Measure the latencies that a step prunes by, unless they are known; where it runs later, it finds them.

    Args:
        parent: The model before the step.
        trained: Full.
        objectives: What the student learns.
        step: The step of the recipe.
        settings: What it reads of the settings.
    """
    if _is_cut_by_latency(step, _size(step, settings), [objective.kind for objective in objectives]):
        _latency_table(StepContext(parent, trained, None, objectives, settings))


MEASUREMENTS = {"prune": _measure_parts}
"""Functions that measure what a step goes by, unless it is known already; where the step runs later, it finds the result."""


def _size(step: Step, settings: StepSettings) -> float | int:
    """Return the size that a step reduces the model to: its own, or that of the settings."""
    return parse_amount(step.value) if step.value else settings.size


def _narrow(context: StepContext, size: float | int) -> Model:
    """Narrow the hidden size, to a multiple of the size of an attention head."""
    with _not_possible("narrow"):
        size_of_head, full_size = head_size(context.model), context.model.config.hidden_size
        heads = resolve_amount(full_size // size_of_head, resolve_amount(full_size, size) // size_of_head)
        batches = context.batches()
        importance = compute_importance(context.model, batches, context.heads)
        widths = [len(layer) for layer in importance.neurons]
        pruned = pruning.prune(context.model, importance, widths, [heads] * len(importance.heads))
        dims = hidden_size.highest_variance_dims(pruned, batches, heads * size_of_head)
        return hidden_size.narrow(pruned, dims)


def _static(context: StepContext, _size: float | int) -> Model:
    (head,) = context.heads.values()
    with _not_possible("static"):
        return static.build_static_student(
            context.model, context.tokenizer, context.texts(), head.pairs, seed=context.settings.seed
        )


STEPS: dict[str, Callable[[StepContext, float | int], Model]] = {
    "distil": _distil,
    "narrow": _narrow,
    "prune": _prune,
    "static": _static,
}
"""Steps that train, by name: each returns the smaller model before its training."""


@stage
def make_student(
    folder: Path,
    parent: Trained | Student,
    trained: Trained,
    logits: TeacherLogits | None,
    objectives: list[Objective],
    step: Step,
    settings: StepSettings,
    model_name: str,
) -> Student:
    """Make a smaller model of `parent` by one step, and train it if the step trains.

    Args:
        folder: Where the checkpoint is written.
        parent: The model before the step.
        trained: Full, which teaches at every step where logits do not suffice.
        logits: The teachers' logits on the transfer rows; None if nothing is trained.
        objectives: What the student learns.
        step: The step of the recipe.
        settings: What it reads of the settings.
        model_name: The registered model, under whose name the training keeps its checkpoints.

    Raises:
        NotPossibleError: The step cannot be applied to this model.
    """
    start_time = time.monotonic()
    context = StepContext(parent, trained, logits, objectives, settings)
    tokenizer = context.tokenizer
    if step.name == "vocabulary":
        with _not_possible("vocabulary"):
            model, tokenizer = vocabulary.trim(context.model, tokenizer, context.texts())
    else:
        model = STEPS[step.name](context, _size(step, settings))
    count = sum(p.numel() for p in model.parameters())
    log.info("%s: %s parameters", step, f"{count:,}")
    if step.trains and settings.epochs:
        work = artifact_store.work_folder(model_name, f"make_student-{artifact_store.artifact_key(folder)}")
        fingerprint = shape_digest(model)
        with shared_checkpoints.shared(work, fingerprint):
            _train_student(model, context, step, work, fingerprint)
    stock = pruning.pad_with_zeros(model) if model.config.model_type in ARCHITECTURES else model
    pretrained.save_checkpoint(stock, tokenizer, context.heads, folder / "checkpoint")
    return Student(parameters=count, seconds=time.monotonic() - start_time)


def shape_digest(model: Model) -> str:
    """Return the sha256 of the shapes of a model's weights; on another machine a step may have made another shape."""
    shapes = [(name, list(weight.shape)) for name, weight in model.named_parameters()]
    return hashlib.sha256(json.dumps(shapes).encode()).hexdigest()


def _train_student(model: Model, context: StepContext, step: Step, work: Path, fingerprint: str) -> None:
    settings, is_static = context.settings, step.name == "static"
    arguments = {
        "num_train_epochs": settings.epochs,
        "learning_rate": settings.learning_rate,
        "per_device_train_batch_size": settings.per_device_train_batch_size,
        "precision": "float32" if is_static else settings.precision,
        "seed": settings.seed,
        "save_steps": 500,
        "save_total_limit": 2,
        "logging_steps": 50,
    }
    teacher = context.teacher()
    if teacher:
        with _not_possible(step.name):
            teacher.ensure_compatible(model)
    options = trainer.TrainingOptions(
        temperature=settings.temperature,
        alpha=settings.alpha,
        teacher=teacher,
        class_weights=settings.class_weights,
        selection=_selection(context) if is_static else None,
        fingerprint=fingerprint,
    )
    validation = context.validation if is_static else {}
    trainer_callbacks = [callbacks.StepCallback(disk.ensure_room), ProgressCallback(str(step))]
    job = trainer.TrainerJob(
        model, context.tokenizer, context.heads, context.rows, validation, work, arguments, options
    )
    trainer.fit(job, trainer_callbacks)


def _selection(context: StepContext) -> trainer.Selection:
    """Return the selection of an epoch by the gate's metric on validation; a static student overfits within a few."""
    objectives = context.objectives
    metric = kinds.primary(objectives)

    def measure(model: Model) -> float:
        predictor = TorchPredictor(model, context.tokenizer, context.heads, context.settings.max_length)
        return kinds.metrics(scoring.tables(predictor, "validation", objectives), objectives)[metric]

    return trainer.Selection(metric, kinds.better(metric) > 0, measure, PATIENCE)

"""Fine-tune the base model on the training rows of every objective; the result is the candidate *full*."""

import json
from collections.abc import Iterable
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import mlflow
import pandas as pd
from transformers import PreTrainedTokenizerBase, TrainerCallback

from nightshift.data.cleaning import raw_texts, training_keys
from nightshift.data.row_keys import read_trained_keys, text_key
from nightshift.errors import NightshiftError, SettingsError
from nightshift.evaluation import calibration, decision_thresholds, kinds, scoring
from nightshift.generation_config import Generation
from nightshift.inference.measurement import TorchPredictor, device
from nightshift.models import lora, pretrained
from nightshift.models.base_model import load_base_model
from nightshift.models.heads import Head, Model, is_decoder
from nightshift.records import Objective, Trained, WarmStart
from nightshift.store import artifact_store, disk, shared_checkpoints
from nightshift.store.shared_store import StoreError
from nightshift.store.stages import stage
from nightshift.training import callbacks, checkpoints, launch, trainer
from nightshift.training.progress import ProgressCallback, new_publisher
from nightshift.training.tokenization import Examples, load_or_create
from tasks.train.arguments import ensure_all_processes_start, ensure_warmup_ends, training_arguments
from tasks.train.settings import TrainSettings


class LiveMetrics(TrainerCallback):  # type: ignore[misc]
    """Callback that logs the Trainer's history to the MLflow run of the night, if it has one."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Log a line of the history as metrics.

        Args:
            args: The TrainingArguments.
            state: The Trainer's state, which has the step.
            control: The Trainer's control.
            logs: The line of the history.
            **kwargs: Ignored.
        """
        self.log_line(logs or {}, state.global_step)

    def log_line(self, line: dict[str, Any], step: int) -> None:
        """Log a line of the history as metrics."""
        if self.run_id:
            mlflow.log_metrics(history_metrics(line, "train"), step=step, run_id=self.run_id)


def history_metrics(line: dict[str, Any], prefix: str) -> dict[str, float]:
    """Return one line of the log history as MLflow metrics under `prefix/`."""
    return {f"{prefix}/{name}": float(value) for name, value in line.items() if name not in ("epoch", "step")}


@dataclass(frozen=True)
class TrainingJob:
    """A model and what it is trained with."""

    objectives: list[Objective]
    settings: TrainSettings
    heads: dict[str, Head]
    model: Model
    tokenizer: PreTrainedTokenizerBase
    work_folder: Path
    """Folder of encoded examples and checkpoints."""

    @property
    def precision(self) -> str:
        """Precision of the training."""
        return trainer.default_precision() if self.settings.precision == "auto" else self.settings.precision

    def encode(self, side: Literal["train", "validation"]) -> dict[str, Examples]:
        """Return the encoded examples of each objective, from `work_folder` if a killed run has encoded them already."""
        return {objective.name: self._encode_objective(objective, side) for objective in self.objectives}

    def _encode_objective(self, objective: Objective, side: str) -> Examples:
        is_train = side == "train"
        file = train_file(objective) if is_train else artifact_store.folder(objective.sides) / f"{side}.parquet"

        def encode() -> Examples:
            return scoring.examples(
                pd.read_parquet(file),
                self.tokenizer,
                self.heads[objective.name],
                self.settings.max_length,
                encoder_decoder=self.model.config.is_encoder_decoder,
                packed=is_train and is_decoder(self.model.config),
            )

        return load_or_create(self.work_folder / f"{objective.name}.{side}.arrow", encode)

    def options(self, deadline: float | None, fingerprint: str) -> trainer.TrainingOptions:
        """Return the trainer's options.

        Args:
            deadline: Time at which training stops, in seconds since the epoch.
            fingerprint: Digest of data and settings, by which checkpoints of another training are passed over.
        """
        settings = self.settings
        return trainer.TrainingOptions(
            sampling=settings.sampling,
            sampling_temperature=settings.sampling_temperature,
            class_weights=settings.class_weights,
            label_smoothing=settings.label_smoothing_factor,
            lora=settings.lora.model_dump() if settings.lora.r else None,
            torch_compile=settings.torch_compile,
            deadline=deadline,
            selection=self._selection() if settings.load_best_model_at_end else None,
            fingerprint=fingerprint,
        )

    def _selection(self) -> trainer.Selection:
        """Return the selection by the gate's metric, computed as the stage `evaluate` computes it."""
        metric = kinds.primary(self.objectives)

        def measure(model: Model) -> float:
            heads = self.choose_bounds(model, self.heads)
            predictor = TorchPredictor(model, self.tokenizer, heads, self.settings.max_length)
            return kinds.metrics(scoring.tables(predictor, "validation", self.objectives), self.objectives)[metric]

        return trainer.Selection(metric, kinds.better(metric) > 0, measure, self.settings.early_stopping_patience)

    def fit(self, options: trainer.TrainingOptions, run_id: str) -> trainer.TrainingResult:
        """Train the model, resuming from its newest valid checkpoint.

        Args:
            options: The trainer's options.
            run_id: MLflow run that shows the losses during the training; empty for none.

        Raises:
            SettingsError: The warmup is longer than the training, LoRA names modules that do not exist, or `accelerate launch`
                would start fewer processes than it should.
            NightshiftError: The training failed.
        """
        settings = self.settings
        ensure_all_processes_start(settings)
        examples = self.encode("train")
        batch_size = settings.per_device_train_batch_size * settings.gradient_accumulation_steps
        ensure_warmup_ends(settings, trainer.count_steps(examples, batch_size, settings.num_train_epochs, options))
        job = trainer.TrainerJob(
            self.model,
            self.tokenizer,
            self.heads,
            examples,
            self.encode("validation"),
            self.work_folder,
            training_arguments(settings, self.precision),
            options,
        )
        live = LiveMetrics(run_id)
        try:
            if settings.launcher == "accelerate":
                return launch.launch(job, settings.accelerate, disk.ensure_room)
            if settings.launcher == "ray":
                from nightshift.execution import ray_ranks  # Ray may not be installed

                return ray_ranks.train(job, settings.num_workers, new_publisher(), live.log_line, disk.ensure_room)
            trainer_callbacks = [
                callbacks.StepCallback(disk.ensure_room),
                ProgressCallback("train", new_publisher()),
                live,
            ]
            return trainer.fit(job, trainer_callbacks)
        except lora.UnknownModulesError as error:
            raise SettingsError(f"train.lora.target_modules: {error}") from error
        except callbacks.TrainingFailed as error:
            raise NightshiftError(self._failure_message(error, examples, options.fingerprint)) from error

    def _failure_message(self, error: callbacks.TrainingFailed, examples: dict[str, Examples], fingerprint: str) -> str:
        """Return one line that names the step, the rows of the batch and the last checkpoint."""
        objective = next(o for o in self.objectives if o.name == error.objective)
        keys = pd.read_parquet(train_file(objective), columns=["row_key"])["row_key"]
        sources = examples[error.objective].columns["source"]
        rows = sorted({keys[int(row)] for example in error.rows for row in sources[example]})
        if self.settings.launcher == "ray":  # the first process may have written its checkpoints on another machine
            with suppress(StoreError):
                shared_checkpoints.fetch(self.work_folder, fingerprint)
        saved = checkpoints.list_checkpoints(self.work_folder)
        checkpoint = f"the last good checkpoint is {saved[-1]}" if saved else "no checkpoint was written before"
        return f"train: {error}; {checkpoint}; try a lower train.learning_rate; rows of the batch (row_key): {', '.join(rows)}"

    def calibrated_heads(self, model: Model) -> dict[str, Head]:
        """Return the heads with the temperatures and decision thresholds of `model`, fitted on validation."""
        predictor = TorchPredictor(model, self.tokenizer, self.heads, self.settings.max_length)
        return self.choose_bounds(model, calibration.calibrate(predictor, self.heads, self.objectives))

    def choose_bounds(self, model: Model, heads: dict[str, Head]) -> dict[str, Head]:
        """Return the heads with the decision thresholds of `model`, chosen on validation."""
        predictor = TorchPredictor(model, self.tokenizer, heads, self.settings.max_length)
        return decision_thresholds.choose_bounds(
            predictor,
            heads,
            self.objectives,
            self.settings.decision_threshold,
            self.settings.abstain_accuracy,
        )


def build_head(objective: Objective) -> Head:
    """Return the head for an objective; a regression's scale is that of its training labels."""
    sides, mean, std = objective.sides, 0.0, 1.0
    pairs = sides.pairs
    if objective.kind == "regression":
        labels = scoring.side_of(objective, "train")["label"]
        mean, std = float(labels.mean()), float(labels.std(ddof=0)) or 1.0
    elif objective.kind == "generation":
        pairs = "label" in scoring.side_of(objective, "train")
    generation = Generation().changed(**objective.generation.model_dump())
    head = Head(objective.kind, tuple(sides.labels), sides.separator, pairs, mean, std, objective.weight, generation)
    return replace(head, cleaning=objective.cleaning)


def load_initial_model(
    objectives: list[Objective], heads: dict[str, Head], settings: TrainSettings, start: WarmStart | None
) -> tuple[Model, PreTrainedTokenizerBase]:
    """Return the model to train and its tokenizer.

    Args:
        objectives: Their training texts make the tokenizer of a base model from scratch.
        heads: The heads by the names of their objectives.
        settings: The base model.
        start: The champion's weights to continue from, instead of the base model.

    Raises:
        SettingsError: The champion's weights do not fit.
    """
    address = str(artifact_store.folder(start)) if start else settings.base_model
    texts = [] if start else _corpus(pd.read_parquet(train_file(o)) for o in objectives)
    model, tokenizer = load_base_model(address, heads, settings.max_length, settings.seed, settings.scratch, texts)
    if start:
        try:
            pretrained.copy_matching_weights(model, heads, Path(address))
        except (ValueError, OSError) as error:
            raise SettingsError(f"train.warm_start: {str(error).splitlines()[0]}") from error
    return model, tokenizer


def _corpus(frames: Iterable[pd.DataFrame]) -> list[str]:
    """Return the texts and target texts, from which the tokenizer of a base model from scratch is trained."""
    columns = [frame[name] for frame in frames for name in ("text", "text_pair", "label") if name in frame]
    return [text for column in columns for text in column if isinstance(text, str)]


def train_file(objective: Objective) -> Path:
    """Return the file of an objective's training rows with their augmented copies."""
    return artifact_store.folder(objective.augmented) / "train.parquet"


def trained_keys(objectives: list[Objective], start: WarmStart | None) -> pd.DataFrame:
    """Return the `row_key` of all rows that these weights, or students of theirs, were ever trained on.

    Rows with `part` have the key of one text of a pair, by which somebody may ask for the row to be erased.
    """
    files = [train_file(o).with_name(name) for o in objectives for name in ("train.parquet", "unlabelled.parquet")]
    frames = [pd.read_parquet(file) for file in files]
    row_keys = set().union(*map(training_keys, frames))
    text_keys = {
        text_key(text)
        for frame in frames
        if "text_pair" in frame
        for texts in (frame, raw_texts(frame))
        for name in ("text", "text_pair")
        for text in texts[name]
    }
    if start:
        start_rows, start_texts = read_trained_keys(artifact_store.folder(start) / artifact_store.TRAINED_KEYS)
        row_keys, text_keys = row_keys | start_rows, text_keys | start_texts
    return pd.DataFrame(
        {
            "row_key": [*sorted(row_keys), *sorted(text_keys)],
            "part": [False] * len(row_keys) + [True] * len(text_keys),
        }
    )


def describe_best(result: trainer.TrainingResult, metric: str) -> str:
    """Return one line about the epoch that was selected by `metric` on validation."""
    epochs = [line for line in result.history if f"eval_{metric}" in line]
    best = next((line for line in epochs if line["step"] == result.best_step), epochs[-1])
    line = f"epoch {best['epoch']:g} (step {best['step']:,}), {metric} {best[f'eval_{metric}']:.4f} on validation"
    return f"{line}; {len(epochs)} epochs were evaluated, the last has {epochs[-1][f'eval_{metric}']:.4f}"


@stage
def train(
    folder: Path,
    objectives: list[Objective],
    train: TrainSettings,
    start: WarmStart | None,
    model_name: str,
    run_id: str = "",
    deadline: float | None = None,
) -> Trained:
    """Fine-tune `train.base_model`, or continue from `start`; a killed run resumes from its newest valid checkpoint.

    Args:
        folder: Folder to write the trained model to.
        objectives: What the model learns.
        train: The settings of the training.
        start: The champion's weights to continue from, instead of the base model.
        model_name: Names the folder of the checkpoints.
        run_id: MLflow run that shows the losses during the training; empty for none.
        deadline: Time at which training stops, in seconds since the epoch.
    """
    heads = {objective.name: build_head(objective) for objective in objectives}
    model, tokenizer = load_initial_model(objectives, heads, train, start)
    layers = pretrained.summarize_modules(model)
    fingerprint = artifact_store.artifact_key(folder)
    work_folder = artifact_store.work_folder(model_name, f"train-{fingerprint}")
    job = TrainingJob(objectives, train, heads, model, tokenizer, work_folder)
    is_here = train.launcher != "ray"  # on the nodes the first process shares its checkpoints itself
    with shared_checkpoints.shared(work_folder, fingerprint) if is_here else nullcontext():
        result = job.fit(job.options(deadline, fingerprint), run_id)
    pretrained.save_checkpoint(result.model, tokenizer, job.calibrated_heads(result.model), folder / "model")
    trained_keys(objectives, start).to_parquet(folder / artifact_store.TRAINED_KEYS)
    (folder / "measured").mkdir()
    (folder / "measured" / "history.json").write_text(json.dumps(result.history))
    metric = kinds.primary(objectives) if train.load_best_model_at_end else "loss"
    return Trained(
        parameters=sum(p.numel() for p in result.model.parameters()),
        layers=layers,
        precision=job.precision,
        device=device(),
        figures=result.metrics,
        stopped=result.stopped,
        best=describe_best(result, metric) if train.load_best_model_at_end else "",
        best_step=result.best_step,
        selected_by=metric,
        start=start.version if start else None,
    )

"""Fine-tune the base model on the training rows of every objective; the result is the candidate *full*."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import Any, Literal

import mlflow
import pandas as pd
from pydantic import Field, ValidationInfo, field_validator
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
from nightshift.records import Objective, Settings, Trained, WarmStart
from nightshift.store import artifact_store, disk
from nightshift.store.stages import stage
from nightshift.training import callbacks, checkpoints, launch, trainer
from nightshift.training.progress import ProgressCallback, new_publisher
from nightshift.training.tokenization import Examples, load_or_create


class LoraSettings(Settings):
    """Low-rank adaptation with peft, with the names of LoraConfig; the adapter is merged into the weights after training."""

    r: int = Field(0, ge=0)
    """Rank of the adapter matrices; 0: no adapter, all weights are trained."""
    lora_alpha: int = Field(16, ge=1)
    """Scaling factor of the adapter."""
    lora_dropout: float = Field(0.0, ge=0, lt=1)
    """Dropout probability of the adapter's input."""
    target_modules: str | list[str] = "all-linear"
    """Names of the layers that get an adapter, or the ends of their names; all-linear: all linear layers."""


class TrainSettings(Settings):
    """Fine-tuning of the base model, with the names of transformers' TrainingArguments."""

    base_model: str
    """Hugging Face id with a revision (ID@COMMIT), a folder, package:NAME/PATH, or scratch:bert, scratch:gpt2 or
    scratch:t5 for fresh weights.
    """
    scratch: dict[str, int | float | str] = {}
    """Sizes of a scratch: base, with the field names of its configuration (vocab_size, n_layer, hidden_size …)."""
    max_length: int = Field(128, ge=4, le=8192)
    """Maximum number of tokens of a text; longer texts are truncated, and split for generation."""
    num_train_epochs: float = Field(3, gt=0, le=1000)
    """Number of training epochs."""
    per_device_train_batch_size: int = Field(16, ge=1)
    """Batch size of a forward and backward pass, in rows, over all processes together."""
    gradient_accumulation_steps: int = Field(1, ge=1)
    """Number of passes whose gradients are accumulated before an optimizer step."""
    learning_rate: float = Field(5e-5, gt=0)
    """Peak learning rate, which decays linearly to zero."""
    warmup_steps: int = Field(0, ge=0)
    """Number of steps of a linear warmup of the learning rate from zero, fewer than the training has; 0: no warmup."""
    warmup_ratio: float = Field(0.0, ge=0, lt=1)
    """Fraction of the training steps used for the warmup, instead of `warmup_steps`; 0: no warmup."""
    weight_decay: float = Field(0.01, ge=0)
    """Weight decay of AdamW."""
    class_weights: Literal["balanced"] | None = None
    """balanced: classes are weighted inversely to their frequency in the loss (classification); if not set, all rows
    have the same weight.
    """
    label_smoothing_factor: float = Field(0.0, ge=0, lt=1)
    """Fraction of the target that label smoothing spreads over all labels or tokens, not for regression; 0: no
    smoothing.
    """
    decision_threshold: float | Literal["auto"] = 0.5
    """Minimum score of a predicted label in multi-label classification; auto: the value with the best gate metric on
    validation.
    """
    abstain_accuracy: float | None = Field(None, gt=0, lt=1)
    """Accuracy on validation that is reached by marking predictions with low scores as abstain, only with one label per
    row; if not set, no prediction is marked.
    """
    save_steps: int = Field(200, ge=1)
    """Number of steps between two checkpoints."""
    save_total_limit: int = Field(2, ge=1)
    """Number of newest checkpoints that are kept, in addition to the best one."""
    load_best_model_at_end: bool = False
    """True to take the epoch with the best gate metric on validation instead of the last one."""
    early_stopping_patience: int | None = Field(None, ge=1)
    """Number of epochs without improvement after which training stops, with `load_best_model_at_end`; if not set, all
    epochs are trained.
    """
    precision: Literal["auto", "float32", "bf16", "fp16"] = "auto"
    """Mixed precision of training; auto: bf16 or fp16 if the device has it in hardware, float32 otherwise."""
    seed: int = 42
    """Random seed of weights, row order and dropout."""
    window: int | str | None = None
    """Newest rows to train on, as a number of rows or as days such as 30d before the newest row; if not set, all rows.
    """
    warm_start: Literal["champion"] | None = None
    """champion: continue from the champion's weights, unless it was trained on rows of the current holdout; if not set,
    start from `base_model`.
    """
    torch_compile: Literal["auto", "always", "never"] = "auto"
    """Use torch.compile; auto: only in trainings longer than 15 minutes for which it is measured to be faster."""
    lora: LoraSettings = LoraSettings()
    """Low-rank adaptation, for large base models."""
    sampling: Literal["proportional", "equal", "temperature"] = "proportional"
    """Sampling of batches from several objectives: proportional to their rows, equal, or temperature for rows to the
    power 1/sampling_temperature.
    """
    sampling_temperature: float = Field(2.0, ge=1)
    """Temperature of the sampling: 1 is proportional, a high value is nearly equal."""
    compare_single: bool = False
    """True to train each of several objectives alone too, and to report whether training them together helped."""
    launcher: Literal["none", "accelerate"] = "none"
    """accelerate: train with `accelerate launch`, on several GPUs or machines; none: train in this process."""
    accelerate: dict[str, int | float | str | bool] = {}
    """Options of `accelerate launch` by their names, such as num_processes."""

    @field_validator("scratch")
    @classmethod
    def _sizes_need_scratch(
        cls, sizes: dict[str, int | float | str], info: ValidationInfo
    ) -> dict[str, int | float | str]:
        base = info.data.get("base_model", pretrained.SCRATCH)
        if sizes and not base.startswith(pretrained.SCRATCH):
            raise ValueError(f"sizes are those of a scratch: base, and base_model is {base}; leave them out")
        return sizes

    @field_validator("warmup_ratio")
    @classmethod
    def _refuse_both_warmups(cls, ratio: float, info: ValidationInfo) -> float:
        if ratio and info.data.get("warmup_steps"):
            raise ValueError("warmup_steps says it already; leave one of the two out")
        return ratio

    @field_validator("early_stopping_patience")
    @classmethod
    def _patience_needs_best_model(cls, patience: int | None, info: ValidationInfo) -> int | None:
        if patience is not None and not info.data.get("load_best_model_at_end"):
            raise ValueError("it needs load_best_model_at_end: true, by which a better epoch is told")
        return patience

    @field_validator("decision_threshold", mode="before")
    @classmethod
    def _validate_threshold(cls, threshold: Any) -> Any:
        is_share = isinstance(threshold, int | float) and 0 < threshold < 1
        if not is_share and threshold != "auto":
            raise ValueError("expected a number between 0 and 1, or auto")
        return threshold

    @field_validator("launcher")
    @classmethod
    def _best_model_needs_one_process(cls, launcher: str, info: ValidationInfo) -> str:
        if launcher == "accelerate" and info.data.get("load_best_model_at_end"):
            raise ValueError("load_best_model_at_end works in one process; leave one of the two out")
        return launcher

    @field_validator("window")
    @classmethod
    def _validate_window(cls, window: int | str | None) -> int | str | None:
        if window is not None and not re.fullmatch(r"[1-9]\d*d?", str(window)):
            raise ValueError("expected a number of rows, or days such as 30d")
        return window

    def base(self) -> str:
        """Return what identifies the base model and, if it is from scratch, its sizes; raise SettingsError if there is none."""
        try:
            base = pretrained.digest(self.base_model)
        except ValueError as error:
            raise SettingsError(f"train.base_model: {error}") from error
        return " ".join([base, *([json.dumps(self.scratch, sort_keys=True)] if self.scratch else [])])

    def fingerprint(self) -> str:
        """Return the settings and the digest of the base model, for cache keys."""
        return f"{self.model_dump_json()} {self.base()}"


class LiveMetrics(TrainerCallback):  # type: ignore[misc]
    """Callback that logs the Trainer's history to the MLflow run of the night."""

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
        mlflow.log_metrics(history_metrics(logs or {}, "train"), step=state.global_step, run_id=self.run_id)


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
            SettingsError: The warmup is longer than the training, or LoRA names modules that do not exist.
            NightshiftError: The training failed.
        """
        settings = self.settings
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
        try:
            if settings.launcher == "accelerate":
                return launch.launch(job, settings.accelerate, disk.ensure_room)
            trainer_callbacks = [
                callbacks.StepCallback(disk.ensure_room),
                ProgressCallback("train", new_publisher()),
                *([LiveMetrics(run_id)] if run_id else []),
            ]
            return trainer.fit(job, trainer_callbacks)
        except lora.UnknownModulesError as error:
            raise SettingsError(f"train.lora.target_modules: {error}") from error
        except callbacks.TrainingFailed as error:
            raise NightshiftError(self._failure_message(error, examples)) from error

    def _failure_message(self, error: callbacks.TrainingFailed, examples: dict[str, Examples]) -> str:
        """Return one line that names the step, the rows of the batch and the last checkpoint."""
        objective = next(o for o in self.objectives if o.name == error.objective)
        keys = pd.read_parquet(train_file(objective), columns=["row_key"])["row_key"]
        sources = examples[error.objective].columns["source"]
        rows = sorted({keys[int(row)] for example in error.rows for row in sources[example]})
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
    address = str(artifact_store.home() / start.path) if start else settings.base_model
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
        start_rows, start_texts = read_trained_keys(artifact_store.home() / start.path / artifact_store.TRAINED_KEYS)
        row_keys, text_keys = row_keys | start_rows, text_keys | start_texts
    return pd.DataFrame(
        {
            "row_key": [*sorted(row_keys), *sorted(text_keys)],
            "part": [False] * len(row_keys) + [True] * len(text_keys),
        }
    )


def ensure_warmup_ends(settings: TrainSettings, steps: int) -> None:
    """Raise SettingsError unless the learning rate reaches its peak within the training's `steps`."""
    warmup = settings.warmup_steps or ceil(steps * settings.warmup_ratio)
    if warmup and warmup >= steps:
        field, value = ("steps", settings.warmup_steps) if settings.warmup_steps else ("ratio", settings.warmup_ratio)
        raise SettingsError(
            f"train.warmup_{field}: {value:,} leaves no step at the full learning rate: this training has {steps:,} steps; "
            "set train.warmup_ratio: 0.1 for a tenth of them, or train for more epochs"
        )


def training_arguments(settings: TrainSettings, precision: str) -> dict[str, Any]:
    """Return the fields of TrainingArguments, and `precision`."""
    return {
        "num_train_epochs": settings.num_train_epochs,
        "per_device_train_batch_size": settings.per_device_train_batch_size,
        "gradient_accumulation_steps": settings.gradient_accumulation_steps,
        "learning_rate": settings.learning_rate,
        "warmup_steps": settings.warmup_steps
        or settings.warmup_ratio,  # transformers reads a number below 1 as a share
        "weight_decay": settings.weight_decay,
        "save_steps": settings.save_steps,
        "save_total_limit": settings.save_total_limit,
        "eval_strategy": "epoch",
        "logging_steps": 20,
        "precision": precision,
        "seed": settings.seed,
    }


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

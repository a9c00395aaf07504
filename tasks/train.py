"""Fine-tunes the base model on the training side of every objective: tonight's *full*."""

import json
import re
from collections.abc import Iterable
from math import ceil
from pathlib import Path
from typing import Any, Literal

import mlflow
import pandas as pd
from pydantic import Field, ValidationInfo, field_validator
from transformers import PreTrainedTokenizerBase, TrainerCallback

from nightshift.data.row_keys import read_trained_keys, text_key
from nightshift.errors import NightshiftError, SettingsError
from nightshift.evaluation import decision_thresholds, kinds, scoring
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
    """Hugging Face id with a revision (ID@COMMIT), a folder, package:NAME/PATH, or scratch:bert, scratch:gpt2 or scratch:t5 for fresh weights."""
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
    """balanced: classes are weighted inversely to their frequency in the loss (classification); if not set, all rows have the same weight."""
    label_smoothing_factor: float = Field(0.0, ge=0, lt=1)
    """Fraction of the target that label smoothing spreads over all labels or tokens, not for regression; 0: no smoothing."""
    decision_threshold: float | Literal["auto"] = 0.5
    """Minimum score of a predicted label in multi-label classification; auto: the value with the best gate metric on validation."""
    abstain_accuracy: float | None = Field(None, gt=0, lt=1)
    """Accuracy on validation that is reached by marking predictions with low scores as abstain, only with one label per row; if not set, no prediction is marked."""
    save_steps: int = Field(200, ge=1)
    """Number of steps between two checkpoints."""
    save_total_limit: int = Field(2, ge=1)
    """Number of newest checkpoints that are kept, in addition to the best one."""
    load_best_model_at_end: bool = False
    """True to take the epoch with the best gate metric on validation instead of the last one."""
    early_stopping_patience: int | None = Field(None, ge=1)
    """Number of epochs without improvement after which training stops, with `load_best_model_at_end`; if not set, all epochs are trained."""
    precision: Literal["auto", "float32", "bf16", "fp16"] = "auto"
    """Mixed precision of training; auto: bf16 or fp16 if the device has it in hardware, float32 otherwise."""
    seed: int = 42
    """Random seed of weights, row order and dropout."""
    window: int | str | None = None
    """Newest rows to train on, as a number of rows or as days such as 30d before the newest row; if not set, all rows."""
    warm_start: Literal["champion"] | None = None
    """champion: continue from the champion's weights, unless it was trained on rows of the current holdout; if not set, start from `base_model`."""
    torch_compile: Literal["auto", "always", "never"] = "auto"
    """Use torch.compile; auto: only in trainings longer than 15 minutes for which it is measured to be faster."""
    lora: LoraSettings = LoraSettings()
    """Low-rank adaptation, for large base models."""
    sampling: Literal["proportional", "equal", "temperature"] = "proportional"
    """Sampling of batches from several objectives: proportional to their rows, equal, or temperature for rows to the power 1/sampling_temperature."""
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
    def _of_such_a_base(cls, sizes: dict[str, int | float | str], info: ValidationInfo) -> dict[str, int | float | str]:
        base = info.data.get("base_model", pretrained.SCRATCH)
        if sizes and not base.startswith(pretrained.SCRATCH):
            raise ValueError(f"sizes are those of a scratch: base, and base_model is {base}; leave them out")
        return sizes

    @field_validator("warmup_ratio")
    @classmethod
    def _steps_or_ratio(cls, ratio: float, info: ValidationInfo) -> float:
        if ratio and info.data.get("warmup_steps"):
            raise ValueError("warmup_steps says it already; leave one of the two out")
        return ratio

    @field_validator("early_stopping_patience")
    @classmethod
    def _needs_the_best(cls, patience: int | None, info: ValidationInfo) -> int | None:
        if patience is not None and not info.data.get("load_best_model_at_end"):
            raise ValueError("it needs load_best_model_at_end: true, by which a better epoch is told")
        return patience

    @field_validator("decision_threshold", mode="before")
    @classmethod
    def _share_or_auto(cls, threshold: Any) -> Any:
        is_share = isinstance(threshold, int | float) and 0 < threshold < 1
        if not is_share and threshold != "auto":
            raise ValueError("expected a number between 0 and 1, or auto")
        return threshold

    @field_validator("launcher")
    @classmethod
    def _in_one_process(cls, launcher: str, info: ValidationInfo) -> str:
        if launcher == "accelerate" and info.data.get("load_best_model_at_end"):
            raise ValueError("load_best_model_at_end works in one process; leave one of the two out")
        return launcher

    @field_validator("window")
    @classmethod
    def _rows_or_days(cls, window: int | str | None) -> int | str | None:
        if window is not None and not re.fullmatch(r"[1-9]\d*d?", str(window)):
            raise ValueError("expected a number of rows, or days such as 30d")
        return window

    def base(self) -> str:
        """What identifies the base model, with the sizes of one from scratch; raises SettingsError where there is none."""
        try:
            base = pretrained.digest(self.base_model)
        except ValueError as error:
            raise SettingsError(f"train.base_model: {error}") from error
        return " ".join([base, *([json.dumps(self.scratch, sort_keys=True)] if self.scratch else [])])

    def fingerprint(self) -> str:
        """Settings and the base model's content."""
        return f"{self.model_dump_json()} {self.base()}"


class LiveMetrics(TrainerCallback):  # type: ignore[misc]
    """Sends the Trainer's logs to the night's MLflow run."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Called by the Trainer with each line of its history."""
        mlflow.log_metrics(history_metrics(logs or {}, "train"), step=state.global_step, run_id=self.run_id)


def history_metrics(line: dict[str, Any], prefix: str) -> dict[str, float]:
    """One line of the log history as MLflow metrics under `prefix/`."""
    return {f"{prefix}/{name}": float(value) for name, value in line.items() if name not in ("epoch", "step")}


def head_of(objective: Objective) -> Head:
    """The objective as the model sees it; a regression's scale is that of its training labels."""
    sides, mean, std = objective.sides, 0.0, 1.0
    pairs = sides.pairs
    if objective.kind == "regression":
        labels = scoring.side_of(objective, "train")["label"]
        mean, std = float(labels.mean()), float(labels.std(ddof=0)) or 1.0
    elif objective.kind == "generation":
        pairs = "label" in scoring.side_of(objective, "train")
    generation = Generation().changed(**objective.generation.model_dump())
    return Head(objective.kind, tuple(sides.labels), sides.separator, pairs, mean, std, objective.weight, generation)


def _corpus(frames: Iterable[pd.DataFrame]) -> list[str]:
    """The texts that a scratch: base's tokenizer learns from: training texts and target texts."""
    columns = [frame[name] for frame in frames for name in ("text", "text_pair", "label") if name in frame]
    return [text for column in columns for text in column if isinstance(text, str)]


def _base(objectives: list[Objective], heads: dict[str, Head], train: TrainSettings, start: WarmStart | None) -> Any:
    """The model to begin with, and its tokenizer."""
    address = str(artifact_store.home() / start.path) if start else train.base_model
    texts = [] if start else _corpus(pd.read_parquet(_rows(o)) for o in objectives)
    model, tokenizer = load_base_model(address, heads, train.max_length, train.seed, train.scratch, texts)
    if start:
        try:
            pretrained.copy_matching_weights(model, heads, Path(address))
        except (ValueError, OSError) as error:
            raise SettingsError(f"train.warm_start: {str(error).splitlines()[0]}") from error
    return model, tokenizer


def _rows(objective: Objective) -> Path:
    return artifact_store.folder(objective.augmented) / "train.parquet"


def _train_keys(objectives: list[Objective], start: WarmStart | None) -> pd.DataFrame:
    """The digests of all rows that these weights, or students of theirs, have ever been trained on.

    And, as `part`, of each text of a pair by itself: by it somebody may ask for the row to be forgotten.
    """
    files = [_rows(o).with_name(name) for o in objectives for name in ("train.parquet", "unlabelled.parquet")]
    frames = [pd.read_parquet(file) for file in files]
    rows = {digest for frame in frames for digest in frame["row_key"]}
    parts = {
        text_key(text)
        for frame in frames
        if "text_pair" in frame
        for name in ("text", "text_pair")
        for text in frame[name]
    }
    if start:
        earlier_rows, earlier_parts = read_trained_keys(
            artifact_store.home() / start.path / artifact_store.TRAINED_KEYS
        )
        rows, parts = rows | earlier_rows, parts | earlier_parts
    return pd.DataFrame({"row_key": [*sorted(rows), *sorted(parts)], "part": [False] * len(rows) + [True] * len(parts)})


def _failure(
    error: callbacks.TrainingFailed, objectives: list[Objective], examples: dict[str, Examples], work: Path
) -> str:
    """The line that names the step, the batch's rows and the checkpoint that is left."""
    objective = next(o for o in objectives if o.name == error.objective)
    keys = pd.read_parquet(_rows(objective), columns=["row_key"])["row_key"]
    sources = examples[error.objective].columns["source"]
    rows = sorted({keys[int(row)] for example in error.rows for row in sources[example]})
    kept = checkpoints.list_checkpoints(work)
    where = f"the last good checkpoint is {kept[-1]}" if kept else "no checkpoint was written before"
    return f"train: {error}; {where}; try a lower train.learning_rate; rows of the batch (row_key): {', '.join(rows)}"


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
    """Fine-tune `train.base_model`, or `start`; a night that was killed goes on from its newest sound checkpoint.

    Args:
        folder: Where the trained model is written.
        objectives: What the model learns.
        train: The settings of the training.
        start: The champion's weights to go on from, in place of the base model.
        model_name: Names the folder in which its checkpoints lie.
        run_id: The MLflow run that shows its losses while it trains; empty for none.
        deadline: When it has to stop, in seconds since the epoch.
    """
    heads = {objective.name: head_of(objective) for objective in objectives}
    model, tokenizer = _base(objectives, heads, train, start)
    parts = pretrained.summarize_modules(model)
    work = artifact_store.work_folder(model_name, f"train-{artifact_store.artifact_key(folder)}")
    kind = trainer.default_precision() if train.precision == "auto" else train.precision

    def encoded(objective: Objective, side: str, path: Path, packed: bool) -> Examples:
        return load_or_create(
            work / f"{objective.name}.{side}.arrow",
            lambda: scoring.examples(
                pd.read_parquet(path), tokenizer, heads[objective.name], train.max_length,
                encoder_decoder=model.config.is_encoder_decoder, packed=packed,
            ),
        )  # fmt: skip

    rows = {o.name: encoded(o, "train", _rows(o), packed=is_decoder(model.config)) for o in objectives}
    validation = {
        o.name: encoded(o, "validation", artifact_store.folder(o.sides) / "validation.parquet", packed=False)
        for o in objectives
    }
    recipe = trainer.TrainingOptions(
        sampling=train.sampling,
        sampling_temperature=train.sampling_temperature,
        class_weights=train.class_weights,
        label_smoothing=train.label_smoothing_factor,
        lora=train.lora.model_dump() if train.lora.r else None,
        torch_compile=train.torch_compile,
        deadline=deadline,
        selection=_selection(train, objectives, tokenizer, heads) if train.load_best_model_at_end else None,
        fingerprint=artifact_store.artifact_key(folder),
    )
    ensure_warmup_ends(train, trainer.count_steps(rows, _batch_size(train), train.num_train_epochs, recipe))
    trainer_callbacks = [
        callbacks.StepCallback(disk.ensure_room),
        ProgressCallback("train", new_publisher()),
        *([LiveMetrics(run_id)] if run_id else []),
    ]
    inputs = (model, tokenizer, heads, rows, validation, work, _arguments(train, kind))
    try:
        if train.launcher == "accelerate":
            fitted = launch.launch(*inputs, recipe, train.accelerate, disk.ensure_room)
        else:
            fitted = trainer.fit(*inputs, trainer_callbacks, recipe)
    except lora.UnknownModulesError as error:
        raise SettingsError(f"train.lora.target_modules: {error}") from error
    except callbacks.TrainingFailed as error:
        raise NightshiftError(_failure(error, objectives, rows, work)) from error
    heads = _decided(TorchPredictor(fitted.model, tokenizer, heads, train.max_length), objectives, train)
    pretrained.save_checkpoint(fitted.model, tokenizer, heads, folder / "model")
    _train_keys(objectives, start).to_parquet(folder / artifact_store.TRAINED_KEYS)
    (folder / "measured").mkdir()
    (folder / "measured" / "history.json").write_text(json.dumps(fitted.history))
    metric = kinds.primary(objectives) if train.load_best_model_at_end else "loss"
    return Trained(
        parameters=sum(p.numel() for p in fitted.model.parameters()),
        layers=parts,
        precision=kind,
        device=device(),
        figures=fitted.metrics,
        stopped=fitted.stopped,
        best=_best_in_words(fitted, metric) if train.load_best_model_at_end else "",
        best_step=fitted.best_step,
        selected_by=metric,
        start=start.version if start else None,
    )


def _selection(
    train: TrainSettings, objectives: list[Objective], tokenizer: PreTrainedTokenizerBase, heads: dict[str, Head]
) -> trainer.Selection:
    """Choose by what the gate goes by, computed as `evaluate` computes it."""
    metric = kinds.primary(objectives)

    def measure(model: Model) -> float:
        predictor = TorchPredictor(model, tokenizer, heads, train.max_length)
        predictor.heads = _decided(predictor, objectives, train)
        return kinds.metrics(scoring.tables(predictor, "validation", objectives), objectives)[metric]

    return trainer.Selection(metric, kinds.better(metric) > 0, measure, train.early_stopping_patience)


def _decided(predictor: TorchPredictor, objectives: list[Objective], train: TrainSettings) -> dict[str, Head]:
    """Return the model's heads with the bounds that it is to decide by."""
    return decision_thresholds.choose_bounds(
        predictor, predictor.heads, objectives, train.decision_threshold, train.abstain_accuracy
    )


def _best_in_words(fitted: trainer.TrainingResult, metric: str) -> str:
    epochs = [line for line in fitted.history if f"eval_{metric}" in line]
    best = next((line for line in epochs if line["step"] == fitted.best_step), epochs[-1])
    words = f"epoch {best['epoch']:g} (step {best['step']:,}), {metric} {best[f'eval_{metric}']:.4f} on validation"
    return f"{words}; {len(epochs)} epochs were evaluated, the last has {epochs[-1][f'eval_{metric}']:.4f}"


def _batch_size(train: TrainSettings) -> int:
    return train.per_device_train_batch_size * train.gradient_accumulation_steps


def ensure_warmup_ends(train: TrainSettings, steps: int) -> None:
    """Raise SettingsError unless the learning rate reaches its height within the training's `steps`."""
    warmup = train.warmup_steps or ceil(steps * train.warmup_ratio)
    if warmup and warmup >= steps:
        field, value = ("steps", train.warmup_steps) if train.warmup_steps else ("ratio", train.warmup_ratio)
        raise SettingsError(
            f"train.warmup_{field}: {value:,} leaves no step at the full learning rate: this training has {steps:,} steps; "
            "set train.warmup_ratio: 0.1 for a tenth of them, or train for more epochs"
        )


def _arguments(train: TrainSettings, kind: str) -> dict[str, Any]:
    named = {"num_train_epochs", "per_device_train_batch_size", "gradient_accumulation_steps", "learning_rate",
             "weight_decay", "save_steps", "save_total_limit", "seed"}  # fmt: skip
    warmup = train.warmup_steps or train.warmup_ratio  # transformers reads a number below 1 as a share
    return train.model_dump(include=named) | {"warmup_steps": warmup, "precision": kind, "eval_strategy": "epoch",
                                              "logging_steps": 20}  # fmt: skip

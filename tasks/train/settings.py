"""Settings of the fine-tuning of the base model."""

import json
import re
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from nightshift.errors import SettingsError
from nightshift.models import base_address
from nightshift.records import Settings


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
    launcher: Literal["none", "accelerate", "ray"] = "none"
    """accelerate: train with `accelerate launch`, on several GPUs of a machine; ray: train on several nodes of the Ray cluster
    of `execution`; none: train in this process.
    """
    accelerate: dict[str, int | float | str | bool] = {}
    """Options of `accelerate launch` by their names, such as num_processes."""
    num_workers: int = Field(2, ge=2)
    """Number of processes with launcher: ray, each with `execution.cpus` and `execution.gpus`; it must divide
    `per_device_train_batch_size`.
    """

    @field_validator("scratch")
    @classmethod
    def _sizes_need_scratch(
        cls, sizes: dict[str, int | float | str], info: ValidationInfo
    ) -> dict[str, int | float | str]:
        base = info.data.get("base_model", base_address.SCRATCH)
        if sizes and not base.startswith(base_address.SCRATCH):
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

    @field_validator("accelerate")
    @classmethod
    def _one_machine(cls, options: dict[str, int | float | str | bool]) -> dict[str, int | float | str | bool]:
        if str(options.get("num_machines", 1)) != "1":
            raise ValueError(
                "num_machines: accelerate starts the processes of one machine; use launcher: ray for several"
            )
        return options

    @field_validator("launcher")
    @classmethod
    def _best_model_needs_one_process(cls, launcher: str, info: ValidationInfo) -> str:
        if launcher != "none" and info.data.get("load_best_model_at_end"):
            raise ValueError("load_best_model_at_end works in one process; leave one of the two out")
        return launcher

    @field_validator("num_workers")
    @classmethod
    def _workers_share_batches(cls, num_workers: int, info: ValidationInfo) -> int:
        launcher, rows = info.data.get("launcher"), info.data.get("per_device_train_batch_size", num_workers)
        if launcher in ("none", "accelerate") and num_workers != cls.model_fields["num_workers"].default:
            raise ValueError("it needs launcher: ray; set that as well, or leave this one out")
        if launcher == "ray" and rows % num_workers:
            raise ValueError(f"{rows} rows of per_device_train_batch_size cannot be dealt to {num_workers} processes")
        return num_workers

    @field_validator("window")
    @classmethod
    def _validate_window(cls, window: int | str | None) -> int | str | None:
        if window is not None and not re.fullmatch(r"[1-9]\d*d?", str(window)):
            raise ValueError("expected a number of rows, or days such as 30d")
        return window

    def base(self) -> str:
        """Return what identifies the base model and, if it is from scratch, its sizes; raise SettingsError if there is none."""
        try:
            base = base_address.digest(self.base_model)
        except ValueError as error:
            raise SettingsError(f"train.base_model: {error}") from error
        return " ".join([base, *([json.dumps(self.scratch, sort_keys=True)] if self.scratch else [])])

    def fingerprint(self) -> str:
        """Return the settings and the digest of the base model, for cache keys."""
        return f"{self.model_dump_json()} {self.base()}"

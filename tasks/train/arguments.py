"""Arguments of the Trainer from the settings of a night, and what is wrong with them before a training begins."""

from math import ceil
from typing import Any

import torch

from nightshift.errors import SettingsError
from tasks.train.settings import TrainSettings


def ensure_all_processes_start(settings: TrainSettings) -> None:
    """Raise SettingsError if `accelerate launch` would start one process instead of `num_processes`, and say nothing."""
    options = settings.accelerate
    if settings.launcher != "accelerate" or "multi_gpu" in options or "mpirun_hostfile" in options:
        return
    is_on_cpu = "cpu" in options or not torch.accelerator.is_available()
    if is_on_cpu and int(options.get("num_processes", 1)) > 1:
        raise SettingsError(
            "train.accelerate: on CPUs accelerate starts one process, whatever num_processes says; set multi_gpu: true, which "
            "works there too, in place of cpu, or leave num_processes out"
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

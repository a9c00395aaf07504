"""Fine-tunes the base model on the training side: tonight's *full*."""

import json
import shutil
from pathlib import Path
from typing import Any, Literal

import mlflow
import pandas as pd
import torch
from pydantic import Field
from transformers import TrainerCallback

from models import bases, training
from models.progress import Progress
from tasks import pictures, scoring, shown, store
from tasks.errors import SettingsError
from tasks.records import Augmented, Settings, Sides, Trained
from tasks.stage import stage


class TrainSettings(Settings):
    """How tonight's model is fine-tuned; the names are those of transformers' TrainingArguments."""

    base_model: str
    """A Hugging Face id with its revision (ID@COMMIT), a folder, or package:NAME/PATH."""
    max_length: int = Field(128, ge=4, le=8192)
    """Tokens a text is cut to."""
    num_train_epochs: float = Field(3, gt=0, le=1000)
    """Times the training rows are gone through."""
    per_device_train_batch_size: int = Field(16, ge=1)
    """Rows a step."""
    gradient_accumulation_steps: int = Field(1, ge=1)
    """Steps whose gradients are added up before the weights move."""
    learning_rate: float = Field(5e-5, gt=0)
    """Highest learning rate; it falls linearly to zero."""
    warmup_steps: int = Field(0, ge=0)
    """Steps over which the learning rate rises from zero."""
    weight_decay: float = Field(0.01, ge=0)
    """AdamW's weight decay."""
    save_steps: int = Field(200, ge=1)
    """Steps between checkpoints."""
    save_total_limit: int = Field(2, ge=1)
    """Checkpoints kept."""
    precision: Literal["auto", "float32", "bf16", "fp16"] = "auto"
    """Mixed precision; auto takes what the device has in hardware."""
    seed: int = 42
    """Of weights, order and dropout."""

    def fingerprint(self) -> str:
        """Settings, base model's content and the library that does the arithmetic; raises SettingsError for no base."""
        try:
            base = bases.digest(self.base_model)
        except ValueError as error:
            raise SettingsError(f"train.base_model: {error}") from error
        return f"{self.model_dump_json()} {base} torch={torch.__version__}"


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


@stage
def train(
    folder: Path, augmented: Augmented, sides: Sides, train: TrainSettings, model_name: str, run_id: str = ""
) -> Trained:
    """Fine-tune `train.base_model`; a night that was killed goes on from its last complete checkpoint.

    `model_name` and `run_id` say where its checkpoints lie and its progress and losses are shown: in Prefect's
    artifact, in the MLflow run.
    """
    try:
        tokenizer = bases.load_tokenizer(train.base_model)
        model = bases.load_classifier(train.base_model, sides.labels, tokenizer, train.seed)
    except (ValueError, OSError) as error:
        raise SettingsError(f"train.base_model: {str(error).splitlines()[0]}") from error
    parts = bases.parts(model)
    rows = pd.read_parquet(store.folder(augmented) / "train.parquet")
    validation = pd.read_parquet(store.folder(sides) / "validation.parquet")
    kind = training.precision() if train.precision == "auto" else train.precision
    arguments = train.model_dump(exclude={"base_model", "max_length", "precision"}) | {
        "precision": kind,
        "eval_strategy": "epoch",
        "logging_steps": 20,
        "per_device_eval_batch_size": 64,
    }
    work = store.work(model_name, f"train-{store.key(folder)}")
    history = training.fit(
        model,
        tokenizer,
        scoring.examples(rows, tokenizer, sides.labels, train.max_length),
        scoring.examples(validation, tokenizer, sides.labels, train.max_length),
        work,
        arguments,
        [Progress("train", shown.progress(model_name)), *([LiveMetrics(run_id)] if run_id else [])],
    )
    bases.save_checkpoint(model, tokenizer, folder / "model")
    (folder / "measured").mkdir()
    (folder / "measured" / "history.json").write_text(json.dumps(history))
    pictures.learning_curve(history, folder / "measured" / "learning_curve.png")
    shutil.rmtree(work)
    return Trained(
        parameters=sum(p.numel() for p in model.parameters()),
        layers=parts,
        precision=kind,
        device="cuda" if torch.cuda.is_available() else "cpu",
    )

"""Fine-tuning a classifier with Hugging Face's Trainer, so that it resumes bit for bit.

Notable: batches grouped by length whose order is a pure function of seed and epoch; dynamic padding; checkpoints
that carry a marker written last, so that a half-written one is passed over; one loss for labels and for a
teacher's soft targets (a batch with `teacher_logits` is distilled).
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler
from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from models.distillation import distillation_loss
from models.quiet import errors_only, no_bars

COMPLETE = "COMPLETE"
"""The file that a whole checkpoint ends with."""


@dataclass(frozen=True)
class Examples(Dataset[dict[str, Any]]):
    """Tokenised rows: `input_ids` (and `token_type_ids`), `labels`, and `teacher_logits` where a teacher spoke."""

    rows: list[dict[str, Any]]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.rows[index]

    @property
    def lengths(self) -> list[int]:
        """Tokens of each row."""
        return [len(row["input_ids"]) for row in self.rows]


def encode(
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    pairs: Sequence[str] | None,
    labels: Sequence[int],
    max_length: int,
    teacher_logits: np.ndarray | None = None,
) -> Examples:
    """Tokenise rows, cut to `max_length` tokens, unpadded."""
    encoded = tokenizer(
        list(texts), list(pairs) if pairs is not None else None, truncation=True, max_length=max_length, padding=False
    )
    rows: list[dict[str, Any]] = []
    for index, label in enumerate(labels):
        row = {name: values[index] for name, values in encoded.items()} | {"labels": label}
        if teacher_logits is not None:
            row["teacher_logits"] = teacher_logits[index]
        rows.append(row)
    return Examples(rows)


def collate(tokenizer: PreTrainedTokenizerBase) -> Any:
    """Pads a batch to its longest row."""
    model_inputs = set(tokenizer.model_input_names)

    def together(rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        inputs = [{name: row[name] for name in row if name in model_inputs} for row in rows]
        batch = dict(tokenizer.pad(inputs, return_tensors="pt"))
        batch["labels"] = torch.tensor([row["labels"] for row in rows])
        if "teacher_logits" in rows[0]:
            batch["teacher_logits"] = torch.tensor(np.stack([row["teacher_logits"] for row in rows]))
        return batch

    return together


class LengthGroups(Sampler[int]):
    """Random order in which a batch holds rows of similar length; a pure function of seed and epoch."""

    def __init__(self, lengths: list[int], batch_size: int, seed: int) -> None:
        self.lengths = np.array(lengths)
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the Trainer at the start of each epoch, also after a resume."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        random = np.random.default_rng([self.seed, self.epoch])
        order = random.permutation(len(self.lengths))
        window = self.batch_size * 50
        batches: list[np.ndarray] = []
        for start in range(0, len(order), window):
            chunk = order[start : start + window]
            chunk = chunk[np.argsort(-self.lengths[chunk], kind="stable")]
            batches += [chunk[i : i + self.batch_size] for i in range(0, len(chunk), self.batch_size)]
        full, rest = [b for b in batches if len(b) == self.batch_size], [b for b in batches if len(b) < self.batch_size]
        for index in random.permutation(len(full)):
            yield from full[index].tolist()
        for batch in rest:
            yield from batch.tolist()


class NightTrainer(Trainer):  # type: ignore[misc]
    """The Trainer with our order of rows, our loss and marked checkpoints."""

    temperature = 2.0
    alpha = 0.5

    def _get_train_sampler(self, train_dataset: Any = None) -> LengthGroups:
        return LengthGroups(self.train_dataset.lengths, self.args.per_device_train_batch_size, self.args.seed)

    def get_train_dataloader(self) -> Any:
        """The Trainer's, with a generator of its own."""
        return self._quiet(super().get_train_dataloader())

    def get_eval_dataloader(self, eval_dataset: Any = None) -> Any:
        """The Trainer's, with a generator of its own."""
        return self._quiet(super().get_eval_dataloader(eval_dataset))

    def _quiet(self, loader: Any) -> Any:
        """Starting a loader draws from the global generator, and a run resumed at an epoch's end starts fewer."""
        loader.base_dataloader.generator = torch.Generator().manual_seed(self.args.seed)
        return loader

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Cross-entropy with the labels, mixed with a teacher's soft targets where the batch has them."""
        labels, teacher = inputs["labels"], inputs.get("teacher_logits")
        outputs = model(**{k: v for k, v in inputs.items() if k not in ("labels", "teacher_logits")})
        if teacher is None:
            loss = torch.nn.functional.cross_entropy(outputs.logits.float(), labels)
        else:
            loss = distillation_loss(outputs.logits.float(), teacher, labels, self.temperature, self.alpha)
        return (loss, outputs) if return_outputs else loss

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        with no_bars():
            super()._save_checkpoint(model, trial)
        (Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}" / COMPLETE).touch()


def last_complete_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that was written to its end; half-written ones are removed."""
    found: list[Path] = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    for path in [p for p in found if not (p / COMPLETE).exists()]:
        shutil.rmtree(path)
    return next((path for path in reversed(found) if path.exists()), None)


def precision() -> str:
    """`bf16` or `fp16` on CUDA, `bf16` on processors that have it in hardware, else `float32`."""
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    has_bf16 = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bf16" if has_bf16 else "float32"


def fit(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    train: Examples,
    validation: Examples,
    output_dir: Path,
    arguments: dict[str, Any],
    callbacks: list[TrainerCallback],
    temperature: float = 2.0,
    alpha: float = 0.5,
) -> list[dict[str, Any]]:
    """Train `model` in place, going on from the last complete checkpoint in `output_dir`.

    `arguments` are TrainingArguments by their own names. Returns the Trainer's log history.
    """
    kind = arguments.pop("precision", None) or precision()
    trainer = NightTrainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(output_dir),
            bf16=kind == "bf16",
            fp16=kind == "fp16",
            use_cpu=not torch.cuda.is_available(),
            full_determinism=torch.cuda.is_available(),
            report_to=[],
            disable_tqdm=True,
            remove_unused_columns=False,
            label_names=["labels"],
            dataloader_pin_memory=torch.cuda.is_available(),
            **arguments,
        ),
        train_dataset=train,
        eval_dataset=validation,
        data_collator=collate(tokenizer),
        callbacks=callbacks,
        compute_metrics=lambda result: {"accuracy": float((result.predictions.argmax(-1) == result.label_ids).mean())},
    )
    trainer.remove_callback(PrinterCallback)
    trainer.model_accepts_loss_kwargs = False
    trainer.temperature, trainer.alpha = temperature, alpha
    checkpoint = last_complete_checkpoint(output_dir)
    with errors_only("transformers.trainer_utils"):
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    trainer.accelerator.unwrap_model(trainer.model_wrapped, keep_fp32_wrapper=False).to("cpu")
    return list(trainer.state.log_history)

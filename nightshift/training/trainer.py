"""Fine-tuning with Hugging Face's Trainer, so that it resumes bit for bit.

Notable: effective batches of one objective and of similar length, whose order is a pure function of seed and epoch
(`nightshift.training.batching`); one way to sum losses for every kind (`nightshift.training.losses`); checkpoints that can be trusted
(`nightshift.training.checkpoints`); a training that does not fit into memory goes on with smaller micro-batches and the same batches.
"""

import copy
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from itertools import islice
from math import ceil
from pathlib import Path
from typing import Any, Literal

import torch
from transformers import (
    PreTrainedTokenizerBase,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerState,
    TrainingArguments,
)
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from nightshift.models import lora
from nightshift.models.heads import Head, Heads, Model, compute_logits
from nightshift.models.logging_utils import errors_only, no_bars
from nightshift.training import checkpoints, compilation, feature_distillation, losses, malloc
from nightshift.training.batching import (
    BatchLoader,
    Collator,
    ObjectiveBatchSampler,
    Sampling,
    batches_by_length,
    model_inputs,
)
from nightshift.training.callbacks import Deadline, EpochCheckpoints, LossMonitor, checkpoint_on_sigterm
from nightshift.training.distillation import Teacher, on_device
from nightshift.training.sparse_embeddings import restrict_embeddings
from nightshift.training.throughput import ThroughputMeter
from nightshift.training.tokenization import Examples

log = logging.getLogger("nightshift.training")
EVALUATED = 64
"""Rows evaluated at once."""
TRIED = 4
"""Batches on which compilation is tried."""


@dataclass(frozen=True)
class Selection:
    """How the best checkpoint of a training is chosen: by a metric on validation, after each epoch."""

    metric: str
    """Its name in the log history, behind `eval_`."""
    greater_is_better: bool
    measure: Callable[[Model], float]
    """Return the metric of a model that is in evaluation mode."""
    patience: int | None = None
    """Epochs without a better one after which the training stops."""


@dataclass(frozen=True)
class TrainingOptions:
    """What a training is told beside TrainingArguments."""

    temperature: float = 2.0
    """Of a teacher's soft targets, where the examples have them or a teacher is at hand, and their weight."""
    alpha: float = 0.5
    teacher: Teacher | None = None
    """Who answers at every step; not under `nightshift.training.launch`."""
    sampling: Sampling = "proportional"
    sampling_temperature: float = 2.0
    class_weights: Literal["balanced"] | None = None
    """balanced: each class of an objective counts alike in the loss (`losses.balanced_weights`)."""
    label_smoothing: float = 0.0
    lora: dict[str, Any] | None = None
    """Fields of peft's LoraConfig: only these small matrices are trained, and merged at the end."""
    torch_compile: Literal["auto", "always", "never"] = "never"
    """auto: where it pays for itself (`nightshift.training.compilation`)."""
    deadline: float | None = None
    """Seconds since the epoch."""
    selection: Selection | None = None
    """How the best checkpoint is chosen, and taken at the end; not under `nightshift.training.launch`."""
    fingerprint: str = ""
    """Of data and settings: checkpoints of another one are passed over."""


@dataclass(frozen=True)
class TrainingResult:
    """What came of a training."""

    model: Model
    history: list[dict[str, Any]]
    """The Trainer's log history."""
    metrics: dict[str, float]
    """Speed (`nightshift.training.throughput.ThroughputMeter`), and `halvings` of the micro-batch."""
    stopped: str = ""
    """Why it ended before its last step; empty where it did not."""
    best_step: int | None = None
    """After which step the weights are those of the model, where they were chosen by validation."""


class MultiTaskTrainer(Trainer):  # type: ignore[misc]
    """The Trainer with our batches, our losses and sealed checkpoints."""

    def __init__(self, heads: Heads, train: Mapping[str, Examples], validation: Mapping[str, Examples],
                 tokenizer: PreTrainedTokenizerBase, recipe: TrainingOptions, batch_size: int, meter: ThroughputMeter, **kwargs: Any) -> None:  # fmt: skip
        self.night_heads, self.recipe, self.batch_size = heads, recipe, batch_size
        self.night_train, self.night_validation = train, validation
        self.pad_token_id = tokenizer.pad_token_id
        self.meter = meter
        super().__init__(train_dataset=next(iter(train.values())), **kwargs)
        self.model_accepts_loss_kwargs = True  # sums are divided by the items of the whole batch
        config = self.model.config
        self.encoder_decoder = bool(config.is_encoder_decoder)
        self.class_weights = self._balanced() if recipe.class_weights else dict.fromkeys(heads)
        self.watch = LossMonitor({name: losses.chance_loss(head, config.vocab_size) for name, head in heads.items()})

    def _balanced(self) -> dict[str, torch.Tensor | None]:
        weights: dict[str, torch.Tensor | None] = {}
        for name, head in self.night_heads.items():
            found = losses.balanced_weights(head, self.night_train[name].columns["labels"].values)
            weights[name] = None if found is None else found.to(self.args.device)
        return weights

    def get_train_dataloader(self) -> BatchLoader:
        """This process's micro-batches."""
        batches = ObjectiveBatchSampler(
            self.night_train, self.batch_size, self.args.seed, self.args.gradient_accumulation_steps,
            self.args.process_index, self.args.world_size, self.recipe.sampling, self.recipe.sampling_temperature,
        )  # fmt: skip
        collator = Collator(self.night_train, self.night_heads, self.pad_token_id)
        return BatchLoader(batches, collator, pin_memory=torch.cuda.is_available())

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
        """The Trainer's, with the loss and the speed looked at."""
        name, places = inputs["objective"], inputs["rows"]
        self.meter.note(len(places), inputs["tokens"], inputs["input_ids"].numel())
        loss: torch.Tensor = super().training_step(model, inputs, num_items_in_batch)
        weighed = self.night_heads[name].weight * self.args.world_size
        # A weighted mean, since one row of a rare class would make a batch's plain mean look like a diverging loss.
        scale = num_items_in_batch / losses.total_weight(inputs["labels"], self.class_weights[name]) / weighed
        self.watch.record(self.state.global_step + 1, loss * scale, name, places)
        return loss

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The objective's weight times its mean loss over the whole effective batch."""
        head = self.night_heads[inputs["objective"]]
        total = self._summed(model, head, inputs)
        return head.weight * total / num_items_in_batch * self.args.world_size

    def _summed(self, model: Any, head: Head, inputs: dict[str, Any]) -> torch.Tensor:
        teacher, told = self.recipe.teacher, inputs.get("teacher_logits")
        ways = teacher.feature_loss_weights if teacher else {}
        with feature_distillation.record_features(self.model, ways) as ours:
            answers = self._logits(model, inputs)
        extra: torch.Tensor | float = 0.0
        if teacher and (ways or told is None):
            with self.accelerator.autocast():
                said, theirs = teacher.predict(inputs["objective"], model_inputs(inputs, labels=self.encoder_decoder))
            told = said if told is None else told
            if ways:
                extra = feature_distillation.feature_loss(
                    ways, ours, theirs, feature_distillation.token_weights(head, inputs)
                )
        return extra + losses.summed_loss(
            head, answers, inputs["labels"], told, self.recipe.temperature, self.recipe.alpha, self.encoder_decoder,
            self.class_weights[inputs["objective"]], self.recipe.label_smoothing,
        )  # fmt: skip

    def _logits(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        return compute_logits(model, inputs["objective"], model_inputs(inputs, labels=self.encoder_decoder))

    @torch.no_grad()
    def evaluate(self, *_args: Any, **_kwargs: Any) -> dict[str, float]:
        """Mean validation losses, and the accuracy of classes; no more than a batch's logits are held at a time."""
        self.meter.pause()
        model = self.model.eval()
        found: dict[str, float] = {}
        several = len(self.night_heads) > 1
        for name, examples in self.night_validation.items():
            with torch.compiler.set_stance("force_eager"):
                loss, accuracy = self._judged(model, name, examples)
            prefix = f"eval_{name}_" if several else "eval_"
            found[f"{prefix}loss"] = loss
            if accuracy is not None:
                found[f"{prefix}accuracy"] = accuracy
        if several:
            weights = {name: head.weight for name, head in self.night_heads.items()}
            found["eval_loss"] = sum(w * found[f"eval_{n}_loss"] for n, w in weights.items()) / sum(weights.values())
        if self.recipe.selection:
            with torch.compiler.set_stance("force_eager"):
                found[f"eval_{self.recipe.selection.metric}"] = self.recipe.selection.measure(model)
        self.log(found)
        self.control: Any = self.callback_handler.on_evaluate(self.args, self.state, self.control, found)
        return found

    def _judged(self, model: Any, name: str, examples: Examples) -> tuple[float, float | None]:
        head = self.night_heads[name]
        collate = Collator(self.night_validation, self.night_heads, self.pad_token_id)
        batches = list(batches_by_length(examples.lengths, EVALUATED, head, self.model.config.vocab_size))
        total = torch.zeros(3, dtype=torch.float64, device=self.args.device)
        for batch in batches[self.args.process_index :: self.args.world_size]:
            inputs = self._prepare_inputs(collate([(name, int(place)) for place in batch]))
            with self.compute_loss_context_manager():
                answers = self._logits(model, inputs)
            labels = inputs["labels"]
            loss = losses.summed_loss(head, answers, labels, None, 1.0, 0.0, self.encoder_decoder)
            one_class = labels.dim() == 1
            hits = (answers.argmax(-1) == labels).sum() if one_class else torch.zeros(())
            count = losses.has_label(labels).sum() if one_class else losses.count_targets(labels)
            total += torch.stack([loss, count.to(loss), hits.to(loss)])
        summed, counted, right = self.accelerator.reduce(total, "sum").tolist()
        one_class = head.kind == "classification" and head.separator is None
        return summed / max(counted, 1), right / len(examples) if one_class else None

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """The Trainer's, with the speed so far in each line of training losses."""
        super().log(logs | (self.meter.metrics() if "loss" in logs else {}), start_time)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        self.watch.check()
        self.watch.ensure_finite_weights(self.state.global_step, self.model)
        self.meter.pause()
        final = Path(self.args.output_dir)
        if (final / f"{PREFIX_CHECKPOINT_DIR}-{self.state.global_step}").exists():
            return  # an epoch may end where a checkpoint was due anyway
        beside = final / "partial"
        if self.args.should_save:
            shutil.rmtree(beside, ignore_errors=True)
        self.accelerator.wait_for_everyone()
        self.args.output_dir = str(beside)
        try:
            with no_bars():
                super()._save_checkpoint(model, trial)
        finally:
            self.args.output_dir = str(final)
            self.state.best_model_checkpoint = None  # by its place, which is not final; we go by best_global_step
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            made = checkpoints.list_checkpoints(beside)[-1]
            checkpoints.write_marker(made, self.recipe.fingerprint)
            made.replace(final / made.name)
            checkpoints.rotate(final, self.args.save_total_limit, self.state.best_global_step)
        self.accelerator.wait_for_everyone()


def count_steps(train: Mapping[str, Examples], batch_size: int, epochs: float, recipe: TrainingOptions) -> int:
    """Return how many steps a training has, with `batch_size` rows (those of all micro-batches) a step."""
    return ceil(epochs * _epoch_steps(train, batch_size, recipe))


def _epoch_steps(train: Mapping[str, Examples], batch_size: int, recipe: TrainingOptions) -> int:
    return len(
        ObjectiveBatchSampler(train, batch_size, 0, sampling=recipe.sampling, temperature=recipe.sampling_temperature)
    )


def default_precision() -> str:
    """`bf16` or `fp16` on CUDA, `bf16` on processors that have it in hardware, else `float32`."""
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    has_bf16 = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bf16" if has_bf16 else "float32"


def fit(
    model: Model,
    tokenizer: PreTrainedTokenizerBase,
    heads: Heads,
    train: Mapping[str, Examples],
    validation: Mapping[str, Examples],
    output_dir: Path,
    arguments: dict[str, Any],
    callbacks: list[TrainerCallback],
    recipe: TrainingOptions | None = None,
) -> TrainingResult:
    """Train `model` in place, going on from the newest sound checkpoint in `output_dir`.

    `arguments` are TrainingArguments by their own names, and `precision`. The effective batch is
    `per_device_train_batch_size` times `gradient_accumulation_steps`, over all processes together. Where a
    micro-batch does not fit into the GPU's memory, it is halved and twice as many are added up (of several processes
    the others would not know: there it is an error).

    Raises TrainingFailed where the loss is no number or diverges, ValueError where the batch cannot be dealt or the
    teacher not be imitated.
    """
    recipe, arguments = recipe or TrainingOptions(), dict(arguments)
    if recipe.teacher:
        recipe.teacher.ensure_compatible(model)
    kind = arguments.pop("precision", None) or default_precision()
    size, steps = arguments.pop("per_device_train_batch_size"), arguments.pop("gradient_accumulation_steps", 1)
    start = copy.deepcopy(model.state_dict()) if torch.cuda.is_available() else None
    malloc.keep_freed_memory()
    halvings = 0
    while True:
        try:
            seen = restrict_embeddings(model, heads, [*train.values(), *validation.values()], tokenizer.pad_token_id)
            quiet = errors_only("transformers.trainer_utils", "transformers.trainer", "transformers.modeling_utils")
            with seen, quiet, _own_arithmetic():
                fitted = _once(model, tokenizer, heads, train, validation, output_dir, arguments, callbacks, recipe,
                               kind, size >> halvings, steps << halvings)  # fmt: skip
            return replace(fitted, metrics=fitted.metrics | {"halvings": halvings})
        except torch.OutOfMemoryError:
            if (size >> halvings) % 2 or int(os.environ.get("WORLD_SIZE", "1")) > 1:
                raise
        halvings += 1
        log.warning("out of memory: going on with micro-batches of %d rows, %d of them a step",
                    size >> halvings, steps << halvings)  # fmt: skip
        if start is not None:
            torch.cuda.empty_cache()
            model.load_state_dict(start)


@contextmanager
def _own_arithmetic() -> Iterator[None]:
    """What training says of tf32 to the whole process ends with it: what answers after it is as exact as in a fresh process."""
    before = torch.backends.fp32_precision  # type: ignore[attr-defined]
    try:
        yield
    finally:
        torch.backends.fp32_precision = before  # type: ignore[attr-defined]


def _once(
    model: Model,
    tokenizer: PreTrainedTokenizerBase,
    heads: Heads,
    train: Mapping[str, Examples],
    validation: Mapping[str, Examples],
    output_dir: Path,
    arguments: dict[str, Any],
    callbacks: list[TrainerCallback],
    recipe: TrainingOptions,
    kind: str,
    size: int,
    steps: int,
) -> TrainingResult:
    on_gpu = torch.cuda.is_available()
    args = TrainingArguments(
        output_dir=str(output_dir), bf16=kind == "bf16", fp16=kind == "fp16", tf32=on_gpu or None, use_cpu=not on_gpu,
        full_determinism=on_gpu, report_to=[], disable_tqdm=True, remove_unused_columns=False, label_names=["labels"],
        gradient_accumulation_steps=steps, logging_nan_inf_filter=False, save_strategy="steps",
        average_tokens_across_devices=True, ddp_find_unused_parameters=len(heads) > 1,
        metric_for_best_model=recipe.selection.metric if recipe.selection else "loss",
        greater_is_better=bool(recipe.selection and recipe.selection.greater_is_better),
        **arguments | {"eval_strategy": "no"} if not validation else arguments,
    )  # fmt: skip
    if size % args.world_size:
        raise ValueError(f"{size} rows a step cannot be dealt to {args.world_size} processes")
    args.per_device_train_batch_size = size // args.world_size
    args._n_gpu = min(args.n_gpu, 1)  # several GPUs are for the launcher: DataParallel would take them here
    to_compile = _to_compile(model, tokenizer, heads, train, args, output_dir, recipe, size)
    meter = ThroughputMeter(model, args.device.type, kind)
    wrapped = lora.lora_adapters(model, recipe.lora) if recipe.lora else nullcontext(model)
    with (
        wrapped as trained,
        checkpoint_on_sigterm(args.world_size == 1) as stop,
        on_device(recipe.teacher, args.device),
    ):
        deadline = [Deadline(recipe.deadline)] if recipe.deadline else []
        epoch_ends = EpochCheckpoints(
            _epoch_steps(train, size * steps, recipe), recipe.selection.patience if recipe.selection else None
        )
        chosen = [epoch_ends] if recipe.deadline or recipe.selection else []
        trainer = MultiTaskTrainer(
            heads, train, validation, tokenizer, recipe, size * steps, meter, model=trained, args=args,
            eval_dataset=next(iter(train.values())), callbacks=[*callbacks, *deadline, stop, *chosen],
        )  # fmt: skip
        trainer.remove_callback(PrinterCallback)
        found = checkpoints.newest_valid(
            output_dir, recipe.fingerprint, remove=args.world_size == 1, with_best=recipe.selection is not None
        )
        state = TrainerState.load_from_json(str(found / TRAINER_STATE_NAME)) if found else None
        if state and epoch_ends.is_over(state):  # killed between its last checkpoint and its end
            trainer.state = state
        else:
            with compilation.compiled(trained) if to_compile else nullcontext():
                trainer.train(resume_from_checkpoint=str(found) if found else None)
        meter.pause()
        trainer.watch.check()
        late = bool(deadline and deadline[0].reached)
        best = _take_best(trainer, output_dir) if late or recipe.selection else None
        stopped = _told_late(trainer.state) if late else ""
        trainer.accelerator.unwrap_model(trainer.model_wrapped, keep_fp32_wrapper=False).to("cpu")
    return TrainingResult(model, list(trainer.state.log_history), meter.metrics(), stopped, best)


def _to_compile(
    model: Model,
    tokenizer: PreTrainedTokenizerBase,
    heads: Heads,
    train: Mapping[str, Examples],
    args: TrainingArguments,
    output_dir: Path,
    recipe: TrainingOptions,
    size: int,
) -> bool:
    if recipe.teacher and recipe.teacher.feature_loss_weights:
        return False  # compiled code keeps the first step's hooks
    if recipe.torch_compile != "auto" or recipe.lora or args.world_size > 1:
        return recipe.torch_compile == "always"
    batches, collate = ObjectiveBatchSampler(train, size, args.seed), Collator(train, heads, tokenizer.pad_token_id)

    def loss(model: Any, batch: dict[str, Any]) -> torch.Tensor:
        inputs = {k: v.to(args.device) if isinstance(v, torch.Tensor) else v for k, v in batch.items()}
        read = model_inputs(inputs, labels=model.config.is_encoder_decoder)
        with torch.autocast(args.device.type, torch.bfloat16, enabled=args.bf16):
            return compute_logits(model, batch["objective"], read).float().square().mean()

    steps = int(args.num_train_epochs * len(batches))
    sample = [collate(batch) for batch in islice(batches, TRIED)]
    file = output_dir.with_name(f"{output_dir.name}.compile.json")
    return compilation.cached_decision(
        file, lambda: compilation.is_worthwhile(model.to(args.device).train(), loss, sample, steps)
    )


def _take_best(trainer: MultiTaskTrainer, output_dir: Path) -> int:
    """Load the weights of the best checkpoint, and return its step; the last step's where no metric was a number."""
    best: int = trainer.state.best_global_step or trainer.state.global_step
    # After a training that was over already when it was taken up again, the model holds nothing of it yet.
    trainer._load_from_checkpoint(str(output_dir / f"{PREFIX_CHECKPOINT_DIR}-{best}"))
    return best


def _told_late(state: TrainerState) -> str:
    step, best = state.global_step, state.best_global_step
    return f"stopped by the deadline at step {step} of {state.max_steps}; the best checkpoint is step {best}"

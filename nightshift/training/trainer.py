"""Fine-tuning with Hugging Face's Trainer, resumable bit for bit.

- An effective batch holds rows of one objective and of similar length; their order is a pure function of seed
  and epoch (`nightshift.training.batching`).
- Losses of all kinds of objective are sums divided by the number of targets of the effective batch
  (`nightshift.training.losses`).
- A checkpoint is complete and undamaged, or it is passed over (`nightshift.training.checkpoints`).
- If a micro-batch does not fit into memory, training goes on with smaller micro-batches and the same effective batches.
"""

import copy
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from itertools import islice
from math import ceil
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
from torch import distributed
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
from nightshift.training.dropout import fast_dropout
from nightshift.training.sparse_embeddings import restrict_embeddings
from nightshift.training.throughput import ThroughputMeter
from nightshift.training.tokenization import Examples

T = TypeVar("T")
log = logging.getLogger("nightshift.training")
EVALUATION_BATCH_SIZE = 64
"""Rows evaluated at once."""
BATCH_ARGUMENTS = ("precision", "per_device_train_batch_size", "gradient_accumulation_steps")
"""Arguments of a training that TrainingArguments gets in another form."""
COMPILATION_BATCHES = 4
"""Batches on which compilation is measured."""


@dataclass(frozen=True)
class Selection:
    """Selection of the best checkpoint of a training by a metric on validation, measured after each epoch."""

    metric: str
    """Its name in the log history, after `eval_`."""
    greater_is_better: bool
    measure: Callable[[Model], float]
    """Return the metric of a model that is in evaluation mode."""
    patience: int | None = None
    """Epochs without a better one after which training stops."""


@dataclass(frozen=True)
class TrainingOptions:
    """Options of a training beside TrainingArguments."""

    temperature: float = 2.0
    """Temperature of a teacher's soft targets."""
    alpha: float = 0.5
    """Weight of the soft targets in the loss, if the examples hold `teacher_logits` or there is a teacher."""
    teacher: Teacher | None = None
    """Model that computes soft targets and features at every step; not supported by `nightshift.training.launch`."""
    sampling: Sampling = "proportional"
    sampling_temperature: float = 2.0
    class_weights: Literal["balanced"] | None = None
    """balanced: each class of an objective has the same weight in the loss (`losses.balanced_weights`)."""
    label_smoothing: float = 0.0
    lora: dict[str, Any] | None = None
    """Fields of peft's LoraConfig: only the low-rank matrices are trained, and merged at the end."""
    torch_compile: Literal["auto", "always", "never"] = "never"
    """auto: only if it saves time (`nightshift.training.compilation`)."""
    deadline: float | None = None
    """Time at which training stops, in seconds since the epoch."""
    selection: Selection | None = None
    """Selection of the checkpoint whose weights are loaded at the end; not supported by `nightshift.training.launch`."""
    fingerprint: str = ""
    """Digest of data and settings: checkpoints with another one are passed over."""


@dataclass(frozen=True)
class TrainerJob:
    """A model, its examples and how to train it."""

    model: Model
    """The model with its heads, which is trained in place."""
    tokenizer: PreTrainedTokenizerBase
    heads: Heads
    """The heads by the names of their objectives."""
    train: Mapping[str, Examples]
    """Training examples of each objective."""
    validation: Mapping[str, Examples]
    """Validation examples of each objective; empty for no evaluation."""
    output_dir: Path
    """Folder of the checkpoints."""
    arguments: dict[str, Any]
    """Fields of TrainingArguments, and `precision`. The effective batch is `per_device_train_batch_size` times
    `gradient_accumulation_steps`, over all processes together.
    """
    options: TrainingOptions = TrainingOptions()

    @property
    def precision(self) -> str:
        """Precision of the training."""
        return self.arguments.get("precision") or default_precision()


@dataclass(frozen=True)
class TrainingResult:
    """A trained model and the records of its training."""

    model: Model
    history: list[dict[str, Any]]
    """Log history of the Trainer."""
    metrics: dict[str, float]
    """Speed (`nightshift.training.throughput.ThroughputMeter`), and `halvings` of the micro-batch."""
    stopped: str = ""
    """Reason why training stopped before its last step; empty if it did not."""
    best_step: int | None = None
    """Step of the checkpoint whose weights the model has, if it was selected on validation."""


class MultiTaskTrainer(Trainer):  # type: ignore[misc]
    """Trainer with batches of one objective each, one loss a kind of objective, and checkpoints that are verified.

    Args:
        job: The examples and how to train on them.
        batch_size: Rows of an effective batch, over all processes and micro-batches.
        meter: Measures the speed.
        kwargs: Arguments of Trainer.
    """

    def __init__(
        self,
        job: TrainerJob,
        batch_size: int,
        meter: ThroughputMeter,
        **kwargs: Any,
    ) -> None:
        self.heads, self.options, self.batch_size = job.heads, job.options, batch_size
        self.train_examples, self.validation_examples = job.train, job.validation
        self.pad_token_id = job.tokenizer.pad_token_id
        self.meter = meter
        super().__init__(train_dataset=next(iter(job.train.values())), **kwargs)
        self.model_accepts_loss_kwargs = True  # sums are divided by the items of the whole batch
        config = self.model.config
        self.encoder_decoder = bool(config.is_encoder_decoder)
        self.class_weights = self._balanced_weights() if job.options.class_weights else dict.fromkeys(job.heads)
        chance_losses = {name: losses.chance_loss(head, config.vocab_size) for name, head in job.heads.items()}
        self.loss_monitor = LossMonitor(chance_losses)

    def _balanced_weights(self) -> dict[str, torch.Tensor | None]:
        class_weights: dict[str, torch.Tensor | None] = {}
        for name, head in self.heads.items():
            weights = losses.balanced_weights(head, self.train_examples[name].columns["labels"].values)
            class_weights[name] = None if weights is None else weights.to(self.args.device)
        return class_weights

    def get_train_dataloader(self) -> BatchLoader:
        """Return the micro-batches of this process."""
        sampler = ObjectiveBatchSampler(
            self.train_examples,
            self.batch_size,
            self.args.seed,
            micro_batches=self.args.gradient_accumulation_steps,
            process=self.args.process_index,
            processes=self.args.world_size,
            sampling=self.options.sampling,
            temperature=self.options.sampling_temperature,
        )
        collator = Collator(self.train_examples, self.heads, self.pad_token_id)
        return BatchLoader(sampler, collator, pin_memory=torch.cuda.is_available())

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
        """Run the Trainer's step, and record the loss and the speed."""
        name, rows = inputs["objective"], inputs["rows"]
        self.meter.start_batch(len(rows), inputs["tokens"], inputs["input_ids"].numel())
        loss: torch.Tensor = super().training_step(model, inputs, num_items_in_batch)
        loss_weight = self.heads[name].weight * self.args.world_size
        # A weighted mean, since one row of a rare class would make a batch's plain mean look like a diverging loss.
        scale = num_items_in_batch / losses.total_weight(inputs["labels"], self.class_weights[name]) / loss_weight
        self.loss_monitor.record(self.state.global_step + 1, loss * scale, name, rows)
        return loss

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        """Return the operations of a micro-batch; the Trainer's own counts the parameters anew in each step."""
        return 6 * self.meter.weights * int(inputs["input_ids"].numel())

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the objective's weight times its mean loss over the effective batch.

        Args:
            model: The model that is trained, as the Trainer wraps it.
            inputs: A collated micro-batch.
            return_outputs: Not supported.
            num_items_in_batch: Number of targets of the effective batch.
        """
        head = self.heads[inputs["objective"]]
        total = self._summed_loss(model, head, inputs)
        return head.weight * total / num_items_in_batch * self.args.world_size

    def _summed_loss(self, model: Any, head: Head, inputs: dict[str, Any]) -> torch.Tensor:
        teacher, teacher_logits = self.options.teacher, inputs.get("teacher_logits")
        feature_weights = teacher.feature_loss_weights if teacher else {}
        with feature_distillation.record_features(self.model, feature_weights) as features:
            logits = self._logits(model, inputs)
        feature_loss: torch.Tensor | float = 0.0
        if teacher and (feature_weights or teacher_logits is None):
            with self.accelerator.autocast():
                predicted, teacher_features = teacher.predict(
                    inputs["objective"], model_inputs(inputs, labels=self.encoder_decoder)
                )
            teacher_logits = predicted if teacher_logits is None else teacher_logits
            if feature_weights:
                token_weights = feature_distillation.token_weights(head, inputs)
                feature_loss = feature_distillation.feature_loss(
                    feature_weights, features, teacher_features, token_weights
                )
        return feature_loss + losses.summed_loss(
            head,
            logits,
            inputs["labels"],
            teacher_logits,
            self.options.temperature,
            self.options.alpha,
            self.encoder_decoder,
            self.class_weights[inputs["objective"]],
            self.options.label_smoothing,
        )

    def _logits(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        return compute_logits(model, inputs["objective"], model_inputs(inputs, labels=self.encoder_decoder))

    @torch.no_grad()
    def evaluate(self, *_args: Any, **_kwargs: Any) -> dict[str, float]:
        """Return the mean validation losses, and the accuracy of classifiers with one label a row.

        The logits of one batch at most are in memory.
        """
        self.meter.pause()
        model = self.model.eval()
        metrics: dict[str, float] = {}
        multi_task = len(self.heads) > 1
        for name, examples in self.validation_examples.items():
            with torch.compiler.set_stance("force_eager"):
                loss, accuracy = self._evaluate_objective(model, name, examples)
            prefix = f"eval_{name}_" if multi_task else "eval_"
            metrics[f"{prefix}loss"] = loss
            if accuracy is not None:
                metrics[f"{prefix}accuracy"] = accuracy
        if multi_task:
            weights = {name: head.weight for name, head in self.heads.items()}
            total = sum(weight * metrics[f"eval_{name}_loss"] for name, weight in weights.items())
            metrics["eval_loss"] = total / sum(weights.values())
        if self.options.selection:
            with torch.compiler.set_stance("force_eager"):
                metrics[f"eval_{self.options.selection.metric}"] = self.options.selection.measure(model)
        self.log(metrics)
        self.control: Any = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def _evaluate_objective(self, model: Any, name: str, examples: Examples) -> tuple[float, float | None]:
        """Return the mean loss and, if a row has exactly one class, the accuracy."""
        head = self.heads[name]
        collate = Collator(self.validation_examples, self.heads, self.pad_token_id)
        batches = list(batches_by_length(examples.lengths, EVALUATION_BATCH_SIZE, head, self.model.config.vocab_size))
        totals = torch.zeros(3, dtype=torch.float64, device=self.args.device)
        for rows in batches[self.args.process_index :: self.args.world_size]:
            inputs = self._prepare_inputs(collate([(name, int(row)) for row in rows]))
            with self.compute_loss_context_manager():
                logits = self._logits(model, inputs)
            labels = inputs["labels"]
            loss = losses.summed_loss(head, logits, labels, None, 1.0, 0.0, self.encoder_decoder)
            one_class = labels.dim() == 1
            correct = (logits.argmax(-1) == labels).sum() if one_class else torch.zeros(())
            count = losses.has_label(labels).sum() if one_class else losses.count_targets(labels)
            totals += torch.stack([loss, count.to(loss), correct.to(loss)])
        total_loss, total_count, total_correct = self.accelerator.reduce(totals, "sum").tolist()
        one_class = head.kind == "classification" and head.separator is None
        return total_loss / max(total_count, 1), total_correct / len(examples) if one_class else None

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log as the Trainer does, with the speed so far beside training losses."""
        super().log(logs | (self.meter.metrics() if "loss" in logs else {}), start_time)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        self.loss_monitor.check()
        self.loss_monitor.ensure_finite_weights(self.state.global_step, self.model)
        self.meter.pause()
        output_dir = Path(self.args.output_dir)
        if (output_dir / f"{PREFIX_CHECKPOINT_DIR}-{self.state.global_step}").exists():
            return  # an epoch may end where a checkpoint was due anyway
        partial = output_dir / "partial"
        if self.args.should_save:
            shutil.rmtree(partial, ignore_errors=True)
        self.accelerator.wait_for_everyone()
        self.args.output_dir = str(partial)
        try:
            with no_bars():
                super()._save_checkpoint(model, trial)
        finally:
            self.args.output_dir = str(output_dir)
            self.state.best_model_checkpoint = None  # a path below `partial`; best_global_step is used instead
        self.accelerator.wait_for_everyone()
        if self.args.should_save:
            checkpoint = checkpoints.list_checkpoints(partial)[-1]
            checkpoints.write_marker(checkpoint, self.options.fingerprint)
            checkpoint.replace(output_dir / checkpoint.name)
            checkpoints.rotate(output_dir, self.args.save_total_limit, self.state.best_global_step)
        self.accelerator.wait_for_everyone()

    def _save_rng_state(self, output_dir: str) -> None:
        """Save the states of all processes by the first one, as the others may be on other machines."""
        if self.args.world_size == 1:
            super()._save_rng_state(output_dir)
            return
        with tempfile.TemporaryDirectory() as folder:
            super()._save_rng_state(folder)
            files = {file.name: file.read_bytes() for file in Path(folder).iterdir()}
        for gathered in gather(files):
            for name, content in gathered.items():
                if self.args.should_save:
                    (Path(output_dir) / name).write_bytes(content)


def count_steps(train: Mapping[str, Examples], batch_size: int, epochs: float, options: TrainingOptions) -> int:
    """Return the number of steps of a training.

    Args:
        train: Training examples of each objective.
        batch_size: Rows a step, over all micro-batches.
        epochs: Number of epochs.
        options: The sampling of objectives is taken from them.
    """
    return ceil(epochs * _count_epoch_steps(train, batch_size, options))


def _count_epoch_steps(train: Mapping[str, Examples], batch_size: int, options: TrainingOptions) -> int:
    sampling, temperature = options.sampling, options.sampling_temperature
    return len(ObjectiveBatchSampler(train, batch_size, 0, sampling=sampling, temperature=temperature))


def default_precision() -> str:
    """Return `bf16` or `fp16` on CUDA, `bf16` on processors that support it in hardware, otherwise `float32`."""
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    has_bf16 = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bf16" if has_bf16 else "float32"


def fit(job: TrainerJob, callbacks: Sequence[TrainerCallback] = ()) -> TrainingResult:
    """Train a model in place, resuming from the newest valid checkpoint in its output folder.

    If a micro-batch does not fit into the GPU's memory, it is halved and twice as many are accumulated. With several
    processes that is an error, because the others would not know of it.

    Args:
        job: The model, its examples and how to train it.
        callbacks: Callbacks of the Trainer.

    Raises:
        TrainingFailed: The loss is not finite, or diverges.
        ValueError: The batch cannot be divided among the processes, or the student cannot learn the teacher's features.
    """
    model, teacher = job.model, job.options.teacher
    if teacher:
        teacher.ensure_compatible(model)
    batch_size = job.arguments["per_device_train_batch_size"]
    accumulation = job.arguments.get("gradient_accumulation_steps", 1)
    initial_state = copy.deepcopy(model.state_dict()) if torch.cuda.is_available() else None
    malloc.keep_freed_memory()
    halvings = 0
    while True:
        try:
            result = _train(job, callbacks, batch_size >> halvings, accumulation << halvings)
            return replace(result, metrics=result.metrics | {"halvings": halvings})
        except torch.OutOfMemoryError:
            if (batch_size >> halvings) % 2 or int(os.environ.get("WORLD_SIZE", "1")) > 1:
                raise
        halvings += 1
        log.warning(
            "out of memory: going on with micro-batches of %d rows, %d of them a step",
            batch_size >> halvings,
            accumulation << halvings,
        )
        if initial_state is not None:
            torch.cuda.empty_cache()
            model.load_state_dict(initial_state)


@contextmanager
def _restored_fp32_precision() -> Iterator[None]:
    """Restore the process-wide TF32 setting after the block."""
    setting = torch.backends.fp32_precision  # type: ignore[attr-defined]
    try:
        yield
    finally:
        torch.backends.fp32_precision = setting  # type: ignore[attr-defined]


def _train(job: TrainerJob, callbacks: Sequence[TrainerCallback], rows: int, micro_batches: int) -> TrainingResult:
    """Train with `micro_batches` of `rows` rows, over all processes, a step."""
    options = job.options
    with (
        restrict_embeddings(
            job.model, job.heads, [*job.train.values(), *job.validation.values()], job.tokenizer.pad_token_id
        ),
        errors_only("transformers.trainer_utils", "transformers.trainer", "transformers.modeling_utils"),
        _restored_fp32_precision(),
        fast_dropout(),
    ):
        args = _training_arguments(job, rows, micro_batches)
        use_compile = _use_compile(job, args, rows)
        meter = ThroughputMeter(job.model, args.device.type, job.precision)
        with (
            lora.lora_adapters(job.model, options.lora) if options.lora else nullcontext(job.model) as model,
            checkpoint_on_sigterm(args.world_size == 1) as stop_on_signal,
            on_device(options.teacher, args.device),
        ):
            patience = options.selection.patience if options.selection else None
            epoch_checkpoints = EpochCheckpoints(_count_epoch_steps(job.train, rows * micro_batches, options), patience)
            deadline = Deadline(options.deadline) if options.deadline else None
            trainer_callbacks = [*callbacks, *([deadline] if deadline else []), stop_on_signal]
            if options.deadline or options.selection:
                trainer_callbacks.append(epoch_checkpoints)
            trainer = MultiTaskTrainer(
                job,
                rows * micro_batches,
                meter,
                model=model,
                args=args,
                eval_dataset=next(iter(job.train.values())),
                callbacks=trainer_callbacks,
            )
            trainer.remove_callback(PrinterCallback)
            _run_or_resume(trainer, epoch_checkpoints, use_compile)
            meter.pause()
            trainer.loss_monitor.check()
            expired = deadline is not None and deadline.expired
            best_step = _load_best(trainer, job.output_dir) if expired or options.selection else None
            stopped = _deadline_reason(trainer.state) if expired else ""
            trainer.accelerator.unwrap_model(trainer.model_wrapped, keep_fp32_wrapper=False).to("cpu")
    return TrainingResult(job.model, list(trainer.state.log_history), meter.metrics(), stopped, best_step)


def _training_arguments(job: TrainerJob, rows: int, micro_batches: int) -> TrainingArguments:
    on_gpu, selection = torch.cuda.is_available(), job.options.selection
    arguments = {name: value for name, value in job.arguments.items() if name not in BATCH_ARGUMENTS}
    if not job.validation:
        arguments["eval_strategy"] = "no"
    args = TrainingArguments(
        output_dir=str(job.output_dir),
        bf16=job.precision == "bf16",
        fp16=job.precision == "fp16",
        tf32=on_gpu or None,
        use_cpu=not on_gpu,
        full_determinism=on_gpu,
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        label_names=["labels"],
        gradient_accumulation_steps=micro_batches,
        logging_nan_inf_filter=False,
        save_strategy="steps",
        average_tokens_across_devices=True,
        ddp_find_unused_parameters=len(job.heads) > 1,
        metric_for_best_model=selection.metric if selection else "loss",
        greater_is_better=bool(selection and selection.greater_is_better),
        **arguments,
    )
    if rows % args.world_size:
        raise ValueError(f"{rows} rows a step cannot be dealt to {args.world_size} processes")
    args.per_device_train_batch_size = rows // args.world_size
    args._n_gpu = min(args.n_gpu, 1)  # several GPUs are for the launcher: DataParallel would take them here
    return args


def _run_or_resume(trainer: MultiTaskTrainer, epoch_checkpoints: EpochCheckpoints, use_compile: bool) -> None:
    args, options = trainer.args, trainer.options
    output_dir = Path(args.output_dir)
    if args.world_size > 1:
        checkpoint = _newest_of_all(output_dir, options.fingerprint)
    else:
        with_best = options.selection is not None
        checkpoint = checkpoints.newest_valid(output_dir, options.fingerprint, with_best=with_best)
    state = TrainerState.load_from_json(str(checkpoint / TRAINER_STATE_NAME)) if checkpoint else None
    if state and epoch_checkpoints.is_over(state):  # killed between its last checkpoint and its end
        trainer.state = state
        return
    with compilation.compiled(trainer.model) if use_compile else nullcontext():
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)


def _newest_of_all(output_dir: Path, fingerprint: str) -> Path | None:
    """Return the newest valid checkpoint that all processes have, so that they resume at the same step."""
    markers = gather(checkpoints.valid_markers(output_dir, fingerprint))
    names = [name for name, marker in markers[0].items() if all(peer.get(name) == marker for peer in markers)]
    return output_dir / names[-1] if names else None


def gather(value: T) -> list[T]:
    """Return the values of all processes of the training, in the order of their numbers."""
    values: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(values, value)
    return values


def _use_compile(job: TrainerJob, args: TrainingArguments, rows: int) -> bool:
    """Return True if the training is to be compiled; for `auto` measure it, once a training."""
    options = job.options
    if options.teacher and options.teacher.feature_loss_weights:
        return False  # compiled code keeps the first step's hooks
    if options.torch_compile != "auto" or options.lora or args.world_size > 1:
        return options.torch_compile == "always"
    sampler = ObjectiveBatchSampler(job.train, rows, args.seed)
    collate = Collator(job.train, job.heads, job.tokenizer.pad_token_id)

    def loss(model: Any, batch: dict[str, Any]) -> torch.Tensor:
        batch = {k: v.to(args.device) if isinstance(v, torch.Tensor) else v for k, v in batch.items()}
        inputs = model_inputs(batch, labels=model.config.is_encoder_decoder)
        with torch.autocast(args.device.type, torch.bfloat16, enabled=args.bf16):
            return compute_logits(model, batch["objective"], inputs).float().square().mean()

    steps = int(args.num_train_epochs * len(sampler))
    batches = [collate(batch) for batch in islice(sampler, COMPILATION_BATCHES)]
    file = job.output_dir.with_name(f"{job.output_dir.name}.compile.json")
    return compilation.cached_decision(
        file, lambda: compilation.is_worthwhile(job.model.to(args.device).train(), loss, batches, steps)
    )


def _load_best(trainer: MultiTaskTrainer, output_dir: Path) -> int:
    """Load the weights of the best checkpoint, and return its step; the last step's if no metric was a number."""
    step: int = trainer.state.best_global_step or trainer.state.global_step
    # If training was over already when it was resumed, the model does not hold its weights yet.
    trainer._load_from_checkpoint(str(output_dir / f"{PREFIX_CHECKPOINT_DIR}-{step}"))
    return step


def _deadline_reason(state: TrainerState) -> str:
    step, best = state.global_step, state.best_global_step
    return f"stopped by the deadline at step {step} of {state.max_steps}; the best checkpoint is step {best}"

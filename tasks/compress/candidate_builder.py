"""Builds candidates from recipes, step by step; models that recipes share are built once."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from nightshift.records import Objective, Trained, WarmStart
from nightshift.store import artifact_store, disk
from tasks.compress import candidates, students
from tasks.compress.recipes import Recipe, Step
from tasks.compress.records import ExportedModel, Student, TeacherLogits
from tasks.compress.settings import CompressSettings, InheritedSettings, StepSettings


@dataclass
class CandidateBuilder:
    """Everything that all recipes share: full, the rows, the settings, and the students built so far."""

    trained: Trained
    objectives: list[Objective]
    settings: CompressSettings
    inherited: InheritedSettings
    teachers: list[Trained | WarmStart]
    model_name: str
    deadline: float | None = None
    """Seconds since the epoch."""
    epoch_share: float = 1.0
    """Share of its epochs that each step trains."""
    students: dict[str, Student] = field(default_factory=dict)

    @property
    def max_length(self) -> int:
        """Tokens that full reads of a text."""
        return self.inherited.max_length

    @cached_property
    def teacher_logits(self) -> TeacherLogits:
        """The teachers' logits on the transfer rows."""
        return students.teacher_logits(self.teachers, self.objectives, self.max_length)

    @contextmanager
    def shortened_training(self, epoch_share: float) -> Iterator[None]:
        """Train each step for this share of its epochs within the block."""
        self.epoch_share = epoch_share
        try:
            yield
        finally:
            self.epoch_share = 1.0

    def model(self, steps: Sequence[Step]) -> Trained | Student:
        """Return the PyTorch model after some steps; full without any."""
        if not steps:
            return self.trained
        name = self._student_name(steps)
        if name not in self.students:
            disk.ensure_room()
            parent, step = self.model(steps[:-1]), steps[-1]
            settings = self._step_settings(step)
            logits = self.teacher_logits if settings.epochs else None
            self.students[name] = students.make_student(
                parent, self.trained, logits, self.objectives, step, settings, self.model_name
            )
            artifact_store.clear_work(self.model_name, self.students[name])
        return self.students[name]

    def export(self, recipe: Recipe) -> ExportedModel:
        """Return the model of a recipe as it is served."""
        disk.ensure_room()
        number_format = candidates.NumberFormat(
            kind=recipe.quantization,
            float_weights=self.settings.float_weights if recipe.quantization == "static" else 0,
            embedding_bits=recipe.embedding_bits,
        )
        decisions = None
        if recipe.steps:  # full's heads were fitted after its training
            decisions = candidates.DecisionSettings(
                decision_threshold=self.inherited.decision_threshold, abstain_accuracy=self.inherited.abstain_accuracy
            )
        return candidates.export_model(
            self.model(recipe.model_steps), number_format, decisions, self.objectives, self.max_length
        )

    def seconds(self, recipe: Recipe, exported: ExportedModel) -> float:
        """Return the time from full to an exported model: teachers' logits if it is trained, every step, the export."""
        steps = recipe.model_steps
        teaching = self.teacher_logits.seconds if any(map(self._epochs, steps)) else 0.0
        return teaching + exported.seconds + sum(self.students[name].seconds for name in self._student_names(steps))

    def before_conversions(self, recipe: Recipe) -> Trained | Student:
        """Return the PyTorch model that a recipe's conversions start from."""
        return self.model(recipe.training_steps)

    def predictions(self, model: ExportedModel | Student, side: str) -> dict[str, pd.DataFrame]:
        """Return a model's predictions on one side, by objective."""
        predictions = candidates.predict(model, side, self.objectives, self.max_length)
        return candidates.read_predictions(predictions, self.objectives)

    def remaining_epochs(self, recipe: Recipe) -> float:
        """Return the epochs of training that a recipe still needs."""
        steps = recipe.model_steps
        names = self._student_names(steps)
        return sum(self._epochs(step) for step, name in zip(steps, names, strict=True) if name not in self.students)

    def misses_deadline(self, recipe: Recipe) -> bool:
        """Return True if the training that a recipe still needs would end after the deadline, at full's speed."""
        if self.deadline is None:
            return False
        rows = sum(o.sides.train + o.augmented.augmented + o.augmented.unlabelled for o in self.objectives)
        rows_per_second = self.trained.figures.get("rows_per_second", float("inf"))
        return time.time() + self.remaining_epochs(recipe) * rows / rows_per_second > self.deadline

    def _step_settings(self, step: Step) -> StepSettings:
        """Return the settings that a step reads."""
        settings = StepSettings(
            max_length=self.inherited.max_length,
            per_device_train_batch_size=self.inherited.per_device_train_batch_size,
            seed=self.inherited.seed,
            class_weights=self.inherited.class_weights,
            precision=self.trained.precision,
        )
        if not step.trains:
            return settings
        update: dict[str, float | str] = {
            "size": self.settings.size_of(step.name),
            "epochs": self._epochs(step),
            "learning_rate": self.settings.learning_rate_of(step.name),
            "temperature": self.settings.temperature,
            "alpha": self.settings.alpha,
            "attention_loss_weight": self.settings.attention_loss_weight,
            "hidden_loss_weight": self.settings.hidden_loss_weight,
            "cosine_loss_weight": self.settings.cosine_loss_weight,
        }
        if step.name == "distil":
            update["strategy"] = self.settings.strategy
        return settings.model_copy(update=update)

    def _epochs(self, step: Step) -> float:
        return self.epoch_share * self.settings.epochs_of(step.name)

    def _student_names(self, steps: Sequence[Step]) -> list[str]:
        """Return the name of the student after each step."""
        return [self._student_name(steps[:count]) for count in range(1, len(steps) + 1)]

    def _student_name(self, steps: Sequence[Step]) -> str:
        return f"{Recipe(tuple(steps))} {self.epoch_share}"

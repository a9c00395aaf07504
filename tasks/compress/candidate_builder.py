"""Builds candidates from recipes, step by step; models that recipes share are built once."""

import logging
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from nightshift.execution.calls import Call, is_parallel, run_calls
from nightshift.records import Objective, Trained, WarmStart
from nightshift.store import artifact_store, disk
from tasks.compress import candidates, students
from tasks.compress.recipes import NotPossibleError, Recipe, Step
from tasks.compress.records import ExportedModel, Student, TeacherLogits
from tasks.compress.settings import CompressSettings, InheritedSettings, StepSettings

log = logging.getLogger("nightshift.compress")
TAUGHT_STEPS = ("distil", "narrow", "prune")
"""Steps whose models learn from the teachers' logits; a static student does better by the labels alone."""
Built = Student | ExportedModel | NotPossibleError
"""The result of one step towards a candidate, or why it cannot be made."""


def build_student(
    parent: Trained | Student,
    trained: Trained,
    logits: TeacherLogits | None,
    objectives: list[Objective],
    step: Step,
    settings: StepSettings,
    model_name: str,
) -> Built:
    """Make a student, and clear its work folder; return why it cannot be made where it cannot.

    Args:
        parent: The model before the step.
        trained: Full.
        logits: The teachers' logits on the transfer rows; None if nothing is trained.
        objectives: What the student learns.
        step: The step of the recipe.
        settings: What it reads of the settings.
        model_name: The registered model.
    """
    disk.ensure_room()
    try:
        student = students.make_student(parent, trained, logits, objectives, step, settings, model_name)
    except NotPossibleError as error:
        return error
    artifact_store.clear_work(model_name, student)
    return student


def build_export(
    model: Trained | Student,
    number_format: candidates.NumberFormat,
    decisions: candidates.DecisionSettings | None,
    objectives: list[Objective],
    max_length: int,
) -> Built:
    """Export a model as it is served; return why it cannot be exported where it cannot.

    Args:
        model: Full or a student.
        number_format: Number format of the export.
        decisions: What is chosen on validation by the exported model's scores; None for full.
        objectives: What the model has learned.
        max_length: Tokens that it reads of a text.
    """
    disk.ensure_room()
    try:
        return candidates.export_model(model, number_format, decisions, objectives, max_length)
    except NotPossibleError as error:
        return error


@dataclass
class CandidateBuilder:
    """Everything that all recipes share: full, the rows, the settings, and what is built so far."""

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
    exports: dict[str, ExportedModel] = field(default_factory=dict)
    failures: dict[str, NotPossibleError] = field(default_factory=dict)

    @property
    def max_length(self) -> int:
        """Tokens that full reads of a text."""
        return self.inherited.max_length

    @cached_property
    def teacher_logits(self) -> TeacherLogits:
        """The teachers' logits on the transfer rows."""
        arguments = (self.teachers, self.objectives, self.max_length, self.trained.precision)
        return run_calls([Call("logits of the teachers", students.teacher_logits, arguments)])[0]

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
        while call := self._student_call(steps):
            self.keep(call.name, run_calls([call])[0])
        return self.students[self._student_name(steps)] if steps else self.trained

    def export(self, recipe: Recipe) -> ExportedModel:
        """Return the model of a recipe as it is served."""
        while call := self.next_call(recipe):
            self.keep(call.name, run_calls([call])[0])
        return self.exports[self._export_name(recipe)]

    def export_all(
        self, recipes: Sequence[Recipe], end: float = math.inf
    ) -> tuple[dict[Recipe, ExportedModel], list[str]]:
        """Return the exported models, and the recipes that are left out, each with the reason.

        Recipes advance step by step, side by side where calls run so, and else each after the one before.

        Args:
            recipes: The recipes, in the order in which they are tried.
            end: Seconds since the epoch; once a recipe has begun that is possible, no other begins after this.
        """
        begun: set[Recipe] = set()
        left_out: dict[Recipe, str] = {}
        while calls := self._next_calls(recipes, begun, left_out, end):
            for name, built in zip(calls, run_calls(calls.values()), strict=True):
                self.keep(name, built)
        exported = {recipe: self.export(recipe) for recipe in recipes if recipe not in left_out}
        return exported, [f"{recipe} ({left_out[recipe]})" for recipe in recipes if recipe in left_out]

    def _next_calls(
        self, recipes: Sequence[Recipe], begun: set[Recipe], left_out: dict[Recipe, str], end: float
    ) -> dict[str, Call[Built]]:
        """Return the next step of each recipe, where calls do not run side by side of one; empty if all are exported.

        Args:
            recipes: See `export_all`.
            begun: Recipes that have begun; others are added.
            left_out: Reasons of recipes that are left out; others are added.
            end: See `export_all`.
        """
        calls: dict[str, Call[Built]] = {}
        for number, recipe in enumerate(recipes, 1):
            if recipe in left_out or (calls and not is_parallel()):
                continue
            if recipe not in begun:
                last_start = end if begun - left_out.keys() else math.inf
                if reason := self._lack_of_time(recipe, last_start):
                    left_out[recipe] = reason
                    continue
                log.info("candidate %d of %d: %s", number, len(recipes), recipe)
                begun.add(recipe)
            try:
                if call := self.next_call(recipe):
                    calls.setdefault(call.name, call)
            except NotPossibleError as error:
                left_out[recipe] = str(error)
        return calls

    def _lack_of_time(self, recipe: Recipe, last_start: float) -> str:
        """Return why there is no time for a recipe that may begin until `last_start`; empty if there is."""
        if self.misses_deadline(recipe):
            return "shed by the deadline"
        return "no time left for it" if time.time() > last_start else ""

    def next_call(self, recipe: Recipe) -> Call[Built] | None:
        """Return the next step towards the export of a recipe; None if it is exported.

        Raises:
            NotPossibleError: One of its steps cannot be made.
        """
        if call := self._student_call(recipe.model_steps):
            return call
        name = self._export_name(recipe)
        self._ensure_possible(name)
        return None if name in self.exports else Call(name, build_export, self._export_arguments(recipe))

    def keep(self, name: str, built: Built) -> None:
        """Keep the result of a call of this builder."""
        if isinstance(built, Student):
            self.students[name] = built
        elif isinstance(built, ExportedModel):
            self.exports[name] = built
        else:
            self.failures[name] = built

    def _ensure_possible(self, name: str) -> None:
        if name in self.failures:
            raise self.failures[name]

    def _student_call(self, steps: Sequence[Step]) -> Call[Built] | None:
        """Return the call that makes the first student on the way that is not built; None if all are."""
        parent: Trained | Student = self.trained
        for name, step in zip(self._student_names(steps), steps, strict=True):
            self._ensure_possible(name)
            if name not in self.students:
                settings = self._step_settings(step)
                if is_parallel() and step.name in students.MEASUREMENTS:  # here, while no call runs
                    students.MEASUREMENTS[step.name](parent, self.trained, self.objectives, step, settings)
                logits = self.teacher_logits if settings.epochs and step.name in TAUGHT_STEPS else None
                arguments = (parent, self.trained, logits, self.objectives, step, settings, self.model_name)
                return Call(name, build_student, arguments)
            parent = self.students[name]
        return None

    def _export_arguments(
        self, recipe: Recipe
    ) -> tuple[Trained | Student, candidates.NumberFormat, candidates.DecisionSettings | None, list[Objective], int]:
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
        steps = recipe.model_steps
        model = self.students[self._student_name(steps)] if steps else self.trained
        return model, number_format, decisions, self.objectives, self.max_length

    def seconds(self, recipe: Recipe, exported: ExportedModel) -> float:
        """Return the time from full to an exported model: teachers' logits if it is trained, every step, the export."""
        steps = recipe.model_steps
        is_taught = any(self._epochs(step) for step in steps if step.name in TAUGHT_STEPS)
        teaching = self.teacher_logits.seconds if is_taught else 0.0
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
            "alpha": self.settings.alpha if step.name in TAUGHT_STEPS else 0.0,
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
        return f"{Recipe(tuple(steps))}{self._epoch_note()}"

    def _export_name(self, recipe: Recipe) -> str:
        return f"export of {recipe}{self._epoch_note()}"

    def _epoch_note(self) -> str:
        """Return in words which share of its epochs a model is trained for; empty for all of them."""
        return "" if self.epoch_share == 1 else f", {self.epoch_share:.0%} of its epochs"

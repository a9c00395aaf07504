"""Settings of a nightly run; the pydantic model of a settings file and of the flow's parameter."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from flows.field_errors import field_error
from flows.operation_settings import CLOCK, NotifySettings, ScheduleSettings
from nightshift.augmentation.settings import AugmentSettings
from nightshift.data.check_settings import ExpectationSettings
from nightshift.data.settings import DataSettings
from nightshift.errors import UserError
from nightshift.evaluation.kinds import KINDS, gate_metric
from nightshift.execution.settings import ExecutionSettings
from nightshift.records import GENERATIVE, MAIN, Augmented, GenerationSettings, Kind, Metric, Objective, Settings, Sides
from tasks.compress.recipes import Recipe, default_steps, usable_steps
from tasks.compress.settings import CompressSettings
from tasks.gate.settings import GateSettings
from tasks.review.settings import ReviewSettings
from tasks.split import SplitSettings
from tasks.train.settings import TrainSettings

NAME = re.compile(r"[a-z][a-z0-9_]*")
"""Name of an objective, which is part of file names and metric names."""
UNBOUNDED = {"rmse", "loss"}
"""Metrics with a unit, which may be above 1."""


class ObjectiveSettings(Settings):
    """Settings of one of several objectives that one model learns."""

    kind: Kind = "classification"
    """Task: classification, regression (a number), generation (the text itself) or text2text (a target text for each
    text).
    """
    data: DataSettings
    """Files with this objective's rows, and their columns."""
    holdout: str | None = None
    """Path of this objective's holdout file; if not set, `split.holdout` applies."""
    weight: float = Field(1.0, gt=0)
    """Weight of this objective's loss in training and of its metric in the weighted sum that the gate compares."""
    role: Literal["main", "auxiliary"] = "main"
    """main: the objective that the model is for, exactly one; auxiliary: trained together with it."""
    metric: Metric | None = None
    """Metric that decides what is better; if not set, the default of the kind."""
    generation: GenerationSettings = GenerationSettings()
    """Defaults for generating text, only for generation and text2text."""

    @model_validator(mode="after")
    def _validate_together(self) -> Self:
        self.data = _data_for_kind(self.data, self.kind)
        _ensure_metric_fits(self.metric, self.kind, "metric")
        _ensure_generation_applies(self.generation, self.kind)
        return self

    def without_rows(self, name: str) -> Objective:
        """Return this objective for predictions on rows that no night has divided."""
        sides = Sides(
            train=0,
            validation=0,
            holdout=0,
            spare=0,
            leaks=0,
            labels=[],
            separator=self.data.label_separator,
            pairs=self.data.text_pair is not None,
        )
        return self.objective(name, sides, Augmented(augmented=0))

    def objective(self, name: str, sides: Sides, augmented: Augmented) -> Objective:
        """Return what the stages from train on know of this objective."""
        return Objective(
            name=name,
            kind=self.kind,
            metric=gate_metric(self.kind, self.metric),
            weight=self.weight,
            role=self.role,
            cleaning=self.data.cleaning.cleaning,
            sides=sides,
            augmented=augmented,
            generation=self.generation,
        )


class NightSettings(Settings):
    """All settings of a nightly run, in the order of its stages."""

    model: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,99}$")
    """Name of the registered model."""
    kind: Kind = "classification"
    """Task: classification, regression (a number), generation (the text itself) or text2text (a target text for each
    text).
    """
    data: DataSettings | None = None
    """Files with the rows, and their columns."""
    objectives: dict[str, ObjectiveSettings] = {}
    """Several objectives that one model learns, by name, instead of `kind` and `data`."""
    split: SplitSettings = SplitSettings()
    """Assignment of rows to training, validation and holdout set."""
    expectations: ExpectationSettings = ExpectationSettings()
    """Checks that the rows must pass."""
    augment: AugmentSettings = AugmentSettings()
    """Augmented copies of training rows."""
    train: TrainSettings
    """Fine-tuning of the base model."""
    compress: CompressSettings = CompressSettings()
    """Smaller candidates of the trained model."""
    gate: GateSettings = GateSettings()
    """Conditions under which a challenger replaces the champion."""
    review: ReviewSettings = ReviewSettings()
    """Rows that a person is asked about."""
    generation: GenerationSettings = GenerationSettings()
    """Defaults for generating text if a request does not set them, only for generation and text2text."""
    deadline: str | int | None = None
    """Time by which the run must end, as a time of day such as 06:00 or as minutes from its start: training then stops
    early at its best checkpoint, and recipes that would end later are left out; if not set, there is no limit.
    """
    max_age: float | None = Field(None, gt=0)
    """Age in days of the last run after which a run with unchanged inputs trains again, without cached results; if not
    set, such a run is always skipped.
    """
    schedule: ScheduleSettings = ScheduleSettings()
    """Schedule that `nightshift deploy` gives the model's nights."""
    execution: ExecutionSettings = ExecutionSettings()
    """Runner of the independent parts of a night."""
    notify: NotifySettings = NotifySettings()
    """Messages on what happens to the model, set up by `nightshift deploy` and `nightshift up`."""
    base_dir: str = "."
    """Folder that relative paths start from; a settings file sets it to its own folder."""

    @field_validator("deadline")
    @classmethod
    def _time_or_minutes(cls, deadline: str | int | None) -> str | int | None:
        sound = CLOCK.fullmatch(deadline) if isinstance(deadline, str) else deadline is None or deadline > 0
        if not sound:
            raise ValueError("expected a time of day such as 06:00, or minutes, more than 0")
        return deadline

    @model_validator(mode="after")
    def _validate_together(self) -> Self:
        if self.data is None and not self.objectives:
            raise field_error("data", "required, but missing (or objectives, for several)")
        if self.data is not None and self.objectives:
            raise field_error("objectives", "they stand in place of data; leave one of the two out")
        if self.data is not None:
            self.data = _data_for_kind(self.data, self.kind)
            _ensure_generation_applies(self.generation, self.kind)
        elif self.generation.is_changed:
            raise field_error("generation", "with objectives each has its own; leave this one out")
        launcher = self.train.launcher
        if self.deadline is not None and launcher != "none":
            raise field_error(
                "deadline", f"with train.launcher: {launcher} several processes would stop at different steps"
            )
        if launcher == "ray":
            self._ensure_ray_can_launch()
        if self.deadline is not None and self.train.compare_single:
            raise field_error(
                "train.compare_single", "a deadline would give each training another budget; leave one out"
            )
        if self.deadline is not None and self.gate.seeds > 1:
            raise field_error("gate.seeds", "a deadline would give each training another budget; leave one out")
        self._ensure_objectives_are_valid()
        if self.compress.teachers != ["full"] and any(o.kind in GENERATIVE for o in self.resolved_objectives.values()):
            raise field_error("compress.teachers", "what writes learns token by token from full; leave this one out")
        if "seeds" in self.compress.teachers and self.gate.seeds < 2:
            raise field_error(
                "compress.teachers", "seeds are the models of gate.seeds, which is 1: set it to 2 or more"
            )
        self._ensure_times_are_named()
        self._ensure_losses_apply()
        self._ensure_recipes_apply()
        self._ensure_drops_are_in_range()
        return self

    def _ensure_ray_can_launch(self) -> None:
        if self.execution.runner != "ray":
            raise field_error(
                "train.launcher", "ray trains on the nodes of execution; set execution.runner: ray as well"
            )
        if self.execution.gpus != int(self.execution.gpus):
            raise field_error(
                "execution.gpus", "with train.launcher: ray no two processes share a GPU; set a whole number"
            )

    def _ensure_objectives_are_valid(self) -> None:
        for name in self.objectives:
            if not NAME.fullmatch(name):
                raise field_error(
                    f"objectives.{name}", "an objective's name is of small letters, digits and _, a letter first"
                )
        if self.objectives and self.kind != "classification":
            raise field_error("kind", "with objectives each has its own; leave this one out")
        kinds = [objective.kind for objective in self.objectives.values()] or [self.kind]
        if len(kinds) == 1:
            _ensure_metric_fits(self.gate.metric, kinds[0], "gate.metric")
            return
        mains = [name for name, objective in self.objectives.items() if objective.role == "main"]
        if len(mains) != 1:
            raise field_error(
                "objectives", f"exactly one has the role main, the others auxiliary; now {len(mains)} are main"
            )
        if self.gate.metric:
            raise field_error("gate.metric", "with several objectives each has its own metric; leave this one out")

    def _ensure_times_are_named(self) -> None:
        """Raise PydanticCustomError if rows are to be weighted by an age that no column tells."""
        missing = [name for name, objective in self.resolved_objectives.items() if objective.data.timestamp is None]
        if self.gate.weight == "recent" and missing:
            of_objective = f" of {', '.join(missing)}" if self.objectives else ""
            raise field_error(
                "gate.weight", f"recent needs data.timestamp{of_objective}, the column that holds the time"
            )

    def _ensure_losses_apply(self) -> None:
        kinds = {objective.kind for objective in self.resolved_objectives.values()}
        if self.train.class_weights and "classification" not in kinds:
            raise field_error(
                "train.class_weights", f"{', '.join(sorted(kinds))} has no classes to weigh; leave it out"
            )
        separators = {o.data.label_separator for o in self.resolved_objectives.values() if o.kind == "classification"}
        if self.train.decision_threshold != 0.5 and not separators - {None}:
            raise field_error(
                "train.decision_threshold", "no row has several labels, without data.label_separator; leave it out"
            )
        if self.train.abstain_accuracy is not None and None not in separators:
            raise field_error(
                "train.abstain_accuracy", "only classification with one label a row can abstain; leave it out"
            )
        if self.train.label_smoothing_factor and kinds == {"regression"}:
            raise field_error("train.label_smoothing_factor", "regression has no labels to smooth; leave it out")

    def _ensure_recipes_apply(self) -> None:
        recipes = self.compress.recipes
        if recipes == "auto":
            return
        kinds = [objective.kind for objective in self.resolved_objectives.values()]
        is_set = "recipes" in self.compress.model_fields_set
        allowed = usable_steps(kinds) if is_set else default_steps(kinds)
        usable_recipes = [recipe for recipe in recipes if {step.name for step in Recipe.parse(recipe).steps} <= allowed]
        unusable = [recipe for recipe in recipes if recipe not in usable_recipes]
        if unusable and is_set:
            raise field_error(
                "compress.recipes", f"this night knows {', '.join(sorted(allowed))}; leave out {', '.join(unusable)}"
            )
        if unusable:
            self.compress = self.compress.model_copy(update={"recipes": usable_recipes})

    def _ensure_drops_are_in_range(self) -> None:
        metrics = {str(objective.metric) for objective in self.resolved_objectives.values()}
        if metrics & UNBOUNDED:
            return
        for field, value in (("gate.margin", self.gate.margin), ("compress.max_drop", self.compress.max_drop)):
            if value >= 1:
                raise field_error(field, f"{value:g} is no share: {', '.join(sorted(metrics))} ends at 1")

    @property
    def resolved_objectives(self) -> dict[str, ObjectiveSettings]:
        """Settings of each objective by name, the main one first, with defaults for metric and holdout file filled in.

        A single objective is called main.
        """
        objectives = self.objectives
        if self.data is not None:
            objectives = {MAIN: ObjectiveSettings(kind=self.kind, data=self.data, generation=self.generation)}
        if len(objectives) == 1:
            objectives = {MAIN: next(iter(objectives.values())).model_copy(update={"role": "main"})}
        resolved = {
            name: objective.model_copy(
                update={
                    "metric": gate_metric(objective.kind, objective.metric or self.gate.metric),
                    "holdout": objective.holdout or self.split.holdout_file,
                }
            )
            for name, objective in objectives.items()
        }
        return dict(sorted(resolved.items(), key=lambda item: item[1].role != "main"))

    @property
    def timestamp_formats(self) -> dict[str, list[str]]:
        """Formats of the times of each of `resolved_objectives`; an empty list where they are recognised."""
        return {name: objective.data.timestamp_formats for name, objective in self.resolved_objectives.items()}

    def split_settings(self, objective: ObjectiveSettings) -> SplitSettings:
        """Return the split settings of one of `resolved_objectives`."""
        return self.split.model_copy(update={"holdout": objective.holdout or self.split.holdout})

    @contextmanager
    def errors_of(self, name: str) -> Iterator[None]:
        """Name the objective in errors of the user, if there are several objectives."""
        try:
            yield
        except UserError as error:
            if len(self.objectives) < 2:
                raise
            raise type(error)(f"objectives.{name}: {error}") from error


def _data_for_kind(data: DataSettings, kind: Kind) -> DataSettings:
    """Return the columns that this kind reads; generation learns from the texts alone unless a label is set.

    Raises:
        PydanticCustomError: A column or option does not apply to the kind.
    """
    if kind == "generation" and "label" not in data.model_fields_set:
        data = data.model_copy(update={"label": None})
    if kind != "generation" and data.label is None:
        raise field_error("data.label", f"{kind} needs one, the column that is learned")
    if kind != "classification" and data.label_columns is not None:
        raise field_error("data.label_columns", f"{kind} knows no rows with several labels; leave it out")
    if kind != "classification" and data.label_separator is not None:
        raise field_error("data.label_separator", f"{kind} knows no rows with several labels; leave it out")
    if data.label_map and (kind == "regression" or data.label is None):
        material = "numbers" if kind == "regression" else "from the texts alone"
        raise field_error("data.label_map", f"{kind} learns {material} and has no labels to rename; leave it out")
    if kind in GENERATIVE and data.unlabelled is not None:
        raise field_error("data.unlabelled", f"{kind} learns from what it is to write; leave it out")
    if kind in GENERATIVE and data.text_pair is not None:
        raise field_error("data.text_pair", f"{kind} reads one text; leave it out")
    return data


def _ensure_generation_applies(generation: GenerationSettings, kind: Kind) -> None:
    """Raise PydanticCustomError if generation settings are set for a kind that generates no text."""
    if generation.is_changed and kind not in GENERATIVE:
        raise field_error("generation", f"{kind} writes no text; leave it out")


def _ensure_metric_fits(metric: Metric | None, kind: Kind, field: str) -> None:
    metrics = KINDS[kind].gate_metrics
    if metric and metric not in metrics:
        raise field_error(field, f"{metric} does not measure {kind}; what does: {', '.join(metrics)}")


def section_class(annotation: Any) -> type[Settings] | None:
    """Return the settings class in a field's annotation, also as an option or a dictionary's value, else None."""
    kinds = (annotation, *get_args(annotation))
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Settings)), None)

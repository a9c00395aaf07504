"""`NightSettings`: one YAML file, one pydantic model, which is also the flow's parameter."""

import difflib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Self, get_args, get_origin

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from nightshift import redaction, renamed_settings
from nightshift.errors import SettingsError, UserError
from nightshift.evaluation.kinds import KINDS, gate_metric
from nightshift.records import GENERATIVE, MAIN, Augmented, GenerationSettings, Kind, Metric, Objective, Settings, Sides
from tasks.augment import AugmentSettings
from tasks.compress.recipes import Recipe, default_steps, usable_steps
from tasks.compress.settings import CompressSettings
from tasks.gate.stage import GateSettings
from tasks.ingest import DataSettings
from tasks.split import SplitSettings
from tasks.train import TrainSettings
from tasks.validate import ExpectationSettings

NAME = re.compile(r"[a-z][a-z0-9_]*")
"""An objective's name; it stands in file names and in the names of metrics."""
UNBOUNDED = {"rmse", "loss"}
"""Metrics that have a unit of their own and may be above 1."""
CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


NODES = 100_000
"""Values, at most, that a settings file may have once its aliases stand for what they repeat."""
LONGEST_FILE = 10**6
"""Bytes, at most, of a settings file: YAML is read slowly."""


class _Loader(yaml.SafeLoader):
    """YAML in which 22:30 is a time, not the number 1350, and whose aliases do not multiply."""

    def get_single_node(self) -> yaml.Node | None:
        node: yaml.Node | None = super().get_single_node()
        if node is not None and _values(node, {}, set()) > NODES:
            raise yaml.YAMLError(f"its aliases (*name) stand for more than {NODES:,} values; write out what is meant")
        return node


def _values(node: yaml.Node, counted: dict[int, int], above: set[int]) -> int:
    """Count a node's values, those behind an alias as often as it stands there."""
    if id(node) in counted:
        return counted[id(node)]
    if id(node) in above:
        raise yaml.YAMLError(f"line {node.start_mark.line + 1}: an alias (*name) stands within what it is the name of")
    above.add(id(node))
    parts: list[yaml.Node] = []
    if isinstance(node, yaml.SequenceNode):
        parts = node.value
    elif isinstance(node, yaml.MappingNode):
        parts = [part for pair in node.value for part in pair]
    counted[id(node)] = 1 + sum(_values(part, counted, above) for part in parts)
    above.discard(id(node))
    return counted[id(node)]


def _parsed(text: str) -> Any:
    """Read YAML; raise yaml.YAMLError for all that cannot be read."""
    try:
        return yaml.load(text, _Loader)
    except RecursionError as error:
        raise yaml.YAMLError("it is nested too deeply") from error
    except ValueError as error:
        raise yaml.YAMLError(str(error)) from error


def _whole_number(loader: _Loader, node: yaml.ScalarNode) -> str | int:
    return node.value if ":" in node.value else loader.construct_yaml_int(node)


_Loader.add_constructor("tag:yaml.org,2002:int", _whole_number)


class ObjectiveSettings(Settings):
    """One of several objectives that one model learns."""

    kind: Kind = "classification"
    """Task: classification, regression (a number), generation (the text itself) or text2text (a target text for each text)."""
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
    def _fits(self) -> Self:
        self.data = _suited(self.data, self.kind)
        _demand_metric(self.metric, self.kind, "metric")
        _ensure_writes(self.generation, self.kind)
        return self

    def objective(self, name: str, sides: Sides, augmented: Augmented) -> Objective:
        """Return what the stages from train on know of this objective."""
        return Objective(
            name=name,
            kind=self.kind,
            metric=gate_metric(self.kind, self.metric),
            weight=self.weight,
            role=self.role,
            sides=sides,
            augmented=augmented,
            generation=self.generation,
        )


class NightSettings(Settings):
    """All settings of a nightly run, in the order of its stages."""

    model: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,99}$")
    """Name of the registered model."""
    kind: Kind = "classification"
    """Task: classification, regression (a number), generation (the text itself) or text2text (a target text for each text)."""
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
    generation: GenerationSettings = GenerationSettings()
    """Defaults for generating text if a request does not set them, only for generation and text2text."""
    deadline: str | int | None = None
    """Time by which the run must end, as a time of day such as 06:00 or as minutes from its start: training then stops early at its best checkpoint, and recipes that would end later are left out; if not set, there is no limit."""
    max_age: float | None = Field(None, gt=0)
    """Age in days of the last run after which a run with unchanged inputs trains again, without cached results; if not set, such a run is always skipped."""
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
    def _fits(self) -> Self:
        if self.data is None and not self.objectives:
            raise _wrong("data", "required, but missing (or objectives, for several)")
        if self.data is not None and self.objectives:
            raise _wrong("objectives", "they stand in place of data; leave one of the two out")
        if self.data is not None:
            self.data = _suited(self.data, self.kind)
            _ensure_writes(self.generation, self.kind)
        elif self.generation.is_changed:
            raise _wrong("generation", "with objectives each has its own; leave this one out")
        if self.deadline is not None and self.train.launcher == "accelerate":
            raise _wrong("deadline", "with train.launcher: accelerate several processes would stop at different steps")
        if self.deadline is not None and self.train.compare_single:
            raise _wrong("train.compare_single", "a deadline would give each training another budget; leave one out")
        if self.deadline is not None and self.gate.seeds > 1:
            raise _wrong("gate.seeds", "a deadline would give each training another budget; leave one out")
        self._demand_sound_objectives()
        if self.compress.teachers != ["full"] and any(o.kind in GENERATIVE for o in self.learned.values()):
            raise _wrong("compress.teachers", "what writes learns token by token from full; leave this one out")
        self._ensure_losses_apply()
        self._demand_usable_recipes()
        self._demand_drops_in_their_unit()
        return self

    def _demand_sound_objectives(self) -> None:
        for name in self.objectives:
            if not NAME.fullmatch(name):
                raise _wrong(
                    f"objectives.{name}", "an objective's name is of small letters, digits and _, a letter first"
                )
        if self.objectives and self.kind != "classification":
            raise _wrong("kind", "with objectives each has its own; leave this one out")
        kinds = [objective.kind for objective in self.objectives.values()] or [self.kind]
        if len(kinds) == 1:
            _demand_metric(self.gate.metric, kinds[0], "gate.metric")
            return
        mains = [name for name, objective in self.objectives.items() if objective.role == "main"]
        if len(mains) != 1:
            raise _wrong(
                "objectives", f"exactly one has the role main, the others auxiliary; now {len(mains)} are main"
            )
        if self.gate.metric:
            raise _wrong("gate.metric", "with several objectives each has its own metric; leave this one out")

    def _ensure_losses_apply(self) -> None:
        kinds = {objective.kind for objective in self.learned.values()}
        if self.train.class_weights and "classification" not in kinds:
            raise _wrong("train.class_weights", f"{', '.join(sorted(kinds))} has no classes to weigh; leave it out")
        separators = {o.data.label_separator for o in self.learned.values() if o.kind == "classification"}
        if self.train.decision_threshold != 0.5 and not separators - {None}:
            raise _wrong(
                "train.decision_threshold", "no row has several labels, without data.label_separator; leave it out"
            )
        if self.train.abstain_accuracy is not None and None not in separators:
            raise _wrong("train.abstain_accuracy", "only classification with one label a row can abstain; leave it out")
        if self.train.label_smoothing_factor and kinds == {"regression"}:
            raise _wrong("train.label_smoothing_factor", "regression has no labels to smooth; leave it out")

    def _demand_usable_recipes(self) -> None:
        recipes = self.compress.recipes
        if recipes == "auto":
            return
        kinds = [objective.kind for objective in self.learned.values()]
        asked = "recipes" in self.compress.model_fields_set
        known = usable_steps(kinds) if asked else default_steps(kinds)
        kept = [recipe for recipe in recipes if {step.name for step in Recipe.parse(recipe).steps} <= known]
        lost = [recipe for recipe in recipes if recipe not in kept]
        if lost and asked:
            raise _wrong(
                "compress.recipes", f"this night knows {', '.join(sorted(known))}; leave out {', '.join(lost)}"
            )
        if lost:
            self.compress = self.compress.model_copy(update={"recipes": kept})

    def _demand_drops_in_their_unit(self) -> None:
        metrics = {str(objective.metric) for objective in self.learned.values()}
        if metrics & UNBOUNDED:
            return
        for field, value in (("gate.margin", self.gate.margin), ("compress.max_drop", self.compress.max_drop)):
            if value >= 1:
                raise _wrong(field, f"{value:g} is no share: {', '.join(sorted(metrics))} ends at 1")

    @property
    def learned(self) -> dict[str, ObjectiveSettings]:
        """Tonight's objectives, the main one first, each with its metric and, where it has one, its holdout file.

        One alone is called main.
        """
        found = self.objectives
        if self.data is not None:
            found = {MAIN: ObjectiveSettings(kind=self.kind, data=self.data, generation=self.generation)}
        if len(found) == 1:
            found = {MAIN: next(iter(found.values())).model_copy(update={"role": "main"})}
        filled = {
            name: objective.model_copy(
                update={
                    "metric": gate_metric(objective.kind, objective.metric or self.gate.metric),
                    "holdout": objective.holdout or self.split.holdout_file,
                }
            )
            for name, objective in found.items()
        }
        return dict(sorted(filled.items(), key=lambda item: item[1].role != "main"))

    def split_of(self, objective: ObjectiveSettings) -> SplitSettings:
        """How the rows of one of `learned` are split."""
        return self.split.model_copy(update={"holdout": objective.holdout or self.split.holdout})

    @contextmanager
    def about(self, name: str) -> Iterator[None]:
        """Where there are several objectives, an error of the user's says which one it is about."""
        try:
            yield
        except UserError as error:
            if len(self.objectives) < 2:
                raise
            raise type(error)(f"objectives.{name}: {error}") from error


def _suited(data: DataSettings, kind: Kind) -> DataSettings:
    """The columns as this kind reads them; texts alone are generated from unless a label is named."""
    if kind == "generation" and "label" not in data.model_fields_set:
        data = data.model_copy(update={"label": None})
    if kind != "generation" and data.label is None:
        raise _wrong("data.label", f"{kind} needs one, the column that is learned")
    if kind != "classification" and data.label_separator is not None:
        raise _wrong("data.label_separator", f"{kind} knows no rows with several labels; leave it out")
    if kind in GENERATIVE and data.unlabelled is not None:
        raise _wrong("data.unlabelled", f"{kind} learns from what it is to write; leave it out")
    if kind in GENERATIVE and data.text_pair is not None:
        raise _wrong("data.text_pair", f"{kind} reads one text; leave it out")
    return data


def _ensure_writes(generation: GenerationSettings, kind: Kind) -> None:
    """Raise an error of the settings for generation settings of a kind that writes no text."""
    if generation.is_changed and kind not in GENERATIVE:
        raise _wrong("generation", f"{kind} writes no text; leave it out")


def _demand_metric(metric: Metric | None, kind: Kind, field: str) -> None:
    known = KINDS[kind].metrics
    if metric and metric not in known:
        raise _wrong(field, f"{metric} does not measure {kind}; what does: {', '.join(known)}")


def _wrong(field: str, message: str) -> PydanticCustomError:
    """An error of several fields together, told at `field`."""
    return PydanticCustomError("together", "{message}", {"field": field, "message": message})


def load(path: Path, overrides: Iterable[str] = ()) -> NightSettings:
    """Read and check a settings file.

    Args:
        path: YAML file.
        overrides: `SECTION.KEY=VALUE`, which replace values of the file.

    Raises:
        SettingsError: Unreadable file or wrong settings, one line for each wrong field.
    """
    values = read(path)
    for override in overrides:
        name, equals, value = override.partition("=")
        _put(values, renamed_settings.new_name(name) + equals + value)
    return check(anchored(values), str(path))


def read(path: Path) -> dict[str, Any]:
    """What a settings file says, unchecked but for being a mapping, with `base_dir`; raises SettingsError."""
    try:
        if path.stat().st_size > LONGEST_FILE:
            raise SettingsError(
                f"{path}: {path.stat().st_size:,} bytes are no settings file; name the YAML file of a night"
            )
        values = _parsed(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SettingsError(
            f"{path}: no such settings file; examples/reviews/settings.yaml is one to start from"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise SettingsError(f"{path}: not a readable YAML file: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise SettingsError(f"{path}: expected sections such as `model:` and `data:`, found {type(values).__name__}")
    values.setdefault("base_dir", str(path.resolve().parent))
    return renamed_settings.use_new_names(values, str(path))


def assigned(options: Iterable[str], flag: str) -> dict[str, Any]:
    """Return what options such as `top_p=0.9` say, values as YAML; raises SettingsError, which names the flag."""
    values: dict[str, Any] = {}
    for option in options:
        _put(values, option, flag)
    return values


def _put(values: dict[str, Any], override: str, flag: str = "--set") -> None:
    name, equals, value = override.partition("=")
    if not equals:
        raise SettingsError(f"{flag} {override}: expected NAME=VALUE, such as train.num_train_epochs=1")
    *sections, last = name.split(".")
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise SettingsError(f"{flag} {override}: {section} is a value, not a section")
    try:
        values[last] = _parsed(value)
    except yaml.YAMLError as error:
        raise SettingsError(f"{flag} {override}: not readable as YAML; quote what is text: {last}='\"…\"'") from error


def anchored(values: dict[str, Any]) -> dict[str, Any]:
    """Base models given as relative folders are relative to the settings file, like every path."""
    home = Path(values.get("base_dir", "."))

    def placed(base: Any) -> Any:
        return str((home / base).resolve()) if isinstance(base, str) and base.startswith(("./", "../")) else base

    train, compress = values.get("train"), values.get("compress")
    if isinstance(train, dict) and "base_model" in train:
        train["base_model"] = placed(train["base_model"])
    if isinstance(compress, dict) and isinstance(compress.get("teachers"), list):
        compress["teachers"] = [placed(name) for name in compress["teachers"]]
    return values


def check(values: dict[str, Any], where: str) -> NightSettings:
    """Validate; every wrong field becomes one line that names it."""
    _refuse_secrets(values, where)
    try:
        return NightSettings.model_validate(renamed_settings.use_new_names(values, where))
    except ValidationError as error:
        raise SettingsError("\n".join(f"{where}: {_line(item)}" for item in error.errors())) from error


def _refuse_secrets(value: Any, where: str, field: str = "") -> None:
    """Raise SettingsError for an address that carries a password or a token: settings are kept, and shown."""
    if isinstance(value, dict):
        for name, item in value.items():
            _refuse_secrets(item, where, f"{field}.{name}" if field else str(name))
    elif isinstance(value, list):
        for item in value:
            _refuse_secrets(item, where, field)
    elif isinstance(value, str) and redaction.carries_secret(value):
        raise SettingsError(
            f"{where}: {field}: {redaction.redact(value)} carries a user, a password or a token, and settings are kept in "
            "Prefect and MLflow: take it out, and give it to the environment of the process that runs the night (HF_TOKEN)"
        )


def _line(error: Any) -> str:
    place = ".".join(str(part) for part in error["loc"])
    if error["type"] == "together":
        return ".".join(filter(None, (place, f"{error['ctx']['field']}: {error['msg']}")))
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(error["loc"][-1]), _fields(error["loc"][:-1]), n=1, cutoff=0.4)
        return f"{place}: unknown key" + (f"; did you mean {near[0]}?" if near else "")
    if error["type"] == "missing":
        return f"{place}: required, but missing"
    return redaction.redact(f"{place}: {error['msg'].removeprefix('Value error, ')} (found {error['input']!r})")


def _fields(path: tuple[int | str, ...]) -> list[str]:
    model: type[Settings] | None = NightSettings
    parts = iter(path)
    for part in parts:
        if model is None:
            return []
        annotation = model.model_fields[str(part)].annotation
        model = section(annotation)
        if get_origin(annotation) is dict:
            next(parts, None)
    return list(model.model_fields) if model else []


def section(annotation: Any) -> type[Settings] | None:
    """The settings class that a field holds: itself, or None, or by name."""
    kinds = (annotation, *get_args(annotation))
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Settings)), None)

"""`NightSettings`: one YAML file, one pydantic model, which is also the flow's parameter."""

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, Field, ValidationError

from tasks.augment import AugmentSettings
from tasks.compress import CompressSettings
from tasks.errors import SettingsError
from tasks.gate import GateSettings
from tasks.ingest import DataSettings
from tasks.records import Settings
from tasks.split import SplitSettings
from tasks.train import TrainSettings
from tasks.validate import ExpectationSettings


class NightSettings(Settings):
    """Everything one night is told, in the order of the night."""

    model: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,99}$")
    """Name of the registered model."""
    data: DataSettings
    """Where the rows lie and what their columns are."""
    split: SplitSettings = SplitSettings()
    """Which rows train and which judge."""
    expectations: ExpectationSettings = ExpectationSettings()
    """What the rows must look like."""
    augment: AugmentSettings = AugmentSettings()
    """Changed copies of training rows."""
    train: TrainSettings
    """Fine-tuning."""
    compress: CompressSettings = CompressSettings()
    """Smaller models to try."""
    gate: GateSettings = GateSettings()
    """When a challenger may replace the champion."""
    base_dir: str = "."
    """The folder that relative paths start from; a settings file sets it to its own."""


def load(path: Path, overrides: Iterable[str] = ()) -> NightSettings:
    """Read a settings file and put `a.b=c` overrides over it; raises SettingsError, one line a wrong field."""
    values = read(path)
    for override in overrides:
        _put(values, override)
    return check(anchored(values), str(path))


def read(path: Path) -> dict[str, Any]:
    """What a settings file says, unchecked but for being a mapping, with `base_dir`; raises SettingsError."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SettingsError(
            f"{path}: no such settings file; examples/reviews/settings.yaml is one to start from"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise SettingsError(f"{path}: not a readable YAML file: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise SettingsError(f"{path}: expected sections such as `model:` and `data:`, found {type(values).__name__}")
    values.setdefault("base_dir", str(path.resolve().parent))
    return values


def _put(values: dict[str, Any], override: str) -> None:
    name, equals, value = override.partition("=")
    if not equals:
        raise SettingsError(f"--set {override}: expected NAME=VALUE, such as train.num_train_epochs=1")
    *sections, last = name.split(".")
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise SettingsError(f"--set {override}: {section} is a value, not a section")
    values[last] = yaml.safe_load(value)


def anchored(values: dict[str, Any]) -> dict[str, Any]:
    """A base model given as a relative folder is relative to the settings file, like every path."""
    train = values.get("train")
    base = train.get("base_model") if isinstance(train, dict) else None
    if isinstance(train, dict) and isinstance(base, str) and base.startswith(("./", "../")):
        train["base_model"] = str((Path(values.get("base_dir", ".")) / base).resolve())
    return values


def check(values: dict[str, Any], where: str) -> NightSettings:
    """Validate; every wrong field becomes one line that names it."""
    try:
        return NightSettings.model_validate(values)
    except ValidationError as error:
        raise SettingsError("\n".join(f"{where}: {_line(item)}" for item in error.errors())) from error


def _line(error: Any) -> str:
    place = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(error["loc"][-1]), _fields(error["loc"][:-1]), n=1, cutoff=0.4)
        return f"{place}: unknown key" + (f"; did you mean {near[0]}?" if near else "")
    if error["type"] == "missing":
        return f"{place}: required, but missing"
    return f"{place}: {error['msg'].removeprefix('Value error, ')} (found {error['input']!r})"


def _fields(path: tuple[int | str, ...]) -> list[str]:
    model: Any = NightSettings
    for part in path:
        annotation = model.model_fields[part].annotation
        model = next(
            (t for t in (annotation, *get_args(annotation)) if isinstance(t, type) and issubclass(t, BaseModel)),
            None,
        )
        if model is None:
            return []
    return list(model.model_fields)

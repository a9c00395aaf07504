"""The form of the Prefect UI: the settings with every field optional, to fill in over a settings file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import yaml
from pydantic import BaseModel, ConfigDict, Field, create_model

from flows.settings import NightSettings, anchored, check, read
from tasks.records import Settings


def _optional(settings: type[Settings]) -> type[BaseModel]:
    fields: dict[str, Any] = {}
    for name, field in settings.model_fields.items():
        kind: Any = field.annotation
        if isinstance(kind, type) and issubclass(kind, Settings):
            inner = _optional(kind)
            fields[name] = (inner, Field(default=inner(), title=_title(name), description=field.description))
            continue
        if field.metadata:
            kind = Annotated[kind, *field.metadata]
        default = "" if field.is_required() else f" Without it: {_shown(field.get_default(call_default_factory=True))}."
        words = (field.description or "") + default
        fields[name] = (Optional[kind], Field(default=None, title=_title(name), description=words))  # noqa: UP045
    return create_model(settings.__name__, __config__=ConfigDict(extra="forbid"), __doc__=settings.__doc__, **fields)


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _shown(default: Any) -> str:
    return (
        "none" if default is None else yaml.safe_dump(default, default_flow_style=True).removesuffix("\n...\n").strip()
    )


if TYPE_CHECKING:
    NightForm = NightSettings
else:
    NightForm = _optional(NightSettings)
EMPTY = NightForm.model_validate({})


def filled_in(settings_file: str | None, form: BaseModel) -> NightSettings:
    """The file's settings with what the form says put over them; raises SettingsError, one line a wrong field.

    A relative path starts where the flow runs: the project's root.
    """
    path = Path(settings_file) if settings_file else None
    values = read(path) if path else {}
    _put_over(values, form.model_dump(exclude_none=True))
    return check(anchored(values), settings_file or "the form")


def _put_over(values: dict[str, Any], changes: dict[str, Any]) -> None:
    for name, change in changes.items():
        if isinstance(change, dict) and isinstance(values.get(name, {}), dict):
            _put_over(values.setdefault(name, {}), change)
            if not values[name]:
                del values[name]
        else:
            values[name] = change


def as_form(settings: NightSettings) -> BaseModel:
    """The form that says exactly these settings."""
    return NightForm.model_validate(settings.model_dump(mode="json"))

"""The form of the Prefect UI: the settings with every field optional, to fill in over a settings file."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional, get_origin

import yaml
from prefect.runtime import flow_run
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    create_model,
    model_serializer,
    model_validator,
)

from flows.settings import NightSettings, anchored, check, read, section
from nightshift import renamed_settings
from nightshift.errors import SettingsError
from nightshift.records import Settings
from nightshift.redaction import SECRET_SCHEMA

DOTS = "\n...\n"
"""What YAML puts after a bare value."""


class _Form(BaseModel):
    """A form says nothing of the fields that were left alone."""

    model_config = ConfigDict(extra="forbid")

    @model_serializer(mode="wrap")
    def _filled(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in handler(self).items() if value not in (None, {})}


class _WholeForm(_Form):
    """The form of all sections; it takes renamed keys under their old names, too."""

    @model_validator(mode="before")
    @classmethod
    def _use_new_names(cls, values: Any) -> Any:
        return renamed_settings.use_new_names(values, "the form") if isinstance(values, dict) else values


def _optional(settings: type[Settings], base: type[_Form] = _Form, section_name: str = "") -> type[BaseModel]:
    """Return a form of a settings class in which every field is optional.

    The schema shows renamed keys under their new names, and accepts numbers under the old ones.
    """
    fields: dict[str, Any] = {}
    for name, field in settings.model_fields.items():
        kind: Any = field.annotation
        inside = section(kind)
        if inside and get_origin(kind) is dict:
            kind = dict[str, Any]
        elif inside:
            inner = _optional(inside, section_name=name)
            fields[name] = (inner, Field(default=inner(), title=_title(name), description=field.description))
            continue
        if field.metadata:
            kind = Annotated[kind, *field.metadata]
        words = field.description or ""
        if not field.is_required() and (default := field.get_default(call_default_factory=True)) not in (None, {}):
            words += f" Default: {yaml.safe_dump(default, default_flow_style=True).removesuffix(DOTS).strip()}"
        extra: dict[str, Any] = {"title": _title(name), "description": words, "json_schema_extra": _plain}
        fields[name] = (Optional[kind], Field(default=None, **extra))  # noqa: UP045
    old_keys = renamed_settings.old_keys(section_name)
    pattern = {"patternProperties": {f"^({'|'.join(old_keys)})$": {"type": ["number", "null"]}}} if old_keys else {}
    config = {"json_schema_extra": pattern}
    return create_model(settings.__name__, __base__=base, __doc__=settings.__doc__, __cls_kwargs__=config, **fields)


def _plain(schema: dict[str, Any]) -> None:
    """The field as the UI draws it best: no default and no `None` to choose, left alone it is not sent.

    A switch and a box for JSON are sent all the same, so those keep theirs.
    """
    kinds = [kind for kind in schema["anyOf"] if kind != {"type": "null"}]
    if kinds[0]["type"] in ("boolean", "object"):
        return
    del schema["anyOf"], schema["default"]
    schema |= kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    if {"type": "string"} in kinds:  # Prefect's server refuses the run, and keeps nothing of it
        schema["not"] = {"anyOf": [SECRET_SCHEMA, {"type": "array", "contains": SECRET_SCHEMA}]}


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


if TYPE_CHECKING:
    NightForm = NightSettings
else:
    NightForm = _optional(NightSettings, _WholeForm)
EMPTY = NightForm.model_validate({})


def filled_in(settings_file: str | None, form: BaseModel) -> NightSettings:
    """The file's settings with what the form says put over them; raises SettingsError, one line a wrong field.

    A relative path starts where the flow runs: the project's root.
    """
    path = Path(settings_file) if settings_file else None
    values = read(path) if path else {}
    _put_over(values, form.model_dump())
    return check(anchored(values), settings_file or "the form")


def run_name(purpose: str = "") -> str:
    """MODEL-DATE of the flow run that is about to begin, with its purpose between where it is not a night."""
    given = flow_run.parameters
    try:
        model = filled_in(given["settings_file"], given["settings"]).model
    except SettingsError:
        model = "wrong-settings"
    return "-".join(part for part in (model, purpose, str(date.today())) if part)


def _put_over(values: dict[str, Any], changes: dict[str, Any]) -> None:
    for name, change in changes.items():
        if isinstance(change, dict) and isinstance(values.get(name, {}), dict):
            _put_over(values.setdefault(name, {}), change)
        else:
            values[name] = change


def as_form(settings: NightSettings) -> BaseModel:
    """The form that says exactly these settings."""
    return NightForm.model_validate(settings.model_dump(mode="json", exclude_none=True))

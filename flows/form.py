"""Form of the Prefect UI: the settings with every field optional, which replace those of a settings file."""

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

from flows.settings import NightSettings, section_class
from flows.settings_file import check, read, resolve_base_models
from nightshift import clock, renamed_settings
from nightshift.errors import SettingsError
from nightshift.records import Settings
from nightshift.redaction import SECRET_SCHEMA

YAML_END = "\n...\n"
"""Document end that PyYAML writes after a scalar."""


class _Form(BaseModel):
    """Base of forms; fields that were not filled in are left out when it is serialized."""

    model_config = ConfigDict(extra="forbid")

    @model_serializer(mode="wrap")
    def _filled_fields(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
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
        description = " ".join((field.description or "").split())
        nested = section_class(kind)
        if nested and get_origin(kind) is dict:
            kind = dict[str, Any]
        elif nested:
            form = _optional(nested, section_name=name)
            fields[name] = (form, Field(default=form(), title=_title(name), description=description or None))
            continue
        if field.metadata:
            kind = Annotated[kind, *field.metadata]
        if not field.is_required() and (default := field.get_default(call_default_factory=True)) not in (None, {}):
            description += f" Default: {_as_yaml(default)}"
        extra: dict[str, Any] = {"title": _title(name), "description": description, "json_schema_extra": _simplify}
        fields[name] = (Optional[kind], Field(default=None, **extra))  # noqa: UP045
    old_keys = renamed_settings.old_keys(section_name)
    pattern = {"patternProperties": {f"^({'|'.join(old_keys)})$": {"type": ["number", "null"]}}} if old_keys else {}
    config = {"json_schema_extra": pattern}
    return create_model(settings.__name__, __base__=base, __doc__=settings.__doc__, __cls_kwargs__=config, **fields)


def _simplify(schema: dict[str, Any]) -> None:
    """Remove default and `None` from a field's schema, so that the UI does not send a field that was not filled in.

    The UI always sends switches and boxes for JSON, so those keep theirs.
    """
    kinds = [kind for kind in schema["anyOf"] if kind != {"type": "null"}]
    if any(kind.get("type") in ("boolean", "object") for kind in kinds):
        return
    del schema["anyOf"], schema["default"]
    schema |= kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    is_text = any(kind.get("type") == "string" and "enum" not in kind for kind in kinds)
    if is_text:  # Prefect's server refuses the run, and keeps nothing of it
        schema["not"] = {"anyOf": [SECRET_SCHEMA, {"type": "array", "contains": SECRET_SCHEMA}]}


def _as_yaml(value: Any) -> str:
    return str(yaml.safe_dump(value, default_flow_style=True)).removesuffix(YAML_END).strip()


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


if TYPE_CHECKING:
    NightForm = NightSettings
else:
    NightForm = _optional(NightSettings, _WholeForm)
EMPTY = NightForm.model_validate({})


def merged_settings(settings_file: str | None, form: BaseModel) -> NightSettings:
    """Return the settings of a file, replaced by those of a form.

    Args:
        settings_file: Path, relative to the folder in which the flow runs, the project's root; None for the form alone.
        form: The form.

    Raises:
        SettingsError: Wrong settings, one line for each wrong field.
    """
    path = Path(settings_file) if settings_file else None
    values = read(path) if path else {}
    _update(values, form.model_dump())
    return check(resolve_base_models(values), settings_file or "the form")


def run_name(purpose: str = "") -> str:
    """Return the name of the current flow run: MODEL-DATE, or MODEL-PURPOSE-DATE."""
    parameters = flow_run.parameters
    try:
        model = merged_settings(parameters["settings_file"], parameters["settings"]).model
    except SettingsError:
        model = "wrong-settings"
    return "-".join(part for part in (model, purpose, str(clock.today())) if part)


def _update(values: dict[str, Any], changes: dict[str, Any]) -> None:
    """Update nested dictionaries in place."""
    for name, change in changes.items():
        if isinstance(change, dict) and isinstance(values.get(name, {}), dict):
            _update(values.setdefault(name, {}), change)
        else:
            values[name] = change


def as_form(settings: NightSettings) -> BaseModel:
    """Return the form with exactly these settings."""
    return NightForm.model_validate(settings.model_dump(mode="json", exclude_none=True))

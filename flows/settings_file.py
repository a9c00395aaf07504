"""Reading of settings files: YAML, overrides, and errors as one line for each wrong field."""

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_origin

import yaml
from pydantic import ValidationError

from flows.settings import NightSettings, section_class
from nightshift import redaction, renamed_settings
from nightshift.data.settings import DataSettings
from nightshift.errors import SettingsError
from nightshift.records import Settings

MAX_VALUES = 100_000
"""Maximum number of values in a settings file with all aliases expanded."""
MAX_FILE_BYTES = 10**6
"""Maximum size of a settings file, because YAML is read slowly."""


class _Loader(yaml.SafeLoader):
    """YAML loader that reads 22:30 as text, not as the number 1350, and limits the expansion of aliases."""

    def get_single_node(self) -> yaml.Node | None:
        node: yaml.Node | None = super().get_single_node()
        if node is not None and _count_values(node, {}, set()) > MAX_VALUES:
            raise yaml.YAMLError(
                f"its aliases (*name) stand for more than {MAX_VALUES:,} values; write out what is meant"
            )
        return node


def _count_values(node: yaml.Node, counts: dict[int, int], ancestors: set[int]) -> int:
    """Count the values of a node with aliases expanded; `counts` caches the counts by node id."""
    if id(node) in counts:
        return counts[id(node)]
    if id(node) in ancestors:
        raise yaml.YAMLError(f"line {node.start_mark.line + 1}: an alias (*name) stands within what it is the name of")
    ancestors.add(id(node))
    parts: list[yaml.Node] = []
    if isinstance(node, yaml.SequenceNode):
        parts = node.value
    elif isinstance(node, yaml.MappingNode):
        parts = [part for pair in node.value for part in pair]
    counts[id(node)] = 1 + sum(_count_values(part, counts, ancestors) for part in parts)
    ancestors.discard(id(node))
    return counts[id(node)]


def _parse_yaml(text: str) -> Any:
    """Parse YAML; raise yaml.YAMLError for every error."""
    try:
        return yaml.load(text, _Loader)
    except RecursionError as error:
        raise yaml.YAMLError("it is nested too deeply") from error
    except ValueError as error:
        raise yaml.YAMLError(str(error)) from error


def _construct_int(loader: _Loader, node: yaml.ScalarNode) -> str | int:
    return node.value if ":" in node.value else loader.construct_yaml_int(node)


_Loader.add_constructor("tag:yaml.org,2002:int", _construct_int)


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
        _set_option(values, renamed_settings.new_name(name) + equals + value)
    return check(resolve_base_models(values), str(path), path.read_text(encoding="utf-8"))


def read(path: Path) -> dict[str, Any]:
    """Return the contents of a settings file, with `base_dir`, not yet validated.

    Raises:
        SettingsError: The file cannot be read, or is no mapping.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise SettingsError(
                f"{path}: {path.stat().st_size:,} bytes are no settings file; name the YAML file of a night"
            )
        values = _parse_yaml(path.read_text(encoding="utf-8"))
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


def parse_options(options: Iterable[str], flag: str) -> dict[str, Any]:
    """Return the values of options such as `top_p=0.9`, parsed as YAML.

    Raises:
        SettingsError: An option is not NAME=VALUE; the error names the flag.
    """
    values: dict[str, Any] = {}
    for option in options:
        _set_option(values, option, flag)
    return values


def _set_option(values: dict[str, Any], override: str, flag: str = "--set") -> None:
    name, equals, value = override.partition("=")
    if not equals:
        raise SettingsError(f"{flag} {override}: expected NAME=VALUE, such as train.num_train_epochs=1")
    *sections, last = name.split(".")
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise SettingsError(f"{flag} {override}: {section} is a value, not a section")
    try:
        values[last] = _parse_yaml(value)
    except yaml.YAMLError as error:
        raise SettingsError(f"{flag} {override}: not readable as YAML; quote what is text: {last}='\"…\"'") from error


def resolve_base_models(values: dict[str, Any]) -> dict[str, Any]:
    """Make base models that are relative folders relative to the settings file, and return the values."""
    base_dir = Path(values.get("base_dir", "."))

    def resolved(base: Any) -> Any:
        return str((base_dir / base).resolve()) if isinstance(base, str) and base.startswith(("./", "../")) else base

    train, compress = values.get("train"), values.get("compress")
    if isinstance(train, dict) and "base_model" in train:
        train["base_model"] = resolved(train["base_model"])
    if isinstance(compress, dict) and isinstance(compress.get("teachers"), list):
        compress["teachers"] = [resolved(name) for name in compress["teachers"]]
    return values


def check(values: dict[str, Any], source: str, text: str = "") -> NightSettings:
    """Validate settings.

    Args:
        values: The contents of a settings file.
        source: Where they come from, for errors.
        text: The settings file, for errors that quote it.

    Raises:
        SettingsError: Wrong settings, one line for each wrong field.
    """
    _refuse_secrets(values, source)
    try:
        return NightSettings.model_validate(renamed_settings.use_new_names(values, source))
    except ValidationError as error:
        scalars = _plain_scalars(text)
        raise SettingsError("\n".join(f"{source}: {_error_line(item, scalars)}" for item in error.errors())) from error


def check_data(values: dict[str, Any], source: str) -> DataSettings:
    """Validate settings of rows alone.

    Args:
        values: The values of the section `data`.
        source: Where they come from, for errors.

    Raises:
        SettingsError: Wrong settings, one line for each wrong field.
    """
    _refuse_secrets(values, source)
    try:
        return DataSettings.model_validate(values)
    except ValidationError as error:
        lines = [f"{source}: {_error_line(item, {}, DataSettings)}" for item in error.errors()]
        raise SettingsError("\n".join(lines)) from error


def _refuse_secrets(value: Any, source: str, field: str = "") -> None:
    """Raise SettingsError for an address with a password or a token, because settings are stored and shown."""
    if isinstance(value, dict):
        for name, item in value.items():
            _refuse_secrets(item, source, f"{field}.{name}" if field else str(name))
    elif isinstance(value, list):
        for item in value:
            _refuse_secrets(item, source, field)
    elif isinstance(value, str) and redaction.carries_secret(value):
        raise SettingsError(
            f"{source}: {field}: {redaction.redact(value)} carries a user, a password or a token, and settings are kept in "
            "Prefect and MLflow: take it out, and give it to the environment of the process that runs the night (HF_TOKEN, or for a database the variable that data.password_env names)"
        )


Place = tuple[str | int, ...]
"""Names and positions that lead to a value."""


def _plain_scalars(text: str) -> dict[Place, str]:
    """Return the unquoted values and keys of a YAML text as they are written, by their place; that of a key ends in it twice."""
    scalars: dict[Place, str] = {}

    def collect(node: yaml.Node | None, place: Place) -> None:
        if isinstance(node, yaml.ScalarNode) and node.style is None:
            scalars[place] = node.value
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                collect(item, (*place, index))
        elif isinstance(node, yaml.MappingNode):
            for key, item in node.value:
                name = str(key.value)
                collect(key, (*place, name, name))
                collect(item, (*place, name))

    collect(yaml.compose(text, _Loader), ())
    return scalars


def _written(error: Any, scalars: Mapping[Place, str]) -> str | None:
    """Return how the file writes a value that YAML does not read as a text; None if it cannot be told."""
    if error["type"] != "string_type" or isinstance(error["input"], (list, dict)):
        return None
    is_key = error["loc"][-1] == "[key]"
    if not is_key and isinstance(error["loc"][-1], int):
        return scalars.get(error["loc"])
    parent = error["loc"][:-2] if is_key else error["loc"][:-1]
    below = (text for place, text in scalars.items() if text and place[: len(parent)] == parent)
    return next((text for text in below if repr(_parse_yaml(text)) == repr(error["input"])), None)


def _error_line(error: Any, scalars: Mapping[Place, str], model: type[Settings] = NightSettings) -> str:
    location = ".".join(str(part) for part in error["loc"])
    if (written := _written(error, scalars)) is not None:
        return f'{location}: YAML reads {written} as {error["input"]!r}; if it is a text, quote it: "{written}"'
    if error["type"] == "together":
        return ".".join(filter(None, (location, f"{error['ctx']['field']}: {error['msg']}")))
    if error["type"] == "extra_forbidden":
        suggestions = difflib.get_close_matches(
            str(error["loc"][-1]), _field_names(error["loc"][:-1], model), n=1, cutoff=0.4
        )
        return f"{location}: unknown key" + (f"; did you mean {suggestions[0]}?" if suggestions else "")
    if error["type"] == "missing":
        return f"{location}: required, but missing"
    message = error["msg"].removeprefix("Value error, ")
    return redaction.redact(f"{location}: {message} (found {error['input']!r})" if location else message)


def _field_names(path: tuple[int | str, ...], settings: type[Settings]) -> list[str]:
    model: type[Settings] | None = settings
    parts = iter(path)
    for part in parts:
        if model is None:
            return []
        annotation = model.model_fields[str(part)].annotation
        model = section_class(annotation)
        if get_origin(annotation) is dict:
            next(parts, None)
    return list(model.model_fields) if model else []

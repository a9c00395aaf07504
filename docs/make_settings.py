"""Makes docs/settings.md from the pydantic model: `python docs/make_settings.py`, part of `make docs`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from flows.settings import NightSettings

HEAD = """# Settings

One YAML file. Made by `python docs/make_settings.py` from the model that checks it. Unknown keys are errors. Sections
may be left out where nothing in them is required; `--set SECTION.KEY=VALUE` goes over the file.
"""
TYPES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`"}
BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
SET_BY_FILE = "base_dir"


def page() -> str:
    """The whole page: a table for each section, and after the first section that uses it one for each nested model."""
    schema = NightSettings.model_json_schema()
    definitions, fields = schema["$defs"], schema["properties"]
    places = {_section(field): name for name, field in fields.items() if _section(field)}
    told = set(places)
    lines = [HEAD]
    for name, field in fields.items():
        if name == SET_BY_FILE:
            continue
        lines += [f"## {name}\n", f"{_sentence(field, definitions)}\n"]
        if section := _section(field):
            lines += _tables(definitions[section], definitions, places, told)
    return "\n".join(lines)


def _tables(
    section: dict[str, Any], definitions: dict[str, Any], places: dict[str, str], told: set[str]
) -> Iterator[str]:
    yield "| setting | type | bounds | default | |\n|---|---|---|---|---|"
    required = section.get("required", [])
    for key, field in section["properties"].items():
        default = "required" if key in required else _code(_plain(field["default"]))
        yield f"| `{key}` | {_type(field, places)} | {_bounds(field)} | {default} | {_words(field)} |"
    yield ""
    for name in dict.fromkeys(filter(None, map(_section, section["properties"].values()))):
        if name not in told:
            told.add(name)
            yield f"### {name}\n\n{definitions[name]['description']} The defaults are in the table above.\n"
            yield from _tables(definitions[name], definitions, places, told)


def _section(field: dict[str, Any]) -> str:
    """The model that a field holds: itself, or None, or by name; empty where it holds a value."""
    kinds = [field, *field.get("anyOf", []), field.get("additionalProperties", {})]
    return next((_name(kind) for kind in kinds if "$ref" in kind), "")


def _name(field: dict[str, Any]) -> str:
    return str(field["$ref"].rpartition("/")[2])


def _sentence(field: dict[str, Any], definitions: dict[str, Any]) -> str:
    words = str(field.get("description") or definitions[_section(field)]["description"])
    if "pattern" in field:
        return f"{words} Text that fits {_code(field['pattern'])}; required."
    if not _section(field):
        return f"{words} Type: {_type(field, {})}; default: {_code(_plain(field['default']))}."
    return f"{words} By name, each with:" if "additionalProperties" in field else words


def _type(field: dict[str, Any], places: dict[str, str]) -> str:
    if "anyOf" in field:
        return " or ".join(_type(kind, places) for kind in field["anyOf"])
    if "$ref" in field:
        name = _name(field)
        return f"[{places.get(name, name)}](#{places.get(name, name).lower()})"
    if "enum" in field:
        return ", ".join(_code(choice) for choice in field["enum"])
    if "const" in field:
        return _code(field["const"])
    if field["type"] == "array":
        return f"list of {_type(field['items'], places)}s"
    if field["type"] == "object":
        return f"names, each with a {_type(field['additionalProperties'], places)}"
    return TYPES.get(field["type"], _code("null"))


def _bounds(field: dict[str, Any]) -> str:
    kinds = [field, *field.get("anyOf", [])]
    return ", ".join(f"{sign}&nbsp;{kind[name]:g}" for kind in kinds for name, sign in BOUNDS.items() if name in kind)


def _plain(default: Any) -> str:
    """The value as it is written in YAML, on one line."""
    return yaml.safe_dump(default, default_flow_style=True, sort_keys=False, width=1000).removesuffix("\n...\n").strip()


def _code(text: str) -> str:
    return f"`{text}`"


def _words(field: dict[str, Any]) -> str:
    return str(field.get("description", "")).replace("|", "\\|")


def main() -> None:
    """Write docs/settings.md."""
    Path(__file__).with_name("settings.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()

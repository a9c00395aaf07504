"""Writes docs/settings.md from the pydantic model: `python docs/make_settings.py`."""

from pathlib import Path

from flows.settings import NightSettings

lines = ["# Settings", "", "Made by `python docs/make_settings.py` from the model that checks them.", ""]
for name, field in NightSettings.model_fields.items():
    if name == "base_dir":
        continue
    lines += [f"## {name}", "", field.description or "", ""]
    section = field.annotation
    if hasattr(section, "model_fields"):
        lines += ["| setting | default | |", "|---|---|---|"]
        for key, part in section.model_fields.items():
            default = (
                "required"
                if part.is_required()
                else f"`{part.get_default(call_default_factory=True)}`".replace("|", "\\|")
            )
            lines.append(f"| `{key}` | {default} | {part.description or ''} |")
        lines.append("")
Path(__file__).with_name("settings.md").write_text("\n".join(lines), encoding="utf-8")

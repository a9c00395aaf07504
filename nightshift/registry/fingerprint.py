"""The fingerprint of a run: a digest of everything that decides its outcome, in parts, and the parts that changed."""

import hashlib
import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

from mlflow.artifacts import load_dict
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from nightshift import renamed_settings
from nightshift.records import Source
from nightshift.registry import tracking
from nightshift.store import runtime_environment
from nightshift.store.code_digest import code_digest

FILE = "fingerprint.json"
"""Artifact of a run: the parts of its fingerprint."""
EXCLUDED_SETTINGS = {"base_dir", "deadline", "max_age", "schedule", "execution", "notify"}
"""Settings that decide where and when a run takes place and who is told, not its result."""
DAY_IN_NAME = re.compile(r"\d{4}-\d\d-\d\d$")
"""Day at the end of a run's name: of a replayed run the day that was replayed."""
MAX_NAMES = 10
"""Number of changed names that are listed for a part."""


def fingerprint_parts(settings: Any, sources: dict[str, list[Source]], entrypoint: Path) -> dict[str, Any]:
    """Return the parts by name: data, settings, base model, teachers, code, environment and device.

    A part is a text, or a dictionary of values by name.
    """
    lines = [f"{name} {_identity(source)}" for name, files in sources.items() for source in files]
    return {
        "data": hashlib.sha256("\n".join(lines).encode()).hexdigest(),
        "settings": tracking.flatten(settings.model_dump(mode="json", exclude=EXCLUDED_SETTINGS)),
        "base_model": settings.train.base(),
        "teachers": settings.compress.bases(),
        "code": code_digest(entrypoint),
        "environment": runtime_environment.environment(),
        "device": runtime_environment.device(),
    }


def _identity(source: Source) -> str:
    """Return what a source contributes to the fingerprint: its side, its content and the columns of its folders."""
    columns = [json.dumps(source.partitions, sort_keys=True)] if source.partitions else []
    return " ".join([source.side, source.sha256, *columns])


def digest(part: Any) -> str:
    """Return the digest of one part, or of all parts."""
    return hashlib.sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()


def load(run: Run) -> dict[str, Any]:
    """Return the parts that an earlier run logged; empty if it logged none."""
    try:
        stored = dict(load_dict(f"runs:/{run.info.run_id}/{FILE}"))
    except (MlflowException, OSError):
        return {}
    if isinstance(settings := stored.get("settings"), dict):
        stored["settings"] = {renamed_settings.NEW_NAMES.get(name, name): value for name, value in settings.items()}
    return stored


def changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return the names of the parts that differ, each with the names of its values that differ."""
    return [
        name.replace("_", " ") + _changed_names(old.get(name), part)
        for name, part in new.items()
        if part != old.get(name)
    ]


def _changed_names(old: Any, new: Any) -> str:
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return ""
    names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    more = [f"{len(names) - MAX_NAMES} more"] if len(names) > MAX_NAMES else []
    return f" ({', '.join(names[:MAX_NAMES] + more)})"


def describe_changes(last: Run | None, new: dict[str, Any]) -> str:
    """Return a line with the parts that changed since the last finished run."""
    if last is None:
        return "no night has finished before"
    day_in_name = DAY_IN_NAME.search(last.info.run_name or "")
    day = day_in_name[0] if day_in_name else datetime.fromtimestamp(last.info.start_time / 1000).date()
    changed = changes(load(last), new)
    return (
        f"changed since the night of {day}: {', '.join(changed)}"
        if changed
        else f"nothing changed since the night of {day}"
    )

"""The night's fingerprint: all that decides its outcome, in parts, and which of them changed since a night before."""

import hashlib
import json
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
"""Artifact of a night's run: the parts."""
EXCLUDED_SETTINGS = {"base_dir", "deadline", "max_age"}
"""Settings that say where and when, not what comes out."""
MAX_NAMES = 10
"""Names that are told of a part, at most."""


def parts(settings: Any, sources: dict[str, list[Source]], entrypoint: Path) -> dict[str, Any]:
    """By name: data, settings, base model, teachers, code, environment and device; a text, or values by name."""
    data = "\n".join(f"{name} {source.side} {source.sha256}" for name, found in sources.items() for source in found)
    return {
        "data": hashlib.sha256(data.encode()).hexdigest(),
        "settings": tracking.flatten(settings.model_dump(mode="json", exclude=EXCLUDED_SETTINGS)),
        "base_model": settings.train.base(),
        "teachers": settings.compress.bases(),
        "code": code_digest(entrypoint),
        "environment": runtime_environment.environment(),
        "device": runtime_environment.device(),
    }


def digest(part: Any) -> str:
    """Of one part, or of all of them."""
    return hashlib.sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()


def load(run: Run) -> dict[str, Any]:
    """The parts of a night before; empty where it kept none."""
    try:
        stored = dict(load_dict(f"runs:/{run.info.run_id}/{FILE}"))
    except (MlflowException, OSError):
        return {}
    if isinstance(settings := stored.get("settings"), dict):
        stored["settings"] = {renamed_settings.NEW_NAMES.get(name, name): value for name, value in settings.items()}
    return stored


def changes(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """The parts that differ, each with the names of its values that do."""
    return [name.replace("_", " ") + _names(before.get(name), part)
            for name, part in now.items() if part != before.get(name)]  # fmt: skip


def _names(before: Any, now: Any) -> str:
    if not (isinstance(before, dict) and isinstance(now, dict)):
        return ""
    names = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    rest = [f"{len(names) - MAX_NAMES} more"] if len(names) > MAX_NAMES else []
    return f" ({', '.join(names[:MAX_NAMES] + rest)})"


def since(last: Run | None, now: dict[str, Any]) -> str:
    """One line: what changed since the last night that has finished."""
    if last is None:
        return "no night has finished before"
    day = datetime.fromtimestamp(last.info.start_time / 1000).date()
    found = changes(load(last), now)
    return (
        f"changed since the night of {day}: {', '.join(found)}"
        if found
        else f"nothing changed since the night of {day}"
    )

"""Checks of a finished artifact: its record is plain JSON of nightshift's own types, and its files are those of the record."""

import json
import logging
import shutil
import sys
from pathlib import Path
from typing import Any

from prefect.serializers import JSONSerializer
from pydantic import BaseModel

from nightshift.store import artifact_store

log = logging.getLogger("nightshift.stage")
JSON_SERIALIZER = JSONSerializer()
"""Serializer for all records: Prefect would use the one that a record names, such as pickle."""


def set_aside_damaged(path: str) -> None:
    """Rename a finished artifact whose record or files have changed since they were written, and log a warning.

    Prefect then has no record of it, and the stage runs again.
    """
    folder = artifact_store.root() / path
    try:
        reason = damage(folder, path)
    except FileNotFoundError:  # there is none, or another process replaces it in this moment
        return
    if reason:
        target = folder.with_name(folder.name + artifact_store.DAMAGED)
        shutil.rmtree(target, ignore_errors=True)
        folder.rename(target)
        log.warning("%s %s: it was moved to %s and is made anew", folder, reason, target.name)


def damage(folder: Path, path: str) -> str:
    """Return a description of what is wrong with a finished artifact; empty if nothing is."""
    types: list[str] = []

    def note_type(item: dict[str, Any]) -> dict[str, Any]:
        types.extend(str(item[name]) for name in ("__class__", "__exc_type__") if name in item)
        return item

    try:
        record = json.loads((folder / artifact_store.MARKER).read_bytes())
        data = json.loads(record["result"], object_hook=note_type)["data"]
        if record["metadata"]["serializer"] != JSON_SERIALIZER.model_dump() or not all(map(_is_record, types)):
            return "has a record that is not plain JSON of nightshift's own types"
        expected = [data[name] for name in ("path", "digest", "measured")]
    except (ValueError, KeyError, TypeError):
        return "has a record that cannot be read"
    if expected != [path, artifact_store.folder_digest(folder), artifact_store.measured_digest(folder)]:
        return "is damaged: its files are not those that were written"
    return ""


def _is_record(name: str) -> bool:
    """Return True if a type named in a record is one of nightshift's record classes; nothing is imported to find out."""
    module, _, attribute = name.rpartition(".")
    named_type = (
        getattr(sys.modules.get(module), attribute, None) if module.startswith(("nightshift.", "tasks.")) else None
    )
    return isinstance(named_type, type) and issubclass(named_type, BaseModel)

"""Results of a benchmark: a Markdown table and JSON in `benchmarks/results/`, with date, machine, versions and command."""

import json
import os
import platform
import shlex
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from nightshift.store.runtime_environment import processor

FOLDER = Path(__file__).parent / "results"
LIBRARIES = ("torch", "transformers", "accelerate", "onnxruntime")


def publish(name: str, arguments: list[str], measurements: dict[str, Any], folder: Path = FOLDER) -> dict[str, Any]:
    """Write `NAME.md` and `NAME.json`, and return the content of the JSON file.

    Args:
        name: Name of the benchmark.
        arguments: Arguments of the benchmark.
        measurements: Return value of the benchmark's `main`: `table` (a list of rows) and `notes`; optionally `runs` (the
            single measurements), `name` (the name of the files, if it is not that of the benchmark) and `more_tables` (lists of
            rows, by title).
        folder: Folder of the files.
    """
    record = {
        "name": name,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "versions": {"python": platform.python_version()} | {library: version(library) for library in LIBRARIES},
        "command": shlex.join(["nightshift", "bench", name, *arguments]),
    } | measurements
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{record['name']}.json").write_text(json.dumps(record, indent=1) + "\n")
    (folder / f"{record['name']}.md").write_text(page(record))
    return record


def run_as_script(name: str, main: Callable[[list[str]], dict[str, Any]]) -> None:
    """Run a GPU benchmark with the arguments of the process, for machines without the command `nightshift`."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--json"]
    record = publish(name, ["--device", "cuda", *arguments], main(arguments))
    print(page(record), end="")
    if "--json" in sys.argv:
        print(json.dumps(record))


def machine() -> dict[str, Any]:
    """Return processor, number of cores and GPU, None without one."""
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {"processor": processor(), "cores": os.cpu_count(), "gpu": gpu}


def page(record: dict[str, Any]) -> str:
    """Return a result as a Markdown page."""
    host, versions = record["machine"], record["versions"]
    machine_words = [f"{host['processor']}, {host['cores']} cores", *([host["gpu"]] if host["gpu"] else [])]
    packages = ", ".join(f"{name} {number}" for name, number in versions.items())
    notes = "".join(f"- {note}\n" for note in record["notes"])
    head = (
        f"# {record['name']}\n\n`{record['command']}`\n\n{record['date']}; {'; '.join(machine_words)}; {packages}.\n\n"
    )
    more = "".join(f"\n{title}\n\n{table(rows)}" for title, rows in record.get("more_tables", {}).items())
    return f"{head}{table(record['table'])}{more}\n{notes}"


def table(rows: list[dict[str, Any]]) -> str:
    """Return rows with the same keys as a Markdown table."""
    lines = [list(rows[0]), ["---"] * len(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int | float) else str(value)

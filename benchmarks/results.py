"""What a benchmark found: a Markdown table, kept under `benchmarks/results/` with date, machine, versions and command."""

import json
import os
import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "results"
LIBRARIES = ("torch", "transformers", "accelerate", "onnxruntime")


def publish(name: str, arguments: list[str], found: dict[str, Any], folder: Path = FOLDER) -> dict[str, Any]:
    """Write `NAME.md` and `NAME.json` into `folder`; the answer holds all that stands in them.

    `found` is what the benchmark's `main` gave: `table` (a list of rows), `notes`, perhaps `runs` (each single
    measurement) and `name`, where its results are not those of the benchmark's own name.
    """
    answer = {
        "name": name,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "versions": {"python": platform.python_version()} | {library: version(library) for library in LIBRARIES},
        "command": " ".join(["nightshift bench", name, *arguments]),
    } | found
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{answer['name']}.json").write_text(json.dumps(answer, indent=1) + "\n")
    (folder / f"{answer['name']}.md").write_text(page(answer))
    return answer


def alone(name: str, main: Callable[[list[str]], dict[str, Any]]) -> None:
    """Run a GPU's benchmark by the arguments of the process, where nightshift's command is not installed."""
    told = [argument for argument in sys.argv[1:] if argument != "--json"]
    answer = publish(name, ["--device", "cuda", *told], main(told))
    print(page(answer), end="")
    if "--json" in sys.argv:
        print(json.dumps(answer))


def machine() -> dict[str, Any]:
    """Processor, cores, and the GPU where there is one."""
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {"processor": _processor(), "cores": os.cpu_count(), "gpu": gpu}


def _processor() -> str:
    known = Path("/proc/cpuinfo")
    lines = known.read_text().splitlines() if known.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def page(answer: dict[str, Any]) -> str:
    """The whole result as Markdown."""
    place, versions = answer["machine"], answer["versions"]
    where = [f"{place['processor']}, {place['cores']} cores", *([place["gpu"]] if place["gpu"] else [])]
    told = ", ".join(f"{name} {number}" for name, number in versions.items())
    notes = "".join(f"- {note}\n" for note in answer["notes"])
    head = f"# {answer['name']}\n\n`{answer['command']}`\n\n{answer['date']}; {'; '.join(where)}; {told}.\n\n"
    return f"{head}{table(answer['table'])}\n{notes}"


def table(rows: list[dict[str, Any]]) -> str:
    """Rows with the same keys as a Markdown table."""
    lines = [list(rows[0]), ["---"] * len(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int | float) else str(value)

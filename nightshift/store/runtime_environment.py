"""The installed packages and the device, on which the result of a stage depends besides its inputs and code."""

import platform
import re
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PINS = Path(__file__).parents[2] / "requirements.txt"
"""The file beside pyproject.toml: nightshift is installed editable, never from a wheel."""


@cache
def environment() -> dict[str, str]:
    """Return the version of Python and of each package that requirements.txt pins, `none` if it is not installed."""
    names = re.findall(r"^([\w.-]+)==", PINS.read_text(encoding="utf-8"), re.MULTILINE)
    return {"python": platform.python_version()} | {name: _installed(name) for name in names}


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def device() -> str:
    """Return `cpu`, or `cuda` with the name of the GPU."""
    import torch

    return f"cuda {torch.cuda.get_device_name()}" if torch.cuda.is_available() else "cpu"


def processor() -> str:
    """Return the name of the processor."""
    try:
        names = re.findall(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()

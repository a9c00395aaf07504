"""What a stage's outcome depends on beside its inputs and its code: the packages that are installed, and the device."""

import platform
import re
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

PINS = Path(__file__).parents[2] / "requirements.txt"
"""Lies beside pyproject.toml: nightshift is installed editable, never from a wheel."""


@cache
def environment() -> dict[str, str]:
    """The installed version, or `none`, of every package that requirements.txt pins, and Python's own."""
    names = re.findall(r"^([\w.-]+)==", PINS.read_text(encoding="utf-8"), re.MULTILINE)
    return {"python": platform.python_version()} | {name: _installed(name) for name in names}


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def device() -> str:
    """`cpu`, or `cuda` with the name of the GPU."""
    return f"cuda {torch.cuda.get_device_name()}" if torch.cuda.is_available() else "cpu"

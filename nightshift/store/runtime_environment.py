"""The installed packages and the device, on which the result of a stage depends besides its inputs and code."""

import platform
import re
import runpy
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
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
    """Return `cpu`, or `cuda` with the name of the GPU; a build of PyTorch without GPUs is not imported for that."""
    if not _is_built_for_gpus():
        return "cpu"
    import torch

    return f"cuda {torch.cuda.get_device_name()}" if torch.cuda.is_available() else "cpu"


@cache
def _is_built_for_gpus() -> bool:
    """Return True unless PyTorch's own file `version.py` says that it was built without CUDA and ROCm."""
    package = find_spec("torch")
    if package is None or not package.submodule_search_locations:
        return False
    build = runpy.run_path(str(Path(package.submodule_search_locations[0]) / "version.py"))
    return build.get("cuda") is not None or build.get("hip") is not None


def processor() -> str:
    """Return the name of the processor."""
    try:
        names = re.findall(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()

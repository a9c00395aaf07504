"""Memory and load time of a model, measured in a fresh process."""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

TEXT = "a text of a dozen words or so, as one may find in any data set"
BATCH = 32
WEIGHT_FILES = (".onnx", ".onnx.data", ".safetensors")
"""Suffixes of the files that hold a model; a graph of more than 2 GB has its weights in a file beside it."""


def size_mb(folder: Path) -> float:
    """Return the size of a folder's model files, in 10^6 bytes."""
    return sum(file.stat().st_size for file in folder.iterdir() if file.name.endswith(WEIGHT_FILES)) / 1e6


def measure(folder: Path) -> dict[str, float]:
    """Measure an exported folder, or a checkpoint, which PyTorch loads.

    Returns:
        `memory_mb`: peak of the process after it predicted 32 texts at once, libraries included, in 10^6 bytes;
        `load_ms`: time to load the model.
    """
    command = [sys.executable, "-P", "-m", "nightshift.inference.footprint", str(folder)]
    process = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    footprint: dict[str, float] = json.loads(process.stdout.splitlines()[-1])
    return footprint


def _load(folder: Path) -> tuple[Any, float]:
    """Return a predictor, and the time at which its libraries were imported."""
    if (folder / "model.onnx").exists():
        from nightshift.inference.predictor import OnnxPredictor

        start_time = time.perf_counter()
        return OnnxPredictor(folder), start_time
    from nightshift.inference import writer
    from nightshift.inference.measurement import TorchPredictor, device
    from nightshift.models import pretrained

    start_time = time.perf_counter()
    if (folder / writer.SETTINGS).exists():
        return writer.GenerativePredictor(folder), start_time
    model, tokenizer, heads = pretrained.load_checkpoint(folder)
    if any(head.generative for head in heads.values()):
        model.to(device())
    return TorchPredictor(model, tokenizer, heads, max_length=128), start_time


def _main(folder: Path) -> None:
    predictor, start_time = _load(folder)
    load_ms = 1000 * (time.perf_counter() - start_time)
    name = predictor.main
    head = predictor.heads[name]
    texts = [TEXT] * BATCH
    if head.kind in ("generation", "text2text"):
        predictor.continuations(texts, name, max_new_tokens=1)
    else:
        predictor.scores(texts, texts if head.pairs else None, name)
    print(json.dumps({"memory_mb": _peak_bytes() / 1e6, "load_ms": load_ms}))


def _peak_bytes() -> int:
    """Return the peak memory of this process; on Linux ru_maxrss would start at the memory of the parent process."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    _main(Path(sys.argv[1]))

"""What it takes to load a model, told by a fresh process: its peak memory, and the time until it can answer."""

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
"""Endings of the files that hold a model; a graph of more than 2 GB has its weights in a file beside it."""


def size_mb(folder: Path) -> float:
    """Return the size of a folder's model files, in 10^6 bytes."""
    return sum(file.stat().st_size for file in folder.iterdir() if file.name.endswith(WEIGHT_FILES)) / 1e6


def measure(folder: Path) -> dict[str, float]:
    """`memory_mb`: the process's peak after it answered 32 texts at once, libraries included; `load_ms`: opening the folder.

    `folder`: one that is served, or a checkpoint, which PyTorch loads.
    """
    command = [sys.executable, "-P", "-m", "nightshift.inference.footprint", str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _opened(folder: Path) -> tuple[Any, float]:
    """A predictor, and the seconds since its libraries were there."""
    if (folder / "model.onnx").exists():
        from nightshift.inference.predictor import OnnxPredictor

        begun = time.perf_counter()
        return OnnxPredictor(folder), begun
    from nightshift.inference import generative
    from nightshift.inference.measurement import TorchPredictor, device
    from nightshift.models import pretrained

    begun = time.perf_counter()
    if (folder / generative.SETTINGS).exists():
        return generative.GenerativePredictor(folder), begun
    model, tokenizer, heads = pretrained.load_checkpoint(folder)
    if any(head.generative for head in heads.values()):
        model.to(device())
    return TorchPredictor(model, tokenizer, heads, max_length=128), begun


def _main(folder: Path) -> None:
    predictor, begun = _opened(folder)
    loaded = time.perf_counter() - begun
    name = predictor.main
    head = predictor.heads[name]
    texts = [TEXT] * BATCH
    if head.kind in ("generation", "text2text"):
        predictor.continuations(texts, name, max_new_tokens=1)
    else:
        predictor.scores(texts, texts if head.pairs else None, name)
    print(json.dumps({"memory_mb": _peak() / 1e6, "load_ms": loaded * 1000}))


def _peak() -> int:
    """Bytes; Linux's ru_maxrss would begin at what the process that started this one held."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    _main(Path(sys.argv[1]))

"""Whether `torch.compile` pays for itself: measured on the training's own batches, and only where it runs for long."""

import copy
import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

log = logging.getLogger("nightshift.training")
SHORT = 900.0
"""Seconds: a training expected to be shorter is not compiled, nor is compiling tried."""
GAIN = 0.95
"""Share of the uncompiled time that a compiled training, with the compilation, may take at most."""
BACKEND = "inductor"
Pass = Callable[[Any, Any], torch.Tensor]
"""From a model and a batch to its loss."""


@contextmanager
def compiled(model: Any) -> Iterator[None]:
    """Within it, a call of `model` is compiled, for batches of any length."""
    model.compile(dynamic=True, backend=BACKEND)
    try:
        yield
    finally:
        model._compiled_call_impl = None


def is_worthwhile(model: Any, loss: Pass, batches: Iterable[Any], steps: int) -> bool:
    """Time forward and backward over `batches` without and with compilation, on a copy, and reckon for `steps` steps."""
    known = list(batches)
    _run(model, loss, known)
    eager = _run(model, loss, known)
    model.zero_grad()
    if eager * steps < SHORT:
        return False
    trial = copy.deepcopy(model)
    with compiled(trial):
        try:
            compiling = _run(trial, loss, known) * len(known)
        except RuntimeError as error:
            log.warning("not compiled: %s", str(error).splitlines()[0])
            return False
        fast = _run(trial, loss, known)
    found = compiling + fast * steps < GAIN * eager * steps
    log.info("torch.compile: %.0f ms a step against %.0f, %.0f s to compile: %s",
             fast * 1000, eager * 1000, compiling, "used" if found else "not used")  # fmt: skip
    return found


def _run(model: Any, loss: Pass, batches: list[Any]) -> float:
    """Seconds a batch."""
    begun = time.perf_counter()
    for batch in batches:
        loss(model, batch).backward()  # type: ignore[no-untyped-call]
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return (time.perf_counter() - begun) / len(batches)


def cached_decision(file: Path, decide: Callable[[], bool]) -> bool:
    """The decision in `file`; made and kept there where there is none, so that the same training run again decides alike."""
    if not file.exists():
        beside = file.with_name(file.name + ".partial")
        beside.write_text(json.dumps(decide()))
        beside.replace(file)
    return bool(json.loads(file.read_text()))

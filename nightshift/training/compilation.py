"""Decision on `torch.compile`: measured on batches of the training, and only if the training is long."""

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
MIN_SECONDS = 900.0
"""Expected duration of a training below which compilation is not tried."""
MAX_TIME_RATIO = 0.95
"""Largest ratio of a compiled training's time, with the compilation, to the uncompiled time."""
BACKEND = "inductor"
LossFunction = Callable[[Any, Any], torch.Tensor]
"""Returns the loss of a model on a batch."""


@contextmanager
def compiled(model: Any) -> Iterator[None]:
    """Compile `model`, for batches of any length, within the block."""
    model.compile(dynamic=True, backend=BACKEND)
    try:
        yield
    finally:
        model._compiled_call_impl = None


def is_worthwhile(model: Any, loss: LossFunction, batches: Iterable[Any], steps: int) -> bool:
    """Return True if compilation shortens a training, measured by forward and backward passes of a copy.

    Args:
        model: The model, on its device and in training mode.
        loss: Computes the loss of a model on a batch.
        batches: Batches to measure on.
        steps: Number of steps of the training.
    """
    batches = list(batches)
    _seconds_per_batch(model, loss, batches)
    eager = _seconds_per_batch(model, loss, batches)
    model.zero_grad()
    if eager * steps < MIN_SECONDS:
        return False
    copied_model = copy.deepcopy(model)
    with compiled(copied_model):
        try:
            compilation = _seconds_per_batch(copied_model, loss, batches) * len(batches)
        except RuntimeError as error:
            log.warning("not compiled: %s", str(error).splitlines()[0])
            return False
        fast = _seconds_per_batch(copied_model, loss, batches)
    worthwhile = compilation + fast * steps < MAX_TIME_RATIO * eager * steps
    log.info(
        "torch.compile: %.0f ms a step against %.0f, %.0f s to compile: %s",
        fast * 1000,
        eager * 1000,
        compilation,
        "used" if worthwhile else "not used",
    )
    return worthwhile


def _seconds_per_batch(model: Any, loss: LossFunction, batches: list[Any]) -> float:
    start = time.perf_counter()
    for batch in batches:
        loss(model, batch).backward()  # type: ignore[no-untyped-call]
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / len(batches)


def cached_decision(file: Path, decide: Callable[[], bool]) -> bool:
    """Return the decision in `file`; make and store it if there is none, so that a repeated training decides alike."""
    if not file.exists():
        partial = file.with_name(file.name + ".partial")
        partial.write_text(json.dumps(decide()))
        partial.replace(file)
    return bool(json.loads(file.read_text()))

"""How far long work is: of a training one bar in a terminal, a line every half minute in a log."""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from tqdm.auto import tqdm  # type: ignore[import-untyped]
from transformers import TrainerCallback

log = logging.getLogger("nightshift.progress")
SHOWN = {"loss": "loss", "eval_loss": "validation loss"}
PAUSE = 30.0
"""Seconds between two lines."""


Publish = Callable[[float, str], None]
"""Shows how far a training is: the share that is done, 0 to 1, and the step, the losses and the time left in words."""
_publisher_factory: ContextVar[Callable[[], Publish]] = ContextVar(
    "publisher_factory", default=lambda: lambda _share, _words: None
)


@contextmanager
def publish_progress_with(factory: Callable[[], Publish]) -> Iterator[None]:
    """Show the progress of every training within the block by a publisher of its own, made by `factory`."""
    token = _publisher_factory.set(factory)
    try:
        yield
    finally:
        _publisher_factory.reset(token)


def new_publisher() -> Publish:
    """Return what shows the progress of one training; it does nothing outside a `published_by` block."""
    return _publisher_factory.get()()


class ProgressCallback(TrainerCallback):  # type: ignore[misc]
    """A progress bar in place of the Trainer's own, which writes a line for every log of a loss.

    `publish` is called at the start, every half minute and at the end.
    """

    def __init__(self, name: str, publish: Publish = lambda share, words: None) -> None:
        self.name, self.publish = name, publish
        self.losses: dict[str, str] = {}

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Start where the training starts or goes on."""
        self.bar = tqdm(
            total=state.max_steps, initial=state.global_step, desc=self.name, unit="step",
            disable=not sys.stderr.isatty(), dynamic_ncols=True,
        )  # fmt: skip
        self.begun, self.first = time.monotonic(), state.global_step
        self.told = self.begun
        self.publish(state.global_step / state.max_steps, self._words(state, "just begun"))

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Move the bar, and tell where half a minute has gone by."""
        self.bar.update(1)
        now = time.monotonic()
        if now - self.told >= PAUSE:
            self.told = now
            left = (now - self.begun) / (state.global_step - self.first) * (state.max_steps - state.global_step)
            words = self._words(state, _left(left))
            if self.bar.disable:
                log.info("%s", words)
            self.publish(state.global_step / state.max_steps, words)

    def _words(self, state: Any, left: str) -> str:
        losses = [f"{name} {value}" for name, value in self.losses.items()]
        return ", ".join([f"{self.name}: step {state.global_step} of {state.max_steps}", *losses, left])

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Note the last losses."""
        self.losses |= {SHOWN[name]: f"{value:.3f}" for name, value in (logs or {}).items() if name in SHOWN}
        self.bar.set_postfix(self.losses, refresh=False)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Close the bar."""
        self.bar.close()
        self.publish(1.0, self._words(state, f"done in {time.monotonic() - self.begun:.0f} s"))


def slices(name: str, rows: int, size: int = 4096) -> Iterator[slice]:
    """`rows` in slices of at most `size`, with a line every half minute on how far one is."""
    begun = told = time.monotonic()
    for start in range(0, rows, size):
        if start and (now := time.monotonic()) - told >= PAUSE:
            told = now
            left = _left((now - begun) / start * (rows - start))
            log.info("%s: %s of %s rows, %s", name, f"{start:,}", f"{rows:,}", left)
        yield slice(start, start + size)


def _left(seconds: float) -> str:
    return f"about {seconds:.0f} s left" if seconds < 120 else f"about {seconds / 60:.0f} min left"

"""Progress of long work: a bar in a terminal, otherwise a log line every half minute."""

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
LOSS_NAMES = {"loss": "loss", "eval_loss": "validation loss"}
PAUSE = 30.0
"""Seconds between two lines."""
PART_ROWS = 4096
"""Maximum number of rows that are predicted at once."""


Publish = Callable[[float, str], None]
"""Publishes the progress of a training: the share that is done, 0 to 1, and a text with step, losses and time left."""
_publisher_factory: ContextVar[Callable[[], Publish]] = ContextVar(
    "publisher_factory", default=lambda: lambda _share, _text: None
)


@contextmanager
def publish_progress_with(factory: Callable[[], Publish]) -> Iterator[None]:
    """Publish the progress of every training within the block by a publisher of its own, made by `factory`."""
    token = _publisher_factory.set(factory)
    try:
        yield
    finally:
        _publisher_factory.reset(token)


def new_publisher() -> Publish:
    """Return a publisher for one training; it does nothing outside a `publish_progress_with` block."""
    return _publisher_factory.get()()


class ProgressCallback(TrainerCallback):  # type: ignore[misc]
    """Progress bar in place of the Trainer's own, which writes a line whenever it logs a loss.

    Args:
        name: Text before the bar and the lines.
        publish: Called at the start, every half minute and at the end.
    """

    def __init__(self, name: str, publish: Publish = lambda _share, _text: None) -> None:
        self.name, self.publish = name, publish
        self.losses: dict[str, str] = {}

    def on_train_begin(self, _args: Any, state: Any, _control: Any, **_kwargs: Any) -> None:
        """Start the bar at the step where training starts or resumes."""
        self.bar = tqdm(
            total=state.max_steps,
            initial=state.global_step,
            desc=self.name,
            unit="step",
            disable=not sys.stderr.isatty(),
            dynamic_ncols=True,
        )
        self.start, self.first_step = time.monotonic(), state.global_step
        self.last_line = self.start
        self.publish(state.global_step / state.max_steps, self._text(state, "just begun"))

    def on_step_end(self, _args: Any, state: Any, _control: Any, **_kwargs: Any) -> None:
        """Advance the bar; log and publish if half a minute has passed."""
        self.bar.update(1)
        now = time.monotonic()
        if now - self.last_line >= PAUSE:
            self.last_line = now
            seconds_per_step = (now - self.start) / (state.global_step - self.first_step)
            text = self._text(state, _time_left(seconds_per_step * (state.max_steps - state.global_step)))
            if self.bar.disable:
                log.info("%s", text)
            self.publish(state.global_step / state.max_steps, text)

    def _text(self, state: Any, time_left: str) -> str:
        losses = [f"{name} {value}" for name, value in self.losses.items()]
        return ", ".join([f"{self.name}: step {state.global_step} of {state.max_steps}", *losses, time_left])

    def on_log(
        self, _args: Any, _state: Any, _control: Any, logs: dict[str, Any] | None = None, **_kwargs: Any
    ) -> None:
        """Keep the last losses for the bar and the lines."""
        losses = {name: value for name, value in (logs or {}).items() if name in LOSS_NAMES}
        self.losses |= {LOSS_NAMES[name]: f"{value:.3f}" for name, value in losses.items()}
        self.bar.set_postfix(self.losses, refresh=False)

    def on_train_end(self, _args: Any, state: Any, _control: Any, **_kwargs: Any) -> None:
        """Close the bar."""
        self.bar.close()
        self.publish(1.0, self._text(state, f"done in {time.monotonic() - self.start:.0f} s"))


class RowProgress:
    """Progress of work on rows: a log line every half minute, with the time left.

    Args:
        name: Text before the line.
        rows: Number of rows.
    """

    def __init__(self, name: str, rows: int) -> None:
        self.name, self.rows, self.done = name, rows, 0
        self.start_time = self.last_line = time.monotonic()

    def advance(self, rows: int) -> None:
        """Note that so many more rows are done."""
        self.done += rows
        now = time.monotonic()
        if self.done < self.rows and now - self.last_line >= PAUSE:
            self.last_line = now
            time_left = _time_left((now - self.start_time) / self.done * (self.rows - self.done))
            log.info("%s: %s of %s rows, %s", self.name, f"{self.done:,}", f"{self.rows:,}", time_left)


def slices(name: str, rows: int, size: int = PART_ROWS) -> Iterator[slice]:
    """Yield slices of at most `size` of `rows` rows, and log the progress every half minute."""
    progress = RowProgress(name, rows)
    for start in range(0, rows, size):
        yield slice(start, start + size)
        progress.advance(size)


def _time_left(seconds: float) -> str:
    return f"about {seconds:.0f} s left" if seconds < 120 else f"about {seconds / 60:.0f} min left"

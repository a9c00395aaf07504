"""Callbacks that stop a training before its last step: on a signal, at a deadline, or because of its loss."""

import logging
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import isfinite
from typing import Any

from torch import nn
from transformers import TrainerCallback, TrainerState

log = logging.getLogger("nightshift.training")
SMOOTHING_STEPS = 20
"""Steps over which a loss is averaged to detect divergence."""
DIVERGENCE_RATIO = 2.0
"""Ratio to the loss of the first steps above which a loss diverges."""


class TrainingFailed(ValueError):
    """A loss is not finite, or diverges.

    Args:
        message: Text of the error.
        objective: Name of the objective whose loss it is.
        rows: Indices of the batch's rows among the examples.
    """

    def __init__(self, message: str, objective: str, rows: list[int]) -> None:
        super().__init__(message)
        self.objective, self.rows = objective, rows

    def __reduce__(self) -> tuple[type["TrainingFailed"], tuple[str, str, list[int]]]:
        """Let another process raise it here."""
        return type(self), (str(self), self.objective, self.rows)


class Interrupted(BaseException):
    """The process got SIGTERM: training has saved a checkpoint and stopped."""


class StepCallback(TrainerCallback):  # type: ignore[misc]
    """Call `check` after every step; an exception that it raises ends the training."""

    def __init__(self, check: Callable[[], None]) -> None:
        self.check = check

    def on_step_end(self, _args: Any, _state: Any, _control: Any, **_kwargs: Any) -> None:
        """Call `check`."""
        self.check()


class LossMonitor:
    """Check of each micro-batch's loss, one step late so that a GPU is not waited for.

    Args:
        chance_losses: Loss of chance predictions, by objective. A loss below twice that does not diverge, however low
            it was at the start.
    """

    def __init__(self, chance_losses: Mapping[str, float]) -> None:
        self.chance_losses = chance_losses
        self.pending: tuple[int, Any, str, list[int]] | None = None
        self.last_batch: tuple[str, list[int]] = ("", [])
        self.first: dict[str, list[float]] = {name: [] for name in chance_losses}
        self.recent: dict[str, deque[float]] = {name: deque(maxlen=SMOOTHING_STEPS) for name in chance_losses}

    def record(self, step: int, loss: Any, objective: str, rows: list[int]) -> None:
        """Record a loss, and check the one before.

        Args:
            step: Number of the step.
            loss: A number, or a tensor of one number.
            objective: Name of the batch's objective.
            rows: Indices of the batch's rows among the examples.

        Raises:
            TrainingFailed: The loss before is not finite, or diverges.
        """
        self.check()
        self.pending, self.last_batch = (step, loss, objective, rows), (objective, rows)

    def check(self) -> None:
        """Check the loss that was recorded last; raise TrainingFailed if it is not finite, or diverges."""
        if self.pending is None:
            return
        (step, loss, objective, rows), self.pending = self.pending, None
        value = float(loss)
        if not isfinite(value):
            raise TrainingFailed(f"the loss is {value} at step {step}", objective, rows)
        first, recent = self.first[objective], self.recent[objective]
        recent.append(value)
        if len(first) < SMOOTHING_STEPS:
            first.append(value)
        mean, start = sum(recent) / len(recent), sum(first) / len(first)
        if len(recent) == SMOOTHING_STEPS and mean > DIVERGENCE_RATIO * max(start, self.chance_losses[objective]):
            raise TrainingFailed(
                f"the loss diverges: {mean:.3g} at step {step}, {start:.3g} over the first {SMOOTHING_STEPS} steps",
                objective,
                rows,
            )

    def ensure_finite_weights(self, step: int, model: nn.Module) -> None:
        """Raise TrainingFailed if a weight is not finite; a step can damage the weights after a finite loss."""
        if not all(bool(weight.isfinite().all()) for weight in model.parameters()):
            raise TrainingFailed(f"the weights are not finite after step {step}", *self.last_batch)


class StopOnSignal(TrainerCallback):  # type: ignore[misc]
    """Save a checkpoint and stop at the end of the step in which SIGTERM arrived."""

    requested = False

    def on_step_end(self, _args: Any, state: Any, control: Any, **_kwargs: Any) -> None:
        """Save and stop if the signal has arrived."""
        if self.requested:
            control.should_save = control.should_training_stop = True


@contextmanager
def checkpoint_on_sigterm(single_process: bool) -> Iterator[StopOnSignal]:
    """Save a checkpoint if SIGTERM arrives within the block; deliver the signal afterwards as it would have been.

    This happens only in the main thread of a training with a single process; several would have to stop at the same
    step.
    """
    callback = StopOnSignal()
    if not single_process or threading.current_thread() is not threading.main_thread():
        yield callback
        return

    def request_stop(_number: int, _frame: Any) -> None:
        log.warning("SIGTERM: saving a checkpoint after this step")
        callback.requested = True

    previous_handler = signal.signal(signal.SIGTERM, request_stop)
    try:
        yield callback
    finally:
        signal.signal(signal.SIGTERM, previous_handler)
    if callback.requested:
        os.kill(os.getpid(), signal.SIGTERM)
        raise Interrupted("SIGTERM")


class Deadline(TrainerCallback):  # type: ignore[misc]
    """Evaluate, save and stop at `timestamp`, in seconds since the epoch."""

    expired = False

    def __init__(self, timestamp: float) -> None:
        self.timestamp = timestamp

    def on_step_end(self, _args: Any, state: Any, control: Any, **_kwargs: Any) -> None:
        """Stop if the deadline has passed."""
        if time.time() >= self.timestamp and state.global_step < state.max_steps:
            self.expired = True
            control.should_evaluate = control.should_save = control.should_training_stop = True


class EpochCheckpoints(TrainerCallback):  # type: ignore[misc]
    """Save the end of each epoch together with its evaluation, so that the best of the evaluated weights can be loaded.

    A checkpoint of an epoch's last step always holds that epoch's evaluation, so a training resumed from it knows the
    best so far. It has to come after the other callbacks.

    Args:
        steps: Steps of an epoch.
        patience: Evaluations without a better one after which training stops; None trains to the end.
    """

    def __init__(self, steps: int, patience: int | None = None) -> None:
        self.steps, self.patience = steps, patience

    def _is_epoch_end(self, state: Any) -> bool:
        return bool(state.global_step % self.steps == 0 or state.global_step >= state.max_steps)

    def on_step_end(self, _args: Any, state: Any, control: Any, **_kwargs: Any) -> None:
        """Leave saving and evaluating to the epoch's end if this step is its last."""
        if self._is_epoch_end(state):
            control.should_evaluate = control.should_save = False

    def on_epoch_end(self, _args: Any, state: Any, control: Any, **_kwargs: Any) -> None:
        """Evaluate and save; an epoch that was stopped midway has no end."""
        control.should_evaluate = control.should_save = self._is_epoch_end(state)

    def on_save(self, _args: Any, state: Any, control: Any, **_kwargs: Any) -> None:
        """Stop if patience has run out."""
        if self.is_over(state):
            control.should_training_stop = True

    def is_over(self, state: TrainerState) -> bool:
        """Return True if a training in this state has run out of patience."""
        return self.patience is not None and evaluations_since_best(state) >= self.patience


def evaluations_since_best(state: TrainerState) -> int:
    """Return the number of evaluations after the best one."""
    return sum("eval_loss" in line and line["step"] > (state.best_global_step or 0) for line in state.log_history)

"""What ends a training before its last step: a signal, a deadline, a loss that is none."""

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
SMOOTHED = 20
"""Steps over which a loss is averaged before it is called diverging."""
DIVERGED = 2.0
"""Times the loss of the first steps at which it is."""


class TrainingFailed(ValueError):
    """The loss is not finite, or has grown beyond all measure; `rows` are the batch's rows among the examples."""

    def __init__(self, words: str, objective: str, rows: list[int]) -> None:
        super().__init__(words)
        self.objective, self.rows = objective, rows


class Interrupted(BaseException):
    """SIGTERM came: the training has saved a checkpoint and stopped."""


class StepCallback(TrainerCallback):  # type: ignore[misc]
    """Calls `check` after every step; what it raises ends the training."""

    def __init__(self, check: Callable[[], None]) -> None:
        self.check = check

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Call it."""
        self.check()


class LossMonitor:
    """Looks at each micro-batch's loss one step late, so that a GPU is not waited for.

    `chance` is what knowing nothing costs, by objective: below twice that no loss is called diverging, however low
    it began.
    """

    def __init__(self, chance: Mapping[str, float]) -> None:
        self.chance = chance
        self.pending: tuple[int, Any, str, list[int]] | None = None
        self.last: tuple[str, list[int]] = ("", [])
        self.first: dict[str, list[float]] = {name: [] for name in chance}
        self.recent: dict[str, deque[float]] = {name: deque(maxlen=SMOOTHED) for name in chance}

    def record(self, step: int, loss: Any, objective: str, rows: list[int]) -> None:
        """Take in a loss, and judge the one before; raises TrainingFailed."""
        self.check()
        self.pending, self.last = (step, loss, objective, rows), (objective, rows)

    def check(self) -> None:
        """Judge the loss taken in last; raises TrainingFailed."""
        if self.pending is None:
            return
        (step, loss, objective, rows), self.pending = self.pending, None
        value = float(loss)
        if not isfinite(value):
            raise TrainingFailed(f"the loss is {value} at step {step}", objective, rows)
        first, recent = self.first[objective], self.recent[objective]
        recent.append(value)
        if len(first) < SMOOTHED:
            first.append(value)
        mean, start = sum(recent) / len(recent), sum(first) / len(first)
        if len(recent) == SMOOTHED and mean > DIVERGED * max(start, self.chance[objective]):
            raise TrainingFailed(
                f"the loss diverges: {mean:.3g} at step {step}, {start:.3g} over the first {SMOOTHED} steps",
                objective,
                rows,
            )

    def ensure_finite_weights(self, step: int, model: nn.Module) -> None:
        """Before a checkpoint: the step may have spoiled the weights after a sound loss; raises TrainingFailed."""
        if not all(bool(weight.isfinite().all()) for weight in model.parameters()):
            raise TrainingFailed(f"the weights are not finite after step {step}", *self.last)


class StopOnSignal(TrainerCallback):  # type: ignore[misc]
    """After SIGTERM the step is ended, a checkpoint saved, and the training stopped."""

    asked = False

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Save and stop, where the signal came."""
        if self.asked:
            control.should_save = control.should_training_stop = True


@contextmanager
def checkpoint_on_sigterm(alone: bool) -> Iterator[StopOnSignal]:
    """While the block runs SIGTERM asks for a checkpoint first; afterwards it is delivered as it would have been.

    Only in the main thread of a training that has one process (`alone`); of several all would have to stop at the same step.
    """
    stop = StopOnSignal()
    if not alone or threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def ask(_number: int, _frame: Any) -> None:
        log.warning("SIGTERM: saving a checkpoint after this step")
        stop.asked = True

    before = signal.signal(signal.SIGTERM, ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGTERM, before)
    if stop.asked:
        os.kill(os.getpid(), signal.SIGTERM)
        raise Interrupted("SIGTERM")


class Deadline(TrainerCallback):  # type: ignore[misc]
    """At `at` (seconds since the epoch) the model is evaluated and saved, and the training stops."""

    reached = False

    def __init__(self, at: float) -> None:
        self.at = at

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Stop when the time has come."""
        if time.time() >= self.at and state.global_step < state.max_steps:
            self.reached = True
            control.should_evaluate = control.should_save = control.should_training_stop = True


class EpochCheckpoints(TrainerCallback):  # type: ignore[misc]
    """Saves the end of each epoch together with its evaluation, so that the best of what was evaluated can be taken.

    A checkpoint of an epoch's last step always holds that epoch's evaluation: what is resumed from it knows the best so
    far. With `patience` the training stops after as many evaluations without a better one. Comes after the other callbacks.

    Args:
        steps: Steps of an epoch.
        patience: Evaluations without a better one after which the training stops; None trains to the end.
    """

    def __init__(self, steps: int, patience: int | None = None) -> None:
        self.steps, self.patience = steps, patience

    def _is_end(self, state: Any) -> bool:
        return bool(state.global_step % self.steps == 0 or state.global_step >= state.max_steps)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Leave saving and evaluating to the epoch's end, where this step is its last."""
        if self._is_end(state):
            control.should_evaluate = control.should_save = False

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Evaluate and save; an epoch that was stopped midway has no end."""
        control.should_evaluate = control.should_save = self._is_end(state)

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Stop, where the metric has not become better for long enough."""
        if self.is_over(state):
            control.should_training_stop = True

    def is_over(self, state: TrainerState) -> bool:
        """Return True if a training in this state has run out of patience."""
        return self.patience is not None and evaluations_since_best(state) >= self.patience


def evaluations_since_best(state: TrainerState) -> int:
    """Return how many evaluations have followed the best one."""
    return sum("eval_loss" in line and line["step"] > (state.best_global_step or 0) for line in state.log_history)

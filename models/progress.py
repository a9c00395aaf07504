"""How far a training is: one bar in a terminal, a line every half minute in a log."""

import logging
import sys
import time
from typing import Any

from tqdm.auto import tqdm  # type: ignore[import-untyped]
from transformers import TrainerCallback

log = logging.getLogger("nightshift.progress")
SHOWN = {"loss": "loss", "eval_loss": "validation_loss"}
PAUSE = 30.0
"""Seconds between two lines in a log."""


class Progress(TrainerCallback):  # type: ignore[misc]
    """Stands in for the Trainer's own bar, which writes a line for every log of a loss."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.losses: dict[str, str] = {}

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Start where the training starts or goes on."""
        self.bar = tqdm(
            total=state.max_steps, initial=state.global_step, desc=self.name, unit="step",
            disable=not sys.stderr.isatty(), dynamic_ncols=True,
        )  # fmt: skip
        self.begun, self.first = time.monotonic(), state.global_step
        self.told = self.begun

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Move the bar, or tell where half a minute has gone by."""
        self.bar.update(1)
        now = time.monotonic()
        if self.bar.disable and now - self.told >= PAUSE:
            self.told = now
            left = (now - self.begun) / (state.global_step - self.first) * (state.max_steps - state.global_step)
            losses = ", ".join(f"{name} {value}" for name, value in self.losses.items())
            log.info("%s: step %d of %d, %s, about %s left", self.name, state.global_step, state.max_steps,
                     losses or "no loss yet", f"{left:.0f} s" if left < 120 else f"{left / 60:.0f} min")  # fmt: skip

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Note the last losses."""
        self.losses |= {SHOWN[name]: f"{value:.3f}" for name, value in (logs or {}).items() if name in SHOWN}
        self.bar.set_postfix(self.losses, refresh=False)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Close the bar."""
        self.bar.close()

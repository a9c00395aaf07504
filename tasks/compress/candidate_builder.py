"""From a recipe to what it makes, step by step; a clock that says what there is still time for."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from nightshift.records import Objective, Start, Trained
from nightshift.store import artifact_store, disk
from tasks.compress import candidates, students
from tasks.compress.recipes import SERVED, Step, chain, parse
from tasks.compress.records import Lesson, Served, Student
from tasks.compress.settings import InheritedSettings
from tasks.compress.students import EPOCHS, RATES, SIZES

TRAINING = ("temperature", "alpha", "attention_loss_weight", "hidden_loss_weight", "cosine_loss_weight")
"""Settings that every step which trains goes by."""


@dataclass
class Workshop:
    """What every recipe shares: full, the rows, the settings, and what has been made so far."""

    trained: Trained
    objectives: list[Objective]
    settings: dict[str, Any]
    """`CompressSettings` by name."""
    train: InheritedSettings
    teachers: list[Trained | Start]
    model_name: str
    deadline: float | None = None
    share: float = 1.0
    """Of the epochs that the settings say."""
    made: dict[str, Student] = field(default_factory=dict)

    @property
    def max_length(self) -> int:
        """Tokens that full reads of a text."""
        return self.train.max_length

    @cached_property
    def lesson(self) -> Lesson:
        """What the teachers say to full's training rows."""
        return students.lesson(self.teachers, self.objectives, self.max_length)

    @contextmanager
    def for_a_share(self, share: float) -> Iterator[None]:
        """For the length of the block every step trains for this share of its epochs."""
        self.share = share
        try:
            yield
        finally:
            self.share = 1.0

    def model(self, steps: list[Step]) -> Trained | Student:
        """The PyTorch model after these steps; each chain is made once."""
        if not steps:
            return self.trained
        name = self._name(steps)
        if name not in self.made:
            disk.ensure_room()
            parent, step = self.model(steps[:-1]), steps[-1]
            told = self._told(step)
            lesson = self.lesson if told["epochs"] else None
            self.made[name] = students.made(parent, self.trained, lesson, self.objectives, step, told, self.model_name)
            artifact_store.clear_work(self.model_name, self.made[name])
        return self.made[name]

    def served(self, recipe: str) -> Served:
        """What a recipe gives, as it is served."""
        disk.ensure_room()
        steps = parse(recipe)
        kind = next((step.value or "dynamic" for step in steps if step.name == "quantize"), "")
        kept = self.settings["float_weights"] if kind == "static" else 0
        bits = 4 if any(step.name == "embeddings" for step in steps) else 8
        chosen = (self.train.decision_threshold, self.train.abstain_accuracy) if steps else ()
        return candidates.served(self.model(_torch(steps)), kind, kept, bits, self.objectives, self.max_length, *chosen)

    def seconds(self, recipe: str, served: Served) -> float:
        """How long it took to make, from full: what the teachers say, where it learns, every step, and the export."""
        steps = _torch(parse(recipe))
        chains = [steps[: place + 1] for place in range(len(steps))]
        asked = self.lesson.seconds if any(map(self._epochs, steps)) else 0.0
        return asked + served.seconds + sum(self.made[self._name(known)].seconds for known in chains)

    def converted_from(self, recipe: str) -> Trained | Student:
        """The PyTorch model before a recipe's conversions."""
        return self.model([step for step in parse(recipe) if step.trains])

    def answers(self, model: Served | Student, side: str) -> dict[str, pd.DataFrame]:
        """Its tables on one side."""
        return candidates.read(candidates.answers(model, side, self.objectives, self.max_length), self.objectives)

    def _told(self, step: Step) -> dict[str, Any]:
        told = self.train.model_dump() | {"epochs": 0.0, "precision": self.trained.precision}
        if step.trains:
            named = (*TRAINING, *([SIZES[step.name]] if step.name in SIZES else []))
            told |= {name: self.settings[name] for name in named}
            told |= {"epochs": self._epochs(step), "learning_rate": self.settings[RATES[step.name]]}
        if step.name == "distil":
            told["strategy"] = self.settings["strategy"]
        return told

    def _epochs(self, step: Step) -> float:
        return float(self.share * self.settings[EPOCHS[step.name]]) if step.trains else 0.0

    def _name(self, steps: list[Step]) -> str:
        return f"{chain(steps)} {self.share}"

    def epochs(self, recipe: str) -> float:
        """Epochs of training that a recipe still needs."""
        steps = _torch(parse(recipe))
        chains = [steps[: place + 1] for place in range(len(steps))]
        return sum(self._epochs(known[-1]) for known in chains if self._name(known) not in self.made)

    def too_late(self, recipe: str) -> bool:
        """Whether the training that a recipe still needs would end after the deadline, at full's speed."""
        if self.deadline is None:
            return False
        rows = sum(o.sides.train + o.augmented.augmented + o.augmented.unlabelled for o in self.objectives)
        speed = self.trained.figures.get("rows_per_second", float("inf"))
        return time.time() + self.epochs(recipe) * rows / speed > self.deadline


def _torch(steps: list[Step]) -> list[Step]:
    return [step for step in steps if step.name not in SERVED]

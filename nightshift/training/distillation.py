"""Learning from a teacher: its soft targets, and the teacher itself where it answers while the student learns."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, kl_div, log_softmax, mse_loss, softmax

from nightshift.models.heads import Head, Model, logits
from nightshift.training import feature_distillation
from nightshift.training.feature_distillation import Inside


@dataclass(frozen=True)
class Teacher:
    """Who answers while a student learns. Where the examples hold `teacher_logits`, those are its soft targets.

    It reads the student's token ids: it needs the same tokenizer, and the same heads. The weights are those of the
    mean over rows (over predicted tokens) of what `nightshift.training.feature_distillation` says; 0: not looked at.
    """

    model: Model
    relations: float = 0.0
    """Of attention relations."""
    hidden: float = 0.0
    """Of the layers' hidden states."""
    cosine: float = 0.0
    """Of the last hidden state's direction."""

    @property
    def imitated(self) -> dict[str, float]:
        """The weights that are not 0, by what is imitated."""
        return {name: weight for name in feature_distillation.WAYS if (weight := getattr(self, name))}

    def demand(self, student: Model) -> None:
        """Raises ValueError where the student cannot imitate this teacher."""
        if self.imitated:
            feature_distillation.demand(student, self.model, self.imitated)

    @torch.no_grad()
    def say(self, objective: str, inputs: dict[str, Any]) -> tuple[Tensor, Inside]:
        """Its logits on a batch, and what was to be seen inside."""
        with feature_distillation.watched(self.model, self.imitated) as inside:
            return logits(self.model, objective, inputs), inside


@contextmanager
def at_hand(teacher: Teacher | None, device: torch.device) -> Iterator[None]:
    """For the length of the block the teacher is on `device`, in evaluation mode."""
    if teacher:
        teacher.model.eval().to(device)
    yield
    if teacher:
        teacher.model.to("cpu")


def distilled(head: Head, logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """`T² · KL(teacher ‖ student)` of each row or token, (rows,), both logits of shape (rows, outputs).

    Of several labels: cross-entropy of each with the teacher's probability; of a number: the squared difference.
    Hinton, Vinyals, Dean 2015, arXiv 1503.02531, section 2.
    """
    if head.kind == "regression":
        each = mse_loss(logits, teacher_logits, reduction="none")
    elif head.separator is not None:
        each = binary_cross_entropy_with_logits(logits, torch.sigmoid(teacher_logits), reduction="none")
    else:
        soft = softmax(teacher_logits / temperature, dim=-1)
        each = temperature**2 * kl_div(log_softmax(logits / temperature, dim=-1), soft, reduction="none")
    return each.sum(dim=-1)

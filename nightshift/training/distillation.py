"""Knowledge distillation: the loss against soft targets, and a teacher that computes them during training."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, kl_div, log_softmax, mse_loss, softmax

from nightshift.models.heads import Head, Model, compute_logits
from nightshift.training import feature_distillation
from nightshift.training.feature_distillation import Features


@dataclass(frozen=True)
class Teacher:
    """A model that a student learns from. If the examples hold `teacher_logits`, those are the soft targets.

    The teacher reads the student's token ids, so both need the same tokenizer and the same heads. The loss weights
    apply to the means over rows (over predicted tokens) of the losses in `nightshift.training.feature_distillation`; 0
    turns one off.
    """

    model: Model
    attention_loss_weight: float = 0.0
    """Weight of the difference of attention relations."""
    hidden_loss_weight: float = 0.0
    """Weight of the difference of the layers' hidden states."""
    cosine_loss_weight: float = 0.0
    """Weight of the cosine distance of the last hidden states."""

    @property
    def feature_loss_weights(self) -> dict[str, float]:
        """The weights other than 0, by the names in `feature_distillation.FEATURE_LOSSES`."""
        weights = {
            "attention": self.attention_loss_weight,
            "hidden": self.hidden_loss_weight,
            "cosine": self.cosine_loss_weight,
        }
        return {name: weight for name, weight in weights.items() if weight}

    def ensure_compatible(self, student: Model) -> None:
        """Raise ValueError if the student cannot learn this teacher's features."""
        if self.feature_loss_weights:
            feature_distillation.ensure_compatible(student, self.model, self.feature_loss_weights)

    @torch.no_grad()
    def predict(self, objective: str, inputs: dict[str, Any]) -> tuple[Tensor, Features]:
        """Return the teacher's logits on a batch, and the features that the loss weights ask for."""
        with feature_distillation.record_features(self.model, self.feature_loss_weights) as features:
            return compute_logits(self.model, objective, inputs), features


@contextmanager
def on_device(teacher: Teacher | None, device: torch.device) -> Iterator[None]:
    """Keep the teacher on `device`, in evaluation mode, for the length of the block."""
    if teacher:
        teacher.model.eval().to(device)
    yield
    if teacher:
        teacher.model.to("cpu")


def distillation_loss(head: Head, logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """Return `T² · KL(teacher ‖ student)` of each row or token.

    With several labels a row it is the cross-entropy of each label with the teacher's probability; for regression the
    squared difference. Hinton, Vinyals, Dean 2015, arXiv 1503.02531, section 2.

    Args:
        head: The objective's head.
        logits: The student's logits, (rows, outputs).
        teacher_logits: The teacher's logits, (rows, outputs).
        temperature: Divides both logits of a softmax.

    Returns:
        The loss of each row, (rows,).
    """
    if head.kind == "regression":
        losses = mse_loss(logits, teacher_logits, reduction="none")
    elif head.separator is not None:
        losses = binary_cross_entropy_with_logits(logits, torch.sigmoid(teacher_logits), reduction="none")
    else:
        soft_targets = softmax(teacher_logits / temperature, dim=-1)
        losses = temperature**2 * kl_div(log_softmax(logits / temperature, dim=-1), soft_targets, reduction="none")
    return losses.sum(dim=-1)

"""Learning from a teacher's soft targets."""

import numpy as np
import torch
from torch.nn.functional import cross_entropy, kl_div, log_softmax, softmax


def distillation_loss(
    student_logits: torch.Tensor,
    teacher_logits: torch.Tensor,
    labels: torch.Tensor,
    temperature: float,
    alpha: float,
) -> torch.Tensor:
    """`alpha · T² · KL(teacher ‖ student) + (1 - alpha) · cross-entropy`, both logits of shape (rows, classes).

    Hinton, Vinyals, Dean 2015, arXiv 1503.02531, section 2.
    """
    soft = kl_div(
        log_softmax(student_logits / temperature, dim=-1),
        softmax(teacher_logits.float() / temperature, dim=-1),
        reduction="batchmean",
    )
    return alpha * temperature**2 * soft + (1 - alpha) * cross_entropy(student_logits, labels)


def as_logits(probabilities: np.ndarray) -> np.ndarray:
    """Logits (up to a constant a row, which no loss here sees) from probabilities of shape (rows, classes)."""
    logits: np.ndarray = np.log(np.clip(probabilities, 1e-7, 1.0)).astype(np.float32)
    return logits

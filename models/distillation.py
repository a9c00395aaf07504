"""Learning from a teacher's soft targets."""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, kl_div, log_softmax, mse_loss, softmax

from models.heads import Head


def distilled(head: Head, logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """The sum over rows of `T² · KL(teacher ‖ student)`, both logits of shape (rows, outputs).

    Of several labels: cross-entropy of each with the teacher's probability; of a number: the squared difference.
    Hinton, Vinyals, Dean 2015, arXiv 1503.02531, section 2.
    """
    if head.kind == "regression":
        return mse_loss(logits, teacher_logits, reduction="sum")
    if head.separator is not None:
        return binary_cross_entropy_with_logits(logits, torch.sigmoid(teacher_logits), reduction="sum")
    soft = kl_div(
        log_softmax(logits / temperature, dim=-1), softmax(teacher_logits / temperature, dim=-1), reduction="sum"
    )
    return temperature**2 * soft

"""Losses of all kinds of objectives."""

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from transformers.trainer_pt_utils import LabelSmoother

from nightshift.models.heads import Head
from nightshift.training import losses, tokenization


def test_the_distillation_loss_has_its_two_ends():
    student_logits, teacher_logits = torch.randn(6, 3, requires_grad=True), torch.randn(6, 3)
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    plain = torch.nn.functional.cross_entropy(student_logits, labels, reduction="sum")
    three = Head("classification", ("a", "b", "c"))
    assert torch.allclose(losses.summed_loss(three, student_logits, labels, teacher_logits, 2.0, 0.0), plain)
    losses.summed_loss(three, student_logits, labels, student_logits.detach() + 3, 2.0, 1.0).backward()
    assert student_logits.grad.abs().max() < 1e-6


def test_balanced_weights_are_scikit_learns_and_torchs():
    single, labels = Head("classification", ("a", "b", "c")), np.array([0] * 6 + [1] * 3 + [2, tokenization.UNLABELLED])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels[:-1])
    assert np.allclose(losses.balanced_weights(single, labels), expected)
    multi_labels = np.array([[1, 0], [1, 1], [1, 0], [0, 0], [np.nan, np.nan]])
    head = Head("classification", ("a", "b"), separator="|")
    assert losses.balanced_weights(head, multi_labels.ravel()).tolist() == pytest.approx([1 / 3, 3.0])
    assert losses.balanced_weights(Head("regression"), np.zeros(3)) is None


def test_smoothed_labels_are_transformers_own_also_with_weights():
    logits, labels = torch.randn(6, 3), torch.tensor([0, 1, 2, 2, 0, 1])
    head = Head("classification", ("a", "b", "c"))
    expected = LabelSmoother(epsilon=0.1)({"logits": logits}, labels)
    mean_loss = losses.summed_loss(head, logits, labels, None, 1.0, 0.0, label_smoothing=0.1) / 6
    assert torch.allclose(mean_loss, expected)
    weights = torch.tensor([1.0, 2.0, 0.5])
    row_losses = [
        losses.summed_loss(head, logits[[row]], labels[[row]], None, 1.0, 0.0, label_smoothing=0.1) for row in range(6)
    ]
    weighted_loss = losses.summed_loss(head, logits, labels, None, 1.0, 0.0, class_weights=weights, label_smoothing=0.1)
    assert torch.allclose(weighted_loss, sum(w * loss for w, loss in zip(weights[labels], row_losses, strict=True)))
    multi = Head("classification", ("a", "b"), separator="|")
    targets = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    bce = torch.nn.BCEWithLogitsLoss(reduction="sum", pos_weight=weights[:2])
    smoothed_loss = losses.summed_loss(
        multi, logits[:2, :2], targets, None, 1.0, 0.0, class_weights=weights[:2], label_smoothing=0.2
    )
    assert torch.allclose(smoothed_loss, bce(logits[:2, :2], targets * 0.8 + 0.1))

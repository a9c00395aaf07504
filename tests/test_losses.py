"""Losses of all kinds of objectives."""

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from transformers.trainer_pt_utils import LabelSmoother

from nightshift.models.heads import Head
from nightshift.training import losses, tokenization


def test_the_distillation_loss_has_its_two_ends():
    ours, teachers = torch.randn(6, 3, requires_grad=True), torch.randn(6, 3)
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    plain = torch.nn.functional.cross_entropy(ours, labels, reduction="sum")
    three = Head("classification", ("a", "b", "c"))
    assert torch.allclose(losses.summed_loss(three, ours, labels, teachers, 2.0, 0.0), plain)
    losses.summed_loss(three, ours, labels, ours.detach() + 3, 2.0, 1.0).backward()
    assert ours.grad.abs().max() < 1e-6


def test_balanced_weights_are_scikit_learns_and_torchs():
    one, labels = Head("classification", ("a", "b", "c")), np.array([0] * 6 + [1] * 3 + [2, tokenization.UNLABELLED])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels[:-1])
    assert np.allclose(losses.balanced_weights(one, labels), expected)
    several = np.array([[1, 0], [1, 1], [1, 0], [0, 0], [np.nan, np.nan]])
    head = Head("classification", ("a", "b"), separator="|")
    assert losses.balanced_weights(head, several.ravel()).tolist() == pytest.approx([1 / 3, 3.0])
    assert losses.balanced_weights(Head("regression"), np.zeros(3)) is None


def test_smoothed_labels_are_transformers_own_also_with_weights():
    said, labels = torch.randn(6, 3), torch.tensor([0, 1, 2, 2, 0, 1])
    head = Head("classification", ("a", "b", "c"))
    theirs = LabelSmoother(epsilon=0.1)({"logits": said}, labels)
    ours = losses.summed_loss(head, said, labels, None, 1.0, 0.0, label_smoothing=0.1) / 6
    assert torch.allclose(ours, theirs)
    weights = torch.tensor([1.0, 2.0, 0.5])
    each = [
        losses.summed_loss(head, said[[row]], labels[[row]], None, 1.0, 0.0, label_smoothing=0.1) for row in range(6)
    ]
    weighed = losses.summed_loss(head, said, labels, None, 1.0, 0.0, class_weights=weights, label_smoothing=0.1)
    assert torch.allclose(weighed, sum(w * loss for w, loss in zip(weights[labels], each, strict=True)))
    several = Head("classification", ("a", "b"), separator="|")
    targets = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    bce = torch.nn.BCEWithLogitsLoss(reduction="sum", pos_weight=weights[:2])
    moved = losses.summed_loss(
        several, said[:2, :2], targets, None, 1.0, 0.0, class_weights=weights[:2], label_smoothing=0.2
    )
    assert torch.allclose(moved, bce(said[:2, :2], targets * 0.8 + 0.1))

"""Students cut from their teachers, and what they learn from them."""

import copy

import numpy as np
import pytest
import torch
import train_once
from teachers import LOSS_WEIGHTS, SHORT, batch_of, build_teacher, logits_of, train_student
from train_once import StopAt, StopTraining, same_weights

from nightshift.compression import layer_dropping
from nightshift.models.heads import Head
from nightshift.training import distillation, losses, tokenization, trainer

TEACHER_WEIGHTS = {f"{name}_loss_weight": weight for name, weight in LOSS_WEIGHTS.items()}


def test_a_row_without_a_label_learns_from_the_teacher_alone():
    cases = [
        (Head("classification", ("a", "b", "c")), ["a", None, "c"]),
        (Head("classification", ("a", "b", "c"), separator="|"), ["a|b", None, ""]),
        (Head("regression", mean=2.0, std=2.0), [3.0, None, 1.0]),
    ]
    for head, labels in cases:
        rows = torch.tensor(tokenization.encode_labels(head, labels))
        targets = rows[:, 0] if head.kind == "classification" and head.separator is None else rows
        torch.manual_seed(2)
        student_logits = torch.randn(3, head.outputs, requires_grad=True)
        teacher_logits = torch.randn(3, head.outputs)
        assert losses.count_targets(targets) == targets.numel()
        labelled_losses = [
            losses.summed_loss(head, student_logits[[row]], targets[[row]], teacher_logits[[row]], 2.0, 0.3)
            for row in (0, 2)
        ]
        unlabelled_loss = distillation.distillation_loss(head, student_logits[[1]], teacher_logits[[1]], 2.0).sum()
        total_loss = losses.summed_loss(head, student_logits, targets, teacher_logits, 2.0, 0.3).detach()
        assert total_loss == pytest.approx(float((sum(labelled_losses) + unlabelled_loss).detach()), rel=1e-5)
        losses.summed_loss(head, student_logits, targets, None, 2.0, 0.3).backward()
        assert (
            student_logits.grad.isfinite().all()
            and not student_logits.grad[1].any()
            and student_logits.grad[[0, 2]].any(dim=1).all()
        )


@pytest.mark.parametrize(("architecture", "name"), [("gpt2", "written"), ("gpt2", "shouted"), ("t5", "shouted")])
def test_tokens_are_learnt_where_they_are_predicted(architecture, name):
    teacher, tokenizer, heads, examples = train_once.prepared(architecture, (name,))
    encoder_decoder = architecture == "t5"
    batch = batch_of(examples, heads, tokenizer, name)
    with torch.no_grad():
        teacher_logits = logits_of(teacher, name, batch, encoder_decoder)
        student_logits = teacher_logits + torch.randn(teacher_logits.shape, generator=torch.Generator().manual_seed(1))
        loss = losses.summed_loss(
            heads[name], student_logits, batch["labels"], teacher_logits, 2.0, 1.0, encoder_decoder
        )
        expected = 0.0
        for row, labels in enumerate(batch["labels"]):
            for position, token in enumerate(labels.tolist()):
                if token != tokenization.IGNORED:
                    predicting = position if encoder_decoder else position - 1
                    p, q = (torch.softmax(x[row, predicting] / 2, dim=-1) for x in (teacher_logits, student_logits))
                    expected += 4 * (p * (p / q).log()).sum()
    assert loss == pytest.approx(float(expected), rel=1e-4)


@pytest.mark.parametrize(
    ("architecture", "names", "loss_weights"),
    [
        ("bert", ("judged", "tagged", "scored"), TEACHER_WEIGHTS),
        ("gpt2", ("written", "judged"), TEACHER_WEIGHTS),
        ("t5", ("shouted",), {}),
    ],
)
def test_a_taught_training_resumes_bit_for_bit_and_leaves_the_teacher_alone(
    tmp_path, architecture, names, loss_weights
):
    teacher, tokenizer, heads, examples = build_teacher(architecture, names)
    initial_weights = copy.deepcopy(teacher.state_dict())
    uninterrupted = train_student(tmp_path / "a", architecture, names, teacher, **loss_weights)
    with pytest.raises(StopTraining):
        train_student(tmp_path / "b", architecture, names, teacher, [StopAt(10)], **loss_weights)
    again = train_student(tmp_path / "b", architecture, names, teacher, **loss_weights)
    assert same_weights(uninterrupted.model.state_dict(), again.model.state_dict())
    assert same_weights(initial_weights, teacher.state_dict()) and not any(
        module._forward_hooks for module in uninterrupted.model.modules()
    )
    for name in names:
        batch = batch_of(examples, heads, tokenizer, name, 32)
        fresh = layer_dropping.drop_layers(teacher, 1)
        teacher_logits = logits_of(teacher, name, batch, architecture == "t5")
        distances = [losses.summed_loss(heads[name], logits_of(model, name, batch, architecture == "t5"), batch["labels"], teacher_logits, 2.0,
                             1.0, architecture == "t5") for model in (uninterrupted.model, fresh)]  # fmt: skip
        assert distances[0] < distances[1], name


def test_a_teacher_at_hand_teaches_what_its_written_answers_do(tmp_path):
    teacher, tokenizer, heads, examples = build_teacher("bert", ("judged",))
    online = train_student(tmp_path / "a", "bert", ("judged",), teacher)
    teacher_logits = logits_of(teacher, "judged", batch_of(examples, heads, tokenizer, "judged", 240)).numpy()
    texts = train_once.TEXTS
    written = tokenization.encode(tokenizer, heads["judged"], texts, None, None, 32, teacher_logits=teacher_logits)
    assert (written.columns["labels"].values == tokenization.UNLABELLED).all()
    options = trainer.TrainingOptions(fingerprint="f", alpha=0.3)
    student, folder = layer_dropping.drop_layers(teacher, 1), tmp_path / "b"
    offline = trainer.fit(
        trainer.TrainerJob(student, tokenizer, heads, {"judged": written}, {}, folder, SHORT, options)
    )
    online_weights, offline_weights = (fitted.model.state_dict() for fitted in (online, offline))
    assert all(torch.allclose(online_weights[name], offline_weights[name], atol=1e-3) for name in online_weights)
    curves = [[line["loss"] for line in fitted.history if "loss" in line] for fitted in (online, offline)]
    assert np.allclose(*curves, rtol=1e-3, atol=1e-5)

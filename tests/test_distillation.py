"""Students cut from their teachers, and what they learn from them."""

import copy

import numpy as np
import pytest
import torch
import train_once
from teachers import LOSS_WEIGHTS, SHORT, batch_of, build_teacher, logits_of, train_student
from train_once import Cut, CutAt, same_weights

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
        wanted = rows[:, 0] if head.kind == "classification" and head.separator is None else rows
        torch.manual_seed(2)
        ours = torch.randn(3, head.outputs, requires_grad=True)
        taught = torch.randn(3, head.outputs)
        assert losses.count_targets(wanted) == wanted.numel()
        one = [losses.summed_loss(head, ours[[row]], wanted[[row]], taught[[row]], 2.0, 0.3) for row in (0, 2)]
        alone = distillation.distillation_loss(head, ours[[1]], taught[[1]], 2.0).sum()
        whole = losses.summed_loss(head, ours, wanted, taught, 2.0, 0.3).detach()
        assert whole == pytest.approx(float((sum(one) + alone).detach()), rel=1e-5)
        losses.summed_loss(head, ours, wanted, None, 2.0, 0.3).backward()
        assert ours.grad.isfinite().all() and not ours.grad[1].any() and ours.grad[[0, 2]].any(dim=1).all()


@pytest.mark.parametrize(("architecture", "name"), [("gpt2", "written"), ("gpt2", "shouted"), ("t5", "shouted")])
def test_tokens_are_learnt_where_they_are_predicted(architecture, name):
    teacher, tokenizer, heads, examples = train_once.prepared(architecture, (name,))
    both = architecture == "t5"
    batch = batch_of(examples, heads, tokenizer, name)
    with torch.no_grad():
        taught = logits_of(teacher, name, batch, both)
        ours = taught + torch.randn(taught.shape, generator=torch.Generator().manual_seed(1))
        found = losses.summed_loss(heads[name], ours, batch["labels"], taught, 2.0, 1.0, both)
        expected = 0.0
        for row, places in enumerate(batch["labels"]):
            for place, token in enumerate(places.tolist()):
                if token != tokenization.IGNORED:
                    at = place if both else place - 1
                    p, q = (torch.softmax(x[row, at] / 2, dim=-1) for x in (taught, ours))
                    expected += 4 * (p * (p / q).log()).sum()
    assert found == pytest.approx(float(expected), rel=1e-4)


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
    before = copy.deepcopy(teacher.state_dict())
    whole = train_student(tmp_path / "a", architecture, names, teacher, **loss_weights)
    with pytest.raises(Cut):
        train_student(tmp_path / "b", architecture, names, teacher, [CutAt(10)], **loss_weights)
    again = train_student(tmp_path / "b", architecture, names, teacher, **loss_weights)
    assert same_weights(whole.model.state_dict(), again.model.state_dict())
    assert same_weights(before, teacher.state_dict()) and not any(
        module._forward_hooks for module in whole.model.modules()
    )
    for name in names:
        batch = batch_of(examples, heads, tokenizer, name, 32)
        fresh = layer_dropping.drop_layers(teacher, 1)
        told = logits_of(teacher, name, batch, architecture == "t5")
        apart = [losses.summed_loss(heads[name], logits_of(model, name, batch, architecture == "t5"), batch["labels"], told, 2.0,
                             1.0, architecture == "t5") for model in (whole.model, fresh)]  # fmt: skip
        assert apart[0] < apart[1], name


def test_a_teacher_at_hand_teaches_what_its_written_answers_do(tmp_path):
    teacher, tokenizer, heads, examples = build_teacher("bert", ("judged",))
    online = train_student(tmp_path / "a", "bert", ("judged",), teacher)
    told = logits_of(teacher, "judged", batch_of(examples, heads, tokenizer, "judged", 240)).numpy()
    texts = train_once.TEXTS
    written = tokenization.encode(tokenizer, heads["judged"], texts, None, None, 32, teacher_logits=told)
    assert (written.columns["labels"].values == tokenization.UNLABELLED).all()
    recipe = trainer.TrainingOptions(fingerprint="f", alpha=0.3)
    offline = trainer.fit(layer_dropping.drop_layers(teacher, 1), tokenizer, heads, {"judged": written}, {}, tmp_path / "b",
                           SHORT, [], recipe)  # fmt: skip
    ours, theirs = (fitted.model.state_dict() for fitted in (online, offline))
    assert all(torch.allclose(ours[name], theirs[name], atol=1e-3) for name in ours)
    curves = [[line["loss"] for line in fitted.history if "loss" in line] for fitted in (online, offline)]
    assert np.allclose(*curves, rtol=1e-3, atol=1e-5)

"""Students imitate what is inside their teacher."""

import copy

import pytest
import torch
import train_once
from teachers import batch_of, build_teacher, features_of

from nightshift.compression import layer_dropping
from nightshift.training import feature_distillation, losses
from nightshift.training.batching import Collator
from nightshift.training.distillation import Teacher


@pytest.mark.parametrize(("architecture", "name"), [("bert", "judged"), ("bert", "tagged"), ("gpt2", "written")])
def test_who_equals_the_teacher_has_nothing_left_to_imitate(architecture, name):
    teacher, tokenizer, heads, examples = build_teacher(architecture, (name,))
    batch = batch_of(examples, heads, tokenizer, name)
    weights = feature_distillation.token_weights(heads[name], batch)
    assert weights.sum() == pytest.approx(float(losses.count_targets(batch["labels"])), rel=1e-5)
    teacher_features = features_of(teacher, name, batch)
    student_features = features_of(layer_dropping.drop_layers(teacher, 1, "first"), name, batch)
    for name, compute_loss in feature_distillation.FEATURE_LOSSES.items():
        assert abs(compute_loss(teacher_features, teacher_features, weights)) < 1e-3, name
        assert compute_loss(student_features, teacher_features, weights) > 1e-2, name
    no_features = features_of(teacher, name, batch, {})
    assert not no_features.hidden_states and not no_features.projections
    assert not any(module._forward_hooks for module in teacher.modules())


def test_what_is_imitated_does_not_depend_on_how_batches_are_cut_and_padded():
    teacher, tokenizer, heads, examples = train_once.prepared("bert", ("judged",))
    small = layer_dropping.drop_layers(teacher, 1)
    loss_weights = {"attention": 0.3, "hidden": 0.5, "cosine": 0.7}
    collate = Collator(examples, heads, tokenizer.pad_token_id)

    def total(rows):
        batch = collate([("judged", row) for row in rows])
        features = [features_of(model, "judged", batch) for model in (small, teacher)]
        return feature_distillation.feature_loss(
            loss_weights, *features, feature_distillation.token_weights(heads["judged"], batch)
        )

    assert len({int(examples["judged"].lengths[row]) for row in range(8)}) > 1
    assert total(range(8)) == pytest.approx(float(sum(total([row]) for row in range(8))), rel=1e-4)


def test_relations_are_those_of_minilm_by_hand():
    torch.manual_seed(1)
    student_features = feature_distillation.Features(projections=[torch.randn(1, 3, 24) for _ in range(3)])
    teacher_features = feature_distillation.Features(projections=[torch.randn(1, 3, 48 * 3)])
    expected = 0.0
    for student_vectors, teacher_vectors in zip(
        student_features.projections, teacher_features.projections[0].split(48, dim=-1), strict=True
    ):
        for head in range(12):
            a, b = student_vectors[0, :2, 2 * head : 2 * head + 2], teacher_vectors[0, :2, 4 * head : 4 * head + 4]
            p, q = (torch.softmax(x @ x.T / x.shape[1] ** 0.5, dim=-1) for x in (b, a))
            expected += (p * (p / q).log()).sum(dim=-1).mean() / 12
    loss = feature_distillation.attention_relation_loss(
        student_features, teacher_features, torch.tensor([[0.5, 0.5, 0.0]])
    )
    assert loss == pytest.approx(float(expected), rel=1e-5)


def test_who_cannot_be_imitated_is_said():
    teacher, *_ = build_teacher("bert", ("judged",))
    narrow = copy.deepcopy(teacher)
    narrow.config.hidden_size = 16
    with pytest.raises(ValueError, match="16 and 32 numbers"):
        Teacher(teacher, cosine_loss_weight=1.0).ensure_compatible(narrow)
    Teacher(teacher, attention_loss_weight=1.0).ensure_compatible(narrow)
    t5, *_ = train_once.prepared("t5", ("shouted",))
    with pytest.raises(ValueError, match="the inside of t5 models is not known"):
        Teacher(t5, attention_loss_weight=1.0).ensure_compatible(t5)

"""Students cut from their teachers, and what they learn from them."""

import copy

import numpy as np
import pytest
import torch
import train_once
from train_once import Cut, CutAt, same_weights
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
    BartConfig,
    BartForConditionalGeneration,
)

from nightshift.compression import layer_dropping, narrowing
from nightshift.models import architectures
from nightshift.models.architectures import layers
from nightshift.models.heads import Head, compute_logits
from nightshift.training import distillation, feature_distillation, losses, tokenization, trainer
from nightshift.training.batching import Collator, model_inputs
from nightshift.training.distillation import Teacher


@pytest.mark.parametrize(
    ("strategy", "of_six", "of_twelve"),
    [
        ("spread", [0, 2, 5], [0, 4, 7, 11]),
        ("first", [0, 1, 2], [0, 1, 2, 3]),
        ("last", [3, 4, 5], [8, 9, 10, 11]),
        ("every", [0, 2, 4], [0, 3, 6, 9]),
        ("alternating", [1, 3, 5], [1, 3, 7, 11]),
    ],
)
def test_strategies_pick_these_layers(strategy, of_six, of_twelve):
    pick = layer_dropping.STRATEGIES[strategy]
    assert pick(6, 3) == of_six and pick(12, 4) == of_twelve
    assert pick(6, 6) == list(range(6)) and len(pick(6, 1)) == 1
    assert all(sorted({*pick(12, kept)}) == pick(12, kept) and len(pick(12, kept)) == kept for kept in range(1, 13))


def batch_of(examples, heads, tokenizer, name, rows=8):
    return Collator(examples, heads, tokenizer.pad_token_id)([(name, row) for row in range(rows)])


def answers(model, name, batch, encoder_decoder=False):
    with torch.no_grad():
        return compute_logits(model.eval(), name, model_inputs(batch, labels=encoder_decoder))


@pytest.mark.parametrize(("architecture", "names"), [("bert", ("judged", "scored")), ("gpt2", ("written", "judged"))])
def test_a_student_of_a_shared_trunk_keeps_its_heads_and_answers(architecture, names, tmp_path):
    teacher, tokenizer, heads, examples = train_once.prepared(architecture, names)
    small = layer_dropping.student_of(teacher, 1, "last")
    assert len(layers(small)) == 1 and len(layers(teacher)) == 2
    assert same_weights(layers(small)[0].state_dict(), layers(teacher)[1].state_dict())
    for name in names:
        batch = batch_of(examples, heads, tokenizer, name)
        assert answers(small, name, batch).shape == answers(teacher, name, batch).shape
    small.save_pretrained(tmp_path)
    assert same_weights(AutoModel.from_pretrained(tmp_path).state_dict(), small.trunk.state_dict())


@pytest.mark.parametrize("strategy", ["first", "last"])
def test_a_student_of_t5_keeps_the_relative_positions(strategy, tmp_path):
    teacher, tokenizer, heads, examples = train_once.prepared("t5", ("shouted",))
    small = layer_dropping.student_of(teacher, 1, strategy)
    assert len(small.encoder.block) == len(small.decoder.block) == 1 and len(teacher.decoder.block) == 2
    first = [model.decoder.block[0].layer[0].SelfAttention for model in (small, teacher)]
    assert torch.equal(*(attention.relative_attention_bias.weight for attention in first))
    small.save_pretrained(tmp_path)
    again = AutoModelForSeq2SeqLM.from_pretrained(tmp_path)
    batch = batch_of(examples, heads, tokenizer, "shouted")
    assert torch.equal(answers(again, "shouted", batch, True), answers(small, "shouted", batch, True))
    assert small.generate(batch["input_ids"], max_new_tokens=4).shape[0] == 8


def test_a_student_of_bart_keeps_the_same_share_of_both_sides():
    config = BartConfig(vocab_size=50, d_model=16, encoder_layers=4, decoder_layers=2, encoder_attention_heads=2,
                        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16)  # fmt: skip
    small = layer_dropping.student_of(BartForConditionalGeneration(config), 2)
    assert (len(small.model.encoder.layers), len(small.model.decoder.layers)) == (2, 1)
    assert small.generate(torch.ones(1, 3, dtype=torch.int64), max_new_tokens=3).shape[0] == 1


LOSS_WEIGHTS = {"attention": 1.0, "hidden": 1.0, "cosine": 1.0}
TEACHER_WEIGHTS = {f"{name}_loss_weight": weight for name, weight in LOSS_WEIGHTS.items()}


def seen(model, name, batch, loss_weights=LOSS_WEIGHTS):
    with feature_distillation.record_features(model, loss_weights) as inside:
        answers(model, name, batch)
    return inside


@pytest.mark.parametrize(("architecture", "name"), [("bert", "judged"), ("bert", "tagged"), ("gpt2", "written")])
def test_who_equals_the_teacher_has_nothing_left_to_imitate(architecture, name):
    teacher, tokenizer, heads, examples = teacher_of(architecture, (name,))
    batch = batch_of(examples, heads, tokenizer, name)
    shares = feature_distillation.token_weights(heads[name], batch)
    assert shares.sum() == pytest.approx(float(losses.count_targets(batch["labels"])), rel=1e-5)
    theirs = seen(teacher, name, batch)
    other = seen(layer_dropping.student_of(teacher, 1, "first"), name, batch)
    for loss, sum_of in feature_distillation.FEATURE_LOSSES.items():
        assert abs(sum_of(theirs, theirs, shares)) < 1e-3, loss
        assert sum_of(other, theirs, shares) > 1e-2, loss
    unwatched = seen(teacher, name, batch, {})
    assert not unwatched.hidden_states and not unwatched.projections
    assert not any(module._forward_hooks for module in teacher.modules())


def test_what_is_imitated_does_not_depend_on_how_batches_are_cut_and_padded():
    teacher, tokenizer, heads, examples = train_once.prepared("bert", ("judged",))
    small = layer_dropping.student_of(teacher, 1)
    loss_weights = {"attention": 0.3, "hidden": 0.5, "cosine": 0.7}
    collate = Collator(examples, heads, tokenizer.pad_token_id)

    def total(rows):
        batch = collate([("judged", row) for row in rows])
        inside = [seen(model, "judged", batch) for model in (small, teacher)]
        return feature_distillation.feature_loss(
            loss_weights, *inside, feature_distillation.token_weights(heads["judged"], batch)
        )

    assert len({int(examples["judged"].lengths[row]) for row in range(8)}) > 1
    assert total(range(8)) == pytest.approx(float(sum(total([row]) for row in range(8))), rel=1e-4)


def test_relations_are_those_of_minilm_by_hand():
    torch.manual_seed(1)
    ours = feature_distillation.Features(projections=[torch.randn(1, 3, 24) for _ in range(3)])
    theirs = feature_distillation.Features(projections=[torch.randn(1, 3, 48 * 3)])
    expected = 0.0
    for mine, taught in zip(ours.projections, theirs.projections[0].split(48, dim=-1), strict=True):
        for head in range(12):
            a, b = mine[0, :2, 2 * head : 2 * head + 2], taught[0, :2, 4 * head : 4 * head + 4]
            p, q = (torch.softmax(x @ x.T / x.shape[1] ** 0.5, dim=-1) for x in (b, a))
            expected += (p * (p / q).log()).sum(dim=-1).mean() / 12
    found = feature_distillation.attention_relation_loss(ours, theirs, torch.tensor([[0.5, 0.5, 0.0]]))
    assert found == pytest.approx(float(expected), rel=1e-5)


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
        taught = answers(teacher, name, batch, both)
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


SHORT = train_once.ARGUMENTS | {"num_train_epochs": 1, "learning_rate": 3e-3, "save_steps": 9}


def teacher_of(architecture, names):
    """A teacher that has an opinion: its weights are larger than fresh ones."""
    model, tokenizer, heads, examples = train_once.prepared(architecture, names)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.mul_(3)
    return model.eval(), tokenizer, heads, examples


def taught(folder, architecture, names, teacher, callbacks=(), recipe=None, **weights):
    """A student of one layer that has learnt for an epoch from its teacher alone."""
    _, tokenizer, heads, examples = train_once.prepared(architecture, names)
    recipe = recipe or trainer.TrainingOptions(fingerprint="f", alpha=1.0, teacher=Teacher(teacher, **weights))
    return trainer.fit(layer_dropping.student_of(teacher, 1), tokenizer, heads, examples, {}, folder,
                        SHORT, list(callbacks), recipe)  # fmt: skip


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
    teacher, tokenizer, heads, examples = teacher_of(architecture, names)
    before = copy.deepcopy(teacher.state_dict())
    whole = taught(tmp_path / "a", architecture, names, teacher, **loss_weights)
    with pytest.raises(Cut):
        taught(tmp_path / "b", architecture, names, teacher, [CutAt(10)], **loss_weights)
    again = taught(tmp_path / "b", architecture, names, teacher, **loss_weights)
    assert same_weights(whole.model.state_dict(), again.model.state_dict())
    assert same_weights(before, teacher.state_dict()) and not any(
        module._forward_hooks for module in whole.model.modules()
    )
    for name in names:
        batch = batch_of(examples, heads, tokenizer, name, 32)
        fresh = layer_dropping.student_of(teacher, 1)
        told = answers(teacher, name, batch, architecture == "t5")
        apart = [losses.summed_loss(heads[name], answers(model, name, batch, architecture == "t5"), batch["labels"], told, 2.0,
                             1.0, architecture == "t5") for model in (whole.model, fresh)]  # fmt: skip
        assert apart[0] < apart[1], name


def test_a_teacher_at_hand_teaches_what_its_written_answers_do(tmp_path):
    teacher, tokenizer, heads, examples = teacher_of("bert", ("judged",))
    online = taught(tmp_path / "a", "bert", ("judged",), teacher)
    told = answers(teacher, "judged", batch_of(examples, heads, tokenizer, "judged", 240)).numpy()
    texts = train_once.TEXTS
    written = tokenization.encode(tokenizer, heads["judged"], texts, None, None, 32, teacher_logits=told)
    assert (written.columns["labels"].values == tokenization.UNLABELLED).all()
    recipe = trainer.TrainingOptions(fingerprint="f", alpha=0.3)
    offline = trainer.fit(layer_dropping.student_of(teacher, 1), tokenizer, heads, {"judged": written}, {}, tmp_path / "b",
                           SHORT, [], recipe)  # fmt: skip
    ours, theirs = (fitted.model.state_dict() for fitted in (online, offline))
    assert all(torch.allclose(ours[name], theirs[name], atol=1e-3) for name in ours)
    curves = [[line["loss"] for line in fitted.history if "loss" in line] for fitted in (online, offline)]
    assert np.allclose(*curves, rtol=1e-3, atol=1e-5)


def test_who_cannot_be_imitated_is_said():
    teacher, *_ = teacher_of("bert", ("judged",))
    narrow = copy.deepcopy(teacher)
    narrow.config.hidden_size = 16
    with pytest.raises(ValueError, match="16 and 32 numbers"):
        Teacher(teacher, cosine_loss_weight=1.0).ensure_compatible(narrow)
    Teacher(teacher, attention_loss_weight=1.0).ensure_compatible(narrow)
    t5, *_ = train_once.prepared("t5", ("shouted",))
    with pytest.raises(ValueError, match="the inside of t5 models is not known"):
        Teacher(t5, attention_loss_weight=1.0).ensure_compatible(t5)


@pytest.mark.parametrize("names", [("judged",), ("judged", "scored")])
def test_a_narrower_student_keeps_these_numbers_and_is_stock(names, tmp_path):
    teacher, tokenizer, heads, examples = teacher_of("bert", names)
    with pytest.raises(ValueError, match="16 numbers take 1 attention heads of 16"):
        narrowing.narrow(teacher, torch.arange(16))
    fewer = copy.deepcopy(teacher)
    for layer in layers(fewer):
        architectures.prune_block(layer, architectures.BERT.attention, torch.arange(16, 32))
    batch = batch_of(examples, heads, tokenizer, "judged")
    mixed = fewer.trunk if len(names) > 1 else fewer.bert
    with torch.no_grad():  # numbers that no one reads and that never vary can go without a trace
        for module in mixed.modules():
            if isinstance(module, torch.nn.LayerNorm):
                module.weight[:16] = module.bias[:16] = 0
    kept = narrowing.liveliest(fewer, [batch], 16)
    assert kept.tolist() == list(range(16, 32))
    small = narrowing.narrow(fewer, kept)
    inside = seen(small, "judged", batch, {"hidden": 1.0})
    assert inside.hidden_states[0].shape[-1] == 16
    small.save_pretrained(tmp_path)
    again = (AutoModel if len(names) > 1 else AutoModelForSequenceClassification).from_pretrained(tmp_path)
    assert same_weights(again.state_dict(), (small.trunk if len(names) > 1 else small).state_dict())
    assert answers(small, "judged", batch).shape == (8, 2) and small.config.num_attention_heads == 1
    if len(names) == 1:
        assert torch.equal(answers(again, "judged", batch), answers(small, "judged", batch))


DIM = {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64}
WIDE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
NARROWED = {"distilbert": DIM, "camembert": WIDE, "electra": WIDE | {"embedding_size": 32},
            "electra, projected": WIDE | {"embedding_size": 24}}  # fmt: skip


@pytest.mark.parametrize("kind", NARROWED)
def test_other_encoders_are_made_narrower_too(kind, tmp_path):
    config = AutoConfig.for_model(kind.partition(",")[0], vocab_size=60, pad_token_id=0, **NARROWED[kind])
    model = AutoModelForSequenceClassification.from_config(config).eval()
    for layer in layers(model):
        architectures.prune_block(layer, architectures.get_architecture(model).attention, torch.arange(16))
    kept = torch.arange(1, 32, 2)
    small = narrowing.narrow(model, kept)
    words = "embeddings.word_embeddings.weight"
    table, cut = (found.base_model.state_dict()[words] for found in (model, small))
    assert torch.equal(cut, table if kind == "electra, projected" else table[:, kept])
    small.save_pretrained(tmp_path)
    again, report = AutoModelForSequenceClassification.from_pretrained(tmp_path, output_loading_info=True)
    assert not report["missing_keys"] and not report["mismatched_keys"] and again.config.hidden_size == 16
    ids = torch.arange(4, 12)[None]
    with torch.no_grad():
        assert torch.allclose(again.eval()(ids).logits, small(ids).logits, atol=1e-6)

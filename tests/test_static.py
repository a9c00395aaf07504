from pathlib import Path

import numpy as np
import pytest
import torch
from samples import GOOD, messages
from small_models import build_with_tokenizer
from transformers import AutoModelForSequenceClassification

from nightshift.compression import vocabulary
from nightshift.inference.measurement import TorchPredictor
from nightshift.inference.predictor import OnnxPredictor
from nightshift.models import pretrained, static
from nightshift.models.heads import Head
from nightshift.onnx import export, quantization
from nightshift.training import tokenization, trainer

TEXTS = [text for text, _ in messages(300)]
SECOND_TEXTS = TEXTS[::-1]
GOODS = [len(set(text.split()) & set(GOOD)) for text in TEXTS]
HEADS = {
    "one": (Head("classification", ("bad", "good")), ["good" if count else "bad" for count in GOODS]),
    "several": (
        Head("classification", ("good", "lamp"), separator="|"),
        [
            "|".join(word for word, true in (("good", g), ("lamp", "lamp" in t)) if true)
            for t, g in zip(TEXTS, GOODS, strict=True)
        ],
    ),
    "number": (Head("regression", mean=0.7, std=0.7), [len(set(text.split()) & {"lamp", "tent"}) for text in TEXTS]),
    "pair": (
        Head("classification", ("other", "same"), pairs=True),
        ["same" if bool(g) == bool(h) else "other" for g, h in zip(GOODS, GOODS[::-1], strict=True)],
    ),
}


def tokenizer_and_student(base, name="one", size=16):
    """A student of a tiny teacher: of the one in the folder `base`, or with a tokenizer of the kind so named."""
    head = HEADS[name][0]
    if isinstance(base, Path):
        tokenizer = pretrained.load_tokenizer(str(base), {}, [])
        teacher = pretrained.load(str(base), {name: head}, tokenizer, 1)
    else:
        teacher, tokenizer = build_with_tokenizer(base)
    teacher.config.num_labels = head.outputs
    return tokenizer, static.build_static_student(teacher, tokenizer, TEXTS, head.pairs, size)


def train_student(student, tokenizer, name, folder, teacher_logits=None, alpha=0.0, epochs=20):
    """Train a static student and return it.

    Args:
        student: Student to train.
        tokenizer: Tokenizer of the student.
        name: Key of `HEADS`.
        folder: Folder of the checkpoints.
        teacher_logits: Logits to learn from, or None.
        alpha: Weight of the distillation loss.
        epochs: Number of epochs.
    """
    head, labels = HEADS[name]
    second = SECOND_TEXTS if head.pairs else None
    rows = tokenization.encode(tokenizer, head, TEXTS, second, labels, 32, teacher_logits)
    arguments = {"num_train_epochs": epochs, "learning_rate": 1e-2, "per_device_train_batch_size": 32,
                 "precision": "float32", "seed": 1, "save_steps": 10_000, "save_total_limit": 1, "logging_steps": 50}  # fmt: skip
    options = trainer.TrainingOptions(alpha=alpha)
    trainer.fit(trainer.TrainerJob(student, tokenizer, {name: head}, {name: rows}, {}, folder, arguments, options))
    return student.eval()


def answers(predictor, name):
    return predictor.scores(TEXTS, SECOND_TEXTS if HEADS[name][0].pairs else None, objective=name)


def share_right(scores, name):
    head, labels = HEADS[name]
    if head.kind == "regression":
        return np.corrcoef(scores[:, 0], labels)[0, 1]
    if head.separator is not None:
        return np.mean(
            (scores > 0.5) == np.array([[label in row.split("|") for label in head.labels] for row in labels])
        )
    return np.mean(np.array(head.labels)[scores.argmax(axis=1)] == labels)


@pytest.mark.parametrize(("kind", "name"), [("BERT", "one"), ("BPE", "several"), ("Unigram", "number"), ("BPE", "pair")])  # fmt: skip
def test_a_static_student_learns_is_saved_and_served(kind, name, tmp_path, tiny_base):
    tokenizer, student = tokenizer_and_student(tiny_base if kind == "BERT" else kind, name)
    head = HEADS[name][0]
    accuracy = share_right(answers(TorchPredictor(student, tokenizer, {name: head}, 32), name), name)
    train_student(student, tokenizer, name, tmp_path / "work")
    scores = answers(TorchPredictor(student, tokenizer, {name: head}, 32), name)
    assert share_right(scores, name) > max(0.85, accuracy + 0.05)
    pretrained.save_checkpoint(student, tokenizer, {name: head}, tmp_path / "checkpoint")
    again, read, heads = pretrained.load_checkpoint(tmp_path / "checkpoint")
    assert heads == {name: head}
    assert np.array_equal(answers(TorchPredictor(again, read, heads, 32), name), scores)
    (tmp_path / "served").mkdir()
    export.export_model(again, read, heads, tmp_path / "served", 32)
    served = OnnxPredictor(tmp_path / "served")
    assert np.allclose(answers(served, name), scores, atol=1e-4)
    quantization.quantize_int8(tmp_path / "served/model.onnx", tmp_path / "int8.onnx")
    assert (tmp_path / "int8.onnx").stat().st_size < (tmp_path / "served/model.onnx").stat().st_size
    (tmp_path / "int8.onnx").replace(tmp_path / "served/model.onnx")
    assert np.abs(answers(OnnxPredictor(tmp_path / "served"), name) - scores).max() < 0.2 * head.std


def logits_of(student, tokenizer, texts, seconds=None):
    """Return a model's logits for texts or pairs of texts.

    Args:
        student: Model.
        tokenizer: Tokenizer of the model.
        texts: Texts, or first texts of the pairs.
        seconds: Second texts, or None.
    """
    with torch.inference_mode():
        return student(**tokenizer(texts, seconds, padding=True, return_tensors="pt")).logits


def test_padding_and_added_tokens_do_not_count(tiny_base):
    tokenizer, student = tokenizer_and_student(tiny_base)
    student.eval()
    unpadded, padded = (
        logits_of(student, tokenizer, texts)[0] for texts in ([TEXTS[0]], [TEXTS[0], " ".join(TEXTS[:3])])
    )
    assert torch.allclose(unpadded, padded, atol=1e-6)
    bare = tokenizer([TEXTS[0]], add_special_tokens=False, return_tensors="pt")
    with torch.inference_mode():
        assert torch.allclose(student(**bare).logits[0], unpadded, atol=1e-6)
    assert not torch.allclose(logits_of(student, tokenizer, [TEXTS[1]])[0], unpadded, atol=1e-6)


def test_the_second_text_is_told_from_the_first(tiny_base):
    tokenizer, student = tokenizer_and_student(tiny_base, "pair")
    student.eval()
    there, back = (
        logits_of(student, tokenizer, *pair) for pair in ((["lovely lamp"], ["tent"]), (["tent"], ["lovely lamp"]))
    )
    assert not torch.allclose(there, back, atol=1e-6)
    with torch.no_grad():
        student.classifier.weight[:, : 2 * student.config.hidden_size] = 0
    there, back = (
        logits_of(student, tokenizer, *pair) for pair in ((["lovely lamp"], ["tent"]), (["tent"], ["lovely lamp"]))
    )
    assert torch.allclose(there, back, atol=1e-6)


def test_tokens_begin_where_the_teacher_puts_them(tiny_base):
    tokenizer, student = tokenizer_and_student(tiny_base, size=32)
    teacher = pretrained.load(str(tiny_base), {"one": HEADS["one"][0]}, tokenizer, 1).eval()
    unread = tokenizer.convert_tokens_to_ids(["q", "x", "j", "v"])
    with torch.inference_mode():
        states = torch.cat(
            [teacher.base_model(**tokenizer(t, return_tensors="pt")).last_hidden_state[:, 1] for t in "qxjv"]
        )
    ratio = torch.pdist(student.get_input_embeddings().weight.detach()[unread]) / torch.pdist(states)
    assert torch.allclose(ratio, ratio.mean().expand_as(ratio), rtol=1e-3)


@pytest.mark.parametrize("kind", ["WordPiece", "BPE", "Unigram"])
def test_a_cut_vocabulary_changes_nothing_for_its_texts(kind, tmp_path):
    tokenizer, student = tokenizer_and_student(kind)
    trimmed, trimmed_tokenizer = vocabulary.trim(student, tokenizer, TEXTS)
    assert trimmed.get_input_embeddings().num_embeddings == len(trimmed_tokenizer) < len(tokenizer)
    pretrained.save_checkpoint(trimmed, trimmed_tokenizer, {"one": HEADS["one"][0]}, tmp_path)
    loaded, loaded_tokenizer, _ = pretrained.load_checkpoint(tmp_path)
    assert torch.allclose(
        logits_of(loaded, loaded_tokenizer, TEXTS), logits_of(student.eval(), tokenizer, TEXTS), atol=1e-6
    )


def test_no_stock_class_takes_it_for_its_own(tiny_base, tmp_path):
    tokenizer, student = tokenizer_and_student(tiny_base)
    pretrained.save_checkpoint(student, tokenizer, {"one": HEADS["one"][0]}, tmp_path)
    assert not list(tmp_path.glob("*.bin"))
    with pytest.raises(ValueError, match=static.ARCHITECTURE):
        AutoModelForSequenceClassification.from_pretrained(tmp_path)


def test_frequent_tokens_begin_quieter(tiny_base):
    tokenizer, student = tokenizer_and_student(tiny_base)
    teacher = pretrained.load(str(tiny_base), {"one": HEADS["one"][0]}, tokenizer, 1)
    never = static.build_static_student(teacher, tokenizer, ["zebra"], size=16)
    usual = tokenizer.convert_tokens_to_ids("the")
    student_norms, baseline_norms = (
        model.get_input_embeddings().weight.detach().norm(dim=1) for model in (student, never)
    )
    assert student_norms[usual] < 0.1 * baseline_norms[usual]


def test_a_student_learns_from_its_teacher_alone(tiny_base, tmp_path):
    tokenizer, student = tokenizer_and_student(tiny_base)
    wrong = np.array([[5.0, -5.0] if count else [-5.0, 5.0] for count in GOODS])
    train_student(student, tokenizer, "one", tmp_path, wrong, alpha=1.0, epochs=20)
    assert share_right(answers(TorchPredictor(student, tokenizer, {"one": HEADS["one"][0]}, 32), "one"), "one") < 0.1

"""Students: what their teachers tell them, and how they are made smaller."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
import train_once
from factories import inherited_settings, objective
from samples import messages
from small_models import parameter_count

from nightshift.errors import SettingsError
from nightshift.inference.measurement import TorchPredictor
from nightshift.models import pretrained
from nightshift.records import Augmented, Trained, WarmStart
from tasks.compress import latency_table, students
from tasks.compress.candidate_builder import CandidateBuilder
from tasks.compress.recipes import NotPossibleError, Recipe
from tasks.compress.settings import CompressSettings


def test_teacher_logits_are_the_mean_of_the_teachers_on_all_texts_in_tonights_order_of_labels(tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path))
    rows = pd.DataFrame({"text": [text for text, _ in messages(20)]})
    (tmp_path / "artifacts/augment/x").mkdir(parents=True)
    rows.to_parquet(tmp_path / "artifacts/augment/x/train.parquet")
    more = pd.DataFrame({"text": ["a stove"], "row_key": ["k"]})
    more.to_parquet(tmp_path / "artifacts/augment/x/unlabelled.parquet")
    texts, expected_logits = [*rows["text"], "a stove"], []
    for name, labels in (("first", ("bad", "good")), ("second", ("good", "bad"))):
        model, tokenizer, heads, _ = train_once.prepared("bert", ("judged",))
        torch.manual_seed(len(name))
        torch.nn.init.normal_(model.classifier.weight, std=0.5)
        heads = {"main": replace(heads["judged"], labels=labels)}
        pretrained.save_checkpoint(model, tokenizer, heads, tmp_path / name)
        logits = TorchPredictor(*pretrained.load_checkpoint(tmp_path / name), 32).logits(texts, None, "main")
        expected_logits.append(logits if labels == ("bad", "good") else logits[:, ::-1])
    target = objective().model_copy(update={"augmented": Augmented(augmented=0, path="augment/x")})
    target.sides.labels = ["bad", "good"]
    teachers = [WarmStart(version="1", path="first"), WarmStart(version="2", path="second")]
    record = students.teacher_logits.fn(teachers, [target], 32)
    learnt = np.load(tmp_path / "artifacts" / record.path / "main.npy")
    assert np.abs(expected_logits[0] - expected_logits[1]).max() > 0.1 and learnt == pytest.approx(
        (expected_logits[0] + expected_logits[1]) / 2, abs=1e-5
    )
    target.sides.labels = ["bad", "good", "mixed"]
    with pytest.raises(NotPossibleError, match="other labels"):
        students.teacher_logits.fn(teachers, [target], 32)


def test_a_model_is_pruned_in_steps_and_nobody_is_asked_where_nothing_learns(trained_bert, tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path))
    model, tokenizer, heads, *_ = trained_bert
    pretrained.save_checkpoint(model, tokenizer, {"main": heads["judged"]}, tmp_path / "artifacts/full/model")
    full = Trained(path="full", parameters=1, layers=[], precision="float32", device="cpu")
    (tmp_path / "artifacts/augment/x").mkdir(parents=True)
    rows = pd.DataFrame(messages(200), columns=["text", "label"])
    rows.to_parquet(tmp_path / "artifacts/augment/x/train.parquet")
    rows[["text"]].to_parquet(tmp_path / "artifacts/augment/x/unlabelled.parquet")
    target = objective().model_copy(update={"augmented": Augmented(augmented=0, path="augment/x")})
    settings = CompressSettings(recovery_epochs=0)
    monkeypatch.setattr(students, "teacher_logits", None)
    monkeypatch.setattr(students, "make_student", students.make_student.fn)
    monkeypatch.setattr(
        latency_table, "_measure", lambda models, *_: [parameter_count(candidate) for candidate in models]
    )
    builder = CandidateBuilder(full, [target], settings, inherited_settings(32), [], "tiny")
    once, twice = (builder.model(Recipe.parse(text).steps) for text in ("prune:0.9", "prune:0.9+prune:0.9"))
    pruned = [students.load_model(student)[0] for student in (once, twice)]
    counts = [parameter_count(smaller) for smaller in (model, *pruned)]
    assert counts[0] > counts[1] > counts[2] and [once.parameters, twice.parameters] == counts[1:]
    assert len([*(tmp_path / "measured").iterdir()]) == 1, "the second time by the same table"


def test_numbers_are_taught_in_the_rows_own_unit_by_who_has_learnt_the_objective():
    model, tokenizer, heads, _ = train_once.prepared("bert", ("scored",))
    teacher = TorchPredictor(model, tokenizer, {"main": heads["scored"]}, 32)
    regression, texts = objective("regression", "pearson"), ["a tent", "a stove and a lamp"]
    regression.sides.labels = []
    assert students._aligned_logits(teacher, (texts, None), regression) == pytest.approx(
        teacher.scores(texts), rel=1e-6
    )
    for unknown in (objective(), regression.model_copy(update={"name": "else"})):
        with pytest.raises(NotPossibleError, match=f"has not learnt {unknown.name}"):
            students._aligned_logits(teacher, (texts, None), unknown)


def test_a_teacher_that_is_no_base_model_is_told_by_its_field(tmp_path):
    with pytest.raises(SettingsError, match=r"compress\.teachers: .*champoin"):
        CompressSettings(teachers=["champoin"]).bases()
    (tmp_path / "config.json").write_text("{}")
    bases = CompressSettings(teachers=[str(tmp_path)]).bases()
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    assert CompressSettings(teachers=[str(tmp_path)]).bases() != bases, "the night's fingerprint has them"
    assert CompressSettings().bases() == {}


def test_other_teachers_than_full_have_no_inside_to_imitate():
    assert CompressSettings(teachers=["full", "champion", "package:a/b"]).teaching_bases == ["package:a/b"]
    with pytest.raises(ValueError, match="compare with layers of full"):
        CompressSettings(teachers=["champion"], attention_loss_weight=1.0)

"""Students: what their teachers tell them, and how they are made smaller."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
import train_once
from factories import inherited_settings, objective
from samples import messages
from small_models import parameter_count

from flows.nightly import stages
from flows.settings_file import check
from nightshift.errors import SettingsError
from nightshift.inference.measurement import TorchPredictor
from nightshift.models import pretrained
from nightshift.records import Augmented, Trained, WarmStart
from tasks.compress import candidates, latency_table, students
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
        folder = tmp_path / "artifacts" / name
        pretrained.save_checkpoint(model, tokenizer, heads, folder)
        logits = TorchPredictor(*pretrained.load_checkpoint(folder), 32).logits(texts, None, "main")
        expected_logits.append(logits if labels == ("bad", "good") else logits[:, ::-1])
    target = objective().model_copy(update={"augmented": Augmented(augmented=0, path="augment/x")})
    target.sides.labels = ["bad", "good"]
    teachers = [WarmStart(version="1", path="first"), WarmStart(version="2", path="second")]
    record = students.teacher_logits.fn(teachers, [target], 32, "float32")
    learnt = np.load(tmp_path / "artifacts" / record.path / "main.npy")
    assert np.abs(expected_logits[0] - expected_logits[1]).max() > 0.1 and learnt == pytest.approx(
        (expected_logits[0] + expected_logits[1]) / 2, abs=1e-5
    )
    record = students.teacher_logits.fn(teachers, [target], 32, "bf16")
    mixed = np.load(tmp_path / "artifacts" / record.path / "main.npy")
    assert 0 < np.abs(mixed - learnt).max() < 0.05 * np.abs(learnt).max()
    target.sides.labels = ["bad", "good", "mixed"]
    with pytest.raises(NotPossibleError, match="other labels"):
        students.teacher_logits.fn(teachers, [target], 32, "float32")


def write_full(trained_bert, folder, monkeypatch):
    """Write a trained model and its rows to the artifact store in a folder; return their records and the model.

    The labels of the validation rows are exchanged.
    """
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(folder))
    monkeypatch.setattr(students, "make_student", students.make_student.fn)
    model, tokenizer, heads, *_ = trained_bert
    pretrained.save_checkpoint(model, tokenizer, {"main": heads["judged"]}, folder / "artifacts/full/model")
    full = Trained(path="full", parameters=1, layers=[], precision="float32", device="cpu")
    for name in ("augment/x", "split/x"):
        (folder / "artifacts" / name).mkdir(parents=True)
    rows = pd.DataFrame(messages(200), columns=["text", "label"])
    rows.to_parquet(folder / "artifacts/augment/x/train.parquet")
    rows[["text"]].to_parquet(folder / "artifacts/augment/x/unlabelled.parquet")
    exchanged = {"good": "bad", "bad": "good"}
    validation = rows.assign(label=rows["label"].map(exchanged), row_key=rows["text"])
    validation.to_parquet(folder / "artifacts/split/x/validation.parquet")
    records = {"augmented": Augmented(augmented=0, path="augment/x")}
    target = objective(labels=["bad", "good"], path="split/x").model_copy(update=records)
    return full, target, model


def test_a_model_is_pruned_in_steps_and_nobody_is_asked_where_nothing_learns(trained_bert, tmp_path, monkeypatch):
    full, target, model = write_full(trained_bert, tmp_path, monkeypatch)
    settings = CompressSettings(recovery_epochs=0)
    monkeypatch.setattr(students, "teacher_logits", None)
    monkeypatch.setattr(
        latency_table, "_measure", lambda models, *_: [parameter_count(candidate) for candidate in models]
    )
    builder = CandidateBuilder(full, [target], settings, inherited_settings(32), [], "tiny")
    once, twice = (builder.model(Recipe.parse(text).steps) for text in ("prune:0.9", "prune:0.9+prune:0.9"))
    pruned = [students.load_model(student)[0] for student in (once, twice)]
    counts = [parameter_count(smaller) for smaller in (model, *pruned)]
    assert counts[0] > counts[1] > counts[2] and [once.parameters, twice.parameters] == counts[1:]
    assert len([*(tmp_path / "measured").iterdir()]) == 1, "the second time by the same table"


def test_a_search_times_a_shape_beside_full_on_validation(trained_bert, tmp_path, monkeypatch):
    full, target, _ = write_full(trained_bert, tmp_path, monkeypatch)
    exported = candidates.export_model.fn(full, candidates.NumberFormat(kind="dynamic"), None, [target], 32)
    assert not (tmp_path / "artifacts/split/x/holdout.parquet").exists()
    assert candidates.measure_latency.fn(full, exported, [target], 32).share > 0


def test_a_static_student_is_that_of_its_best_epoch_on_validation(trained_bert, tmp_path, monkeypatch):
    full, target, _ = write_full(trained_bert, tmp_path, monkeypatch)
    results, fit = [], students.trainer.fit

    def fit_and_keep(*arguments):
        results.append(fit(*arguments))
        return results[-1]

    monkeypatch.setattr(students.trainer, "fit", fit_and_keep)
    monkeypatch.setattr(students, "teacher_logits", lambda *_: pytest.fail("it learns from labels alone"))
    settings = CompressSettings(static_epochs=20, static_learning_rate=1e-2)
    builder = CandidateBuilder(full, [target], settings, inherited_settings(32), [full], "tiny")
    builder.model(Recipe.parse("static").steps)
    (result,) = results
    scores = {line["step"]: line["eval_macro_f1"] for line in result.history if "eval_macro_f1" in line}
    assert len(scores) < 20 and scores[result.best_step] == max(scores.values()) > scores[max(scores)]
    assert [*scores].index(result.best_step) == len(scores) - 1 - students.PATIENCE


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


def test_the_models_of_all_seeds_teach_and_full_among_them_once():
    full, other = (Trained(parameters=1, layers=[], precision="float32", device="cpu", path=name) for name in "ab")
    for teachers, expected in ((["full"], [full]), (["seeds"], [full, other]), (["full", "seeds"], [full, other])):
        settings = check(
            {"model": "x", "data": {"path": "a.csv"}, "train": {"base_model": "b"}, "gate": {"seeds": 2}}
            | {"compress": {"teachers": teachers}},
            "x.yaml",
        )
        assert stages._teachers(SimpleNamespace(settings=settings), full, [full, other], []) == expected


def test_other_teachers_than_full_have_no_inside_to_imitate():
    assert CompressSettings(teachers=["full", "champion", "package:a/b"]).teaching_bases == ["package:a/b"]
    with pytest.raises(ValueError, match="compare with layers of full"):
        CompressSettings(teachers=["champion"], attention_loss_weight=1.0)

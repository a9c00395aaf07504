import shutil
import time
from dataclasses import replace

import numpy as np
import onnx
import pandas as pd
import pytest
import torch
import train_once
from factories import LABELS, WRONG_LABEL, answers, objective, table
from samples import messages

from nightshift.errors import SettingsError
from nightshift.inference.measurement import TorchPredictor
from nightshift.inference.predictor import OnnxPredictor
from nightshift.models import pretrained
from nightshift.onnx import export, quantization
from nightshift.records import Augmented, Candidate, Cost, Start, Trained
from tasks.compress import latency_table, selection, students
from tasks.compress.candidate_builder import Workshop
from tasks.compress.recipes import NotPossibleError, chain, of, parse, usable
from tasks.compress.search import Point, survivors
from tasks.compress.settings import InheritedSettings
from tasks.compress.stage import CompressSettings, measured


def candidate(name, latency, size=1.0, **validation):
    return Candidate(name=name, recipe=name, size_mb=size, latency_ms_p50=latency, latency_ms_p95=2 * latency,
                     throughput=1, validation=validation)  # fmt: skip


def candidates(rows, wrong):
    """Candidates by name: (share wrong on the holdout, validation score, latency)."""
    labels, tables, made = LABELS[:rows], {}, []
    for name, (share, validation, latency) in wrong.items():
        tables[name] = {"main": table(answers(share, labels, seed=3), labels)}
        made.append(candidate(name, latency, size=10 * latency, macro_f1=validation, accuracy=validation))
    return made[0], made[1:], tables


def put_forward(full, others, tables, metric="macro_f1", **settings):
    return selection.choose(full, others, tables, [objective(metric=metric)], CompressSettings(**settings))


def test_the_cheapest_confirmed_candidate_is_put_forward():
    full, others, tables = candidates(2000, {
        "full": (0.05, 0.950, 8.0), "careful": (0.05, 0.949, 3.0), "bold": (0.055, 0.948, 1.0), "poor": (0.3, 0.6, 0.5),
    })  # fmt: skip
    chosen = put_forward(full, others, tables)
    assert chosen.name == "bold" and chosen.confirmed
    assert [c.name for c in others if not c.qualifies] == ["poor"]


def test_a_candidate_that_wins_on_validation_only_is_not_put_forward():
    full, others, tables = candidates(2000, {"full": (0.05, 0.95, 8.0), "lucky": (0.10, 0.96, 1.0)})
    assert put_forward(full, others, tables).name == "full"
    assert "not confirmed" in others[0].why


def test_with_few_holdout_rows_the_choice_is_marked_unconfirmed():
    told = {"full": (0.05, 0.95, 8.0), "small": (0.06, 0.95, 1.0)}
    chosen = put_forward(*candidates(120, told))
    assert chosen.name == "small" and not chosen.confirmed and "holdout rows would be needed" in chosen.why
    assert put_forward(*candidates(120, told), allow_unconfirmed=False).name == "full"


def test_few_holdout_rows_are_enough_to_tell_that_a_candidate_is_worse():
    full, (small,), tables = candidates(120, {"full": (0.05, 0.95, 8.0), "small": (0.20, 0.95, 1.0)})
    assert put_forward(full, [small], tables).name == "full"
    assert small.qualifies and "not confirmed" in small.why


def test_costs_within_ten_percent_are_ties_broken_by_quality():
    found = candidates(2000, {"full": (0.05, 0.95, 8.0), "a": (0.05, 0.945, 1.0), "b": (0.05, 0.949, 1.05)})
    assert put_forward(*found).name == "b"


def test_at_most_three_are_tested_from_cautious_to_bold():
    shapes = {f"c{n}": (0.05, 0.950 - 0.001 * n, 8.0 - n) for n in range(1, 7)}
    full, others, tables = candidates(2000, {"full": (0.05, 0.95, 8.0)} | shapes)
    assert put_forward(full, others, tables).name == "c6"
    assert [c.name for c in others if c.confirmed] == ["c1", "c3", "c6"]
    assert all("not tested: 3 others" in c.why for c in others if not c.confirmed)


@pytest.mark.parametrize(
    ("target", "chosen", "words"),
    [
        ({"min_speedup": 4.0}, "small", "2.7 times as fast as full, wanted 4.0"),
        ({"max_latency_ms": 2.5}, "small", "6.00 ms at p95, wanted at most 2.5"),
        ({"max_size_mb": 12.0}, "small", "30.0 MB, wanted at most 12.0"),
        ({"max_size_mb": 1.0}, "full", "30.0 MB, wanted at most 1.0"),
    ],
)
def test_targets_bar_what_misses_them(target, chosen, words):
    told = {"full": (0.05, 0.95, 8.0), "large": (0.05, 0.949, 3.0), "small": (0.05, 0.9485, 1.0)}
    full, others, tables = candidates(2000, told)
    assert put_forward(full, others, tables, **target).name == chosen
    assert words in others[0].why
    assert ("within the targets: 80.0 MB" in full.why) == (chosen == "full")


def worse_by(drop, rows, seed):
    """Full's and a candidate's answers: wrong on 12 and 12 + `drop` of 100 rows, otherwise on other rows of some."""
    random = np.random.default_rng(seed)
    labels = LABELS[random.integers(len(LABELS), size=rows)]
    lost = random.random(rows) < 0.03 + drop
    gained = ~lost & (random.random(rows) < 0.03 / (1 - 0.03 - drop))
    right = random.random(rows) < 0.88
    first = np.where(gained, False, np.where(lost, True, right))
    second = np.where(gained, True, np.where(lost, False, right))
    said = [np.where(hit, labels, [WRONG_LABEL[label] for label in labels]) for hit in (first, second)]
    return labels, *said


@pytest.mark.parametrize(("drop", "most", "least"), [(0.02, 0.05, 0.0), (0.0, 1.0, 0.8)])
def test_a_candidate_that_is_two_points_worse_is_confirmed_in_at_most_one_night_of_twenty(drop, most, least):
    nights, count = 400, 0
    for seed in range(nights):
        labels, first, second = worse_by(drop, 2000, seed)
        made = [candidate("full", 8.0, accuracy=0.88), candidate("lucky", 1.0, accuracy=0.89)]
        tables = {"full": {"main": table(first, labels)}, "lucky": {"main": table(second, labels)}}
        count += put_forward(made[0], made[1:], tables, "accuracy").confirmed and made[1].chosen
    noise = 2.6 * (0.05 * 0.95 / nights) ** 0.5
    assert least <= count / nights <= most + noise


def test_a_candidate_keeps_an_error_by_not_exceeding_it():
    labels, noise = np.random.default_rng(7).normal(size=(2, 1000))
    made, tables = [], {}
    for name, error, validation, latency in (("full", 0.5, 0.5, 8), ("near", 0.501, 0.505, 2), ("far", 0.6, 0.52, 1)):
        made.append(candidate(name, latency, rmse=validation, pearson=1 - validation))
        tables[name] = {"main": table(labels + error * noise, labels)}
    full, near, far = made
    chosen = selection.choose(full, [near, far], tables, [objective("regression", "rmse")], CompressSettings())
    assert chosen.name == "near" and chosen.confirmed and not far.qualifies and "below 99%" in far.why


def test_what_can_be_made_depends_on_the_kinds():
    assert usable(["regression"]) == {"static", "distil", "narrow", "prune", "vocabulary", "embeddings", "quantize"}
    assert usable(["classification", "regression"]) == {
        "distil",
        "narrow",
        "prune",
        "vocabulary",
        "embeddings",
        "quantize",
    }
    assert usable(["classification", "generation"]) == {"distil", "prune", "quantize"}


def test_a_recipe_is_read_and_written():
    recipe = "distil:3+prune:0.25+vocabulary+quantize:static"
    assert chain(parse(recipe)) == recipe and [step.trains for step in parse(recipe)] == [True, True, False, False]
    assert parse("full") == [] and chain([]) == "full"
    assert [step.value for step in parse("prune:512+prune:0.5+quantize")] == ["512", "0.5", ""]
    assert [of(6, 0.5), of(6, 2), of(6, 9), of(6, 0.01)] == [3, 2, 6, 1]


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ("quantize+vocabulary", "is no chain"),
        ("vocabulary+distil", "is no chain"),
        ("distil+distil", "is no chain"),
        ("static+prune", "is no chain"),
        ("prone", "is no chain"),
        ("distil:1.5", "neither a share such as 0.5 nor a number such as 3"),
        ("prune:none", "neither a share"),
        ("quantize:int4", "after quantize comes dynamic, static"),
        ("vocabulary:3", "after vocabulary comes nothing"),
        ("quantize+embeddings", "is no chain"),
        ("prune+embeddings", "go with quantize"),
    ],
)
def test_what_is_no_recipe_is_refused(recipe, words):
    with pytest.raises(ValueError, match=words):
        CompressSettings(recipes=[recipe])


def inherited(max_length):
    return InheritedSettings(max_length=max_length, per_device_train_batch_size=8, seed=1)


def workshop(**settings):
    trained = Trained(parameters=1, layers=[], precision="float32", device="cpu", figures={"rows_per_second": 100.0})
    told = CompressSettings(distil_epochs=4, recovery_epochs=2).model_dump()
    return Workshop(trained, [objective(train=1000)], told, inherited(8), [trained], "tiny", **settings)


def test_a_deadline_sheds_what_its_training_would_not_make():
    recipes = ("quantize", "distil+quantize", "distil+prune")
    assert [workshop().epochs(recipe) for recipe in recipes] == [0, 4, 6]
    shop = workshop(deadline=time.time() + 50)
    assert [shop.too_late(recipe) for recipe in recipes] == [False, False, True]
    assert not workshop().too_late("distil+prune") and workshop(deadline=time.time() - 1).too_late("quantize")
    shop.made["distil 1.0"] = None
    assert not shop.too_late("distil+prune+quantize")


def test_a_lesson_is_the_mean_of_its_teachers_on_all_texts_in_tonights_order_of_labels(tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path))
    rows = pd.DataFrame({"text": [text for text, _ in messages(20)]})
    (tmp_path / "artifacts/augment/x").mkdir(parents=True)
    rows.to_parquet(tmp_path / "artifacts/augment/x/train.parquet")
    more = pd.DataFrame({"text": ["a stove"], "row_key": ["k"]})
    more.to_parquet(tmp_path / "artifacts/augment/x/unlabelled.parquet")
    texts, said = [*rows["text"], "a stove"], []
    for place, labels in (("first", ("bad", "good")), ("second", ("good", "bad"))):
        model, tokenizer, heads, _ = train_once.prepared("bert", ("judged",))
        torch.manual_seed(len(place))
        torch.nn.init.normal_(model.classifier.weight, std=0.5)
        heads = {"main": replace(heads["judged"], labels=labels)}
        pretrained.save_checkpoint(model, tokenizer, heads, tmp_path / place)
        logits = TorchPredictor(*pretrained.load_checkpoint(tmp_path / place), 32).logits(texts, None, "main")
        said.append(logits if labels == ("bad", "good") else logits[:, ::-1])
    told = objective().model_copy(update={"augmented": Augmented(augmented=0, path="augment/x")})
    told.sides.labels = ["bad", "good"]
    teachers = [Start(version="1", path="first"), Start(version="2", path="second")]
    lesson = students.lesson.fn(teachers, [told], 32)
    learnt = np.load(tmp_path / "artifacts" / lesson.path / "main.npy")
    assert np.abs(said[0] - said[1]).max() > 0.1 and learnt == pytest.approx((said[0] + said[1]) / 2, abs=1e-5)
    told.sides.labels = ["bad", "good", "mixed"]
    with pytest.raises(NotPossibleError, match="other labels"):
        students.lesson.fn(teachers, [told], 32)


def parameters(model):
    return sum(p.numel() for p in model.parameters())


def test_a_model_is_pruned_in_steps_and_nobody_is_asked_where_nothing_learns(trained, tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path))
    model, tokenizer, heads, *_ = trained
    pretrained.save_checkpoint(model, tokenizer, {"main": heads["judged"]}, tmp_path / "artifacts/full/model")
    full = Trained(path="full", parameters=1, layers=[], precision="float32", device="cpu")
    (tmp_path / "artifacts/augment/x").mkdir(parents=True)
    rows = pd.DataFrame(messages(200), columns=["text", "label"])
    rows.to_parquet(tmp_path / "artifacts/augment/x/train.parquet")
    rows[["text"]].to_parquet(tmp_path / "artifacts/augment/x/unlabelled.parquet")
    told = objective().model_copy(update={"augmented": Augmented(augmented=0, path="augment/x")})
    settings = CompressSettings(recovery_epochs=0).model_dump()
    monkeypatch.setattr(students, "lesson", None)
    monkeypatch.setattr(students, "made", students.made.fn)
    monkeypatch.setattr(latency_table, "_times", lambda models, *_: [parameters(found) for found in models])
    shop = Workshop(full, [told], settings, inherited(32), [], "tiny")
    once, twice = (shop.model(parse(recipe)) for recipe in ("prune:0.9", "prune:0.9+prune:0.9"))
    counts = [parameters(found) for found in (model, *(students.opened(student)[0] for student in (once, twice)))]
    assert counts[0] > counts[1] > counts[2] and [once.parameters, twice.parameters] == counts[1:]
    assert len([*(tmp_path / "measured").iterdir()]) == 1, "the second time by the same table"


@pytest.mark.parametrize("content", [b"", b'[1.5, [[2, 0.', b"[]", b"{}", b"[1, [[2, null]], []]", b"[1, [[2]], []]", b"\xff\xfe", b"[NaN, [], []]",
                                     b'[1, [["2", 1.0]], []]', b"[" * 9000])  # fmt: skip
def test_a_damaged_table_of_latencies_is_measured_anew(trained, tmp_path, monkeypatch, caplog, content):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path))
    model, tokenizer, heads, *_ = trained
    monkeypatch.setattr(latency_table, "_times", lambda models, *_: [parameters(found) for found in models])
    arguments = (model, tokenizer, {"main": heads["judged"]}, ["a tent"], 32)
    measured = latency_table.costs(*arguments)
    (file,) = (tmp_path / "measured").iterdir()
    whole = file.read_bytes()
    file.write_bytes(content)
    assert latency_table.costs(*arguments) == measured
    assert caplog.messages == [f"{file} is no table of latencies: they are measured anew"]
    assert file.read_bytes() == whole and [*file.parent.iterdir()] == [file]
    monkeypatch.setattr(latency_table, "_times", None)
    assert latency_table.costs(*arguments) == measured, "read"


def test_numbers_are_taught_in_the_rows_own_unit_by_who_has_learnt_the_objective():
    model, tokenizer, heads, _ = train_once.prepared("bert", ("scored",))
    teacher = TorchPredictor(model, tokenizer, {"main": heads["scored"]}, 32)
    told, texts = objective("regression", "pearson"), ["a tent", "a stove and a lamp"]
    told.sides.labels = []
    assert students._said(teacher, (texts, None), told) == pytest.approx(teacher.scores(texts), rel=1e-6)
    for other in (objective(), told.model_copy(update={"name": "else"})):
        with pytest.raises(NotPossibleError, match=f"has not learnt {other.name}"):
            students._said(teacher, (texts, None), other)


def test_a_teacher_that_is_no_base_model_is_told_by_its_field(tmp_path):
    with pytest.raises(SettingsError, match=r"compress\.teachers: .*champoin"):
        CompressSettings(teachers=["champoin"]).bases()
    (tmp_path / "config.json").write_text("{}")
    before = CompressSettings(teachers=[str(tmp_path)]).bases()
    (tmp_path / "model.safetensors").write_bytes(b"other weights")
    assert CompressSettings(teachers=[str(tmp_path)]).bases() != before, "the night's fingerprint has them"
    assert CompressSettings().bases() == {}


def test_other_teachers_than_full_have_no_inside_to_imitate():
    assert CompressSettings(teachers=["full", "champion", "package:a/b"]).teaching_bases == ["package:a/b"]
    with pytest.raises(ValueError, match="compare with layers of full"):
        CompressSettings(teachers=["champion"], attention_loss_weight=1.0)


def test_the_cheap_ones_that_come_near_go_on():
    points = [Point("dear", 0.90, 0.5), Point("equal", 0.89, 0.4), Point("dearer and worse", 0.88, 0.45),
              Point("bold", 0.87, 0.1), Point("poor", 0.5, 0.01)]  # fmt: skip
    assert survivors(points, 0.85, 2) == ["bold", "equal"]
    assert survivors(points, 0.85, 9) == ["bold", "equal", "dearer and worse", "dear"]
    assert survivors(points, 0.95, 2) == ["dear"], "where none comes near, the best goes on"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A small model that has learned its rows, its int8 form as it is served, and new rows with their labels."""
    folder = tmp_path_factory.mktemp("trained")
    model, tokenizer, heads, _ = train_once.prepared("bert", ("judged",))
    model = train_once.fit(folder / "work", num_train_epochs=12).model.eval()
    export.export(model, tokenizer, heads, folder, 32)
    quantization.quantize_int8(folder / export.ONNX, folder / export.ONNX)
    texts, labels = zip(*messages(800, seed=2), strict=True)
    return model, tokenizer, heads, folder, list(texts), list(labels)


def judged(predictor, texts, labels):
    """The first half of its answers as validation, the second as holdout."""
    names = predictor.heads["judged"].labels
    said = [names[place] for place in predictor.scores(texts, None, "judged").argmax(axis=1)]
    return {
        "validation": {"main": table(said[:400], labels[:400])},
        "holdout": {"main": table(said[400:], labels[400:])},
    }


def put_forward_of(trained, defective):
    """Whether a sound int8 form, and a defective model, would be put forward."""
    model, tokenizer, heads, folder, texts, labels = trained
    objectives = [objective()]
    full = TorchPredictor(model, tokenizer, heads, 32)
    predictors = {"full": (full, 8.0), "sound": (OnnxPredictor(folder), 2.0), "defective": (defective, 1.0)}
    found = {name: judged(predictor, texts, labels) for name, (predictor, _) in predictors.items()}
    full, *others = (
        measured(name, Cost(size_mb=1, latency_ms_p50=ms, latency_ms_p95=ms, throughput=1), found[name], objectives)
        for name, (_, ms) in predictors.items()
    )
    holdouts = {name: tables["holdout"] for name, tables in found.items()}
    assert full.accuracy > 0.9, "the model has learned something that could be lost"
    return selection.choose(full, others, holdouts, objectives, CompressSettings()).name


def test_a_corrupted_scale_is_not_put_forward(trained, tmp_path):
    folder = shutil.copytree(trained[3], tmp_path / "corrupted", ignore=shutil.ignore_patterns("work"))
    graph = onnx.load(folder / export.ONNX)
    products = [node for node in graph.graph.node if node.op_type == "DynamicQuantizeMatMul"]
    scale = next(tensor for tensor in graph.graph.initializer if tensor.name == products[-1].input[2])
    values = onnx.numpy_helper.to_array(scale).copy()
    values[np.argmax(values)] *= -64
    scale.CopyFrom(onnx.numpy_helper.from_array(values, scale.name))
    onnx.save(graph, folder / export.ONNX)
    assert put_forward_of(trained, OnnxPredictor(folder)) == "sound"


def test_a_student_with_swapped_labels_is_not_put_forward(trained):
    model, tokenizer, heads, *_ = trained
    swapped = {"judged": replace(heads["judged"], labels=heads["judged"].labels[::-1])}
    assert put_forward_of(trained, TorchPredictor(model, tokenizer, swapped, 32)) == "sound"

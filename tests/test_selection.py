"""The choice of a candidate: validation chooses, the holdout confirms in a fixed order."""

import shutil
from dataclasses import replace

import numpy as np
import onnx
import pytest
from factories import LABELS, WRONG_LABEL, answers, objective, table

from nightshift.inference.measurement import TorchPredictor
from nightshift.inference.predictor import OnnxPredictor
from nightshift.onnx import export
from nightshift.records import Candidate, Cost
from tasks.compress import selection
from tasks.compress.settings import CompressSettings
from tasks.compress.stage import measured_candidate


def build_candidate(name, latency, size=1.0, **validation):
    """Return a candidate.

    Args:
        name: Name and recipe.
        latency: Latency in ms at the median; at p95 it is twice that.
        size: Size in MB.
        **validation: Metrics on the validation rows.
    """
    return Candidate(name=name, recipe=name, size_mb=size, latency_ms_p50=latency, latency_ms_p95=2 * latency,
                     throughput=1, validation=validation)  # fmt: skip


def build_candidates(rows, wrong):
    """Candidates by name: (share wrong on the holdout, validation score, latency)."""
    labels, tables, built = LABELS[:rows], {}, []
    for name, (share, validation, latency) in wrong.items():
        tables[name] = {"main": table(answers(share, labels, seed=3), labels)}
        built.append(build_candidate(name, latency, size=10 * latency, macro_f1=validation, accuracy=validation))
    return built[0], built[1:], tables


def decide(full, alternatives, tables, metric="macro_f1", **settings):
    """Return the decided candidates by name, and the one that is put forward.

    Args:
        full: Candidate without compression.
        alternatives: All others.
        tables: Answers on the holdout by candidate and objective.
        metric: Metric of the objective.
        **settings: Settings of the compression.
    """
    decided = selection.choose(full, alternatives, tables, [objective(metric=metric)], CompressSettings(**settings))
    (best,) = (candidate for candidate in decided if candidate.chosen)
    return {candidate.name: candidate for candidate in decided}, best


def best_candidate(*candidates, **settings):
    return decide(*candidates, **settings)[1]


def test_the_cheapest_confirmed_candidate_is_put_forward():
    full, alternatives, tables = build_candidates(2000, {
        "full": (0.05, 0.950, 8.0), "careful": (0.05, 0.949, 3.0), "bold": (0.055, 0.948, 1.0), "poor": (0.3, 0.6, 0.5),
    })  # fmt: skip
    decided, best = decide(full, alternatives, tables)
    assert best.name == "bold" and best.confirmed
    assert [c.name for c in decided.values() if not c.qualifies] == ["poor"]


def test_a_candidate_that_wins_on_validation_only_is_not_put_forward():
    full, alternatives, tables = build_candidates(2000, {"full": (0.05, 0.95, 8.0), "lucky": (0.10, 0.96, 1.0)})
    decided, best = decide(full, alternatives, tables)
    assert best.name == "full" and "not confirmed" in decided["lucky"].why


def test_with_few_holdout_rows_the_choice_is_marked_unconfirmed():
    specs = {"full": (0.05, 0.95, 8.0), "small": (0.06, 0.95, 1.0)}
    best = best_candidate(*build_candidates(120, specs))
    assert best.name == "small" and not best.confirmed and "holdout rows would be needed" in best.why
    assert best_candidate(*build_candidates(120, specs), allow_unconfirmed=False).name == "full"


def test_few_holdout_rows_are_enough_to_tell_that_a_candidate_is_worse():
    full, (small,), tables = build_candidates(120, {"full": (0.05, 0.95, 8.0), "small": (0.20, 0.95, 1.0)})
    decided, best = decide(full, [small], tables)
    assert best.name == "full" and decided["small"].qualifies and "not confirmed" in decided["small"].why


def test_costs_within_ten_percent_are_ties_broken_by_quality():
    case = build_candidates(2000, {"full": (0.05, 0.95, 8.0), "a": (0.05, 0.945, 1.0), "b": (0.05, 0.949, 1.05)})
    assert best_candidate(*case).name == "b"


def test_at_most_three_are_tested_from_cautious_to_bold():
    shapes = {f"c{n}": (0.05, 0.950 - 0.001 * n, 8.0 - n) for n in range(1, 7)}
    full, alternatives, tables = build_candidates(2000, {"full": (0.05, 0.95, 8.0)} | shapes)
    decided, best = decide(full, alternatives, tables)
    assert best.name == "c6" and decided.pop("full").confirmed
    assert [c.name for c in decided.values() if c.confirmed] == ["c1", "c3", "c6"]
    assert all("not tested: 3 others" in c.why for c in decided.values() if not c.confirmed)


@pytest.mark.parametrize(
    ("target", "expected", "words"),
    [
        ({"min_speedup": 4.0}, "small", "2.7 times as fast as full, wanted 4.0"),
        ({"max_latency_ms": 2.5}, "small", "6.00 ms at p95, wanted at most 2.5"),
        ({"max_size_mb": 12.0}, "small", "30.0 MB, wanted at most 12.0"),
        ({"max_size_mb": 1.0}, "full", "30.0 MB, wanted at most 1.0"),
    ],
)
def test_targets_bar_what_misses_them(target, expected, words):
    specs = {"full": (0.05, 0.95, 8.0), "large": (0.05, 0.949, 3.0), "small": (0.05, 0.9485, 1.0)}
    full, alternatives, tables = build_candidates(2000, specs)
    decided, best = decide(full, alternatives, tables, **target)
    assert best.name == expected and words in decided["large"].why
    assert ("within the targets: 80.0 MB" in decided["full"].why) == (expected == "full")


def draw_answers(drop, rows, seed):
    """Full's and a candidate's answers: wrong on 12 and 12 + `drop` of 100 rows, otherwise on other rows of some."""
    random = np.random.default_rng(seed)
    labels = LABELS[random.integers(len(LABELS), size=rows)]
    regressed = random.random(rows) < 0.03 + drop
    improved = ~regressed & (random.random(rows) < 0.03 / (1 - 0.03 - drop))
    right = random.random(rows) < 0.88
    first = np.where(improved, False, np.where(regressed, True, right))
    second = np.where(improved, True, np.where(regressed, False, right))
    predictions = [np.where(hit, labels, [WRONG_LABEL[label] for label in labels]) for hit in (first, second)]
    return labels, *predictions


@pytest.mark.parametrize(("drop", "max_share", "min_share"), [(0.02, 0.05, 0.0), (0.0, 1.0, 0.8)])
def test_a_candidate_that_is_two_points_worse_is_confirmed_in_at_most_one_night_of_twenty(drop, max_share, min_share):
    runs, count = 400, 0
    for seed in range(runs):
        labels, first, second = draw_answers(drop, 2000, seed)
        built = [build_candidate("full", 8.0, accuracy=0.88), build_candidate("lucky", 1.0, accuracy=0.89)]
        tables = {"full": {"main": table(first, labels)}, "lucky": {"main": table(second, labels)}}
        best = best_candidate(built[0], built[1:], tables, metric="accuracy")
        count += best.confirmed and best.name == "lucky"
    noise = 2.6 * (0.05 * 0.95 / runs) ** 0.5
    assert min_share <= count / runs <= max_share + noise


def test_a_candidate_keeps_an_error_by_not_exceeding_it():
    labels, noise = np.random.default_rng(7).normal(size=(2, 1000))
    built, tables = [], {}
    for name, error, validation, latency in (("full", 0.5, 0.5, 8), ("near", 0.501, 0.505, 2), ("far", 0.6, 0.52, 1)):
        built.append(build_candidate(name, latency, rmse=validation, pearson=1 - validation))
        tables[name] = {"main": table(labels + error * noise, labels)}
    full, near, far = built
    _, best, far = selection.choose(full, [near, far], tables, [objective("regression", "rmse")], CompressSettings())
    assert best.chosen and best.name == "near" and best.confirmed and not far.qualifies and "below 99%" in far.why


def tables_by_side(predictor, texts, labels):
    """The first half of its answers as validation, the second as holdout."""
    names = predictor.heads["judged"].labels
    predicted = [names[index] for index in predictor.scores(texts, None, "judged").argmax(axis=1)]
    return {
        "validation": {"main": table(predicted[:400], labels[:400])},
        "holdout": {"main": table(predicted[400:], labels[400:])},
    }


def best_candidate_name(trained_bert, defective):
    """The name of the candidate that is put forward: full, a sound int8 form or a defective model."""
    model, tokenizer, heads, folder, texts, labels = trained_bert
    objectives = [objective()]
    full = TorchPredictor(model, tokenizer, heads, 32)
    predictors = {"full": (full, 8.0), "sound": (OnnxPredictor(folder), 2.0), "defective": (defective, 1.0)}
    side_tables = {name: tables_by_side(predictor, texts, labels) for name, (predictor, _) in predictors.items()}
    full, *alternatives = (
        measured_candidate(
            name, Cost(size_mb=1, latency_ms_p50=ms, latency_ms_p95=ms, throughput=1), side_tables[name], objectives
        )
        for name, (_, ms) in predictors.items()
    )
    holdouts = {name: tables["holdout"] for name, tables in side_tables.items()}
    assert full.accuracy > 0.9, "the model has learned something that could be lost"
    decided = selection.choose(full, alternatives, holdouts, objectives, CompressSettings())
    return next(candidate.name for candidate in decided if candidate.chosen)


def test_a_corrupted_scale_is_not_put_forward(trained_bert, tmp_path):
    folder = shutil.copytree(trained_bert[3], tmp_path / "corrupted", ignore=shutil.ignore_patterns("work"))
    graph = onnx.load(folder / export.ONNX)
    products = [node for node in graph.graph.node if node.op_type == "DynamicQuantizeMatMul"]
    scale = next(tensor for tensor in graph.graph.initializer if tensor.name == products[-1].input[2])
    values = onnx.numpy_helper.to_array(scale).copy()
    values[np.argmax(values)] *= -64
    scale.CopyFrom(onnx.numpy_helper.from_array(values, scale.name))
    onnx.save(graph, folder / export.ONNX)
    assert best_candidate_name(trained_bert, OnnxPredictor(folder)) == "sound"


def test_a_student_with_swapped_labels_is_not_put_forward(trained_bert):
    model, tokenizer, heads, *_ = trained_bert
    swapped = {"judged": replace(heads["judged"], labels=heads["judged"].labels[::-1])}
    assert best_candidate_name(trained_bert, TorchPredictor(model, tokenizer, swapped, 32)) == "sound"

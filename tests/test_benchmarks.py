"""The benchmarks run: their scripts, the command, its output and its files. No measurement is checked."""

import argparse
import csv
import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from conftest import Shell
from samples import messages

from benchmarks import architectures, compress, gpu, gpu_serving, others, ray_nodes, results, validate
from benchmarks.train import SCRIPTS
from cli import main

FOLDER = Path(gpu.__file__).parent


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rows")
    for name, examples in (("train", messages(64)), ("test", messages(16, seed=2))):
        with (folder / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("text", "label"), *examples])
    return folder


def start_script(script, rows, model, *more):
    """Start a script of the training benchmark.

    Args:
        script: Name of the script.
        rows: Folder with the CSV files.
        model: Base model.
        *more: Further arguments.
    """
    command = [FOLDER / "scripts" / f"{script}.py", "--train", rows / "train.csv", "--test", rows / "test.csv",
               "--model", model, "--epochs", "1", "--seed", "1", "--batch", "4", *more]  # fmt: skip
    return subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def read_metrics(process):
    out, err = process.communicate()
    assert process.returncode == 0, err[-2000:]
    return json.loads(out.splitlines()[-1])


@pytest.mark.slow
def test_the_four_scripts_train_the_same_rows_and_one_that_is_cut_off_judges_nothing(rows, tiny_base):
    metrics = {}
    limited = start_script("ours", rows, tiny_base, "--limit-seconds", "0")
    for group in (SCRIPTS[:2], SCRIPTS[2:]):
        running = {script: start_script(script, rows, tiny_base) for script in group}
        metrics |= {script: read_metrics(process) for script, process in running.items()}
    for script_metrics in metrics.values():
        assert script_metrics["rows_per_second"] * script_metrics["seconds"] == pytest.approx((64 // 4 - 5) * 4)
        assert 5 < script_metrics["tokens_per_second"] / script_metrics["rows_per_second"] < 20
        assert 0 <= script_metrics["accuracy"] <= 1 and script_metrics["peak_memory_mb"] > 50
        assert 0 < script_metrics["gemm_share"] < 1
    padding = {script: script_metrics["padding_share"] for script, script_metrics in metrics.items()}
    assert 0 <= padding["ours"] < padding["tutorial"] < padding["run_glue"] < padding["article"] < 1
    script_metrics = read_metrics(limited)
    assert script_metrics["accuracy"] is None
    assert script_metrics["rows_per_second"] * script_metrics["seconds"] == pytest.approx(4)


@pytest.mark.slow
def test_a_killed_training_by_the_command(tmp_path):
    shell = Shell(tmp_path)
    record = shell.json("bench", "kills", "--rounds", "1", "--kills", "1", "--kinds", "one", "--output", str(tmp_path))
    assert record["table"][0]["ended with the same weights"] == 1
    (run,) = record["runs"]["one"]
    assert run["kills"] == record["table"][0]["SIGKILLs that hit"]
    assert json.loads((tmp_path / "kills.json").read_text()) == record
    page = (tmp_path / "kills.md").read_text()
    assert page == results.page(record) and "nightshift bench kills --rounds 1 --kills 1 --kinds one" in page


@pytest.mark.slow
@pytest.mark.usefixtures("real_data")
def test_a_night_and_a_plain_script_of_the_same_steps(tmp_path, tiny_base):
    arguments = ("--rows", "150", "--epochs", "1", "--model", str(tiny_base), "--output", str(tmp_path))
    record = Shell(tmp_path).json("bench", "night", *arguments)
    rows = {row["step"]: (row["nightshift, s"], row["plain script, s"]) for row in record["table"]}
    assert all(seconds for seconds in rows["train"] + rows["compress"] + rows["in all"])
    assert rows["gate"][1] is None and rows["disk, MB (aim ≤ 200)"][0] > 0
    models = record["more_tables"]["Models of the last round"]
    assert {row["model"].removesuffix(" *") for row in models if row["by"] == "plain script"} >= {
        row["model"].removesuffix(" *") for row in models if row["by"] == "nightshift"
    }
    assert all(0 <= row["accuracy"] <= 1 and row["ms, p50"] > 0 for row in models)


@pytest.mark.slow
def test_of_two_nights_that_end_together_one_moves_the_alias(tmp_path):
    shell = Shell(tmp_path)
    record = shell.json("bench", "endings", "--rounds", "5", "--output", str(tmp_path))
    assert record["table"] == [{"rounds": 5, "exactly one moved the alias": 5, "both are in the ledger": 5}]
    for run in record["runs"]:
        assert sorted(status for status, _ in run["ends"].values()) == ["held", "promoted"]
        (held_reason,) = (reason for status, reason in run["ends"].values() if status == "held")
        assert "nothing was moved" in held_reason


def test_calls_of_a_round_share_the_nodes_and_rounds_follow_each_other():
    calls = [("training with seed 42", 20.0), ("distil:3", 4.0), ("distil:4", 6.0), ("distil:5", 5.0)]
    calls += [("export of distil:3", 1.0), ("export of distil:4", 1.0), ("predictions of distil:3", 2.0)]
    one_node = {"compress": 21.0, "calls": calls}
    assert ray_nodes._computed_seconds(one_node, 1) == 21
    assert ray_nodes._computed_seconds(one_node, 2) == 2 + 9 + 1 + 2


def test_no_such_benchmark(shell):
    process = shell("bench", "nothing")
    assert process.returncode == 2 and "no benchmark is called nothing; there are train, flow" in process.stderr


def test_every_benchmark_is_there():
    for module in main.BENCHMARKS.values():
        assert (FOLDER.parent / f"{module.replace('.', '/')}.py").exists()


def test_an_architecture_that_cannot_be_trained_is_a_line_of_the_table_with_its_reason():
    measurements = architectures.main(["--only", "xlnet"])
    assert [(row["architecture"], row["train"], row["serve"]) for row in measurements["table"]] == [
        ("xlnet", "no", "–")
    ]
    assert measurements["notes"][0].startswith("xlnet: such models answer otherwise where a text is padded")


def test_the_table_of_architectures_is_the_measured_one():
    record = json.loads((results.FOLDER / "architectures.json").read_text())
    page = (FOLDER.parent / "docs/architectures.md").read_text()
    assert results.table(record["table"]) in page
    assert all(f"- {note}\n" in page for note in record["notes"])


@pytest.mark.slow
def test_the_gpu_benchmark_on_tiny_models():
    measurements = gpu.main(["--tiny"])
    assert [row["model"] for row in measurements["table"]] == ["bert", "bert", "bert", "gpt2", "gpt2"]
    assert all(row["tokens/s"] > 0 for row in measurements["table"])
    assert measurements["table"][0]["padding, %"] == 0 < measurements["table"][2]["padding, %"]
    assert results.table(measurements["table"]).count("\n") == 7


@pytest.mark.slow
def test_forms_for_a_gpu_on_tiny_models():
    measurements = gpu_serving.main(["--tiny"])
    rows = {(row["model"], row["texts"], row["form"]): row for row in measurements["table"]}
    assert len(rows) == len(measurements["table"]) == 2 * (6 + 5)
    assert all(row["ms"] > 0 for row in rows.values())
    plain, half = rows["bert", 1, "float32"], rows["bert", 1, "float16"]
    assert plain["apart, %"] == 0 < half["apart, %"] < 1 and half["weights, MB"] < plain["weights, MB"]
    assert rows["gpt2", 128, "int8, widened"]["apart, %"] < 2


def test_a_night_that_ended_is_not_run_again_unless_it_is_told_otherwise(tmp_path):
    settings = {"model": "bench", "data": {"path": "nothing.csv"}}
    record = {"told": {"settings": settings, "overrides": []}, "candidates": [{"name": "full"}]}
    (tmp_path / "night.json").write_text(json.dumps(record))
    (tmp_path / "home/artifacts/compress/x").mkdir(parents=True)
    assert compress._run_pipeline(tmp_path, settings, []) == [{"name": "full"}]
    with pytest.raises(RuntimeError, match="exit code 2"):
        compress._run_pipeline(tmp_path, settings, ["train.seed=2"])
    assert not (tmp_path / "home/artifacts/compress").exists()


def test_parts_of_a_model_are_timed_once_for_all_nights(tmp_path, monkeypatch):
    calls = []

    def run_pipeline(folder, settings, overrides):
        calls.append((folder.name, settings["train"]["seed"], overrides))
        (folder / "home/measured").mkdir(parents=True)
        (folder / "home/measured/table.json").write_text("[]")

    monkeypatch.setattr(compress, "_run_pipeline", run_pipeline)
    monkeypatch.setenv("NIGHTSHIFT_TEST_DATA", str(tmp_path))
    run_folders = [tmp_path / "a", tmp_path / "b"]
    options = argparse.Namespace(
        data="sst2", untrained=False, recipes="distil+prune:512,distil+prune:0.5+prune:0.7+quantize", set=["x=1"]
    )
    compress._measure_latency_table(options, tmp_path / "measured", run_folders)
    ((name, seed, overrides),) = calls
    assert (name, seed) == ("measured", 1) and overrides[0] == "x=1"
    assert overrides[-1] == "compress.recipes=[distil+prune:0.5]" and "train.num_train_epochs=0.01" in overrides
    assert all((folder / "home/measured/table.json").exists() for folder in run_folders)
    options.recipes = "quantize,distil"
    compress._measure_latency_table(options, tmp_path / "none", run_folders)
    assert len(calls) == 1, "nothing is pruned by a table"


def measured_candidate(name, accuracy, latency, size, **more):
    """Return a candidate with its costs.

    Args:
        name: Name of the candidate.
        accuracy: Accuracy on the holdout.
        latency: Milliseconds for one text.
        size: Megabytes of its file.
        **more: Further measurements.
    """
    return {"name": name, "accuracy": accuracy, "perplexity": None, "latency_ms_p50": latency, "latency_ms_p95": latency,
            "throughput": 1.0, "size_mb": size, "memory_mb": 1.0, "load_ms": 1.0, "seconds": 60.0, "confirmed": True} | more  # fmt: skip


def test_the_compression_table_sets_each_model_against_full_of_its_own_night():
    runs = []
    for seed, slow in ((1, 1), (2, 3), (3, 1)):
        quick = measured_candidate("distil+quantize", 0.895 - seed / 1000, slow, 9.0, confirmed=seed < 3)
        alternatives = [{"name": "TF-IDF, logistic regression", "accuracy": 0.8, "latency_ms_p50": slow / 2}]
        candidates = [
            measured_candidate("full", 0.9, 16 * slow, 90.0),
            quick,
            measured_candidate("quantize", 0.9, 3 * slow, 23.0),
        ]
        runs.append({"candidates": candidates, "beside": alternatives})
    full, quick, plain, simple = compress._rows(runs)
    assert (quick["times as fast"], quick["times as small"], quick["confirmed"]) == (16, 10, "2 of 3")
    assert (
        quick["accuracy"] == 0.893 and quick["kept, %"] == pytest.approx(100 * 0.893 / 0.9) and full["kept, %"] == 100
    )
    assert simple["times as fast"] == 32 and simple["times as small"] is None
    verdicts = compress._verdicts([full, quick, plain, simple])
    assert [line.rsplit(": ", 1)[1] for line in verdicts] == ["met", "missed", "missed"]
    assert "distil+quantize is 16 times as fast" in verdicts[0]
    assert compress._comparisons([full, quick, simple])[-1] == (
        "TF-IDF, logistic regression: more than ours at its latency"
    )
    slower = simple | {"times as fast": 6.0}
    comparison, verdict = compress._comparisons([full, quick, plain, slower])
    assert comparison.endswith("keeps 88.9 % at 6 times full's speed; distil+quantize 99.2 % at 16")
    assert verdict == "no alternative keeps more at its latency"
    better = slower | {"kept, %": 99.9}
    assert compress._comparisons([full, quick, plain, better])[-1].endswith("more than ours at its latency")
    (verdict,) = compress._untrained([full, plain, simple])
    assert "quantize keeps 100.0 %, is 5.3 times as fast and made in 60 s" in verdict and verdict.endswith("met")


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["--untrained"], "compress-sst2-untrained"),
        (["--data", "waimai", "--recipes", "auto"], "compress-waimai-auto"),
        (["--recipes", "static+quantize,static+vocabulary+quantize"], "compress-sst2-static"),
        (["--recipes", "static+quantize,quantize"], "compress-sst2"),
    ],
)
def test_results_of_other_recipes_do_not_write_over_those_of_all(arguments, name):
    assert compress._result_name(compress._parse(argparse.ArgumentParser(add_help=False), arguments)) == name


def test_an_alternative_reads_both_texts_of_a_pair():
    texts, pairs = ["a lamp", "a tent"] * 10, ["a boat", "a boat", "a stove", "a stove"] * 5
    rows = pd.DataFrame({"text": texts, "text_pair": pairs, "label": pairs})
    (predict,) = others.train_alternatives(rows, None).values()
    assert list(predict(texts, pairs)) == pairs


def test_of_a_perplexity_full_is_the_share():
    full = {"perplexity": 80.0, "accuracy": None}
    assert compress._quality_ratio({"perplexity": 100.0, "accuracy": None}, full) == pytest.approx(0.8)


def test_the_tools_of_the_data_gate_find_the_same_missing_texts_and_labels(tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))
    validate.write_rows(tmp_path / "rows.csv", 2000, columns=2)
    ours, _ = validate._ingest_and_validate(tmp_path / "rows.csv")
    theirs, _ = validate._great_expectations(tmp_path / "rows.csv")
    assert ours["missing"] == theirs["expect_column_values_to_not_be_null"] > 5
    unknown_with_text = theirs["expect_column_values_to_be_in_set"] - ours["unknown label"]
    assert 0 <= unknown_with_text <= 3 and ours["unknown label"] > 5 and 20 < ours["duplicate"] < 60


@pytest.mark.slow
def test_the_data_gate_beside_other_tools(tmp_path):
    record = Shell(tmp_path).json("bench", "validate", "--rows", "300,600", "--runs", "1", "--output", str(tmp_path))
    assert [row["rows"] for row in record["table"]][::2][0] == 300 and len(record["table"]) >= 6
    assert all(row["MB"] > 50 and row["failing rows"] > 0 for row in record["table"])
    assert (tmp_path / "validate.md").read_text() == results.page(record)

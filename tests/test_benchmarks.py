"""The benchmarks run: their scripts, the command, what it prints and writes. The figures are none."""

import argparse
import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Shell
from samples import messages

from benchmarks import architectures, compress, gpu, gpu_serving, results
from benchmarks.train import SCRIPTS
from cli import main

FOLDER = Path(gpu.__file__).parent


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rows")
    for name, found in (("train", messages(64)), ("test", messages(16, seed=2))):
        with (folder / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("text", "label"), *found])
    return folder


def started(script, rows, model, *more):
    command = [FOLDER / "scripts" / f"{script}.py", "--train", rows / "train.csv", "--test", rows / "test.csv",
               "--model", model, "--epochs", "1", "--seed", "1", "--batch", "4", *more]  # fmt: skip
    return subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def said(process):
    out, err = process.communicate()
    assert process.returncode == 0, err[-2000:]
    return json.loads(out.splitlines()[-1])


@pytest.mark.slow
def test_the_four_scripts_train_the_same_rows_and_one_that_is_cut_off_judges_nothing(rows, tiny_base):
    found = {}
    cut = started("ours", rows, tiny_base, "--limit-seconds", "0")
    for group in (SCRIPTS[:2], SCRIPTS[2:]):
        running = {script: started(script, rows, tiny_base) for script in group}
        found |= {script: said(process) for script, process in running.items()}
    for line in found.values():
        assert line["rows_per_second"] * line["seconds"] == pytest.approx((64 // 4 - 5) * 4)
        assert 5 < line["tokens_per_second"] / line["rows_per_second"] < 20
        assert 0 <= line["accuracy"] <= 1 and line["peak_memory_mb"] > 50
    line = said(cut)
    assert line["accuracy"] is None
    assert line["rows_per_second"] * line["seconds"] == pytest.approx(4)


@pytest.mark.slow
def test_a_killed_training_by_the_command(tmp_path):
    shell = Shell(tmp_path)
    found = shell.json("bench", "kills", "--rounds", "1", "--kills", "1", "--kinds", "one", "--output", str(tmp_path))
    assert found["table"][0]["ended with the same weights"] == 1
    (run,) = found["runs"]["one"]
    assert run["kills"] == found["table"][0]["SIGKILLs that hit"]
    assert json.loads((tmp_path / "kills.json").read_text()) == found
    page = (tmp_path / "kills.md").read_text()
    assert page == results.page(found) and "nightshift bench kills --rounds 1 --kills 1 --kinds one" in page


@pytest.mark.slow
def test_of_two_nights_that_end_together_one_moves_the_alias(tmp_path):
    shell = Shell(tmp_path)
    found = shell.json("bench", "endings", "--rounds", "5", "--output", str(tmp_path))
    assert found["table"] == [{"rounds": 5, "exactly one moved the alias": 5, "both are in the ledger": 5}]
    for run in found["runs"]:
        assert sorted(status for status, _ in run["ends"].values()) == ["held", "promoted"]
        (why,) = (reason for status, reason in run["ends"].values() if status == "held")
        assert "nothing was moved" in why


def test_no_such_benchmark(shell):
    done = shell("bench", "nothing")
    assert done.returncode == 2 and "no benchmark is called nothing; there are train, flow" in done.stderr


def test_every_benchmark_is_there():
    for module in main.BENCHMARKS.values():
        assert (FOLDER.parent / f"{module.replace('.', '/')}.py").exists()


def test_an_architecture_that_cannot_be_trained_is_a_line_of_the_table_with_its_reason():
    found = architectures.main(["--only", "xlnet"])
    assert [(row["architecture"], row["train"], row["serve"]) for row in found["table"]] == [("xlnet", "no", "–")]
    assert found["notes"][0].startswith("xlnet: such models answer otherwise where a text is padded")


def test_the_table_of_architectures_is_the_measured_one():
    found = json.loads((results.FOLDER / "architectures.json").read_text())
    page = (FOLDER.parent / "docs/architectures.md").read_text()
    assert results.table(found["table"]) in page
    assert all(f"- {note}\n" in page for note in found["notes"])


@pytest.mark.slow
def test_the_gpu_benchmark_on_tiny_models():
    found = gpu.main(["--tiny"])
    assert [row["model"] for row in found["table"]] == ["bert", "bert", "bert", "gpt2", "gpt2"]
    assert all(row["tokens/s"] > 0 for row in found["table"])
    assert found["table"][0]["padding, %"] == 0 < found["table"][2]["padding, %"]
    assert results.table(found["table"]).count("\n") == 7


@pytest.mark.slow
def test_forms_for_a_gpu_on_tiny_models():
    found = gpu_serving.main(["--tiny"])
    rows = {(row["model"], row["texts"], row["form"]): row for row in found["table"]}
    assert len(rows) == len(found["table"]) == 2 * (6 + 5)
    assert all(row["ms"] > 0 for row in rows.values())
    plain, half = rows["bert", 1, "float32"], rows["bert", 1, "float16"]
    assert plain["apart, %"] == 0 < half["apart, %"] < 1 and half["weights, MB"] < plain["weights, MB"]
    assert rows["gpt2", 128, "int8, widened"]["apart, %"] < 2


def test_a_night_that_ended_is_not_run_again_unless_it_is_told_otherwise(tmp_path):
    settings = {"model": "bench", "data": {"path": "nothing.csv"}}
    found = {"told": {"settings": settings, "overrides": []}, "candidates": [{"name": "full"}]}
    (tmp_path / "night.json").write_text(json.dumps(found))
    (tmp_path / "home/artifacts/compress/x").mkdir(parents=True)
    assert compress._night(tmp_path, settings, []) == [{"name": "full"}]
    with pytest.raises(RuntimeError, match="exit code 2"):
        compress._night(tmp_path, settings, ["train.seed=2"])
    assert not (tmp_path / "home/artifacts/compress").exists()


def test_parts_of_a_model_are_timed_once_for_all_nights(tmp_path, monkeypatch):
    told = []

    def night(place, settings, overrides):
        told.append((place.name, settings["train"]["seed"], overrides))
        (place / "home/measured").mkdir(parents=True)
        (place / "home/measured/table.json").write_text("[]")

    monkeypatch.setattr(compress, "_night", night)
    monkeypatch.setenv("NIGHTSHIFT_TEST_DATA", str(tmp_path))
    places = [tmp_path / "a", tmp_path / "b"]
    asked = argparse.Namespace(
        data="sst2", untrained=False, recipes="distil+prune:512,distil+prune:0.5+prune:0.7+quantize", set=["x=1"]
    )
    compress._measured(asked, tmp_path / "measured", places)
    ((name, seed, overrides),) = told
    assert (name, seed) == ("measured", 1) and overrides[0] == "x=1"
    assert overrides[-1] == "compress.recipes=[distil+prune:0.5]" and "train.num_train_epochs=0.01" in overrides
    assert all((place / "home/measured/table.json").exists() for place in places)
    asked.recipes = "quantize,distil"
    compress._measured(asked, tmp_path / "none", places)
    assert len(told) == 1, "nothing is pruned by a table"


def costed(name, accuracy, latency, size, **more):
    return {"name": name, "accuracy": accuracy, "perplexity": None, "latency_ms_p50": latency, "latency_ms_p95": latency,
            "throughput": 1.0, "size_mb": size, "memory_mb": 1.0, "load_ms": 1.0, "seconds": 60.0, "confirmed": True} | more  # fmt: skip


def test_the_compression_table_sets_each_model_against_full_of_its_own_night():
    runs = []
    for seed, slow in ((1, 1), (2, 3), (3, 1)):
        quick = costed("distil+quantize", 0.895 - seed / 1000, slow, 9.0, confirmed=seed < 3)
        beside = [{"name": "TF-IDF, logistic regression", "accuracy": 0.8, "latency_ms_p50": slow / 2}]
        candidates = [costed("full", 0.9, 13 * slow, 90.0), quick, costed("quantize", 0.9, 3 * slow, 23.0)]
        runs.append({"candidates": candidates, "beside": beside})
    full, quick, plain, simple = compress._rows(runs)
    assert (quick["times as fast"], quick["times as small"], quick["confirmed"]) == (13, 10, "2 of 3")
    assert (
        quick["accuracy"] == 0.893 and quick["kept, %"] == pytest.approx(100 * 0.893 / 0.9) and full["kept, %"] == 100
    )
    assert simple["times as fast"] == 26 and simple["times as small"] is None
    verdicts = compress._verdicts([full, quick, plain, simple])
    assert [line.rsplit(": ", 1)[1] for line in verdicts] == ["met", "missed"]
    assert "distil+quantize is 13 times as fast" in verdicts[0]
    (verdict,) = compress._untrained([full, plain, simple])
    assert "quantize keeps 100.0 %, is 4.3 times as fast and made in 60 s" in verdict and verdict.endswith("missed")


def test_of_a_perplexity_full_is_the_share():
    full = {"perplexity": 80.0, "accuracy": None}
    assert compress._kept({"perplexity": 100.0, "accuracy": None}, full) == pytest.approx(0.8)

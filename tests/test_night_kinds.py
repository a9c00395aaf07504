"""Whole nights of every kind by the command line, on tiny scratch models; classification alone is in test_night.py."""

import json
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from conftest import Shell
from samples import PLAIN, messages

SMALL_BERT = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64,
              "vocab_size": 400}  # fmt: skip
SMALL_GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64, "vocab_size": 400}
SMALL_T5 = {"d_model": 32, "d_ff": 64, "d_kv": 16, "num_layers": 1, "num_heads": 2, "vocab_size": 300}
ROWS = messages(500)


@pytest.fixture
def night(tmp_path):
    """A folder with one file for every kind, and a way to write settings."""
    things = ("tent", "stove", "lamp", "bag")
    frame = pd.DataFrame(ROWS, columns=["text", "mood"])
    frame["things"] = [",".join(sorted(set(things) & set(text.split())) or ["nothing"]) for text in frame["text"]]
    frame["words"] = [len(text.split()) + 0.5 for text in frame["text"]]
    frame["first"] = [text.split()[0].upper() for text in frame["text"]]
    frame["day"] = [f"2026-01-{1 + place // 20:02d}" for place in range(len(frame))]
    frame.to_csv(tmp_path / "rows.csv", index=False)
    (tmp_path / "book.txt").write_text("\n\n".join(f"{text}\nand {text}." for text, _ in ROWS))

    def write(**settings):
        told = {"num_train_epochs": 4, "learning_rate": 3e-3, "max_length": 48} | settings.pop("train")
        small = {"model": "small", "train": told, "augment": {"method": "none"}, "gate": {"first": "dummy"}}
        (tmp_path / "night.json").write_text(json.dumps(small | settings))
        return "night.json"

    return write


@pytest.fixture
def shell(tmp_path, prefect_api):
    return Shell(tmp_path, prefect_api)


def data(label, **more):
    return {"path": "rows.csv", "text": "text", "label": label} | more


def test_one_encoder_learns_labels_several_labels_and_a_number(shell, night, tmp_path):
    name = night(
        objectives={
            "mood": {"data": data("mood")},
            "things": {"role": "auxiliary", "data": data("things", label_separator=","), "weight": 0.5},
            "words": {"role": "auxiliary", "kind": "regression", "data": data("words")},
        },
        train={
            "base_model": "scratch:bert",
            "scratch": SMALL_BERT,
            "compare_single": True,
            "sampling": "temperature",
            "num_train_epochs": 20,
            "decision_threshold": "auto",
            "abstain_accuracy": 0.98,
        },
        compress={"recipes": ["vocabulary+quantize"]},
    )
    found = shell.json("run", name)
    assert found["status"] == "promoted", found["reason"]
    rows, metrics = found["rows"], found["metrics"]
    assert rows["read"] == 1500 == rows["kept"] + rows["quarantined"]
    assert rows["kept"] == rows["train"] + rows["validation"] + rows["holdout"]
    assert metrics["mood/accuracy"] > 0.8 and {"things/macro_f1", "words/pearson"} <= set(metrics)
    parts = [1 * metrics["mood/macro_f1"], 0.5 * metrics["things/macro_f1"], 1 * metrics["words/pearson"]]
    assert metrics["weighted"] == pytest.approx(sum(parts) / 2.5)
    assert [candidate["name"] for candidate in found["candidates"]] == ["full", "vocabulary+quantize"]
    page = (tmp_path / found["report"]).read_text()
    assert "Did sharing help?" in page and "tokens a second" in page
    assert 0 < metrics["mood/coverage"] <= 1 and "of mood are answered without abstaining" in page
    for objective, column in (("mood", "predicted"), ("things", "predicted"), ("words", "predicted")):
        done = shell("predict", "models:/small@champion", "rows.csv", "--objective", objective, "--output", "out.csv")
        assert done.returncode == 0, done.stderr
        out = pd.read_csv(tmp_path / "out.csv")
        answers = out[column]
        assert ("abstain" in out) == (objective == "mood")
        assert len(answers) == 500 and answers.nunique() > 1
    done = shell("predict", "models:/small@champion", "rows.csv", "--objective", "mod")
    assert done.returncode == 2 and "mood, things, words" in done.stderr


def test_one_decoder_writes_and_judges_and_the_next_night_is_compared(shell, night, tmp_path):
    settings = {
        "objectives": {
            "writing": {"kind": "generation", "data": {"path": "book.txt", "paragraphs": True}},
            "mood": {"role": "auxiliary", "data": data("mood")},
        },
        "train": {"base_model": "scratch:gpt2", "scratch": SMALL_GPT2, "num_train_epochs": 12},
        "compress": {"max_size_mb": 0.2},
    }
    first = shell.json("run", night(**settings))
    assert first["status"] == "promoted", first["reason"]
    full, small = first["candidates"]
    assert (full["name"], small["name"]) == ("full", "quantize") and small["size_mb"] < 0.4 * full["size_mb"]
    assert small["chosen"], "full is over the target"
    assert first["metrics"]["writing/loss"] < first["baseline"]["writing/loss"] - 0.3
    assert "What it writes: writing" in (tmp_path / first["report"]).read_text()
    (tmp_path / "new.csv").write_text("text\nthe parcel came\n")
    done = shell("predict", "models:/small@champion", "new.csv")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()[1].split(",", 1)[1]) > 5
    assert shell("export", "small@champion", "taken").returncode == 0
    assert "answers in int8" in (tmp_path / "taken/README.md").read_text()
    settings["train"] |= {"num_train_epochs": 16, "seed": 1}
    second = shell.json("run", night(**settings))
    assert second["gate"]["interval"] and second["gate"]["difference"] == pytest.approx(
        second["metrics"]["weighted"] - first["metrics"]["weighted"], abs=1e-6
    )


def test_text_to_text_learns_its_task(shell, night, tmp_path):
    found = shell.json("run", night(
        kind="text2text", data=data("first"),
        train={"base_model": "scratch:t5", "scratch": SMALL_T5, "num_train_epochs": 60, "learning_rate": 5e-3},
    ))  # fmt: skip
    assert found["status"] == "promoted", found["reason"]
    assert found["metrics"]["chrf"] > 2 * found["baseline"]["chrf"]
    model = mlflow.MlflowClient(f"sqlite:///{tmp_path}/home/mlflow/mlflow.db")
    version = model.get_model_version_by_alias("small", "champion")
    assert json.loads(version.tags["nightshift.objectives"]) == {"main": "text2text"}
    assert "tokenizer 13a" in Path(found["report"]).read_text()


def test_the_champions_weights_a_window_and_a_new_label(shell, night, tmp_path):
    train = {"base_model": "scratch:bert", "scratch": SMALL_BERT, "warm_start": "champion", "window": 300}
    told = {"data": data("mood", timestamp="day"), "train": train, "compress": {"recipes": []}}
    first = shell.json("run", night(**told))
    assert first["status"] == "promoted", first["reason"]
    assert first["rows"]["train"] == 300
    assert first["rows"]["kept"] == 300 + first["rows"]["validation"] + first["rows"]["holdout"]
    assert first["rows"]["kept"] + first["rows"]["quarantined"] == 500
    with (tmp_path / "rows.csv").open("a") as file:
        for place in range(60):
            file.write(f"{PLAIN[place % 20]} {PLAIN[place // 20]} meh {place},mixed,nothing,1,A,2026-02-01\n")
    told["train"] = train | {"num_train_epochs": 2}
    second = shell.json("run", night(**told))
    page = (tmp_path / second["report"]).read_text()
    assert "The training went on from the weights of version 1" in page
    assert "new since version 1: mixed" in page
    assert second["status"] == "held"
    assert any(line.startswith("other labels than the champion's, new: mixed") for line in second["gate"]["reasons"])
    by_order = night(**told, split={"by": "order", "holdout": 0.5})
    third = shell("run", by_order)
    assert third.returncode == 0 and "was trained on" in third.stderr, third.stderr[-2000:]
    told_first, untrained = third.stdout.splitlines()[0], "rows that carry them count as wrong: mixed (60)."
    assert untrained in told_first, "no row of 'mixed' is old enough to train"
    page = next(line.split()[1] for line in third.stdout.splitlines() if line.startswith("report"))
    lead = (tmp_path / page).read_text().partition('<p class="lead">')[2]
    assert untrained in lead.partition("</p>")[0]
    version = mlflow.MlflowClient(f"sqlite:///{tmp_path}/home/mlflow/mlflow.db").get_model_version("small", "3")
    assert untrained in version.description.splitlines()[0]


def test_a_deadline_sheds_compression_and_stops_the_training(shell, night, tmp_path):
    found = shell.json("run", night(
        data=data("mood"), deadline=1, compress={"recipes": ["distil"], "distil_epochs": 100000},
        train={"base_model": "scratch:bert", "scratch": SMALL_BERT, "num_train_epochs": 1000, "save_steps": 1000},
    ))  # fmt: skip
    assert found["status"] == "promoted", found["reason"]
    (full,) = found["candidates"]
    assert full["name"] == "full" and "left out: distil (shed by the deadline)" in full["why"]
    assert "stopped by the deadline at step" in (tmp_path / found["report"]).read_text()
    assert "stopped by the deadline at step" in found["reason"]
    assert sum(found["seconds"].values()) < 120


def test_a_poisoned_training_is_one_line(shell, night, tmp_path):
    name = night(
        kind="regression", data=data("words"),
        train={"base_model": "scratch:bert", "scratch": SMALL_BERT, "learning_rate": 1e30, "precision": "float32"},
    )  # fmt: skip
    done = shell("run", name)
    assert done.returncode == 1
    line = done.stderr.splitlines()[-1]
    assert line.startswith("train: the loss ") and "row_key" in line and "train.learning_rate" in line

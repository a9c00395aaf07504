"""Whole nights of every kind by the command line, on tiny scratch models; classification alone is in test_night.py."""

import json
from dataclasses import dataclass
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from conftest import Shell
from mlflow.entities.model_registry import ModelVersion
from samples import PLAIN, messages

pytestmark = pytest.mark.slow

SMALL_BERT = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64,
              "vocab_size": 400}  # fmt: skip
SMALL_GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64, "vocab_size": 400}
SMALL_T5 = {"d_model": 32, "d_ff": 64, "d_kv": 16, "num_layers": 1, "num_heads": 2, "vocab_size": 300}
ROWS = messages(500)


@dataclass
class Project:
    """A folder with one file for every kind of objective."""

    shell: Shell

    @property
    def folder(self) -> Path:
        return self.shell.folder

    def write_settings(self, **settings) -> str:
        train = {"num_train_epochs": 4, "learning_rate": 3e-3, "max_length": 48} | settings.pop("train")
        small = {"model": "small", "train": train, "augment": {"method": "none"}, "gate": {"first": "dummy"}}
        (self.folder / "night.json").write_text(json.dumps(small | settings))
        return "night.json"

    def run(self, **settings) -> dict:
        return self.shell.json("run", self.write_settings(**settings))

    def page(self, result: dict) -> str:
        return (self.folder / result["report"]).read_text()

    def version(self, number: str) -> ModelVersion:
        client = mlflow.MlflowClient(f"sqlite:///{self.folder}/home/mlflow/mlflow.db")
        return client.get_model_version("small", number)


@pytest.fixture(scope="module")
def new_project(tmp_path_factory: pytest.TempPathFactory, prefect_api: str):
    """Make a project of its own."""
    items = ("tent", "stove", "lamp", "bag")
    frame = pd.DataFrame(ROWS, columns=["text", "mood"])
    frame["things"] = [",".join(sorted(set(items) & set(text.split())) or ["nothing"]) for text in frame["text"]]
    frame["words"] = [len(text.split()) + 0.5 for text in frame["text"]]
    frame["first"] = [text.split()[0].upper() for text in frame["text"]]
    frame["day"] = [f"2026-01-{1 + row // 20:02d}" for row in range(len(frame))]

    def make() -> Project:
        folder = tmp_path_factory.mktemp("project")
        frame.to_csv(folder / "rows.csv", index=False)
        (folder / "book.txt").write_text("\n\n".join(f"{text}\nand {text}." for text, _ in ROWS))
        return Project(Shell(folder, prefect_api))

    return make


@pytest.fixture
def project(new_project) -> Project:
    return new_project()


def data(label: str, **more) -> dict:
    return {"path": "rows.csv", "text": "text", "label": label} | more


@pytest.fixture(scope="module")
def shared_encoder(new_project) -> tuple[Project, dict]:
    """One encoder for labels, several labels and a number."""
    project = new_project()
    result = project.run(
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
    return project, result


def test_one_encoder_learns_labels_several_labels_and_a_number(shared_encoder):
    _, result = shared_encoder
    assert result["status"] == "promoted", result["reason"]
    metrics = result["metrics"]
    assert metrics["mood/accuracy"] > 0.8 and {"things/macro_f1", "words/pearson"} <= set(metrics)
    assert [candidate["name"] for candidate in result["candidates"]] == ["full", "vocabulary+quantize"]


def test_rows_of_all_objectives_add_up(shared_encoder):
    rows = shared_encoder[1]["rows"]
    assert rows["read"] == 1500 == rows["kept"] + rows["quarantined"]
    assert rows["kept"] == rows["train"] + rows["validation"] + rows["holdout"]


def test_metrics_of_several_objectives_are_weighted(shared_encoder):
    metrics = shared_encoder[1]["metrics"]
    parts = [1 * metrics["mood/macro_f1"], 0.5 * metrics["things/macro_f1"], 1 * metrics["words/pearson"]]
    assert metrics["weighted"] == pytest.approx(sum(parts) / 2.5)


def test_the_report_says_whether_sharing_helped_and_how_many_rows_are_answered(shared_encoder):
    project, result = shared_encoder
    page = project.page(result)
    assert "Did sharing help?" in page and "tokens a second" in page
    assert 0 < result["metrics"]["mood/coverage"] <= 1 and "of mood are answered without abstaining" in page


@pytest.mark.parametrize("objective", ["mood", "things", "words"])
def test_predict_answers_for_the_objective_named(shared_encoder, objective):
    project, _ = shared_encoder
    command = ("predict", "models:/small@champion", "rows.csv", "--objective", objective, "--output", "out.csv")
    predicted = project.shell(*command)
    assert predicted.returncode == 0, predicted.stderr
    table = pd.read_csv(project.folder / "out.csv")
    assert ("abstain" in table) == (objective == "mood")
    assert len(table) == 500 and table["predicted"].nunique() > 1


def test_predict_refuses_an_objective_that_the_model_does_not_know(shared_encoder):
    refused = shared_encoder[0].shell("predict", "models:/small@champion", "rows.csv", "--objective", "mod")
    assert refused.returncode == 2 and "mood, things, words" in refused.stderr


@pytest.fixture(scope="module")
def decoder(new_project) -> tuple[Project, dict]:
    """One decoder that writes and judges."""
    project = new_project()
    return project, project.run(**decoder_settings())


def decoder_settings(**train) -> dict:
    return {
        "objectives": {
            "writing": {"kind": "generation", "data": {"path": "book.txt", "paragraphs": True}},
            "mood": {"role": "auxiliary", "data": data("mood")},
        },
        "train": {"base_model": "scratch:gpt2", "scratch": SMALL_GPT2, "num_train_epochs": 12} | train,
        "compress": {"max_size_mb": 0.2},
    }


def test_one_decoder_learns_to_write_and_to_judge(decoder):
    project, result = decoder
    assert result["status"] == "promoted", result["reason"]
    assert result["metrics"]["writing/loss"] < result["baseline"]["writing/loss"] - 0.3
    assert "What it writes: writing" in project.page(result)


def test_a_decoder_over_the_size_target_is_quantized(decoder):
    full, small = decoder[1]["candidates"]
    assert (full["name"], small["name"]) == ("full", "quantize") and small["size_mb"] < 0.4 * full["size_mb"]
    assert small["chosen"], "full is over the target"


def test_predict_writes_a_texts_continuation(decoder):
    project, _ = decoder
    (project.folder / "new.csv").write_text("text\nthe parcel came\n")
    predicted = project.shell("predict", "models:/small@champion", "new.csv")
    assert predicted.returncode == 0, predicted.stderr
    assert len(predicted.stdout.splitlines()[1].split(",", 1)[1]) > 5


def test_a_decoder_is_exported_with_its_int8_form(decoder):
    project, _ = decoder
    assert project.shell("export", "small@champion", "taken").returncode == 0
    assert "The registered version is int8" in (project.folder / "taken/README.md").read_text()


def test_the_next_night_of_a_decoder_is_compared_with_its_champion(decoder):
    project, first = decoder
    second = project.run(**decoder_settings(num_train_epochs=16, seed=1))
    assert second["gate"]["interval"] and second["gate"]["difference"] == pytest.approx(
        second["metrics"]["weighted"] - first["metrics"]["weighted"], abs=1e-6
    )


def test_text_to_text_learns_its_task(project):
    result = project.run(
        kind="text2text", data=data("first"),
        train={"base_model": "scratch:t5", "scratch": SMALL_T5, "num_train_epochs": 60, "learning_rate": 5e-3},
    )  # fmt: skip
    assert result["status"] == "promoted", result["reason"]
    assert result["metrics"]["chrf"] > 2 * result["baseline"]["chrf"]
    client = mlflow.MlflowClient(f"sqlite:///{project.folder}/home/mlflow/mlflow.db")
    version = client.get_model_version_by_alias("small", "champion")
    assert json.loads(version.tags["nightshift.objectives"]) == {"main": "text2text"}
    assert "tokenizer 13a" in project.page(result)


WINDOW = {"base_model": "scratch:bert", "scratch": SMALL_BERT, "warm_start": "champion", "window": 300}
RECENT = {"data": data("mood", timestamp="day"), "compress": {"recipes": []}}


@pytest.fixture(scope="module")
def window(new_project) -> tuple[Project, dict]:
    """A night that trains on the newest 300 rows."""
    project = new_project()
    return project, project.run(**RECENT, train=WINDOW)


@pytest.fixture(scope="module")
def new_label(window) -> tuple[Project, dict]:
    """The night after it, with rows of a new label."""
    project, _ = window
    with (project.folder / "rows.csv").open("a") as file:
        for row in range(60):
            file.write(f"{PLAIN[row % 20]} {PLAIN[row // 20]} meh {row},mixed,nothing,1,A,2026-02-01\n")
    return project, project.run(**RECENT, train=WINDOW | {"num_train_epochs": 2})


def test_a_window_trains_on_the_newest_rows_and_loses_none(window):
    _, result = window
    assert result["status"] == "promoted", result["reason"]
    rows = result["rows"]
    assert rows["train"] == 300
    assert rows["kept"] == 300 + rows["validation"] + rows["holdout"]
    assert rows["kept"] + rows["quarantined"] == 500


def test_a_night_goes_on_from_the_champions_weights(new_label):
    project, result = new_label
    assert "The training went on from the weights of version 1" in project.page(result)


def test_a_new_label_is_named_and_holds_the_version(new_label):
    project, result = new_label
    assert "new since version 1: mixed" in project.page(result)
    assert result["status"] == "held"
    assert any(line.startswith("other labels than the champion's, new: mixed") for line in result["gate"]["reasons"])


def test_a_label_without_training_rows_is_said_wherever_a_night_is_reported(new_label):
    project, _ = new_label
    settings = project.write_settings(
        **RECENT, train=WINDOW | {"num_train_epochs": 2}, split={"by": "order", "holdout": 0.5}
    )
    completed = project.shell("run", settings)
    assert completed.returncode == 0 and "was trained on" in completed.stderr, completed.stderr[-2000:]
    untrained = "rows that carry them count as wrong: mixed (60)."
    assert untrained in completed.stdout.splitlines()[0], "no row of 'mixed' is old enough to train"
    page = next(line.split()[1] for line in completed.stdout.splitlines() if line.startswith("report"))
    lead = (project.folder / page).read_text().partition('<p class="lead">')[2]
    assert untrained in lead.partition("</p>")[0]
    assert untrained in project.version("3").description.splitlines()[0]


def test_a_deadline_sheds_compression_and_stops_the_training(project):
    result = project.run(
        data=data("mood"), deadline=1, compress={"recipes": ["distil"], "distil_epochs": 100000},
        train={"base_model": "scratch:bert", "scratch": SMALL_BERT, "num_train_epochs": 1000, "save_steps": 1000},
    )  # fmt: skip
    assert result["status"] == "promoted", result["reason"]
    (full,) = result["candidates"]
    assert full["name"] == "full" and "left out: distil (shed by the deadline)" in full["why"]
    assert "stopped by the deadline at step" in project.page(result)
    assert "stopped by the deadline at step" in result["reason"]
    assert sum(result["seconds"].values()) < 120


def test_a_poisoned_training_is_one_line(project):
    settings = project.write_settings(
        kind="regression", data=data("words"),
        train={"base_model": "scratch:bert", "scratch": SMALL_BERT, "learning_rate": 1e30, "precision": "float32"},
    )  # fmt: skip
    completed = project.shell("run", settings)
    assert completed.returncode == 1
    line = completed.stderr.splitlines()[-1]
    assert line.startswith("train: the loss ") and "row_key" in line and "train.learning_rate" in line

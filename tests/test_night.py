"""Whole nights by the command line: real Prefect, real MLflow, real Great Expectations, a tiny real model."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import mlflow
import pandas as pd
import psutil
import pytest
import torch
from conftest import Shell, processes_of, write_project
from mlflow.entities.model_registry import ModelVersion
from safetensors.torch import load_file, save_file

TORCHLESS = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in ('torch', 'transformers'):
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
import mlflow, pandas
mlflow.set_tracking_uri(sys.argv[1])
rows = pandas.DataFrame({'text': ['a lovely superb tent', 'awful dull lamp']})
answers = mlflow.pyfunc.load_model('models:/tiny@champion').predict(rows)
print(answers['label'].tolist())
assert 'torch' not in sys.modules
"""
SMALLER = (
    "train.num_train_epochs=1",
    "train.learning_rate=3e-4",
    "compress.recipes=[]",
    "gate.seeds=2",
    "gate.max_size_mb=0.001",
    "gate.max_typo_drop=1",
    "data.exclude=forget.txt",
)
"""Settings of a night that learns less, over a budget that no model keeps, without one of the rows."""
CHANGED_SETTINGS = (
    "compress.recipes, data.exclude, gate.max_size_mb, gate.max_typo_drop, gate.seeds, train.learning_rate, "
    "train.num_train_epochs"
)


def checkpoint_digests(home: Path) -> set[str]:
    return {
        hashlib.sha256(file.read_bytes()).hexdigest() for file in home.glob("artifacts/train/*/model/model.safetensors")
    }


def copied_weights(home: Path) -> list[Path]:
    """Files of weights that lie on the disk more than once."""
    files = [path for path in home.rglob("*") if path.suffix in (".safetensors", ".onnx")]
    inodes = {path.stat().st_ino: path for path in files}
    contents = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in inodes.values()}
    return sorted(set(inodes.values()) - set(contents.values()))


def record_times(home: Path) -> dict[Path, int]:
    """The times at which finished stages were recorded."""
    return {path: path.stat().st_mtime_ns for path in home.glob("artifacts/*/*/record.json")}


def tracking(home: Path) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(f"sqlite:///{home}/mlflow/mlflow.db")


@dataclass(frozen=True)
class FinishedRun:
    """A night's printed result, and its home as it was when the night had ended: later nights may add to that."""

    shell: Shell
    result: dict
    page: str
    weights: set[str]
    records: dict[Path, int]
    modes: dict[Path, int]
    copies: list[Path]

    @property
    def home(self) -> Path:
        return self.shell.folder / "home"

    @property
    def client(self) -> mlflow.MlflowClient:
        return tracking(self.home)

    def artifact_names(self) -> set[str]:
        return {artifact.path for artifact in self.client.list_artifacts(self.result["mlflow_run_id"])}

    def version(self, number: str) -> ModelVersion:
        return self.client.get_model_version("tiny", number)


def run_to_end(shell: Shell, *settings: str, force: bool = False) -> FinishedRun:
    overrides = [word for setting in settings for word in ("--set", setting)]
    result = shell.json("run", "night.yaml", *overrides, *["--force"] * force)
    home = shell.folder / "home"
    return FinishedRun(
        shell,
        result,
        Path(result["report"]).read_text() if result["report"] else "",
        checkpoint_digests(home),
        record_times(home),
        {path: path.stat().st_mode for path in (*shell.folder.iterdir(), *home.rglob("*"))},
        copied_weights(home),
    )


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory, tiny_base: Path, prefect_api: str) -> FinishedRun:
    """The first night of a model. The fixtures below follow it, in the same home."""
    folder = tmp_path_factory.mktemp("nights")
    write_project(folder, tiny_base, "tiny")
    return run_to_end(Shell(folder, prefect_api))


@pytest.fixture(scope="module")
def repeated(first: FinishedRun) -> FinishedRun:
    """A night for which nothing has changed, in a process of its own; `imports` lists the modules that it has imported."""
    shell = Shell(first.shell.folder, first.shell.env["PREFECT_API_URL"], forked=False)
    shell.env["PYTHONPROFILEIMPORTTIME"] = "1"
    night = run_to_end(shell)
    (shell.folder / "err").rename(shell.folder / "imports")
    return replace(night, shell=first.shell)


@pytest.fixture(scope="module")
def forced(repeated: FinishedRun) -> FinishedRun:
    """The same night, forced."""
    return run_to_end(repeated.shell, force=True)


@pytest.fixture(scope="module")
def rolled_back(forced: FinishedRun) -> list[str]:
    """The lines of the history after version 2 was promoted by hand and rolled back."""
    assert forced.shell("promote", "tiny", "2", "--reason", "a test").returncode == 0
    assert forced.shell("rollback", "tiny", "--reason", "it was worse").returncode == 0
    return forced.shell("history", "tiny").stdout.splitlines()


@pytest.fixture(scope="module")
def smaller(forced: FinishedRun, rolled_back: list[str]) -> FinishedRun:
    """A night with other settings and without a row that both versions were trained on."""
    keys = pd.read_parquet(next(forced.home.glob("artifacts/train/*/trained_keys.parquet")))
    (forced.shell.folder / "forget.txt").write_text(keys["row_key"][0] + "\n")
    return run_to_end(forced.shell, *SMALLER)


@pytest.fixture(scope="module")
def smaller_again(smaller: FinishedRun) -> FinishedRun:
    return run_to_end(smaller.shell, *SMALLER)


@pytest.fixture(scope="module")
def after_move(smaller_again: FinishedRun) -> FinishedRun:
    """A night after somebody has set the alias in MLflow."""
    smaller_again.client.set_registered_model_alias("tiny", "champion", "2")
    return run_to_end(smaller_again.shell)


def test_the_first_night_is_promoted_for_beating_the_dummy(first):
    assert first.result["status"] == "promoted", first.result["reason"]
    assert "shown to beat the dummy and guessing at 99.875 %" in first.result["reason"]
    assert first.result["champion_version"] == first.result["version"] == "1"
    assert first.result["changed"] == "no night has finished before"
    assert first.result["metrics"]["accuracy"] > 0.8


def test_every_row_is_kept_or_quarantined_and_has_one_side(first):
    rows = first.result["rows"]
    assert rows["read"] == 600 == rows["kept"] + rows["quarantined"]
    assert rows["kept"] == rows["train"] + rows["validation"] + rows["holdout"]


def test_one_of_the_candidates_is_chosen(first):
    candidates = first.result["candidates"]
    assert {candidate["name"] for candidate in candidates} == {"full", "distil+prune:32+quantize"}
    assert sum(candidate["chosen"] for candidate in candidates) == 1


def test_the_report_stands_alone(first):
    assert "data:image/png" in first.page and "http://" not in first.page.replace("http://127.0.0.1", "")


def test_all_that_a_night_writes_lies_under_its_home(first):
    in_project = {path.name for path in first.modes if path.parent == first.shell.folder} - {"out", "err"}
    assert in_project == {"rows.csv", "night.yaml", "home"}


def test_nobody_else_can_read_a_row(first):
    open_to_others = {
        path.name for path, mode in first.modes.items() if path.is_relative_to(first.home) and mode & 0o077
    }
    assert open_to_others <= {"serving.py", "predictor.py"}


def test_mlflow_keeps_data_metrics_pages_and_what_the_version_was_made_of(first):
    version = first.client.get_model_version_by_alias("tiny", "champion")
    assert version.tags["nightshift.fingerprint"] and version.tags["nightshift.recipe"]
    run = first.client.get_run(first.result["mlflow_run_id"])
    assert run.info.status == "FINISHED" and run.inputs.dataset_inputs[0].dataset.digest
    assert run.data.metrics["holdout/accuracy"] == first.result["metrics"]["accuracy"]
    assert {"data_docs", "pictures", "report", "checkpoint", "candidates.json", "row_profile"} <= first.artifact_names()


def test_the_champion_answers_where_torch_is_missing(first):
    command = [sys.executable, "-c", TORCHLESS, f"sqlite:///{first.home}/mlflow/mlflow.db"]
    completed = subprocess.run(command, capture_output=True, text=True, cwd=first.shell.folder)
    assert completed.stdout.strip() == "['good', 'bad']", completed.stderr[-2000:]


def test_predict_writes_the_champions_answers(first):
    folder = first.shell.folder
    (folder / "new.jsonl").write_text('{"text": "charming warm bag"}\n{"text": "late rude shop"}\n')
    predicted = first.shell("predict", "models:/tiny@champion", "new.jsonl", "--output", "scored.parquet")
    assert predicted.returncode == 0, predicted.stderr
    assert pd.read_parquet(folder / "scored.parquet")["predicted"].tolist() == ["good", "bad"]


def test_watch_estimates_the_champions_accuracy_and_late_labels_say_the_truth(first):
    texts = ["charming warm bag", "late rude shop", "lovely superb tent"]
    (first.shell.folder / "monday.csv").write_text("message\n" + "\n".join(texts) + "\n")
    estimate = first.shell.json("watch", "night.yaml", "monday.csv")["estimate"]
    assert 0 < estimate["lower"] <= estimate["accuracy"] <= 1
    labelled = "".join(f"{text},{label}\n" for text, label in zip(texts, ("good", "bad", "bad"), strict=True))
    (first.shell.folder / "labelled.csv").write_text("message,label\n" + labelled)
    (monday,) = first.shell.json("watch", "night.yaml", "labelled.csv")["earlier"]
    assert monday["source"] == "monday.csv" and monday["labelled"] == 3
    assert monday["accuracy"]["accuracy"] == pytest.approx(2 / 3)


def test_a_night_for_which_nothing_has_changed_is_skipped(first, repeated):
    result = repeated.result
    assert result["status"] == "skipped" and first.result["mlflow_run_id"] in result["reason"]
    assert result["version"] is None and result["gate"] is None and result["candidates"] == []
    assert result["changed"] == ""


def test_no_weights_are_kept_twice(first):
    assert not first.copies


def test_a_skipped_night_imports_none_of_the_large_libraries(repeated):
    imported = {
        line.rpartition("|")[2].strip() for line in (repeated.shell.folder / "imports").read_text().splitlines()
    }
    assert "mlflow" in imported
    large = {"torch"} if torch.version.cuda is None else set()  # with CUDA it names the GPU
    large |= {"transformers", "onnxruntime", "great_expectations", "sklearn", "matplotlib", "prefect.server.api.server"}
    assert not large & imported


def test_a_model_equal_to_its_champion_is_held(forced):
    result = forced.result
    assert result["status"] == "held"
    assert result["champion_version"] == "1" and result["version"] == "2"
    assert (result["gate"]["gained"], result["gate"]["lost"]) == (0, 0)
    assert {part["by"] for part in result["gate"]["slices"]} == {"label", "length"}


def test_a_forced_night_says_so_and_that_nothing_has_changed(forced):
    assert forced.result["changed"].startswith("nothing changed since the night of 20")
    assert forced.result["changed"].endswith("; forced")


def test_a_forced_night_trains_the_same_weights(first, forced):
    assert forced.weights == first.weights


def test_a_forced_night_runs_every_stage_anew(repeated, forced):
    unchanged = {path.parts[-3] for path, time in repeated.records.items() if forced.records[path] == time}
    assert unchanged <= {"validate", "gate", "review"}, "these alone have another champion to compare with"


def test_the_history_lists_what_nights_and_people_decided(rolled_back):
    assert [line.split()[1] for line in rolled_back] == ["promoted", "skipped", "held", "promoted", "rolled"]
    assert "1 → 2" in rolled_back[3] and "2 → 1" in rolled_back[4]


def test_a_model_over_its_budget_is_held(smaller):
    assert smaller.result["status"] == "held" and smaller.result["champion_version"] == "1"
    assert smaller.result["gate"]["reasons"][0].startswith("over budget: 0.")


def test_metrics_on_texts_with_typing_errors_are_those_of_the_night(smaller):
    assert smaller.result["gate"]["noised"].keys() == smaller.result["metrics"].keys()


def test_two_seeds_are_trained_and_their_spread_is_recorded(smaller):
    spread = float(smaller.version("3").tags["nightshift.seed_spread"])
    assert spread >= 0 and len(smaller.weights) == 3
    assert f"spread by {spread:.4f} (standard deviation" in smaller.page


def test_rows_that_the_champion_had_right_are_listed_without_their_texts(smaller, tmp_path):
    num_regressions = smaller.result["gate"]["lost"]
    assert {"slices.csv", "lost.csv"} <= smaller.artifact_names() and num_regressions > 0
    assert "Slices of the holdout" in smaller.page and f"{num_regressions} are wrong that it had right" in smaller.page
    table = smaller.client.download_artifacts(smaller.result["mlflow_run_id"], "lost.csv", str(tmp_path))
    assert "text" not in Path(table).read_text().splitlines()[0]


def test_the_settings_that_have_changed_are_named(smaller):
    assert smaller.result["changed"].endswith(f": data, settings ({CHANGED_SETTINGS})")
    assert f"settings ({CHANGED_SETTINGS})" in smaller.page


def test_versions_that_were_trained_on_an_excluded_row_are_named(smaller):
    assert smaller.result["rows"]["read"] == 600 == smaller.result["rows"]["kept"] + 1
    assert smaller.result["carried_by"] == ["1", "2"], "not by tonight's, version 3"
    assert "carrying them until replaced: version 1 (the champion), version 2" in smaller.page


def test_a_skipped_night_goes_on_naming_them(smaller_again):
    assert smaller_again.result["status"] == "skipped" and smaller_again.result["carried_by"] == ["1", "2"]


def test_an_alias_that_was_moved_by_hand_is_entered_in_the_ledger(after_move):
    assert after_move.result["champion_version"] == "2"
    held_line, _, moved_line, skipped_line = after_move.shell("history", "tiny").stdout.splitlines()[-4:]
    assert "held" in held_line and "3  1 " in held_line
    assert "moved by hand    2  1 → 2" in moved_line and "skipped" in skipped_line


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory, tiny_base: Path) -> tuple[FinishedRun, dict[Path, int]]:
    """A first night that was killed in training and run again, and the stages that were finished when it was killed."""
    folder = tmp_path_factory.mktemp("killed")
    write_project(folder, tiny_base, "tiny")
    shell, home = Shell(folder), folder / "home"
    process = shell.start("run", "night.yaml")
    deadline = time.monotonic() + 200
    while not list(home.glob("work/*/train-*/checkpoint-*/COMPLETE")):
        assert process.poll() is None and time.monotonic() < deadline, "no checkpoint appeared"
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not checkpoint_digests(home), "killed too late: the training was over"
    records = record_times(home)
    assert {path.parts[-3] for path in records} == {"ingest", "validate", "split", "augment"}
    return run_to_end(shell), records


@pytest.mark.slow
def test_a_night_that_was_killed_in_training_ends_with_the_same_weights(first, killed):
    resumed, _ = killed
    assert resumed.result["status"] == "promoted" and resumed.weights == first.weights


@pytest.mark.slow
def test_a_night_that_was_killed_redoes_no_finished_stage(killed):
    resumed, records = killed
    assert {path: resumed.records[path] for path in records} == records


@pytest.mark.slow
def test_of_a_killed_night_no_run_no_half_file_and_no_process_is_left(killed):
    resumed, _ = killed
    experiments = [experiment.experiment_id for experiment in resumed.client.search_experiments()]
    assert "RUNNING" not in {run.info.status for run in resumed.client.search_runs(experiments)}
    assert not list(resumed.home.rglob("*.partial"))
    assert not psutil.wait_procs(processes_of(resumed.home), timeout=20)[1], "its temporary Prefect server is left"


@pytest.mark.slow
def test_a_home_that_was_destroyed_is_restored_and_the_next_night_goes_on_from_its_champion(killed):
    resumed, _ = killed
    home, folder = resumed.home, resumed.shell.folder
    shell = Shell(folder, forked=True)
    before = shell("history", "tiny").stdout
    backed_up = shell("backup", "tiny.tar")
    assert backed_up.returncode == 0, backed_up.stderr
    assert [line.partition(": ")[2] for line in backed_up.stdout.splitlines()[1:]] == ["champion is version 1"]
    shutil.rmtree(home)
    with (folder / "rows.csv").open("a") as file:
        file.writelines(f"a lovely superb tent number {number},good\n" for number in range(9))

    restored = shell("restore", "tiny.tar")
    assert restored.returncode == 0, restored.stderr
    assert not (home / "artifacts").exists() and (home / "prefect/prefect.db").exists()
    verified = shell("verify", "tiny")
    assert verified.returncode == 0 and "not checked" not in verified.stdout, verified.stdout
    assert shell("history", "tiny").stdout == before
    result = shell.json("run", "night.yaml", "--set", "compress.recipes=[]", "--set", "train.num_train_epochs=1")
    assert (result["version"], result["champion_version"]) == ("2", "1") and result["gate"]["gained"] is not None
    assert result["changed"].startswith("changed since the night of 20") and "data" in result["changed"]


@pytest.mark.slow
def test_a_night_that_failed_after_its_promotion_goes_on(shell, project):
    (project / "home").mkdir()
    (project / "home/reports").write_text("no folder")
    failed = shell("run", "night.yaml")
    assert failed.returncode == 1 and "Traceback" not in failed.stderr
    client = tracking(project / "home")
    assert str(client.get_model_version_by_alias("tiny", "champion").version) == "1"
    (project / "home/reports").unlink()
    again = shell.json("run", "night.yaml")
    assert (again["status"], again["version"], again["champion_version"]) == ("promoted", "1", "1"), again["reason"]
    assert len(client.search_model_versions("name = 'tiny'")) == 1
    assert [line.split()[1] for line in shell("history", "tiny").stdout.splitlines()] == ["promoted"]


FOREIGN = """
import mlflow

class Foreign(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input.assign(prediction="good")[["prediction"]]

mlflow.models.set_model(Foreign())
"""


def test_a_champion_of_another_making_stays(shell, project, home):
    (project / "foreign.py").write_text(FOREIGN)
    with mlflow.start_run(
        experiment_id=mlflow.create_experiment("theirs")
    ):  # an active experiment would outlive the test
        mlflow.pyfunc.log_model(
            name="model", python_model=str(project / "foreign.py"), pip_requirements=[], registered_model_name="tiny"
        )
    client = mlflow.MlflowClient()
    client.set_registered_model_alias("tiny", "champion", "1")
    shell.env |= {"NIGHTSHIFT_HOME": str(home), "MLFLOW_TRACKING_URI": mlflow.get_tracking_uri()}
    result = shell.json("run", "night.yaml")
    assert (result["status"], result["version"], result["champion_version"]) == ("held", "2", "1")
    assert result["gate"]["reasons"][0].startswith("not compared: the champion cannot answer for tonight's objectives")
    assert "version 1 of tiny was not registered by nightshift" in result["reason"]
    assert str(client.get_model_version_by_alias("tiny", "champion").version) == "1"
    assert shell("promote", "tiny", "2", "--reason", "ours from now on").returncode == 0
    assert str(client.get_model_version_by_alias("tiny", "champion").version) == "2"


CASES = {
    "unknown key": (
        ["--set", "train.learning_rat=1"],
        2,
        "train.learning_rat: unknown key; did you mean learning_rate?",
    ),
    "missing column": (["--set", "data.text=body"], 2, "data.text: no column 'body'"),
    "a base of other weights": (["--set", "train.base_model=./other"], 2, "its weights do not fit a bert model"),
    "one class only": (["--set", "data.path=one.csv"], 3, "at least two labels"),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_gives_one_line_and_its_exit_code(shell, project, tiny_base, case):
    (project / "one.csv").write_text("message,label\n" + "".join(f"message number {i},good\n" for i in range(80)))
    other_base = shutil.copytree(tiny_base, project / "other")
    weights = load_file(other_base / "model.safetensors")
    save_file({f"_orig_mod.{name}": value for name, value in weights.items()}, other_base / "model.safetensors")
    overrides, code, line = CASES[case]
    completed = shell("run", "night.yaml", *overrides)
    assert completed.returncode == code, completed.stderr[-2000:]
    output = completed.stdout if code == 3 else completed.stderr
    assert line in output
    if code == 2:
        assert [text for text in completed.stderr.splitlines() if line in text] == completed.stderr.splitlines()[-1:]
        assert "Traceback" not in completed.stderr
        assert not any((project / "home" / "store").glob("split/*"))


def test_the_data_gate_alone(shell, project):
    with (project / "rows.csv").open("a") as file:
        file.write(",good\nsame text here,good\nSame  text here,good\ntwo sides,good\ntwo sides,bad\n")
    result = shell.json("validate", "night.yaml")
    assert result["status"] == "passed"
    assert result["rows"] == {
        "read": 605,
        "kept": 601,
        "quarantined": 4,
        "missing": 1,
        "conflict": 2,
        "duplicate": 1,
    }
    assert Path(result["data_docs"]).is_file()
    table = pd.read_csv(result["quarantine"])
    assert table[["reason", "row"]].values.tolist() == [
        ["missing", 601],
        ["duplicate", 603],
        ["conflict", 604],
        ["conflict", 605],
    ]
    assert {entry["severity"] for entry in result["expectations"]} == {"critical", "warning", "info"}

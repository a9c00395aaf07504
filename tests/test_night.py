"""Whole nights by the command line: real Prefect, real MLflow, real Great Expectations, a tiny real model."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import mlflow
import pandas as pd
import psutil
import pytest
from conftest import processes_of
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


def checkpoint_digests(home: Path) -> set[str]:
    return {
        hashlib.sha256(file.read_bytes()).hexdigest() for file in home.glob("artifacts/train/*/model/model.safetensors")
    }


def tracking(home: Path) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(f"sqlite:///{home}/mlflow/mlflow.db")


def test_promoted_then_skipped_then_forced(shell, project):
    first = shell.json("run", "night.yaml")
    assert first["status"] == "promoted", first["reason"]
    assert "shown to beat the dummy and guessing at 99.875 %" in first["reason"]
    assert first["champion_version"] == first["version"] == "1"
    assert first["changed"] == "no night has finished before"
    rows = first["rows"]
    assert rows["read"] == 600 == rows["kept"] + rows["quarantined"]
    assert rows["kept"] == rows["train"] + rows["validation"] + rows["holdout"]
    assert {c["name"] for c in first["candidates"]} == {"full", "distil+prune:32+quantize"}
    assert sum(c["chosen"] for c in first["candidates"]) == 1
    assert first["metrics"]["accuracy"] > 0.8
    page = Path(first["report"]).read_text()
    assert "data:image/png" in page and "http://" not in page.replace("http://127.0.0.1", "")

    home = project / "home"
    written = {path.name for path in project.iterdir()} - {"out", "err"}
    assert written == {"rows.csv", "night.yaml", "home"}, "all that a night writes lies under its home"
    open_to_others = [path for path in (home, *home.rglob("*")) if path.stat().st_mode & 0o077]
    assert {path.name for path in open_to_others} <= {"serving.py", "predictor.py"}, "nobody else can read a row"
    weights = checkpoint_digests(home)
    client = tracking(home)
    version = client.get_model_version_by_alias("tiny", "champion")
    assert version.tags["nightshift.fingerprint"] and version.tags["nightshift.recipe"]
    run = client.get_run(first["mlflow_run_id"])
    assert run.info.status == "FINISHED" and run.inputs.dataset_inputs[0].dataset.digest
    assert run.data.metrics["holdout/accuracy"] == first["metrics"]["accuracy"]
    names = {item.path for item in client.list_artifacts(run.info.run_id)}
    assert {"data_docs", "pictures", "report", "checkpoint", "candidates.json"} <= names

    begun = json.loads(json.dumps(first))
    second = shell.json("run", "night.yaml")
    assert second["status"] == "skipped" and begun["mlflow_run_id"] in second["reason"]
    assert second["version"] is None and second["gate"] is None and second["candidates"] == []
    assert second["changed"] == ""

    made = {path: path.stat().st_mtime_ns for path in home.glob("artifacts/*/*/record.json")}
    forced = shell.json("run", "night.yaml", "--force")
    assert forced["status"] == "held", "a model equal to its champion must not be promoted"
    assert forced["champion_version"] == "1" and forced["version"] == "2"
    assert (forced["gate"]["gained"], forced["gate"]["lost"]) == (0, 0)
    assert {one["by"] for one in forced["gate"]["slices"]} == {"label", "length"}
    assert forced["changed"].startswith("nothing changed since the night of 20") and forced["changed"].endswith(
        "; forced"
    )
    assert checkpoint_digests(home) == weights
    kept = {path.parts[-3] for path, time in made.items() if path.stat().st_mtime_ns == time}
    assert kept <= {"gate"}, "the gate alone has another champion to compare with, all else is made anew"

    store = f"sqlite:///{home}/mlflow/mlflow.db"
    done = subprocess.run([sys.executable, "-c", TORCHLESS, store], capture_output=True, text=True, cwd=project)
    assert done.stdout.strip() == "['good', 'bad']", done.stderr[-2000:]

    (project / "new.jsonl").write_text('{"text": "charming warm bag"}\n{"text": "late rude shop"}\n')
    done = shell("predict", "models:/tiny@champion", "new.jsonl", "--output", "scored.parquet")
    assert done.returncode == 0, done.stderr
    assert pd.read_parquet(project / "scored.parquet")["predicted"].tolist() == ["good", "bad"]

    assert shell("promote", "tiny", "2", "--reason", "a test").returncode == 0
    assert shell("rollback", "tiny", "--reason", "it was worse").returncode == 0
    ledger = shell("history", "tiny").stdout.splitlines()
    assert [line.split()[1] for line in ledger] == ["promoted", "skipped", "held", "promoted", "rolled"]
    assert "1 → 2" in ledger[3] and "2 → 1" in ledger[4]
    trained = [pd.read_parquet(file) for file in home.glob("artifacts/train/*/trained_keys.parquet")]
    (project / "forget.txt").write_text(trained[0]["row_key"][0] + "\n")
    fewer = ("train.num_train_epochs=1", "train.learning_rate=3e-4", "compress.recipes=[]", "gate.seeds=2")
    fewer += ("gate.max_size_mb=0.001", "gate.max_typo_drop=1", "data.exclude=forget.txt")
    frozen = shell.json("run", "night.yaml", *(word for setting in fewer for word in ("--set", setting)))
    assert frozen["status"] == "held" and frozen["champion_version"] == "1"
    assert frozen["gate"]["reasons"][0].startswith("over budget: 0.")
    assert frozen["gate"]["noised"].keys() == frozen["metrics"].keys()
    spread = float(client.get_model_version("tiny", "3").tags["nightshift.seed_spread"])
    assert spread >= 0 and len(checkpoint_digests(home)) == 3, "two seeds were trained"
    assert f"spread by {spread:.4f} on validation" in Path(frozen["report"]).read_text()
    run = frozen["mlflow_run_id"]
    names = {item.path for item in client.list_artifacts(run)}
    assert {"slices.csv", "lost.csv"} <= names and frozen["gate"]["lost"] > 0
    page = Path(frozen["report"]).read_text()
    assert "Slices of the holdout" in page and f"{frozen['gate']['lost']} are wrong that it had right" in page
    lost = client.download_artifacts(run, "lost.csv", project)
    assert "text" not in Path(lost).read_text().splitlines()[0]
    told = "compress.recipes, data.exclude, gate.max_size_mb, gate.max_typo_drop, gate.seeds, train.learning_rate, train.num_train_epochs"
    assert frozen["changed"].endswith(f": data, settings ({told})")
    assert frozen["rows"]["read"] == 600 == frozen["rows"]["kept"] + 1
    assert frozen["carried_by"] == ["1", "2"], "not by tonight's, version 3"
    page = Path(frozen["report"]).read_text()
    assert "carrying them until replaced: version 1 (the champion), version 2" in page
    assert f"settings ({told})" in page

    again = shell.json("run", "night.yaml", *(word for setting in fewer for word in ("--set", setting)))
    assert again["status"] == "skipped" and again["carried_by"] == ["1", "2"], "it goes on saying so"

    client.set_registered_model_alias("tiny", "champion", "2")
    assert shell.json("run", "night.yaml")["champion_version"] == "2"
    held, _, moved, skipped = shell("history", "tiny").stdout.splitlines()[-4:]
    assert "held" in held and "3  1 " in held
    assert "moved by hand    2  1 → 2" in moved and "skipped" in skipped


def test_killed_in_training_goes_on_with_the_same_weights(lone_shell, project):
    shell = lone_shell
    undisturbed = shell.json("run", "night.yaml")
    assert undisturbed["status"] == "promoted"
    weights = checkpoint_digests(project / "home")

    home = project / "home2"
    shell.env["NIGHTSHIFT_HOME"] = str(home)
    process = shell.start("run", "night.yaml")
    deadline = time.monotonic() + 200
    while not list(home.glob("work/*/train-*/checkpoint-*/COMPLETE")):
        assert process.poll() is None and time.monotonic() < deadline, "no checkpoint appeared"
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not checkpoint_digests(home), "killed too late: the training was over"
    before = {path: path.stat().st_mtime_ns for path in home.glob("artifacts/*/*/record.json")}
    assert {path.parts[-3] for path in before} == {"ingest", "validate", "split", "augment"}

    again = shell.json("run", "night.yaml")
    assert again["status"] == "promoted"
    assert checkpoint_digests(home) == weights
    assert {path: path.stat().st_mtime_ns for path in before} == before, "a finished stage was redone"
    client = tracking(home)
    states = [run.info.status for run in client.search_runs([e.experiment_id for e in client.search_experiments()])]
    assert "RUNNING" not in states
    assert not list(home.rglob("*.partial"))
    assert not psutil.wait_procs(processes_of(home), timeout=20)[1], (
        "the killed night's temporary Prefect server is left"
    )


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
    mlflow.set_experiment("theirs")
    mlflow.pyfunc.log_model(
        name="model", python_model=str(project / "foreign.py"), pip_requirements=[], registered_model_name="tiny"
    )
    mlflow.end_run()
    client = mlflow.MlflowClient()
    client.set_registered_model_alias("tiny", "champion", "1")
    shell.env |= {"NIGHTSHIFT_HOME": str(home), "MLFLOW_TRACKING_URI": mlflow.get_tracking_uri()}
    night = shell.json("run", "night.yaml")
    assert (night["status"], night["version"], night["champion_version"]) == ("held", "2", "1")
    assert night["gate"]["reasons"][0].startswith("not compared: the champion cannot answer for tonight's objectives")
    assert "version 1 of tiny was not registered by nightshift" in night["reason"]
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
    other = shutil.copytree(tiny_base, project / "other")
    weights = load_file(other / "model.safetensors")
    save_file({f"_orig_mod.{name}": value for name, value in weights.items()}, other / "model.safetensors")
    overrides, code, line = CASES[case]
    done = shell("run", "night.yaml", *overrides)
    assert done.returncode == code, done.stderr[-2000:]
    told = done.stdout if code == 3 else done.stderr
    assert line in told
    if code == 2:
        assert [text for text in done.stderr.splitlines() if line in text] == done.stderr.splitlines()[-1:]
        assert "Traceback" not in done.stderr
        assert not any((project / "home" / "store").glob("split/*"))


def test_the_data_gate_alone(shell, project):
    with (project / "rows.csv").open("a") as file:
        file.write(",good\nsame text here,good\nSame  text here,good\ntwo sides,good\ntwo sides,bad\n")
    found = shell.json("validate", "night.yaml")
    assert found["status"] == "passed"
    assert found["rows"] == {
        "read": 605,
        "kept": 601,
        "quarantined": 4,
        "missing": 1,
        "conflict": 2,
        "duplicate": 1,
    }
    assert Path(found["data_docs"]).is_file()
    table = pd.read_csv(found["quarantine"])
    assert table[["reason", "row"]].values.tolist() == [
        ["missing", 601],
        ["duplicate", 603],
        ["conflict", 604],
        ["conflict", 605],
    ]
    assert {entry["severity"] for entry in found["expectations"]} == {"critical", "warning"}

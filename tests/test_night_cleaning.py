"""A whole night with cleaning: what is registered, served and exported cleans a request as the training rows were cleaned."""

import ast
import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import mlflow
import pandas as pd
import pyarrow.parquet as pq
import pytest
from conftest import Shell
from samples import messages

pytestmark = pytest.mark.slow

SETTINGS = {
    "model": "small",
    "data": {
        "path": "rows.csv",
        "label": "mood",
        "cleaning": {"unicode": "NFKC", "html": True, "whitespace": True, "mask": ["numbers", "urls"]},
    },
    "train": {
        "base_model": "scratch:bert",
        "scratch": {
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 64,
            "vocab_size": 400,
        },
        "num_train_epochs": 6,
        "learning_rate": 3e-3,
        "max_length": 48,
    },
    "augment": {"method": "none"},
    "compress": {"recipes": []},
    "gate": {"first": "dummy"},
}


def soiled(text, number):
    """Return a text as it comes from a web page, with a number and an address of its own."""
    return f"<p>{text.replace('fi', 'ﬁ')} &amp;  more</p>\n see https://shop.test/{number} or call {number}"


@pytest.fixture(scope="module")
def night(tmp_path_factory, prefect_api):
    """The command line of a folder in which a model was trained on cleaned rows, and promoted."""
    folder = tmp_path_factory.mktemp("cleaning")
    rows = [(soiled(text, 1000 + n), mood) for n, (text, mood) in enumerate(messages(500))]
    pd.DataFrame(rows, columns=["text", "mood"]).to_csv(folder / "rows.csv", index=False)
    (folder / "night.json").write_text(json.dumps(SETTINGS))
    shell = Shell(folder, prefect_api)
    result = shell.json("run", "night.json")
    assert result["status"] == "promoted", result["reason"]
    return shell


@pytest.fixture(scope="module")
def requests(night):
    """Texts as they were read and as the night cleaned them, of rows on which cleaning did something."""
    (path,) = night.folder.glob("home/artifacts/ingest/*/rows.parquet")
    rows = pq.read_table(path, columns=["text", "raw_text"]).to_pandas().dropna().head(20)
    assert len(rows) == 20 and rows["text"].str.contains(r"& more see \[URL\] or call \[NUMBER\]$").all()
    return rows["raw_text"].tolist(), rows["text"].tolist()


@pytest.fixture(scope="module")
def scores(night, requests):
    """Scores of the registered model for the texts as they were read, by label."""
    raw, clean = requests
    mlflow.set_tracking_uri(f"sqlite:///{night.folder}/home/mlflow/mlflow.db")
    model = mlflow.pyfunc.load_model("models:/small@champion")
    answers = model.predict(pd.DataFrame({"text": raw}))["scores"].tolist()
    assert answers == model.predict(pd.DataFrame({"text": clean}))["scores"].tolist()
    yield answers
    mlflow.set_tracking_uri(None)


@contextmanager
def server(command, folder, ping, **environment):
    """Run a server on a free port until it answers, and yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, *command, "--port", str(port)], cwd=folder, stdout=log, stderr=log,
                                   env=os.environ | environment, start_new_session=True)  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 120
        while True:
            with suppress(httpx.TransportError):
                if httpx.get(address + ping).status_code == 200:
                    break
            assert process.poll() is None and time.monotonic() < deadline, (folder / "server.log").read_text()[-2000:]
            time.sleep(0.3)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def values(answers):
    return [pytest.approx(row, abs=1e-5) for row in answers]


def test_predict_answers_for_the_clean_text_and_returns_the_raw_one(night, requests, scores):
    raw, _ = requests
    pd.DataFrame({"text": raw}).to_csv(night.folder / "new.csv", index=False, quoting=csv.QUOTE_ALL)
    completed = night("predict", "models:/small@champion", "new.csv", "--output", "out.jsonl")
    assert completed.returncode == 0, completed.stderr
    lines = [json.loads(line) for line in (night.folder / "out.jsonl").read_text().splitlines()]
    assert [line["text"] for line in lines] == raw
    assert [line["score"] for line in lines] == values([max(row.values()) for row in scores])


def test_mlflow_serves_answers_for_the_clean_text(night, requests, scores):
    uri = f"sqlite:///{night.folder}/home/mlflow/mlflow.db"
    command = [
        "-m",
        "mlflow",
        "models",
        "serve",
        "-m",
        "models:/small@champion",
        "--env-manager",
        "local",
        "--host",
        "127.0.0.1",
    ]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    with server(command, night.folder, "/ping", MLFLOW_TRACKING_URI=uri, PATH=path) as address:
        body = {"dataframe_records": [{"text": text} for text in requests[0]]}
        answers = httpx.post(f"{address}/invocations", json=body, timeout=60).json()["predictions"]
    assert [answer["scores"] for answer in answers] == values(scores)


def test_the_export_answers_for_the_clean_text_in_python_and_over_http(night, requests, scores):
    raw, _ = requests
    assert night("export", "small@champion", "exported").returncode == 0
    folder = night.folder / "exported"
    with server(["serve.py"], folder, "/health") as address:
        answers = httpx.post(f"{address}/predict", json={"texts": raw}, timeout=60).json()
    assert [answer["scores"] for answer in answers] == values(scores)
    code = f"import sys; sys.modules['nightshift'] = None; from predictor import OnnxPredictor as P; print(P('.').answers({raw!r}))"

    def exported_scores():
        run = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
        return [answer["scores"] for answer in ast.literal_eval(run.stdout)]

    assert exported_scores() == values(scores)
    config = json.loads((folder / "config.json").read_text())
    for head in config["heads"].values():
        head["cleaning"] = None
    (folder / "config.json").write_text(json.dumps(config))
    changes = [
        abs(row[label] - same[label]) for row, same in zip(exported_scores(), scores, strict=True) for label in row
    ]
    assert max(changes) > 1e-3, "the raw texts are answered alike without cleaning: the test would find nothing"

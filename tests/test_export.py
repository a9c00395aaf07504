"""The exported folder does on its own what the registered model does: by its README, over HTTP, in its own environment."""

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import httpx
import mlflow
import numpy as np
import pandas as pd
import pytest
from conftest import own_mlflow
from mlflow.pyfunc import scoring_server
from samples import messages
from small_models import GENERATIVE_MODELS, SCORING_MODELS, register_model

from cli.export import export
from nightshift.errors import UserError
from nightshift.registry import integrity, registered_model, tracking

PYTHON = re.compile(r"^```python\n([\s\S]*?)^```", re.MULTILINE)
COPIED = re.compile(r"^COPY (.*) \./$", re.MULTILINE)
DOCUMENTS = ("MODEL_CARD.md", "sbom.cdx.json")
PACKAGES = ("numpy", "onnxruntime", "tokenizers")
TEXTS = [text for text, _ in messages(40)]
MODELS = {
    "pairs": SCORING_MODELS["bert on pairs"],
    "four": SCORING_MODELS["one bert for four"],
    "tells": GENERATIVE_MODELS["one gpt2 for three"],
    "answers": GENERATIVE_MODELS["t5 answers"],
}
ROWS = [{"text": text} for text in ("the lid does not close", "", TEXTS[0])]
WITHOUT = """
import runpy, sys
for name in ("mlflow", "pandas", "onnx", "onnxruntime", "prefect", "accelerate", "peft", "flows", "tasks"):
    sys.modules[name] = None
sys.path.insert(0, {serve!r}.rpartition("/")[0])
runpy.run_path({serve!r}, run_name="__main__")
"""
STOCK = """
import json, os, sys, torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained("checkpoint")
model = AutoModelForSequenceClassification.from_pretrained("checkpoint").eval()
first, second = json.load(sys.stdin)
rows = tokenizer(first, second, padding=True, truncation=True, max_length=32, return_tensors="pt")
with torch.no_grad():
    print(json.dumps([model.config.id2label, model(**rows).logits.softmax(-1).tolist()]))
"""
"""Then the lines of those that write, in their folders."""


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """The models in memory by name, registered as a night does it."""
    home = tmp_path_factory.mktemp("home")
    with own_mlflow(home, home):
        yield {name: register_model(base, heads, home, name)[1] for name, (base, heads) in MODELS.items()}


@pytest.fixture(scope="module")
def folders(registry, tmp_path_factory):
    """The exported folders, moved away from where they were written."""
    folder = tmp_path_factory.mktemp("new")
    for name in registry:
        lines = export(f"{name}@challenger", folder / "here" / name)
        assert lines[0] == f"{name} version 1 is in {folder}/here/{name}:" and "checkpoint/" in "".join(lines)
    return (folder / "here").rename(folder / "there")


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """The interpreter of an environment that holds the three packages and nothing else."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=False, symlinks=True)
    (packages,) = folder.glob("lib/*/site-packages")
    for name in PACKAGES:
        source = Path(find_spec(name).origin).parent
        for path in (source, source.with_name(f"{name}.libs")):
            if path.exists():
                (packages / path.name).symlink_to(path)
    python, names = (
        folder / "bin" / "python",
        [*PACKAGES, "torch", "transformers", "mlflow", "pandas", "nightshift", "pip"],
    )
    code = f"from importlib.util import find_spec; print([name for name in {names} if find_spec(name)])"
    assert run([python, "-E"], code, folder).strip() == str(list(PACKAGES))
    return [python, "-EB"]


def run(command, code, folder, stdin=""):
    """Run Python code in a folder; return its output.

    Args:
        command: Interpreter and its options.
        code: The code.
        folder: Working directory.
        stdin: Text for standard input.
    """
    completed = subprocess.run([*command, "-c", code], cwd=folder, input=stdin, capture_output=True, text=True)
    assert completed.returncode == 0, completed.stderr[-3000:]
    return completed.stdout


def lines_of(folder):
    (code,) = PYTHON.findall((folder / "README.md").read_text())
    assert len([line for line in code.splitlines() if line.strip()]) == 5
    return code


@pytest.mark.parametrize("name", ["pairs", "four"])
def test_the_five_lines_answer_as_the_registered_model(name, bare, folders):
    code = lines_of(folders / name)
    answers = [eval(line) for line in run(bare, code, folders / name).splitlines()]
    frame = pd.DataFrame({"text": eval(re.search(r"texts = (.*)", code)[1])})
    if name == "pairs":
        frame["text_pair"] = eval(re.search(r"pairs=(\[.*?\])", code)[1])
    model = mlflow.pyfunc.load_model(f"models:/{name}@challenger")
    assert answers == model.predict(frame).to_dict("records") and len(answers) == 2


def test_the_folder_holds_what_it_needs_and_pins_what_it_was_made_with(folders, registry):
    names = {path.name for path in (folders / "four").iterdir()}
    assert names == {"model.onnx", "tokenizer.json", "config.json", "predictor.py", "serve.py", "README.md",
                     "requirements.txt", "Dockerfile", "checkpoint", "MODEL_CARD.md", "sbom.cdx.json"}  # fmt: skip
    pins = (folders / "four" / "requirements.txt").read_text().splitlines()
    assert pins == [f"{name}=={version(name)}" for name in PACKAGES]
    docker = (folders / "four" / "Dockerfile").read_text()
    assert docker.startswith(f"FROM python:{sys.version_info.major}.{sys.version_info.minor}-slim\n")
    copied = [name for line in COPIED.findall(docker) for name in line.split()]
    assert set(copied) == names - {"checkpoint", "Dockerfile", "README.md", "model.onnx", *DOCUMENTS} | {"model.onnx*"}
    served = Path(os.environ["NIGHTSHIFT_HOME"]) / "artifacts" / "compress" / "four" / "full" / "serving"
    assert all((folders / "four" / file.name).read_bytes() == file.read_bytes() for file in served.iterdir())
    page = (folders / "four" / "README.md").read_text()
    assert "| `things` | classification | `texts` | box, lamp, tent |" in page
    assert "| `follows` | classification | `texts` and `pairs` | no, perhaps, yes |" in page


def test_over_http_it_answers_on_this_machine_alone(bare, folders, registry):
    full = registry["four"]
    command = [*bare, folders / "four" / "serve.py", "--port", "0"]
    server = subprocess.Popen(command, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        address = server.stdout.readline().split()[1]
        assert address.startswith("http://127.0.0.1:") and address.endswith("/predict")
        answer = httpx.post(address, json={"texts": TEXTS})
        expected = [full.heads["tone"].labels[int(row.argmax())] for row in full.scores(TEXTS, None, "tone")]
        assert answer.status_code == 200 and [line["label"] for line in answer.json()] == expected
        payload = {"texts": TEXTS[:3], "pairs": TEXTS[3:6], "objective": "follows"}
        scores = [list(line["scores"].values()) for line in httpx.post(address, json=payload).json()]
        assert np.allclose(scores, full.scores(TEXTS[:3], TEXTS[3:6], "follows"), atol=1e-4)
        assert httpx.post(address, json={"texts": []}).json() == []
        for wrong, message in [
            ({"texts": "a text"}, "expected"),
            ({"text": ["a"]}, "expected"),
            ([1], "expected"),
            ({"texts": ["a", None]}, "row 1: text is missing"),
            ({"texts": ["a"], "objective": "mood"}, "this model knows tone"),
            ({"texts": ["a"], "objective": "follows"}, "reads two texts"),
            ({"texts": ["a"], "pairs": [], "objective": "follows"}, "1 first and 0 second texts"),
        ]:
            answer = httpx.post(address, json=wrong)
            assert answer.status_code == 400 and message in answer.json()["error"]
        assert httpx.post(address, content=b"{").status_code == 400
        assert httpx.post(address + "s", json={"texts": []}).status_code == 404
        assert httpx.get(address).status_code == 405
        assert httpx.get(address.replace("predict", "health")).json() == {"status": "ok"}
    finally:
        server.terminate()
        server.wait(10)


def test_stock_transformers_loads_the_checkpoints_and_writes_by_the_five_lines(folders, registry):
    writers = "".join(f"os.chdir({str(folders / name)!r})\n{lines_of(folders / name)}" for name in ("tells", "answers"))
    lines = run(
        [sys.executable, "-E"], STOCK + writers, folders / "pairs", json.dumps([TEXTS, TEXTS[::-1]])
    ).splitlines()
    pairs, tells, answers = (registry[name] for name in ("pairs", "tells", "answers"))
    labels, scores = json.loads(lines[0])
    assert tuple(labels.values()) == pairs.heads["main"].labels
    assert np.allclose(scores, pairs.scores(TEXTS, TEXTS[::-1]), atol=1e-5)
    written = [tells.continuations(["the lid does not close"], "story")[0],
               answers.continuations(["the lid does not close"])[0]]  # fmt: skip
    assert "\n".join(lines[1:]) == "\n".join(written)


def test_what_writes_is_exported_as_its_checkpoint(folders):
    for name in ("tells", "answers"):
        assert {path.name for path in (folders / name).iterdir()} == {
            "checkpoint", "README.md", "requirements.txt", "serve.py", "nightshift", "Dockerfile", *DOCUMENTS
        }  # fmt: skip
    copied = [
        line.split()[1:] for line in (folders / "tells" / "Dockerfile").read_text().splitlines() if line[:5] == "COPY "
    ]
    assert copied == [
        ["requirements.txt", "./"],
        ["serve.py", "./"],
        ["nightshift", "./nightshift/"],
        ["checkpoint", "./checkpoint/"],
    ]
    pins = (folders / "tells" / "requirements.txt").read_text().splitlines()
    assert [pin.partition("==")[0] for pin in pins] == ["numpy", "safetensors", "tokenizers", "torch", "transformers"]
    assert "The objectives story, answer, tone share" in (folders / "tells" / "README.md").read_text()


@pytest.mark.parametrize(
    ("name", "bodies"),
    [
        (
            "tells",
            [
                {"dataframe_records": ROWS, "params": {"max_new_tokens": 8}},
                {"instances": ROWS, "params": {"objective": "answer", "max_new_tokens": 6, "repetition_penalty": 1.5}},
                {"dataframe_split": {"columns": ["text"], "data": [[row["text"]] for row in ROWS]},
                 "params": {"temperature": 1.0, "top_p": 0.9, "top_k": 50, "seed": 7, "max_new_tokens": 8}},
                {"inputs": {"text": [row["text"] for row in ROWS]}, "params": {"max_new_tokens": 20, "stop_strings": ["a", "e"]}},
                {"dataframe_records": ROWS, "params": {"score": True}},
                {"dataframe_records": [row | {"target": "a tent"} for row in ROWS], "params": {"score": True}},
                {"dataframe_records": ROWS, "params": {"objective": "tone"}},
            ],
        ),
        ("answers", [{"dataframe_records": ROWS}, {"dataframe_records": ROWS, "params": {"temperature": 1.0, "seed": 3}}]),
    ],
)  # fmt: skip
def test_what_writes_is_served_as_mlflow_serves_it(name, bodies, folders):
    """With nothing of nightshift, MLflow or pandas."""
    model = mlflow.pyfunc.load_model(f"models:/{name}@challenger")
    code = WITHOUT.format(serve=str(folders / name / "serve.py"))
    command = [sys.executable, "-EB", "-c", code, "--port", "0"]
    server = subprocess.Popen(command, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        address = server.stdout.readline().split()[1]
        assert address.startswith("http://127.0.0.1:") and address.endswith("/invocations")
        for body in bodies:
            expected = scoring_server.invocations(
                json.dumps(body), "application/json", model, model.metadata.get_input_schema()
            )
            answer = httpx.post(address, json=body, timeout=60)
            assert answer.status_code == 200 and rounded(answer.text) == rounded(expected.response), body
        answer = httpx.post(address, json={"dataframe_records": ROWS, "params": {"top_p": 0}})
        assert answer.status_code == 400 and answer.json()["error"].startswith("top_p: expected more than 0")
        assert httpx.get(address.replace("invocations", "health")).json() == {"status": "ok"}
        assert httpx.post(address.replace("invocations", "predict"), json={}).status_code == 404
    finally:
        server.terminate()
        server.wait(10)


def rounded(text):
    return json.loads(text, parse_float=lambda number: round(float(number), 3))


def test_other_weights_than_the_checkpoints_are_exported_beside_it(folders, tmp_path):
    served = tmp_path / "served"
    shutil.copytree(folders / "tells" / "checkpoint", served)
    shutil.copytree(served, tmp_path / "out" / "checkpoint")
    registered_model.add_serving_files(served, tmp_path / "out")
    assert not (tmp_path / "out" / "serving").exists()
    (served / "model.safetensors").rename(served / "int8.safetensors")
    registered_model.add_serving_files(served, tmp_path / "out")
    assert integrity.digests(tmp_path / "out" / "serving") == integrity.digests(served)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("four@champion", "no version of four has the alias champion; promote one"),
        ("models:/four@champion", "no version of four has the alias champion; promote one"),
        ("four/99", "Model Version (name=four, version=99) not found"),
        ("small@champion", "small has no version; `nightshift run` registers one"),
        ("four", "expected NAME@ALIAS or NAME/VERSION, such as reviews@champion"),
        ("models:/", "Not a proper models:/ URI"),
        ("bought/1", "version 1 of bought was not registered by nightshift"),
        ("lost/1", "the checkpoint of version 1 of lost cannot be downloaded: Failed to download artifacts"),
    ],
)
def test_what_cannot_be_exported_is_told_in_one_line_and_leaves_nothing(model, message, registry, tmp_path):
    client = tracking.connect()
    if (name := model.partition("/")[0]) in ("bought", "lost"):
        run = client.create_run(client.get_experiment_by_name("four").experiment_id).info.run_id
        tags = {"nightshift.compressed": "x", "nightshift.checkpoint": f"runs:/{run}/checkpoint"}
        client.create_registered_model(name)
        client.create_model_version(name, "models:/four/1", run, tags=tags if name == "lost" else {})
    with pytest.raises(UserError) as caught:
        export(model, tmp_path / "here" / "out")
    assert str(caught.value).startswith((f"{model}: ", message)) and message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not any((tmp_path / "here").glob("*"))


def test_nothing_is_written_over(registry, tmp_path):
    (tmp_path / "a file").write_text("mine")
    for target in (tmp_path, tmp_path / "a file"):
        with pytest.raises(UserError, match="is there already and not empty"):
            export("four/1", target)
    with pytest.raises(UserError, match="cannot be written: Not a directory"):
        export("four/1", tmp_path / "a file" / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["a file"]
    (tmp_path / "empty").mkdir()
    export("four/1", tmp_path / "empty")
    assert (tmp_path / "empty" / "README.md").exists()


def test_the_command_exits_with_2_and_a_line(registry, tmp_path):
    command = [sys.executable, "-m", "cli.main", "export", "four@champion", "out"]
    root = str(Path(__file__).parent.parent)
    completed = subprocess.run(
        command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": root}, capture_output=True, text=True
    )
    assert completed.returncode == 2 and completed.stdout == "" and not list(tmp_path.iterdir())
    assert completed.stderr == (
        "four@champion: no version of four has the alias champion; promote one with `nightshift promote four VERSION "
        "--reason …`, or name a version, such as four/1\n"
    )

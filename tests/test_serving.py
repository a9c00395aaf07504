"""The model as MLflow loads and serves it."""

import ast
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path

import httpx
import mlflow
import numpy as np
import pandas as pd
import pytest
from factories import objective_of_head
from predictions import predict_file
from small_models import BINARY, GENERATIVE_MODELS, PAIR, SCORING_MODELS, TEXTS, register_model

from cli.export import export
from flows.promotion import ensure_answers
from nightshift import generation_config
from nightshift.errors import UserError
from nightshift.generation_config import Generation
from nightshift.registry.version_predictions import VersionPredictor
from nightshift.text_cleaning import Cleaning

WITHOUT = """
import json, sys
sys.path = [folder for folder in sys.path if folder != {root!r}]
sys.modules |= dict.fromkeys({refused!r})
import mlflow, pandas
mlflow.set_tracking_uri({store!r})
model = mlflow.pyfunc.load_model({uri!r})
print(json.dumps(model.predict(pandas.DataFrame({frame!r}), params={params!r}).to_dict('list')))
"""
"""Importing a module that stands as None in sys.modules fails."""


def predict_without(refused, mlflow_store, uri, frame, params, folder):
    """Return the answers of a registered model in a process that lacks some modules.

    Args:
        refused: Modules whose import fails.
        mlflow_store: Address of the MLflow store.
        uri: Address of the model.
        frame: Texts as a dict of columns.
        params: Params of `predict`, or None.
        folder: Working directory of the process.
    """
    root = str(Path(__file__).parent.parent)
    code = WITHOUT.format(refused=refused, root=root, store=mlflow_store, uri=uri, frame=frame, params=params)
    completed = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stderr[-3000:]
    return json.loads(completed.stdout.splitlines()[-1])


def test_what_judges_loads_without_torch_and_answers_for_the_objective_named(mlflow_store, tmp_path):
    uri, full = register_model(*SCORING_MODELS["one bert for four"], tmp_path / "home")
    frame = {"text": TEXTS[:3]}
    refused = ("torch", "transformers", "nightshift", "tasks")
    answers = predict_without(refused, mlflow_store, uri, frame, {"objective": "linear"}, tmp_path)
    assert np.allclose(answers["score"], full.scores(TEXTS[:3], None, "linear")[:, 0], atol=1e-3)
    assert predict_without(refused, mlflow_store, uri, frame, None, tmp_path)["label"][0] in ("bad", "good")
    loaded = mlflow.pyfunc.load_model(uri)
    assert list(tmp_path.rglob("MLmodel")) and not list(tmp_path.rglob("*.pkl"))
    answers = loaded.predict(pd.DataFrame(frame | {"text_pair": TEXTS[3:6]}), params={"objective": "follows"})
    assert set(answers["scores"][0]) == set(PAIR.labels)
    with pytest.raises(ValueError, match="this model takes text, text_pair"):
        loaded.predict(pd.DataFrame(frame), params={"objective": "follows"})


def test_what_writes_loads_without_nightshift_and_takes_its_params(mlflow_store, tmp_path):
    uri, full = register_model(*GENERATIVE_MODELS["one gpt2 for three"], tmp_path / "home")
    refused, frame = ("tasks", "flows", "onnxruntime", "peft"), {"text": TEXTS[:3]}
    options = {"max_new_tokens": 5, "temperature": 0.9, "seed": 4, "top_p": 0.8, "repetition_penalty": 1.2}
    unstopped = full.continuations(TEXTS[:3], "story", **options)
    options["stop_strings"] = [next(text for text in unstopped if len(text) > 3)[1:3]]
    params = {"objective": "story"} | options
    answers = predict_without(refused, mlflow_store, uri, frame, params, tmp_path)
    expected = full.continuations(TEXTS[:3], "story", **options)
    assert answers == {"text": expected} and expected != unstopped
    loaded = mlflow.pyfunc.load_model(uri)
    defaults = {param.name: param.default for param in loaded.metadata.get_params_schema()}
    assert defaults | {"seed": 0, "score": False, "objective": ""} == defaults
    assert {name: defaults[name] for name in generation_config.NAMES} == asdict(Generation()) | {"stop_strings": []}
    with pytest.raises(ValueError, match="top_p: expected more than 0"):
        loaded.predict(pd.DataFrame(frame), params={"top_p": 0.0})
    pd.DataFrame(frame).to_csv(tmp_path / "new.csv", index=False)
    predict_file(uri, tmp_path / "new.csv", tmp_path / "out.parquet", "story", params=options)
    assert pd.read_parquet(tmp_path / "out.parquet")["predicted"].tolist() == expected
    for wrong, message in (({"top_p": 0}, "top_p: expected more than 0"), ({"top_q": 1}, "no parameter 'top_q'"),
                       ({"seed": "a"}, "seed: expected a whole number")):  # fmt: skip
        with pytest.raises(UserError, match=message):
            predict_file(uri, tmp_path / "new.csv", None, "story", params=wrong)
    answers = loaded.predict(pd.DataFrame(frame), params={"score": True})
    assert np.allclose(answers["loss"], full.losses(TEXTS[:3], None, "story")[0])
    with pytest.raises(ValueError, match="this model takes text, target"):
        loaded.predict(pd.DataFrame(frame), params={"objective": "answer", "score": True})
    targeted = pd.DataFrame(frame | {"target": TEXTS[3:6]})
    answers = loaded.predict(targeted, params={"objective": "answer", "score": True})
    assert answers["tokens"].tolist() == full.losses(TEXTS[:3], TEXTS[3:6], "answer")[1].tolist()
    assert loaded.predict(pd.DataFrame(frame), params={"objective": "tone"})["label"].isin(BINARY.labels).all()


@pytest.mark.parametrize(
    ("case", "file"),
    [
        (SCORING_MODELS["one bert for four"], "model.onnx"),
        (GENERATIVE_MODELS["one gpt2 for three"], "model.safetensors"),
    ],
)
def test_a_version_that_lacks_a_file_is_told_from_one_that_answers(case, file, mlflow_store, tmp_path):
    register_model(*case, tmp_path / "home")
    ensure_answers("tiny", "1")
    (tmp_path / "home/artifacts").rename(tmp_path / "away")
    for path in tmp_path.rglob(f"artifacts/**/{file}"):
        path.unlink()
    with pytest.raises(UserError, match=f"^version 1 of tiny is not .*{file} is missing: nothing was moved$"):
        ensure_answers("tiny", "1")


def test_served_over_http_it_takes_the_objective_among_the_params(mlflow_store, tmp_path):
    uri, full = register_model(*SCORING_MODELS["one gpt2 for two"], tmp_path / "home")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": mlflow_store,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    command = ["-m", "mlflow", "models", "serve", "-m", uri, "--env-manager", "local", "--host", "127.0.0.1"]
    with (tmp_path / "served").open("wb") as log:
        server = subprocess.Popen([sys.executable, *command, "--port", str(port)], env=environment, stdout=log,
                                  stderr=log, start_new_session=True)  # fmt: skip
    try:
        deadline = time.monotonic() + 120
        while True:
            with suppress(httpx.TransportError):
                if httpx.get(f"{address}/ping").status_code == 200:
                    break
            assert server.poll() is None and time.monotonic() < deadline, (tmp_path / "served").read_text()[-2000:]
            time.sleep(0.3)
        records = [{"text": text} for text in TEXTS[:2]]
        body = {"dataframe_records": records}
        first = httpx.post(f"{address}/invocations", json=body, timeout=60).json()["predictions"]
        assert [sorted(line) for line in first] == [["label", "score", "scores"]] * 2
        stars = httpx.post(f"{address}/invocations", json=body | {"params": {"objective": "stars"}}, timeout=60).json()
        expected = full.scores(TEXTS[:2], None, "stars")[:, 0]
        assert np.allclose([line["score"] for line in stars["predictions"]], expected, atol=1e-3)
        wrong = httpx.post(f"{address}/invocations", json=body | {"params": {"objective": "mood"}}, timeout=60)
        assert wrong.status_code == 400 and "this model knows tone, stars" in wrong.json()["message"]
        for value, message in ((None, "row 1: text is missing"), (["refund"], "row 1: text is no text but list")):
            body = {"dataframe_records": [*records[:1], {"text": value}]}
            wrong = httpx.post(f"{address}/invocations", json=body, timeout=60)
            assert wrong.status_code == 400 and wrong.json()["message"].endswith(f"\nError: {message}")
            assert "stack_trace" not in wrong.json() and "Traceback" not in wrong.text
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


CLEANING = Cleaning("NFKC", html=True, mask=("numbers",))
RAW_TEXTS = ["<b>the lid</b> &amp; ﬁne 123", "call 4711", "<br>"]
CLEAN_TEXTS = [CLEANING.clean(text) for text in RAW_TEXTS]


def cleaned(heads, cleaning=CLEANING):
    return {name: replace(head, cleaning=cleaning) for name, head in heads.items()}


def test_what_judges_cleans_requests_as_its_rows_without_nightshift(mlflow_store, tmp_path):
    base, heads = SCORING_MODELS["bert on pairs"]
    uri, full = register_model(base, cleaned(heads), tmp_path / "home")
    frame = {"text": RAW_TEXTS, "text_pair": RAW_TEXTS[::-1]}
    refused = ("torch", "transformers", "nightshift", "tasks", "ftfy", "regex")
    answers = predict_without(refused, mlflow_store, uri, frame, None, tmp_path)
    expected = full.scores([text or " " for text in CLEAN_TEXTS], [text or " " for text in CLEAN_TEXTS[::-1]])
    assert np.allclose([list(scores.values()) for scores in answers["scores"]], expected, atol=1e-3)
    pd.DataFrame(frame).to_csv(tmp_path / "new.csv", index=False)
    predict_file(uri, tmp_path / "new.csv", tmp_path / "out.csv")
    assert pd.read_csv(tmp_path / "out.csv")["score"].tolist() == pytest.approx(answers["score"])
    assert pd.read_csv(tmp_path / "out.csv")["text"].tolist() == RAW_TEXTS


def test_what_writes_cleans_requests_as_its_rows(mlflow_store, tmp_path):
    base, heads = GENERATIVE_MODELS["gpt2 answers"]
    uri, full = register_model(base, cleaned(heads), tmp_path / "home")
    frame = {"text": RAW_TEXTS[:2], "target": TEXTS[:2]}
    refused = ("tasks", "flows", "onnxruntime", "peft", "ftfy")
    answers = predict_without(refused, mlflow_store, uri, frame, {"max_new_tokens": 5}, tmp_path)
    assert answers["text"] == full.continuations(CLEAN_TEXTS[:2], max_new_tokens=5)
    answers = predict_without(refused, mlflow_store, uri, frame, {"score": True}, tmp_path)
    assert np.allclose(answers["loss"], full.losses(CLEAN_TEXTS[:2], TEXTS[:2])[0])


def test_each_version_is_given_the_texts_as_read_and_cleans_them_itself(mlflow_store, tmp_path):
    base, heads = SCORING_MODELS["bert"]
    _, full = register_model(base, heads, tmp_path / "home", "plain")
    register_model(base, cleaned(heads), tmp_path / "home", "cleaning")
    tonight = Cleaning(html=True, whitespace=True)
    rows = pd.DataFrame({"text": list(map(tonight.clean, RAW_TEXTS)), "raw_text": RAW_TEXTS, "row_key": list("abc")})
    for name, texts in {"plain": RAW_TEXTS, "cleaning": CLEAN_TEXTS}.items():
        table = VersionPredictor(name, "1", False).table(rows, objective_of_head(heads["main"]))
        expected = full.scores([text or " " for text in texts])
        assert np.allclose(table[["score:bad", "score:good"]], expected, atol=1e-3)


def test_an_exported_model_cleans_requests_on_its_own(mlflow_store, tmp_path):
    base, heads = SCORING_MODELS["bert"]
    _, full = register_model(base, cleaned(heads), tmp_path / "home")
    export("models:/tiny@challenger", tmp_path / "out")
    assert "predictor.py text_cleaning.py serve.py" in (tmp_path / "out/Dockerfile").read_text()
    code = f"import sys; sys.modules['nightshift'] = None; import predictor; print(predictor.OnnxPredictor('.').answers({RAW_TEXTS!r}))"
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path / "out", capture_output=True, text=True, check=True)
    scores = [list(answer["scores"].values()) for answer in ast.literal_eval(run.stdout)]
    assert np.allclose(scores, full.scores([text or " " for text in CLEAN_TEXTS]), atol=1e-3)


@pytest.mark.parametrize("case", [SCORING_MODELS["bert"], GENERATIVE_MODELS["gpt2 answers"]])
def test_requirements_name_what_cleaning_needs(case, mlflow_store, tmp_path):
    base, heads = case
    uri, _ = register_model(base, cleaned(heads, Cleaning(mojibake=True, patterns=(("x+", "y"),))), tmp_path / "home")
    lines = Path(mlflow.pyfunc.get_model_dependencies(uri)).read_text().splitlines()
    assert {f"{name}=={version(name)}" for name in ("ftfy", "regex")} <= set(lines)


def test_a_pattern_that_takes_too_long_refuses_the_request(mlflow_store, tmp_path):
    base, heads = SCORING_MODELS["bert"]
    uri, _ = register_model(base, cleaned(heads, Cleaning(patterns=(("(a|a)*$", "x"),))), tmp_path / "home")
    with pytest.raises(ValueError, match=r"row 1: text: the pattern '\(a\|a\)\*\$' takes longer"):
        mlflow.pyfunc.load_model(uri).predict(pd.DataFrame({"text": ["b", "a" * 60 + "b"]}))

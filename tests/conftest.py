"""Small real artefacts: a tiny BERT with its own tokenizer, a small data set, the command line as a user runs it."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import httpx
import psutil
import pytest
import s3_servers
from commands import run_command
from samples import BAD, GOOD, PLAIN, messages

os.environ |= {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "HF_HUB_OFFLINE": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "OMP_WAIT_POLICY": "PASSIVE",
}


LONGEST = ("test_servers.py", "test_browser.py", "test_night_kinds.py", "test_night.py", "test_benchmarks.py", "test_ray.py", "test_ray_training.py",
           "test_disk.py",
           "test_two_machines.py", "test_team_servers.py", "test_notifications.py", "test_samples_off.py", "test_supervision.py", "test_pruning.py",
           "test_code_digest.py", "test_trainer.py", "test_replay.py", "test_old_registry.py")  # fmt: skip
"""Files that take minutes: they are begun first, in this order, so that the workers end together."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {name: position for position, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("base")
    words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *sorted({*GOOD, *BAD, *PLAIN, *"abcdefghijklmnopqrstuvwxyz"}),
    ]
    (folder / "vocab.txt").write_text("\n".join([*words, *("##" + c for c in "abcdefghijklmnopqrstuvwxyz")]))
    tokenizer = BertTokenizerFast(vocab=str(folder / "vocab.txt"))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
    )
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def trained_bert(tmp_path_factory: pytest.TempPathFactory):
    """A small model that has learned its rows, its int8 form as it is served, and new rows with their labels."""
    import train_once

    from nightshift.onnx import export, quantization

    folder = tmp_path_factory.mktemp("trained")
    model, tokenizer, heads, _ = train_once.prepared("bert", ("judged",))
    model = train_once.fit(folder / "work", num_train_epochs=12).model.eval()
    export.export_model(model, tokenizer, heads, folder, 32)
    quantization.quantize_int8(folder / export.ONNX, folder / export.ONNX)
    texts, labels = zip(*messages(800, seed=2), strict=True)
    return model, tokenizer, heads, folder, list(texts), list(labels)


@pytest.fixture(scope="session")
def tiny_tokenizer(tiny_base: Path):
    """The tokenizer of the tiny BERT."""
    from nightshift.models import pretrained

    return pretrained.load_tokenizer(str(tiny_base), {}, [])


@pytest.fixture
def checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Function that writes rows where a stage expects checked rows, and returns their record."""
    import pandas as pd

    from nightshift.data.row_keys import text_key
    from nightshift.records import Checked
    from nightshift.store import artifact_store

    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))

    def write_rows(rows, unlabelled=()):
        path = f"validate/{len(list((tmp_path / 'home').rglob('rows.parquet')))}"
        (artifact_store.root() / path).mkdir(parents=True)
        rows.to_parquet(artifact_store.root() / path / "rows.parquet")
        texts = pd.DataFrame(
            {"text": list(unlabelled), "row_key": [text_key(text) for text in unlabelled]}, dtype=object
        )
        texts.to_parquet(artifact_store.root() / path / "unlabelled.parquet")
        return Checked(path=path, digest=path, status="passed", reason="", read=len(rows), kept=len(rows),
                       quarantined={}, expectations=[])  # fmt: skip

    return write_rows


@pytest.fixture(scope="session")
def exported_model(tmp_path_factory: pytest.TempPathFactory):
    """Function from an architecture's name to a model with one head, its exported folder and the predictor there."""
    from exported_graphs import build_model, export_model

    @cache
    def export_by_name(name: str):
        full, folder = build_model(name), tmp_path_factory.mktemp(name)
        return full, folder, export_model(full, folder)[0]

    return export_by_name


@pytest.fixture
def bert(tiny_base: Path):
    """The tiny BERT with a fresh head, and its tokenizer."""
    from small_models import BINARY

    from nightshift.models import pretrained

    tokenizer = pretrained.load_tokenizer(str(tiny_base), {}, [])
    return pretrained.load(str(tiny_base), {"main": BINARY}, tokenizer, 1).eval(), tokenizer


@pytest.fixture
def project(tmp_path: Path, tiny_base: Path) -> Path:
    """A folder with `rows.csv` (600 rows) and `night.yaml`."""
    write_project(tmp_path, tiny_base, "tiny")
    return tmp_path


def write_project(folder: Path, tiny_base: Path, model: str) -> None:
    lines = ["message,label", *(f"{text},{label}" for text, label in messages(600))]
    (folder / "rows.csv").write_text("\n".join(lines) + "\n")
    settings = {
        "model": model,
        "data": {"path": "rows.csv", "text": "message"},
        "train": {
            "base_model": str(tiny_base),
            "num_train_epochs": 6,
            "learning_rate": 2e-3,
            "save_steps": 20,
        },
        "compress": {
            "recipes": ["distil+prune:32+quantize"],
            "distil_epochs": 3,
            "learning_rate": 2e-3,
            "keep": 0.9,
        },
        "gate": {"first": "dummy"},
    }
    (folder / "night.yaml").write_text(json.dumps(settings))


def processes_of(home: Path) -> list[psutil.Process]:
    """Return the running processes that have this NIGHTSHIFT_HOME in their environment."""
    processes = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.environ().get("NIGHTSHIFT_HOME") == str(home) and process.status() != psutil.STATUS_ZOMBIE:
                processes.append(process)
    return processes


class Shell:
    """The command line in a process of its own, with its own NIGHTSHIFT_HOME.

    Args:
        folder: Working directory; the home lies in it.
        prefect: Address of a Prefect API; without one, a night starts a server.
        forked: True if commands that are waited for are forked: that is faster, and nearly what a user does. By default
            they are if there is a Prefect API.
    """

    def __init__(self, folder: Path, prefect: str = "", forked: bool | None = None) -> None:
        self.folder = folder
        self.prefix: tuple[str, ...] = ()
        """The words that each command begins with."""
        self.forked = bool(prefect) if forked is None else forked
        self.env = os.environ | {"NIGHTSHIFT_HOME": str(folder / "home")}
        if prefect:
            self.env["PREFECT_API_URL"] = prefect
        for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):  # a client that was asked in this process sets them
            self.env.pop(name, None)

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        command = [*self.prefix, sys.executable, "-m", "cli.main", *arguments]
        with (self.folder / "out").open("wb") as out, (self.folder / "err").open("wb") as err:
            return subprocess.Popen(command, cwd=self.folder, env=self.env, stdout=out, stderr=err)

    def __call__(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        if self.forked:
            code = run_command(arguments, self.folder, self.env, timeout=600)
        else:
            code = self.start(*arguments).wait(timeout=600)
        out, err = ((self.folder / name).read_text() for name in ("out", "err"))
        return subprocess.CompletedProcess(arguments, code, out, err)

    def json(self, *arguments: str) -> dict:
        completed = self(*arguments, "--json")
        assert completed.returncode in (0, 3), completed.stderr[-3000:]
        return json.loads(completed.stdout.splitlines()[-1])


@pytest.fixture(scope="session")
def prefect_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The API of one Prefect server for many nights: a temporary one takes each of them seconds."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    home = tmp_path_factory.mktemp("prefect")
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", port]
    environment = {"PREFECT_HOME": str(home), "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": "0.3"}
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(command, env=os.environ | environment, stdout=log, stderr=log)
    api = f"http://127.0.0.1:{port}/api"
    deadline = time.monotonic() + 180
    while not _answers(api):
        assert server.poll() is None and time.monotonic() < deadline, (home / "log").read_text()
        time.sleep(0.2)
    yield api
    server.terminate()
    server.wait(30)


def _answers(api: str) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(f"{api}/health", timeout=5).is_success
    return False


@pytest.fixture
def shell(project: Path, prefect_api: str) -> Shell:
    return Shell(project, prefect_api)


@pytest.fixture
def lone_shell(project: Path) -> Shell:
    """Command line whose nights start Prefect servers of their own."""
    return Shell(project)


@pytest.fixture
def row_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stages that read, check and split rows run without a Prefect server."""
    from flows import objective_rows
    from tasks import validate

    for module, name in ((objective_rows, "ingest"), (validate, "validate"), (objective_rows, "split")):
        monkeypatch.setattr(module, name, getattr(module, name).fn)


@pytest.fixture(scope="session")
def real_data() -> Path:
    folder = os.environ.get("NIGHTSHIFT_TEST_DATA")
    if not folder:
        pytest.skip("NIGHTSHIFT_TEST_DATA names no folder with the public data sets")
    return Path(folder)


@pytest.fixture(scope="session")
def s3_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3_servers.Gateway]:
    """An S3 server with the buckets `rows` and `store`."""
    with s3_servers.running(tmp_path_factory.mktemp("s3"), "rows", "store") as gateway:
        yield gateway


@pytest.fixture
def s3_environment(s3_gateway: s3_servers.Gateway, monkeypatch: pytest.MonkeyPatch):
    """File system of the S3 server, whose address and keys are in the environment."""
    for name, value in s3_gateway.environment.items():
        monkeypatch.setenv(name, value)
    files = s3_gateway.files()
    files.endpoint = s3_gateway.endpoint
    return files


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's SQLite file with nothing in it. Making the tables takes longest, so it is done once."""
    import mlflow

    file = tmp_path_factory.mktemp("empty") / "mlflow.db"
    mlflow.MlflowClient(f"sqlite:///{file}").search_experiments()
    return file


@pytest.fixture
def mlflow_store(tmp_path: Path) -> Iterator[str]:
    """The address of an MLflow of its own, beside a NIGHTSHIFT_HOME and the working directory."""
    with own_mlflow(tmp_path, tmp_path / "home") as address:
        yield address


@contextmanager
def own_mlflow(folder: Path, home: Path) -> Iterator[str]:
    """Use an MLflow in a folder, which is the working directory as well; yield its address.

    Args:
        folder: Folder of its SQLite file.
        home: NIGHTSHIFT_HOME.
    """
    import mlflow

    address = f"sqlite:///{folder}/mlflow.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTSHIFT_HOME", str(home))
        patch.setenv("MLFLOW_TRACKING_URI", address)
        patch.chdir(folder)
        mlflow.set_tracking_uri(address)
        yield address


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Iterator[tuple[str, str]]:
    """The address of an MLflow server, and of the SQLite file behind it."""
    folder = tmp_path_factory.mktemp("mlflow")
    shutil.copy(empty_store, folder / "mlflow.db")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    database, address = f"sqlite:///{folder}/mlflow.db", f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", port, "--workers", "1",
               "--backend-store-uri", database, "--no-serve-artifacts",
               "--default-artifact-root", (folder / "artifacts").as_uri()]  # fmt: skip
    environment = os.environ | {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
        "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
        "MLFLOW_WEBHOOK_CACHE_TTL": "1",
    }
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)
    deadline = time.monotonic() + 180
    while not _answers(address):
        assert server.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
        time.sleep(0.2)
    yield address, database
    os.killpg(server.pid, signal.SIGTERM)
    server.wait(30)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_store: Path) -> Iterator[Path]:
    """A NIGHTSHIFT_HOME with an MLflow of its own, for this process."""
    import mlflow

    home = tmp_path / "a home"
    (home / "mlflow").mkdir(parents=True)
    shutil.copy(empty_store, home / "mlflow/mlflow.db")
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(home))
    monkeypatch.delenv("MLFLOW_REGISTRY_URI", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    mlflow.set_tracking_uri(f"sqlite:///{home}/mlflow/mlflow.db")
    yield home
    mlflow.set_tracking_uri(None)

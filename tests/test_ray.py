"""Independent calls of a night on a Ray cluster: settings, errors, results in order."""

import importlib
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import train_once
from conftest import Shell
from predictions import predict_file
from ray_nodes import two_nodes
from samples import messages
from small_models import BINARY, NUMBER, STORY, TEXTS, register_model

from flows.settings_file import check, parse_options
from nightshift.errors import UserError
from nightshift.execution import remote_calls
from nightshift.execution.calls import Call, run_calls
from nightshift.execution.runners import runner_of
from nightshift.execution.settings import ExecutionSettings
from nightshift.registry import batch_prediction
from tasks.train.stage import train

TINY_BERT = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "vocab_size": 200,
}
NIGHT = {
    "model": "tiny",
    "data": {"path": "rows.csv", "text": "message"},
    "train": {
        "base_model": "scratch:bert",
        "scratch": TINY_BERT,
        "max_length": 16,
        "num_train_epochs": 20,
        "learning_rate": 2e-3,
        "save_steps": 20,
    },
    "compress": {
        "recipes": ["distil"],
        "distil_epochs": 1,
        "teachers": ["seeds"],
    },  # one, as latencies decide between several
    "gate": {"seeds": 2, "first": "dummy"},
}


@pytest.mark.parametrize(
    ("execution", "line"),
    [
        ({"runner": "spark"}, "execution.runner: "),
        ({"address": "auto"}, "execution: address: set runner: ray as well, or leave it out"),
        (
            {"runner": "ray", "address": "ray://head:10001"},
            "execution.address: expected HOST:PORT of the cluster's head",
        ),
        ({"runner": "ray", "cpus": 0}, "execution.cpus: "),
        ({"runner": "ray", "gpus": 1.5}, "execution.gpus: above 1 expected a whole number of GPUs"),
    ],
)
def test_wrong_settings_are_one_line_that_names_the_field(execution, line):
    with pytest.raises(UserError) as error:
        check(NIGHT | {"execution": execution}, "night.yaml")
    assert line in str(error.value) and len(str(error.value).splitlines()) == 1


def test_functions_and_stages_are_sent_by_name():
    assert (
        remote_calls.reference(train) == "tasks.train.stage:train"
        and remote_calls.resolve(remote_calls.reference(train)) is train
    )
    assert remote_calls.resolve(remote_calls.reference(parse_options)) is parse_options


def test_secrets_of_servers_are_carried_and_places_of_this_machine_are_not():
    environment = {"PREFECT_API_AUTH_STRING": "a:b", "PREFECT_HOME": "/here", "MLFLOW_TRACKING_URI": "x", "HOME": "/"}
    assert remote_calls.carried_variables(environment) == {"PREFECT_API_AUTH_STRING": "a:b", "MLFLOW_TRACKING_URI": "x"}


def test_ray_that_is_not_installed_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "nightshift.execution.ray_cluster", raising=False)
    with pytest.raises(UserError, match=r"execution.runner: ray is not installed here: pip install nightshift\[ray\]"):
        importlib.import_module("nightshift.execution.ray_cluster")


@pytest.mark.parametrize("address", ["127.0.0.1:1", "no-such-host.invalid:6379", "127.0.0.1:99999"])
def test_an_address_where_nothing_answers_is_one_line(address):
    with (
        pytest.raises(UserError, match=f"execution.address: no Ray cluster answers at {address}: start it"),
        runner_of(ExecutionSettings(runner="ray", address=address), "tiny"),
    ):
        pass


def test_nodes_with_another_installation_are_one_line():
    from nightshift.execution import ray_tasks

    own = ray_tasks.Installation("here", "3.11.7", "digest", {"torch": "2.13.0"}, "", "token")
    assert ray_tasks.difference(own, own) == ""
    for other, line in (
        (own._replace(host="there"), "node there is another machine: set NIGHTSHIFT_STORE"),
        (own._replace(authentication="disabled"), "node here asks for no token: "),
        (own._replace(source="older"), "node here has other code of nightshift"),
        (own._replace(python="3.12.1"), "node here has Python 3.12.1: install 3.11.7"),
        (own._replace(packages={"torch": "2.12.0"}), "node here has torch 2.12.0: install 2.13.0"),
        (own._replace(store="s3://b"), "node here has another NIGHTSHIFT_STORE"),
    ):
        assert ray_tasks.difference(other, own).startswith(line)


@pytest.fixture(scope="module")
def cluster():
    """A cluster of two nodes with one CPU each, on this machine."""
    with two_nodes() as cluster:
        yield cluster


CONNECT = """
import os, sys
from nightshift.errors import UserError
from nightshift.execution.calls import Call, run_calls
from nightshift.execution.runners import runner_of
from nightshift.execution.settings import ExecutionSettings
try:
    with runner_of(ExecutionSettings(runner="ray", address=sys.argv[1] or None), "tiny"):
        import ray
        print(ray.get_runtime_context().gcs_address, flush=True)
        if "calls" in sys.stdin.read():
            for count in (1, 2):
                print(*run_calls(Call(str(number), os.getpid, ()) for number in range(count)))
except UserError as error:
    print(error)
"""


def python(code: str, address: str, home: Path, **variables: str) -> "subprocess.Popen[str]":
    """Start a process that has no Ray token but in these variables.

    Args:
        code: What it runs.
        address: Its argument.
        home: HOME.
        variables: Its variables of Ray.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return subprocess.Popen(
        [sys.executable, "-c", code, address],
        env=environment | {"HOME": str(home)} | variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_cluster_of_the_night_itself_listens_on_this_machine_alone_and_runs_a_single_call_here(tmp_path):
    with python(CONNECT, "", tmp_path) as night:
        assert night.stdout.readline().startswith("127.0.0.1:")
        connections = [c for p in psutil.Process(night.pid).children(recursive=True) for c in p.net_connections("tcp")]
        hosts = {c.laddr.ip for c in connections if c.status == psutil.CONN_LISTEN}
        alone, pair = night.communicate("calls")[0].splitlines()
    assert alone == str(night.pid) and str(night.pid) not in pair.split() and len(pair.split()) == 2
    assert hosts and hosts <= {"127.0.0.1", "::ffff:127.0.0.1"}
    assert not (tmp_path / ".ray").exists()


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({"RAY_AUTH_MODE": "disabled"}, "execution.address: RAY_AUTH_MODE is not token: "),
        ({}, "execution.address: not the token of the cluster, or none: "),
    ],
)
def test_a_cluster_is_not_used_without_its_token(cluster, tmp_path, variables, line):
    answer = python(CONNECT, cluster.address, tmp_path, **variables).communicate("")[0]
    assert answer.startswith(line) and len(answer.splitlines()) == 1


def test_calls_return_in_their_order_and_their_error_is_that_of_this_process(cluster):
    with runner_of(ExecutionSettings(runner="ray", address=cluster.address), "tiny"):
        assert run_calls([Call(str(n), abs, (-n,)) for n in range(5)]) == [0, 1, 2, 3, 4]
        with pytest.raises(UserError, match="--param no value: expected NAME=VALUE"):
            run_calls([Call("wrong", parse_options, (["no value"], "--param"))])


def test_a_task_that_fits_no_node_is_one_line(cluster):
    with (
        pytest.raises(
            UserError, match=r"no node of the cluster has 3 CPUs and 1 GPUs; its largest has 1 CPUs and 0 GPUs"
        ),
        runner_of(ExecutionSettings(runner="ray", address=cluster.address, cpus=3, gpus=1), "tiny"),
    ):
        pass


@pytest.fixture
def part_rows(monkeypatch) -> int:
    """The number of rows of a part, in this process: small, so that there are more parts than nodes."""
    monkeypatch.setattr(batch_prediction, "PART_ROWS", 7)
    return batch_prediction.PART_ROWS


def write_rows(folder: Path, address: str) -> None:
    """Write rows to predict, and the settings of a night with Ray."""
    lines = [json.dumps({"id": number, "message": text}) for number, text in enumerate(TEXTS)]
    (folder / "new.jsonl").write_text("\n".join(lines))
    execution = {"runner": "ray", "address": address}
    (folder / "ray.yaml").write_text(json.dumps(NIGHT | {"execution": execution}))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("base", "heads", "options"),
    [
        ("bert", {"tone": replace(BINARY, abstain_below=0.6), "stars": NUMBER}, {"compare": "1"}),
        ("bert", {"stars": NUMBER}, {}),
        ("gpt2", {"main": STORY}, {"params": {"temperature": 1.0, "seed": 3, "max_new_tokens": 4}}),
    ],
)
def test_predictions_of_a_cluster_are_those_of_one_process(
    cluster, part_rows, mlflow_store, tmp_path, base, heads, options
):
    uri, _ = register_model(base, heads, tmp_path / "home")
    write_rows(tmp_path, cluster.address)
    rows, one, many = (tmp_path / name for name in ("new.jsonl", "one.csv", "many.csv"))
    difference = predict_file(uri, rows, one, text="message", **options)[1]
    assert predict_file(uri, rows, many, settings_file=tmp_path / "ray.yaml", **options)[1] == difference
    assert many.read_bytes() == one.read_bytes()


@pytest.mark.slow
def test_parts_of_a_lost_node_are_predicted_by_the_others(cluster, part_rows, mlflow_store, tmp_path, monkeypatch):
    uri, _ = register_model("bert", {"tone": BINARY}, tmp_path / "home")
    write_rows(tmp_path, cluster.address)
    lost_after = []

    class EndingNode(batch_prediction.RowProgress):
        def advance(self, rows):
            super().advance(rows)
            if self.done == 3 * part_rows:
                lost_after.append(self.done)
                cluster.remove_node(cluster.second, allow_graceful=False)

    predict_file(uri, tmp_path / "new.jsonl", tmp_path / "one.csv", text="message")
    monkeypatch.setattr(batch_prediction, "RowProgress", EndingNode)
    try:
        predict_file(uri, tmp_path / "new.jsonl", tmp_path / "many.csv", settings_file=tmp_path / "ray.yaml")
    finally:
        cluster.second = cluster.add_node(num_cpus=1)
    assert lost_after == [3 * part_rows]
    assert (tmp_path / "many.csv").read_bytes() == (tmp_path / "one.csv").read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory, prefect_api) -> Path:
    """The home of a night that ran in one process."""
    folder = tmp_path_factory.mktemp("whole")
    write_night(folder)
    shell = Shell(folder, prefect_api, forked=False)  # a forked command has the threads of its parent
    shell.env["OMP_NUM_THREADS"] = "1"
    shell.json("run", "night.yaml")
    return folder / "home"


@pytest.mark.slow
def test_a_night_that_loses_a_node_while_both_train_ends_with_the_same_artifacts(cluster, whole, tmp_path, prefect_api):
    write_night(tmp_path)
    execution = ["--set", "execution.runner=ray", "--set", f"execution.address={cluster.address}"]
    night = Shell(tmp_path, prefect_api).start("run", "night.yaml", "--json", *execution)
    wait_for_checkpoints(tmp_path / "home", 2, night)
    cluster.remove_node(cluster.second, allow_graceful=False)
    try:
        code, errors = night.wait(600), (tmp_path / "err").read_text()
    finally:
        cluster.second = cluster.add_node(num_cpus=1)
    assert code == 0, errors[-3000:]
    assert "Ray: a node was lost, 1 remain" in errors
    assert digests(tmp_path / "home") == digests(whole)


@pytest.mark.slow
def test_a_night_whose_seeds_take_both_nodes_each_ends_with_the_artifacts_of_accelerate(cluster, tmp_path, prefect_api):
    changes = {
        "accelerate": {"train": {"launcher": "accelerate", "accelerate": train_once.accelerate_options(2)}},
        "ray": {"train": {"launcher": "ray"}, "execution": {"runner": "ray", "address": cluster.address}},
    }
    for name, sections in changes.items():
        (tmp_path / name).mkdir()
        write_night(tmp_path / name)
        night = NIGHT | sections | {"train": NIGHT["train"] | sections["train"]}
        (tmp_path / name / "night.yaml").write_text(json.dumps(night))
        shell = Shell(tmp_path / name, prefect_api, forked=False)
        shell.env["OMP_NUM_THREADS"] = "1"
        shell.json("run", "night.yaml")
    assert digests(tmp_path / "ray" / "home") == digests(tmp_path / "accelerate" / "home")


def wait_for_checkpoints(home: Path, trainings: int, night: "subprocess.Popen[bytes]") -> None:
    """Wait until so many trainings have a checkpoint."""
    while len({file.parent for file in home.glob("work/tiny/train-*/checkpoint-*")}) < trainings:
        assert night.poll() is None, "the night ended before"
        time.sleep(0.05)


def write_night(folder: Path) -> None:
    """Write rows and settings of a night of a tiny model with two seeds and a student.

    Each seed trains for many epochs, so that both still train when a test ends the node of one of them.
    """
    rows = [f"{text},{label}" for text, label in messages(240)]
    (folder / "rows.csv").write_text("\n".join(["message,label", *rows]) + "\n")
    (folder / "night.yaml").write_text(json.dumps(NIGHT | {"train": NIGHT["train"] | {"num_train_epochs": 100}}))


def digests(home: Path) -> list[tuple[str, str]]:
    """Return stage and digest of each artifact but the gate's, which reads latencies; keys of ingest name the data's folder."""
    contents = [
        json.loads(json.loads(file.read_bytes())["result"])["data"] for file in home.glob("artifacts/*/*/record.json")
    ]
    return sorted(
        (content["path"].partition("/")[0], content["digest"])
        for content in contents
        if not content["path"].startswith("gate/")
    )

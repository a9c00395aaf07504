"""One training in several processes on the nodes of a Ray cluster: the result of `accelerate launch`, also after a loss."""

import logging

import pytest
import ray_nodes
import train_once

from nightshift.errors import NightshiftError, UserError
from nightshift.execution import ray_ranks
from nightshift.execution.calls import Call, run_calls
from nightshift.execution.runners import runner_of
from nightshift.execution.settings import ExecutionSettings
from nightshift.models.heads import Model
from nightshift.store import artifact_store, shared_store
from nightshift.training import launch, trainer
from nightshift.training.callbacks import TrainingFailed

NAMES = ("judged", "scored")
ARGUMENTS = train_once.ARGUMENTS | {"num_train_epochs": 12, "save_steps": 20}


@pytest.fixture(scope="module")
def cluster():
    """A cluster of two nodes with one CPU each, on this machine."""
    with ray_nodes.two_nodes() as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home of the night, and one thread for each process."""
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def prepared_job(name: str) -> trainer.TrainerJob:
    """Return a training with dropout."""
    model, tokenizer, heads, examples = train_once.prepared("bert", NAMES)
    folder = artifact_store.work_folder("tiny", name)
    options = trainer.TrainingOptions(fingerprint="f")
    return trainer.TrainerJob(model, tokenizer, heads, examples, examples, folder, ARGUMENTS, options)


def train_on_nodes(
    name: str, check=lambda: None, publish=lambda _share, _text: None, log_line=lambda _line, _step: None
) -> Model:
    """Train on the nodes of this block's cluster."""
    return ray_ranks.train(prepared_job(name), 2, publish, log_line, check).model


@pytest.fixture(scope="module")
def expected(tmp_path_factory) -> Model:
    """The model of two processes under `accelerate launch`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTSHIFT_HOME", str(tmp_path_factory.mktemp("accelerate")))
        patch.setenv("OMP_NUM_THREADS", "1")
        return launch.launch(prepared_job("a"), train_once.accelerate_options(2)).model


def on_cluster(cluster, **settings):
    """Return the block in which the calls are carried out by a cluster."""
    return runner_of(ExecutionSettings(runner="ray", address=cluster.address, **settings), "tiny", 2)


def test_a_cluster_without_room_for_all_processes_is_one_line(cluster):
    line = "train.num_workers: the cluster has room for 2 of 3 processes with 1 CPUs and 0 GPUs each"
    settings = ExecutionSettings(runner="ray", address=cluster.address)
    with pytest.raises(UserError, match=line), runner_of(settings, "tiny", 3):
        pass


@pytest.mark.slow
def test_trainings_that_need_all_nodes_run_one_after_the_other_and_equal_those_of_accelerate(cluster, expected):
    texts, steps = [], []

    def publish(_share, text):
        texts.append(text)

    def log_line(line, step):
        steps.append(step if "loss" in line else None)

    with on_cluster(cluster):
        calls = [
            Call(name, train_on_nodes, (name, lambda: None, publish, log_line), sends_tasks=True)
            for name in ("one", "two")
        ]
        for model in run_calls(calls):
            assert train_once.same_weights(model.state_dict(), expected.state_dict())
    assert any("done in" in text for text in texts)
    assert len(losses := [step for step in steps if step]) > 2 and losses == 2 * losses[: len(losses) // 2]


@pytest.mark.slow
def test_a_training_that_loses_a_node_continues_and_ends_with_the_same_weights(cluster, expected, caplog):
    lost = []

    def end_node() -> None:
        if not lost and (saved := list(artifact_store.work_folder("tiny", "lost").glob("checkpoint-*"))):
            lost.append(saved)
            ray_nodes.replace_second(cluster)

    with on_cluster(cluster), caplog.at_level(logging.WARNING):
        model = train_on_nodes("lost", end_node)
    assert lost and "all continue from the newest checkpoint" in caplog.text
    assert train_once.same_weights(model.state_dict(), expected.state_dict())


@pytest.mark.slow
def test_machines_with_homes_of_their_own_continue_from_the_checkpoints_of_the_store(
    expected, tmp_path, monkeypatch, caplog
):
    (tmp_path / "store").mkdir()
    monkeypatch.setenv(shared_store.VARIABLE, (tmp_path / "store").as_uri())
    lost = []

    def end_node() -> None:
        if not lost and (stored := list(tmp_path.glob("store/work/tiny/stored/checkpoint-*"))):
            lost.append(stored)
            ray_nodes.replace_second(cluster, tmp_path)

    with ray_nodes.two_nodes(tmp_path) as cluster, on_cluster(cluster), caplog.at_level(logging.WARNING):
        model = train_on_nodes("stored", end_node)
    assert lost and "all continue from the newest checkpoint" in caplog.text
    assert train_once.same_weights(model.state_dict(), expected.state_dict())
    assert not [*tmp_path.glob("first/work/tiny/*"), *tmp_path.glob("third/work/tiny/*")]


@pytest.mark.slow
def test_a_training_fails_in_one_line_when_its_processes_are_lost_too_often(cluster):
    def end_node() -> None:
        if list(artifact_store.work_folder("tiny", "given-up").glob("checkpoint-*")):
            ray_nodes.replace_second(cluster)

    with (
        on_cluster(cluster, max_retries=0),
        pytest.raises(NightshiftError, match="run again, the night goes on") as error,
    ):
        train_on_nodes("given-up", end_node)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.slow
def test_an_error_of_the_training_comes_back_with_the_rows_of_its_batch(cluster, monkeypatch):
    monkeypatch.setitem(ARGUMENTS, "learning_rate", 1e30)
    with on_cluster(cluster), pytest.raises(TrainingFailed) as error:
        train_on_nodes("diverging")
    assert error.value.objective in NAMES and error.value.rows

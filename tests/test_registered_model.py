"""A registered version is data: nothing of its code runs in a night or a command, and what was changed is not loaded."""

import pickle
import shutil
from functools import partial
from pathlib import Path

import mlflow
import pandas as pd
import pytest
import yaml
from nights import Model, objective
from predictions import predict_file

from cli.export import export
from flows.promotion import promote_by_hand
from nightshift.errors import DamagedVersionError, ForeignVersionError, NightshiftError, UserError
from nightshift.records import Registered, RegistryState, Trained
from nightshift.registry import (
    erasure,
    integrity,
    model_registry,
    registered_model,
    tracking,
    verified_downloads,
    warm_start,
)
from nightshift.registry.registered_model import RegisteredModel
from nightshift.registry.tags import CHECKPOINT, CHECKPOINT_DIGEST, COMPRESSED, DIGEST
from nightshift.registry.version_predictions import predict_versions, trained_keys
from nightshift.store import artifact_store

CODE = "from pathlib import Path\nPath({marker!r}).touch()\n"


@pytest.fixture
def model(home):
    return Model(home, "x")


def test_files_that_only_the_server_reads_say_to_start_it(home):
    tracking.connect()
    served = registered_model._verified("mlflow-artifacts:/1/run/checkpoint", "run", "", "version 1 of tiny")
    with pytest.raises(DamagedVersionError, match=r"version 1 of tiny cannot be downloaded: .*`nightshift up`"), served:
        pass


@pytest.fixture
def marker(tmp_path):
    """The file that code leaves behind when it runs."""
    return tmp_path / "somebody's code has run"


@pytest.fixture
def rows(tmp_path):
    pd.DataFrame({"text": ["a tent", "a lamp"]}).to_csv(tmp_path / "rows.csv", index=False)
    return tmp_path / "rows.csv"


class Payload:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return exec, (CODE.format(marker=str(self.marker)),)


def pickled_version(model, marker, **tags) -> str:
    """A version whose python_model is a pickle that leaves the marker when it is read."""
    run = model.pipeline_run(1)
    planted = model.client.create_logged_model(model.experiment, name="model", source_run_id=run).model_id
    folder = model.files / "pickled"
    folder.mkdir()
    (folder / "python_model.pkl").write_bytes(pickle.dumps(Payload(marker)))
    flavor = {"loader_module": "mlflow.pyfunc.model", "python_model": "python_model.pkl", "cloudpickle_version": "3.1.1",
              "python_version": "3.11.7", "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"}}  # fmt: skip
    (folder / "MLmodel").write_text(yaml.safe_dump({"flavors": {"python_function": flavor}}))
    model.client.log_model_artifacts(planted, str(folder))
    model.client.finalize_logged_model(planted, "READY")
    tags |= {CHECKPOINT: registered_model.checkpoint_uri(run)} if tags else {}
    return str(model.client.create_model_version("x", f"models:/{planted}", run_id=run, tags=tags).version)


def gate_answers(challenger: str, champion: str | None = None, anchor: str | None = None):
    """The answers that the gate reads, and the reasons why it reads none of a role."""
    objectives = [objective(3)]
    registry_state = RegistryState(champion=champion, anchor=anchor)
    _, answers, unable = predict_versions(
        Registered(name="x", version=challenger, run_id="run"), registry_state, objectives
    )
    return answers["holdout"], unable


def test_an_alias_that_no_version_has_gives_a_line_that_says_what_to_do(model, rows, tmp_path):
    number = model.version(model.pipeline_run(1))
    line = (
        "x@champion: no version of x has the alias champion; promote one with `nightshift promote x VERSION --reason …`, "
        f"or name a version, such as x/{number}"
    )
    with pytest.raises(UserError) as predicted:
        predict_file("models:/x@champion", rows, None)
    with pytest.raises(UserError) as exported:
        export("x@champion", tmp_path / "exported")
    assert (str(predicted.value), str(exported.value)) == (f"models:/{line}", line) and exported.value.exit_code == 2
    with pytest.raises(
        UserError,
        match=rf"^x@challenger: no version of x has the alias challenger; name a version, such as x/{number}$",
    ):
        model_registry.resolve("x@challenger")
    with pytest.raises(UserError, match=r"^y@champion: y has no version; `nightshift run` registers one$"):
        model_registry.resolve("y@champion")


@pytest.mark.parametrize(
    ("tags", "message", "error"),
    [
        ({}, "version 2 of x was not registered by nightshift", ForeignVersionError),
        ({COMPRESSED: "digest"}, "version 2 of x is not whole: artifacts/serving/model.onnx is missing", DamagedVersionError),
    ],
)  # fmt: skip
def test_a_pickled_model_is_refused_and_never_read(model, marker, rows, tmp_path, tags, message, error):
    served, planted = model.legacy_version(), pickled_version(model, marker, **tags)
    with pytest.raises(Exception, match=""):
        mlflow.pyfunc.load_model(f"models:/x/{planted}")
    assert marker.exists(), "the test's own payload does nothing"
    marker.unlink()
    for command in (
        lambda: predict_file(f"models:/x/{planted}", rows, None),
        lambda: promote_by_hand("x", planted, "try it"),
        lambda: export(f"x/{planted}", tmp_path / "exported"),
    ):
        with pytest.raises(error, match=rf"^(the checkpoint of )?{message}|^the checkpoint of") as caught:
            command()
        assert "\n" not in str(caught.value)
    if error is ForeignVersionError:
        answers, unable = gate_answers(served, champion=planted)
        assert set(answers) == {"challenger"} and message in unable["champion"]
    else:
        with pytest.raises(NightshiftError, match=f"the champion is damaged: {message}"):
            gate_answers(served, champion=planted)
        assert message in gate_answers(served, anchor=planted)[1]["anchor"]
    assert not marker.exists()


def test_a_second_text_for_a_model_of_one_text_is_refused(model, rows):
    number = model.registered_version(0.5)
    with pytest.raises(UserError, match="main reads one text a row; leave --text-pair out") as caught:
        predict_file(f"models:/x/{number}", rows, None, text_pair="text")
    assert caught.value.exit_code == 2


def test_a_changed_predictor_is_never_run_and_with_a_digest_it_is_refused(model, marker, rows, home):
    first, second = model.registered_version(0.5), model.registered_version(0.7)
    for number in (first, second):
        assert (
            predict_file(f"models:/x/{number}", rows, None)[0]
            == f"text,predicted\na tent,{answer(number)}\na lamp,{answer(number)}\n"
        )
        predictor = model.folder(number) / "artifacts/predictor.py"
        predictor.write_text(CODE.format(marker=str(marker)) + predictor.read_text())
    mlflow.pyfunc.load_model(f"models:/x/{first}")
    assert marker.exists(), "the test's own payload does nothing"
    marker.unlink()
    message = "version 1 of x is not as it was registered: artifacts/predictor.py is not the file that was registered"
    for command in (
        lambda: predict_file("models:/x/1", rows, None),
        lambda: promote_by_hand("x", "1", "try it"),
        lambda: gate_answers("1"),
        lambda: export("x/1", home / "exported"),
    ):
        with pytest.raises(UserError, match=f"^{message}"):
            command()
    with pytest.raises(
        NightshiftError, match=f"^the champion is damaged: {message}; go back with `nightshift rollback x`, or"
    ) as caught:
        gate_answers(model.legacy_version(), champion="1")
    assert caught.value.exit_code == 1, "a damaged champion is no quiet end of a night"

    version = model_registry.version("x", "2")
    shutil.rmtree(home / "registered")
    with pytest.raises(DamagedVersionError, match="its files are not those whose digest the version's tag has"):
        RegisteredModel(version)
    for tag in (DIGEST, CHECKPOINT_DIGEST):
        model.client.delete_model_version_tag("x", "2", tag)
    assert predict_file("models:/x/2", rows, None)[0].startswith("text,predicted\na tent,0.7")
    assert gate_answers("2")[0]["challenger"]["main"]["predicted"].tolist() == [0.7] * 3
    promote_by_hand("x", "2", "as registered before digests were recorded")
    export("x/2", home / "exported")
    assert CODE[:20] not in (home / "exported/predictor.py").read_text()[:200]
    assert not marker.exists()


def answer(number: str) -> str:
    return {"1": "0.5", "2": "0.7"}[number]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (Path.unlink, "model.onnx is missing"),
        (lambda file: file.write_bytes(file.read_bytes()[:60]), "model.onnx is not the file that was registered"),
        (lambda file: (file.parent / "more.json").write_text("{}"), "more.json was added"),
    ],
)
def test_every_file_of_a_version_is_compared(model, damage, message):
    number = model.registered_version()
    (model.folder(number) / registered_model.SERVING_FOLDER / "__pycache__").mkdir()
    (model.folder(number) / "registered_model_meta").write_text("MLflow adds it to what it downloads")
    assert RegisteredModel(model_registry.version("x", number)).answers(pd.DataFrame({"text": ["a"]}))[
        "score"
    ].tolist() == [0.5]
    damage(model.folder(number) / registered_model.SERVING_FOLDER / "model.onnx")
    with pytest.raises(
        DamagedVersionError, match=f"^version 1 of x is not as it was registered: artifacts/serving/{message}$"
    ):
        RegisteredModel(model_registry.version("x", number))


def test_export_copies_nothing_that_a_version_names(model, home, tmp_path):
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/id_rsa").write_text("secret")
    number = model.registered_version()
    tags = {
        DIGEST: "",
        CHECKPOINT_DIGEST: "",
        CHECKPOINT: (tmp_path / "secret").as_uri(),
    }
    shutil.rmtree(home / "registered")
    for tag, value in tags.items():
        model.client.set_model_version_tag("x", number, tag, value)
    with pytest.raises(ForeignVersionError, match="version 1 of x was not registered by nightshift"):
        export(f"x/{number}", tmp_path / "exported")
    model.client.set_model_version_tag(
        "x",
        number,
        CHECKPOINT,
        registered_model.checkpoint_uri(model_registry.version("x", number).run_id),
    )
    file = model.folder(number) / "MLmodel"
    mlmodel = yaml.safe_load(file.read_text())
    for artifact in mlmodel["flavors"]["python_function"]["artifacts"].values():
        artifact["path"] = "../../../../../../secret"
    mlmodel["flavors"]["python_function"]["python_version"] = "3.11\nRUN curl evil"
    file.write_text(yaml.safe_dump(mlmodel))
    (model.folder(number) / "requirements.txt").write_text("evil==1.0\nnumpy @ file:///tmp/x\nnumpy==2.0\n")
    export(f"x/{number}", tmp_path / "exported")
    assert not list((tmp_path / "exported").rglob("id_rsa"))
    assert (tmp_path / "exported/requirements.txt").read_text() == "numpy==2.0\n"
    assert "curl" not in (tmp_path / "exported/Dockerfile").read_text()


def test_what_is_not_kept_as_it_was_logged_is_not_registered(model, monkeypatch):
    logged = mlflow.MlflowClient.log_artifacts

    def log_and_truncate(client, run, folder, path=None):
        logged(client, run, folder, path)
        for file in model.artifacts_folder.rglob("checkpoint/config.json"):
            file.write_text("")

    monkeypatch.setattr(mlflow.MlflowClient, "log_artifacts", log_and_truncate)
    with pytest.raises(NightshiftError, match="MLflow's artifact store does not hold what was logged"):
        model.registered_version()
    assert not model.versions()


def write_trained() -> Trained:
    """Write a full checkpoint, as far as its files are looked at, and return its record."""
    trained = Trained(path="train/key", parameters=1, layers=[], precision="fp32", device="cpu")
    (artifact_store.folder(trained) / "model").mkdir(parents=True)
    (artifact_store.folder(trained) / "model/config.json").write_text("{}")
    (artifact_store.folder(trained) / "model/model.safetensors").write_bytes(b"weights")
    (artifact_store.folder(trained) / artifact_store.TRAINED_KEYS).write_bytes(b"keys")
    return trained


def test_a_full_checkpoint_is_fetched_again_where_the_copy_is_damaged_and_refused_where_the_store_is(model, home):
    trained = write_trained()
    run = model.pipeline_run(1)
    warm_start.log_checkpoint(trained, run, with_checkpoint=True)
    downloaded = partial(verified_downloads.download, run, tracking.FULL, f"{run}-full")
    copy = downloaded(home / "work/x/champion")
    (copy / "model.safetensors").write_bytes(b"Weights")
    assert downloaded(copy) == copy and (copy / "model.safetensors").read_bytes() == b"weights"
    (model.artifacts_folder / run / "artifacts/full/model.safetensors").write_bytes(b"theirs")
    shutil.rmtree(copy)
    with pytest.raises(DamagedVersionError, match=r"^model\.safetensors is not the file that was registered$"):
        downloaded(copy)
    assert not copy.exists()


def test_the_champions_checkpoint_is_an_artifact_also_where_its_digests_are_not_recorded(model, home):
    trained = write_trained()
    run = model.pipeline_run(1)
    warm_start.log_checkpoint(trained, run, with_checkpoint=True)
    integrity.forget(f"{run}-full")
    checkpoint = warm_start.download_checkpoint.fn("1", run)
    assert (artifact_store.folder(checkpoint) / "model.safetensors").read_bytes() == b"weights"
    assert artifact_store.folder(checkpoint).parent.parent == artifact_store.root()


def test_changed_digests_of_training_rows_are_never_gone_by(model):
    """Without some of its keys the champion would be judged on rows that it knows."""
    trained = Trained(path="train/key", parameters=1, layers=[], precision="fp32", device="cpu")
    artifact_store.folder(trained).mkdir(parents=True)
    keys = pd.DataFrame({"row_key": ["a", "b"], "part": False})
    keys.to_parquet(artifact_store.folder(trained) / artifact_store.TRAINED_KEYS)
    number = model.registered_version()
    run = model_registry.version("x", number).run_id
    warm_start.log_checkpoint(trained, run, with_checkpoint=False)
    assert trained_keys(
        Registered(name="x", version=number, run_id=run), RegistryState(champion=None, anchor=None)
    ) == {
        "a",
        "b",
    }
    assert erasure.versions_with_erased_rows("x", {"c"}) == []
    keys[:1].to_parquet(model.artifacts_folder / run / "artifacts/full" / artifact_store.TRAINED_KEYS)
    message = (
        "what its run keeps is not as it was registered: full/trained_keys.parquet is not the file that was registered"
    )
    with pytest.raises(DamagedVersionError, match=f"^version 1 of x: {message}$"):
        trained_keys(Registered(name="x", version=number, run_id=run), RegistryState(champion=None, anchor=None))
    assert erasure.versions_with_erased_rows("x", {"c"}) == ["1"], "nobody can tell"


def test_a_record_goes_with_its_model(home):
    folder = artifact_store.home() / "folder"
    folder.mkdir()
    (folder / "a").write_text("a")
    tag = integrity.record("m-1", integrity.digests(folder))
    (folder / "a").write_text("b")
    assert integrity.difference("m-1", integrity.digests(folder), "") == "a is not the file that was registered"
    integrity.forget("m-1")
    assert integrity.difference("m-1", integrity.digests(folder), "") == ""
    assert integrity.difference("m-1", integrity.digests(folder), tag).startswith("its files are not those")

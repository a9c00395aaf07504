"""Fingerprints: runs are the same, or the difference is named."""

from datetime import date, timedelta

import pytest
import torch
from nights import Model

from flows.pipeline_run import PipelineRun
from flows.settings_file import check
from nightshift.registry import fingerprint, ledger, tags
from nightshift.store import runtime_environment
from nightshift.store.stages import artifact_path
from tasks import evaluate, split
from tasks.ingest import locate


class NightInputs:
    """A night's settings, its rows, its base model and its code, each easy to change."""

    def __init__(self, folder):
        self.folder, self.values, self.entrypoint = folder, {}, folder / "nightly.py"
        for name, content in {"rows.csv": "text,label\na,b\n", "nightly.py": "x = 1", "other.py": "x = 2"}.items():
            (folder / name).write_text(content)
        (folder / "base").mkdir()
        (folder / "base/config.json").write_text("{}")

    def settings(self):
        values = {"model": "x", "data": {"path": "rows.csv"}, "train": {"base_model": str(self.folder / "base")}}
        train = values["train"] | self.values.get("train", {})
        return check(values | self.values | {"train": train}, "x.yaml")

    def pipeline_run(self, force=False):
        settings = self.settings()
        sources = {"main": locate(settings.data, None, self.folder)}
        return PipelineRun(settings, sources, None, self.entrypoint, force)


@pytest.fixture
def inputs(tmp_path, home):
    return NightInputs(tmp_path)


def rows(inputs, monkeypatch):
    (inputs.folder / "rows.csv").write_text("text,label\na,c\n")


def one_setting(inputs, monkeypatch):
    inputs.values = {"train": {"num_train_epochs": 5}}


def two_settings(inputs, monkeypatch):
    inputs.values = {"gate": {"margin": 0.1}, "compress": {"recipes": ["quantize"]}}


def base(inputs, monkeypatch):
    (inputs.folder / "base/config.json").write_text('{"layers": 2}')


def code(inputs, monkeypatch):
    inputs.entrypoint = inputs.folder / "other.py"


def package(inputs, monkeypatch):
    packages = runtime_environment.environment() | {"torch": "2.99.0"}
    monkeypatch.setattr(runtime_environment, "environment", lambda: packages)


def gpu(inputs, monkeypatch):
    monkeypatch.setattr(runtime_environment, "_is_built_for_gpus", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA H100")


def sealed_holdout(inputs, monkeypatch):
    monkeypatch.setattr(ledger, "active_holdout", lambda entries: 1)


CHANGES = {
    rows: "data",
    one_setting: "settings (train.num_train_epochs)",
    two_settings: "settings (compress.recipes, gate.margin)",
    base: "base model",
    code: "code",
    package: "environment (torch)",
    gpu: "device",
    sealed_holdout: "holdout",
}


@pytest.mark.parametrize("change", CHANGES)
def test_each_part_alone_makes_another_night_and_is_named(inputs, monkeypatch, change):
    unchanged = inputs.pipeline_run()
    assert inputs.pipeline_run().fingerprint == unchanged.fingerprint
    assert fingerprint.changes(unchanged.parts, inputs.pipeline_run().parts) == []
    change(inputs, monkeypatch)
    changed = inputs.pipeline_run()
    assert changed.fingerprint != unchanged.fingerprint
    assert fingerprint.changes(unchanged.parts, changed.parts) == [CHANGES[change]]


def test_a_partition_of_another_name_makes_another_night(inputs):
    inputs.values = {"data": {"path": "day=*"}}
    (inputs.folder / "day=1").mkdir()
    (inputs.folder / "rows.csv").rename(inputs.folder / "day=1/rows.csv")
    before = inputs.pipeline_run()
    (inputs.folder / "day=1").rename(inputs.folder / "day=2")
    assert fingerprint.changes(before.parts, inputs.pipeline_run().parts) == ["data"]


def test_where_and_when_change_nothing(inputs):
    run = inputs.pipeline_run()
    inputs.values = {"deadline": 90, "max_age": 7, "base_dir": "/elsewhere"}
    assert inputs.pipeline_run().fingerprint == run.fingerprint


def test_many_names_are_counted():
    old, new = ({"settings": {f"s{number:02}": value for number in range(12)}} for value in (1, 2))
    assert fingerprint.changes(old, new) == [f"settings ({', '.join(f's{n:02}' for n in range(10))}, 2 more)"]
    assert fingerprint.changes({}, new) == ["settings"]


def test_the_environment_is_what_is_installed_of_the_pins(tmp_path, monkeypatch):
    packages = runtime_environment.environment()
    assert packages["torch"] == torch.__version__.partition("+")[0] or packages["torch"] == torch.__version__
    assert {"python", "transformers", "onnxruntime", "SQLAlchemy"} <= set(packages) and "none" not in packages.values()
    (tmp_path / "pins.txt").write_text("# pins\nno-such-package==1.0\ntorch==0.1\n")
    monkeypatch.setattr(runtime_environment, "PINS", tmp_path / "pins.txt")
    pinned = runtime_environment.environment.__wrapped__()
    assert list(pinned) == ["python", "no-such-package", "torch"]
    assert pinned["no-such-package"] == "none" and pinned["torch"] == packages["torch"]


def test_no_stage_is_taken_from_another_environment(monkeypatch):
    path = artifact_path(split.split_rows, {})
    assert artifact_path(split.split_rows, {}) == path
    package(None, monkeypatch)
    assert artifact_path(split.split_rows, {}) != path


def test_only_stages_that_compute_with_torch_depend_on_the_device(monkeypatch):
    stages = (split.split_rows, evaluate.baseline)
    rows, metrics = (artifact_path(stage, {}) for stage in stages)
    gpu(None, monkeypatch)
    rows_elsewhere, metrics_elsewhere = (artifact_path(stage, {}) for stage in stages)
    assert rows_elsewhere == rows and metrics_elsewhere != metrics


def log_finished_run(model, pipeline_run, days, status="held"):
    """Log a run that has ended; return its id.

    Args:
        model: The model of the run.
        pipeline_run: The run of the pipeline whose fingerprint it gets.
        days: Number of days ago.
        status: Value of the tag of its status.
    """
    run = model.run(days, **{tags.FINGERPRINT: pipeline_run.fingerprint, tags.STATUS: status})
    model.client.log_dict(run, pipeline_run.parts, fingerprint.FILE)
    return run


def day(days):
    return date.today() - timedelta(days)


def test_what_changed_is_told_against_the_last_night_that_finished(home, inputs, monkeypatch):
    model, first = Model(home, "x"), inputs.pipeline_run()
    assert first.finished_before() is None and first.changed == "no night has finished before"
    run = log_finished_run(model, first, 8)
    assert inputs.pipeline_run().finished_before().info.run_id == run
    log_finished_run(model, inputs.pipeline_run(), 3, "stopped")
    model.run(2, "FAILED", **{tags.FINGERPRINT: first.fingerprint, tags.STATUS: "failed"})
    assert inputs.pipeline_run().finished_before().info.run_id == run

    rows(inputs, monkeypatch)
    two_settings(inputs, monkeypatch)
    second = inputs.pipeline_run()
    assert second.finished_before() is None and not second.refreshes
    assert second.changed == f"changed since the night of {day(8)}: data, settings (compress.recipes, gate.margin)"
    log_finished_run(model, second, 5, "promoted")
    one_setting(inputs, monkeypatch)
    third = inputs.pipeline_run()
    assert third.finished_before() is None
    words = "settings (compress.recipes, gate.margin, train.num_train_epochs)"
    assert third.changed == f"changed since the night of {day(5)}: {words}"


def test_the_night_before_is_named_by_the_day_in_its_name_which_may_be_a_replayed_one(home, inputs):
    model = Model(home, "x")
    run = log_finished_run(model, inputs.pipeline_run(), 8)
    model.client.set_tag(run, "mlflow.runName", "x-2015-02-17")
    forced = inputs.pipeline_run(force=True)
    assert forced.finished_before() is None
    assert forced.changed == "nothing changed since the night of 2015-02-17; forced"


def test_a_night_that_kept_no_parts_differs_in_all_of_them(home, inputs):
    Model(home, "x").run(1, **{tags.FINGERPRINT: "another", tags.STATUS: "held"})
    pipeline_run = inputs.pipeline_run()
    assert pipeline_run.finished_before() is None
    assert pipeline_run.changed.endswith(": data, settings, base model, teachers, code, environment, device, holdout")


def test_forced_and_too_old_nights_train_anew(home, inputs):
    model = Model(home, "x")
    run = log_finished_run(model, inputs.pipeline_run(), 8)
    forced = inputs.pipeline_run(force=True)
    assert forced.finished_before() is None and forced.refreshes
    assert forced.changed == f"nothing changed since the night of {day(8)}; forced"
    inputs.values = {"max_age": 9}
    young = inputs.pipeline_run()
    assert young.finished_before().info.run_id == run and not young.refreshes
    inputs.values = {"max_age": 7.5}
    old = inputs.pipeline_run()
    assert old.finished_before() is None and old.refreshes
    words = "the same night ended 8.0 days ago, max_age is 7.5"
    assert old.changed == f"nothing changed since the night of {day(8)}; {words}"
    again = log_finished_run(model, old, 1)
    assert inputs.pipeline_run().finished_before().info.run_id == again

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
from tasks import split
from tasks.ingest import locate


class Told:
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

    def night(self, force=False):
        settings = self.settings()
        sources = {"main": locate(settings.data, None, self.folder)}
        return PipelineRun(settings, sources, None, self.entrypoint, force)


@pytest.fixture
def told(tmp_path, home):
    return Told(tmp_path)


def rows(told, monkeypatch):
    (told.folder / "rows.csv").write_text("text,label\na,c\n")


def one_setting(told, monkeypatch):
    told.values = {"train": {"num_train_epochs": 5}}


def two_settings(told, monkeypatch):
    told.values = {"gate": {"margin": 0.1}, "compress": {"recipes": ["quantize"]}}


def base(told, monkeypatch):
    (told.folder / "base/config.json").write_text('{"layers": 2}')


def code(told, monkeypatch):
    told.entrypoint = told.folder / "other.py"


def package(told, monkeypatch):
    found = runtime_environment.environment() | {"torch": "2.99.0"}
    monkeypatch.setattr(runtime_environment, "environment", lambda: found)


def gpu(told, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA H100")


def sealed_holdout(told, monkeypatch):
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
def test_each_part_alone_makes_another_night_and_is_named(told, monkeypatch, change):
    before = told.night()
    assert told.night().fingerprint == before.fingerprint
    assert fingerprint.changes(before.parts, told.night().parts) == []
    change(told, monkeypatch)
    after = told.night()
    assert after.fingerprint != before.fingerprint
    assert fingerprint.changes(before.parts, after.parts) == [CHANGES[change]]


def test_where_and_when_change_nothing(told):
    before = told.night()
    told.values = {"deadline": 90, "max_age": 7, "base_dir": "/elsewhere"}
    assert told.night().fingerprint == before.fingerprint


def test_many_names_are_counted():
    before, now = ({"settings": {f"s{number:02}": value for number in range(12)}} for value in (1, 2))
    assert fingerprint.changes(before, now) == [f"settings ({', '.join(f's{n:02}' for n in range(10))}, 2 more)"]
    assert fingerprint.changes({}, now) == ["settings"]


def test_the_environment_is_what_is_installed_of_the_pins(tmp_path, monkeypatch):
    found = runtime_environment.environment()
    assert found["torch"] == torch.__version__.partition("+")[0] or found["torch"] == torch.__version__
    assert {"python", "transformers", "onnxruntime", "SQLAlchemy"} <= set(found) and "none" not in found.values()
    (tmp_path / "pins.txt").write_text("# pins\nno-such-package==1.0\ntorch==0.1\n")
    monkeypatch.setattr(runtime_environment, "PINS", tmp_path / "pins.txt")
    other = runtime_environment.environment.__wrapped__()
    assert list(other) == ["python", "no-such-package", "torch"]
    assert other["no-such-package"] == "none" and other["torch"] == found["torch"]


@pytest.mark.parametrize("change", [package, gpu])
def test_stages_are_not_taken_from_another_environment_or_device(monkeypatch, change):
    before = artifact_path(split.split_rows, {})
    assert artifact_path(split.split_rows, {}) == before
    change(None, monkeypatch)
    assert artifact_path(split.split_rows, {}) != before


def finished(model, night, days, status="held"):
    """A night that ended so many days ago with this fingerprint."""
    run = model.run(days, **{tags.FINGERPRINT: night.fingerprint, tags.STATUS: status})
    model.client.log_dict(run, night.parts, fingerprint.FILE)
    return run


def day(days):
    return date.today() - timedelta(days)


def test_what_changed_is_told_against_the_last_night_that_finished(home, told, monkeypatch):
    model, night = Model(home, "x"), told.night()
    assert night.finished_before() is None and night.changed == "no night has finished before"
    run = finished(model, night, 8)
    assert told.night().finished_before().info.run_id == run
    finished(model, told.night(), 3, "stopped")
    model.run(2, "FAILED", **{tags.FINGERPRINT: night.fingerprint, tags.STATUS: "failed"})
    assert told.night().finished_before().info.run_id == run

    rows(told, monkeypatch)
    two_settings(told, monkeypatch)
    other = told.night()
    assert other.finished_before() is None and not other.refreshes
    assert other.changed == f"changed since the night of {day(8)}: data, settings (compress.recipes, gate.margin)"
    finished(model, other, 5, "promoted")
    one_setting(told, monkeypatch)
    third = told.night()
    assert third.finished_before() is None
    words = "settings (compress.recipes, gate.margin, train.num_train_epochs)"
    assert third.changed == f"changed since the night of {day(5)}: {words}"


def test_a_night_that_kept_no_parts_differs_in_all_of_them(home, told):
    Model(home, "x").run(1, **{tags.FINGERPRINT: "another", tags.STATUS: "held"})
    night = told.night()
    assert night.finished_before() is None
    assert night.changed.endswith(": data, settings, base model, teachers, code, environment, device, holdout")


def test_forced_and_too_old_nights_train_anew(home, told):
    model = Model(home, "x")
    run = finished(model, told.night(), 8)
    forced = told.night(force=True)
    assert forced.finished_before() is None and forced.refreshes
    assert forced.changed == f"nothing changed since the night of {day(8)}; forced"
    told.values = {"max_age": 9}
    young = told.night()
    assert young.finished_before().info.run_id == run and not young.refreshes
    told.values = {"max_age": 7.5}
    old = told.night()
    assert old.finished_before() is None and old.refreshes
    words = "the same night ended 8.0 days ago, max_age is 7.5"
    assert old.changed == f"nothing changed since the night of {day(8)}; {words}"
    again = finished(model, old, 1)
    assert told.night().finished_before().info.run_id == again

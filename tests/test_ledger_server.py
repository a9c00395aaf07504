"""Every ending of a night goes into the ledger on an MLflow server too, whatever has become of runs and versions."""

import mlflow
import pytest
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from nights import Model

from cli import environment
from nightshift.errors import UserError
from nightshift.records import NightResult, Verdict
from nightshift.registry import ledger, model_registry, tags, tracking
from nightshift.reporting import version_description


@pytest.fixture
def model(tmp_path, monkeypatch, mlflow_server, request):
    """A model of its own on the server that all tests share."""
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server[0])
    mlflow.set_tracking_uri(mlflow_server[0])
    yield Model(tmp_path, request.node.name)
    mlflow.set_tracking_uri(None)


def removed_by_gc(mlflow_server, run):
    """Remove a run as `mlflow gc` does."""
    tracking.connect().delete_run(run)
    SqlAlchemyStore(mlflow_server[1], "unused")._hard_delete_run(run)


def actions(model):
    return [(entry.action, entry.old, entry.new) for entry in ledger.history(model.name)]


def test_a_first_night_that_is_stopped_or_held_and_then_repeated(model):
    stopped_run, held_run = model.pipeline_run(2), model.pipeline_run(1)
    model_registry.note(model.name, "stopped", "at least two labels", stopped_run)
    model_registry.note(model.name, "held", "does not beat the baseline", held_run, model.version(held_run))
    model_registry.note(model.name, ledger.SKIPPED, "nothing changed", held_run)
    assert actions(model) == [("stopped", "", ""), ("held", "", ""), ("skipped", "", "")]
    assert [entry.evidence for entry in ledger.history(model.name)] == [stopped_run, held_run, held_run]
    assert "held by nightly" in model.client.get_model_version(model.name, "1").description


def test_nights_after_the_champion_was_deleted_by_hand(model):
    first, second = model.version(model.pipeline_run(2)), model.version(model.pipeline_run(1))
    model_registry.promote(model.name, first, "it was good", None)
    model_registry.promote(model.name, second, "it is better", first)
    model.client.delete_model_version(model.name, second)
    for _ in range(2):
        model_registry.notice_moves_by_hand(model.name)
    model_registry.note(model.name, "stopped", "at least two labels", model.pipeline_run(0.5))
    model_registry.note(model.name, "held", "not better", model.pipeline_run(0.4), second)
    assert actions(model)[2:] == [("moved by hand", "2", ""), ("stopped", "", ""), ("held", "", "")]
    assert "version 2 was champion until" in model_registry.hold_reason(model.name)
    third = model.version(model.pipeline_run(0))
    model_registry.promote(model.name, third, "ours again", None)
    assert model_registry.version_of(model.name, model_registry.CHAMPION) == third


@pytest.mark.parametrize("deleted", ["old", "new"])
def test_a_move_that_a_kill_cut_off_ends_although_its_version_was_deleted(model, deleted):
    versions = {role: model.version(model.pipeline_run(1)) for role in ("old", "new")}
    model_registry.promote(model.name, versions["old"], "it was good", None)
    entry = ledger.Entry(action="promoted", why="better", pending="true", version=versions["new"], **versions)
    ledger.append(model.name, entry)
    model.client.delete_model_version(model.name, versions[deleted])
    model_registry.notice_moves_by_hand(model.name)
    assert ledger.pending_move(model.name) is None
    assert (
        model_registry.version_of(model.name, model_registry.CHAMPION) == versions["new" if deleted == "old" else "old"]
    )


def test_a_run_that_was_removed_for_good(model, mlflow_server):
    run = model.pipeline_run(2)
    champion = model.version(run)
    model.client.set_model_version_tag(model.name, champion, tags.FINGERPRINT, "f")
    model_registry.promote(model.name, champion, "it was good", None, evidence=run)
    removed_by_gc(mlflow_server, run)
    assert not tracking.unfinished(model_registry.version(model.name, champion), "f")
    next_run = model.pipeline_run(1)
    challenger = model.version(next_run)
    result = NightResult(
        status="held", reason="", model=model.name, version=challenger, mlflow_run_id=next_run, rows={}
    )
    verdict = Verdict(decision="hold", reasons=[], champion_version=champion)
    assert "since version 1" in version_description._changes(result, verdict)
    model_registry.note(model.name, "held", "not better", run, challenger)
    model_registry.promote(model.name, challenger, "better", champion, evidence=run)
    assert actions(model)[-1] == ("promoted", "1", "2") and model_registry.trained_keys(model.name, champion) == set()


def test_an_experiment_that_was_deleted_is_a_line_with_the_command(model):
    model.client.delete_experiment(model.experiment)
    with pytest.raises(UserError) as caught:
        tracking.last_finished_run(model.name)
    line = str(caught.value)
    assert "\n" not in line and line.startswith(
        f"the experiment {model.name} was deleted in MLflow: `MLFLOW_TRACKING_URI=http"
    )
    assert f"mlflow experiments restore --experiment-id {model.experiment}`" in line
    model.client.restore_experiment(model.experiment)
    assert tracking.last_finished_run(model.name) is None


def test_entries_of_an_earlier_nightshift_are_read(home):
    ledger.ensure_model("x.ledger")
    old = {
        "action": "promoted",
        "new": "1",
        "version": "1",
        "when": "2026-11-01T00:00:00+00:00",
        "who": "Ada",
        "why": "good",
    }
    tracking.connect().create_model_version("x.ledger", source="runs:/none/report", tags=old)
    ledger.append("x", ledger.Entry(action="held", old="1", new="1", why="not better"))
    assert [(e.action, e.new, e.who) for e in ledger.history("x")] == [
        ("promoted", "1", "Ada"),
        ("held", "1", "nightly (unverified)"),
    ]


@pytest.mark.parametrize("name", ["feature%2Fx", "what?", "issue#7"])
def test_a_home_that_addresses_cannot_hold_is_refused_at_the_start(tmp_path, monkeypatch, name):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / name))
    with pytest.raises(UserError, match=r"^NIGHTSHIFT_HOME: .* has [%?#] in it, .*: name another folder$"):
        environment.prepare()
    assert not (tmp_path / name).exists()

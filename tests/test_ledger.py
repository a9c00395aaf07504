"""The ledger, on a real SQLite store of MLflow: what is in production, what is spent, what is worn."""

from datetime import UTC, datetime, timedelta

import mlflow
import pytest

from nightshift.errors import UserError
from nightshift.registry import ledger, model_registry
from nightshift.registry.ledger import Entry

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def versions(tmp_path, monkeypatch):
    """Two versions of a model that holds nothing."""
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    client = model_registry.tracking.connect()
    run = client.create_run(client.create_experiment("x", artifact_location=tmp_path.as_uri())).info.run_id
    client.create_registered_model("x")
    for _ in range(2):
        client.create_model_version("x", source=f"{tmp_path.as_uri()}/{run}", run_id=run)
    yield client
    mlflow.set_tracking_uri(None)


def spending(days, action="held"):
    return Entry(action=action, why="", tested="better", when=(NOW - timedelta(days=days)).isoformat())


def test_a_year_counts_what_was_tested_on_the_holdout_in_use():
    old, worn, in_use = spending(366), spending(40), [spending(20), spending(3, "promoted")]
    rotated, untested = Entry(action=ledger.ROTATED, why=""), Entry(action="held", why="")
    assert ledger.tests_of_last_year([old, worn, *in_use, untested], NOW) == [worn, *in_use]
    assert ledger.tests_of_last_year([old, worn, rotated, *in_use, untested], NOW) == in_use
    assert ledger.active_holdout([old, rotated, *in_use, rotated]) == 2


def test_tests_spend_what_they_took_and_old_ones_what_their_night_was_set_to(versions):
    client, experiment = versions, versions.create_experiment("y")
    run = client.create_run(experiment).info.run_id
    for name, value in (("gate.confidence", 0.95), ("gate.tests_per_year", 10)):
        client.log_param(run, name, value)
    model_registry.note("x", "held", "not better", "run-3", "2", "better", "0.00125")
    model_registry.note("x", "held", "not better", run, "2", "better")
    tests = ledger.tests_of_last_year(ledger.history("x"), datetime.now(UTC))
    assert ledger.alpha_spent(tests, lambda entry: model_registry.tracking.alpha_of(entry.evidence)) == pytest.approx(
        0.00625
    )
    assert model_registry.tracking.alpha_of("gone") is None


def test_nights_that_moved_nothing_leave_anchor_and_rollback_alone(versions):
    model_registry.promote("x", "1", "why", None, "first")
    model_registry.promote("x", "2", "why", "1", "cheaper")
    model_registry.note("x", "held", "not better", "run-3", "2", "better")
    model_registry.note("x", "held", "not better", "run-3", "2", "better")
    model_registry.note("x", ledger.SKIPPED, "nothing new", "run-3")
    entries = ledger.history("x")
    assert [entry.action for entry in entries] == ["promoted", "promoted", "held", "skipped"]
    assert ledger.anchor(entries) == "1" and [entry.moves for entry in entries] == ["- → 1", "1 → 2", "2", "2"]
    assert "held by nightly" in versions.get_model_version("x", "2").description
    model_registry.rollback("x", "worse", "Ada", "1")
    model_registry.note("x", "held", "frozen", "run-4", "2")
    assert "rolled back to version 1" in str(model_registry.hold_reason("x"))
    model_registry.notice_moves_by_hand("x")
    assert ledger.history("x")[-1].action == "held", "nothing was moved by hand"


def test_a_description_is_as_long_as_mlflow_keeps_it(versions):
    versions.update_model_version("x", "1", "**begin** " + "word " * 990)
    model_registry.promote("x", "1", "why " * 2000 + "at last", None, "first")
    text = versions.get_model_version("x", "1").description
    assert len(text) <= 5000 and text.startswith("**begin**") and "…" in text and text.endswith("at last")
    assert ledger.history("x")[0].why.endswith("at last")


def test_a_champion_that_somebody_took_away_is_replaced_by_a_person(versions):
    model_registry.promote("x", "1", "why", None, "first")
    versions.delete_model_version("x", "1")
    for _ in range(2):
        model_registry.notice_moves_by_hand("x")
    entries = ledger.history("x")
    assert [(entry.action, entry.moves) for entry in entries] == [("promoted", "- → 1"), ("moved by hand", "1 → -")]
    assert "version 1 was champion until somebody took the alias away" in str(model_registry.hold_reason("x"))
    model_registry.promote("x", "2", "theirs from now on", None, author="Ada")
    assert model_registry.hold_reason("x") is None and ledger.anchor(ledger.history("x")) == "2"


def test_a_move_that_was_cut_off_is_made_by_whoever_comes_next(versions, monkeypatch):
    def cut_off(*_):
        raise ConnectionError

    def aliases():
        return {alias: str(number) for alias, number in versions.get_registered_model("x").aliases.items()}

    model_registry.promote("x", "1", "why", None, "first", "run-1")
    with monkeypatch.context() as patched:
        patched.setattr(model_registry, "_set_aliases", cut_off)
        with pytest.raises(ConnectionError):
            model_registry.promote("x", "2", "why", "1", "cheaper", "run-2", tested_claim="cheaper")
    assert aliases() == {"champion": "1"}
    assert model_registry.promote("x", "2", "why", "1", "cheaper", "run-2", tested_claim="cheaper").claim == "cheaper"
    assert aliases() == {"champion": "2", "previous": "1"}
    entries = ledger.history("x")
    assert [(entry.action, entry.claim) for entry in entries] == [("promoted", "first"), ("promoted", "cheaper")]
    assert len(ledger.tests_of_last_year(entries, datetime.now(UTC))) == 1 and ledger.anchor(entries) == "1"

    for interrupted in ("_set_aliases", "clear_pending"):
        with monkeypatch.context() as patched:
            patched.setattr(model_registry if interrupted == "_set_aliases" else ledger, interrupted, cut_off)
            with pytest.raises(ConnectionError):
                model_registry.rollback("x", "worse", "Ada", "1")
        assert "rolled back to version 1" in str(model_registry.hold_reason("x"))
        if interrupted == "_set_aliases":
            model_registry.notice_moves_by_hand("x")
        else:
            assert model_registry.rollback("x", "worse", "Ada", None).new == "1"
        assert aliases() == {"champion": "1"}
        assert ledger.history("x")[-1].action == "rolled back"
        model_registry.promote("x", "2", "again", "1")


def test_the_second_of_two_nights_finds_another_champion(versions):
    model_registry.promote("x", "1", "why", None, "first")
    with pytest.raises(UserError, match="champion is version 1 by now, not None"):
        model_registry.promote("x", "2", "why", None, "first")
    assert model_registry.version_of("x", "champion") == "1" and len(ledger.history("x")) == 1


def test_what_was_rolled_back_must_be_beaten_until_something_better_is_promoted():
    def move(action, old, new, claim=""):
        return Entry(action=action, old=old, new=new, why="", claim=claim)

    first, better = move("promoted", "", "1", "first"), move("promoted", "1", "2", "better")
    back = move("rolled back", "2", "1")
    assert ledger.rolled_back([first, better]) is None
    assert ledger.rolled_back([first, better, back]) == "2"
    by_hand, cheaper = move("promoted", "1", "3"), move("promoted", "1", "3", "cheaper")
    assert (
        ledger.rolled_back([first, better, back, by_hand]) == ledger.rolled_back([first, better, back, cheaper]) == "2"
    )
    assert ledger.rolled_back([first, better, back, move("promoted", "1", "2")]) is None, "it is back in production"
    assert ledger.rolled_back([first, better, back, move("promoted", "1", "3", "better")]) is None
    assert ledger.rolled_back([first, better, back, Entry(action=ledger.ROTATED, why="")]) is None


def test_challengers_are_counted_by_the_champion_that_they_met():
    held, tested = (Entry(action="held", old="1", new="1", why="", tested=claim) for claim in ("", "better"))
    promoted = Entry(action="promoted", old="1", new="2", why="", tested="better")
    skipped, stopped = (Entry(action=action, old="1", new="1", why="") for action in ("skipped", "stopped"))
    back = Entry(action="rolled back", old="2", new="1", why="")
    entries = [held, tested, skipped, stopped, promoted, back, held]
    assert ledger.compared_with(entries, "1") == [held, tested, promoted, held]
    assert ledger.compared_with(entries, "2") == ledger.compared_with(entries, None) == []

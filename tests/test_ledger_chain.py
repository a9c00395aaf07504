"""The chain of the ledger's entries: which count, which are void, and what a change breaks."""

import os

import mlflow
import pytest
from commands import CONTEXT, start_forked
from nights import Model
from races import MODEL, assert_one_moved_each_time, promote_in_rounds

from nightshift.errors import UserError
from nightshift.registry import ledger, ledger_chain, model_registry, tracking
from nightshift.registry.ledger import Entry

ROUNDS = 12
"""Races of the slow test; docs/decisions/ledger-chain.md has fifty."""


def chained(*reasons: str) -> dict[str, Entry]:
    """Return entries that were appended one after another."""
    entries: dict[str, Entry] = {}
    for number, reason in enumerate(reasons, 1):
        head = ledger_chain.read(entries).head
        entries[str(number)] = Entry(action="held", why=reason, when=f"day {number}", previous_digest=head)
    return entries


def test_the_lower_number_of_two_entries_after_the_same_one_counts():
    entries = chained("a", "b", "c")
    entries["4"] = entries["3"].model_copy(update={"why": "as fast"})
    entries["5"] = Entry(action="held", why="d", previous_digest=ledger_chain.digest(entries["3"]))
    chain = ledger_chain.read(entries)
    assert list(chain.valid) == ["1", "2", "3", "5"] and list(chain.void) == ["4"] and not chain.broken
    assert chain.head == ledger_chain.digest(entries["5"])


def test_the_first_digest_covers_all_entries_of_an_old_ledger():
    old = {str(number): Entry(action="held", why="old", when="then") for number in (1, 2)}
    first = Entry(action="held", why="new", previous_digest=ledger_chain.read(old).head)
    assert list(ledger_chain.read({**old, "3": first}).valid) == ["1", "2", "3"]
    for number in old:
        changed = old | {number: old[number].model_copy(update={"why": "forged"})}
        assert ledger_chain.read({**changed, "3": first}).broken == ["3"]


def test_an_entry_of_a_nightshift_without_a_chain_is_void():
    entries = chained("a") | {"2": Entry(action="promoted", why="by an old one", new="9", version="9")}
    assert list(ledger_chain.read(entries).void) == ["2"]


def test_a_cleared_mark_changes_no_digest_and_any_other_field_does():
    entry = Entry(action="promoted", why="better", when="today", new="2", pending="true")
    digest = ledger_chain.digest(entry)
    assert ledger_chain.digest(entry.model_copy(update={"pending": ""})) == digest
    for name in set(Entry.model_fields) - {"pending"}:
        assert ledger_chain.digest(entry.model_copy(update={name: "other"})) != digest, name


@pytest.mark.parametrize("number", ["1", "2"])
def test_after_an_entry_was_changed_nothing_is_recorded_or_moved(home, number):
    model = Model(home, "x")
    first, second = model.version(model.pipeline_run(2)), model.version(model.pipeline_run(1))
    model_registry.promote("x", first, "it was good", None)
    model_registry.note("x", "held", "not better", "run", second)
    model_registry.note("x", "held", "not better", "run-2", second)
    tracking.connect().set_model_version_tag("x.ledger", number, "why", "forged")
    later = str(int(number) + 1)
    assert ledger.read("x").broken == [later]
    for act in (
        lambda: model_registry.promote("x", second, "better", first),
        lambda: model_registry.rollback("x", "worse", "Ada", first),
        lambda: model_registry.note("x", "held", "not better", "run-3"),
        lambda: model_registry.notice_moves_by_hand("x"),
    ):
        with pytest.raises(
            UserError, match=f"ledger of x was changed: what entry {later} follows .* `nightshift verify x`"
        ):
            act()
    assert model_registry.version_of("x", "champion") == first and len(ledger.history("x")) == 3


def test_a_note_that_another_machine_was_faster_than_is_appended_anew(home, monkeypatch):
    model_registry.note("x", "held", "first", "run-1")
    real, stale = ledger.read_unbroken, [ledger.read_unbroken("x")]
    model_registry.note("x", "held", "faster", "run-2")
    monkeypatch.setattr(ledger, "read_unbroken", lambda name: stale.pop() if stale else real(name))
    ledger.append("x", Entry(action="held", why="slower"))
    chain = ledger.read("x")
    assert [entry.why for entry in chain.entries] == ["first", "faster", "slower"] and list(chain.void) == ["3"]


def test_a_promotion_goes_on_after_a_note_and_not_after_a_move(home, monkeypatch):
    model = Model(home, "x")
    versions = [model.version(model.pipeline_run(days)) for days in (3, 2, 1)]
    model_registry.promote("x", versions[0], "first", None)
    real, stale = ledger.read_unbroken, [ledger.read_unbroken("x")]
    model_registry.note("x", "held", "meanwhile", "run-2")
    monkeypatch.setattr(ledger, "read_unbroken", lambda name: stale.pop() if stale else real(name))
    model_registry.promote("x", versions[1], "better", versions[0])
    assert model_registry.version_of("x", "champion") == versions[1]
    stale.append(ledger.read("x"))
    model_registry.rollback("x", "worse", "Ada", versions[0])
    model_registry.promote("x", versions[1], "again", versions[0])
    stale[:] = [ledger_chain.read(dict(list(ledger.read("x").valid.items())[:-2]))]
    with pytest.raises(UserError, match=r"^champion is version 2 by now, not 2: nothing was moved$"):
        model_registry.promote("x", versions[2], "decided before the rollback", versions[1])
    assert [entry.action for entry in ledger.history("x")].count("promoted") == 3


def race(home: str, uri: str, *arguments: object) -> None:
    """Race with a NIGHTSHIFT_HOME and a registry of its own."""
    os.environ |= {"NIGHTSHIFT_HOME": home, "MLFLOW_TRACKING_URI": uri}
    promote_in_rounds(*arguments)


@pytest.mark.slow
def test_exactly_one_of_two_promotions_at_the_same_moment_takes_effect_without_a_lock(
    tmp_path, monkeypatch, mlflow_server
):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server[0])
    mlflow.set_tracking_uri(mlflow_server[0])
    model = Model(tmp_path, MODEL)
    before, *versions = [model.version(model.pipeline_run(days)) for days in (5, 4, 3, 2, 1)]
    model_registry.promote(MODEL, before, "the first", None)
    pairs, barrier, results = (versions[:2], versions[2:]), CONTEXT.Barrier(2), CONTEXT.Queue()
    racers = [
        start_forked(race, str(tmp_path), mlflow_server[0], pair, ROUNDS, False, barrier, results) for pair in pairs
    ]
    assert_one_moved_each_time(results, ROUNDS)
    for racer in racers:
        racer.join(60)
        assert racer.exitcode == 0
    chain = ledger.read(MODEL)
    mlflow.set_tracking_uri(None)
    assert not chain.broken and len(chain.valid) == ROUNDS + 1
    assert all({entry.new for entry in chain.entries} & set(pair) for pair in pairs), "each of them won"

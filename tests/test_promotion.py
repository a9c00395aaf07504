"""A person's decisions: what is promoted or rolled back to must answer before an alias moves."""

from pathlib import Path

import pytest
from nights import Model

from flows.promotion import promote_by_hand, roll_back
from nightshift.errors import UserError
from nightshift.records import Candidate, Compressed
from nightshift.registry import ledger, model_registry, registered_model, tags
from tasks.register import register


def config(model, number) -> Path:
    """The file of a version that holds what it answers."""
    return model.folder(number) / registered_model.SERVING_FOLDER / "config.json"


def aliases(model):
    return {alias: str(v) for alias, v in model.client.get_registered_model(model.name).aliases.items()}


@pytest.fixture
def model(home):
    return Model(home, "x")


BROKEN = {
    "a file is gone": (Path.unlink, "is not whole: artifacts/serving/config.json is missing"),
    "a file is damaged": (lambda file: file.write_text("{"), "cannot be read: JSONDecodeError: .+"),
    "it answers nothing": (
        lambda file: file.write_text(file.read_text().replace("0.5", "NaN")),
        r"does not answer \(it leaves rows without an answer\)",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_nothing_moves_to_a_version_that_does_not_answer(model, case):
    first, second, third = (model.legacy_version() for _ in range(3))
    promote_by_hand("x", first, "it was good")
    assert promote_by_hand("x", second, "it is better") == "x: champion is version 2 (was 1)"
    old_aliases, entries = aliases(model), ledger.history("x")
    assert old_aliases == {"champion": second, "previous": first}
    good = config(model, first).read_text()
    damage, message = BROKEN[case]
    for number in (first, third):
        damage(config(model, number))
    with pytest.raises(UserError, match=rf"^(version 1 of x|x version 1) {message}: nothing was moved$") as caught:
        roll_back("x", "complaints")
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match=rf"^(version 3 of x|x version 3) {message}"):
        promote_by_hand("x", third, "try it")
    assert aliases(model) == old_aliases and ledger.history("x") == entries

    config(model, first).write_text(good)
    assert roll_back("x", "complaints") == "x: champion is version 1 again (was 2)"
    assert aliases(model) == {"champion": first}
    assert [entry.action for entry in ledger.history("x")] == ["promoted", "promoted", "rolled back"]


def test_what_was_asked_is_what_is_rolled_back_to(model):
    for number in [model.legacy_version() for _ in range(3)]:
        promote_by_hand("x", number, "it was good")
    with pytest.raises(UserError, match="previous is version 2 by now, not 1: nothing was moved"):
        model_registry.rollback("x", "complaints", "Grace", "1")
    assert aliases(model) == {"champion": "3", "previous": "2"}


@pytest.mark.parametrize(("recipe", "version"), [("quantize", "1"), ("prune+quantize", "another")])
def test_an_attempts_version_is_taken_up_only_where_it_holds_the_same_candidate(model, monkeypatch, recipe, version):
    monkeypatch.setattr("tasks.register._create_version", lambda *args: "another")
    monkeypatch.setattr(model.client, "set_registered_model_alias", lambda *_args: None)
    monkeypatch.setattr("tasks.register.tracking.connect", lambda: model.client)
    model.legacy_version(status="FAILED", **{tags.RECIPE: "quantize", tags.FINGERPRINT: "f"})
    candidate = Candidate(
        name=recipe, recipe=recipe, size_mb=1, latency_ms_p50=1, latency_ms_p95=1, throughput=1, chosen=True
    )
    compressed = Compressed(path="", digest="digest", candidates=[candidate])
    assert register.fn("x", compressed, [], "run", {tags.FINGERPRINT: "f"}).version == version
    (model.folder("1") / registered_model.SERVING_FOLDER / "model.onnx").unlink()
    assert register.fn("x", compressed, [], "run", {tags.FINGERPRINT: "f"}).version == "another"


def test_there_is_nothing_to_go_back_to(model):
    with pytest.raises(UserError, match="x has no version to go back to"):
        roll_back("x", "complaints")
    with pytest.raises(UserError, match="x has no version 7"):
        promote_by_hand("x", "7", "try it")

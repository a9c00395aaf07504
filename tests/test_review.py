"""A person's decisions: what is promoted or rolled back to must answer before an alias moves."""

from pathlib import Path

import mlflow
import pytest
from nights import Model

from flows.review import promote_by_hand, roll_back
from tasks import ledger, registry, tracking
from tasks.errors import UserError
from tasks.records import Candidate, Compressed
from tasks.register import register

SERVED = """
from pathlib import Path
import mlflow

class Served(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        self.answer = float(Path(context.artifacts["model"], "answer.txt").read_text())

    def predict(self, context, model_input, params=None):
        return model_input.assign(score=self.answer)[["score"]]

mlflow.models.set_model(Served())
"""


class Served(Model):
    """Versions that answer every row with a number from a file."""

    def version(self, answer="0.5"):
        run = self.night(1)
        (self.files / "served.py").write_text(SERVED)
        (self.files / "served").mkdir(exist_ok=True)
        (self.files / "served/answer.txt").write_text(answer)
        mlflow.start_run(run_id=run)
        info = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(self.files / "served.py"),
            artifacts={"model": str(self.files / "served")},
            pip_requirements=[],
        )
        mlflow.end_run("FINISHED")
        source = f"models:/{info.model_id}"
        made = self.client.create_model_version(self.name, source=source, model_id=info.model_id, run_id=run)
        return str(made.version)

    def file(self, number) -> Path:
        """The file that a version answers from."""
        model_id = self.client.get_model_version(self.name, number).source.rpartition("/")[2]
        (file,) = (self.place / "models" / model_id).rglob("answer.txt")
        return file

    def aliases(self):
        return {alias: str(v) for alias, v in self.client.get_registered_model(self.name).aliases.items()}


@pytest.fixture
def model(home):
    return Served(home, "x")


BROKEN = {
    "a file is gone": lambda file: file.unlink(),
    "a file is damaged": lambda file: file.write_text("0.5e"),
    "it answers nothing": lambda file: file.write_text("nan"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_nothing_moves_to_a_version_that_does_not_answer(model, how):
    first, second, third = (model.version() for _ in range(3))
    promote_by_hand("x", first, "it was good")
    assert promote_by_hand("x", second, "it is better") == "x: champion is version 2 (was 1)"
    before, entries = model.aliases(), ledger.history("x")
    assert before == {"champion": second, "previous": first}
    files = {number: model.file(number) for number in (first, third)}
    for file in files.values():
        BROKEN[how](file)
    with pytest.raises(UserError, match=r"^x version 1 does not answer \(.+\): nothing was moved$") as caught:
        roll_back("x", "complaints")
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match=r"^x version 3 does not answer"):
        promote_by_hand("x", third, "try it")
    assert model.aliases() == before and ledger.history("x") == entries

    files[first].write_text("0.5")
    assert roll_back("x", "complaints") == "x: champion is version 1 again (was 2)"
    assert model.aliases() == {"champion": first}
    assert [entry.action for entry in ledger.history("x")] == ["promoted", "promoted", "rolled back"]


def test_what_was_asked_is_what_is_rolled_back_to(model):
    for number in [model.version() for _ in range(3)]:
        promote_by_hand("x", number, "it was good")
    with pytest.raises(UserError, match="previous is version 2 by now, not 1: nothing was moved"):
        registry.rollback("x", "complaints", "Grace", "1")
    assert model.aliases() == {"champion": "3", "previous": "2"}


@pytest.mark.parametrize(("recipe", "version"), [("quantize", "1"), ("prune+quantize", "another")])
def test_an_attempts_version_is_taken_up_only_where_it_holds_the_same_candidate(model, monkeypatch, recipe, version):
    monkeypatch.setattr("tasks.register._registered", lambda *told: "another")
    monkeypatch.setattr(model.client, "set_registered_model_alias", lambda *told: None)
    monkeypatch.setattr("tasks.register.tracking.connect", lambda: model.client)
    tags = {registry.FROM: "digest", registry.RECIPE: "quantize", tracking.FINGERPRINT: "f"}
    run = model.night(1, "FAILED")
    model.client.create_model_version("x", f"models:/{model.logged(run)}", run_id=run, tags=tags)
    candidate = Candidate(
        name=recipe, recipe=recipe, size_mb=1, latency_ms_p50=1, latency_ms_p95=1, throughput=1, chosen=True
    )
    compressed = Compressed(path="", digest="digest", candidates=[candidate], chosen=recipe)
    assert register.fn("x", compressed, [], "run", {tracking.FINGERPRINT: "f"}).version == version


def test_there_is_nothing_to_go_back_to(model):
    with pytest.raises(UserError, match="x has no version to go back to"):
        roll_back("x", "complaints")
    with pytest.raises(UserError, match="x has no version 7"):
        promote_by_hand("x", "7", "try it")

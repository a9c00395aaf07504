"""The house rules: imports go one way, and the public surface is what the design says."""

import ast
from pathlib import Path

import pytest
from typer.main import get_command

from flows.cli import app
from flows.settings import NightSettings, load
from tasks.errors import SettingsError

ROOT = Path(__file__).parent.parent
SHARED = {"records", "stage", "store", "errors", "evidence", "scoring", "pictures", "tracking", "registry", "quarantine",
          "reading", "report", "shown", "processes"}  # fmt: skip


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("package", ["models", "expectations"])
def test_models_and_expectations_know_neither_prefect_nor_tasks(package):
    for path in (ROOT / package).glob("*.py"):
        allowed = {"mlflow"} if path.name == "serving.py" else set()
        used = {name.split(".")[0] for name in imports(path)}
        assert not used & ({"prefect", "mlflow", "tasks", "flows"} - allowed), path


def test_stages_do_not_import_each_other():
    stages = {path.stem for path in (ROOT / "tasks").glob("*.py")} - SHARED - {"__init__", "night"}
    for stage in stages:
        others = {f"tasks.{other}" for other in stages - {stage}}
        assert not set(imports(ROOT / "tasks" / f"{stage}.py")) & (others | {"flows"}), stage


def test_the_commands():
    commands = "run validate predict promote rollback history up status down clean doctor"
    assert set(get_command(app).commands) == set(commands.split())


def test_the_settings_of_a_night():
    assert list(NightSettings.model_fields)[:8] == [
        "model", "data", "split", "expectations", "augment", "train", "compress", "gate"
    ]  # fmt: skip


@pytest.mark.parametrize("path", sorted((ROOT / "examples").rglob("*.yaml")), ids=lambda p: p.name)
def test_the_examples_are_valid(path):
    assert load(path).model


def test_every_wrong_field_gets_a_line(tmp_path):
    (tmp_path / "x.yaml").write_text("model: x\ndata: {path: a.csv, txt: t}\ntrain: {learning_rate: -1}\n")
    with pytest.raises(SettingsError) as caught:
        load(tmp_path / "x.yaml", ["gate.margn=1"])
    lines = str(caught.value).splitlines()
    assert len(lines) == 4
    assert any("data.txt: unknown key; did you mean text?" in line for line in lines)
    assert any("train.base_model: required" in line for line in lines)
    assert any("gate.margn: unknown key; did you mean margin?" in line for line in lines)

"""A stage's cache key covers the source files that its output depends on, and no others."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from stage_modules import FILE, stage_modules

from nightshift.store import code_digest
from nightshift.store.code_digest import NEVER_IN_RESULTS, PACKAGES, covered_modules

ROOT = Path(__file__).parent.parent


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A project of its own: `tasks.fit` imports a name from a package that takes it from a module of its own."""
    sources = {
        "tasks/__init__.py": "",
        "tasks/near.py": "",
        "tasks/fit.py": "from nightshift.models import train\nimport tasks.flat\nfrom json import dumps\n",
        "tasks/flat.py": "def later():\n    from . import near\n",
        "tasks/apart.py": "import tasks.flat\n",
        "nightshift/__init__.py": "",
        "nightshift/models/__init__.py": "from nightshift.models.deep.trainer import train\n",
        "nightshift/models/deep/__init__.py": "from .sizes import SIZE\n",
        "nightshift/models/deep/trainer.py": "from ..other import thing\n",
        "nightshift/models/deep/sizes.py": "SIZE = 1\n",
        "nightshift/models/other.py": "",
        "nightshift/redaction.py": "",
    }
    for name, text in sources.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(code_digest, "TOP", tmp_path)
    return tmp_path


def test_packages_their_re_exports_and_relative_imports_are_followed(tree):
    assert set(covered_modules(tree / "tasks/fit.py")) == {
        "tasks.fit", "tasks.flat", "tasks.near", "nightshift.models", "nightshift.models.deep",
        "nightshift.models.deep.trainer", "nightshift.models.deep.sizes", "nightshift.models.other",
    }  # fmt: skip


@pytest.mark.parametrize(
    "file",
    ["nightshift/models/__init__.py", "nightshift/models/deep/sizes.py", "nightshift/models/other.py", "tasks/near.py"],
)
def test_a_change_of_what_is_imported_changes_the_digest(tree, file):
    digest = code_digest.code_digest(tree / "tasks/fit.py")
    (tree / file).write_text((tree / file).read_text() + "CHANGED = True\n")
    code_digest.code_digest.cache_clear()
    assert code_digest.code_digest(tree / "tasks/fit.py") != digest


def test_a_change_of_what_is_not_imported_keeps_the_digest(tree):
    (tree / "tasks/flat.py").write_text("from nightshift import redaction\n")
    digest = code_digest.code_digest(tree / "tasks/fit.py")
    for file in ("tasks/apart.py", "nightshift/redaction.py"):
        (tree / file).write_text("CHANGED = True\n")
    code_digest.code_digest.cache_clear()
    assert code_digest.code_digest(tree / "tasks/fit.py") == digest


def test_each_stage_covers_the_modules_that_are_listed():
    listed, covered = json.loads(FILE.read_text()), stage_modules()
    for stage, names in covered.items():
        more, fewer = sorted(set(names) - set(listed[stage])), sorted(set(listed[stage]) - set(names))
        assert not (more or fewer), (
            f"{stage} covers also {more}, no longer {fewer}: python tests/stage_modules.py if it is meant"
        )


def test_training_depends_on_no_plot_report_page_statistics_or_gate():
    foreign = re.compile(
        r"reporting|prefect_ui|registry|significance|confidence_limits|slices|claims|tasks\.gate|flows|cli"
    )
    assert not [name for name in stage_modules()["train"] if foreign.search(name)]


def test_the_modules_that_never_count_exist():
    for name in NEVER_IN_RESULTS:
        path = ROOT / name.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__init__.py").is_file(), name


def edit(file: Path, old: str, new: str) -> None:
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def finished_stages(home: Path) -> dict[str, int]:
    """Return the number of finished artifacts of each stage."""
    names = [marker.parts[-3] for marker in home.glob("artifacts/*/*/record.json")]
    return {name: names.count(name) for name in names}


@pytest.mark.slow
def test_a_plots_title_trains_nothing_and_the_trainer_trains_again(project, prefect_api, tmp_path):
    copy = tmp_path / "copy"
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "requirements.txt", copy)
    environment = os.environ | {
        "NIGHTSHIFT_HOME": str(project / "home"), "PREFECT_API_URL": prefect_api, "PYTHONPATH": str(copy),
    }  # fmt: skip

    def run_night(*overrides: str) -> dict:
        command = [sys.executable, "-P", "-m", "cli.main", "run", "night.yaml", "--json"]
        command += [word for override in overrides for word in ("--set", override)]
        completed = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=600)
        assert completed.returncode == 0, completed.stderr[-3000:]
        return json.loads(completed.stdout.splitlines()[-1])

    run_night("compress.recipes=[]")
    counts_before = finished_stages(project / "home")
    edit(copy / "nightshift/reporting/plots.py", 'title="Learning curve"', 'title="How the loss fell"')
    second = run_night("compress.recipes=[]", "gate.margin=0.02")
    assert second["status"] in ("held", "promoted"), "it is no skipped night"
    counts_after = finished_stages(project / "home")
    run_again = {name for name in counts_after if counts_after[name] != counts_before[name]}
    assert run_again == {"validate", "gate", "review"}, "validate compares new rows with those of the first champion"
    edit(copy / "nightshift/training/trainer.py", '"""Fine-tuning', '"""A change. Fine-tuning')
    third = run_night("compress.recipes=[]", "gate.margin=0.02")
    assert "code" in third["changed"]
    rerun = {name for name, count in finished_stages(project / "home").items() if count != counts_after[name]}
    assert {"train", "compress"} <= rerun
    assert not rerun & {"ingest", "validate", "split", "augment"}

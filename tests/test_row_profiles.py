"""Profiles of rows in MLflow: logged by a night, and found by a later one, or why not."""

import pytest
from nights import Model
from test_row_profile import profile_of, rows

from nightshift.data.row_profile import RowProfile
from nightshift.records import Checked
from nightshift.registry import row_profiles
from nightshift.registry.row_profiles import champion_rows
from nightshift.store import artifact_store


@pytest.fixture
def model(home):
    return Model(home, "x")


@pytest.fixture
def version(model):
    """A version whose night logged the profile of its rows."""
    run = model.pipeline_run(1)
    profile_of(rows(100, 0)).save(artifact_store.root() / "validate/a/measured/profile")
    checked = Checked(
        path="validate/a", status="passed", reason="", read=100, kept=100, quarantined={}, expectations=[]
    )
    row_profiles.log_profiles(run, {"main": checked})
    return model.version(run, "champion")


def test_the_champions_profile_is_found_and_kept(version):
    found = champion_rows("x", version, "main")
    assert found.version == version and found.digest
    assert RowProfile.load(artifact_store.home() / found.path).summary.rows == 100
    assert champion_rows("x", version, "main") == found


def test_a_damaged_copy_is_fetched_anew(version):
    found = champion_rows("x", version, "main")
    (artifact_store.home() / found.path / "profile.json").write_text("{}")
    assert champion_rows("x", version, "main") == found


def test_a_profile_that_was_changed_in_mlflow_is_not_used(model, version):
    file = next(model.artifacts_folder.rglob("row_profile/main/profile.json"))
    file.write_text(file.read_text().replace("100", "101"))
    assert "has changed: main/profile.json" in champion_rows("x", version, "main")


def test_why_there_is_no_comparison_is_said(model, version):
    assert "there is no champion yet" in champion_rows("x", None, "main")
    assert "no profile of other" in champion_rows("x", version, "other")
    assert "kept no profile" in champion_rows("x", model.version(model.pipeline_run(1)), "main")

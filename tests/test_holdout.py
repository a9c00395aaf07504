"""The rotation of the holdout: the champion is measured on the next sealed one, and the ledger says which is in use."""

import pandas as pd
import pytest
from nights import Model

from flows import holdout
from flows.holdout import rotate_holdout
from flows.settings import NightSettings
from nightshift.errors import SettingsError, UserError
from nightshift.registry import ledger
from nightshift.registry.version_predictions import VersionPredictor

NUM_ROWS = 400


@pytest.fixture
def settings(home, tmp_path, row_stages):
    """Settings with one sealed holdout; their stages run without a Prefect server."""
    texts = [f"text number {n}" for n in range(NUM_ROWS)]
    pd.DataFrame({"text": texts, "label": [n / NUM_ROWS for n in range(NUM_ROWS)]}).to_csv(tmp_path / "rows.csv")
    return NightSettings(
        model="x",
        kind="regression",
        data={"path": "rows.csv"},
        split={"spare": 1},
        train={"base_model": "a-base"},
        gate={"metric": "rmse"},
        base_dir=str(tmp_path),
    )


def test_the_champion_is_measured_on_the_next_holdout_and_each_is_used_once(home, settings, monkeypatch):
    model, row_counts = Model(home, "x"), []
    with pytest.raises(UserError, match=r"^x has no champion yet: no holdout is worn$"):
        rotate_holdout(settings, "worn")
    version = model.registered_version()
    model.client.set_registered_model_alias("x", "champion", version)

    class CountingPredictor(VersionPredictor):
        def tables(self, objectives, side):
            predictions = super().tables(objectives, side)
            row_counts.append(len(predictions["main"]))
            return predictions

    monkeypatch.setattr(holdout, "VersionPredictor", CountingPredictor)
    line = rotate_holdout(settings, "worn", "Ada")
    assert line.startswith("x: holdout 1 is in use, 0 sealed ones are left; rmse ")
    (entry,) = [entry for entry in ledger.history("x") if entry.action == ledger.ROTATED]
    assert (entry.old, entry.new, entry.version, entry.who) == (version, version, version, "Ada (unverified)")
    assert 0 < row_counts[0] < NUM_ROWS / 2
    assert entry.why.startswith("worn; ") and entry.why.endswith(f"on the {row_counts[0]} rows of holdout 1")
    with pytest.raises(SettingsError, match=r"^split\.spare: no sealed holdout is left of 1$"):
        rotate_holdout(settings, "worn")


def test_rows_that_fail_the_data_gate_rotate_nothing(home, settings, tmp_path):
    model = Model(home, "x")
    model.client.set_registered_model_alias("x", "champion", model.registered_version())
    (tmp_path / "rows.csv").write_text("text,label\na text,1\n")
    with pytest.raises(UserError, match=r"^the data failed: "):
        rotate_holdout(settings, "worn")
    assert not any(entry.action == ledger.ROTATED for entry in ledger.history("x"))

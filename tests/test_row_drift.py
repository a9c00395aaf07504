"""The picture of new rows beside those of the champion's night."""

import pytest
from PIL import Image

from nightshift.data.row_profile import RowDrift, RowSummary
from nightshift.records import Checked, ExpectationResult
from nightshift.reporting.row_drift import _label_shares, _length_shares, draw_row_drift
from nightshift.store import artifact_store

BEFORE = RowSummary(rows=100, labels={"bad": 58, "good": 42}, lengths={10.0: 50, 20.0: 50})


def write_drift(now):
    """Write what the data gate writes; return its record, with a label check that failed."""
    folder = artifact_store.root() / "validate/a/measured"
    folder.mkdir(parents=True)
    (folder / "drift.json").write_text(RowDrift(version="3", before=BEFORE, now=now).model_dump_json())
    failed = ExpectationResult(
        name="label shares as before", column=None, severity="warning", success=False, unexpected=None, observed=""
    )
    return Checked(path="validate/a", status="passed", reason="", read=9, kept=9, quarantined={}, expectations=[failed])


def test_labels_and_lengths_are_drawn(home, tmp_path):
    now = RowSummary(rows=50, labels={"bad": 37, "good": 13}, lengths={10.0: 10, 30.0: 40})
    assert draw_row_drift(write_drift(now), tmp_path / "new_rows.png")
    assert Image.open(tmp_path / "new_rows.png").size[0] == 770


@pytest.mark.parametrize("rows", [0, 29])
def test_a_few_new_rows_are_not_drawn(home, tmp_path, rows):
    now = RowSummary(rows=rows, labels={"bad": rows}, lengths={10.0: rows})
    assert not draw_row_drift(write_drift(now), tmp_path / "new_rows.png")


def test_without_a_champion_nothing_is_drawn(home, tmp_path):
    checked = Checked(path="validate/b", status="passed", reason="", read=9, kept=9, quarantined={}, expectations=[])
    assert not draw_row_drift(checked, tmp_path / "new_rows.png")


def test_shares_are_those_before_and_now():
    drift = RowDrift(
        version="3", before=BEFORE, now=RowSummary(rows=50, labels={"bad": 25, "new": 25}, lengths={10.0: 10, 30.0: 40})
    )
    assert list(_label_shares(drift).values()) == [(0.58, 0.5), (0.0, 0.5), (0.42, 0.0)]
    assert _length_shares(drift) == {"up to 10": (0.5, 0.2), "up to 20": (0.5, 0.0), "over 20": (0.0, 0.8)}

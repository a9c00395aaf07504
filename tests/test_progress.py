"""Progress of long loops."""

from nightshift.training import progress


def test_slices_hold_every_row_once_and_say_how_far_they_are(monkeypatch, caplog):
    monkeypatch.setattr(progress, "PAUSE", 0.0)
    with caplog.at_level("INFO", "nightshift.progress"):
        rows = [row for part in progress.slices("teachers", 10, 4) for row in range(10)[part]]
    assert rows == list(range(10))
    assert [line.split(",")[0] for line in caplog.messages] == ["teachers: 4 of 10 rows", "teachers: 8 of 10 rows"]
    assert caplog.messages[0].endswith("left")

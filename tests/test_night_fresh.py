"""Nights whose new rows promote a challenger, by the command line: every night is a process of its own."""

from pathlib import Path

import pytest
from conftest import Shell, messages, write_project

FRESH = ("--set", "gate.evidence=fresh", "--set", "compress.recipes=[]")
UNTRAINED = ("--set", "train.num_train_epochs=1", "--set", "train.learning_rate=1e-6")


def write_rows(folder: Path, count: int) -> None:
    lines = ["message,label", *(f"{text},{label}" for text, label in messages(900)[:count])]
    (folder / "rows.csv").write_text("\n".join(lines) + "\n")


@pytest.mark.slow
def test_new_rows_promote_a_challenger_over_nights(tmp_path, tiny_base, prefect_api):
    write_project(tmp_path, tiny_base, "tiny")
    shell = Shell(tmp_path, prefect_api)
    write_rows(tmp_path, 300)
    first = shell.json("run", "night.yaml", *FRESH, *UNTRAINED)
    if first["status"] == "held":
        assert shell("promote", "tiny", "1", "--reason", "to have a champion").returncode == 0
    write_rows(tmp_path, 600)
    second = shell.json("run", "night.yaml", *FRESH)
    assert (second["status"], second["gate"]["fresh"]["rows"]) == ("held", 0)
    assert "no challenger was held" in second["gate"]["fresh"]["note"]
    skipped = shell.json("run", "night.yaml", *FRESH)
    assert skipped["status"] == "skipped"
    write_rows(tmp_path, 900)
    third = shell.json("run", "night.yaml", *FRESH)
    fresh = third["gate"]["fresh"]
    assert fresh["challenger"] == second["version"] and 0 < fresh["new_rows"] == fresh["rows"] <= 300
    assert fresh["shown"] and fresh["wealth"] >= fresh["required"]
    assert (third["status"], third["gate"]["claim"], third["gate"]["evidence"]) == ("promoted", "better", "fresh")
    assert third["gate"]["tested"] is None and third["champion_version"] == third["version"]
    assert "new rows show that retraining is" in shell("history", "tiny").stdout

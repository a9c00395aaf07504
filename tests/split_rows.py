"""Checked rows for the stages that split and augment them."""

import json

import pandas as pd
import pytest
from samples import messages

from nightshift.records import Checked
from nightshift.store import artifact_store
from tasks.ingest import key


def frame(count, seed=1):
    rows = [{"text": text, "label": label} for text, label in messages(count, seed)]
    table = pd.DataFrame(rows).assign(source="x.csv", side="", row=range(1, count + 1))
    table["row_key"] = table["side_key"] = table["text"].map(key)
    table["original"] = [json.dumps(row) for row in rows]
    return table


def side_of_texts(parts):
    return {text: name for name, part in parts.items() for text in part["text"]}


@pytest.fixture
def checked(tmp_path, monkeypatch):
    """Puts a frame where the stage expects it."""
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))

    def put(rows, unlabelled=()):
        path = f"validate/{len(list((tmp_path / 'home').rglob('rows.parquet')))}"
        (artifact_store.root() / path).mkdir(parents=True)
        rows.to_parquet(artifact_store.root() / path / "rows.parquet")
        texts = pd.DataFrame({"text": list(unlabelled), "row_key": [key(text) for text in unlabelled]}, dtype=object)
        texts.to_parquet(artifact_store.root() / path / "unlabelled.parquet")
        return Checked(path=path, digest=path, status="passed", reason="", read=len(rows), kept=len(rows),
                       quarantined={}, expectations=[])  # fmt: skip

    return put


def read(sides, name):
    return pd.read_parquet(artifact_store.folder(sides) / f"{name}.parquet")

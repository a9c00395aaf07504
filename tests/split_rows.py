"""Checked rows for the stages that split and augment them."""

import json

import pandas as pd
from samples import messages

from nightshift.data.row_keys import text_key
from nightshift.store import artifact_store


def frame(count, seed=1):
    rows = [{"text": text, "label": label} for text, label in messages(count, seed)]
    table = pd.DataFrame(rows).assign(source="x.csv", side="", row=range(1, count + 1))
    table["row_key"] = table["side_key"] = table["text"].map(text_key)
    table["original"] = [json.dumps(row) for row in rows]
    return table


def side_of_texts(parts):
    return {text: name for name, part in parts.items() for text in part["text"]}


def read(sides, name):
    return pd.read_parquet(artifact_store.folder(sides) / f"{name}.parquet")

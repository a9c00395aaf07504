"""Answers for a file of rows."""

import json
from dataclasses import replace
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from predictions import predict_file
from small_models import BINARY, NUMBER, PAIR, STORY, TEXTS, register_model

from nightshift.errors import UserError
from nightshift.registry import batch_prediction
from nightshift.registry.registered_model import RegisteredModel


@pytest.mark.parametrize(
    ("heads", "objective", "columns"),
    [
        ({"tone": BINARY, "stars": NUMBER}, "", {"predicted", "score"}),
        ({"tone": BINARY, "stars": NUMBER}, "stars", {"predicted"}),
        ({"tone": replace(BINARY, abstain_below=0.6), "stars": NUMBER}, "", {"predicted", "score", "abstain"}),
        ({"main": STORY}, "", {"predicted"}),
    ],
)
def test_a_file_gets_the_answers_of_the_objective(heads, objective, columns, mlflow_store, tmp_path):
    uri, full = register_model("gpt2", heads, tmp_path / "home")
    pd.DataFrame({"id": range(60), "text": TEXTS}).to_csv(tmp_path / "new.csv", index=False)
    predict_file(uri, tmp_path / "new.csv", tmp_path / "out.parquet", objective)
    out = pd.read_parquet(tmp_path / "out.parquet")
    assert set(out) == {"id", "text"} | columns and out["text"].tolist() == TEXTS
    if objective:
        assert np.allclose(out["predicted"], full.scores(TEXTS, None, "stars")[:, 0], atol=1e-3)
    with pytest.raises(UserError, match=f"no objective 'mood': this model knows {', '.join(heads)}$"):
        predict_file(uri, tmp_path / "new.csv", None, "mood")
    (tmp_path / "few.csv").write_text("id,text\n1,5\n2,\n")
    with pytest.raises(UserError, match=r"few\.csv, row 2: text is missing"):
        predict_file(uri, tmp_path / "few.csv", None, objective)
    (tmp_path / "few.jsonl").write_text('{"text": "a"}\n{"text": ["refund"]}\n')
    with pytest.raises(
        UserError, match=r"few\.jsonl, row 2: text is a list where a text was expected; take the row out$"
    ):
        predict_file(uri, tmp_path / "few.jsonl", None, objective)
    (tmp_path / "few.csv").write_text("text,predicted\na,human\n")
    with pytest.raises(UserError, match=r"few\.csv: it has predicted already, which the answers would write over"):
        predict_file(uri, tmp_path / "few.csv", None, objective)


def test_all_parts_share_one_loaded_model(mlflow_store, tmp_path, monkeypatch):
    uri, _ = register_model("bert", {"tone": BINARY}, tmp_path / "home")
    other, _ = register_model("bert", {"tone": NUMBER}, tmp_path / "home", "other")
    pd.DataFrame({"text": TEXTS}).to_csv(tmp_path / "new.csv", index=False)
    loaded = []

    class CountedModel(RegisteredModel):
        def __init__(self, version):
            loaded.append(version.name)
            super().__init__(version)

    monkeypatch.setattr(batch_prediction, "PART_ROWS", 7)
    monkeypatch.setattr(batch_prediction, "RegisteredModel", CountedModel)
    csv, _ = predict_file(uri, tmp_path / "new.csv", None)
    assert loaded == ["tiny"] and pd.read_csv(StringIO(csv))["text"].tolist() == TEXTS
    predict_file(other, tmp_path / "new.csv", None)
    assert loaded == ["tiny", "other"]


def test_a_file_of_pairs_has_both_texts_in_every_row(mlflow_store, tmp_path):
    uri, _ = register_model("bert", {"main": PAIR}, tmp_path / "home")
    (tmp_path / "few.csv").write_text("text,text_pair\na tent,a box\na lamp,\n")
    with pytest.raises(UserError, match=r"row 2: text_pair is missing$"):
        predict_file(uri, tmp_path / "few.csv", None)
    (tmp_path / "same.csv").write_text("text,text_pair\na tent,a box\na lamp,a bag\n")
    (tmp_path / "other.csv").write_text("first,text,second\na tent,x,a box\na lamp,y,a bag\n")
    expected = pd.read_csv(StringIO(predict_file(uri, tmp_path / "same.csv", None)[0]))["predicted"].tolist()
    csv_text = predict_file(uri, tmp_path / "other.csv", None, text="first", text_pair="second")[0]
    assert pd.read_csv(StringIO(csv_text))["predicted"].tolist() == expected
    assert csv_text.startswith("first,text,second,predicted,score\n")
    with pytest.raises(UserError, match=r"no column 'third'; it has first, text, second; name .* with --text-pair$"):
        predict_file(uri, tmp_path / "other.csv", None, text="first", text_pair="third")
    with pytest.raises(UserError, match=r"no column 'body'; it has first, text, second; name .* with --text$"):
        predict_file(uri, tmp_path / "other.csv", None, text="body")


def test_a_file_is_read_and_written_as_it_is(mlflow_store, tmp_path):
    uri, _ = register_model("bert", {"tone": BINARY}, tmp_path / "home")
    texts = ['he said "no', "NA", "a tent\rof wool", 'it is 5" wide', "null"]
    (tmp_path / "new.tsv").write_text("id\ttext\n" + "".join(f"00{n}\t{text}\n" for n, text in enumerate(texts[:2])))
    predict_file(uri, tmp_path / "new.tsv", tmp_path / "out.csv")
    out = pd.read_csv(tmp_path / "out.csv", dtype=str, keep_default_na=False)
    assert out[["id", "text"]].values.tolist() == [["000", 'he said "no'], ["001", "NA"]]
    rows = [{"id": n, "when": "2026-11-26", "text": text} for n, text in enumerate(texts)]
    (tmp_path / "new.jsonl").write_text("\n".join(map(json.dumps, [*rows, {"text": "no id"}])))
    predict_file(uri, tmp_path / "new.jsonl", tmp_path / "out.csv")
    out = pd.read_csv(tmp_path / "out.csv", dtype=str, keep_default_na=False)
    assert out["text"].tolist() == [*texts, "no id"] and out["id"].tolist() == ["0", "1", "2", "3", "4", ""]
    predict_file(uri, tmp_path / "new.jsonl", tmp_path / "out.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [{name: line[name] for name in rows[0]} for line in lines[:5]] == rows
    (tmp_path / "torn.csv").write_text("id,text\n1,good\n2,good,bad\n")
    with pytest.raises(UserError, match=r"torn\.csv, line 3: 3 fields where 2 were expected"):
        predict_file(uri, tmp_path / "torn.csv", None)

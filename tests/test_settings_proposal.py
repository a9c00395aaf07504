"""Settings proposed from a data file: the columns that are guessed, and that the file is accepted as it is."""

import json

import pytest
import yaml

from cli.settings_proposal import propose
from flows.settings_file import load
from nightshift.data.check_settings import SuiteInputs
from nightshift.errors import InputError
from tasks.ingest import ingest, locate
from tasks.validate import validate

TEXTS = [f"message number {n} about flight {n * 7} to Rome" for n in range(60)]


def proposed(path, lines):
    """Write a file and return the settings that are proposed for it."""
    path.write_text("\n".join(lines), encoding="utf-8")
    return yaml.safe_load(propose(str(path)))


def test_text_and_label_are_found_by_content(tmp_path):
    lines = [f"{n},Rome,{text},{('NO', 'DE', 'SE')[n % 3]}" for n, text in enumerate(TEXTS)]
    settings = proposed(tmp_path / "day one.csv", ["id,city,body,country_label", *lines])
    assert settings["model"] == "day-one" and settings["kind"] == "classification"
    assert settings["data"] == {"path": str(tmp_path / "day one.csv"), "text": "body", "label": "country_label"}
    assert settings["expectations"] == {"min_rows": 30, "labels": ["DE", "NO", "SE"]}


def test_a_file_without_a_header_is_read_by_position(tmp_path):
    lines = [f"{text}\t{n % 2}" for n, text in enumerate(TEXTS)]
    settings = proposed(tmp_path / "rows.tsv", lines)
    assert settings["data"] | {"path": ""} == {"path": "", "header": False, "text": 0, "label": 1}
    assert settings["expectations"] == {"min_rows": 30, "labels": ["0", "1"]}


def test_two_texts_of_similar_names_are_a_pair_and_numbers_a_regression(tmp_path):
    lines = [f"{text},{text.replace('Rome', 'Oslo')},{n % 9 / 2}" for n, text in enumerate(TEXTS)]
    settings = proposed(tmp_path / "rows.csv", ["sentence_A,sentence_B,similarity_score", *lines])
    assert settings["kind"] == "regression" and "labels" not in settings["expectations"]
    assert settings["data"]["text"], settings["data"]["text_pair"] == ("sentence_A", "sentence_B")


def test_several_labels_in_a_cell_are_split(tmp_path):
    cells = ["a|b", "b|c", "a|c", "a", "b", "c", "a|b|c", "d|a", "d|b", "d"]
    lines = [f"{text},{cells[n % 10]}" for n, text in enumerate(TEXTS)]
    settings = proposed(tmp_path / "rows.csv", ["text,tags", *lines])
    assert settings["data"]["label_separator"] == "|" and settings["expectations"]["labels"] == ["a", "b", "c", "d"]


def test_json_lines_and_times_are_named(tmp_path):
    records = [
        {"said": text, "mood": ("good", "bad")[n % 2], "at": f"2026-11-{n % 28 + 1:02}"} for n, text in enumerate(TEXTS)
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, records)))
    assert (settings := yaml.safe_load(propose(str(path))))["data"]["text"] == "said"
    assert settings["data"]["label"] == "mood" and "# timestamp: at" in propose(str(path))


def test_prose_is_read_by_paragraph(tmp_path):
    settings = proposed(tmp_path / "play.txt", [line for text in TEXTS for line in (text, "")])
    assert settings["kind"] == "generation" and settings["data"]["paragraphs"] is True


def test_texts_without_spaces_are_as_long_as_their_characters(tmp_path):
    settings = proposed(
        tmp_path / "rows.csv", ["label,review", *(f"{n % 2},{'很快好吃味道足量大' * 10}{n}" for n in range(60))]
    )
    assert settings["train"]["max_length"] == 96


def test_a_file_without_texts_is_one_line(tmp_path):
    with pytest.raises(InputError, match="no column holds texts; its columns are a, b"):
        proposed(tmp_path / "rows.csv", ["a,b", *(f"{n},{n * 2}" for n in range(60))])


def ensure_accepted(tmp_path, monkeypatch, path, min_kept=0.5):
    """Validate a file by the settings proposed for it; return the record."""
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))
    (tmp_path / "night.yaml").write_text(propose(str(path)), encoding="utf-8")
    settings = load(tmp_path / "night.yaml")
    data = settings.resolved_objectives["main"].data
    rows = ingest.fn(locate(data, None, tmp_path), data, [])
    checked = validate.fn(
        rows, settings.expectations, SuiteInputs(kind=settings.kind, label_separator=data.label_separator)
    )
    assert checked.status == "passed" and checked.kept >= min_kept * checked.read, checked.reason
    return settings


def test_the_proposal_is_accepted_as_it_is(tmp_path, monkeypatch):
    lines = [f'"{text}, ""really""",{("NO", "1.0", "yes: no", "#x")[n % 4]}' for n, text in enumerate(TEXTS)]
    (tmp_path / "rows: day #1.csv").write_text("\n".join(["text,label", *lines]))
    settings = ensure_accepted(tmp_path, monkeypatch, tmp_path / "rows: day #1.csv")
    assert settings.expectations.labels == ["#x", "1.0", "NO", "yes: no"]


REAL = {
    "airline/Tweets_Ramlah0.csv": ("text", "airline_sentiment", "classification"),
    "banking77/train.csv": ("text", "category", "classification"),
    "sick/SICK_train.txt": ("sentence_A", "entailment_judgment", "classification"),
    "sst2/train.tsv": (0, 1, "classification"),
    "waimai/waimai_10k.csv": ("review", "label", "classification"),
    "zomato/zomato_reviews.csv": ("Review", "Rating", "regression"),
    "tiny_shakespeare/input.txt": ("text", None, "generation"),
}


@pytest.mark.parametrize("name", REAL)
def test_the_columns_of_real_data_sets_are_found(tmp_path, monkeypatch, real_data, name):
    settings = ensure_accepted(tmp_path, monkeypatch, real_data / name)
    assert (settings.data.text, settings.data.label, settings.kind) == REAL[name]

"""Renamed settings keys work under their old names, with one warning; cache keys and fingerprints are the same."""

import json
import logging

import jsonschema
import pytest
import yaml

from flows.form import NightForm, merged_settings
from flows.settings_file import check, load
from nightshift import renamed_settings
from nightshift.errors import SettingsError
from nightshift.registry import fingerprint, tracking

BASE = {"model": "x", "data": {"path": "a.csv"}, "train": {"base_model": "b"}}
VALUES = {
    "augment.pieces": 3,
    "compress.minutes": 5,
    "compress.pruned_time": 0.25,
    "compress.relations": 0.1,
    "compress.hidden": 0.2,
    "compress.cosine": 0.3,
    "gate.max_noise_drop": 0.05,
}


@pytest.fixture(autouse=True)
def _warn_again():
    renamed_settings._warn.cache_clear()


def sections(names):
    settings = {}
    for old, value in VALUES.items():
        section, key = names(old).split(".")
        settings.setdefault(section, {})[key] = value
    return settings


OLD, NEW = sections(str), sections(lambda old: renamed_settings.NEW_NAMES[old])


def write(folder, settings):
    path = folder / "night.yaml"
    path.write_text(yaml.safe_dump(BASE | settings))
    return path


def test_every_renamed_key_is_tested():
    assert VALUES.keys() == renamed_settings.NEW_NAMES.keys()


def test_old_and_new_keys_give_the_same_settings_and_the_same_cache_keys(tmp_path):
    old, new = load(write(tmp_path, OLD)), load(write(tmp_path, NEW))
    assert old == new == load(write(tmp_path, {}), [f"{name}={value}" for name, value in VALUES.items()])
    assert old.fingerprint() == new.fingerprint()
    for section in ("augment", "compress", "gate"):
        assert getattr(old, section).fingerprint() == getattr(new, section).fingerprint()
    assert tracking.flatten(old.model_dump()) == tracking.flatten(new.model_dump())


def test_an_old_key_gets_one_warning_that_names_the_new_one(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        load(write(tmp_path, {"compress": {"minutes": 5}}), ["compress.minutes=6"])
        load(write(tmp_path, {"compress": {"minutes": 5}}))
    assert caplog.messages == [
        "compress.minutes is now called compress.search_minutes; the old name works for one more minor version"
    ]


def test_a_new_key_gets_no_warning(tmp_path, caplog):
    load(write(tmp_path, NEW))
    assert not caplog.messages


def test_an_override_replaces_the_file_whichever_name_either_uses(tmp_path):
    for in_file in ("minutes", "search_minutes"):
        path = write(tmp_path, {"compress": {in_file: 5}})
        for in_override in ("minutes", "search_minutes"):
            assert load(path, [f"compress.{in_override}=6"]).compress.search_minutes == 6
            form = NightForm.model_validate({"compress": {in_override: 7}})
            assert merged_settings(str(path), form).compress.search_minutes == 7
    assert load(path, ["compress={minutes: 8}"]).compress.search_minutes == 8


def test_both_names_in_one_place_are_an_error(tmp_path):
    line = "compress.minutes: this is the old name of compress.search_minutes, which is set as well; leave it out"
    path = write(tmp_path, {"compress": {"minutes": 5, "search_minutes": 6}})
    with pytest.raises(SettingsError) as caught:
        load(path)
    assert str(caught.value) == f"{path}: {line}"


def test_a_wrong_value_is_reported_under_the_new_name():
    with pytest.raises(SettingsError, match=r"^x\.yaml: compress\.search_minutes: Input should be greater than 0"):
        check(BASE | {"compress": {"minutes": 0}}, "x.yaml")


def test_the_form_shows_the_new_names_and_takes_the_old_ones():
    schema = NightForm.model_json_schema()
    for old, new in renamed_settings.NEW_NAMES.items():
        section, key = new.split(".")
        properties = schema["$defs"][schema["properties"][section]["$ref"].rpartition("/")[2]]["properties"]
        assert key in properties and old.rpartition(".")[2] not in properties
    jsonschema.validate(OLD, schema)
    assert NightForm.model_validate(OLD) == NightForm.model_validate(NEW)
    assert NightForm.model_validate(OLD).model_dump() == NEW
    for wrong in ({"compress": {"minuts": 5}}, {"compress": {"minutes": "https://user:secret@host"}}, {"minutes": 5}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)


def test_the_settings_of_an_earlier_night_are_compared_under_the_new_names(monkeypatch):
    now = {"settings": {"compress.search_minutes": 5, "gate.max_typo_drop": None}}
    earlier = {"settings": {"compress.minutes": 5, "gate.max_noise_drop": 0.1}}
    monkeypatch.setattr(fingerprint, "load_dict", lambda _uri: json.loads(json.dumps(earlier)))
    run = type("Run", (), {"info": type("Info", (), {"run_id": "r"})})
    assert fingerprint.changes(fingerprint.load(run), now) == ["settings (gate.max_typo_drop)"]

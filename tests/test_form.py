"""The form of the Prefect UI says what was filled in, and nothing else."""

import json
from pathlib import Path

import jsonschema
import pytest
from pydantic import ValidationError
from samples import ADDRESSES, HARMLESS

from flows.form import EMPTY, NightForm, _simplify, as_form, merged_settings
from flows.settings import NightSettings
from flows.settings_file import check, load, resolve_base_models
from nightshift.errors import SettingsError

SETTINGS = Path(__file__).parent.parent / "examples/reviews/settings.yaml"


def properties(section):
    return NightForm.model_json_schema()["$defs"][section]["properties"]


def test_a_settings_file_alone_is_enough():
    assert EMPTY.model_dump() == {}
    assert merged_settings(str(SETTINGS), EMPTY) == load(SETTINGS)


def test_what_is_filled_in_goes_over_the_file_and_the_rest_is_left_alone():
    form = NightForm.model_validate({"train": {"num_train_epochs": 1}, "gate": {"approval": "manual", "minimum": None}})
    expected = load(SETTINGS, ["train.num_train_epochs=1", "gate.approval=manual"])
    assert merged_settings(str(SETTINGS), form) == expected


def test_without_a_file_the_form_says_it_all():
    settings = load(SETTINGS, ["compress.recipes=[]", "gate.minimum={accuracy: 0.5}"])
    assert merged_settings(None, as_form(settings)) == settings
    with pytest.raises(SettingsError, match=r"the form: train(\.base_model)?: required"):
        merged_settings(None, NightForm.model_validate({"model": "x", "data": {"path": "a.csv"}}))
    with pytest.raises(SettingsError, match=r"nowhere\.yaml: no such settings file"):
        merged_settings("nowhere.yaml", EMPTY)


def objectives(**main):
    entailment = {"data": {"path": "a.csv", "text_pair": "b", "label": "judgement"}} | main
    related = {"kind": "regression", "data": {"path": "a.csv", "text_pair": "b"}, "role": "auxiliary", "weight": 0.5}
    return {"entailment": entailment, "related": related}


@pytest.mark.parametrize("change", [{"objectives": objectives()}, {"data": {"path": "a.csv"}, "kind": "generation"}])
def test_the_form_says_what_is_learned(change):
    settings = check({"model": "x", "train": {"base_model": "b"}} | change, "x.yaml")
    assert settings.compress.recipes == ["quantize"]
    again = merged_settings(None, as_form(settings))
    assert again == settings and again.resolved_objectives == settings.resolved_objectives


def test_base_models_in_relative_folders_lie_beside_the_settings(tmp_path):
    settings = {"train": {"base_model": "./small"}, "compress": {"teachers": ["full", "../large"]}}
    resolved = resolve_base_models(settings | {"base_dir": str(tmp_path / "here")})
    assert resolved["train"]["base_model"] == str(tmp_path / "here/small")
    assert resolved["compress"]["teachers"] == ["full", str(tmp_path / "large")]


def test_objectives_are_a_box_for_json_that_goes_over_the_file(tmp_path):
    box = NightForm.model_json_schema()["properties"]["objectives"]
    assert [kind["type"] for kind in box["anyOf"]] == ["object", "null"]
    assert NightForm.model_validate({"objectives": None}).model_dump() == {}
    file = tmp_path / "x.yaml"
    file.write_text(json.dumps({"model": "x", "train": {"base_model": "b"}, "objectives": objectives()}))
    form = NightForm.model_validate({"objectives": {"related": {"weight": 2}}})
    assert [o.weight for o in merged_settings(str(file), form).resolved_objectives.values()] == [1, 2]
    with pytest.raises(SettingsError, match=r"objectives\.related\.wight: unknown key; did you mean weight\?"):
        merged_settings(str(file), NightForm.model_validate({"objectives": {"related": {"wight": 2}}}))


def test_the_sections_come_in_the_order_of_the_night_with_titles_and_descriptions():
    schema = NightForm.model_json_schema()
    assert list(schema["properties"]) == list(NightSettings.model_fields)
    for field in schema["properties"].values():
        section = schema["$defs"].get(field.get("$ref", "").rpartition("/")[2], {})
        assert field["title"] and (field.get("description") or section["description"])


def test_bounds_and_choices_are_kept():
    assert properties("TrainSettings")["max_length"]["minimum"] == 4
    assert properties("GateSettings")["approval"]["enum"] == ["auto", "manual"]
    with pytest.raises(ValidationError):
        NightForm.model_validate({"train": {"max_length": 1}})
    with pytest.raises(ValidationError):
        NightForm.model_validate({"train": {"max_lenght": 12}})


def test_only_what_the_ui_sends_unasked_can_be_null():
    for section in ("DataSettings", "TrainSettings", "CompressSettings", "GateSettings"):
        for name, field in properties(section).items():
            if "$ref" in field:
                continue
            null = {"type": "null"} in field.get("anyOf", [])
            assert null == ("default" in field) == (field_kind(field) & {"boolean", "object"} != set()), name


def field_kind(field):
    return {kind.get("type") for kind in field.get("anyOf", [field])}


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_server_refuses_an_address_with_a_secret_before_it_keeps_it(address):
    schema = NightForm.model_json_schema()
    for path in (address, ["rows.csv", address]):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"data": {"path": path}}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"train": {"base_model": address}}, schema)


def test_a_text_with_bounds_is_refused_with_a_secret_too():
    schema = {"anyOf": [{"type": "string", "maxLength": 500}, {"type": "null"}], "default": None}
    _simplify(schema)
    jsonschema.validate("rows.csv", schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(ADDRESSES[0], schema)


@pytest.mark.parametrize("text", ["rows.csv", ["a.csv", "days/*.csv"], *HARMLESS])
def test_the_server_takes_what_is_no_secret(text):
    jsonschema.validate({"data": {"path": text}}, NightForm.model_json_schema())

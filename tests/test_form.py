"""The form of the Prefect UI says what was filled in, and nothing else."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from flows.form import EMPTY, NightForm, as_form, filled_in
from flows.settings import NightSettings, load
from tasks.errors import SettingsError

SETTINGS = Path(__file__).parent.parent / "examples/reviews/settings.yaml"


def properties(section):
    return NightForm.model_json_schema()["$defs"][section]["properties"]


def test_a_settings_file_alone_is_enough():
    assert EMPTY.model_dump() == {}
    assert filled_in(str(SETTINGS), EMPTY) == load(SETTINGS)


def test_what_is_filled_in_goes_over_the_file_and_the_rest_is_left_alone():
    form = NightForm.model_validate({"train": {"num_train_epochs": 1}, "gate": {"approval": "manual", "minimum": None}})
    wanted = load(SETTINGS, ["train.num_train_epochs=1", "gate.approval=manual"])
    assert filled_in(str(SETTINGS), form) == wanted


def test_without_a_file_the_form_says_it_all():
    settings = load(SETTINGS, ["compress.recipes=[]", "gate.minimum={accuracy: 0.5}"])
    assert filled_in(None, as_form(settings)) == settings
    with pytest.raises(SettingsError, match=r"the form: train(\.base_model)?: required"):
        filled_in(None, NightForm.model_validate({"model": "x", "data": {"path": "a.csv"}}))
    with pytest.raises(SettingsError, match=r"nowhere\.yaml: no such settings file"):
        filled_in("nowhere.yaml", EMPTY)


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
            null = {"type": "null"} in field.get("anyOf", [])
            assert null == ("default" in field) == (name in ("header", "allow_unconfirmed", "minimum")), name

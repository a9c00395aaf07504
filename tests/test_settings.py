"""Settings files: what is read, what is refused, and the line that says why."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from flows.settings_file import check, load, read
from nightshift.errors import InputError, SettingsError

ROOT = Path(__file__).parent.parent


def test_how_text_is_written_belongs_to_what_writes(tmp_path):
    writes = {"model": "m", "kind": "generation", "data": {"path": "a.txt"}, "train": {"base_model": "scratch:gpt2"}}
    text_settings = {"generation": {"temperature": 0.7, "top_p": 0.9, "stop_strings": ["\n"]}}
    (objective,) = check(writes | text_settings, "night.yaml").resolved_objectives.values()
    assert objective.generation.model_dump() | text_settings["generation"] == objective.generation.model_dump()
    two_objectives = {"model": "m", "train": writes["train"], "objectives": {
        name: {"kind": "generation", "data": writes["data"], "role": role} for name, role in (("a", "main"), ("b", "auxiliary"))
    }}  # fmt: skip
    assert check(two_objectives, "night.yaml")
    for wrong, message in (
        (
            writes | {"kind": "classification"} | text_settings,
            "generation: classification writes no text; leave it out",
        ),
        (
            writes | {"generation": {"top_p": 1.5}},
            "generation.top_p: Input should be less than or equal to 1 (found 1.5)",
        ),
        (writes | {"generation": {"top_q": 0.5}}, "generation.top_q: unknown key; did you mean top_p?"),
        (writes | {"generation": {"stop_strings": [""]}}, "generation.stop_strings.0: String should have at least 1"),
        (two_objectives | text_settings, "generation: with objectives each has its own; leave this one out"),
    ):
        with pytest.raises(SettingsError, match=re.escape(f"night.yaml: {message}")):
            check(wrong, "night.yaml")


@pytest.mark.parametrize("path", sorted((ROOT / "examples").rglob("*.yaml")), ids=lambda p: p.name)
def test_the_examples_are_valid(path):
    assert load(path).model


def test_every_wrong_field_gets_a_line(tmp_path):
    (tmp_path / "x.yaml").write_text("model: x\ndata: {path: a.csv, txt: t}\ntrain: {learning_rate: -1}\n")
    with pytest.raises(SettingsError) as caught:
        load(tmp_path / "x.yaml", ["gate.margn=1", "train.num_train_epochs=-1"])
    lines = str(caught.value).splitlines()
    assert len(lines) == 5
    assert any("train.num_train_epochs: Input should be greater than 0" in line for line in lines)
    assert any("data.txt: unknown key; did you mean text?" in line for line in lines)
    assert any("train.base_model: required" in line for line in lines)
    assert any("gate.margn: unknown key; did you mean margin?" in line for line in lines)


ALIASES = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in pairwise("abcdefghij"))


MERGES = "a: &a {k: x}\n" + "".join(
    f"{b}: &{b} {{<<: [{', '.join([f'*{a}'] * 9)}]}}\n" for a, b in pairwise("abcdefghij")
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ALIASES, "aliases .* stand for more than 100,000 values"),
        (MERGES, "aliases .* stand for more than 100,000 values"),
        ("a: &a [*a]", "line 1: an alias .* stands within what it is the name of"),
        ("a: " + "[" * 5000, "nested too deeply"),
        ("a: 2026-02-30", "day is out of range"),
        ("# " + "x" * 10**6, "bytes are no settings file"),
    ],
)
def test_yaml_that_multiplies_or_cannot_be_read_is_one_line(tmp_path, text, expected):
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(SettingsError, match=expected):
        load(tmp_path / "x.yaml")


def test_aliases_and_merges_are_read(tmp_path):
    (tmp_path / "x.yaml").write_text(
        "model: x\ndata: &d {path: a.csv}\ntrain: {base_model: b}\nunused: {<<: *d, x: *d}\n"
    )
    assert read(tmp_path / "x.yaml")["unused"] == {"path": "a.csv", "x": {"path": "a.csv"}}


def test_an_override_that_is_no_yaml_is_told(tmp_path):
    (tmp_path / "x.yaml").write_text("model: x\n")
    with pytest.raises(SettingsError, match=r"^--set data\.delimiter=,: not readable as YAML; quote what is"):
        load(tmp_path / "x.yaml", ["data.delimiter=,"])


DATA = {"path": "a.csv"}


ALONG = {"data": DATA, "role": "auxiliary"}


BASE = {"base_model": "b"}
NODES, RAY = BASE | {"launcher": "ray"}, {"runner": "ray"}


def settings_with(**values):
    return check({"model": "x", "train": {"base_model": "b"}} | values, "x.yaml")


def test_a_plain_night_learns_one_thing_called_main():
    objectives = settings_with(
        data=DATA, gate={"metric": "accuracy"}, split={"holdout": "held.csv"}
    ).resolved_objectives
    assert {name: (o.kind, o.metric, o.holdout) for name, o in objectives.items()} == {
        "main": ("classification", "accuracy", "held.csv")
    }
    assert settings_with(objectives={"mood": ALONG}).resolved_objectives["main"].role == "main"
    assert settings_with(kind="regression", data=DATA).resolved_objectives["main"].metric == "pearson"


def test_several_objectives_are_learned_the_main_one_first():
    settings = settings_with(
        objectives={"a": ALONG | {"kind": "generation", "holdout": "held.csv"}, "b": {"data": DATA}}
    )
    assert {name: (o.metric, o.data.label) for name, o in settings.resolved_objectives.items()} == {
        "b": ("macro_f1", "label"), "a": ("loss", None)
    }  # fmt: skip
    assert list(settings.resolved_objectives) == ["b", "a"]
    assert [settings.split_settings(o).holdout for o in settings.resolved_objectives.values()] == [0.2, "held.csv"]


def test_recipes_are_those_that_can_be_used():
    two_objectives = {"a": {"data": DATA}, "b": ALONG}
    defaults = ["quantize", "distil", "distil+quantize", "distil+prune+quantize"]
    assert settings_with(kind="regression", data=DATA).compress.recipes == defaults
    assert settings_with(objectives=two_objectives).compress.recipes == ["quantize"]
    assert settings_with(kind="text2text", data=DATA).compress.recipes == ["quantize"]
    assert settings_with(kind="text2text", data=DATA, compress={"recipes": [], "keep": 0.9}).compress.recipes == []
    assert settings_with(kind="text2text", data=DATA, compress={"recipes": ["distil+prune"]}).compress.recipes
    for recipes, settings in ((["quantize", "static"], {"objectives": two_objectives}),
                              (["quantize", "vocabulary"], {"data": DATA, "kind": "generation"})):  # fmt: skip
        with pytest.raises(SettingsError, match=rf"^x\.yaml: compress\.recipes: .* leave out {recipes[-1]}$"):
            settings_with(**settings, compress={"recipes": recipes})


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({}, "data: required"),
        ({"data": DATA, "objectives": {"a": {"data": DATA}}}, "objectives: they stand in place of data"),
        ({"objectives": {"A b": {"data": DATA}}}, "objectives.A b: an objective's name"),
        ({"objectives": {"a": {"data": DATA}, "b": {"data": DATA}}}, "objectives: exactly one has the role main"),
        ({"objectives": {"a": ALONG, "b": ALONG}}, "objectives: exactly one has the role main"),
        ({"objectives": {"a": {"data": DATA}, "b": ALONG}, "gate": {"metric": "accuracy"}}, "gate.metric: with several"),
        ({"objectives": {"a": {"data": DATA}}, "kind": "generation"}, "kind: with objectives"),
        ({"objectives": {"a": {"data": DATA, "metric": "loss"}}}, "objectives.a.metric: loss does not measure"),
        ({"data": DATA, "kind": "regression", "gate": {"metric": "accuracy"}}, "gate.metric: accuracy does not"),
        ({"data": DATA | {"label_separator": ","}, "kind": "regression"}, "data.label_separator: regression knows"),
        ({"data": DATA | {"label": None}}, "data.label: classification needs one"),
        ({"data": DATA | {"label": None}, "kind": "text2text"}, "data.label: text2text needs one"),
        ({"data": DATA | {"text_pair": "b"}, "kind": "text2text"}, "data.text_pair: text2text reads one"),
        ({"objectives": {"data": {"data": DATA | {"txt": "t"}}}}, "objectives.data.data.txt: unknown key; did you mean text?"),
        ({"objectives": {"a": {"data": DATA, "weigth": 1}}}, "objectives.a.weigth: unknown key; did you mean weight?"),
        ({"objectives": {"a": {"data": {}}}}, "objectives.a.data.path: required"),
        ({"objectives": {"a": ALONG | {"weight": 0}}}, "objectives.a.weight: Input should be greater than 0"),
        ({"data": DATA, "gate": {"margin": 5}}, "gate.margin: 5 is no share: macro_f1 ends at 1"),
        ({"data": DATA, "compress": {"max_drop": 2}}, "compress.max_drop: 2 is no share: macro_f1 ends at 1"),
        ({"data": DATA, "gate": {"weight": "recent"}}, "gate.weight: recent needs data.timestamp, the column"),
        ({"objectives": {"a": {"data": DATA | {"timestamp": "t"}}, "b": ALONG}, "gate": {"weight": "recent"}},
         "gate.weight: recent needs data.timestamp of b, the column"),
        ({"data": DATA, "deadline": "24:00"}, "deadline: expected a time of day such as 06:00"),
        ({"data": DATA, "deadline": 0}, "deadline: expected a time of day such as 06:00"),
        ({"data": DATA, "train": BASE | {"early_stopping_patience": 2}}, "train.early_stopping_patience: it needs load_best"),
        ({"data": DATA, "train": BASE | {"load_best_model_at_end": True, "launcher": "accelerate"}}, "train.launcher: load_best"),
        ({"data": DATA, "train": BASE | {"launcher": "accelerate", "accelerate": {"num_machines": 2}}},
         "train.accelerate: num_machines: accelerate starts the processes of one machine; use launcher: ray for several"),
        ({"data": DATA, "train": BASE | {"num_workers": 4}}, "train.num_workers: it needs launcher: ray"),
        ({"data": DATA, "compress": {"teachers": ["seeds"]}}, "compress.teachers: seeds are the models of gate.seeds, which is 1"),
        ({"data": DATA, "train": NODES | {"num_workers": 3}, "execution": RAY},
         "train.num_workers: 16 rows of per_device_train_batch_size cannot be dealt to 3 processes"),
        ({"data": DATA, "train": NODES | {"load_best_model_at_end": True}, "execution": RAY}, "train.launcher: load_best"),
        ({"data": DATA, "train": NODES}, "train.launcher: ray trains on the nodes of execution; set execution.runner: ray as well"),
        ({"data": DATA, "train": NODES, "execution": RAY | {"gpus": 0.5}}, "execution.gpus: with train.launcher: ray no two"),
        ({"data": DATA, "train": NODES, "execution": RAY, "deadline": 60},
         "deadline: with train.launcher: ray several processes would stop at different steps"),
        ({"data": DATA, "train": BASE | {"warmup_steps": 5, "warmup_ratio": 0.1}}, "train.warmup_ratio: warmup_steps says it"),
        ({"data": DATA, "kind": "regression", "train": BASE | {"class_weights": "balanced"}}, "train.class_weights: regression has no"),
        ({"data": DATA, "train": BASE | {"decision_threshold": 1.5}}, "train.decision_threshold: expected a number between 0 and 1"),
        ({"data": DATA, "train": BASE | {"decision_threshold": "auto"}}, "train.decision_threshold: no row has several labels"),
        ({"data": DATA | {"label_separator": ","}, "train": BASE | {"abstain_accuracy": 0.9}}, "train.abstain_accuracy: only"),
        ({"data": DATA, "kind": "text2text", "train": BASE | {"abstain_accuracy": 0.9}}, "train.abstain_accuracy: only"),
        ({"data": DATA, "kind": "regression", "train": BASE | {"label_smoothing_factor": 0.1}}, "train.label_smoothing_factor: regr"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_gets_one_line_that_names_the_field(values, line):
    with pytest.raises(SettingsError) as caught:
        settings_with(**values)
    assert str(caught.value).startswith(f"x.yaml: {line}") and "\n" not in str(caught.value)


def test_a_drop_in_a_unit_of_its_own_may_be_large():
    settings = settings_with(
        data=DATA, kind="regression", gate={"metric": "rmse", "margin": 5}, compress={"max_drop": 20}
    )
    assert (settings.gate.margin, settings.compress.max_drop) == (5, 20)


@pytest.mark.parametrize("value", ["06:00", "22:30", "'22:30'"])
def test_a_time_of_day_stays_one(tmp_path, value):
    (tmp_path / "x.yaml").write_text(f"model: x\ndata: {{path: a}}\ntrain: {{base_model: b}}\ndeadline: {value}\n")
    assert load(tmp_path / "x.yaml").deadline == value.strip("'")
    assert load(tmp_path / "x.yaml", [f"deadline={value}"]).deadline == value.strip("'")
    assert load(tmp_path / "x.yaml", ["deadline=90"]).deadline == 90


def test_errors_name_the_objective_where_there_are_several():
    with (
        pytest.raises(InputError, match=r"^objectives\.a: data\.path: none$"),
        settings_with(objectives={"a": {"data": DATA}, "b": ALONG}).errors_of("a"),
    ):
        raise InputError("data.path: none")
    with pytest.raises(InputError, match=r"^data\.path: none$"), settings_with(data=DATA).errors_of("main"):
        raise InputError("data.path: none")


@pytest.mark.parametrize(
    ("labels", "lines"),
    [
        (
            "[NO, DE, no]",
            ['labels.0: YAML reads NO as False; if it is a text, quote it: "NO"', "labels.2: YAML reads no as"],
        ),
        ("[-1, 007]", ['labels.0: YAML reads -1 as -1; if it is a text, quote it: "-1"', 'quote it: "007"']),
        ("[null, 'NO']", ['labels.0: YAML reads null as None; if it is a text, quote it: "null"']),
    ],
)
def test_labels_that_yaml_reads_as_something_else_are_to_be_quoted(tmp_path, labels, lines):
    head = "model: m\ndata: {path: a.csv}\ntrain: {base_model: b, seed: 7}\n"
    (tmp_path / "x.yaml").write_text(f"{head}expectations: {{labels: {labels}}}\n")
    with pytest.raises(SettingsError) as caught:
        load(tmp_path / "x.yaml")
    message_lines = str(caught.value).splitlines()
    assert len(message_lines) == len(lines)
    assert all(line in message for line, message in zip(lines, message_lines, strict=True))


def test_a_label_map_that_yaml_reads_as_something_else_is_to_be_quoted(tmp_path):
    (tmp_path / "x.yaml").write_text(
        "model: m\ndata: {path: a.csv, label_map: {1.0: one, x: NO}}\ntrain: {base_model: b}\n"
    )
    with pytest.raises(SettingsError) as caught:
        load(tmp_path / "x.yaml")
    assert 'YAML reads 1.0 as 1.0; if it is a text, quote it: "1.0"' in str(caught.value)
    assert 'YAML reads NO as False; if it is a text, quote it: "NO"' in str(caught.value)
    assert len(str(caught.value).splitlines()) == 2

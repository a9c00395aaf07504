"""Fresh rows against a champion's profile: what is found, and how often something is found that is not there."""

import re
import sys
from functools import partial
from types import SimpleNamespace

import factories
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cli import environment, main
from flows import monitor
from flows.monitor import _read_new_rows, markdown, monitor_rows
from flows.predict import _difference
from flows.settings_file import load
from nightshift.data.settings import DataSettings
from nightshift.evaluation import drift_profile, scoring
from nightshift.evaluation.watch_records import PastWatch
from nightshift.reporting import plots
from nightshift.text_cleaning import Cleaning

objective = partial(factories.objective, labels=["a", "b"])


def rows(count, seed, share=0.3, words=20, wrong=0.1):
    """Return a table of predictions and the frame of their texts.

    Args:
        count: Number of rows.
        seed: Seed of the random numbers.
        share: Share of the label a.
        words: Mean length of a text.
        wrong: Share of wrong predictions.
    """
    random = np.random.default_rng(seed)
    labels = np.where(random.random(count) < share, "a", "b")
    is_wrong = random.random(count) < wrong
    score = np.where(is_wrong, 0.5 + random.random(count) / 4, 0.8 + random.random(count) / 5)
    predicted = np.where(is_wrong, np.where(labels == "a", "b", "a"), labels)
    table = pd.DataFrame(
        {"label": labels, "predicted": predicted, "score:a": np.where(predicted == "a", score, 1 - score)}
    )
    table["score:b"] = 1 - table["score:a"]
    return table, pd.DataFrame({"text": ["x" * n for n in random.poisson(words, count)]})


def drifted_features(drifts):
    return {drift.feature for drift in drifts if drift.drifted}


def has_dropped(profile, table, max_drop, watches=1):
    return drift_profile.quality_drop(profile, table, objective(), max_drop, watches)[1] <= 0.05


class Champion:
    """A version that is sure of texts with the word `sure`, and half as sure of the others."""

    def __init__(self, *_):
        self.model = SimpleNamespace(heads={})

    def table(self, frame, objective):
        score = np.where(frame["text"].str.contains("sure"), 0.9, 0.6)
        scores = {"predicted": "a", "score:a": score, "score:b": 1 - score}
        return scoring.table(frame, objective, pd.DataFrame(scores, index=range(len(frame))))


def texts(sure, unsure):
    return [f"{word} {number}" for word, count in (("sure", sure), ("doubt", unsure)) for number in range(count)]


@pytest.fixture
def watched(home, tmp_path, monkeypatch):
    """A function that watches texts with a champion which is right on 90 % of the sure texts and on 60 % of the others."""
    (tmp_path / "night.yaml").write_text("model: m\ndata: {path: rows.csv}\ntrain: {base_model: ./base}\n")
    holdout = pd.DataFrame({"text": texts(500, 500), "row_key": [str(n) for n in range(1000)]})
    holdout["label"] = np.where(np.arange(1000) % 500 < np.where(np.arange(1000) < 500, 450, 300), "a", "b")
    profile = drift_profile.build_profile(Champion().table(holdout, objective()), holdout, objective())
    monkeypatch.setattr(monitor, "VersionPredictor", Champion)
    monkeypatch.setattr(monitor.model_registry, "version_of", lambda *_: "3")

    def watch(rows, labels=None, profile=profile):
        monkeypatch.setattr(monitor, "_profile", lambda *_: profile)
        columns = {"text": rows} | ({} if labels is None else {"label": labels})
        pd.DataFrame(columns).to_csv(tmp_path / "new.csv", index=False)
        return monitor_rows(load(tmp_path / "night.yaml"), str(tmp_path / "new.csv"))

    watch.profile = profile
    return watch


def test_the_accuracy_of_rows_without_labels_is_estimated(watched):
    report = watched(texts(20, 180))
    assert report["holdout_score"] == pytest.approx(0.75)
    assert report["estimate"]["accuracy"] == pytest.approx(0.63)
    assert report["estimate"]["lower"] < 0.6 < 0.66 < report["estimate"]["upper"]
    assert "Estimated accuracy 63.0 % (" in markdown(report) and "on the holdout 75.0 %" in markdown(report)
    assert "Earlier watches" not in markdown(report)


def test_late_labels_restate_the_watch(watched, tmp_path):
    watched(texts(20, 180))
    report = watched(texts(20, 80), ["a"] * 50 + ["b"] * 50)
    (earlier,) = report["earlier"]
    assert report["newly_labelled"] == 100 and earlier["labelled"] == 100 and earlier["accuracy"]["accuracy"] == 0.5
    assert earlier["estimate_of_labelled"] == pytest.approx(0.66) and earlier["restated"] == pytest.approx(0.55)
    (line,) = (line for line in markdown(report).splitlines() if " new.csv | 3 | 200 |" in line)
    assert "| 100 | 50.0 % (40.4 to 59.6 %) | 66.0 % | 55.0 % |" in line
    plots.watched_accuracy([PastWatch.model_validate(earlier)] * 12, tmp_path / "accuracy.png")
    assert Image.open(tmp_path / "accuracy.png").size[0] == 770


def test_a_version_of_former_nights_has_no_estimate_and_is_watched_all_the_same(watched):
    former = watched.profile.model_copy(update={"bins": []})
    report = watched(texts(20, 180), profile=former)
    assert report["estimate"] is None and report["earlier"] == [] and report["status"] == "drifted"
    assert "no estimate of the accuracy: version 3 was registered before" in markdown(report)


def test_only_one_label_a_row_has_bins():
    table, frame = rows(300, 0)
    assert sum(item.rows for item in drift_profile.build_profile(table, frame, objective()).bins) == 300
    assert not drift_profile.build_profile(table, frame, objective(separator=";")).bins


def test_rows_alike_are_steady_and_false_alarms_are_rare():
    profile = drift_profile.build_profile(*rows(1000, 0), objective())
    assert set(profile.features) == {"answer", "confidence", "length of the text"}
    alarms = sum(
        bool(drifted_features(drift_profile.measure_drift(profile, *rows(60, seed), objective(), 0.0)))
        for seed in range(1, 401)
    )
    assert 0 < alarms / 400 < 0.03 + 3 * np.sqrt(0.03 * 0.97 / 400), "of all features together"


@pytest.mark.parametrize(
    ("changed", "feature"),
    [({"share": 0.7}, "answer"), ({"words": 28}, "length of the text"), ({"wrong": 0.6}, "confidence")],
)
def test_what_has_changed_is_named(changed, feature):
    profile = drift_profile.build_profile(*rows(1000, 0), objective())
    drifts = drift_profile.measure_drift(profile, *rows(500, 1, **changed), objective())
    assert drifts[0].feature == feature and drifts[0].drifted
    assert sum(now for _, now in drifts[0].shares.values()) == pytest.approx(1)


def test_the_picture_has_a_panel_a_feature(tmp_path):
    profile = drift_profile.build_profile(*rows(1000, 0), objective())
    drifts = drift_profile.measure_drift(profile, *rows(500, 1, words=28), objective())
    plots.drift(drifts, tmp_path / "drift.png")
    width, height = Image.open(tmp_path / "drift.png").size
    assert width == 770 and height > 110 * 0.32 * sum(len(drift.shares) for drift in drifts)


def test_labels_that_are_signs_break_neither_picture_nor_table(tmp_path):
    labels = ["$", "$$", "$50_to_$100", "yes|no", "two\nlines"]
    table = pd.DataFrame({"label": labels * 4, "predicted": labels * 4})
    priced = objective(labels=sorted(labels))
    plots.predictions({"main": table}, [priced], "full", tmp_path)
    assert (tmp_path / "confusion_matrix.png").is_file()
    profile = drift_profile.build_profile(table, pd.DataFrame({"text": ["x"] * 20}), priced)
    drifts = drift_profile.measure_drift(profile, table, pd.DataFrame({"text": ["x"] * 20}), priced)
    plots.drift(drifts, tmp_path / "drift.png")
    result = {
        "model": "m",
        "version": "1",
        "status": "steady",
        "reason": "",
        "rows": 20,
        "labelled": 20,
        "unreadable": 0,
        "estimate": None,
        "no_estimate": None,
        "score": None,
        "earlier": [],
    }
    page = markdown(result | {"drift": [drift.model_dump() for drift in drifts]})
    lines = [line for line in page.splitlines() if line.startswith("| ") and "%" in line]
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 4 for line in lines) and any("yes\\|no" in line for line in lines)


def test_an_unknown_answer_has_a_bin():
    profile = drift_profile.build_profile(*rows(500, 0), objective())
    table, frame = rows(500, 1)
    table["predicted"] = "c"
    drifts = drift_profile.measure_drift(profile, table, frame, objective())
    assert drifts[0].feature == "answer" and drifts[0].shares[drift_profile.OTHER_BIN] == (0.0, 1.0)


def test_many_labels_raise_no_alarm_without_a_shift_and_are_not_all_shown():
    def many_labels(count, seed):
        predicted = np.random.default_rng(seed).integers(100, 180, count).astype(str)
        return pd.DataFrame({"label": predicted, "predicted": predicted}), pd.DataFrame({"text": ["x"] * count})

    alarms = []
    for seed in range(40):
        profile = drift_profile.build_profile(*many_labels(2000, seed), objective())
        drifts = drift_profile.measure_drift(profile, *many_labels(10_000, 100 + seed), objective())
        alarms.append(bool(drifted_features(drifts)))
    answer = next(drift for drift in drifts if drift.feature == "answer")
    assert sum(alarms) <= 4
    assert len(answer.shares) == drift_profile.MAX_SHOWN + 1
    assert [sum(column) for column in zip(*answer.shares.values(), strict=True)] == pytest.approx([1, 1])


def test_a_drop_in_quality_is_told_from_noise():
    profile = drift_profile.build_profile(*rows(1000, 0), objective())
    alarms = [has_dropped(profile, rows(400, seed)[0], 0.0) for seed in range(1, 401)]
    assert np.mean(alarms) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)
    value, p_value = drift_profile.quality_drop(profile, rows(1000, 1, wrong=0.25)[0], objective(), 0.02)
    assert p_value <= drift_profile.WORSE_ALPHA and value == pytest.approx(0.75, abs=0.06)


def test_the_luck_of_a_holdout_raises_few_alarms_in_all_watches_together():
    false_alarms = []
    for seed in range(20):
        profile = drift_profile.build_profile(*rows(400, 10_000 + seed), objective())
        watches = [rows(400, 1000 * seed + number)[0] for number in range(40)]
        false_alarms.append([any(has_dropped(profile, table, 0.0, n) for table in watches) for n in (40, 1)])
    spread, single = np.mean(false_alarms, axis=0)
    assert spread <= 0.15 and single >= 0.4


def test_a_shift_is_named_with_the_share_that_has_changed_most():
    profile = drift_profile.build_profile(*rows(1000, 0), objective())
    drift = drift_profile.measure_drift(profile, *rows(1000, 1, share=0.5), objective())[0]
    assert drift.feature == "answer" and re.match(
        r"[ab] \d\d % -> \d\d %, [+-]\d\d points; shift 0.\d\d; p < 0.00", drift.description
    )


def test_the_bound_of_former_versions_holds_besides():
    profile = drift_profile.build_profile(*rows(1000, 0), objective())
    table, frame = rows(1000, 1, share=0.5)
    assert drifted_features(drift_profile.measure_drift(profile, table, frame, objective())) == {"answer"}
    assert not drifted_features(drift_profile.measure_drift(profile, table, frame, objective(), max_index=0.5))


def test_a_shift_below_the_bound_is_no_drift():
    profile = drift_profile.build_profile(*rows(1000, 0), objective())
    table, frame = rows(1000, 1, share=0.5)
    assert not drifted_features(drift_profile.measure_drift(profile, table, frame, objective(), min_shift=0.3))


def test_a_profile_of_a_former_version_can_be_compared():
    profile = drift_profile.build_profile(*rows(1000, 0), objective())
    stored = profile.model_dump(exclude={"effective", "variance"})
    old = drift_profile.Profile.model_validate(stored)
    drifts = drift_profile.measure_drift(old, *rows(1000, 1, share=0.6), objective())
    assert drifted_features(drifts) == {"answer"}


def test_rows_that_belong_together_count_as_groups():
    keys, alarms = np.repeat(np.arange(40), 10), {"groups": [], "rows": []}

    def grouped_rows(seed, unit):
        table, frame = rows(40, seed)
        unit_keys = keys if unit == "groups" else np.arange(400)
        table = table.iloc[keys].reset_index(drop=True).assign(side_key=unit_keys.astype(str))
        return table, frame.iloc[keys].reset_index(drop=True)

    for unit, outcomes in alarms.items():
        for seed in range(1, 151):
            profile = drift_profile.build_profile(*grouped_rows(1000 + seed, unit), objective())
            table, frame = grouped_rows(seed, unit)
            worse = has_dropped(profile, table, 0.0)
            outcomes.append(
                (worse, bool(drifted_features(drift_profile.measure_drift(profile, table, frame, objective(), 0.0))))
            )
    rates = {unit: np.mean(outcomes, axis=0) for unit, outcomes in alarms.items()}
    assert rates["groups"][0] < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 150) < rates["rows"][0]
    assert rates["groups"][1] < 0.05 < rates["rows"][1]


def test_numbers_have_a_profile_too():
    random = np.random.default_rng(0)

    def scored(seed, shift):
        truth = np.random.default_rng(seed).normal(size=600)
        return pd.DataFrame({"label": truth, "predicted": truth + random.normal(scale=0.3, size=600) + shift})

    regression, frame = objective("regression", "pearson"), pd.DataFrame({"text": ["x"] * 600})
    profile = drift_profile.build_profile(scored(1, 0.0), frame, regression)
    assert not drifted_features(drift_profile.measure_drift(profile, scored(2, 0.0), frame, regression))
    assert drifted_features(drift_profile.measure_drift(profile, scored(2, 1.5), frame, regression)) == {"answer"}
    assert drift_profile.quality_drop(profile, scored(2, 1.5), regression, 0.02)[1] <= 0.01
    narrow = scored(3, 0.0)
    narrow[["label", "predicted"]] -= 0.8 * narrow[["label"]].to_numpy()
    assert drift_profile.quality_drop(profile, narrow, regression, 0.02, watches=1)[1] > 0.05, (
        "numbers that vary less, and are told as well"
    )


def test_fresh_rows_are_those_of_the_file_alone_and_may_lack_labels(tmp_path):
    (tmp_path / "more.txt").write_text("text\n" + "a row without a label\n" * 9)
    (tmp_path / "fresh.csv").write_text("text,label\none,a;b\ntwo,\n")
    data = DataSettings(path="rows.csv", unlabelled="more.txt", label_separator=";")
    frame = _read_new_rows(data, "classification", "fresh.csv", tmp_path)
    assert frame["text"].tolist() == ["one", "two"]
    multilabel = objective(separator=";")
    table = scoring.table(frame, multilabel, pd.DataFrame({"predicted": ["b;a", ""]}))
    assert table["predicted"].tolist() == ["a;b", ""] and table["label"].notna().tolist() == [True, False]


def test_new_rows_need_no_column_that_is_not_compared(tmp_path):
    (tmp_path / "new.csv").write_text("text,label\na,x\nb,y\n")
    data = DataSettings(path="rows.csv", timestamp="received")
    rows = _read_new_rows(data, "classification", "new.csv", tmp_path)
    assert rows["text"].tolist() == ["a", "b"]


@pytest.mark.parametrize(("kind", "labels"), [("classification", "a,,  ,b"), ("regression", "1.5,,x,2")])
def test_labels_that_say_nothing_are_none(tmp_path, kind, labels):
    rows = "".join(f"text {index},{label}\n" for index, label in enumerate(labels.split(",")))
    (tmp_path / "fresh.csv").write_text("text,label\n" + rows)
    frame = _read_new_rows(DataSettings(path="rows.csv"), kind, "fresh.csv", tmp_path)
    assert frame["label"].notna().tolist() == [True, False, False, True]


def test_words_that_say_nothing_are_no_labels_unless_the_champion_knows_them(tmp_path):
    (tmp_path / "new.csv").write_text("text,label\n" + "".join(f"{n},NA\n" for n in range(40)) + "x,a\ny,None\nz,b\n")
    data = DataSettings(path="rows.csv", label_map={"b": "c"})
    labels = _read_new_rows(data, "classification", "new.csv", tmp_path, ["a", "None"])["label"]
    assert labels[40:].tolist() == ["a", "None", "c"] and labels[:40].isna().all()
    kept = data.model_copy(update={"missing_values": []})
    assert _read_new_rows(kept, "classification", "new.csv", tmp_path)["label"].notna().all()


def test_an_address_is_watched_as_it_is_and_a_path_from_the_working_directory(home, tmp_path, monkeypatch, capsys):
    (tmp_path / "night.yaml").write_text("model: x\ndata: {path: rows.csv}\ntrain: {base_model: ./base}\n")
    monkeypatch.setattr(environment, "prepare", lambda: None)

    def watch(source):
        monkeypatch.setattr(sys, "argv", ["nightshift", "watch", str(tmp_path / "night.yaml"), source, "--json"])
        with pytest.raises(SystemExit) as exit_info:
            main.app()
        return exit_info.value.code, capsys.readouterr().err

    sources = []
    monkeypatch.setattr(monitor, "monitor_rows", lambda settings, source: sources.append(source))
    monkeypatch.chdir(tmp_path)
    assert [watch(source)[0] for source in ("hf:stories/test", "s3://b/x.csv", "rows.csv")] == [0, 0, 0]
    assert sources == ["hf:stories/test", "s3://b/x.csv", str(tmp_path / "rows.csv")]


def test_values_that_hardly_differ_have_bins_of_their_own():
    sure = 1 - 10 ** np.random.default_rng(0).uniform(-6, -4.3, 2000)

    def scored_rows(scores):
        table = pd.DataFrame({"label": "a", "predicted": "a", "score:a": scores, "score:b": 1 - scores})
        return table, pd.DataFrame({"text": ["x"] * len(scores)})

    profile = drift_profile.build_profile(*scored_rows(sure), objective())
    edges = profile.features["confidence"].edges
    assert sum(profile.features["confidence"].shares.values()) == pytest.approx(1)
    shifted = np.linspace(edges[3], edges[4], 2000)
    assert drifted_features(drift_profile.measure_drift(profile, *scored_rows(shifted), objective())) == {"confidence"}


def test_scores_of_single_precision_are_numbers_too():
    table, frame = rows(300, 0)
    single = table.astype({"score:a": np.float32, "score:b": np.float32})
    assert drift_profile.build_profile(single, frame, objective()).features["confidence"].edges


def test_how_two_versions_differ():
    was, now = pd.Series(["a", "a", "b", "b"]), pd.Series(["a", "b", "b", "b"])
    label_difference = _difference({"predicted": was, "compared": now}, "models:/x@champion", "models:/x@challenger")
    assert "another answer to 1 of 4 rows (25.0 %)" in label_difference and "- a becomes b: 1 rows" in label_difference
    number_difference = _difference(
        {"predicted": pd.Series([1.0, 2.0]), "compared": pd.Series([1.0, 2.5])}, "models:/x@champion", "y"
    )
    assert "0.25 apart on average, 0.5 at most" in number_difference


def test_new_rows_are_cleaned_as_the_champions_were(tmp_path):
    (tmp_path / "new.csv").write_text("text,label\n<b>call</b> 555,good\n")
    head = SimpleNamespace(cleaning=Cleaning(html=True))
    data = monitor._cleaned_as(head, DataSettings(path="x.csv", cleaning={"mask": ["numbers"]}))
    assert _read_new_rows(data, "classification", "new.csv", tmp_path)["text"].tolist() == ["call 555"]

"""Replay of past nights: rows by day, what is summed up, and two nights for real."""

import json
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
import yaml
from conftest import Shell

from flows.replay import Replay, parse_interval
from flows.replay_rows import DatedRows, read_dated_rows, settings_of_night, write_period
from flows.settings import NightSettings
from nightshift.errors import InputError, SettingsError
from nightshift.reporting.replay_page import ReplayedRun, ReplayResult, with_summary, write

TINY = {
    "base_model": "scratch:bert",
    "scratch": {
        "hidden_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "vocab_size": 300,
    },
    "num_train_epochs": 4,
    "learning_rate": 0.005,
    "max_length": 16,
}


def settings(folder: Path, csv: str, **sections) -> NightSettings:
    (folder / "rows.csv").write_text(csv)
    data = {"path": "rows.csv", "timestamp": "when"} | sections.pop("data", {})
    return NightSettings.model_validate({"model": "m", "base_dir": str(folder), "data": data, "train": TINY} | sections)


ROWS = "text,label,when\na,x,2026-01-01 10:00\nb,y,2026-01-02 10:00\na,x,2026-01-03 08:00\nc,,2026-01-03 09:00\nd,x,2026-01-03 10:00\n"


def at(day: str) -> pd.Timestamp:
    return pd.Timestamp(day, tz="UTC")


def test_a_period_has_the_rows_after_one_time_up_to_another(tmp_path):
    rows = read_dated_rows(settings(tmp_path, ROWS))
    assert rows.between(at("2026-01-01 10:00"), at("2026-01-03 08:00"))["text"].tolist() == ["b", "a"]


def test_models_are_scored_on_labelled_rows_with_new_texts(tmp_path):
    rows = read_dated_rows(settings(tmp_path, ROWS))
    assert rows.new_between(at("2026-01-02 23:00"), at("2026-01-04"))["text"].tolist() == ["d"]


def test_rows_without_a_time_are_left_out_and_counted(tmp_path):
    rows = read_dated_rows(settings(tmp_path, ROWS + "e,x,\n"))
    assert isinstance(rows, DatedRows) and rows.undated == 1 and len(rows.rows) == 5


def test_a_time_in_doubt_is_named_with_its_row(tmp_path):
    with pytest.raises(InputError, match=r"rows\.csv, row 6: .*soon"):
        read_dated_rows(settings(tmp_path, ROWS + "e,x,soon\n"))


@pytest.mark.parametrize(
    ("sections", "field"),
    [
        ({"data": {"timestamp": None}}, r"data\.timestamp"),
        ({"split": {"holdout": "holdout.csv"}}, r"split\.holdout"),
        ({"data": {"label": 1}}, "column 1"),
        ({"kind": "text2text"}, "kind"),
    ],
)
def test_settings_that_cannot_be_replayed_are_refused_by_their_field(tmp_path, sections, field):
    with pytest.raises(SettingsError, match=field):
        read_dated_rows(settings(tmp_path, ROWS, **sections))


def test_a_night_reads_the_records_as_they_were(tmp_path):
    own = settings(tmp_path, ROWS.replace(",", ";"), data={"delimiter": ";"})
    rows = read_dated_rows(own)
    write_period(rows.rows, tmp_path / "rows" / "day.jsonl")
    night = settings_of_night(own, [tmp_path / "rows" / "day.jsonl"])
    again = read_dated_rows(night)
    assert again.rows[["text", "label", "row_key", "time"]].equals(rows.rows[["text", "label", "row_key", "time"]])


@pytest.fixture
def replayed(tmp_path, monkeypatch):
    """Replay of `ROWS` by day."""
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))

    def begin(day: str) -> Replay:
        own = settings(tmp_path, ROWS)
        return Replay(own, read_dated_rows(own), date.fromisoformat(day), timedelta(days=1), tmp_path / "home")

    return begin


def test_a_day_without_new_rows_has_the_settings_of_the_day_before_so_that_its_night_is_skipped(replayed):
    days = replayed("2026-01-03").days(date(2026, 1, 5))
    assert replayed("2026-01-03").settings_of(days[2]) == replayed("2026-01-03").settings_of(days[0])
    begun_earlier = replayed("2026-01-01").settings_of(date(2026, 1, 5)).data.path
    assert [Path(file).stem for file in begun_earlier] == ["2026-01-01", "2026-01-02", "2026-01-03"]


def test_a_first_day_before_all_rows_is_refused_with_the_day_of_the_first(replayed):
    with pytest.raises(
        InputError, match="--from 2025-12-31: no row is dated up to this day; the first is dated 2026-01-01"
    ):
        replayed("2025-12-31").settings_of(date(2026, 1, 2))


def test_a_replay_lists_no_rows_for_a_person(replayed):
    assert replayed("2026-01-02").settings_of(date(2026, 1, 2)).review.rows == 0


@pytest.mark.parametrize(("text", "expected"), [("1d", timedelta(days=1)), ("2w", timedelta(days=14))])
def test_intervals_are_days_or_weeks(text, expected):
    assert parse_interval(text) == expected


@pytest.mark.parametrize("text", ["", "0d", "1h", "d", "1 d"])
def test_other_intervals_are_refused(text):
    with pytest.raises(SettingsError, match="--every"):
        parse_interval(text)


def night(day: int, champion: str | None, following: int, **scores: float) -> ReplayedRun:
    by_version = {name.removeprefix("v"): score for name, score in scores.items()}
    return ReplayedRun(
        date=f"2026-01-{day:02d}",
        status="held",
        reason="",
        version=None,
        champion=champion,
        newest=max(by_version, default=None),
        production=by_version.get(champion or ""),
        oracle=max(by_version.values(), default=None),
        always_promote=by_version.get(max(by_version, default="")),
        never_retrain=by_version.get("1"),
        scores=by_version,
        following=following,
        labels=100,
        seconds=60,
    )


def result(*nights: ReplayedRun, metric: str = "accuracy") -> ReplayResult:
    return with_summary(ReplayResult(model="m", metric=metric, runs=list(nights), undated=0))


def test_a_promotion_is_wrong_if_the_old_champion_does_better_while_the_new_one_is_champion():
    summary = result(
        night(1, "1", 10, v1=0.8),
        night(2, "2", 10, v1=0.7, v2=0.8),
        night(3, "2", 90, v1=0.8, v2=0.7),
        night(4, "3", 10, v1=0.8, v2=0.7, v3=0.9),
    )
    assert [(p.old, p.new, p.wrong) for p in summary.promotions] == [("1", "2", True), ("2", "3", False)]
    assert summary.promotions[0].old_metric == pytest.approx(0.79)


def test_with_a_metric_of_which_less_is_better_the_lower_champion_is_right():
    nights = night(1, "1", 10, v1=0.8), night(2, "2", 10, v1=0.7, v2=0.6)
    assert [p.wrong for p in result(*nights, metric="rmse").promotions] == [False]


def test_means_are_weighted_by_the_rows_after_each_night():
    summary = result(night(1, "1", 10, v1=1.0), night(2, "1", 30, v1=0.6), night(3, "1", 0))
    assert summary.means["production"] == pytest.approx(0.7)


def test_the_last_line_of_json_has_the_nights_with_the_four_policies():
    summary = json.loads(result(night(1, "1", 10, v1=0.8), night(2, None, 0)).model_dump_json(by_alias=True))
    policies = {"production": 0.8, "oracle": 0.8, "always_promote": 0.8, "never_retrain": 0.8}
    expected = {"date": "2026-01-01", "status": "held", "version": None, "champion": "1"} | policies
    assert expected.items() <= summary["nights"][0].items()
    assert {name: summary["nights"][1][name] for name in policies} == dict.fromkeys(policies)


def test_the_page_names_promotions_and_embeds_its_picture(tmp_path):
    page = write(result(night(1, "1", 10, v1=0.8), night(2, "2", 10, v1=0.9, v2=0.8)), tmp_path).read_text()
    assert "replaced a champion: 1. Wrong: 1 (" in page and "data:image/png;base64" in page


def test_a_first_night_without_champion_is_no_promotion():
    assert result(night(1, None, 10), night(2, "1", 10, v1=0.8)).promotions == []


@pytest.mark.slow
def test_nights_are_replayed_by_day_and_only_once(tmp_path):
    shell = Shell(tmp_path)
    words = {"pos": ["good", "great", "lovely"], "neg": ["bad", "awful", "poor"]}
    lines = [
        f"{words[label][number % 3]} thing {number},{label},2026-01-{day:02d} 12:{number % 60:02d}"
        for day in range(1, 5)
        for number in range(day * 1000, day * 1000 + 90)
        for label in ["pos" if number % 2 else "neg"]
    ]
    (shell.folder / "rows.csv").write_text("text,label,when\n" + "\n".join(lines) + "\n")
    night_settings = {
        "model": "dated",
        "data": {"path": "rows.csv", "timestamp": "when"},
        "augment": {"method": "none"},
        "train": TINY,
        "compress": {"recipes": []},
    }
    (shell.folder / "night.yaml").write_text(yaml.safe_dump(night_settings))
    arguments = ("replay", "night.yaml", "--from", "2026-01-02", "--to", "2026-01-03")
    first = shell.json(*arguments)
    assert [night["date"] for night in first["nights"]] == ["2026-01-02", "2026-01-03"]
    assert [night["following"] > 0 for night in first["nights"]] == [True, True]
    assert first["nights"][0]["production"] == first["nights"][0]["never_retrain"]
    reports = sorted((shell.folder / "home" / "replays").glob("*/reports/dated/*.html"))
    assert [page.name[:10] for page in reports] == ["2026-01-02", "2026-01-03"]
    assert shell.json(*arguments)["nights"] == first["nights"]

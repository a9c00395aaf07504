"""`nightshift bench drift`: false alarms and detection of the drift checks of the data gate and of `watch`.

The airline tweets, which lie in a folder, are drawn again and again without regard to their days, and compared in their order too.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from benchmarks import watch_alarms
from benchmarks.objectives import classification
from nightshift.data.check_settings import ExpectationSettings
from nightshift.data.drift import Shift
from nightshift.data.row_keys import text_key
from nightshift.data.row_profile import CHECKS, RowColumns, RowProfile, compare_rows, profile_rows
from nightshift.evaluation import drift_profile

COLUMNS = RowColumns(["text"], "label", "row_key")
BOUNDS = {
    check: getattr(ExpectationSettings(), setting).min_effect
    for check, setting in zip(
        CHECKS, ("label_drift", "length_drift", "unknown_words_drift", "domain_drift"), strict=True
    )
}
HOLDOUT_ROWS = 5_000


def main(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="nightshift bench drift", allow_abbrev=False)
    parser.add_argument("--data", type=Path, required=True, help="folder with the public data sets")
    parser.add_argument("--trials", type=int, default=2000, help="re-samplings without drift; a tenth of them with it")
    parser.add_argument("--watches", type=int, default=1000, help="simulated watches of each kind")
    options = parser.parse_args(arguments)
    begin = time.process_time()
    tweets = _read_airline(options.data)
    table = [
        *_gate_table(tweets, options.trials),
        *_domain_table(tweets, _read_banking(options.data), options.trials // 10),
        *_watch_table(options.watches),
    ]
    notes = [
        f"data gate: airline tweets in random order; profile and new rows of the size named, no row in both; CPU seconds: {time.process_time() - begin:.0f}",
        f"watch: simulated predictions on a holdout of {HOLDOUT_ROWS:,} rows, 90 % of them right",
        "alarm: any check is significant, after Holm's correction over all, and its shift is at least as large as its bound",
    ]
    return {
        "table": table,
        "more_tables": {"Airline tweets, each day against the days before": _airline_week(options.data)},
        "notes": notes,
    }


def _read_airline(folder: Path) -> pd.DataFrame:
    frame = pd.read_csv(folder / "airline/Tweets_Ramlah0.csv").rename(columns={"airline_sentiment": "label"})
    days = pd.to_datetime(frame["tweet_created"], format="%m/%d/%Y %H:%M").dt.day
    return _with_keys(frame.assign(day=days)[["text", "label", "day"]])


def _read_banking(folder: Path) -> pd.DataFrame:
    frame = pd.read_csv(folder / "banking77/train.csv", dtype=str).rename(columns={"category": "label"})
    return _with_keys(frame.assign(label="0"))


def _with_keys(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.drop_duplicates("text")
    return frame.assign(row_key=[text_key(text) for text in frame["text"]])


def _profile(frame: pd.DataFrame, with_vocabulary: bool) -> RowProfile:
    return profile_rows([pa.Table.from_pandas(frame, preserve_index=False)], len(frame), COLUMNS, with_vocabulary)


def _shifts(before: pd.DataFrame, now: pd.DataFrame) -> dict[str, Shift]:
    return compare_rows(_profile(before, True), _profile(now, False), CHECKS)


def _alarms(shifts: dict[str, Shift]) -> set[str]:
    return {check for check, shift in shifts.items() if shift.has_drifted(BOUNDS[check])}


def _draw_pair(
    frame: pd.DataFrame, rows: int, points: int, random: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return two sets of different rows: with as many negative ones as others, and with more negative ones by some points."""
    is_negative = frame["label"].to_numpy() == "negative"
    negative, others = (random.permutation(np.flatnonzero(mask)) for mask in (is_negative, ~is_negative))
    counts = random.binomial(rows, 0.5), random.binomial(rows, 0.5 + points / 100)
    first = np.concatenate([negative[: counts[0]], others[: rows - counts[0]]])
    second = np.concatenate([negative[-counts[1] :], others[len(others) - rows + counts[1] :]])
    return frame.iloc[first], frame.iloc[second]


def _gate_table(frame: pd.DataFrame, trials: int) -> Iterator[dict[str, Any]]:
    """Yield rates of alarms without drift and with shifts of the label shares; detections have a tenth of the trials."""
    for rows in (500, 5000):
        for points in (0, 5, 10, 20):
            number = trials if points == 0 else max(trials // 10, 1)
            alarms_by_trial = []
            for seed in range(number):
                pair = _draw_pair(frame, rows, points, np.random.default_rng([rows, points, seed]))
                alarms_by_trial.append(_alarms(_shifts(*pair)))
            yield _row("data gate", f"{points} points of the label shares", rows, alarms_by_trial, CHECKS)


def _domain_table(frame: pd.DataFrame, other: pd.DataFrame, trials: int) -> Iterator[dict[str, Any]]:
    """Yield rates of alarms where a share of the new rows comes from another data set."""
    for share in (0.1, 0.3, 1.0):
        alarms_by_trial = []
        for seed in range(trials):
            random = np.random.default_rng([int(100 * share), seed])
            before, now = _draw_pair(frame, 500, 0, random)
            foreign = other.sample(500, random_state=seed).assign(label=now["label"].to_numpy())
            is_foreign = random.random(500) < share
            mixed = pd.concat([now[~is_foreign], foreign[is_foreign]])
            alarms_by_trial.append(_alarms(_shifts(before, mixed)))
        yield _row("data gate", f"{share:.0%} of the rows from banking77", 500, alarms_by_trial, CHECKS)


def _row(part: str, change: str, rows: int, alarms_by_trial: list[set[str]], checks: tuple[str, ...]) -> dict[str, Any]:
    rates = {check: round(float(np.mean([check in alarms for alarms in alarms_by_trial])), 4) for check in checks}
    return {
        "part": part,
        "change": change,
        "rows": rows,
        "trials": len(alarms_by_trial),
        "checks": len(checks),
        "alarms": round(float(np.mean([bool(alarms) for alarms in alarms_by_trial])), 4),
        "by check": ", ".join(f"{check} {rate:.1%}" for check, rate in rates.items() if rate) or "none",
    }


def _watch_table(trials: int) -> Iterator[dict[str, Any]]:
    """Yield rates of alarms of `watch`: without change, with other predictions, and with less confidence and no labels."""
    changes: list[tuple[str, dict[str, float]]] = [
        ("none", {}),
        ("5 points of the predictions", {"share": 0.55}),
        ("10 points of the predictions", {"share": 0.6}),
        ("8 points of accuracy lost", {"wrong": 0.18}),
    ]
    objective = classification("accuracy", ["a", "b"])
    for change, arguments in changes:
        for rows in (100, 1000, 10_000):
            number = trials if rows < 10_000 else max(trials // 5, 1)
            alarms_by_trial = []
            for seed in range(number):
                random = np.random.default_rng([rows, len(change), seed])
                profile = drift_profile.build_profile(*_predictions(HOLDOUT_ROWS, random), objective)
                table, frame = _predictions(rows, random, **arguments)
                drifts = drift_profile.measure_drift(profile, table, frame, objective)
                alarms_by_trial.append(watch_alarms.alarms(profile, drifts, table, objective))
            yield _row("watch", change, rows, alarms_by_trial, (*watch_alarms.FEATURES, watch_alarms.WORSE))


def _predictions(
    rows: int, random: np.random.Generator, share: float = 0.5, wrong: float = 0.1
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return predictions of a calibrated classifier of two labels, and the frame of their texts.

    Args:
        rows: Number of rows.
        random: Source of random numbers.
        share: Share of the prediction a.
        wrong: Share of wrong predictions; confidences are those of a calibrated model, with this mean error.
    """
    confidence = 1 - random.beta(0.6, 0.6 * (1 - 2 * wrong) / (2 * wrong), rows) / 2
    predicted = np.where(random.random(rows) < share, "a", "b")
    is_wrong = random.random(rows) > confidence
    labels = np.where(is_wrong, np.where(predicted == "a", "b", "a"), predicted)
    first = np.where(predicted == "a", confidence, 1 - confidence)
    table = pd.DataFrame({"label": labels, "predicted": predicted, "score:a": first, "score:b": 1 - first})
    lengths = random.poisson(20, rows)
    return table, pd.DataFrame({"text": _texts()[lengths]})


def _texts() -> np.ndarray:
    return np.array(["x" * length for length in range(100)], dtype=object)


def _airline_week(folder: Path) -> list[dict[str, Any]]:
    """Return the alarms of each day, against the profile of the days before."""
    frame, table = _read_airline(folder), []
    for day in range(18, 25):
        before, now = frame[frame["day"] < day], frame[frame["day"] == day]
        shifts = _shifts(before.drop(columns="day"), now.drop(columns="day"))
        alarms = _alarms(shifts)
        table.append({"day": f"{day} February", "rows before": len(before), "new rows": len(now),
                      "alarms": ", ".join(check for check in CHECKS if check in alarms) or "none",
                      **{check: str(shift) for check, shift in shifts.items()}})  # fmt: skip
    return table

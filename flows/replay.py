"""Replay of past runs: each sees the rows up to its day, in a registry of its own, and is scored on the days after it."""

import json
import logging
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd

from flows import replay_ahead
from flows.form import as_form
from flows.nightly import nightly
from flows.replay_rows import DatedRows, read_dated_rows, settings_of_night, write_period
from flows.settings import NightSettings
from nightshift import clock
from nightshift.errors import InputError, SettingsError, UserError
from nightshift.evaluation import kinds
from nightshift.prefect_ui import artifacts
from nightshift.records import NightResult, Objective
from nightshift.registry import tracking
from nightshift.registry.version_predictions import VersionPredictor
from nightshift.reporting import replay_page
from nightshift.reporting.replay_page import POLICIES, ReplayedRun, ReplayResult
from nightshift.store import artifact_store

log = logging.getLogger("nightshift.replay")
INTERVAL = re.compile(r"([1-9][0-9]*)([dw])")
STATE, ROWS, RESULTS = "replay.json", "rows", "results"
"""File of the runs so far, folder of the rows by period, and folder of their results, under NIGHTSHIFT_HOME."""


def parse_interval(text: str) -> timedelta:
    """Return the time between two runs, such as 1d or 2w; raise SettingsError for another text."""
    match = INTERVAL.fullmatch(text)
    if not match:
        raise SettingsError(f"--every {text}: expected a number of days or weeks, such as 1d or 2w")
    return timedelta(days=int(match[1]) * (7 if match[2] == "w" else 1))


def replay(settings: NightSettings, first: date, last: date, every: timedelta, workers: int = 1) -> ReplayResult:
    """Run the pipeline for past days, for each only once, and write the page that compares them.

    Args:
        settings: Settings of the runs.
        first: Day of the first run, which sees all rows up to its end.
        last: Day of the last run, or after it.
        every: Time between two runs.
        workers: Number of runs that are trained at once, if their training does not depend on the champion.

    Raises:
        SettingsError: The days are out of order, or the settings cannot be replayed.
        InputError: There is no row up to the first day.
        UserError: NIGHTSHIFT_HOME holds the replay of other settings or rows.
    """
    if last < first:
        raise SettingsError(f"--to {last}: is before --from {first}")
    rows = read_dated_rows(settings)
    runs = Replay(settings, rows, first, every, artifact_store.home())
    days = runs.days(last)
    if workers > 1 and replay_ahead.depends_on_champion(settings):
        log.warning("the runs are trained one after the other, because each depends on the champion before it")
    elif workers > 1:
        runs.train_ahead(days[len(runs.done) :], workers)
    started = time.monotonic()
    for number, day in enumerate(days[len(runs.done) :], 1):
        log.info(
            "replay: %s, night %d of %d%s",
            day,
            len(runs.done) + 1,
            len(days),
            _remaining(started, number, days, runs),
        )
        runs.run(day)
    result = replay_page.with_summary(
        ReplayResult(model=settings.model, metric=runs.metric, runs=runs.done, undated=rows.undated)
    )
    return result.model_copy(update={"report": str(replay_page.write(result, artifact_store.home()))})


def describe(result: ReplayResult) -> str:
    """Return a line for each run, and the means, as the command prints them."""
    lines = []
    for run in result.runs:
        values = [f"{getattr(run, name):.4f}" if getattr(run, name) is not None else "-" for name in POLICIES]
        lines.append(f"{run.date}  {run.status:<8}  champion {run.champion or '-':>3}  {'  '.join(values)}")
    names = [name.replace("_", " ") for name in POLICIES]
    means = [f"{words} {result.means[name]:.4f}" for name, words in zip(POLICIES, names, strict=True) if result.means]
    return "\n".join(
        [
            f"{result.metric} on the rows after each run: {', '.join(names)}",
            *lines,
            f"means: {', '.join(means)}",
            f"report   {result.report}",
        ]
    )


def _remaining(started: float, number: int, days: list[date], runs: "Replay") -> str:
    """Return the estimated time that is left in words; empty before the first night of this run has ended."""
    if number == 1:
        return ""
    duration = (time.monotonic() - started) / (number - 1) * (len(days) - len(runs.done)) / 60
    return f", about {duration:.0f} min left"


@dataclass
class Replay:
    """The runs of a replay, kept in a file after each.

    Args:
        settings: Settings of the runs.
        rows: All rows by time.
        first: Day of the first run.
        every: Time between two runs.
        home: Folder of the replay, NIGHTSHIFT_HOME.
        done: Runs so far, which are read from the file.
    """

    settings: NightSettings
    rows: DatedRows
    first: date
    every: timedelta
    home: Path
    done: list[ReplayedRun] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Read the runs of an interrupted replay.

        Raises:
            UserError: They are of other settings or rows.
        """
        file = self.home / STATE
        if file.exists():
            state = json.loads(file.read_text(encoding="utf-8"))
            if state["fingerprint"] != self._fingerprint():
                raise UserError(
                    f"{self.home} holds a replay of other settings, rows or days: give this one another --name"
                )
            self.done = [ReplayedRun.model_validate(run) for run in state["runs"]]

    @property
    def objective(self) -> Objective:
        """The objective, without rows."""
        name, settings = next(iter(self.settings.resolved_objectives.items()))
        return settings.without_rows(name)

    @property
    def metric(self) -> str:
        """Name of the metric that runs are compared by."""
        return kinds.primary([self.objective])

    def days(self, last: date) -> list[date]:
        """Return the days of the runs up to one."""
        count = (last - self.first) // self.every + 1
        return [self.first + number * self.every for number in range(count)]

    def train_ahead(self, days: list[date], workers: int) -> None:
        """Run the stages of runs that do not depend on those before."""
        log.info("replay: %d runs are trained, %d at a time", len(days), workers)
        replay_ahead.train_ahead({day: self.settings_of(day) for day in days}, workers)

    def run(self, day: date) -> None:
        """Run the night of a day and score its models on the rows after it."""
        end = end_of_day(day)
        started = time.monotonic()
        with clock.replayed_at(end.to_pydatetime()):
            result = self._kept_result(day)
            if result is None:
                form = as_form(self.settings_of(day))
                result = artifacts.flow_result(nightly(settings=form, return_state=True))
                artifact_store.write_text(self._result_file(day), result.model_dump_json())
        following = self.rows.new_between(end, end + self.every)
        scores = (
            {version: _score(self.settings.model, version, following, self.objective) for version in self._versions()}
            if len(following)
            else {}
        )
        self.done.append(self._record(day, result, scores, len(following), time.monotonic() - started))
        self._save()

    def _kept_result(self, day: date) -> NightResult | None:
        """Return the result of a run after which the replay was interrupted; None if there is none."""
        file = self._result_file(day)
        return NightResult.model_validate_json(file.read_text(encoding="utf-8")) if file.exists() else None

    def _result_file(self, day: date) -> Path:
        return self.home / RESULTS / f"{day}.json"

    def settings_of(self, day: date) -> NightSettings:
        """Return the settings of a run, whose files are written; those of a day without new rows are those of the day before.

        Raises:
            InputError: There is no row up to the first day.
        """
        files = [self._write(earlier) for earlier in self.days(day)]
        if not files[0].stat().st_size:
            begin = (
                f"the first is dated {self.rows.rows['time'].min():%Y-%m-%d}"
                if len(self.rows.rows)
                else "none has a time"
            )
            raise InputError(f"--from {self.first}: no row is dated up to this day; {begin}")
        return settings_of_night(self.settings, [file for file in files if file.stat().st_size])

    def _write(self, day: date) -> Path:
        """Write the rows of the period that ends with a day, all earlier ones for the first; return the file."""
        path = self.home / ROWS / f"{day}.jsonl"
        if not path.exists():
            begin = pd.Timestamp.min.tz_localize("UTC") if day == self.first else end_of_day(day - self.every)
            write_period(self.rows.between(begin, end_of_day(day)), path)
        return path

    def _versions(self) -> list[str]:
        versions = tracking.connect().search_model_versions(f"name = '{self.settings.model}'")
        return sorted((str(version.version) for version in versions), key=int)

    def _record(
        self, day: date, result: NightResult, scores: dict[str, float], rows: int, seconds: float
    ) -> ReplayedRun:
        """Return the record of a run.

        Args:
            day: Its day.
            result: What it returned.
            scores: Metric of each version on the rows after it.
            rows: Number of these rows.
            seconds: Time that it took.
        """
        first = next((run.champion for run in self.done if run.champion), result.champion_version)
        newest = result.version or next((run.newest for run in reversed(self.done) if run.newest), None)
        best = max if kinds.better(self.metric) > 0 else min
        return ReplayedRun(
            date=day.isoformat(),
            status=result.status,
            reason=result.reason,
            version=result.version,
            champion=result.champion_version,
            newest=newest,
            production=scores.get(result.champion_version or ""),
            oracle=best(scores.values()) if scores else None,
            always_promote=scores.get(newest or ""),
            never_retrain=scores.get(first or ""),
            scores=scores,
            following=rows,
            labels=result.rows.get("kept", 0),
            seconds=round(seconds, 1),
        )

    def _save(self) -> None:
        state = {"fingerprint": self._fingerprint(), "runs": [run.model_dump() for run in self.done]}
        artifact_store.write_text(self.home / STATE, json.dumps(state, indent=1))

    def _fingerprint(self) -> str:
        """Return the digest of what decides the runs: settings, first day, interval and rows."""
        keys = pd.util.hash_pandas_object(self.rows.rows[["original", "timestamp"]].astype(str), index=False)
        return f"{self.settings.fingerprint()} {self.first} {self.every} {int(keys.sum())}"


def end_of_day(day: date) -> pd.Timestamp:
    """Return the last moment of a day in UTC, until which the run of that day sees rows."""
    return pd.Timestamp(datetime.combine(day, datetime.max.time(), UTC))


def _score(model: str, version: str, rows: pd.DataFrame, objective: Objective) -> float:
    """Return the metric of a version on rows; it is loaded for them alone, or the memory would grow with each night."""
    table = VersionPredictor(model, version, multi_task=False).table(rows, objective)
    return kinds.metrics({objective.name: table}, [objective])[kinds.primary([objective])]

"""Decisions of a replay's versions, computed anew from their predictions: with other gates, and with other first nights.

No version is trained again. The stages of each night are found in the replay's artifact store, the versions in its
registry, and the decisions are those of `tasks.gate.decision.decide`, with a ledger in memory.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from prefect import flow

from flows.form import as_form, merged_settings
from flows.objective_rows import check_rows, find_champion_rows, locate_sources, split_rows
from flows.replay import Replay, end_of_day, parse_interval
from flows.replay_rows import read_dated_rows
from flows.result_storage import ensure_result_storage
from flows.settings import NightSettings
from flows.settings_file import load
from nightshift import clock
from nightshift.data.row_profile import Keys
from nightshift.evaluation import fresh_rows, scoring
from nightshift.evaluation.claims import LatencyComparison
from nightshift.evaluation.fresh_rows import F1Scores, FreshRows
from nightshift.evaluation.prediction_tables import GROUP
from nightshift.records import MAIN, BudgetState, Claim, Evaluated, Objective, Verdict
from nightshift.registry import ledger
from nightshift.registry.ledger import Entry
from nightshift.registry.version_predictions import VersionPredictor
from nightshift.reporting.replay_page import ReplayedRun
from nightshift.store import artifact_store
from tasks.augment import augment
from tasks.evaluate import evaluate
from tasks.fresh_rows import read_earlier_validation, read_rows
from tasks.gate.decision import Evidence, decide
from tasks.gate.first_version import References
from tasks.gate.guardrails import GuardrailMeasurements, check_guardrails
from tasks.gate.row_ages import newest_rows
from tasks.gate.settings import GateSettings
from tasks.train.stage import train

SIDES = ("validation", "holdout")
MAX_RESTARTS = 10
"""Largest number of runs for each of which a registry is begun; of more, for the first alone."""


@dataclass(frozen=True)
class TrainedRun:
    """Inputs of the decision about a run of the replay."""

    record: ReplayedRun
    objective: Objective
    references: References
    """Predictions of the dummy and the baseline on the holdout."""
    rows: Mapping[str, pd.DataFrame]
    """Rows of `SIDES`."""
    new_rows: pd.DataFrame
    """Rows that no night before had seen."""
    earlier_validation: pd.DataFrame
    """Validation rows that a run before had seen."""

    @property
    def version(self) -> str:
        """The version that was trained in this night."""
        assert self.record.version
        return self.record.version


@dataclass
class Answers:
    """Predictions of the versions, each row once."""

    model: str
    by_version: dict[str, pd.DataFrame] = field(default_factory=dict)

    def table(self, version: str, rows: pd.DataFrame, objective: Objective) -> pd.DataFrame:
        """Return the table of predictions of a version on rows."""
        answers = self.by_version.get(version, pd.DataFrame())
        missing = rows[~rows["row_key"].isin(answers.index)].drop_duplicates("row_key").reset_index(drop=True)
        if len(missing):
            new = VersionPredictor(self.model, version, False).table(missing, objective).set_index("row_key")
            answers = pd.concat([answers, new.drop(columns=["label", GROUP], errors="ignore")])
            self.by_version[version] = answers
        return scoring.table(rows, objective, answers.loc[rows["row_key"]])


class EqualShares(Evidence):
    """Evidence of the gate before: each test takes 1 / tests_per_year of the year's budget, until it is spent."""

    def alpha(self, likely: list[Claim], settings: GateSettings) -> float:
        """Return what a test may spend."""
        return settings.alpha if self.budget.num_tests < settings.tests_per_year else 0.0


def champions(runs: Sequence[TrainedRun], settings: NightSettings, answers: Answers, has_new_rows: bool) -> list[Entry]:
    """Return the ledger of a registry whose first run is the first of `runs`, an entry a run.

    Args:
        runs: Runs that trained a version, in order.
        settings: Settings of the replay.
        answers: Predictions of the versions.
        has_new_rows: True for our gate, False for the gate before, which has the holdout alone.
    """
    entries: list[Entry] = []
    for run in runs:
        with clock.replayed_at(end_of_day(date.fromisoformat(run.record.date)).to_pydatetime()):
            entries.append(_decide(run, entries, settings, answers, has_new_rows))
    return entries


def _decide(
    run: TrainedRun, entries: list[Entry], replay_settings: NightSettings, answers: Answers, has_new_rows: bool
) -> Entry:
    """Return the ledger's entry of a night."""
    data, settings = replay_settings.data, replay_settings.gate
    formats = data.timestamp_formats if data else []
    champion = next((entry.new for entry in reversed(ledger.moves(entries))), None)
    tests, compared = ledger.tests_of_last_year(entries, clock.now()), ledger.compared_with(entries, champion)
    budget = BudgetState(
        num_tests=len(tests),
        alpha_spent=ledger.alpha_spent(tests, lambda _: 0.0),
        num_compared=len(compared),
        num_likely=sum(bool(entry.tested) for entry in compared),
    )
    fresh = _count(run, entries, champion, settings, budget, answers) if has_new_rows else None
    roles = {"challenger": run.version} | ({"champion": champion} if champion else {})
    tables = {
        side: {role: {MAIN: answers.table(number, run.rows[side], run.objective)} for role, number in roles.items()}
        for side in SIDES
    }
    gate = Evidence if has_new_rows else EqualShares
    evidence = gate(
        tables["holdout"],
        tables["validation"],
        [run.objective],
        LatencyComparison(1.0, 1.0, 1.0, settings.cost_confidence) if champion else None,
        run.references,
        budget,
        fresh=fresh.evidence(settings.budget) if fresh else None,
    )
    challenger, holdouts = tables["holdout"]["challenger"], {MAIN: run.rows["holdout"]}
    newest = newest_rows(challenger, holdouts, settings.recent_days, {MAIN: formats}) if has_new_rows else {}
    guardrails = check_guardrails(
        challenger,
        tables["holdout"].get("champion"),
        holdouts,
        [run.objective],
        GuardrailMeasurements({}, {}, newest),
        settings,
        settings.confidence,
    )
    return _entry(decide(evidence, settings, guardrails), run.version, champion, fresh)


def _count(
    run: TrainedRun,
    entries: list[Entry],
    champion: str | None,
    settings: GateSettings,
    budget: BudgetState,
    answers: Answers,
) -> FreshRows:
    """Count the new rows of a night, as `tasks.fresh_rows` does."""
    last, challenger = ledger.last_fresh(entries), ledger.standing_challenger(entries)
    earlier = fresh_rows.EvidenceState.model_validate_json(last.fresh) if last else None
    share = fresh_rows.SHARES[settings.evidence]
    state = fresh_rows.next_state(earlier, champion, clock.now(), share, settings.budget, budget.alpha_spent)
    if champion is None or challenger is None or run.new_rows.empty:
        return FreshRows(state=state, note="no rows count")
    rows = run.new_rows.sort_values("row_key").reset_index(drop=True)
    first, second = (answers.table(number, rows, run.objective) for number in (challenger, champion))
    f1_scores = None
    if fresh_rows.needs_f1_scores(run.objective) and len(run.earlier_validation):
        f1_scores = F1Scores.of_champion(answers.table(champion, run.earlier_validation, run.objective))
    differences = fresh_rows.differences(first, second, run.objective, f1_scores)
    return FreshRows(state=state.counting(len(rows), differences), new_rows=len(rows), challenger=challenger)


def _entry(verdict: Verdict, version: str, champion: str | None, fresh: FreshRows | None) -> Entry:
    is_promoted = verdict.decision == "promote"
    return Entry(
        action="promoted" if is_promoted else "held",
        old=champion or "",
        new=version if is_promoted else champion or "",
        version=version,
        why="; ".join(verdict.reasons),
        claim=verdict.claim or "",
        tested=verdict.tested or "",
        alpha="" if verdict.alpha is None else str(verdict.alpha),
        fresh=fresh.state.model_dump_json() if fresh else "",
    )


def read_runs(replay: Replay) -> list[TrainedRun]:
    """Return the nights of a finished replay that trained a version."""
    runs: list[TrainedRun] = []
    seen: Keys | None = None
    champion: str | None = None
    for record in replay.done:
        if record.version:
            day = date.fromisoformat(record.date)
            with clock.replayed_at(end_of_day(day).to_pydatetime()):
                settings = merged_settings(None, as_form(replay.settings_of(day)))
                objective, evaluated = _stages_of_run(settings, champion)
            new_rows, keys = read_rows(objective, seen)
            earlier = read_earlier_validation(objective, keys[:0] if seen is None else seen)
            seen = keys if seen is None else np.union1d(seen, keys)
            rows = {side: scoring.side_of(objective, side) for side in SIDES}
            runs.append(TrainedRun(record, objective, _references(evaluated, objective), rows, new_rows, earlier))
        champion = record.champion
    return runs


@flow(name="replayed-night")
def _stages_of_run(settings: Any, champion: str | None) -> Any:
    """Return the objective and the evaluation of a night from the store."""
    ensure_result_storage()
    resolved = settings.resolved_objectives[MAIN]
    sources = locate_sources(settings, resolved)
    checked = check_rows(settings, resolved, sources, find_champion_rows(settings, MAIN, champion))
    sides = split_rows(settings, resolved, checked, 0)
    objective = resolved.objective(MAIN, sides, augment(sides, settings.augment, resolved.kind))
    trained = train([objective], settings.train, None, settings.model, "", None)
    return objective, evaluate(trained, [objective], settings.train.max_length)


def _references(evaluated: Evaluated, objective: Objective) -> References:
    folder = artifact_store.folder(evaluated)
    with_baseline = [objective] if objective.name in evaluated.baselines else []
    return References(
        scoring.read(folder / "dummy", [objective]),
        scoring.read(folder / "baseline", with_baseline),
        evaluated.baselines,
        evaluated.left_out,
    )


def main(settings_file: str, first: str, every: str) -> None:
    """Print the ledgers of both gates for first nights of the replay in NIGHTSHIFT_HOME, as one JSON object."""
    settings = load(Path(settings_file), ())
    interval, home = parse_interval(every), artifact_store.home()
    replay = Replay(settings, read_dated_rows(settings), date.fromisoformat(first), interval, home)
    runs, answers = read_runs(replay), Answers(settings.model)
    ledgers = {
        start.record.date: {
            name: [entry.model_dump() for entry in champions(runs[index:], settings, answers, has_new_rows)]
            for name, has_new_rows in (("ours", True), ("equal shares", False))
        }
        for index, start in enumerate(runs if len(runs) <= MAX_RESTARTS else runs[:1])
    }
    print(json.dumps(ledgers))

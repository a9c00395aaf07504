"""The gate: a pure decision from both models' predictions on the same rows, costs and settings.

The first version must be shown to beat the dummy and guessing, and not be below the baseline (`tasks.gate.first_version`).
Later ones claim to be *better* or *cheaper*. A test on the holdout is spent only on a claim that validation makes
likely, and takes a part of what the year's tests have left of its error budget (a union bound, `nightshift.evaluation.error_budget`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field, field_validator

from nightshift import escaping
from nightshift.errors import InputError, SettingsError
from nightshift.evaluation import (
    error_budget,
    kinds,
    prediction_changes,
    recency,
    row_weights,
    scoring,
    significance,
)
from nightshift.evaluation.claims import (
    ROLLED_BACK,
    SCREENING_CONFIDENCE,
    ClaimResults,
    LatencyComparison,
    check_claims,
    describe,
    describe_gap,
    has_other_anchor,
    z_score,
)
from nightshift.evaluation.confidence_limits import Difference
from nightshift.evaluation.fresh_rows import FreshRows
from nightshift.evaluation.prediction_tables import Tables
from nightshift.evaluation.slices import RowSubset
from nightshift.inference.measurement import measure_latencies
from nightshift.records import (
    BudgetState,
    Claim,
    Compared,
    Evaluated,
    FreshEvidence,
    Metric,
    Objective,
    Registered,
    RegistryState,
    Verdict,
)
from nightshift.registry import model_registry, tags, tracking
from nightshift.registry.version_predictions import (
    VersionPredictor,
    drop_rows,
    keys_known_by_raw_text,
    predict_versions,
    trained_keys,
)
from nightshift.store import artifact_store
from nightshift.store.stages import stage
from tasks.gate.first_version import FirstPolicy, References, decide_first
from tasks.gate.guardrails import (
    NO_GUARDRAILS,
    GuardrailMeasurements,
    GuardrailResult,
    GuardrailSettings,
    check_guardrails,
)
from tasks.gate.typos import with_typos

NIGHTS_PER_YEAR = 365
ROLES: tuple[str, ...] = ("challenger", "champion")
"""Roles whose latency is measured."""
MIN_ALPHA = 1e-9
"""Smallest error probability of a test; less is left only of a budget that was spent by tests of older versions."""


class GateSettings(GuardrailSettings):
    """Conditions under which a challenger replaces the champion."""

    metric: Metric | None = None
    """Metric that decides what is better; if not set, the default of the kind."""
    first: FirstPolicy = "baseline"
    """Condition for a first version: baseline (shown to beat the dummy and guessing, and not below the baseline), dummy
    (shown to beat the dummy and guessing), manual (a person promotes it).
    """
    margin: float = Field(0.005, gt=0)
    """Non-inferiority margin, in the metric's unit: a cheaper challenger must be shown to lose less than this against
    champion and anchor.
    """
    confidence: float = Field(0.95, gt=0.5, lt=1)
    """Probability that a year of nightly runs contains no wrong promotion."""
    tests_per_year: int = Field(40, ge=1)
    """Number of typical tests on the holdout that a year's error budget, 1 - confidence, is for. Each test takes a part of
    what is left, more if validation promises more; with fewer tests all take more, and detect smaller differences.
    """
    evidence: Literal["holdout", "fresh", "both"] = "both"
    """Evidence that can show a challenger to be better. holdout: tests on the holdout. fresh: the rows that are new in a night, which
    champion and the last night's challenger answer before any model is trained on them. both: either; new rows get 40 % of
    the year's error budget. New rows are used with one objective and a metric of right and wrong rows, or chrf.
    """
    weight: Literal["equal", "recent"] = "equal"
    """Weight of the rows of holdout and validation where challenger and champion are compared. equal: the same for all. recent: it
    halves with every `half_life_days` of a row's age before the newest, by `data.timestamp`.
    """
    half_life_days: float = Field(30, gt=0)
    """Days in which the weight of a row halves, with `weight: recent`."""
    seeds: int = Field(1, ge=1, le=10)
    """Number of trainings with different seeds: the best on validation is used, and the report says by how much they differ."""
    minimum: dict[str, float] = {}
    """Minimum value of metrics on the holdout, by name (maximum for loss, RMSE and the like), for every challenger."""
    approval: Literal["auto", "manual"] = "auto"
    """manual: a challenger that passes is held until a person promotes it; auto: it is promoted."""

    @property
    def budget(self) -> float:
        """Return the chance of a wrong promotion that a year's tests may spend together."""
        return 1 - self.confidence

    @property
    def alpha(self) -> float:
        """Return the share of the budget that a typical test on the holdout spends."""
        return self.budget / self.tests_per_year

    @property
    def test_confidence(self) -> float:
        """Return the confidence of a typical test, which a first version must be shown to beat dummy and guessing with."""
        return 1 - self.alpha

    @property
    def cost_confidence(self) -> float:
        """Return the confidence of the nightly cost limit: those of a year use 1 % of the yearly error budget together."""
        return 1 - (1 - self.confidence) / (100 * NIGHTS_PER_YEAR)

    @field_validator("minimum")
    @classmethod
    def _ensure_metrics(cls, minimum: dict[str, float]) -> dict[str, float]:
        names = dict.fromkeys(name for kind in kinds.KINDS.values() for name in kind.metric_names)
        names[kinds.WEIGHTED] = None
        for name in minimum:
            if name.rpartition("/")[2] not in names:
                raise ValueError(f"{name!r} is no metric; known: {', '.join(names)}")
        return minimum


@dataclass(frozen=True)
class Evidence:
    """Predictions, costs and tests so far, on which a decision is based besides settings and guardrails."""

    holdout: Mapping[str, Tables]
    """Tables by role (challenger, champion, anchor, rolled_back), all on the same rows of the holdout."""
    validation: Mapping[str, Tables]
    """The same on validation."""
    objectives: list[Objective]
    """Objectives of the run."""
    costs: LatencyComparison | None
    """Latency of challenger and champion; None without a champion that answers."""
    references: References
    """Tables of the dummy and the baseline on the holdout, for a first version."""
    budget: BudgetState = field(default_factory=BudgetState)
    """Tests on the holdout so far."""
    not_comparable: Mapping[str, str] = field(default_factory=dict)
    """Reasons why roles have no tables, or tables that cannot be compared."""
    fresh: FreshEvidence | None = None
    """Evidence from new rows; None if they are not used."""

    def check_claims(self, tables: Mapping[str, Tables], margin: float, confidence: float) -> ClaimResults:
        """Test both claims on the rows of one side, see `nightshift.evaluation.claims.check_claims`."""
        return check_claims(tables, self.objectives, margin, confidence, self.not_comparable)

    def alpha(self, likely: list[Claim], settings: GateSettings) -> float:
        """Return what a test of the likely claims may spend; it depends on validation and on the tests so far alone.

        What belongs to new rows cannot be spent on the holdout.
        """
        budget = settings.budget - (self.fresh.alpha if self.fresh else 0.0)
        if budget < MIN_ALPHA:
            return 0.0
        z = max(
            z_score(self.validation, self.objectives, settings.margin, claim, self.not_comparable) for claim in likely
        )
        rows = [
            sum(row_weights.effective_rows(tables["challenger"][o.name]) for o in self.objectives)
            for tables in (self.validation, self.holdout)
        ]
        return error_budget.next_alpha(
            self.budget, z, rows[0] / rows[1], budget, settings.tests_per_year, 1 - SCREENING_CONFIDENCE
        )


def decide(evidence: Evidence, settings: GateSettings, guardrails: GuardrailResult = NO_GUARDRAILS) -> Verdict:
    """Return the decision to promote or hold, with the reasons.

    Args:
        evidence: Predictions, costs, and the tests so far.
        settings: Settings of the gate.
        guardrails: Results that can hold the challenger, or show that a test would be wasted on it.
    """
    holdout, objectives = evidence.holdout, evidence.objectives
    metrics = kinds.metrics(holdout["challenger"], objectives)
    if missing := [name for name in settings.minimum if name not in metrics]:
        raise SettingsError(f"gate.minimum: tonight has no {', '.join(missing)}; there are: {', '.join(metrics)}")
    verdict = _decide_claim(evidence, settings, guardrails)
    fresh_notes = [describe_fresh(evidence.fresh)] if evidence.fresh and "champion" in holdout else []
    blocking = [*_below_minimum(metrics, settings), *guardrails.unfit, *guardrails.blocking]
    return verdict.model_copy(
        update={
            "decision": "hold" if blocking else verdict.decision,
            "claim": None if blocking else verdict.claim,
            "reasons": [*blocking, *verdict.reasons, *fresh_notes, *guardrails.notes],
            "metrics": metrics,
            "champion_metrics": kinds.metrics(holdout["champion"], objectives) if "champion" in holdout else {},
            "slices": guardrails.slices,
            "gained": guardrails.improved_rows,
            "lost": guardrails.regressed_rows,
            "noised": guardrails.typo_metrics,
            "evidence": None if blocking else verdict.evidence,
            "fresh": evidence.fresh,
        }
    )


def _decide_claim(evidence: Evidence, settings: GateSettings, guardrails: GuardrailResult) -> Verdict:
    """Return the decision on the claims; the challenger may be held although one is shown."""
    holdout, objectives = evidence.holdout, evidence.objectives
    not_comparable = dict(evidence.not_comparable) | _other_tokens(holdout, objectives)
    if "champion" in not_comparable:
        reason = f"not compared: the champion {not_comparable['champion']}; it stays until a person promotes"
        return Verdict(decision="hold", reasons=[reason])
    if "champion" not in holdout:
        return decide_first(
            holdout["challenger"], evidence.references, objectives, settings.first, settings.test_confidence
        )
    short_on_validation = _below_minimum(kinds.metrics(evidence.validation["challenger"], objectives), settings)
    if short_on_validation or guardrails.unfit:
        reason = "; on validation ".join(["no test on the holdout is spent on it", *short_on_validation])
        return Verdict(decision="hold", reasons=[reason])
    return _decide_against_champion(replace(evidence, not_comparable=not_comparable), settings)


def _below_minimum(metrics: dict[str, float], settings: GateSettings) -> list[str]:
    """Return a text for each metric that falls short of its minimum."""
    texts = []
    for name, bound in settings.minimum.items():
        if kinds.better(name) * (metrics[name] - bound) < 0:
            relation = "below the minimum" if kinds.better(name) > 0 else "above the most allowed,"
            texts.append(f"{name} {metrics[name]:.4f} is {relation} {bound}")
    return texts


def _other_tokens(tables: Mapping[str, Tables], objectives: list[Objective]) -> dict[str, str]:
    """Return a reason for each role whose losses cannot be compared, since they are of other tokens than the challenger's."""
    names = [o.name for o in objectives if kinds.form_of(o) == "losses"]
    tokens = {role: [by_name[name]["tokens"].tolist() for name in names] for role, by_name in tables.items()}
    return {
        role: "counts other tokens in the same texts (another tokenizer, or train.max_length)"
        for role in tables
        if tokens[role] != tokens["challenger"]
    }


def _decide_against_champion(evidence: Evidence, settings: GateSettings) -> Verdict:
    """Test the claims that validation makes likely, if the year's tests have left enough of its error budget."""
    costs = evidence.costs
    assert costs is not None
    cost = f"{'' if costs.cheaper else 'not shown to be 10 % '}cheaper: {costs}"
    num_tests, percent_spent = evidence.budget.num_tests, 100 * evidence.budget.alpha_spent / settings.budget
    budget = f"{num_tests} tests have spent {percent_spent:.3g} % of the year's error budget"
    screening = evidence.check_claims(evidence.validation, settings.margin, SCREENING_CONFIDENCE)
    possible: tuple[Claim, ...] = ("cheaper", "better") if costs.cheaper else ("better",)
    likely = [claim for claim in possible if screening.shows(claim)]
    alpha = evidence.alpha(likely, settings) if likely else 0.0
    if by_fresh_rows := _decide_by_fresh_rows(evidence, screening, settings, cost):
        verdict = by_fresh_rows
    elif not likely:
        doubts = "; ".join(screening.doubts[possible[0]])
        reason = f"no test on the holdout is spent on it ({budget}): on validation {doubts}"
        verdict = Verdict(decision="hold", reasons=[reason, cost], spent=num_tests)
    elif alpha < MIN_ALPHA:
        reason = (
            f"validation says that it is worth a test, but {budget}: "
            "`nightshift holdout rotate` takes the next sealed holdout"
        )
        verdict = Verdict(decision="hold", reasons=[reason, cost], spent=num_tests)
    else:
        verdict = _test_on_holdout(evidence, settings, likely, alpha, cost)
    if gap := describe_gap(evidence.holdout, evidence.validation, evidence.objectives, settings.test_confidence):
        verdict = verdict.model_copy(update={"reasons": [*verdict.reasons, gap]})
    verdict = _with_weights(verdict, evidence.holdout["challenger"], settings)
    if ROLLED_BACK in evidence.not_comparable:
        note = f"not compared with the version that was rolled back: it {evidence.not_comparable[ROLLED_BACK]}"
        verdict = verdict.model_copy(update={"reasons": [*verdict.reasons, note]})
    compared = _compared(screening.difference, SCREENING_CONFIDENCE)
    return verdict.model_copy(update={"margin": settings.margin, "validation": compared})


def _with_weights(verdict: Verdict, tables: Tables, settings: GateSettings) -> Verdict:
    """Return the verdict with the effective number of holdout rows, if rows have weights."""
    if settings.weight == "equal":
        return verdict
    rows, effective = (sum(map(count, tables.values())) for count in (len, row_weights.effective_rows))
    reason = (
        f"rows weigh half as much after each {settings.half_life_days:g} days: the {rows:,} rows of the holdout tell as much as "
        f"{effective:,.0f} that weigh the same (gate.weight: recent)"
    )
    return verdict.model_copy(update={"reasons": [*verdict.reasons, reason], "effective_rows": round(effective, 1)})


def _decide_by_fresh_rows(
    evidence: Evidence, screening: ClaimResults, settings: GateSettings, cost: str
) -> Verdict | None:
    """Return the decision by new rows; None if the holdout may still decide.

    They show that retraining is better. Tonight's challenger is promoted if neither side says that it is worse.

    Args:
        evidence: Predictions, and the evidence from new rows.
        screening: Results on validation.
        settings: Settings of the gate.
        cost: The comparison of the costs in words.
    """
    fresh, reason = evidence.fresh, "new rows do not show yet that retraining is better (gate.evidence: fresh)"
    if fresh and fresh.shown:
        holdout = evidence.check_claims(evidence.holdout, settings.margin, SCREENING_CONFIDENCE)
        differences = screening.difference.difference, holdout.difference.difference
        estimates = "{:+.4f} on validation and {:+.4f} on the holdout".format(*differences)
        reason = f"new rows show that retraining is better, but tonight's challenger differs by {estimates}"
        if min(differences) >= 0:
            reason = f"better: new rows show that retraining is, and tonight's challenger differs by {estimates}"
            num_tests = evidence.budget.num_tests
            return Verdict(
                decision="promote", claim="better", evidence="fresh", reasons=[reason, cost], spent=num_tests
            )
    if fresh and settings.evidence == "fresh":
        return Verdict(decision="hold", reasons=[reason, cost], spent=evidence.budget.num_tests)
    return None


def describe_fresh(fresh: FreshEvidence) -> str:
    """Return the evidence from new rows in words."""
    latest = f"none tonight: {fresh.note}" if fresh.note else f"{fresh.new_rows:,} of them tonight"
    return (
        f"new rows: evidence 1 : {fresh.wealth:.3g} that retraining is better, 1 : {fresh.required:.3g} is needed; "
        f"{fresh.rows:,} rows in {fresh.runs} nights, {latest}"
    )


def _test_on_holdout(
    evidence: Evidence, settings: GateSettings, likely: list[Claim], alpha: float, cost: str
) -> Verdict:
    """Test the likely claims on the holdout.

    If both are likely and the anchor takes a limit of its own, the two limits share the test's alpha.

    Args:
        evidence: Predictions, and the tests so far.
        settings: Settings of the gate.
        likely: The claims that validation shows, at least one.
        alpha: Error probability that the test may spend.
        cost: The comparison of the costs in words.
    """
    num_limits = 2 if len(likely) > 1 and has_other_anchor(evidence.holdout) else 1
    confidence = 1 - alpha / num_limits
    result = evidence.check_claims(evidence.holdout, settings.margin, confidence)
    difference = describe(result.difference, evidence.objectives, confidence)
    claim: Claim | None = None
    if result.shows("better") and ("better" in likely or result.shows("cheaper")):
        claim, reasons = "better", [f"better: {difference}", cost]
    elif "cheaper" in likely and result.shows("cheaper"):
        claim = "cheaper"
        reasons = [f"{cost}; not worse by {settings.margin} than champion or anchor: {difference}"]
    else:
        reasons = [*result.doubts[likely[0]], cost]
    return Verdict(
        decision="promote" if claim else "hold",
        claim=claim,
        evidence="holdout" if claim else None,
        reasons=reasons,
        spent=evidence.budget.num_tests + 1,
        tested=likely[0],
        alpha=alpha,
        confidence=confidence,
        difference=result.difference.difference,
        interval=(result.difference.lower, result.difference.upper),
    )


def _compared(difference: Difference, confidence: float) -> Compared:
    limits = difference.lower, difference.upper
    return Compared(difference=difference.difference, interval=limits, confidence=confidence)


def _artifact(name: str, number: str) -> tuple[str | None, str | None]:
    """Return the digest of the candidates that a version was chosen from, and the name of the chosen one."""
    version_tags = model_registry.version(name, number).tags
    return version_tags.get(tags.COMPRESSED), version_tags.get(tags.RECIPE)


@stage
def gate(
    folder: Path,
    registered: Registered,
    registry_state: RegistryState,
    objectives: list[Objective],
    evaluated: Evaluated,
    gate: GateSettings,
    spread: float | None = None,
    fresh: FreshRows | None = None,
    timestamp_formats: Mapping[str, Sequence[str]] | None = None,
) -> Verdict:
    """Run challenger, champion, anchor and a rolled-back version, as registered, on this run's holdout, and decide.

    Args:
        folder: New folder of the store for the tables.
        registered: The challenger.
        registry_state: Champion, anchor, rolled-back version, and the year's tests so far.
        objectives: Objectives of the run.
        evaluated: Holds the tables of the dummy and the baseline.
        gate: Settings of the gate.
        spread: Standard deviation of the metric over seeds, which is reported; None for one seed.
        fresh: Evidence from new rows; None if they are not used.
        timestamp_formats: Formats of the times by objective (`data.timestamp_format`); without one they are recognised.
    """
    tracking.connect()
    served, tables, not_comparable = predict_versions(registered, registry_state, objectives)
    references = _references(evaluated, objectives)
    num_removed = _drop_trained_rows(tables, references, objectives, registered, registry_state)
    holdout = tables["holdout"]
    for role, by_objective in holdout.items():
        scoring.write(by_objective, folder / role)
    (folder / "validation").mkdir()
    for role, by_objective in tables["validation"].items():
        scoring.write(by_objective, folder / "validation" / role)
    (folder / "measured").mkdir()
    answering = {role: served[role] for role in ROLES if role in holdout}
    costs, times = _measure_latency(registered, registry_state, answering, objectives, gate)
    guardrails = _check_guardrails(served["challenger"], times, holdout, objectives, gate, timestamp_formats or {})
    if not model_registry.has_trained_keys(registered.name, registered.version):
        reason = f"version {registered.version} keeps no digests of its training rows: it may know the holdout"
        guardrails = replace(guardrails, unfit=[reason, *guardrails.unfit])
    if len(guardrails.regressions):
        path = folder / "measured" / prediction_changes.FILE
        artifact_store.write_csv(escaping.spreadsheet(guardrails.regressions), path)
    compared = tables
    if gate.weight == "recent" and "champion" in holdout:
        compared = {
            side: _weighted(by_role, side, objectives, gate.half_life_days, timestamp_formats or {})
            for side, by_role in tables.items()
        }
    evidence = Evidence(
        compared["holdout"],
        compared["validation"],
        objectives,
        costs,
        references,
        registry_state.budget,
        not_comparable,
        fresh.evidence(gate.budget) if fresh else None,
    )
    verdict = decide(evidence, gate, guardrails)
    return verdict.model_copy(
        update={
            "reasons": [*verdict.reasons, *_removal_notes(num_removed, objectives)],
            "champion_version": registry_state.champion,
            "seen": num_removed,
            "spread": spread,
        }
    )


def _weighted(
    by_role: Mapping[str, Tables],
    side: str,
    objectives: list[Objective],
    half_life_days: float,
    formats: Mapping[str, Sequence[str]],
) -> dict[str, Tables]:
    """Return the tables of a side with the weights of their rows; roles that share tables still do.

    Args:
        by_role: Tables by role.
        side: The side.
        objectives: Objectives of the run.
        half_life_days: Days in which a weight halves.
        formats: Formats of the times by objective.

    Raises:
        InputError: A row has no time that can be read.
    """
    weights = {
        o.name: _age_weights(by_role["challenger"][o.name], side, o, half_life_days, formats.get(o.name, ()))
        for o in objectives
    }
    weighted = {
        id(tables): {name: table.assign(**{row_weights.WEIGHT: weights[name]}) for name, table in tables.items()}
        for tables in by_role.values()
    }
    return {role: weighted[id(tables)] for role, tables in by_role.items()}


def _age_weights(
    table: pd.DataFrame, side: str, objective: Objective, half_life_days: float, formats: Sequence[str]
) -> np.ndarray:
    """Return the weights of the rows of a table by their age.

    Args:
        table: Predictions of an objective's rows.
        side: Their side.
        objective: The objective.
        half_life_days: Days in which a weight halves.
        formats: Formats of the times.
    """
    times = recency.row_times(table, scoring.side_of(objective, side), formats)
    if times is None:
        raise InputError(f"gate.weight: recent needs a time in each row of {side}: data.timestamp")
    return row_weights.age_weights(times, half_life_days)


def _drop_trained_rows(
    tables: Mapping[str, dict[str, Tables]],
    references: References,
    objectives: list[Objective],
    registered: Registered,
    registry_state: RegistryState,
) -> int:
    """Remove the rows that a compared version was trained on from all tables, in place.

    Returns:
        How many rows of the holdout were removed.

    Raises:
        InputError: No row is left.
    """
    keys = trained_keys(registered, registry_state)
    keys |= {key for objective in objectives for key in keys_known_by_raw_text(objective, keys)}
    num_removed = {side: drop_rows(by_role, keys) for side, by_role in tables.items()}
    if any(table.empty for by_role in tables.values() for table in by_role["challenger"].values()):
        raise InputError(
            f"gate: version {registered.version}, the champion or the anchor was trained on every row that "
            "could judge; give other rows as holdout"
        )
    for reference in (references.dummy, references.baseline):
        drop_rows({"challenger": reference}, keys)
    return num_removed["holdout"]


def _removal_notes(num_removed: int, objectives: list[Objective]) -> list[str]:
    """Return a note on the rows of the holdout that were removed; none if there are none."""
    if not num_removed:
        return []
    rows = sum(o.sides.holdout for o in objectives)
    return [
        f"{num_removed:,} of {rows:,} holdout rows do not count: the challenger, the champion or the anchor was trained "
        "on them"
    ]


def _references(evaluated: Evaluated, objectives: list[Objective]) -> References:
    folder = artifact_store.folder(evaluated)
    with_baseline = [o for o in objectives if o.name in evaluated.baselines]
    return References(
        scoring.read(folder / "dummy", objectives),
        scoring.read(folder / "baseline", with_baseline),
        evaluated.baselines,
        evaluated.left_out,
    )


def _measure_latency(
    registered: Registered,
    registry_state: RegistryState,
    answering: Mapping[str, VersionPredictor],
    objectives: list[Objective],
    gate: GateSettings,
) -> tuple[LatencyComparison | None, list[float]]:
    """Return the comparison with a champion that answers, and the challenger's times, ms a text."""
    objective = scoring.timed_objective(objectives)
    calls = [version.prediction_function(objective) for version in answering.values()]
    times = measure_latencies(calls, *scoring.timed_texts(objective))
    if registry_state.champion is None or "champion" not in answering:
        return None, times[0]
    is_same = _artifact(registered.name, registered.version) == _artifact(registered.name, registry_state.champion)
    ratio = 1.0 if is_same else significance.ratio_limit(times[0], times[1], gate.cost_confidence)
    medians = float(np.median(times[0])), float(np.median(times[1]))
    return LatencyComparison(*medians, ratio, gate.cost_confidence), times[0]


def _newest_rows(
    tables: Tables, holdouts: Mapping[str, pd.DataFrame], days: int, formats: Mapping[str, Sequence[str]]
) -> dict[str, RowSubset]:
    """Return the rows of the last days by objective; none if an objective's rows have no times, or all rows are as new.

    Args:
        tables: Predictions by objective.
        holdouts: Their rows by objective.
        days: Days before the newest row.
        formats: Formats of the times by objective.
    """
    times: dict[str, pd.Series] = {}
    for name, table in tables.items():
        of_objective = recency.row_times(table, holdouts[name], formats.get(name, ()))
        if of_objective is None:
            return {}
        times[name] = of_objective
    positions = recency.newest_positions(times, days)
    if all(len(positions[name]) == len(table) for name, table in tables.items()):
        return {}
    value = "last day" if days == 1 else f"last {days} days"
    return {name: RowSubset("time", value, rows) for name, rows in positions.items() if len(rows)}


def _check_guardrails(
    challenger: VersionPredictor,
    times: list[float],
    tables: Mapping[str, Tables],
    objectives: list[Objective],
    gate: GateSettings,
    timestamp_formats: Mapping[str, Sequence[str]],
) -> GuardrailResult:
    """Check the guardrails; slices and prediction changes only against a champion that can be compared.

    Args:
        challenger: The challenger, as registered.
        times: Its latency, ms a text.
        tables: Predictions on the holdout by role.
        objectives: Objectives of the run.
        gate: Settings of the gate.
        timestamp_formats: Formats of the rows' times by objective.
    """
    keys = {o.name: tables["challenger"][o.name]["row_key"] for o in objectives}
    sides = {o.name: scoring.side_of(o, "holdout") for o in objectives}
    holdouts = {name: side[side["row_key"].isin(keys[name])].reset_index(drop=True) for name, side in sides.items()}
    typo_tables: Tables = {}
    if gate.max_typo_drop is not None:
        typo_tables = {o.name: challenger.table(with_typos(holdouts[o.name]), o) for o in objectives}
    costs = {"max_latency_ms": float(np.percentile(times, 95)), "max_size_mb": challenger.size_mb()}
    champion = None if "champion" in _other_tokens(tables, objectives) else tables.get("champion")
    newest = _newest_rows(tables["challenger"], holdouts, gate.recent_days, timestamp_formats)
    measured = GuardrailMeasurements(costs, typo_tables, newest)
    return check_guardrails(tables["challenger"], champion, holdouts, objectives, measured, gate, gate.confidence)

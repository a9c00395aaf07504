"""The gate: a pure decision from both models' predictions on the same rows, costs and settings.

The first version must be shown to beat the dummy and guessing, and not be below the baseline (`tasks.gate.first_version`).
Later ones claim to be *better* or *cheaper*. A test on the holdout is spent only on a claim that validation makes
likely, and takes a part of what the year's tests have left of its error budget (a union bound, `nightshift.evaluation.error_budget`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from nightshift.errors import SettingsError
from nightshift.evaluation import (
    error_budget,
    kinds,
    row_weights,
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
from nightshift.evaluation.prediction_tables import Tables
from nightshift.records import (
    BudgetState,
    Claim,
    Compared,
    FreshEvidence,
    Objective,
    Verdict,
)
from tasks.gate.first_version import References, decide_first
from tasks.gate.guardrails import (
    NO_GUARDRAILS,
    GuardrailResult,
)
from tasks.gate.settings import GateSettings

MIN_ALPHA = 1e-9
"""Smallest error probability of a test; less is left only of a budget that was spent by tests of older versions."""


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
    not_comparable = dict(evidence.not_comparable) | other_tokens(holdout, objectives)
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


def other_tokens(tables: Mapping[str, Tables], objectives: list[Objective]) -> dict[str, str]:
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

"""The choice among measured candidates: validation qualifies, the holdout confirms, the cheapest confirmed one wins.

From cautious to bold, stopping at the first failure: a fixed sequence of tests needs no correction. If the holdout is
too small to confirm any, the most cautious one is put forward as unconfirmed.
"""

from dataclasses import dataclass

from nightshift.evaluation import kinds, significance
from nightshift.evaluation.prediction_tables import Tables
from nightshift.records import Candidate, Objective
from tasks.compress.settings import SelectionSettings

TIE = 0.9
"""Costs within 10 % are ties."""
TESTS = 3
"""Candidates that the holdout tests: the most cautious, the boldest and one between."""


@dataclass(eq=False)
class _Decision:
    """The decision about one candidate while it is made."""

    candidate: Candidate
    reasons: list[str]
    qualifies: bool
    confirmed: bool = False
    difference: float = 0.0
    lower: float = 0.0

    @property
    def name(self) -> str:
        return self.candidate.name

    @property
    def latency(self) -> float:
        return self.candidate.latency_ms_p50

    def quality(self, metric: str) -> float:
        """Return the metric on validation, negated if less is better."""
        return kinds.better(metric) * self.candidate.validation[metric]

    def decided(self, is_chosen: bool) -> Candidate:
        """Return the candidate with the decision about it."""
        return self.candidate.model_copy(
            update={
                "qualifies": self.qualifies,
                "confirmed": self.confirmed,
                "difference": self.difference,
                "lower": self.lower,
                "chosen": is_chosen,
                "why": "; ".join([*self.reasons, *["put forward"] * is_chosen]),
            }
        )


def choose(
    full: Candidate,
    candidates: list[Candidate],
    holdouts: dict[str, Tables],
    objectives: list[Objective],
    settings: SelectionSettings,
) -> list[Candidate]:
    """Return full and the candidates with the decisions about them; exactly one is chosen.

    Args:
        full: The uncompressed model, measured.
        candidates: Its smaller forms, measured.
        holdouts: By name, the predictions of each on the same rows.
        objectives: What is compared.
        settings: Losses and targets.
    """
    metric = kinds.primary(objectives)
    reference = _Decision(full, ["the reference"], qualifies=True, confirmed=True)
    decisions = [_qualify(candidate, full, metric, settings) for candidate in candidates]
    sequence = _cautious_to_bold(decisions, metric)
    rows_needed = _confirm(sequence, reference, holdouts, objectives, settings)
    confirmed = [decision for decision in sequence if decision.confirmed]
    if confirmed:
        best = _cheapest(confirmed, metric)
    elif sequence and rows_needed and settings.allow_unconfirmed:
        best = sequence[0]
        best.reasons.append(
            f"unconfirmed: about {rows_needed:,} holdout rows would be needed to rule out a drop of {settings.max_drop}"
        )
    else:
        best = reference
        if missed_targets := _missed_targets(full, full, settings):
            best.reasons.append(f"no candidate was confirmed within the targets: {', '.join(missed_targets)}")
    return [decision.decided(decision is best) for decision in (reference, *decisions)]


def _qualify(candidate: Candidate, full: Candidate, metric: str, settings: SelectionSettings) -> _Decision:
    """Return whether a candidate qualifies by its metric on validation and its costs."""
    is_near, reason = compare_to_full(candidate.validation[metric], full.validation[metric], metric, settings.keep)
    missed_targets = _missed_targets(candidate, full, settings)
    return _Decision(candidate, [reason, *missed_targets], qualifies=is_near and not missed_targets)


def compare_to_full(value: float, reference: float, metric: str, keep: float) -> tuple[bool, str]:
    """Return whether a candidate's metric is near enough to full's, and that in words.

    Args:
        value: The candidate's metric on validation; a weighted sum or a correlation may be negative.
        reference: Full's.
        metric: Its name.
        keep: The share of full's metric that a candidate must keep.
    """
    bound = reference / keep if kinds.better(metric) < 0 else reference - (1 - keep) * abs(reference)
    is_near = kinds.better(metric) * (value - bound) >= 0
    ratio = value / reference if reference else 1.0
    words = f"keeps {ratio ** kinds.better(metric):.1%} of full's {metric} on validation"
    if metric == kinds.WEIGHTED or ratio <= 0:
        words = f"{metric} {value:.4f} on validation, full's is {reference:.4f}"
    return is_near, words if is_near else f"{words}, below {keep:.0%}"


def _missed_targets(candidate: Candidate, full: Candidate, settings: SelectionSettings) -> list[str]:
    """Return the targets that a candidate misses, in words."""
    speedup = full.latency_ms_p50 / candidate.latency_ms_p50
    missed_targets = []
    if settings.min_speedup is not None and speedup < settings.min_speedup:
        missed_targets.append(f"{speedup:.1f} times as fast as full, wanted {settings.min_speedup}")
    if settings.max_latency_ms is not None and candidate.latency_ms_p95 > settings.max_latency_ms:
        missed_targets.append(f"{candidate.latency_ms_p95:.2f} ms at p95, wanted at most {settings.max_latency_ms}")
    if settings.max_size_mb is not None and candidate.size_mb > settings.max_size_mb:
        missed_targets.append(f"{candidate.size_mb:.1f} MB, wanted at most {settings.max_size_mb}")
    return missed_targets


def _cautious_to_bold(decisions: list[_Decision], metric: str) -> list[_Decision]:
    """Return the qualifying candidates on the Pareto front of latency and metric, the dearest first; of many three."""
    front: list[_Decision] = []
    qualifying = [decision for decision in decisions if decision.qualifies]
    for decision in sorted(qualifying, key=lambda d: (d.latency, -d.quality(metric), d.name)):
        better = next((d for d in front if d.quality(metric) >= decision.quality(metric)), None)
        if better:
            decision.reasons.append(f"{better.name} is cheaper and no worse")
        else:
            front.append(decision)
    if len(front) <= TESTS:
        return front[::-1]
    sequence = [front[-1], front[len(front) // 2], front[0]]
    for decision in front:
        if decision not in sequence:
            decision.reasons.append(f"not tested: {TESTS} others stand for those that qualify")
    return sequence


def _confirm(
    sequence: list[_Decision],
    full: _Decision,
    holdouts: dict[str, Tables],
    objectives: list[Objective],
    settings: SelectionSettings,
) -> int | None:
    """Test the sequence against full on the holdout, up to the first failure.

    Returns:
        The rows that a test would need, if the first one failed because the holdout has too few; None if all passed, or
        if even these few rows show a larger drop.
    """
    for index, decision in enumerate(sequence):
        pair = holdouts[decision.name], holdouts[full.name], objectives
        difference = significance.compare(*pair, settings.confidence)
        decision.difference, decision.lower = difference.difference, difference.lower
        if difference.lower > -settings.max_drop:
            decision.confirmed = True
            drop = max(0.0, -difference.lower)
            decision.reasons.append(f"confirmed: at most {drop:.4f} worse than full on the holdout")
            continue
        decision.reasons.append(f"not confirmed: up to {-difference.lower:.4f} worse than full on the holdout")
        for bolder in sequence[index + 1 :]:
            bolder.reasons.append(f"not tested after {decision.name} failed")
        rows_needed = significance.required_rows(*pair, difference, settings.max_drop, settings.confidence)
        rows = len(holdouts[full.name][objectives[0].name])
        is_open = index == 0 and difference.upper >= -settings.max_drop
        return rows_needed if is_open and rows_needed and rows < rows_needed else None
    return None


def _cheapest(decisions: list[_Decision], metric: str) -> _Decision:
    fastest = min(decision.latency for decision in decisions)
    tied = [decision for decision in decisions if decision.latency * TIE <= fastest]
    return min(tied, key=lambda decision: (-decision.quality(metric), decision.name))

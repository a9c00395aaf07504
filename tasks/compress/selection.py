"""The choice among measured candidates: validation qualifies, the holdout confirms, the cheapest confirmed one wins.

From cautious to bold, stopping at the first failure: a fixed sequence of tests needs no correction. Where the holdout
is too small to confirm any, the most cautious is put forward as unconfirmed.
"""

from pydantic import Field

from nightshift.evaluation import kinds, significance
from nightshift.evaluation.significance import Tables
from nightshift.records import Candidate, Objective, Settings

TIE = 0.9
"""Costs within 10 % are ties."""
TESTS = 3
"""Candidates that the holdout tests: the most cautious, the boldest and one between."""


class Bounds(Settings):
    """What a candidate may lose, and the targets that it must reach."""

    keep: float = Field(0.99, gt=0, le=1)
    """Fraction of the full model's gate metric on validation that a candidate must keep."""
    max_drop: float = Field(0.02, gt=0)
    """Drop of the metric, in its unit, that the test on the holdout must rule out."""
    confidence: float = Field(0.95, gt=0.5, lt=1)
    """Confidence level of this one-sided test."""
    allow_unconfirmed: bool = True
    """True to allow a candidate that the holdout has too few rows to confirm."""
    min_speedup: float | None = Field(None, gt=1)
    """Target: minimum speedup over the full model for a single text; if not set, no target."""
    max_latency_ms: float | None = Field(None, gt=0)
    """Target: maximum 95th percentile of the latency of a single text, in milliseconds; if not set, no target."""
    max_size_mb: float | None = Field(None, gt=0)
    """Target: maximum size of the model file, in MB (10^6 bytes); if not set, no target."""


def choose(
    full: Candidate,
    candidates: list[Candidate],
    holdouts: dict[str, Tables],
    objectives: list[Objective],
    bounds: Bounds,
) -> Candidate:
    """Decide which candidate is put forward, and write on each why; pure but for those remarks.

    `holdouts` holds each candidate's answers on the same rows, by name.
    """
    metric = kinds.primary(objectives)
    for candidate in candidates:
        near, candidate.why = kept(candidate.validation[metric], full.validation[metric], metric, bounds.keep)
        missed = _missed(candidate, full, bounds)
        candidate.qualifies = near and not missed
        candidate.why += "".join(f"; {words}" for words in missed)
    full.qualifies = full.confirmed = True
    full.why = "the reference"
    sequence = _cautious_to_bold(candidates, metric)
    needed = _confirm(sequence, full, holdouts, objectives, bounds)
    confirmed = [candidate for candidate in sequence if candidate.confirmed]
    if confirmed:
        best = _cheapest(confirmed, metric)
    elif sequence and needed and bounds.allow_unconfirmed:
        best = sequence[0]
        best.why += (
            f"; unconfirmed: about {needed:,} holdout rows would be needed to rule out a drop of {bounds.max_drop}"
        )
    else:
        best = full
    if best is full and (missed := _missed(full, full, bounds)):
        best.why += "; no candidate was confirmed within the targets: " + ", ".join(missed)
    best.chosen = True
    best.why += "; put forward"
    return best


def kept(value: float, reference: float, metric: str, keep: float) -> tuple[bool, str]:
    """Whether a metric is near enough to full's, and that in words; a weighted sum or a correlation may be negative."""
    bound = reference / keep if kinds.better(metric) < 0 else reference - (1 - keep) * abs(reference)
    near = kinds.better(metric) * (value - bound) >= 0
    ratio = value / reference if reference else 1.0
    words = f"keeps {ratio ** kinds.better(metric):.1%} of full's {metric} on validation"
    if metric == kinds.WEIGHTED or ratio <= 0:
        words = f"{metric} {value:.4f} on validation, full's is {reference:.4f}"
    return near, words if near else f"{words}, below {keep:.0%}"


def _missed(candidate: Candidate, full: Candidate, bounds: Bounds) -> list[str]:
    """The targets that a candidate does not reach, in words."""
    speedup = full.latency_ms_p50 / candidate.latency_ms_p50
    found = (
        (bounds.min_speedup is not None and speedup < bounds.min_speedup,
         f"{speedup:.1f} times as fast as full, wanted {bounds.min_speedup}"),
        (bounds.max_latency_ms is not None and candidate.latency_ms_p95 > bounds.max_latency_ms,
         f"{candidate.latency_ms_p95:.2f} ms at p95, wanted at most {bounds.max_latency_ms}"),
        (bounds.max_size_mb is not None and candidate.size_mb > bounds.max_size_mb,
         f"{candidate.size_mb:.1f} MB, wanted at most {bounds.max_size_mb}"),
    )  # fmt: skip
    return [words for missed, words in found if missed]


def _quality(candidate: Candidate, metric: str) -> float:
    return kinds.better(metric) * candidate.validation[metric]


def _cautious_to_bold(candidates: list[Candidate], metric: str) -> list[Candidate]:
    """Qualifying candidates that nothing beats in both cost and validation metric, the dearest first; of many three."""
    front: list[Candidate] = []
    ranked = sorted(
        (c for c in candidates if c.qualifies), key=lambda c: (c.latency_ms_p50, -_quality(c, metric), c.name)
    )
    for candidate in ranked:
        better = next((c for c in front if _quality(c, metric) >= _quality(candidate, metric)), None)
        if better:
            candidate.why += f"; {better.name} is cheaper and no worse"
        else:
            front.append(candidate)
    if len(front) <= TESTS:
        return front[::-1]
    picked = [front[-1], front[len(front) // 2], front[0]]
    for candidate in front:
        if candidate not in picked:
            candidate.why += f"; not tested: {TESTS} others stand for those that qualify"
    return picked


def _confirm(
    sequence: list[Candidate],
    full: Candidate,
    holdouts: dict[str, Tables],
    objectives: list[Objective],
    bounds: Bounds,
) -> int | None:
    """Test the sequence against full on the holdout; returns the rows it would take where there are too few to tell.

    Where the rows say that the drop is larger, they have told.
    """
    for place, candidate in enumerate(sequence):
        pair = holdouts[candidate.name], holdouts[full.name], objectives
        difference = significance.compare(*pair, bounds.confidence)
        candidate.difference, candidate.lower = difference.difference, difference.lower
        if difference.lower > -bounds.max_drop:
            candidate.confirmed = True
            candidate.why += f"; confirmed: at most {max(0.0, -difference.lower):.4f} worse than full on the holdout"
            continue
        candidate.why += f"; not confirmed: up to {-difference.lower:.4f} worse than full on the holdout"
        for bolder in sequence[place + 1 :]:
            bolder.why += f"; not tested after {candidate.name} failed"
        needed = significance.rows_to_tell(*pair, difference, bounds.max_drop, bounds.confidence)
        rows = len(holdouts[full.name][objectives[0].name])
        untold = place == 0 and difference.upper >= -bounds.max_drop
        return needed if untold and needed and rows < needed else None
    return None


def flips(first: Tables, second: Tables, objectives: list[Objective]) -> int:
    """Rows of which the two say something else; of numbers none is counted."""
    told = [o.name for o in objectives if o.kind == "classification"]
    return sum(int((first[name]["predicted"] != second[name]["predicted"]).sum()) for name in told)


def _cheapest(candidates: list[Candidate], metric: str) -> Candidate:
    least = min(candidate.latency_ms_p50 for candidate in candidates)
    tied = [candidate for candidate in candidates if candidate.latency_ms_p50 * TIE <= least]
    return min(tied, key=lambda c: (-_quality(c, metric), c.name))

"""The claims that a promotion can make, and tests of them on one side's rows.

*Better*: the true difference to the champion is above 0. *Cheaper*: the cost is at least 10 % lower, and the metric not
worse by the margin than the champion's and the anchor's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from nightshift.evaluation import kinds, significance
from nightshift.evaluation.confidence_limits import Difference
from nightshift.evaluation.prediction_tables import Tables
from nightshift.records import Claim, Objective

MAX_COST_RATIO = 0.9
"""Largest share of the champion's cost that counts as cheaper."""
SCREENING_CONFIDENCE = 0.9
"""Confidence at which validation must show a claim before a test on the holdout is spent on it: z above 1.28."""


@dataclass(frozen=True)
class LatencyComparison:
    """Latency of challenger and champion on the same texts, measured in turns."""

    challenger: float
    """Median, ms a text."""
    champion: float
    """Median, ms a text."""
    ratio: float
    """Upper one-sided limit of challenger / champion; 1 if both serve the same artifact."""
    confidence: float
    """Confidence of that limit."""

    @property
    def cheaper(self) -> bool:
        """Return True if a latency at least 10 % lower is shown."""
        return self.ratio <= MAX_COST_RATIO

    def __str__(self) -> str:
        limit = f"at most {self.ratio:.2f} of it" if isfinite(self.ratio) else "the holdout has too few texts to tell"
        return (
            f"{self.challenger:.2f} ms a text against the champion's {self.champion:.2f}, "
            f"at {format_percent(self.confidence)} {limit}"
        )


@dataclass(frozen=True)
class ClaimResults:
    """Results of testing both claims on one side's rows."""

    difference: Difference
    """Difference from the champion."""
    doubts: Mapping[Claim, list[str]]
    """Reasons why each claim is not shown, empty if it is; *cheaper* stands here for the part about the metric."""

    def shows(self, claim: Claim) -> bool:
        """Return True if the rows show a claim."""
        return not self.doubts[claim]


def check_claims(
    tables: Mapping[str, Tables],
    objectives: list[Objective],
    margin: float,
    confidence: float,
    not_comparable: Mapping[str, str],
    spread: float = 0.0,
) -> ClaimResults:
    """Test both claims on the same rows.

    Args:
        tables: Tables by role: challenger, champion, anchor.
        objectives: Objectives that are compared.
        margin: Largest drop below champion and anchor that *cheaper* allows.
        confidence: Confidence of each limit.
        not_comparable: Reasons why roles cannot be compared, by role.
        spread: Standard deviation of noise besides that of the rows.
    """

    def difference_to(role: str) -> Difference:
        difference = significance.compare(tables["challenger"], tables[role], objectives, confidence)
        return significance.widen(difference, spread, confidence)

    difference = difference_to("champion")
    doubts: dict[Claim, list[str]] = {"better": [], "cheaper": []}
    if not significance.is_better(tables["challenger"], tables["champion"], objectives, difference, confidence):
        doubts["better"] = [f"not shown to be better: {describe(difference, objectives, confidence)}"]
    for role in ("champion", "anchor"):
        if role in not_comparable:
            doubts["cheaper"].append(f"not compared with the {role}: it {not_comparable[role]}")
        elif role in tables:
            limit = difference_to(role) if role == "anchor" and has_other_anchor(tables) else difference
            if limit.lower <= -margin:
                doubts["cheaper"].append(_describe_margin(role, limit, tables, objectives, margin, confidence))
    return ClaimResults(difference, doubts)


def has_other_anchor(tables: Mapping[str, Tables]) -> bool:
    """Return True if the anchor is another version than the champion, so that it takes a limit of its own."""
    return "anchor" in tables and tables["anchor"] is not tables["champion"]


def describe(difference: Difference, objectives: list[Objective], confidence: float) -> str:
    """Return a text about a difference to the champion."""
    metric = kinds.primary(objectives)
    verb = "differs by" if kinds.better(metric) > 0 else "(less is better) improves by"
    return (
        f"{metric} {verb} {difference.difference:+.4f} from the champion's, "
        f"at {format_percent(confidence)} at least {difference.lower:+.4f}"
    )


def format_percent(confidence: float) -> str:
    """Return a confidence as 95 %, 99.875 %, 99.99986 %."""
    return f"{100 * confidence:.7g} %"


def _describe_margin(
    role: str,
    difference: Difference,
    tables: Mapping[str, Tables],
    objectives: list[Objective],
    margin: float,
    confidence: float,
) -> str:
    """Say that the limit is below the margin, and about how many rows would be enough to tell."""
    text = (
        f"may be {-difference.lower:.4f} worse than the {role} at {format_percent(confidence)}, more than the margin "
        f"{margin}"
    )
    required = significance.required_rows(
        tables["challenger"], tables[role], objectives, difference, margin, confidence
    )
    rows = len(tables["challenger"][objectives[0].name])
    return text + (f"; about {required:,} rows would tell, there are {rows:,}" if required and required > rows else "")

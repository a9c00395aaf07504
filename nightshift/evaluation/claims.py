"""The claims that a promotion can make, and tests of them on one side's rows.

*Better*: the true difference to the champion is above 0. *Cheaper*: the cost is at least 10 % lower, and the metric not
worse by the margin than the champion's and the anchor's. After a rollback a claim must also hold against the version that
was rolled back: the champion may be unlucky on these rows, and looked worse than it is.
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
ROLLED_BACK = "rolled_back"
"""Role of a version that was rolled back and not replaced by a better one since."""
NAMES = {ROLLED_BACK: "rolled-back version"}
"""Names of roles in texts, where they differ."""


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
) -> ClaimResults:
    """Test both claims on the same rows.

    Args:
        tables: Tables by role: challenger, champion, anchor, rolled_back.
        objectives: Objectives that are compared.
        margin: Largest drop below champion and anchor that *cheaper* allows.
        confidence: Confidence of each limit.
        not_comparable: Reasons why roles cannot be compared, by role.
    """
    challenger = tables["challenger"]
    differences = {
        role: significance.compare(challenger, tables[role], objectives, confidence)
        for role in _compared_roles(tables, not_comparable)
    }
    doubts: dict[Claim, list[str]] = {"better": [], "cheaper": []}
    for role in ("champion", ROLLED_BACK):
        difference = differences.get(role)
        if difference and not significance.is_better(challenger, tables[role], objectives, difference, confidence):
            doubts["better"].append(f"not shown to be better: {describe(difference, objectives, confidence, role)}")
    for role in ("champion", "anchor", ROLLED_BACK):
        if role in not_comparable and role != ROLLED_BACK:
            doubts["cheaper"].append(f"not compared with the {role}: it {not_comparable[role]}")
        elif role in differences and differences[role].lower <= -margin:
            doubts["cheaper"].append(_describe_margin(role, differences[role], tables, objectives, margin, confidence))
    return ClaimResults(differences["champion"], doubts)


def z_score(
    tables: Mapping[str, Tables],
    objectives: list[Objective],
    margin: float,
    claim: Claim,
    not_comparable: Mapping[str, str],
) -> float:
    """Return the smallest z of the comparisons that a claim needs.

    Args:
        tables: Tables by role, as for `check_claims`.
        objectives: Objectives that are compared.
        margin: Largest drop that *cheaper* allows.
        claim: The claim.
        not_comparable: Reasons why roles cannot be compared, by role.
    """
    bound = -margin if claim == "cheaper" else 0.0
    return min(
        significance.z_score(tables["challenger"], tables[role], objectives, bound, SCREENING_CONFIDENCE)
        for role in _compared_roles(tables, not_comparable)
        if claim == "cheaper" or role != "anchor"
    )


def _compared_roles(tables: Mapping[str, Tables], not_comparable: Mapping[str, str]) -> list[str]:
    """Return the roles that the challenger is compared with; an anchor that is the champion only once."""
    return [
        role
        for role in ("champion", "anchor", ROLLED_BACK)
        if role in tables and role not in not_comparable and (role != "anchor" or has_other_anchor(tables))
    ]


def has_other_anchor(tables: Mapping[str, Tables]) -> bool:
    """Return True if the anchor is another version than the champion, so that it takes a limit of its own."""
    return "anchor" in tables and tables["anchor"] is not tables["champion"]


def describe(difference: Difference, objectives: list[Objective], confidence: float, role: str = "champion") -> str:
    """Return a text about a difference to the champion, or to another role.

    Args:
        difference: The difference.
        objectives: Objectives that are compared.
        confidence: Confidence of its limits.
        role: Role of the version that the challenger is compared with.
    """
    metric = kinds.primary(objectives)
    verb = "differs by" if kinds.better(metric) > 0 else "(less is better) improves by"
    return (
        f"{metric} {verb} {difference.difference:+.4f} from the {NAMES.get(role, role)}'s, "
        f"at {format_percent(confidence)} at least {difference.lower:+.4f}"
    )


def describe_gap(
    holdout: Mapping[str, Tables], validation: Mapping[str, Tables], objectives: list[Objective], confidence: float
) -> str:
    """Return a text if the difference to the champion is not the same on both sides, by more than chance; else an empty one.

    Args:
        holdout: Tables by role.
        validation: Tables by role.
        objectives: Objectives that are compared.
        confidence: Confidence of the limits, which must not overlap.
    """
    on_holdout, on_validation = (
        significance.compare(tables["challenger"], tables["champion"], objectives, confidence)
        for tables in (holdout, validation)
    )
    if on_validation.upper < on_holdout.lower:
        favoured = "challenger"
    elif on_holdout.upper < on_validation.lower:
        favoured = "champion"
    else:
        return ""
    return (
        f"the {favoured} does better on the holdout than on validation, by more than chance explains: the challenger differs by "
        f"{on_holdout.difference:+.4f} and {on_validation.difference:+.4f}; unless the sides are of other times or sources, "
        "one of the two may know rows of a side"
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
        f"may be {-difference.lower:.4f} worse than the {NAMES.get(role, role)} at {format_percent(confidence)}, more than the margin "
        f"{margin}"
    )
    required = significance.required_rows(
        tables["challenger"], tables[role], objectives, difference, margin, confidence
    )
    rows = len(tables["challenger"][objectives[0].name])
    return text + (f"; about {required:,} rows would tell, there are {rows:,}" if required and required > rows else "")

"""What a promotion claims, and whether answers on one side's rows show it.

*Better*: the true difference to the champion is above 0. *Cheaper*: the cost is at least 10 % lower, and the metric not
worse by the margin than the champion's and the anchor's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from nightshift.evaluation import kinds, significance
from nightshift.evaluation.confidence_limits import Difference
from nightshift.evaluation.significance import Tables
from nightshift.records import Claim, Objective

CHEAPER = 0.9
"""The most of the champion's cost that counts as cheaper."""
SCREEN = 0.9
"""Confidence at which validation must show a claim before a test on the holdout is spent on it: z above 1.28."""


@dataclass(frozen=True)
class Costs:
    """What challenger and champion cost on the same texts, asked in turns."""

    challenger: float
    """Median, ms a text."""
    champion: float
    ratio: float
    """Upper one-sided limit of the challenger's share of the champion's cost; 1 where both serve the same artifact."""
    confidence: float
    """Of that limit."""

    @property
    def cheaper(self) -> bool:
        """Whether a cost at least 10 % lower is shown."""
        return self.ratio <= CHEAPER

    def __str__(self) -> str:
        limit = f"at most {self.ratio:.2f} of it" if isfinite(self.ratio) else "the holdout has too few texts to tell"
        return (
            f"{self.challenger:.2f} ms a text against the champion's {self.champion:.2f}, "
            f"at {percent(self.confidence)} {limit}"
        )


@dataclass(frozen=True)
class Examined:
    """What one side's rows say to both claims."""

    difference: Difference
    """From the champion."""
    doubts: Mapping[Claim, list[str]]
    """Why each claim is not shown; empty where it is. That of the cost is not asked here."""

    def shown(self, claim: Claim) -> bool:
        """Return whether the rows show a claim."""
        return not self.doubts[claim]


def examine(
    tables: Mapping[str, Tables],
    objectives: list[Objective],
    margin: float,
    confidence: float,
    barred: Mapping[str, str],
    spread: float = 0.0,
) -> Examined:
    """Ask the answers on the same rows which claims they show.

    Args:
        tables: The answers by role: challenger, champion, anchor.
        objectives: What is compared.
        margin: How much worse than champion and anchor *cheaper* may be.
        confidence: Of each limit.
        barred: Why a role cannot be compared, by role.
        spread: A standard deviation that is noise besides that of the rows.
    """

    def against(role: str) -> Difference:
        difference = significance.compare(tables["challenger"], tables[role], objectives, confidence)
        return significance.widened(difference, spread, confidence)

    difference = against("champion")
    doubts: dict[Claim, list[str]] = {"better": [], "cheaper": []}
    if not significance.better(tables["challenger"], tables["champion"], objectives, difference, confidence):
        doubts["better"] = [f"not shown to be better: {told(difference, objectives, confidence)}"]
    for role in ("champion", "anchor"):
        if role in barred:
            doubts["cheaper"].append(f"not compared with the {role}: it {barred[role]}")
        elif role in tables:
            limit = against(role) if role == "anchor" and anchored(tables) else difference
            if limit.lower <= -margin:
                doubts["cheaper"].append(_too_wide(role, limit, tables, objectives, margin, confidence))
    return Examined(difference, doubts)


def anchored(tables: Mapping[str, Tables]) -> bool:
    """Return whether the anchor is another version than the champion, so that it takes a limit of its own."""
    return "anchor" in tables and tables["anchor"] is not tables["champion"]


def told(difference: Difference, objectives: list[Objective], confidence: float) -> str:
    """A difference to the champion in words."""
    metric = kinds.primary(objectives)
    verb = "differs by" if kinds.better(metric) > 0 else "(less is better) improves by"
    return (
        f"{metric} {verb} {difference.difference:+.4f} from the champion's, "
        f"at {percent(confidence)} at least {difference.lower:+.4f}"
    )


def percent(confidence: float) -> str:
    """95 %, 99.875 %, 99.99986 %."""
    return f"{100 * confidence:.7g} %"


def _too_wide(
    role: str,
    difference: Difference,
    tables: Mapping[str, Tables],
    objectives: list[Objective],
    margin: float,
    confidence: float,
) -> str:
    """That the limit leaves more than the margin open, and about how many rows would tell."""
    text = (
        f"may be {-difference.lower:.4f} worse than the {role} at {percent(confidence)}, more than the margin {margin}"
    )
    needed = significance.rows_to_tell(tables["challenger"], tables[role], objectives, difference, margin, confidence)
    rows = len(tables["challenger"][objectives[0].name])
    return text + (f"; about {needed:,} rows would tell, there are {rows:,}" if needed and needed > rows else "")

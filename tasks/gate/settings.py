"""Settings of the gate."""

from typing import Literal

from pydantic import Field, field_validator

from nightshift.evaluation import (
    kinds,
)
from nightshift.records import (
    Metric,
)
from tasks.gate.first_version import FirstPolicy
from tasks.gate.guardrails import (
    GuardrailSettings,
)

NIGHTS_PER_YEAR = 365


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

"""The gate: a pure decision from labels, both models' answers on the same rows, costs and settings.

The first version must be shown to beat the dummy and guessing, and not be below the baseline (`tasks.gate.first_version`).
Later ones claim to be *better* or *cheaper*. The error budget of a year is divided over its tests on the holdout (a
union bound), and a test is spent only on a claim that validation makes likely.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field, field_validator

from nightshift import escaping
from nightshift.errors import InputError, SettingsError
from nightshift.evaluation import kinds, prediction_changes, scoring, significance
from nightshift.evaluation.claims import SCREEN, Costs, anchored, examine, told
from nightshift.evaluation.confidence_limits import Difference
from nightshift.evaluation.significance import Tables
from nightshift.inference.measurement import measure_latencies
from nightshift.records import Claim, Compared, Evaluated, Metric, Objective, Registered, Standing, Verdict
from nightshift.registry import model_registry, tags, tracking
from nightshift.registry.version_predictions import VersionPredictor, drop_rows, predict_versions, trained_keys
from nightshift.store import artifact_store
from nightshift.store.stages import stage
from tasks.gate.first_version import First, References, judge_first
from tasks.gate.guardrails import NOTHING, Bars, Inspection, Measured, inspect
from tasks.gate.typos import noised

NIGHTS = 365
"""In a year."""
ROUNDING = 1e-9
"""Relative error that a sum of shares of the budget may have."""


class GateSettings(Bars):
    """Conditions under which a challenger replaces the champion."""

    metric: Metric | None = None
    """Metric that decides what is better; if not set, the default of the kind."""
    first: First = "baseline"
    """Condition for a first version: baseline (shown to beat the dummy and guessing, and not below the baseline), dummy (shown to beat the dummy and guessing), manual (a person promotes it)."""
    margin: float = Field(0.005, gt=0)
    """Non-inferiority margin, in the metric's unit: a cheaper challenger must be shown to lose less than this against champion and anchor."""
    confidence: float = Field(0.95, gt=0.5, lt=1)
    """Probability that a year of nightly runs contains no wrong promotion."""
    tests_per_year: int = Field(40, ge=1)
    """Number of tests on the holdout over which the year's error budget, 1 - confidence, is divided; fewer tests detect smaller differences."""
    seeds: int = Field(1, ge=1, le=10)
    """Number of trainings with different seeds: the best on validation is used, and their standard deviation widens the confidence limits."""
    minimum: dict[str, float] = {}
    """Minimum value of metrics on the holdout, by name (maximum for loss, RMSE and the like), for every challenger."""
    approval: Literal["auto", "manual"] = "auto"
    """manual: a challenger that passes is held until a person promotes it; auto: it is promoted."""

    @property
    def budget(self) -> float:
        """The chance of a wrong promotion that a year's tests may spend together."""
        return 1 - self.confidence

    @property
    def alpha(self) -> float:
        """What one test on the holdout spends of it."""
        return self.budget / self.tests_per_year

    @property
    def test_confidence(self) -> float:
        """Of the one-sided limit of a test on the holdout that needs one limit only."""
        return 1 - self.alpha

    @property
    def cost_confidence(self) -> float:
        """Of the limit of a cost, which every night asks for: a year of them errs in a hundredth of what its tests may."""
        return 1 - (1 - self.confidence) / (100 * NIGHTS)

    @field_validator("minimum")
    @classmethod
    def _known_metrics(cls, minimum: dict[str, float]) -> dict[str, float]:
        known = {name: None for kind in kinds.KINDS.values() for name in kind.names} | {kinds.WEIGHTED: None}
        for name in minimum:
            if name.rpartition("/")[2] not in known:
                raise ValueError(f"{name!r} is no metric; known: {', '.join(known)}")
        return minimum


def decide(
    holdout: Mapping[str, Tables],
    validation: Mapping[str, Tables],
    objectives: list[Objective],
    costs: Costs | None,
    references: References,
    settings: GateSettings,
    spent: int = 0,
    unable: Mapping[str, str] | None = None,
    spread: float | None = None,
    inspection: Inspection = NOTHING,
    alpha: float = 0.0,
) -> Verdict:
    """Promote or hold, with the reasons.

    `holdout` and `validation`: by role (challenger, champion, anchor) the answers on the same rows; `unable` says of a
    role why it has none. `references`: the dummy's and the baseline's answers on the holdout, for a first version.
    `costs` goes with a champion that answers. `spent`: this year's tests so far, `alpha` what they have spent of
    1 - confidence. `spread`: the standard deviation of the metric over seeds, which widens every limit.
    `inspection` can hold what is promoted, and show what a test would be wasted on.
    """
    found = kinds.metrics(holdout["challenger"], objectives)
    missing = [name for name in settings.minimum if name not in found]
    if missing:
        raise SettingsError(f"gate.minimum: tonight has no {', '.join(missing)}; there are: {', '.join(found)}")
    short = _short(found, settings)
    hopeless = _short(kinds.metrics(validation["challenger"], objectives), settings)
    barred = dict(unable or {}) | _other_tokens(holdout, objectives)
    if "champion" in barred:
        reason = f"not compared: the champion {barred['champion']}; it stays until a person promotes"
        verdict = Verdict(decision="hold", reasons=[reason])
    elif "champion" not in holdout:
        verdict = judge_first(holdout["challenger"], references, objectives, settings.first, settings.test_confidence)
    elif hopeless or inspection.unfit:
        words = "no test on the holdout is spent on it" + "".join(f"; on validation {line}" for line in hopeless)
        verdict = Verdict(decision="hold", reasons=[words])
    else:
        assert costs is not None
        verdict = _against(holdout, validation, objectives, costs, settings, (spent, alpha), barred, spread or 0.0)
    if "champion" in holdout:
        verdict.champion_metrics = kinds.metrics(holdout["champion"], objectives)
    verdict.metrics = found
    bars = [*short, *inspection.unfit, *inspection.bars]
    if bars:
        verdict.decision, verdict.claim, verdict.reasons = "hold", None, [*bars, *verdict.reasons]
    verdict.reasons += inspection.notes
    return verdict.model_copy(update=inspection.figures)


def _short(found: dict[str, float], settings: GateSettings) -> list[str]:
    """In words, the metrics that fall short of their minimum."""
    lines = []
    for name, bound in settings.minimum.items():
        if kinds.better(name) * (found[name] - bound) < 0:
            words = "below the minimum" if kinds.better(name) > 0 else "above the most allowed,"
            lines.append(f"{name} {found[name]:.4f} is {words} {bound}")
    return lines


def _other_tokens(tables: Mapping[str, Tables], objectives: list[Objective]) -> dict[str, str]:
    """Losses a token compare only where the tokens are the same."""
    told = [o.name for o in objectives if o.kind == "generation"]
    ours = tables["challenger"]
    return {
        role: "counts other tokens in the same texts (another tokenizer, or train.max_length)"
        for role, theirs in tables.items()
        if any(ours[name]["tokens"].tolist() != theirs[name]["tokens"].tolist() for name in told)
    }


def _against(
    holdout: Mapping[str, Tables],
    validation: Mapping[str, Tables],
    objectives: list[Objective],
    costs: Costs,
    settings: GateSettings,
    spent: tuple[int, float],
    barred: dict[str, str],
    spread: float,
) -> Verdict:
    """Test the claims that validation makes likely, where the year's tests have left enough of its error budget.

    Where both are likely and the anchor takes a limit of its own, the two limits share the test's alpha.
    """
    tests, alpha = spent
    cost = f"{'' if costs.cheaper else 'not shown to be 10 % '}cheaper: {costs}"
    verdict = Verdict(decision="hold", reasons=[], margin=settings.margin, spent=tests)
    screened = examine(validation, objectives, settings.margin, SCREEN, barred, spread)
    verdict.validation = _compared(screened.difference, SCREEN)
    possible: tuple[Claim, ...] = ("cheaper", "better") if costs.cheaper else ("better",)
    likely = [claim for claim in possible if screened.shown(claim)]
    budget = f"{tests} tests have spent {100 * alpha / settings.budget:.3g} % of the year's error budget"
    if not likely:
        doubts = "; ".join(screened.doubts[possible[0]])
        verdict.reasons = [f"no test on the holdout is spent on it ({budget}): on validation {doubts}", cost]
        return verdict
    if settings.alpha > (settings.budget - alpha) * (1 + ROUNDING):
        verdict.reasons = [
            f"validation says that it is worth a test, but {budget}: `nightshift holdout rotate` takes the next sealed holdout",
            cost,
        ]
        return verdict
    confidence = 1 - settings.alpha / (2 if len(likely) > 1 and anchored(holdout) else 1)
    seen = examine(holdout, objectives, settings.margin, confidence, barred, spread)
    words = told(seen.difference, objectives, confidence)
    verdict.tested, verdict.spent, verdict.alpha, verdict.confidence = likely[0], tests + 1, settings.alpha, confidence
    verdict.difference, verdict.interval = seen.difference.difference, (seen.difference.lower, seen.difference.upper)
    if seen.shown("better") and ("better" in likely or seen.shown("cheaper")):
        verdict.decision, verdict.claim, verdict.reasons = "promote", "better", [f"better: {words}", cost]
    elif "cheaper" in likely and seen.shown("cheaper"):
        verdict.decision, verdict.claim = "promote", "cheaper"
        verdict.reasons = [f"{cost}; not worse by {settings.margin} than champion or anchor: {words}"]
    else:
        verdict.reasons = [*seen.doubts[likely[0]], cost]
    return verdict


def _compared(difference: Difference, confidence: float) -> Compared:
    limits = difference.lower, difference.upper
    return Compared(difference=difference.difference, interval=limits, confidence=confidence)


def _artifact(name: str, number: str) -> tuple[str | None, str | None]:
    """What a night made a version from: the digest of its candidates, and which of them it is."""
    version_tags = model_registry.version(name, number).tags
    return version_tags.get(tags.COMPRESSED), version_tags.get(tags.RECIPE)


@stage
def gate(
    folder: Path,
    registered: Registered,
    standing: Standing,
    objectives: list[Objective],
    evaluated: Evaluated,
    gate: GateSettings,
    spread: float | None = None,
) -> Verdict:
    """Score challenger, champion and anchor tonight, as registered, on tonight's holdout, and decide."""
    tracking.connect()
    served, answers, unable = predict_versions(registered, standing, objectives)
    keys = trained_keys(registered, standing)
    seen = {side: drop_rows(tables, keys) for side, tables in answers.items()}
    if any(table.empty for tables in answers.values() for table in tables["challenger"].values()):
        raise InputError(f"gate: version {registered.version}, the champion or the anchor was trained on every row that "
                         "could judge; give other rows as holdout")  # fmt: skip
    references = _references(evaluated, objectives)
    for tables in (references.dummy, references.baseline):
        drop_rows({"challenger": tables}, keys)
    for role, tables in answers["holdout"].items():
        scoring.write(tables, folder / role)
    (folder / "measured").mkdir()
    costs, timed = None, scoring.timed(objectives)
    asked = [
        served[role].prediction_function(timed) for role in ("challenger", "champion") if role in answers["holdout"]
    ]
    times = measure_latencies(asked, *scoring.timed_texts(timed))
    if standing.champion and "champion" in answers["holdout"]:
        same = _artifact(registered.name, registered.version) == _artifact(registered.name, standing.champion)
        ratio = 1.0 if same else significance.ratio_limit(times[0], times[1], gate.cost_confidence)
        costs = Costs(float(np.median(times[0])), float(np.median(times[1])), ratio, gate.cost_confidence)
    found = _inspected(served["challenger"], times[0], answers["holdout"], objectives, gate)
    if len(found.lost):
        artifact_store.write_csv(escaping.spreadsheet(found.lost), folder / "measured" / prediction_changes.FILE)
    verdict = decide(
        answers["holdout"], answers["validation"], objectives, costs, references, gate, standing.spent, unable, spread,
        found, standing.alpha,
    )  # fmt: skip
    if seen["holdout"]:
        rows = sum(o.sides.holdout for o in objectives)
        verdict.reasons.append(f"{seen['holdout']:,} of {rows:,} holdout rows do not count: the challenger, the champion or the "
                               "anchor was trained on them")  # fmt: skip
    return verdict.model_copy(update={"champion_version": standing.champion, "seen": seen["holdout"], "spread": spread})


def _references(evaluated: Evaluated, objectives: list[Objective]) -> References:
    place = artifact_store.folder(evaluated)
    compared = [o for o in objectives if o.name in evaluated.baselines]
    return References(
        scoring.read(place / "dummy", objectives),
        scoring.read(place / "baseline", compared),
        evaluated.baselines,
        evaluated.left_out,
    )


def _inspected(
    challenger: VersionPredictor,
    times: list[float],
    tables: Mapping[str, Tables],
    objectives: list[Objective],
    gate: GateSettings,
) -> Inspection:
    """What is looked at beside the metric: slices and flips only of a champion that can be compared."""
    judged = {o.name: tables["challenger"][o.name]["row_key"] for o in objectives}
    sides = {o.name: scoring.side_of(o, "holdout") for o in objectives}
    holdouts = {name: side[side["row_key"].isin(judged[name])].reset_index(drop=True) for name, side in sides.items()}
    misspelt = {} if gate.max_typo_drop is None else {name: noised(side) for name, side in holdouts.items()}
    answers = {o.name: challenger.table(misspelt[o.name], o) for o in objectives if misspelt}
    costs = {"max_latency_ms": float(np.percentile(times, 95)), "max_size_mb": challenger.size_mb()}
    champion = None if "champion" in _other_tokens(tables, objectives) else tables.get("champion")
    return inspect(
        tables["challenger"], champion, holdouts, objectives, Measured(costs, answers), gate, gate.confidence
    )

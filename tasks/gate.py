"""The gate: a pure decision from labels, both models' answers on the same rows, costs and settings.

A promotion claims *better* (the lower limit of the difference is above 0) or *cheaper* (at least 10 % lower cost,
and not worse than champion and anchor by the margin). The first version must beat what no text has to be read for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field, field_validator

from models.measure import one_by_one
from tasks import evidence, kinds, pictures, registry, scoring, tracking
from tasks.errors import SettingsError
from tasks.evidence import Tables
from tasks.judging.served import scored
from tasks.records import Metric, Objective, Registered, Settings, Standing, Verdict
from tasks.stage import stage

CHEAPER = 0.9


@dataclass(frozen=True)
class Costs:
    """What challenger and champion cost on the same texts, asked in turns."""

    challenger: float
    """Median, ms a text."""
    champion: float
    ratio: float
    """Upper one-sided limit of the challenger's share of the champion's cost; 1 where both serve the same artifact."""


class GateSettings(Settings):
    """When a challenger may replace the champion."""

    metric: Metric | None = None
    """What better and worse are measured by; the kind's own where it is not named."""
    margin: float = Field(0.005, gt=0, lt=1)
    """How much worse than champion and anchor a cheaper challenger must be shown not to be."""
    confidence: float = Field(0.95, gt=0.5, lt=1)
    """Of every one-sided limit."""
    minimum: dict[str, float] = {}
    """Least value of a metric on the holdout, by name (the most, of loss, RMSE and the like); for every challenger."""
    approval: Literal["auto", "manual"] = "auto"
    """manual: a challenger that passes is held until a person promotes it."""

    @field_validator("minimum")
    @classmethod
    def _known_metrics(cls, minimum: dict[str, float]) -> dict[str, float]:
        known = {name: None for kind in kinds.KINDS.values() for name in kind.names} | {kinds.WEIGHTED: None}
        for name in minimum:
            if name.rpartition("/")[2] not in known:
                raise ValueError(f"{name!r} is no metric; known: {', '.join(known)}")
        return minimum


def decide(
    tables: Mapping[str, Tables],
    objectives: list[Objective],
    costs: Costs | None,
    naive: dict[str, float],
    settings: GateSettings,
    unable: Mapping[str, str] | None = None,
) -> Verdict:
    """Promote or hold, with the reasons.

    `tables`: by role (challenger, champion, anchor) the answers on the same holdout rows; `unable` says of a role why
    it has none. `costs` goes with a champion that answers.
    """
    found = kinds.metrics(tables["challenger"], objectives)
    missing = [name for name in settings.minimum if name not in found]
    if missing:
        raise SettingsError(f"gate.minimum: tonight has no {', '.join(missing)}; there are: {', '.join(found)}")
    barred = dict(unable or {}) | _other_tokens(tables, objectives)
    if "champion" in barred:
        reason = f"not compared: the champion {barred['champion']}; it stays until a person promotes"
        verdict = Verdict(decision="hold", reasons=[reason])
    elif "champion" not in tables:
        verdict = _first(found, naive, kinds.primary(objectives))
    else:
        assert costs is not None
        verdict = _against(tables, objectives, costs, settings, barred)
    if "champion" in tables:
        verdict.champion_metrics = kinds.metrics(tables["champion"], objectives)
    verdict.metrics = found
    short = [_short(name, found[name], bound) for name, bound in settings.minimum.items()]
    if any(short):
        verdict.decision, verdict.claim, verdict.reasons = "hold", None, [*filter(None, short), *verdict.reasons]
    return verdict


def _short(name: str, value: float, bound: float) -> str | None:
    if kinds.better(name) * (value - bound) >= 0:
        return None
    words = "below the minimum" if kinds.better(name) > 0 else "above the most allowed,"
    return f"{name} {value:.4f} is {words} {bound}"


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
    tables: Mapping[str, Tables],
    objectives: list[Objective],
    costs: Costs,
    settings: GateSettings,
    barred: dict[str, str],
) -> Verdict:
    difference = evidence.compare(tables["challenger"], tables["champion"], objectives, settings.confidence)
    verdict = Verdict(
        decision="hold",
        reasons=[],
        metrics={},
        difference=difference.difference,
        interval=(difference.lower, difference.upper),
        margin=settings.margin,
        confidence=settings.confidence,
    )
    metric = kinds.primary(objectives)
    verb = "differs by" if kinds.better(metric) > 0 else "(less is better) improves by"
    against = f"{metric} {verb} {difference.difference:+.4f} from the champion's, at {settings.confidence:.0%} at least {difference.lower:+.4f}"
    words = f"{costs.challenger:.2f} ms a text against the champion's {costs.champion:.2f}, at {settings.confidence:.0%} at most {costs.ratio:.2f} of it"
    if difference.lower > 0:
        verdict.decision, verdict.claim, verdict.reasons = "promote", "better", [f"better: {against}"]
    elif costs.ratio > CHEAPER:
        verdict.reasons = [f"not shown to be better: {against}", f"not shown to be 10 % cheaper: {words}"]
    else:
        worse = [_too_wide(role, tables, objectives, settings, barred)
                 for role in ("champion", "anchor") if role in tables or role in barred]  # fmt: skip
        verdict.reasons = [reason for reason in worse if reason]
        if verdict.reasons:
            verdict.reasons = [f"not shown to be better: {against}", f"cheaper: {words}", *verdict.reasons]
        else:
            verdict.decision, verdict.claim = "promote", "cheaper"
            verdict.reasons = [
                f"cheaper, and not worse by {settings.margin} than champion or anchor: {words}; {against}"
            ]
    return verdict


def _first(found: dict[str, float], naive: dict[str, float], metric: str) -> Verdict:
    beats = kinds.better(metric) * (found[metric] - naive[metric]) > 0
    words = "beats" if beats else "does not beat"
    reason = f"the first version {words} the naive model: {metric} {found[metric]:.4f} against {naive[metric]:.4f}"
    return Verdict(
        decision="promote" if beats else "hold", claim="first" if beats else None, reasons=[reason], metrics=found
    )


def _too_wide(
    role: str,
    tables: Mapping[str, Tables],
    objectives: list[Objective],
    settings: GateSettings,
    barred: dict[str, str],
) -> str | None:
    if role in barred:
        return f"not compared with the {role}: it {barred[role]}"
    pair = tables["challenger"], tables[role], objectives
    difference = evidence.compare(*pair, settings.confidence)
    if difference.lower > -settings.margin:
        return None
    text = f"may be {-difference.lower:.4f} worse than the {role}, more than the margin {settings.margin}"
    needed = evidence.rows_to_tell(*pair, difference, settings.margin, settings.confidence)
    rows = objectives[0].sides.holdout
    return text + (
        f"; about {needed:,} holdout rows would tell, there are {rows:,}" if needed and needed > rows else ""
    )


def _artifact(name: str, number: str) -> tuple[str, str]:
    """What a version was made from: the digest of that night's candidates, and which of them it is."""
    tags = registry.version(name, number).tags
    return tags[registry.FROM], tags[registry.RECIPE]


@stage
def gate(
    folder: Path,
    registered: Registered,
    standing: Standing,
    objectives: list[Objective],
    naive: dict[str, float],
    gate: GateSettings,
) -> Verdict:
    """Score challenger, champion and anchor tonight, as registered, on tonight's holdout, and decide."""
    tracking.connect()
    served, tables, unable = scored(registered, standing, objectives)
    for role, answers in tables.items():
        scoring.write(answers, folder / role)
    (folder / "measured").mkdir()
    pictures.answers(tables["challenger"], objectives, "the challenger, as registered", folder / "measured")
    costs = None
    if standing.champion and "champion" in tables:
        timed = scoring.timed(objectives)
        asked = [served[role].timed(timed) for role in ("challenger", "champion")]
        times = one_by_one(asked, *scoring.timed_texts(timed))
        same = _artifact(registered.name, registered.version) == _artifact(registered.name, standing.champion)
        ratio = 1.0 if same else evidence.ratio_limit(times[0], times[1], gate.confidence)
        costs = Costs(float(np.median(times[0])), float(np.median(times[1])), ratio)
    verdict = decide(tables, objectives, costs, naive, gate, unable)
    return verdict.model_copy(update={"champion_version": standing.champion})

"""The gate: a pure decision from labels, both models' answers on the same rows, costs and settings.

A promotion claims *better* (the lower limit of the difference is above 0) or *cheaper* (at least 10 % lower cost,
and not worse than champion and anchor by the margin). The first version must beat the majority class.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import mlflow
import numpy as np
import pandas as pd
from pydantic import Field, field_validator

from models.measure import one_by_one
from tasks import evidence, pictures, registry, scoring, store, tracking
from tasks.records import Registered, Settings, Sides, Standing, Verdict
from tasks.stage import stage

Metric = Literal["accuracy", "macro_f1", "weighted_f1"]
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

    metric: Metric = "macro_f1"
    """What better and worse are measured by."""
    margin: float = Field(0.005, gt=0, lt=1)
    """How much worse than champion and anchor a cheaper challenger must be shown not to be."""
    confidence: float = Field(0.95, gt=0.5, lt=1)
    """Of every one-sided limit."""
    minimum: dict[str, float] = {}
    """Least value of a metric on the holdout, by name; applies to every challenger."""
    approval: Literal["auto", "manual"] = "auto"
    """manual: a challenger that passes is held until a person promotes it."""

    @field_validator("minimum")
    @classmethod
    def _known_metrics(cls, minimum: dict[str, float]) -> dict[str, float]:
        known = sorted(evidence.metrics(["a"], ["a"]))
        for name in minimum:
            if name not in known:
                raise ValueError(f"{name!r} is no metric; known: {', '.join(known)}")
        return minimum


def decide(
    labels: Sequence[str],
    challenger: Sequence[str],
    champion: Sequence[str] | None,
    anchor: Sequence[str] | None,
    costs: Costs | None,
    majority: dict[str, float],
    settings: GateSettings,
) -> Verdict:
    """Promote or hold, with the reasons; all answers are on the same holdout rows, `costs` goes with a champion."""
    found = evidence.metrics(labels, challenger)
    if champion is None:
        verdict = _first(found, majority, settings.metric)
    else:
        assert costs is not None
        verdict = _against(labels, challenger, champion, anchor, costs, settings)
        verdict.champion_metrics = evidence.metrics(labels, champion)
    verdict.metrics = found
    low = [
        f"{name} {found[name]:.4f} is below the minimum {least}"
        for name, least in settings.minimum.items()
        if found[name] < least
    ]
    if low:
        verdict.decision, verdict.claim, verdict.reasons = "hold", None, low + verdict.reasons
    return verdict


def _against(
    labels: Sequence[str],
    challenger: Sequence[str],
    champion: Sequence[str],
    anchor: Sequence[str] | None,
    costs: Costs,
    settings: GateSettings,
) -> Verdict:
    difference = evidence.compare(labels, challenger, champion, settings.metric, settings.confidence)
    verdict = Verdict(
        decision="hold",
        reasons=[],
        metrics={},
        difference=difference.difference,
        interval=(difference.lower, difference.upper),
        margin=settings.margin,
        confidence=settings.confidence,
    )
    against = f"{settings.metric} differs by {difference.difference:+.4f} from the champion's, at {settings.confidence:.0%} at least {difference.lower:+.4f}"
    words = f"{costs.challenger:.2f} ms a text against the champion's {costs.champion:.2f}, at {settings.confidence:.0%} at most {costs.ratio:.2f} of it"
    if difference.lower > 0:
        verdict.decision, verdict.claim, verdict.reasons = "promote", "better", [f"better: {against}"]
    elif costs.ratio > CHEAPER:
        verdict.reasons = [f"not shown to be better: {against}", f"not shown to be 10 % cheaper: {words}"]
    else:
        worse = [_too_wide(name, labels, challenger, other, settings)
                 for name, other in (("champion", champion), ("anchor", anchor)) if other is not None]  # fmt: skip
        verdict.reasons = [reason for reason in worse if reason]
        if verdict.reasons:
            verdict.reasons = [f"not shown to be better: {against}", f"cheaper: {words}", *verdict.reasons]
        else:
            verdict.decision, verdict.claim = "promote", "cheaper"
            verdict.reasons = [
                f"cheaper, and not worse by {settings.margin} than champion or anchor: {words}; {against}"
            ]
    return verdict


def _first(found: dict[str, float], majority: dict[str, float], metric: str) -> Verdict:
    beats = found[metric] > majority[metric]
    words = "beats" if beats else "does not beat"
    reason = (
        f"the first version {words} the majority class: {metric} {found[metric]:.4f} against {majority[metric]:.4f}"
    )
    return Verdict(
        decision="promote" if beats else "hold", claim="first" if beats else None, reasons=[reason], metrics=found
    )


def _too_wide(
    name: str, labels: Sequence[str], challenger: Sequence[str], other: Sequence[str], settings: GateSettings
) -> str | None:
    difference = evidence.compare(labels, challenger, other, settings.metric, settings.confidence)
    if difference.lower > -settings.margin:
        return None
    truth = np.asarray(labels)
    disagree = float(((np.asarray(challenger) == truth) != (np.asarray(other) == truth)).mean())
    needed = evidence.rows_needed(max(disagree, 1 / len(truth)), settings.margin, settings.confidence)
    text = f"may be {-difference.lower:.4f} worse than the {name}, more than the margin {settings.margin}"
    return text + (
        f"; about {needed:,} holdout rows would tell, there are {len(truth):,}" if needed > len(truth) else ""
    )


class _Served:
    """A registered version, loaded as a user would load it."""

    def __init__(self, uri: str, frame: pd.DataFrame) -> None:
        self.model = mlflow.pyfunc.load_model(uri)
        self.columns = [name for name in ("text", "text_pair") if name in frame]
        self.answers = self.model.predict(frame[self.columns])["label"].tolist()

    def one(self, texts: Sequence[str], pairs: Sequence[str] | None) -> Any:
        values = [texts] if pairs is None else [texts, pairs]
        return self.model.predict(pd.DataFrame(dict(zip(self.columns, values, strict=True))))


def _artifact(name: str, number: str) -> tuple[str, str]:
    """What a version was made from: the digest of that night's candidates, and which of them it is."""
    tags = registry.version(name, number).tags
    return tags[registry.FROM], tags[registry.RECIPE]


@stage
def gate(
    folder: Path,
    registered: Registered,
    standing: Standing,
    sides: Sides,
    majority: dict[str, float],
    gate: GateSettings,
) -> Verdict:
    """Score challenger, champion and anchor tonight, as registered, on tonight's holdout, and decide."""
    tracking.connect()
    frame = pd.read_parquet(store.folder(sides) / "holdout.parquet")
    uris = {"challenger": registered.uri, "champion": standing.champion, "anchor": standing.anchor}
    served = {
        role: _Served(uri if role == "challenger" else f"models:/{registered.name}/{uri}", frame)
        for role, uri in uris.items()
        if uri
    }
    timed = [role for role in ("challenger", "champion") if role in served]
    times = one_by_one([served[role].one for role in timed], *scoring.texts_of(frame))
    table = frame[["row_key", "label"]].assign(**{role: model.answers for role, model in served.items()})
    table.to_parquet(folder / "predictions.parquet")
    labels = frame["label"].tolist()
    answers = {role: model.answers for role, model in served.items()}
    (folder / "measured").mkdir()
    picture = folder / "measured/confusion_matrix.png"
    pictures.confusion_matrix(labels, answers["challenger"], "the challenger, as registered", picture)
    costs = None
    if standing.champion:
        same = _artifact(registered.name, registered.version) == _artifact(registered.name, standing.champion)
        ratio = 1.0 if same else evidence.ratio_limit(times[0], times[1], gate.confidence)
        costs = Costs(float(np.median(times[0])), float(np.median(times[1])), ratio)
    verdict = decide(
        labels, answers["challenger"], answers.get("champion"), answers.get("anchor"), costs, majority, gate
    )
    return verdict.model_copy(update={"champion_version": standing.champion})

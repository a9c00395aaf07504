"""The page of a replay: what was promoted when, and production beside the best version, the newest and the first."""

from pathlib import Path

import pandas as pd
from pydantic import BaseModel, Field

from nightshift.evaluation import kinds
from nightshift.reporting import plots
from nightshift.reporting.report_page import template_environment
from nightshift.store import artifact_store

PAGE, PICTURE = "replay.html", "replay.png"
POLICIES = {
    "production": "production",
    "oracle": "oracle: the best version, known in hindsight",
    "always_promote": "always promote: the newest version",
    "never_retrain": "never retrain: the first champion",
}


class ReplayedRun(BaseModel):
    """A night of a replay; the four policies have the metric on the rows after it, None if there are none."""

    date: str
    status: str
    reason: str
    version: str | None
    champion: str | None
    newest: str | None
    """The newest version so far."""
    production: float | None
    oracle: float | None
    always_promote: float | None
    never_retrain: float | None
    scores: dict[str, float]
    """Metric of each version so far on these rows."""
    following: int
    """Number of these rows."""
    labels: int
    """Number of labelled rows that the night kept."""
    seconds: float


class Promotion(BaseModel):
    """A promotion over another champion, and the metric of both on the rows that came while the new one was champion."""

    date: str
    old: str
    new: str
    old_metric: float | None
    new_metric: float | None
    wrong: bool
    """True if the old champion would have done better on these rows."""


class ReplayResult(BaseModel):
    """Result of a replay, as `nightshift replay --json` prints it."""

    model: str
    metric: str
    runs: list[ReplayedRun] = Field(serialization_alias="nights")
    undated: int
    """Number of rows that were left out, because they have no time or cannot be read."""
    report: str = ""
    """The page."""
    promotions: list[Promotion] = Field(default_factory=list)
    means: dict[str, float] = Field(default_factory=dict)
    """Mean of each policy over the nights with rows after them, weighted by these."""


def with_summary(result: ReplayResult) -> ReplayResult:
    """Return the result with its promotions and means."""
    scored = [run for run in result.runs if run.following and run.production is not None]
    rows = sum(run.following for run in scored)
    means = {
        name: sum(run.following * (getattr(run, name) or 0.0) for run in scored) / rows for name in POLICIES if rows
    }
    return result.model_copy(update={"promotions": _promotions(result), "means": means})


def _promotions(result: ReplayResult) -> list[Promotion]:
    """Return the promotions that replaced a champion."""
    runs, promotions = result.runs, []
    starts = [index for index in range(1, len(runs)) if runs[index].champion != runs[index - 1].champion]
    for number, index in enumerate(starts):
        end = starts[number + 1] if number + 1 < len(starts) else len(runs)
        old, new = runs[index - 1].champion, runs[index].champion
        if old is None or new is None:
            continue
        tenure = [run for run in runs[index:end] if {old, new} <= run.scores.keys()]
        old_metric, new_metric = (_mean(tenure, version) for version in (old, new))
        is_wrong = False
        if old_metric is not None and new_metric is not None:
            is_wrong = kinds.better(result.metric) * (new_metric - old_metric) < 0
        promotions.append(
            Promotion(
                date=runs[index].date, old=old, new=new, old_metric=old_metric, new_metric=new_metric, wrong=is_wrong
            )
        )
    return promotions


def _mean(runs: list[ReplayedRun], version: str) -> float | None:
    """Return the mean metric of a version over nights, weighted by the rows after each; None without rows."""
    rows = sum(run.following for run in runs)
    return sum(run.following * run.scores[version] for run in runs) / rows if rows else None


def write(result: ReplayResult, folder: Path) -> Path:
    """Write the page of a result with a summary into a folder, and return its path."""
    plots.replay(_curves(result), result.metric, [promotion.date for promotion in result.promotions], folder / PICTURE)
    values = {
        "result": result,
        "policies": POLICIES,
        "wrong": sum(promotion.wrong for promotion in result.promotions),
        "hours": sum(run.seconds for run in result.runs) / 3600,
        "picture": plots.data_uri(folder / PICTURE),
    }
    artifact_store.write_text(folder / PAGE, template_environment().get_template(PAGE).render(values))
    return folder / PAGE


def _curves(result: ReplayResult) -> pd.DataFrame:
    """Return the metric of each policy by date."""
    columns = {name: [getattr(run, name) for run in result.runs] for name in POLICIES}
    return pd.DataFrame(columns, index=pd.to_datetime([run.date for run in result.runs]), dtype=float)

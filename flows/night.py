"""A night's own bookkeeping: its fingerprint, its clock, its MLflow run, its four endings."""

import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import stdev
from typing import Any, ParamSpec, TypeVar

import pandas as pd
from mlflow.entities import Run
from prefect.settings import PREFECT_TASKS_REFRESH_CACHE, temporary_settings

from nightshift.data import exclusion
from nightshift.evaluation import kinds
from nightshift.prefect_ui import artifacts  # fmt: skip
from nightshift.records import (
    MAIN,
    Augmented,
    Checked,
    Compressed,
    Evaluated,
    NightResult,
    Objective,
    Registered,
    Sides,
    Source,
    Standing,
    Trained,
    Verdict,
)
from nightshift.registry import fingerprint, ledger, model_registry, tracking, warm_start
from nightshift.reporting import report_page, run_logging, version_description
from nightshift.store import artifact_store, disk
from tasks.gate.stage import GateSettings

log = logging.getLogger("nightshift.night")
P = ParamSpec("P")
T = TypeVar("T")
LABELS = "nightshift.labels"
"""Tag of a version: its labels by objective; left out where they are longer than a tag may be."""
LONGEST_TAG = 100_000
"""Characters of a tag in MLflow's registry."""
SIDES = ("train", "validation", "holdout", "spare")
AFTER_TRAINING = 0.2
"""Share of the time before a deadline that a training leaves to what comes after it."""
GATE = {"decision", "claim", "reasons", "tested", "validation", "difference", "interval", "margin", "confidence", "spent",
        "alpha", "slices", "gained", "lost", "noised", "seen"}  # fmt: skip
"""What a night's result tells of the verdict."""
DAY = 24 * 60 * 60


def objective(name: str, told: Any, sides: Sides, augmented: Augmented) -> Objective:
    """What the stages know of one objective of the settings."""
    metric = kinds.gate_metric(told.kind, told.metric)
    return Objective(name=name, kind=told.kind, metric=metric, weight=told.weight, role=told.role, sides=sides,
                     augmented=augmented, generation=told.generation)  # fmt: skip


def best(
    trials: list[tuple[Trained, Evaluated]], objectives: list[Objective]
) -> tuple[Trained, Evaluated, float | None]:
    """Of trainings that differ in their seed the best on validation, and the standard deviation of what they reach there."""
    metric = kinds.primary(objectives)
    reached = [evaluated.validation[metric] for _, evaluated in trials]
    place = max(range(len(trials)), key=lambda i: kinds.better(metric) * reached[i])
    return *trials[place], stdev(reached) if len(trials) > 1 else None


def ends_at(deadline: str | int | None, now: datetime) -> float | None:
    """Return when `deadline` is, in seconds since the epoch.

    Minutes are counted from `now`, also over a change of daylight saving time; a time of day is the machine's next one.
    """
    if deadline is None:
        return None
    if isinstance(deadline, int):
        return now.timestamp() + 60 * deadline
    hour, minute = map(int, deadline.split(":"))
    end = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return (end if end.timestamp() > now.timestamp() else end + timedelta(days=1)).timestamp()


class Night:
    """Tonight: made once the sources are known, asked by the flow at each turn."""

    def __init__(
        self, settings: Any, sources: dict[str, list[Source]], flow_run_id: str | None, entrypoint: Path, force: bool
    ) -> None:
        self.settings, self.flow_run_id, self.force = settings, flow_run_id, force
        self.sources = list({source.path: source for found in sources.values() for source in found}.values())
        self.model: str = settings.model
        self.deadline = ends_at(settings.deadline, datetime.now())
        self.seconds: dict[str, float] = {}
        self.fold = ledger.fold(ledger.history(settings.model))
        self.parts = fingerprint.parts(settings, sources, entrypoint) | {"holdout": str(self.fold)}
        self.fingerprint = fingerprint.digest(self.parts)
        self.run_id: str | None = None
        self.afresh, self.changed = force, ""

    def timed(self, stage: Callable[P, T], objective: str = MAIN) -> Callable[P, T]:
        """The stage, with its wall time added under its name, and its record shown as that of `objective`.

        A night `afresh` runs it whatever is cached, and replaces the cached record.
        """

        def run(*args: P.args, **kwargs: P.kwargs) -> T:
            begun = time.monotonic()
            disk.ensure_room()
            try:
                with temporary_settings({PREFECT_TASKS_REFRESH_CACHE: True} if self.afresh else {}):
                    record = stage(*args, **kwargs)
            finally:
                name = getattr(stage, "name", "stage")
                self.seconds[name] = round(self.seconds.get(name, 0.0) + time.monotonic() - begun, 2)
            artifact_store.clear_work(self.model, record)
            artifacts.stage(self.model if objective == MAIN else f"{self.model}-{objective}", record)
            return record

        return run

    def finished_before(self) -> Run | None:
        """The finished night with tonight's fingerprint; None where there is none, or tonight trains all the same.

        It does when it is forced or that night is older than `max_age`: every stage then runs anew.
        """
        model_registry.notice_moves_by_hand(self.model)
        earlier = tracking.finished_night(self.model, self.fingerprint)
        anew = "forced" if self.force else self._outlived(earlier) if earlier else ""
        tracking.end_killed(self.model, None if earlier and not anew else self.fingerprint)
        if earlier and not anew:
            return earlier
        self.afresh = bool(anew)
        self.changed = "; ".join(
            filter(None, [fingerprint.since(tracking.finished_night(self.model), self.parts), anew])
        )
        log.info(self.changed)
        return None

    def _outlived(self, earlier: Run) -> str:
        """Why a finished night is too old to skip tonight's; empty where it is not."""
        most, age = self.settings.max_age, (time.time() - earlier.info.end_time / 1000) / DAY
        return f"the same night ended {age:.1f} days ago, max_age is {most:g}" if most and age > most else ""

    def time_to_train(self) -> float | None:
        """When a training has to stop, so that a share of what is left now remains for judging and registering."""
        return self.deadline and self.deadline - AFTER_TRAINING * (self.deadline - time.time())

    def standing(self, registered: Registered | None = None) -> Standing:
        """Champion and anchor as they were before tonight, also where tonight's has been promoted (a night that goes on)."""
        entries = [e for e in ledger.history(self.model) if e.action in ledger.MOVES or e.evidence != self.run_id]
        champion = model_registry.version_of(self.model, model_registry.CHAMPION)
        if champion and self._made(champion, registered):
            made, champion = champion, None
            while entries and entries[-1].new == made:
                champion = entries.pop().old or None
        tests = ledger.tests(entries, datetime.now(UTC))
        spent = ledger.spent(tests, self._alpha)
        return Standing(champion=champion, anchor=ledger.anchor(entries), spent=len(tests), alpha=spent)

    def _alpha(self, test: ledger.Entry) -> float:
        """Return what a test of an old ledger has spent: by its night's settings or, where they are gone, by tonight's."""
        share = tracking.alpha_of(test.evidence)
        return max(self.settings.gate.alpha, GateSettings().alpha) if share is None else share

    def _made(self, champion: str, registered: Registered | None) -> bool:
        """Whether tonight's night, or an attempt at it that did not end well, has made this version."""
        if registered and champion == registered.version:
            return True
        return tracking.unfinished(model_registry.version(self.model, champion), self.fingerprint)

    @contextmanager
    def run(self, checked: dict[str, Checked], objectives: list[Objective]) -> Iterator[str]:
        """Tonight's MLflow run; a night that fails leaves it FAILED, one that is ended from outside KILLED."""
        self.checked, self.objectives = checked, objectives
        self.forgotten = warm_start.forgotten(self.sources, checked.values())
        name = f"{self.model}-{pd.Timestamp.now():%Y-%m-%d}"
        self.run_id = tracking.start_night(self.model, self.fingerprint, name)
        try:
            artifacts.link(self.model, 0, "Night in MLflow", tracking.run_address(self.run_id))
            tracking.connect().log_dict(self.run_id, self.parts, fingerprint.FILE)
            tracking.connect().set_tag(self.run_id, "nightshift.changed", self.changed)
            tracking.log_inputs(self.run_id, self.settings, self.sources, row_counts(checked, objectives))
            for place, found in docs_of(checked).items():
                tracking.connect().log_artifacts(self.run_id, str(found), place)
            docs = tracking.run_address(self.run_id, f"{next(iter(docs_of(checked)))}/index.html")
            artifacts.link(self.model, 1, "Data Docs in MLflow", docs)
            with disk.explained():
                yield self.run_id
        except BaseException as error:
            status = "failed" if isinstance(error, Exception) else "killed"
            self._end_unfinished(status, str(error) or type(error).__name__)
            raise

    def _end_unfinished(self, status: str, reason: str) -> None:
        """End tonight's MLflow run; where MLflow cannot write that, the next night does, and the night's own error goes on."""
        try:
            tracking.end_night(str(self.run_id), status, reason)
        except Exception as error:
            log.warning("MLflow was not told that the night ended as %s: %s", status, error)

    def version_tags(self) -> dict[str, str]:
        """What a registered version carries about its making."""
        tags = {f"nightshift.{name}": part if isinstance(part, str) else fingerprint.digest(part)
                for name, part in self.parts.items()}  # fmt: skip
        return tags | {tracking.FINGERPRINT: self.fingerprint, "nightshift.flow_run": self.flow_run_id or "",
                       **labels_tag(self._labels())}  # fmt: skip

    def skipped(self, earlier: Run) -> NightResult:
        """Nothing changed since a night that has finished."""
        name, run_id = earlier.info.run_name, earlier.info.run_id
        reason = f"same data, settings, base model, code, environment and device as the night {name} (run {run_id}), "
        reason += f"which ended {earlier.data.tags[tracking.STATUS]}"
        model_registry.note(self.model, ledger.SKIPPED, reason, run_id)
        result = NightResult(
            status="skipped",
            reason=reason,
            model=self.model,
            champion_version=model_registry.version_of(self.model, model_registry.CHAMPION),
            flow_run_id=self.flow_run_id,
            rows={k.removeprefix("rows/"): int(v) for k, v in earlier.data.metrics.items() if k.startswith("rows/")},
            seconds=self.seconds,
        )
        self._tell_carriers(result, exclusion.excluded(self.sources))
        return result

    def stopped(self, checked: dict[str, Checked]) -> NightResult:
        """The data failed a critical expectation."""
        reasons = {name: found.reason for name, found in checked.items() if found.status == "stopped"}
        with self.run(checked, []) as run_id:
            result = NightResult(
                status="stopped",
                reason="; ".join(reasons.values() if len(checked) == 1 else (f"{n}: {r}" for n, r in reasons.items())),
                model=self.model,
                champion_version=model_registry.version_of(self.model, model_registry.CHAMPION),
                mlflow_run_id=run_id,
                flow_run_id=self.flow_run_id,
                rows=row_counts(checked, []),
                changed=self.changed,
                seconds=self.seconds,
            )
            model_registry.note(self.model, "stopped", result.reason, run_id)
            return self._told(result, report_page.Story(checked=checked))

    def ended(
        self,
        ending: tuple[str, str],
        trained: Trained,
        evaluated: Evaluated,
        compressed: Compressed,
        registered: Registered,
        verdict: Verdict,
        alone: dict[str, Evaluated],
    ) -> NightResult:
        """Promoted or held: log the figures and pictures, write the report, close the run."""
        changes = self._label_changes(verdict.champion_version)
        seeds = self._seeds(verdict.spread)
        story = report_page.Story(
            self.checked, self.objectives, trained, evaluated, compressed, verdict, alone, changes, seeds
        )
        result = NightResult(
            status=ending[0],
            reason=". ".join([ending[1], *report_page.notices(story)]),
            model=self.model,
            version=registered.version,
            champion_version=model_registry.version_of(self.model, model_registry.CHAMPION),
            mlflow_run_id=self.run_id,
            flow_run_id=self.flow_run_id,
            rows=row_counts(self.checked, self.objectives),
            metrics=verdict.metrics,
            baseline=evaluated.baseline,
            candidates=compressed.candidates,
            gate=verdict.model_dump(include=GATE),
            changed=self.changed,
            seconds=self.seconds,
        )
        tracking.log_metrics(str(self.run_id), "rows", result.rows)
        with artifact_store.scratch() as folder:
            pictures = report_page.draw_pictures(story, self.settings.gate.slice_margin, folder)
            run_logging.log(str(self.run_id), story, registered, pictures)
            version_description.describe(result, story, self.sources)
            return self._told(result, story, pictures)

    def _label_changes(self, champion: str | None) -> str:
        before = json.loads(model_registry.version(self.model, champion).tags.get(LABELS, "{}")) if champion else {}
        lines = []
        for name, labels in self._labels().items():
            old, new = set(before.get(name, labels)), set(labels)
            for words, found in (("new", new - old), ("no more", old - new)):
                lines += [f"{words} since version {champion}: {', '.join(sorted(found))}"] if found else []
        return "; ".join(lines)

    def _seeds(self, spread: float | None) -> str:
        if spread is not None:
            return (
                f"trainings that differ in their seed alone spread by {spread:.4f} on validation (standard deviation)"
            )
        versions = tracking.connect().search_model_versions(f"name = '{self.model}'")
        known = [
            v
            for v in versions
            if version_description.SPREAD in v.tags and v.tags.get(warm_start.BASE) == self.parts["base_model"]
        ]
        if not known:
            return "what another seed alone would change has not been measured here; gate.seeds: 3 does"
        newest = max(known, key=lambda version: int(version.version))
        return (
            f"another seed alone changes as much as {newest.tags[version_description.SPREAD]} (standard deviation on validation), "
            f"as version {newest.version}'s night has measured"
        )

    def _labels(self) -> dict[str, list[str]]:
        return {objective.name: objective.sides.labels for objective in self.objectives if objective.sides.labels}

    def _told(self, result: NightResult, story: report_page.Story, pictures: Sequence[Path] = ()) -> NightResult:
        assert self.run_id
        self._tell_carriers(result, self.forgotten)
        result.report = str(report_page.write(result, story, pictures))
        tracking.connect().log_artifact(self.run_id, result.report, "report")
        tracking.end_night(self.run_id, result.status, result.reason)
        return result

    def _tell_carriers(self, result: NightResult, forgotten: set[str]) -> None:
        result.carried_by = warm_start.carriers(self.model, forgotten)
        if result.carried_by:
            log.warning("trained on rows that must be forgotten: %s", report_page.versions(result))


def labels_tag(labels: dict[str, list[str]]) -> dict[str, str]:
    """Return the tag of a version that names its labels; of some thousand there may be too many for one."""
    text = json.dumps(labels)
    return {LABELS: text} if len(text) <= LONGEST_TAG else {}


def docs_of(checked: dict[str, Checked]) -> dict[str, Path]:
    """Where in the run each objective's Data Docs go, and where they are."""
    several = len(checked) > 1
    return {f"data_docs/{name}" if several else "data_docs": artifact_store.folder(found) / "measured/data_docs"
            for name, found in checked.items()}  # fmt: skip


def row_counts(checked: dict[str, Checked], objectives: list[Objective]) -> dict[str, int]:
    """Over all objectives: read = kept + quarantined; kept = train + validation + holdout (+ spare)."""
    taken = sum(o.sides.leaks + o.sides.windowed for o in objectives)
    return {
        "read": sum(found.read for found in checked.values()),
        "kept": sum(found.kept for found in checked.values()) - taken,
        "quarantined": sum(sum(found.quarantined.values()) for found in checked.values()) + taken,
        **{side: sum(getattr(o.sides, side) for o in objectives) for side in SIDES},
        "augmented": sum(o.augmented.augmented for o in objectives),
    }

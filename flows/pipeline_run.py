"""The bookkeeping of one run of the pipeline: its fingerprint, its clock, its MLflow run, its four endings."""

import json
import logging
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlflow.entities import Run

from flows.objective_rows import read_own_suite
from flows.settings import NightSettings
from nightshift import clock
from nightshift.data import exclusion
from nightshift.errors import LockLostError, SettingsError
from nightshift.evaluation import fresh_rows, kinds
from nightshift.prefect_ui import artifacts
from nightshift.records import (
    MAIN,
    BudgetState,
    Checked,
    Compressed,
    Evaluated,
    NightResult,
    Objective,
    Registered,
    RegistryState,
    Reviewed,
    Source,
    Trained,
    Verdict,
)
from nightshift.registry import erasure, fingerprint, fresh_evidence, ledger, locks, model_registry, tags, tracking
from nightshift.registry.fresh_evidence import EarlierEvidence
from nightshift.store import artifact_store, disk
from tasks.gate.settings import GateSettings

if TYPE_CHECKING:  # imports PyTorch, which takes seconds, and a skipped run needs neither
    from nightshift.reporting.report_data import ReportData

log = logging.getLogger("nightshift.night")
LONGEST_TAG = 100_000
"""Characters of a tag in MLflow's registry."""
SIDES = ("train", "validation", "holdout", "spare")
AFTER_TRAINING = 0.2
"""Share of the time before a deadline that a training leaves to what comes after it."""
GATE = {"decision", "claim", "reasons", "tested", "validation", "difference", "interval", "margin", "confidence", "spent",
        "alpha", "effective_rows", "slices", "gained", "lost", "noised", "seen", "evidence", "fresh"}  # fmt: skip
"""Fields of the gate's verdict that the result of a run repeats."""
DAY = 24 * 60 * 60


def best_of_seeds(
    trials: list[tuple[Trained, Evaluated]], objectives: list[Objective]
) -> tuple[Trained, Evaluated, float | None]:
    """Return the best on validation of trainings that differ in their seed, and the standard deviation of their true metrics."""
    from nightshift.evaluation import scoring, significance

    metric = kinds.primary(objectives)
    scores = [evaluated.validation[metric] for _, evaluated in trials]
    best = max(range(len(trials)), key=lambda index: kinds.better(metric) * scores[index])
    if len(trials) == 1:
        return *trials[best], None
    folders = [artifact_store.folder(evaluated) / "validation" for _, evaluated in trials]
    return *trials[best], significance.seed_spread([scoring.read(f, objectives) for f in folders], scores, objectives)


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


class PipelineRun:
    """The bookkeeping of one run: its fingerprint, its clock, its MLflow run and its endings.

    It follows the stages as their observer: their wall times, and the records that the Prefect UI shows.
    """

    def __init__(
        self,
        settings: NightSettings,
        sources: dict[str, list[Source]],
        flow_run_id: str | None,
        entrypoint: Path,
        force: bool,
    ) -> None:
        """Note what decides the outcome of the run.

        Args:
            settings: The settings of the run.
            sources: The files by objective.
            flow_run_id: The run in Prefect.
            entrypoint: The flow's source file, where the code digest begins.
            force: Run although nothing changed, every stage anew.
        """
        self.settings, self.flow_run_id, self.force = settings, flow_run_id, force
        self.sources = list({source.path: source for files in sources.values() for source in files}.values())
        self.model = settings.model
        self.deadline = ends_at(settings.deadline, datetime.now())
        self.seconds: dict[str, float] = {}
        self.active_holdout = ledger.active_holdout(ledger.history(settings.model))
        self.parts = fingerprint.fingerprint_parts(settings, sources, entrypoint) | {
            "holdout": str(self.active_holdout)
        }
        if own_suite := read_own_suite(settings):
            self.parts["suite"] = fingerprint.digest(own_suite)
        self.fingerprint = fingerprint.digest(self.parts)
        self.run_id: str | None = None
        self.refreshes, self.changed = force, ""
        self._objective = MAIN

    @contextmanager
    def for_objective(self, objective: str) -> Iterator[None]:
        """Name an objective in the errors of the block, and show the records of its stages as that objective's."""
        self._objective = objective
        try:
            with self.settings.errors_of(objective):
                yield
        finally:
            self._objective = MAIN

    def stage_begins(self) -> None:
        """Raise NightshiftError if the disk is almost full, or if another machine has taken over the model's lock."""
        disk.ensure_room()
        locks.ensure_not_lost(self.model)

    def stage_ended(self, name: str, seconds: float) -> None:
        """Add up the wall time of a stage."""
        self.seconds[name] = round(self.seconds.get(name, 0.0) + seconds, 2)

    def stage_returned(self, record: Any) -> None:
        """Clear the stage's work folder and show its record in the Prefect UI."""
        artifact_store.clear_work(self.model, record)
        name = self.model if self._objective == MAIN else f"{self.model}-{self._objective}"
        artifacts.show_stage(name, record)

    def finished_before(self) -> Run | None:
        """Return the finished run with this fingerprint; None if there is none, or if this one trains all the same.

        It does so when it is forced or when the finished run is older than `max_age`: every stage then runs anew.
        """
        model_registry.notice_moves_by_hand(self.model)
        earlier = tracking.last_finished_run(self.model, self.fingerprint)
        refresh_reason = ""
        if self.force:
            refresh_reason = "forced"
        elif earlier:
            refresh_reason = self._too_old(earlier)
        is_skipped = earlier is not None and not refresh_reason
        tracking.end_killed(self.model, None if is_skipped else self.fingerprint)
        if is_skipped:
            return earlier
        self.refreshes = bool(refresh_reason)
        changes = fingerprint.describe_changes(tracking.last_finished_run(self.model), self.parts)
        self.changed = "; ".join(filter(None, [changes, refresh_reason]))
        log.info(self.changed)
        return None

    def _too_old(self, earlier: Run) -> str:
        """Say why a finished run is too old to skip this one; empty if it is not."""
        max_age, age = self.settings.max_age, (time.time() - earlier.info.end_time / 1000) / DAY
        return f"the same night ended {age:.1f} days ago, max_age is {max_age:g}" if max_age and age > max_age else ""

    def time_to_train(self) -> float | None:
        """Return when a training has to stop, so that a share of the time left now remains for the stages after it."""
        return self.deadline and self.deadline - AFTER_TRAINING * (self.deadline - time.time())

    def registry_state(self, registered: Registered | None = None) -> RegistryState:
        """Return champion and anchor as they were before this run, also if it has promoted its own and goes on after a kill."""
        entries = [e for e in ledger.history(self.model) if e.action in ledger.MOVES or e.evidence != self.run_id]
        champion = model_registry.version_of(self.model, model_registry.CHAMPION)
        if champion and self._is_own(champion, registered):
            own_version, champion = champion, None
            while entries and entries[-1].new == own_version:
                champion = entries.pop().old or None
        tests = ledger.tests_of_last_year(entries, clock.now())
        compared = ledger.compared_with(entries, champion)
        budget = BudgetState(
            num_tests=len(tests),
            alpha_spent=ledger.alpha_spent(tests, self._alpha),
            num_compared=len(compared),
            num_likely=sum(bool(entry.tested) for entry in compared),
        )
        return RegistryState(
            champion=champion,
            anchor=ledger.anchor(entries),
            rolled_back=ledger.rolled_back(entries),
            challenger=ledger.standing_challenger(entries),
            budget=budget,
        )

    def share_of_fresh_rows(self, objectives: list[Objective]) -> float:
        """Return the share of the year's error budget that belongs to new rows; 0 if they are not used.

        Raises:
            SettingsError: They are to be the only evidence, and can be none.
        """
        evidence, reason = self.settings.gate.evidence, fresh_rows.reason_against(objectives)
        if reason and evidence == "fresh":
            raise SettingsError(f"gate.evidence: {reason}; set holdout or both")
        return 0.0 if reason else fresh_rows.SHARES[evidence]

    def earlier_evidence(self) -> EarlierEvidence:
        """Return the evidence from new rows that earlier runs have left; not this one's, which may be resumed after a kill."""
        entries = [entry for entry in ledger.history(self.model) if entry.evidence != self.run_id]
        return fresh_evidence.earlier_evidence(entries)

    def _alpha(self, test: ledger.Entry) -> float:
        """Return what a test of an old ledger has spent: by the settings of its run or, where they are gone, by these."""
        share = tracking.alpha_of(test.evidence)
        return max(self.settings.gate.alpha, GateSettings().alpha) if share is None else share

    def _is_own(self, champion: str, registered: Registered | None) -> bool:
        """Return whether this run, or an attempt at it that did not end well, has made a version."""
        if registered and champion == registered.version:
            return True
        return tracking.unfinished(model_registry.version(self.model, champion), self.fingerprint)

    @contextmanager
    def mlflow_run(self, checked: dict[str, Checked], objectives: list[Objective]) -> Iterator[str]:
        """Open the MLflow run; an error within the block leaves it FAILED, an end from outside KILLED.

        If another machine has taken over the model's lock, the run is its own now, and is left alone.
        """
        self.checked, self.objectives = checked, objectives
        self.forgotten = erasure.erased_keys(self.sources, checked.values())
        name = f"{self.model}-{clock.today()}"
        self.run_id = tracking.start_run(self.model, self.fingerprint, name)
        try:
            artifacts.show_link(self.model, 0, "Night in MLflow", tracking.run_address(self.run_id))
            tracking.connect().log_dict(self.run_id, self.parts, fingerprint.FILE)
            tracking.connect().set_tag(self.run_id, tags.CHANGED, self.changed)
            tracking.log_inputs(self.run_id, self.settings, self.sources, row_counts(checked, objectives))
            tracking.log_metrics(self.run_id, "corrections", correction_counts(checked))
            data_docs = data_docs_folders(checked)
            for path, folder in data_docs.items():
                tracking.connect().log_artifacts(self.run_id, str(folder), path)
            docs = tracking.run_address(self.run_id, f"{next(iter(data_docs))}/index.html")
            artifacts.show_link(self.model, 1, "Data Docs in MLflow", docs)
            with disk.explained():
                yield self.run_id
        except LockLostError:
            raise  # the run belongs to the machine that has taken over
        except BaseException as error:
            status = "failed" if isinstance(error, Exception) else "killed"
            self._end_unfinished(status, str(error) or type(error).__name__)
            raise

    def _end_unfinished(self, status: str, reason: str) -> None:
        """End the MLflow run; where MLflow cannot write that, the next run does, and the error of this one goes on."""
        try:
            tracking.end_run(str(self.run_id), status, reason)
        except Exception as error:
            log.warning("MLflow was not told that the night ended as %s: %s", status, error)

    def version_tags(self) -> dict[str, str]:
        """Return the tags of a registered version that say how it was made."""
        parts = {
            tags.part(name): part if isinstance(part, str) else fingerprint.digest(part)
            for name, part in self.parts.items()
        }
        return {
            **parts,
            tags.FINGERPRINT: self.fingerprint,
            tags.FLOW_RUN: self.flow_run_id or "",
            **labels_tag(self._labels()),
        }

    def skipped(self, earlier: Run) -> NightResult:
        """Return the result of a run that is skipped because nothing changed since a finished one; enter it into the ledger."""
        name, run_id = earlier.info.run_name, earlier.info.run_id
        reason = f"same data, settings, base model, code, environment and device as the night {name} (run {run_id}), "
        reason += f"which ended {earlier.data.tags[tags.STATUS]}"
        model_registry.note(self.model, ledger.SKIPPED, reason, run_id)
        rows = {k.removeprefix("rows/"): int(v) for k, v in earlier.data.metrics.items() if k.startswith("rows/")}
        return self._result("skipped", reason, rows, exclusion.excluded_keys(self.sources))

    def stopped(self, checked: dict[str, Checked]) -> NightResult:
        """Return the result of a run whose data failed a critical expectation, and enter it into the ledger."""
        reasons = {name: record.reason for name, record in checked.items() if record.status == "stopped"}
        reason = "; ".join(reasons.values() if len(checked) == 1 else (f"{n}: {r}" for n, r in reasons.items()))
        model_registry.note(self.model, "stopped", reason, str(self.run_id))
        return self._result("stopped", reason, row_counts(checked, []), self.forgotten)

    def report_data(
        self,
        trained: Trained,
        evaluated: Evaluated,
        compressed: Compressed,
        verdict: Verdict,
        single_task: dict[str, Evaluated],
        reviewed: dict[str, Reviewed],
    ) -> "ReportData":
        """Return the inputs of the report.

        Args:
            trained: The training that was taken.
            evaluated: Its evaluation.
            compressed: Its candidates.
            verdict: The gate's decision.
            single_task: The evaluations of trainings with one objective each, by objective.
            reviewed: The lists of rows that a person is asked about, by objective.
        """
        from nightshift.reporting.report_data import ReportData

        changes, seeds = self._label_changes(verdict.champion_version), self._seeds(verdict.spread)
        return ReportData(
            checked=self.checked,
            objectives=self.objectives,
            trained=trained,
            evaluated=evaluated,
            compressed=compressed,
            verdict=verdict,
            single_task=single_task,
            reviewed=reviewed,
            label_changes=changes,
            seeds=seeds,
            recent_days=self.settings.gate.recent_days,
            timestamp_formats=self.settings.timestamp_formats,
        )

    def promoted_or_held(self, ending: tuple[str, str], registered: Registered, data: "ReportData") -> NightResult:
        """Return the result of a run whose challenger was promoted or held."""
        from nightshift.reporting import report_data

        assert data.evaluated and data.compressed and data.verdict
        status, reason = ending
        rows = row_counts(self.checked, self.objectives)
        tracking.log_metrics(str(self.run_id), "rows", rows)
        return self._result(
            status,
            ". ".join([reason, *report_data.notices(data)]),
            rows,
            self.forgotten,
            version=registered.version,
            metrics=data.verdict.metrics,
            baseline=data.evaluated.baseline,
            candidates=data.compressed.candidates,
            gate=data.verdict.model_dump(include=GATE),
        )

    def _result(
        self, status: str, reason: str, rows: dict[str, int], forgotten: set[str], **version_fields: Any
    ) -> NightResult:
        """Return the result of this run, and log a warning if a version was trained on rows that must be forgotten.

        Args:
            status: How the run ended.
            reason: The reason for it.
            rows: Number of rows by what became of them.
            forgotten: Keys of the rows that must be forgotten.
            **version_fields: Fields of the result of a run that registered a version.
        """
        result = NightResult(
            status=status,
            reason=reason,
            model=self.model,
            champion_version=model_registry.version_of(self.model, model_registry.CHAMPION),
            mlflow_run_id=self.run_id,
            flow_run_id=self.flow_run_id,
            rows=rows,
            changed=self.changed,
            carried_by=erasure.versions_with_erased_rows(self.model, forgotten),
            seconds=self.seconds,
            **version_fields,
        )
        if result.carried_by:
            log.warning("trained on rows that must be forgotten: %s", erasure.describe_versions(result))
        return result

    def finish(self, result: NightResult) -> NightResult:
        """End the MLflow run with the status of the result, and return it with the stages' final times."""
        tracking.end_run(str(self.run_id), result.status, result.reason)
        return result.model_copy(update={"seconds": self.seconds})

    def _label_changes(self, champion: str | None) -> str:
        champions_labels = {}
        if champion:
            champions_labels = json.loads(model_registry.version(self.model, champion).tags.get(tags.LABELS, "{}"))
        lines = []
        for name, labels in self._labels().items():
            old, new = set(champions_labels.get(name, labels)), set(labels)
            for words, difference in (("new", new - old), ("no more", old - new)):
                if difference:
                    lines.append(f"{words} since version {champion}: {', '.join(sorted(difference))}")
        return "; ".join(lines)

    def _seeds(self, spread: float | None) -> str:
        if spread is not None:
            return (
                f"trainings that differ in their seed alone spread by {spread:.4f} (standard deviation, without the noise of "
                "the validation rows)"
            )
        versions = tracking.connect().search_model_versions(f"name = '{self.model}'")
        comparable = [
            version
            for version in versions
            if tags.SEED_SPREAD in version.tags and version.tags.get(tags.BASE_MODEL) == self.parts["base_model"]
        ]
        if not comparable:
            return "what another seed alone would change has not been measured here; gate.seeds: 3 does"
        newest = max(comparable, key=lambda version: int(version.version))
        return (
            f"another seed alone changes as much as {newest.tags[tags.SEED_SPREAD]} (standard deviation), "
            f"as version {newest.version}'s night has measured"
        )

    def _labels(self) -> dict[str, list[str]]:
        return {objective.name: objective.sides.labels for objective in self.objectives if objective.sides.labels}


def labels_tag(labels: dict[str, list[str]]) -> dict[str, str]:
    """Return the tag of a version that names its labels; of some thousand there may be too many for one."""
    text = json.dumps(labels)
    return {tags.LABELS: text} if len(text) <= LONGEST_TAG else {}


def data_docs_folders(checked: dict[str, Checked]) -> dict[str, Path]:
    """Return by its path in the MLflow run the folder of each objective's Data Docs."""
    has_several = len(checked) > 1
    return {
        f"data_docs/{name}" if has_several else "data_docs": artifact_store.folder(record) / "measured/data_docs"
        for name, record in checked.items()
    }


def correction_counts(checked: dict[str, Checked]) -> dict[str, int]:
    """Return the counts of `data.corrections` of all objectives; empty if none has such files."""
    counts: Counter[str] = Counter()
    for record in checked.values():
        if record.corrections:
            counts.update(record.corrections.model_dump(exclude={"new_labels"}))
    return dict(counts)


def row_counts(checked: dict[str, Checked], objectives: list[Objective]) -> dict[str, int]:
    """Return the rows of all objectives: read = kept + quarantined; kept = train + validation + holdout (+ spare)."""
    taken_out = sum(o.sides.leaks + o.sides.near_leaks + o.sides.windowed for o in objectives)
    return {
        "read": sum(record.read for record in checked.values()),
        "kept": sum(record.kept for record in checked.values()) - taken_out,
        "quarantined": sum(sum(record.quarantined.values()) for record in checked.values()) + taken_out,
        **{side: sum(getattr(o.sides, side) for o in objectives) for side in SIDES},
        "augmented": sum(o.augmented.augmented for o in objectives),
    }

"""A night's own bookkeeping: its fingerprint, its clock, its MLflow run, its four endings."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version as installed
from pathlib import Path
from typing import ParamSpec, TypeVar

import pandas as pd
from mlflow.entities import Run
from prefect.settings import PREFECT_TASKS_REFRESH_CACHE, temporary_settings

from models import bases
from tasks import describe, pictures, registry, report, shown, store, tracking
from tasks.records import (
    Augmented,
    Checked,
    Compressed,
    Evaluated,
    NightResult,
    Registered,
    Settings,
    Sides,
    Source,
    Standing,
    Trained,
    Verdict,
)
from tasks.stage import code_version

P = ParamSpec("P")
T = TypeVar("T")
LIBRARIES = ("torch", "transformers", "tokenizers", "onnxruntime", "great-expectations", "scikit-learn", "pandas")


@contextmanager
def stages_afresh(force: bool) -> Iterator[None]:
    """With `force` every stage runs and its cached record is replaced."""
    with temporary_settings({PREFECT_TASKS_REFRESH_CACHE: True} if force else {}):
        yield


def standing(registered: Registered) -> Standing:
    """Champion and anchor as they were before `registered` was promoted, if it was (a night that goes on)."""
    entries = registry.history(registered.name)
    champion = registry.version_of(registered.name, registry.CHAMPION)
    if champion == registered.version:
        while entries and entries[-1].new == registered.version:
            champion = entries.pop().old or None
    return Standing(champion=champion, anchor=registry.anchor(entries))


class Night:
    """Tonight: made once the sources are known, asked by the flow at each turn."""

    def __init__(self, settings: Settings, sources: list[Source], flow_run_id: str | None, entrypoint: Path) -> None:
        self.settings, self.sources, self.flow_run_id = settings, sources, flow_run_id
        self.model: str = settings.model  # type: ignore[attr-defined]
        self.seconds: dict[str, float] = {}
        self.parts = fingerprint_parts(settings, sources, entrypoint)
        self.fingerprint = hashlib.sha256(json.dumps(self.parts, sort_keys=True).encode()).hexdigest()
        self.run_id: str | None = None

    def timed(self, stage: Callable[P, T]) -> Callable[P, T]:
        """The stage, with its wall time entered under its name."""

        def run(*args: P.args, **kwargs: P.kwargs) -> T:
            begun = time.monotonic()
            try:
                record = stage(*args, **kwargs)
            finally:
                name = getattr(stage, "name", "stage")
                self.seconds[name] = round(time.monotonic() - begun, 2)
            shown.stage(self.model, record)
            return record

        return run

    def finished_before(self, force: bool) -> Run | None:
        """The finished night with tonight's fingerprint, if there is one and tonight is not forced."""
        registry.notice_moves_by_hand(self.model)
        earlier = None if force else tracking.finished_night(self.model, self.fingerprint)
        tracking.end_killed(self.model, None if earlier else self.fingerprint)
        return earlier

    @contextmanager
    def run(self, checked: Checked, sides: Sides | None) -> Iterator[str]:
        """Tonight's MLflow run; a night that fails leaves it FAILED, one that is ended from outside KILLED."""
        name = f"{self.model}-{pd.Timestamp.now():%Y-%m-%d}"
        self.run_id = tracking.start_night(self.model, self.fingerprint, name)
        try:
            shown.link(self.model, 0, "Night in MLflow", tracking.run_address(self.run_id))
            tracking.log_inputs(self.run_id, self.settings, self.sources, row_counts(checked, sides, None))
            tracking.connect().log_artifacts(
                self.run_id, str(store.folder(checked) / "measured" / "data_docs"), "data_docs"
            )
            docs = tracking.run_address(self.run_id, "data_docs/index.html")
            shown.link(self.model, 1, "Data Docs in MLflow", docs)
            yield self.run_id
        except BaseException as error:
            status = "failed" if isinstance(error, Exception) else "killed"
            tracking.end_night(self.run_id, status, str(error) or type(error).__name__)
            raise

    def version_tags(self) -> dict[str, str]:
        """What a registered version carries about its making."""
        tags = {f"nightshift.{name}": value for name, value in self.parts.items() if name != "settings"}
        settings = hashlib.sha256(self.parts["settings"].encode()).hexdigest()
        tags["nightshift.base_model"] = bases.digest(self.settings.train.base_model)  # type: ignore[attr-defined]
        return tags | {tracking.FINGERPRINT: self.fingerprint, "nightshift.settings": settings,
                       "nightshift.flow_run": self.flow_run_id or ""}  # fmt: skip

    def skipped(self, earlier: Run) -> NightResult:
        """Nothing changed since a night that has finished."""
        name = earlier.info.run_name
        return NightResult(
            status="skipped",
            reason=f"same data, settings, code and base model as the night {name} (run {earlier.info.run_id}), "
            f"which ended {earlier.data.tags[tracking.STATUS]}",
            model=self.model,
            champion_version=registry.version_of(self.model, registry.CHAMPION),
            flow_run_id=self.flow_run_id,
            rows={k.removeprefix("rows/"): int(v) for k, v in earlier.data.metrics.items() if k.startswith("rows/")},
            seconds=self.seconds,
        )

    def stopped(self, checked: Checked) -> NightResult:
        """The data failed a critical expectation."""
        with self.run(checked, None) as run_id:
            result = NightResult(
                status="stopped",
                reason=checked.reason,
                model=self.model,
                champion_version=registry.version_of(self.model, registry.CHAMPION),
                mlflow_run_id=run_id,
                flow_run_id=self.flow_run_id,
                rows=row_counts(checked, None, None),
                seconds=self.seconds,
            )
            return self._told(result, report.Story(checked=checked))

    def ended(
        self,
        ending: tuple[str, str],
        checked: Checked,
        sides: Sides,
        augmented: Augmented,
        trained: Trained,
        evaluated: Evaluated,
        compressed: Compressed,
        registered: Registered,
        verdict: Verdict,
    ) -> NightResult:
        """Promoted or held: log the figures and pictures, write the report, close the run."""
        result = NightResult(
            status=ending[0],
            reason=ending[1],
            model=self.model,
            version=registered.version,
            champion_version=registry.version_of(self.model, registry.CHAMPION),
            mlflow_run_id=self.run_id,
            flow_run_id=self.flow_run_id,
            rows=row_counts(checked, sides, augmented),
            metrics=verdict.metrics,
            baseline={name: evaluated.baseline[name] for name in ("accuracy", "macro_f1")},
            candidates=compressed.candidates,
            gate=verdict.model_dump(
                include={"decision", "claim", "reasons", "difference", "interval", "margin", "confidence"}
            ),
            seconds=self.seconds,
        )
        tracking.log_metrics(str(self.run_id), "rows", result.rows)
        self._log_figures(sides, trained, evaluated, compressed, registered, verdict)
        describe.describe(result, sides, verdict, self.sources)
        return self._told(result, report.Story(checked, sides, trained, evaluated, compressed, verdict))

    def _log_figures(
        self,
        sides: Sides,
        trained: Trained,
        evaluated: Evaluated,
        compressed: Compressed,
        registered: Registered,
        verdict: Verdict,
    ) -> None:
        assert self.run_id
        client = tracking.connect()
        tracking.log_history(self.run_id, json.loads((store.folder(trained) / "measured/history.json").read_text()))
        served = registry.version(registered.name, registered.version).model_id
        cost = next(c for c in compressed.candidates if c.chosen).model_dump(include=set(report.COSTS))
        for group, values, model_id in (
            ("holdout", verdict.metrics, served),
            ("cost", cost, served),
            ("full", evaluated.holdout, None),
            ("baseline", evaluated.baseline, None),
        ):
            tracking.log_metrics(self.run_id, group, values, model_id)
        client.log_table(self.run_id, pd.DataFrame(trained.layers), "layers.json")
        client.log_dict(self.run_id, evaluated.per_class, "per_class.json")
        tracking.log_candidates(self.run_id, compressed.candidates)
        for picture in report.picture_files(trained, evaluated, compressed, verdict):
            client.log_artifact(self.run_id, str(picture), "pictures")
        shares = {
            side: pd.read_parquet(store.folder(sides) / f"{side}.parquet")["label"].value_counts(normalize=True)
            for side in ("train", "validation", "holdout")
        }
        with store.scratch() as folder:
            pictures.label_shares(shares, folder / "label_shares.png")
            client.log_artifact(self.run_id, str(folder / "label_shares.png"), "pictures")

    def _told(self, result: NightResult, story: report.Story) -> NightResult:
        assert self.run_id
        result.report = str(report.write(result, story))
        tracking.connect().log_artifact(self.run_id, result.report, "report")
        tracking.end_night(self.run_id, result.status, result.reason)
        return result


def fingerprint_parts(settings: Settings, sources: list[Source], entrypoint: Path) -> dict[str, str]:
    """Data, settings, code, libraries and base model: what decides a night's outcome, each as a text."""
    values = settings.model_dump(mode="json", exclude={"base_dir"})
    return {
        "data": hashlib.sha256("\n".join(f"{s.side} {s.sha256}" for s in sources).encode()).hexdigest(),
        "settings": json.dumps(values, sort_keys=True),
        "base_model": settings.train.fingerprint(),  # type: ignore[attr-defined]
        "code": code_version(entrypoint),
        "libraries": " ".join(f"{name}={installed(name)}" for name in LIBRARIES),
    }


def row_counts(checked: Checked, sides: Sides | None, augmented: Augmented | None) -> dict[str, int]:
    """read = kept + quarantined; kept = train + validation + holdout (+ spare)."""
    leaks = sides.leaks if sides else 0
    return {
        "read": checked.read,
        "kept": checked.kept - leaks,
        "quarantined": sum(checked.quarantined.values()) + leaks,
        "train": sides.train if sides else 0,
        "validation": sides.validation if sides else 0,
        "holdout": sides.holdout if sides else 0,
        "spare": sides.spare if sides else 0,
        "augmented": augmented.augmented if augmented else 0,
    }

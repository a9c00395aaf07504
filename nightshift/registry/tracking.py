"""The night's run in MLflow: one parent run a night, a nested run a candidate, no raw text.

The run of a night that was killed or failed is taken up again by the next with the same fingerprint; what other killed
nights left RUNNING is ended as KILLED.
"""

import json
import os
import re
import sqlite3
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import mlflow
from mlflow.entities import Dataset, DatasetInput, InputTag, Run
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from nightshift.errors import NightshiftError, UserError
from nightshift.records import Candidate, Settings, Source
from nightshift.redaction import redact
from nightshift.registry import tags
from nightshift.store import artifact_store

FINISHED = ("promoted", "held")
FULL = "full"
"""Artifact of a night's run: the digests of its training rows and, where nights start warm, the checkpoint of full."""
BEING_MADE = 20.0
"""Seconds in which another process may be making the tables of a new database."""
FINGERPRINT, STATUS = tags.FINGERPRINT, tags.STATUS

PARENT_RUN = "mlflow.parentRunId"
"""MLflow's own tag of a nested run."""


def connect() -> MlflowClient:
    """Return a client for where MLFLOW_TRACKING_URI says; else for a SQLite file under NIGHTSHIFT_HOME.

    Raises UserError if the database is empty, damaged, or of another MLflow.
    """
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        (artifact_store.home() / "mlflow").mkdir(parents=True, exist_ok=True)
        mlflow.set_tracking_uri(_own_file())
    uri = mlflow.get_tracking_uri()
    if uri.startswith("sqlite:///"):
        ensure_usable(Path(uri.removeprefix("sqlite:///")))
    try:
        return MlflowClient()
    except MlflowException as error:
        if "db upgrade" not in str(error):
            raise
        raise UserError(
            f"the MLflow database {without_credentials(uri)} is of another version of MLflow: take a backup of it, then "
            f"`{_mlflow()} db upgrade {without_credentials(uri)}`"
        ) from error


def ensure_own_usable() -> None:
    """Raise UserError if the SQLite file under NIGHTSHIFT_HOME is there and is empty or damaged."""
    ensure_usable(artifact_store.home() / "mlflow" / "mlflow.db")


@cache
def ensure_usable(file: Path) -> None:
    """Raise UserError if a SQLite file of MLflow's is there and is empty or damaged; looked at once per process.

    MLflow would fill an empty file with empty tables, and all models would seem never to have been.
    """
    until = time.monotonic() + BEING_MADE
    while file.exists():
        try:
            with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as database:
                (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
                tables = database.execute(
                    "SELECT count(*) FROM sqlite_master WHERE name = 'alembic_version'"
                ).fetchone()
        except sqlite3.OperationalError:  # locked, or no permission: MLflow says so in its own words
            return
        except sqlite3.DatabaseError as error:
            found, tables = str(error), (0,)
        if found != "ok":
            raise UserError(
                f"the MLflow database {file} is damaged ({found.splitlines()[-1]}): put a backup in its place, or save what can "
                f"be read with `sqlite3 {file} .recover | sqlite3 {file.with_suffix('.recovered')}`"
            )
        if tables[0]:
            return
        if time.monotonic() > until:
            raise UserError(
                f"the MLflow database {file} is empty, so no model's history can be read: put a backup in its place, or, to begin "
                f"anew, `rm {file}`"
            )
        time.sleep(0.2)


def _own_file() -> str:
    return f"sqlite:///{artifact_store.home()}/mlflow/mlflow.db"


@contextmanager
def missing_ignored() -> Iterator[None]:
    """Leave the block, with no error, at the first thing in it that is not in MLflow any more."""
    try:
        yield
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise


def run(run_id: str | None) -> Run | None:
    """Return a run; None if there is none, or if `mlflow gc` has removed it."""
    with missing_ignored():
        return connect().get_run(run_id) if run_id else None
    return None


@contextmanager
def explained() -> Iterator[None]:
    """An MLflow server that does not answer becomes a line that says what to do."""
    try:
        yield
    except MlflowException as error:
        if not re.search("API request .* failed with (timeout )?exception", str(error)):
            raise
        raise NightshiftError(
            f"the MLflow server {without_credentials(connect().tracking_uri)} does not answer: start it (`nightshift status` tells, "
            "`nightshift up` starts one) and run again; the night goes on where it stopped"
        ) from error


def without_credentials(address: str) -> str:
    """An address without the name and password that it may carry."""
    place = urlsplit(address).netloc
    return redact(address.replace(place, place.rpartition("@")[2], 1) if "@" in place else address)


def where_to_look() -> str:
    """The server's address; for a SQLite file the command that shows it."""
    uri = without_credentials(connect().tracking_uri)
    return uri if uri.startswith("http") else f"{_mlflow()} ui --backend-store-uri {uri}"


def _mlflow() -> str:
    """Return the path of MLflow's own command line."""
    return f"{Path(sys.executable).parent}/mlflow"


def run_address(run_id: str, tab: str = "") -> str:
    """The run's page on the MLflow server, or the page of one of its artifacts; empty without a server."""
    client = connect()
    if not client.tracking_uri.startswith("http"):
        return ""
    experiment_id = client.get_run(run_id).info.experiment_id
    return f"{without_credentials(client.tracking_uri)}/#/experiments/{experiment_id}/runs/{run_id}{tab and '/artifacts/' + tab}"


def flow_run_address(flow_run_id: str | None) -> str:
    """The flow run's page in the Prefect UI; empty without a server."""
    ui = os.environ.get("PREFECT_UI_URL")
    return f"{ui}/runs/flow-run/{flow_run_id}" if ui and flow_run_id else ""


def experiment_id(model: str) -> str:
    """Return the id of the model's experiment, which is made if there is none.

    Raises UserError if it was deleted: to bring it back is for the person to decide who deleted it.
    """
    client = connect()
    found = client.get_experiment_by_name(model)
    if found and found.lifecycle_stage == "deleted":
        command = f"MLFLOW_TRACKING_URI={without_credentials(client.tracking_uri)} {_mlflow()} experiments restore --experiment-id"
        raise UserError(
            f"the experiment {model} was deleted in MLflow: `{command} {found.experiment_id}` brings it back with its runs; "
            "or give the settings another `model`"
        )
    if found:
        return str(found.experiment_id)
    own = client.tracking_uri == _own_file()
    location = (artifact_store.home() / "mlflow" / "artifacts" / model).as_uri() if own else None
    kind = {"mlflow.experimentKind": "custom_model_development"}  # its page opens on training runs, not on traces
    return str(client.create_experiment(model, artifact_location=location, tags=kind))


def finished_night(model: str, fingerprint: str = "%") -> Run | None:
    """The last night that ended as promoted or held, with this fingerprint or with any."""
    query = f"tags.`{FINGERPRINT}` LIKE '{fingerprint}' and attributes.status = 'FINISHED'"
    runs = connect().search_runs([experiment_id(model)], query)
    return next((run for run in runs if run.data.tags.get(STATUS) in FINISHED), None)


def end_killed(model: str, resumed: str | None) -> None:
    """End as KILLED the runs that killed nights left RUNNING, but for the newest with the fingerprint `resumed`.

    Call it while holding the model's lock: what nights have left RUNNING then belongs to nobody.
    """
    client = connect()
    for run in _running(model):
        if run.data.tags.get(FINGERPRINT) == resumed and resumed:
            resumed = None
            continue
        client.set_tag(run.info.run_id, STATUS, "killed")
        client.set_terminated(run.info.run_id, "KILLED")


def start_night(model: str, fingerprint: str, name: str) -> str:
    """The id of tonight's run: the last with this fingerprint where it was killed or failed, else a new one."""
    client = connect()
    last = next(iter(client.search_runs([experiment_id(model)], f"tags.`{FINGERPRINT}` = '{fingerprint}'")), None)
    if last is None or last.info.status == "FINISHED":
        return str(client.create_run(experiment_id(model), tags={FINGERPRINT: fingerprint}, run_name=name).info.run_id)
    client.update_run(last.info.run_id, "RUNNING", name)
    return str(last.info.run_id)


def unfinished(version: ModelVersion, fingerprint: str) -> bool:
    """Whether a version comes of a night with this fingerprint that was killed or failed, or is still under way."""
    if version.tags.get(FINGERPRINT) != fingerprint:
        return False
    night = run(version.run_id)
    return night is not None and bool(night.info.status != "FINISHED")


def _running(model: str) -> list[Run]:
    """Nights and their candidates; an experiment may hold other people's runs too."""
    runs = connect().search_runs([experiment_id(model)], "attributes.status = 'RUNNING'")
    return [run for run in runs if any(tag.startswith(tags.PREFIX) for tag in run.data.tags)]


def end_night(run_id: str, status: str, reason: str) -> None:
    """Close the run with the night's status: `failed` is FAILED in MLflow, `killed` KILLED, all else FINISHED."""
    client = connect()
    client.set_tag(run_id, STATUS, status)
    client.set_tag(run_id, tags.REASON, redact(reason))
    client.set_terminated(run_id, status.upper() if status in ("failed", "killed") else "FINISHED")


def log_inputs(run_id: str, settings: Settings, sources: list[Source], rows: dict[str, int]) -> None:
    """Settings as parameters and file, the files as data sets with their digests, the counts of rows."""
    client = connect()
    known = client.get_run(run_id).data.params
    for name, value in flatten(settings.model_dump(mode="json")).items():
        if name not in known:
            client.log_param(run_id, name, str(value)[:6000])
    client.log_dict(run_id, settings.model_dump(mode="json"), "settings.json")
    for name, count in rows.items():
        client.log_metric(run_id, f"rows/{name}", count)
    client.log_inputs(run_id, [_data_set(source) for source in sources])


def alpha_of(run_id: str) -> float | None:
    """Return the share of the error budget that a test of a night's gate took; None where the run is gone."""
    try:
        settings = connect().get_run(run_id).data.params
        return (1 - float(settings["gate.confidence"])) / float(settings["gate.tests_per_year"])
    except (MlflowException, KeyError, ValueError):
        return None


def _data_set(source: Source) -> DatasetInput:
    remote = source.path.startswith("hf:")
    address = {"path": source.path} if remote else {"uri": Path(source.path).as_uri()}
    kind = "hugging_face" if remote else "local"
    data = Dataset(Path(source.path).name, source.sha256[:36], kind, json.dumps(address))
    return DatasetInput(
        data, [InputTag("mlflow.data.context", source.side or "training"), InputTag("sha256", source.sha256)]
    )


def flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested values by their dotted names."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= flatten(value, f"{prefix}{name}.") if isinstance(value, dict) and value else {prefix + name: value}
    return found


def log_metrics(run_id: str, group: str, values: Mapping[str, float], model_id: str | None = None) -> None:
    """Log `group/name` for each value; with `model_id` they stand on the page of that logged model too."""
    client = connect()
    for name, value in values.items():
        client.log_metric(run_id, f"{group}/{name}", value, model_id=model_id)


def log_history(run_id: str, history: list[dict[str, Any]]) -> None:
    """The training's curve, where it was not logged live because the stage came from the cache."""
    client = connect()
    if "train/loss" in client.get_run(run_id).data.metrics:
        return
    for line in history:
        for name, value in line.items():
            if name not in ("epoch", "step") and not isinstance(value, str):
                client.log_metric(run_id, f"train/{name}", float(value), step=line["step"])


def log_candidates(run_id: str, candidates: list[Candidate]) -> None:
    """A nested run for each candidate, and the whole as one table."""
    client = connect()
    parent = client.get_run(run_id)
    query = f"tags.`{PARENT_RUN}` = '{run_id}' and attributes.status = 'FINISHED'"
    known = {run.info.run_name for run in client.search_runs([parent.info.experiment_id], query)}
    for candidate in candidates:
        if candidate.name in known:
            continue
        run = client.create_run(
            parent.info.experiment_id,
            tags={PARENT_RUN: run_id, tags.WHY: candidate.why, tags.CHOSEN: str(candidate.chosen)},
            run_name=candidate.name,
        )
        client.log_param(run.info.run_id, "recipe", candidate.recipe)
        log_metrics(run.info.run_id, "holdout", candidate.holdout)
        for name in ("size_mb", "latency_ms_p50", "latency_ms_p95", "throughput"):
            client.log_metric(run.info.run_id, f"cost/{name}", getattr(candidate, name))
        log_metrics(run.info.run_id, "validation", candidate.validation)
        client.set_terminated(run.info.run_id)
    client.log_text(run_id, json.dumps([c.model_dump() for c in candidates], indent=1), "candidates.json")

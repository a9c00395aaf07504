"""Runs in MLflow: one parent run per run of the pipeline, one nested run per candidate, no raw text.

A run that was killed or failed is resumed by the next one with the same fingerprint; other runs that killed processes left
RUNNING are ended as KILLED.
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
from filelock import FileLock
from mlflow.entities import Dataset, DatasetInput, InputTag, Run
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from nightshift.errors import NightshiftError, UserError
from nightshift.records import Candidate, Settings, Source
from nightshift.redaction import redact
from nightshift.registry import locks, tags
from nightshift.store import artifact_store, processes

FINISHED = ("promoted", "held")
FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
"""Keys of nested settings that MLflow takes in the name of a parameter."""
FULL = "full"
"""Artifact folder of a run: the digests of its training rows and, for warm starts, the uncompressed checkpoint."""
REPORT = "report"
"""Artifact folder of a run: its report page."""
BEING_MADE = 20.0
"""Seconds to wait while another process may be creating the tables of a new database."""
LOST_DATABASE = re.compile(r"\((pg8000|psycopg\w*|pymysql|MySQLdb)[\w.]*\.(InterfaceError|OperationalError)\)")
"""Error of a database's driver, as an MLflow server passes it on when it cannot reach its database."""

PARENT_RUN = "mlflow.parentRunId"
"""MLflow's own tag of a nested run."""


def connect() -> MlflowClient:
    """Return a client for MLFLOW_TRACKING_URI, or for a SQLite file under NIGHTSHIFT_HOME if that is not set.

    Raises:
        UserError: The database is empty, damaged, or of another version of MLflow; or the registry of this home is on
            servers that are not up.
    """
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        if artifact_store.servers_have_storage():
            raise UserError(
                "the registry of this home is not in its files, but behind the servers of `nightshift up`: start them, and run again"
            )
        (artifact_store.home() / "mlflow").mkdir(parents=True, exist_ok=True)
        mlflow.set_tracking_uri(artifact_store.own_registry())
    uri = mlflow.get_tracking_uri()
    if uri.startswith("sqlite:///"):
        _ensure_tables(Path(uri.removeprefix("sqlite:///")))
    try:
        return MlflowClient()
    except MlflowException as error:
        if "db upgrade" not in str(error):
            raise
        raise UserError(
            f"the MLflow database {without_credentials(uri)} is of another version of MLflow: take a backup of it, then "
            f"`{_mlflow()} db upgrade {without_credentials(uri)}`"
        ) from error


@cache
def _ensure_tables(file: Path) -> None:
    """Create MLflow's tables in a new SQLite file, while no other process does; once per process.

    Raises:
        UserError: The file is empty or damaged.
    """
    folder = artifact_store.home() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "mlflow-tables.lock"):
        ensure_usable(file)
        if not file.exists():
            MlflowClient()


def ensure_own_usable() -> None:
    """Raise UserError if the SQLite file under NIGHTSHIFT_HOME exists and is empty or damaged."""
    ensure_usable(artifact_store.home() / "mlflow" / "mlflow.db")


@cache
def ensure_usable(file: Path) -> None:
    """Raise UserError if a SQLite file of MLflow exists and is empty or damaged; checked once per process.

    MLflow would create tables in an empty file, and all models would appear never to have existed.
    """
    deadline = time.monotonic() + BEING_MADE
    while file.exists():
        try:
            with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as database:
                (state,) = database.execute("PRAGMA quick_check(1)").fetchone()
                tables = database.execute(
                    "SELECT count(*) FROM sqlite_master WHERE name = 'alembic_version'"
                ).fetchone()
        except sqlite3.OperationalError:  # locked, or no permission: MLflow says so in its own words
            return
        except sqlite3.DatabaseError as error:
            state, tables = str(error), (0,)
        if state != "ok":
            raise UserError(
                f"the MLflow database {file} is damaged ({state.splitlines()[-1]}): put a backup in its place, or save what can "
                f"be read with `sqlite3 {file} .recover | sqlite3 {file.with_suffix('.recovered')}`"
            )
        if tables[0]:
            return
        if time.monotonic() > deadline:
            raise UserError(
                f"the MLflow database {file} is empty, so no model's history can be read: put a backup in its place, or, to begin "
                f"anew, `rm {file}`"
            )
        time.sleep(0.2)


def has_database() -> bool:
    """Return True if MLflow's database is a server, or a file that exists; to ask makes no file."""
    return bool(os.environ.get("MLFLOW_TRACKING_URI")) or (artifact_store.home() / "mlflow" / "mlflow.db").exists()


@contextmanager
def missing_ignored() -> Iterator[None]:
    """Leave the block without an error if MLflow does not have an object any more."""
    try:
        yield
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise


def run(run_id: str | None) -> Run | None:
    """Return a run; None if there is none or `mlflow gc` has removed it."""
    with missing_ignored():
        return connect().get_run(run_id) if run_id else None
    return None


def registered_names() -> list[str]:
    """Return the names of all registered models, ledgers among them."""
    connect()
    return [model.name for model in mlflow.search_registered_models()]


@contextmanager
def explained() -> Iterator[None]:
    """Turn the error of an MLflow server that does not answer, or that lets nobody in, into one line that says what to do."""
    try:
        yield
    except MlflowException as error:
        if explained_error := explanation(error):
            raise explained_error from error
        raise


def explanation(error: Exception) -> NightshiftError | None:
    """Return an error that says what to do about an MLflow server's; None for other errors."""
    if not isinstance(error, MlflowException):
        return None
    server = f"the MLflow server {without_credentials(mlflow.get_tracking_uri())}"
    if LOST_DATABASE.search(str(error)):
        return NightshiftError(
            f"the database of {server} does not answer: start it and run again; the night goes on where it stopped"
        )
    if re.search("API request .* failed with error code 401 ", str(error)):
        return UserError(
            f"{server} does not accept the sign-in: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or "
            "MLFLOW_TRACKING_TOKEN where it has no users"
        )
    if re.search("API request .* failed with (timeout )?exception", str(error)):
        return NightshiftError(
            f"{server} does not answer: start it (`nightshift status` tells, `nightshift up` starts one) and run again; the night "
            "goes on where it stopped"
        )
    return None


def without_credentials(address: str) -> str:
    """Return an address without user name and password."""
    netloc = urlsplit(address).netloc
    return redact(address.replace(netloc, netloc.rpartition("@")[2], 1) if "@" in netloc else address)


def where_to_look() -> str:
    """Return the address of the MLflow server; for a SQLite file the command that starts one."""
    uri = _pages(connect().tracking_uri)
    return uri if uri.startswith("http") else f"{_mlflow()} ui --backend-store-uri {uri}"


def _mlflow() -> str:
    """Return the path of MLflow's own command line."""
    return f"{Path(sys.executable).parent}/mlflow"


def run_address(run_id: str, tab: str = "") -> str:
    """Return the address of a run's page on the MLflow server, or of one of its artifacts; empty without a server."""
    client = connect()
    if not client.tracking_uri.startswith("http"):
        return ""
    experiment_id = client.get_run(run_id).info.experiment_id
    return f"{_pages(client.tracking_uri)}/#/experiments/{experiment_id}/runs/{run_id}{tab and '/artifacts/' + tab}"


def version_address(name: str, number: str) -> str:
    """Return the address of a version's page on the MLflow server; empty without a server."""
    uri = connect().tracking_uri
    return f"{_pages(uri)}/#/models/{name}/versions/{number}" if uri.startswith("http") else ""


def _pages(server: str) -> str:
    """Return the address by which people open the pages of an MLflow server: the proxy's, if this machine's has one in front."""
    proxy = os.environ.get("NIGHTSHIFT_MLFLOW_URL", "").rstrip("/")
    is_here = urlsplit(server).hostname in ("127.0.0.1", "localhost")
    return proxy if proxy and is_here else without_credentials(server)


def flow_run_address(flow_run_id: str | None) -> str:
    """Return the address of a flow run's page in the Prefect UI; empty without a server."""
    ui = os.environ.get("PREFECT_UI_URL")
    return f"{ui}/runs/flow-run/{flow_run_id}" if ui and flow_run_id else ""


def experiment_id(model: str) -> str:
    """Return the id of the model's experiment; create it if it does not exist.

    Raises:
        UserError: The experiment was deleted. Only the person who deleted it should restore it.
    """
    client = connect()
    experiment = client.get_experiment_by_name(model)
    if experiment and experiment.lifecycle_stage == "deleted":
        command = f"MLFLOW_TRACKING_URI={without_credentials(client.tracking_uri)} {_mlflow()} experiments restore --experiment-id"
        raise UserError(
            f"the experiment {model} was deleted in MLflow: `{command} {experiment.experiment_id}` brings it back with its runs; "
            "or give the settings another `model`"
        )
    if experiment:
        return str(experiment.experiment_id)
    is_own = client.tracking_uri == artifact_store.own_registry()
    location = (artifact_store.home() / "mlflow" / "artifacts" / model).as_uri() if is_own else None
    kind = {"mlflow.experimentKind": "custom_model_development"}  # its page opens on training runs, not on traces
    return str(client.create_experiment(model, artifact_location=location, tags=kind))


def last_finished_run(model: str, fingerprint: str = "%") -> Run | None:
    """Return the last run that ended as promoted or held, with this fingerprint or, by default, any."""
    query = f"tags.`{tags.FINGERPRINT}` LIKE '{fingerprint}' and attributes.status = 'FINISHED'"
    runs = connect().search_runs([experiment_id(model)], query)
    return next((run for run in runs if run.data.tags.get(tags.STATUS) in FINISHED), None)


def end_killed(model: str, resumed: str | None) -> None:
    """End as KILLED all runs that killed processes left RUNNING, except the newest with the fingerprint `resumed`.

    The caller holds the model's lock, so no process works on a run that is still RUNNING; where no Prefect server is shared, that
    holds for this machine alone, and the runs of others are left as they are.
    """
    client = connect()
    for run in _running(model):
        if _may_live_elsewhere(run):
            continue
        if run.data.tags.get(tags.FINGERPRINT) == resumed and resumed:
            resumed = None
            continue
        client.set_tag(run.info.run_id, tags.STATUS, "killed")
        client.set_terminated(run.info.run_id, "KILLED")


def start_run(model: str, fingerprint: str, name: str) -> str:
    """Return the id of the run to log to: the last with this fingerprint if it was killed or failed, else a new one."""
    client = connect()
    last = next(iter(client.search_runs([experiment_id(model)], f"tags.`{tags.FINGERPRINT}` = '{fingerprint}'")), None)
    if last is None or last.info.status == "FINISHED" or (last.info.status == "RUNNING" and _may_live_elsewhere(last)):
        run_tags = {tags.FINGERPRINT: fingerprint, tags.PROCESS: processes.address()}
        return str(client.create_run(experiment_id(model), tags=run_tags, run_name=name).info.run_id)
    client.update_run(last.info.run_id, "RUNNING", name)
    client.set_tag(last.info.run_id, tags.PROCESS, processes.address())
    return str(last.info.run_id)


def _may_live_elsewhere(run: Run) -> bool:
    """Return True if a process of another machine may work on a run, because no lock holds between the machines."""
    host = run.data.tags.get(tags.PROCESS, "").partition("/")[0]
    return host not in ("", processes.host()) and not locks.is_shared()


def unfinished(version: ModelVersion, fingerprint: str) -> bool:
    """Return True if a run with this fingerprint registered the version and has not finished; it may have failed."""
    if version.tags.get(tags.FINGERPRINT) != fingerprint:
        return False
    origin = run(version.run_id)
    return origin is not None and bool(origin.info.status != "FINISHED")


def _running(model: str) -> list[Run]:
    """Return the runs of nightshift, nested ones too, that are RUNNING; the experiment may contain other people's runs."""
    runs = connect().search_runs([experiment_id(model)], "attributes.status = 'RUNNING'")
    return [run for run in runs if any(tag.startswith(tags.PREFIX) for tag in run.data.tags)]


def end_run(run_id: str, status: str, reason: str) -> None:
    """End a run with its outcome: `failed` is FAILED in MLflow, `killed` KILLED, all else FINISHED."""
    client = connect()
    client.set_tag(run_id, tags.STATUS, status)
    client.set_tag(run_id, tags.REASON, redact(reason))
    client.set_terminated(run_id, status.upper() if status in ("failed", "killed") else "FINISHED")


def log_inputs(run_id: str, settings: Settings, sources: list[Source], rows: dict[str, int]) -> None:
    """Log settings as parameters and as a file, source files as data sets with their digests, and row counts.

    Args:
        run_id: The MLflow run.
        settings: The settings of the run.
        sources: The source files.
        rows: Numbers of rows by name, such as `read`.
    """
    client = connect()
    logged = client.get_run(run_id).data.params
    for name, value in flatten(settings.model_dump(mode="json")).items():
        if name not in logged:
            client.log_param(run_id, name, str(value)[:6000])
    client.log_dict(run_id, settings.model_dump(mode="json"), "settings.json")
    for name, count in rows.items():
        client.log_metric(run_id, f"rows/{name}", count)
    client.log_inputs(run_id, [_data_set(source) for source in sources])


def alpha_of(run_id: str) -> float | None:
    """Return the share of the yearly error budget that a run's test spent, by its settings; None if the run is deleted."""
    try:
        settings = connect().get_run(run_id).data.params
        return (1 - float(settings["gate.confidence"])) / float(settings["gate.tests_per_year"])
    except (MlflowException, KeyError, ValueError):
        return None


def _data_set(source: Source) -> DatasetInput:
    if source.path.startswith("hf:"):
        kind, address = "hugging_face", {"path": source.path}
    elif "://" in source.path:
        kind, address = source.path.partition("://")[0], {"uri": source.path}
    else:
        kind, address = "local", {"uri": Path(source.path).as_uri()}
    data = Dataset(Path(source.path).name, source.sha256[:36], kind, json.dumps(address))
    return DatasetInput(
        data, [InputTag("mlflow.data.context", source.side or "training"), InputTag("sha256", source.sha256)]
    )


def flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested values by their dotted names; a dictionary whose keys are no names, such as patterns, is one value."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        is_nested = isinstance(value, dict) and value and all(map(FIELD_NAME.fullmatch, value))
        flat |= flatten(value, f"{prefix}{name}.") if is_nested else {prefix + name: value}
    return flat


def log_metrics(run_id: str, group: str, values: Mapping[str, float], model_id: str | None = None) -> None:
    """Log each value as the metric `group/name`.

    Args:
        run_id: The MLflow run.
        group: The first part of the metrics' names.
        values: The metrics by name.
        model_id: A logged model on whose page they are shown too.
    """
    client = connect()
    for name, value in values.items():
        client.log_metric(run_id, f"{group}/{name}", value, model_id=model_id)


def log_history(run_id: str, history: list[dict[str, Any]]) -> None:
    """Log the training curve, unless it was logged during training; a stage from the cache has not logged it."""
    client = connect()
    if "train/loss" in client.get_run(run_id).data.metrics:
        return
    for line in history:
        for name, value in line.items():
            if name not in ("epoch", "step") and not isinstance(value, str):
                client.log_metric(run_id, f"train/{name}", float(value), step=line["step"])


def log_candidates(run_id: str, candidates: list[Candidate]) -> None:
    """Log a nested run for each candidate, and all candidates as one JSON file."""
    client = connect()
    parent = client.get_run(run_id)
    query = f"tags.`{PARENT_RUN}` = '{run_id}' and attributes.status = 'FINISHED'"
    logged = {run.info.run_name for run in client.search_runs([parent.info.experiment_id], query)}
    for candidate in candidates:
        if candidate.name in logged:
            continue
        run = client.create_run(
            parent.info.experiment_id,
            tags={
                PARENT_RUN: run_id,
                tags.CANDIDATE_REASON: candidate.why,
                tags.CANDIDATE_CHOSEN: str(candidate.chosen),
            },
            run_name=candidate.name,
        )
        client.log_param(run.info.run_id, "recipe", candidate.recipe)
        log_metrics(run.info.run_id, "holdout", candidate.holdout)
        for name in ("size_mb", "latency_ms_p50", "latency_ms_p95", "throughput"):
            client.log_metric(run.info.run_id, f"cost/{name}", getattr(candidate, name))
        log_metrics(run.info.run_id, "validation", candidate.validation)
        client.set_terminated(run.info.run_id)
    client.log_text(run_id, json.dumps([c.model_dump() for c in candidates], indent=1), "candidates.json")

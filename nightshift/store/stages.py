"""Stages: Prefect tasks whose output is cached by content, and that a run follows from the outside."""

import hashlib
import inspect
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.settings import PREFECT_TASKS_REFRESH_CACHE, temporary_settings
from prefect.transactions import CommitMode, transaction
from pydantic import BaseModel

from nightshift import redaction
from nightshift.errors import NightshiftError
from nightshift.records import Artifact, Settings
from nightshift.store import artifact_store, record_checks, runtime_environment, shared_artifacts
from nightshift.store.code_digest import code_digest, imports_torch

P = ParamSpec("P")
R = TypeVar("R")
A = TypeVar("A", bound=Artifact)

UNKEYED = ("model_name", "run_id", "base_dir", "deadline")
"""Parameters that do not change the result of a stage: names, places and times."""


class Observer(Protocol):
    """A run that follows its stages: it may have them run anew, and takes note of their time and their records."""

    refreshes: bool
    """True if every stage runs whatever is cached, and replaces the cached record."""

    def stage_begins(self) -> None:
        """Prepare for a stage; an error that is raised here ends the run."""
        ...

    def stage_ended(self, name: str, seconds: float) -> None:
        """Take note of a stage's wall time, also of one that failed."""
        ...

    def stage_returned(self, record: Any) -> None:
        """Take note of the record of a stage that did not fail."""
        ...


_observer: ContextVar[Observer | None] = ContextVar("observer", default=None)


def current_observer() -> Observer | None:
    """Return the observer of the stages that are called now."""
    return _observer.get()


@contextmanager
def followed_by(observer: Observer | None) -> Iterator[None]:
    """Have an observer follow every stage that is called within the block; not those that a stage calls itself."""
    token = _observer.set(observer)
    try:
        yield
    finally:
        _observer.reset(token)


class Stage(Task[P, R]):
    """A Prefect task that the observer of the run follows, and whose artifact goes to the shared store."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task as Prefect does, between the calls of the observer if there is one."""
        observer = _observer.get()
        if observer is None:
            return self._run_and_upload(*args, **kwargs)
        begin = time.monotonic()
        observer.stage_begins()
        try:
            with (
                followed_by(None),
                temporary_settings({PREFECT_TASKS_REFRESH_CACHE: True} if observer.refreshes else {}),
            ):
                record = self._run_and_upload(*args, **kwargs)
        finally:
            observer.stage_ended(self.name, time.monotonic() - begin)
        observer.stage_returned(record)
        return record

    def _run_and_upload(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task, and upload the artifact that its record refers to once Prefect has written the record."""
        record = super().__call__(*args, **kwargs)
        if self.persist_result and isinstance(record, Artifact):
            shared_artifacts.upload(record.path, replace=PREFECT_TASKS_REFRESH_CACHE.value())
        return record


def uncached_stage(retries: int = 0) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Turn a function into a stage that runs each time and has no folder in the store.

    Args:
        retries: How often it is tried again, 5 s later each time.
    """

    def decorate(function: Callable[P, R]) -> Task[P, R]:
        return Stage(
            function,
            name=function.__name__,
            task_run_name=function.__name__,
            retries=retries,
            retry_delay_seconds=5,
            cache_policy=NO_CACHE,
        )

    return decorate


def stage(function: Callable[Concatenate[Path, P], A]) -> Task[P, A]:
    """Turn `function(folder, ...) -> record` into a Prefect task `(...) -> record`, cached by content.

    The function writes its output into `folder`; the wrapper moves it to its place in the store and fills in the
    record's path and digests. Prefect persists the record into that folder, as its completion marker; of a stage within
    a stage at once, and not only when the outer one ends.
    """
    fetch_errors: dict[str, NightshiftError] = {}
    signature = inspect.signature(function)
    outer = signature.replace(parameters=list(signature.parameters.values())[1:])

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> A:
        bound = outer.bind(*args, **kwargs)
        path = artifact_path(function, bound.arguments)
        if path in fetch_errors:
            raise fetch_errors.pop(path)
        with (
            redaction.redacted_errors(),
            artifact_store.new_artifact(path, replace=PREFECT_TASKS_REFRESH_CACHE.value()) as folder,
            transaction(commit_mode=CommitMode.EAGER),
        ):
            record = function(folder, *args, **kwargs)
        final = (
            artifact_store.root() / path
        )  # another process may have finished the same artifact first, and its files stay
        digests = {"digest": artifact_store.folder_digest(final), "measured": artifact_store.measured_digest(final)}
        return record.model_copy(update={"path": path} | digests)

    def key(_context: Any, parameters: dict[str, Any]) -> str:
        path = artifact_path(function, parameters)
        if not PREFECT_TASKS_REFRESH_CACHE.value():
            record_checks.set_aside_damaged(path)
            try:
                shared_artifacts.fetch(path)
            except NightshiftError as error:  # Prefect would log it and run the task without a key
                fetch_errors[path] = error
        return f"{path}/{artifact_store.MARKER}"

    run.__signature__ = outer  # type: ignore[attr-defined]
    return Stage(
        cast(Callable[P, A], run),
        name=function.__name__,
        task_run_name=function.__name__,
        cache_key_fn=key,
        persist_result=True,
        result_serializer=record_checks.JSON_SERIALIZER,
    )


def artifact_path(function: Callable[..., Any], parameters: dict[str, Any]) -> str:
    """Return `STAGE/KEY`; the key covers the digests of the inputs, settings, code and packages, and the device of models."""
    module = Path(inspect.getfile(function))
    device = runtime_environment.device() if imports_torch(module) else ""
    digest = hashlib.sha256(code_digest(module).encode())
    digest.update(f"{runtime_environment.environment()} {device}\n".encode())
    for name, value in sorted(parameters.items()):
        if name not in UNKEYED:
            digest.update(f"{name}={_identity(value)}\n".encode())
    return f"{function.__name__}/{digest.hexdigest()[:24]}"


def _identity(value: Any) -> str:
    if isinstance(value, Artifact):
        return value.digest
    if isinstance(value, Settings):
        return value.fingerprint()
    if isinstance(value, BaseModel):
        return _identity({name: getattr(value, name) for name in type(value).model_fields})
    if isinstance(value, dict):
        return "{" + ",".join(f"{name}: {_identity(item)}" for name, item in sorted(value.items())) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_identity(item) for item in value) + "]"
    return repr(value)

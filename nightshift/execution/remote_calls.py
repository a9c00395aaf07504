"""Calls that run in another process: what is sent, how it is carried out there, and what comes back.

Only records, settings and names of functions go to and fro, never data. There a call runs in the flow run of the night, and
its stages find and keep their artifacts in the store as they do here.
"""

import importlib
import inspect
import logging
import os
import pickle
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from prefect import Flow, get_client
from prefect.client.schemas import FlowRun
from prefect.context import FlowRunContext, TagsContext, hydrated_context
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker
from prefect.results import ResultStore
from prefect.settings import PREFECT_TASKS_REFRESH_CACHE, temporary_settings

from nightshift.execution.calls import Call
from nightshift.inference import predictor
from nightshift.store import artifact_store, disk, processes
from nightshift.store.stages import current_observer, followed_by

T = TypeVar("T")
DRAIN = 10.0
"""Seconds that the last log lines and events of a call may take to the Prefect server."""


@dataclass(frozen=True)
class FlowReference:
    """The flow run that a call belongs to."""

    flow: str
    """MODULE:NAME of the flow."""
    run: FlowRun
    tags: frozenset[str]

    @classmethod
    def current(cls) -> "FlowReference | None":
        """Return the flow run of this process; None outside of one."""
        context = FlowRunContext.get()
        if context is None or context.flow is None or context.flow_run is None:
            return None
        tags = TagsContext.get().current_tags
        return cls(reference(context.flow.fn), context.flow_run, frozenset(tags))

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Let the tasks of the block belong to the flow run, with this machine's own storage of results."""
        flow: Flow[..., Any] = resolve(self.flow)
        context = {"flow": flow, "flow_run": self.run, "result_store": ResultStore().update_for_flow(flow)}
        tags = {"current_tags": set(self.tags)}
        with (
            get_client(sync_client=True) as client,
            hydrated_context({"flow_run_context": context, "tags_context": tags}, client),
        ):
            yield


@dataclass(frozen=True)
class Request:
    """A call as it is sent."""

    function: str
    """MODULE:NAME."""
    arguments: tuple[Any, ...]
    model: str
    """The registered model, under whose name trainings keep their checkpoints."""
    cpus: int
    flow_run: FlowReference | None
    is_observed: bool
    """True for a call of the flow itself; False for one of a stage."""
    refreshes: bool
    """True if stages run whatever is cached."""


@dataclass(frozen=True)
class StageEnd:
    """The end of a stage, which the observer of the run is told here."""

    name: str
    seconds: float
    record: Any = None


@dataclass
class Answer:
    """The result of a call as it comes back."""

    host: str
    seconds: float = 0.0
    result: Any = None
    error: Exception | None = None
    stages: list[StageEnd] = field(default_factory=list)


def reference(function: Callable[..., Any]) -> str:
    """Return MODULE:NAME of a stage, or of a function at the top level of a module."""
    function = inspect.unwrap(getattr(function, "fn", function))
    return f"{function.__module__}:{function.__qualname__}"


def resolve(name: str) -> Any:
    """Return the object with this `reference`."""
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


def pack(call: Call[Any], model: str, cpus: int) -> bytes:
    """Return a call as it is sent.

    Args:
        call: The call.
        model: The registered model.
        cpus: Threads of the call.
    """
    observer = current_observer()
    refreshes = observer.refreshes if observer else PREFECT_TASKS_REFRESH_CACHE.value()
    return pickle.dumps(
        Request(
            reference(call.function),
            call.arguments,
            model,
            cpus,
            FlowReference.current(),
            observer is not None,
            bool(refreshes),
        )
    )


def unpack(call: Call[T], answer: Answer) -> T:
    """Return the result of a call, and tell the observer of the run of its stages; raise its error if it failed."""
    with call.scope():
        if observer := current_observer():
            for end in answer.stages:
                observer.stage_ended(end.name, end.seconds)
                if end.record is not None:
                    observer.stage_returned(end.record)
        if answer.error is not None:
            raise answer.error
        result: T = answer.result
        return result


def carry_out(packed: bytes) -> bytes:
    """Carry out a call in this process, and return the answer."""
    start_time = time.monotonic()
    request: Request = pickle.loads(packed)
    answer = Answer(processes.host())
    _set_threads(request.cpus)
    logging.getLogger("nightshift").setLevel(logging.INFO)
    try:
        with ExitStack() as stack:
            if request.flow_run:
                stack.enter_context(request.flow_run.entered())
            recorder = StageRecorder(request.model, request.refreshes, answer.stages)
            stack.enter_context(followed_by(recorder if request.is_observed else None))
            if request.refreshes:
                stack.enter_context(temporary_settings({PREFECT_TASKS_REFRESH_CACHE: True}))
            answer.result = resolve(request.function)(*request.arguments)
    except Exception as error:
        error.add_note(f"on {answer.host}:\n{''.join(traceback.format_exception(error))}")
        answer.error = error
    _send_remaining()
    answer.seconds = time.monotonic() - start_time
    return _dumps(answer)


def _dumps(answer: Answer) -> bytes:
    """Return an answer in bytes; an error that cannot be sent as it is becomes one with its text."""
    try:
        packed = pickle.dumps(answer)
        pickle.loads(packed)
    except Exception:
        answer.error = RuntimeError(f"{type(answer.error).__name__}: {answer.error}")
        packed = pickle.dumps(answer)
    return packed


def _set_threads(count: int) -> None:
    """Limit the threads of torch, OpenMP and the batches of onnxruntime."""
    import torch

    os.environ["OMP_NUM_THREADS"] = str(count)
    torch.set_num_threads(count)
    predictor.cpu_limit = count


def _send_remaining() -> None:
    """Send what is left of events and log lines, since the process may be ended at any time from now on."""
    for service in (EventsWorker, APILogWorker):
        service.drain_all(timeout=DRAIN, at_exit=False)


class StageRecorder:
    """Observer of a call's stages in another process; it notes what the observer of the run is told later.

    Args:
        model: The registered model.
        refreshes: True if stages run whatever is cached.
        stages: List that the ends of stages are added to.
    """

    def __init__(self, model: str, refreshes: bool, stages: list[StageEnd]) -> None:
        self.model, self.refreshes, self.stages = model, refreshes, stages

    def stage_begins(self) -> None:
        """Raise NightshiftError if the disk is almost full."""
        disk.ensure_room()

    def stage_ended(self, name: str, seconds: float) -> None:
        """Note the wall time of a stage."""
        self.stages.append(StageEnd(name, seconds))

    def stage_returned(self, record: Any) -> None:
        """Clear the stage's work folder and note its record."""
        artifact_store.clear_work(self.model, record)
        self.stages[-1] = replace(self.stages[-1], record=record)


def carried_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of this process that name servers, sign in to them, or decide how libraries behave."""
    return {name: value for name, value in environment.items() if name.startswith(CARRIED) and name not in OF_MACHINE}


CARRIED = ("PREFECT_", "MLFLOW_", "GX_", "HF_HUB_", "TOKENIZERS_", "OMP_WAIT_POLICY", "DO_NOT_TRACK")
"""Beginnings of names of variables that go to other processes of a night."""
OF_MACHINE = ("PREFECT_HOME", "PREFECT_RESULTS_LOCAL_STORAGE_PATH", "PREFECT_PROFILES_PATH")
"""Variables that each machine sets for itself."""

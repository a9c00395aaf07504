"""Independent calls of a night, and the runner that carries them out."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Call(Generic[T]):
    """A call that may run in another process or on another machine, and that no other call of the same batch needs."""

    name: str
    """Name in the log."""
    function: Callable[..., T]
    """A stage, or a function at the top level of a module, which the other process imports."""
    arguments: tuple[Any, ...]
    """Records, settings, plain values, or the few thousand texts of one part of a file; never a whole data set. What the
    function returns is the same.
    """
    scope: Callable[[], AbstractContextManager[None]] = nullcontext
    """Entered in this process while the call runs, or while its result is taken in: names an objective in errors."""
    uses_gpu: bool = True
    """False for calls that neither train nor predict."""
    sends_tasks: bool = False
    """True for calls that take places of the nodes themselves. They are carried out in this process, one after the other: side by
    side each could hold the node that another waits for.
    """
    when_done: Callable[[], None] = lambda: None
    """Called in this process when the call has ended, in the order in which calls end."""

    def run(self) -> T:
        """Run the call in this process."""
        with self.scope():
            result = self.function(*self.arguments)
        self.when_done()
        return result


class Runner(Protocol):
    """Carries out independent calls."""

    is_parallel: bool
    """False if a call begins when the one before has ended."""

    def run(self, calls: Iterable[Call[T]]) -> list[T]:
        """Return the results in the order of the calls; raise the error of the first that fails."""
        ...


class LocalRunner:
    """Runs calls one after the other in this process; each is taken when the one before has ended."""

    is_parallel = False

    def run(self, calls: Iterable[Call[T]]) -> list[T]:
        """Return the results in the order of the calls."""
        return [call.run() for call in calls]


_runner: ContextVar[Runner] = ContextVar("runner", default=LocalRunner())  # noqa: B039


@contextmanager
def carried_out_by(runner: Runner) -> Iterator[None]:
    """Have a runner carry out the calls of the block."""
    token = _runner.set(runner)
    try:
        yield
    finally:
        _runner.reset(token)


def run_calls(calls: Iterable[Call[T]]) -> list[T]:
    """Return the results of independent calls, in their order."""
    return current_runner().run(calls)


def current_runner() -> Runner:
    """Return the runner that carries out the calls here."""
    return _runner.get()


def is_parallel() -> bool:
    """Return True if calls of one batch run side by side."""
    return current_runner().is_parallel

"""What makes a plain function a stage: a folder to write into, a cache key, and Prefect's task around it."""

import ast
import hashlib
import inspect
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from prefect import Task, task
from prefect.settings import PREFECT_TASKS_REFRESH_CACHE
from prefect.transactions import CommitMode, transaction
from pydantic import BaseModel

from tasks import machine, redaction, store
from tasks.records import Artifact, Settings

P = ParamSpec("P")
A = TypeVar("A", bound=Artifact)

UNKEYED = ("model_name", "run_id", "base_dir", "deadline")
"""Parameters that change where a stage reports to, not what it makes."""


def stage(function: Callable[Concatenate[Path, P], A]) -> Task[P, A]:
    """Turn `function(folder, ...) -> record` into a Prefect task `(...) -> record`, cached by content.

    The function writes its output into `folder`; the wrapper moves it to its place in the store and fills in the
    record's path and digest. Prefect persists the record into that folder, as its completion marker; of a stage within
    a stage at once, and not only when the outer one ends.
    """
    signature = inspect.signature(function)
    outer = signature.replace(parameters=list(signature.parameters.values())[1:])

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> A:
        bound = outer.bind(*args, **kwargs)
        path = artifact_path(function, bound.arguments)
        with (
            redaction.redacted_errors(),
            store.writing(path, again=PREFECT_TASKS_REFRESH_CACHE.value()) as folder,
            transaction(commit_mode=CommitMode.EAGER),
        ):
            record = function(folder, *args, **kwargs)
            digest = store.folder_digest(folder)
        return record.model_copy(update={"path": path, "digest": digest})

    run.__signature__ = outer  # type: ignore[attr-defined]
    wrap = task(
        name=function.__name__,
        task_run_name=function.__name__,
        cache_key_fn=lambda _context, parameters: f"{artifact_path(function, parameters)}/{store.MARKER}",
        persist_result=True,
        result_serializer="json",
    )
    return cast(Task[P, A], wrap(run))


def artifact_path(function: Callable[..., Any], parameters: dict[str, Any]) -> str:
    """`STAGE/KEY`, the key made from the inputs' digests, the stage's settings and code, and what it runs on."""
    digest = hashlib.sha256(code_version(Path(inspect.getfile(function))).encode())
    digest.update(f"{machine.environment()} {machine.device()}\n".encode())
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


@cache
def code_version(module: Path) -> str:
    """Digest of a module's source and of all it imports from this project, however indirectly."""
    seen: dict[str, str] = {}
    todo = [module]
    while todo:
        path = todo.pop()
        if str(path) in seen or not path.is_file():
            continue
        seen[str(path)] = store.file_digest(path)
        todo += _project_imports(path)
    return hashlib.sha256("".join(sorted(seen.values())).encode()).hexdigest()


def _project_imports(path: Path) -> list[Path]:
    top = Path(__file__).parent.parent
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        found += [
            top / (name.replace(".", "/") + ".py")
            for name in names
            if name.split(".")[0] in ("tasks", "models", "expectations")
        ]
    return found

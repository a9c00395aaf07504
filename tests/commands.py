"""Commands in processes that are forked from one which has imported the large libraries: each import takes seconds."""

import atexit
import multiprocessing
import os
import runpy
import sys
import threading
import traceback
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

CONTEXT = multiprocessing.get_context("forkserver")
PRELOADED = ["accelerate", "datasets", "great_expectations", "matplotlib.pyplot", "mlflow", "onnxruntime", "onnxscript",
             "pandas", "peft", "sklearn.linear_model", "scipy.stats", "torch", "transformers"]  # fmt: skip
"""Nothing of nightshift or Prefect, which read the environment when they are imported."""
IMPORT_PATH = tuple(sys.path)
"""As it is before any test: `mlflow.pyfunc.load_model` puts a model's own copy of nightshift's modules in front of it."""


def start_forked(target: Callable[..., None], *arguments: object) -> BaseProcess:
    """Start a function in a process that is forked from the one with the large libraries."""
    CONTEXT.set_forkserver_preload(PRELOADED)
    process = CONTEXT.Process(target=target, args=arguments)
    process.start()
    return process


def run_command(arguments: tuple[str, ...], folder: Path, environment: dict[str, str], timeout: float) -> int:
    """Run a command of nightshift in a forked process; return its exit code.

    Args:
        arguments: The command and its options, without `nightshift`.
        folder: Working directory; the output goes into its files `out` and `err`.
        environment: The whole environment of the command.
        timeout: Seconds after which the process is killed and TimeoutError is raised.
    """
    process = start_forked(run_main, arguments, folder, environment, IMPORT_PATH)
    process.join(timeout)
    if process.exitcode is None:
        process.kill()
        raise TimeoutError(f"{arguments} took more than {timeout} s")
    return process.exitcode


def run_main(
    arguments: tuple[str, ...], folder: Path, environment: dict[str, str], import_path: tuple[str, ...]
) -> None:
    """Do what `python -m cli.main` does, from the environment to the functions at exit."""
    sys.path[:] = import_path
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number, name in ((1, "out"), (2, "err")):
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(file, number)
        os.close(file)
    sys.argv = ["nightshift", *arguments]
    code: object = 0
    try:
        runpy.run_module("cli.main", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
        code = 1
    threading._shutdown()  # what an interpreter does at its end, and a forked process does not
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))

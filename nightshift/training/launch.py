"""The same training in several processes: `accelerate launch -m nightshift.training.launch FOLDER`, with all it needs in the folder."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil
from transformers import PreTrainedTokenizerBase

from nightshift.models import pretrained
from nightshift.models.heads import Heads, Model
from nightshift.training.progress import ProgressCallback
from nightshift.training.tokenization import Examples
from nightshift.training.trainer import TrainingOptions, TrainingResult, fit

PARENT = "NIGHTSHIFT_LAUNCHED_BY"
"""Environment variable with the id of the process that launched."""
CHECKED, ENDED = 1.0, 20.0
"""Seconds between two checks while the processes train, and those that they have to end in."""
BASE, TRAINED, JOB, ENDING = "base", "trained", "job.json", "ending.json"


def launch(
    model: Model,
    tokenizer: PreTrainedTokenizerBase,
    heads: Heads,
    train: Mapping[str, Examples],
    validation: Mapping[str, Examples],
    folder: Path,
    arguments: dict[str, Any],
    recipe: TrainingOptions,
    options: Mapping[str, Any],
    check: Callable[[], None] = lambda: None,
) -> TrainingResult:
    """What `nightshift.training.trainer.fit` does, under `accelerate launch` with `options` by their own names.

    `check` is called every second; what it raises ends the processes.

    Raises RuntimeError where the processes fail; their own lines say why.
    """
    pretrained.save_checkpoint(model, tokenizer, heads, folder / BASE)
    for side, examples in (("train", train), ("validation", validation)):
        (folder / side).mkdir(exist_ok=True)
        for name, rows in examples.items():
            rows.write(folder / side / f"{name}.arrow")
    (folder / JOB).write_text(json.dumps({"arguments": arguments, "recipe": asdict(recipe)}))
    command = [
        sys.executable,
        "-m",
        "accelerate.commands.launch",
        *flags(options),
        "-m",
        "nightshift.training.launch",
        str(folder),
    ]
    root = Path(__file__).parents[2]
    told = {"PYTHONPATH": str(root), PARENT: str(os.getpid())}
    with subprocess.Popen(command, cwd=root, env=os.environ | told) as process:
        try:
            while (code := process.poll()) is None:
                check()
                time.sleep(CHECKED)
        except BaseException:
            _end(process)
            raise
    if code:
        raise RuntimeError(f"the training under accelerate launch ended with exit code {code}")
    trained, _, _ = pretrained.load_checkpoint(folder / TRAINED)
    return TrainingResult(trained, **json.loads((folder / ENDING).read_text()))


def _end(launcher: "subprocess.Popen[bytes]") -> None:
    """End the launcher and the processes that it has started: of a single one it does not do so itself."""
    family = psutil.Process(launcher.pid).children(recursive=True)
    launcher.terminate()
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    for process in psutil.wait_procs(family, timeout=ENDED)[1]:
        process.kill()


def flags(options: Mapping[str, Any]) -> list[str]:
    """`{"num_processes": 2, "cpu": True}` as `--num_processes=2 --cpu`."""
    return [f"--{name}" if value is True else f"--{name}={value}" for name, value in options.items()]


def _leave_with(parent: int) -> None:
    while psutil.pid_exists(parent):
        time.sleep(1)
    os._exit(1)


def main(folder: Path) -> None:
    """One of the processes; it ends with the one that launched it."""
    threading.Thread(target=_leave_with, args=(int(os.environ[PARENT]),), daemon=True).start()
    job = json.loads((folder / JOB).read_text())
    model, tokenizer, heads = pretrained.load_checkpoint(folder / BASE)
    train, validation = (
        {name: Examples.open(folder / side / f"{name}.arrow") for name in heads} for side in ("train", "validation")
    )
    first = int(os.environ.get("RANK", "0")) == 0
    callbacks = [ProgressCallback("train")] if first else []
    fitted = fit(
        model,
        tokenizer,
        heads,
        train,
        validation,
        folder,
        job["arguments"],
        callbacks,
        TrainingOptions(**job["recipe"]),
    )
    if first:
        pretrained.save_checkpoint(fitted.model, tokenizer, heads, folder / TRAINED)
        ending = {"history": fitted.history, "metrics": fitted.metrics}
        (folder / ENDING).write_text(json.dumps(ending))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

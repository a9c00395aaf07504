"""Training in several processes, each of which reads the inputs from a folder; the first writes the result there.

`launch` starts them on this machine, by `accelerate launch -m nightshift.training.launch FOLDER`.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil
from transformers import TrainerCallback

from nightshift.models import pretrained
from nightshift.training.progress import ProgressCallback, Publish
from nightshift.training.tokenization import Examples
from nightshift.training.trainer import TrainerJob, TrainingOptions, TrainingResult, fit

PARENT = "NIGHTSHIFT_LAUNCHED_BY"
"""Environment variable with the process id of the launching process."""
CHECK_INTERVAL, TERMINATION_TIMEOUT = 1.0, 20.0
"""Seconds between two checks while the processes train, and until processes that do not terminate are killed."""
BASE, TRAINED, JOB, RESULT = "base", "trained", "job.json", "result.json"


def launch(
    job: TrainerJob, launcher_options: Mapping[str, Any], check: Callable[[], None] = lambda: None
) -> TrainingResult:
    """Train as `nightshift.training.trainer.fit` does, under `accelerate launch`.

    Args:
        job: The model, its examples and how to train it; `output_dir` also holds the inputs and the result.
        launcher_options: Options of `accelerate launch` by their own names.
        check: Called every second; an exception that it raises ends the processes.

    Raises:
        RuntimeError: The processes fail; they print the reason.
    """
    folder = job.output_dir
    write_inputs(job, folder)
    command = [
        sys.executable,
        "-m",
        "accelerate.commands.launch",
        *flags(launcher_options),
        "-m",
        "nightshift.training.launch",
        str(folder),
    ]
    root = Path(__file__).parents[2]
    environment = {"PYTHONPATH": str(root), PARENT: str(os.getpid())}
    with subprocess.Popen(command, cwd=root, env=os.environ | environment) as process:
        try:
            while (code := process.poll()) is None:
                check()
                time.sleep(CHECK_INTERVAL)
        except BaseException:
            _terminate(process)
            raise
    if code:
        raise RuntimeError(f"the training under accelerate launch ended with exit code {code}")
    return read_result(folder)


def write_inputs(job: TrainerJob, folder: Path) -> None:
    """Write what the processes of a training read."""
    pretrained.save_checkpoint(job.model, job.tokenizer, job.heads, folder / BASE)
    for side, examples in (("train", job.train), ("validation", job.validation)):
        (folder / side).mkdir(exist_ok=True)
        for name, rows in examples.items():
            rows.write(folder / side / f"{name}.arrow")
    (folder / JOB).write_text(json.dumps({"arguments": job.arguments, "options": asdict(job.options)}))


def read_result(folder: Path) -> TrainingResult:
    """Return what the first process has written."""
    trained, _, _ = pretrained.load_checkpoint(folder / TRAINED)
    return TrainingResult(trained, **json.loads((folder / RESULT).read_text()))


def _terminate(launcher: "subprocess.Popen[bytes]") -> None:
    """Terminate the launcher and the processes that it has started; it does not terminate a single one itself."""
    children = psutil.Process(launcher.pid).children(recursive=True)
    launcher.terminate()
    for process in children:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    for process in psutil.wait_procs(children, timeout=TERMINATION_TIMEOUT)[1]:
        process.kill()


def flags(options: Mapping[str, Any]) -> list[str]:
    """Return options as command-line flags: `--num_processes=2 --cpu` for `{"num_processes": 2, "cpu": True}`."""
    return [f"--{name}" if value is True else f"--{name}={value}" for name, value in options.items()]


def _exit_with(parent: int) -> None:
    while psutil.pid_exists(parent):
        time.sleep(1)
    os._exit(1)


def main(folder: Path) -> None:
    """Train in one of the processes; exit when the launching process ends."""
    threading.Thread(target=_exit_with, args=(int(os.environ[PARENT]),), daemon=True).start()
    train_from(folder, folder, folder)


def train_from(
    folder: Path,
    output_dir: Path,
    result_folder: Path,
    callbacks: Sequence[TrainerCallback] = (),
    publish: Publish = lambda _share, _text: None,
) -> None:
    """Train in one of the processes, whose number and address are in the environment.

    Args:
        folder: Folder of the inputs.
        output_dir: Folder of the checkpoints.
        result_folder: Folder that the first process writes the result to.
        callbacks: Further callbacks of the trainer.
        publish: Publishes the progress; only the first process does.
    """
    settings = json.loads((folder / JOB).read_text())
    model, tokenizer, heads = pretrained.load_checkpoint(folder / BASE)
    train, validation = (
        {name: Examples.open(folder / side / f"{name}.arrow") for name in heads} for side in ("train", "validation")
    )
    is_main_process = int(os.environ.get("RANK", "0")) == 0
    progress = [ProgressCallback("train", publish)] if is_main_process else []
    options = TrainingOptions(**settings["options"])
    job = TrainerJob(model, tokenizer, heads, train, validation, output_dir, settings["arguments"], options)
    result = fit(job, [*callbacks, *progress])
    if is_main_process:
        pretrained.save_checkpoint(result.model, tokenizer, heads, result_folder / TRAINED)
        records = {"history": result.history, "metrics": result.metrics}
        (result_folder / RESULT).write_text(json.dumps(records))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

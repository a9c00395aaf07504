"""Stages of several replayed nights at once: each in a process and a registry of its own, with the replay's artifact store.

What these nights register and decide is thrown away. The nights of the replay, one after the other, then find their stages
up to compression in the store.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import yaml

from flows.settings import NightSettings
from nightshift.inference.predictor import available_cpus
from nightshift.store import artifact_store

FOLDER = "ahead"


def depends_on_champion(settings: NightSettings) -> bool:
    """Return True if a night's training depends on the champion, so that nights cannot be trained at once."""
    return bool(settings.train.warm_start) or "champion" in settings.compress.teachers


def train_ahead(settings_by_day: Mapping[date, NightSettings], workers: int) -> None:
    """Run the stages of nights that only depend on their rows; a night that fails here fails again, and says so, in its turn.

    Args:
        settings_by_day: Settings of the nights.
        workers: Number of processes at once.
    """
    with ThreadPoolExecutor(workers) as pool:
        for day, settings in settings_by_day.items():
            pool.submit(_run_night, day, settings, workers)


def _run_night(day: date, settings: NightSettings, workers: int) -> None:
    """Run a night in a folder of its own that is removed afterwards."""
    store = artifact_store.root()
    folder = artifact_store.home() / FOLDER / str(day)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    store.mkdir(parents=True, exist_ok=True)
    (folder / store.name).symlink_to(store, target_is_directory=True)
    file = folder / "settings.yaml"
    file.write_text(yaml.safe_dump(settings.model_dump(mode="json", exclude_none=True)), encoding="utf-8")
    own = ("PREFECT_HOME", "PREFECT_API_URL", "PREFECT_RESULTS_LOCAL_STORAGE_PATH")
    environment = {name: value for name, value in os.environ.items() if name not in own}
    threads = max(1, available_cpus() // workers)
    environment |= {"NIGHTSHIFT_HOME": str(folder), "OMP_NUM_THREADS": str(threads)}
    try:
        command = [sys.executable, "-m", "cli.main", "run", str(file)]
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    finally:
        (folder / store.name).unlink()
        shutil.rmtree(folder, ignore_errors=True)

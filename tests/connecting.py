"""A connection to MLflow in a process of its own."""

import os
import sys
from multiprocessing.synchronize import Barrier
from pathlib import Path


def connect_together(home: Path, barrier: Barrier, import_path: tuple[str, ...]) -> None:
    """Connect to a database that is not there yet, at the same moment as other processes."""
    sys.path[:] = import_path
    os.environ["NIGHTSHIFT_HOME"] = str(home)
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    from nightshift.registry import tracking

    barrier.wait(60)
    tracking.connect().search_experiments()

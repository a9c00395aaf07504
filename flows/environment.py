"""Where a run's files lie: sets, before Prefect is imported, what its settings and ours read from the environment."""

import os

from tasks import store

DEFAULTS = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "GX_ANALYTICS_ENABLED": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "PREFECT_LOGGING_EXTRA_LOGGERS": "nightshift",
}


def prepare() -> None:
    """Fill in what the user has not set; everything lies under NIGHTSHIFT_HOME."""
    home = store.home()
    os.environ["NIGHTSHIFT_HOME"] = str(home)
    places = {"PREFECT_HOME": str(home / "prefect"), "PREFECT_RESULTS_LOCAL_STORAGE_PATH": str(store.root())}
    for name, value in (DEFAULTS | places).items():
        os.environ.setdefault(name, value)
    (home / "prefect").mkdir(parents=True, exist_ok=True)

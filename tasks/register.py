"""Registers the chosen candidate in MLflow as the challenger: ONNX and a tokenizer, served without torch."""

import warnings
from importlib.metadata import version as installed
from pathlib import Path

import mlflow
import pandas as pd
from mlflow.models import infer_signature
from prefect import task

from models import serving
from tasks import registry, store, tracking
from tasks.records import Compressed, Registered, Sides

REQUIREMENTS = [
    f"{package}=={installed(package)}" for package in ("mlflow", "numpy", "onnxruntime", "pandas", "tokenizers")
]


@task(name="register", task_run_name="register", retries=2, retry_delay_seconds=5)
def register(model: str, compressed: Compressed, sides: Sides, run_id: str, tags: dict[str, str]) -> Registered:
    """Log and register the chosen candidate under `model`, alias `challenger`; once for a run and an artifact."""
    client = tracking.connect()
    registry.ensure(model)
    for known in client.search_model_versions(f"name = '{model}' and run_id = '{run_id}'"):
        if known.tags.get(registry.FROM) == compressed.digest:
            return Registered(name=model, version=str(known.version), run_id=run_id)
    chosen = store.folder(compressed) / compressed.chosen
    candidate = next(c for c in compressed.candidates if c.chosen)
    model_id = _log_model(run_id, chosen / "serving", sides.pairs)
    client.log_artifacts(run_id, str(chosen / "checkpoint"), "checkpoint")
    made = client.create_model_version(
        model,
        source=f"models:/{model_id}",
        model_id=model_id,
        run_id=run_id,
        description=f"{candidate.recipe}: {candidate.why}",
        tags=tags | {
            registry.FROM: compressed.digest,
            registry.RECIPE: candidate.recipe,
            "nightshift.confirmed": str(candidate.confirmed).lower(),
            "nightshift.checkpoint": f"runs:/{run_id}/checkpoint",
        },
    )  # fmt: skip
    client.set_registered_model_alias(model, registry.CHALLENGER, made.version)
    return Registered(name=model, version=str(made.version), run_id=run_id)


def _log_model(run_id: str, folder: Path, pairs: bool) -> str:
    example = pd.DataFrame({"text": ["a text"]} | ({"text_pair": ["another"]} if pairs else {}))
    answer = serving.answers(serving.OnnxTextClassifier(folder), example)
    mlflow.start_run(run_id=run_id)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a missing input example
            info = mlflow.pyfunc.log_model(
                name="model",
                python_model=serving.__file__,
                artifacts={"model": str(folder)},
                signature=infer_signature(example, answer[["label", "score"]]),
                pip_requirements=REQUIREMENTS,
            )
    finally:
        mlflow.end_run("RUNNING")
    return str(info.model_id)

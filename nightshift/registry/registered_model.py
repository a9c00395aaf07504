"""A registered version, read with nightshift's own code.

A version's folder is data here: its `serving.py`, `predictor.py` and packages are for `mlflow.pyfunc` and are never run
by a night or a command, and nothing is unpickled. Its files are compared with the digests recorded at registration.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from nightshift.errors import DamagedVersionError, ForeignVersionError
from nightshift.inference import footprint, serving
from nightshift.inference.predictor import OnnxPredictor
from nightshift.registry import integrity, tags
from nightshift.store import artifact_store

SERVING_FOLDER = "artifacts/serving"
"""Where MLflow keeps, within a logged model, the folder that `tasks.register` logs as its artifact `model`."""
ONNX_FILES = ("model.onnx", "tokenizer.json", "config.json")
GENERATIVE_FILE = "serving.json"
"""The file that only the folder of a model that writes text has."""
ADAPTER = "adapter_config.json"
"""A file by which transformers would fetch another model's weights; nightshift merges adapters before it registers."""


class RegisteredModel:
    """A version that is loaded and answers."""

    def __init__(self, version: ModelVersion) -> None:
        """Download, compare and load a version.

        Raises ForeignVersionError if nightshift did not register it, DamagedVersionError if its files are missing,
        changed or unreadable.
        """
        self.label = version_label(version)
        with files_of(version) as folder:
            served = folder / SERVING_FOLDER
            self.size_mb = footprint.size_mb(served)
            """Of the model's files, 10^6 bytes."""
            self.writes = (served / GENERATIVE_FILE).exists()
            self.predictor: Any = _loaded(served, self.writes, self.label)

    @property
    def heads(self) -> dict[str, Any]:
        """What is known of each objective, by its name."""
        return dict(self.predictor.heads)

    def answers(self, rows: pd.DataFrame, objective: str = "", **params: Any) -> pd.DataFrame:
        """Return what `mlflow.pyfunc` answers with the same code: see `nightshift.inference.serving` and `nightshift.inference.generative`.

        Args:
            rows: A frame with `text`, and what else the objective reads.
            objective: Which one answers; the main one if it is empty.
            params: Of a model that writes text: those of `nightshift.inference.generative.answers`.

        Raises:
            ValueError: for an objective, a column or a parameter that the model does not have.
        """
        if self.writes:
            from nightshift.inference import generative  # it takes torch

            return generative.answers(self.predictor, rows, objective, **params)
        if params:
            raise ValueError("it writes no text")
        return serving.answers(self.predictor, rows, objective)


def version_label(version: ModelVersion) -> str:
    """Return how messages name a version."""
    return f"version {version.version} of {version.name}"


def ensure_own(version: ModelVersion) -> None:
    """Raise ForeignVersionError unless a night registered this version."""
    if tags.COMPRESSED not in version.tags or version.tags.get(tags.CHECKPOINT) != checkpoint_uri(version.run_id):
        raise ForeignVersionError(
            f"{version_label(version)} was not registered by nightshift: nothing of it is loaded (mlflow.pyfunc may know it)"
        )


def checkpoint_uri(run_id: str) -> str:
    """Return where a night's run keeps the Hugging Face checkpoint of the version that it registers."""
    return f"runs:/{run_id}/checkpoint"


@contextmanager
def files_of(version: ModelVersion) -> Iterator[Path]:
    """Yield a copy of a version's folder whose digests are right; it goes with the block.

    Raises ForeignVersionError if nightshift did not register it, DamagedVersionError if files are missing or changed.
    """
    ensure_own(version)
    what = version_label(version)
    name = version.source.removeprefix("models:/").replace("/", "@")
    with _verified(
        f"models:/{version.name}/{version.version}", name, version.tags.get(tags.DIGEST, ""), what
    ) as folder:
        needed = () if (folder / SERVING_FOLDER / GENERATIVE_FILE).exists() else ONNX_FILES
        for missing in (name for name in needed if not (folder / SERVING_FOLDER / name).is_file()):
            raise DamagedVersionError(f"{what} is not whole: {SERVING_FOLDER}/{missing} is missing")
        yield folder


@contextmanager
def checkpoint_of(version: ModelVersion) -> Iterator[Path]:
    """Yield a copy of the Hugging Face checkpoint that a version was made from, as `files_of` does of the version."""
    ensure_own(version)
    tag, what = version.tags.get(tags.CHECKPOINT_DIGEST, ""), f"the checkpoint of {version_label(version)}"
    with _verified(checkpoint_uri(version.run_id), f"{version.run_id}-checkpoint", tag, what) as folder:
        yield folder


@contextmanager
def _verified(uri: str, name: str, tag: str, what: str) -> Iterator[Path]:
    """Yield a downloaded folder that is the one whose digests were recorded.

    Args:
        uri: Where MLflow has it.
        name: The name of its record, see `integrity.difference`.
        tag: The digest in the version's tag; empty for a version of a nightshift that recorded none.
        what: How messages name it.
    """
    with artifact_store.scratch() as scratch:
        try:
            folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(scratch)))
        except (MlflowException, OSError) as error:
            why = (str(error).splitlines() or [type(error).__name__])[0]
            raise DamagedVersionError(f"{what} cannot be downloaded: {why}") from error
        if difference := integrity.difference(name, integrity.digests(folder), tag):
            raise DamagedVersionError(f"{what} is not as it was registered: {difference}")
        if any(folder.rglob(ADAPTER)):
            raise DamagedVersionError(f"{what} holds {ADAPTER}, which nightshift does not write")
        yield folder


def _loaded(folder: Path, writes: bool, what: str) -> Any:
    try:
        if writes:
            from nightshift.inference import generative

            return generative.GenerativePredictor(folder)
        return OnnxPredictor(folder)
    except KeyError as error:
        raise ForeignVersionError(
            f"{what} is of a form that this nightshift does not read (no {error}): a night with --force registers it anew"
        ) from error
    except Exception as error:  # each library raises its own, onnxruntime nothing more precise
        why = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise DamagedVersionError(f"{what} cannot be read: {why}") from error

"""A registered version, loaded with nightshift's own code.

A version's folder is treated as data: its `serving.py`, `predictor.py` and packages are for `mlflow.pyfunc` and are never
executed by a run or a command, and nothing is unpickled. Its files are checked against the digests recorded at registration.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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
"""Path, within MLflow's logged model, of the folder that `tasks.register` logs as its artifact `model`."""
ONNX_FILES = ("model.onnx", "tokenizer.json", "config.json")
GENERATIVE_FILE = "serving.json"
"""A file that only generative models have."""
ADAPTER = "adapter_config.json"
"""A file that makes transformers download another model's weights; nightshift merges adapters before registration."""

SERVED_ONLY = "mlflow-artifacts URI was supplied"
"""MLflow's words where files that its server passes on are asked for without the server."""


@dataclass(frozen=True)
class VerifiedFolder:
    """A temporary copy of a folder in MLflow whose files are as they were registered."""

    path: Path
    digests: dict[str, str]
    """sha256 of each file by relative path."""


class RegisteredModel:
    """A registered version that is loaded and can predict."""

    def __init__(self, version: ModelVersion) -> None:
        """Download, verify and load a version.

        Raises:
            ForeignVersionError: nightshift did not register it.
            DamagedVersionError: Its files are missing, changed or unreadable.
        """
        self.label = version_label(version)
        with files_of(version) as folder:
            serving_folder = folder / SERVING_FOLDER
            self.size_mb = footprint.size_mb(serving_folder)
            """Size of the model's files, 10^6 bytes."""
            self.is_generative = (serving_folder / GENERATIVE_FILE).exists()
            self.predictor: Any = _load(serving_folder, self.is_generative, self.label)

    @property
    def heads(self) -> dict[str, Any]:
        """Return the heads by the name of their objective."""
        return dict(self.predictor.heads)

    def answers(self, rows: pd.DataFrame, objective: str = "", **params: Any) -> pd.DataFrame:
        """Return the predictions that `mlflow.pyfunc` makes with the same code.

        See `nightshift.inference.serving` and `nightshift.inference.generative`.

        Args:
            rows: A frame with `text` and the other columns that the objective reads.
            objective: Name of the objective; empty for the main one.
            params: Parameters of `nightshift.inference.generative.answer_frame`, for generative models only.

        Raises:
            ValueError: For an objective, a column or a parameter that the model does not have.
        """
        if self.is_generative:
            from nightshift.inference import generative  # it takes torch

            return generative.answer_frame(self.predictor, rows, objective, **params)
        if params:
            raise ValueError("it writes no text")
        return serving.answer_frame(self.predictor, rows, objective)


def version_label(version: ModelVersion) -> str:
    """Return the name of a version in messages."""
    return f"version {version.version} of {version.name}"


def ensure_own(version: ModelVersion) -> None:
    """Raise ForeignVersionError unless nightshift registered this version."""
    if tags.COMPRESSED not in version.tags or version.tags.get(tags.CHECKPOINT) != checkpoint_uri(version.run_id):
        raise ForeignVersionError(
            f"{version_label(version)} was not registered by nightshift: nothing of it is loaded (mlflow.pyfunc may know it)"
        )


def checkpoint_uri(run_id: str) -> str:
    """Return the address of the Hugging Face checkpoint that a run logs with the version it registers."""
    return f"runs:/{run_id}/checkpoint"


def record_name(version: ModelVersion) -> str:
    """Return the name of the record of a version's files, see `integrity.record`."""
    return str(version.source.removeprefix("models:/").replace("/", "@"))


@contextmanager
def files_of(version: ModelVersion) -> Iterator[Path]:
    """Yield a verified temporary copy of a version's folder; errors as in `verified_files_of`."""
    with verified_files_of(version) as registered:
        yield registered.path


@contextmanager
def verified_files_of(version: ModelVersion) -> Iterator[VerifiedFolder]:
    """Yield a verified temporary copy of a version's folder, and its digests.

    Raises:
        ForeignVersionError: nightshift did not register it.
        DamagedVersionError: Files are missing or changed.
    """
    ensure_own(version)
    label = version_label(version)
    with _verified(
        f"models:/{version.name}/{version.version}", record_name(version), version.tags.get(tags.DIGEST, ""), label
    ) as registered:
        served = registered.path / SERVING_FOLDER
        required = () if (served / GENERATIVE_FILE).exists() else ONNX_FILES
        for missing in (name for name in required if not (served / name).is_file()):
            raise DamagedVersionError(f"{label} is not whole: {SERVING_FOLDER}/{missing} is missing")
        yield registered


@contextmanager
def exportable_files_of(version: ModelVersion, folder: Path) -> Iterator[VerifiedFolder]:
    """Write a version's model files into a folder as `nightshift export` lays them out, and yield the version's own folder.

    Args:
        version: The registered version.
        folder: An existing folder. Its `checkpoint` takes the checkpoint. A model for onnxruntime is put beside it, the served files
            of a generative model into `serving`, or into `checkpoint` where the weights are the same.

    Raises:
        ForeignVersionError: nightshift did not register it.
        DamagedVersionError: Files are missing or changed.
    """
    with checkpoint_of(version) as checkpoint:
        shutil.copytree(checkpoint, folder / "checkpoint", copy_function=_link_or_copy)
    with verified_files_of(version) as registered:
        add_serving_files(registered.path / SERVING_FOLDER, folder)
        yield registered


def add_serving_files(served: Path, folder: Path) -> None:
    """Add the registered files that a model is served from, unchanged, to a folder that holds its checkpoint."""
    if not (served / GENERATIVE_FILE).exists():
        shutil.copytree(served, folder, dirs_exist_ok=True, copy_function=_link_or_copy)
        return
    checkpoint = integrity.digests(folder / "checkpoint")
    served_files = {path: digest for path, digest in integrity.digests(served).items() if path != GENERATIVE_FILE}
    if served_files.items() <= checkpoint.items():
        _link_or_copy(str(served / GENERATIVE_FILE), str(folder / "checkpoint" / GENERATIVE_FILE))
    else:
        shutil.copytree(served, folder / "serving", copy_function=_link_or_copy)


def _link_or_copy(source: str, target: str) -> None:
    """Link a file of a temporary copy, which nobody else writes to; copy it to another disk."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)


@contextmanager
def checkpoint_of(version: ModelVersion) -> Iterator[Path]:
    """Yield a verified temporary copy of the Hugging Face checkpoint of a version; errors as in `verified_files_of`."""
    ensure_own(version)
    label = f"the checkpoint of {version_label(version)}"
    tag = version.tags.get(tags.CHECKPOINT_DIGEST, "")
    with _verified(checkpoint_uri(version.run_id), f"{version.run_id}-checkpoint", tag, label) as checkpoint:
        yield checkpoint.path


@contextmanager
def _verified(uri: str, name: str, tag: str, label: str) -> Iterator[VerifiedFolder]:
    """Yield a temporary copy of a folder in MLflow whose digests match the recorded ones.

    Args:
        uri: The folder's address in MLflow.
        name: The name of its record, see `integrity.difference`.
        tag: The digest in the version's tag; empty if an old version of nightshift recorded none.
        label: The folder's name in messages.
    """
    with artifact_store.temporary_directory() as scratch:
        try:
            folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(scratch)))
        except (MlflowException, OSError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            if SERVED_ONLY in reason:
                reason = "only the MLflow server reads it: start the servers with `nightshift up`"
            raise DamagedVersionError(f"{label} cannot be downloaded: {reason}") from error
        digests = integrity.digests(folder)
        if difference := integrity.difference(name, digests, tag):
            raise DamagedVersionError(f"{label} is not as it was registered: {difference}")
        if any(folder.rglob(ADAPTER)):
            raise DamagedVersionError(f"{label} holds {ADAPTER}, which nightshift does not write")
        yield VerifiedFolder(folder, digests)


def _load(folder: Path, is_generative: bool, label: str) -> Any:
    """Return the predictor of a version's serving folder."""
    try:
        if is_generative:
            from nightshift.inference import generative

            return generative.GenerativePredictor(folder)
        return OnnxPredictor(folder)
    except KeyError as error:
        raise ForeignVersionError(
            f"{label} is of a form that this nightshift does not read (no {error}): a night with --force registers it anew"
        ) from error
    except Exception as error:  # each library raises its own, onnxruntime nothing more precise
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise DamagedVersionError(f"{label} cannot be read: {reason}") from error

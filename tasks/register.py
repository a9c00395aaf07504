"""Register the chosen candidate in MLflow as the challenger: an ONNX model, which needs no torch, or a generative model."""

import json
import logging
import warnings
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import mlflow
from mlflow.entities.model_registry import ModelVersion
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema

from nightshift import escaping, text_cleaning
from nightshift.errors import NightshiftError, UserError
from nightshift.evaluation.kinds import form_of
from nightshift.evaluation.prediction_tables import Form
from nightshift.inference import generative, predictor, serving
from nightshift.onnx import export
from nightshift.records import GENERATIVE, Compressed, Objective, Registered
from nightshift.registry import integrity, ledger, linked_files, model_registry, registered_model, tags, tracking
from nightshift.store import artifact_store
from nightshift.store.code_digest import copy_modules
from nightshift.store.stages import uncached_stage

log = logging.getLogger("nightshift.register")
ONNX_MODEL = {
    "python_model": serving.__file__,
    "artifacts": {"predictor": predictor.__file__},
    "pip": ("mlflow", "numpy", "onnxruntime", "pandas", "tokenizers"),
    "params": {"objective": ("string", "")},
}
GENERATIVE_MODEL = {
    "python_model": generative.__file__,
    "artifacts": {},
    "pip": ("mlflow", "numpy", "pandas", "pyarrow", "safetensors", "tokenizers", "torch", "transformers"),
    "params": {
        "objective": ("string", ""),
        "max_new_tokens": ("long", None),
        "temperature": ("double", None),
        "top_p": ("double", None),
        "top_k": ("long", None),
        "repetition_penalty": ("double", None),
        "stop_strings": ("string", None),
        "seed": ("long", 0),
        "score": ("boolean", False),
    },
}
"""Arguments of `log_model` for the two forms of models; `params` are type and default of each parameter of `answers`.

The default None stands for the value that the objective is registered with, see `_param`.
"""
OUTPUTS: dict[Form, list[ColSpec]] = {
    "labels": [ColSpec("string", "label"), ColSpec("double", "score")],
    "numbers": [ColSpec("double", "score")],
    "losses": [ColSpec("string", "text")],
    "texts": [ColSpec("string", "text")],
}


@uncached_stage(retries=2)
def register(
    model: str, compressed: Compressed, objectives: list[Objective], run_id: str, version_tags: dict[str, str]
) -> Registered:
    """Log the chosen candidate, register it and set the alias `challenger`; once per run and artifact.

    Args:
        model: The registered model.
        compressed: The candidates, one of them chosen.
        objectives: The objectives that the model predicts.
        run_id: The MLflow run.
        version_tags: More tags for the version.
    """
    client = tracking.connect()
    ledger.ensure_model(model)
    versions = client.search_model_versions(f"name = '{model}' and tags.`{tags.COMPRESSED}` = '{compressed.digest}'")
    recipe = compressed.chosen_candidate.recipe
    earlier = (
        str(version.version)
        for version in versions
        if version.tags[tags.RECIPE] == recipe
        and tracking.unfinished(version, version_tags[tags.FINGERPRINT])
        and _is_intact(version)
    )
    number = next(earlier, None) or _create_version(model, compressed, objectives, run_id, version_tags)
    if model_registry.version_of(model, model_registry.CHAMPION) != number:
        client.set_registered_model_alias(model, model_registry.CHALLENGER, number)
    return Registered(name=model, version=number, run_id=run_id)


def _is_intact(version: ModelVersion) -> bool:
    """Return True if the files of a version from an earlier attempt are complete and unchanged."""
    try:
        with registered_model.files_of(version), registered_model.checkpoint_of(version):
            return True
    except UserError as error:
        log.warning("%s: it is registered anew", error)
        return False


def _create_version(
    model: str, compressed: Compressed, objectives: list[Objective], run_id: str, version_tags: dict[str, str]
) -> str:
    """Create a version and return its number."""
    client = tracking.connect()
    candidate = compressed.chosen_candidate
    folder = artifact_store.folder(compressed) / candidate.name
    model_id = log_model(run_id, folder / "serving", objectives)
    location = client.get_logged_model(model_id).artifact_location
    linked_files.link_weights(f"{location}/{registered_model.SERVING_FOLDER}", folder / "serving")
    digest = _record_digests(f"models:/{model_id}", model_id, {registered_model.SERVING_FOLDER: folder / "serving"})
    linked_files.log_folder(run_id, folder / "checkpoint", "checkpoint")
    checkpoint = registered_model.checkpoint_uri(run_id)
    checkpoint_digest = _record_digests(checkpoint, f"{run_id}-checkpoint", {"": folder / "checkpoint"})
    version = client.create_model_version(
        model,
        source=f"models:/{model_id}",
        model_id=model_id,
        run_id=run_id,
        description=escaping.markdown(f"{candidate.recipe}: {candidate.why}"),
        tags={
            **version_tags,
            tags.COMPRESSED: compressed.digest,
            tags.RECIPE: candidate.recipe,
            tags.OBJECTIVES: json.dumps({objective.name: objective.kind for objective in objectives}),
            tags.CONFIRMED: str(candidate.confirmed).lower(),
            tags.DIGEST: digest,
            tags.CHECKPOINT: checkpoint,
            tags.CHECKPOINT_DIGEST: checkpoint_digest,
        },
    )
    return str(version.version)


def _record_digests(uri: str, name: str, sources: dict[str, Path]) -> str:
    """Record the digests of a folder in MLflow; return their combined digest for a tag of the version.

    Args:
        uri: The folder's address in MLflow.
        name: The name of its record, see `integrity.record`.
        sources: Local folders that were logged, by path in that folder.

    Raises:
        NightshiftError: MLflow does not hold the files that were logged, as on a full disk.
    """
    with artifact_store.temporary_directory() as scratch:
        logged = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(scratch)))
        for path, source in sources.items():
            if integrity.digests(logged / path) != integrity.digests(source):
                raise NightshiftError(
                    f"MLflow's artifact store does not hold what was logged to {uri}: look at its disk"
                )
        return integrity.record(name, integrity.digests(logged))


def log_model(run_id: str, folder: Path, objectives: list[Objective]) -> str:
    """Log a serving folder as the run's model, without pickle; return the id of the logged model."""
    form: dict[str, Any] = GENERATIVE_MODEL if any(o.kind in GENERATIVE for o in objectives) else ONNX_MODEL
    cleanings = [objective.cleaning for objective in objectives if objective.cleaning]
    cleaning_files = {"cleaning": text_cleaning.__file__} if cleanings and form is ONNX_MODEL else {}
    packages = {*form["pip"], *(package for cleaning in cleanings for package in cleaning.packages)}
    mlflow.start_run(run_id=run_id)
    try:
        with warnings.catch_warnings(), artifact_store.temporary_directory() as code:
            warnings.simplefilter("ignore")  # of a missing input example
            if form is GENERATIVE_MODEL:
                copy_modules(Path(generative.__file__), code)
            info = mlflow.pyfunc.log_model(
                name="model",
                python_model=form["python_model"],
                code_paths=[str(path) for path in code.iterdir()] or None,
                artifacts={"model": str(folder)} | form["artifacts"] | cleaning_files,
                signature=_signature(objectives, form["params"], _abstains(folder)),
                pip_requirements=[f"{name}=={installed(name).partition('+')[0]}" for name in sorted(packages)],
            )
    finally:
        mlflow.end_run("RUNNING")
    return str(info.model_id)


def _abstains(folder: Path) -> bool:
    """Return True if the model may abstain from an answer."""
    if not (folder / export.CONFIG).exists():
        return False
    heads = json.loads((folder / export.CONFIG).read_text(encoding="utf-8")).get("heads", {})
    return any(head.get("abstain_below") is not None for head in heads.values())


def _signature(objectives: list[Objective], params: dict[str, tuple[str, Any]], abstains: bool) -> ModelSignature:
    """Return the signature: columns that are not needed by every objective are optional."""
    columns = [ColSpec("string", "text")]
    paired = [objective.sides.pairs for objective in objectives]
    if any(paired):
        columns.append(ColSpec("string", "text_pair", required=all(paired)))
    if any(objective.kind in GENERATIVE for objective in objectives):
        columns.append(ColSpec("string", "target", required=False))
    schema = ParamSchema([_param(name, kind, default, objectives) for name, (kind, default) in params.items()])
    outputs = OUTPUTS[form_of(objectives[0])] + [ColSpec("boolean", "abstain")] * abstains
    return ModelSignature(Schema(columns), Schema(outputs) if len(objectives) == 1 else None, schema)


def _param(name: str, kind: str, default: Any, objectives: list[Objective]) -> ParamSpec:
    """Return a parameter; its default is the value that all generative objectives are registered with, if they agree."""
    values = [objective.generation.model_dump().get(name) for objective in objectives if objective.kind in GENERATIVE]
    if default is None and all(value == values[0] for value in values):
        default = values[0]
    return ParamSpec(name, kind, default, shape=(-1,) if name == "stop_strings" else None)

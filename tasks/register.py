"""Registers the chosen candidate in MLflow as the challenger: ONNX, served without torch, or a model that writes text."""

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

from nightshift import escaping
from nightshift.errors import NightshiftError, UserError
from nightshift.inference import generative, predictor, serving
from nightshift.onnx import export
from nightshift.records import GENERATIVE, Compressed, Kind, Objective, Registered
from nightshift.registry import integrity, ledger, model_registry, registered_model, tags, tracking
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
"""How each of the two served forms is logged; `params` are the arguments of its `answers`: type and default.

None stands for what the objective was registered with; see `_signature`.
"""
OUTPUTS: dict[Kind, list[ColSpec]] = {
    "classification": [ColSpec("string", "label"), ColSpec("double", "score")],
    "regression": [ColSpec("double", "score")],
    "generation": [ColSpec("string", "text")],
    "text2text": [ColSpec("string", "text")],
}


@uncached_stage(retries=2)
def register(
    model: str, compressed: Compressed, objectives: list[Objective], run_id: str, version_tags: dict[str, str]
) -> Registered:
    """Log and register the chosen candidate under `model`, alias `challenger`; once for a night and an artifact."""
    client = tracking.connect()
    ledger.ensure_model(model)
    known = client.search_model_versions(f"name = '{model}' and tags.`{tags.COMPRESSED}` = '{compressed.digest}'")
    recipe = next(c.recipe for c in compressed.candidates if c.chosen)
    ours = [str(one.version) for one in known
            if one.tags[tags.RECIPE] == recipe and tracking.unfinished(one, version_tags[tags.FINGERPRINT])
            and _is_whole(one)]  # fmt: skip
    number = ours[0] if ours else _registered(model, compressed, objectives, run_id, version_tags)
    if model_registry.version_of(model, model_registry.CHAMPION) != number:
        client.set_registered_model_alias(model, model_registry.CHALLENGER, number)
    return Registered(name=model, version=number, run_id=run_id)


def _is_whole(version: ModelVersion) -> bool:
    """Return whether the files of an earlier attempt's version are all there and unchanged."""
    try:
        with registered_model.files_of(version), registered_model.checkpoint_of(version):
            return True
    except UserError as error:
        log.warning("%s: it is registered anew", error)
        return False


def _registered(
    model: str, compressed: Compressed, objectives: list[Objective], run_id: str, version_tags: dict[str, str]
) -> str:
    """A new version's number."""
    client = tracking.connect()
    chosen = artifact_store.folder(compressed) / compressed.chosen
    candidate = next(c for c in compressed.candidates if c.chosen)
    model_id = log_model(run_id, chosen / "serving", objectives)
    digest = _recorded(f"models:/{model_id}", model_id, {registered_model.SERVING_FOLDER: chosen / "serving"})
    client.log_artifacts(run_id, str(chosen / "checkpoint"), "checkpoint")
    checkpoint = registered_model.checkpoint_uri(run_id)
    checkpoint_digest = _recorded(checkpoint, f"{run_id}-checkpoint", {"": chosen / "checkpoint"})
    made = client.create_model_version(
        model,
        source=f"models:/{model_id}",
        model_id=model_id,
        run_id=run_id,
        description=escaping.markdown(f"{candidate.recipe}: {candidate.why}"),
        tags=version_tags | {
            tags.COMPRESSED: compressed.digest,
            tags.RECIPE: candidate.recipe,
            tags.OBJECTIVES: json.dumps({objective.name: objective.kind for objective in objectives}),
            tags.CONFIRMED: str(candidate.confirmed).lower(),
            tags.DIGEST: digest,
            tags.CHECKPOINT: checkpoint,
            tags.CHECKPOINT_DIGEST: checkpoint_digest,
        },
    )  # fmt: skip
    return str(made.version)


def _recorded(uri: str, name: str, sources: dict[str, Path]) -> str:
    """Record the digests of what MLflow keeps now; returns what stands for them in a version's tag.

    Args:
        uri: The folder in MLflow.
        name: The name of its record, see `integrity.record`.
        sources: By path in that folder the local folder that was logged there.

    Raises:
        NightshiftError: if MLflow does not keep what was logged, as on a full disk.
    """
    with artifact_store.scratch() as scratch:
        kept = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(scratch)))
        for path, source in sources.items():
            if integrity.digests(kept / path) != integrity.digests(source):
                raise NightshiftError(
                    f"MLflow's artifact store does not hold what was logged to {uri}: look at its disk"
                )
        return integrity.record(name, integrity.digests(kept))


def log_model(run_id: str, folder: Path, objectives: list[Objective]) -> str:
    """Log a served folder as the run's model, without pickle; returns the logged model's id."""
    form: dict[str, Any] = GENERATIVE_MODEL if any(o.kind in GENERATIVE for o in objectives) else ONNX_MODEL
    mlflow.start_run(run_id=run_id)
    try:
        with warnings.catch_warnings(), artifact_store.scratch() as code:
            warnings.simplefilter("ignore")  # of a missing input example
            if form is GENERATIVE_MODEL:
                copy_modules(Path(generative.__file__), code)
            info = mlflow.pyfunc.log_model(
                name="model",
                python_model=form["python_model"],
                code_paths=[str(path) for path in code.iterdir()] or None,
                artifacts={"model": str(folder)} | form["artifacts"],
                signature=_signature(objectives, form["params"], _abstains(folder)),
                pip_requirements=[f"{name}=={installed(name).partition('+')[0]}" for name in form["pip"]],
            )
    finally:
        mlflow.end_run("RUNNING")
    return str(info.model_id)


def _abstains(folder: Path) -> bool:
    """Return whether answers of a served folder say if they abstain."""
    if not (folder / export.CONFIG).exists():
        return False
    heads = json.loads((folder / export.CONFIG).read_text(encoding="utf-8")).get("heads", {})
    return any(head.get("abstain_below") is not None for head in heads.values())


def _signature(objectives: list[Objective], params: dict[str, tuple[str, Any]], abstains: bool) -> ModelSignature:
    """The columns that an objective may read; those that not every one needs may be left out."""
    columns = [ColSpec("string", "text")]
    paired = [objective.sides.pairs for objective in objectives]
    if any(paired):
        columns.append(ColSpec("string", "text_pair", required=all(paired)))
    if any(objective.kind in GENERATIVE for objective in objectives):
        columns.append(ColSpec("string", "target", required=False))
    schema = ParamSchema([_param(name, kind, default, objectives) for name, (kind, default) in params.items()])
    answered = OUTPUTS[objectives[0].kind] + [ColSpec("boolean", "abstain")] * abstains
    return ModelSignature(Schema(columns), Schema(answered) if len(objectives) == 1 else None, schema)


def _param(name: str, kind: str, default: Any, objectives: list[Objective]) -> ParamSpec:
    """Return a parameter whose default is what the objectives that write were registered with, if they agree."""
    own = [objective.generation.model_dump().get(name) for objective in objectives if objective.kind in GENERATIVE]
    if default is None and all(value == own[0] for value in own):
        default = own[0]
    return ParamSpec(name, kind, default, shape=(-1,) if name == "stop_strings" else None)

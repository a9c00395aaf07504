"""`MODEL_CARD.md` of an exported folder: a model card in Hugging Face's form, from the version's page in MLflow."""

import json
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData, try_to_load_from_cache
from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion

from cli import sbom
from nightshift.escaping import markdown
from nightshift.models import base_address
from nightshift.registry import tags, tracking

FILE = "MODEL_CARD.md"
BASE_MODEL = "train.base_model"
"""Parameter of the run with the address of the base."""
PIPELINE_TAGS = {
    "classification": "text-classification",
    "regression": "text-classification",
    "generation": "text-generation",
    "text2text": "text2text-generation",
}
"""Hugging Face's names of tasks, by kind of objective."""
HOLDOUT = "holdout/"
"""Prefix of the run's metrics of the version on the holdout."""


def template_values(version: ModelVersion, max_length: int | None) -> dict[str, Any]:
    """Return the values of the template of a card.

    Args:
        version: The registered version.
        max_length: Tokens to which texts are truncated; None if the model has no such bound.
    """
    run = tracking.run(version.run_id)
    base = run.data.params.get(BASE_MODEL, "") if run else ""
    objectives: dict[str, str] = json.loads(version.tags.get(tags.OBJECTIVES, "{}"))
    license_name = base_license(base)
    return {
        "card_data": _metadata(version, run, objectives, base).to_yaml(),
        "name": version.name,
        "version": version.version,
        "objectives": objectives,
        "base": markdown(base),
        "base_license": markdown(license_name),
        "page": version.description or "",
        "max_length": max_length,
        "digests": {tag: version.tags[tag] for tag in sbom.RECORDED if version.tags.get(tag)},
    }


def _metadata(version: ModelVersion, run: Run | None, objectives: dict[str, str], base: str) -> ModelCardData:
    """Return the metadata at the head of a card, without a licence: its owner chooses one, and the base's is the base's.

    Args:
        version: The registered version.
        run: The MLflow run that registered it; None if it is deleted.
        objectives: Kinds of the objectives, by name.
        base: Address of the base model; empty if it is unknown.
    """
    task = PIPELINE_TAGS.get(next(iter(objectives.values()), ""), "text-classification")
    metrics = run.data.metrics if run else {}
    results = [
        EvalResult(task, "holdout", "rows held out by nightshift", name.removeprefix(HOLDOUT), round(value, 4))
        for name, value in sorted(metrics.items())
        if name.startswith(HOLDOUT)
    ]
    hub_id, _, revision = base.partition("@")
    return ModelCardData(
        model_name=version.name,
        base_model=hub_id if revision and "/" in hub_id else None,
        pipeline_tag=task,
        tags=["nightshift"],
        eval_results=results or None,
    )


def base_license(base: str) -> str:
    """Return the licence of a base model as its package or its model card on this machine states it; empty if unknown."""
    if not base or base.startswith(base_address.SCRATCH):
        return ""
    try:
        address, revision = base_address.locate(base)
    except ValueError:
        return ""
    cached = try_to_load_from_cache(address, "README.md", revision=revision) if revision else None
    page = Path(cached) if isinstance(cached, str) else Path(address) / "README.md"
    if page.is_file() and (stated := ModelCard.load(page, ignore_metadata_errors=True).data.get("license")):
        return str(stated)
    if base.startswith("package:"):
        package = base.removeprefix("package:").partition("/")[0]
        return next(map(sbom.package_license, packages_distributions().get(package, [])), "")
    return ""

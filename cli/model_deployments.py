"""`nightshift deploy`: one nightly deployment for each settings file of a folder, and their messages."""

import os
from pathlib import Path
from typing import Any

import httpx
import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound

from cli import notifications
from cli.deployment import NIGHTLY, PROJECT, SOURCE_TAG, run_prefect_deploy
from cli.notifications import NotifiedModel
from flows.settings import NightSettings
from flows.settings_file import load
from nightshift import prefect_api
from nightshift.errors import SettingsError, UserError
from nightshift.store import artifact_store

PAGE = 200
COMPARED = {"description", "parameters", "tags", "entrypoint", "pull_steps", "parameter_openapi_schema",
            "work_pool_name", "concurrency_options", "enforce_parameter_schema"}  # fmt: skip
"""Fields of a deployment that decide whether it has changed, besides schedules and concurrency limit."""


def deploy_folder(folder: Path, work_pool: str) -> list[str]:
    """Deploy the settings files of a folder, remove the deployments of files that are gone, and return a line for each.

    Args:
        folder: Folder with settings files, *.yaml or *.yml.
        work_pool: Work pool of the deployments.

    Raises:
        SettingsError: A file is wrong; nothing has changed.
        UserError: There is no Prefect server or work pool, or a deployment of the same name comes from elsewhere.
    """
    if not os.environ.get("PREFECT_API_URL"):
        raise UserError("no Prefect server to deploy to: start one with `nightshift up`, or set PREFECT_API_URL")
    models = _settings_by_model(folder)
    source = str(folder.resolve())
    with get_client(sync_client=True) as client:
        _ensure_pool(client, work_pool)
        old_deployments = _deployments_of(client, source)
        _ensure_free_names(client, models.keys() - old_deployments.keys(), source)
        plan = notifications.plan(
            client,
            [
                NotifiedModel(str(path), model, f"nightly/{model}", settings.notify, settings.schedule)
                for model, (path, settings) in models.items()
            ],
        )
        if models:
            _deploy([_block(path, settings, source, work_pool) for path, settings in models.values()])
        new_deployments = _deployments_of(client, source)
        lines = []
        for name in sorted(new_deployments):
            if name not in models:
                client.delete_deployment(new_deployments[name].id)
            change = "removed" if name not in models else _change(old_deployments.get(name), new_deployments[name])
            lines.append(f"{change:<10} nightly/{name}")
        return lines + notifications.apply(client, source, plan)


def _settings_by_model(folder: Path) -> dict[str, tuple[Path, NightSettings]]:
    """Return the settings files and their contents by model.

    Raises:
        SettingsError: A file is wrong, or two are about the same model.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; name one with a settings file for each model")
    models: dict[str, tuple[Path, NightSettings]] = {}
    for path in sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml")):
        settings = load(path)
        if settings.model in models:
            raise SettingsError(f"{path}: model: {settings.model} is deployed from {models[settings.model][0]} already")
        models[settings.model] = (path.resolve(), settings)
    return models


def _ensure_pool(client: SyncPrefectClient, work_pool: str) -> None:
    try:
        client.read_work_pool(work_pool)
    except httpx.ConnectError:
        raise prefect_api.does_not_answer() from None
    except ObjectNotFound:
        raise UserError(f"Prefect has no work pool {work_pool}; `prefect work-pool ls` lists them") from None


def _ensure_free_names(client: SyncPrefectClient, names: set[str], source: str) -> None:
    """Raise UserError if a new deployment's name is taken by one that was not made from this folder."""
    for name in sorted(names):
        try:
            existing = client.read_deployment_by_name(f"nightly/{name}")
        except ObjectNotFound:
            continue
        origin = next(
            (tag.removeprefix(SOURCE_TAG) for tag in existing.tags if tag.startswith(SOURCE_TAG)), "elsewhere"
        )
        raise UserError(f"nightly/{name} exists already, from {origin}, not from {source}: delete it there first")


def _deployments_of(client: SyncPrefectClient, source: str) -> dict[str, DeploymentResponse]:
    """Return the deployments that were made from a folder, by name."""
    deployments: list[DeploymentResponse] = []
    with_source_tag = DeploymentFilter(tags=DeploymentFilterTags(all_=[SOURCE_TAG + source]))
    while True:
        page = client.read_deployments(deployment_filter=with_source_tag, limit=PAGE, offset=len(deployments))
        deployments += page
        if len(page) < PAGE:
            return {deployment.name: deployment for deployment in deployments}


def _block(path: Path, settings: NightSettings, source: str, work_pool: str) -> dict[str, Any]:
    """Return a deployment as prefect.yaml has it."""
    return {
        "name": settings.model,
        "entrypoint": NIGHTLY,
        "description": f"Nightly run of {path}, deployed by `nightshift deploy`; change that file and deploy it again.",
        "tags": ["nightshift", SOURCE_TAG + source],
        "parameters": {"settings_file": str(path)},
        "work_pool": {"name": work_pool},
        "concurrency_limit": {"limit": 1, "collision_strategy": "CANCEL_NEW"},
        "schedules": [{"slug": "every-night", **settings.schedule.model_dump()}],
    }


def _deploy(blocks: list[dict[str, Any]]) -> None:
    """Run `prefect deploy` for these deployments."""
    project = os.environ.get("NIGHTSHIFT_PROJECT", str(PROJECT))
    pull = [{"prefect.deployments.steps.set_working_directory": {"directory": project}}]
    logs = artifact_store.home() / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    with artifact_store.temporary_directory() as folder:
        file = folder / "prefect.yaml"
        file.write_text(yaml.safe_dump({"pull": pull, "deployments": blocks}), encoding="utf-8")
        run_prefect_deploy(str(file), logs / "deploy.log", {})


def _change(before: DeploymentResponse | None, after: DeploymentResponse) -> str:
    if before is None:
        return "created"
    return "unchanged" if _compared(before) == _compared(after) else "changed"


def _compared(deployment: DeploymentResponse) -> dict[str, Any]:
    """Return what a deployment does, without the times and ids that each deployment changes."""
    limit = deployment.global_concurrency_limit
    return deployment.model_dump(include=COMPARED) | {
        "schedules": [(str(item.schedule), item.active, item.slug) for item in deployment.schedules],
        "limit": limit and limit.limit,
    }

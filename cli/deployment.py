"""Deployment of deployments/prefect.yaml and deployments/automations.yaml to a Prefect server."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import yaml

from cli import access
from nightshift.errors import NightshiftError, UserError

PROJECT = Path(__file__).parent.parent
DEPLOYMENTS, AUTOMATIONS = "deployments/prefect.yaml", "deployments/automations.yaml"

POOL = "nightshift"
"""Work pool of all deployments."""
JOB_TEMPLATE = "deployments/team/work-pools/process.json"
"""Job template of the pool, without variables, so that no run or deployment can set command or environment."""

NIGHTLY = "flows.nightly.nightly"
"""Entrypoint of the nights' deployments."""
SOURCE_TAG = "nightshift-source:"
"""Prefix of the tag of everything that is made from the settings files of one folder or file."""


def validated_names() -> list[str]:
    """Validate both files, and return the names of the deployments.

    Raises:
        UserError: A name occurs twice, a settings file does not exist, or an automation starts an unknown deployment.
    """
    blocks = _blocks()
    names = [block["name"] for block in blocks]
    for block in blocks:
        if names.count(block["name"]) > 1:
            raise UserError(f"{DEPLOYMENTS}: the name {block['name']} stands there twice: give the copy its own")
        path = block.get("parameters", {}).get("settings_file")
        if path and not (PROJECT / path).is_file():
            raise UserError(f"{DEPLOYMENTS}: {block['name']}: no such settings file: {PROJECT / path}")
    for automation in _automations():
        for action in automation["actions"]:
            started = action.get("deployment_id", "")
            if started and started.rpartition("/")[2] not in names:
                raise UserError(f"{AUTOMATIONS}: {automation['name']} starts {started}, which {DEPLOYMENTS} has not")
    return names


def active_schedules() -> list[str]:
    """Return a line for each schedule of the file that is switched on."""
    return [
        f"schedule {block['name']}: {schedule['cron']} {schedule.get('timezone', 'UTC')}"
        + (", deletes what is old" if block.get("parameters", {}).get("delete") else "")
        for block in _blocks()
        for schedule in block.get("schedules", [])
        if schedule.get("active", True) and "cron" in schedule
    ]


def _blocks() -> list[dict[str, Any]]:
    try:
        return list(yaml.safe_load((PROJECT / DEPLOYMENTS).read_text(encoding="utf-8"))["deployments"])
    except yaml.YAMLError as error:
        raise UserError(f"{DEPLOYMENTS}: {' '.join(str(error).split())}") from error


def _automations() -> list[dict[str, Any]]:
    return list(yaml.safe_load((PROJECT / AUTOMATIONS).read_text(encoding="utf-8"))["automations"])


def deploy(address: str, log: Path) -> None:
    """Create or update the deployments, automations and notifications on the Prefect server of `nightshift up`.

    Args:
        address: Address of its API, which ends in /api.
        log: File that takes the output of `prefect deploy`.

    Raises:
        NightshiftError: The server or the `prefect` command refuses them.
    """
    credentials = access.prefect_credentials() | {"PREFECT_API_URL": address, "NIGHTSHIFT_PROJECT": str(PROJECT)}
    run_prefect_deploy(DEPLOYMENTS, log, credentials)
    _automate(address)
    _notify(address)


def run_prefect_deploy(prefect_file: str, log: Path, variables: dict[str, str]) -> None:
    """Create or update the deployments of a file.

    Args:
        prefect_file: The file, relative to the project's root.
        log: File that takes the output of the command.
        variables: Variables of its environment, such as PREFECT_API_URL.

    Raises:
        NightshiftError: The server or the command refuses them.
    """
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", prefect_file]
    with log.open("wb") as out:
        process = subprocess.run(command, cwd=PROJECT, env=os.environ | variables, stdout=out, stderr=out, check=False)
    if process.returncode:
        last = [line for line in log.read_text().splitlines() if line.strip(" │╭╮╰╯─")][-1:]
        raise NightshiftError(f"{prefect_file} could not be deployed; see {log}, which ends: {''.join(last)}")


def _notify(address: str) -> None:
    """Set up the messages of the nightly deployments whose settings files have a section `notify`, and remove others."""
    from flows.settings_file import load

    deployments = {block["name"]: block for block in _blocks() if block["entrypoint"] == NIGHTLY}
    files = {name: block.get("parameters", {}).get("settings_file") for name, block in deployments.items()}
    settings = {name: load(PROJECT / file) for name, file in files.items() if file}
    with _client(address) as client:
        tags = [tag for item in _json(client.post("/automations/filter", json={})) for tag in item["tags"]]
    if (
        not any(item.notify.is_used for item in settings.values())
        and SOURCE_TAG + str(PROJECT / DEPLOYMENTS) not in tags
    ):
        return
    from prefect.client.orchestration import get_client

    from cli import notifications
    from flows.operation_settings import ScheduleSettings

    models = [
        notifications.NotifiedModel(
            str(PROJECT / files[name]),
            item.model,
            f"nightly/{name}",
            item.notify,
            ScheduleSettings(**_schedule(deployments[name])),
        )
        for name, item in settings.items()
    ]
    with get_client(sync_client=True) as prefect:
        plan = notifications.plan(prefect, models)
        notifications.apply(prefect, str(PROJECT / DEPLOYMENTS), plan)


def _schedule(block: dict[str, Any]) -> dict[str, str]:
    """Return cron and time zone of a block's first schedule; empty if it has none."""
    schedule: dict[str, str] = next(iter(block.get("schedules", [])), {})
    return {name: schedule[name] for name in ("cron", "timezone") if name in schedule}


def _automate(address: str) -> None:
    """Create the automations of deployments/automations.yaml, or update those of the same name."""
    with _client(address) as client:
        existing = {item["name"]: item["id"] for item in _json(client.post("/automations/filter", json={}))}
        for automation in _automations():
            for action in automation["actions"]:
                if "deployment_id" in action:
                    name = f"/deployments/name/{action['deployment_id']}"
                    action["deployment_id"] = _json(client.get(name))["id"]
            automation_id = existing.get(automation["name"])
            response = (
                client.put(f"/automations/{automation_id}", json=automation)
                if automation_id
                else client.post("/automations/", json=automation)
            )
            if response.is_error:
                raise NightshiftError(f"{AUTOMATIONS}: {automation['name']}: {response.text[:300]}")


def set_up_pool(address: str) -> None:
    """Create the work pool on the Prefect server at this address, or update its job template."""
    template = json.loads((PROJECT / JOB_TEMPLATE).read_text(encoding="utf-8"))
    with _client(address) as client:
        response = client.post("/work_pools/", json={"name": POOL, "type": "process", "base_job_template": template})
        if response.status_code == httpx.codes.CONFLICT:
            response = client.patch(f"/work_pools/{POOL}", json={"base_job_template": template})
        response.raise_for_status()


def _client(address: str) -> httpx.Client:
    return httpx.Client(base_url=address, auth=(access.USER, access.token()), timeout=60)


def _json(response: httpx.Response) -> Any:
    return response.raise_for_status().json()

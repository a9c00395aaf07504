"""deployments/prefect.yaml and deployments/automations.yaml, put onto a Prefect server."""

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
"""The work pool that every deployment of ours runs in."""
JOB_TEMPLATE = {
    "job_configuration": {"stream_output": True},
    "variables": {"type": "object", "properties": {}, "additionalProperties": False},
}
"""The pool's template: it has no variables, so `job_variables` of a run or a deployment set neither command nor environment."""


def checked() -> list[str]:
    """The names in deployments/prefect.yaml.

    Raises UserError for one that stands twice, names no settings file, or is not there and started by an automation.
    """
    try:
        blocks = yaml.safe_load((PROJECT / DEPLOYMENTS).read_text(encoding="utf-8"))["deployments"]
    except yaml.YAMLError as error:
        raise UserError(f"{DEPLOYMENTS}: {' '.join(str(error).split())}") from error
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


def _automations() -> list[dict[str, Any]]:
    return list(yaml.safe_load((PROJECT / AUTOMATIONS).read_text(encoding="utf-8"))["automations"])


def deploy(address: str, log: Path) -> None:
    """Deploy them to the Prefect server at this address, which ends in /api, and its automations; what Prefect says goes to `log`.

    Raises NightshiftError where that fails.
    """
    environment = os.environ | access.prefect_credentials()
    environment |= {"PREFECT_API_URL": address, "NIGHTSHIFT_PROJECT": str(PROJECT)}
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", DEPLOYMENTS]
    with log.open("wb") as out:
        done = subprocess.run(command, cwd=PROJECT, env=environment, stdout=out, stderr=out, check=False)
    if done.returncode:
        last = [line for line in log.read_text().splitlines() if line.strip(" │╭╮╰╯─")][-1:]
        raise NightshiftError(f"{DEPLOYMENTS} could not be deployed; see {log}, which ends: {''.join(last)}")
    _automate(address)


def _automate(address: str) -> None:
    """Make the automations of deployments/automations.yaml, or bring those of the same name up to date."""
    with _client(address) as client:
        known = {found["name"]: found["id"] for found in _answered(client.post("/automations/filter", json={}))}
        for automation in _automations():
            for action in automation["actions"]:
                if "deployment_id" in action:
                    name = f"/deployments/name/{action['deployment_id']}"
                    action["deployment_id"] = _answered(client.get(name))["id"]
            number = known.get(automation["name"])
            done = (
                client.put(f"/automations/{number}", json=automation)
                if number
                else client.post("/automations/", json=automation)
            )
            if done.is_error:
                raise NightshiftError(f"{AUTOMATIONS}: {automation['name']}: {done.text[:300]}")


def set_up_pool(address: str) -> None:
    """Make the work pool on the Prefect server at this address, or bring an older one's template up to date."""
    with _client(address) as client:
        made = client.post("/work_pools/", json={"name": POOL, "type": "process", "base_job_template": JOB_TEMPLATE})
        if made.status_code == httpx.codes.CONFLICT:
            made = client.patch(f"/work_pools/{POOL}", json={"base_job_template": JOB_TEMPLATE})
        made.raise_for_status()


def _client(address: str) -> httpx.Client:
    return httpx.Client(base_url=address, auth=(access.USER, access.token()), timeout=60)


def _answered(response: httpx.Response) -> Any:
    return response.raise_for_status().json()

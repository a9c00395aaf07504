"""Automations, notification blocks and registry webhooks on the servers, made from the settings sections `notify`.

Everything made here bears a tag with its source, the folder or file that the settings files are named in, so that it
can be updated and removed by the next call for the same source, and nothing else is touched. Secrets are read from the
environment and kept in Prefect's blocks, which the server encrypts.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import cast
from urllib.parse import quote, urlencode, urlsplit
from uuid import UUID

from mlflow.entities.webhook import Webhook, WebhookEvent
from mlflow.exceptions import MlflowException
from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.notifications import CustomWebhookNotificationBlock, MicrosoftTeamsWebhook, SlackWebhook
from prefect.client.orchestration import SyncPrefectClient
from prefect.events.actions import SendNotification
from prefect.events.schemas.automations import Automation, AutomationCore, EventTrigger, Posture
from prefect.exceptions import ObjectNotFound
from pydantic import SecretStr

from cli.deployment import SOURCE_TAG
from flows.operation_settings import ChannelSettings, NotifySettings, Occasion, ScheduleSettings
from nightshift.errors import ForbiddenError, SettingsError, UserError
from nightshift.prefect_ui import events
from nightshift.registry import tracking

ADDRESSES = {
    "slack": re.compile(r"https://hooks\.slack(-gov)?\.com/services/\w+/\w+/\w+/?$"),
    "teams": re.compile("https://"),
    "webhook": re.compile(r"https?://[^\s/]"),
    "email": re.compile(r"(smtp|smtps|smtp\+plain)://[^\s/?#]+/?$"),
}
"""Addresses by type of channel."""
EXPECTED = {
    "slack": "the address of an incoming webhook, https://hooks.slack.com/services/…",
    "teams": "the address of a workflow of Power Automate, https://….logic.azure.com:443/workflows/…",
    "webhook": "an address that begins with https:// or http://",
    "email": "smtp://USER:PASSWORD@HOST:587, smtps://… or smtp+plain://HOST:25",
}
MAIL_MODES = {"smtp": "starttls", "smtps": "ssl", "smtp+plain": "insecure"}
"""Apprise's encryption modes by the scheme of a mail server's address."""
ALIAS_EVENT = "model_version_alias.created"
"""MLflow's event of an alias that is set on a version."""
ADMINISTRATORS_ONLY = (
    "notify.registry_webhook: only an administrator of MLflow may register webhooks: set MLFLOW_TRACKING_USERNAME=admin and "
    "MLFLOW_TRACKING_PASSWORD, and deploy again"
)
PAGE = 200
REPEATED_EVENT = timedelta(minutes=1)
"""Time within which a state of the same run is the same event, evaluated again."""

OWN_EVENTS: dict[Occasion, str] = {
    "held": events.HELD_IN_A_ROW,
    "drifted": events.DRIFTED,
    "worse": events.WORSE,
    "promoted": events.PROMOTED,
    "disk": events.DISK_LOW,
}
"""Events that nightshift emits, by occasion."""
RUN_STATES: dict[Occasion, str] = {"failed": "Failed", "stopped": "Stopped", "crashed": "Crashed"}
"""States of the night's flow run, by occasion; Prefect emits an event for each."""
FINAL_STATES = ("Completed", "Promoted", "Held", "Skipped", "Stopped", "Failed", "Crashed", "Cancelled")
EVENT_BODY = (
    "{{ event.payload.model }}: {{ event.payload.outcome }}. {{ event.payload.reason }}"
    "{% if event.payload.run_url %}\nRun: {{ event.payload.run_url }}{% endif %}"
    "{% if event.payload.version_url %}\nVersion: {{ event.payload.version_url }}{% endif %}"
)
RUN_BODY = (
    "{model}: {outcome}. {{{{ (flow_run.state.message or '').split() | join(' ') | truncate(500) }}}}\n"
    "Run: {{{{ flow_run.name }}}} {{{{ (flow_run | ui_url) or '' }}}}"
)


@dataclass(frozen=True)
class NotifiedModel:
    """A deployed model with its settings of messages."""

    settings_file: str
    model: str
    deployment: str
    """FLOW/NAME of the nights' deployment."""
    notify: NotifySettings
    schedule: ScheduleSettings


@dataclass(frozen=True)
class Plan:
    """Blocks that the settings ask for, built before anything is changed."""

    models: list[NotifiedModel]
    blocks: dict[tuple[str, str], NotificationBlock]
    """New blocks by model and channel."""
    block_ids: dict[tuple[str, str], UUID]
    """Ids of existing blocks that the settings name, by model and channel."""


def plan(client: SyncPrefectClient, models: list[NotifiedModel]) -> Plan:
    """Build the blocks of all channels.

    Raises:
        SettingsError: A variable is not set, what it holds is no address of its channel, or Prefect has no such block.
        UserError: A webhook is asked for, and there is no MLflow server that accepts it from this user.
    """
    result = Plan(models, {}, {})
    for item in models:
        for name, channel in item.notify.channels.items():
            field = f"{item.settings_file}: notify.channels.{name}"
            if channel.block:
                result.block_ids[item.model, name] = _existing_block(client, channel.block, field)
            else:
                result.blocks[item.model, name] = build_block(channel, field)
        if webhook := item.notify.registry_webhook:
            _secret(webhook.url_env, f"{item.settings_file}: notify.registry_webhook.url_env")
            _secret(webhook.secret_env, f"{item.settings_file}: notify.registry_webhook.secret_env")
        if item.notify.finished_by:
            time_allowed(item.schedule, item.notify.finished_by)
    if any(item.notify.registry_webhook for item in models):
        _list_webhooks()
    return result


def _existing_block(client: SyncPrefectClient, address: str, field: str) -> UUID:
    """Return the id of a block TYPE/NAME."""
    block_type, name = address.split("/")
    try:
        return client.read_block_document_by_name(name, block_type, include_secrets=False).id
    except ObjectNotFound:
        raise SettingsError(f"{field}.block: Prefect has no block {address}; `prefect block ls` lists them") from None


def _secret(variable: str | None, field: str) -> str:
    """Return the value of an environment variable that a field names."""
    value = os.environ.get(variable or "", "").strip()
    if not value:
        raise SettingsError(f"{field}: the variable {variable} is not set here; export it, with the secret in it")
    return value


def build_block(channel: ChannelSettings, field: str) -> NotificationBlock:
    """Return the block of a channel, with the secrets of the environment."""
    address = _secret(channel.url_env, f"{field}.url_env")
    if not ADDRESSES[channel.type].match(address):
        raise SettingsError(f"{field}.url_env: expected in {channel.url_env} {EXPECTED[channel.type]}")
    if channel.type == "teams":
        try:
            return MicrosoftTeamsWebhook(url=SecretStr(address))
        except ValueError:
            raise SettingsError(f"{field}.url_env: expected in {channel.url_env} {EXPECTED['teams']}") from None
    if channel.type == "webhook":
        return _webhook(address, channel.token_env and _secret(channel.token_env, f"{field}.token_env"))
    return SlackWebhook(url=SecretStr(mail_address(channel, address) if channel.type == "email" else address))


def _webhook(address: str, token: str | None) -> NotificationBlock:
    """Return the block of a webhook; its address is among the secrets, because Prefect shows the field `url`."""
    return CustomWebhookNotificationBlock(
        name="nightshift",
        url="{{address}}",
        json_data={"subject": "{{subject}}", "body": "{{body}}"},
        headers={"Authorization": "Bearer {{token}}"} if token else {},
        secrets={"address": address} | ({"token": token} if token else {}),
    )


def mail_address(channel: ChannelSettings, address: str) -> str:
    """Return Apprise's form of a mail server's address, which Prefect's Slack block passes on to Apprise as it is."""
    server = urlsplit(address)
    query = {
        "from": channel.sender,
        "to": ",".join(channel.recipients),
        "mode": MAIL_MODES[server.scheme],
        "format": "text",
    }
    scheme = "mailto" if server.scheme == "smtp+plain" else "mailtos"
    return f"{scheme}://{server.netloc}/?{urlencode(query, quote_via=quote)}"


def apply(client: SyncPrefectClient, source: str, plan: Plan) -> list[str]:
    """Create, update and remove the blocks, automations and webhooks of a source; return a line for each change.

    Args:
        client: Client of the Prefect server.
        source: Folder or file that names the settings files.
        plan: What the settings ask for; the deployments exist.
    """
    block_ids = dict(plan.block_ids)
    for (model, channel), block in plan.blocks.items():
        block_ids[model, channel] = cast(UUID, block.save(_block_name(model, channel), overwrite=True))
    wanted = {
        automation.name: automation
        for item in plan.models
        for automation in _automations(client, item, source, block_ids)
    }
    lines = _apply_automations(client, source, wanted, set(block_ids.values()))
    return lines + apply_webhooks(source, plan.models)


def _block_name(model: str, channel: str) -> str:
    """Return the name of a block: names take small letters, digits and hyphens, so models that differ in case get a digest."""
    name = re.sub("[^a-z0-9]+", "-", model.lower())
    digest = "" if name == model else f"-{hashlib.sha256(model.encode()).hexdigest()[:6]}"
    return f"nightshift-{name}{digest}-{channel}"


def _automations(
    client: SyncPrefectClient, item: NotifiedModel, source: str, blocks: dict[tuple[str, str], UUID]
) -> Iterator[AutomationCore]:
    """Yield an automation for each occasion that a channel takes."""
    if not item.notify.channels:
        return
    deployment = client.read_deployment_by_name(item.deployment).id
    triggers = {
        **{occasion: _event_trigger(item.model, event) for occasion, event in OWN_EVENTS.items()},
        **{occasion: _state_trigger(deployment, state) for occasion, state in RUN_STATES.items()},
        "late": _late_trigger(item, deployment),
    }
    for occasion, trigger in triggers.items():
        channels = list(item.notify.channels_for(occasion))
        if trigger and channels:
            subject, body = _message(item, occasion)
            yield AutomationCore(
                name=f"nightshift {item.model}: {occasion}",
                description=f"Made by nightshift from {item.settings_file}, and changed by it: change that file.",
                tags=["nightshift", SOURCE_TAG + source],
                trigger=trigger,
                actions=[
                    SendNotification(block_document_id=blocks[item.model, name], subject=subject, body=body)
                    for name in channels
                ],
            )


def _message(item: NotifiedModel, occasion: Occasion) -> tuple[str, str]:
    """Return subject and body, as templates of Prefect."""
    if occasion in OWN_EVENTS:
        return "{{ event.payload.model }}: {{ event.payload.outcome }}", EVENT_BODY
    outcome = RUN_STATES.get(occasion, "").lower()
    if occasion == "late":
        outcome = f"not finished by {item.notify.finished_by} ({item.schedule.timezone})"
    return f"{item.model}: {outcome}", RUN_BODY.format(model=item.model, outcome=outcome)


def _event_trigger(model: str, event: str) -> EventTrigger:
    return EventTrigger(
        expect={event},
        match={"prefect.resource.id": f"nightshift.model.{model}"},
        posture=Posture.Reactive,
        threshold=1,
        within=timedelta(0),
    )


def _state_trigger(deployment: UUID, state: str) -> EventTrigger:
    """Return the trigger of a run's state, once per run: a busy SQLite file makes the server evaluate events again."""
    return EventTrigger(
        expect={f"prefect.flow-run.{state}"},
        match_related={"prefect.resource.id": f"prefect.deployment.{deployment}"},
        for_each={"prefect.resource.id"},
        posture=Posture.Reactive,
        threshold=1,
        within=REPEATED_EVENT,
    )


def _late_trigger(item: NotifiedModel, deployment: UUID) -> EventTrigger | None:
    """Return the trigger of a scheduled night that has not ended at `finished_by`; None if that is not set.

    The server counts from the moment that a worker takes the run or, where none does, that it notices so itself.
    """
    if item.notify.finished_by is None:
        return None
    return EventTrigger(
        after={"prefect.flow-run.Pending", "prefect.flow-run.Late"},
        expect={f"prefect.flow-run.{state}" for state in FINAL_STATES},
        match={"prefect.resource.id": "prefect.flow-run.*"},
        match_related=[
            {"prefect.resource.id": f"prefect.deployment.{deployment}"},
            {"prefect.resource.id": "prefect.tag.auto-scheduled"},
        ],
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=time_allowed(item.schedule, item.notify.finished_by),
    )


def time_allowed(schedule: ScheduleSettings, finished_by: str) -> timedelta:
    """Return the time from the scheduled start to the next `finished_by`.

    Raises:
        SettingsError: The schedule starts nights at several times of the day.
    """
    minute, hour, *_ = schedule.cron.split()
    if not (minute.isdigit() and hour.isdigit()):
        raise SettingsError(f"notify.finished_by needs a schedule with one time of day, not {schedule.cron}")
    start = timedelta(hours=int(hour), minutes=int(minute))
    end_hour, end_minute = map(int, finished_by.split(":"))
    end = timedelta(hours=end_hour, minutes=end_minute)
    return end - start if end > start else end - start + timedelta(days=1)


def _apply_automations(
    client: SyncPrefectClient, source: str, wanted: dict[str, AutomationCore], used_blocks: set[UUID]
) -> list[str]:
    existing = {automation.name: automation for automation in _automations_of(client, source)}
    lines = []
    for name, automation in wanted.items():
        if name not in existing:
            client.create_automation(automation)
            lines.append(f"created    automation {name}")
        elif _core(existing[name]) != automation:
            client.update_automation(existing[name].id, automation)
            lines.append(f"changed    automation {name}")
    for name in existing.keys() - wanted.keys():
        client.delete_automation(existing[name].id)
        lines.append(f"removed    automation {name}")
    _remove_unused_blocks(client, existing.values(), used_blocks)
    return lines


def _automations_of(client: SyncPrefectClient, source: str) -> list[Automation]:
    """Return the automations that were made from a source."""
    automations: list[Automation] = []
    while True:
        response = client.request("POST", "/automations/filter", json={"limit": PAGE, "offset": len(automations)})
        page = [Automation.model_validate(item) for item in response.raise_for_status().json()]
        automations += page
        if len(page) < PAGE:
            return [automation for automation in automations if SOURCE_TAG + source in automation.tags]


def _core(automation: Automation) -> AutomationCore:
    """Return what defines an automation, without what the server adds."""
    return AutomationCore.model_validate(automation.model_dump(include=set(AutomationCore.model_fields)))


def _remove_unused_blocks(client: SyncPrefectClient, automations: Iterable[Automation], used_blocks: set[UUID]) -> None:
    """Delete the blocks of nightshift that these automations used before, and none uses now."""
    before = {
        action.block_document_id
        for automation in automations
        for action in automation.actions
        if isinstance(action, SendNotification)
    }
    for block_id in before - used_blocks:
        try:
            document = client.read_block_document(block_id, include_secrets=False)
        except ObjectNotFound:
            continue
        if (document.name or "").startswith("nightshift-"):
            client.delete_block_document(block_id)


def apply_webhooks(source: str, models: list[NotifiedModel]) -> list[str]:
    """Create, update and remove the webhooks of the MLflow server; do nothing if there are none and none are wanted."""
    wanted = {
        f"nightshift-{item.model}": item.notify.registry_webhook for item in models if item.notify.registry_webhook
    }
    if not wanted and not _has_mlflow_server():
        return []
    try:
        webhooks = _list_webhooks()
    except ForbiddenError:
        if wanted:
            raise
        return []
    existing = {webhook.name: webhook for webhook in webhooks if webhook.description == SOURCE_TAG + source}
    client, lines = tracking.connect(), []
    for name, settings in wanted.items():
        url, secret = os.environ[settings.url_env], os.environ[settings.secret_env]
        events_ = [WebhookEvent.from_str(ALIAS_EVENT)]
        try:
            if name in existing:
                client.update_webhook(existing[name].webhook_id, url=url, secret=secret, events=events_)
            else:
                client.create_webhook(name, url, events_, SOURCE_TAG + source, secret)
                lines.append(f"created    registry webhook {name}")
        except MlflowException as error:
            raise UserError(f"notify.registry_webhook: MLflow refuses it: {' '.join(str(error).split())}") from None
    for name in existing.keys() - wanted.keys():
        client.delete_webhook(existing[name].webhook_id)
        lines.append(f"removed    registry webhook {name}")
    return lines


def _has_mlflow_server() -> bool:
    return os.environ.get("MLFLOW_TRACKING_URI", "").startswith("http")


def _list_webhooks() -> list[Webhook]:
    """Return all webhooks of the MLflow server.

    Raises:
        UserError: There is no server, or this user is no administrator of it.
    """
    if not _has_mlflow_server():
        raise UserError("notify.registry_webhook: webhooks are sent by an MLflow server: set MLFLOW_TRACKING_URI")
    client, token = tracking.connect(), None
    webhooks: list[Webhook] = []
    while True:
        try:
            page = client.list_webhooks(max_results=PAGE, page_token=token)
        except MlflowException as error:
            if error.error_code != "PERMISSION_DENIED":
                raise
            raise ForbiddenError(ADMINISTRATORS_ONLY) from None
        webhooks += page
        token = page.token
        if not token:
            return webhooks

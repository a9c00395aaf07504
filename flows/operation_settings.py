"""Settings of when a night runs and who is told: no night's result depends on them."""

import re
from collections.abc import Iterator
from typing import Literal, Self, get_args
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from flows.field_errors import field_error
from nightshift.records import Settings

Occasion = Literal["failed", "stopped", "crashed", "held", "late", "drifted", "worse", "promoted", "disk"]
OCCASIONS: tuple[Occasion, ...] = get_args(Occasion)
CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""Name of an environment variable."""
CHANNEL_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
"""Name of a channel, which is part of the name of a Prefect block."""


def _ensure_variables(settings: Settings, *fields: str) -> None:
    """Raise an error, without the value, if a field holds an address or a secret instead of a variable's name."""
    for field in fields:
        if not VARIABLE.fullmatch(getattr(settings, field) or "_"):
            raise field_error(
                field, "expected the name of an environment variable, such as SLACK_URL; the secret itself stays there"
            )


class ScheduleSettings(Settings):
    """Schedule that `nightshift deploy` gives the model's nights."""

    cron: str = "30 2 * * *"
    """Time of the nights, as five fields of cron: minute, hour, day of the month, month, day of the week."""
    timezone: str = "UTC"
    """Time zone of `cron` and of `notify.finished_by`, such as Europe/Vienna."""
    active: bool = True
    """false deploys the nights without starting them on schedule."""

    @field_validator("cron")
    @classmethod
    def _five_fields(cls, cron: str) -> str:
        from prefect.client.schemas.schedules import CronSchedule  # takes a second, and is needed for files that set it

        if len(cron.split()) != 5:
            raise ValueError("expected five fields of cron, such as 30 2 * * *")
        try:
            CronSchedule(cron=cron)
        except ValueError as error:
            raise ValueError("expected five fields of cron, such as 30 2 * * *") from error
        return cron

    @field_validator("timezone")
    @classmethod
    def _existing_zone(cls, timezone: str) -> str:
        try:
            ZoneInfo(timezone)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("expected the name of a time zone, such as Europe/Vienna or UTC") from error
        return timezone


class ChannelSettings(Settings):
    """Channel that messages go to."""

    type: Literal["slack", "teams", "email", "webhook", "block"]
    """slack, teams: an incoming webhook of theirs; email: a mail server; webhook: a POST with subject and body as JSON;
    block: a notification block that exists in Prefect.
    """
    url_env: str | None = None
    """Name of the environment variable with the channel's address, which is a secret; for email
    smtp://USER:PASSWORD@HOST:587 (STARTTLS), smtps://… (TLS) or smtp+plain://HOST:25 (no encryption).
    """
    token_env: str | None = None
    """Name of the environment variable with a token that webhook sends as `Authorization: Bearer …`."""
    block: str | None = None
    """Block as TYPE/NAME, such as slack-webhook/ops, for the type block."""
    sender: str | None = None
    """Address that messages by email come from."""
    recipients: list[str] = []
    """Addresses that messages by email go to."""
    occasions: list[Occasion] = list(OCCASIONS)
    """Occasions of a message: a night failed, was stopped by the data gate, or crashed; held: `held_nights` in a row;
    late: not finished by `finished_by`; drifted, worse: found by watch; promoted; disk: less than `min_free_gb` free.
    """

    @model_validator(mode="after")
    def _validate_type(self) -> Self:
        needs = {"block": ["block"], "email": ["url_env", "sender", "recipients"]}.get(self.type, ["url_env"])
        takes = {*needs, "token_env"} if self.type == "webhook" else set(needs)
        for name in ("url_env", "token_env", "block", "sender", "recipients"):
            if name in needs and not getattr(self, name):
                raise field_error(name, f"{self.type} needs it")
            if name not in takes and getattr(self, name):
                raise field_error(name, f"{self.type} takes none; leave it out")
        if self.block and self.block.count("/") != 1:
            raise field_error("block", "expected TYPE/NAME, such as slack-webhook/ops")
        _ensure_variables(self, "url_env", "token_env")
        return self


class RegistryWebhookSettings(Settings):
    """Webhook of the MLflow server, called when an alias moves, so that whoever serves can reload."""

    url_env: str
    """Name of the environment variable with the address."""
    secret_env: str
    """Name of the environment variable with the secret that MLflow signs its calls with."""

    @model_validator(mode="after")
    def _validate_variables(self) -> Self:
        _ensure_variables(self, "url_env", "secret_env")
        return self


class NotifySettings(Settings):
    """Messages on what happens to the model, set up by `nightshift deploy` and `nightshift up`."""

    channels: dict[str, ChannelSettings] = {}
    """Channels by name, such as ops; names are of small letters, digits and hyphens."""
    held_nights: int = Field(3, ge=1)
    """Number of nights in a row that end held before a message on it."""
    finished_by: str | None = None
    """Time of day, such as 07:00 in `schedule.timezone`, by which a scheduled night must have ended; if not set, none
    is late.
    """
    min_free_gb: float = Field(5.0, gt=0)
    """Gigabytes that must be free on the disk of NIGHTSHIFT_HOME when a night ends."""
    registry_webhook: RegistryWebhookSettings | None = None
    """Webhook of the MLflow server on moves of an alias; not set: none."""

    @field_validator("finished_by")
    @classmethod
    def _time_of_day(cls, finished_by: str | None) -> str | None:
        if finished_by is not None and not CLOCK.fullmatch(finished_by):
            raise ValueError("expected a time of day such as 07:00")
        return finished_by

    @field_validator("channels")
    @classmethod
    def _usable_names(cls, channels: dict[str, ChannelSettings]) -> dict[str, ChannelSettings]:
        for name in channels:
            if not CHANNEL_NAME.fullmatch(name):
                raise ValueError(f"{name}: a channel's name is of small letters, digits and hyphens, a letter first")
        return channels

    @property
    def is_used(self) -> bool:
        """True if there is anything to set up on the servers."""
        return bool(self.channels or self.registry_webhook)

    def channels_for(self, occasion: Occasion) -> Iterator[str]:
        """Yield the names of the channels that take messages on an occasion."""
        yield from (name for name, channel in self.channels.items() if occasion in channel.occasions)

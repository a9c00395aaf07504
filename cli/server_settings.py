"""Settings of the servers that are read from the environment: who signs in, and by what names they answer."""

import os
import secrets
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel

from nightshift.errors import SettingsError
from nightshift.redaction import redact
from nightshift.store import artifact_store

PREFIX = "NIGHTSHIFT_"


class ServerSettings(BaseModel):
    """Settings of the servers; each field is the environment variable NIGHTSHIFT_FIELD."""

    users: bool = False
    """True if people sign in at MLflow with names of their own instead of the token."""
    prefect_url: str = ""
    """Address by which people reach Prefect through a proxy."""
    mlflow_url: str = ""
    """Address by which people reach MLflow through a proxy."""

    @classmethod
    def from_environment(cls) -> Self:
        """Return the settings in this process's environment.

        Raises:
            SettingsError: A variable has a wrong value.
        """
        values = {field: os.environ.get(PREFIX + field.upper(), "") for field in cls.model_fields}
        if values["users"] not in ("", "true", "false"):
            raise SettingsError(f"NIGHTSHIFT_USERS: {values['users']}: expected true or false")
        for field in ("prefect_url", "mlflow_url"):
            _validate_url(PREFIX + field.upper(), values[field])
        return cls.model_validate({field: value for field, value in values.items() if value})

    @property
    def host_names(self) -> tuple[str, ...]:
        """Return the host names of the public addresses."""
        return tuple(name for url in (self.prefect_url, self.mlflow_url) if (name := urlsplit(url).hostname))


def _validate_url(variable: str, address: str) -> None:
    parts = urlsplit(address)
    is_url = parts.scheme in ("http", "https") and parts.hostname and not parts.username and not parts.path.strip("/")
    if address and not is_url:
        raise SettingsError(f"{variable}: {redact(address)}: expected https://NAME or https://NAME:PORT")


def secret(name: str) -> str:
    """Return a secret of this NIGHTSHIFT_HOME; create it if there is none.

    Args:
        name: Name of its file, such as `token`. The environment variable NIGHTSHIFT_NAME goes before it, for containers.
    """
    if given := os.environ.get(PREFIX + name.upper().replace("-", "_")):
        return given
    path = artifact_store.home() / name
    with suppress(FileNotFoundError):
        if text := path.read_text(encoding="ascii").strip():
            return text
    path.parent.mkdir(parents=True, exist_ok=True)
    new_secret = secrets.token_urlsafe(32)
    partial = artifact_store.partial_path(path)
    partial.unlink(missing_ok=True)
    partial.touch(0o600, exist_ok=False)
    partial.write_text(new_secret + "\n", encoding="ascii")
    partial.replace(path)
    return new_secret

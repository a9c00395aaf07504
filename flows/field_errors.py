"""Errors of settings that name the field they are about."""

from pydantic_core import PydanticCustomError


def field_error(field: str, message: str) -> PydanticCustomError:
    """Return an error that `flows.settings_file` words as `FIELD: MESSAGE`, without the value."""
    return PydanticCustomError("together", "{message}", {"field": field, "message": message})

"""Removal of passwords and tokens from everything that is shown, logged or kept.

`redact` is applied where an address is shown and where an error becomes a line. As a safety net log records and the
exceptions that leave a flow or a stage go through it too: Prefect keeps both in its database.
"""

import logging
import os
import re
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any
from urllib.parse import unquote

from pydantic import Field

from nightshift.errors import UserError
from nightshift.escaping import terminal

HIDDEN = "***"
SHORTEST = 8
"""Number of characters from which on values of the environment are hidden everywhere; a shorter one may be a common word."""
_NAMES = "token|signature|secret|passw(?:or)?d|pwd|api_?key|access_?key|credential"
_QUERY = rf"[\w.-]*(?:{_NAMES})[\w.-]*|sig|key|auth"
SQL_DIALECTS = ("postgresql", "mysql", "mariadb", "sqlite", "oracle", "mssql", "cockroachdb", "snowflake", "trino")
"""First parts of database addresses, such as `postgresql+pg8000://`, in which a user without a password is no secret."""
_DATABASE = rf"(?:{'|'.join(SQL_DIALECTS)})(?:\+\w+)?:/"
_PATTERNS = [
    (
        re.compile(rf"""(?<![\w+.-])(?!{_DATABASE}/[^\s:/?#@'"<>]*@)([\w+.-]*://|https?:/)[^\s/?#'"<>]+@"""),
        rf"\1{HIDDEN}@",
    ),  # user:password@host; one slash where it was taken for a path
    (
        re.compile(r"""(://|\bhttps?:/)[^\s:/@'"<>\[]*:(?!\d+(?:[/?#\s]|$))[^\s@'"<>]*@"""),
        rf"\1{HIDDEN}@",
    ),  # with / ? # in it
    (re.compile(r"""\b(hf:)[^\s@/:'"]+:[^\s@'"]+@"""), rf"\1{HIDDEN}@"),
    (re.compile(rf"""([?&;](?:{_QUERY})=)[^\s&;#'"<>]+""", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"""\b(passw(?:or)?d=)[^\s&;'"<>]+""", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"""(authorization['"]?\s*[:=]\s*['"]?\w+ )[^\s'"]+""", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"\bhf_[A-Za-z0-9]{16,}"), HIDDEN),
]
_ANY_CASE = re.sub("[a-z]", lambda letter: f"[{letter[0]}{letter[0].upper()}]", f"({_NAMES}|sig|key|auth)")
ADDRESS_WITH_SECRET = (
    rf"^(?!{_DATABASE}/[^\s:/?#@]*@(?!.*[?&;][A-Za-z0-9_.-]*{_ANY_CASE}[A-Za-z0-9_.-]*=)[^\s@]*$)"
    r"[A-Za-z][A-Za-z0-9+.-]*:(.*//[^\s/?#]+@|//[^\s:/@\[]*:(?![0-9]+([/?#\s]|$))[^\s@]*@|[^\s@/:]+:[^\s@]+@"
    rf"|.*[?&;][A-Za-z0-9_.-]*{_ANY_CASE}[A-Za-z0-9_.-]*=)"
)
"""Pattern of such addresses that JSON schema knows as well; a little wider."""
SECRET_SCHEMA = {"type": "string", "pattern": ADDRESS_WITH_SECRET}
"""JSON schema of texts that `carries_secret` finds."""
SECRET_VALUES = {"additionalProperties": {"not": SECRET_SCHEMA}}
"""JSON schema of a mapping without such a text among its values."""
Parameter = Annotated[str, Field(json_schema_extra={"not": SECRET_SCHEMA})]
"""Parameter of a flow that may be an address: Prefect's server refuses one with a secret, and keeps nothing of it."""
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_CREDENTIALS = re.compile(r"[a-z][a-z0-9+.-]*://[^\s:/@]*:(?!\d+/)(\S+)@", re.IGNORECASE)
_VARIABLE = re.compile(
    r"(^|_)(TOKEN|PASSWORD|PASSWD|SECRET|API_KEY|ACCESS_KEY|SECRET_KEY|AUTH_STRING)$|^(PGPASSWORD|MYSQL_PWD)$"
)
_named_variables: set[str] = set()


def redact(text: str) -> str:
    """Return the text with passwords and tokens replaced by `***`: those in addresses, and those of the environment."""
    for pattern, hidden in _PATTERNS:
        text = pattern.sub(hidden, text)
    for secret in _environment_secrets():
        text = text.replace(secret, HIDDEN)
    return text


def carries_secret(text: str) -> bool:
    """Return True for an address with a user, a password or a token in it."""
    return bool(_ADDRESS.match(text)) and any(pattern.search(text) for pattern, _ in _PATTERNS)


def refuse_parameters(**values: str) -> None:
    """Raise UserError for a flow's parameter that is an address with a secret: a flow run keeps its parameters."""
    for name, value in values.items():
        if carries_secret(value):
            raise UserError(
                f"{name}: {redact(value)} carries a user, a password or a token, and parameters are kept in Prefect: take it "
                "out, and give it to the environment of the process that runs the flow (HF_TOKEN)"
            )


def refuse_arguments(arguments: Iterable[str]) -> None:
    """Raise UserError for an argument of a command line that has an address with a secret in it."""
    for argument in arguments:
        if any(pattern.search(argument) for pattern, _ in _PATTERNS):
            raise UserError(
                f"{redact(argument)} carries a user, a password or a token, and everybody on this machine could read it in the list "
                "of processes until now (your shell's history may keep it): change it, and give it to the environment of "
                "the command (HF_TOKEN)"
            )


def hide_variable(name: str) -> None:
    """Take the value of an environment variable for a secret in this process, whatever the variable is called."""
    _named_variables.add(name)


def _environment_secrets() -> list[str]:
    """Return values of variables such as HF_TOKEN, and the passwords in those that are addresses, such as MLFLOW_TRACKING_URI."""
    secrets = set()
    for name, value in os.environ.items():
        if _VARIABLE.search(name) or name in _named_variables:
            secrets |= {value, value.rpartition(":")[2]}
        elif address := _CREDENTIALS.match(value):
            secrets |= {address[1], unquote(address[1])}
    return sorted((secret for secret in secrets if len(secret) >= SHORTEST), key=len, reverse=True)


@contextmanager
def redacted_errors() -> Iterator[None]:
    """Take secrets out of an exception that leaves the block, and out of all that it was raised from."""
    try:
        yield
    except BaseException as error:
        safe = _redacted(error, set())
        if safe is error:
            raise
        raise safe from None


def _redacted(error: BaseException, visited: set[int]) -> BaseException:
    """Return the exception itself without secrets; one that cannot be changed is replaced."""
    if id(error) in visited:
        return error
    visited.add(id(error))
    error.args = tuple(_redacted_value(value, visited) for value in error.args)
    for name, value in vars(error).items():
        if name != "__notes__":
            setattr(error, name, _redacted_value(value, visited))
    if notes := getattr(error, "__notes__", None):
        notes[:] = [redact(note) for note in notes]
    for name in ("__cause__", "__context__"):
        linked, suppressed = getattr(error, name), error.__suppress_context__
        if linked is not None:
            setattr(error, name, _redacted(linked, visited))
            error.__suppress_context__ = suppressed
    if redact(str(error)) == str(error):
        return error
    safe = RuntimeError(redact(f"{type(error).__name__}: {error}")).with_traceback(error.__traceback__)
    safe.__cause__ = error.__cause__
    return safe


def _redacted_value(value: Any, visited: set[int]) -> Any:
    if isinstance(value, str):
        return redact(value)
    return _redacted(value, visited) if isinstance(value, BaseException) else value


def install() -> None:
    """Let every log record of this process go through `redact`, with its exception.

    Control characters in it, which would act in a terminal, are escaped.
    """
    original = logging.getLogRecordFactory()
    if getattr(original, "redacts", False):
        return

    def redacted_record(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = original(*args, **kwargs)
        try:
            message = record.getMessage()
        except (TypeError, ValueError):
            return record  # a wrong format is the logging module's to report
        if (safe := terminal(redact(message))) != message:
            record.msg, record.args = safe, None
        if record.exc_info and record.exc_info[1]:
            text = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
            if (safe := terminal(redact(text))) != text:
                record.exc_text, record.exc_info = safe, None
        return record

    redacted_record.redacts = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(redacted_record)

"""Passwords and tokens: nowhere but in the environment that they came from."""

import io
import logging
import socket
import sys
import time
import traceback
from pathlib import Path

import jsonschema
import psutil
import pytest
from prefect.utilities.callables import parameter_schema
from samples import ADDRESSES, HARMLESS, SECRET

from cli import main
from flows.monitor import watch
from flows.predict import score
from flows.settings_file import check
from nightshift import redaction
from nightshift.errors import SettingsError, UserError
from nightshift.redaction import redact


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_is_shown_without_its_secret(address):
    for text in (address, f"no such file: '{address}' in x", f"({address})"):
        assert SECRET not in redact(text) and redaction.HIDDEN in redact(text)
    assert redaction.carries_secret(address)


@pytest.mark.parametrize("text", HARMLESS)
def test_other_text_stays(text):
    assert redact(text) == text and not redaction.carries_secret(text)


def test_an_address_that_was_taken_for_a_path_is_an_address():
    assert redact(f"{Path(ADDRESSES[0])}: no such file") == "https:/***@host.test/x.csv: no such file"


def test_secrets_of_the_environment_are_known(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", SECRET)
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "admin:an-0ther-one")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ada:the-th1rd%20one@127.0.0.1:1")
    redacted = redact(f"{SECRET} admin:an-0ther-one an-0ther-one ada:the-th1rd%20one the-th1rd one")
    assert redacted == "*** *** *** ada:*** ***"


def unreachable():
    try:
        try:
            raise ValueError(OSError(ADDRESSES[0]))
        except ValueError as error:
            error.add_note(ADDRESSES[0])
            raise KeyError(ADDRESSES[1], 3) from error
    except KeyError:
        raise SettingsError(ADDRESSES[2])  # noqa: B904 - the context must be clean as well


def test_what_an_error_was_raised_from_is_clean_too():
    with pytest.raises(SettingsError) as caught, redaction.redacted_errors():
        unreachable()
    traceback_text = "".join(traceback.format_exception(caught.value))
    assert SECRET not in traceback_text and traceback_text.count("***") >= 4 and "unreachable" in traceback_text


def test_an_error_that_cannot_be_changed_is_replaced():
    class Fixed(Exception):
        def __str__(self):
            return ADDRESSES[0]

    with pytest.raises(RuntimeError, match=r"^Fixed: https://\*\*\*@host") as caught, redaction.redacted_errors():
        raise Fixed
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_log_records_are_clean(monkeypatch):
    monkeypatch.setattr(logging, "_logRecordFactory", logging.getLogRecordFactory())
    redaction.install()
    out = io.StringIO()
    log = logging.Logger("x")
    log.addHandler(logging.StreamHandler(out))
    log.warning("at %s", ADDRESSES[0])
    try:
        unreachable()
    except SettingsError:
        log.exception("failed")
    assert SECRET not in out.getvalue() and "Traceback" in out.getvalue() and "at https://***@host" in out.getvalue()


@pytest.mark.parametrize("address", ADDRESSES)
def test_settings_take_no_address_with_a_secret(address):
    """They would stand in the flow run's parameters, in MLflow's tags and in settings.json."""
    values = {"model": "x", "data": {"path": ["rows.csv", address]}, "train": {"base_model": "b"}}
    with pytest.raises(SettingsError, match=r"^x\.yaml: data\.path: .+ environment") as caught:
        check(values, "x.yaml")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("address", ADDRESSES)
def test_parameters_take_no_address_with_a_secret(address):
    """The server checks them by their schema before it keeps them; who calls a flow without a server has a line."""
    for flow, values in (
        (watch, {"settings_file": "night.yaml", "source": address}),
        (watch, {"settings_file": address, "source": "rows.csv"}),
        (score, {"model_uri": "models:/x@champion", "source": address, "output": "out.csv"}),
        (score, {"model_uri": address, "source": "rows.csv", "output": "out.csv", "compare": "challenger"}),
    ):
        schema = parameter_schema(flow).model_dump()
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(values, schema)
        jsonschema.validate({name: "rows.csv" if value == address else value for name, value in values.items()}, schema)
        with pytest.raises(
            UserError, match=r"^(source|settings_file|model_uri): .+ carries .+ kept in Prefect"
        ) as caught:
            flow.fn(**values)
        assert SECRET not in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("command", [("run", "night.yaml", "--set", "data.path={}"), ("watch", "night.yaml", "{}"),
                                     ("predict", "models:/x/1", "{}"), ("run", "x.yaml", "--set", "data=[{}]")])  # fmt: skip
def test_a_secret_that_was_typed_is_refused_with_what_cannot_be_mended(command, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "home"))
    for address in ADDRESSES[:3]:
        monkeypatch.setattr(sys, "argv", ["nightshift", *(argument.format(address) for argument in command)])
        with pytest.raises(SystemExit) as caught:
            main.app()
        stderr = capsys.readouterr().err
        assert (
            caught.value.code == 2
            and SECRET not in stderr
            and "list of processes" in stderr
            and stderr.count("\n") == 1
        )
    assert not (tmp_path / "home").exists()


def test_a_prefect_server_that_is_down_is_one_line_without_its_password(shell, project):
    shell.env["PREFECT_API_URL"] = f"http://ada:{SECRET}@127.0.0.1:1/api"
    process = shell("run", "night.yaml")
    assert process.returncode == 1 and "does not answer: start it, or unset PREFECT_API_URL" in process.stderr
    assert SECRET not in process.stdout + process.stderr and "Error" not in process.stderr, process.stderr


def test_a_night_keeps_no_secret_anywhere(shell, project, tmp_path_factory):
    """Terminal, Prefect's database with its logs, files under NIGHTSHIFT_HOME, and command lines, MLflow being down."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{probe.getsockname()[1]}"
    shell.env |= {"MLFLOW_TRACKING_URI": f"http://ada:{SECRET}@{host}", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    process, commands = shell.start("run", "night.yaml"), set()
    while process.poll() is None:
        commands |= {" ".join(running.info["cmdline"] or []) for running in psutil.process_iter(["cmdline"])}
        time.sleep(0.2)
    lines = (project / "err").read_text().splitlines()
    assert process.returncode == 1 and f"the MLflow server http://{host} does not answer" in lines[-1], lines
    servers = list(tmp_path_factory.getbasetemp().glob("prefect*"))
    files = [file for folder in (project, *servers) for file in folder.rglob("*") if file.is_file()]
    contents = {file.name: file.read_bytes() for file in files}
    assert any(b"the MLflow server" in data for name, data in contents.items() if name.startswith("prefect.db"))
    assert [name for name, data in contents.items() if SECRET.encode() in data] == []
    assert not any(SECRET in command for command in commands)

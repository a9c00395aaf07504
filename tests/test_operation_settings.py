"""Settings of schedules and messages: what is refused, and that no error shows an address that is a secret."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from cli import model_deployments, notifications
from flows.announcements import held_in_a_row
from flows.operation_settings import ChannelSettings, ScheduleSettings
from flows.settings_file import load
from nightshift.errors import NightshiftError, SettingsError, UserError
from nightshift.registry.ledger import Entry

ADDRESS = "https://hooks.slack.com/services/T0/B0/not-for-eyes"
HOOK = {"type": "webhook", "url_env": "HOOK"}


def write(folder: Path, name: str, **values) -> Path:
    settings = {"model": name, "data": {"path": "rows.csv"}, "train": {"base_model": "base"}} | values
    path = folder / f"{name}.yaml"
    path.write_text(json.dumps(settings))
    return path


@pytest.mark.parametrize(
    ("section", "line"),
    [
        ({"schedule": {"cron": "at night"}}, "schedule.cron: expected five fields of cron"),
        ({"schedule": {"cron": "99 2 * * *"}}, "schedule.cron: "),
        ({"schedule": {"timezone": "Vienna"}}, "schedule.timezone: expected the name of a time zone"),
        ({"notify": {"finished_by": "7"}}, "notify.finished_by: expected a time of day"),
        ({"notify": {"held_nights": 0}}, "notify.held_nights: "),
        ({"notify": {"channels": {"Ops Team": HOOK}}}, "notify.channels: Ops Team: a channel's name is of"),
        ({"notify": {"channels": {"ops": {"type": "slack"}}}}, "notify.channels.ops.url_env: slack needs it"),
        ({"notify": {"channels": {"ops": HOOK | {"block": "a/b"}}}}, "notify.channels.ops.block: webhook takes none"),
        ({"notify": {"channels": {"ops": HOOK | {"occasions": ["lunch"]}}}}, "notify.channels.ops.occasions.0: "),
        (
            {"notify": {"channels": {"ops": {"type": "slack", "url_env": ADDRESS}}}},
            "notify.channels.ops.url_env: expected the name of an environment variable",
        ),
        (
            {"notify": {"registry_webhook": {"url_env": "HOOK", "secret_env": ADDRESS}}},
            "notify.registry_webhook.secret_env: expected the name of an environment variable",
        ),
    ],
)
def test_a_wrong_section_is_one_line_without_its_secrets(tmp_path: Path, section: dict, line: str):
    with pytest.raises(SettingsError) as refusal:
        load(write(tmp_path, "tickets", **section))
    message = str(refusal.value)
    assert line in message
    assert len(message.splitlines()) == 1
    assert "not-for-eyes" not in message


def test_a_wrong_file_is_named_before_a_server_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    write(tmp_path, "fine")
    write(tmp_path, "wrong", gate={"margin": "much"})
    with pytest.raises(SettingsError, match=r"wrong\.yaml: gate\.margin"):
        model_deployments.deploy_folder(tmp_path, "nightshift")
    write(tmp_path, "wrong").rename(tmp_path / "again.yaml")
    write(tmp_path, "wrong")
    with pytest.raises(SettingsError, match=r"wrong\.yaml: model: wrong is deployed from .*again\.yaml already"):
        model_deployments.deploy_folder(tmp_path, "nightshift")


def test_without_a_server_nothing_is_deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with pytest.raises(UserError, match="no Prefect server to deploy to"):
        model_deployments.deploy_folder(tmp_path, "nightshift")
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    with (
        temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"}),
        pytest.raises(NightshiftError, match=r"the Prefect server http://127\.0\.0\.1:1/api does not answer"),
    ):
        model_deployments.deploy_folder(tmp_path, "nightshift")


@pytest.mark.parametrize(
    ("channel", "address"),
    [
        ({"type": "slack"}, "https://example.org/not-for-eyes"),
        ({"type": "teams"}, "https://example.org/not-for-eyes"),
        ({"type": "webhook"}, "not-for-eyes"),
        ({"type": "email", "sender": "a@b.org", "recipients": ["c@b.org"]}, "https://not-for-eyes"),
    ],
)
def test_an_address_of_another_kind_is_refused_unseen(channel: dict, address: str, monkeypatch: pytest.MonkeyPatch):
    settings = ChannelSettings(url_env="NIGHTSHIFT_TEST_HOOK", **channel)
    with pytest.raises(SettingsError, match=r"ops\.url_env: the variable NIGHTSHIFT_TEST_HOOK is not set here"):
        notifications.build_block(settings, "ops")
    monkeypatch.setenv("NIGHTSHIFT_TEST_HOOK", address)
    with pytest.raises(SettingsError, match=r"ops\.url_env: expected in NIGHTSHIFT_TEST_HOOK") as refusal:
        notifications.build_block(settings, "ops")
    assert "not-for-eyes" not in str(refusal.value)


def test_blocks_show_no_secret(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOOK", "https://example.org/not-for-eyes")
    monkeypatch.setenv("TEAMS", "https://prod-1.westeurope.logic.azure.com:443/workflows/643e69f83c8944/triggers/manual/paths/"
                       "invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=not-for-eyes")  # fmt: skip
    monkeypatch.setenv("SLACK", ADDRESS.replace("-", ""))
    monkeypatch.setenv("MAIL", "smtp://ada:not-for-eyes@mail.example.org:587")
    mail = {"type": "email", "url_env": "MAIL", "sender": "a@b.org", "recipients": ["c@b.org", "d@b.org"]}
    for channel in (HOOK, {"type": "teams", "url_env": "TEAMS"}, {"type": "slack", "url_env": "SLACK"}, mail):
        block = notifications.build_block(ChannelSettings(**channel), "ops")
        assert "for-eyes" not in repr(block)
        assert "foreyes" not in repr(block)


def test_mail_is_encrypted_unless_the_address_says_otherwise(monkeypatch: pytest.MonkeyPatch):
    channel = ChannelSettings(type="email", url_env="MAIL", sender="a@b.org", recipients=["c@b.org", "d@b.org"])
    for address, start, mode in (
        ("smtp://ada:s%40crets@mail.example.org:587", "mailtos://ada:s%40crets@mail.example.org:587/?", "starttls"),
        ("smtps://mail.example.org", "mailtos://mail.example.org/?", "ssl"),
        ("smtp+plain://10.0.0.3:25", "mailto://10.0.0.3:25/?", "insecure"),
    ):
        monkeypatch.setenv("MAIL", address)
        client = notifications.build_block(channel, "ops")._apprise_client[0]
        assert notifications.mail_address(channel, address).startswith(start)
        assert client.secure_mode == mode
        assert [target for _, target in client.targets] == ["c@b.org", "d@b.org"]
        assert client.from_addr[1] == "a@b.org"


def test_the_time_until_a_night_is_late():
    at_ten = ScheduleSettings(cron="0 22 * * *", timezone="Europe/Vienna")
    assert notifications.time_allowed(at_ten, "07:00") == timedelta(hours=9)
    assert notifications.time_allowed(at_ten, "23:15") == timedelta(hours=1, minutes=15)
    assert notifications.time_allowed(at_ten, "22:00") == timedelta(days=1)
    with pytest.raises(SettingsError, match="one time of day"):
        notifications.time_allowed(ScheduleSettings(cron="0 */6 * * *"), "07:00")


def test_held_nights_count_until_the_alias_moves():
    actions = ["held", "promoted", "held", "stopped", "skipped", "held"]
    assert held_in_a_row([Entry(action=action, why="") for action in actions]) == 2
    assert held_in_a_row([Entry(action=action, why="") for action in ("held", "rolled back")]) == 0
    assert held_in_a_row([]) == 0

"""Messages on what happens to a model: deployed from a folder, sent by a real Prefect server, received over HTTP and SMTP."""

import json
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from conftest import Shell, write_project
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings
from receivers import Received, http_receiver, mail_receiver, text_of

from cli import model_deployments, notifications
from flows import announcements
from flows.operation_settings import NotifySettings
from nightshift.prefect_ui import events
from nightshift.prefect_ui.events import ModelEvent
from nightshift.records import NightResult
from nightshift.registry import model_registry

TOKEN = "a-token-of-the-receiver"


def settings_with(folder: Path, **values) -> None:
    """Write settings of a night of the project in this folder."""
    settings = json.loads((folder / "night.yaml").read_text()) | values
    settings["data"]["path"] = str(folder / "rows.csv")
    (folder / "models").mkdir(exist_ok=True)
    (folder / "models" / f"{settings['model']}.yaml").write_text(json.dumps(settings))


class Team:
    """A folder of settings files, deployed to a Prefect server, with a webhook and a mail server."""

    def __init__(self, folder: Path, api: str, posts: Received, mails: Received) -> None:
        self.folder, self.api, self.posts, self.mails = folder, api, posts, mails

    def deploy(self) -> list[str]:
        return model_deployments.deploy_folder(self.folder / "models", "nightshift")

    def ask(self, method: str, path: str, **body) -> dict:
        """Ask Prefect's server, again where its database is busy."""
        for _ in range(20):
            answer = httpx.request(method, self.api + path, json=body, timeout=30)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            time.sleep(0.5)
        assert answer.is_success, answer.text
        return answer.json()

    def end_run(self, model: str, **state) -> str:
        """Take a run of the model's deployment to a state, as its process or the server would; returns its name."""
        deployment = self.ask("GET", f"/deployments/name/nightly/{model}")
        pending = {"tags": ["auto-scheduled"], "state": {"type": "PENDING"}}
        run = self.ask("POST", f"/deployments/{deployment['id']}/create_flow_run", **pending)
        name = state and state.get("name", state["type"].capitalize())
        while name and self.ask("GET", f"/flow_runs/{run['id']}")["state_name"] != name:  # never the same state twice
            httpx.post(f"{self.api}/flow_runs/{run['id']}/set_state", json={"state": state, "force": True}, timeout=30)
        return run["name"]

    def send_again(self, event: str) -> None:
        """Send an event that the server has seen again, as it does to itself when its SQLite file was busy."""
        query = {"limit": 1, "filter": {"event": {"name": [event]}}}
        end = time.monotonic() + 40
        while not (seen := self.ask("POST", "/events/filter", **query)["events"]):  # events are kept after they fire
            assert time.monotonic() < end
            time.sleep(0.2)
        copy = seen[0] | {"id": str(uuid4())}  # it takes no event with an id that it knows
        httpx.post(f"{self.api}/events", json=[copy]).raise_for_status()

    def messages(self) -> Counter:
        """Return how many posts have come, by subject."""
        return Counter(post["subject"] for _, post, _ in self.posts)


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory, tiny_base: Path, prefect_api: str):
    folder = tmp_path_factory.mktemp("team")
    write_project(folder, tiny_base, "tiny")
    with (
        http_receiver() as (address, posts),
        mail_receiver() as (port, mails),
        pytest.MonkeyPatch.context() as patch,
        temporary_settings({PREFECT_API_URL: prefect_api}),
    ):
        for name, value in {
            "NIGHTSHIFT_HOME": str(folder / "home"),
            "PREFECT_API_URL": prefect_api,
            "TEAM_HOOK": address,
            "TEAM_HOOK_TOKEN": TOKEN,
            "TEAM_MAIL": f"smtp+plain://127.0.0.1:{port}",
        }.items():
            patch.setenv(name, value)
        patch.setattr(notifications, "time_allowed", lambda *_: timedelta(seconds=10))
        httpx.post(f"{prefect_api}/work_pools/", json={"name": "nightshift", "type": "process"})
        notify = {
            "held_nights": 2,
            "finished_by": "07:00",
            "channels": {
                "hook": {"type": "webhook", "url_env": "TEAM_HOOK", "token_env": "TEAM_HOOK_TOKEN"},
                "mail": {
                    "type": "email",
                    "url_env": "TEAM_MAIL",
                    "sender": "nightshift@example.org",
                    "recipients": ["ada@example.org"],
                    "occasions": ["failed"],
                },
            },
        }
        settings_with(folder, notify=notify)
        settings_with(folder, model="quiet", schedule={"cron": "15 4 * * 1", "timezone": "Europe/Vienna"})
        yield Team(folder, prefect_api, posts, mails)


@pytest.mark.slow
def test_a_folder_is_deployed_once(team: Team):
    lines = team.deploy()
    assert lines[:2] == ["created    nightly/quiet", "created    nightly/tiny"]
    assert len([line for line in lines if line.startswith("created    automation nightshift tiny: ")]) == 9
    assert team.deploy() == ["unchanged  nightly/quiet", "unchanged  nightly/tiny"]
    quiet = team.ask("GET", "/deployments/name/nightly/quiet")
    schedule = quiet["schedules"][0]["schedule"]
    assert (schedule["cron"], schedule["timezone"]) == ("15 4 * * 1", "Europe/Vienna")
    assert quiet["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"


@pytest.mark.slow
def test_each_occasion_is_told_once(team: Team, home: Path):
    late = team.end_run("tiny")
    failed = team.end_run("tiny", type="FAILED", message="InputError: rows.csv:\n  no such file {{ 7 * 7 }}")
    team.end_run("tiny", type="FAILED", name="Stopped", message="labels")
    team.end_run("tiny", type="CRASHED", message="killed")
    team.end_run("quiet", type="FAILED", message="nobody is told")
    team.posts.wait_for(lambda post: post[1]["subject"] == "tiny: crashed")
    team.send_again("prefect.flow-run.Crashed")
    about = ModelEvent(model="tiny", outcome="drifted", reason="length\nof the texts")
    events.emit(events.DRIFTED, about)
    events.emit(events.WORSE, about.model_copy(update={"outcome": "worse"}))
    for night in range(3):
        model_registry.note("tiny", "held", "not better", f"run-{night}", "3")
        held = NightResult(status="held", reason="not better", model="tiny", version="3", rows={})
        announcements.announce_result(held, NotifySettings(held_nights=2))
    announcements.announce_promotion("tiny", "4", "promoted by ada", "asked for")
    with announcements.low_disk_announced("tiny", 1e9):
        pass
    expected = ["failed", "stopped", "crashed", "drifted", "worse", "held 2 nights in a row", "promoted by ada",
                "disk almost full", "not finished by 07:00 (UTC)"]  # fmt: skip
    for outcome in expected:
        team.posts.wait_for(lambda post, subject=f"tiny: {outcome}": post[1]["subject"] == subject)
    assert team.messages() == Counter(f"tiny: {outcome}" for outcome in expected), list(team.posts)
    bodies = {post["subject"]: post["body"] for _, post, _ in team.posts}
    assert bodies["tiny: failed"].splitlines()[0] == "tiny: failed. InputError: rows.csv: no such file {{ 7 * 7 }}"
    assert f"Run: {failed}" in bodies["tiny: failed"]
    assert bodies["tiny: drifted"] == "tiny: drifted. length of the texts"
    assert f"Run: {late}" in bodies["tiny: not finished by 07:00 (UTC)"]
    assert team.posts[0][0]["Authorization"] == f"Bearer {TOKEN}"
    assert [message["Subject"] for message in team.mails] == ["tiny: failed"]
    assert text_of(team.mails[0]).startswith("tiny: failed. InputError: rows.csv: no such file")
    assert (team.mails[0]["To"], team.mails[0]["From"]) == ("ada@example.org", "nightshift@example.org")


@pytest.mark.slow
def test_a_night_and_a_person_promote(team: Team):
    shell = Shell(team.folder, team.api)
    assert shell.json("run", "models/tiny.yaml")["status"] == "promoted"
    told = team.posts.wait_for(lambda post: post[1]["subject"] == "tiny: promoted")
    assert len(told) == 1
    assert shell("promote", "tiny", "1", "--reason", "once more").returncode == 0
    told = team.posts.wait_for(lambda post: "once more" in post[1]["body"])
    assert len(told) == 1


@pytest.mark.slow
def test_what_goes_from_the_folder_goes_from_the_server(team: Team):
    (team.folder / "models/quiet.yaml").unlink()
    settings_with(team.folder, schedule={"cron": "0 5 * * *"})
    lines = team.deploy()
    assert lines[:2] == ["removed    nightly/quiet", "changed    nightly/tiny"]
    assert len([line for line in lines if line.startswith("removed    automation nightshift tiny: ")]) == 9
    with get_client(sync_client=True) as client:
        names = [document.name for document in client.read_block_documents()]
    assert not [name for name in names if str(name).startswith("nightshift-")]

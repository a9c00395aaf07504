"""Nights with `expectations.samples: 0`: no text of a row is anywhere but in the files of rows and in the quarantine."""

import gzip
import json
import re
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from conftest import Shell, write_project
from samples import messages

MARK = "hiddenmark"
"""Beginning of a word that stands in every text."""
ROWS_OF_TEXTS = re.compile(
    r"artifacts/(ingest|validate|split|augment)/[^/]+/[a-z_]+\.parquet|artifacts/(validate|split)/[^/]+/quarantine\.csv|artifacts/gate/[^/]+/measured/lost\.csv"
)
"""Files that hold texts of rows, relative to NIGHTSHIFT_HOME, as docs/stages/validate.md lists them."""


def marked_rows() -> list[list[str]]:
    """Return text, label and time of rows with defects of every kind; each text has a word of its own that begins with `MARK`."""
    rows = [[f"{text} {MARK}{number:04}", label] for number, (text, label) in enumerate(messages(600))]
    defects = [
        f"the cafÃ© {MARK}d01", f"bro\ufffdken {MARK}d02", f"fish &amp; chips {MARK}d03", f"={MARK}d04()", f"{MARK}d05 " * 9,
        f"{MARK}d06 " * 900, rows[0][0], rows[1][0].upper() + "!", f"совсем другой текст о {MARK}d07",
    ]  # fmt: skip
    rows += [[text, "good"] for text in defects] + [
        [rows[2][0], "good"],
        [rows[2][0], "bad"],
        [f"no label {MARK}d08", ""],
    ]
    return [[*row, f"2026-03-{1 + number % 20:02}"] for number, row in enumerate(rows)]


def write_marked_project(folder: Path, tiny_base: Path) -> None:
    write_project(folder, tiny_base, "tiny")
    lines = [json.dumps(dict(zip(("message", "label", "day"), row, strict=True))) for row in marked_rows()]
    lines[5] = lines[5].replace("2026-03-06", f"{MARK}d09")
    (folder / "rows.csv").unlink()
    (folder / "rows.jsonl").write_text("\n".join(lines) + f'\n{{"message": "{MARK}d10\n')
    settings = json.loads((folder / "night.yaml").read_text())
    settings["data"] |= {"path": "rows.jsonl", "timestamp": "day", "cleaning": {"mask": ["numbers"], "html": True}}
    settings["train"] |= {"num_train_epochs": 2}
    settings["compress"] = {"recipes": ["quantize"]}
    settings["expectations"] = {"samples": 0, "label_given_away": {"severity": "warning"}}
    (folder / "night.yaml").write_text(json.dumps(settings))


def contents(path: Path) -> Iterator[bytes]:
    """Yield what a file holds: the cells of tables and databases, and members of archives; nothing if it is gone by now."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:  # SQLite's own files beside a database that is closed in this moment
        return
    yield data
    if data.startswith(b"PAR1"):
        yield json.dumps(pq.read_table(path).to_pylist(), default=str, ensure_ascii=False).encode()
    elif data.startswith(b"SQLite format 3"):
        with closing(sqlite3.connect(path)) as database:
            yield "\n".join(database.iterdump()).encode()
    elif data.startswith(b"\x1f\x8b"):
        yield gzip.decompress(data)
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield from map(archive.read, archive.namelist())


def files_with_texts(home: Path) -> list[str]:
    """Return the files under a folder, relative to it, that hold a word of a row's own."""
    mark = re.compile(MARK.encode() + b"|" + MARK.upper().encode())
    files = [path for path in sorted(home.rglob("*")) if path.is_file() and not path.is_symlink()]
    return [str(path.relative_to(home)) for path in files if any(mark.search(content) for content in contents(path))]


def test_the_search_looks_into_tables_and_databases(tmp_path):
    with closing(sqlite3.connect(tmp_path / "a.db")) as database:
        database.execute("create table t (x)")
        database.execute("insert into t values (?)", ["x" * 10_000 + f"{MARK}1"])
        database.commit()
    (tmp_path / "b.gz").write_bytes(gzip.compress(f"{MARK}2".encode()))
    (tmp_path / "c.txt").write_text("nothing")
    assert files_with_texts(tmp_path) == ["a.db", "b.gz"]


@pytest.mark.slow
def test_no_text_of_a_row_is_anywhere_but_in_the_files_of_rows_and_in_the_quarantine(tmp_path, tiny_base):
    write_marked_project(tmp_path, tiny_base)
    shell = Shell(tmp_path)
    for arguments in ((), ("--set", "train.seed=7")):  # the second night is compared with the first
        result = shell.json("run", "night.yaml", *arguments)
        assert result["status"] in ("promoted", "held"), result["reason"]
        assert MARK not in json.dumps(result) + (tmp_path / "err").read_text()
    assert MARK not in shell("validate", "night.yaml").stdout + (tmp_path / "err").read_text()
    home = tmp_path / "home"
    holders = files_with_texts(home)
    assert [file for file in holders if not ROWS_OF_TEXTS.fullmatch(file)] == []
    assert any("ingest" in file for file in holders) and any("quarantine" in file for file in holders)

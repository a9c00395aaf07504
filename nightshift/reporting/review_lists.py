"""The lists of rows that people are asked about: files for them to fill in, and what the report shows of them."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from nightshift import clock
from nightshift.data.review_columns import FILE, REASONS
from nightshift.data.row_samples import LONGEST_TEXT
from nightshift.records import NightResult, Reviewed
from nightshift.store import artifact_store

MAX_ROWS = 10
"""Maximum number of rows that the report shows."""
SHOWN = ("reason", "source", "row", "label", "suggested_label", "confidence", "detail")
"""Columns that the report shows, besides the texts."""


@dataclass(frozen=True)
class ReviewList:
    """List of an objective, as the report shows it.

    Attributes:
        reviewed: The record of the stage.
        file: The file to fill in; None if there is no row.
        rows: The first rows, by column.
        has_texts: False if samples are switched off.
    """

    reviewed: Reviewed
    file: Path | None
    rows: list[dict[str, str]]
    has_texts: bool

    @property
    def reasons(self) -> list[str]:
        """The reasons that rows have, in the order of `REASONS`."""
        named = {*self.reviewed.listed, *self.reviewed.candidates, *self.reviewed.holdout}
        return [reason for reason in REASONS if reason in named]

    @property
    def num_listed(self) -> int:
        """Number of rows in the list."""
        return sum(self.reviewed.listed.values())


def copy_lists(result: NightResult, reviewed: Mapping[str, Reviewed]) -> dict[str, Path]:
    """Copy the lists that have rows to NIGHTSHIFT_HOME/reviews for people to fill in; return the files by objective.

    A file that is there stays as it is: a person may have begun to fill it in.
    """
    folder = artifact_store.home() / "reviews" / result.model
    start = f"{clock.today()}-{(result.mlflow_run_id or '')[:8]}"
    files = {}
    for name, record in reviewed.items():
        if record.listed:
            folder.mkdir(parents=True, exist_ok=True)
            files[name] = folder / (f"{start}-{name}.csv" if len(reviewed) > 1 else f"{start}.csv")
            _copy_new(artifact_store.folder(record) / FILE, files[name])
    return files


def _copy_new(source: Path, target: Path) -> None:
    """Copy a file whole, unless the target exists."""
    partial = artifact_store.partial_path(target)
    shutil.copyfile(source, partial)
    try:
        os.link(partial, target)
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        if not target.exists():
            partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def review_list(reviewed: Reviewed, file: Path | None) -> ReviewList:
    """Return what the report shows of a list; `file` is None if it has no rows."""
    if file is None:
        return ReviewList(reviewed, None, [], False)
    table = pd.read_csv(artifact_store.folder(reviewed) / FILE, dtype=str, keep_default_na=False, nrows=MAX_ROWS)
    texts = table[[name for name in ("text", "text_pair") if name in table]]
    joined = [" | ".join(filter(None, cells)) for cells in texts.itertuples(index=False)]
    visible = table.reindex(columns=list(SHOWN), fill_value="").assign(text=[_beginning(text) for text in joined])
    rows = [{str(name): value for name, value in row.items()} for row in visible.to_dict("records")]
    return ReviewList(reviewed, file, rows, any(joined))


def _beginning(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= LONGEST_TEXT else f"{words[:LONGEST_TEXT]}…"

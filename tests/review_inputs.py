"""The artifacts that the stage review reads, written as the stages before it write them, without any training."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from factories import objective
from samples import messages

from nightshift.data.row_keys import text_key
from nightshift.records import Checked, Evaluated, Objective, Reviewed, Trained, Verdict
from nightshift.store import artifact_store
from tasks.review.settings import ReviewSettings
from tasks.review.stage import review

LABELS = ["bad", "good"]


def rows_of_messages(count: int, first: int, source: str = "rows.csv") -> pd.DataFrame:
    """Return rows as a split writes them, from the message of a number on."""
    texts, labels = zip(*messages(first + count)[first:], strict=True)
    keys = [text_key(text) for text in texts]
    places = {"source": source, "row": range(first + 1, first + count + 1)}
    return pd.DataFrame({"row_key": keys, "side_key": keys, "text": texts, "label": labels, **places})


def predictions(rows: pd.DataFrame, wrong=()) -> pd.DataFrame:
    """Return a model's table that is right and sure, but for the rows at the positions `wrong`."""
    predicted = rows["label"].tolist()
    for position in wrong:
        predicted[position] = "good" if predicted[position] == "bad" else "bad"
    table = rows[["row_key", "side_key", "label"]].assign(predicted=predicted)
    return table.assign(**{f"score:{label}": np.where(table["predicted"] == label, 0.9, 0.1) for label in LABELS})


@dataclass
class ReviewInputs:
    """The rows of a night, and what its stages said of them."""

    train: pd.DataFrame = field(default_factory=lambda: rows_of_messages(200, 0))
    validation: pd.DataFrame = field(default_factory=lambda: rows_of_messages(60, 200))
    holdout: pd.DataFrame = field(default_factory=lambda: rows_of_messages(60, 260))
    unlabelled: pd.DataFrame = field(default_factory=lambda: pd.DataFrame({"row_key": [], "text": []}, dtype=object))
    decided: tuple[str, ...] = ()
    lost: dict[str, list[int]] | None = None
    """Positions, by side, of the rows that the challenger has wrong and the champion right; None without a champion."""
    labels: list[str] = field(default_factory=lambda: LABELS)
    separator: str | None = None
    trained: Trained = field(default_factory=lambda: Trained(parameters=1, layers=[], precision="", device=""))

    def review(self, max_rows: int = 50, base_model: str = "scratch:bert", **options) -> tuple[Reviewed, pd.DataFrame]:
        """Run the stage; return its record and its list."""
        record = review.fn(
            ReviewSettings(rows=max_rows),
            self._objective(),
            self._checked(),
            self.trained,
            self._evaluated(),
            self._verdict(),
            base_model,
            32,
            **options,
        )
        path = artifact_store.folder(record) / "review.csv"
        return record, pd.read_csv(path, dtype=str, keep_default_na=False)

    def _objective(self) -> Objective:
        main = objective(labels=self.labels, separator=self.separator, pairs="text_pair" in self.train)
        folder = _folder("split/one")
        for side in ("train", "validation", "holdout", "unlabelled"):
            getattr(self, side).to_parquet(folder / f"{side}.parquet")
        digest = artifact_store.folder_digest(folder)
        return main.model_copy(update={"sides": main.sides.model_copy(update={"path": "split/one", "digest": digest})})

    def _checked(self) -> Checked:
        folder = _folder("validate/one")
        pd.DataFrame(
            {"row_key": list(self.decided), "decision": ["keep"] * len(self.decided)}, dtype=object
        ).to_parquet(folder / "decided.parquet")
        counts = {"read": 1, "kept": 1, "quarantined": {}, "expectations": [], "status": "passed", "reason": ""}
        digest = artifact_store.folder_digest(folder)
        return Checked(path="validate/one", digest=digest, **counts)

    def _evaluated(self) -> Evaluated:
        _write_table(predictions(self.holdout), "evaluate/one/holdout")
        empty = {name: {} for name in ("validation", "holdout", "per_class", "baseline", "dummy", "baselines")}
        return Evaluated(path="evaluate/one", **empty)

    def _verdict(self) -> Verdict:
        lost = self.lost or {}
        for side, folder in (("holdout", "gate/one"), ("validation", "gate/one/validation")):
            rows = getattr(self, side)
            _write_table(predictions(rows, lost.get(side, ())), f"{folder}/challenger")
            if self.lost is not None:
                _write_table(predictions(rows), f"{folder}/champion")
        digest = artifact_store.folder_digest(artifact_store.root() / "gate/one")
        return Verdict(path="gate/one", digest=digest, decision="hold", reasons=[])


def _folder(path: str):
    folder = artifact_store.root() / path
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _write_table(table: pd.DataFrame, path: str) -> None:
    table.to_parquet(_folder(path) / "main.parquet")

"""List the rows that a person should look at: a few, and the ones whose answers help most."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from nightshift import escaping
from nightshift.data.corrections import DECIDED_FILE
from nightshift.data.review_columns import FILE, Reason
from nightshift.evaluation import review_candidates, scoring
from nightshift.evaluation.out_of_fold import Features, make_features
from nightshift.evaluation.prediction_tables import GROUP, Tables, texts_of
from nightshift.evaluation.review_candidates import ClassLabels, LabelDoubts
from nightshift.evaluation.review_list import Candidates, review_table, round_robin
from nightshift.inference.embeddings import Embedder
from nightshift.inference.measurement import TorchPredictor, device
from nightshift.models import base_address, pretrained
from nightshift.records import Checked, Evaluated, Objective, Reviewed, Trained, Verdict
from nightshift.store import artifact_store
from nightshift.store.stages import stage
from tasks.review.settings import ReviewSettings

MAX_ROWS = 50_000
"""Most rows that are searched for label errors, and most unlabelled rows that the model predicts."""
MAX_CELLS = 2_000_000
"""Most rows times labels that are searched for label errors."""
MAX_LABELS = 400
"""Most labels of a classification that is searched for label errors."""


@dataclass(frozen=True)
class BaseEmbeddings:
    """Base model whose embeddings the search for label errors reads.

    Attributes:
        address: The setting `train.base_model`.
        max_length: Tokens that texts are truncated to.
    """

    address: str
    max_length: int

    def embed(self, rows: pd.DataFrame) -> np.ndarray | None:
        """Return the embeddings of rows; None for a `scratch:` base, which has none before it is trained."""
        if self.address.startswith(base_address.SCRATCH):
            return None
        embedder = Embedder(self.address, self.max_length)
        texts, pairs = texts_of(rows)
        return embedder.embed(texts) if pairs is None else embedder.embed_pairs(texts, pairs)


@stage
def review(
    folder: Path,
    review: ReviewSettings,
    objective: Objective,
    checked: Checked,
    trained: Trained,
    evaluated: Evaluated,
    verdict: Verdict,
    base_model: str,
    max_length: int,
    with_texts: bool = True,
) -> Reviewed:
    """Write the list of an objective with labels, at most `review.rows` rows.

    Rows have one of four reasons (`nightshift.data.review_columns.REASONS`). In turn each reason gives its best row, so that
    each has the same share; what one cannot fill goes to the others. Only training, validation and unlabelled rows are listed;
    holdout rows are counted. Rows that a person has decided on are not listed again.

    Args:
        folder: Folder to write to.
        review: Settings of the list.
        objective: A classification.
        checked: The rows that a person has decided on.
        trained: The model that predicts unlabelled rows.
        evaluated: Its predictions on the holdout.
        verdict: The predictions of challenger and champion.
        base_model: The setting `train.base_model`, whose embeddings are used.
        max_length: Tokens that texts are truncated to.
        with_texts: False to leave the texts out of the list (`expectations.samples: 0`).
    """
    search = _Search(objective, _decided_keys(checked), BaseEmbeddings(base_model, max_length))
    errors = search.label_errors(evaluated)
    candidates: dict[Reason, Candidates] = {
        "label error": errors,
        "near conflict": search.near_conflicts(),
        "lost": search.regressed(verdict),
    }
    if with_texts:
        candidates["informative"] = search.informative(trained)
    else:
        search.notices.append(
            "the list names rows by file and number only, without texts, as expectations.samples is 0"
        )
    chosen = round_robin(candidates, review.rows)
    table = review_table(chosen, objective.sides.pairs, with_texts)
    artifact_store.write_csv(escaping.spreadsheet(table), folder / FILE)
    return Reviewed(
        listed={reason: len(rows) for reason, rows in chosen.items()},
        candidates={reason: len(of_reason.rows) for reason, of_reason in candidates.items() if len(of_reason.rows)},
        holdout={reason: of_reason.holdout for reason, of_reason in candidates.items() if of_reason.holdout},
        estimated_errors=search.estimated_errors,
        estimated_from=search.estimated_from,
        notices=search.notices,
    )


def _decided_keys(checked: Checked) -> set[str]:
    return set(pd.read_parquet(artifact_store.folder(checked) / DECIDED_FILE)["row_key"])


class _Search:
    """The search for candidates among the rows of an objective."""

    def __init__(self, objective: Objective, decided: Collection[str], base: BaseEmbeddings) -> None:
        self.objective, self.decided, self.base = objective, decided, base
        self.form = ClassLabels(objective.sides.labels, objective.sides.separator)
        sides = [scoring.side_of(objective, side) for side in ("train", "validation")]
        self.validation = sides[1]
        self.rows = pd.concat(sides, ignore_index=True)
        self.holdout = scoring.side_of(objective, "holdout")
        self.suggestions = pd.DataFrame({"suggested_label": [], "confidence": [], "margin": []}, dtype=object)
        self.estimated_errors: int | None = None
        self.estimated_from: int | None = None
        self.notices: list[str] = []

    def label_errors(self, evaluated: Evaluated) -> Candidates:
        """Return the rows that are probably mislabelled, and keep what the search says about all rows."""
        if len(self.form.labels) > MAX_LABELS:
            self.notices.append(
                f"label errors were not searched: {len(self.form.labels):,} labels are more than {MAX_LABELS:,}"
            )
            return Candidates()
        rows = self.rows[self.form.has_known_labels(self.rows["label"])]
        rows = self._sample(rows, "label errors were searched", MAX_CELLS // len(self.form.labels))
        doubts = review_candidates.doubt_labels(self._features(rows), rows["label"], rows[GROUP].tolist(), self.form)
        self._note(rows, doubts)
        candidates = review_candidates.label_error_candidates(rows, doubts)
        predictions = scoring.read(artifact_store.folder(evaluated) / "holdout", [self.objective])
        holdout = review_candidates.holdout_label_errors(predictions[self.objective.name], self.form)
        return Candidates(review_candidates.without_decided(candidates, self.decided), holdout)

    def _features(self, rows: pd.DataFrame) -> list[Features]:
        texts, pairs = texts_of(rows)
        joined = texts if pairs is None else [f"{first} ⇔ {second}" for first, second in zip(texts, pairs, strict=True)]
        return make_features(joined, self.base.embed(rows))

    def _note(self, rows: pd.DataFrame, doubts: LabelDoubts) -> None:
        """Keep the number of errors, and the suggestion for each row."""
        self.estimated_errors, self.estimated_from = int(doubts.is_error.sum()), len(rows)
        columns = {
            "row_key": rows["row_key"].to_numpy(),
            "suggested_label": doubts.suggested,
            "confidence": doubts.confidence.round(4),
            "margin": doubts.margins,
        }
        self.suggestions = pd.DataFrame(columns).drop_duplicates("row_key").set_index("row_key")

    def near_conflicts(self) -> Candidates:
        """Return near-duplicates with different labels."""
        conflicts = review_candidates.near_conflict_candidates(self.rows, self.holdout, self.form, self.suggestions)
        return Candidates(review_candidates.without_decided(conflicts.rows, self.decided), conflicts.holdout)

    def regressed(self, verdict: Verdict) -> Candidates:
        """Return the validation rows that only the champion has right; none without a champion that can be compared."""
        validation, holdout = (self._answers(verdict, side) for side in ("validation", ""))
        if "champion" not in validation or "champion" not in holdout:
            return Candidates()
        rows = review_candidates.lost_candidates(
            self.validation, validation["challenger"], validation["champion"], self.objective
        )
        num_holdout = review_candidates.count_lost(holdout["challenger"], holdout["champion"], self.objective)
        return Candidates(review_candidates.without_decided(rows, self.decided), num_holdout)

    def _answers(self, verdict: Verdict, side: str) -> Mapping[str, pd.DataFrame]:
        """Return the tables of challenger and champion on a side, by role."""
        folder = artifact_store.folder(verdict) / side
        tables: dict[str, Tables] = {
            role: scoring.read(folder / role, [self.objective])
            for role in ("challenger", "champion")
            if (folder / role).exists()
        }
        return {role: by_objective[self.objective.name] for role, by_objective in tables.items()}

    def informative(self, trained: Trained) -> Candidates:
        """Return the unlabelled rows that the trained model is least sure of."""
        unlabelled = scoring.side_of(self.objective, "unlabelled")
        unlabelled = unlabelled[~unlabelled["row_key"].isin(self.decided)]
        if unlabelled.empty:
            return Candidates()
        unlabelled = self._sample(unlabelled, "the most informative rows were searched", MAX_ROWS)
        model, tokenizer, heads = pretrained.load_checkpoint(artifact_store.folder(trained) / "model")
        predictor = TorchPredictor(model.to(device()), tokenizer, heads, self.base.max_length)
        scores = predictor.scores(*texts_of(unlabelled), self.objective.name)
        return Candidates(review_candidates.informative_candidates(unlabelled, scores, self.form))

    def _sample(self, rows: pd.DataFrame, searched: str, max_rows: int) -> pd.DataFrame:
        """Return all rows or, of more than can be searched, the same share of each label, other ones when the data change."""
        limit = min(MAX_ROWS, max_rows)
        if len(rows) <= limit:
            return rows.reset_index(drop=True)
        self.notices.append(f"{searched} in a sample of {limit:,} of {len(rows):,} rows")
        salted = (self.objective.sides.digest + rows["row_key"]).to_numpy(object)
        drawn = pd.Series(pd.util.hash_array(salted), rows.index)
        labels = rows["label"] if "label" in rows else pd.Series("", rows.index)
        share = drawn.groupby(labels).rank(pct=True, method="first")
        return rows.loc[share.sort_values(kind="stable").index[:limit]].sort_index().reset_index(drop=True)

"""Rows that a person may be asked about, by reason: probably wrong labels, contradictions, lost rows, informative rows."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from nightshift.data.near_duplicates import join_texts, near_duplicate_pairs
from nightshift.evaluation.kinds import KINDS
from nightshift.evaluation.label_errors import (
    Classes,
    Floats,
    confident_classes,
    is_confident_error,
    normalized_margins,
)
from nightshift.evaluation.out_of_fold import Features, fold_numbers, out_of_fold_probabilities
from nightshift.evaluation.prediction_tables import SCORE, score_columns
from nightshift.evaluation.review_list import ENTRY, Candidates
from nightshift.records import Objective

PLACE = ("row_key", "source", "row", "text", "text_pair", "label")
"""Columns of a row that the list repeats."""


@dataclass(frozen=True)
class ClassLabels:
    """Labels of a classification.

    Attributes:
        labels: The labels, whose index is the class id.
        separator: Joins the labels of a row that may have several; None for one label a row.
    """

    labels: Sequence[str]
    separator: str | None

    def has_known_labels(self, cells: pd.Series) -> npt.NDArray[np.bool_]:
        """Return True for each cell with labels that training rows have."""
        if self.separator is None:
            return cells.isin(self.labels).to_numpy()
        model_labels = set(self.labels)
        return np.array([set(self.split(cell)) <= model_labels for cell in cells], bool)

    def split(self, cell: str) -> list[str]:
        """Return the labels of a cell, sorted."""
        return [cell] if self.separator is None else sorted(set(cell.split(self.separator)) - {""})

    def class_ids(self, cells: pd.Series) -> Classes:
        """Return the class id of each cell that has one label."""
        return pd.Index(self.labels).get_indexer(pd.Index(cells)).astype(np.int64)

    def multi_hot(self, cells: pd.Series) -> Classes:
        """Return 1 for each label that a cell has and 0 for the others, (rows, labels)."""
        present = [set(self.split(cell)) for cell in cells]
        return np.array([[label in cell for label in self.labels] for cell in present], np.int64)


@dataclass(frozen=True)
class LabelDoubts:
    """Doubts about the labels of rows, by out-of-fold probabilities."""

    is_error: npt.NDArray[np.bool_]
    """True for each row that is confidently in another class than its label."""
    margins: Floats
    """Normalised margin of each row's label: low for a wrong one."""
    suggested: list[str]
    """Label that the probabilities speak for."""
    confidence: Floats
    """Probability of that label; of several labels a row, of the surest one that would change."""


def doubt_labels(
    features: Sequence[Features], cells: pd.Series, side_keys: Sequence[str], form: ClassLabels
) -> LabelDoubts:
    """Return the doubts about labels; with several labels a row each label is a question of its own, yes or no.

    Args:
        features: Features of the rows, see `nightshift.evaluation.out_of_fold.make_features`.
        cells: Labels of the rows, all of them known.
        side_keys: Keys of the rows' groups.
        form: Form of the labels.
    """
    folds = fold_numbers(side_keys)
    if form.separator is None:
        ids = form.class_ids(cells)
        return _doubts(ids, out_of_fold_probabilities(features, ids, len(form.labels), folds), form)
    present = form.multi_hot(cells)
    probabilities = [out_of_fold_probabilities(features, column, 2, folds)[:, 1] for column in present.T]
    return _multi_label_doubts(present, np.column_stack(probabilities), form)


def _doubts(ids: Classes, probabilities: Floats, form: ClassLabels) -> LabelDoubts:
    is_error = is_confident_error(ids, probabilities)
    suggested = np.where(is_error, confident_classes(ids, probabilities), probabilities.argmax(axis=1))
    return LabelDoubts(
        is_error,
        normalized_margins(ids, probabilities),
        [form.labels[index] for index in suggested],
        probabilities[np.arange(len(ids)), suggested],
    )


def _multi_label_doubts(present: Classes, probabilities: Floats, form: ClassLabels) -> LabelDoubts:
    binary = np.stack([1 - probabilities, probabilities], axis=2)
    questions = range(len(form.labels))
    errors = np.column_stack([is_confident_error(present[:, k], binary[:, k]) for k in questions])
    margins = np.column_stack([normalized_margins(present[:, k], binary[:, k]) for k in questions])
    is_error: npt.NDArray[np.bool_] = np.asarray(errors.any(axis=1))
    of_errors = np.where(errors | ~is_error[:, None], margins, np.inf)
    assert form.separator is not None
    names = np.array(form.labels, object)
    corrected = np.where(errors, 1 - present, present).astype(bool)
    suggested = [form.separator.join(names[row]) for row in corrected]
    return LabelDoubts(is_error, of_errors.min(axis=1), suggested, (1 - of_errors.min(axis=1)) / 2)


def holdout_label_errors(table: pd.DataFrame, form: ClassLabels) -> int:
    """Return the number of holdout rows that the model is confidently of another opinion about than their label."""
    names = [f"{SCORE}{label}" for label in form.labels]
    rows = table[form.has_known_labels(table["label"])]
    if rows.empty or not set(names) <= set(table):
        return 0
    scores = rows[names].to_numpy(np.float64)
    if form.separator is None:
        return int(is_confident_error(form.class_ids(rows["label"]), scores).sum())
    return int(_multi_label_doubts(form.multi_hot(rows["label"]), scores, form).is_error.sum())


def label_error_candidates(rows: pd.DataFrame, doubts: LabelDoubts) -> pd.DataFrame:
    """Return the rows whose label is probably wrong, the lowest margin first.

    Args:
        rows: The rows, with the columns `PLACE`.
        doubts: The doubts about their labels.
    """
    table = _place(rows).assign(
        suggested_label=doubts.suggested,
        confidence=doubts.confidence.round(4),
        detail=[f"margin {margin:.2f} by cross-validation" for margin in doubts.margins],
        margin=doubts.margins,
    )
    return _numbered(table[doubts.is_error].sort_values("margin", kind="stable"))


def near_conflict_candidates(
    rows: pd.DataFrame, holdout: pd.DataFrame, form: ClassLabels, suggestions: pd.DataFrame
) -> Candidates:
    """Return training and validation rows with nearly the texts of another one that has another label, both of each pair.

    A pair with a holdout row is only counted: its other row would tell text and label of that one.

    Args:
        rows: Training and validation rows.
        holdout: Holdout rows.
        form: Form of the labels.
        suggestions: `suggested_label`, `confidence` and `margin` of rows by `row_key`, as far as there are any.
    """
    everything = pd.concat([_place(rows), _place(holdout)], ignore_index=True)
    labels = np.array(["\x1f".join(form.split(cell)) for cell in everything["label"]], object)
    pairs = near_duplicate_pairs(join_texts(everything, [name for name in ("text", "text_pair") if name in everything]))
    conflicts = pairs[labels[pairs[:, 0]] != labels[pairs[:, 1]]]
    is_holdout = conflicts >= len(rows)
    num_holdout = len(np.unique(conflicts[is_holdout]))
    return Candidates(_both_rows(everything, conflicts[~is_holdout.any(axis=1)], suggestions), num_holdout)


def _both_rows(rows: pd.DataFrame, pairs: Classes, suggestions: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of pairs, those first whose label is most probably wrong."""
    suggested = rows[["row_key"]].merge(suggestions, "left", left_on="row_key", right_index=True)
    margins = suggested["margin"].fillna(1).to_numpy(np.float64)
    order = np.argsort(margins[pairs].min(axis=1), kind="stable")
    flat, others = pairs[order].ravel(), pairs[order][:, ::-1].ravel()
    other_rows = rows.iloc[others]
    table = rows.iloc[flat].reset_index(drop=True)
    table[ENTRY] = np.repeat(np.arange(len(pairs)), 2)
    differs = (suggested["suggested_label"].iloc[flat].to_numpy() != table["label"].to_numpy()) & (
        suggested["suggested_label"].iloc[flat].notna().to_numpy()
    )
    table["suggested_label"] = np.where(differs, suggested["suggested_label"].iloc[flat], "")
    table["confidence"] = np.where(differs, suggested["confidence"].iloc[flat], np.nan)
    table["detail"] = [
        f"nearly the text of {source}, row {row}, which has the label {label}"
        for source, row, label in zip(other_rows["source"], other_rows["row"], other_rows["label"], strict=True)
    ]
    return table


def lost_candidates(
    validation: pd.DataFrame, challenger: pd.DataFrame, champion: pd.DataFrame, objective: Objective
) -> pd.DataFrame:
    """Return the validation rows that the champion has right and the challenger wrong, its surest mistakes first.

    Args:
        validation: Rows of the validation side.
        challenger: Table of the challenger's predictions on validation.
        champion: Table of the champion's on the same rows.
        objective: The objective of both.
    """
    regressed = challenger[_is_lost(challenger, champion, objective)]
    scores = score_columns(regressed)
    has_confidence = bool(scores) and objective.sides.separator is None
    answers = regressed[["row_key"]].assign(
        suggested_label=regressed["predicted"],
        confidence=regressed[scores].max(axis=1).round(4) if has_confidence else np.nan,
        detail="the champion predicts the label, the challenger does not",
    )
    rows = _place(validation).drop_duplicates("row_key").merge(answers, on="row_key")
    return _numbered(rows.sort_values("confidence", ascending=False, kind="stable"))


def count_lost(challenger: pd.DataFrame, champion: pd.DataFrame, objective: Objective) -> int:
    """Return the number of rows that the champion has right and the challenger wrong."""
    return int(_is_lost(challenger, champion, objective).sum())


def _is_lost(challenger: pd.DataFrame, champion: pd.DataFrame, objective: Objective) -> npt.NDArray[np.bool_]:
    is_right = KINDS[objective.kind].right
    assert is_right is not None
    regressed: npt.NDArray[np.bool_] = np.asarray(is_right(champion), bool) & ~np.asarray(is_right(challenger), bool)
    return regressed


def informative_candidates(unlabelled: pd.DataFrame, scores: Floats, form: ClassLabels) -> pd.DataFrame:
    """Return unlabelled rows, those first between whose two best labels the model decides by the smallest margin.

    Margin sampling, Scheffer, Decomain, Wrobel 2001; with several labels a row, the margin of its most doubtful label.

    Args:
        unlabelled: The rows: texts and `row_key`.
        scores: The model's scores, (rows, labels).
        form: Form of the labels.
    """
    names = np.array(form.labels, object)
    if form.separator is None:
        best = np.sort(scores, axis=1)[:, ::-1]
        margins, confidence = best[:, 0] - best[:, 1], best[:, 0]
        suggested = names[scores.argmax(axis=1)].tolist()
    else:
        margins = np.abs(2 * scores - 1).min(axis=1)
        confidence = (1 + margins) / 2
        suggested = [form.separator.join(names[row]) for row in scores >= 0.5]
    table = _place(unlabelled).assign(
        suggested_label=suggested,
        confidence=confidence.round(4),
        detail=[f"margin {margin:.2f} of the trained model; without a label so far" for margin in margins],
        margin=margins,
    )
    return _numbered(table.sort_values("margin", kind="stable"))


def without_decided(candidates: pd.DataFrame, decided: Collection[str]) -> pd.DataFrame:
    """Return the candidates without the entries of which a person has decided on a row."""
    entries = candidates.loc[candidates["row_key"].isin(decided), ENTRY]
    return candidates[~candidates[ENTRY].isin(entries)]


def _place(rows: pd.DataFrame) -> pd.DataFrame:
    columns = [name for name in PLACE if name in rows]
    return rows[columns].reset_index(drop=True)


def _numbered(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows once each key, each row an entry of its own."""
    unique = rows.drop_duplicates("row_key").reset_index(drop=True)
    return unique.assign(**{ENTRY: np.arange(len(unique))})

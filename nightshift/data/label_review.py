"""Review of the labels of a data set: their counts, those that say nothing, and what a person should look at."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import pandas as pd
import pyarrow as pa

from nightshift.data import label_variants
from nightshift.data.label_map import LabelMap
from nightshift.data.label_variants import VariantGroup, quoted
from nightshift.data.missing_words import MISSING_VALUES, as_missing, class_sized, normalized, words_among
from nightshift.records import Kind, LabelCount

MAX_LISTED = 80
"""Maximum number of labels that are listed with their counts."""
MAX_NAMED = 10
"""Maximum number of labels in a sentence."""


@dataclass(frozen=True)
class LabelReview:
    """Labels with their counts, and the sentences that a person reads about them."""

    labels: list[LabelCount] = field(default_factory=list)
    num_labels: int = 0
    label_map: dict[str, str] = field(default_factory=dict)
    """Proposal for `data.label_map`."""
    warnings: list[str] = field(default_factory=list)


def label_counts(cells: pd.Series, separator: str | None) -> dict[str, int]:
    """Return the number of rows by label, most frequent first; a row with several labels counts for each of them."""
    return _counts_by_label({str(cell): int(rows) for cell, rows in cells.value_counts().items()}, separator)


def _counts_by_label(cells: Mapping[str, int], separator: str | None) -> dict[str, int]:
    """Return the number of rows by label, of the number of rows by cell."""
    counts: Counter[str] = Counter()
    for cell, rows in cells.items():
        for label in {*cell.split(separator)} - {""} if separator is not None else {cell}:
            counts[label] += rows
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


@dataclass(frozen=True)
class MissingLabels:
    """Words that say nothing among the labels."""

    missing: dict[str, int] = field(default_factory=dict)
    """Number of rows by word that counts as missing."""
    undecided: dict[str, int] = field(default_factory=dict)
    """Number of rows by word that stays, because it is as frequent as a class and the settings do not say what it is."""
    replaced: dict[str, str | None] = field(default_factory=dict)
    """Remaining labels of a cell with such words, by cell; null where none is left."""
    words: Collection[str] = ()
    """Words that are missing where they are a whole cell, if it is not a class."""

    def apply(self, cells: pa.Array) -> pa.Array:
        """Return labels without the words that count as missing, null where none is left."""
        if self.words:
            return as_missing(cells, self.words)[0]
        if not self.replaced:
            return cells
        distinct = cells.dictionary_encode()
        kept = [self.replaced.get(cell, cell) for cell in distinct.dictionary.to_pylist()]
        return pa.array(kept, cells.type).take(distinct.indices)


def missing_labels(
    batches: Iterable[pa.Array],
    kind: Kind,
    words: Collection[str] | None,
    known: Collection[str],
    separator: str | None,
) -> MissingLabels:
    """Return which labels are words that say nothing.

    Args:
        batches: The labels, batch by batch.
        kind: The objective's kind; only a classification has classes that a word could be.
        words: Labels that are missing; None for the usual words, of which those stay that occur as often as a class should.
        known: Labels that are never missing, because the settings name them.
        separator: Joins the labels of a row that may have several; such a row loses only the words.
    """
    missing_values = MISSING_VALUES if words is None else words
    totals: Counter[str] = Counter()
    if kind != "classification":
        for cells in batches:
            totals.update(as_missing(cells, missing_values)[1])
        return MissingLabels(dict(totals), words=missing_values if totals else ())
    for cells in batches:
        totals.update({count["values"]: count["counts"] for count in cells.drop_null().value_counts().to_pylist()})
    counts = _counts_by_label(totals, separator)
    nothing = words_among(counts, missing_values, known)
    other_counts = [rows for label, rows in counts.items() if label not in nothing]
    frequent = class_sized(nothing, other_counts) if words is None else set()
    missing = {label: rows for label, rows in nothing.items() if label not in frequent}
    undecided = {label: rows for label, rows in nothing.items() if label in frequent}
    return MissingLabels(missing, undecided, _without(totals, missing, separator))


def _without(cells: Iterable[str], missing: Collection[str], separator: str | None) -> dict[str, str | None]:
    """Return what is left of each cell that has one of some labels."""
    if separator is None:
        return dict.fromkeys(missing)
    replaced = {}
    for cell in cells:
        labels = cell.split(separator)
        if any(label in missing for label in labels):
            replaced[cell] = separator.join(label for label in labels if label not in missing) or None
    return replaced


def review_labels(
    rows: pd.DataFrame, reasons: pd.Series, known: Collection[str], separator: str | None, undecided: Mapping[str, int]
) -> LabelReview:
    """Return what a person should know about the labels of a classification.

    Args:
        rows: The rows that were checked, in the columns of `nightshift.records.Rows`.
        reasons: Why each row is quarantined, null where it stays.
        known: The labels that the settings know.
        separator: Joins the labels of a row that may have several.
        undecided: Labels that may be words which say nothing, with their numbers of rows.
    """
    cells = rows[[name for name in ("text", "text_pair", "label") if name in rows]]
    labelled = rows.loc[cells.notna().all(axis=1), "label"]
    read = label_counts(labelled, separator)
    kept = label_counts(labelled[reasons[labelled.index].isna()], separator)
    groups = label_variants.find_variants(read, known)
    mapping = label_variants.label_map(groups)
    warnings = [_undecided_warning(undecided)] if undecided else []
    if mapping:
        warnings.append(_variants_warning(groups, mapping, _spelling_conflicts(rows, reasons, mapping, separator)))
    if vanished := [label for label in read if label not in kept and (not known or label in known)]:
        warnings.append(_vanished_warning(vanished, read, reasons[labelled.index[labelled.isin(vanished)]]))
    listed = [LabelCount(label=label, read=count, kept=kept.get(label, 0)) for label, count in read.items()]
    return LabelReview(listed[:MAX_LISTED], len(listed), mapping, warnings)


def _spelling_conflicts(
    rows: pd.DataFrame, reasons: pd.Series, mapping: Mapping[str, str], separator: str | None
) -> int:
    """Return how many rows are conflicts only because their labels are spelled differently."""
    conflicts = rows[reasons == "conflict"]
    label_map = LabelMap(mapping, separator)
    joined = label_map.apply(pa.array(conflicts["label"], pa.string())).to_pylist()
    labels = conflicts.assign(label=joined).groupby(["side", "row_key"])["label"]
    return int((labels.transform("nunique") == 1).sum())


def _variants_warning(groups: list[VariantGroup], mapping: Mapping[str, str], conflicts: int) -> str:
    consequence = f"; {conflicts:,} rows are quarantined as conflicts only for that" if conflicts else ""
    more = f" (and {len(groups) - MAX_NAMED:,} more)" if len(groups) > MAX_NAMED else ""
    return (
        f"labels that differ in their spelling only, with their rows: {label_variants.describe(groups[:MAX_NAMED])}{more}"
        f"{consequence}; to join them set {map_to_paste(mapping)}"
    )


def missing_words(words: Mapping[str, int]) -> str:
    """Return a phrase on the cells with words that say nothing."""
    counts = ", ".join(f"{quoted(word)} {count:,}" for word, count in words.items())
    return f"{sum(words.values()):,} hold a word that counts as missing unless data.missing_values says otherwise ({counts})"


def notices(mapped_labels: Mapping[str, int], words: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Return sentences on what `data.label_map` and `data.missing_values` have changed.

    Args:
        mapped_labels: Number of rows by label that was replaced.
        words: Number of rows by column and word.
    """
    counts = ", ".join(f"{quoted(label)} {rows:,}" for label, rows in mapped_labels.items())
    sentences = [f"data.label_map replaced labels, with their rows: {counts}"] if mapped_labels else []
    return sentences + [f"{column}: {missing_words(counts)}" for column, counts in words.items()]


def map_to_paste(mapping: Mapping[str, str]) -> str:
    """Return a map as the setting `data.label_map`, shortened if it is long."""
    listed = dict(list(mapping.items())[:MAX_LISTED])
    more = f" (and {len(mapping) - len(listed):,} more: label_map in --json)" if len(mapping) > len(listed) else ""
    return f"data.label_map: {label_variants.as_yaml(listed)}{more}"


def _vanished_warning(vanished: list[str], read: Mapping[str, int], reasons: pd.Series) -> str:
    names = ", ".join(f"{quoted(label)} ({read[label]:,} rows)" for label in vanished[:MAX_NAMED])
    more = f" and {len(vanished) - MAX_NAMED:,} more" if len(vanished) > MAX_NAMED else ""
    causes = ", ".join(f"{count:,} {reason}" for reason, count in reasons.value_counts().items())
    return f"no row is left of the labels {names}{more}; see the quarantine" + (f" ({causes})" if causes else "")


def _undecided_warning(undecided: Mapping[str, int]) -> str:
    names = ", ".join(f"{quoted(label)} in {count:,} rows" for label, count in undecided.items())
    words = {normalized(label) for label in undecided}
    if_missing = ", ".join(map(quoted, sorted(words)))
    if_label = ", ".join(quoted(word) for word in MISSING_VALUES if normalized(word) not in words)
    return (
        f"{names}: a label, or a word for none? It is as frequent as a class and stays a label; to say so set "
        f"data.missing_values: [{if_label}]; if such rows have no label, data.missing_values: [{if_missing}]"
    )

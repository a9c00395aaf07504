"""Columns, values and tokens that give a label away: they predict it nearly alone.

Such a column is often written after the label was, and is missing or empty when the model is asked.
"""

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

SAMPLE_SIZE = 20_000
"""Rows that are looked at; of more, evenly spaced ones."""
NUM_BINS = 20
"""Quantiles that take the place of a column's numbers where they are many."""
MAX_VALUES = 50
"""Different values up to which each value of a column is looked at by itself."""
MIN_ROWS = 10
"""Rows that a label needs, and that a value or token needs with the label or without it."""
MAX_CELLS = 2**22
"""Items times labels that are held at once."""
TIE = 1e-6
"""Deduction from a negative phi: a value that stands with its label is named before one that stands with the others."""
TOKEN = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+|[^\w\s]"
)  # a character, in writing without spaces


@dataclass(frozen=True)
class GiveAway:
    """A column, or a value or token in it, that predicts the label."""

    column: str
    value: str | None
    """The value or the token; None for the column as a whole."""
    is_token: bool
    label: str | None
    """The label that it tells apart from the others; None for the column as a whole."""
    score: float
    """For a column: the share of the errors of always answering the most frequent label that it spares; for a value or
    token: its phi coefficient with the label, without the sign.
    """
    shares: tuple[float, float]
    """For a column: the share of the rows with the most frequent label, and of those that the column predicts; for a value
    or token: the share of the rows with the label in which it stands, and of the others.
    """

    def description(self, show_value: bool = True) -> str:
        """Return a clause with the figures; the value or token is named only if `show_value` is true."""
        first, second = (f"{100 * share:.1f} %" for share in self.shares)
        if self.value is None:
            return (
                f"column {self.column!r} predicts the label of {second} of the rows (the most frequent label: {first})"
            )
        value = repr(self.value) if show_value else "a token" if self.is_token else "a value"
        item = f"{value} {'in' if self.is_token else 'as'} {self.column!r}"
        return f"{item} stands in {first} of the rows with the label {self.label!r} and in {second} of the others"


def give_aways(rows: pd.DataFrame, label: str, min_score: float, ignored: Collection[str | int] = ()) -> list[GiveAway]:
    """Return what gives the label away, the strongest first: of each column the whole, else a value, else a token.

    A column of JSON objects stands for their fields. A column of texts is looked at by its values and by its tokens.

    Args:
        rows: The label and the columns that may give it away.
        label: Name of the label's column.
        min_score: Score from which something gives the label away, from 0 to 1.
        ignored: Fields of JSON objects that are left out, by name or position.
    """
    rows = rows[rows[label].notna()]
    strong = []
    for name in rows.columns.drop(label):
        sample = rows.loc[rows[name].notna(), [name, label]] if _is_records(rows[name]) else rows[[name, label]]
        sample = sample.iloc[np.linspace(0, len(sample) - 1, min(len(sample), SAMPLE_SIZE)).astype(int)]
        labels = sample[label].astype(str).reset_index(drop=True)
        if labels.nunique() < 2:
            continue
        for field, cells in _fields(str(name), sample[name].reset_index(drop=True), ignored):
            items = [*_of_column(field, cells, labels), *_of_tokens(field, cells, labels)]
            strong += [item for item in items if item.score >= min_score][:1]
    return sorted(strong, key=lambda item: -item.score)


def _is_records(column: pd.Series) -> bool:
    """Return True if the first cell that is not null is a JSON object."""
    return any(_parse_record(cell) for cell in column.dropna().head(1))


def _parse_record(cell: object) -> dict[str, object]:
    """Return a JSON object; empty if the cell is none."""
    try:
        record = json.loads(cell) if isinstance(cell, str) else None
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def _fields(name: str, column: pd.Series, ignored: Collection[str | int]) -> Iterator[tuple[str, pd.Series]]:
    """Yield name and cells of a column, or of each field of a column of JSON objects."""
    if not _is_records(column):
        yield name, column
        return
    records = pd.DataFrame(map(_parse_record, column))
    for position, field in enumerate(records.columns):
        if field not in ignored and position not in ignored:
            yield str(field), records[field]


def _of_column(name: str, column: pd.Series, labels: pd.Series) -> Iterator[GiveAway]:
    """Yield the column as a whole, and its value that predicts a label best."""
    values = _discrete(column)
    value_codes, _ = pd.factorize(values)
    label_codes, _ = pd.factorize(labels, sort=True)
    of_label = np.bincount(label_codes)
    most_frequent = of_label.max() / len(labels)
    share = _predicted_rows(value_codes, label_codes, int(of_label.argmax())) / len(labels)
    score = float(max(share - most_frequent, 0) / (1 - most_frequent))
    yield GiveAway(name, None, False, None, score, (float(most_frequent), float(share)))
    if values.nunique() <= MAX_VALUES:
        yield from _best_item(name, pd.DataFrame({"row": range(len(values)), "item": values}), labels, False)


def _predicted_rows(values: npt.NDArray[np.int64], labels: npt.NDArray[np.int64], most_frequent: int) -> int:
    """Return the number of rows whose label the other rows with the same value predict.

    Only pairs of a value and a label that occur are held, so memory does not grow with values times labels.

    Args:
        values: Code of each row's value.
        labels: Code of each row's label.
        most_frequent: Label that is predicted where no other row has the value.
    """
    num_labels = int(labels.max()) + 1
    pairs, counts = np.unique(values * num_labels + labels, return_counts=True)
    order = np.lexsort((-counts, pairs // num_labels))
    pairs, counts = pairs[order], counts[order]
    first = np.flatnonzero(np.diff(pairs // num_labels, prepend=-1))
    is_alone = np.diff(first, append=len(pairs)) == 1
    highest = counts[first]
    second = np.where(is_alone, 0, counts[np.minimum(first + 1, len(counts) - 1)])
    unmatched = is_alone & (highest == 1) & (pairs[first] % num_labels == most_frequent)
    return int(highest[highest - 1 > second].sum() + unmatched.sum())


def _of_tokens(name: str, column: pd.Series, labels: pd.Series) -> Iterator[GiveAway]:
    """Yield the token that predicts a label best, if most cells are texts of several tokens."""
    texts = column.where(column.map(lambda cell: isinstance(cell, str)), "").str.casefold()
    tokens = texts.map(lambda text: list(dict.fromkeys(TOKEN.findall(text))))
    if tokens.str.len().median() >= 2:
        items = tokens.explode().dropna()
        yield from _best_item(name, pd.DataFrame({"row": items.index, "item": items.to_numpy()}), labels, True)


def _best_item(name: str, items: pd.DataFrame, labels: pd.Series, is_token: bool) -> Iterator[GiveAway]:
    """Yield the item, with its label, whose phi coefficient is farthest from zero."""
    label_codes, label_names = pd.factorize(labels, sort=True)
    frequent = np.flatnonzero(np.bincount(label_codes) >= MIN_ROWS)
    columns = np.full(len(label_names), len(frequent))  # the labels with fewer rows are put together
    columns[frequent] = np.arange(len(frequent))
    of_label = np.bincount(label_codes)[frequent].astype(float)
    item_codes, item_names = pd.factorize(items["item"])
    order = np.argsort(item_codes, kind="stable")
    item_codes, item_labels = item_codes[order], columns[label_codes[items["row"].to_numpy()[order]]]
    step = max(1, MAX_CELLS // (len(frequent) + 1))
    best: _Association | None = None
    for first in range(0, len(item_names) if len(frequent) else 0, step):
        start, end = np.searchsorted(item_codes, [first, first + step])
        cells = (item_codes[start:end] - first) * (len(frequent) + 1) + item_labels[start:end]
        num_items = min(step, len(item_names) - first)
        both = np.bincount(cells, minlength=num_items * (len(frequent) + 1)).reshape(num_items, -1).astype(float)
        strongest = _strongest(both[:, :-1], both.sum(axis=1, keepdims=True), of_label, len(labels))
        if strongest and (best is None or strongest.strength > best.strength):
            best = replace(strongest, item=first + strongest.item)
    if best is not None:
        value, label = str(item_names[best.item]), str(label_names[frequent[best.label]])
        yield GiveAway(name, value, is_token, label, abs(best.phi), best.shares)


@dataclass(frozen=True)
class _Association:
    """An item and a label by their positions, and how far one tells of the other."""

    item: int
    label: int
    phi: float
    strength: float
    shares: tuple[float, float]
    """Share of the rows with the label that have the item, and of the others."""


def _strongest(
    both: npt.NDArray[np.float64], of_item: npt.NDArray[np.float64], of_label: npt.NDArray[np.float64], rows: int
) -> _Association | None:
    """Return the strongest association of an item and a label; None if there is none.

    Args:
        both: Rows with an item and a label, by item and label.
        of_item: Rows with each item, as a column.
        of_label: Rows with each label.
        rows: Number of all rows.
    """
    variance = of_item * (rows - of_item) * of_label * (rows - of_label)
    with np.errstate(divide="ignore", invalid="ignore"):
        phi = (rows * both - of_item * of_label) / np.sqrt(variance)
    phi[(variance == 0) | (np.maximum(both, of_item - both) < MIN_ROWS)] = 0
    strength = np.where(phi < 0, -phi - TIE, phi)
    if not phi.size or strength.max() <= 0:
        return None
    item, label = np.unravel_index(strength.argmax(), phi.shape)
    with_label = both[item, label]
    shares = with_label / of_label[label], (of_item[item, 0] - with_label) / (rows - of_label[label])
    association = float(phi[item, label]), float(strength[item, label])
    return _Association(int(item), int(label), *association, (float(shares[0]), float(shares[1])))


def _discrete(column: pd.Series) -> pd.Series:
    """Return a column as texts, empty where it is null; many different numbers are put into quantiles."""
    numbers = pd.to_numeric(column, errors="coerce")
    if numbers.nunique() > MAX_VALUES and numbers.notna().sum() == column.notna().sum():
        column = pd.qcut(numbers.rank(), NUM_BINS, labels=False, duplicates="drop")
    return column.map(str, na_action="ignore").astype(object).fillna("")

"""Columns, values and tokens that give a label away: they predict it nearly alone.

Such a column is often written after the label was, and is missing or empty when the model is asked.
"""

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

SAMPLE_SIZE = 20_000
"""Rows that are looked at; of more, evenly spaced ones."""
NUM_BINS = 20
"""Quantiles that take the place of a column's numbers where they are many."""
MAX_VALUES = 50
"""Different values up to which each value of a column is looked at by itself."""
MIN_ROWS = 10
"""Rows that a label needs, and that a value or token needs with the label or without it."""
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
    counts = pd.crosstab(values, labels).to_numpy()
    most_frequent = counts.sum(axis=0).max() / counts.sum()
    highest = np.sort(counts, axis=1)[:, ::-1]
    predicted = highest[:, 0][highest[:, 0] - 1 > highest[:, 1]].sum()  # by the other rows with the same value
    unmatched = counts[counts.sum(axis=1) == 1].sum(axis=0)[
        counts.sum(axis=0).argmax()
    ]  # no other row: the most frequent label
    share = (predicted + unmatched) / counts.sum()
    score = float(max(share - most_frequent, 0) / (1 - most_frequent))
    yield GiveAway(name, None, False, None, score, (float(most_frequent), float(share)))
    if values.nunique() <= MAX_VALUES:
        yield from _best_item(name, pd.DataFrame({"row": range(len(values)), "item": values}), labels, False)


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
    item_codes, item_names = pd.factorize(items["item"])
    cells = item_codes * len(label_names) + label_codes[items["row"].to_numpy()]
    both = np.bincount(cells, minlength=len(item_names) * len(label_names)).reshape(-1, len(label_names)).astype(float)
    of_item, of_label = both.sum(axis=1, keepdims=True), np.bincount(label_codes).astype(float)
    rows = len(labels)
    variance = of_item * (rows - of_item) * of_label * (rows - of_label)
    with np.errstate(divide="ignore", invalid="ignore"):
        phi = (rows * both - of_item * of_label) / np.sqrt(variance)
    phi[(variance == 0) | (of_label < MIN_ROWS) | (np.maximum(both, of_item - both) < MIN_ROWS)] = 0
    strength = np.where(phi < 0, -phi - TIE, phi)
    if phi.size and strength.max() > 0:
        item, label = np.unravel_index(strength.argmax(), phi.shape)
        shares = both[item, label] / of_label[label], (of_item[item, 0] - both[item, label]) / (rows - of_label[label])
        value = str(item_names[item])
        yield GiveAway(
            name,
            value,
            is_token,
            str(label_names[label]),
            abs(float(phi[item, label])),
            (float(shares[0]), float(shares[1])),
        )


def _discrete(column: pd.Series) -> pd.Series:
    """Return a column as texts, empty where it is null; many different numbers are put into quantiles."""
    numbers = pd.to_numeric(column, errors="coerce")
    if numbers.nunique() > MAX_VALUES and numbers.notna().sum() == column.notna().sum():
        column = pd.qcut(numbers.rank(), NUM_BINS, labels=False, duplicates="drop")
    return column.map(str, na_action="ignore").astype(object).fillna("")

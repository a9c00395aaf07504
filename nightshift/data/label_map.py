"""Renaming of labels by `data.label_map`, counted."""

from collections import Counter
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc


class LabelMap:
    """A map from labels to the labels that replace them, each applied once.

    Attributes:
        changed: Number of labels changed so far, by the label that was replaced; zero for those that have not occurred.
    """

    def __init__(self, mapping: Mapping[str, str], separator: str | None = None) -> None:
        """Note the map.

        Args:
            mapping: New label by old label.
            separator: Joins the labels of a row that may have several.
        """
        self._mapping, self._separator = mapping, separator
        self.changed = Counter(dict.fromkeys(mapping, 0))

    def apply(self, labels: pa.Array) -> pa.Array:
        """Return cells of labels with the map applied; the labels of a row stay unique and sorted."""
        if not self._mapping:
            return labels
        encoded = labels.dictionary_encode()
        counts = {count["values"]: count["counts"] for count in pc.value_counts(encoded.indices).to_pylist()}
        cells = [self._mapped(cell, counts.get(index, 0)) for index, cell in enumerate(encoded.dictionary.to_pylist())]
        return pa.array(cells, pa.string()).take(encoded.indices)

    def _mapped(self, cell: str, rows: int) -> str:
        """Return the labels of a cell with the map applied, and count its rows."""
        parts = [cell] if self._separator is None else cell.split(self._separator)
        replaced = [part for part in parts if part in self._mapping]
        if not replaced:
            return cell
        self.changed.update(dict.fromkeys(replaced, rows))
        mapped = [self._mapping.get(part, part) for part in parts]
        return mapped[0] if self._separator is None else self._separator.join(sorted(set(mapped)))

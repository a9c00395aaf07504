"""Changes of cells that the settings ask for, counted: `data.label_map` and the texts of `data.missing_values`."""

from collections import Counter
from collections.abc import Collection

import pyarrow as pa

from nightshift.data.label_map import LabelMap
from nightshift.data.missing_words import as_missing


class CellChanges:
    """Changes of cells, and how many there were.

    Attributes:
        missing: Number of texts that became null, by column and word.
        label_map: The map of labels, with its counts.
    """

    def __init__(self, missing_texts: Collection[str], label_map: LabelMap) -> None:
        """Note what is to be changed.

        Args:
            missing_texts: Words that count as missing where they are the whole text.
            label_map: New labels.
        """
        self._missing_texts = missing_texts
        self.label_map = label_map
        self.missing: dict[str, Counter[str]] = {"text": Counter(), "text_pair": Counter()}

    def apply(self, column: str, cells: pa.Array) -> pa.Array:
        """Return the cells of a canonical column with the changes."""
        if column == "label":
            return self.label_map.apply(cells)
        if column in self.missing:
            cells, words = as_missing(cells, self._missing_texts)
            self.missing[column].update(words)
        return cells

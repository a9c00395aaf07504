"""Names of classes: `datasets` stores labels as numbers, and their names in the features of the data set."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightshift.data.arrow_json import as_json
from nightshift.data.batches import Batch

METADATA = b"huggingface"
"""Key of a schema's metadata under which `datasets` writes the features."""
NO_LABEL = -1
"""Number that `datasets` writes for a row without a label."""


def stored_features(schema: pa.Schema) -> dict[str, Any]:
    """Return the features that `datasets` wrote into a schema's metadata; empty if there are none."""
    try:
        features = json.loads((schema.metadata or {})[METADATA])["info"]["features"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return {}
    return features if isinstance(features, dict) else {}


def named_batch(table: pa.Table, first_row: int, features: Mapping[str, Any]) -> Batch:
    """Return rows as a batch with the names of classes; the originals keep the numbers."""
    named = named_classes(table, features)
    return Batch(named, first_row, originals=None if named is table else as_json(table))


def named_classes(table: pa.Table, features: Mapping[str, Any]) -> pa.Table:
    """Return a table with the names of classes in place of their numbers, also within lists and objects.

    A number without a name stays, as a text; that of a row without a label becomes null.
    """
    for index, name in enumerate(table.column_names):
        column = table.column(index)
        cells = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        named = _named(cells, features.get(name))
        if named is not cells:
            table = table.set_column(index, name, named)
    return table


def _named(cells: pa.Array, feature: Any) -> pa.Array:
    if isinstance(feature, list) and len(feature) == 1:
        feature = {"_type": "List", "feature": feature[0]}
    if not isinstance(feature, dict):
        return cells
    kind = cells.type
    if feature.get("_type") == "ClassLabel" and pa.types.is_integer(kind):
        return _names(cells, feature.get("names"))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        values = cells.flatten()
        named = _named(values, feature.get("feature"))
        if named is values:
            return cells
        lengths = pc.list_value_length(cells).fill_null(0).to_numpy()
        offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int64())
        return pa.LargeListArray.from_arrays(offsets, named, mask=cells.is_null())
    if pa.types.is_struct(kind) and kind.num_fields:
        fields = [pc.struct_field(cells, [index]) for index in range(kind.num_fields)]
        renamed = [_named(values, feature.get(kind.field(index).name)) for index, values in enumerate(fields)]
        if any(new is not old for new, old in zip(renamed, fields, strict=True)):
            names = [kind.field(index).name for index in range(kind.num_fields)]
            return pa.StructArray.from_arrays(renamed, names, mask=cells.is_null())
    return cells


def _names(numbers: pa.Array, names: Any) -> pa.Array:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return numbers
    numbers = numbers.cast(pa.int64())
    has_name = pc.and_(pc.greater_equal(numbers, 0), pc.less(numbers, len(names))).fill_null(False)
    positions = pc.if_else(has_name, numbers, pa.scalar(None, pa.int64()))
    unnamed = pc.if_else(pc.equal(numbers, NO_LABEL), pa.scalar(None, pa.int64()), numbers).cast(pa.string())
    return pc.if_else(has_name, pa.array(names, pa.string()).take(positions), unnamed)

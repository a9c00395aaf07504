"""Hive partitions: folders such as `day=2026-11-28`, whose name gives a column of the files within."""

import json
from dataclasses import replace
from pathlib import PurePosixPath
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc

from nightshift.data.batches import Batch

NULL = "__HIVE_DEFAULT_PARTITION__"
"""Value of a partition without a value."""


def partition_columns(path: str) -> dict[str, str | None]:
    """Return the columns that the folders right above a file give: in `/data/day=2026-11-28/a.csv`, the day."""
    columns: dict[str, str | None] = {}
    for folder in PurePosixPath(path).parent.parts[::-1]:
        name, equals, value = folder.partition("=")
        if not (name and equals):
            break
        columns[unquote(name)] = None if value == NULL else unquote(value)
    return dict(reversed(columns.items()))


def with_partitions(batch: Batch, columns: dict[str, str | None]) -> Batch:
    """Return a batch with partition columns as texts; a column that the records have themselves stays."""
    table, originals = batch.table, batch.originals
    added = {name: value for name, value in columns.items() if name not in table.column_names}
    if not added:
        return batch
    for name, value in added.items():
        table = table.append_column(name, pa.repeat(pa.scalar(value, pa.string()), len(batch)))
    if originals is not None:
        heads = pc.utf8_slice_codeunits(originals, 0, -1)
        commas = pc.if_else(pc.equal(heads, "{"), "", ", ")
        originals = pc.binary_join_element_wise(heads, commas, json.dumps(added, ensure_ascii=False)[1:], "")
    return replace(batch, table=table, originals=originals)

"""Count tonight's new rows as evidence before any model is trained on them (`gate.evidence`); never cached."""

import logging
from collections import Counter

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nightshift import clock
from nightshift.data.cleaning import RAW_KEY, seen_before
from nightshift.data.row_profile import Keys, RowColumns, contains, row_keys
from nightshift.evaluation import fresh_rows
from nightshift.evaluation.fresh_rows import EvidenceState, FreshRows
from nightshift.records import Objective, RegistryState
from nightshift.registry import fresh_evidence, model_registry
from nightshift.registry.fresh_evidence import EarlierEvidence
from nightshift.registry.version_predictions import VersionPredictor
from nightshift.store import artifact_store
from nightshift.store.stages import uncached_stage

log = logging.getLogger("nightshift.fresh")
SIDES = ("train", "validation", "holdout")
MAX_ROWS = 20_000
"""Largest number of new rows that are answered in a night; of more, those with the smallest keys are."""
COLUMNS = ("text", "text_pair", "label", "row_key", "side_key", "raw_text", "raw_text_pair", RAW_KEY)


@uncached_stage(retries=2)
def count_fresh_rows(
    model: str,
    run_id: str,
    objectives: list[Objective],
    registry_state: RegistryState,
    earlier: EarlierEvidence,
    share: float,
    budget: float,
) -> FreshRows:
    """Return the evidence after tonight's new rows; those that a night counted once are never counted again.

    A run that is resumed after a kill takes what it has counted, and an unfinished one leaves nothing to the next night.

    Args:
        model: The registered model.
        run_id: The MLflow run.
        objectives: The only objective of the run, in a list.
        registry_state: Champion, the last night's challenger, and what tests on the holdout have spent.
        earlier: Evidence after the last night.
        share: Share of the year's error budget that belongs to new rows.
        budget: The year's error budget.
    """
    state = fresh_rows.next_state(
        earlier.state, registry_state.champion, clock.now(), share, budget, registry_state.budget.alpha_spent
    )
    counted = fresh_evidence.counted_by(run_id)
    if counted and counted.state.champion == state.champion:
        return counted
    (objective,) = objectives
    seen = fresh_evidence.seen_keys(earlier.run_id)
    rows, keys, earlier_rows = read_rows(objective, seen)
    counted = _counted(model, rows, objective, registry_state, state, earlier_rows, seen is not None)
    if counted.note:
        log.info("new rows are not counted: %s", counted.note)
    fresh_evidence.log_counted(run_id, counted, keys if seen is None else np.union1d(seen, keys))
    return counted


def read_rows(objective: Objective, seen: Keys | None) -> tuple[pd.DataFrame, Keys, Counter[str]]:
    """Return the rows of all sides that were not seen, the keys of all rows, and the number of the others by label.

    A row whose text as it was read was seen is not new, whatever its cleaning makes of it.

    Args:
        objective: The objective.
        seen: Sorted keys; None if it is not known what was seen, and no row counts as new.
    """
    parts, keys, labels = list[pa.Table](), [np.zeros(0, np.uint64)], Counter[str]()
    is_balanced = fresh_rows.is_balanced(objective)
    for side in SIDES:
        file = pq.ParquetFile(artifact_store.folder(objective.sides) / f"{side}.parquet")
        for batch in file.iter_batches(columns=[name for name in COLUMNS if name in file.schema_arrow.names]):
            table = pa.Table.from_batches([batch])
            by_column = _keys(table)
            keys += [part[part > 0] for part in by_column]
            is_old = np.any([contains(seen, part) for part in by_column], axis=0) if seen is not None else None
            parts.append(table.slice(0, 0) if is_old is None else table.filter(pa.array(~is_old)))
            if is_balanced and is_old is not None:
                counts = pc.value_counts(table["label"].filter(pa.array(is_old)).drop_null()).to_pylist()
                labels.update({entry["values"]: entry["counts"] for entry in counts})
    rows = pa.concat_tables(parts, promote_options="permissive").to_pandas() if parts else pd.DataFrame()
    return rows, np.unique(np.concatenate(keys)), labels


def _keys(table: pa.Table) -> list[Keys]:
    """Return the 64-bit prefixes of the rows' keys, and of those of their texts as they were read; 0 for none."""
    return [
        row_keys(table, RowColumns(texts=(), key=name)) for name in ("row_key", RAW_KEY) if name in table.column_names
    ]


def _counted(
    model: str,
    rows: pd.DataFrame,
    objective: Objective,
    registry_state: RegistryState,
    state: EvidenceState,
    earlier_rows: Counter[str],
    are_seen_known: bool,
) -> FreshRows:
    """Return the evidence after new rows, or the state before and a note if they cannot be counted."""
    champion, challenger = registry_state.champion, registry_state.challenger
    note = ""
    if champion is None:
        note = "there is no champion yet"
    elif challenger is None:
        note = f"no challenger was held since version {champion} is champion"
    elif not are_seen_known:
        note = "the rows that earlier nights saw are not known; counting begins with the next night"
    if note or champion is None or challenger is None:
        return FreshRows(state=state, note=note)
    trained = model_registry.trained_keys(model, champion) | model_registry.trained_keys(model, challenger)
    rows = rows[~seen_before(rows, trained)].sort_values("row_key").head(MAX_ROWS).reset_index(drop=True)
    if rows.empty:
        return FreshRows(state=state, challenger=challenger, note="there are no new rows")
    try:
        first, second = (VersionPredictor(model, n, False).table(rows, objective) for n in (challenger, champion))
        differences = fresh_rows.differences(first, second, objective, earlier_rows)
    except Exception as error:
        text = " ".join(str(error).split())[:200]
        return FreshRows(state=state, challenger=challenger, note=f"version {challenger} or {champion}: {text}")
    return FreshRows(state=state.counting(len(rows), differences), new_rows=len(rows), challenger=challenger)

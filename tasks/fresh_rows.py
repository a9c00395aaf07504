"""Count tonight's new rows as evidence before any model is trained on them (`gate.evidence`); never cached."""

import logging

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from nightshift import clock
from nightshift.data.cleaning import RAW_KEY, seen_before
from nightshift.data.row_profile import Keys, RowColumns, contains, row_keys
from nightshift.evaluation import fresh_rows
from nightshift.evaluation.fresh_rows import EvidenceState, F1Scores, FreshRows
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
MAX_EARLIER_ROWS = 5_000
"""Largest number of earlier validation rows that the champion answers for macro F1, those with the smallest keys."""
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
    rows, keys = read_rows(objective, seen)
    counted = _counted(model, rows, objective, registry_state, state, seen)
    if counted.note:
        log.info("new rows are not counted: %s", counted.note)
    fresh_evidence.log_counted(run_id, counted, keys if seen is None else np.union1d(seen, keys))
    return counted


def read_rows(objective: Objective, seen: Keys | None) -> tuple[pd.DataFrame, Keys]:
    """Return the rows of all sides that were not seen, and the keys of all rows.

    A row whose text as it was read was seen is not new, whatever its cleaning makes of it.

    Args:
        objective: The objective.
        seen: Sorted keys; None if it is not known what was seen, and no row counts as new.
    """
    parts, keys = list[pa.Table](), [np.zeros(0, np.uint64)]
    for side in SIDES:
        file = pq.ParquetFile(artifact_store.folder(objective.sides) / f"{side}.parquet")
        for batch in file.iter_batches(columns=[name for name in COLUMNS if name in file.schema_arrow.names]):
            table = pa.Table.from_batches([batch])
            by_column = _keys(table)
            keys += [part[part > 0] for part in by_column]
            is_old = np.any([contains(seen, part) for part in by_column], axis=0) if seen is not None else None
            parts.append(table.slice(0, 0) if is_old is None else table.filter(pa.array(~is_old)))
    rows = pa.concat_tables(parts, promote_options="permissive").to_pandas() if parts else pd.DataFrame()
    return rows, np.unique(np.concatenate(keys))


def read_earlier_validation(objective: Objective, seen: Keys) -> pd.DataFrame:
    """Return validation rows that were seen, up to `MAX_EARLIER_ROWS`."""
    file = artifact_store.folder(objective.sides) / "validation.parquet"
    table = pq.read_table(file, columns=[name for name in COLUMNS if name in pq.read_schema(file).names])
    is_old = np.any([contains(seen, part) for part in _keys(table)], axis=0)
    rows: pd.DataFrame = table.filter(pa.array(is_old)).to_pandas().sort_values("row_key")
    return rows.head(MAX_EARLIER_ROWS).reset_index(drop=True)


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
    seen: Keys | None,
) -> FreshRows:
    """Return the evidence after new rows, or the state before and a note if they cannot be counted.

    Args:
        model: The registered model.
        rows: The new rows.
        objective: Their objective.
        registry_state: Champion, and the last night's challenger.
        state: The evidence before.
        seen: Keys of the rows that earlier nights saw; None if they are not known.
    """
    champion, challenger = registry_state.champion, registry_state.challenger
    note = ""
    if champion is None:
        note = "there is no champion yet"
    elif challenger is None:
        note = f"no challenger was held since version {champion} is champion"
    elif seen is None:
        note = "the rows that earlier nights saw are not known; counting begins with the next night"
    elif not model_registry.has_trained_keys(model, challenger):
        note = f"version {challenger} keeps no digests of its training rows: it may know the new ones"
    if note or champion is None or challenger is None or seen is None:
        return FreshRows(state=state, note=note)
    trained = model_registry.trained_keys(model, champion) | model_registry.trained_keys(model, challenger)
    rows = rows[~seen_before(rows, trained)].sort_values("row_key").head(MAX_ROWS).reset_index(drop=True)
    if rows.empty:
        return FreshRows(state=state, challenger=challenger, note="there are no new rows")
    try:
        predictors = [VersionPredictor(model, number, False) for number in (challenger, champion)]
        first, second = (predictor.table(rows, objective) for predictor in predictors)
        f1_scores = _f1_scores(predictors[1], objective, seen) if fresh_rows.needs_f1_scores(objective) else None
        differences = fresh_rows.differences(first, second, objective, f1_scores)
    except Exception as error:
        text = " ".join(str(error).split())[:200]
        return FreshRows(state=state, challenger=challenger, note=f"version {challenger} or {champion}: {text}")
    return FreshRows(state=state.counting(len(rows), differences), new_rows=len(rows), challenger=challenger)


def _f1_scores(champion: VersionPredictor, objective: Objective, seen: Keys) -> F1Scores | None:
    """Return the scores of predictions by the champion's on earlier rows, which tonight's new ones do not change; None without such rows."""
    rows = read_earlier_validation(objective, seen)
    return F1Scores.of_champion(champion.table(rows, objective)) if len(rows) else None

"""Batch prediction with a registered model: rows of any source that nights read, to a file."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pandas.api.types import is_numeric_dtype
from prefect import flow
from prefect.runtime import flow_run
from pydantic import Field

from flows.settings_file import check_data, load
from nightshift import generation_config, redaction
from nightshift.data import remote_files
from nightshift.data.row_files import OUTPUT_SUFFIXES, as_csv, write_row_file
from nightshift.data.scored_rows import READ_BY_SCORING, ScoredRows, read_scored_rows
from nightshift.data.settings import DataSettings, as_list
from nightshift.data.sql_rows import is_sql
from nightshift.errors import InputError, SettingsError, UserError
from nightshift.escaping import markdown
from nightshift.execution.runners import runner_of
from nightshift.execution.settings import ExecutionSettings
from nightshift.prefect_ui import artifacts, reconciliation
from nightshift.redaction import SECRET_VALUES, Parameter, redact
from nightshift.registry import model_registry
from nightshift.registry.batch_prediction import BatchRequest, predict_batch
from nightshift.store import source_copies
from tasks.ingest import sources_of

PARAMS = (*generation_config.NAMES, "seed")
"""Parameters of models that generate text."""
MAX_LISTED_ANSWERS = 50
"""Maximum number of different answers for which the changes are listed."""


def _run_name() -> str:
    model_uri, source = (redact(flow_run.parameters[name]) for name in ("model_uri", "source"))
    return f"score-{model_uri.rpartition('/')[2]}-{source.rstrip('/').rpartition('/')[2]}"


@flow(name="score", flow_run_name=_run_name, validate_parameters=True)
def score(
    model_uri: Parameter,
    source: Parameter,
    output: Parameter,
    objective: str = "",
    compare: Parameter = "",
    params: dict[str, Any] | None = None,
    text: str = "",
    text_pair: str = "",
    settings_file: Parameter = "",
    data: Annotated[dict[str, Any] | None, Field(json_schema_extra=SECRET_VALUES)] = None,
) -> str:
    """Predict the rows of a source with a registered model.

    Args:
        model_uri: Model URI, such as models:/reviews@champion.
        source: File, folder, pattern or address, of any kind that nights read.
        output: Output file: CSV, TSV, JSON Lines or Parquet.
        objective: Objective to predict, of a model with several.
        compare: Alias or number of another version, such as challenger, whose predictions are added and compared.
        params: Generation parameters, with the names of transformers' GenerationConfig, and `seed`.
        text: Column with the texts; if empty, that of the settings, or text.
        text_pair: Column with the second texts, for text pairs; if empty, that of the settings, or text_pair if there is one.
        settings_file: Settings file of a night, whose section data says how the rows are read, and whose section execution
            says whether a Ray cluster predicts them.
        data: Settings of the section data, such as sheet or query, which go before those of the file.
    """
    with redaction.redacted_errors():
        reconciliation.claim_flow_run()
        redaction.refuse_parameters(
            model_uri=model_uri, source=source, output=output, compare=compare, settings_file=settings_file
        )
        options = (data or {}) | _named(text=text, text_pair=text_pair)
        settings = data_settings(source, settings_file, objective, options)
        execution = execution_settings(settings_file)
        _, difference = predict_rows(model_uri, settings, Path(output), objective, compare, params, execution)
    if difference:
        artifacts.show_comparison(model_uri.rpartition("/")[2], _as_markdown(difference))
    return output


def _named(**columns: str) -> dict[str, str]:
    """Return the columns that are named."""
    return {name: column for name, column in columns.items() if column}


def data_settings(source: str, settings_file: str, objective: str, options: Mapping[str, Any]) -> DataSettings:
    """Return the settings of rows to score.

    Without a settings file words such as NA are texts, as for every other way to query a model.

    Args:
        source: File, folder, pattern or address.
        settings_file: Settings file of a night; may be empty.
        objective: Objective whose settings they are, of a night with several; the first if empty.
        options: Values that go before those of the file.

    Raises:
        SettingsError: Wrong settings, or no such objective.
    """
    values: dict[str, Any] = {"missing_values": []}
    if settings_file:
        objectives = load(Path(settings_file)).resolved_objectives
        if objective and objective not in objectives:
            raise SettingsError(f"{settings_file}: no objective {objective!r}; it has {', '.join(objectives)}")
        rows_of_night = objectives[objective or next(iter(objectives))].data
        values = rows_of_night.model_dump(include=set(READ_BY_SCORING) & rows_of_night.model_fields_set)
        if not is_sql(source) or "#" in source:
            values = {name: value for name, value in values.items() if name not in ("query", "table")}
    if unread := [name for name in options if name in DataSettings.model_fields and name not in READ_BY_SCORING]:
        raise SettingsError(f"--data {unread[0]}: not used for rows to score; expected {', '.join(READ_BY_SCORING)}")
    return check_data(values | dict(options) | {"path": source, "label": None}, "--data")


def execution_settings(settings_file: str) -> ExecutionSettings:
    """Return the settings of the runner that predicts; without a settings file this process does.

    Raises:
        SettingsError: Wrong settings.
    """
    return load(Path(settings_file)).execution if settings_file else ExecutionSettings()


def _as_markdown(lines: str) -> str:
    """Return the lines of `_difference` with their labels escaped."""
    return "\n".join(
        line[:2] * line.startswith("- ") + markdown(line.removeprefix("- ")) for line in lines.splitlines()
    )


def predict_rows(
    model_uri: str,
    data: DataSettings,
    output: Path | None,
    objective: str = "",
    compare: str = "",
    params: dict[str, Any] | None = None,
    execution: ExecutionSettings | None = None,
) -> tuple[str, str]:
    """Add the model's predictions (`batch_prediction.OUTPUT_COLUMNS`) to every row of a source.

    Args:
        model_uri: Model URI, such as models:/reviews@champion.
        data: The source, relative to the working directory, and how it is read.
        output: CSV, TSV, JSON Lines or Parquet; None for CSV text.
        objective: Objective to predict, of a model with several.
        compare: Alias or number of another version, whose predictions are added as the column `compared`.
        params: Fields of `nightshift.generation_config.Generation`, and `seed`.
        execution: The runner of the parts; None for this process.

    Returns:
        The CSV text, empty if `output` was written, and the difference from the compared version in words.

    Raises:
        InputError: The rows cannot be read or written, or a column is missing or in the way.
        UserError: The model refuses the rows, such as for an objective that it does not have.
    """
    if output is not None and (output.suffix not in OUTPUT_SUFFIXES or remote_files.is_remote(str(output))):
        raise InputError(f"{output}: expected a file on this machine, one of {', '.join(OUTPUT_SUFFIXES)}")
    scored = read_source(data)
    rows, texts = scored.rows, pd.DataFrame(scored.texts, dtype="object")
    texts.index += 1
    request = BatchRequest(objective, params or {}, requires_pairs=data.text_pair is not None)
    uris = [model_uri, *([_sibling(model_uri, compare)] if compare else [])]
    predictions = _predictions(uris, texts, request, execution or ExecutionSettings())
    columns = {str(name): column for name, column in predictions[0].items()}
    difference = ""
    if compare:
        columns["compared"] = predictions[1]["predicted"]
        difference = _difference(columns, *uris)
    if clash := [name for name in columns if name in rows.names]:
        raise InputError(
            f"{rows.name}: it has {' and '.join(clash)} already, which the answers would write over; rename the column"
        )
    added = {name: column.tolist() for name, column in columns.items()}
    if output is None:
        return as_csv(rows, added), difference
    write_row_file(rows, added, output)
    return "", difference


def read_source(data: DataSettings) -> ScoredRows:
    """Return the rows of a source; remote ones are copied first, as those of a night are."""
    paths = as_list(data.path)
    sources = [source for path in paths for source in sources_of(path, "source", Path.cwd(), query=data.sql_query)]
    locations = ((source, source_copies.location(source, data.sql_query)) for source in sources)
    return read_scored_rows(", ".join(paths), locations, data)


def _predictions(
    uris: Sequence[str], texts: pd.DataFrame, request: BatchRequest, execution: ExecutionSettings
) -> list[pd.DataFrame]:
    """Return the predictions of each model, with the columns `batch_prediction.OUTPUT_COLUMNS`.

    Args:
        uris: Model URIs, that of a version to compare with last.
        texts: The columns `text` and, if there are second texts, `text_pair`; the index counts rows from 1.
        request: What the first model is asked.
        execution: The runner of the parts.
    """
    if unknown := [name for name in request.params if name not in PARAMS]:
        raise UserError(f"no parameter {unknown[0]!r}: a model that writes takes {', '.join(PARAMS)}")
    versions = [model_registry.resolve(uri) for uri in uris]
    requests = [request, replace(request, requires_pairs=False)]
    with runner_of(execution, versions[0].name):
        return [
            predict_batch(version, uri, texts, asked)
            for uri, version, asked in zip(uris, versions, requests, strict=False)
        ]


def _sibling(model_uri: str, version: str) -> str:
    """Return the URI of another version of the same registered model, given its alias or number."""
    name = re.fullmatch(r"models:/([^/@]+)[/@].+", model_uri)
    if not name:
        raise UserError(f"{model_uri}: to compare, name a registered model, such as models:/reviews@champion")
    return f"models:/{name[1]}{'/' if version.isdigit() else '@'}{version}"


def _difference(columns: dict[str, pd.Series], model_uri: str, compared_uri: str) -> str:
    """Describe in words how the predictions of two models for the same rows differ."""
    first, second = columns["predicted"], columns["compared"]
    if is_numeric_dtype(first):
        distances = (first - second).abs()
        return f"{compared_uri} against {model_uri}: {len(first):,} rows, {distances.mean():.4g} apart on average, {distances.max():.4g} at most"
    differ = first.astype(str).to_numpy() != second.astype(str).to_numpy()
    lines = [
        f"{compared_uri} against {model_uri}: another answer to {differ.sum():,} of {len(first):,} rows ({100 * differ.mean():.1f} %)"
    ]
    if first.nunique() <= MAX_LISTED_ANSWERS:
        pairs = pd.DataFrame({"was": first, "is": second})[differ].value_counts()
        lines += [f"- {was} becomes {becomes}: {count:,} rows" for (was, becomes), count in pairs.items()]
    return "\n".join(lines)

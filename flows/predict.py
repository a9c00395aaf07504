"""Batch prediction with a registered model: rows of any source that nights read, to a file."""

import re
from collections.abc import Mapping
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
from nightshift.prefect_ui import artifacts, reconciliation
from nightshift.redaction import SECRET_VALUES, Parameter, redact
from nightshift.registry import model_registry
from nightshift.registry.registered_model import RegisteredModel
from nightshift.store import source_copies
from nightshift.training.progress import slices
from tasks.ingest import sources_of

OUTPUT_COLUMNS: list[dict[str, str]] = [
    {"predicted": "label", "score": "score"},
    {"predicted": "score"},
    {"predicted": "text"},
]
"""Columns added to a file and the model's columns that they hold, for classification, regression and generated text.

`abstain` is added too if the model has it.
"""
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
        settings_file: Settings file of a night, whose section data says how the rows are read.
        data: Settings of the section data, such as sheet or query, which go before those of the file.
    """
    with redaction.redacted_errors():
        reconciliation.claim_flow_run()
        redaction.refuse_parameters(
            model_uri=model_uri, source=source, output=output, compare=compare, settings_file=settings_file
        )
        options = (data or {}) | _named(text=text, text_pair=text_pair)
        settings = data_settings(source, settings_file, objective, options)
        _, difference = predict_rows(model_uri, settings, Path(output), objective, compare, params)
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
) -> tuple[str, str]:
    """Add the model's predictions (`OUTPUT_COLUMNS`) to every row of a source.

    Args:
        model_uri: Model URI, such as models:/reviews@champion.
        data: The source, relative to the working directory, and how it is read.
        output: CSV, TSV, JSON Lines or Parquet; None for CSV text.
        objective: Objective to predict, of a model with several.
        compare: Alias or number of another version, whose predictions are added as the column `compared`.
        params: Fields of `nightshift.generation_config.Generation`, and `seed`.

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
    columns = _answers(model_uri, texts, objective, params or {}, data.text_pair is not None)
    difference = ""
    if compare:
        compared_uri = _sibling(model_uri, compare)
        columns["compared"] = _answers(compared_uri, texts, objective, params or {})["predicted"]
        difference = _difference(columns, model_uri, compared_uri)
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


def _answers(
    model_uri: str, texts: pd.DataFrame, objective: str, params: dict[str, Any], requires_pairs: bool = False
) -> dict[str, pd.Series]:
    """Return a model's predictions by output column.

    Args:
        model_uri: Model URI, such as models:/reviews@champion.
        texts: The columns `text` and, if there are second texts, `text_pair`; the index counts rows from 1.
        objective: Objective to predict, of a model with several.
        params: Generation parameters.
        requires_pairs: True if a column of second texts is set, so that the model must read pairs.
    """
    if unknown := [name for name in params if name not in PARAMS]:
        raise UserError(f"no parameter {unknown[0]!r}: a model that writes takes {', '.join(PARAMS)}")
    try:
        model = RegisteredModel(model_registry.resolve(model_uri))
        name = model.predictor.resolve_objective(objective)
        if requires_pairs and not model.heads[name].pairs:
            raise UserError(f"{model_uri}: {name} reads one text a row; leave --text-pair out")
        parts = [
            _output_columns(model.answers(texts[part], objective, **params)) for part in slices(model_uri, len(texts))
        ]
    except ValueError as error:
        raise UserError(f"{model_uri}: {str(error).splitlines()[0]}") from error
    answers = pd.concat(parts, ignore_index=True)
    return {str(name): answers[name] for name in answers}


def _output_columns(answers: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that are added to a file."""
    columns = next(columns for columns in OUTPUT_COLUMNS if set(columns.values()) <= set(answers))
    output = answers[list(columns.values())].set_axis(list(columns), axis=1)
    return output.assign(abstain=answers["abstain"]) if "abstain" in answers else output


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

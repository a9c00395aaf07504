"""Batch prediction with a registered model, from a file to a file of the same formats."""

import re
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api.types import is_numeric_dtype
from prefect import flow
from prefect.runtime import flow_run

from nightshift import generation_config, redaction
from nightshift.data import size_limits
from nightshift.data.row_files import OUTPUT_SUFFIXES, RowFile, as_csv, read_row_file, write_row_file
from nightshift.errors import InputError, UserError
from nightshift.escaping import markdown
from nightshift.inference.predictor import problem_of
from nightshift.prefect_ui import artifacts
from nightshift.redaction import Parameter, redact
from nightshift.registry import model_registry
from nightshift.registry.registered_model import RegisteredModel
from nightshift.training.progress import slices

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
    return f"score-{model_uri.rpartition('/')[2]}-{Path(source).name}"


@flow(name="score", flow_run_name=_run_name, validate_parameters=True)
def score(
    model_uri: Parameter,
    source: Parameter,
    output: Parameter,
    objective: str = "",
    compare: Parameter = "",
    params: dict[str, Any] | None = None,
    text: str = "text",
    text_pair: str = "",
) -> str:
    """Predict the rows of a file with a registered model; file extensions decide the formats.

    Args:
        model_uri: Model URI, such as models:/reviews@champion.
        source: Input file, of any kind that nights read.
        output: Output file: CSV, TSV, JSON Lines or Parquet.
        objective: Objective to predict, of a model with several.
        compare: Alias or number of another version, such as challenger, whose predictions are added and compared.
        params: Generation parameters, with the names of transformers' GenerationConfig, and `seed`.
        text: Column with the texts.
        text_pair: Column with the second texts, for text pairs; if empty, text_pair if the file has it.
    """
    with redaction.redacted_errors():
        redaction.refuse_parameters(model_uri=model_uri, source=source, output=output, compare=compare)
        _, difference = predict_file(model_uri, Path(source), Path(output), objective, compare, params, text, text_pair)
    if difference:
        artifacts.show_comparison(model_uri.rpartition("/")[2], _as_markdown(difference))
    return output


def _as_markdown(lines: str) -> str:
    """Return the lines of `_difference` with their labels escaped."""
    return "\n".join(
        line[:2] * line.startswith("- ") + markdown(line.removeprefix("- ")) for line in lines.splitlines()
    )


def predict_file(
    model_uri: str,
    source: Path,
    output: Path | None,
    objective: str = "",
    compare: str = "",
    params: dict[str, Any] | None = None,
    text: str = "text",
    text_pair: str = "",
) -> tuple[str, str]:
    """Add the model's predictions (`OUTPUT_COLUMNS`) to every row of a file.

    Args:
        model_uri: Model URI, such as models:/reviews@champion.
        source: File of any kind that nights read.
        output: CSV, TSV, JSON Lines or Parquet; None for CSV text.
        objective: Objective to predict, of a model with several.
        compare: Alias or number of another version, whose predictions are added as the column `compared`.
        params: Fields of `nightshift.generation_config.Generation`, and `seed`.
        text: Column with the texts.
        text_pair: Column with the second texts; if empty, `text_pair` if the file has it.

    Returns:
        The CSV text, empty if `output` was written, and the difference from the compared version in words.

    Raises:
        InputError: The file cannot be read or written, or a column is missing or in the way.
        UserError: The model refuses the rows, such as for an objective that it does not have.
    """
    if output is not None and output.suffix not in OUTPUT_SUFFIXES:
        raise InputError(f"{output}: expected one of {', '.join(OUTPUT_SUFFIXES)}")
    with size_limits.memory_errors_as_input(source):
        rows = read_row_file(source)
    texts = _texts(rows, text, text_pair)
    columns = _answers(model_uri, texts, objective, params or {}, bool(text_pair))
    difference = ""
    if compare:
        compared_uri = _sibling(model_uri, compare)
        columns["compared"] = _answers(compared_uri, texts, objective, params or {})["predicted"]
        difference = _difference(columns, model_uri, compared_uri)
    if clash := [name for name in columns if name in rows.names]:
        raise InputError(
            f"{source}: it has {' and '.join(clash)} already, which the answers would write over; rename the column"
        )
    added = {name: column.tolist() for name, column in columns.items()}
    if output is None:
        return as_csv(rows, added), difference
    write_row_file(rows, added, output)
    return "", difference


def _texts(rows: RowFile, text: str, text_pair: str) -> pd.DataFrame:
    """Return the text columns under the model's names for them; the index counts rows from 1.

    Raises:
        InputError: A column is missing, or a row has no text.
    """
    columns = {"text": text}
    if text_pair or "text_pair" in rows.names:
        columns["text_pair"] = text_pair or "text_pair"
    for name, column in columns.items():
        if column not in rows.names:
            raise InputError(
                f"{rows.path}: no column {column!r}; it has {', '.join(rows.names)}; "
                f"name the column to read with --{name.replace('_', '-')}"
            )
    texts = pd.DataFrame({name: pd.Series(rows.values(column), dtype="object") for name, column in columns.items()})
    texts.index += 1
    if rows.is_delimited:
        texts = texts.replace("", None)
    for row, value in texts["text"].items():
        if problem := problem_of(value):
            raise InputError(f"{rows.path}, row {row}: {text} is {problem}; take the row out")
    return texts


def _answers(
    model_uri: str, texts: pd.DataFrame, objective: str, params: dict[str, Any], requires_pairs: bool = False
) -> dict[str, pd.Series]:
    """Return a model's predictions by output column.

    Args:
        model_uri: Model URI, such as models:/reviews@champion.
        texts: The columns that `_texts` returns.
        objective: Objective to predict, of a model with several.
        params: Generation parameters.
        requires_pairs: True if the user has set a column of second texts, so that the model must read pairs.
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

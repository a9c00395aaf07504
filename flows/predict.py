"""Batch predictions with a registered model: same formats in and out."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api.types import is_numeric_dtype
from prefect import flow
from prefect.runtime import flow_run

from nightshift import generation_config, redaction
from nightshift.data import size_limits
from nightshift.data.readers import read_records
from nightshift.errors import InputError, UserError
from nightshift.escaping import markdown
from nightshift.inference.predictor import problem_of
from nightshift.prefect_ui import artifacts
from nightshift.redaction import Parameter, redact
from nightshift.registry import model_registry
from nightshift.registry.registered_model import RegisteredModel
from nightshift.store import artifact_store
from nightshift.training.progress import slices

WRITERS: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    ".csv": artifact_store.write_csv,
    ".tsv": lambda frame, path: artifact_store.write_csv(frame, path, sep="\t"),
    ".jsonl": lambda frame, path: frame.to_json(path, orient="records", lines=True, force_ascii=False),
    ".parquet": lambda frame, path: frame.to_parquet(path, index=False),
}

PREDICTED: list[dict[str, str]] = [
    {"predicted": "label", "score": "score"},
    {"predicted": "score"},
    {"predicted": "text"},
]
"""What is added to a file, by the columns that a model answers with: of classification, of regression, of writing; and `abstain`, where they have it."""
PARAMS = (*generation_config.NAMES, "seed")
"""What says how text is written."""
FEW = 50
"""Different answers, at most, whose changes are listed."""


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
    """Batch predictions with a registered model; the formats go by the files' endings.

    Args:
        model_uri: Such as models:/reviews@champion.
        source: The file to read: CSV, TSV, JSON lines or Parquet.
        output: The file to write.
        objective: For a model of several: which one answers.
        compare: Another version's alias or number, such as challenger: its answers are added, and how far they differ.
        params: For a model that writes text: how, by the names of transformers' GenerationConfig, and `seed`.
        text: The file's column with the texts.
        text_pair: The column with the second texts, for pairs; where nothing is said text_pair, if the file has it.
    """
    with redaction.redacted_errors():
        redaction.refuse_parameters(model_uri=model_uri, source=source, output=output, compare=compare)
        _, told = predict_file(model_uri, Path(source), Path(output), objective, compare, params, text, text_pair)
    if told:
        artifacts.show_comparison(model_uri.rpartition("/")[2], _as_markdown(told))
    return output


def _as_markdown(lines: str) -> str:
    """Return the lines of `_difference` with the labels in them as plain text."""
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
    """Add the model's answers (see `PREDICTED`) to every row of `source`; writes `output`, or returns CSV text.

    With `compare`, an alias or a number, another version's answers stand beside them as `compared`, and the second of what
    is returned says how the two differ. Raises UserError for what a model refuses, such as an objective that it does not know.

    Args:
        model_uri: Such as models:/reviews@champion.
        source: CSV, TSV, JSON lines or Parquet.
        output: Of the same formats; None for CSV text.
        objective: Which of several answers.
        compare: Another version's alias or number.
        params: How text is written, see `nightshift.generation_config.Generation`, and `seed`.
        text: The column with the texts.
        text_pair: The column with the second texts; empty for `text_pair`, where the file has it.
    """
    for path in (source, output):
        if path is not None and path.suffix not in WRITERS:
            raise InputError(f"{path}: expected one of {', '.join(WRITERS)}")
    with size_limits.told(source):
        frame = _read(source)
    texts = _texts(source, frame, text, text_pair)
    columns = _answers(model_uri, texts, objective, params or {}, bool(text_pair))
    told = ""
    if compare:
        other = _sibling(model_uri, compare)
        columns["compared"] = _answers(other, texts, objective, params or {})["predicted"]
        told = _difference(columns, model_uri, other)
    if clash := [name for name in columns if name in frame]:
        raise InputError(
            f"{source}: it has {' and '.join(clash)} already, which the answers would write over; rename the column"
        )
    done = frame.assign(**{name: column.to_numpy() for name, column in columns.items()})
    if output is None:
        return str(done.to_csv(index=False)), told
    beside = output.with_name(output.name + ".partial")
    WRITERS[output.suffix](done, beside)
    beside.replace(output)
    return "", told


def _read(source: Path) -> pd.DataFrame:
    """Every row of a file, read as nights read it: what CSV and TSV hold stays as it is written there."""
    if not source.exists():
        raise InputError(f"{source}: no such file")
    if source.suffix == ".parquet":
        try:
            size_limits.ensure_parquet(source)
            frame = pd.read_parquet(source)
        except (OSError, ValueError) as error:
            raise InputError(f"{source}: cannot be read: {str(error).splitlines()[0]}") from error
    else:
        records = read_records(source)
        for record in records:
            if record.problem:
                raise InputError(f"{source}, line {record.line}: {record.problem}; every row is answered or none")
        frame = pd.DataFrame([record.values for record in records], dtype=object)
    return frame


def _texts(source: Path, frame: pd.DataFrame, text: str, text_pair: str) -> pd.DataFrame:
    """Return the columns that a model reads under its names for them, rows counted from 1.

    Raises:
        InputError: A column is missing, or a row has no text.
    """
    columns = {"text": text}
    if text_pair or "text_pair" in frame:
        columns["text_pair"] = text_pair or "text_pair"
    for name, column in columns.items():
        if column not in frame:
            raise InputError(
                f"{source}: no column {column!r}; it has {', '.join(map(str, frame.columns))}; "
                f"name the column to read with --{name.replace('_', '-')}"
            )
    texts = pd.DataFrame({name: frame[column].to_numpy() for name, column in columns.items()}, dtype=object)
    texts.index += 1
    if source.suffix in (".csv", ".tsv"):
        texts = texts.replace("", None)
    for row, value in texts["text"].items():
        if problem := problem_of(value):
            raise InputError(f"{source}, row {row}: {text} is {problem}; take the row out")
    return texts


def _answers(
    model_uri: str, texts: pd.DataFrame, objective: str, params: dict[str, Any], pairs_wanted: bool = False
) -> dict[str, pd.Series]:
    """Return a model's answers by the columns they get in the file.

    Args:
        model_uri: Such as models:/reviews@champion.
        texts: What `_texts` returns.
        objective: Which of several answers.
        params: How text is written.
        pairs_wanted: Whether somebody has named a column of second texts, so that the model must read them.
    """
    if unknown := [name for name in params if name not in PARAMS]:
        raise UserError(f"no parameter {unknown[0]!r}: a model that writes takes {', '.join(PARAMS)}")
    try:
        model = RegisteredModel(model_registry.resolve(model_uri))
        name = model.predictor.named(objective)
        if pairs_wanted and not model.heads[name].pairs:
            raise UserError(f"{model_uri}: {name} reads one text a row; leave --text-pair out")
        parts = [_named(model.answers(texts[part], objective, **params)) for part in slices(model_uri, len(texts))]
    except ValueError as error:
        raise UserError(f"{model_uri}: {str(error).splitlines()[0]}") from error
    answers = pd.concat(parts, ignore_index=True)
    return {str(name): answers[name] for name in answers}


def _named(answers: pd.DataFrame) -> pd.DataFrame:
    """Return what goes into the file, under the names it has there."""
    columns = next(columns for columns in PREDICTED if set(columns.values()) <= set(answers))
    named = answers[list(columns.values())].set_axis(list(columns), axis=1)
    return named.assign(abstain=answers["abstain"]) if "abstain" in answers else named


def _sibling(model_uri: str, other: str) -> str:
    """Another version of the same registered model, by alias or number."""
    name = re.fullmatch(r"models:/([^/@]+)[/@].+", model_uri)
    if not name:
        raise UserError(f"{model_uri}: to compare, name a registered model, such as models:/reviews@champion")
    return f"models:/{name[1]}{'/' if other.isdigit() else '@'}{other}"


def _difference(columns: dict[str, pd.Series], model_uri: str, other: str) -> str:
    """How the answers of two models to the same rows differ."""
    first, second = columns["predicted"], columns["compared"]
    if is_numeric_dtype(first):
        apart = (first - second).abs()
        return f"{other} against {model_uri}: {len(first):,} rows, {apart.mean():.4g} apart on average, {apart.max():.4g} at most"
    differ = first.astype(str).to_numpy() != second.astype(str).to_numpy()
    lines = [
        f"{other} against {model_uri}: another answer to {differ.sum():,} of {len(first):,} rows ({100 * differ.mean():.1f} %)"
    ]
    if first.nunique() <= FEW:
        pairs = pd.DataFrame({"was": first, "is": second})[differ].value_counts()
        lines += [f"- {was} becomes {becomes}: {count:,} rows" for (was, becomes), count in pairs.items()]
    return "\n".join(lines)

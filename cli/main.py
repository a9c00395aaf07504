"""The command line: `nightshift run SETTINGS.yaml` and its siblings. Logs go to standard error."""

import json
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import environment
from nightshift.errors import NightshiftError, SettingsError
from nightshift.escaping import terminal, terminal_field
from nightshift.redaction import redact, refuse_arguments
from nightshift.store import artifact_store, disk, permissions, processes

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Nightly retraining."
)
holdout = typer.Typer(no_args_is_help=True, help="The rows that judge.")
app.add_typer(holdout, name="holdout")
SettingsFile = Annotated[Path, typer.Argument(metavar="SETTINGS.yaml", help="The night's settings.")]
Overrides = Annotated[list[str] | None, typer.Option("--set", metavar="a.b=c", help="Override one setting.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it goes into the ledger.")]
BENCHMARKS = {
    "train": "benchmarks.train",
    "flow": "benchmarks.flow",
    "gate": "benchmarks.gate",
    "coverage": "benchmarks.coverage",
    "first": "benchmarks.first",
    "baseline": "benchmarks.baseline",
    "week": "benchmarks.week",
    "compress": "benchmarks.compress",
    "kills": "benchmarks.kills",
    "endings": "benchmarks.endings",
    "sharing": "benchmarks.sharing",
    "two_at_once": "benchmarks.two_at_once",
    "architectures": "benchmarks.architectures",
}


def _print(text: str, err: bool = False, end: str = "\n") -> None:
    """Print text that may hold what data, settings or the registry say: control characters in it do not act."""
    typer.echo(terminal(text) + end, err=err, nl=False)


@contextmanager
def _told() -> Iterator[None]:
    """Errors become one line and their exit code; the traceback of an unforeseen one goes to a log file."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    logging.getLogger("nightshift").setLevel(logging.INFO)
    logging.getLogger("prefect").propagate = False
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    warnings.simplefilter("ignore")
    try:
        refuse_arguments(sys.argv[1:])
        environment.prepare()
        yield
    except NightshiftError as error:
        _print(redact(str(error)), err=True)
        raise typer.Exit(error.exit_code) from None
    except (KeyboardInterrupt, typer.Exit):
        raise
    except Exception as error:
        if explanation := disk.explanation(error):
            _print(redact(explanation), err=True)
            raise typer.Exit(1) from None
        line = next(iter(redact(str(error)).splitlines()), "")
        _print(f"{type(error).__name__}: {line} ({_keep_traceback()})", err=True)
        raise typer.Exit(1) from None


def _keep_traceback() -> str:
    """Write the traceback of the current error into a file under NIGHTSHIFT_HOME; return where, or why there is none."""
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
    """One night."""
    with _told():
        with environment.starting():
            from flows.form import as_form
            from flows.nightly import nightly
            from flows.settings import load
            from nightshift.prefect_ui import artifacts

        loaded = load(settings, overrides or ())
        result = artifacts.flow_result(nightly(settings=as_form(loaded), force=force, return_state=True))
        if as_json:
            _print(result.model_dump_json())
        else:
            _say(result)
        if result.status == "stopped":
            raise typer.Exit(3)


def _say(night: Any) -> None:
    from nightshift.registry import tracking
    from nightshift.reporting import report_page

    _print(f"{night.model}: {night.status}. {terminal_field(night.reason)}")
    if night.metrics:
        chosen = next(c for c in night.candidates if c.chosen)
        shown = {name: value for name, value in night.metrics.items() if report_page.is_shown(name)}
        figures = [f"{report_page.metric_title(name)} {value:.3f}" + (f" (baseline {night.baseline[name]:.3f})" if name in (night.baseline or {}) else "")
                   for name, value in shown.items()]  # fmt: skip
        _print(f"version {night.version} ({chosen.recipe}): {', '.join(figures)}, "
                   f"{chosen.latency_ms_p50:.2f} ms a text, {chosen.size_mb:.1f} MB")  # fmt: skip
    if night.report:
        _print(f"report   {night.report}")
        _print(f"MLflow   {tracking.where_to_look()}")


@app.command()
def validate(settings: SettingsFile, overrides: Overrides = None, as_json: Json = False) -> None:
    """The data gate alone."""
    with _told():
        with environment.starting():
            from flows.data_gate import data_gate
            from flows.form import as_form
            from flows.settings import load
            from nightshift.prefect_ui import artifacts

        loaded = load(settings, overrides or ())
        result = artifacts.flow_result(data_gate(settings=as_form(loaded), return_state=True))
        if as_json:
            _print(json.dumps(result))
        else:
            for name, found in result.get("objectives", {"": result}).items():
                _say_checked(name, found)
        if result["status"] == "stopped":
            _print(result["reason"], err=True)
            raise typer.Exit(3)


def _say_checked(name: str, found: dict[str, Any]) -> None:
    if name:
        _print(f"{name}:")
    for line in found["expectations"]:
        mark = "pass" if line["success"] else "FAIL"
        name, column, observed = (terminal_field(line[field] or "") for field in ("name", "column", "observed"))
        _print(f"{mark}  {line['severity']:<8}  {name}  {column}  {observed}")
    counts = {name: f"{count:,} {name}" for name, count in found["rows"].items()}
    sums = ", ".join(counts.pop(name) for name in ("read", "kept", "quarantined"))
    reasons = f" ({', '.join(counts.values())})" if counts else ""
    _print(f"{found['status']}: {sums}{reasons}\nquarantine  {found['quarantine']}\ndata docs   {found['data_docs']}")


@app.command()
def predict(
    model_uri: Annotated[str, typer.Argument(metavar="MODEL_URI", help="Such as models:/reviews@champion.")],
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="CSV, TSV, JSON lines or Parquet.")],
    output: Annotated[
        Path | None, typer.Option("--output", help="Same formats; standard output (CSV) without it.")
    ] = None,
    objective: Annotated[str, typer.Option("--objective", help="For a model of several: which one answers.")] = "",
    compare: Annotated[
        str, typer.Option("--compare", help="Another version's alias or number: where do they differ?")
    ] = "",
    params: Annotated[
        list[str] | None,
        typer.Option(
            "--param",
            metavar="NAME=VALUE",
            help="How text is written: max_new_tokens, temperature, top_p, top_k, repetition_penalty, stop_strings, seed.",
        ),
    ] = None,
    text: Annotated[str, typer.Option("--text", metavar="COLUMN", help="The column with the texts.")] = "text",
    text_pair: Annotated[
        str,
        typer.Option(
            "--text-pair", metavar="COLUMN", help="The column with the second texts; text_pair if it is there."
        ),
    ] = "",
) -> None:
    """Batch predictions."""
    with _told(), permissions.users_umask():
        from flows.predict import predict_file
        from flows.settings import assigned

        told_how = assigned(params or (), "--param")
        written, told = predict_file(model_uri, source, output, objective, compare, told_how, text, text_pair)
        if told:
            _print(told, err=True)
        if output is None:
            typer.echo(terminal(written) if sys.stdout.isatty() else written, nl=False)


@app.command()
def watch(
    settings: SettingsFile,
    source: Annotated[
        str, typer.Argument(metavar="ROWS", help="A file of fresh rows, or a pattern; labels may be missing.")
    ],
    as_json: Json = False,
) -> None:
    """Compare fresh rows with those that the champion was judged on: steady, drifted, or worse."""
    with _told():
        from flows.monitor import look, markdown
        from flows.settings import load

        found = look(load(settings), str(Path(source).resolve()))
        _print(json.dumps(found) if as_json else markdown(found))


@app.command()
def export(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="NAME@ALIAS or NAME/VERSION, such as reviews@champion.")
    ],
    target: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.")],
) -> None:
    """A registered model as a folder that runs anywhere: text in, label out, without torch and MLflow."""
    with _told(), permissions.users_umask():
        from cli import export

        _print("\n".join(export.export(model, target)))


@app.command()
def promote(name: str, version: str, reason: Reason) -> None:
    """Move the alias champion to a version by hand."""
    with _told():
        from flows.promotion import promote_by_hand

        _print(promote_by_hand(name, version, reason))


@app.command()
def rollback(name: str, reason: Reason) -> None:
    """Move the alias champion back to the previous version; nights end held until somebody promotes."""
    with _told():
        from flows.promotion import roll_back

        _print(roll_back(name, reason))


@holdout.command()
def rotate(settings: SettingsFile, reason: Reason) -> None:
    """Take the next sealed holdout in place of the worn one, and score the champion on it."""
    with _told():
        from flows.holdout import rotate as flow

        _print(flow(str(settings), reason, processes.user_name()))


@app.command()
def history(name: str) -> None:
    """Every night and decision: what it was about, the champion (before → after), who, and why."""
    with _told():
        from nightshift.registry import ledger

        lines = [
            terminal_field(f"{e.when}  {e.action:<13}  {e.version or '-':>3}  {e.moves:<7}  {e.who}: {e.why}")
            for e in ledger.history(name)
        ]
        _print("\n".join(lines) or f"{name}: nothing yet")


Port = Annotated[int, typer.Option(help="The first port to try; the next free one is taken.")]


@app.command()
def up(prefect_port: Port = 4200, mlflow_port: Port = 5000) -> None:
    """Prefect server, MLflow server, worker and deployments on this machine, on 127.0.0.1."""
    with _told():
        from cli import servers

        _print("\n".join(servers.up(prefect_port, mlflow_port)))


@app.command()
def status() -> None:
    """What of `up` runs, and where; exit code 0 where all of it does and answers, else 1."""
    with _told():
        from cli import servers

        lines, is_complete = servers.status()
        _print("\n".join(lines) or f"nothing is up under {artifact_store.home()}")
        if not is_complete:
            raise typer.Exit(1)


@app.command()
def down() -> None:
    """Stop all that `up` started."""
    with _told():
        from cli import servers

        _print("stopped" if servers.down() else "nothing was up")


@app.command()
def clean(
    keep: Annotated[int, typer.Option(min=1, help="The newest nights of each model that always stay.")] = 30,
    days: Annotated[float, typer.Option(min=0, help="What is younger always stays.")] = 30,
    delete: Annotated[bool, typer.Option("--delete", help="Delete; without it nothing is, only listed.")] = False,
) -> None:
    """List what old nights have left behind, and delete it where told to; what an alias stands on stays."""
    with _told():
        from flows.retention import cleaned

        _print("\n".join(cleaned(keep, days, delete)))


@app.command()
def doctor() -> None:
    """What is installed, which device, what can be reached, what to fix."""
    with _told():
        from cli.doctor import findings

        for line in findings():
            _print(line)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def bench(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"One of {', '.join(BENCHMARKS)}.")],
    output: Annotated[Path | None, typer.Option("--output", help="In place of benchmarks/results/.")] = None,
    as_json: Json = False,
) -> None:
    """A benchmark, with options of its own (`bench NAME -- --help`); its table is kept under benchmarks/results/."""
    with _told():
        if name not in BENCHMARKS:
            raise SettingsError(f"no benchmark is called {name}; there are {', '.join(BENCHMARKS)}")
        from benchmarks import results

        found = import_module(BENCHMARKS[name]).main(context.args)
        answer = results.publish(name, context.args, found, output or results.FOLDER)
        _print(results.page(answer), end="")
        if as_json:
            _print(json.dumps(answer))


if __name__ == "__main__":
    app()

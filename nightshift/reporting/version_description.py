"""Descriptions of a version and of its run in MLflow, for the person who decides on a promotion."""

from mlflow.entities import Run
from prefect.context import FlowRunContext

from nightshift.escaping import markdown, markdown_link
from nightshift.evaluation.claims import format_percent
from nightshift.records import Candidate, NightResult, Source, Verdict
from nightshift.registry import ledger, model_registry, tags, tracking
from nightshift.reporting import report_data
from nightshift.reporting.report_data import ReportData
from nightshift.store import processes

PARTS = {
    tags.DATA: "the data",
    tags.BASE_MODEL: "the base model",
    tags.CODE: "nightshift's code",
    tags.ENVIRONMENT: "installed packages",
    tags.DEVICE: "the device",
    tags.HOLDOUT: "the holdout in use",
}
"""Parts of the fingerprint in words, by the tag of a version."""

FILES = 5
"""Maximum number of source files in a description."""


def describe(result: NightResult, data: ReportData, sources: list[Source]) -> None:
    """Set the description and the verdict's tags of the registered version, and the description of its run."""
    assert result.version and result.mlflow_run_id and data.verdict
    client = tracking.connect()
    entries = [entry for entry in ledger.history(result.model) if entry.version == result.version]
    text = _text(result, data, data.verdict, sources)
    client.update_model_version(result.model, result.version, ledger.with_ledger(text, entries))
    client.set_tag(result.mlflow_run_id, "mlflow.note.content", text)
    for name, value in _verdict_tags(data.verdict, report_data.metric_columns(data.objectives)).items():
        client.set_model_version_tag(result.model, result.version, name, value)


def _verdict_tags(verdict: Verdict, names: list[str]) -> dict[str, str]:
    values: dict[str, str] = {tags.GATE: verdict.decision, tags.CLAIM: verdict.claim or ""}
    values |= {tags.metric(name): f"{verdict.metrics[name]:.4f}" for name in names}
    if verdict.difference is not None:
        values[tags.DIFFERENCE] = _difference(verdict)
    if verdict.spread is not None:
        values[tags.SEED_SPREAD] = f"{verdict.spread:.5f}"
    return values


def _difference(verdict: Verdict) -> str:
    assert verdict.difference is not None and verdict.interval
    lower, upper = verdict.interval
    return f"{verdict.difference:+.4f} ({lower:+.4f} to {upper:+.4f})"


def _text(result: NightResult, data: ReportData, verdict: Verdict, sources: list[Source]) -> str:
    """Return the description in Markdown."""
    candidate = next(c for c in result.candidates if c.chosen)
    full = result.candidates[0]
    decision = f"passes the gate as *{verdict.claim}*" if verdict.decision == "promote" else "is held by the gate"
    lines = [f"{markdown(notice)}\n" for notice in report_data.notices(data)]
    first, *more = map(markdown, verdict.reasons)
    lines += [f"**{markdown(candidate.recipe)}** {decision}: {first}", "", *(f"- {reason}" for reason in more), ""]
    lines += [*_metrics_table(result, data, verdict, full), ""]
    if verdict.difference is not None and verdict.confidence is not None:
        limits = f"one-sided {format_percent(verdict.confidence)} limits"
        lines += [
            f"Difference to the champion, with its {limits}: {_difference(verdict)}; margin {verdict.margin}.",
            "",
        ]
    if verdict.lost is not None:
        lines += [
            f"**Rows:** {verdict.gained:,} right that the champion has wrong, {verdict.lost:,} the other way "
            "round (`lost.csv` of the run).",
            "",
        ]
    lines += [f"**Seeds:** {markdown(data.seeds)}.", ""]
    lines += [f"**Calibration:** {markdown(line)}\n" for line in report_data.calibrations(data)]
    lines += [f"**Abstention:** {markdown(line)}\n" for line in report_data.abstentions(data)]
    if data.trained and data.trained.best:
        lines += [f"**Best checkpoint:** {markdown(data.trained.best)}.", ""]
    lines += [f"**Labels:** {markdown(data.label_changes)}.", ""] if data.label_changes else []
    lines += [
        f"**Cost:** {_cost(candidate)}. Full: {_cost(full)}. {markdown(candidate.why[:1].upper() + candidate.why[1:])}.",
        "",
        f"**What changed:** {_changes(result, verdict)}.",
        "",
        f"**Why tonight:** {markdown(result.changed)}.",
        "",
        f"**Data:** {result.rows['read']:,} rows read, {result.rows['quarantined']:,} quarantined, "
        f"{result.rows['train']:,} to train, {result.rows['validation']:,} to choose, "
        f"{result.rows['holdout']:,} to judge; " + _files(sources) + ".",
        "",
        f"**Made by:** {_author(result)}.",
    ]
    return "\n".join(lines)


def _files(sources: list[Source]) -> str:
    """Return the last source files in words; a description holds 5,000 characters, and the run lists all files."""
    names = [
        f"{markdown(source.path.rpartition('/')[2])} (sha256 {source.sha256[:12]}…)" for source in sources[-FILES:]
    ]
    return ", ".join([*([f"{len(sources) - FILES} files"] if len(sources) > FILES else []), *names])


def _metrics_table(result: NightResult, data: ReportData, verdict: Verdict, full: Candidate) -> list[str]:
    """Return the lines of a Markdown table: a row per metric, a column per model."""
    metrics = {"this version": verdict.metrics}
    if verdict.champion_metrics:
        metrics[f"champion, version {verdict.champion_version}"] = verdict.champion_metrics
    metrics |= {"full": full.holdout}
    if result.baseline:
        assert data.evaluated
        metrics[report_data.baseline_name(data.evaluated).replace(" with logistic regression", "")] = result.baseline
    rows = []
    for name in report_data.metric_columns(data.objectives):
        cells = [f"{values[name]:.4f}" if name in values else "" for values in metrics.values()]
        rows.append([report_data.metric_title(name), *cells])
    lines = [[f"on the {result.rows['holdout'] - verdict.seen:,} rows that judge", *metrics], *rows]
    head, *body = ["| " + " | ".join(f"{cell}&emsp;" for cell in line) + " |" for line in lines]
    return [head, "|" + " --- |" * len(lines[0]), *body]


def _cost(candidate: Candidate) -> str:
    return f"{candidate.latency_ms_p50:.2f} ms a text, {candidate.size_mb:.1f} MB"


def _changes(result: NightResult, verdict: Verdict) -> str:
    """Return in words which parts of the fingerprint and which settings differ from the champion's."""
    if not verdict.champion_version:
        return "there was no champion to compare with"
    client = tracking.connect()
    champion = model_registry.version(result.model, verdict.champion_version)
    challenger = model_registry.version(result.model, str(result.version))
    since = f"since version {verdict.champion_version}"
    changes = [words for tag, words in PARTS.items() if champion.tags.get(tag) != challenger.tags.get(tag)]
    if champion_run := tracking.run(champion.run_id):
        changes += _changed_settings(champion_run, client.get_run(str(result.mlflow_run_id)))
    return f"{since}: {', '.join(changes)}" if changes else f"nothing {since}"


def _changed_settings(old_run: Run, new_run: Run) -> list[str]:
    old, new = old_run.data.params, new_run.data.params
    return [
        f"{markdown(name)} {_short(old.get(name, 'unset'))} → {_short(new.get(name, 'unset'))}"
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]


def _short(value: str) -> str:
    return markdown(value, 100)


def _author(result: NightResult) -> str:
    """Return the flow run that registered the version, or the user who ran the command."""
    context = FlowRunContext.get()
    if not (context and context.flow_run):
        return processes.user_name()
    origin = "by its schedule" if context.flow_run.auto_scheduled else "by hand"
    address = tracking.flow_run_address(result.flow_run_id)
    return f"the flow run {markdown_link(context.flow_run.name, address)}, started {origin}"

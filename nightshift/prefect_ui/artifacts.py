"""Display of a run in the Prefect UI: the outcome as the flow run's state, the stages as artifacts.

Prefect renders descriptions and table cells as Markdown too. A failed display is logged and never ends a run.
"""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from prefect import State
from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.context import FlowRunContext
from prefect.exceptions import PrefectException
from prefect.states import Completed, Failed

from nightshift import escaping
from nightshift.data.label_variants import quoted
from nightshift.data.review_columns import REASONS
from nightshift.records import Augmented, Checked, Compressed, NightResult, Reviewed, Sides, Verdict

log = logging.getLogger("nightshift.shown")
SECONDARY = re.compile("precision|recall|ece|distinct")
"""Metrics that are left out of the table of candidates."""


def enable_info_logging() -> None:
    """Send log messages of nightshift from level INFO to the run's log; other libraries send warnings and errors only."""
    logging.getLogger("nightshift").setLevel(logging.INFO)


def final_state(result: NightResult) -> State[Any]:
    """Return the outcome, with its reason, as the flow run's state; a run stopped by the data gate is Failed."""
    state_type = Failed if result.status == "stopped" else Completed
    return state_type(name=result.status.capitalize(), message=result.reason, data=result)


def flow_result(state: State[Any]) -> Any:
    """Return the result of the flow run with this state, or raise its exception."""
    result = state.result(raise_on_failure=False)
    if isinstance(result, BaseException):
        raise result
    return result


def prefect_key(model: str, number: int, name: str) -> str:
    """Return the key of a Prefect artifact; keys are global and take a-z, 0-9 and dashes, the number sorts the stages."""
    return f"{re.sub('[^a-z0-9]+', '-', model.lower())}-{number}-{name}"


@contextmanager
def _errors_logged() -> Iterator[None]:
    """Log errors of Prefect instead of raising them."""
    try:
        yield
    except (httpx.HTTPError, PrefectException) as error:
        log.warning("not shown in the Prefect UI: %s", error)


def show_stage(model: str, record: Any) -> None:
    """Create an artifact of the flow run from the record of a stage, if there is a display for it."""
    show = DISPLAYS.get(type(record))
    if show and FlowRunContext.get():
        with _errors_logged():
            show(model, record)


def _expectations(model: str, checked: Checked) -> None:
    rows = [
        {
            "result": "pass" if line.success else "FAIL",
            "expectation": escaping.markdown(line.name),
            "severity": line.severity,
            "unexpected": "" if line.unexpected is None else line.unexpected,
            "observed": escaping.markdown(line.observed),
        }
        for line in checked.expectations
    ]
    description = f"{checked.read:,} rows read, {checked.kept:,} kept; quarantined: "
    description += ", ".join(f"{count:,} {reason}" for reason, count in checked.quarantined.items()) or "none"
    if checked.cleaning:
        description += "; cleaned: " + ", ".join(f"{line.rows:,} by {line.step}" for line in checked.cleaning)
    for sentence in (*checked.warnings, *checked.notices):
        description += f". {sentence}"
    create_table_artifact(rows, key=prefect_key(model, 1, "expectations"), description=escaping.markdown(description))
    if checked.labels:
        labels = [
            {"label": escaping.markdown(quoted(count.label)), "read": count.read, "kept": count.kept}
            for count in checked.labels
        ]
        description = f"Labels before any training: {checked.num_labels:,}, the most frequent first"
        create_table_artifact(labels, key=prefect_key(model, 1, "labels"), description=description)


def _sides(model: str, sides: Sides) -> None:
    rows = [{"side": name, "rows": getattr(sides, name)} for name in ("train", "validation", "holdout", "spare")]
    description = f"Rows by side; {sides.leaks} rows of the holdout were found in the training data and taken out of it"
    description += f"; {sides.near_leaks} more were nearly rows of it and taken out" if sides.near_leaks else ""
    description += f"; {sides.near_leaks_kept} are nearly rows of it and stay" if sides.near_leaks_kept else ""
    description += f"; {sides.windowed} are older than train.window" if sides.windowed else ""
    create_table_artifact(rows, key=prefect_key(model, 2, "rows"), description=description)


def _augmented(model: str, augmented: Augmented) -> None:
    rows = [{"augmented rows": augmented.augmented, "texts without labels": augmented.unlabelled}]
    description = "Changed copies of training rows, and texts that only students learn from"
    create_table_artifact(rows, key=prefect_key(model, 3, "augmented"), description=description)


def _candidates(model: str, compressed: Compressed) -> None:
    rows = [
        {
            "put forward": "yes" if c.chosen else "",
            "name": escaping.markdown(c.name),
            **{name: round(value, 4) for name, value in c.holdout.items() if not SECONDARY.search(name)},
            "MB": round(c.size_mb, 1),
            "ms a text": round(c.latency_ms_p50, 2),
            "why": escaping.markdown(c.why),
        }
        for c in compressed.candidates
    ]
    create_table_artifact(rows, key=prefect_key(model, 5, "candidates"), description="Full and its smaller forms")


def _verdict(model: str, verdict: Verdict) -> None:
    lines = [f"# {verdict.decision}", *(f"- {escaping.markdown(reason)}" for reason in verdict.reasons)]
    create_markdown_artifact("\n".join(lines), key=prefect_key(model, 6, "gate"), description="The gate's decision")


def _reviewed(model: str, reviewed: Reviewed) -> None:
    reasons = [reason for reason in REASONS if reason in reviewed.candidates or reason in reviewed.holdout]
    rows = [
        {
            "reason": reason,
            "in the list": reviewed.listed.get(reason, 0),
            "of": reviewed.candidates.get(reason, 0),
            "holdout rows, not listed": reviewed.holdout.get(reason, 0),
        }
        for reason in reasons
    ]
    description = ". ".join(["Rows that a person is asked about, in review.csv", *reviewed.notices])
    create_table_artifact(rows, key=prefect_key(model, 6, "review"), description=escaping.markdown(description))


DISPLAYS: dict[type, Callable[[str, Any], None]] = {
    Checked: _expectations,
    Sides: _sides,
    Augmented: _augmented,
    Compressed: _candidates,
    Verdict: _verdict,
    Reviewed: _reviewed,
}


def progress(model: str) -> Callable[[float, str], None]:
    """Return a function that displays training progress: the share done, 0 to 1, and a description with an estimate."""
    artifact_ids: list[Any] = []

    def show_progress(share: float, words: str) -> None:
        if not FlowRunContext.get():
            return
        description = escaping.markdown(words)
        with _errors_logged():
            if artifact_ids:
                update_progress_artifact(artifact_ids[0], progress=100 * share, description=description)
            else:
                key = prefect_key(model, 4, "training")
                artifact_ids.append(create_progress_artifact(100 * share, key=key, description=description))

    return show_progress


def show_report(model: str, markdown: str) -> None:
    """Create an artifact with the report of a run."""
    if FlowRunContext.get():
        with _errors_logged():
            create_markdown_artifact(markdown, key=prefect_key(model, 7, "report"), description="The night's report")


def show_comparison(model: str, markdown: str) -> None:
    """Create an artifact with the differences between two versions' predictions of the same rows."""
    if FlowRunContext.get():
        with _errors_logged():
            create_markdown_artifact(
                markdown, key=prefect_key(model, 9, "compared"), description="Two versions on the same rows"
            )


def show_monitoring(model: str, markdown: str) -> None:
    """Create an artifact with the result of monitoring."""
    if FlowRunContext.get():
        with _errors_logged():
            create_markdown_artifact(
                markdown, key=prefect_key(model, 8, "watch"), description="Fresh rows against the holdout"
            )


def show_link(model: str, number: int, words: str, address: str) -> None:
    """Create an artifact that links to a page elsewhere.

    Args:
        model: The registered model.
        number: The position among the artifacts of the flow run.
        words: The text of the link.
        address: The page; empty if there is no server that shows it, then nothing is created.
    """
    if address and FlowRunContext.get():
        with _errors_logged():
            name = words.lower().replace(" ", "-")
            create_link_artifact(address, key=prefect_key(model, number, name), link_text=words, description=words)

"""What people see of a night in the Prefect UI: its ending as the run's state, its stages as artifacts.

Prefect renders descriptions and cells of tables as Markdown too.

A display that fails is told in the log and never ends a night.
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
from nightshift.records import Augmented, Checked, Compressed, NightResult, Sides, Verdict

log = logging.getLogger("nightshift.shown")
SECONDARY = re.compile("precision|recall|ece|distinct")
"""Metrics that a table of candidates has no room for."""


def speak() -> None:
    """Let nightshift's own lines through to the run's logs; of other libraries warnings and errors go there."""
    logging.getLogger("nightshift").setLevel(logging.INFO)


def ending(result: NightResult) -> State[Any]:
    """The night's status as the flow run's state, with its reason; a stopped night counts as failed."""
    kind = Failed if result.status == "stopped" else Completed
    return kind(name=result.status.capitalize(), message=result.reason, data=result)


def flow_result(state: State[Any]) -> Any:
    """What the flow run of a state returned; raises what it raised."""
    result = state.result(raise_on_failure=False)
    if isinstance(result, BaseException):
        raise result
    return result


def prefect_key(model: str, number: int, name: str) -> str:
    """Prefect's artifact keys are global and take a-z, 0-9 and dashes; the number keeps the order of the night."""
    return f"{re.sub('[^a-z0-9]+', '-', model.lower())}-{number}-{name}"


@contextmanager
def _harmless() -> Iterator[None]:
    try:
        yield
    except (httpx.HTTPError, PrefectException) as error:
        log.warning("not shown in the Prefect UI: %s", error)


def stage(model: str, record: Any) -> None:
    """Show a stage's record as an artifact of the flow run, where it has something to show."""
    show = DISPLAYS.get(type(record))
    if show and FlowRunContext.get():
        with _harmless():
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
    words = f"{checked.read:,} rows read, {checked.kept:,} kept; quarantined: "
    words += ", ".join(f"{count:,} {reason}" for reason, count in checked.quarantined.items()) or "none"
    create_table_artifact(rows, key=prefect_key(model, 1, "expectations"), description=escaping.markdown(words))


def _sides(model: str, sides: Sides) -> None:
    rows = [{"side": name, "rows": getattr(sides, name)} for name in ("train", "validation", "holdout", "spare")]
    words = f"Rows by side; {sides.leaks} rows of the holdout were found in the training data and taken out of it"
    words += f"; {sides.windowed} are older than train.window" if sides.windowed else ""
    create_table_artifact(rows, key=prefect_key(model, 2, "rows"), description=words)


def _augmented(model: str, augmented: Augmented) -> None:
    rows = [{"augmented rows": augmented.augmented, "texts without labels": augmented.unlabelled}]
    words = "Changed copies of training rows, and texts that only students learn from"
    create_table_artifact(rows, key=prefect_key(model, 3, "augmented"), description=words)


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


DISPLAYS: dict[type, Callable[[str, Any], None]] = {
    Checked: _expectations,
    Sides: _sides,
    Augmented: _augmented,
    Compressed: _candidates,
    Verdict: _verdict,
}


def progress(model: str) -> Callable[[float, str], None]:
    """A function that shows how far the training is: share done (0 to 1), and that in words with an estimate."""
    made: list[Any] = []

    def tell(share: float, words: str) -> None:
        if not FlowRunContext.get():
            return
        with _harmless():
            if made:
                update_progress_artifact(made[0], progress=100 * share, description=escaping.markdown(words))
            else:
                made.append(
                    create_progress_artifact(
                        100 * share, key=prefect_key(model, 4, "training"), description=escaping.markdown(words)
                    )
                )

    return tell


def show_report(model: str, markdown: str) -> None:
    """The night's report."""
    if FlowRunContext.get():
        with _harmless():
            create_markdown_artifact(markdown, key=prefect_key(model, 7, "report"), description="The night's report")


def show_comparison(model: str, markdown: str) -> None:
    """How two versions' answers to the same rows differ."""
    if FlowRunContext.get():
        with _harmless():
            create_markdown_artifact(
                markdown, key=prefect_key(model, 9, "compared"), description="Two versions on the same rows"
            )


def show_monitoring(model: str, markdown: str) -> None:
    """What a run of watch has found."""
    if FlowRunContext.get():
        with _harmless():
            create_markdown_artifact(
                markdown, key=prefect_key(model, 8, "watch"), description="Fresh rows against the holdout"
            )


def link(model: str, number: int, words: str, address: str) -> None:
    """A page elsewhere; none where there is no server that shows it."""
    if address and FlowRunContext.get():
        with _harmless():
            name = words.lower().replace(" ", "-")
            create_link_artifact(address, key=prefect_key(model, number, name), link_text=words, description=words)

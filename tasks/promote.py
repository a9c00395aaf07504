"""Moves the alias `champion` where the gate says so, and enters how the night ended; nothing here is cached."""

from prefect import task

from nightshift.errors import UserError
from nightshift.records import Registered, Verdict
from nightshift.registry import model_registry


@task(name="promote", task_run_name="promote", retries=2, retry_delay_seconds=5)
def promote(registered: Registered, verdict: Verdict, approval: str) -> tuple[str, str]:
    """Returns (promoted or held, reason). A champion that changed during the night holds the challenger."""
    reason, alpha = "; ".join(verdict.reasons), "" if verdict.alpha is None else str(verdict.alpha)
    model_registry.notice_moves_by_hand(registered.name)
    if model_registry.version_of(registered.name, model_registry.CHAMPION) == registered.version:
        return "promoted", reason
    held = reason if verdict.decision == "hold" else _bar(registered, approval)
    if held is None:
        try:
            model_registry.promote(
                registered.name,
                registered.version,
                reason,
                verdict.champion_version,
                verdict.claim or "",
                registered.run_id,
                tested=verdict.tested or "",
                alpha=alpha,
            )
            return "promoted", reason
        except UserError as error:
            held = str(error)
    model_registry.note(
        registered.name, "held", held, registered.run_id, registered.version, verdict.tested or "", alpha
    )
    return "held", held


def _bar(registered: Registered, approval: str) -> str | None:
    """Why a challenger that passed the gate is held."""
    if approval == "manual":
        name, number = registered.name, registered.version
        return f"passed the gate and waits for a person: nightshift promote {name} {number} --reason …"
    return model_registry.hold_reason(registered.name)

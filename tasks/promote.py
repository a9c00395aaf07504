"""Moves the alias `champion` where the gate says so, and enters how the night ended; nothing here is cached."""

from prefect import task

from tasks import registry
from tasks.errors import UserError
from tasks.records import Registered, Verdict


@task(name="promote", task_run_name="promote", retries=2, retry_delay_seconds=5)
def promote(registered: Registered, verdict: Verdict, approval: str) -> tuple[str, str]:
    """Returns (promoted or held, reason). A champion that changed during the night holds the challenger."""
    reason, alpha = "; ".join(verdict.reasons), "" if verdict.alpha is None else str(verdict.alpha)
    registry.notice_moves_by_hand(registered.name)
    if registry.version_of(registered.name, registry.CHAMPION) == registered.version:
        return "promoted", reason
    held = reason if verdict.decision == "hold" else _bar(registered, approval)
    if held is None:
        try:
            registry.promote(
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
    registry.note(registered.name, "held", held, registered.run_id, registered.version, verdict.tested or "", alpha)
    return "held", held


def _bar(registered: Registered, approval: str) -> str | None:
    """Why a challenger that passed the gate is held."""
    if approval == "manual":
        name, number = registered.name, registered.version
        return f"passed the gate and waits for a person: nightshift promote {name} {number} --reason …"
    return registry.frozen(registered.name)

"""Moves the alias `champion` where the gate says so; nothing here is cached."""

from prefect import task

from tasks import registry
from tasks.errors import UserError
from tasks.records import Registered, Verdict


@task(name="promote", task_run_name="promote", retries=2, retry_delay_seconds=5)
def promote(registered: Registered, verdict: Verdict, approval: str) -> tuple[str, str]:
    """Returns (promoted or held, reason). A champion that changed during the night holds the challenger."""
    champion = registry.version_of(registered.name, registry.CHAMPION)
    reason = "; ".join(verdict.reasons)
    if champion == registered.version:
        return "promoted", reason
    if verdict.decision == "hold":
        return "held", reason
    if approval == "manual":
        return (
            "held",
            f"passed the gate and waits for a person: nightshift promote {registered.name} {registered.version} --reason …",
        )
    frozen = registry.frozen(registered.name)
    if frozen:
        return "held", frozen
    try:
        registry.promote(
            registered.name,
            registered.version,
            reason,
            verdict.champion_version,
            verdict.claim or "",
            registered.run_id,
        )
    except UserError as error:
        return "held", str(error)
    return "promoted", reason

"""The last stage before the report: move the alias `champion` if the gate decides so, and record the outcome; never cached."""

from nightshift.errors import UserError
from nightshift.evaluation.fresh_rows import FreshRows
from nightshift.records import Registered, Verdict
from nightshift.registry import model_registry
from nightshift.store.stages import uncached_stage


@uncached_stage(retries=2)
def promote(registered: Registered, verdict: Verdict, approval: str, fresh: FreshRows | None = None) -> tuple[str, str]:
    """Return (promoted or held, reason); hold the challenger if the champion has changed since the verdict.

    Args:
        registered: The challenger.
        verdict: The verdict of the gate.
        approval: The setting `gate.approval`; `manual` leaves every promotion to a person.
        fresh: The evidence from new rows, which the ledger keeps for the next night.
    """
    reason = "; ".join(verdict.reasons)
    alpha = "" if verdict.alpha is None else str(verdict.alpha)
    state = fresh.state.model_dump_json() if fresh else ""
    model_registry.notice_moves_by_hand(registered.name)
    if model_registry.version_of(registered.name, model_registry.CHAMPION) == registered.version:
        return "promoted", reason
    hold_reason = reason if verdict.decision == "hold" else _reason_to_hold(registered, approval)
    if hold_reason is None:
        try:
            model_registry.promote(
                registered.name,
                registered.version,
                reason,
                verdict.champion_version,
                verdict.claim or "",
                registered.run_id,
                tested_claim=verdict.tested or "",
                alpha=alpha,
                fresh=state,
            )
            return "promoted", reason
        except UserError as error:
            hold_reason = str(error)
    model_registry.note(
        registered.name, "held", hold_reason, registered.run_id, registered.version, verdict.tested or "", alpha, state
    )
    return "held", hold_reason


def _reason_to_hold(registered: Registered, approval: str) -> str | None:
    """Return why a challenger that passed the gate is held, or None."""
    if approval == "manual":
        name, number = registered.name, registered.version
        return f"passed the gate and waits for a person: nightshift promote {name} {number} --reason …"
    return model_registry.hold_reason(registered.name)

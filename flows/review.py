"""What a person decides from the Prefect UI: promote a version, roll back."""

import getpass

from prefect import flow

from tasks import registry


@flow(name="promote", flow_run_name="promote-{name}-{version}", validate_parameters=True)
def promote(name: str, version: int, reason: str, who: str) -> str:
    """Move the alias champion to a version.

    Args:
        name: The registered model, such as reviews.
        version: The version's number in MLflow.
        reason: Why; it goes into the ledger.
        who: Who decides; it goes into the ledger.
    """
    return promote_by_hand(name, str(version), reason, who)


def promote_by_hand(name: str, version: str, reason: str, who: str | None = None) -> str:
    """Promote as a person's decision; returns a line that says so. Raises UserError where there is no such version."""
    registry.version(name, version)
    champion = registry.version_of(name, registry.CHAMPION)
    entry = registry.promote(name, version, reason, champion, who=who or getpass.getuser())
    return f"{name}: champion is version {entry.new} (was {entry.old or 'none'})"


@flow(name="rollback", flow_run_name="rollback-{name}", validate_parameters=True)
def rollback(name: str, reason: str, who: str) -> str:
    """Move the alias champion back to the previous version; nights end held until somebody promotes.

    Args:
        name: The registered model, such as reviews.
        reason: Why; it goes into the ledger.
        who: Who decides; it goes into the ledger.
    """
    return roll_back(name, reason, who)


def roll_back(name: str, reason: str, who: str | None = None) -> str:
    """Roll back; returns a line that says so. Raises UserError where there is no previous version."""
    entry = registry.rollback(name, reason, who or getpass.getuser())
    return f"{name}: champion is version {entry.new} again (was {entry.old})"

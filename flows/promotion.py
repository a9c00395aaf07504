"""What a person decides from the Prefect UI: promote a version, roll back. Either must answer before an alias moves."""

import pandas as pd
from prefect import flow

from nightshift import redaction
from nightshift.errors import DamagedVersionError, ForeignVersionError, UserError
from nightshift.registry import model_registry
from nightshift.registry.registered_model import RegisteredModel
from nightshift.store import processes

ROWS = ("Does this version answer?", "Ça marche ? 你好 🙂", "a long text " * 500)
"""What a version is asked: made up, since MLflow keeps no row's text."""


@flow(name="promote", flow_run_name="promote-{name}-{version}", validate_parameters=True)
def promote(name: str, version: int, reason: str, who: str) -> str:
    """Move the alias champion to a version.

    Args:
        name: The registered model, such as reviews.
        version: The version's number in MLflow.
        reason: Why; it goes into the ledger.
        who: Who decides; it goes into the ledger.
    """
    with redaction.redacted_errors():
        return promote_by_hand(name, str(version), reason, who)


def promote_by_hand(name: str, version: str, reason: str, who: str | None = None) -> str:
    """Promote as a person's decision; returns a line that says so.

    Raises UserError where there is no such version, or it does not answer.
    """
    demand_answers(name, version)
    champion = model_registry.version_of(name, model_registry.CHAMPION)
    entry = model_registry.promote(name, version, reason, champion, author=who or processes.user_name())
    return f"{name}: champion is version {entry.new} (was {entry.old or 'none'})"


@flow(name="rollback", flow_run_name="rollback-{name}", validate_parameters=True)
def rollback(name: str, reason: str, who: str) -> str:
    """Move the alias champion back to the previous version; nights end held until somebody promotes.

    Args:
        name: The registered model, such as reviews.
        reason: Why; it goes into the ledger.
        who: Who decides; it goes into the ledger.
    """
    with redaction.redacted_errors():
        return roll_back(name, reason, who)


def roll_back(name: str, reason: str, who: str | None = None) -> str:
    """Roll back; returns a line that says so. Raises UserError where there is no previous version, or it does not answer."""
    previous = model_registry.version_of(name, model_registry.PREVIOUS)
    if previous:
        demand_answers(name, previous)
    entry = model_registry.rollback(name, reason, who or processes.user_name(), previous)
    return f"{name}: champion is version {entry.new} again (was {entry.old})"


def demand_answers(name: str, number: str) -> None:
    """Load a version with nightshift's own code and let it answer a few rows, for each objective.

    Raises UserError if it is not nightshift's, is damaged, or does not answer.
    """
    version = model_registry.version(name, number)
    try:
        model = RegisteredModel(version)
        for objective, head in model.heads.items():
            rows = pd.DataFrame(dict.fromkeys(("text", "text_pair") if head.pairs else ("text",), ROWS))
            answers = model.answers(rows, objective)
            if len(answers) != len(rows) or answers.isna().to_numpy().any():
                raise ValueError("it leaves rows without an answer")
    except (ForeignVersionError, DamagedVersionError) as error:
        raise type(error)(f"{error}: nothing was moved") from error
    except Exception as error:
        why = " ".join(str(error).split())[:200]
        raise UserError(f"{name} version {number} does not answer ({why}): nothing was moved") from error

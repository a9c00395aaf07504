"""Promotion and rollback by a person. The version must answer before the alias moves."""

import pandas as pd
from prefect import flow

from flows import announcements
from nightshift import redaction
from nightshift.errors import DamagedVersionError, ForeignVersionError, UserError
from nightshift.prefect_ui import reconciliation
from nightshift.registry import authors, model_registry
from nightshift.registry.registered_model import RegisteredModel

TEST_TEXTS = ("Does this version answer?", "Ça marche ? 你好 🙂", "a long text " * 500)
"""Invented texts that a version must answer, because MLflow keeps no text of the data."""


@flow(name="promote", flow_run_name="promote-{name}-{version}", validate_parameters=True)
def promote(name: str, version: int, reason: str, who: str) -> str:
    """Move the alias champion to a version.

    Args:
        name: Name of the registered model, such as reviews.
        version: Number of the version in MLflow.
        reason: Reason, kept in the ledger.
        who: Your name. Nobody verifies it: the ledger notes it beside the user who is signed in at MLflow.
    """
    with redaction.redacted_errors():
        reconciliation.claim_flow_run()
        return promote_by_hand(name, str(version), reason, who)


def promote_by_hand(name: str, version: str, reason: str, requester: str | None = None) -> str:
    """Promote a version, and return a line that says so.

    Args:
        name: Name of the registered model.
        version: Number of the version.
        reason: Reason, kept in the ledger.
        requester: Name typed into a form; None for the user of this process.

    Raises:
        UserError: The version does not exist, or does not answer.
        ForbiddenError: The user who is signed in at MLflow may not move the alias.
    """
    ensure_answers(name, version)
    champion = model_registry.version_of(name, model_registry.CHAMPION)
    author, reason = authors.author_and_reason(requester, reason)
    entry = model_registry.promote(name, version, reason, champion, author=author)
    announcements.announce_promotion(name, entry.new, f"promoted by {entry.who}", reason)
    return f"{name}: champion is version {entry.new} (was {entry.old or 'none'})"


@flow(name="rollback", flow_run_name="rollback-{name}", validate_parameters=True)
def rollback(name: str, reason: str, who: str) -> str:
    """Move the alias champion back to the previous version; runs end held until a person promotes.

    Args:
        name: Name of the registered model, such as reviews.
        reason: Reason, kept in the ledger.
        who: Your name. Nobody verifies it: the ledger notes it beside the user who is signed in at MLflow.
    """
    with redaction.redacted_errors():
        reconciliation.claim_flow_run()
        return roll_back(name, reason, who)


def roll_back(name: str, reason: str, requester: str | None = None) -> str:
    """Roll back to the previous version, and return a line that says so.

    Raises:
        UserError: There is no previous version, or it does not answer.
        ForbiddenError: The user who is signed in at MLflow may not move the alias.
    """
    previous = model_registry.version_of(name, model_registry.PREVIOUS)
    if previous:
        ensure_answers(name, previous)
    author, reason = authors.author_and_reason(requester, reason)
    entry = model_registry.rollback(name, reason, author, previous)
    announcements.announce_promotion(name, entry.new, f"rolled back by {entry.who}", reason)
    return f"{name}: champion is version {entry.new} again (was {entry.old})"


def ensure_answers(name: str, number: str) -> None:
    """Load a version with nightshift's own code and let it answer a few texts, for each objective.

    Raises:
        UserError: It is not nightshift's, is damaged, or does not answer.
    """
    version = model_registry.version(name, number)
    try:
        model = RegisteredModel(version)
        for objective, head in model.heads.items():
            rows = pd.DataFrame(dict.fromkeys(("text", "text_pair") if head.pairs else ("text",), TEST_TEXTS))
            answers = model.answers(rows, objective)
            if len(answers) != len(rows) or answers.isna().to_numpy().any():
                raise ValueError("it leaves rows without an answer")
    except (ForeignVersionError, DamagedVersionError) as error:
        raise type(error)(f"{error}: nothing was moved") from error
    except Exception as error:
        problem = " ".join(str(error).split())[:200]
        raise UserError(f"{name} version {number} does not answer ({problem}): nothing was moved") from error

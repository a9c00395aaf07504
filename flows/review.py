"""What a person decides from the Prefect UI: promote a version, roll back. Either must answer before an alias moves."""

import getpass
import json

import mlflow
import pandas as pd
from prefect import flow

from tasks import registry
from tasks.errors import UserError

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
    return promote_by_hand(name, str(version), reason, who)


def promote_by_hand(name: str, version: str, reason: str, who: str | None = None) -> str:
    """Promote as a person's decision; returns a line that says so.

    Raises UserError where there is no such version, or it does not answer.
    """
    demand_answers(name, version)
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
    """Roll back; returns a line that says so. Raises UserError where there is no previous version, or it does not answer."""
    previous = registry.version_of(name, registry.PREVIOUS)
    if previous:
        demand_answers(name, previous)
    entry = registry.rollback(name, reason, who or getpass.getuser(), previous)
    return f"{name}: champion is version {entry.new} again (was {entry.old})"


def demand_answers(name: str, number: str) -> None:
    """Load a version as a user would and let it answer a few rows, for each objective; raises UserError where it fails."""
    objectives = json.loads(registry.version(name, number).tags.get(registry.OBJECTIVES, '{"": ""}'))
    try:
        model = mlflow.pyfunc.load_model(f"models:/{name}/{number}")
        schema = model.metadata.get_input_schema()
        rows = pd.DataFrame(dict.fromkeys(schema.input_names() if schema else ["text"], ROWS))
        for objective in objectives:
            answers = pd.DataFrame(model.predict(rows, params={"objective": objective} if objective else None))
            if len(answers) != len(rows) or answers.isna().to_numpy().any():
                raise ValueError("it leaves rows without an answer")
    except Exception as error:
        why = " ".join(str(error).split())[:200]
        raise UserError(f"{name} version {number} does not answer ({why}): nothing was moved") from error

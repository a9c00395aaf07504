"""A holdout with columns, answers for its rows, and what the guardrails say of them."""

import json

import numpy as np
import pandas as pd
from factories import CLASSES, WRONG_LABEL, objective

from nightshift.evaluation.claims import LatencyComparison
from tasks.gate.decision import Evidence, decide
from tasks.gate.first_version import References
from tasks.gate.guardrails import GuardrailMeasurements, check_guardrails
from tasks.gate.settings import GateSettings

ROWS = 3000


CHEAP = GuardrailMeasurements({"max_latency_ms": 1.0, "max_size_mb": 1.0})


DEAR = LatencyComparison(1.0, 1.0, 1.0, 0.95)


def rows(count=ROWS, seed=0):
    random = np.random.default_rng(seed)
    shops = random.choice(["north", "south", "west"], count)
    return pd.DataFrame({
        "source": "day.csv", "row": range(1, count + 1), "row_key": [f"k{row}" for row in range(count)],
        "text": ["x" * length for length in random.integers(1, 200, count)],
        "label": random.choice(CLASSES, count),
        "original": [json.dumps({"shop": shop}) for shop in shops],
    })  # fmt: skip


HOLDOUT = rows()


def scored_answers(wrong, seed, labels=HOLDOUT["label"], classes=CLASSES):
    """Return predictions with scores, which are surer where they are wrong.

    Args:
        wrong: Chance of each row to be wrong.
        seed: Seed of the rows that are wrong.
        labels: True labels.
        classes: Labels that have a column of scores.
    """
    hit = np.random.default_rng(seed).random(len(labels)) < wrong
    predicted = [WRONG_LABEL[label] if bad else label for label, bad in zip(labels, hit, strict=True)]
    table = pd.DataFrame({"label": list(labels), "predicted": predicted})
    return table.assign(
        **{f"score:{name}": np.where(table["predicted"] == name, 0.8 + 0.1 * hit, 0.05) for name in classes}
    )


def check_tables(challenger, champion, main=None, holdout=HOLDOUT, measured=CHEAP, **settings):
    """Check the guardrails for the predictions of challenger and champion.

    Args:
        challenger: Table of labels and predictions.
        champion: Table of labels and predictions, or None without a champion.
        main: The objective; a classification by default.
        holdout: Rows of the holdout.
        measured: Costs and typo tables of the challenger.
        **settings: Settings of the gate.
    """
    challenger_tables, champion_tables = (
        {"main": table} if table is not None else None for table in (challenger, champion)
    )
    return check_guardrails(
        challenger_tables,
        champion_tables,
        {"main": holdout},
        [main or objective()],
        measured,
        GateSettings(**settings),
        0.95,
    )


def decide_with(guardrails, challenger, champion):
    tables = {"challenger": {"main": challenger}, "champion": {"main": champion}}
    return decide(Evidence(tables, tables, [objective()], DEAR, References({})), GateSettings(), guardrails)


NOISE = np.random.default_rng(4).normal(size=(2, ROWS))


def numbers(spread, side):
    label = np.linspace(10, 50, ROWS)
    return pd.DataFrame({"label": label, "predicted": label + spread * NOISE[side]})


def written_texts(spread, side):
    label = [f"the answer to all is number {row}" for row in range(ROWS)]
    missing = (np.abs(NOISE[side]) * spread).astype(int)
    return pd.DataFrame(
        {"label": label, "predicted": [text[: len(text) - c] for text, c in zip(label, missing, strict=True)]}
    )

"""Guardrails: budgets that bar a promotion."""

import pytest
from holdout_tables import check_tables, decide_with, scored_answers

from tasks.gate.guardrails import GuardrailMeasurements


@pytest.mark.parametrize(
    ("settings", "bar"),
    [
        ({"max_latency_ms": 4.9}, "over budget: 5.00 ms for 95 in 100 texts, more than gate.max_latency_ms 4.9"),
        ({"max_size_mb": 6.9}, "over budget: 7.0 MB, more than gate.max_size_mb 6.9"),
        ({"max_typo_drop": 0.1}, "over budget: the metric worse by 0.2"),
    ],
)
def test_every_budget_holds_whoever_is_over_it(settings, bar):
    challenger = scored_answers(0.05, 1)
    with_typos = {"main": scored_answers(0.3, 2)} if "max_typo_drop" in settings else {}
    measured = GuardrailMeasurements({"max_latency_ms": 5.0, "max_size_mb": 7.0}, with_typos)
    for champion in (None, scored_answers(0.3, 3)):
        guardrails = check_tables(challenger, champion, measured=measured, **settings)
        assert len(guardrails.blocking + guardrails.unfit) == 1 and (guardrails.blocking + guardrails.unfit)[
            0
        ].startswith(bar)
    verdict = decide_with(guardrails, challenger, champion)
    assert verdict.decision == "hold" and verdict.reasons[0].startswith(bar)
    assert verdict.tested == (None if guardrails.unfit else "better"), "what the holdout has answered is spent"
    for more in (dict.fromkeys(settings, 10.0), {}):
        guardrails = check_tables(challenger, champion, measured=measured, **more)
        assert (
            guardrails.blocking + guardrails.unfit == []
            and decide_with(guardrails, challenger, champion).claim == "better"
        )

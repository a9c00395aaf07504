import numpy as np
import pytest
from scipy.stats import norm

from tasks import evidence
from tasks.compress import CompressSettings, choose
from tasks.evidence import compare, ratio_limit, rows_needed, tango
from tasks.gate import Costs, GateSettings, decide
from tasks.records import Candidate

RNG = np.random.default_rng(5)
LABELS = RNG.choice(["a", "b", "c"], 2000)
OTHER = {"a": "b", "b": "c", "c": "a"}


def answers(wrong, labels=LABELS, seed=0):
    """Predictions wrong on a random share of rows."""
    hit = np.random.default_rng(seed).random(len(labels)) < wrong
    return [OTHER[label] if bad else label for label, bad in zip(labels, hit, strict=True)]


def settle(challenger, champion, anchor=None, cost=1.0, **settings):
    majority = evidence.metrics(LABELS, ["a"] * len(LABELS))
    costs = Costs(cost, 1.0, cost) if champion is not None else None
    return decide(LABELS, challenger, champion, anchor, costs, majority, GateSettings(**settings))


def test_tango_solves_its_score_equation():
    # Limits are where an independent maximum likelihood estimate of the null model gives a score of z.
    gained, lost, rows, z = 12, 3, 100, norm.ppf(0.975)
    found = tango(gained, lost, rows, 0.975)
    for limit, sign in ((found.lower, 1), (found.upper, -1)):
        grid = np.linspace(max(0, -limit) + 1e-9, (1 - limit) / 2 - 1e-9 + max(0, -limit) / 2, 400_001)
        rest = 1 - 2 * grid - limit
        ok = (rest > 0) & (grid + limit > 0)
        likelihood = np.full(len(grid), -np.inf)
        likelihood[ok] = (
            gained * np.log(grid[ok] + limit) + lost * np.log(grid[ok]) + (rows - gained - lost) * np.log(rest[ok])
        )
        p = grid[likelihood.argmax()]
        score = (gained - lost - rows * limit) / np.sqrt(rows * (2 * p + limit - limit**2))
        assert score == pytest.approx(sign * z, abs=2e-3)
    assert found.lower < 0.09 < found.upper


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
def test_limits_cover_at_their_rate(metric):
    rng, missed, times = np.random.default_rng(1), 0, 300
    for _ in range(times):
        labels = rng.choice(["a", "b"], 400)
        first = np.where(rng.random(400) < 0.12, "c", labels)
        second = np.where(rng.random(400) < 0.12, "c", labels)
        missed += compare(labels, first, second, metric, 0.95).lower > 0
    assert missed / times < 0.05 + 3 * np.sqrt(0.05 * 0.95 / times)


def test_the_difference_is_the_metrics_difference():
    first, second = answers(0.1, seed=1), answers(0.2, seed=2)
    for metric in ("accuracy", "macro_f1", "weighted_f1"):
        expected = evidence.metrics(LABELS, first)[metric] - evidence.metrics(LABELS, second)[metric]
        assert compare(LABELS, first, second, metric, 0.95).difference == pytest.approx(expected)


def test_clearly_better_is_promoted_and_clearly_worse_held():
    good, bad = answers(0.05, seed=1), answers(0.15, seed=2)
    assert settle(good, bad).claim == "better"
    assert settle(bad, good, cost=0.1).decision == "hold"


def test_ties_and_permuted_labels_are_held():
    good = answers(0.05)
    assert settle(good, good).decision == "hold"
    assert settle(good, good, cost=0.91).decision == "hold"
    assert settle([OTHER[label] for label in LABELS], good, cost=0.1).decision == "hold"


def test_cheaper_needs_champion_and_anchor():
    good = answers(0.05)
    assert settle(good, good, good, cost=0.5).claim == "cheaper"
    anchor = answers(0.0)
    verdict = settle(good, good, anchor, cost=0.5)
    assert verdict.decision == "hold" and any("anchor" in reason for reason in verdict.reasons)


def test_the_limit_of_a_cost_ratio_covers_at_its_rate():
    rng, times = np.random.default_rng(2), 2000
    noise = rng.lognormal(0, 0.5, (times, 2, 100))
    missed = sum(ratio_limit(0.9 * first, second, 0.95) < 0.9 for first, second in noise)
    assert missed / times < 0.05 + 3 * np.sqrt(0.05 * 0.95 / times)
    assert ratio_limit(0.5 * noise[0][0], noise[0][1], 0.95) < 0.9


def test_the_first_must_beat_the_majority_and_every_minimum():
    assert settle(answers(0.1), None).claim == "first"
    assert settle(["a"] * len(LABELS), None).decision == "hold"
    held = settle(answers(0.1), None, minimum={"accuracy": 0.95})
    assert held.decision == "hold" and "minimum" in held.reasons[0]
    with pytest.raises(ValueError, match="no metric"):
        GateSettings(minimum={"acuracy": 0.9})


def test_rows_needed_grow_with_disagreement():
    assert rows_needed(0.05, 0.02) == 773
    assert rows_needed(0.10, 0.02) > rows_needed(0.05, 0.02) > rows_needed(0.05, 0.04)


def candidates(rows, wrong):
    """Candidates by name: (share wrong on the holdout, validation score, latency)."""
    import pandas as pd

    labels, tables, made = LABELS[:rows], {}, []
    for name, (share, validation, latency) in wrong.items():
        predicted = answers(share, labels, seed=3)
        tables[name] = pd.DataFrame({"label": labels, "predicted": predicted})
        found = evidence.metrics(labels, predicted)
        made.append(Candidate(name=name, recipe=name, accuracy=found["accuracy"], macro_f1=found["macro_f1"], size_mb=1,
                              latency_ms_p50=latency, latency_ms_p95=latency, throughput=1,
                              validation={"macro_f1": validation}))  # fmt: skip
    return made[0], made[1:], tables


def test_the_cheapest_confirmed_candidate_is_put_forward():
    full, others, tables = candidates(2000, {
        "full": (0.05, 0.950, 8.0), "careful": (0.05, 0.949, 3.0), "bold": (0.055, 0.948, 1.0), "poor": (0.3, 0.6, 0.5),
    })  # fmt: skip
    chosen = choose(full, others, tables, CompressSettings())
    assert chosen.name == "bold" and chosen.confirmed
    assert [c.name for c in others if not c.qualifies] == ["poor"]


def test_a_candidate_that_wins_on_validation_only_is_not_put_forward():
    full, others, tables = candidates(2000, {"full": (0.05, 0.95, 8.0), "lucky": (0.10, 0.96, 1.0)})
    assert choose(full, others, tables, CompressSettings()).name == "full"
    assert "not confirmed" in others[0].why


def test_with_few_holdout_rows_the_choice_is_marked_unconfirmed():
    full, others, tables = candidates(120, {"full": (0.05, 0.95, 8.0), "small": (0.10, 0.95, 1.0)})
    chosen = choose(full, others, tables, CompressSettings())
    assert chosen.name == "small" and not chosen.confirmed and "holdout rows would be needed" in chosen.why
    full, others, tables = candidates(120, {"full": (0.05, 0.95, 8.0), "small": (0.10, 0.95, 1.0)})
    assert choose(full, others, tables, CompressSettings(allow_unconfirmed=False)).name == "full"


def test_costs_within_ten_percent_are_ties_broken_by_quality():
    full, others, tables = candidates(
        2000, {"full": (0.05, 0.95, 8.0), "a": (0.05, 0.945, 1.0), "b": (0.05, 0.949, 1.05)}
    )
    assert choose(full, others, tables, CompressSettings()).name == "b"

"""The benchmark that simulates years of nights decides as the gate does."""

from functools import partial

import numpy as np
import pytest
from factories import objective, table
from scipy.stats import norm

from benchmarks import gate, gate_fresh, gate_groups, gate_policies, gate_rollback
from benchmarks import gate_simulation as simulation
from benchmarks.f1 import Metric
from nightshift.evaluation.claims import LatencyComparison
from nightshift.evaluation.sequential import Wealth
from nightshift.evaluation.significance import compare
from nightshift.records import BudgetState, FreshEvidence
from tasks.gate.decision import Evidence, decide
from tasks.gate.first_version import References
from tasks.gate.settings import GateSettings


def patterns(rng, rows, wrong):
    """Hits of challenger, champion and anchor on random rows."""
    return [rng.random(rows) >= share for share in wrong]


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
def test_the_simulated_gate_decides_as_the_gate(metric):
    rng, decided = np.random.default_rng(3), []
    for turn in range(100):
        wrong = rng.choice([0.03, 0.06, 0.1]) * np.array([1, 1, 1]) + rng.choice([0, 0, -0.02], 3)
        cost, state = (
            rng.choice([0.5, 1.0]),
            BudgetState(alpha_spent=rng.choice([0, 0.03]), num_compared=50, num_likely=turn % 50),
        )
        right = {side: patterns(rng, rows, wrong) for side, rows in (("holdout", 1500), ("validation", 600))}
        labels = {side: rng.integers(2, size=len(role_hits[0])) for side, role_hits in right.items()}
        if turn % 3 == 0:  # two models that agree but for a few rows
            for role_hits in right.values():
                role_hits[1] = role_hits[0] ^ (rng.random(len(role_hits[0])) < 0.004)
                role_hits[2] = role_hits[1]
        tables = {
            side: {
                role: {"main": table(np.where(hit, labels[side], 1 - labels[side]), labels[side])}
                for role, hit in zip(("challenger", "champion", "anchor"), role_hits, strict=True)
            }
            for side, role_hits in right.items()
        }
        costs = LatencyComparison(cost, 1.0, cost, 0.95)
        evidence = Evidence(
            tables["holdout"],
            tables["validation"],
            [objective(metric=metric)],
            costs,
            References({}),
            state,
        )
        verdict = decide(evidence, GateSettings())
        changed = {
            side: {
                role: np.bincount(4 * labels[side] + 2 * role_hits[0] + reference, minlength=8).reshape(1, 2, 4)
                for role, reference in (("champion", role_hits[1]), ("anchor", role_hits[2]))
            }
            for side, role_hits in right.items()
        }
        left, compared, likely = (
            np.array([value]) for value in (0.05 - state.alpha_spent, state.num_compared, state.num_likely)
        )
        z_score = partial(gate_policies.z_of_counts, changed, Metric(metric))
        observations = gate_policies.PolicyInput(z_score, cost < 0.9, np.array([True]), left, compared, likely)
        better, cheaper, alpha = gate_policies.nightshift_gate(observations)
        assert alpha[0] == pytest.approx(verdict.alpha or 0.0, rel=1e-6)
        better, cheaper, used_test = bool(better[0]), bool(cheaper[0]), bool(alpha[0])
        assert (better, cheaper, used_test) == (
            verdict.claim == "better", verdict.claim == "cheaper", verdict.tested is not None
        )  # fmt: skip
        decided.append((better, cheaper, used_test))
    assert {(True, False, True), (False, True, True), (False, False, True), (False, False, False)} <= set(decided)


def test_the_simulated_gate_with_new_rows_decides_as_the_gate():
    rng, decisions = np.random.default_rng(7), []
    for turn in range(60):
        correct, tables = {}, {}
        for side, rows in (("holdout", 1500), ("validation", 600)):
            correct[side] = patterns(rng, rows, 0.08 + rng.choice([-0.035, 0.0], 2))
            labels = rng.integers(2, size=rows)
            tables[side] = {
                role: {"main": table(np.where(hit, labels, 1 - labels), labels)}
                for role, hit in zip(("challenger", "champion"), correct[side], strict=True)
            }
        is_shown, spent = turn % 2 == 0, rng.choice([0.0, 0.02])
        fresh = FreshEvidence(wealth=1.0, required=50.0, shown=is_shown, alpha=0.02)
        state = BudgetState(alpha_spent=spent, num_compared=40, num_likely=turn % 40)
        costs = LatencyComparison(1.0, 1.0, 1.0, 0.95)
        verdict = decide(
            Evidence(
                tables["holdout"], tables["validation"], [objective(metric="accuracy")], costs, References({}), state,
                fresh=fresh,
            ),
            GateSettings(),
        )  # fmt: skip
        changed = {
            side: {"champion": np.bincount(2 * hits[0] + hits[1], minlength=4).reshape(1, 1, 4)}
            for side, hits in correct.items()
        }
        account = gate_fresh.HoldoutBudget(0.03, *(np.array([n]) for n in (spent, 40, turn % 40)))
        by_rows, by_test, alpha = gate_fresh.decide(changed, np.array([is_shown]), account)
        assert alpha[0] == pytest.approx(verdict.alpha or 0.0, rel=1e-6)
        simulated = "fresh" if by_rows[0] else "holdout" if by_test[0] else None
        assert simulated == verdict.evidence
        decisions.append((simulated, alpha[0] > 0))
    assert {("fresh", False), ("holdout", True), (None, True), (None, False)} <= set(decisions)


def test_simulated_groups_are_compared_as_the_gate_compares_them():
    random, level = np.random.default_rng(4), 0.9
    for name in gate_groups.NAMES:
        rows = gate_groups.side(name, 200, 0.5, random)
        hard, labels = rows.difficulty(1), np.arange(rows.sizes.sum()) % 2
        for metric, accuracy in (("accuracy", 0.95), ("macro_f1", 0.8)):
            first, second = (rows.answer(hard, np.full(1, share)) for share in (accuracy, 0.9))
            tables = [{"main": table(np.where(hit[0], labels, 1 - labels), labels).assign(side_key=rows.group.astype(str))}
                      for hit in (first, second)]  # fmt: skip
            limit = compare(*tables, [objective(metric=metric)], level).lower
            answers = {"holdout": {"challenger": first, "champion": second}}
            for bound, expected in ((limit - 1e-5, True), (limit + 1e-5, False)):
                z = gate_groups.z_score({"holdout": rows}, answers, Metric(metric), "holdout", "champion",
                                        np.ones(1, dtype=bool), bound, level)  # fmt: skip
                assert (z[0] > norm.ppf(level)) == expected


def test_simulated_years_of_groups_and_few_differing_rows_are_seldom_wrong():
    drop = simulation.Years(
        gate.BEYOND_MARGIN, gate_policies.nightshift_gate, 204, gate.LOW_DISAGREEMENT, 60, 1, simulation.MACRO_F1
    ).simulate()
    together = gate_groups.simulate(gate_groups.NAMES[2], simulation.ACCURACY, 200, 60, 0.0, False)
    for years in (drop, together):
        assert (years["wrong"] > 0).mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 60)


def test_simulated_years_tell_a_sound_gate_from_one_that_is_not():
    scenarios = {scenario.name: scenario for scenario in gate.SCENARIOS}
    wrong = {
        (name, policy): (simulation.Years(scenarios[name], gate_policies.POLICIES[policy], 2000, 0.075, 200, 1).simulate()["wrong"] > 0).mean()
        for name, policy in (("equal", "nightshift"), ("equal", "better wins"), ("equal", "5 % a night"),
                             ("cheaper, 0.2 points worse", "nightshift"), ("cheaper, 0.2 points worse", "better wins"))
    }  # fmt: skip
    max_share = 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)
    assert all(share <= max_share for (_, policy), share in wrong.items() if policy == "nightshift"), wrong
    assert all(share > 0.5 for (_, policy), share in wrong.items() if policy != "nightshift"), wrong


def test_simulated_models_have_the_accuracy_and_disagreement_they_should():
    share = simulation.difficulty_share(0.075)
    right = simulation.right_by_difficulty(np.array([0.9, 0.88]), share)
    assert right.mean(axis=1) == pytest.approx([0.9, 0.88], abs=1e-3)
    assert (2 * right[0] * (1 - right[0])).mean() == pytest.approx(0.075)
    random = np.random.default_rng(0)
    side = simulation.Side(100_000, simulation.right_by_difficulty(np.array([0.9]), share), random)
    hits = side.answer(right[:1])
    counts = side.changed(hits)["champion"].sum(axis=1)
    improved, regressed = counts[0, 2], counts[0, 1]
    assert (improved + regressed) / 100_000 == pytest.approx(0.075, abs=0.004)
    side.move(np.array([True]), np.array([False]), hits)
    anchor = side.changed(side.cells * 0)["anchor"].sum(axis=1)
    assert anchor.sum() == 100_000 and anchor[0, 1] == pytest.approx(90_000, abs=400)
    assert side.cells[0, :, 1].sum() == regressed and side.cells[0, :, 2].sum() == improved
    assert simulation.SKEWED.accuracy(simulation.SKEWED.value(0.9)) == pytest.approx(0.9, abs=1e-4)


def test_the_simulated_bets_on_new_rows_are_those_of_the_gate():
    differences = np.random.default_rng(5).choice([-1.0, 0.0, 1.0], size=40)
    bets = gate_fresh.Bets(np.zeros(2))
    for difference in differences:
        counted = np.array([True, False])
        bets.count(counted, 1, np.full(2, int(difference > 0)), np.full(2, int(difference < 0)))
    assert bets.log_value[0] == pytest.approx(Wealth().after(differences).log_value)
    assert bets.log_value[1] == pytest.approx(0.0, abs=1e-9)


def test_new_rows_find_what_the_holdout_cannot_see():
    world = gate_fresh.World("sudden", shock=0.04, since=20, num_runs=45)
    lag = {
        policy: gate_fresh.Simulation(world, policy, 5000, 200, 0.075, 20, 1).simulate()["last"].mean()
        for policy in gate_fresh.POLICIES
    }
    assert lag["both"] < 0.01 < lag["holdout"]
    assert lag["both, trials"] < 0.01


def test_after_a_rollback_luck_does_not_promote_the_next():
    side = gate_rollback.unlucky_champions(60, 2000, 0.075, seed=1)
    alone, both = (gate_rollback.promoted(side, 0.0, 0.075, beats_both).mean() for beats_both in (False, True))
    assert alone > 0.1 and both < 0.05
    assert gate_rollback.promoted(side, 0.05, 0.075, beats_both=True).mean() > 0.9


def test_models_share_answers_and_the_best_of_many_on_a_side_has_more_of_them_right():
    right = np.repeat(simulation.right_by_difficulty(np.array([0.9]), 0.5), 200, axis=0)
    side = simulation.Side(1000, right, np.random.default_rng(0))
    alone, shared, best = (
        side.changed(side.answer(right, *options))["champion"].sum(axis=1)
        for options in ((0.0, 1), (0.9, 1), (0.0, 12))
    )
    differ = [counts[:, 1:3].sum() for counts in (alone, shared)]
    assert differ[1] == pytest.approx(0.1 * differ[0], rel=0.1)
    assert best[:, 2:].sum() > alone[:, 2:].sum() + 10 * 200


def test_a_large_gain_is_found_at_any_time_of_a_quiet_year():
    years = simulation.Years(gate.BEST_OF_12, gate_policies.nightshift_gate, 5000, 0.075, 40, seed=4)
    for run in range(120):
        years.step(run)
    assert (years.wait(120, 0.03, 3) <= 3).mean() > 0.9
    assert len(years.alphas) == 120, "the branch leaves the years as they are"
    assert np.sum(years.alphas, axis=0).max() < 0.05

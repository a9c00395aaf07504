from math import comb
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from factories import LABELS, WRONG_LABEL, answers, objective, table
from nights import Model
from scipy.stats import norm
from scipy.stats import t as student

from benchmarks import gate as simulation
from benchmarks import gate_groups
from benchmarks.f1 import Metric
from flows import night
from nightshift.errors import SettingsError
from nightshift.evaluation import confidence_limits, kinds, significance
from nightshift.evaluation.claims import Costs
from nightshift.evaluation.significance import compare, mid_p, ratio_limit, rows_needed, tango
from nightshift.records import Registered, Standing
from nightshift.registry import tracking
from nightshift.registry.version_predictions import drop_rows, trained_keys
from nightshift.store import artifact_store
from tasks.gate.first_version import References
from tasks.gate.stage import GateSettings, decide


def difference(labels, first, second, metric="macro_f1"):
    tables = ({"main": table(predicted, labels)} for predicted in (first, second))
    return compare(*tables, [objective(metric=metric)], 0.95)


def settle(challenger, champion, anchor=None, cost=1.0, unable=None, validation=None, spent=0, labels=LABELS,
           spread=None, alpha=None, **settings):  # fmt: skip
    """The verdict; validation says what the holdout says, unless it is given (challenger, champion)."""
    roles = ("challenger", "champion", "anchor")
    tables, screened = (
        {
            role: {"main": table(predicted, labels)}
            for role, predicted in zip(roles, found, strict=False)
            if predicted is not None
        }
        for found in ((challenger, champion, anchor), validation or (challenger, champion, anchor))
    )
    costs = Costs(cost, 1.0, cost, 0.95) if champion is not None else None
    dummy = {"main": table(["a"] * len(labels), labels)}
    references = References(dummy, dummy)
    alpha = spent * 0.05 / 40 if alpha is None else alpha
    return decide(
        tables, screened, [objective()], costs, references, GateSettings(**settings), spent, unable, spread, alpha=alpha
    )


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
        missed += difference(labels, first, second, metric).lower > 0
    assert missed / times < 0.05 + 3 * np.sqrt(0.05 * 0.95 / times)


def test_the_difference_is_the_metrics_difference():
    first, second = answers(0.1, seed=1), answers(0.2, seed=2)
    for metric in ("accuracy", "macro_f1", "weighted_f1"):
        expected = (
            kinds.single_label_metrics(LABELS, first)[metric] - kinds.single_label_metrics(LABELS, second)[metric]
        )
        assert difference(LABELS, first, second, metric).difference == pytest.approx(expected)


def test_clearly_better_is_promoted_and_clearly_worse_held():
    good, bad = answers(0.05, seed=1), answers(0.15, seed=2)
    assert settle(good, bad).claim == "better"
    assert settle(bad, good, cost=0.1).decision == "hold"


def test_ties_and_permuted_labels_are_held():
    good = answers(0.05)
    assert settle(good, good).decision == "hold"
    assert settle(good, good, cost=0.91).decision == "hold"
    assert settle([WRONG_LABEL[label] for label in LABELS], good, cost=0.1).decision == "hold"


def test_what_was_trained_on_the_holdout_is_judged_by_the_other_rows(home):
    model, keys = Model(home, "x"), [f"row {place}" for place in range(len(LABELS))]
    trained = {"champion": ["elsewhere"], "challenger": keys[:1500]}
    for texts in trained.values():
        run = model.night(1)
        pd.DataFrame({"row_key": texts, "part": False}).to_parquet(model.files / artifact_store.TRAINED_KEYS)
        model.client.log_artifact(run, str(model.files / artifact_store.TRAINED_KEYS), tracking.FULL)
        model.version(run)
    by_heart = [*LABELS[:1500], *(WRONG_LABEL[label] for label in LABELS[1500:])]
    champion = answers(0.3)
    assert settle(by_heart, champion).claim == "better", "so it looks where all rows count"
    found = {"challenger": {"main": table(by_heart)}, "champion": {"main": table(champion)}}
    for tables in found.values():
        tables["main"]["row_key"] = keys
    told = trained_keys(Registered(name="x", version="2", run_id=run), Standing(champion="1", anchor="1"))
    assert drop_rows(found, told) == 1500
    left = [found[role]["main"]["predicted"] for role in ("challenger", "champion")]
    assert settle(*left, labels=LABELS[1500:]).decision == "hold"


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
    few = [ratio_limit([1.0] * rows, [2.0] * rows, 1 - 1e-6) for rows in (19, 20)]
    assert few == [np.inf, 0.5], "19 pairs all lie below the median once in 524,288 times"
    assert "too few texts to tell" in str(Costs(1.0, 2.0, np.inf, 0.95)) and not Costs(1.0, 2.0, np.inf, 0.95).cheaper


def test_a_year_of_costs_at_the_edge_is_hardly_ever_taken_for_cheaper():
    rng, nights = np.random.default_rng(3), 20_000
    noise, confidence = rng.lognormal(0, 0.5, (nights, 2, 100)), GateSettings().cost_confidence
    assert not any(ratio_limit(0.9 * first, second, confidence) < 0.9 for first, second in noise)
    assert np.mean([ratio_limit(0.5 * first, second, confidence) < 0.9 for first, second in noise[:500]]) > 0.6


def test_the_first_must_beat_the_majority_and_every_minimum():
    assert settle(answers(0.1), None).claim == "first"
    assert settle(["a"] * len(LABELS), None).decision == "hold"
    held = settle(answers(0.1), None, minimum={"accuracy": 0.95})
    assert held.decision == "hold" and "minimum" in held.reasons[0]
    with pytest.raises(ValueError, match="no metric"):
        GateSettings(minimum={"acuracy": 0.9})
    with pytest.raises(SettingsError, match="tonight has no rmse; there are: accuracy"):
        settle(answers(0.1), None, minimum={"rmse": 0.9})


def test_a_test_is_spent_only_on_what_validation_makes_likely():
    good, bad = answers(0.05, seed=1), answers(0.15, seed=2)
    spent = settle(good, bad, spent=3)
    assert (spent.tested, spent.spent, spent.claim) == ("better", 4, "better")
    assert spent.confidence == pytest.approx(1 - 0.05 / 40) and spent.interval[0] > 0
    saved = settle(good, bad, validation=(bad, bad), spent=3)
    assert (saved.tested, saved.spent, saved.decision) == (None, 3, "hold") and saved.difference is None
    assert (
        "no test on the holdout is spent on it (3 tests have spent 7.5 % of the year's error budget" in saved.reasons[0]
    )
    short = settle(good, bad, minimum={"accuracy": 0.99})
    assert (short.tested, short.decision) == (None, "hold") and "on validation accuracy 0.9" in short.reasons[1]
    unlucky = settle(good, bad, validation=(answers(0.0), bad), minimum={"accuracy": 0.99})
    assert (unlucky.tested, unlucky.decision) == ("better", "hold"), "what the holdout says saves no test"


def test_what_another_seed_alone_would_change_is_not_called_better():
    good, bad = answers(0.05, seed=1), answers(0.1, seed=2)
    sure, unsure = settle(good, bad), settle(good, bad, spread=0.02)
    assert (sure.claim, sure.decision) == ("better", "promote") and unsure.decision == "hold"
    assert settle(good, bad, spread=0.005).claim == "better"
    trials = [
        (f"seed {seed}", SimpleNamespace(validation={"macro_f1": reached})) for seed, reached in enumerate((0.8, 0.9))
    ]
    chosen, _, spread = night.best(trials, [objective()])
    assert chosen == "seed 1" and spread == pytest.approx(0.1 / np.sqrt(2))
    assert night.best(trials[:1], [objective()])[2] is None


def test_a_spent_year_holds():
    good, bad = answers(0.05, seed=1), answers(0.15, seed=2)
    verdict = settle(good, bad, spent=40)
    assert verdict.decision == "hold" and verdict.tested is None and "nightshift holdout rotate" in verdict.reasons[0]


def test_the_budget_is_spent_by_alpha_and_not_by_the_number_of_tests():
    good, bad = answers(0.05, seed=1), answers(0.15, seed=2)
    nine = 9 * 0.05 / 10
    last = settle(good, bad, spent=12, alpha=nine + 3 * 0.05 / 40)
    assert (last.claim, last.alpha, last.spent) == ("better", pytest.approx(0.05 / 40), 13)
    spent = settle(good, bad, spent=13, alpha=nine + 4 * 0.05 / 40)
    assert (spent.decision, spent.tested, spent.alpha) == ("hold", None, None), "31 more tests would spend 0.084"
    assert "13 tests have spent 100 % of the year's error budget" in spent.reasons[0]
    assert settle(good, bad, spent=40, tests_per_year=52, confidence=0.9).claim == "better", "the budget is larger now"
    assert settle(good, bad, spent=40, tests_per_year=400).tested is None


def test_fewer_tests_a_year_tell_smaller_differences():
    champion = answers(0.10, seed=1)
    wrong = np.flatnonzero(np.array(champion) != LABELS)
    challenger = np.array(champion)
    challenger[wrong[:8]] = LABELS[wrong[:8]]  # 8 gained, none lost: mid-p 0.002, more than a fortieth of 5 %
    assert settle(challenger, champion).decision == "hold"
    assert settle(challenger, champion, tests_per_year=12).claim == "better"


def test_what_is_cheaper_and_better_is_promoted_as_better():
    good, bad = answers(0.05, seed=1), answers(0.15, seed=2)
    assert settle(good, bad, bad, cost=0.5).claim == "better"


def test_being_cheaper_bars_nothing_that_is_better():
    good, bad, best = answers(0.05, seed=1), answers(0.15, seed=2), answers(0.02, seed=3)
    for cost in (1.0, 0.5):
        assert settle(good, bad, best, cost=cost).claim == "better", "the anchor speaks against cheaper alone"
        assert settle(good, bad, cost=cost, unable={"anchor": "fails"}).claim == "better"
    short = settle(good, bad, best, cost=0.5, validation=(good, bad, bad))
    assert short.claim == "better" and short.tested == "cheaper", "likely on validation, and not shown on the holdout"
    assert short.alpha == pytest.approx(0.05 / 40) and short.confidence == pytest.approx(1 - 0.05 / 80)
    assert settle(good, bad, cost=0.5).confidence == pytest.approx(1 - 0.05 / 40), "one limit takes all of it"
    assert settle(good, good, good, cost=0.5).confidence == pytest.approx(1 - 0.05 / 40), "one claim is likely"


@pytest.mark.parametrize("metric", ["macro_f1", "weighted_f1", "accuracy"])
@pytest.mark.parametrize("rows", [20, 200])
def test_the_same_answers_on_few_rows_show_nothing(metric, rows):
    labels, same = LABELS[:rows], answers(0.1, LABELS[:rows])
    assert settle(same, same, labels=labels, cost=0.5).decision == "hold"
    limit = difference(labels, same, same, metric)
    assert limit.lower <= -tango(0, 0, rows, 0.95).upper < 0 < limit.upper
    assert settle(answers(0.1), answers(0.1), cost=0.5).claim == "cheaper", "2,000 are enough"


def test_a_row_of_a_small_class_weighs_more():
    labels = ["a"] * 1950 + ["b"] * 50
    by_rows, by_labels = (difference(labels, labels, labels, metric).lower for metric in ("accuracy", "macro_f1"))
    assert by_labels < 8 * by_rows < 0, "a lost row of b costs about n / (4 * 50) as much"


def drawn(random, rows, gained, lost):
    """Two models' answers to two labels: what the first alone has right, the second alone, both in 9 of 10 rows."""
    labels, u = random.choice(["a", "b"], rows), random.random(rows)
    first, second = u < 0.9 + gained - lost, (u < 0.9 - lost) | ((u >= 0.9 + gained - lost) & (u < 0.9 + gained))
    return labels, [np.where(right, labels, np.where(labels == "a", "b", "a")) for right in (first, second)]


@pytest.mark.parametrize(("rows", "gained", "lost", "margin", "level"), [
    (200, 0.00325, 0.00875, 0.005, 0.99875), (1000, 0.00325, 0.00875, 0.005, 0.99875),
    (100, 0.01, 0.031, 0.02, 0.95), (500, 0.01, 0.031, 0.02, 0.95),
])  # fmt: skip
def test_a_drop_beyond_the_margin_is_seldom_missed_with_macro_f1(rows, gained, lost, margin, level):
    random, times = np.random.default_rng(rows), 120
    passed = 0
    for _ in range(times):
        labels, said = drawn(random, rows, gained, lost)
        tables = [{"main": table(answer, labels)} for answer in said]
        units, free = significance.paired(*tables, [objective()], level)
        passed += confidence_limits.statistic(units, -margin) > student.ppf(level, free)
    assert passed / times <= 1 - level + 3 * np.sqrt((1 - level) * level / times)


GROUPS = np.repeat(np.arange(40), 10)


def of_groups(random, share, icc):
    """Whether rows are wrong: groups of 10 that go wrong together."""
    shift = np.sqrt(icc) * random.normal(size=40)[GROUPS] + np.sqrt(1 - icc) * random.normal(size=400)
    return shift < norm.ppf(share)


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
@pytest.mark.parametrize("icc", [0.5, 1.0])
def test_rows_that_belong_together_count_as_groups(metric, icc):
    random, times, missed = np.random.default_rng(9), 100, {"groups": 0, "rows": 0}
    labels, keys = np.tile(["a", "b"], 200), {"groups": GROUPS.astype(str), "rows": np.arange(400).astype(str)}
    for _ in range(times):
        wrong = [of_groups(random, 0.2, icc) for _ in range(2)]
        said = [np.where(hit, np.where(labels == "a", "b", "a"), labels) for hit in wrong]
        for name, key in keys.items():
            tables = [{"main": table(answer, labels).assign(side_key=key)} for answer in said]
            units, free = significance.paired(*tables, [objective(metric=metric)], 0.95)
            missed[name] += confidence_limits.statistic(units, 0.0) > student.ppf(0.95, free)
    noise = 3 * np.sqrt(0.05 * 0.95 / times)
    assert missed["groups"] / times <= 0.05 + noise < missed["rows"] / times


def test_few_groups_show_nothing():
    labels, groups = LABELS[:400], np.repeat(["x", "y", "z", "w"], 100)
    tables = [
        {"main": table(answer, labels).assign(side_key=groups)} for answer in (labels, [WRONG_LABEL[x] for x in labels])
    ]
    assert (
        compare(*tables, [objective(metric="accuracy")], 0.95).lower < 1
        and compare(*tables, [objective(metric="accuracy")], 0.99875).lower <= 0
    )
    same = compare(tables[0], tables[0], [objective(metric="accuracy")], 0.95)
    assert same.lower < -0.5, "of 4 groups that are alike nobody knows a fifth"


def test_differences_of_counts_have_tangos_limits():
    for gained, lost, rows, level in ((12, 3, 100, 0.975), (0, 0, 20, 0.95), (9, 0, 300, 0.99875), (0, 4, 50, 0.95)):
        values = np.repeat([1.0, -1.0, 0.0], [gained, lost, rows - gained - lost])
        ours, expected = (
            confidence_limits.limits(confidence_limits.Units(values, 1.0), norm.ppf(level)),
            tango(gained, lost, rows, level),
        )
        assert (ours.lower, ours.upper) == pytest.approx((expected.lower, expected.upper), abs=1e-6)


@pytest.mark.parametrize(("gained", "lost", "p"), [(15, 5, 0.0133018), (3, 0, 0.0625), (0, 0, 0.5), (7, 7, 0.5)])
def test_mid_p(gained, lost, p):
    changed, half = gained + lost, 0.5 ** (gained + lost)
    exact = sum(comb(changed, k) for k in range(gained + 1, changed + 1)) * half + 0.5 * comb(changed, gained) * half
    assert mid_p(gained, lost) == pytest.approx(exact)
    assert mid_p(gained, lost) == pytest.approx(p, abs=1e-6)


def test_a_champion_that_cannot_answer_stays():
    verdict = settle(answers(0.0), None, unable={"champion": "knows no objectives"})
    assert verdict.decision == "hold" and "the champion knows no objectives" in verdict.reasons[0]
    good = answers(0.05)
    assert settle(good, good, cost=0.5, unable={"anchor": "fails"}).decision == "hold"
    assert settle(good, answers(0.15, seed=2), unable={"anchor": "fails"}).claim == "better"


def losses(share, tokens=10):
    return pd.DataFrame({"loss": tokens * share * np.random.default_rng(4).random(500), "tokens": [tokens] * 500})


def settle_losses(challenger, champion, dummy=2.0, **settings):
    tables = {role: {"main": t} for role, t in (("challenger", challenger), ("champion", champion)) if t is not None}
    costs = Costs(1.0, 1.0, 1.0, 0.95) if champion is not None else None
    objectives = [objective("generation", "loss")]
    references = References({"main": losses(dummy)}, {"main": losses(dummy)})
    return decide(tables, tables, objectives, costs, references, GateSettings(**settings))


def test_less_loss_is_better():
    verdict = settle_losses(losses(1.0), losses(1.1))
    assert verdict.claim == "better" and verdict.difference > 0 and "less is better" in verdict.reasons[0]
    assert settle_losses(losses(1.1), losses(1.0)).decision == "hold"
    assert settle_losses(losses(1.0), None).claim == "first"
    assert settle_losses(losses(1.0), None, dummy=0.8).decision == "hold"
    assert settle_losses(losses(1.0), None, minimum={"loss": 0.4}).decision == "hold"
    assert settle_losses(losses(1.0), None, minimum={"loss": 0.6}).claim == "first"


def test_losses_over_other_tokens_are_not_compared():
    verdict = settle_losses(losses(0.5), losses(1.0, tokens=9))
    assert verdict.decision == "hold" and "other tokens" in verdict.reasons[0]


def test_objectives_are_weighed_and_each_may_have_a_minimum():
    both = [objective(name="tone", weight=3.0), objective("regression", "rmse", "stars")]
    stars = np.random.default_rng(6).normal(size=2000)
    good, bad = table(answers(0.05, seed=1)), table(answers(0.15, seed=2))
    near, far = table(stars + 0.1, stars), table(stars + 0.2, stars)

    def told(challenger, champion, **settings):
        tables = {"challenger": challenger, "champion": champion}
        tables = {role: dict(zip(("tone", "stars"), pair, strict=True)) for role, pair in tables.items()}
        return decide(tables, tables, both, Costs(1.0, 1.0, 1.0, 0.95), References({}), GateSettings(**settings))

    assert told((good, far), (bad, near)).claim == "better"
    assert told((bad, near), (good, far)).decision == "hold"
    verdict = told((good, near), (bad, near), minimum={"stars/rmse": 0.05, "tone/macro_f1": 0.9})
    assert verdict.decision == "hold" and verdict.reasons[0].startswith("stars/rmse 0.1000 is above")
    expected = 0.75 * (kinds.metrics({"tone": good}, both[:1])["macro_f1"]) - 0.25 * 0.1
    assert verdict.metrics["weighted"] == pytest.approx(expected)


def test_rows_needed_grow_with_disagreement():
    assert rows_needed(0.05, 0.02) == 773
    assert rows_needed(0.10, 0.02) > rows_needed(0.05, 0.02) > rows_needed(0.05, 0.04)


def patterns(rng, rows, wrong):
    """Who of challenger, champion and anchor is right, on random rows."""
    return [rng.random(rows) >= share for share in wrong]


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
def test_the_simulated_gate_decides_as_the_gate(metric):
    rng, decided = np.random.default_rng(3), []
    for turn in range(100):
        wrong = rng.choice([0.03, 0.06, 0.1]) * np.array([1, 1, 1]) + rng.choice([0, 0, -0.02], 3)
        cost, spent = rng.choice([0.5, 1.0]), int(rng.choice([0, 40], p=[0.9, 0.1]))
        right = {side: patterns(rng, rows, wrong) for side, rows in (("holdout", 1500), ("validation", 600))}
        labels = {side: rng.integers(2, size=len(found[0])) for side, found in right.items()}
        if turn % 3 == 0:  # two models that agree but for a few rows
            for found in right.values():
                found[1] = found[0] ^ (rng.random(len(found[0])) < 0.004)
                found[2] = found[1]
        tables = {
            side: {
                role: {"main": table(np.where(hit, labels[side], 1 - labels[side]), labels[side])}
                for role, hit in zip(("challenger", "champion", "anchor"), found, strict=True)
            }
            for side, found in right.items()
        }
        verdict = decide(tables["holdout"], tables["validation"], [objective(metric=metric)], Costs(cost, 1.0, cost, 0.95), References({}),
                         GateSettings(), spent, alpha=spent * 0.05 / 40)  # fmt: skip
        changed = {
            side: {
                role: np.bincount(4 * labels[side] + 2 * found[0] + other, minlength=8).reshape(1, 2, 4)
                for role, other in (("champion", found[1]), ("anchor", found[2]))
            }
            for side, found in right.items()
        }
        seen = simulation.Seen(changed, cost < 0.9, np.array([spent]), np.array([True]), Metric(metric))
        better, cheaper, tested = (bool(answer[0]) for answer in simulation.ours(seen))
        assert (better, cheaper, tested) == (
            verdict.claim == "better", verdict.claim == "cheaper", verdict.tested is not None
        )  # fmt: skip
        decided.append((better, cheaper, tested))
    assert {(True, False, True), (False, True, True), (False, False, True), (False, False, False)} <= set(decided)


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
                asked = gate_groups.shown({"holdout": rows}, answers, Metric(metric), "holdout", "champion",
                                          np.ones(1, dtype=bool), bound, level)  # fmt: skip
                assert asked[0] == expected


def test_simulated_years_of_groups_and_few_differing_rows_are_seldom_wrong():
    drop = simulation.simulate(
        simulation.BEYOND, simulation.ours, 204, simulation.FEW, 60, 1, metric=simulation.MACRO_F1
    )
    together = gate_groups.simulate(gate_groups.NAMES[2], simulation.ACCURACY, 200, 60, 0.0, False)
    for found in (drop, together):
        assert (found["wrong"] > 0).mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 60)


def test_simulated_years_tell_a_sound_gate_from_one_that_is_not():
    scenarios = {scenario.name: scenario for scenario in simulation.SCENARIOS}
    wrong = {
        (name, policy): (simulation.simulate(scenarios[name], simulation.POLICIES[policy], 2000, 0.075, 200, 1)["wrong"] > 0).mean()
        for name, policy in (("equal", "nightshift"), ("equal", "better wins"), ("equal", "5 % a night"),
                             ("cheaper, 0.2 points worse", "nightshift"), ("cheaper, 0.2 points worse", "better wins"))
    }  # fmt: skip
    most = 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)
    assert all(share <= most for (_, policy), share in wrong.items() if policy == "nightshift"), wrong
    assert all(share > 0.5 for (_, policy), share in wrong.items() if policy != "nightshift"), wrong


def test_simulated_models_have_the_accuracy_and_disagreement_they_should():
    share = simulation._spread(0.075)
    right = simulation._right(np.array([0.9, 0.88]), share)
    assert right.mean(axis=1) == pytest.approx([0.9, 0.88], abs=1e-3)
    assert (2 * right[0] * (1 - right[0])).mean() == pytest.approx(0.075)
    random = np.random.default_rng(0)
    side = simulation.Side(100_000, simulation._right(np.array([0.9]), share), random)
    hits = side.answer(right[:1])
    counts = side.changed(hits)["champion"].sum(axis=1)
    gained, lost = counts[0, 2], counts[0, 1]
    assert (gained + lost) / 100_000 == pytest.approx(0.075, abs=0.004)
    side.move(np.array([True]), np.array([False]), hits)
    anchor = side.changed(side.cells * 0)["anchor"].sum(axis=1)
    assert anchor.sum() == 100_000 and anchor[0, 1] == pytest.approx(90_000, abs=400)
    assert side.cells[0, :, 1].sum() == lost and side.cells[0, :, 2].sum() == gained
    assert simulation.SKEWED.accuracy(simulation.SKEWED.value(0.9)) == pytest.approx(0.9, abs=1e-4)

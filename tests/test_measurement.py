"""Measured costs of models."""

from small_models import TEXTS

from nightshift.inference.measurement import measure_costs


def test_costs_are_measured_on_any_callables_in_turns():
    requests = []
    calls = [lambda texts, pairs, name=name: requests.append((name, len(texts))) for name in "ab"]
    first, second = measure_costs(calls, TEXTS, None, rows=20)
    for cost in (first, second):
        assert cost["latency_ms_p95"] >= cost["latency_ms_p50"] > 0 and cost["throughput"] > 0
    assert requests[:8] == [(name, 1) for name in "aabbbbaa"], "each twice, and who is first changes"
    assert requests[80:] == [("a", 60), ("b", 60)] * 3

"""The table of latencies that pruning goes by."""

import pytest
from small_models import parameter_count

from tasks.compress import latency_table


@pytest.mark.parametrize("content", [b"", b'[1.5, [[2, 0.', b"[]", b"{}", b"[1, [[2, null]], []]", b"[1, [[2]], []]", b"\xff\xfe", b"[NaN, [], []]",
                                     b'[1, [["2", 1.0]], []]', b"[" * 9000])  # fmt: skip
def test_a_damaged_table_of_latencies_is_measured_anew(trained_bert, tmp_path, monkeypatch, caplog, content):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path))
    model, tokenizer, heads, *_ = trained_bert
    monkeypatch.setattr(latency_table, "_measure", lambda models, *_: [parameter_count(pruned) for pruned in models])
    arguments = (model, tokenizer, {"main": heads["judged"]}, ["a tent"], 32)
    measured = latency_table.load_or_measure(*arguments)
    (file,) = (tmp_path / "measured").iterdir()
    original = file.read_bytes()
    file.write_bytes(content)
    assert latency_table.load_or_measure(*arguments) == measured
    assert caplog.messages == [f"{file} is no table of latencies: they are measured anew"]
    assert file.read_bytes() == original and [*file.parent.iterdir()] == [file]
    monkeypatch.setattr(latency_table, "_measure", None)
    assert latency_table.load_or_measure(*arguments) == measured, "read"

"""The table of latencies that pruning goes by."""

import pytest
import torch
from small_models import parameter_count

from nightshift.compression import hidden_size, importance, layer_dropping, pruning
from nightshift.models.architectures import head_size
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


def test_models_of_one_width_share_a_table_from_night_to_night(trained_bert, tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path))
    full, tokenizer, heads, *_ = trained_bert
    student = layer_dropping.drop_layers(full, 1)
    monkeypatch.setattr(latency_table, "_measure", lambda models, *_: [parameter_count(model) for model in models])

    def latencies_of(model, text):
        return latency_table.latencies_of(model, full, tokenizer, {"main": heads["judged"]}, [text] * 60, 32)

    table = latencies_of(full, "a dry tent" * 10)
    monkeypatch.setattr(latency_table, "_measure", None)
    assert latencies_of(full, "a wet tent" * 10 + ".") == table, "tomorrow's rows are about as long"
    assert latencies_of(student, "a dry tent" * 10).full == pytest.approx(parameter_count(student))
    assert latencies_of(student, "a dry tent" * 10).heads == table.heads
    with pytest.raises(TypeError):
        latencies_of(full, "a dry tent" * 20)
    uniform = importance.uniform_importance(full)
    one_head = pruning.prune(full, uniform, [len(layer) for layer in uniform.neurons], [1] * len(uniform.heads))
    narrow = hidden_size.narrow(one_head, torch.arange(head_size(full)))
    with pytest.raises(TypeError):
        latencies_of(narrow, "a dry tent" * 10)

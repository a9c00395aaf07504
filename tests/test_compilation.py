"""Compiled training."""

import torch
import train_once
from torch._dynamo.utils import counters

from nightshift.training import compilation, trainer


def test_a_compiled_training_is_compiled_and_ends_alike(tmp_path, monkeypatch):
    monkeypatch.setattr(compilation, "BACKEND", "aot_eager")
    counters.clear()
    plain = train_once.fit(tmp_path / "a", dropout=0.0)
    assert not counters["stats"]
    options = trainer.TrainingOptions(fingerprint="f", torch_compile="always")
    compiled = train_once.fit(tmp_path / "b", dropout=0.0, options=options)
    assert counters["stats"]["calls_captured"] > 0
    last, same_as = (fitted.model.state_dict() for fitted in (compiled, plain))
    assert all(torch.allclose(last[name], same_as[name], atol=1e-4) for name in same_as)
    counters.clear()
    compiled.model(input_ids=torch.ones(1, 3, dtype=torch.int64))
    assert not counters["stats"]

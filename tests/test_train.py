"""The stage train: what it refuses before a training."""

import pytest

from nightshift.errors import SettingsError
from tasks.train.arguments import ensure_all_processes_start, ensure_warmup_ends
from tasks.train.settings import TrainSettings


def settings(**values) -> TrainSettings:
    return TrainSettings(base_model="scratch:bert", **values)


def test_a_warmup_that_never_ends_is_refused_before_training():
    ensure_warmup_ends(settings(warmup_steps=79), 80)
    ensure_warmup_ends(settings(warmup_ratio=0.5), 2)
    with pytest.raises(
        SettingsError, match=r"train\.warmup_steps: 5,000 leaves .* has 80 steps; set train\.warmup_ratio"
    ):
        ensure_warmup_ends(settings(warmup_steps=5000), 80)
    with pytest.raises(SettingsError, match=r"train\.warmup_ratio: 0\.1 leaves .* has 1 steps"):
        ensure_warmup_ends(settings(warmup_ratio=0.1), 1)
    with pytest.raises(ValueError, match="leave one of the two out"):
        settings(warmup_steps=5, warmup_ratio=0.1)


@pytest.mark.parametrize("options", [{"num_processes": 2}, {"num_processes": 2, "cpu": True}])
def test_processes_that_accelerate_would_not_start_are_refused_before_training(options, monkeypatch):
    monkeypatch.setattr("torch.accelerator.is_available", lambda: False)
    with pytest.raises(SettingsError, match=r"^train\.accelerate: on CPUs accelerate starts one process"):
        ensure_all_processes_start(settings(launcher="accelerate", accelerate=options))


def test_processes_that_accelerate_starts_are_not_refused(monkeypatch):
    monkeypatch.setattr("torch.accelerator.is_available", lambda: False)
    for options in ({"num_processes": 2, "multi_gpu": True}, {"num_processes": 1, "cpu": True}, {}):
        ensure_all_processes_start(settings(launcher="accelerate", accelerate=options))
    monkeypatch.setattr("torch.accelerator.is_available", lambda: True)
    ensure_all_processes_start(settings(launcher="accelerate", accelerate={"num_processes": 2}))

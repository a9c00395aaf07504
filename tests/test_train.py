"""The stage train: what it refuses before a training."""

import pytest

from nightshift.errors import SettingsError
from tasks.train.settings import TrainSettings
from tasks.train.stage import ensure_warmup_ends


def test_a_warmup_that_never_ends_is_refused_before_training():
    def settings(**values):
        return TrainSettings(base_model="scratch:bert", **values)

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

"""Callbacks that stop a training: a diverging loss, spoiled weights."""

import pytest
import train_once
from safetensors.torch import load_file
from transformers import TrainerCallback

from nightshift.training import callbacks, checkpoints, trainer


def test_poison_stops_the_training_and_leaves_the_last_good_checkpoint(tmp_path, monkeypatch):
    compute = trainer.MultiTaskTrainer.compute_loss

    def poisoned(self, model, inputs, *args, **kwargs):
        loss = compute(self, model, inputs, *args, **kwargs)
        return loss * float("nan") if self.state.global_step == 13 else loss

    monkeypatch.setattr(trainer.MultiTaskTrainer, "compute_loss", poisoned)
    with pytest.raises(callbacks.TrainingFailed, match="the loss is nan at step 14") as caught:
        train_once.fit(tmp_path)
    assert caught.value.objective == "main" or len(caught.value.rows) == 8
    sound = checkpoints.newest_valid(tmp_path, "f")
    assert checkpoints.step_of(sound) == 12
    assert all(value.isfinite().all() for value in load_file(sound / "model.safetensors").values())


def test_a_diverging_loss_stops_the_training():
    monitor = callbacks.LossMonitor({"a": 0.69, "b": 1.0})
    with pytest.raises(callbacks.TrainingFailed, match=r"diverges: 1\.\d+ at step \d+, 0.6 over") as caught:
        for step in range(100):
            monitor.record(step, 0.6 if step < 40 else 0.6 + step / 40, "a", [step])
            monitor.record(step, 1.1, "b", [step])
    assert caught.value.objective == "a" and 40 < caught.value.rows[0] < 70


def test_weights_that_a_step_has_spoiled_are_not_kept(tmp_path):
    class Spoil(TrainerCallback):
        def on_step_end(self, args, state, control, model=None, **kwargs):
            if state.global_step == 8:
                next(model.parameters()).data.fill_(float("inf"))

    with pytest.raises(callbacks.TrainingFailed, match="the weights are not finite after step 8"):
        train_once.fit(tmp_path, callbacks=[Spoil()])
    assert checkpoints.step_of(checkpoints.newest_valid(tmp_path, "f")) == 4


def test_a_loss_that_only_trembles_does_not():
    monitor = callbacks.LossMonitor({"a": 0.69})
    for step in range(200):
        monitor.record(step, 0.01 if step < 50 else 0.3, "a", [step])
    monitor.check()

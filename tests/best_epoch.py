"""Trainings that take their best epoch."""

import train_once
from train_once import StopTraining
from transformers import TrainerCallback

from nightshift.inference.measurement import TorchPredictor
from nightshift.training import trainer

VALUES = [0.1, 0.3, 0.2, 0.9, 0.4, 0.5, 0.6, 0.7]
"""A metric, epoch by epoch: the fourth is the best."""
ARGUMENTS = {"per_device_train_batch_size": 48, "num_train_epochs": 8, "save_steps": 2, "save_total_limit": 1}
"""Five steps an epoch; what is saved by number falls on an epoch's end too."""


class StopOn(TrainerCallback):
    """Callback that ends a training as a kill would, at `event` after step `step`."""

    def __init__(self, event, step):
        def end_training(args, state, control, **kwargs):
            if state.global_step == step:
                raise StopTraining

        setattr(self, event, end_training)


class GivenMetric:
    """Metric that is `VALUES` in an undisturbed training, and in another the value that the same weights had there."""

    def __init__(self, patience=None, names=("judged",), lora=None):
        _, self.tokenizer, self.heads, _ = train_once.prepared("bert", names)
        self.values, self.epoch_logits = {}, []
        selection = trainer.Selection("macro_f1", greater_is_better=True, measure=self.measure, patience=patience)
        self.options = trainer.TrainingOptions(fingerprint="f", selection=selection, lora=lora)

    def answers(self, model):
        return TorchPredictor(model, self.tokenizer, self.heads, 32).logits(train_once.TEXTS[:8], None, "judged")

    def measure(self, model):
        weights = b"".join(weight.detach().numpy().tobytes() for weight in model.parameters())
        if len(self.epoch_logits) < len(VALUES):
            self.values.setdefault(weights, VALUES[len(self.epoch_logits)])
            self.epoch_logits.append(self.answers(model))
        return self.values[weights]

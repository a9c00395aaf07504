"""Teachers with an opinion, batches of their rows, and what they answer."""

import torch
import train_once

from nightshift.compression import layer_dropping
from nightshift.models.heads import compute_logits
from nightshift.training import feature_distillation, trainer
from nightshift.training.batching import Collator, model_inputs
from nightshift.training.distillation import Teacher


def batch_of(examples, heads, tokenizer, name, rows=8):
    return Collator(examples, heads, tokenizer.pad_token_id)([(name, row) for row in range(rows)])


def logits_of(model, name, batch, encoder_decoder=False):
    with torch.no_grad():
        return compute_logits(model.eval(), name, model_inputs(batch, labels=encoder_decoder))


LOSS_WEIGHTS = {"attention": 1.0, "hidden": 1.0, "cosine": 1.0}


def features_of(model, name, batch, loss_weights=LOSS_WEIGHTS):
    with feature_distillation.record_features(model, loss_weights) as features:
        logits_of(model, name, batch)
    return features


SHORT = train_once.ARGUMENTS | {"num_train_epochs": 1, "learning_rate": 3e-3, "save_steps": 9}


def build_teacher(architecture, names):
    """A teacher that has an opinion: its weights are larger than fresh ones."""
    model, tokenizer, heads, examples = train_once.prepared(architecture, names)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.mul_(3)
    return model.eval(), tokenizer, heads, examples


def train_student(folder, architecture, names, teacher, callbacks=(), options=None, **weights):
    """A student of one layer that has learnt for an epoch from its teacher alone."""
    _, tokenizer, heads, examples = train_once.prepared(architecture, names)
    options = options or trainer.TrainingOptions(fingerprint="f", alpha=1.0, teacher=Teacher(teacher, **weights))
    return trainer.fit(layer_dropping.drop_layers(teacher, 1), tokenizer, heads, examples, {}, folder,
                        SHORT, list(callbacks), options)  # fmt: skip

"""Teachers with an opinion, batches of their rows, and what they answer."""

import torch
import train_once

from nightshift.compression import layer_dropping
from nightshift.models.heads import compute_logits
from nightshift.training import feature_distillation, trainer
from nightshift.training.batching import Collator, model_inputs
from nightshift.training.distillation import Teacher


def batch_of(examples, heads, tokenizer, name, rows=8):
    """Return the first rows of an objective as a batch.

    Args:
        examples: Encoded rows by objective.
        heads: Heads by objective.
        tokenizer: Tokenizer that the rows were encoded with.
        name: Name of the objective.
        rows: Number of rows.
    """
    return Collator(examples, heads, tokenizer.pad_token_id)([(name, row) for row in range(rows)])


def logits_of(model, name, batch, encoder_decoder=False):
    """Return a model's logits for a batch, without gradients.

    Args:
        model: Model; it is set to evaluation.
        name: Name of the objective.
        batch: Rows, as the collator returns them.
        encoder_decoder: Whether the model reads the labels too.
    """
    with torch.no_grad():
        return compute_logits(model.eval(), name, model_inputs(batch, labels=encoder_decoder))


LOSS_WEIGHTS = {"attention": 1.0, "hidden": 1.0, "cosine": 1.0}


def features_of(model, name, batch, loss_weights=LOSS_WEIGHTS):
    """Return the features that a model computes for a batch.

    Args:
        model: Model; it is set to evaluation.
        name: Name of the objective.
        batch: Rows, as the collator returns them.
        loss_weights: Weights of the losses whose features are recorded.
    """
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
    """Train a student of one layer for an epoch on its teacher's answers alone.

    Args:
        folder: Folder of the checkpoints.
        architecture: Key of `train_once.SIZES`.
        names: Names of the objectives.
        teacher: Teacher, which the student is cut from.
        callbacks: Further callbacks of the trainer.
        options: Options of the training instead of those for this teacher.
        **weights: Weights of the losses of features.
    """
    _, tokenizer, heads, examples = train_once.prepared(architecture, names)
    options = options or trainer.TrainingOptions(fingerprint="f", alpha=1.0, teacher=Teacher(teacher, **weights))
    student = layer_dropping.drop_layers(teacher, 1)
    return trainer.fit(trainer.TrainerJob(student, tokenizer, heads, examples, {}, folder, SHORT, options), callbacks)

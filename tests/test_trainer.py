"""Trainings of tiny models: killed, starved of memory, fed with poison, cut into processes."""

import os
import random
import signal
import sys
import time

import best_epoch
import numpy as np
import pytest
import torch
import train_once
from best_epoch import GivenMetric, StopOn
from commands import start_forked
from safetensors.torch import load_file
from samples import messages
from train_once import StopAt, StopTraining, same_weights
from transformers import TrainerCallback

from nightshift.inference.measurement import TorchPredictor
from nightshift.models.heads import compute_logits
from nightshift.training import checkpoints, tokenization, trainer
from nightshift.training.batching import Collator, model_inputs


def weights(folder):
    state = load_file(folder / "done" / "model.safetensors")
    heads = folder / "done" / "heads.safetensors"
    return state | (load_file(heads) if heads.exists() else {})


def interrupt(folder, kind, number, wait):
    """Start a training, interrupt it after the first checkpoint, if it still runs, and return its exit code.

    Args:
        folder: Folder of the training.
        kind: Kind of the training, as `train_once.train_to_end` takes it.
        number: Number of the signal.
        wait: Seconds between the first sign of a checkpoint and the signal.
    """
    process = start_forked(train_once.train_to_end, folder, kind)
    num_checkpoints = len(checkpoints.list_checkpoints(folder / "work"))
    while process.is_alive() and len(checkpoints.list_checkpoints(folder / "work")) <= min(num_checkpoints, 1):
        time.sleep(0.005)
    time.sleep(wait)
    if process.is_alive():
        os.kill(process.pid, number)
    process.join()
    return process.exitcode


def train_to_end(folder, kind):
    process = start_forked(train_once.train_to_end, folder, kind)
    process.join()
    assert process.exitcode == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "number"), [("one", signal.SIGKILL), ("several", signal.SIGKILL), ("several", signal.SIGTERM)]
)
def test_a_training_killed_again_and_again_ends_with_the_same_weights(tmp_path, kind, number):
    train_to_end(tmp_path / "whole", kind)
    draw, killed = random.Random(f"{kind}{number}"), 0
    for _ in range(4):
        killed += interrupt(tmp_path / "cut", kind, number, draw.uniform(0, 1.0)) == -number
    train_to_end(tmp_path / "cut", kind)
    assert killed, "no signal came in time"
    assert same_weights(weights(tmp_path / "whole"), weights(tmp_path / "cut"))


def test_sigterm_saves_at_the_step_it_came(tmp_path):
    class Term(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            if state.global_step == 6:
                signal.raise_signal(signal.SIGTERM)

    with pytest.raises(SystemExit):
        previous = signal.signal(signal.SIGTERM, lambda *_: sys.exit(9))
        try:
            train_once.fit(tmp_path, callbacks=[Term()])
        finally:
            signal.signal(signal.SIGTERM, previous)
    newest = checkpoints.newest_valid(tmp_path, "f")
    assert newest is not None and checkpoints.step_of(newest) in (6, 7)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("architecture", "names", "steps"), [("bert", ("judged",), 90), ("gpt2", ("written", "shouted"), 177)]
)
def test_two_processes_see_the_batches_of_one(tmp_path, architecture, names, steps):
    curves = {}
    for processes in (1, 2):
        fitted = train_once.train_with_accelerate(tmp_path / str(processes), processes, architecture, names)
        curves[processes] = [line["loss"] for line in fitted.history if "loss" in line]
    assert list((tmp_path / "2").glob("checkpoint-*/rng_state_1.pth")), "there was only one process"
    assert len(curves[1]) == steps and np.allclose(curves[1], curves[2], rtol=1e-4), curves


@pytest.mark.parametrize(
    ("architecture", "names", "steps", "last_step"),
    [
        ("gpt2", ("written", "judged", "scored"), 1, 7),
        ("t5", ("shouted",), 1, 9),
        ("bert", ("tagged",), 3, 14),
        ("bert", ("judged",), 1, 31),
    ],
)
def test_every_kind_resumes_bit_for_bit_also_at_an_epochs_end(tmp_path, architecture, names, steps, last_step):
    arguments = {"gradient_accumulation_steps": steps, "save_steps": 5}
    uninterrupted = train_once.fit(tmp_path / "a", architecture, names, **arguments)
    with pytest.raises(StopTraining):
        train_once.fit(tmp_path / "b", architecture, names, [StopAt(last_step)], **arguments)
    again = train_once.fit(tmp_path / "b", architecture, names, **arguments)
    examples = train_once.prepared(architecture, names)[3]
    assert trainer.count_steps(examples, 8 * steps, 3, trainer.TrainingOptions()) == uninterrupted.history[-1]["step"]
    assert same_weights(uninterrupted.model.state_dict(), again.model.state_dict())


@pytest.mark.parametrize(("patience", "last"), [(None, 40), (3, 35)])
def test_the_best_epoch_is_taken_also_after_kills_at_every_turn(tmp_path, patience, last):
    metric = GivenMetric(patience)
    uninterrupted = train_once.fit(tmp_path / "a", options=metric.options, **best_epoch.ARGUMENTS)
    assert [line["step"] for line in uninterrupted.history if "eval_macro_f1" in line] == list(range(5, last + 1, 5))
    assert uninterrupted.best_step == 20 and np.array_equal(metric.answers(uninterrupted.model), metric.epoch_logits[3])
    metric.epoch_logits += [None] * len(best_epoch.VALUES)
    for event, step in [
        ("on_step_end", 20),
        ("on_evaluate", 20),
        ("on_save", 20),
        ("on_step_end", 23),
        ("on_save", last),
    ]:
        with pytest.raises(StopTraining):
            train_once.fit(
                tmp_path / "b", callbacks=[StopOn(event, step)], options=metric.options, **best_epoch.ARGUMENTS
            )
    again = train_once.fit(tmp_path / "b", options=metric.options, **best_epoch.ARGUMENTS)
    assert again.best_step == 20 and same_weights(uninterrupted.model.state_dict(), again.model.state_dict())


@pytest.mark.parametrize(
    ("names", "lora"), [(("judged", "scored"), None), (("judged",), {"r": 4, "target_modules": "all-linear"})]
)
def test_the_best_epoch_of_a_shared_trunk_and_of_lora(tmp_path, names, lora):
    metric = GivenMetric(names=names, lora=lora)
    fitted = train_once.fit(
        tmp_path,
        names=names,
        options=metric.options,
        **best_epoch.ARGUMENTS | {"num_train_epochs": 6, "learning_rate": 1e-2},
    )
    assert np.allclose(metric.answers(fitted.model), metric.epoch_logits[3], atol=1e-5)
    assert not np.allclose(metric.epoch_logits[5], metric.epoch_logits[3], atol=1e-3)


def test_out_of_memory_halves_the_micro_batch_and_keeps_the_result(tmp_path, monkeypatch):
    uninterrupted = train_once.fit(tmp_path / "a", dropout=0.0)
    step = trainer.MultiTaskTrainer.training_step

    def small(self, model, inputs, num_items_in_batch=None):
        if len(inputs["input_ids"]) > 2:
            raise torch.OutOfMemoryError("planted")
        return step(self, model, inputs, num_items_in_batch)

    monkeypatch.setattr(trainer.MultiTaskTrainer, "training_step", small)
    tight = train_once.fit(tmp_path / "b", dropout=0.0)
    assert tight.metrics["halvings"] == 2
    assert all(torch.allclose(value, tight.model.state_dict()[name], atol=1e-4)
               for name, value in uninterrupted.model.state_dict().items())  # fmt: skip


def test_at_the_deadline_the_best_checkpoint_is_taken(tmp_path):
    fitted = train_once.fit(
        tmp_path, options=trainer.TrainingOptions(fingerprint="f", deadline=time.time() + 3), num_train_epochs=500
    )
    assert fitted.stopped.startswith("stopped by the deadline at step")
    losses = {line["step"]: line["eval_loss"] for line in fitted.history if "eval_loss" in line}
    best = min(losses, key=losses.get)
    assert fitted.stopped.endswith(f"the best checkpoint is step {best}")
    sound = load_file(tmp_path / f"checkpoint-{best}" / "model.safetensors")
    assert same_weights(sound, {name: value for name, value in fitted.model.state_dict().items() if name in sound})


def test_a_share_of_warmup_is_transformers_own(tmp_path):
    rates = {}
    for name, warmup in (("share", 0.1), ("steps", 9)):
        fitted = train_once.fit(tmp_path / name, warmup_steps=warmup)
        rates[name] = [line["learning_rate"] for line in fitted.history if "learning_rate" in line]
    assert rates["share"] == rates["steps"] and rates["share"].index(max(rates["share"])) == 9


def test_rows_with_an_untrained_label_count_as_wrong_and_not_in_the_loss(tmp_path):
    model, tokenizer, heads, examples = train_once.prepared("bert", ("judged",))
    labels = ["new" if index % 2 else label for index, label in enumerate(train_once.LABELS["judged"])]
    eval_examples = {"judged": tokenization.encode(tokenizer, heads["judged"], train_once.TEXTS, None, labels, 32)}
    fitted = trainer.fit(
        trainer.TrainerJob(model, tokenizer, heads, examples, eval_examples, tmp_path, train_once.ARGUMENTS)
    )
    last = [line for line in fitted.history if "eval_loss" in line][-1]
    assert last["eval_accuracy"] <= 0.5 and last["eval_loss"] == pytest.approx(
        training_loss(fitted.model, heads["judged"], examples["judged"], range(0, 240, 2)), rel=1e-3
    )


def training_loss(model, head, examples, rows):
    """Return the mean cross-entropy of some rows.

    Args:
        model: Model; it is set to evaluation.
        head: Head of the objective.
        examples: Encoded rows of the objective.
        rows: Indices of the rows.
    """
    batch = Collator({"main": examples}, {"main": head}, 0)([("main", row) for row in rows])
    with torch.no_grad():
        logits = compute_logits(model.eval(), "main", model_inputs(batch))
    return float(torch.nn.functional.cross_entropy(logits, batch["labels"].long()))


def imbalanced(weights, folder, **arguments):
    """Train where one in four of the gloomy messages is bad, and no other; returns history and share of them called bad."""
    model, tokenizer, heads, _ = train_once.prepared("bert", ("judged",), dropout=0.0)
    rows = messages(600, seed=4)
    bright, gloomy = ([text for text, label in rows if label == kind] for kind in ("good", "bad"))
    labels = ["good"] * 120 + ["bad", "good", "good", "good"] * 30
    train = tokenization.encode(tokenizer, heads["judged"], bright[:120] + gloomy[:120], None, labels, 32)
    arguments = train_once.ARGUMENTS | {"num_train_epochs": 6, "learning_rate": 4e-3, "eval_strategy": "no"} | arguments
    options = trainer.TrainingOptions(fingerprint="f", class_weights=weights)
    fitted = trainer.fit(trainer.TrainerJob(model, tokenizer, heads, {"judged": train}, {}, folder, arguments, options))
    logits = TorchPredictor(fitted.model, tokenizer, heads, 32).logits(gloomy[120:220], None, "judged")
    return fitted.history, float((logits.argmax(axis=1) == 0).mean())


def test_balanced_weights_raise_the_recall_of_a_rare_class(tmp_path):
    recall = {weights: imbalanced(weights, tmp_path / str(weights))[1] for weights in (None, "balanced")}
    assert recall["balanced"] > recall[None] + 0.3, recall


def test_weights_are_those_of_the_whole_batch_under_accumulation(tmp_path):
    curves = []
    for micro, steps in ((24, 1), (8, 3)):
        arguments = {"per_device_train_batch_size": micro, "gradient_accumulation_steps": steps, "num_train_epochs": 1}
        history, _ = imbalanced("balanced", tmp_path / str(micro), **arguments)
        curves.append([line["loss"] for line in history if "loss" in line])
    assert np.allclose(*curves, rtol=1e-3), curves

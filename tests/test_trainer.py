"""Trainings of tiny models: killed, starved of memory, fed with poison, cut into processes."""

import random
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import train_once
from safetensors.torch import load_file
from samples import messages
from sklearn.utils.class_weight import compute_class_weight
from torch._dynamo.utils import counters
from transformers import TrainerCallback
from transformers.trainer_pt_utils import LabelSmoother

from nightshift.errors import SettingsError
from nightshift.inference.measurement import TorchPredictor
from nightshift.models import lora, pretrained
from nightshift.models.heads import Head, logits
from nightshift.training import callbacks, checkpoints, compilation, losses, tokenization, trainer
from nightshift.training.batching import Batches, Collator, inputs_of, shares
from tasks.train import TrainSettings, ensure_warmup_ends

SCRIPT = Path(train_once.__file__)


def weights(folder):
    state = load_file(folder / "done" / "model.safetensors")
    heads = folder / "done" / "heads.safetensors"
    return state | (load_file(heads) if heads.exists() else {})


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def start(folder, kind):
    return subprocess.Popen([sys.executable, SCRIPT, folder, kind], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def interrupted(folder, kind, number, wait):
    """Start, and after the first sign of a checkpoint and `wait` seconds send the signal, if it still runs."""
    process = start(folder, kind)
    known = len(checkpoints.all_in(folder / "work"))
    while process.poll() is None and len(checkpoints.all_in(folder / "work")) <= min(known, 1):
        time.sleep(0.005)
    time.sleep(wait)
    process.send_signal(number)
    process.wait()
    return process.returncode


@pytest.mark.parametrize(
    ("kind", "number"), [("one", signal.SIGKILL), ("several", signal.SIGKILL), ("several", signal.SIGTERM)]
)
def test_a_training_killed_again_and_again_ends_with_the_same_weights(tmp_path, kind, number):
    process = start(tmp_path / "whole", kind)
    assert process.wait() == 0, process.stderr.read().decode()[-2000:]
    draw, killed = random.Random(f"{kind}{number}"), 0
    for _ in range(4):
        killed += interrupted(tmp_path / "cut", kind, number, draw.uniform(0, 1.0)) == -number
    process = start(tmp_path / "cut", kind)
    assert process.wait() == 0, process.stderr.read().decode()[-2000:]
    assert killed, "no signal came in time"
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "cut"))


def test_sigterm_saves_at_the_step_it_came(tmp_path):
    class Term(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            if state.global_step == 6:
                signal.raise_signal(signal.SIGTERM)

    with pytest.raises(SystemExit):
        before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(9))
        try:
            train_once.fit(tmp_path, callbacks=[Term()])
        finally:
            signal.signal(signal.SIGTERM, before)
    newest = checkpoints.newest_sound(tmp_path, "f")
    assert newest is not None and checkpoints.step_of(newest) in (6, 7)


def test_two_processes_see_the_batches_of_one(tmp_path):
    curves = {}
    for processes in (1, 2):
        fitted = train_once.launched(tmp_path / str(processes), processes)
        curves[processes] = [line["loss"] for line in fitted.history if "loss" in line]
    assert len(curves[1]) == 180 and np.allclose(curves[1], curves[2], rtol=1e-4), curves


class Cut(Exception):
    pass


class CutAt(TrainerCallback):
    def __init__(self, step):
        self.step = step

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == self.step:
            raise Cut


@pytest.mark.parametrize(
    ("architecture", "names", "steps", "cut"),
    [
        ("gpt2", ("written", "judged", "scored"), 1, 7),
        ("t5", ("shouted",), 1, 9),
        ("bert", ("tagged",), 3, 14),
        ("bert", ("judged",), 1, 31),
    ],
)
def test_every_kind_resumes_bit_for_bit_also_at_an_epochs_end(tmp_path, architecture, names, steps, cut):
    told = {"gradient_accumulation_steps": steps, "save_steps": 5}
    whole = train_once.fit(tmp_path / "a", architecture, names, **told)
    with pytest.raises(Cut):
        train_once.fit(tmp_path / "b", architecture, names, [CutAt(cut)], **told)
    again = train_once.fit(tmp_path / "b", architecture, names, **told)
    examples = train_once.prepared(architecture, names)[3]
    assert trainer.steps(examples, 8 * steps, 3, trainer.Recipe()) == whole.history[-1]["step"]
    assert same(whole.model.state_dict(), again.model.state_dict())


class CutOn(TrainerCallback):
    """Ends a training as a kill would, when `event` comes after step `step`."""

    def __init__(self, event, step):
        def cut(args, state, control, **kwargs):
            if state.global_step == step:
                raise Cut

        setattr(self, event, cut)


VALUES = [0.1, 0.3, 0.2, 0.9, 0.4, 0.5, 0.6, 0.7]
"""Of a metric, epoch by epoch: the fourth is the best."""
SHORT = {"per_device_train_batch_size": 48, "num_train_epochs": 8, "save_steps": 2, "save_total_limit": 1}
"""Five steps an epoch; what is saved by number falls on an epoch's end too."""


class Choosing:
    """A metric that gives an undisturbed training `VALUES`, and another one the value that the same weights had there."""

    def __init__(self, patience=None, names=("judged",), lora=None):
        _, self.tokenizer, self.heads, _ = train_once.prepared("bert", names)
        self.values, self.said = {}, []
        chosen = trainer.Selection("macro_f1", greater_is_better=True, measure=self.measure, patience=patience)
        self.recipe = trainer.Recipe(fingerprint="f", selection=chosen, lora=lora)

    def answers(self, model):
        return TorchPredictor(model, self.tokenizer, self.heads, 32).logits(train_once.TEXTS[:8], None, "judged")

    def measure(self, model):
        weights = b"".join(weight.detach().numpy().tobytes() for weight in model.parameters())
        if len(self.said) < len(VALUES):
            self.values.setdefault(weights, VALUES[len(self.said)])
            self.said.append(self.answers(model))
        return self.values[weights]


@pytest.mark.parametrize(("patience", "last"), [(None, 40), (3, 35)])
def test_the_best_epoch_is_taken_also_after_kills_at_every_turn(tmp_path, patience, last):
    choosing = Choosing(patience)
    whole = train_once.fit(tmp_path / "a", recipe=choosing.recipe, **SHORT)
    assert [line["step"] for line in whole.history if "eval_macro_f1" in line] == list(range(5, last + 1, 5))
    assert whole.best_step == 20 and np.array_equal(choosing.answers(whole.model), choosing.said[3])
    choosing.said += [None] * len(VALUES)
    for event, step in [
        ("on_step_end", 20),
        ("on_evaluate", 20),
        ("on_save", 20),
        ("on_step_end", 23),
        ("on_save", last),
    ]:
        with pytest.raises(Cut):
            train_once.fit(tmp_path / "b", callbacks=[CutOn(event, step)], recipe=choosing.recipe, **SHORT)
    again = train_once.fit(tmp_path / "b", recipe=choosing.recipe, **SHORT)
    assert again.best_step == 20 and same(whole.model.state_dict(), again.model.state_dict())


def test_a_checkpoint_whose_best_one_is_damaged_is_passed_over(tmp_path, caplog):
    choosing = Choosing()
    with pytest.raises(Cut):
        train_once.fit(tmp_path, callbacks=[CutOn("on_step_end", 24)], recipe=choosing.recipe, **SHORT)
    (tmp_path / "checkpoint-20/COMPLETE").unlink()
    fitted = train_once.fit(tmp_path, recipe=choosing.recipe, **SHORT | {"num_train_epochs": 4})
    assert "checkpoint-22 is useless without the best one, as checkpoint-20 is incomplete: passed over" in caplog.text
    assert fitted.best_step == 20


@pytest.mark.parametrize(
    ("names", "lora"), [(("judged", "scored"), None), (("judged",), {"r": 4, "target_modules": "all-linear"})]
)
def test_the_best_epoch_of_a_shared_trunk_and_of_lora(tmp_path, names, lora):
    choosing = Choosing(names=names, lora=lora)
    fitted = train_once.fit(
        tmp_path, names=names, recipe=choosing.recipe, **SHORT | {"num_train_epochs": 6, "learning_rate": 1e-2}
    )
    assert np.allclose(choosing.answers(fitted.model), choosing.said[3], atol=1e-5)
    assert not np.allclose(choosing.said[5], choosing.said[3], atol=1e-3)


@pytest.mark.parametrize(("architecture", "names"), [("bert", ("judged",)), ("gpt2", ("judged", "scored"))])
def test_only_embeddings_of_tokens_that_occur_are_trained_to_the_same_weights(
    tmp_path, monkeypatch, architecture, names
):
    words = {"weight_decay": 0.0, "num_train_epochs": 1}
    _, tokenizer, _, examples = train_once.prepared(architecture, names)
    fitted = train_once.fit(tmp_path / "seen", architecture, names, **words).model
    held = load_file(checkpoints.all_in(tmp_path / "seen")[-1] / "model.safetensors")
    monkeypatch.setattr(trainer, "only_seen", lambda *told: nullcontext())
    other = train_once.fit(tmp_path / "all", architecture, names, **words).model
    table = getattr(fitted, "trunk", fitted).get_input_embeddings()
    assert type(table) is torch.nn.Embedding and table.num_embeddings == len(tokenizer)
    for (name, one), (_, two) in zip(fitted.named_parameters(), other.named_parameters(), strict=True):
        assert torch.allclose(one, two, atol=1e-6), name
    (name,) = [name for name in held if name.endswith(("word_embeddings.weight", "wte.weight"))]
    assert held[name].shape == table.weight.shape, "a checkpoint holds them all"
    assert torch.equal(held[name], table.weight)
    tokens = {int(token) for found in examples.values() for token in found.columns["input_ids"].values}
    started = train_once.prepared(architecture, names)[0]
    start = getattr(started, "trunk", started).get_input_embeddings().weight
    moved = (table.weight != start).any(dim=1).nonzero().flatten().tolist()
    assert set(moved) <= tokens and 0 < len(moved) < len(tokenizer)


def test_unsound_checkpoints_are_passed_over(tmp_path, caplog):
    whole = train_once.fit(tmp_path / "a", save_total_limit=9).model.state_dict()
    with pytest.raises(Cut):
        train_once.fit(tmp_path / "b", callbacks=[CutAt(22)], save_total_limit=9)
    made = {checkpoints.step_of(folder): folder for folder in checkpoints.all_in(tmp_path / "b")}
    assert list(made) == [4, 8, 12, 16, 20]
    (made[20] / "COMPLETE").unlink()
    with (made[16] / "optimizer.pt").open("r+b") as file:
        file.seek(500)
        file.write(b"rot")
    checkpoints.seal(made[12], "another night's")
    again = train_once.fit(tmp_path / "b", save_total_limit=9)
    told = [record.message for record in caplog.records if "passed over" in record.message]
    assert told == ["checkpoint-20 is incomplete: passed over", "checkpoint-16 is damaged (optimizer.pt): passed over",
                    "checkpoint-12 is of other data or settings: passed over"]  # fmt: skip
    assert same(whole, again.model.state_dict())


def test_the_best_and_the_newest_checkpoint_stay(tmp_path):
    for step in (2, 4, 6, 8):
        (tmp_path / f"checkpoint-{step}").mkdir()
    checkpoints.rotate(tmp_path, 1, best=4)
    assert [checkpoints.step_of(folder) for folder in checkpoints.all_in(tmp_path)] == [4, 8]


def test_out_of_memory_halves_the_micro_batch_and_keeps_the_result(tmp_path, monkeypatch):
    whole = train_once.fit(tmp_path / "a", dropout=0.0)
    step = trainer.NightTrainer.training_step

    def small(self, model, inputs, num_items_in_batch=None):
        if len(inputs["input_ids"]) > 2:
            raise torch.OutOfMemoryError("planted")
        return step(self, model, inputs, num_items_in_batch)

    monkeypatch.setattr(trainer.NightTrainer, "training_step", small)
    tight = train_once.fit(tmp_path / "b", dropout=0.0)
    assert tight.figures["halvings"] == 2
    assert all(torch.allclose(value, tight.model.state_dict()[name], atol=1e-4)
               for name, value in whole.model.state_dict().items())  # fmt: skip


def test_poison_stops_the_training_and_leaves_the_last_good_checkpoint(tmp_path, monkeypatch):
    compute = trainer.NightTrainer.compute_loss

    def poisoned(self, model, inputs, *rest, **named):
        loss = compute(self, model, inputs, *rest, **named)
        return loss * float("nan") if self.state.global_step == 13 else loss

    monkeypatch.setattr(trainer.NightTrainer, "compute_loss", poisoned)
    with pytest.raises(callbacks.TrainingFailed, match="the loss is nan at step 14") as caught:
        train_once.fit(tmp_path)
    assert caught.value.objective == "main" or len(caught.value.places) == 8
    sound = checkpoints.newest_sound(tmp_path, "f")
    assert checkpoints.step_of(sound) == 12
    assert all(value.isfinite().all() for value in load_file(sound / "model.safetensors").values())


def test_a_diverging_loss_stops_the_training():
    watch = callbacks.LossWatch({"a": 0.69, "b": 1.0})
    with pytest.raises(callbacks.TrainingFailed, match=r"diverges: 1\.\d+ at step \d+, 0.6 over") as caught:
        for step in range(100):
            watch.note(step, 0.6 if step < 40 else 0.6 + step / 40, "a", [step])
            watch.note(step, 1.1, "b", [step])
    assert caught.value.objective == "a" and 40 < caught.value.places[0] < 70


def test_weights_that_a_step_has_spoiled_are_not_kept(tmp_path):
    class Spoil(TrainerCallback):
        def on_step_end(self, args, state, control, model=None, **kwargs):
            if state.global_step == 8:
                next(model.parameters()).data.fill_(float("inf"))

    with pytest.raises(callbacks.TrainingFailed, match="the weights are not finite after step 8"):
        train_once.fit(tmp_path, callbacks=[Spoil()])
    assert checkpoints.step_of(checkpoints.newest_sound(tmp_path, "f")) == 4


def test_a_loss_that_only_trembles_does_not():
    watch = callbacks.LossWatch({"a": 0.69})
    for step in range(200):
        watch.note(step, 0.01 if step < 50 else 0.3, "a", [step])
    watch.judge()


def test_at_the_deadline_the_best_checkpoint_is_taken(tmp_path):
    fitted = train_once.fit(
        tmp_path, recipe=trainer.Recipe(fingerprint="f", deadline=time.time() + 3), num_train_epochs=500
    )
    assert fitted.stopped.startswith("stopped by the deadline at step")
    losses = {line["step"]: line["eval_loss"] for line in fitted.history if "eval_loss" in line}
    best = min(losses, key=losses.get)
    assert fitted.stopped.endswith(f"the best checkpoint is step {best}")
    sound = load_file(tmp_path / f"checkpoint-{best}" / "model.safetensors")
    assert same(sound, {name: value for name, value in fitted.model.state_dict().items() if name in sound})


def test_batches_are_a_function_of_seed_and_epoch_and_group_by_length():
    _, _, _, examples = train_once.prepared("bert", ("judged", "scored"))
    batches = Batches(examples, 8, seed=3)
    first = list(batches)
    assert first == list(Batches(examples, 8, seed=3)) and len(first) == len(batches) == 60
    assert all(len({name for name, _ in batch}) == 1 and len(batch) == 8 for batch in first)
    assert {row for batch in first for name, row in batch if name == "scored"} == set(range(240))
    batches.set_epoch(1)
    assert list(batches) != first
    spans = [np.ptp([examples[name].lengths[row] for name, row in batch]) for batch in first]
    assert np.mean(spans) < 3


@pytest.mark.parametrize(("processes", "micro"), [(2, 1), (1, 4), (2, 2)])
def test_processes_and_micro_batches_share_the_same_batches(processes, micro):
    _, _, _, examples = train_once.prepared("bert", ("judged",))
    whole = list(Batches(examples, 8, seed=3))
    parts = [list(Batches(examples, 8, 3, micro, process, processes)) for process in range(processes)]
    for place, batch in enumerate(whole):
        rows = [row for part in parts for at in range(micro) for row in part[place * micro + at]]
        assert sorted(rows) == sorted(batch)


def test_a_warmup_that_never_ends_is_refused_before_training():
    def settings(**told):
        return TrainSettings(base_model="scratch:bert", **told)

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


def test_a_share_of_warmup_is_transformers_own(tmp_path):
    rates = {}
    for name, warmup in (("share", 0.1), ("steps", 9)):
        fitted = train_once.fit(tmp_path / name, warmup_steps=warmup)
        rates[name] = [line["learning_rate"] for line in fitted.history if "learning_rate" in line]
    assert rates["share"] == rates["steps"] and rates["share"].index(max(rates["share"])) == 9


def test_rows_with_an_untrained_label_count_as_wrong_and_not_in_the_loss(tmp_path):
    model, tokenizer, heads, examples = train_once.prepared("bert", ("judged",))
    labels = ["new" if place % 2 else label for place, label in enumerate(train_once.LABELS["judged"])]
    judging = {"judged": tokenization.encode(tokenizer, heads["judged"], train_once.TEXTS, None, labels, 32)}
    fitted = trainer.fit(model, tokenizer, heads, examples, judging, tmp_path, train_once.ARGUMENTS, [])
    last = [line for line in fitted.history if "eval_loss" in line][-1]
    assert last["eval_accuracy"] <= 0.5 and last["eval_loss"] == pytest.approx(
        training_loss(fitted.model, heads["judged"], examples["judged"], range(0, 240, 2)), rel=1e-3
    )


def training_loss(model, head, examples, rows):
    """The mean cross-entropy of some rows."""
    batch = Collator({"main": examples}, {"main": head}, 0)([("main", row) for row in rows])
    with torch.no_grad():
        said = logits(model.eval(), "main", inputs_of(batch))
    return float(torch.nn.functional.cross_entropy(said, batch["labels"].long()))


def test_balanced_weights_are_scikit_learns_and_torchs():
    one, labels = Head("classification", ("a", "b", "c")), np.array([0] * 6 + [1] * 3 + [2, tokenization.UNLABELLED])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels[:-1])
    assert np.allclose(losses.balanced_weights(one, labels), expected)
    several = np.array([[1, 0], [1, 1], [1, 0], [0, 0], [np.nan, np.nan]])
    head = Head("classification", ("a", "b"), separator="|")
    assert losses.balanced_weights(head, several.ravel()).tolist() == pytest.approx([1 / 3, 3.0])
    assert losses.balanced_weights(Head("regression"), np.zeros(3)) is None


def test_smoothed_labels_are_transformers_own_also_with_weights():
    said, labels = torch.randn(6, 3), torch.tensor([0, 1, 2, 2, 0, 1])
    head = Head("classification", ("a", "b", "c"))
    theirs = LabelSmoother(epsilon=0.1)({"logits": said}, labels)
    ours = losses.loss(head, said, labels, None, 1.0, 0.0, label_smoothing=0.1) / 6
    assert torch.allclose(ours, theirs)
    weights = torch.tensor([1.0, 2.0, 0.5])
    each = [losses.loss(head, said[[row]], labels[[row]], None, 1.0, 0.0, label_smoothing=0.1) for row in range(6)]
    weighed = losses.loss(head, said, labels, None, 1.0, 0.0, class_weights=weights, label_smoothing=0.1)
    assert torch.allclose(weighed, sum(w * loss for w, loss in zip(weights[labels], each, strict=True)))
    several = Head("classification", ("a", "b"), separator="|")
    targets = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    bce = torch.nn.BCEWithLogitsLoss(reduction="sum", pos_weight=weights[:2])
    moved = losses.loss(several, said[:2, :2], targets, None, 1.0, 0.0, class_weights=weights[:2], label_smoothing=0.2)
    assert torch.allclose(moved, bce(said[:2, :2], targets * 0.8 + 0.1))


def imbalanced(weights, folder, **arguments):
    """Train where one in four of the gloomy messages is bad, and no other; returns history and share of them called bad."""
    model, tokenizer, heads, _ = train_once.prepared("bert", ("judged",), dropout=0.0)
    rows = messages(600, seed=4)
    bright, gloomy = ([text for text, label in rows if label == wanted] for wanted in ("good", "bad"))
    labels = ["good"] * 120 + ["bad", "good", "good", "good"] * 30
    train = tokenization.encode(tokenizer, heads["judged"], bright[:120] + gloomy[:120], None, labels, 32)
    told = train_once.ARGUMENTS | {"num_train_epochs": 6, "learning_rate": 4e-3, "eval_strategy": "no"} | arguments
    recipe = trainer.Recipe(fingerprint="f", class_weights=weights)
    fitted = trainer.fit(model, tokenizer, heads, {"judged": train}, {}, folder, told, [], recipe)
    said = TorchPredictor(fitted.model, tokenizer, heads, 32).logits(gloomy[120:220], None, "judged")
    return fitted.history, float((said.argmax(axis=1) == 0).mean())


def test_balanced_weights_raise_the_recall_of_a_rare_class(tmp_path):
    recall = {weights: imbalanced(weights, tmp_path / str(weights))[1] for weights in (None, "balanced")}
    assert recall["balanced"] > recall[None] + 0.3, recall


def test_weights_are_those_of_the_whole_batch_under_accumulation(tmp_path):
    curves = []
    for micro, steps in ((24, 1), (8, 3)):
        told = {"per_device_train_batch_size": micro, "gradient_accumulation_steps": steps, "num_train_epochs": 1}
        history, _ = imbalanced("balanced", tmp_path / str(micro), **told)
        curves.append([line["loss"] for line in history if "loss" in line])
    assert np.allclose(*curves, rtol=1e-3), curves


def test_sampling():
    sizes = {"a": 900, "b": 100}
    assert shares(sizes, "proportional", 2.0) == {"a": 0.9, "b": 0.1}
    assert shares(sizes, "equal", 2.0) == {"a": 0.5, "b": 0.5}
    assert shares(sizes, "temperature", 2.0) == {"a": 0.75, "b": 0.25}
    _, _, _, examples = train_once.prepared("bert", ("judged", "scored"))
    assert Batches(examples, 7, 1, sampling="equal").turns == {"judged": 35, "scored": 35}


def test_packed_sequences_do_not_see_each_other():
    model, _, _, packed = train_once.prepared("gpt2", ("written",))
    examples = packed["written"]
    assert max(examples.lengths) <= 32 and len(examples) < 240
    row = int(np.argmax([len(examples.columns["source"][place]) for place in range(len(examples))]))
    ids, positions, labels = (torch.from_numpy(examples.columns[name][row].astype(np.int64))[None]
                              for name in ("input_ids", "position_ids", "labels"))  # fmt: skip
    starts = [*torch.where(positions[0] == 0)[0].tolist(), ids.shape[1]]
    assert len(starts) > 2 and (labels[0, starts[:-1]] == tokenization.IGNORED).all()
    model.eval()
    with torch.no_grad():
        together = logits(model, "written", {"input_ids": ids, "position_ids": positions})
        for begin, end in pairwise(starts):
            alone = logits(model, "written", {"input_ids": ids[:, begin:end]})
            assert torch.allclose(together[:, begin:end], alone, atol=1e-5)


def test_sequences_lose_nothing():
    _, tokenizer, heads, _ = train_once.prepared("gpt2", ("written",))
    texts = [" ".join(train_once.TEXTS[:9]), train_once.TEXTS[9]]
    ids, labels, rows = tokenization.sequences(tokenizer, heads["written"], texts, None, 16)
    assert set(rows) == {0, 1} and rows.count(0) > 2 and max(map(len, ids)) <= 16
    for row, text in enumerate(texts):
        counted = [
            token for line, source in zip(labels, rows, strict=True) if source == row for token in line if token >= 0
        ]
        assert counted == [*tokenizer(text)["input_ids"], tokenizer.eos_token_id]


def test_the_corpus_decides_the_tokenizer(tmp_path):
    code = "import train_once, sys; t = train_once.bases.load_tokenizer('scratch:' + sys.argv[1], {'vocab_size': 400}, train_once.TEXTS); print(t.backend_tokenizer.to_str())"
    for name in ("bert", "gpt2"):
        found = {subprocess.run([sys.executable, "-c", code, name], cwd=SCRIPT.parent, capture_output=True, text=True, check=True).stdout
                 for _ in range(2)}  # fmt: skip
        assert len(found) == 1


def test_the_champions_weights_with_other_labels(tmp_path):
    model, tokenizer, _, _ = train_once.prepared("bert", ("judged",))
    old = {"main": Head("classification", ("bad", "good"))}
    pretrained.save_checkpoint(model, tokenizer, old, tmp_path)
    new = {"main": Head("classification", ("awful", "bad", "good"))}
    warm = pretrained.load(str(tmp_path), new, tokenizer, seed=1)
    pretrained.take_over(warm, new, tmp_path)
    assert torch.equal(warm.classifier.weight[1:], model.classifier.weight)
    other = {"main": Head("classification", ("bad", "meh"))}
    swapped = pretrained.load(str(tmp_path), other, tokenizer, seed=1)
    pretrained.take_over(swapped, other, tmp_path)
    assert torch.equal(swapped.classifier.weight[0], model.classifier.weight[0])
    assert not torch.equal(swapped.classifier.weight[1], model.classifier.weight[1])
    assert torch.equal(
        warm.base_model.embeddings.word_embeddings.weight, model.base_model.embeddings.word_embeddings.weight
    )


def test_low_rank_adaptation_is_merged(tmp_path):
    recipe = trainer.Recipe(fingerprint="f", lora={"r": 4, "lora_alpha": 8, "target_modules": "all-linear"})
    model, _, _, _ = train_once.prepared("bert", ("judged",))
    before = model.state_dict()
    with pytest.raises(Cut):
        train_once.fit(tmp_path / "b", callbacks=[CutAt(9)], recipe=recipe, learning_rate=1e-2)
    again = train_once.fit(tmp_path / "b", recipe=recipe, learning_rate=1e-2).model.state_dict()
    whole = train_once.fit(tmp_path / "a", recipe=recipe, learning_rate=1e-2).model.state_dict()
    assert same(whole, again) and whole.keys() == before.keys()
    frozen = "bert.embeddings.word_embeddings.weight"
    moved = "bert.encoder.layer.0.intermediate.dense.weight"
    assert torch.equal(whole[frozen], before[frozen]) and not torch.equal(whole[moved], before[moved])
    assert torch.linalg.matrix_rank(whole[moved] - before[moved], atol=1e-5) <= 4


def test_a_compiled_training_is_compiled_and_ends_alike(tmp_path, monkeypatch):
    monkeypatch.setattr(compilation, "BACKEND", "aot_eager")
    counters.clear()
    plain = train_once.fit(tmp_path / "a", dropout=0.0)
    assert not counters["stats"]
    recipe = trainer.Recipe(fingerprint="f", torch_compile="always")
    compiled = train_once.fit(tmp_path / "b", dropout=0.0, recipe=recipe)
    assert counters["stats"]["calls_captured"] > 0
    last, same_as = (fitted.model.state_dict() for fitted in (compiled, plain))
    assert all(torch.allclose(last[name], same_as[name], atol=1e-4) for name in same_as)
    counters.clear()
    compiled.model(input_ids=torch.ones(1, 3, dtype=torch.int64))
    assert not counters["stats"]


def test_what_a_base_cannot_do_is_said(tmp_path):
    _, tokenizer, _, _ = train_once.prepared("bert", ("judged",))
    with pytest.raises(ValueError, match="bert is an encoder: it cannot write text"):
        pretrained.load("scratch:bert", {"main": Head("generation")}, tokenizer, 1)
    with pytest.raises(ValueError, match="t5 is an encoder-decoder"):
        pretrained.load("scratch:t5", {"main": Head("classification", ("a", "b"))}, tokenizer, 1)
    with pytest.raises(lora.NoSuchModules, match="No modules were targeted"):
        train_once.fit(tmp_path, recipe=trainer.Recipe(lora={"r": 2, "target_modules": ["nowhere"]}))
    with pytest.raises(ValueError, match="scratch:nope is none of"):
        pretrained.digest("scratch:nope")
    with pytest.raises(ValueError, match=r"scratch\.n_layers is no field of GPT2Config"):
        pretrained.load("scratch:gpt2", {"main": Head("generation")}, tokenizer, 1, {"n_layers": 3})
